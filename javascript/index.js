// Reads one handwritten digit: a small convolutional network in WebAssembly.

import { imageOf, isDot, markOf, toImage } from "./canvas.js";

export { toImage };

export const SIDE = 28;
const PIXELS = SIDE * SIDE;
const DIGITS = 10;
const MAGIC = [0, 0x61, 0x73, 0x6d]; // the first bytes of WebAssembly: \0asm

/** Load the reader. @param {BufferSource | WebAssembly.Module | Response | Promise<Response>} source */
export async function loadReader(source) {
  return new Reader(await instantiate(await source));
}

async function instantiate(source) {
  if (source instanceof WebAssembly.Module) return WebAssembly.instantiate(source, {});
  let from = "the source";
  if (typeof Response !== "undefined" && source instanceof Response) {
    if (!source.ok) throw new Error(`cannot load the reader: HTTP ${source.status} for ${source.url}`);
    from = `${source.url || "the response"} (${source.headers.get("content-type") ?? "no content type"})`;
    source = await source.arrayBuffer();
  }
  const bytes = new Uint8Array(ArrayBuffer.isView(source) ? source.buffer : source, source?.byteOffset);
  if (!MAGIC.every((byte, place) => bytes[place] === byte)) {
    throw new Error(`cannot load the reader: ${from} is no WebAssembly; give reader.wasm`);
  }
  return (await WebAssembly.instantiate(source, {})).instance;
}

class Reader {
  #exports;

  constructor({ exports }) {
    this.#exports = exports;
  }

  /** Classify an image of 28x28 bytes, white ink on black, as MNIST has them. */
  read(image) {
    if (image?.length !== PIXELS) {
      throw new RangeError(`the image has ${image?.length} pixels; give ${SIDE} x ${SIDE} = ${PIXELS}`);
    }
    const { memory, image: place, probabilities, read } = this.#exports;
    const bytes = new Uint8Array(memory.buffer, place(), PIXELS);
    bytes.set(image);
    const wrong = bytes.findIndex((byte, pixel) => byte !== image[pixel]);
    if (wrong >= 0) throw new RangeError(`the image has the value ${image[wrong]}; give whole numbers from 0 to 255`);
    const digit = read();
    return { digit, probabilities: new Float32Array(memory.buffer, probabilities(), DIGITS).slice() };
  }

  /** Read the digit in ink of any size; null if there is no ink. */
  readInk(ink, width, height) {
    const mark = markOf(ink, width, height);
    if (!mark) return null;
    const image = imageOf(mark);
    return { ...this.read(image), image, dot: isDot(mark) };
  }
}
