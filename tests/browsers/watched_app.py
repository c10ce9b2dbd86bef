"""The app with one script more in its page, before all others: it notes what goes wrong there."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MISTAKES = b"""<script>{
// Not by way of `window`: in a page that is being left this is the next page's window already, and
// in WebKit Gradio's streams break off as late as that.
const mistakes = (window.mistakes = []);
const note = (what) => mistakes.push(String(what));
// That something did not load is told to those only who listen before it reaches its element;
// Firefox says so of a module that is to be loaded early and is there already.
addEventListener("error", ({ message, target }) => {
  if (message || target.rel !== "modulepreload") note(message || `not loaded: ${target.outerHTML}`);
}, true);
addEventListener("unhandledrejection", ({ reason }) => note(reason));
// Where Gradio hands over what it has caught.
const { error } = console;
console.error = (...words) => { note(words.join(" ")); error.apply(console, words); };
}</script>"""
HEAD = b"<head>"


class Watched:
    """ASGI middleware that puts the script at the head of the page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def longer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, b"%d" % (int(value) + len(MISTAKES)))
                    if name == b"content-length"
                    else (name, value)
                    for name, value in message["headers"]
                ]
            elif HEAD in message.get("body", b""):
                message["body"] = message["body"].replace(HEAD, HEAD + MISTAKES, 1)
            await send(message)

        page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/"
        await self._app(scope, receive, longer if page else send)


if __name__ == "__main__":
    import demos
    from demos.shell import serve

    plain = serve.application

    def watched(*given: Any) -> Any:
        app = plain(*given)
        app.add_middleware(Watched)
        return app

    serve.application = watched
    serve.run(*demos.all_pages())
