// What a page says in its reader's language. Gradio's page holds all catalogues (`translations` in
// words.py); English is the key. It runs before the components do.
{
  const language = navigator.language.toLowerCase().split("-")[0];
  const catalogue = window.gradio_config?.i18n_translations?.[language] ?? {};

  window.say = (sentence) => catalogue[sentence] ?? sentence;

  // What was drawn before there was a reader: texts marked with data-say, and names for the ear.
  window.sayAll = (element) => {
    for (const node of element.querySelectorAll("[data-say]")) node.textContent = say(node.textContent);
    for (const node of element.querySelectorAll("[aria-label]")) node.ariaLabel = say(node.ariaLabel);
  };

  // A language's name, of which browsers do not know all; some say "C" or "en-US@posix" of their own.
  let names;
  try {
    names = new Intl.DisplayNames([navigator.language], { type: "language", fallback: "none" });
  } catch {}
  window.languageName = (code, english) => names?.of(code === "jw" ? "jv" : code) ?? say(english);

  window.saidIn = (html) => {
    const box = document.createElement("div");
    box.innerHTML = html;
    sayAll(box);
    return box.innerHTML;
  };
}
