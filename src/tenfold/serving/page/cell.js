// How one value was computed: patch x kernel for each channel, sum, bias, activation.

import { cell, label } from "./network.js";
import { channelOf, largest, make, mapColor, paint, short, signed } from "./painting.js";

const MAX_CHANNELS = 8; // shown of those that the sum comes from

/** Fill `place` with the calculation of the panel's chosen cell; return its value in words. */
export function showCell(place, panel) {
  const { chosen, network, traced, broken } = panel;
  const layer = network.layers[chosen.layer];
  const row = Math.min(chosen.row, layer.outSide - 1);
  const column = Math.min(chosen.column, layer.outSide - 1);
  const input = traced.values[chosen.layer];
  const found = layer.mean ? meanOf(layer, input, chosen.map) : cell(layer, input, chosen.map, row, column, broken);
  const given = traced.values[chosen.layer + 1][(row * layer.outSide + column) * layer.filters + chosen.map];
  const order = [...found.shares.keys()].sort((a, b) => Math.abs(found.shares[b]) - Math.abs(found.shares[a]));
  const channel = chosen.channel ?? order[0];
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  place.replaceChildren(
    heading(panel, layer, row, column, given),
    make("div", { className: "sum" },
      views(panel, layer, input, found, { row, column, channel }),
      make("div", { className: "working" },
        ...(layer.channels > 1 && !layer.mean ? [channels(panel, layer, input, found, order, channel)] : []),
        make("div", { className: "result" },
          ...(layer.mean ? [] : [equation(layer, found, channel)]),
          ledger(layer, found, channel, broken, given)))),
  );
  if (focused) place.querySelector(`[data-focus="${focused}"]`)?.focus();
  const where = layer.outSide > 1 ? `, row ${row + 1}, column ${column + 1}` : "";
  return `${label(layer.name)}, ${nameOf(layer, chosen.map)}${where}: ${short(given)}.`;
}

function nameOf(layer, map) {
  return layer.name === "logits" ? `digit ${map}` : `map ${map + 1}`;
}

function meanOf(layer, input, map) {
  const values = channelOf(input, map, layer.channels);
  const sum = values.reduce((total, one) => total + one, 0);
  const shares = new Float64Array(layer.channels);
  shares[map] = sum;
  return { shares, sum, value: sum / values.length, count: values.length };
}

function heading(panel, layer, row, column, value) {
  const { map } = panel.chosen;
  const where = layer.outSide > 1 ? `, row ${row + 1}, column ${column + 1}` : "";
  const title = make("h4", {}, `${label(layer.name)}, ${nameOf(layer, map)}${where}: `, make("b", { textContent: short(value) }));
  const close = make("button", { type: "button", className: "quiet", textContent: "Close" });
  close.addEventListener("click", () => {
    const opener = close.closest(".layer").querySelector("[aria-pressed=true]"); // the map or the digit
    panel.choose(null);
    opener?.focus();
  });
  const tools = layer.name === "logits" || layer.mean ? [] : [panel.switches.forMap(layer.name, map)];
  return make("div", { className: "layer-head" }, title, ...tools, close);
}

/** The map with the cell, and the map below with the patch. */
function views(panel, layer, input, found, { row, column, channel }) {
  const { layer: place, map } = panel.chosen;
  const below = place ? panel.network.layers[place - 1] : null;
  const figures = make("div", { className: "views" });
  const side = layer.side > 1 ? layer.side : 0;
  if (side) {
    const reach = (layer.size - 1) * layer.dilation + 1;
    const box = layer.mean ? [0, 0, side] : [found.top, found.left, reach];
    const name = below ? `${label(below.name)}, map ${channel + 1}: the patch` : "Image: the patch";
    figures.append(view(channelOf(input, channel, layer.channels), side, box, name));
  }
  if (layer.outSide > 1) {
    const values = channelOf(panel.traced.values[place + 1], map, layer.filters);
    const figure = view(values, layer.outSide, [row, column, 1], "This map: the cell");
    const frame = figure.firstChild;
    frame.tabIndex = 0;
    frame.dataset.focus = "map";
    frame.setAttribute("role", "application");
    frame.setAttribute("aria-label", `Map ${map + 1} of ${label(layer.name)}: arrow keys choose the cell`);
    const move = (down, right) => {
      const inside = (at) => Math.min(layer.outSide - 1, Math.max(0, at));
      panel.choose({ ...panel.chosen, row: inside(row + down), column: inside(column + right), channel: panel.chosen.channel });
    };
    frame.addEventListener("keydown", (event) => {
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      if (!moves[event.key]) return;
      event.preventDefault();
      move(...moves[event.key]);
    });
    frame.addEventListener("pointerdown", (event) => {
      const box = frame.getBoundingClientRect();
      const at = (where, start, length) => Math.floor((layer.outSide * (where - start)) / length);
      move(at(event.clientY, box.top, box.height) - row, at(event.clientX, box.left, box.width) - column);
    });
    figures.append(figure);
  }
  return figures;
}

/** A map, enlarged, with a square around some of it. */
function view(values, side, [top, left, size], caption) {
  const canvas = make("canvas", { width: side, height: side });
  const most = largest(values);
  paint(canvas, values.map((value) => value / most), mapColor);
  const square = make("i");
  const percent = (part) => `${(100 * part) / side}%`;
  square.style.setProperty("top", percent(top));
  square.style.setProperty("left", percent(left));
  square.style.setProperty("width", percent(size));
  return make("figure", {}, make("div", { className: "frame" }, canvas, square), make("figcaption", { textContent: caption }));
}

/** The channels that the sum comes from, the largest share first. */
function channels(panel, layer, input, found, order, channel) {
  const below = panel.network.layers[panel.chosen.layer - 1];
  const list = make("div", { className: "channels", role: "group", "aria-label": "Channels by their share of the sum" });
  const most = largest(found.shares);
  for (const one of order.slice(0, MAX_CHANNELS)) {
    const share = found.shares[one];
    const bar = make("i", { className: share < 0 ? "minus" : "plus" });
    bar.style.setProperty("--share", Math.abs(share) / most);
    const button = make("button", { type: "button", "aria-pressed": String(one === channel), "aria-label": `Map ${one + 1}: ${signed(share)}` },
      make("span", { textContent: `map ${one + 1}` }), bar, make("span", { textContent: signed(share) }));
    button.dataset.focus = `channel-${one}`;
    button.addEventListener("click", () => panel.choose({ ...panel.chosen, channel: one }));
    list.append(button);
  }
  const title = layer.channels > MAX_CHANNELS
    ? `The sum has a part from each of ${layer.channels} maps of ${label(below.name)}; the largest ${MAX_CHANNELS}:`
    : `The sum has a part from each of ${layer.channels} maps of ${label(below.name)}:`;
  return make("div", {}, make("p", { textContent: title }), list);
}

/** Patch, kernel and their products for one channel. */
function equation(layer, found, channel) {
  const count = layer.size ** 2;
  const pick = (values) => channelOf(values, channel, layer.channels);
  const [patch, weights] = [pick(found.patch), pick(found.weights)];
  const products = Float32Array.from({ length: count }, (_, i) => patch[i] * weights[i]);
  const scale = Math.max(largest(products), 1e-6);
  const line = make("div", { className: "equation" },
    grid("patch", patch, layer.size, largest(found.patch)), make("span", { textContent: "×" }),
    grid("kernel", weights, layer.size, largest(found.weights)), make("span", { textContent: "=" }),
    grid("products", products, layer.size, scale));
  return line;
}

function grid(name, values, size, most) {
  const rows = Array.from({ length: size }, (_, row) =>
    make("tr", {}, ...Array.from({ length: size }, (_, column) => {
      const value = values[row * size + column];
      const entry = make("td", { textContent: short(value), className: value < 0 ? "minus" : value > 0 ? "plus" : "zero" });
      entry.style.setProperty("--share", Math.min(1, Math.abs(value) / most));
      return entry;
    })));
  return make("table", { className: "numbers" }, make("caption", { textContent: name }), make("tbody", {}, ...rows));
}

/** The rest of the sum, line by line. */
function ledger(layer, found, channel, broken, given) {
  const list = make("dl", { className: "ledger" });
  const line = (what, value, strong) =>
    list.append(make("dt", { textContent: what }), make("dd", { className: strong ? "strong" : "", textContent: value }));
  if (layer.mean) {
    line(`sum of ${found.count} values`, short(found.sum));
    line(`divided by ${found.count}`, short(found.value), true);
  } else {
    line(layer.channels > 1 ? "products of this map, added" : "products, added", signed(found.shares[channel]));
    if (layer.channels > 1) line(`the other ${layer.channels - 1} maps`, signed(found.sum - found.shares[channel]));
    line(broken.biases ? "bias, switched off" : "bias", signed(found.bias));
    line("sum", short(found.sum + found.bias), layer.activation === "linear");
    if (layer.activation !== "linear") {
      const name = { relu: "ReLU: 0 if negative", silu: "SiLU: sum × sigmoid" }[layer.activation] ?? layer.activation;
      line(broken.activations ? "activation, switched off" : name, short(found.value), true);
    }
  }
  if (Math.abs(given - found.value) > 1e-3) line("switched off", short(given), true);
  const note = layer.pool > 1 ? make("p", { className: "more", textContent: `Max pooling: this sum is the largest of ${layer.pool ** 2} neighbors.` }) : "";
  return make("div", {}, list, note);
}
