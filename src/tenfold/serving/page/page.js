// The page: sends the sheet to the server and shows the answer.

import { bytes, marksOf, showBoxes, showDigits, showOne, showText, wording } from "./answer.js";
import { Camera } from "./camera.js";
import { Inside } from "./inside.js";
import { Sheet } from "./sheet.js";

const $ = (id) => document.getElementById(id);
const sheet = new Sheet($("sheet"));
const camera = new Camera($("camera"), $("shutter"));
const inside = new Inside();
const IDLE = { words: "Write a digit", note: "The answer appears as you draw.", idle: true };
const READING = { words: "Reading", note: "", idle: true, busy: true };
const MIN_DRAWN = 40; // pixels of stroke before the page sends requests while the pen is down

let reading = null; // the answer that is shown
let chosen = 0; // index of the digit that the bars show
let requests = 0; // number of requests sent; only the answer to the latest is shown
let waiting = false; // whether a request is open
let next = null; // the request to send after the open one
let lifted = 0; // time when the pen was lifted or a picture was opened
let retry = 0; // timer that repeats a request that the server refused as too busy
let shown = null; // the picture that the answer is about, null for a drawing
let controller = null; // aborts the open request
let files = 0; // number of files opened; only the latest is shown

// Requests.

sheet.addEventListener("change", (event) => {
  const { drawing } = event.detail;
  $("hint").hidden = !sheet.empty;
  $("named").textContent = sheet.picture?.file?.name ?? "";
  $("named").hidden = !sheet.picture?.file;
  $("undo").disabled = sheet.empty && !sheet.cleared;
  $("clear").disabled = sheet.empty;
  if (sheet.empty) return forget();
  if (sheet.picture !== shown) startReading();
  if (!drawing || sheet.drawn > MIN_DRAWN) ask(drawing);
});

/** Request a reading now, or after the open request; only the newest state of the sheet counts. */
function ask(drawing) {
  clearTimeout(retry);
  if (!drawing) lifted = performance.now();
  if (sheet.picture?.problem) return fail(sheet.picture.problem);
  if (waiting) next = { drawing };
  else send(drawing);
}

async function send(drawing) {
  const number = ++requests;
  waiting = true;
  controller = new AbortController();
  try {
    const body = await sheet.blob();
    const query = new URLSearchParams({ single: $("single").checked, drawn: !sheet.picture });
    const response = await fetch(`/page/read?${query}`, {
      method: "POST", body, headers: { "content-type": "application/octet-stream" }, signal: controller.signal,
    });
    const answer = await response.json();
    if (number !== requests) return;
    if (response.status === 429 || response.status === 503) {
      const seconds = Number(response.headers.get("retry-after")) || 1;
      retry = setTimeout(() => ask(drawing), 1000 * seconds);
      if (sheet.picture) showText({ ...READING, note: "The server is busy. The page tries again." });
    } else if (response.ok) show(answer, drawing);
    else fail(reasonOf(response.status, answer.error));
  } catch {
    if (number === requests) fail("The server does not answer. Is it still running?");
  } finally {
    waiting = false;
    if (next) {
      const { drawing: penDown } = next;
      next = null;
      if (!sheet.empty) send(penDown);
    }
  }
}

/** Remove the answer: the sheet has another picture or a new drawing. */
function startReading() {
  shown = sheet.picture;
  clearTimeout(retry);
  requests++;
  controller?.abort();
  clearAnswer();
  if (!shown) showText(IDLE);
  else showReading();
}

function showReading() {
  $("answer").setAttribute("aria-busy", "true");
  showText(READING);
  say("Reading the picture.");
}

// Answers.

/** The reason of a failure in the words of somebody who opened a file. */
function reasonOf(status, error) {
  const { name = "The picture", size = 0 } = sheet.picture?.file ?? {};
  if (status === 413 && error.startsWith("the body")) {
    return `${name} is too large for this server: ${(size / 1e6).toFixed(1)} MB.`;
  }
  if (status === 504) return "Reading took too long, and the server gave up. Try a smaller part of the picture.";
  return `${error.replace(/^(page \d+ of )?the picture\b/, (_, page = "") => page + name)}.`;
}

function show(answer, drawing) {
  const marks = marksOf(answer);
  const picture = sheet.picture;
  if (picture) {
    picture.turn = picture.file ? 0 : answer.orientation;
    sheet.paint();
  }
  $("answer").setAttribute("aria-busy", "false");
  chosen = Math.min(chosen, Math.max(0, marks.length - 1));
  if (!reading || marks.length !== marksOf(reading).length) chosen = picture ? 0 : Math.max(0, marks.length - 1);
  reading = answer;
  const words = wording(answer);
  showText(words);
  choose(chosen);
  if (!drawing) {
    say(words.said);
    const milliseconds = performance.now() - lifted;
    $("timing").textContent = `Read in ${Math.max(1, Math.round(milliseconds))} ms.`;
    $("timing").dataset.milliseconds = milliseconds.toFixed(2);
    if (picture) $("reading").scrollIntoView({ block: "nearest" });
  }
}

function choose(number) {
  const marks = marksOf(reading);
  chosen = number;
  showDigits(marks, chosen, choose);
  showOne(marks[chosen]);
  placeBoxes();
  inside.show(marks[chosen] ? bytes(marks[chosen].canvas) : null);
}

function placeBoxes() {
  const { width, height } = reading ?? { width: 1, height: 1 };
  let area = { x: 0, y: 0, w: 100, h: 100 };
  if (sheet.picture?.bitmap) {
    const { clientWidth, clientHeight } = sheet.canvas;
    const box = sheet.pictureBox(clientWidth, clientHeight);
    const [across, down] = [100 / clientWidth, 100 / clientHeight];
    area = { x: box.x * across, y: box.y * down, w: box.w * across, h: box.h * down };
  }
  const margin = 0.6;
  const hidden = sheet.picture && !sheet.picture.bitmap;
  showBoxes(hidden ? null : reading, chosen, ([x, y, w, h]) => [
    area.x + (x / width) * area.w - margin,
    area.y + (y / height) * area.h - margin,
    (w / width) * area.w + 2 * margin,
    (h / height) * area.h + 2 * margin,
  ]);
}

sheet.addEventListener("resize", placeBoxes);

function forget() {
  next = null;
  startReading();
  say("The sheet is empty.");
}

function fail(message) {
  clearAnswer();
  showText({ words: "That did not work", note: message, wrong: true });
  say(message);
  if (shown) $("reading").scrollIntoView({ block: "nearest" });
}

function clearAnswer() {
  reading = null;
  $("answer").setAttribute("aria-busy", "false");
  showDigits([], 0, choose);
  showOne(null);
  showBoxes(null);
  inside.show(null);
  $("timing").textContent = "";
  delete $("timing").dataset.milliseconds;
}

let saying = 0;
function say(words) {
  // The delay makes a digit of several strokes one announcement.
  clearTimeout(saying);
  saying = setTimeout(() => ($("said").textContent = words), 350);
}

// Pictures.

async function load(file) {
  camera.stop();
  const number = ++files;
  clearAnswer();
  showReading();
  const picture = await opened(file);
  if (number === files) sheet.show(picture);
}

/** A file as the sheet keeps it: decoded, or for the server to decode, or with a problem. */
async function opened(file) {
  if (!file.size) return { file, problem: `${file.name} is empty.` };
  try {
    return { bitmap: await createImageBitmap(file, { imageOrientation: "from-image" }) };
  } catch {
    // A PDF, a HEIC photo, or not a picture: the server decides.
  }
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    return { file, problem: `${file.name} cannot be opened. Is it a folder?` };
  }
  return { file };
}

$("open").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) load(file);
});

addEventListener("paste", (event) => {
  const [file] = event.clipboardData?.files ?? [];
  if (file) load(file);
});

let dragDepth = 0; // dragenter and dragleave come in pairs for each element
addEventListener("dragenter", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  dragDepth++;
  $("drop").hidden = false;
});
addEventListener("dragleave", () => {
  dragDepth = Math.max(0, dragDepth - 1);
  $("drop").hidden = dragDepth === 0;
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  dragDepth = 0;
  $("drop").hidden = true;
  const [file] = event.dataTransfer?.files ?? [];
  if (file) load(file);
});

// The camera, where the browser has one.

if (camera.supported) {
  $("film").hidden = false;
  $("film").addEventListener("click", async () => {
    if (camera.on) camera.stop();
    else {
      try {
        await camera.start();
      } catch {
        fail("The camera cannot be used. Does the browser allow this page to use it?");
      }
    }
  });
  camera.addEventListener("picture", (event) => sheet.show({ bitmap: event.detail }));
}

// Tools.

$("undo").addEventListener("click", () => sheet.undo());
$("clear").addEventListener("click", () => {
  camera.stop();
  sheet.clear();
});
$("single").addEventListener("change", () => {
  if (sheet.empty) return;
  if (sheet.picture) startReading();
  ask(false);
});
$("pen").addEventListener("input", setPen);
inside.addEventListener("say", (event) => say(event.detail));
sheet.addEventListener("pen", (event) => say(event.detail ? "Pen down" : "Pen up"));

function setPen() {
  sheet.width = Number($("pen").value);
  $("pen").setAttribute("aria-valuetext", `${sheet.width} pixels`);
  $("dot").style.setProperty("--size", `${4 + 0.7 * sheet.width}px`);
}

addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
    event.preventDefault();
    sheet.undo();
  }
});

setPen();
showText(IDLE);
