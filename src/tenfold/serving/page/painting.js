// Values as pixels, and the elements that the panels are made of.

/** An element with properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Paint one pixel for each value. */
export function paint(canvas, values, color) {
  const image = new ImageData(canvas.width, canvas.height);
  values.forEach((value, i) => image.data.set([...color(value, i), 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A color from dark blue (0) over light blue to white (1); red below 0. */
export function mapColor(share) {
  if (share < 0) return [16 + 200 * Math.min(1, -share), 32, 44];
  const part = Math.min(1, share);
  return [16 + 239 * part ** 1.6, 32 + 223 * part ** 0.95, 44 + 211 * part ** 0.7];
}

/** The values of one channel. */
export function channelOf(values, channel, channels) {
  return Float32Array.from({ length: values.length / channels }, (_, i) => values[i * channels + channel]);
}

/** The largest distance from 0, which is painted brightest. */
export function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
}

/** A number with a true minus, and as many digits as fit a cell. */
export function short(value) {
  const places = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value.toFixed(places);
  return Number(text) === 0 ? "0" : text.replace("-", "−");
}

/** The same with a plus. */
export function signed(value) {
  const text = short(value);
  return value > 0 && text !== "0" ? `+${text}` : text;
}
