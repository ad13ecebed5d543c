// The panel "Look inside": which ink decided, and the layers of the network.

import { bytes } from "./answer.js";
import { Panel } from "./layers.js";
import { fromServer } from "./network.js";
import { paint } from "./painting.js";

const $ = (id) => document.getElementById(id);

/** Fires "say" with words for a screen reader. */
export class Inside extends EventTarget {
  constructor() {
    super();
    this.image = null; // 784 bytes
    this.busy = false;
    this.next = false; // whether the image has changed while a request is open
    this.panel = null;
    $("inside").addEventListener("toggle", () => this.show(this.image));
  }

  /** Show an image of 784 bytes, once the panel is open; null hides what is shown. */
  show(image) {
    this.image = image;
    if (!image) $("inside").classList.add("stale");
    else if ($("inside").open) this.#update();
  }

  async #update() {
    if (this.busy) {
      this.next = true;
      return;
    }
    this.busy = true;
    const { image } = this;
    try {
      const [evidence] = await Promise.all([explained(image), this.#open()]);
      if (this.image) {
        showEvidence(evidence, image);
        this.panel?.show(image);
        $("inside").classList.remove("stale");
      }
    } catch {
      // The next stroke sends another request.
    } finally {
      this.busy = false;
      if (this.next && this.image) {
        this.next = false;
        this.#update();
      }
    }
  }

  /** Make the panel of layers, unless the server does not know them. */
  async #open() {
    if (this.panel || $("layers").hidden) return;
    const response = await fetch("/page/network");
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const network = fromServer(await response.json());
    $("layers").hidden = network.layers.length === 0;
    if ($("layers").hidden) return;
    this.panel = new Panel($("layers"), network);
    this.panel.addEventListener("choose", ({ detail }) => this.dispatchEvent(new CustomEvent("say", { detail })));
  }
}

async function explained(image) {
  const response = await fetch("/page/explain", {
    method: "POST", body: image, headers: { "content-type": "application/octet-stream" },
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
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
