"use strict";
// The fields are the only state. Every change goes through `change`, which keeps the last states.
const $ = (id) => document.getElementById(id);
const template = JSON.parse($("template").textContent);
const LEAST = 4, NAME = /^[\p{L}_](?:[\p{L}\p{N}_ .-]{0,62}[\p{L}\p{N}_.-])?$/u;
const TAKEN = ["source", "page", "error", "review"];
const TEXTS = ["kind", "pattern", "check", "minimum", "maximum"];
let fields = template.fields, chosen = null, past = [], saved = JSON.stringify(fields), boxes = [];
let origin = null; // the field before the steps of one key: its cells would be rounded at each

function change(edit, key = null) {
  const before = JSON.stringify(fields);
  if (origin?.key !== key) origin = null;
  edit();
  // Steps of one key or one field of the form are undone together.
  if (JSON.stringify(fields) !== before && !(key !== null && past.length && past.at(-1).key === key)) {
    past.push({ state: before, key });
    if (past.length > 200) past.shift();
  }
  draw();
}

function undo() {
  if (!past.length) return;
  fields = JSON.parse(past.pop().state);
  origin = null;
  if (chosen !== null && chosen >= fields.length) chosen = null;
  draw();
  fill();
  say("Undone");
}

function say(text) { $("said").textContent = text; }

const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

function about(field) {
  if (field.kind === "tick") return "tick";
  return field.cells?.length ? counted(field.cells.length, "cell") : "line or box";
}

function draw() {
  const focused = document.activeElement?.dataset?.at;
  const place = document.activeElement?.closest("#list") ? "list" : "fields";
  boxes = fields.map((field, at) => {
    const box = Object.assign(document.createElement("button"), { type: "button", className: "field" });
    const [x, y, w, h] = field.box;
    Object.assign(box.style, {
      left: `${100 * x / template.width}%`, top: `${100 * y / template.height}%`,
      width: `${100 * w / template.width}%`, height: `${100 * h / template.height}%`,
    });
    box.dataset.at = at;
    box.dataset.kind = field.kind ?? "text";
    box.setAttribute("aria-pressed", at === chosen);
    box.setAttribute("aria-label", `${field.name}, ${about(field)}`);
    for (const cell of (field.cells ?? []).slice(1)) {
      const wall = document.createElement("i");
      wall.style.left = `${100 * (cell[0] - x) / w}%`;
      box.append(wall);
    }
    box.append(Object.assign(document.createElement("b"), { textContent: field.name }), document.createElement("u"));
    return box;
  });
  $("fields").replaceChildren(...boxes);
  $("list").replaceChildren(...fields.map((field, at) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.dataset.at = at;
    button.setAttribute("aria-current", at === chosen);
    button.append(field.name, " ", Object.assign(document.createElement("span"), { textContent: about(field) }));
    item.append(button);
    return item;
  }));
  if (focused !== undefined) $(place).querySelector(`[data-at="${Math.min(focused, fields.length - 1)}"]`)?.focus({ preventScroll: true });
  $("undo").disabled = !past.length;
  $("state").textContent = `${counted(fields.length, "field")}${JSON.stringify(fields) === saved ? "" : ", not saved"}`;
  $("form").hidden = chosen === null;
}

function choose(at, focus) {
  chosen = at;
  draw();
  fill();
  if (focus) boxes[at]?.focus({ preventScroll: true });
  boxes[at]?.scrollIntoView({ block: "nearest" });
}

function fill() {
  $("form").hidden = chosen === null;
  if (chosen === null) return;
  const field = fields[chosen], constraint = field.constraint ?? {};
  $("name").value = field.name;
  $("kind").value = field.kind ?? "text";
  $("cells").value = field.cells?.length ?? 0;
  for (const name of TEXTS) $(`c-${name}`).value = constraint[name] ?? "";
  $("c-length").value = constraint.length ?? "";
  $("c-choices").value = (constraint.choices ?? []).join("\n");
  $("of-text").hidden = field.kind === "tick";
  place();
}

function place() {
  ["x", "y", "w", "h"].forEach((id, axis) => {
    if (document.activeElement !== $(id)) $(id).value = fields[chosen].box[axis];
  });
}

function equalCells([x, y, w, h], count) {
  const edge = (n) => x + Math.round(w * n / count);
  return Array.from({ length: count }, (_, n) => [edge(n), y, edge(n + 1) - edge(n), h]);
}

function asItWas(field, key) {
  origin ??= { key, field: structuredClone(field) };
  return origin.field;
}

// A field keeps its cells' shares of its box when it is moved or its size is changed.
function setBox(field, wanted, from = field) {
  const w = Math.max(LEAST, Math.min(Math.round(wanted[2]), template.width));
  const h = Math.max(LEAST, Math.min(Math.round(wanted[3]), template.height));
  const x = Math.max(0, Math.min(Math.round(wanted[0]), template.width - w));
  const y = Math.max(0, Math.min(Math.round(wanted[1]), template.height - h));
  const [a, b, c, d] = from.box;
  if (from.cells?.length) {
    field.cells = from.cells.map(([left, top, wide, high]) => {
      const right = Math.round((left + wide - a) * w / c), bottom = Math.round((top + high - b) * h / d);
      left = Math.round((left - a) * w / c);
      top = Math.round((top - b) * h / d);
      return [x + left, y + top, right - left, bottom - top];
    });
  }
  field.box = [x, y, w, h];
}

function freeName() {
  const names = new Set(fields.map((field) => field.name.toLowerCase()));
  let number = fields.length + 1;
  while (names.has(`field ${number}`)) number += 1;
  return `field ${number}`;
}

function add(box) {
  change(() => {
    const field = { name: freeName(), box: [0, 0, LEAST, LEAST] };
    setBox(field, box);
    fields.push(field);
  });
  choose(fields.length - 1, true);
  say(`New ${fields[chosen].name}`);
}

function addInView() {
  const shown = $("page").getBoundingClientRect(), scale = template.width / shown.width;
  const middle = (Math.max(0, shown.top) + Math.min(innerHeight, shown.bottom)) / 2 - shown.top;
  const w = template.width / 5, h = template.height / 35;
  add([(template.width - w) / 2, middle * scale - h / 2, w, h]);
}

function remove(at) {
  const name = fields[at].name;
  change(() => fields.splice(at, 1));
  chosen = null;
  if (fields.length) choose(Math.min(at, fields.length - 1), true);
  else draw();
  say(`${name} deleted`);
}

// Mouse, pen and touch
function point(event) {
  const shown = $("page").getBoundingClientRect();
  return [(event.clientX - shown.left) * template.width / shown.width, (event.clientY - shown.top) * template.height / shown.height];
}

$("sheet").addEventListener("pointerdown", (event) => {
  if (event.button) return;
  const start = point(event), box = event.target.closest(".field");
  event.preventDefault();
  let move, key = `drag ${Date.now()}`, drawn = null;
  if (box) {
    choose(Number(box.dataset.at), true);
    const field = fields[chosen], from = structuredClone(field), size = event.target.localName === "u";
    move = (dx, dy) => change(() => {
      const [x, y, w, h] = from.box;
      Object.assign(field, structuredClone(from));
      setBox(field, size ? [x, y, w + dx, h + dy] : [x + dx, y + dy, w, h]);
      place();
    }, key);
  } else {
    move = (dx, dy) => {
      drawn = [Math.min(start[0], start[0] + dx), Math.min(start[1], start[1] + dy), Math.abs(dx), Math.abs(dy)];
      const [x, y, w, h] = drawn, style = $("drawn").style;
      [style.left, style.width] = [x, w].map((one) => `${100 * one / template.width}%`);
      [style.top, style.height] = [y, h].map((one) => `${100 * one / template.height}%`);
      $("drawn").hidden = false;
    };
  }
  const moved = (later) => { const now = point(later); move(now[0] - start[0], now[1] - start[1]); };
  const end = () => {
    removeEventListener("pointermove", moved);
    $("drawn").hidden = true;
    if (drawn && drawn[2] >= 2 * LEAST && drawn[3] >= 2 * LEAST) add(drawn);
  };
  addEventListener("pointermove", moved);
  addEventListener("pointerup", end, { once: true });
  addEventListener("pointercancel", end, { once: true });
});

// Keyboard
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
$("fields").addEventListener("focusin", (event) => {
  const at = Number(event.target.dataset.at);
  if (at !== chosen) choose(at, true);
});
$("fields").addEventListener("keydown", (event) => {
  const at = Number(event.target.dataset.at), step = STEPS[event.key];
  if (event.ctrlKey || event.metaKey || !fields[at]) return;
  if (step) {
    const by = event.shiftKey ? 10 : 1, field = fields[at], [x, y, w, h] = field.box;
    const [dx, dy] = step.map((one) => by * one), key = `keys ${at}`;
    change(() => setBox(field, event.altKey ? [x, y, w + dx, h + dy] : [x + dx, y + dy, w, h], asItWas(field, key)), key);
    place();
    say(fields[at].box.join(", "));
  } else if (event.key === "Enter") {
    $("name").focus();
    $("name").select();
  } else if (event.key === "Delete" || event.key === "Backspace") {
    remove(at);
  } else return;
  event.preventDefault();
});
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select");
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "s") save();
  else if ((event.ctrlKey || event.metaKey) && key === "z" && !typing) undo();
  else if (key === "n" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) addInView();
  else return;
  event.preventDefault();
});

// The form
$("list").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) choose(Number(button.dataset.at), false);
});
$("form").addEventListener("submit", (event) => event.preventDefault());
$("form").addEventListener("input", (event) => {
  const field = fields[chosen], key = `form ${chosen} ${event.target.id}`;
  tell(null);
  change(() => {
    field.name = $("name").value;
    if ($("kind").value === "tick") {
      field.kind = "tick";
      delete field.cells;
      delete field.constraint;
    } else {
      delete field.kind;
      const count = Math.min(100, Math.max(0, Math.floor(Number($("cells").value) || 0)));
      if (count !== (field.cells?.length ?? 0)) {
        if (count && field.box[2] / count >= LEAST) field.cells = equalCells(field.box, count);
        else if (!count) delete field.cells;
      }
      const constraint = {};
      for (const name of TEXTS) if ($(`c-${name}`).value.trim()) constraint[name] = $(`c-${name}`).value.trim();
      if ($("c-length").value) constraint.length = Number($("c-length").value);
      const choices = $("c-choices").value.split("\n").map((line) => line.trim()).filter(Boolean);
      if (choices.length) constraint.choices = choices;
      if (Object.keys(constraint).length) field.constraint = constraint;
      else delete field.constraint;
    }
    const box = ["x", "y", "w", "h"].map((id, axis) => $(id).value === "" ? field.box[axis] : Number($(id).value));
    if (box.some((one, axis) => one !== field.box[axis])) setBox(field, box, asItWas(field, key));
  }, key);
  $("of-text").hidden = field.kind === "tick";
});
$("form").addEventListener("change", fill);
$("delete").addEventListener("click", () => remove(chosen));
$("add").addEventListener("click", addInView);
$("undo").addEventListener("click", undo);
$("save").addEventListener("click", save);

// Saving
const SIGNS = /^[0-9 .,:/()+$=x-]+$/;

const isNumber = (text) => /^[+-]?[0-9]+([.][0-9]+)?$/.test(text);
const LIMITS = {
  date: [(text) => /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text), "a date such as 2026-01-31"],
  time: [(text) => /^[0-9]{2}:[0-9]{2}/.test(text), "a time such as 08:30"],
  number: [isNumber, "a number such as 12.5"],
};

/** Return what is wrong in a constraint, and the input that says it; null if nothing is seen. */
function wrongIn(constraint) {
  const { kind = "", length, pattern, choices = [], minimum, maximum } = constraint;
  if (length !== undefined && !(Number.isInteger(length) && length >= 1 && length <= 100)) return ["a number of digits is 1 to 100", "c-length"];
  const [fits, such] = LIMITS[kind.endsWith("date") ? "date" : kind === "time" ? "time" : "number"];
  if (minimum !== undefined && !fits(minimum)) return [`the least value is not ${such}`, "c-minimum"];
  if (maximum !== undefined && !fits(maximum)) return [`the greatest value is not ${such}`, "c-maximum"];
  const [least, most] = [minimum, maximum].map((one) => isNumber(one) ? Number(one) : one);
  if (least > most) return ["the least value is greater than the greatest", "c-minimum"];
  if (pattern !== undefined) {
    try {
      new RegExp(pattern);
    } catch {
      return ["the pattern is no regular expression", "c-pattern"];
    }
    if (/[a-wyz]/i.test(pattern.replace(/\\./g, ""))) return ["letters are not read, and the pattern has some", "c-pattern"];
  }
  const strange = choices.find((one) => !SIGNS.test(one));
  return strange === undefined ? null : [`"${strange}" has more than digits and the signs . , - / : ( ) + $ = x`, "c-choices"];
}

function problem() {
  const seen = new Set();
  if (!fields.length) return [null, "There are no fields yet"];
  for (const [at, field] of fields.entries()) {
    const name = field.name.toLowerCase();
    if (!NAME.test(field.name)) return [at, `"${field.name}" is no name: a letter, then letters, digits, spaces and _ . -, up to 64 in all`];
    if (TAKEN.includes(name)) return [at, `The table has a column ${name}; choose another name`];
    const columns = [name, `${name}_confidence`];
    const taken = columns.find((column) => seen.has(column));
    if (taken) return [at, `Two fields need the column "${taken}" of the table; rename one`];
    for (const column of columns) seen.add(column);
    if (field.cells?.some((cell) => Math.min(cell[2], cell[3]) < LEAST)) return [at, `${field.name}: its cells are smaller than ${LEAST} pixels`, "w"];
    const wrong = wrongIn(field.constraint ?? {});
    if (wrong) return [at, `${field.name}: ${wrong[0]}`, wrong[1]];
  }
  return null;
}

/** Show a problem beside the buttons, and go to the input with it; null takes it away. */
function tell(wrong) {
  $("problem").textContent = wrong?.[1] ?? "";
  for (const input of $("form").querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
  if (!wrong || wrong[0] === null) return;
  const input = $(wrong[2] ?? "name");
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", "problem");
  input.focus();
  input.scrollIntoView({ block: "center" }); // it may have had the focus before
}

async function save() {
  const wrong = problem();
  if (wrong && wrong[0] !== null) choose(wrong[0], false);
  tell(wrong);
  if (wrong) return;
  const state = JSON.stringify(fields);
  const text = JSON.stringify({ ...template, fields }, null, 2) + "\n";
  try {
    if (window.showSaveFilePicker && !navigator.webdriver) {
      const file = await window.showSaveFilePicker({ suggestedName: FILE, types: [{ description: "Template", accept: { "application/json": [".json"] } }] });
      const stream = await file.createWritable();
      await stream.write(text);
      await stream.close();
    } else {
      const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      const link = Object.assign(document.createElement("a"), { href: url, download: FILE });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    }
  } catch (error) {
    if (error.name === "AbortError") return;
    $("problem").textContent = `Not saved: ${error.message}`;
    return;
  }
  saved = state;
  draw();
  say("Saved");
}

addEventListener("beforeunload", (event) => { if (JSON.stringify(fields) !== saved) event.preventDefault(); });
draw();
if (fields.length) choose(0, false);
