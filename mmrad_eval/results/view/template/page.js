// Draws the page from the records in it. Every word of data becomes a text node: nothing is ever read as HTML.
(() => {
const page = record("page");
const ROW = 34, CHUNK = 200; // pixels of a row, as in the style; rows that are drawn at once
const ORDER = page.ids.map((_, i) => i);
const IN_REPORT = { contradicted: "contradicted by the report", missed: "left out of the report", differs: "differs in the report", matched: "in the report" };
const SIGNS = { contradicted: "\u2717", missed: "\u2212", added: "+", differs: "\u2248", matched: "\u2713" };
const WHY = { side: "other side", zone: "other zone", certainty: "less or more sure", overspecified: "more specific", general: "more general", taken: "said once there" };
const LABEL = new Map(page.columns.map((column) => [column.label, column]));
const scores = [];
const state = {};
let rows = [], drawn = 0, at = -1, folded = {}, boxesOff = new Set();

// ---- texts ----------------------------------------------

// Words of data, those that are searched for marked where they stand.
const words = (text) => { const parts = self.words(text); return state.q ? parts.flatMap((part) => typeof part === "string" ? hits(part) : part) : parts; };
function hits(text) {
  const terms = state.q.split(/\s+/).filter(Boolean).map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return text.split(new RegExp(`(${terms.join("|")})`, "gi")).map((part, n) => n % 2 ? el("mark", { class: "hit" }, part) : part);
}
// A long text scrolls by itself, so it has to be reached by keys.
const scrolls = (text, label) => text.length > 1500 ? { tabindex: 0, role: "region", "aria-label": label } : {};
const prose = (text, label) => el("div", { class: "prose", dir: "auto", ...scrolls(text, label) }, words(text));
const quiet = (text) => el("p", { class: "dim" }, words(text));
function number(value, column, signed) {
  if (value === null || value === undefined) return "";
  const counted = ["findings", "answer"].includes(column.metric), size = Math.abs(value);
  const text = counted ? String(size) : size.toFixed(size >= 100 ? 1 : 3);
  return (Number(text) === 0 ? "" : value < 0 ? "\u2212" : signed ? "+" : "") + text;
}
const name = (column) => column.profile ? `${column.name} @ ${column.profile}` : column.name;

// ---- values ---------------------------------------------

const sides = () => state.b === null ? [["a", ""]] : [["a", "A"], ["b", "B"], ["d", "B \u2212 A"]];
const arms = () => state.b === null ? [state.a] : [state.a, state.b];
function of(run) { return scores[run] ??= record(`scores-${run}`) || { statuses: [], values: {} }; }
function value(i, key) {
  const label = key.slice(2);
  if (key[0] === "d") {
    const a = value(i, "a|" + label), b = value(i, "b|" + label);
    return a === null || b === null ? null : b - a;
  }
  const run = key[0] === "a" ? state.a : state.b;
  return run === null ? null : of(run).values?.[label]?.[i] ?? null;
}
function status(i, run) { return of(run).statuses?.[i] || ""; }
const answers = (i) => arms().map((run) => stock.get(`answer-${run}-${i}`));
const hay = new Map();
function text(i) {
  const key = `${arms().join()} ${i}`;
  if (!hay.has(key)) {
    const reports = answers(i).map((answer) => `${answer?.report?.text ?? ""}\n${answer?.why ?? ""}`);
    hay.set(key, [page.ids[i], page.patients[i] ?? "", stock.get(`study-${i}`)?.reference?.text ?? "", ...reports].join("\n").toLowerCase());
  }
  return hay.get(key);
}

// ---- what the address says ------------------------------

function said() {
  const words = new URLSearchParams(location.hash.slice(1));
  const run = (id) => { const i = page.runs.findIndex((r) => r.id === id); return i < 0 && /^\d+$/.test(id || "") && page.runs[+id] ? +id : i; };
  const a = Math.max(0, run(words.get("a")));
  const b = words.get("b") === "none" || page.runs.length < 2 ? null : run(words.get("b"));
  state.a = a;
  state.b = b === null ? null : b < 0 ? (a === 0 ? 1 : 0) : b;
  state.q = words.get("q") || "";
  state.status = words.get("status") || "";
  state.patient = words.get("patient") || "";
  state.where = words.getAll("where").map((w) => w.match(/^([abd]\|.+)\|(ge|le|eq|some|none)\|([^|]*)$/)).filter((m) => m && LABEL.has(m[1].slice(2))).map((m) => m.slice(1));
  state.sort = words.get("sort") || "";
  state.report = words.get("report") === "shown";
  state.cols = words.getAll("col").filter((label) => LABEL.has(label));
  state.study = page.ids.indexOf(words.get("study") ?? "\n");
}
function address(study) {
  const words = new URLSearchParams(), set = (key, value) => { if (value) words.append(key, value); };
  const twice = new Set(page.runs.map((run) => run.id)).size < page.runs.length;
  const id = (run) => twice ? String(run) : page.runs[run].id;
  if (study >= 0) words.append("study", page.ids[study]);
  if (state.a !== 0) set("a", id(state.a));
  if (page.runs.length > 1 && state.b !== (state.a === 0 ? 1 : 0)) set("b", state.b === null ? "none" : id(state.b));
  set("q", state.q); set("status", state.status); set("patient", state.patient);
  state.where.forEach((where) => words.append("where", where.join("|")));
  set("sort", state.sort); set("report", state.report && "shown");
  state.cols.forEach((label) => words.append("col", label));
  return "#" + words;
}
function remember(push) {
  const hash = address(state.study);
  if (hash === (location.hash || "#")) return;
  try { history[push ? "pushState" : "replaceState"](null, "", hash); } catch { location.hash = hash; }
}

// ---- the table ------------------------------------------

// Beside an open study the table is narrow: one column, the one that it is sorted by.
const beside = () => state.study >= 0 && matchMedia("(min-width: 901px)").matches;
const narrow = matchMedia("(max-width: 600px)"), slim = () => beside() || narrow.matches; // one column, as beside a study
narrow.addEventListener("change", () => table());
const texts = () => state.report && !slim() && !page.redacted;
const patients = () => !slim() && page.patients.some((p) => p !== null);
function columns() {
  if (!slim()) return chosen();
  const by = state.sort.replace(/^-/, "").slice(2);
  return LABEL.has(by) ? [by] : chosen().slice(0, 1);
}
function chosen() {
  if (state.cols.length) return state.cols;
  const seen = new Set(), most = state.b === null ? 6 : 3, picked = [];
  const rank = (column) => /^(BLEU-4|ROUGE-L)/.test(column.name) ? 0 : 1;
  for (const column of [...page.columns].sort((x, y) => rank(x) - rank(y))) {
    const family = column.metric.split("@")[0];
    if (["findings", "answer"].includes(family) || seen.has(family)) continue;
    seen.add(family); picked.push(column.label);
  }
  const aids = ["Findings contradicted", "Findings missed"].filter((label) => LABEL.has(label));
  return [...picked.slice(0, most - (state.b === null ? aids.length : 1)), ...aids.slice(0, state.b === null ? 2 : 1)];
}
function passes(i) {
  if (state.patient && page.patients[i] !== state.patient) return false;
  if (state.status) {
    const [side, wanted] = state.status.split("|");
    const run = side === "b" ? state.b : state.a;
    if (run !== null && status(i, run) !== wanted) return false;
  }
  for (const [key, how, than] of state.where) {
    const v = value(i, key);
    if (how === "none" ? v !== null : v === null) return false;
    if ((how === "ge" && !(v >= +than)) || (how === "le" && !(v <= +than)) || (how === "eq" && Math.abs(v - than) > 1e-9)) return false;
  }
  return !state.q || stock.here(i) && state.q.toLowerCase().split(/\s+/).every((word) => text(i).includes(word));
}
function sorted(found) {
  const down = state.sort.startsWith("-"), key = state.sort.replace(/^-/, ""), sign = down ? -1 : 1;
  if (!key) return found;
  const plain = { study: (i) => page.ids[i], patient: (i) => page.patients[i] ?? null, "status|a": (i) => status(i, state.a), "status|b": (i) => state.b === null ? null : status(i, state.b) }[key];
  const get = plain || ((i) => value(i, key)), compare = plain ? new Intl.Collator("en", { numeric: true }).compare : (x, y) => x - y;
  const keyed = found.map((i) => [get(i), i]);
  keyed.sort((x, y) => (x[0] === null) - (y[0] === null) || (x[0] === null ? 0 : sign * compare(x[0], y[0])) || x[1] - y[1]);
  return keyed.map((pair) => pair[1]);
}
function head() {
  const both = state.b !== null;
  const heading = (key, label, props, small) => {
    const down = state.sort === "-" + key, up = state.sort === key;
    const button = el("button", { type: "button", title: props.title, onclick: () => sort(key, props.text) }, label, small && el("small", {}, small));
    return el("th", { scope: "col", class: props.class, rowspan: props.rows, "aria-sort": up ? "ascending" : down ? "descending" : null }, button);
  };
  const rows = both ? 2 : null;
  const first = [heading("study", "Study", { class: "pin", text: true, rows })];
  if (patients()) first.push(heading("patient", "Patient", { text: true, rows }));
  const second = [];
  if (both && !slim()) {
    first.push(el("th", { colspan: 2, scope: "colgroup" }, el("span", { class: "over" }, "Status")));
    second.push(heading("status|a", "A", { text: true }), heading("status|b", "B", { text: true }));
  } else if (!both) first.push(heading("status|a", "Status", { text: true }));
  for (const label of columns()) {
    const column = LABEL.get(label), title = column.signature + (column.better ? `; ${column.better} is better` : "");
    if (both) {
      first.push(el("th", { colspan: 3, scope: "colgroup", class: "first" }, el("span", { class: "over", title }, column.name, column.profile && el("small", {}, column.profile))));
      for (const [side, word] of sides()) second.push(heading(`${side}|${label}`, word, { class: side === "a" ? "num first" : "num", title }));
    } else first.push(heading(`a|${label}`, column.name, { class: "num", title }, column.profile));
  }
  if (texts()) for (const [n] of arms().entries()) first.push(el("th", { scope: "col", rowspan: rows, class: "first" }, el("span", { class: "over" }, `Report${both ? ` ${"AB"[n]}` : ""}`)));
  $("head").replaceChildren(el("tr", {}, first), ...(both ? [el("tr", {}, second)] : []));
  const tight = slim(), value_of = tight ? "4.4rem" : "5rem";
  const widths = [tight ? "9rem" : "13rem", ...(patients() ? ["8rem"] : []), ...(!both ? ["6.5rem"] : tight ? [] : ["6rem", "6rem"]), ...columns().flatMap(() => both ? [value_of, value_of, "6.2rem"] : ["8rem"]), ...(texts() ? arms().map(() => "26rem") : [])];
  $("widths").replaceChildren(...widths.map((width, n) => { const col = el("col"); if (n || !tight) col.style.width = width; return col; }));
  $("table").style.minWidth = `calc(${widths.join(" + ")})`;
}
function sort(key, text) {
  const order = text ? [key, "-" + key, ""] : ["-" + key, key, ""];
  state.sort = order[(order.indexOf(state.sort) + 1) % 3];
  remember(); table();
  document.querySelector(`#head th[aria-sort] button`)?.focus();
}
let searching = false;
function table() {
  const study = at >= 0 ? rows[at] : state.study;
  head();
  if (state.q && !stock.all() && !searching) { searching = true; stock.rest(() => { later(); return searching = Boolean(state.q) && !stock.all(); }); }
  rows = sorted(ORDER.filter(passes));
  drawn = 0;
  at = rows.indexOf(state.study >= 0 ? state.study : study);
  $("rows").replaceChildren();
  $("table").setAttribute("aria-rowcount", rows.length + $("head").rows.length);
  $("count").textContent = (rows.length === ORDER.length ? "" : `${rows.length.toLocaleString("en")} of `) + `${ORDER.length.toLocaleString("en")} ${ORDER.length === 1 ? "study" : "studies"}${searching ? `, ${Math.round(100 * stock.share())} % searched` : ""}`;
  $("nothing").hidden = rows.length > 0;
  $("table").hidden = rows.length === 0;
  draw(Math.max(CHUNK, at + 20));
  mark();
}
// The table once more, soon: pieces come in quick succession.
let soon = 0;
function later() { soon ||= setTimeout(() => { soon = 0; table(); }, 250); }
function draw(until) {
  if (drawn >= rows.length && drawn) return;
  const shown = columns(), named = patients(), statuses = state.b === null || !slim(), body = document.createDocumentFragment();
  $("rows").querySelector(".spacer")?.remove();
  const to = Math.min(rows.length, Math.ceil(until / CHUNK) * CHUNK), above = $("head").rows.length;
  for (; drawn < to; drawn++) {
    const i = rows[drawn];
    const cells = [el("th", { scope: "row" }, el("a", { href: address(i), tabindex: -1, title: page.ids[i].length > 20 ? page.ids[i] : null }, words(page.ids[i])))];
    if (named) cells.push(el("td", {}, words(page.patients[i])));
    if (statuses) for (const run of arms()) cells.push(el("td", {}, pill(status(i, run))));
    for (const label of shown) for (const [side] of sides()) cells.push(cell(i, side, label));
    if (texts() && !stock.here(i)) stock.want(i, later);
    if (texts()) for (const answer of answers(i)) cells.push(el("td", { class: "first" }, words((answer?.candidate || answer?.report?.text || "").slice(0, 400))));
    body.append(el("tr", { "aria-rowindex": drawn + 1 + above, "data-row": drawn }, cells));
  }
  if (drawn < rows.length) {
    const space = el("td", { colspan: $("widths").children.length });
    space.style.height = `${(rows.length - drawn) * ROW}px`;
    body.append(el("tr", { class: "spacer", "aria-hidden": "true" }, space));
  }
  $("rows").append(body);
}
function cell(i, side, label) {
  const v = value(i, `${side}|${label}`), column = LABEL.get(label), better = column.better;
  const text = number(v, column, side === "d");
  const verdict = side === "d" && better && Number(text.replace("\u2212", "-")) ? ((v > 0) === (better === "higher") ? "good" : "bad") : "";
  const sign = verdict && el("span", { "aria-label": verdict === "good" ? "better" : "worse", role: "img" }, verdict === "good" ? "\u25b4 " : "\u25be ");
  return el("td", { class: `num${side === "a" && state.b !== null ? " first" : ""} ${verdict}` }, sign, text);
}
function pill(status) {
  const kind = ["failed", "pending"].includes(status) ? " out" : status === "ok" ? "" : " odd";
  return el("span", { class: "status" + kind }, status || "not asked");
}
function mark() {
  $("rows").querySelector("tr.at")?.classList.remove("at");
  $("rows").querySelector("a[aria-current]")?.removeAttribute("aria-current");
  $("rows").querySelector('a[tabindex="0"]')?.setAttribute("tabindex", "-1");
  const row = $("rows").rows[Math.max(at, 0)], link = row?.querySelector("a");
  link?.setAttribute("tabindex", "0");
  if (at < 0 || !row) return;
  row.classList.add("at");
  if (state.study >= 0) link.setAttribute("aria-current", "true");
  const box = $("studies"), top = row.offsetTop, under = $("head").offsetHeight;
  if (top - under < box.scrollTop) box.scrollTop = top - under;
  else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
}
function move(by) {
  if (!rows.length) return;
  at = Math.min(rows.length - 1, Math.max(0, (at < 0 && by < 0 ? rows.length : at) + by));
  draw(at + 20);
  if (state.study >= 0) return open(rows[at]);
  mark();
  $("rows").rows[at].querySelector("a").focus({ preventScroll: true });
}

// ---- filters --------------------------------------------

function options(select, groups, chosen) {
  select.replaceChildren(...groups.map(([group, items]) => {
    const made = items.map(([key, label]) => el("option", { value: key }, label));
    return group ? el("optgroup", { label: group }, made) : made;
  }).flat());
  select.value = chosen;
  if (select.value !== chosen) select.value = "";
}
function form() {
  $("run-a").value = state.a;
  if ($("run-b")) $("run-b").value = state.b ?? "";
  $("search").value = state.q;
  $("patient").value = state.patient;
  $("patient").hidden = page.patients.every((p) => p === null);
  const counted = (run, side) => {
    const counts = new Map();
    ORDER.forEach((i) => { const s = status(i, run); if (s) counts.set(s, (counts.get(s) || 0) + 1); });
    return [...counts].sort().map(([s, n]) => [`${side}|${s}`, `${s} (${n})`]);
  };
  const groups = state.b === null ? [["", counted(state.a, "a")]] : [["A", counted(state.a, "a")], ["B", counted(state.b, "b")]];
  options($("status"), [["", [["", "Any status"]]], ...groups], state.status);
  const all = sides().map(([side, word]) => [word, page.columns.map((column) => [`${side}|${column.label}`, word ? `${word}: ${name(column)}` : name(column)])]);
  options($("where"), all, $("where").value || all[0][1][0]?.[0] || "");
  $("chips").replaceChildren(...state.where.map((where, n) => {
    const [key, how, than] = where, side = sides().find(([s]) => s === key[0])?.[1];
    const says = { ge: `\u2265 ${than}`, le: `\u2264 ${than}`, eq: `= ${than}`, some: "has a value", none: "has none" }[how];
    const label = `${side ? side + ": " : ""}${name(LABEL.get(key.slice(2)))} ${says}`;
    return el("li", {}, el("button", { type: "button", "aria-label": `Remove filter: ${label}`, onclick: () => { state.where.splice(n, 1); changed(); $("add-filter").focus(); } }, label, " \u00d7"));
  }));
}
function changed() { at = -1; form(); remember(); table(); }
function listen() {
  let wait = 0;
  $("search").addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(() => { state.q = $("search").value.trim(); remember(); table(); if (state.study >= 0) detail(true); }, 90); });
  $("status").addEventListener("change", () => { state.status = $("status").value; remember(); table(); });
  $("patient").addEventListener("input", () => { const p = $("patient").value; if (!p || page.patients.includes(p)) { state.patient = p; remember(); table(); } });
  $("patients").append(...[...new Set(page.patients.filter((p) => p !== null))].map((p) => el("option", { value: p })));
  $("add-filter").addEventListener("click", () => { const shut = $("by-column").hidden; $("by-column").hidden = !shut; $("add-filter").setAttribute("aria-expanded", shut); if (shut) $("where").focus(); });
  $("is").addEventListener("change", () => { $("than").hidden = ["some", "none"].includes($("is").value); });
  $("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    const how = $("is").value, than = ["some", "none"].includes(how) ? "" : $("than").value;
    if ($("by-column").hidden || !$("where").value || (than === "" && !["some", "none"].includes(how))) return;
    state.where.push([$("where").value, how, than]);
    changed();
  });
  $("clear").addEventListener("click", () => { Object.assign(state, { q: "", status: "", patient: "", where: [] }); changed(); $("search").focus(); });
  const runs = () => { at = rows.indexOf(state.study); form(); remember(); table(); if (state.study >= 0) detail(); };
  $("run-a").addEventListener("change", () => { state.a = +$("run-a").value; runs(); });
  $("run-b")?.addEventListener("change", () => { state.b = $("run-b").value === "" ? null : +$("run-b").value; runs(); });
  $("choose").addEventListener("click", choose);
  $("about").addEventListener("click", about);
  $("keys").addEventListener("click", keys);
  $("studies").addEventListener("scroll", () => { const seen = Math.ceil(($("studies").scrollTop + $("studies").clientHeight) / ROW); if (drawn < rows.length && seen + 40 > drawn) draw(seen + 80); }, { passive: true });
  $("rows").addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-row]");
    const selected = getSelection();
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey || (String(selected) && row.contains(selected.anchorNode))) return;
    event.preventDefault(); at = +row.dataset.row; open(rows[at]);
  });
  document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); ($("rows").querySelector('a[tabindex="0"]') || $("studies")).focus(); });
  addEventListener("hashchange", arrive);
  addEventListener("popstate", arrive);
  addEventListener("keydown", pressed);
}
function arrive() {
  const before = `${state.a} ${state.b} ${state.study}`, was = state.study;
  said(); form(); at = -1; table();
  if (before !== `${state.a} ${state.b} ${state.study}`) { if (state.study >= 0) detail(); else shut(was); }
}

// ---- keys and looks -------------------------------------

let letters = stored.get("letters") !== "off";
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog").open || viewer.shown()) return;
  const field = event.target.closest?.("input, select, textarea"), inside = $("detail").contains(event.target);
  const key = event.key;
  if (key === "Escape") {
    if (field && $("filters").contains(field)) { if (!$("by-column").hidden && $("by-column").contains(field)) $("add-filter").click(); $("rows").querySelector('a[tabindex="0"]')?.focus(); }
    else if (state.study >= 0) close();
    return;
  }
  if (field) { if (key === "ArrowDown" && field === $("search")) { event.preventDefault(); move(0); } return; }
  const step = { j: 1, k: -1 }[key] || (inside ? 0 : { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -rows.length, End: rows.length }[key]);
  if (step && (letters || key.length > 1) && (key.length === 1 || !event.target.closest?.("button, summary"))) { event.preventDefault(); move(step); }
  else if (key === "Enter" && !event.target.closest?.("a, button, summary") && at >= 0) { event.preventDefault(); open(rows[at]); }
  else if (!letters || key.length > 1) return;
  else if (key === "/") { event.preventDefault(); $("search").focus(); $("search").select(); }
  else if (key === "?") { event.preventDefault(); keys(); }
  else if (key === "v" && state.study >= 0 && !page.redacted) { event.preventDefault(); look(roomOf(state.study), 0); }
  else if (key === "b" && state.study >= 0) { const boxes = [...document.querySelectorAll(".boxes input")], on = boxes.some((box) => box.checked); boxes.forEach((box) => { box.checked = !on; box.dispatchEvent(new Event("change")); }); }
}
function keys() {
  const check = el("input", { type: "checkbox", onchange: () => { letters = check.checked; stored.set("letters", letters ? "on" : "off"); } });
  check.checked = letters;
  const list = [["j  k", "next and previous study"], ["\u2193  \u2191", "the same, in the table"], ["Enter", "open the study"], ["Escape", "close it"], ["/", "search"], ["b", "boxes on and off"], ["v", "open the films in the viewer"], ["+  \u2212  0  1", "in the viewer: larger, smaller, fit, 1:1"], ["[  ]  ,  .", "in the viewer: window level, window width"], ["i  r", "in the viewer: invert, reset"], ["?", "this list"]];
  dialog("Keys", el("dl", { class: "keys" }, list.map(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)])), el("label", {}, check, " single letters are keys"));
}
function choose() {
  const shown = new Set(chosen()), groups = new Map();
  page.columns.forEach((column) => groups.set(column.metric, [...(groups.get(column.metric) || []), column]));
  const pick = () => { state.cols = page.columns.map((c) => c.label).filter((label) => shown.has(label)); remember(); table(); };
  const report = el("input", { type: "checkbox", onchange: () => { state.report = report.checked; remember(); table(); } });
  report.checked = state.report;
  dialog("Columns of the table", !page.redacted && el("label", {}, report, " The report as it is scored"), [...groups].map(([metric, list]) => el("section", {}, el("h3", {}, metric), el("div", { class: "checks" }, list.map((column) => {
    const box = el("input", { type: "checkbox", onchange: () => { shown[box.checked ? "add" : "delete"](column.label); pick(); } });
    box.checked = shown.has(column.label);
    return el("label", {}, box, " ", name(column));
  })))));
}
function about() {
  const pairs = (list) => el("dl", { class: "pairs" }, list.map(([key, what]) => [el("dt", {}, words(key)), el("dd", {}, words(what))]));
  dialog(page.runs.length === 1 ? "About the run" : "About the runs", page.runs.map((run) => el("section", {}, el("h3", {}, words(run.name)), pairs([
    ["run", run.id], ["model", run.model], ["task", run.task], ["target", run.target], ["evidence", run.given ? "given" : "generated by the model"],
    ["studies", `${run.n}${run.patients === null ? ", no patient ids" : ` of ${run.patients} patients`}`],
    ["statuses", Object.entries(run.statuses).map(([s, n]) => `${s} ${n}`).join(", ")], ["complete", run.complete ? "yes" : "no: not ranked"],
    ...(run.mixed ? [["mixed", "more than one model identity answered: not ranked"]] : []),
    ...Object.entries(run.facts || {}), ...Object.entries(run.missing || {}).map(([m, why]) => [`no ${m}`, why]), ...(run.notes || []).map((note) => ["note", note]),
  ]))));
}

// ---- a study --------------------------------------------

function open(i) {
  const first = state.study < 0;
  state.study = i;
  remember(first);
  if (first) table();
  detail();
}
function close() { const was = state.study; state.study = -1; remember(true); table(); shut(was); }
function shut(was) {
  document.querySelector("main").classList.remove("open");
  $("detail").hidden = true;
  $("detail").replaceChildren();
  document.title = TITLE;
  if (was >= 0 && rows.includes(was)) at = rows.indexOf(was);
  mark();
  $("rows").rows[Math.max(at, 0)]?.querySelector("a")?.focus({ preventScroll: true });
}
const TITLE = document.title;
function detail(again) {
  if (!stock.here(state.study)) {
    const i = state.study, pane = $("detail");
    pane.hidden = false;
    document.querySelector("main").classList.add("open");
    pane.replaceChildren(el("p", { class: "dim" }, "Loading \u2026"));
    return stock.want(i, () => { if (state.study === i) detail(again); });
  }
  const i = state.study, study = stock.get(`study-${i}`) || {}, found = answers(i), pane = $("detail");
  document.title = `${page.ids[i]} \u00b7 ${TITLE}`;
  document.querySelector("main").classList.add("open");
  pane.hidden = false;
  const body = page.redacted ? [] : el("div", { class: state.b === null ? "reading" : "reading pair" }, el("div", { class: "pinned" }, films(study, found)), el("div", {}, thoughts(study, found), reports(study, found), judged(i, found), earlier(study)));
  pane.replaceChildren(el("div", {}, top(i, study, found), body, table_of_scores(i), page.redacted ? [] : requests(study, found)));
  mark();
  if (again) return;
  pane.scrollTop = 0;
  $("study-title").focus({ preventScroll: true });
}
function block(title, id, ...content) { return el("section", { class: "block", "aria-labelledby": id }, el("h3", { id }, title), content); }
function fold(key, title, make, shut) {
  const node = el("details", { ontoggle: () => { folded[key] = node.open; if (node.open && node.children.length === 1) node.append(make()); } }, el("summary", {}, title));
  node.open = folded[key] ?? !shut;
  if (node.open) node.append(make());
  return node;
}
const who = (n) => state.b === null ? "" : `${"AB"[n]} \u00b7 `;
const heading = (n) => state.b === null ? null : el("h4", { class: "who" }, `${"AB"[n]} \u00b7 `, words(page.runs[arms()[n]].name));

function top(i, study, found) {
  const p = page.patients[i], place = rows.indexOf(i), same = p === null ? 0 : page.patients.filter((q) => q === p).length;
  const go = (by, label, sign) => el("button", { type: "button", "aria-label": label, disabled: place < 0 || !rows.length || place + by < 0 || place + by >= rows.length, onclick: () => { at = place; move(by); } }, sign);
  return el("header", {},
    el("div", { class: "top" }, el("h2", { id: "study-title", tabindex: -1 }, words(page.ids[i])),
      arms().map((run, n) => el("span", {}, who(n), pill(status(i, run)))),
      el("div", { class: "nav" }, go(-1, "Previous study", "\u2191"), go(1, "Next study", "\u2193"), el("button", { type: "button", onclick: copyLink }, "Copy link"), el("button", { type: "button", onclick: close }, "Close")),
      el("p", { class: "meta" }, place >= 0 && `${place + 1} of ${rows.length}`, p !== null && el("span", {}, "Patient ", same > 1 ? el("button", { type: "button", class: "plain", title: "Show only the studies of this patient", onclick: () => { state.patient = p; changed(); } }, words(p), ` (${same} studies)`) : words(p)))),
    found.map((answer, n) => answer?.why && el("p", { class: "bad" }, who(n), words(answer.why))),
    study.context && el("dl", { class: "context" }, Object.entries(study.context).map(([key, what]) => el("div", {}, el("dt", {}, key), el("dd", {}, words(what))))));
}

async function copyLink(event) {
  const button = event.currentTarget;
  try { await navigator.clipboard.writeText(location.href); button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy link"; }, 1500); } catch { dialog("Link to this study", el("p", { class: "prose" }, location.href)); }
}

// A part of a picture as the model was shown it: the browser draws it from the whole file.
function picture(study, number, { cut, boxes = [], label }) {
  const p = study.pictures?.[number], box = cut?.box?.xywh, render = cut?.render || "file";
  const lost = (why) => el("div", { class: "lost", role: "img", "aria-label": `${label}: not shown` }, words(`${p?.name ?? "picture"}: ${why}`));
  if (!p?.src || !p.width) return lost(p?.why || "its size is not known");
  const whole = [0, 0, p.width, p.height], hidden = render === "noise" || render === "blank", view = (render === "crop" || hidden) && box ? box : whole, [x, y, w, h] = view;
  const image = svg("image", { href: stock.source(p.src), width: p.width, height: p.height });
  const inner = svg("svg", { viewBox: view.join(" "), x, y, width: w, height: h }, image); // cuts: the outer one would show what lies around
  const node = svg("svg", { viewBox: view.join(" "), role: "img", "aria-label": label }, svg("rect", { x, y, width: w, height: h, fill: "#000" }), inner);
  image.addEventListener("error", () => node.replaceWith(lost(`nothing at ${p.src.slice(0, 200)}`)));
  if (render === "masked" && box) inner.append(svg("path", { d: `M-9 -9H${p.width + 9}V${p.height + 9}H-9ZM${box[0]} ${box[1]}v${box[3]}h${box[2]}v${-box[3]}Z`, fill: "#000" }));
  if (hidden) inner.append(svg("rect", { x, y, width: w, height: h, fill: "#777" }));
  if (render === "blurred" && box) inner.append(svg("rect", { x: box[0], y: box[1], width: box[2], height: box[3], fill: "#777" }));
  if (render === "highlighted" && box) inner.append(svg("rect", { x: box[0], y: box[1], width: box[2], height: box[3], fill: "none", stroke: "#f00", "stroke-width": Math.max(2, Math.round(Math.max(p.width, p.height) / 200)) }));
  const size = Math.max(p.width, p.height) / 26;
  for (const drawn of boxes) {
    const [left, upper, width, height] = drawn.xywh;
    node.append(svg("g", { class: `box ${drawn.hue}`, "data-group": drawn.group, "data-steps": drawn.steps }, svg("title", {}, `${drawn.number} ${drawn.title}`), svg("rect", { x: left, y: upper, width, height }), svg("text", { x: left + size * .3, y: upper + size * 1.05, "font-size": size }, String(drawn.number))));
  }
  return node;
}
// Boxes by who drew them; the same boxes of two sources are one group.
function groups(study, found) {
  const list = new Map();
  const add = (title, key, items) => {
    const boxes = items.map((item, n) => ({ ...item, number: n + 1, steps: `${key}-${n}` })).filter((item) => item.xywh);
    if (!boxes.length) return;
    const same = JSON.stringify(boxes.map((box) => box.xywh)), known = list.get(same);
    if (known) { known.titles.push(title); known.boxes.forEach((box, n) => { box.steps += " " + boxes[n].steps; }); } else list.set(same, { titles: [title], boxes });
  };
  const place = (step) => step.box?.xywh || (step.image && step.image.picture === study.images?.[0]?.picture ? step.image.box?.xywh : null);
  const steps = (thought) => (thought?.steps || []).map((step) => ({ xywh: place(step), title: step.region }));
  found.forEach((answer, n) => { const side = state.b === null ? "" : ` ${"AB"[n]}`; add(`shown${side}`, `shown${n}`, steps(answer?.shown)); add(`written${side}`, `trace${n}`, steps(answer?.trace)); });
  add("reference trace", "reference", steps(study.trace));
  add("readers", "readers", (study.readers || []).map((reader) => ({ xywh: reader.box.xywh, title: [reader.label, reader.sentence, reader.reader].filter(Boolean).join(", ") })));
  return [...list.values()].map((group, n) => ({ key: group.titles.join(" = "), hue: `hue${n % 5}`, boxes: group.boxes.map((box) => ({ ...box, hue: `hue${n % 5}`, group: n })) }));
}
// Every film that the viewer offers: the study's own, earlier ones, and the region images of each trace.
function filmsOf(study, found, list) {
  const film = (number, label, { cut = null, boxes = [], earlier = false } = {}) => {
    const p = study.pictures?.[number] || {}, box = cut?.render === "crop" ? cut.box?.xywh : null;
    return { label, earlier, deep: p.deep, box: box || [0, 0, p.width || 1, p.height || 1], draw: () => picture(study, number, { cut, boxes, label: `${label}${boxes.length ? `, ${boxes.length} boxes` : ""}` }) };
  };
  const out = (study.images || []).map((image, n) => film(image.picture, image.label, { boxes: n === 0 ? list.flatMap((group) => group.boxes) : [] }));
  for (const prior of study.priors || []) for (const image of prior.images || []) out.push(film(image.picture, `${image.label}, ${prior.id}`, { earlier: true }));
  found.forEach((answer, n) => { for (const trace of [answer?.shown, answer?.trace]) (trace?.steps || []).forEach((step, k) => { if (step.image) out.push(film(step.image.picture, `${who(n)}region image ${k + 1}: ${step.region || "no region"}`, { cut: step.image })); }); });
  return out;
}
function look(films, start) {
  if (films.length) viewer.open(page.ids[state.study], films, start, (by) => {
    const place = rows.indexOf(state.study) + by;
    if (place < 0 || place >= rows.length || rows.indexOf(state.study) < 0) return;
    at = place; move(0);
    stock.want(state.study, () => look(roomOf(state.study), 0));
  });
}
function roomOf(i) { const study = stock.get(`study-${i}`) || {}, found = answers(i); return filmsOf(study, found, groups(study, found)); }
function films(study, found) {
  if (!study.images?.length) return block("Images", "images", quiet(page.notes?.length ? "The data could not be loaded." : "This study has no images."));
  const list = groups(study, found);
  const boxes = list.length ? el("fieldset", { class: "boxes" }, el("legend", {}, "Boxes"), list.map((group, n) => {
    const show = () => { boxesOff[check.checked ? "delete" : "add"](group.key); document.querySelectorAll(`.films .box[data-group="${n}"]`).forEach((box) => { box.style.display = check.checked ? "" : "none"; }); };
    const check = el("input", { type: "checkbox", onchange: show });
    check.checked = !boxesOff.has(group.key);
    queueMicrotask(show);
    return el("label", {}, check, el("i", { class: group.hue }), `${group.key} (${group.boxes.length})`);
  })) : null;
  const room = filmsOf(study, found, list);
  return block("Images", "images", boxes, el("div", { class: "films" }, study.images.map((image, n) => {
    const p = study.pictures[image.picture], read = () => look(room, n);
    const button = el("button", { type: "button", class: "plain", "aria-label": `Open ${image.label} in the viewer`, onclick: read }, "Open");
    const drawn = room[n].draw();
    const figure = el("figure", {}, el("div", { class: "film", onclick: (event) => { if (event.target.closest("svg")) read(); } }, drawn), el("figcaption", {}, el("span", {}, words(image.label)), p.width > 0 && el("span", {}, `${p.width} \u00d7 ${p.height}`), p.shown && el("span", {}, `shown at ${p.shown[0]} \u00d7 ${p.shown[1]}`), p.src && button, p.src && p.why && el("span", { class: "bad" }, words(p.why))));
    return figure;
  })), study.readers?.length > 0 && el("ol", { class: "readers" }, study.readers.map((reader, n) => el("li", {}, `Reader box ${n + 1}: `, words([reader.label, reader.sentence, reader.reader].filter(Boolean).join(" \u00b7 ") || reader.box.said), reader.box.problems && el("span", { class: "bad" }, words(` ${reader.box.problems}`))))));
}

function thoughts(study, found) {
  const none = (answer, n) => {
    const run = page.runs[arms()[n]];
    return quiet(!answer ? "Not asked." : ["failed", "pending"].includes(status(state.study, arms()[n])) ? "No answer yet." : run.given ? `The task ${run.task} shows no trace.` : "The model wrote no trace.");
  };
  const cards = found.map((answer, n) => el("div", {}, heading(n),
    answer?.shown && thought(study, answer.shown, `shown${n}`, "Shown to the model, in this order"),
    answer?.trace && thought(study, answer.trace, `trace${n}`, "Written by the model"),
    !answer?.shown && !answer?.trace && none(answer, n)));
  const plain = (trace) => JSON.stringify(trace, (key, value) => key === "pieces" ? undefined : value);
  const same = found.some((answer) => plain(answer?.shown) === plain(study.trace));
  const reference = study.trace && !same && fold("reference-trace", "Reference trace", () => thought(study, study.trace, "reference", "Reference trace"), found.some((answer) => answer?.shown || answer?.trace));
  return block("Trace", "trace", el("div", { class: "cols" }, cards), reference);
}
function thought(study, trace, key, title) {
  const light = (n, on) => document.querySelectorAll(`.films .box[data-steps~="${key}-${n}"]`).forEach((box) => box.classList.toggle("lit", on));
  const steps = (trace.steps || []).map((step, n) => {
    const pin = step.box?.xywh || step.image?.box?.xywh;
    const region = words(step.region || (step.regions || []).join(", ") || `step ${n + 1}`);
    const button = pin ? el("button", { type: "button", class: "plain", "aria-pressed": "false", title: "Light its box", onclick: () => { const on = button.getAttribute("aria-pressed") !== "true"; button.setAttribute("aria-pressed", on); light(n, on); } }, region) : el("span", {}, region);
    const over = (on) => () => { if (!pin || button.getAttribute("aria-pressed") !== "true") light(n, on); };
    const fine = [step.stated && "statement of the report", (step.regions || []).join(", "), step.box?.said, step.image && step.image.render !== "file" && `${step.image.render}${step.image.box?.said !== step.box?.said ? ` ${step.image.box?.said ?? ""}` : ""}`].filter(Boolean).join(" \u00b7 ");
    const foreign = step.image && study.pictures[step.image.picture] && step.image.render !== "file" && !(study.images || []).some((image) => image.picture === step.image.picture);
    return el("li", { class: step.image ? null : "bare", onmouseenter: over(true), onmouseleave: over(false) },
      step.image && el("div", { class: "crop" }, picture(study, step.image.picture, { cut: step.image, label: `Region image ${n + 1}: ${step.region}` })),
      el("div", { class: "look" }, el("div", {}, el("span", { class: "dim" }, `${n + 1}  `), button), step.text && el("p", { dir: "auto" }, step.pieces?.length ? step.pieces.map((piece) => marked(piece, null, IN_REPORT)) : words(step.text)), fine && el("p", { class: "fine" }, words(fine)),
        foreign && el("p", { class: "fine" }, words(`from another picture: ${study.pictures[step.image.picture].name}`)), step.box?.problems && el("p", { class: "fine bad" }, words(step.box.problems))));
  });
  const marks = [trace, ...(trace.steps || [])].some((part) => part.pieces?.some((piece) => piece.kind));
  return el("div", { class: "card" }, el("header", {}, el("h4", {}, title), marks && el("span", { class: "dim" }, "marked by what the report made of it")), steps.length > 0 && el("ol", { class: "steps" }, steps), trace.text && (trace.pieces?.length ? fill(prose("", title), scrolls(trace.text, title), trace.pieces.map((piece) => marked(piece, null, IN_REPORT))) : prose(trace.text, title)));
}

function reports(study, found) {
  const reference = study.reference?.[page.runs[state.a].target === "report" ? "text" : page.runs[state.a].target] ?? study.reference?.text;
  const card = (title, note, ...content) => el("div", { class: "card" }, el("header", {}, el("h4", {}, title), note && el("span", { class: "dim" }, note)), content);
  const columns = found.map((answer, n) => {
    const run = page.runs[arms()[n]], given = answer && !["failed", "pending"].includes(status(state.study, arms()[n])), f = answer?.findings;
    const whole = answer?.report?.text && answer.report.text.trim() !== (answer.candidate || "").trim();
    const mine = card("Report", `${run.target}, as it is scored`, !given ? quiet(answer ? "No answer yet." : "Not asked.") : answer.candidate ? pieces(f?.report, answer.candidate, n, "Report") : quiet("The report is empty."),
      given && aside(answer), given && whole && fold("whole-report", "Everything it wrote", () => prose(answer.report.text, "Everything it wrote"), true));
    const theirs = study.reference ? card("Reference", run.target, reference ? pieces(f?.reference, reference, n, "Reference") : quiet(`It has no ${run.target}.`),
      study.reference.text && study.reference.text !== reference && fold("whole-reference", "The whole report", () => prose(study.reference.text, "The whole report"), true)) : card("Reference", "", quiet("There is none."));
    return [mine, theirs, f && card("Findings", "read by rules: an aid, no score", tally(f), facts(f, n), answer.alignment && fold("alignment", "Score", () => prose(answer.alignment.join("\n"), "Score"), true))];
  });
  if (state.b === null) return block("Report and reference", "report", el("div", { class: "cols" }, columns[0].slice(0, 2)), columns[0][2] && el("div", { class: "block" }, columns[0][2]));
  return block("Report and reference", "report", el("div", { class: "cols" }, columns.map((list, n) => el("div", {}, heading(n), list))));
}
// What of the reply is no word of the report, and what else was counted as it was read.
function aside(answer) {
  const taken = answer.unscored || [], kinds = new Set(taken.map((piece) => `removed ${piece.kind}`));
  const counted = Object.entries(answer.events || {}).filter(([event]) => !kinds.has(event));
  if (!taken.length && !counted.length) return null;
  return el("ul", { class: "aside" }, taken.map((piece) => el("li", {}, el("span", { class: "dim" }, `not scored, ${piece.kind}: `), words(piece.text))),
    counted.map(([event, n]) => el("li", {}, el("span", { class: "dim" }, "counted: "), words(event), n > 1 && ` \u00d7 ${n}`)));
}
function pieces(list, plain, n, label) {
  return fill(prose("", label), scrolls(plain, label), list ? list.map((piece) => marked(piece, n)) : words(plain));
}
// A piece of a text, with what became of the finding in it: in colour, and in words for who does not see it.
function marked(piece, n, names) {
  if (!piece.kind) return words(piece.text);
  const title = names?.[piece.kind] ?? piece.kind, rows = (piece.rows || []).map((row) => `${n}-${row}`).join(" ") || null;
  return el("mark", { class: piece.kind + (piece.denial ? " denial" : ""), "data-rows": rows, title, onmouseenter: rows && over, onmouseleave: rows && over }, !piece.denial && el("span", { class: "unseen" }, `${title}: `), words(piece.text));
}
function over(event) {
  const on = event.type === "mouseenter" || event.type === "focusin";
  for (const row of event.currentTarget.dataset.rows.split(" ")) document.querySelectorAll(`[data-rows~="${row}"]`).forEach((node) => node.classList.toggle("lit", on));
}
function tally(f) {
  const counts = Object.keys(SIGNS).map((kind) => [kind, (f.rows || []).filter((row) => row.kind === kind && !row.denial).length]).filter(([, n]) => n);
  return counts.length ? el("p", { class: "tally" }, counts.map(([kind, n]) => el("span", { class: `kind ${kind}` }, `${SIGNS[kind]} ${n} ${kind}`))) : quiet("Neither text says that anything is abnormal.");
}
function facts(f, n) {
  const rows = (f.rows || []).map((row, k) => ({ ...row, k }));
  const plain = (concept) => concept.replaceAll("_", " ");
  const says = (one, other) => !one ? el("span", { class: "dim" }, "\u2013") : [other && one.concept !== other.concept ? `${plain(one.concept)}: ` : "", { present: "present", absent: "absent", uncertain: "uncertain" }[one.status], ...[one.side === "both" ? "both sides" : one.side, one.zone === "several" ? "several zones" : one.zone, one.severity, one.change].filter(Boolean).map((word) => `, ${word}`)].join("");
  const table = (list, label) => el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": label }, el("table", { class: "facts" }, el("caption", { class: "unseen" }, label), el("thead", {}, el("tr", {}, ["", "Finding", "Report", "Reference"].map((word) => el("th", { scope: "col" }, word || el("span", { class: "unseen" }, "What became of it"))))),
    el("tbody", {}, list.map((row) => el("tr", { "data-rows": `${n}-${row.k}`, onmouseenter: over, onmouseleave: over },
      el("td", {}, el("span", { class: `kind ${row.kind}` }, `${SIGNS[row.kind]} ${row.kind}`), row.why && el("span", { class: "dim" }, " ", WHY[row.why] || row.why)),
      el("th", { scope: "row" }, plain((row.report || row.reference).concept)), el("td", {}, says(row.report)), el("td", {}, says(row.reference, row.report)))))));
  const said = rows.filter((row) => !row.denial), denied = rows.filter((row) => row.denial);
  return [said.length > 0 && table(said, "Findings"), denied.length > 0 && fold("denials", `Normal findings (${denied.length})`, () => table(denied, "Normal findings"), true)];
}

// What each judged metric read in its judge's replies: the values of the study, then the records that they follow from.
function judged(i, found) {
  if (!found.some((answer) => answer?.judged)) return null;
  return block("What judges said", "judged", el("div", { class: "cols" }, found.map((answer, n) => el("div", {}, heading(n), (answer?.judged || []).map((one) => {
    const values = one.repeats ? [] : page.columns.filter((c) => c.metric === one.metric).map((c) => [c.name, number(value(i, `${"ab"[n]}|${c.label}`), c)]).filter(([, v]) => v);
    return el("div", { class: "card" }, el("header", {}, el("h4", {}, words(one.metric)), el("span", { class: "dim" }, `${one.repeats ? `repeat ${(one.repeat || 0) + 1}, ` : ""}${one.state || "read"}`)),
      one.why && el("p", { class: one.state === "nothing" ? "dim" : "bad" }, words(one.why)), values.length > 0 && el("p", { class: "tally" }, values.map(([key, v]) => el("span", {}, `${key} ${v}`))),
      one.record !== undefined && fold(`judged-${one.metric}`, "Records", () => el("div", {}, told(one.record, "Records"))), one.cut && quiet("Cut here: score RUN --explain STUDY prints the rest."));
  })))));
}
const flat = (v) => v === null || typeof v !== "object" || (Array.isArray(v) && v.every((one) => one === null || typeof one !== "object"));
const said_as = (v) => Array.isArray(v) ? v.map(said_as).join(" | ") : v === null ? "" : v === true ? "yes" : v === false ? "no" : String(v);
// Any JSON: records of one form as a table, names with values as pairs, the rest as texts.
function told(v, title) {
  if (flat(v)) return prose(said_as(v), title);
  if (!Array.isArray(v)) return Object.entries(v).map(([key, one]) => el("div", {}, el("p", { class: "role" }, words(key)), Array.isArray(one) && !one.length ? quiet("none") : told(one, key)));
  if (!v.every((one) => one && !Array.isArray(one) && typeof one === "object" && Object.values(one).every(flat))) return v.map((one) => told(one, title));
  const keys = [...new Set(v.flatMap(Object.keys))];
  return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": title }, el("table", { class: "facts told" }, el("caption", { class: "unseen" }, words(title)), el("thead", {}, el("tr", {}, keys.map((key) => el("th", { scope: "col" }, words(key))))),
    el("tbody", {}, v.map((row) => el("tr", {}, keys.map((key) => el("td", { dir: "auto" }, words(said_as(row[key] ?? null)))))))));
}

function earlier(study) {
  if (!study.priors?.length) return null;
  return block("Earlier studies", "earlier", study.priors.map((prior) => el("div", { class: "card" }, el("header", {}, el("h4", {}, words(prior.id)), prior.days !== null && prior.days !== undefined && el("span", { class: "dim" }, `${prior.days} days before`)),
    prior.images?.length > 0 && el("div", { class: "films small" }, prior.images.map((image) => el("figure", {}, el("div", { class: "film" }, picture(study, image.picture, { label: image.label })), el("figcaption", {}, words(image.label))))), prior.report && prose(prior.report, "Earlier report"))));
}

function table_of_scores(i) {
  const both = state.b !== null, groups = new Map();
  page.columns.forEach((column) => { if (sides().some(([side]) => value(i, `${side}|${column.label}`) !== null) || arms().some((run) => page.runs[run].whole?.[column.label])) groups.set(column.metric, [...(groups.get(column.metric) || []), column]); });
  if (!groups.size) return block("Scores", "scores", quiet("Nothing was scored."));
  const whole = (run, label) => { const w = page.runs[run].whole?.[label]; const c = LABEL.get(label); return w ? `${number(w.value, c)}${w.low !== null && w.low !== undefined ? ` [${number(w.low, c)}, ${number(w.high, c)}]` : ""}` : ""; };
  const heads = both ? ["Column", "A", "B", "B \u2212 A", "A, whole run", "B, whole run"] : ["Column", "This study", "Whole run"];
  return block("Scores", "scores", fold("scores", `${page.columns.length} columns`, () => el("div", { class: "card wide", tabindex: 0, role: "region", "aria-label": "Scores of this study" }, el("table", { class: "scores" }, el("caption", { class: "unseen" }, "Scores of this study"), el("thead", {}, el("tr", {}, heads.map((word, n) => el("th", { scope: "col", class: n ? "num" : null }, word)))),
    [...groups].map(([metric, list]) => el("tbody", {}, el("tr", { class: "group" }, el("th", { colspan: heads.length, scope: "rowgroup" }, list[0].signature || metric)),
      list.map((column) => el("tr", {}, el("th", { scope: "row" }, name(column), column.better && el("span", { class: "dim", title: `${column.better} is better` }, column.better === "higher" ? " \u2191" : " \u2193")), sides().map(([side]) => cell(i, side, column.label)), arms().map((run) => el("td", { class: "num dim" }, whole(run, column.label)))))))))));
}

function requests(study, found) {
  return block("Exact requests", "requests", el("div", { class: "cols" }, found.map((answer, n) => el("div", {}, heading(n), !answer?.exchanges?.length ? quiet(answer ? "Nobody was asked: this model answers studies without requests, or the study is open." : "Not asked.") : answer.exchanges.map((exchange, k) => exchange.found === false ? quiet(`The journal does not hold ${exchange.key}.`) :
    fold(`request-${k}`, `Request ${answer.exchanges.length > 1 ? k + 1 : ""} and its reply`, () => asked(study, exchange), true))))));
}
function asked(study, x) {
  const pairs = (list) => el("dl", { class: "pairs" }, list.filter(([, what]) => what !== undefined && what !== null && what !== "").map(([key, what]) => [el("dt", {}, key), el("dd", {}, words(what))]));
  const plain = (object) => Object.entries(object || {}).filter(([, v]) => v !== null && !(Array.isArray(v) && !v.length)).map(([k, v]) => `${k} ${v}`).join(", ");
  const part = (p) => p.image ? el("span", { class: "sent" }, p.cut ? el("span", { class: "film" }, picture(study, p.cut.picture, { cut: p.cut, label: `Picture sent: ${study.pictures[p.cut.picture].name}` })) : null, el("span", { title: p.image }, words(p.cut ? study.pictures[p.cut.picture].name : `picture ${p.image.slice(0, 12)}`)), p.how && p.how !== "file" && el("span", {}, words(p.how))) : words(p.text);
  return el("div", { class: "card" },
    pairs([["key", x.key], ["model", `${x.provider}:${x.model}${x.revision ? ` at ${x.revision}` : ""}`], ["decoding", plain(x.decoding)], ["sample", x.sample || ""], ["further fields", x.extra]]),
    (x.turns || []).map((turn) => el("div", { class: "turn" }, el("p", { class: "role" }, turn.role), fill(prose("", turn.role), {}, turn.parts.map(part)))),
    el("div", { class: "turn" }, el("p", { class: "role" }, "reply"), prose(x.reply || "(nothing)", "Reply")),
    x.reasoning && fold("reasoning", "Reasoning that came apart", () => prose(x.reasoning, "Reasoning"), true),
    (x.made || []).map((src) => el("img", { src, alt: "Image that the model made", loading: "lazy" })),
    pairs([["ended by", x.finish === undefined ? "stop" : x.finish], ["because", x.why], ["served", plain(x.served)], ["tokens", plain(x.usage)], ["seconds", x.latency ? x.latency.toFixed(2) : ""]]));
}

const viewer = makeViewer(words);

// ---- begin ----------------------------------------------

$("theme").addEventListener("click", () => theme(true));
theme(false);
said();
listen();
form();
table();
if (state.study >= 0) detail();
document.documentElement.dataset.ready = "yes";
})();
