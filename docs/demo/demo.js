// The page: reads the sheet with the network in WebAssembly, and shows the answer.

import { showOne, showText, wording } from "./answer.js";
import { loadReader } from "./index.js";
import { Panel } from "./layers.js";
import { fragment, parsed } from "./lesson.js";
import { fromHeader } from "./network.js";
import { samples } from "./samples.js";
import { draw, Sheet } from "./sheet.js";

const $ = (id) => document.getElementById(id);
const SIDE = 240; // side of the drawing that is read, in pixels
const THRESHOLD = 0.96; // probability below which tiny's digits are rejected (its meta.json)
const IDLE = { words: "Write a digit", note: "The answer appears as you draw.", idle: true };

const sheet = new Sheet($("sheet"));
let reader = null;
let panel = null; // "Look inside", once it has been opened
let answer = null; // of the network in WebAssembly
let sample = null; // name of the sample on the sheet, as long as it is unchanged
let asked = 0; // the animation frame that will read the sheet
let shown = ""; // the answer that a screen reader has heard

// Reading.

sheet.addEventListener("change", (event) => {
  $("hint").hidden = !sheet.empty;
  $("undo").disabled = sheet.empty && !sheet.cleared;
  $("clear").disabled = sheet.empty;
  if (!sheet.items.at(-1)?.sample) sample = null;
  const { drawing } = event.detail;
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => read(drawing));
});

function read(drawing) {
  if (!reader) return;
  const started = performance.now();
  const { ink, width, height } = sheet.ink(SIDE);
  answer = reader.readInk(ink, width, height);
  $("timing").textContent = answer ? `Read in ${(performance.now() - started).toFixed(1)} ms.` : "";
  $("inside").classList.toggle("stale", !answer);
  if (answer && $("inside").open) panel?.show(answer.image);
  show(drawing);
}

/** Show the answer: that of the broken network, if switches are off. */
function show(drawing) {
  if (!drawing) remember();
  if (!answer) {
    showText(IDLE);
    showOne(null);
    if (!drawing) say("The sheet is empty.");
    return;
  }
  const changed = $("inside").open && panel?.answers.changed;
  const probabilities = [...(changed || answer.probabilities)];
  const confidence = Math.max(...probabilities);
  const digit = probabilities.indexOf(confidence);
  const rejected = confidence < THRESHOLD;
  const mark = { none: answer.dot, digit, confidence, rejected, probabilities, canvas: answer.image };
  const lines = [{ text: rejected ? "?" : String(digit), digits: [mark] }];
  const words = wording(answer.dot ? { lines: [], left_out: [mark], threshold: THRESHOLD } : { lines, left_out: [] });
  if (changed) words.note += " The network is broken.";
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

// Looking inside, and the address.

let opening = null;
const openPanel = () => (opening ??= makePanel());

async function makePanel() {
  const response = await fetch("tiny.h");
  if (!response.ok) throw new Error(`HTTP ${response.status} for ${response.url}`);
  panel = new Panel($("layers"), fromHeader(await response.text()));
  panel.addEventListener("switch", () => show(false));
  panel.addEventListener("choose", (event) => {
    remember();
    say(event.detail);
  });
}

$("inside").addEventListener("toggle", async () => {
  if ($("inside").open) await openPanel().catch(fail);
  read(false);
});

/** Write what is shown into the address. */
function remember() {
  const { chosen = null, network, broken } = panel ?? { broken: parsed("", []).broken };
  const state = { sample, strokes: sheet.items, open: $("inside").open, chosen, broken };
  const text = fragment(state, network?.layers ?? []);
  history.replaceState(null, "", text ? `#${text}` : location.pathname);
}

/** Show what the address says. */
async function follow() {
  const text = location.hash.slice(1);
  if (!text) return;
  const { open } = parsed(text, []);
  if (open || /(^|&)(layer|off|noise)=/.test(text)) await openPanel();
  const state = parsed(text, panel?.network.layers ?? []);
  if (panel) Object.assign(panel, { chosen: state.chosen, broken: state.broken });
  $("inside").open = state.open;
  const strokes = samples.find(({ name }) => name === state.sample)?.strokes ?? state.strokes;
  if (strokes.length) take(strokes, state.sample);
  else read(false);
}

addEventListener("hashchange", () => follow().catch(fail));

function take(strokes, name) {
  sample = name;
  sheet.write(strokes.map((stroke) => ({ ...stroke, sample: name })));
}

function fail(error) {
  const note = `The network cannot be loaded: ${error.message}.`;
  showText({ words: "That did not work", note, wrong: true });
  say(note);
}

$("link").addEventListener("click", async () => {
  let words = "Copied";
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {
    words = "The browser does not allow it: copy the address"; // http, or a refusal
  }
  $("link-words").textContent = words;
  say(words);
  setTimeout(() => ($("link-words").textContent = "Copy a link to this"), 4000);
});

// Tools.

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address holds the lesson
  $("sheet").focus();
});
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
    button.addEventListener("click", () => take(strokes, name));
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
addEventListener("theme", () => (paintSamples(), sheet.paint())); // of the site around this page

setPen();
paintSamples();
/** Keep the files of the page, for visits without a network. */
async function keep() {
  if (!navigator.serviceWorker || !navigator.onLine) return;
  await navigator.serviceWorker.register("sw.js");
  const files = performance.getEntriesByType("resource").map(({ name }) => name);
  await (await caches.open("demo")).addAll([...new Set([location.pathname, ...files, "tiny.h"])]);
  document.body.dataset.kept = "";
}

try {
  reader = await loadReader(fetch("reader.wasm"));
  showText(IDLE);
  await follow();
} catch (error) {
  fail(error);
}
keep().catch(() => {}); // a browser that keeps nothing still reads
