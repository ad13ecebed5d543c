// Images of 784 bytes on stdin; for each what every layer gives, and the network's answer, as
// float32 on stdout: the panel's computation in JavaScript. The arguments are a folder with the
// page's network.js, and a C header or what the server answers to /page/network.

import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , folder, source] = process.argv;
const { answer, fromHeader, fromServer, trace } = await import(`${pathToFileURL(folder)}/network.js`);

const text = readFileSync(source, "utf8");
const network = source.endsWith(".h") ? fromHeader(text) : fromServer(JSON.parse(text));
const images = readFileSync(0);
for (let start = 0; start < images.length; start += 784) {
  const image = images.subarray(start, start + 784);
  const { values } = trace(network, image);
  const all = [...values.slice(1).flatMap((one) => [...one]), ...answer(network, image)];
  const out = Buffer.from(Float32Array.from(all).buffer);
  for (let at = 0; at < out.length; ) at += writeSync(1, out, at);
}
