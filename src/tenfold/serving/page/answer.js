// Shows an answer: text, boxes, small images of the digits, and bars.

const MAX_MARKS = 12; // shown as small images if no mark is a digit

const EMPTY = "The sheet or the picture is blank.";

const $ = (id) => document.getElementById(id);

/** A probability as text; probabilities near 0 and 1 are not rounded to them. */
export function percent(probability) {
  if (probability > 0.999) return "over 99.9%";
  if (probability < 0.001) return "under 0.1%";
  return `${(100 * probability).toFixed(1)}%`;
}

/** The same for narrow places. */
export function shortPercent(probability) {
  return percent(probability).replace("over ", ">").replace("under ", "<");
}

/** Decode base64. Bytes stay as they are. */
export function bytes(text) {
  return text instanceof Uint8Array ? text : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** The digits of a document in reading order; if there are none, the marks that are not digits. */
export function marksOf(reading) {
  const digits = reading.lines.flatMap((line) => line.digits);
  return digits.length ? digits : reading.left_out.slice(0, MAX_MARKS).map((mark) => ({ ...mark, none: true }));
}

/** The words for an answer: the large text, the note below it, and the announcement for screen readers. */
export function wording(reading) {
  const digits = reading.lines.flatMap((line) => line.digits);
  const others = reading.left_out.length;
  if (!digits.length) {
    const [nearest] = reading.left_out;
    if (!others) return { words: "No ink found", note: EMPTY, said: EMPTY };
    const why =
      nearest.confidence < reading.threshold
        ? `below the required ${Math.round(100 * reading.threshold)}%`
        : "but its shape is not that of a digit";
    const note =
      others > 1
        ? `None of the ${others} marks is a digit.`
        : `Closest to ${nearest.digit} (${percent(nearest.confidence)}), ${why}.`;
    return { words: "Not a digit", note, said: `Not a digit. ${note}` };
  }
  const text = reading.lines.map((line) => line.text).join("\n");
  const doubtful = digits.filter((digit) => digit.rejected);
  const least = Math.min(...digits.map((digit) => digit.confidence));
  const left = others ? ` ${others === 1 ? "1 other mark is not a digit" : `${others} other marks are not digits`}.` : "";
  const spoken = reading.lines.map((line) => [...line.text].join(" ").replaceAll("?", "uncertain")).join(", ");
  if (digits.length === 1 && doubtful.length) {
    const [digit] = doubtful;
    const note = `Uncertain: perhaps ${digit.digit} (${percent(digit.confidence)}).${left}`;
    return { text, note, wrong: true, said: note };
  }
  if (digits.length === 1) {
    const note = `Confidence ${percent(least)}.${left}`;
    return { text, note, said: `${spoken}. ${note}` };
  }
  const uncertain = doubtful.length ? ` ${doubtful.length} uncertain.` : "";
  const note = `${digits.length} digits, lowest confidence ${percent(least)}.${uncertain}${left}`;
  return { text, note, said: `${spoken}. ${note}` };
}

export function showText({ text, words, note, wrong, idle, busy }) {
  const place = $("text");
  const length = Math.max(0, ...(text ?? "").split("\n").map((line) => line.length));
  const lines = (text ?? "").split("\n").length;
  const size = words ? "words" : length > 12 || lines > 3 ? "longer" : length > 4 || lines > 1 ? "long" : "";
  place.className = `text ${size}${idle ? " idle" : ""}${busy ? " busy" : ""}`;
  place.replaceChildren(
    ...[...(words ?? text)].map((letter) => {
      if (words || letter !== "?") return letter;
      const mark = document.createElement("span");
      mark.className = "doubt";
      mark.textContent = "?";
      return mark;
    }),
  );
  // What scrolls takes the focus, so that the arrow keys scroll it.
  if (size === "longer" && place.scrollHeight > place.clientHeight) place.tabIndex = 0;
  else place.removeAttribute("tabindex");
  $("note").textContent = note;
  $("note").classList.toggle("wrong", Boolean(wrong));
}

/** Draw boxes over the sheet. @param {(box: number[]) => number[]} place converts a box to percent of the sheet */
export function showBoxes(reading, chosen, place) {
  const digits = reading ? reading.lines.flatMap((line) => line.digits) : [];
  const none = reading ? reading.left_out.map((mark) => ({ ...mark, none: true })) : [];
  const found = marksOf(reading ?? { lines: [], left_out: [] });
  $("boxes").replaceChildren(
    ...[...digits, ...none].map((digit) => {
      const box = document.createElement("i");
      const [left, top, width, height] = place(digit.box);
      Object.assign(box.style, { left: `${left}%`, top: `${top}%`, width: `${width}%`, height: `${height}%` });
      box.dataset.text = digit.rejected ? "?" : digit.digit;
      box.classList.toggle("none", Boolean(digit.none));
      box.classList.toggle("doubt", digit.rejected && !digit.none);
      box.classList.toggle("low", top < 6);
      box.classList.toggle("chosen", found.length > 1 && digit.box === found[chosen]?.box);
      return box;
    }),
  );
}

/** Draw a 28x28 image of gray bytes on a canvas. */
function paintGray(canvas, values) {
  const image = new ImageData(28, 28);
  values.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

export function showDigits(marks, chosen, choose) {
  const list = $("digits");
  if (marks.length < 2) {
    list.replaceChildren();
    return;
  }
  const focused = [...list.children].findIndex((item) => item.contains(document.activeElement));
  list.replaceChildren(
    ...marks.map((mark, i) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const canvas = document.createElement("canvas");
      const name = document.createElement("b");
      canvas.width = canvas.height = 28;
      paintGray(canvas, bytes(mark.canvas));
      name.textContent = mark.none ? "–" : mark.rejected ? "?" : mark.digit;
      button.type = "button";
      button.className = mark.none ? "none" : mark.rejected ? "doubt" : "";
      button.append(canvas, name, shortPercent(mark.confidence));
      const what = mark.none ? "Not a digit, closest to" : mark.rejected ? "Uncertain, perhaps" : "Digit";
      button.setAttribute("aria-label", `${what} ${mark.digit}, ${percent(mark.confidence)}`);
      button.setAttribute("aria-pressed", String(i === chosen));
      button.addEventListener("click", () => choose(i));
      item.append(button);
      return item;
    }),
  );
  list.children[focused]?.firstChild.focus();
}

export function showOne(mark) {
  $("one").hidden = !mark;
  if (!mark) return;
  paintGray($("seen"), bytes(mark.canvas));
  $("seen").setAttribute("aria-label", `What the network saw, 28 by 28 pixels, closest to ${mark.digit}`);
  const bars = $("bars");
  if (!bars.children.length) {
    bars.append(
      ...mark.probabilities.map((_, digit) => {
        const row = document.createElement("li");
        row.append(String(digit), document.createElement("i"), document.createElement("span"));
        return row;
      }),
    );
  }
  mark.probabilities.forEach((share, digit) => {
    const row = bars.children[digit];
    row.classList.toggle("best", digit === mark.digit && !mark.none);
    row.children[0].style.setProperty("--share", share);
    row.children[1].textContent = shortPercent(share);
  });
}
