// Images of 784 bytes on stdin; for each what every layer gives, and the network's answer, as
// float32 on stdout: the panel's computation in JavaScript. The argument is the C header.

import { readFileSync, writeSync } from "node:fs";

const module = new URL("../src/tenfold/serving/page/network.js", import.meta.url);
const { answer, fromHeader, trace } = await import(`data:text/javascript,${encodeURIComponent(readFileSync(module, "utf8"))}`);

const network = fromHeader(readFileSync(process.argv[2], "utf8"));
const images = readFileSync(0);
for (let start = 0; start < images.length; start += 784) {
  const image = images.subarray(start, start + 784);
  const { values } = trace(network, image);
  const all = [...values.slice(1).flatMap((one) => [...one]), ...answer(network, image)];
  writeSync(1, new Uint8Array(Float32Array.from(all).buffer));
}
