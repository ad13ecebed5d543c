// Reads marks from stdin (int32 width, int32 height, float32 ink) with the JavaScript reader, and
// writes for each the image (784 bytes), the digit (1 byte), whether it is a dot (1 byte) and its probabilities (10 x float32).

import { readFileSync } from "node:fs";
import { loadReader } from "../javascript/index.js";

const reader = await loadReader(readFileSync(new URL("../javascript/reader.wasm", import.meta.url)));
const bytes = readFileSync(0);
for (let at = 0; at < bytes.length; ) {
  const [width, height] = [bytes.readInt32LE(at), bytes.readInt32LE(at + 4)];
  const end = at + 8 + 4 * width * height;
  const ink = new Float32Array(bytes.buffer.slice(bytes.byteOffset + at + 8, bytes.byteOffset + end));
  const { image, digit, dot, probabilities } = reader.readInk(ink, width, height);
  process.stdout.write(Buffer.concat([image, Uint8Array.of(digit, dot), new Uint8Array(probabilities.buffer)].map((one) => Buffer.from(one))));
  at = end;
}
