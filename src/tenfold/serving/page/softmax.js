// The softmax, step by step: a sum for each digit, its power of e, its share.

import { make, short } from "./painting.js";
import { shortPercent } from "./answer.js";

export class Softmax {
  constructor(panel) {
    this.panel = panel;
    const head = make("tr", {}, ...["digit", "logit z", "e^(z − largest)", "probability"].map((text) => make("th", { scope: "col", textContent: text })), make("td"));
    this.rows = Array.from({ length: 10 }, (_, digit) => this.#row(digit));
    this.total = make("td");
    const foot = make("tr", {}, make("th", { scope: "row", textContent: "sum" }), make("td"), this.total, make("td", { textContent: "100%" }), make("td"));
    const { shifts } = panel.network;
    const passes = (2 * shifts + 1) ** 2;
    const note = shifts ? ` The answer is the mean of ${passes} such rows: of the image, and of the image moved by a pixel to each side.` : "";
    this.element = make("section", { className: "layer softmax" },
      make("div", { className: "layer-head" }, make("h3", { textContent: "Softmax: from sums to probabilities" })),
      make("p", { textContent: `The last layer gives a sum for each digit, the logit. Its exponential is positive; divided by the sum of all ten exponentials, it is a probability. Choose a digit to see its sum.${note}` }),
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...this.rows), make("tfoot", {}, foot)));
  }

  #row(digit) {
    const button = make("button", { type: "button", textContent: digit, "aria-label": `Digit ${digit}: show the sum` });
    button.addEventListener("click", () => {
      this.panel.choose({ layer: this.panel.network.layers.length - 1, map: digit, row: 0, column: 0 });
    });
    const bar = make("td", { className: "share" }, make("i"));
    return make("tr", {}, make("th", { scope: "row" }, button), make("td"), make("td"), make("td"), bar);
  }

  show({ values, probabilities }) {
    const logits = values.at(-1);
    const most = Math.max(...logits);
    const powers = [...logits].map((logit) => Math.exp(logit - most));
    this.rows.forEach((row, digit) => {
      const [, logit, power, share, bar] = row.children;
      logit.textContent = short(logits[digit]);
      power.textContent = powers[digit] < 0.0005 ? "0.000" : powers[digit].toFixed(3);
      share.textContent = shortPercent(probabilities[digit]);
      bar.firstChild.style.setProperty("--share", probabilities[digit]);
      row.classList.toggle("best", logits[digit] === most);
    });
    this.total.textContent = powers.reduce((sum, one) => sum + one, 0).toFixed(3);
  }

  /** Mark the digit whose sum is shown. */
  mark(digit) {
    this.rows.forEach((row, one) => row.querySelector("button").setAttribute("aria-pressed", String(one === digit)));
  }
}
