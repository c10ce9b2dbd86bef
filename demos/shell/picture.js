// What Gradio's picture lacks. It runs in a gr.HTML in the same column, with that one's `element`.
{
  const column = element.closest(".column");
  const isPicture = (node) => node.closest?.("[data-testid=image]");

  // It takes a file by the MIME type that the system gave it, which for a photograph of a telephone
  // is often none or another one: every file goes to the server, which decides by content.
  const taken = (files) => {
    const all = new DataTransfer();
    for (const file of files) all.items.add(new File([file], file.name, { type: "image/unknown" }));
    return all.files;
  };
  column.addEventListener("click", ({ target }) => {
    for (const input of isPicture(target)?.querySelectorAll("input[type=file]") ?? [])
      input.removeAttribute("accept"); // so that the dialog offers every file too
  }, true);
  column.addEventListener("change", ({ target }) => {
    if (isPicture(target) && target.type === "file" && target.files.length)
      target.files = taken(target.files);
  }, true);
  column.addEventListener("drop", (event) => {
    const input = isPicture(event.target)?.querySelector("input[type=file]");
    if (!input || !event.dataTransfer.files.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    input.files = taken(event.dataTransfer.files);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, true);

  // A browser shows no HEIC and no TIFF: the file's name stands in its place.
  column.addEventListener("error", ({ target }) => {
    if (target.tagName !== "IMG" || !isPicture(target) || target.src.startsWith("data:")) return;
    target.alt = decodeURIComponent(target.src.split("/").pop());
    const text = new Option(target.alt).innerHTML; // escaped
    target.src = `data:image/svg+xml,${encodeURIComponent(
      `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200"><text x="160" y="104"
      text-anchor="middle" font-family="sans-serif" font-size="15" fill="#888">${text}</text></svg>`,
    )}`;
  }, true);
}
