// The answer, and how each word and sentence moves it. Gradio runs this once with `element`,
// `props`, `watch` and `trigger`; `props.value` is what `shown` in mood.py makes. It triggers
// `input` when an answer is wanted, `select` when the reasons are wanted for what is shown, `stop`
// when nothing is. read.py numbers each question by `window.mood.ask`.
// One file, since text, curve and comparison show the same answer and change together.
const $ = (selector) => element.querySelector(selector);
const [text, detail, curve, plot] = [".text", ".detail", ".curve", ".plot"].map($);
const PAUSE = 150; // ms without another letter, after which reasons that take long are asked for
const PATIENCE = 300; // ms after which a question that is not answered yet shows that it is at work
const CHIPS = 12; // removed or added words that are named

sayAll(element);
text.setAttribute("aria-label", say("Text, word by word"));
plot.setAttribute("aria-label", say("Mood, sentence by sentence"));

const make = (tag, words = "", name = "") => Object.assign(document.createElement(tag), { textContent: words, className: name });
const percent = (share) => (share > 0.999 ? say("over 99.9%") : share < 0.001 ? "< 0.1%" : `${(share * 100).toFixed(1)}%`);
// In a long text a word counts by its sentence's share, so that weights have more decimals.
const decimals = () => Math.max(1, 1 + Math.ceil(-Math.log10(least)));
const signed = (odds) => (odds < 0 ? "−" : "+") + Math.abs(odds).toFixed(decimals());
const chance = (odds) => 1 / (1 + Math.exp(-odds));

// ---- what Python says ------------------------------------------------------------------------
let words = []; // {word, weight, sentence, out, span}
let stop = 0; // the word that the Tab key reaches
let waiting = 0;
let least = 1; // the weight that has the strongest tint where none has more

// ---- what is asked, and whether what is shown answers it ---------------------------------------
const box = () => document.querySelector("#review textarea");
let asked = { turn: 0, out: [], text: "" };
let working = 0; // the timer of `PATIENCE`

window.mood = {
  ask(given) {
    const text = given ?? "";
    asked = { turn: asked.turn + 1, out: text === asked.text ? asked.out : [], text };
    late("Reading …");
    return this.asked();
  },
  asked: () => ({ turn: asked.turn, out: asked.out }),
  again: () => trigger("input"),
  restore: () => asked.out.length && leaveOut([]),
};

function leaveOut(out) {
  // From this moment on, not from when Gradio asks: an older answer that comes between the two
  // would put words back of which the next click knows nothing.
  asked.turn += 1;
  asked.out = out;
  trigger("input");
}

function late(words) {
  clearTimeout(working);
  working = setTimeout(() => busy(words), PATIENCE);
}

function busy(words) {
  $(".busy").hidden = !words;
  $(".busy progress").hidden = $(".busy button").hidden = words.startsWith("Stopped");
  $(".busy span").textContent = words && say(words);
  $(".answer").classList.toggle("stale", Boolean(words) && !current());
  $(".answer").ariaBusy = String(Boolean(words));
}

// Whether the answer that is shown is that of the text, and only its reasons are to come.
const current = () => props.value.turn === asked.turn && box()?.value === asked.text;

box()?.addEventListener("input", () => late("Reading …"));
$(".stop").addEventListener("click", () => {
  clearTimeout(working);
  trigger("stop");
  busy(current() ? "Stopped: the words are not weighed." : "Stopped: this answer is that of an older text.");
});

function render() {
  const value = props.value;
  if ((value.turn ?? 0) < asked.turn) return;
  clearTimeout(waiting);
  if (!asked.turn || current()) {
    clearTimeout(working);
    busy("");
  }
  if (value.pending) {
    waiting = setTimeout(() => trigger("select"), PAUSE);
    late("Weighing the words …");
  } else least = value.least;
  const verdict = saidIn(value.verdict);
  if ($(".verdict").innerHTML !== verdict) $(".verdict").innerHTML = verdict;
  $(".ran").textContent = value.ran;
  bars(value.positive);
  $(".warning").textContent = value.warning;
  $(".note").textContent = value.note;
  $(".note").hidden = !value.note;
  spell(value);
  changed(value.change);
  if (!value.pending) draw(value.sentences);
  curve.classList.toggle("stale", value.pending);
  curve.hidden = curve.hidden || !words.length;
}

function bars(positive) {
  $(".bars").hidden = positive === null;
  for (const [kind, share] of [["for", positive], ["against", 1 - positive]]) {
    $(`.bars .${kind} i`).style.width = `${share * 100}%`;
    $(`.bars .${kind} .share`).textContent = percent(share);
  }
}

function changed(change) {
  $(".change").hidden = !change;
  if (!change) return;
  const chips = [["del", change.removed], ["ins", change.added]].flatMap(([tag, list]) => [
    ...list.slice(0, CHIPS).map((word) => make(tag, word)),
    ...(list.length > CHIPS ? [make("span", `+ ${list.length - CHIPS}`)] : []),
  ]);
  $(".edits").replaceChildren(...chips);
  $(".effect").textContent = change.effect;
  $(".restore").hidden = !taken().length;
}

$(".restore").addEventListener("click", () => {
  leaveOut([]);
  words[stop]?.span.focus();
});

// ---- words: a click or Enter takes one out and puts it in again ----------------------------------
function spell(value) {
  const focused = words.findIndex(({ span }) => span === document.activeElement);
  const old = words;
  words = value.words.map(([gap, word, weight, sentence, out]) => ({ gap, word, weight, sentence, out }));
  if (value.pending) inherit(old, words);
  const strongest = words.reduce((most, { weight }) => Math.max(most, Math.abs(weight ?? 0)), least);
  text.replaceChildren();
  let inside, before;
  for (const [index, each] of words.entries()) {
    if (!inside || each.sentence !== before) {
      if (inside) text.append(each.gap);
      inside = text.appendChild(make("span", "", "s"));
      inside.dataset.sentence = each.sentence;
    } else inside.append(each.gap);
    before = each.sentence;
    each.span = inside.appendChild(make("span", each.word, "w"));
    paint(each, index, strongest);
  }
  stop = Math.min(stop, Math.max(0, words.length - 1));
  if (words[stop]) words[stop].span.tabIndex = 0;
  if (focused >= 0) words[stop]?.span.focus({ preventScroll: true });
  text.hidden = detail.hidden = $(".legend").hidden = !words.length;
  text.classList.toggle("stale", value.pending);
  text.classList.toggle("long", text.scrollHeight > text.clientHeight);
  tell(focused >= 0 ? stop : -1);
}

function inherit(old, now) {
  // While the reasons are on their way, what was not edited keeps its tint.
  const same = (a, b) => a && b && a.word === b.word;
  let start = 0;
  while (start < now.length && same(now[start], old[start])) start++;
  let end = 0;
  while (end < now.length - start && same(now.at(-1 - end), old.at(-1 - end))) end++;
  now.forEach((each, index) => {
    if (index < start) Object.assign(each, { weight: old[index].weight, sentence: old[index].sentence });
    else if (index >= now.length - end) each.weight = old[index - now.length + old.length].weight;
    if (index >= start) each.sentence = now[index - 1]?.sentence ?? 0;
  });
}

function paint({ span, word, weight, out }, index, strongest) {
  Object.assign(span, { tabIndex: -1, role: "button", ariaPressed: String(out) });
  span.dataset.word = index;
  span.classList.toggle("out", out);
  const share = Math.abs(weight ?? 0) / strongest;
  if (!out && share > 0.05) {
    span.style.setProperty("--strength", `${Math.round(8 + 47 * share)}%`);
    span.classList.add(weight > 0 ? "for" : "against");
  }
  span.ariaLabel = out ? `${word}: ${say("taken out")}` : weight === null ? word : `${word}: ${meaning(weight)}`;
}

const meaning = (weight) =>
  `${say(Math.abs(weight) < least / 30 ? "hardly matters" : weight > 0 ? "counts towards positive" : "counts towards negative")} ${signed(weight)}`;

function tell(index) {
  const each = words[index];
  if (!each) detail.textContent = words.length ? say("Point at a word to see its weight; click it to take it out. Keyboard: arrows and Enter.") : "";
  else if (each.out) detail.replaceChildren(make("b", each.word), ` ${say("is taken out: click it to put it back.")}`);
  else if (each.weight === null) detail.replaceChildren(make("b", each.word));
  else {
    const without = percent(chance(props.value.odds - each.weight));
    detail.replaceChildren(
      make("b", each.word), ` ${meaning(each.weight)} · ${say("without it")} ${without} ${say("positive")}`,
    );
  }
}

const taken = () => words.flatMap(({ out }, index) => (out ? [index] : []));
const placeOf = (event) => Number(event.target.dataset?.word ?? NaN);

function toggle(index) {
  if (!words[index]) return;
  words[index].out = !words[index].out;
  words[index].span.classList.toggle("out", words[index].out);
  words[index].span.ariaPressed = String(words[index].out);
  leaveOut(taken());
}

function move(index) {
  if (words[stop]) words[stop].span.tabIndex = -1;
  stop = Math.max(0, Math.min(words.length - 1, index));
  words[stop].span.tabIndex = 0;
}

text.addEventListener("pointerover", (event) => {
  if (words[placeOf(event)]) tell(placeOf(event));
  mark(words[placeOf(event)]?.sentence ?? -1);
});
text.addEventListener("pointerleave", () => {
  tell(-1);
  mark(-1);
});
text.addEventListener("focusin", (event) => {
  tell(placeOf(event));
  mark(words[placeOf(event)]?.sentence ?? -1);
});
text.addEventListener("click", (event) => {
  const selected = getSelection(); // a drag over words means to copy them
  if (!words[placeOf(event)] || (!selected.isCollapsed && text.contains(selected.anchorNode))) return;
  move(placeOf(event));
  toggle(placeOf(event));
});
text.addEventListener("keydown", (event) => {
  const to = { ArrowRight: stop + 1, ArrowLeft: stop - 1, Home: 0, End: words.length - 1 }[event.key];
  if (to !== undefined) {
    move(to);
    words[stop].span.focus();
  } else if (event.key === "Enter" || event.key === " ") toggle(stop);
  else return;
  event.preventDefault();
});

// ---- the curve: a slider over the sentences --------------------------------------------------------
const HEIGHT = 152;
const EDGE = 8; // pixels at the sides of the plot, so that no dot is cut
const NAME = 20; // pixels above and below it, for the names of the ends
const STEPS = 160; // points of the curve
let sentences = []; // {words, share, x, dot}
let chosen = -1;

function draw(given) {
  curve.hidden = given.length < 3;
  if (curve.hidden) return void (sentences = []);
  const total = given.reduce((sum, [words]) => sum + words.length, 0);
  let sum = 0;
  sentences = given.map(([words, share]) => {
    const x = (sum + words.length / 2) / total;
    sum += words.length;
    return { words, share, x };
  });
  plot.ariaValueMax = sentences.length;
  paintCurve();
  mark(-1);
}

function paintCurve() {
  const width = plot.clientWidth;
  if (!width || !sentences.length) return;
  const x = (share) => EDGE + share * (width - 2 * EDGE);
  const y = (share) => NAME + (1 - share) * (HEIGHT - 2 * NAME);
  const line = smooth().map(([at, share]) => `${x(at).toFixed(1)},${y(share).toFixed(1)}`);
  const middle = y(0.5);
  const area = `M${x(0)},${middle} L${line.join(" L")} L${x(1)},${middle} Z`;
  const radius = sentences.length > 150 ? 1.5 : sentences.length > 50 ? 2.5 : 4;
  const unsure = `<rect class="unsure" x="0" y="${y(props.sure)}" width="${width}" height="${y(1 - props.sure) - y(props.sure)}"/>`;
  const half = (kind, from) => `<clipPath id="mood-${kind}"><rect x="0" y="${from}" width="${width}" height="${HEIGHT / 2}"/></clipPath>
    <path class="${kind}" clip-path="url(#mood-${kind})" d="${area}"/>`;
  const svg = $("svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("height", HEIGHT);
  svg.classList.toggle("many", radius < 4);
  svg.innerHTML = `${unsure}${half("for", 0)}${half("against", middle)}
    <line x1="0" x2="${width}" y1="${middle}" y2="${middle}"/>
    <path class="line" d="M${line.join(" L")}"/>
    ${sentences.map(({ share, x: at }) => `<circle class="${share >= 0.5 ? "for" : "against"}" cx="${x(at)}" cy="${y(share)}" r="${radius}"/>`).join("")}
    <text x="8" y="13">${say("positive")}</text><text x="8" y="${HEIGHT - 6}">${say("negative")}</text>`;
  svg.querySelectorAll("circle").forEach((dot, index) => (sentences[index].dot = dot));
}

function smooth() {
  // A mean of the sentences around each place, the nearer the heavier.
  const spread = Math.max(0.35, sentences.length / 40) / sentences.length;
  const [first, last] = [sentences[0].x, sentences.at(-1).x];
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const at = step / STEPS;
    const near = Math.max(first, Math.min(last, at));
    let [sum, weight] = [0, 1e-12];
    for (const { x, share } of sentences) {
      const part = Math.exp(-0.5 * ((x - near) / spread) ** 2);
      sum += part * share;
      weight += part;
    }
    return [at, sum / weight];
  });
}

function mark(index) {
  sentences[chosen]?.dot?.classList.remove("now");
  text.querySelector(".s.now")?.classList.remove("now");
  chosen = index;
  const each = sentences[index];
  const label = $(".sentence");
  if (!each) {
    label.textContent = say("Point at the curve, or use the arrow keys, to read a sentence.");
    plot.ariaValueNow = 1;
    plot.ariaValueText = label.textContent;
    return;
  }
  each.dot?.classList.add("now");
  text.querySelector(`.s[data-sentence="${index}"]`)?.classList.add("now");
  const facts = `${index + 1} / ${sentences.length} · ${percent(each.share)} ${say("positive")}`;
  label.replaceChildren(make("b", facts), ` ${each.words}`);
  plot.ariaValueNow = index + 1;
  plot.ariaValueText = label.textContent;
}

function go(index) {
  mark(Math.max(0, Math.min(sentences.length - 1, index)));
  const inside = text.querySelector(".s.now");
  if (inside) text.scrollTop = inside.offsetTop - text.offsetTop - text.clientHeight / 3;
}

plot.addEventListener("pointermove", (event) => {
  const at = (event.offsetX - EDGE) / (plot.clientWidth - 2 * EDGE);
  const far = sentences.map(({ x }) => Math.abs(x - at));
  go(far.indexOf(Math.min(...far)));
});
plot.addEventListener("pointerdown", () => plot.focus());
plot.addEventListener("pointerleave", () => mark(-1));
plot.addEventListener("focus", () => chosen < 0 && go(0));
plot.addEventListener("keydown", (event) => {
  const last = sentences.length - 1;
  const page = Math.ceil(sentences.length / 10);
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: page, PageDown: -page, Home: -last, End: last };
  if (!(event.key in steps)) return;
  event.preventDefault();
  go(chosen + steps[event.key]);
});
new ResizeObserver(() => {
  paintCurve();
  mark(chosen);
}).observe(plot);

watch("value", render);
render();
