// The page of a review: shows one field after the other, and sends what is said of it.

const $ = (id) => document.getElementById(id);
const AHEAD = 3; // fields whose text and picture are loaded before they are shown
const ENLARGED = 3; // a field's picture is shown at most so many times as large as on the page

let place = 0; // the field to show
let shown = 0; // the field that is shown
let field = null; // what the server told of it
let ahead = ""; // what was typed before the field could be seen
let chosen = -1; // the alternative that the arrow keys chose
let sending = false; // whether an answer is on its way
let insisted = ""; // the value whose warning was shown: Enter again saves it
let total = 0; // number of fields
const known = new Map(); // place -> promise of the field

const STOPPED = "The review has been stopped. Start it again in the terminal, and open the address it prints.";

async function ask(path, body) {
  const options = body && {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error(STOPPED);
  }
  const answer = await response.json().catch(() => ({ error: "The server gave no answer." }));
  if (response.status === 404) throw new Error(STOPPED);
  if (!response.ok) throw Object.assign(new Error(sentence(answer.error)), { status: response.status });
  return answer;
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/** Load a field and its picture, once. */
function load(at) {
  if (!known.has(at)) {
    const loaded = ask(`fields/${at}`);
    known.set(at, loaded);
    loaded.catch(() => known.delete(at));
    new Image().src = `crops/${at}`;
  }
  return known.get(at);
}

/** Show a field; `first` is said before its description, for those who hear the page. */
async function show(at, first = "") {
  place = at;
  try {
    const found = await load(at);
    if (at !== place) return;
    field = found;
    shown = at;
  } catch (error) {
    if (at === place) place = shown;
    return fail(error);
  }
  $("end").hidden = true;
  $("field").hidden = false;
  $("name").textContent = field.name;
  $("where").textContent = `${field.source}, page ${field.page}`;
  $("why").textContent = field.why ? sentence(field.why) : "";
  $("rule").textContent = [field.rule, inTable()].filter(Boolean).join("; ");
  $("label").textContent = field.tick ? "Is it ticked?" : "What is written there?";
  $("value").value = ahead;
  ahead = "";
  $("value").placeholder = field.said ? wording(field.said) : field.written || "empty";
  $("empty").hidden = field.tick;
  $("back").disabled = at === 0;
  $("forward").disabled = at === total - 1;
  $("note").textContent = insisted = "";
  $("earlier").textContent = field.said ? `${earlier(field.said)}. Enter keeps it; what you type replaces it.` : "";
  chosen = -1;
  showOptions();
  showCrop(at);
  edited();
  $("value").focus({ preventScroll: true });
  say(`${first}${describe()}`);
  for (let next = at + 1; next <= at + AHEAD; next++) if (next < total) load(next).catch(() => {});
  for (const old of known.keys()) if (Math.abs(old - at) > 50) known.delete(old);
}

function describe() {
  const parts = [`Field ${place + 1} of ${total}: ${field.name}, ${field.source}, page ${field.page}`];
  parts.push(`Read ${field.written || "as empty"}, confidence ${field.confidence}`);
  if (inTable()) parts.push(inTable());
  if (field.why) parts.push(field.why);
  if (field.rule) parts.push(`Rule: ${field.rule}`);
  if (field.said) parts.push(earlier(field.said));
  return `${parts.join(". ")}.`;
}

const inTable = () => (field.read === field.written ? "" : `in the table ${field.read}`);
const wording = (said) => (said.state === "value" ? said.value : said.state);
const earlier = (said) => `Reviewed by ${said.by}: ${wording(said)}`;

function showOptions() {
  const options = field.alternatives.length ? field.alternatives : [{ text: field.written, confidence: field.confidence }];
  $("options").replaceChildren(...options.map((option, number) => {
    const entry = document.createElement("li");
    entry.id = `option-${number}`;
    entry.role = "option";
    entry.ariaSelected = "false";
    entry.dataset.text = option.text;
    const text = document.createElement("b");
    text.append(...marked(option.text || "empty"));
    entry.append(text);
    const read = option.text === field.written;
    const confidence = option.confidence || (read ? field.confidence : "");
    if (confidence) {
      const share = document.createElement("span");
      share.textContent = confidence;
      entry.append(share);
    }
    entry.addEventListener("click", () => { choose(number); $("value").focus(); });
    return entry;
  }));
}

/** Return a text whose characters are marked where they differ from what was read. */
function marked(text) {
  const read = field.written;
  if (text === read || text.length !== read.length || field.tick) return [text];
  return [...text].map((letter, at) => {
    if (letter === read[at]) return letter;
    return Object.assign(document.createElement("mark"), { textContent: letter });
  });
}

/** Choose an alternative: its text goes into the box, and Enter saves it. */
function choose(number) {
  const options = [...$("options").children];
  if (!options.length) return;
  chosen = (number + options.length) % options.length;
  options.forEach((option, at) => { option.ariaSelected = String(at === chosen); });
  $("value").setAttribute("aria-activedescendant", options[chosen].id);
  $("value").value = options[chosen].dataset.text;
  edited();
}

function showCrop(at) {
  const image = $("crop");
  $("frame").classList.add("waiting");
  $("frame").hidden = false;
  $("nocrop").hidden = true;
  image.alt = `The field ${field.name} as it was written`;
  image.onload = () => {
    const room = $("frame").clientWidth;
    image.style.width = `${Math.min(room, image.naturalWidth * ENLARGED)}px`;
    $("frame").classList.remove("waiting");
  };
  image.onerror = () => {
    $("frame").classList.remove("waiting");
    $("frame").hidden = true;
    $("nocrop").hidden = false;
  };
  image.src = `crops/${at}`;
}

/** Adapt the button to what is in the box. */
function edited() {
  const value = $("value").value.trim();
  if (!value) {
    for (const option of $("options").children) option.ariaSelected = "false";
    $("value").removeAttribute("aria-activedescendant");
    chosen = -1;
  }
  const accepts = !value || value === field.written;
  $("accept-text").textContent = !value && field.said ? "Keep" : accepts ? "Accept" : "Save";
  if (value !== insisted) $("note").textContent = insisted = "";
}

/** Save what is said of the field, and go on to the next one of which nothing was said. */
async function save(state, value = "") {
  if (sending || !field || place !== shown) return;
  if ($("frame").classList.contains("waiting")) return; // nobody has seen it yet
  sending = true;
  try {
    const anyway = value !== "" && value === insisted;
    const answer = await ask(`fields/${place}`, { state, value, revision: field.revision, anyway });
    known.set(place, Promise.resolve(answer.field));
    showState(answer.state);
    const heard = `Saved: ${wording(answer.field.said)}. `;
    if (answer.state.next === null) await finish(heard);
    else await show(answer.state.next, heard);
  } catch (error) {
    if (error.status === 409) {
      const typed = $("value").value;
      known.delete(place);
      await show(place);
      $("value").value = typed;
      edited();
    }
    if (error.status === 422 && state === "value") insisted = value;
    fail(error);
  } finally {
    sending = false;
  }
}

function fail(error) {
  $("note").textContent = error.message;
  if ($("field").hidden) {
    $("end").hidden = false;
    $("end-title").textContent = "The review cannot be shown";
    $("end-text").textContent = error.message;
  }
}

function showState(state) {
  total = state.fields;
  document.title = `${state.reviewed} of ${total}: ${state.table}`;
  $("table").textContent = state.table;
  $("title").textContent = state.title;
  $("count").textContent = `${state.reviewed.toLocaleString("en")} of ${total.toLocaleString("en")} reviewed`;
  $("progress").max = total;
  $("progress").value = state.reviewed;
  showNotes(state.notes);
}

function showNotes(notes) {
  $("notes").textContent = notes.join("\n");
}

async function finish(heard = "") {
  field = null;
  $("field").hidden = true;
  $("end").hidden = false;
  $("end-title").textContent = "All of these fields are reviewed";
  $("end-text").textContent = "All corrections are saved. You can close this page, and stop the command with Ctrl-C.";
  $("report").replaceChildren();
  say(`${heard}All of these fields are reviewed.`);
  $("end-title").focus();
  try {
    const { lines, notes } = await ask("report");
    showNotes(notes);
    $("report").replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
  } catch (error) {
    $("end-text").textContent = error.message;
  }
}

function say(text) {
  $("said").textContent = text;
}

function step(by) {
  const to = place + by;
  if (!sending && to >= 0 && to < total) show(to);
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = $("value").value.trim();
  if (value) save("value", value);
  else if (field?.said) save(field.said.state, field.said.state === "value" ? field.said.value : "");
  else if (field?.read) save("value", field.read);
  else save("empty");
});

$("value").addEventListener("input", () => {
  for (const option of $("options").children) option.ariaSelected = "false";
  $("value").removeAttribute("aria-activedescendant");
  chosen = -1;
  edited();
});

function press(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || !field) return;
  if (sending || place !== shown) {
    // What is typed now is meant for the field that comes; its letters would be commands there.
    if (/^[0-9.,/:+() $=-]$/.test(event.key)) ahead += event.key;
    else if (event.key === "Backspace") ahead = ahead.slice(0, -1);
    else if (event.key.length > 1 && event.key !== "Enter") return;
    event.preventDefault();
    return;
  }
  const typed = $("value").value !== "";
  const free = !typed || chosen >= 0; // an alternative in the box is not text that somebody typed
  const keys = {
    Enter: event.repeat ? () => {} : null, // a key held down accepts one field, not all
    ArrowDown: () => choose(chosen + 1),
    ArrowUp: () => choose(chosen < 0 ? -1 : chosen - 1),
    ArrowLeft: free ? () => step(-1) : null,
    ArrowRight: free ? () => step(1) : null,
    PageUp: () => step(-1),
    PageDown: () => step(1),
    Escape: () => { $("value").value = ""; edited(); },
    e: free && !field.tick && !event.repeat ? () => save("empty") : null,
    u: free && !event.repeat ? () => save("unreadable") : null,
    y: free && field.tick ? () => choose(0) : null,
    n: free && field.tick ? () => choose(1) : null,
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!keys[key]) return;
  event.preventDefault();
  keys[key]();
}

$("value").addEventListener("keydown", press);

document.addEventListener("keydown", (event) => {
  if (event.target === $("value") || event.ctrlKey || event.metaKey || event.altKey || !field) return;
  if (event.key === "ArrowLeft") step(-1);
  else if (event.key === "ArrowRight") step(1);
  else if (event.key.length === 1 && event.key !== " ") {
    $("value").focus(); // the key then goes there
    press(event);
  }
});

$("back").addEventListener("click", () => step(-1));
$("forward").addEventListener("click", () => step(1));
$("empty").addEventListener("click", () => save("empty"));
$("unreadable").addEventListener("click", () => save("unreadable"));
$("again").addEventListener("click", () => show(total - 1));
$("end").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowLeft") return;
  event.stopPropagation(); // the field that is shown by then would go back, too
  show(total - 1);
});

try {
  const state = await ask("state");
  showState(state);
  if (state.next === null) await finish();
  else await show(state.next);
} catch (error) {
  fail(error);
}
