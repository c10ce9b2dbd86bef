// What was said. Gradio runs this once with `element`, `props` and `watch`; `props.value` is what
// `heard` in transcript.py describes. Words are buttons for the hand, one stop for the keyboard.
const $ = (selector) => element.querySelector(selector);
const [hint, text, captions, bar, again] = [".hint", ".text", ".captions", "progress", ".again"].map($);
const PAUSE_SECONDS = 2; // of silence, behind which a new paragraph begins
const SURE = 0.8; // words that are less likely than this are tinted, the less the stronger

const say = (words) => (/^zh/i.test(navigator.language) && props.chinese[words]) || words;
const languages = new Intl.DisplayNames([navigator.language], { type: "language" });
const player = () => document.querySelector("#recorder audio");
$(".log").setAttribute("aria-label", say("Transcript"));
for (const node of element.querySelectorAll("[data-say]")) node.textContent = say(node.textContent);

const clock = (seconds) => {
  const [whole, hour] = [Math.floor(seconds), 3600];
  const parts = [Math.floor((whole % hour) / 60), whole % 60].map((n) => String(n).padStart(2, "0"));
  return whole < hour ? parts.join(":").replace(/^0/, "") : `${Math.floor(whole / hour)}:${parts.join(":")}`;
};

// ---- what Python says ------------------------------------------------------------------------
let run = null; // the listening that the text below belongs to
let stopped = null; // the one that was stopped: what was under way may still arrive
let shown = 0; // how many of its segments are there
let words = []; // {span, start, end} in order

function render() {
  const value = props.value;
  if (value.run !== run) {
    run = value.run;
    shown = 0;
    words = [];
    text.replaceChildren();
  }
  if (value.ticket) document.dispatchEvent(new CustomEvent("captions-ready", { detail: value.ticket }));
  const segments = value.segments ?? [];
  if (segments.length || value.kind !== "answer") captions.hidden = true;
  for (; shown < segments.length; shown++) append(segments[shown], segments[shown - 1]);
  hint.textContent = say(value.text ?? "");
  hint.hidden = !value.text;
  element.dataset.kind = value.kind;
  $(".legend").hidden = !segments.length;
  $(".facts span").textContent = value.seconds ? about(value) : "";
  const running = value.running && run !== stopped;
  $(".doing").hidden = !running;
  again.hidden = running || !value.run || !!value.ticket;
  bar.hidden = !value.seconds;
  bar.max = value.seconds || 1;
  bar.value = value.done || 0;
}

function about({ seconds, done, language, detected }) {
  const length = done < seconds ? `${clock(done)} / ${clock(seconds)}` : clock(seconds);
  if (!language) return length;
  const name = languages.of(language.replace("jw", "jv"));
  return `${length} · ${name}${detected ? ` (${say("detected")})` : ""}`;
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
  stopped = run;
  trigger("stop");
});
again.addEventListener("click", () => document.dispatchEvent(new CustomEvent("listen-again")));
watch("value", render);
render();

// ---- captions, from the recorder ----------------------------------------------------------------
document.addEventListener("captions", ({ detail }) => {
  const [final, tentative] = captions.children;
  hint.hidden = captions.hidden = false;
  hint.hidden = true;
  text.replaceChildren();
  run = null;
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
