// The page: reads the sheet with the network in WebAssembly, and shows the answer.

import { showOne, showText, wording } from "./answer.js";
import { loadReader } from "./index.js";
import { samples } from "./samples.js";
import { draw, Sheet } from "./sheet.js";

const $ = (id) => document.getElementById(id);
const SIDE = 240; // side of the drawing that is read, in pixels
const THRESHOLD = 0.96; // probability below which tiny's digits are rejected (its meta.json)
const IDLE = { words: "Write a digit", note: "The answer appears as you draw.", idle: true };

const sheet = new Sheet($("sheet"));
let reader = null;
let asked = 0; // the animation frame that will read the sheet
let shown = ""; // the answer that a screen reader has heard

// Reading.

sheet.addEventListener("change", (event) => {
  $("hint").hidden = !sheet.empty;
  $("undo").disabled = sheet.empty && !sheet.cleared;
  $("clear").disabled = sheet.empty;
  const { drawing } = event.detail;
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => read(drawing));
});

function read(drawing) {
  if (!reader) return;
  const started = performance.now();
  const { ink, width, height } = sheet.ink(SIDE);
  const answer = reader.readInk(ink, width, height);
  const milliseconds = performance.now() - started;
  $("timing").textContent = answer ? `Read in ${milliseconds.toFixed(1)} ms.` : "";
  if (!answer) {
    showText(IDLE);
    showOne(null);
    if (!drawing) say("The sheet is empty.");
    return;
  }
  const { digit, image } = answer;
  const probabilities = [...answer.probabilities];
  const confidence = probabilities[digit];
  const rejected = confidence < THRESHOLD;
  const mark = { digit, confidence, rejected, probabilities, canvas: image };
  const words = wording({ lines: [{ text: rejected ? "?" : String(digit), digits: [mark] }], left_out: [] });
  showText(words);
  showOne(mark);
  if (!drawing) say(words.said);
}

let saying = 0;
function say(words) {
  // The delay makes a digit of several strokes one announcement.
  clearTimeout(saying);
  if (words === shown) return;
  saying = setTimeout(() => ($("said").textContent = shown = words), 350);
}

// Tools.

$("undo").addEventListener("click", () => sheet.undo());
$("clear").addEventListener("click", () => sheet.clear());
$("pen").addEventListener("input", setPen);
sheet.addEventListener("pen", (event) => say(event.detail ? "Pen down" : "Pen up"));

function setPen() {
  sheet.width = Number($("pen").value);
  $("pen").setAttribute("aria-valuetext", `${sheet.width} pixels`);
  $("dot").style.setProperty("--size", `${2 + 0.6 * sheet.width}px`);
}

addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
    event.preventDefault();
    sheet.undo();
  }
});

$("samples").append(
  ...samples.map(({ name, strokes }) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 72;
    button.type = "button";
    button.setAttribute("aria-label", `Sample: ${name}`);
    button.append(canvas);
    button.addEventListener("click", () => sheet.write(strokes));
    item.append(button);
    return item;
  }),
);

/** Draw the samples in the color of the pen. */
function paintSamples() {
  samples.forEach(({ strokes }, i) => {
    const canvas = $("samples").children[i].querySelector("canvas");
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.scale(canvas.width / 480, canvas.height / 480);
    draw(context, strokes, getComputedStyle(canvas).getPropertyValue("--pen"));
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintSamples);

setPen();
paintSamples();
try {
  reader = await loadReader(fetch("reader.wasm"));
  showText(IDLE);
  read(false);
} catch (error) {
  showText({ words: "That did not work", note: `The network cannot be loaded: ${error.message}.`, wrong: true });
}
