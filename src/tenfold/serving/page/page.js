// The page: what happens on the sheet is sent, and what comes back is shown.

import { bytes, marksOf, showBoxes, showDigits, showOne, showText, wording } from "./answer.js";
import { Camera } from "./camera.js";
import { showInside } from "./inside.js";
import { Sheet } from "./sheet.js";

const $ = (id) => document.getElementById(id);
const sheet = new Sheet($("sheet"));
const camera = new Camera($("camera"), $("shutter"));
const IDLE = { words: "Write a digit", note: "The answer comes as you draw.", idle: true };
const LEAST_DRAWN = 40; // pixels of stroke, before questions are asked while the pen is down

let reading = null; // the last answer that was shown
let chosen = 0; // which of its digits the bars are about
let asked = 0; // how many questions were asked; of two answers the later question's counts
let waiting = false; // a question is on its way
let again = null; // what to ask when its answer is there
let lifted = 0; // when the pen was lifted, or a picture laid down
let retry = 0; // timer of a question the server had no room for

// Asking.

sheet.addEventListener("change", (event) => {
  const { drawing } = event.detail;
  $("hint").hidden = !sheet.empty;
  $("named").textContent = sheet.picture?.file?.name ?? "";
  $("named").hidden = !sheet.picture?.file;
  $("undo").disabled = sheet.empty && !sheet.cleared;
  $("clear").disabled = sheet.empty;
  if (sheet.empty) forget();
  else if (!drawing || sheet.drawn > LEAST_DRAWN) ask(drawing);
});

/** Ask at once, or when the last answer is there; while drawing, only about the newest state. */
function ask(drawing) {
  clearTimeout(retry);
  if (!drawing) lifted = performance.now();
  if (waiting) again = { drawing };
  else send(drawing);
}

async function send(drawing) {
  const number = ++asked;
  waiting = true;
  try {
    const body = await sheet.blob();
    const how = new URLSearchParams({ single: $("single").checked, drawn: !sheet.picture });
    const response = await fetch(`/page/read?${how}`, {
      method: "POST", body, headers: { "content-type": body.type || "application/octet-stream" },
    });
    const told = await response.json();
    if (number !== asked) return;
    if (response.status === 429 || response.status === 503) {
      const seconds = Number(response.headers.get("retry-after")) || 1;
      retry = setTimeout(() => ask(drawing), 1000 * seconds);
    } else if (response.ok) show(told, drawing);
    else fail(told.error);
  } catch {
    if (number === asked) fail("The server does not answer. Is it still running?");
  } finally {
    waiting = false;
    if (again) {
      const next = again;
      again = null;
      if (!sheet.empty) send(next.drawing);
    }
  }
}

// Showing.

function show(told, drawing) {
  const marks = marksOf(told);
  const picture = sheet.picture;
  if (picture) {
    picture.turn = picture.file ? 0 : told.orientation;
    sheet.paint();
  }
  chosen = Math.min(chosen, Math.max(0, marks.length - 1));
  if (!reading || marks.length !== marksOf(reading).length) chosen = picture ? 0 : Math.max(0, marks.length - 1);
  reading = told;
  const words = wording(told);
  showText(words);
  choose(chosen);
  if (!drawing) {
    say(words.said);
    const milliseconds = performance.now() - lifted;
    $("timing").textContent = `Read in ${Math.max(1, Math.round(milliseconds))} ms.`;
    $("timing").dataset.milliseconds = milliseconds.toFixed(2);
  }
}

function choose(number) {
  const marks = marksOf(reading);
  chosen = number;
  showDigits(marks, chosen, choose);
  showOne(marks[chosen]);
  placeBoxes();
  lookInside();
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
  asked++;
  again = null;
  reading = null;
  showText(IDLE);
  showDigits([], 0, choose);
  showOne(null);
  showBoxes(null);
  $("timing").textContent = "";
  delete $("timing").dataset.milliseconds;
  say("The sheet is empty.");
}

function fail(message) {
  reading = null;
  showText({ words: "That did not work", note: message, wrong: true });
  showDigits([], 0, choose);
  showOne(null);
  showBoxes(null);
  say(message);
}

let saying = 0;
function say(words) {
  // A moment's rest, so that a digit of several strokes is told once.
  clearTimeout(saying);
  saying = setTimeout(() => ($("said").textContent = words), 350);
}

// Looking inside, while the panel is open.

let looking = false;
let lookAgain = false;

async function lookInside() {
  const mark = reading && marksOf(reading)[chosen];
  if (!$("inside").open || !mark) return;
  if (looking) {
    lookAgain = true;
    return;
  }
  looking = true;
  try {
    const image = bytes(mark.canvas);
    const response = await fetch("/page/explain", {
      method: "POST", body: image, headers: { "content-type": "application/octet-stream" },
    });
    if (response.ok) showInside(await response.json(), image);
  } catch {
    // The next stroke asks again.
  } finally {
    looking = false;
    if (lookAgain) {
      lookAgain = false;
      lookInside();
    }
  }
}

$("inside").addEventListener("toggle", lookInside);

// Pictures.

async function load(file) {
  camera.stop();
  let bitmap = null;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    // A PDF, a HEIC photo, or no picture at all: the server tells.
  }
  sheet.show(bitmap ? { bitmap } : { file });
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

let over = 0;
addEventListener("dragenter", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  over++;
  $("drop").hidden = false;
});
addEventListener("dragleave", () => {
  over = Math.max(0, over - 1);
  $("drop").hidden = over === 0;
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  over = 0;
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
        fail("The camera cannot be used. Has the browser leave to?");
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
$("single").addEventListener("change", () => !sheet.empty && ask(false));
$("pen").addEventListener("input", setPen);
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
