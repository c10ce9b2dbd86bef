// A microphone, a file or an example becomes one uploaded recording. Gradio runs this once with
// `element`, `props`, `server`, `trigger` and `upload`; `props.value` is {page, turn, path, name},
// {page, turn} while recording, or null. One file, since all three end in the same upload.
const $ = (selector) => element.querySelector(selector);
const [record, problem, player, chooser] = [".record", ".problem", "audio", ".choose input"].map($);
const SEND_SECONDS = 0.4; // of new sound, at least, before the captions hear it
const BAR_SECONDS = 0.08; // of sound to a bar of the picture
const MAX_MEGABYTES = 250; // as MAX_UPLOAD in serve.py
const SPEECH_RATE = 16000; // samples a second, all that the model hears
const SLOWED_SECONDS = 30; // of sound that are brought to that rate at once

// ---- words -------------------------------------------------------------------------------
sayAll(element);
record.querySelector("span").textContent = say("Record");

function complain(sentence) {
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

// ---- the sound that is there ----------------------------------------------------------------
let chosen = 0; // recordings so far: an earlier one that arrives after a later one is dropped

async function take(file) {
  const trouble = await sent(file);
  complain(trouble);
  return !trouble;
}

// Why a file does not arrive, in a sentence; nothing where it does.
async function sent(file) {
  complain("");
  if (!file.size) return say("The file is empty: choose another one.");
  if (file.size > MAX_MEGABYTES * 1e6)
    return say("The file is larger than 250 MB: cut it, or save it as FLAC or MP3.");
  element.setAttribute("aria-busy", "true");
  const mine = ++chosen;
  try {
    const { path, url } = await upload(file);
    if (mine === chosen) show({ path, url, name: file.name });
    return "";
  } catch (error) {
    if (mine !== chosen) return "";
    return say(
      /^HTTP 413/.test(error?.message)
        ? "A server in front of this one takes no file of this size: cut it, or save it as MP3."
        : "The recording did not arrive: try again.",
    );
  } finally {
    if (mine === chosen) element.removeAttribute("aria-busy");
  }
}

function show({ path, url, name }) {
  player.src = url;
  player.hidden = false;
  $(".name").textContent = name;
  listen({ path, name });
}

// Every question of this page has a number. Only what answers the latest is shown, in whatever
// order server and network bring it; the server ends what was asked before.
const page = [...crypto.getRandomValues(new Uint32Array(4))].join(" ");
let turn = 0;

function ask(event, more, opening) {
  props.value = { page, turn: ++turn, ...more };
  document.dispatchEvent(new CustomEvent("asked", { detail: { page, turn, opening } }));
  if (event) trigger(event); // "change" goes out by itself, but not for the same recording again
  if (turn > 1) server.end({ page, turn: turn - 1 });
}

function listen({ path, name }) {
  ask("upload", { path, name }, { text: "Opening the model …", running: true });
}
document.addEventListener("listen-again", () => listen(props.value));

chooser.addEventListener("change", () => {
  if (chooser.files[0]) take(chooser.files[0]);
  chooser.value = ""; // so that the same file can be chosen again
});
element.addEventListener("dragover", (event) => {
  event.preventDefault();
  element.classList.add("over");
});
element.addEventListener("dragleave", () => element.classList.remove("over"));
element.addEventListener("drop", (event) => {
  event.preventDefault();
  element.classList.remove("over");
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});

for (const name of props.examples) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = say(name);
  button.addEventListener("click", async () => {
    complain("");
    const mine = ++chosen;
    const sound = await server.example_file(name);
    if (mine !== chosen) return;
    if (sound) show(sound);
    else complain(say("The recording did not arrive: try again."));
  });
  $(".examples").append(button);
}

// ---- the microphone -------------------------------------------------------------------------
const TAP = URL.createObjectURL(
  new Blob(
    [
      `registerProcessor("tap", class extends AudioWorkletProcessor {
        held = new Float32Array(1024); // 128 samples come at a time, too few for a message
        at = 0;
        process([[channel]]) {
          if (!channel) return true;
          this.held.set(channel, this.at);
          this.at += channel.length;
          if (this.at >= this.held.length) {
            this.port.postMessage(this.held.slice());
            this.at = 0;
          }
          return true;
        }
      });`,
    ],
    { type: "text/javascript" },
  ),
);
let starting = false; // the browser asks whether the microphone may be used, or opens it
let taping = null; // what is being recorded, while the microphone is open
let ticket = ""; // of the captions, once they are ready to hear

const WHY_NOT = {
  NotAllowedError: "The browser does not let this page use the microphone: allow it beside the address.",
  NotFoundError: "There is no microphone: plug one in, or choose a file.",
};

async function start() {
  if (starting) return;
  complain("");
  if (!navigator.mediaDevices?.getUserMedia)
    return complain(
      say(
        "Browsers give the microphone only to https:// pages and to http://localhost: open the " +
          "page on the machine that runs it, or behind https, or choose a file.",
      ),
    );
  let stream, context, tap;
  starting = true;
  try {
    const wish = { channelCount: 1, echoCancellation: false, noiseSuppression: false };
    stream = await navigator.mediaDevices.getUserMedia({ audio: wish });
    ({ context, tap } = await listenTo(stream));
  } catch (error) {
    stream?.getTracks().forEach((track) => track.stop());
    return complain(say(WHY_NOT[error.name] ?? "The microphone does not start: choose a file."));
  } finally {
    starting = false;
  }
  const rate = context.sampleRate;
  taping = { stream, context, rate, pieces: [], samples: 0, unsent: [], waiting: 0, bars: [], loud: 0, loudest: 0 };
  tap.port.onmessage = ({ data }) => hear(data);
  label(true);
  chosen++;
  player.pause();
  player.hidden = true;
  ticket = "";
  if ($(".live input").checked) {
    ask("start_recording", {}, { text: "Opening the model …" });
    caption(taping);
  } else ask("", {}, { text: "Your words appear here when you stop." });
}

async function listenTo(stream) {
  // Firefox cannot resample a microphone, so there as it is.
  for (const options of [{ sampleRate: SPEECH_RATE }, {}]) {
    const context = new AudioContext(options);
    try {
      const source = context.createMediaStreamSource(stream);
      await context.audioWorklet.addModule(TAP);
      const tap = new AudioWorkletNode(context, "tap");
      source.connect(tap);
      return { context, tap };
    } catch (error) {
      await context.close();
      if (!options.sampleRate) throw error;
    }
  }
}

function hear(samples) {
  if (!taping) return;
  const piece = whole(samples);
  taping.pieces.push(piece);
  taping.unsent.push(piece);
  taping.samples += piece.length;
  taping.waiting += piece.length;
  for (const sample of piece) if (Math.abs(sample) > taping.loudest) taping.loudest = Math.abs(sample);
  draw(taping, samples);
}

async function stop() {
  const { stream, context, rate, pieces, samples, loudest } = taping;
  taping = null;
  stream.getTracks().forEach((track) => track.stop());
  label(false);
  await context.close();
  if (!loudest) {
    ask("", {}, { text: "Speak, or choose a recording.", kind: "hint" });
    return complain(
      say("No sound came from the microphone: see that it is not muted, or choose another one."),
    );
  }
  const name = `${say("recording")}-${new Date().toTimeString().slice(0, 8).replaceAll(":", "-")}.wav`;
  const wav = (count, hertz, sound) =>
    new File([header(2 * count, hertz), ...sound], name, { type: "audio/wav" });
  const heard = rate > SPEECH_RATE ? await slowed(pieces, rate) : pieces;
  const count = heard.reduce((sum, piece) => sum + piece.length, 0);
  if (await take(wav(count, Math.min(rate, SPEECH_RATE), heard))) return;
  keep(wav(samples, rate, pieces));
}

// What nobody can say again stays to be heard and saved where it could not be sent.
function keep(file) {
  ask("", {}, { text: "Speak, or choose a recording.", kind: "hint" });
  player.src = URL.createObjectURL(file);
  player.hidden = false;
  const link = document.createElement("a");
  [link.href, link.download, link.textContent] = [player.src, file.name, say("Save the recording")];
  problem.append(" ", link);
}

// A recording at the rate that the model hears, a third of what a browser may record: an hour and
// more fits into what can be sent.
async function slowed(pieces, rate) {
  const found = [];
  const held = new Float32Array(SLOWED_SECONDS * rate);
  let length = 0;
  const render = async () => {
    const target = new OfflineAudioContext(1, Math.ceil((length * SPEECH_RATE) / rate), SPEECH_RATE);
    const buffer = target.createBuffer(1, length, rate);
    buffer.copyToChannel(held.subarray(0, length), 0);
    const source = target.createBufferSource();
    source.buffer = buffer;
    source.connect(target.destination);
    source.start();
    found.push(whole((await target.startRendering()).getChannelData(0)));
    length = 0;
  };
  for (const piece of pieces)
    for (const sample of piece) {
      held[length++] = sample / 32767;
      if (length === held.length) await render();
    }
  if (length) await render();
  return found;
}

const whole = (samples) => Int16Array.from(samples, (x) => Math.max(-1, Math.min(1, x)) * 32767);

function header(bytes, rate) {
  const head = new DataView(new ArrayBuffer(44));
  const text = (at, letters) =>
    [...letters].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true); // whole numbers
  head.setUint16(22, 1, true); // one channel
  head.setUint32(24, rate, true);
  head.setUint32(28, 2 * rate, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, "data");
  head.setUint32(40, bytes, true);
  return head;
}

record.addEventListener("click", () => (taping ? stop() : start()));

function label(recording) {
  record.setAttribute("aria-pressed", String(recording));
  record.querySelector("span").textContent = say(recording ? "Stop" : "Record");
}

// ---- captions: what came since the last answer goes out when that is there ---------------------
document.addEventListener("captions-ready", ({ detail }) => (ticket = detail));

async function caption(mine) {
  while (taping === mine) {
    if (!ticket || mine.waiting < SEND_SECONDS * mine.rate) {
      await new Promise((done) => setTimeout(done, 60));
      continue;
    }
    const sound = mine.unsent.splice(0);
    mine.waiting = 0;
    const said = await server.hear({ ticket, rate: mine.rate, sound: await base64(sound) });
    if (taping !== mine) break;
    if (!said) ticket = "";
    else if (said.trouble) return complain(say(said.trouble));
    else document.dispatchEvent(new CustomEvent("captions", { detail: said }));
  }
  if (ticket) server.hear({ ticket, rate: mine.rate, sound: "" });
}

async function base64(pieces) {
  const reader = new FileReader();
  return new Promise((done) => {
    reader.onload = () => done(reader.result.split(",")[1]);
    reader.readAsDataURL(new Blob(pieces));
  });
}

// ---- a picture of how loud it was -------------------------------------------------------------
const wave = $(".wave");
const brush = wave.getContext("2d");

function draw(tape, samples) {
  tape.loud = Math.max(tape.loud, ...samples.map(Math.abs));
  const seconds = Math.floor(tape.samples / tape.rate);
  if (tape.samples / tape.rate < (tape.bars.length + 1) * BAR_SECONDS) return;
  tape.bars.push(tape.loud);
  tape.loud = 0;
  $(".clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const step = 8;
  const bars = tape.bars.slice(-wave.width / step);
  brush.clearRect(0, 0, wave.width, wave.height);
  brush.fillStyle = getComputedStyle(record).getPropertyValue("--primary-500");
  bars.forEach((loud, i) => {
    const high = Math.max(4, Math.sqrt(loud) * wave.height);
    brush.beginPath();
    brush.roundRect(i * step, (wave.height - high) / 2, step - 3, high, 3);
    brush.fill();
  });
}
