// A text token by token. Gradio runs this once with `element`, `props` and `watch`; `props.value`
// is what `tokens.shown` in tokens.py makes.
const $ = (selector) => element.querySelector(selector);
const [log, hint, text, facts, why] = [".log", ".hint", ".text", ".facts", ".why"].map($);
const BITS = 12; // of surprise, at which the tint is strongest

sayAll(element);
text.setAttribute("aria-label", say("Text, token by token"));

let run = null; // the text that is shown belongs to
let tokens = []; // [text, probability, alternatives], each with its span
let taken = 0; // characters of the lines that are shown
let chosen = -1;

function render() {
  const value = props.value;
  if (value.run !== run) {
    run = value.run;
    tokens = [];
    taken = 0;
    chosen = -1;
    text.replaceChildren();
    why.hidden = true;
  }
  const pinned = text.scrollTop + text.clientHeight >= text.scrollHeight - 8;
  for (const line of value.lines.slice(taken).split("\n")) if (line) append(JSON.parse(line));
  taken = value.lines.length;
  if (pinned) text.scrollTop = text.scrollHeight;
  text.hidden = !tokens.length;
  hint.textContent = say(value.text);
  hint.hidden = !value.text;
  facts.textContent = value.facts;
  log.ariaBusy = String(value.running);
  element.dataset.kind = value.kind;
  element.dataset.running = value.running;
  $(".legend").hidden = !tokens.length;
  if (value.running) text.ariaLive = "off";
}

function append([words, probability, alternatives]) {
  const span = document.createElement("span");
  span.textContent = words;
  const bits = Math.min(1, -Math.log2(Math.max(probability, 1e-9)) / BITS);
  span.style.setProperty("--doubt", `${Math.round(bits * 100)}%`);
  span.dataset.index = tokens.length;
  tokens.push({ words, probability, alternatives, span });
  text.append(span);
}

const percent = (share) => (share >= 0.001 ? `${(share * 100).toFixed(1)}%` : "< 0.1%");
const visible = (words) => words.replaceAll("\n", "⏎").replaceAll(" ", "␣").replaceAll("\t", "⇥");

function show(index) {
  if (!tokens[index]) return;
  tokens[chosen]?.span.classList.remove("now");
  chosen = index;
  const { words, probability, alternatives, span } = tokens[index];
  span.classList.add("now");
  $(".chosen").replaceChildren(
    Object.assign(document.createElement("b"), { textContent: visible(words) }),
    ` ${say("had a probability of")} ${percent(probability)}. ${say("It could have been:")}`,
  );
  const rows = alternatives.map(([other, share]) => {
    const row = document.createElement("tr");
    const [name, bar, number] = ["th", "td", "td"].map((tag) => row.appendChild(document.createElement(tag)));
    name.scope = "row";
    name.textContent = visible(other);
    bar.innerHTML = "<i></i>";
    bar.firstChild.style.width = `${Math.max(1, share * 100)}%`;
    number.textContent = percent(share);
    return row;
  });
  $("tbody").replaceChildren(...rows);
  why.hidden = false;
}

const indexOf = (event) => Number(event.target.dataset?.index ?? NaN);
text.addEventListener("pointerover", (event) => show(indexOf(event)));
text.addEventListener("click", (event) => show(indexOf(event)));
text.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  show(Math.min(tokens.length - 1, Math.max(0, chosen + step)));
  tokens[chosen]?.span.scrollIntoView({ block: "nearest" });
});

watch("value", render);
render();
