// Ink of any size made into an image as MNIST has it. The same steps, with the same numbers, as
// src/tenfold/imaging/canvas.py, which says where they come from.

const SIDE = 28;
const DIGIT_SIDE = 20;
const CENTER = 14;
const THINNEST = 1.8;
const FATTEST = 4;
const WORK_SIDE = 320;
const INK_SHARE = 0.5;
const DOT = 0.8; // this and FAINT: src/tenfold/reading/marks.py
const FAINT = 0.2;

/** See index.d.ts. */
export function toImage(ink, width, height) {
  const mark = markOf(ink, width, height);
  return mark && imageOf(mark);
}

/** The ink of a drawing, cropped, its darkest as full ink, not too large; null without ink. */
export function markOf(ink, width, height) {
  if (![width, height].every((size) => Number.isInteger(size) && size >= 0)) {
    throw new RangeError(`the ink is ${width} x ${height}; give whole numbers of pixels`);
  }
  if (ink.length !== width * height) {
    throw new RangeError(`the ink has ${ink.length} values; give ${width} x ${height} = ${width * height}`);
  }
  const values = Float32Array.from(ink);
  if (!values.every(Number.isFinite)) throw new RangeError("the ink has a value that is no number; give 0 to 1");
  let mark = cropped({ values, width, height });
  if (!mark) return null;
  const longer = Math.max(mark.width, mark.height);
  if (longer > 2 * WORK_SIDE) mark = scaled(mark, WORK_SIDE / longer, averaged);
  return darkened(mark);
}

/** A mark as MNIST has digits. */
export function imageOf(mark) {
  return centered(fitted(withStrokes(mark)));
}

/** Whether a mark is a filled disc: to the network, a 0. */
export function isDot(mark) {
  const { width, height } = cropped({ ...mark, values: mark.values.map((value) => (value > FAINT ? value : 0)) });
  const longer = Math.max(width, height);
  const board = padded(mark, 1);
  const inside = board.values.map((value) => (value > INK_SHARE ? 1 : 0));
  if (inside.reduce((sum, one) => sum + one) < 0.4 * longer ** 2) return false; // too little for a disc; saves time
  const radius = distances(inside, board.width, board.height, 0).reduce((one, other) => Math.max(one, other));
  return 2 * radius > DOT * longer;
}

/** The mark with its darkest ink as full ink: averaging lightens thin strokes of a large drawing. */
function darkened(mark) {
  const most = mark.values.reduce((one, other) => Math.max(one, other));
  return { ...mark, values: mark.values.map((value) => value / most) };
}

/** The smallest part that holds all ink; null without ink. */
function cropped({ values, width, height }) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!(values[y * width + x] > 0)) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  if (right < 0) return null;
  const part = blank(right - left + 1, bottom - top + 1);
  for (let y = 0; y < part.height; y++) {
    const start = (top + y) * width + left;
    part.values.set(values.subarray(start, start + part.width), y * part.width);
  }
  return part;
}

function blank(width, height) {
  return { values: new Float32Array(width * height), width, height };
}

/** The mark amid a margin of paper. */
function padded(mark, margin) {
  const wider = blank(mark.width + 2 * margin, mark.height + 2 * margin);
  for (let y = 0; y < mark.height; y++) {
    const row = mark.values.subarray(y * mark.width, (y + 1) * mark.width);
    wider.values.set(row, (y + margin) * wider.width + margin);
  }
  return wider;
}

// Strokes.

/** Thicken thin strokes and thin fat ones, so that in 20x20 they are as wide as MNIST's. */
function withStrokes(mark) {
  const enlarge = Math.max(1, (4 * DIGIT_SIDE) / Math.max(mark.width, mark.height));
  const large = scaled(mark, enlarge, interpolated);
  const unit = Math.max(large.width, large.height) / DIGIT_SIDE;
  const width = strokeWidth(large) / unit;
  if (width >= THINNEST && width <= FATTEST) return mark;
  const target = width < THINNEST ? THINNEST : FATTEST;
  const board = padded(large, Math.ceil(2 * unit));
  const move = (((target - width) / (1 - target / DIGIT_SIDE)) * unit) / 2;
  const grows = move > 0;
  const stroke = board.values.map((value) => (value >= INK_SHARE ? 1 : 0));
  // The distance of each pixel from the nearest one on the other side of the edge.
  const distance = distances(stroke, board.width, board.height, grows ? 1 : 0);
  board.values = stroke.map((inside, place) => {
    if (grows) return inside || Math.min(1, Math.max(0, move + 0.5 - distance[place]));
    return inside && Math.min(1, Math.max(0, move + 0.5 + distance[place]));
  });
  return cropped(board) ?? mark;
}

/** Mean width of the strokes in pixels: twice their area over their outline's length. */
function strokeWidth(mark) {
  const { values, width, height } = padded(mark, 1);
  let [area, outline] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const here = y * width + x;
      const across = slope(values, here, 1, x, width);
      const down = slope(values, here, width, y, height);
      area += values[here];
      outline += Math.sqrt(across * across + down * down);
    }
  }
  return (2 * area) / outline;
}

/** The gradient at a place along one axis; one-sided at the ends. */
function slope(values, here, step, position, length) {
  if (position === 0) return values[here + step] - values[here];
  if (position === length - 1) return values[here] - values[here - step];
  return (values[here + step] - values[here - step]) / 2;
}

/**
 * Distance of each pixel to the nearest pixel of a value: two passes of lower envelopes of parabolas
 * (P. Felzenszwalb, D. Huttenlocher: Distance Transforms of Sampled Functions, 2012).
 */
function distances(values, width, height, wanted) {
  const far = width * width + height * height;
  const squares = Float64Array.from(values, (value) => (value === wanted ? 0 : far));
  for (let x = 0; x < width; x++) envelope(squares, x, width, height);
  for (let y = 0; y < height; y++) envelope(squares, y * width, 1, width);
  return squares.map(Math.sqrt);
}

function envelope(squares, start, step, length) {
  const f = Float64Array.from({ length }, (_, i) => squares[start + i * step]);
  const [places, starts] = [new Int32Array(length), new Float64Array(length + 1)];
  let count = 0;
  starts[0] = -Infinity;
  starts[1] = Infinity;
  for (let q = 1; q < length; q++) {
    let cross;
    for (;;) {
      const p = places[count];
      cross = (f[q] + q * q - (f[p] + p * p)) / (2 * (q - p));
      if (cross > starts[count]) break;
      count--;
    }
    places[++count] = q;
    starts[count] = cross;
    starts[count + 1] = Infinity;
  }
  for (let q = 0, at = 0; q < length; q++) {
    while (starts[at + 1] < q) at++;
    squares[start + q * step] = (q - places[at]) ** 2 + f[places[at]];
  }
}

// Size and place.

/** Scale the ink to fit 20x20, in the middle of 28x28 bytes. */
function fitted(mark) {
  const scale = DIGIT_SIDE / Math.max(mark.width, mark.height);
  const [wide, high] = sizes(mark, scale);
  const kind = scale < 1 ? averaged : interpolated;
  const small = resized(mark, kind(mark.width, wide, mark.width / wide), kind(mark.height, high, mark.height / high));
  const [top, left] = [small.height, small.width].map((side) => Math.floor((SIDE - side) / 2));
  const image = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      const value = Math.min(1, Math.max(0, small.values[y * small.width + x]));
      image[(top + y) * SIDE + left + x] = rounded(255 * value);
    }
  }
  return image;
}

/** Shift a digit by whole pixels so that its center of mass is in the middle. */
function centered(image) {
  const [rows, columns] = [new Float64Array(SIDE), new Float64Array(SIDE)];
  image.forEach((value, place) => {
    rows[Math.floor(place / SIDE)] += value;
    columns[place % SIDE] += value;
  });
  const [down, right] = [shiftOf(rows), shiftOf(columns)];
  const shifted = new Uint8Array(SIDE * SIDE);
  image.forEach((value, place) => {
    if (value) shifted[place + down * SIDE + right] = value;
  });
  return shifted;
}

/** The shift that centers a profile, as far as its ink stays inside. */
function shiftOf(profile) {
  const first = profile.findIndex((value) => value > 0);
  if (first < 0) return 0;
  const last = profile.findLastIndex((value) => value > 0);
  const sum = profile.reduce((total, value) => total + value, 0);
  const center = profile.reduce((total, value, place) => total + value * place, 0) / sum;
  return Math.max(-first, Math.min(SIDE - 1 - last, rounded(CENTER - center)));
}

/** The nearest whole number; of two as near the even one. */
function rounded(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 ? floor + 1 : floor;
}

/** Width and height of the scaled mark, in whole pixels. */
function sizes(mark, scale) {
  return [mark.width, mark.height].map((side) => Math.max(1, rounded(side * scale)));
}

/** The mark scaled by exactly this much; the last pixels may reach over its end. */
function scaled(mark, scale, kind) {
  const [wide, high] = sizes(mark, scale);
  return resized(mark, kind(mark.width, wide, 1 / scale), kind(mark.height, high, 1 / scale));
}

/** New pixels from old ones, by the weights along each axis. */
function resized(mark, wide, high) {
  const rows = blank(wide.length, mark.height);
  for (let y = 0; y < mark.height; y++) {
    wide.forEach((weights, x) => {
      let sum = 0;
      for (const [from, weight] of weights) sum += weight * mark.values[y * mark.width + from];
      rows.values[y * rows.width + x] = sum;
    });
  }
  const out = blank(wide.length, high.length);
  high.forEach((weights, y) => {
    for (const [from, weight] of weights) {
      for (let x = 0; x < out.width; x++) out.values[y * out.width + x] += weight * rows.values[from * out.width + x];
    }
  });
  return out;
}

/** For each new pixel the old ones that it covers, by the share covered. */
function averaged(before, after, step) {
  return Array.from({ length: after }, (_, place) => {
    const [start, end] = [place * step, Math.min(before, (place + 1) * step)];
    const weights = [];
    for (let from = Math.floor(start); from < end; from++) {
      const covered = Math.min(end, from + 1) - Math.max(start, from);
      if (covered > 1e-9) weights.push([from, covered / (end - start)]);
    }
    return weights;
  });
}

/** For each new pixel the two old ones on both sides of its middle, by nearness. */
function interpolated(before, after, step) {
  return Array.from({ length: after }, (_, place) => {
    const middle = Math.min(before - 1, Math.max(0, (place + 0.5) * step - 0.5));
    const from = Math.min(before - 1, Math.floor(middle));
    const share = middle - from;
    return share ? [[from, 1 - share], [from + 1, share]] : [[from, 1]];
  });
}
