// The network in JavaScript: every value between the image and the answer, and ways to break it.
//
// A layer is a convolution with its pooling and activation: {name, side, channels, size, stride,
// dilation, before, pool, poolStride, outSide, filters, kernel, scale, bias, activation}. `kernel`
// holds size x size x channels x filters weights; the largest sum of a pool is scaled, then the bias
// is added. Other layers are the mean of each channel ({mean: true}) and deskewing ({deskew}). Values
// lie row by row, channels last; pixels outside the image are 0.

import { bytes } from "./answer.js";

const SIDE = 28;
const DIGITS = 10;
const KINDS = {
  image: "Image", conv: "Convolution", depthwise: "Depthwise convolution", pool: "Pooling", deskew: "Deskewing",
  average: "Average", dense: "Dense layer", logits: "Logits",
};
const ACTIVATIONS = {
  linear: (sum) => sum,
  relu: (sum) => Math.max(0, sum),
  leaky_relu: (sum) => Math.max(0.2 * sum, sum),
  elu: (sum) => (sum > 0 ? sum : Math.expm1(sum)),
  silu: (sum) => sum / (1 + Math.exp(-sum)),
  sigmoid: (sum) => 1 / (1 + Math.exp(-sum)),
  tanh: Math.tanh,
  gelu: (sum) => (sum / 2) * (1 + erf(sum / Math.SQRT2)),
};

/** The layers of a network's C header, such as tiny.h. @returns {{layers: object[], shifts: number}} */
export function fromHeader(text) {
  const arrays = {};
  for (const [, name, values] of text.matchAll(/static const \w+ (\w+)\[\d+\] = \{([^}]*)\}/g)) {
    arrays[name] = Float32Array.from(values.split(","), parseFloat);
  }
  const layers = [];
  let depthwise = null;
  for (const [, call, list] of text.matchAll(/^ {4}(convolve|depthwise|average|deskew)\((.*)\);$/gm)) {
    const given = list.split(", ").map((word) => arrays[word] ?? (/^\d+$/.test(word) ? Number(word) : word));
    if (call === "depthwise") depthwise = given;
    else if (call === "average" && !depthwise) layers.push({ name: "average1", mean: true, side: given[1], channels: given[2], outSide: 1, filters: given[2] });
    else if (call !== "convolve") throw new Error(`the page cannot compute ${call}`);
    else {
      layers.push(convolution(list.match(/(\w+)_kernel/)[1], given, depthwise));
      depthwise = null;
    }
  }
  return { layers, shifts: Number(text.match(/shifts = (\d+)/)[1]) };
}

/** The same from what the server answers to `/page/network`. */
export function fromServer({ layers, shifts }) {
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const decoded = ({ kernel, scale, bias, ...rest }) =>
    kernel === undefined ? rest : { ...rest, kernel: floats(kernel), scale: floats(scale), bias: floats(bias) };
  return { layers: layers.map(decoded), shifts };
}

/** A convolution with float weights; one filter for each channel and their mixture make one kernel. */
function convolution(name, given, depthwise) {
  let [, side, channels, whole, size, stride, dilation, before] = given;
  const [pool, poolStride, scale, bias, kind, , outSide, filters] = given.slice(8);
  const each = depthwise?.[3];
  if (each) [, side, channels, , size, stride, dilation, before] = depthwise;
  const kernel = new Float32Array(size * size * channels * filters);
  for (let at = 0; at < size * size; at++) {
    for (let c = 0; c < channels; c++) {
      for (let f = 0; f < filters; f++) {
        const weight = each
          ? each[c * size * size + at] * depthwise[8][c] * whole[f * channels + c]
          : whole[(f * size * size + at) * channels + c];
        kernel[(at * channels + c) * filters + f] = weight;
      }
    }
  }
  const activation = kind.toLowerCase();
  return { name, side, channels, size, stride, dilation, before, pool, poolStride, outSide, filters, kernel, scale, bias, activation };
}

/** The name of a layer in words. */
export function label(name) {
  const [, kind, number] = name.match(/^([a-z]+?)(\d*)$/) ?? [null, name, ""];
  return `${KINDS[kind] ?? kind} ${number}`.trim();
}

/** What can be switched off: nothing to begin with. `layers` and `maps` ("conv2.5") give 0. */
export function intact() {
  return { biases: false, activations: false, noise: 0, layers: new Set(), maps: new Set() };
}

export function isIntact(broken) {
  return !broken.biases && !broken.activations && !broken.noise && !broken.layers.size && !broken.maps.size;
}

/**
 * Every layer's output for an image.
 * @param {Uint8Array} image 28x28 bytes, white ink on black.
 * @returns {{values: Float32Array[], probabilities: Float64Array}} `values[0]` are the pixels, 0
 *   to 1; `values[i + 1]` is what layer i gives; the last are the logits.
 */
export function trace(network, image, broken = intact()) {
  const values = [noisy(image, broken.noise)];
  for (const layer of network.layers) {
    const out = outputOf(layer, values.at(-1), broken);
    if (broken.layers.has(layer.name)) out.fill(0);
    for (const name of broken.maps) {
      const [of, map] = name.split(".");
      if (of === layer.name) for (let i = Number(map); i < out.length; i += layer.filters) out[i] = 0;
    }
    values.push(out);
  }
  return { values, probabilities: softmax(values.at(-1)) };
}

function outputOf(layer, input, broken) {
  if (layer.mean) return means(input, layer);
  return layer.deskew ? deskewed(input, layer.deskew) : convolved(input, layer, broken);
}

/** The mean probabilities of the image and of its shifts, as the whole network answers. */
export function answer(network, image, broken = intact()) {
  const sums = new Float64Array(DIGITS);
  const shifts = Array.from({ length: 2 * network.shifts + 1 }, (_, i) => i - network.shifts);
  for (const down of shifts) {
    for (const right of shifts) {
      const { probabilities } = trace(network, shifted(image, down, right), broken);
      probabilities.forEach((one, digit) => (sums[digit] += one / shifts.length ** 2));
    }
  }
  return sums;
}

export function softmax(logits) {
  const most = Math.max(...logits);
  const powers = Float64Array.from(logits, (one) => Math.exp(one - most));
  const total = powers.reduce((sum, one) => sum + one, 0);
  return powers.map((one) => one / total);
}

/** One value of a convolution, and all that it was computed from. */
export function cell(layer, input, map, row, column, broken = intact()) {
  let best = null;
  for (let part = 0; part < layer.pool ** 2; part++) {
    const y = row * layer.poolStride + Math.floor(part / layer.pool);
    const x = column * layer.poolStride + (part % layer.pool);
    const found = sumAt(layer, input, map, y * layer.stride - layer.before, x * layer.stride - layer.before);
    if (!best || found.sum > best.sum) best = found;
  }
  const scaled = (values) => values.map((one) => one * layer.scale[map]);
  best = { ...best, sum: best.sum * layer.scale[map], weights: scaled(best.weights), shares: scaled(best.shares) };
  const bias = broken.biases ? 0 : layer.bias[map];
  const sum = best.sum + bias;
  return { ...best, bias, value: broken.activations ? sum : ACTIVATIONS[layer.activation](sum) };
}

/** The sum of patch times kernel with its corner at a place, and the share of each channel. */
function sumAt(layer, input, map, top, left) {
  const { size, channels, filters, side, dilation, kernel } = layer;
  const [patch, weights] = [new Float32Array(size * size * channels), new Float32Array(size * size * channels)];
  const shares = new Float64Array(channels);
  for (let at = 0; at < size * size; at++) {
    const [row, column] = [top + Math.floor(at / size) * dilation, left + (at % size) * dilation];
    const inside = row >= 0 && row < side && column >= 0 && column < side;
    for (let c = 0; c < channels; c++) {
      const place = at * channels + c;
      weights[place] = kernel[place * filters + map];
      if (inside) patch[place] = input[(row * side + column) * channels + c];
      shares[c] += patch[place] * weights[place];
    }
  }
  return { top, left, patch, weights, shares, sum: shares.reduce((total, one) => total + one, 0) };
}

function convolved(input, layer, broken) {
  const { side, channels, size, stride, dilation, before, pool, poolStride, outSide, filters, kernel, scale, bias } = layer;
  const activated = broken.activations ? ACTIVATIONS.linear : ACTIVATIONS[layer.activation];
  const out = new Float32Array(outSide * outSide * filters);
  const [sums, best] = [new Float32Array(filters), new Float32Array(filters)];
  for (let y = 0; y < outSide; y++) {
    for (let x = 0; x < outSide; x++) {
      best.fill(-Infinity);
      for (let part = 0; part < pool * pool; part++) {
        const top = (y * poolStride + Math.floor(part / pool)) * stride - before;
        const left = (x * poolStride + (part % pool)) * stride - before;
        sums.fill(0);
        for (let at = 0; at < size * size; at++) {
          const [row, column] = [top + Math.floor(at / size) * dilation, left + (at % size) * dilation];
          if (row < 0 || row >= side || column < 0 || column >= side) continue;
          for (let c = 0; c < channels; c++) {
            const value = input[(row * side + column) * channels + c];
            if (value === 0) continue; // ink and relu leave many zeros
            const start = (at * channels + c) * filters;
            for (let f = 0; f < filters; f++) sums[f] += value * kernel[start + f];
          }
        }
        for (let f = 0; f < filters; f++) if (sums[f] > best[f]) best[f] = sums[f];
      }
      for (let f = 0; f < filters; f++) {
        const sum = best[f] * scale[f] + (broken.biases ? 0 : bias[f]);
        out[(y * outSide + x) * filters + f] = activated(sum);
      }
    }
  }
  return out;
}

/** The error function, to 2e-7 (Abramowitz and Stegun, 7.1.26). */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

function means(input, { side, channels }) {
  const out = new Float32Array(channels);
  input.forEach((value, i) => (out[i % channels] += value / side ** 2));
  return out;
}

/** The image without its slant, and of usual width; the same as src/tenfold/networks/deskew.py. */
function deskewed(input, [least, steepest, leastSpread, usualSpread, power]) {
  const place = (i) => [Math.floor(i / SIDE), i % SIDE];
  let [ink, row, column] = [least, 0, 0];
  input.forEach((value, i) => {
    const [y, x] = place(i);
    ink += value;
    row += value * y;
    column += value * x;
  });
  row /= ink;
  column /= ink;
  let [tall, wide, both] = [0, 0, 0];
  input.forEach((value, i) => {
    const [below, right] = [place(i)[0] - row, place(i)[1] - column];
    tall += (value * below * below) / ink;
    wide += (value * right * right) / ink;
    both += (value * below * right) / ink;
  });
  const slant = Math.max(-steepest, Math.min(both / (tall + least), steepest));
  const spread = Math.max(wide - slant * (2 * both - slant * tall), leastSpread);
  const stretch = (spread / usualSpread) ** power;
  return input.map((_, i) => {
    const [y, x] = place(i);
    const from = column + (x - column) * stretch + (y - row) * slant;
    const whole = Math.floor(from);
    const at = (where) => (where >= 0 && where < SIDE ? input[y * SIDE + where] : 0);
    return at(whole) + (from - whole) * (at(whole + 1) - at(whole));
  });
}

function shifted(image, down, right) {
  return image.map((_, i) => {
    const [row, column] = [Math.floor(i / SIDE) - down, (i % SIDE) - right];
    return row >= 0 && row < SIDE && column >= 0 && column < SIDE ? image[row * SIDE + column] : 0;
  });
}

/** The pixels from 0 to 1, with noise of this standard deviation; the same noise every time. */
function noisy(image, deviation) {
  let seed = 1;
  const random = () => ((seed = (seed * 48271) % 2147483647) / 2147483647);
  return Float32Array.from(image, (value) => {
    if (!deviation) return value / 255;
    const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
    return Math.min(1, Math.max(0, value / 255 + deviation * normal));
  });
}
