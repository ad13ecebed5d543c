// Switches that break the network: biases, activations, noise, layers, single maps.

import { percent } from "./answer.js";
import { intact, isIntact } from "./network.js";
import { make } from "./painting.js";

const MOST_NOISE = 0.6; // standard deviation, where 1 is full ink

export class Switches {
  constructor(panel) {
    this.panel = panel;
    this.layers = new Map();
    this.biases = this.#checkbox("Biases", (broken, on) => (broken.biases = !on));
    this.activations = this.#checkbox("Activations", (broken, on) => (broken.activations = !on));
    this.noise = make("input", { type: "range", min: 0, max: MOST_NOISE, step: 0.05, value: 0 });
    this.noise.addEventListener("input", () => panel.switch((broken) => (broken.noise = Number(this.noise.value))));
    this.mend = make("button", { type: "button", className: "quiet", textContent: "Mend all", disabled: true });
    this.mend.addEventListener("click", () => panel.switch(() => (panel.broken = intact())));
    this.answer = make("p", { className: "broken", role: "status" });
    this.element = make("fieldset", { className: "switches" }, make("legend", { textContent: "Break it" }),
      this.biases, this.activations, make("label", {}, "Noise", this.noise), this.mend, this.answer);
  }

  #checkbox(text, change, words = text) {
    const box = make("input", { type: "checkbox", checked: true, "aria-label": words });
    box.addEventListener("change", () => this.panel.switch((broken) => change(broken, box.checked)));
    return make("label", { className: "switch" }, box, text);
  }

  /** The switch of a layer, for its heading. */
  forLayer(name, label) {
    const change = ({ layers }, on) => (on ? layers.delete(name) : layers.add(name));
    const element = this.#checkbox("on", change, `${label} on`);
    this.layers.set(name, element);
    return element;
  }

  /** The switch of one map of a layer, for the calculation. */
  forMap(name, map) {
    const key = `${name}.${map}`;
    const element = this.#checkbox("map on", ({ maps }, on) => (on ? maps.delete(key) : maps.add(key)), `Map ${map + 1} on`);
    element.firstChild.checked = !this.panel.broken.maps.has(key);
    element.firstChild.dataset.focus = "map-switch";
    return element;
  }

  /** Show the switches as they are, and what they do to the answer. */
  show(broken, { sound, changed }) {
    this.biases.firstChild.checked = !broken.biases;
    this.activations.firstChild.checked = !broken.activations;
    this.noise.value = broken.noise;
    this.noise.setAttribute("aria-valuetext", broken.noise ? `standard deviation ${broken.noise}` : "none");
    for (const [name, element] of this.layers) element.firstChild.checked = !broken.layers.has(name);
    this.mend.disabled = isIntact(broken);
    const words = (probabilities) => {
      const digit = probabilities.indexOf(Math.max(...probabilities));
      return `${digit} (${percent(probabilities[digit])})`;
    };
    const off = broken.maps.size ? ` ${broken.maps.size === 1 ? "1 map is" : `${broken.maps.size} maps are`} off.` : "";
    const text = changed ? `The broken network says ${words(changed)}; mended, ${words(sound)}.${off}` : "";
    if (this.answer.textContent !== text) this.answer.textContent = text;
  }
}
