// The state of the page in the fragment of its address: a lesson is a link.
//
// #sample=4 or #ink=... (strokes); layer, map, cell (row.column), channel: what is chosen; off: what
// is switched off (biases, activations, conv3, conv2.5); noise; open: the panel is open.

const THIN = 8; // shortest distance of two points of a stroke that is kept, in pixels
const STEP = 2; // pixels that a unit of the fragment stands for: the sheet has 480, a byte 256

/** Strokes as base64 for addresses: for each its number of points, its width, x and y of each. */
export function packed(strokes) {
  const bytes = strokes.flatMap(({ points, width }) => {
    const kept = thinned(points).slice(0, 255);
    return [kept.length, width, ...kept.flat().map((one) => Math.min(255, Math.max(0, Math.round(one / STEP))))];
  });
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The strokes of `packed`; none if the text is something else. */
export function unpacked(text) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  } catch {
    return [];
  }
  const strokes = [];
  for (let at = 0; at + 2 < bytes.length; ) {
    const [count, width] = bytes.subarray(at, at + 2);
    const values = bytes.subarray(at + 2, at + 2 + 2 * count);
    if (!count || values.length < 2 * count) return strokes;
    strokes.push({ width, points: Array.from({ length: count }, (_, i) => [STEP * values[2 * i], STEP * values[2 * i + 1]]) });
    at += 2 + 2 * count;
  }
  return strokes;
}

function thinned(points) {
  const kept = [points[0]];
  for (const point of points) {
    if (Math.hypot(point[0] - kept.at(-1)[0], point[1] - kept.at(-1)[1]) >= THIN) kept.push(point);
  }
  if (points.length > 1 && kept.at(-1) !== points.at(-1)) kept.push(points.at(-1));
  return kept;
}

/** The fragment of a state; see `parsed`. */
export function fragment({ sample, strokes, open, chosen, broken }, layers) {
  const query = new URLSearchParams();
  if (sample) query.set("sample", sample);
  else if (strokes.length) query.set("ink", packed(strokes));
  if (open) query.set("open", 1);
  if (chosen) {
    query.set("layer", layers[chosen.layer].name);
    query.set("map", chosen.map);
    query.set("cell", `${chosen.row}.${chosen.column}`);
    if (chosen.channel !== undefined) query.set("channel", chosen.channel);
  }
  const off = [...(broken.biases ? ["biases"] : []), ...(broken.activations ? ["activations"] : []), ...broken.layers, ...broken.maps];
  if (off.length) query.set("off", off.join(" "));
  if (broken.noise) query.set("noise", broken.noise);
  return query.toString();
}

/** What a fragment says; whatever the page does not know is left out. */
export function parsed(text, layers) {
  const query = new URLSearchParams(text);
  const number = (name, most) => {
    const value = Number(query.get(name) ?? NaN);
    return Number.isInteger(value) && value >= 0 && value < most ? value : undefined;
  };
  const layer = layers.findIndex((one) => one.name === query.get("layer"));
  const { filters = 0, channels = 0, outSide = 1 } = layers[layer] ?? {};
  const map = number("map", filters);
  const [row = 0, column = 0] = (query.get("cell") ?? "").split(".").map((one) => Math.min(outSide - 1, Math.max(0, Math.trunc(Number(one)) || 0)));
  const off = (query.get("off") ?? "").split(" ");
  const known = (name) => layers.some((one) => one.name === name.split(".")[0]);
  return {
    sample: query.get("sample"),
    strokes: unpacked(query.get("ink") ?? ""),
    open: query.has("open") || map !== undefined || query.has("off") || query.has("noise"),
    chosen: map === undefined ? null : { layer, map, row, column, channel: number("channel", channels) },
    broken: {
      biases: off.includes("biases"),
      activations: off.includes("activations"),
      layers: new Set(off.filter((name) => known(name) && !name.includes("."))),
      maps: new Set(off.filter((name) => known(name) && name.includes("."))),
      noise: Math.min(1, Math.max(0, Number(query.get("noise")) || 0)),
    },
  };
}
