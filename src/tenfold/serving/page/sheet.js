// The sheet: holds strokes and pictures; draws with a pointer or the keyboard.

const SIDE = 480; // longer side of the drawing when sent, in pixels
const STEP = 5; // pixels that an arrow key moves the pen; four times as far with Shift
const MAX_SIDE = 2000; // longer side of a picture when sent, in pixels

export class Sheet extends EventTarget {
  /** Fires "change" ({drawing}: whether the pen is down), "pen" (keyboard) and "resize". @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.width = 12;
    this.items = []; // strokes {points, width} and pictures {bitmap, file}, oldest first
    this.pen = null; // the keyboard's pen: {x, y, down}
    this.stroke = null;
    this.pointer = null;
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(kind, (event) => this.up(event));
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.hidePen());
  }

  get picture() {
    const last = this.items.at(-1);
    return last?.bitmap || last?.file ? last : null;
  }

  /** Total length of all strokes in pixels. */
  get drawn() {
    let length = 0;
    for (const { points = [] } of this.items) {
      for (let i = 1; i < points.length; i++) {
        length += Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]);
      }
    }
    return length;
  }

  get empty() {
    return this.items.length === 0;
  }

  /** Width and height of the drawing when sent. All points and boxes are in these pixels. */
  get size() {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const scale = SIDE / Math.max(w, h, 1);
    return { width: Math.round(w * scale), height: Math.round(h * scale) };
  }

  resize() {
    const ratio = Math.min(devicePixelRatio || 1, 3);
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    this.paint();
    this.dispatchEvent(new Event("resize"));
  }

  // Drawing with mouse, pen or finger.

  place(event) {
    const scale = this.size.width / this.canvas.clientWidth;
    return [event.offsetX * scale, event.offsetY * scale];
  }

  down(event) {
    if (event.button !== 0 || this.pointer !== null) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.begin(this.place(event));
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const points = event.getCoalescedEvents?.() ?? [];
    for (const one of points.length ? points : [event]) this.add(this.place(one));
    this.changed(true);
  }

  up(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.end();
  }

  begin(point) {
    this.hidePen();
    this.stroke = { points: [point], width: this.width };
    // Drawing after a picture starts a new sheet; undo restores the picture.
    if (this.picture) this.stroke.after = this.items;
    this.items = [...(this.picture ? [] : this.items), this.stroke];
    this.changed(true);
  }

  add(point) {
    const last = this.stroke.points.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= 1) this.stroke.points.push(point);
  }

  end() {
    if (!this.stroke) return;
    this.stroke = null;
    this.changed(false);
  }

  // Drawing with the keyboard.

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (move) this.step(move, event.shiftKey ? 4 * STEP : STEP);
    else if (event.key === " " || event.key === "Enter") this.toggle();
    else if (event.key === "Backspace") this.undo();
    else if (event.key === "Escape" || event.key === "Delete") this.clear();
    else return;
    event.preventDefault();
  }

  step([across, down], far) {
    const { width, height } = this.size;
    const pen = this.pen ?? { x: width / 2, y: height / 3, down: false };
    pen.x = Math.min(Math.max(pen.x + across * far, 0), width);
    pen.y = Math.min(Math.max(pen.y + down * far, 0), height);
    this.pen = pen;
    if (pen.down && this.stroke) {
      this.add([pen.x, pen.y]);
      this.changed(true);
    } else this.paint();
  }

  toggle() {
    const { width, height } = this.size;
    const pen = this.pen ?? { x: width / 2, y: height / 3, down: false };
    if (pen.down) {
      pen.down = false;
      this.end();
    } else {
      this.begin([pen.x, pen.y]);
      pen.down = true;
    }
    this.pen = pen;
    this.paint();
    this.dispatchEvent(new CustomEvent("pen", { detail: pen.down }));
  }

  hidePen() {
    if (!this.pen) return;
    if (this.pen.down) this.end();
    this.pen = null;
    this.paint();
  }

  // Changes of the sheet.

  undo() {
    const last = this.items.at(-1);
    if (!last) {
      if (this.cleared) [this.items, this.cleared] = [this.cleared, null];
    } else this.items = last.after ?? this.items.slice(0, -1);
    this.stroke = null;
    if (this.pen) this.pen.down = false;
    this.changed(false);
  }

  clear() {
    if (this.empty) return;
    this.cleared = this.items;
    this.items = [];
    this.stroke = null;
    this.pen = null;
    this.changed(false);
  }

  show(picture) {
    this.stroke = null;
    this.items = [{ ...picture, after: this.items }];
    this.changed(false);
  }

  changed(drawing) {
    if (this.items.length) this.cleared = null;
    this.paint();
    this.dispatchEvent(new CustomEvent("change", { detail: { drawing } }));
  }

  /** Replace everything by strokes; undo brings it back. @param {{points: number[][], width: number}[]} strokes */
  write(strokes) {
    this.stroke = null;
    const before = this.items;
    this.items = strokes.map((stroke) => ({ ...stroke }));
    this.items.at(-1).after = before;
    this.changed(false);
  }

  // Pixels.

  paint() {
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const picture = this.picture;
    if (picture?.bitmap) {
      const { x, y, w, h } = this.pictureBox(width, height);
      context.save();
      context.translate(x + w / 2, y + h / 2);
      context.rotate(((picture.turn ?? 0) * Math.PI) / 180);
      const sideways = (picture.turn ?? 0) % 180 !== 0;
      const [across, down] = sideways ? [h, w] : [w, h];
      context.drawImage(picture.bitmap, -across / 2, -down / 2, across, down);
      context.restore();
    }
    if (picture) return;
    const style = getComputedStyle(this.canvas);
    const scale = width / Math.max(this.size.width, 1);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    draw(context, this.items, style.getPropertyValue("--pen"));
    if (this.pen) crosshair(context, this.pen, style.getPropertyValue("--accent"));
  }

  /** Position of the picture on a sheet of this width and height. */
  pictureBox(width, height) {
    const { bitmap, turn = 0 } = this.picture;
    const sideways = turn % 180 !== 0;
    const [across, down] = sideways ? [bitmap.height, bitmap.width] : [bitmap.width, bitmap.height];
    const scale = Math.min(width / across, height / down);
    const [w, h] = [across * scale, down * scale];
    return { x: (width - w) / 2, y: (height - h) / 2, w, h };
  }

  /** The file to send: dark ink on white, or the picture. @returns {Promise<Blob>} */
  async blob() {
    const picture = this.picture;
    if (picture) return picture.file ?? encode(picture.bitmap);
    const { width, height } = this.size;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    draw(context, this.items, "#000");
    return canvas.convertToBlob({ type: "image/png" });
  }

  /** The strokes as ink, 0 for paper to 1, row by row. @param {number} side Longer side in pixels. */
  ink(side) {
    const size = this.size;
    const scale = side / Math.max(size.width, size.height);
    const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.scale(scale, scale);
    draw(context, this.items, "#000");
    const { data } = context.getImageData(0, 0, width, height);
    return { ink: Float32Array.from({ length: width * height }, (_, i) => data[4 * i + 3] / 255), width, height };
  }
}

/** Encode a bitmap as it is sent: upright as the browser shows it, at most MAX_SIDE. */
async function encode(bitmap) {
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const size = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(...size);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, ...size);
  const { data } = context.getImageData(0, 0, ...size);
  let alpha = 255;
  for (let place = 3; place < data.length; place += 4) alpha &= data[place];
  // Lossless for drawings and screenshots; the server finds the background of transparent pictures.
  const lossless = size[0] * size[1] < 300_000 || alpha < 255;
  return canvas.convertToBlob(lossless ? { type: "image/png" } : { type: "image/jpeg", quality: 0.95 });
}

/** Draw strokes as a pen does. */
export function draw(context, strokes, color) {
  context.strokeStyle = context.fillStyle = color;
  context.lineCap = context.lineJoin = "round";
  for (const { points, width } of strokes) {
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(...points[0]);
    if (points.length === 1) context.lineTo(points[0][0] + 0.1, points[0][1]);
    for (let i = 1; i < points.length - 1; i++) {
      const middle = [(points[i][0] + points[i + 1][0]) / 2, (points[i][1] + points[i + 1][1]) / 2];
      context.quadraticCurveTo(...points[i], ...middle);
    }
    if (points.length > 1) context.lineTo(...points.at(-1));
    context.stroke();
  }
}

function crosshair(context, { x, y, down }, color) {
  context.save();
  context.strokeStyle = context.fillStyle = color;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, 9, 0, 7);
  context.stroke();
  context.beginPath();
  context.arc(x, y, down ? 6 : 2, 0, 7);
  context.fill();
  context.restore();
}
