// The panel of layers: feature maps, the cell that was chosen and how it was computed, the softmax,
// and switches that break the network. It computes everything from the network's weights.

import { showCell } from "./cell.js";
import { answer, intact, isIntact, label, trace } from "./network.js";
import { channelOf, largest, make, mapColor, paint } from "./painting.js";
import { Softmax } from "./softmax.js";
import { Switches } from "./switches.js";

const MAX_MAPS = 64; // shown of a layer
const MAX_UNITS = 128; // shown of a layer without places
const PURPOSES = {
  image: "The pixels, from 0 for paper to 1 for full ink.",
  conv1: "Each map is the response of one filter: bright where the image has the stroke that the filter detects.",
  conv2: "These filters detect patterns in the maps above.",
  average1: "The mean of each map: what the image contains, regardless of the position.",
  deskew1: "The image without its slant.",
  pool1: "Each value is the strongest response in a small square: the maps shrink, and the exact position of a stroke matters less.",
  dense1: "Weighted sums of all values above.",
};

/**
 * The panel. Fires "choose", with words for a screen reader, and "switch".
 * `chosen` is the cell: {layer, map, row, column, channel}, or null; `broken` the switches; `answers`
 * the probabilities of the broken network and of the sound one, if switches are off.
 */
export class Panel extends EventTarget {
  constructor(place, network) {
    super();
    this.network = network;
    this.chosen = null;
    this.broken = intact();
    this.answers = {};
    this.image = null;
    this.switches = new Switches(this);
    this.softmax = new Softmax(this);
    const pixels = { name: "image", outSide: 28, filters: 1 };
    this.sections = [pixels, ...network.layers.slice(0, -1)].map((layer, i) => this.#section(layer, i));
    this.cell = make("div", { className: "cell" });
    place.replaceChildren(this.switches.element, ...this.sections, this.softmax.element);
  }

  /** Show an image: 28x28 bytes. */
  show(image) {
    this.image = image;
    this.refresh();
  }

  /** Compute and paint everything again. */
  refresh() {
    if (!this.image) return;
    this.traced = trace(this.network, this.image, this.broken);
    this.sections.forEach((section, i) => this.#paint(section, i));
    this.softmax.show(this.traced);
    this.answers = isIntact(this.broken) ? {} : {
      sound: answer(this.network, this.image),
      changed: answer(this.network, this.image, this.broken),
    };
    this.switches.show(this.broken, this.answers);
    this.#showCell();
  }

  /** Switch something on or off: `change` gets the switches. */
  switch(change) {
    change(this.broken);
    this.refresh();
    this.dispatchEvent(new Event("switch"));
  }

  /** Choose a cell of a layer, counted from the first convolution; null closes the calculation. */
  choose(chosen) {
    this.chosen = chosen;
    this.dispatchEvent(new CustomEvent("choose", { detail: this.#showCell() }));
  }

  #section(layer, i) {
    const { name, outSide, filters } = layer;
    const shown = Math.min(filters, outSide === 1 ? MAX_UNITS : MAX_MAPS);
    const size = outSide === 1 ? `${filters} values` : `${filters === 1 ? "" : `${filters} maps of `}${outSide} × ${outSide}`;
    const head = make("div", { className: "layer-head" }, make("h3", { textContent: `${label(name)}: ${size}` }));
    if (i > 0) head.append(this.switches.forLayer(name, label(name)));
    const maps = make("div", { className: outSide === 1 ? "maps units" : "maps", role: "group", "aria-label": `Feature maps of ${label(name)}` });
    for (let map = 0; map < shown; map++) maps.append(this.#map(i - 1, map, outSide));
    const first = maps.querySelector("button");
    if (first) first.tabIndex = 0;
    maps.addEventListener("keydown", (event) => rove(event, maps));
    const section = make("section", { className: `layer of-${name.replace(/\d/, "")}` }, head);
    const purpose = PURPOSES[name] ?? (name.startsWith("conv") ? PURPOSES.conv2 : "");
    section.append(make("p", { textContent: purpose }), maps);
    if (shown < filters) section.append(make("p", { className: "more", textContent: `The first ${shown} of ${filters}.` }));
    return section;
  }

  #map(layer, map, side) {
    const canvas = make("canvas", { width: side, height: side });
    if (layer < 0 || this.network.layers[layer].deskew) return make("span", { className: "pixels" }, canvas);
    const button = make("button", { type: "button", tabIndex: -1 }, canvas);
    button.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      // A click of the keyboard has no place: it takes the strongest value.
      const at = (where, start, length) => Math.min(side - 1, Math.max(0, Math.floor((side * (where - start)) / length)));
      const [row, column] = event.detail
        ? [at(event.clientY, box.top, box.height), at(event.clientX, box.left, box.width)]
        : this.strongest(layer, map);
      this.choose({ layer, map, row, column });
    });
    return button;
  }

  /** Row and column of a map's largest value. */
  strongest(layer, map) {
    const { outSide, filters } = this.network.layers[layer];
    const values = channelOf(this.traced.values[layer + 1], map, filters);
    const place = values.indexOf(Math.max(...values));
    return [Math.floor(place / outSide), place % outSide];
  }

  #paint(section, i) {
    const values = this.traced.values[i];
    const channels = i ? this.network.layers[i - 1].filters : 1;
    const most = largest(values);
    section.querySelectorAll(".maps > * > canvas").forEach((canvas, map) => {
      const shares = channelOf(values, map, channels).map((value) => value / most);
      paint(canvas, shares, mapColor);
      if (i) canvas.parentElement.setAttribute("aria-label", `Map ${map + 1}, largest value ${Math.max(...shares.map((one) => one * most)).toFixed(2)}`);
    });
  }

  /** Show the calculation of the chosen cell; return it in words. */
  #showCell() {
    for (const button of document.querySelectorAll(".maps button[aria-pressed=true]")) button.removeAttribute("aria-pressed");
    this.softmax.mark(null);
    if (!this.chosen || !this.traced) {
      this.cell.remove();
      return "";
    }
    const { layer, map } = this.chosen;
    const last = layer === this.network.layers.length - 1;
    const section = last ? this.softmax.element : this.sections[layer + 1];
    if (last) this.softmax.mark(map);
    else section.querySelectorAll(".maps button")[map]?.setAttribute("aria-pressed", "true");
    if (this.cell.parentElement !== section) section.append(this.cell);
    return showCell(this.cell, this);
  }
}

/** Arrow keys move the focus among the buttons of a group, which is one stop of the Tab key. */
function rove(event, group) {
  const buttons = [...group.querySelectorAll("button")];
  const here = buttons.indexOf(document.activeElement);
  const across = getComputedStyle(group).gridTemplateColumns.split(" ").length;
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, Home: -here, End: buttons.length - 1 - here };
  const next = buttons[here + moves[event.key]];
  if (!next) return;
  event.preventDefault();
  for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
  next.focus();
}
