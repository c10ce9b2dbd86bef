// A square of paper to draw on. Gradio runs this once with `element`, `props` and `trigger`;
// `props.value` is the drawing's strokes as JSON, or "" while the paper is blank: not its pixels,
// which a browser may hide or change so that its reader is not recognised by them. Only what happens
// here triggers "input"; when the page empties the value, a picture has taken the drawing's place.
const canvas = element.querySelector("canvas");
const ink = canvas.getContext("2d");
const ghost = element.querySelector(".ghost");
const cursor = element.querySelector(".cursor");
const brush = element.querySelector(".width input");
const SIDE = canvas.width; // fine enough for sharp edges on a dense screen
const BRUSH_SIDE = 280; // the brush's width is in pixels of a square of this side
const SENT_SIDE = 560; // the strokes are sent in whole numbers of a square of this side
const LIVE_MS = 120; // how often a stroke in progress asks for an answer
const STEP = SIDE / 40; // how far an arrow key moves the pen; with Shift three times as far

const REPLAY_MS = 900; // how long an example takes to be drawn

// ---- words -------------------------------------------------------------------------------
sayAll(element);

// ---- the drawing: a list of what was done, so that everything can be taken back -----------
let deeds = []; // strokes {width, points: [[x, y], …]} and "clear"
const strokes = () => deeds.slice(deeds.lastIndexOf("clear") + 1);

let undone = []; // what redo brings back

function trace({ width, points }) {
  ink.lineWidth = width;
  ink.beginPath();
  ink.moveTo(...points[0]);
  // Through the midpoints, so that a fast stroke is a curve and not a polygon.
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i];
    const [u, v] = points[i + 1];
    ink.quadraticCurveTo(x, y, (x + u) / 2, (y + v) / 2);
  }
  ink.lineTo(...points[points.length - 1]);
  ink.stroke();
}

function redraw() {
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, SIDE, SIDE);
  ink.strokeStyle = "#16130f";
  ink.lineCap = ink.lineJoin = "round";
  strokes().forEach(trace);
  ghost.hidden = strokes().length > 0;
}

// ---- telling Gradio -----------------------------------------------------------------------
let told = 0;
let later = null;

function sent() {
  const whole = (length) => Math.round((length * SENT_SIDE) / SIDE);
  return JSON.stringify(
    strokes().map(({ width, points }) => ({
      width: whole(width),
      points: thinned(points.map((point) => point.map(whole))),
    })),
  );
}

// A fast mouse reports its position a thousand times a second.
function thinned(points) {
  const kept = [points[0]];
  for (const [x, y] of points) {
    const [u, v] = kept[kept.length - 1];
    if (Math.abs(x - u) + Math.abs(y - v) > 3) kept.push([x, y]);
  }
  return [...kept, points[points.length - 1]];
}

function tell() {
  clearTimeout(later);
  later = null;
  told = performance.now();
  const now = strokes().length ? sent() : "";
  if (now === props.value) return;
  props.value = now;
  trigger("input");
}

function tellSoon() {
  later ??= setTimeout(tell, Math.max(0, told + LIVE_MS - performance.now()));
}

// ---- the drawing or a picture: the newest of the two is read ----------------------------------
const page = element.closest("#canvas");

function isNewest() {
  page.dataset.newest = "drawing";
}

// Capturing: what is chosen counts from then on, not from when its upload ends.
for (const name of ["click", "change", "drop"])
  document.addEventListener(
    name,
    (event) => event.target.closest?.("#digit-picture") && (page.dataset.newest = "picture"),
    true,
  );

watch("value", () => {
  if (props.value || !strokes().length) return;
  stopReplay();
  end();
  deeds.push("clear"); // so that Undo brings the drawing back
  undone = [];
  redraw();
});

function undo() {
  stopReplay();
  isNewest();
  if (deeds.length) undone.push(deeds.pop());
  redraw();
  tell();
}

function redo() {
  stopReplay();
  isNewest();
  if (undone.length) deeds.push(undone.pop());
  redraw();
  tell();
}

function clear() {
  stopReplay();
  if (!strokes().length) return;
  isNewest();
  deeds.push("clear");
  undone = [];
  redraw();
  tell();
}

// ---- mouse, finger, pen --------------------------------------------------------------------
let stroke = null;
const width = () => (Number(brush.value) * SIDE) / BRUSH_SIDE;

function pointOf(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
}

function start(point) {
  stopReplay();
  isNewest();
  const [x, y] = point;
  stroke = { width: width(), points: [point, [x, y + 0.1]] }; // not quite a point, which has no ink
  deeds.push(stroke);
  undone = [];
  redraw();
  tellSoon();
}

function extend(points) {
  stroke.points.push(...points);
  redraw();
  tellSoon();
}

function end() {
  if (!stroke) return;
  stroke = null;
  tell();
}

canvas.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button !== 0) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  hideCursor();
  start(pointOf(event));
});
canvas.addEventListener("pointermove", (event) => {
  if (!stroke || !event.isPrimary) return;
  const all = event.getCoalescedEvents?.() ?? [];
  extend((all.length ? all : [event]).map(pointOf));
});
for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(name, end);

// ---- keyboard -------------------------------------------------------------------------------
let pen = [SIDE / 2, SIDE / 3];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function showCursor() {
  cursor.hidden = false;
  cursor.classList.toggle("down", Boolean(stroke));
  cursor.style.left = `${(100 * pen[0]) / SIDE}%`;
  cursor.style.top = `${(100 * pen[1]) / SIDE}%`;
}

function hideCursor() {
  cursor.hidden = true;
}

canvas.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (ARROWS[event.key]) {
    const far = event.shiftKey ? 3 * STEP : STEP;
    pen = pen.map((at, axis) => Math.min(SIDE, Math.max(0, at + far * ARROWS[event.key][axis])));
    if (stroke) extend([[...pen]]);
    showCursor();
  } else if (key === " ") {
    stroke ? end() : start([...pen]);
    showCursor();
  } else if (key === "c" || key === "delete" || key === "backspace") {
    end();
    clear();
    showCursor();
  } else if (key === "escape") {
    end();
    hideCursor();
  } else {
    return;
  }
  event.preventDefault();
});
canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && !stroke && showCursor());
canvas.addEventListener("blur", () => {
  end();
  hideCursor();
});
element.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || !"zy".includes(key)) return;
  event.preventDefault();
  end();
  key === "y" || event.shiftKey ? redo() : undo();
});
element.querySelector(".undo").addEventListener("click", undo);
element.querySelector(".clear").addEventListener("click", clear);

// ---- examples, drawn stroke by stroke -------------------------------------------------------
let replay = 0; // the number of the replay that may go on

function stopReplay() {
  replay += 1;
}

async function show(lines) {
  stopReplay();
  isNewest();
  const mine = replay;
  const began = performance.now();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (strokes().length) deeds.push("clear");
  undone = [];
  const total = lines.flat().length;
  let shown = 0;
  for (const line of lines) {
    const points = line.map(([x, y]) => [(x * SIDE) / 100, (y * SIDE) / 100]);
    const drawn = { width: width(), points: [points[0], points[0]] };
    deeds.push(drawn);
    for (const point of points) {
      drawn.points.push(point);
      shown += 1;
      if (calm || performance.now() - began > (shown / total) * REPLAY_MS) continue;
      redraw();
      tellSoon();
      await new Promise(requestAnimationFrame);
      if (mine !== replay) return;
    }
  }
  redraw();
  tell();
}

for (const [name, lines] of Object.entries(props.examples)) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = say(name);
  button.addEventListener("click", () => show(lines));
  element.querySelector(".examples").append(button);
}

redraw();
