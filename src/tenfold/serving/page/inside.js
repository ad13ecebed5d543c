// The panel "Look inside": which ink decided, and the feature maps of each layer.

import { bytes } from "./answer.js";

const $ = (id) => document.getElementById(id);
const MAX_MAPS = 32; // shown of a layer
const PURPOSES = {
  conv1: "Each map is the response of one filter: bright where the image has the stroke that the filter detects.",
  conv2: "These filters detect patterns in the maps above.",
  pool1: "Each value is the strongest response in a small square: the maps shrink, and the exact position of a stroke matters less.",
  average1: "The mean of each map: what the image contains, regardless of the position.",
  dense1: "Weighted sums of all values above.",
};

/** Show the response of `/page/explain`. @param {Uint8Array} image 784 bytes */
export function showInside(document_, image) {
  showEvidence(document_, image);
  const layers = document_.layers.filter((layer) => layer.name !== "logits" && layer.kind !== "flatten");
  const place = $("layers");
  const names = layers.map((layer) => layer.name).join();
  if (place.dataset.names !== names) {
    place.dataset.names = names;
    place.replaceChildren(...layers.map(makeLayer));
  }
  layers.forEach((layer, i) => paintLayer(place.children[i], layer));
}

function makeLayer({ name, shape }) {
  const section = document.createElement("section");
  const title = document.createElement("h3");
  const purpose = document.createElement("p");
  section.className = "layer";
  const maps = shape.length === 3;
  title.textContent = maps ? `${label(name)}: ${shape[2]} maps of ${shape[0]} × ${shape[1]}` : `${label(name)}: ${shape[0]} values`;
  purpose.textContent = PURPOSES[name] ?? "";
  section.append(title, purpose);
  if (maps) {
    const grid = document.createElement("div");
    grid.className = "maps";
    grid.setAttribute("role", "img");
    grid.setAttribute("aria-label", `Feature maps of ${label(name)}`);
    const count = Math.min(shape[2], MAX_MAPS);
    for (let i = 0; i < count; i++) grid.append(canvasOf(shape[1], shape[0]));
    section.append(grid);
    if (shape[2] > count) {
      const more = document.createElement("p");
      more.className = "more";
      more.textContent = `The first ${count} of ${shape[2]}.`;
      section.append(more);
    }
  } else {
    const strip = canvasOf(shape[0], 1);
    strip.className = "strip";
    strip.setAttribute("role", "img");
    strip.setAttribute("aria-label", `Values of ${label(name)}`);
    section.append(strip);
  }
  return section;
}

function label(name) {
  const [, kind, number] = name.match(/^([a-z_]+?)(\d*)$/) ?? [null, name, ""];
  const names = { conv: "Convolution", pool: "Pooling", average: "Average", dense: "Dense" };
  return `${names[kind] ?? kind} ${number}`.trim();
}

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

function paintLayer(section, { shape, values }) {
  const all = bytes(values);
  const canvases = section.querySelectorAll("canvas");
  const size = shape.length === 3 ? shape[0] * shape[1] : shape[0];
  canvases.forEach((canvas, i) => paint(canvas, all.subarray(i * size, (i + 1) * size), mapColor));
}

/** A color from dark blue (0) over light blue to white (255). */
function mapColor(value) {
  const share = value / 255;
  return [16 + 239 * share ** 1.6, 32 + 223 * share ** 0.95, 44 + 211 * share ** 0.7];
}

function paint(canvas, values, color) {
  const image = new ImageData(canvas.width, canvas.height);
  values.forEach((value, i) => image.data.set([...color(value, i), 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function showEvidence({ digit, occlusion }, image) {
  const values = new Int8Array(bytes(occlusion.values).buffer);
  paint($("evidence"), values, (value, i) => {
    const share = Math.abs(value) / 127;
    const gray = image[i] * 0.55;
    const to = value > 0 ? [255, 122, 64] : [84, 160, 255];
    return to.map((part) => gray + (part - gray) * share ** 0.8);
  });
  const times = 10 ** occlusion.strongest;
  $("evidence-note").textContent =
    times > 1.05 ? `The odds of ${digit} change by a factor of up to ${short(times)}.` : `The odds of ${digit} hardly change.`;
}

function short(times) {
  if (times >= 1e6) return "a million";
  if (times >= 1000) return `${Math.round(times / 1000).toLocaleString("en")},000`;
  return times >= 10 ? String(Math.round(times)) : times.toFixed(1);
}
