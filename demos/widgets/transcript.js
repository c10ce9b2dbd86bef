// What was said. Gradio runs this once with `element`, `props`, `server` and `watch`; `props.value`
// is what `heard` in transcript.py describes. Words are buttons for the hand, one stop for the keyboard.
const $ = (selector) => element.querySelector(selector);
const [hint, text, captions, bar, again, files, evidence] =
  [".hint", ".text", ".captions", "progress", ".again", ".files", ".evidence"].map($);
const PAUSE_SECONDS = 2; // of silence, behind which a new paragraph begins
const SURE = 0.8; // words that are less likely than this are tinted, the less the stronger

const player = () => document.querySelector("#recorder audio");
$(".log").setAttribute("aria-label", say("Transcript"));
sayAll(element);

const clock = (seconds) => {
  const [whole, hour] = [Math.floor(seconds), 3600];
  const parts = [Math.floor((whole % hour) / 60), whole % 60].map((n) => String(n).padStart(2, "0"));
  return whole < hour ? parts.join(":").replace(/^0/, "") : `${Math.floor(whole / hour)}:${parts.join(":")}`;
};

// ---- what Python says ------------------------------------------------------------------------
let asked = { turn: 0 }; // the page's latest question, as the recorder numbers them
let value = props.value; // the latest answer to it
let nothing = ""; // what stands in the place of the evidence while there is none
let shown = 0; // how many of its segments are there
let words = []; // {span, start, end} in order

document.addEventListener("asked", ({ detail: { page, turn, opening } }) => {
  asked = { page, turn, recording: opening.running };
  shown = 0;
  words = [];
  text.replaceChildren();
  evidence.innerHTML = nothing;
  render({ kind: "answer", turn, ...opening });
});

// Gradio sends a question's last answer once more when its end is known, however late that is.
function arrived() {
  if (props.value.turn !== asked.turn) return;
  if (!asked.turn) nothing = saidIn(props.value.evidence);
  if (asked.stopped) return;
  if (props.value.ticket)
    document.dispatchEvent(new CustomEvent("captions-ready", { detail: props.value.ticket }));
  render(props.value);
}

function render(latest) {
  value = latest;
  const { kind, running, seconds, done = 0, segments = [] } = value;
  if (segments.length || kind !== "answer") captions.hidden = true;
  for (; shown < segments.length; shown++) append(segments[shown], segments[shown - 1]);
  hint.textContent = say(value.text ?? "");
  hint.hidden = !value.text;
  element.dataset.kind = kind;
  $(".legend").hidden = !segments.length;
  $(".facts span").textContent = seconds ? about(value) : "";
  $(".doing").hidden = !running;
  again.hidden = running || !asked.recording;
  files.hidden = running || !segments.length;
  if (value.evidence) evidence.innerHTML = saidIn(value.evidence);
  if (seconds) [bar.max, bar.value] = [seconds, done];
  else bar.removeAttribute("value"); // it moves, since nobody knows how long this takes
}

function about({ seconds, done, language, detected }) {
  const length = done < seconds ? `${clock(done)} / ${clock(seconds)}` : clock(seconds);
  if (!language) return length;
  return `${length} · ${languageName(language, props.languages[language])}${detected ? ` (${say("detected")})` : ""}`;
}

function append({ start, words: spoken }, before) {
  let paragraph = text.lastElementChild;
  if (!before || start - before.end > PAUSE_SECONDS) {
    paragraph = document.createElement("p");
    const time = document.createElement("time");
    time.textContent = clock(start);
    paragraph.append(time);
    text.append(paragraph);
  }
  for (const [word, from, until, probability] of spoken) {
    const span = document.createElement("span");
    span.textContent = word.trimStart();
    span.title = `${Math.round(probability * 100)}% · ${clock(from)}`;
    const doubt = Math.max(0, (SURE - probability) / SURE);
    if (doubt) span.style.setProperty("--doubt", `${Math.round(18 + 60 * doubt)}%`);
    span.dataset.word = words.length;
    words.push({ span, start: from, end: until });
    const space = word.slice(0, word.length - span.textContent.length);
    paragraph.append(paragraph.lastChild.nodeName === "TIME" ? "" : space, span);
  }
}

$(".stop").addEventListener("click", () => {
  asked.stopped = true; // what is there stays, and can be saved
  server.end({ page: asked.page, turn: asked.turn });
  render({ ...value, text: "", running: false });
});
again.addEventListener("click", () => document.dispatchEvent(new CustomEvent("listen-again")));
document.addEventListener("unanswered", () => {
  const text = "The answer did not come: try again.";
  if (value.running) render({ ...value, kind: "trouble", text, running: false });
});
watch("value", arrived);
arrived();

// ---- files ---------------------------------------------------------------------------------------
for (const form of props.formats) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `↓ ${form.toUpperCase()}`;
  button.addEventListener("click", async () => {
    const { segments, language } = value;
    const file = new Blob([await server.saved({ form, language, segments })]);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `${stem(document.querySelector("#recorder .name").textContent)}.${form}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
  files.append(button);
}
files.setAttribute("aria-label", say("Save as"));

// Of a name without its ending as much as a file's name may hold, with .json behind it.
function stem(name) {
  const letters = [...name.replace(/\.[^.]*$/, "").replace(/[\x00-\x1f\x7f]/g, "")];
  const bytes = (some) => new TextEncoder().encode(some.join("")).length;
  while (bytes(letters) > 250) letters.pop();
  return letters.join("") || say("recording");
}

// ---- captions, from the recorder ----------------------------------------------------------------
document.addEventListener("captions", ({ detail }) => {
  const [final, tentative] = captions.children;
  hint.hidden = captions.hidden = false;
  hint.hidden = true;
  final.textContent = detail.final + (detail.final && detail.tentative ? " " : "");
  tentative.textContent = detail.tentative;
});

// ---- hearing a word: a click, or arrow keys and Enter ---------------------------------------------
let current = -1;
let until = Infinity; // where playing stops by itself

function play(index) {
  point(index);
  const audio = player();
  until = words[index].end;
  audio.currentTime = words[index].start;
  audio.play();
}

function point(index) {
  words[current]?.span.classList.remove("now");
  current = index;
  const span = words[index]?.span;
  span?.classList.add("now");
  span?.scrollIntoView({ block: "nearest" });
}

text.addEventListener("click", ({ target }) => {
  if (target.dataset.word && !getSelection().toString()) play(Number(target.dataset.word));
});
text.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step && words.length) point(Math.max(0, Math.min(words.length - 1, current + step)));
  else if ((event.key === "Enter" || event.key === " ") && words[current]) play(current);
  else return;
  event.preventDefault();
});

(function follow() {
  const audio = player();
  if (audio && !audio.paused && words.length) {
    if (audio.currentTime >= until) {
      audio.pause();
      until = Infinity;
    } else if (until === Infinity) {
      const index = words.findLastIndex(({ start }) => start <= audio.currentTime);
      if (index !== current) point(index);
    }
  } else if (audio?.paused) until = Infinity;
  requestAnimationFrame(follow);
})();
