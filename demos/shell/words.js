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
  let languages;
  try {
    languages = new Intl.DisplayNames([navigator.language], { type: "language", fallback: "none" });
  } catch {}
  window.languageName = (code, english) => languages?.of(code === "jw" ? "jv" : code) ?? say(english);

  // What Gradio names its buttons for the ear and the pointer, in no other language than English.
  const english = new Set(GRADIO_NAMES);
  const rename = (node) => {
    for (const name of ["aria-label", "title"]) {
      const found = node.getAttribute?.(name) ?? "";
      const [, template, value] = found.match(/^(\w+ \w+ for )(.+)$/) ?? [, found, ""];
      const known = template + (value && "{}");
      if (english.has(known) && catalogue[known]) node.setAttribute(name, say(known).replace("{}", value));
    }
  };
  if (language !== "en" && Object.keys(catalogue).length)
    new MutationObserver((changes) => {
      for (const { target, addedNodes } of changes) {
        rename(target);
        for (const node of addedNodes)
          [node, ...(node.querySelectorAll?.("[aria-label], [title]") ?? [])].forEach(rename);
      }
    }).observe(document.documentElement, {
      subtree: true, childList: true, attributeFilter: ["aria-label", "title"],
    });

  window.saidIn = (html) => {
    const box = document.createElement("div");
    box.innerHTML = html;
    sayAll(box);
    return box.innerHTML;
  };
}
