// Asks a reader, screen by screen, and keeps every answer at once: in the browser, and in a file when asked.
(() => {
const page = record("page");
const PLACE = `readers-${page.study}-${page.reader}`; // of what the browser keeps
const IDLE = 120; // seconds without a key, click or wheel that count at most
const MOST_UNDO = 300;
const screens = [{ kind: "start" }, ...page.readings.map((reading, n) => ({ kind: "answers", reading, n })), ...(page.guesses || []).map((reading, n) => ({ kind: "guesses", reading, n })), { kind: "end" }];
const asked = (screen) => screen.kind === "answers" ? page.form.questions : screen.kind === "guesses" ? [page.guess] : page.experience;
const look = { zoom: 1, x: 0, y: 0, light: 1, contrast: 1, invert: false, film: 0, of: -1, boxes: true, lit: 0 };
let state = { began: "", experience: {}, answers: {}, guesses: {}, at: 0, undo: [] };
let since = performance.now(), kept = true;

// ---- what is kept -----------------------------------------------------------------------------------------------

function keep() {
  const text = JSON.stringify(state);
  stored.set(PLACE, text);
  if (kept && stored.get(PLACE) !== text) { kept = false; note("This browser keeps nothing of a page from disk: save a file before you close it."); }
}
function note(text) { $("note").textContent = text; $("note").hidden = !text; say(text); }
function say(text) { $("said").textContent = text; }
const here = () => screens[state.at];
const answer = (screen) => state[screen.kind]?.[screen.reading?.id];
const done = (screen) => screen.kind === "start" ? complete(screen) : screen.kind === "end" || Boolean(answer(screen)?.done);
const values = (screen) => screen.kind === "start" ? state.experience : answer(screen)?.values || {};
const clone = (value) => value === undefined ? null : JSON.parse(JSON.stringify(value));
function complete(screen) {
  const said = values(screen);
  return asked(screen).every((question) => !question.required || question.kind === "counts" && question.options.length || (said[question.key] ?? "") !== "");
}
// Every change can be taken back: what stood there before is put on a pile, with the screen that it belongs to.
function change(screen, alter, merge) {
  const last = state.undo[state.undo.length - 1];
  if (!(merge && last && last.merge === merge && last.at === state.at)) {
    const before = screen.kind === "start" ? clone(state.experience) : clone(answer(screen));
    state.undo.push({ at: state.at, before, merge: merge || null });
    if (state.undo.length > MOST_UNDO) state.undo.shift();
  }
  if (screen.kind === "start") alter(state.experience);
  else {
    const held = state[screen.kind][screen.reading.id] ??= { values: {}, seconds: 0, changes: 0, done: false };
    if (held.done && merge !== "done") held.changes += 1;
    alter(held.values, held);
  }
  keep();
  bar();
}
function undo() {
  const last = state.undo.pop();
  if (!last) return;
  tick();
  state.at = last.at;
  const screen = here();
  if (screen.kind === "start") state.experience = last.before || {};
  else {
    const seconds = answer(screen)?.seconds || 0;
    if (last.before) state[screen.kind][screen.reading.id] = { ...last.before, seconds };
    else delete state[screen.kind][screen.reading.id];
  }
  keep(); draw(); say("Undone");
}
// Time counts while the page is in sight and somebody is there.
function tick(leaving) {
  const now = performance.now(), spent = Math.min((now - since) / 1000, IDLE), held = answer(here());
  since = now;
  if ((document.hidden && leaving !== true) || !held) return;
  held.seconds += spent;
}
function begin(screen) {
  since = performance.now();
  if (screen.reading) state[screen.kind][screen.reading.id] ??= { values: {}, seconds: 0, changes: 0, done: false };
}

// ---- files ------------------------------------------------------------------------------------------------------

// FNV-1a, 64 bits, over the UTF-8 bytes: it finds what was changed by hand or cut off, and keeps nobody out.
function checksum(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, "0");
}
function file() {
  tick();
  const some = (group) => Object.fromEntries(Object.entries(group).filter(([, held]) => held.done || Object.keys(held.values).length).map(([id, held]) => [id, { ...held, seconds: Math.round(held.seconds * 100) / 100 }]));
  const body = { schema: page.schema, study: page.study, reader: page.reader, form: page.form.name, began: state.began, saved: new Date().toISOString(), experience: state.experience, answers: some(state.answers), guesses: some(state.guesses) };
  const text = JSON.stringify(body, null, 1).replace(/\n}$/, "");
  return `${text},\n "check": "${checksum(text)}"\n}\n`;
}
function save() {
  const link = el("a", { href: URL.createObjectURL(new Blob([file()], { type: "application/json" })), download: `answers-${page.reader}.json` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  keep();
  note(`Saved as answers-${page.reader}.json, in the folder of your downloads.`);
}
function load(text) {
  const cut = text.replace(/\r\n/g, "\n").lastIndexOf(',\n "check": "');
  let body = null;
  try { body = JSON.parse(text); } catch { /* said below */ }
  if (!body || cut < 0) return "This is no file of answers.";
  if (body.study !== page.study || body.reader !== page.reader) return "These are answers to another page.";
  if (body.schema !== page.schema) return "This file was saved by another version of the page.";
  if (checksum(text.replace(/\r\n/g, "\n").slice(0, cut)) !== body.check) return "This file was changed after it was saved.";
  state = { began: body.began, experience: body.experience || {}, answers: body.answers || {}, guesses: body.guesses || {}, at: 0, undo: [] };
  state.at = first();
  keep(); draw();
  return "";
}
const first = () => { const open = screens.findIndex((screen) => !done(screen)); return open < 0 ? screens.length - 1 : open; };

// ---- screens ----------------------------------------------------------------------------------------------------

function bar() {
  const all = screens.filter((screen) => screen.reading), ready = all.filter(done).length;
  $("bar").max = all.length;
  $("bar").value = ready;
  $("count").textContent = `${ready} of ${all.length} answered`;
  $("undo").disabled = !state.undo.length;
}
function go(to) {
  tick();
  state.at = Math.max(0, Math.min(screens.length - 1, to));
  keep(); draw();
}
function next() {
  const screen = here();
  if (screen.kind !== "end" && !complete(screen)) {
    const open = asked(screen).find((question) => question.required && (values(screen)[question.key] ?? "") === "");
    $("missing").textContent = `Not answered yet: ${open.words}`;
    say($("missing").textContent);
    ($(`f-${open.key}`) || document.querySelector(`[name="${open.key}"]`))?.focus();
    return;
  }
  if (screen.kind === "start") state.began ||= new Date().toISOString();
  else if (screen.reading && !answer(screen).done) change(screen, (said, held) => { held.done = true; }, "done");
  go(state.at + 1);
}
function draw() {
  const screen = here();
  begin(screen);
  bar();
  $("note").hidden = true;
  $("pane").hidden = !screen.reading;
  if (screen.reading) films(screen.reading.case);
  const parts = screen.kind === "start" ? start(screen) : screen.kind === "end" ? end() : reading(screen);
  $("desk").replaceChildren(el("div", {}, parts));
  $("desk").scrollTop = 0;
  if (matchMedia("(max-width: 900px)").matches) scrollTo(0, 0);
  const grid = screen.reading && document.querySelector(".counts input");
  (grid || $("heading")).focus({ preventScroll: true });
}
const heading = (text) => el("h2", { id: "heading", tabindex: "-1" }, text);
function start(screen) {
  const what = { one: "one report", two: "two reports", trace: "one trace, which is numbered statements with their boxes," }[page.form.shows];
  const shown = page.cases[0]?.reference !== undefined && page.cases[0]?.reference !== null;
  const input = el("input", { type: "file", id: "resume", accept: ".json,application/json", onchange: async () => { const why = await input.files[0].text().then(load); if (why) note(why); } });
  return [
    heading("Before you begin"),
    el("div", { class: "card" }, el("ol", { class: "steps-of" },
      el("li", {}, `There are ${page.readings.length} readings, each of ${what} beside the images of a case. ${shown ? "The reference report is shown; judge by it and the images." : "Judge by the images: no report is the truth."}`),
      el("li", {}, page.form.shows === "trace" ? "Some cases come again, and some traces may have errors. Judge each time as if it were the first." : "Cases come again, with other reports or the same. Judge each time as if it were the first."),
      page.guesses?.length > 0 && el("li", {}, `At the end you guess of ${page.guesses.length} reports who wrote them.`),
      el("li", {}, "Every answer is kept in this browser at once. Close the page whenever you like, and open the same file again to go on."),
      el("li", {}, "At the end, save a file and send it to whoever gave you this page. Nothing is sent by itself."),
      el("li", {}, "Everything can be done with keys: press ? to see them."))),
    form(screen, el("button", { class: "go" }, state.began ? "Go on" : "Begin")),
    el("div", { class: "card file" }, el("label", { for: "resume" }, "Go on from a saved file:"), input),
  ];
}
function reading(screen) {
  const { reading, n } = screen, guess = screen.kind === "guesses", two = reading.texts.length > 1;
  const shown = page.cases[reading.case];
  const said = Object.entries(shown.context || {});
  return [
    heading(guess ? `Guess ${n + 1} of ${page.guesses.length}` : `Reading ${n + 1} of ${page.readings.length}`),
    said.length > 0 && el("dl", { class: "context" }, said.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, words(value))))),
    shown.reference && card("Reference report", shown.reference),
    reading.statements?.length ? trace(reading.statements) : el("div", { class: two ? "pair" : null }, reading.texts.map((text, side) => card(two ? `Report ${"AB"[side]}` : "Report", text))),
    form(screen, el("button", { class: "go" }, answer(screen)?.done ? "Keep and go on" : "Next"), el("button", { type: "button", onclick: () => go(state.at - 1) }, "Back")),
  ];
}
function trace(statements) {
  const boxed = (one) => one.boxes?.length > 0;
  return el("article", { class: "card" }, el("header", {}, el("h3", {}, "Trace")), el("ol", { class: "statements" }, statements.map((one, n) => el("li", { "data-n": n + 1, onmouseenter: () => light(n + 1), onmouseleave: () => light(0) },
    boxed(one) ? el("button", { type: "button", "aria-label": `Show the box of statement ${n + 1}`, onclick: () => light(look.lit === n + 1 ? 0 : n + 1, true) }, String(n + 1)) : el("span", { class: "number" }, String(n + 1)),
    el("div", {}, one.region && el("span", { class: "dim" }, words(one.region), ": "), words(one.text))))));
}
// The statement whose box stands out; its film is shown.
function light(number, move) {
  look.lit = number;
  const one = number && here().reading?.statements?.[number - 1];
  if (move && one && (one.film || 0) !== look.film) { look.film = one.film || 0; films(here().reading.case); }
  for (const node of document.querySelectorAll("[data-n]")) node.classList.toggle("lit", Number(node.dataset.n) === number);
}
const card = (title, text) => el("article", { class: "card" }, el("header", {}, el("h3", {}, title)), prose(text));
const prose = (text) => el("div", { class: "prose", dir: "auto" }, words(text));
function end() {
  const open = screens.filter((screen) => screen.reading && !done(screen)).length + (done(screens[0]) ? 0 : 1);
  return [
    heading(open ? "Not finished yet" : "Finished. Thank you."),
    el("div", { class: "card" }, el("p", {}, open ? `${open} ${open === 1 ? "screen is" : "screens are"} open.` : "Save the file and send it to whoever gave you this page. Until you do, nobody has your answers.")),
    el("div", { class: "moves" }, open ? el("button", { type: "button", class: "go", onclick: () => go(first()) }, "To the first open one") : el("button", { type: "button", class: "go", onclick: save }, "Save the file"), el("button", { type: "button", onclick: () => go(state.at - 1) }, "Back")),
  ];
}
function form(screen, ...buttons) {
  const made = el("form", { novalidate: true, autocomplete: "off", onsubmit: (event) => { event.preventDefault(); next(); } },
    asked(screen).map((question) => field(screen, question)),
    el("p", { class: "missing", id: "missing" }),
    el("div", { class: "moves" }, buttons.reverse()));
  made.className = "desk-form";
  return made;
}
function field(screen, question) {
  const said = values(screen), set = (key, value, merge) => change(screen, (all) => { if (value === "") delete all[key]; else all[key] = value; }, merge);
  if (question.kind === "text") {
    const area = el("textarea", { id: `f-${question.key}`, name: question.key, rows: question.required ? 5 : 2, spellcheck: "false", oninput: () => set(question.key, area.value, `text ${question.key}`) });
    area.value = said[question.key] ?? "";
    return el("div", { class: question.required ? null : "short" }, el("label", { for: `f-${question.key}` }, question.words), area);
  }
  if (question.kind === "counts" && !question.options.length) return el("div", { class: "file" }, el("label", { for: `f-${question.key}` }, question.words), number(question.key, said, set, null));
  if (question.kind === "counts") return grid(question, said, set);
  const long = question.options.some((option) => option.words.length > 24);
  return el("fieldset", {}, el("legend", {}, question.words), el("div", { class: `choices${long ? " long" : ""}` }, question.options.map((option, n) => {
    const input = el("input", { type: "radio", name: question.key, value: option.value, checked: said[question.key] === option.value, onchange: () => { set(question.key, option.value); $("missing").textContent = ""; } });
    return el("label", {}, input, el("kbd", { "aria-hidden": "true" }, stroke(question, n)), option.words);
  })));
}
const stroke = (question, n) => String(question.options.every((option) => option.value > 0 && option.value < 10) ? question.options[n].value : n + 1);
function grid(question, said, set) {
  return el("fieldset", {}, el("legend", {}, question.words), el("table", { class: "counts" },
    el("thead", {}, el("tr", {}, el("td", {}), question.columns.map((column) => el("th", { scope: "col" }, column.words)))),
    el("tbody", {}, question.options.map((kind) => el("tr", {}, el("th", { scope: "row" }, kind.words),
      question.columns.map((column) => el("td", {}, number(`${kind.key}.${column.key}`, said, set, `${kind.words}, ${column.words.toLowerCase()}`))))))),
    el("p", { class: "dim" }, "An empty field counts as none."));
}
function number(key, said, set, label) {
  const input = el("input", { id: `f-${key}`, name: key, inputmode: "numeric", maxlength: 2, size: 3, placeholder: label ? "0" : null, "aria-label": label, autocomplete: "off", onfocus: () => input.select(), oninput: () => {
    const digits = input.value.replace(/\D/g, "");
    if (digits !== input.value) input.value = digits;
    if ($("missing")) $("missing").textContent = "";
    set(key, digits === "" ? "" : Number(digits), `count ${key}`);
  } });
  input.value = said[key] ?? "";
  return input;
}

// ---- images -----------------------------------------------------------------------------------------------------

function films(number) {
  const shown = page.cases[number].films || [];
  if (look.of !== number) Object.assign(look, { of: number, film: 0, zoom: 1, x: 0, y: 0, light: 1, contrast: 1, invert: false, lit: 0 });
  if (!shown.length) { $("pane").replaceChildren(el("p", { class: "lost" }, "This case has no image.")); return; }
  const film = shown[look.film], image = el("img", { src: film.src, alt: film.label, draggable: "false" });
  const stage = el("div", { class: "stage", id: "stage", tabindex: "0", role: "group", "aria-label": `Image ${look.film + 1} of ${shown.length}: ${film.label}` }, image, overlay(film));
  const button = (text, label, act, pressed) => el("button", { type: "button", title: label, "aria-label": label, "aria-pressed": pressed, onclick: act }, text);
  const which = shown.map((other, n) => button(other.label || `Image ${n + 1}`, `Show image ${n + 1}: ${other.label}`, () => { Object.assign(look, { film: n, zoom: 1, x: 0, y: 0 }); films(number); }, String(n === look.film)));
  $("pane").replaceChildren(stage, el("div", { class: "shelf", role: "toolbar", "aria-label": "Image tools" }, el("div", { class: "which" }, which),
    button("\u2212", "Zoom out", () => zoom(1 / 1.25)), button("+", "Zoom in", () => zoom(1.25)), button("Fit", "Fit the window", fit),
    button("Darker", "Darker", () => tone("light", -0.1)), button("Brighter", "Brighter", () => tone("light", 0.1)), button("Contrast", "More contrast; less with the key {", () => tone("contrast", 0.15)),
    button("Invert", "Invert", invert, String(look.invert)), page.form.shows === "trace" && button("Boxes", "Boxes", boxes, String(look.boxes))));
  stage.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event); }, { passive: false });
  stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); look.drag = [event.clientX - look.x, event.clientY - look.y]; });
  stage.addEventListener("pointermove", (event) => { if (look.drag) { look.x = event.clientX - look.drag[0]; look.y = event.clientY - look.drag[1]; placed(); } });
  for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, () => { look.drag = null; });
  stage.addEventListener("dblclick", (event) => { if (look.zoom > 1) fit(); else zoom(2.5, event); });
  placed();
}
// The boxes of the statements that lie on this film, with their numbers.
function overlay(film) {
  const all = here().reading?.statements || [], size = Math.max(film.width, film.height) / 38;
  const drawn = all.flatMap((one, n) => (one.film || 0) === look.film ? (one.boxes || []).map((box) => [n + 1, box]) : []);
  if (!drawn.length) return null;
  return svg("svg", { class: look.boxes ? "boxes" : "boxes off", viewBox: `0 0 ${film.width} ${film.height}`, "aria-hidden": "true" }, drawn.map(([number, [x, y, w, h]]) => {
    const left = x * film.width, top = y * film.height;
    return svg("g", { "data-n": number, class: number === look.lit ? "lit" : null }, svg("rect", { x: left, y: top, width: w * film.width, height: h * film.height }), svg("text", { x: left + size * .25, y: top + size, "font-size": size }, String(number)));
  }));
}
function boxes() { look.boxes = !look.boxes; document.querySelector(".boxes")?.classList.toggle("off", !look.boxes); document.querySelector('.shelf [title="Boxes"]')?.setAttribute("aria-pressed", String(look.boxes)); }
// The next statement that has a box.
function nextBox() {
  const all = here().reading?.statements || [], places = all.flatMap((one, n) => one.boxes?.length ? [n + 1] : []);
  if (places.length) { const at = places.find((n) => n > look.lit) || 0; light(at, true); say(at ? `Box of statement ${at}` : "No box"); }
}
function placed() {
  const stage = $("stage"), image = stage?.querySelector("img");
  if (!image) return;
  const room = (size) => size * (look.zoom - 1);
  look.x = Math.min(0, Math.max(-room(stage.clientWidth), look.x));
  look.y = Math.min(0, Math.max(-room(stage.clientHeight), look.y));
  for (const node of stage.children) node.style.transform = `translate(${look.x}px, ${look.y}px) scale(${look.zoom})`;
  image.style.filter = `${look.invert ? "invert(1) " : ""}brightness(${look.light}) contrast(${look.contrast})`;
}
function zoom(by, event) {
  const stage = $("stage");
  if (!stage) return;
  const box = stage.getBoundingClientRect(), x = event ? event.clientX - box.left : box.width / 2, y = event ? event.clientY - box.top : box.height / 2;
  const to = Math.min(12, Math.max(1, look.zoom * by)), grow = to / look.zoom;
  Object.assign(look, { zoom: to, x: x - (x - look.x) * grow, y: y - (y - look.y) * grow });
  placed();
}
function fit() { Object.assign(look, { zoom: 1, x: 0, y: 0, light: 1, contrast: 1 }); placed(); }
function tone(what, by) { look[what] = Math.min(3, Math.max(0.3, look[what] + by)); placed(); }
function invert() { look.invert = !look.invert; placed(); document.querySelector('.shelf [title="Invert"]')?.setAttribute("aria-pressed", String(look.invert)); }
function other() { const all = page.cases[here().reading.case].films || []; if (all.length > 1) { Object.assign(look, { film: (look.film + 1) % all.length, zoom: 1, x: 0, y: 0 }); films(here().reading.case); } }

// ---- keys -------------------------------------------------------------------------------------------------------

const IMAGE_KEYS = { "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(1 / 1.25), f: fit, i: invert, "[": () => tone("light", -0.1), "]": () => tone("light", 0.1), "{": () => tone("contrast", -0.15), "}": () => tone("contrast", 0.15), v: other, b: nextBox, B: boxes };
function pressed(event) {
  tick();
  if ($("dialog").open || event.altKey) return;
  const target = event.target, area = target.closest?.("textarea"), inside = target.closest?.(".counts input"), key = event.key;
  if ((event.ctrlKey || event.metaKey)) {
    if (key === "Enter") { event.preventDefault(); next(); }
    else if (key.toLowerCase() === "z" && !area) { event.preventDefault(); undo(); }
    return;
  }
  if (area) { if (key === "Escape") $("heading").focus(); return; }
  if (key === "Enter" && !target.closest?.("button, a, input, select")) { event.preventDefault(); here().kind === "end" ? document.querySelector(".go").click() : next(); return; }
  if (inside && ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].includes(key)) return step(event, inside, key);
  if (target.id === "stage" && key.startsWith("Arrow")) { event.preventDefault(); const [x, y] = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[key]; look.x += x; look.y += y; placed(); return; }
  if (key.length > 1 || (target.closest?.("input:not([type=radio])") && /\d/.test(key))) return;
  if (/\d/.test(key)) { if (choose(key)) event.preventDefault(); return; }
  const act = { u: undo, s: save, p: () => go(state.at - 1), c: () => $("f-comment")?.focus(), "?": keys, ...(here().reading ? IMAGE_KEYS : {}) }[key];
  if (act) { event.preventDefault(); act(); }
}
function step(event, input, key) {
  const fields = [...document.querySelectorAll(".counts input")], wide = page.form.questions[0].columns.length;
  const to = fields[fields.indexOf(input) + { ArrowUp: -wide, ArrowDown: wide, ArrowLeft: -1, ArrowRight: 1 }[key]];
  if (to) { event.preventDefault(); to.focus(); }
}
function choose(key) {
  const all = asked(here()).filter((one) => ["preference", "scale"].includes(one.kind));
  const question = all.find((one) => (values(here())[one.key] ?? "") === "") || all.find((one) => one.key === document.activeElement?.name) || all[0]; // the first that is open, else the one that has the focus
  if (!question || here().kind === "end") return false;
  const n = question.options.findIndex((_, place) => stroke(question, place) === key), input = document.querySelectorAll(`input[name="${question.key}"]`)[n];
  if (!input) return false;
  input.focus();
  input.click();
  return true;
}
function keys() {
  const list = [["1 2 3 \u2026", "choose an answer"], ["Enter", "go on"], ["Ctrl Enter", "go on, out of a text"], ["p", "back to the screen before"], ["u, Ctrl z", "take back the last change"], ["c, Escape", "into the comment, and out"], ["Tab, arrows", "from field to field"], ["s", "save a file"], ["+ \u2212 f", "zoom in, out, fit"], ["[ ] { }", "darker, brighter, less and more contrast"], ["i", "invert"], ["v", "the next image"], ...(page.form.shows === "trace" ? [["b, B", "the next box, all boxes on or off"]] : [])];
  dialog("Keys", el("dl", { class: "keys" }, list.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)])));
}

// ---- begin ------------------------------------------------------------------------------------------------------

try { const before = JSON.parse(stored.get(PLACE) || "null"); if (before?.answers) { state = before; state.at = Math.min(state.at, screens.length - 1); } } catch { /* what can't be read is asked again */ }
$("theme").addEventListener("click", () => theme(true));
$("undo").addEventListener("click", undo);
$("save").addEventListener("click", save);
$("keys").addEventListener("click", keys);
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("heading").focus(); });
addEventListener("keydown", pressed);
for (const kind of ["pointerdown", "wheel"]) addEventListener(kind, () => tick(), { passive: true });
addEventListener("resize", placed);
document.addEventListener("visibilitychange", () => { if (document.hidden) { tick(true); keep(); } else since = performance.now(); });
addEventListener("pagehide", () => { tick(); keep(); });
theme(false);
draw();
document.documentElement.dataset.ready = "yes";
})();
