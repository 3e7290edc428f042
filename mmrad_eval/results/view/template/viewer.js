// The viewer: films beside each other at any size, with pan, window and level. It draws with SVG and never reads a pixel,
// which a browser forbids for pictures that a page from disk only links; films of more than 8 bits that the page carries
// are drawn on a canvas through any window but their own, which is the one that models see (deep.js).
const makeViewer = (words) => {
const MOST = 64, STEP = 1.25, PAN = 0.08; // times the fitted size; of one step of zoom; of the pane, for one arrow key
const WINDOW = { width: 1, level: 0.5, inverted: false }; // shares of a film's own window, 0 its black and 1 its white
const LEAST = 2, QUICK = 8; // codes of the narrowest window; how fast the window of a deep film changes
const filters = svg("svg", { class: "unseen", "aria-hidden": "true" });
const panes = [];
let films = [], moved = null, boxes = true, together = true;

const button = (label, title, act) => el("button", { type: "button", title, onclick: act }, label);
const check = (label, on, act) => { const box = el("input", { type: "checkbox", onchange: () => act(box.checked) }); box.checked = on; return el("label", {}, box, " ", label); };
const slider = (name, act) => el("input", { type: "range", min: 1, max: 100, "aria-label": name, oninput: (event) => act((+event.target.value - 1) / 99) });
// A deep film's width goes by ratios, since its narrowest window is thousands of times narrower than its widest.
const width = slider("Window width", (share) => { const { widths: [least, most], deep } = rangeOf(active()); look({ width: deep ? least * (most / least) ** share : least + share * (most - least) }); });
const level = slider("Window level", (share) => { const { levels: [least, most] } = rangeOf(active()); look({ level: least + share * (most - least) }); });
const invert = button("Invert", "Black for white (i)", () => look({ inverted: !active().look.inverted }));
const said = el("output", { role: "status", class: "dim" });
const title = el("h2", { id: "viewer-title", tabindex: -1 });
const grid = el("div", { class: "panes" });
const count = el("select", { "aria-label": "Films beside each other", onchange: () => { split(+count.value); active()?.stage.focus({ preventScroll: true }); } }, [1, 2, 4].map((n) => el("option", { value: n }, n === 1 ? "1 film" : `${n} films`)));
const shut = button("Close", "Close the viewer (Escape)", () => node.close());
const node = el("dialog", { class: "viewer", "aria-labelledby": "viewer-title" },
  el("header", {}, title,
    el("span", { class: "nav" }, button("\u2191", "Previous study (k)", () => moved(-1)), button("\u2193", "Next study (j)", () => moved(1))), count,
    button("Fit", "Fit the film (0)", () => fit()), button("1:1", "One pixel of the file for one of the screen (1)", () => actual()),
    button("\u2212", "Smaller (\u2212)", () => zoom(1 / STEP)), button("+", "Larger (+)", () => zoom(STEP)),
    invert,
    el("label", {}, "Width ", width), el("label", {}, "Level ", level), button("Reset", "Fit, and the film's own window (r)", () => { fit(); look(WINDOW); }),
    button("Copy figure", "Copy the film with its boxes, as it is seen, as a picture (c)", () => copyFigure()),
    check("Boxes", boxes, (on) => { boxes = on; node.classList.toggle("bare", !on); }), check("Together", together, (on) => { together = on; }), said, shut),
  grid, filters);
document.body.append(node);
node.addEventListener("keydown", pressed);
node.addEventListener("close", () => { grid.replaceChildren(); panes.length = 0; });
new ResizeObserver(() => panes.forEach(place)).observe(grid);

const active = () => panes.find((pane) => pane.node.contains(document.activeElement)) || panes.find((pane) => pane.last) || panes[0];
const moving = () => together ? panes : [active()];

// `list`: { label, width, height, box, draw } of each film; `box` is the part of the film that is shown.
function open(name, list, start, onmove) {
  films = list; moved = onmove;
  title.replaceChildren(...words(name));
  const earlier = films.findIndex((film, n) => film.earlier && n !== start);
  const shown = node.open ? panes.length : earlier >= 0 ? 2 : 1, before = node.open ? active().look : null;
  grid.replaceChildren(); panes.length = 0;
  split(shown, [start, ...(earlier >= 0 ? [earlier] : [])]);
  if (!node.open) node.showModal();
  if (before) look(before);
  panes.forEach(place);
  panes[0]?.stage.focus({ preventScroll: true });
}
function split(n, chosen = []) {
  while (panes.length > n) panes.pop().node.remove();
  while (panes.length < n) {
    const number = panes.length, others = panes.map((pane) => pane.film), free = films.findIndex((_, i) => !others.includes(i));
    add(number, Math.max(0, chosen[number] ?? (free < 0 ? 0 : free)));
  }
  grid.dataset.panes = n;
  count.value = n;
  panes.forEach(place);
}
function add(number, film) {
  const beside = together ? active() : null;
  const choose = el("select", { "aria-label": `Film ${number + 1}`, onchange: () => load(pane, +choose.value) }, films.map((one, n) => el("option", { value: n }, one.label)));
  const stage = el("div", { class: "stage", tabindex: 0, role: "group", "aria-label": `Film ${number + 1}: arrow keys move it`, onfocus: () => { panes.forEach((one) => { one.last = one === pane; }); told(); } });
  const pane = { node: el("section", { class: "pane" }, choose, stage), stage, choose, film, look: { ...(beside?.look ?? WINDOW) }, zoom: beside?.zoom ?? 1, at: beside?.at ?? [0.5, 0.5], fingers: new Map(), last: number === 0 };
  panes.push(pane);
  grid.append(pane.node);
  const transfer = svg("feComponentTransfer", {}, pane.channels = ["R", "G", "B"].map((c) => svg(`feFunc${c}`, { type: "linear" })));
  filters.querySelector(`#window-${number}`)?.remove();
  filters.append(svg("filter", { id: `window-${number}`, "color-interpolation-filters": "sRGB" }, transfer));
  pane.number = number;
  listen(pane);
  load(pane, film);
}
function load(pane, film) {
  pane.film = film; pane.choose.value = film;
  const drawn = films[film].draw();
  pane.drawn = drawn.tagName === "svg" ? drawn : null;
  pane.stage.replaceChildren(drawn);
  drawn.querySelectorAll("image").forEach((image) => image.setAttribute("filter", `url(#window-${pane.number})`));
  pane.canvas = pane.codes = null; pane.lost = false;
  pane.look = within(pane, pane.look);
  if (!together) { pane.zoom = 1; pane.at = [0.5, 0.5]; }
  place(pane); shade(pane); told();
}
const fitted = (pane) => { const { clientWidth: w, clientHeight: h } = pane.stage, [, , bw, bh] = films[pane.film].box; return Math.min(w / bw, h / bh) || 1; };
function place(pane) {
  if (!pane.drawn || !pane.stage.clientWidth) return;
  const scale = fitted(pane) * pane.zoom, w = pane.stage.clientWidth / scale, h = pane.stage.clientHeight / scale, [x, y, bw, bh] = films[pane.film].box;
  pane.drawn.setAttribute("viewBox", [x + pane.at[0] * bw - w / 2, y + pane.at[1] * bh - h / 2, w, h].join(" "));
}
// How far a film's window goes, in shares of its own: for a deep one from two codes to twice what it holds.
function rangeOf(pane) {
  const deep = films[pane?.film]?.deep;
  if (!deep) return { widths: [0.01, 1], levels: [0, 1] };
  const [low, high] = deep.window, own = high - low || 1;
  return { deep, own, widths: [LEAST / own, Math.max(1, 2 * deep.most / own)], levels: [Math.min(0, -low / own), Math.max(1, (deep.most - low) / own)] };
}
function within(pane, wanted) {
  const { widths, levels } = rangeOf(pane), limit = (value, [least, most]) => Math.min(most, Math.max(least, value));
  return { ...wanted, width: limit(wanted.width, widths), level: limit(wanted.level, levels) };
}
const codesAt = (pane) => { const { deep, own } = rangeOf(pane), { width: w, level: l } = pane.look; return [l - w / 2, l + w / 2].map((share) => deep.window[0] + share * own); };
// Through its own window a film is the picture that models see; through any other a deep one is drawn from all its values.
function shadeDeep(pane) {
  const { deep } = rangeOf(pane), own = pane.look.width === WINDOW.width && pane.look.level === WINDOW.level, image = pane.drawn?.querySelector("image");
  if (!deep || !image) return;
  if (!own && !pane.canvas) {
    const film = pane.film;
    pane.canvas = el("canvas", { width: 1, height: 1 });
    return deepFilms.want(deep, (codes) => {
      if (pane.film !== film || !pane.drawn?.contains(image)) return;
      pane.codes = codes; pane.lost = codes === null;
      if (codes) {
        const [w, h] = ["width", "height"].map((side) => image.getAttribute(side));
        pane.canvas.style.cssText = `display: block; width: ${w}px; height: ${h}px`;
        image.after(svg("foreignObject", { class: "deep", width: w, height: h }, pane.canvas));
      }
      shadeDeep(pane); told();
    });
  }
  const drawn = !own && pane.codes;
  image.style.display = drawn ? "none" : "";
  if (pane.codes) image.nextSibling.style.display = drawn ? "" : "none";
  if (drawn) deepFilms.paint(pane.canvas, pane.codes, ...codesAt(pane), pane.look.inverted);
}
function shade(pane) {
  shadeDeep(pane);
  const { width: w, level: l, inverted } = pane.look, low = l - w / 2;
  for (const channel of pane.channels) { channel.setAttribute("slope", (inverted ? -1 : 1) / w); channel.setAttribute("intercept", inverted ? 1 + low / w : -low / w); }
}
function told() {
  const pane = active();
  if (!pane?.drawn) { said.textContent = ""; return; }
  const size = fitted(pane) * pane.zoom * devicePixelRatio, percent = (share) => Math.round(100 * share);
  const { deep, widths, levels } = rangeOf(pane), part = (value, [least, most]) => (value - least) / (most - least), { width: w, level: l } = pane.look;
  width.step = level.step = deep ? "any" : 1;
  width.value = 1 + 99 * (deep ? Math.log(w / widths[0]) / Math.log(widths[1] / widths[0]) : part(w, widths));
  level.value = 1 + 99 * part(l, levels);
  said.textContent = `${percent(size)} %, ${deep ? values(pane, deep) : `width ${percent(w)}, level ${percent(l)}`}`;
  invert.setAttribute("aria-pressed", pane.look.inverted);
}
// The file's own values at both ends of the window.
function values(pane, deep) {
  const short = (code) => String(+(deep.first + deep.step * code).toPrecision(5)).replace("-", "\u2212"), [low, high] = codesAt(pane);
  if (pane.lost) return "only 8 bits are shown: all values can't be loaded, or this browser changes what a page reads of a picture";
  const waits = pane.canvas && !pane.codes ? ", loading" : "";
  return `black ${short(low)}, white ${short(high)}; the file holds ${[0, deep.most].map(short).join(" to ")}${waits}`;
}
function look(change) { const next = { ...active().look, ...change }; for (const pane of moving()) { pane.look = within(pane, next); shade(pane); } told(); }
function set(zoomed, at) {
  const limit = (share) => Math.min(1, Math.max(0, share));
  for (const pane of moving()) { pane.zoom = Math.min(MOST, Math.max(0.2, zoomed)); pane.at = at.map(limit); place(pane); }
  told();
}
function fit() { set(1, [0.5, 0.5]); }
function actual() { for (const pane of moving()) { pane.zoom = 1 / devicePixelRatio / fitted(pane); place(pane); } told(); }
// `from`: the point that stays where it is, in pixels of the stage from its centre.
function zoom(by, from = [0, 0]) {
  const pane = active(), next = Math.min(MOST, Math.max(0.2, pane.zoom * by)), scale = fitted(pane), [, , bw, bh] = films[pane.film].box;
  const shift = (1 / pane.zoom - 1 / next) / scale;
  set(next, [pane.at[0] + from[0] * shift / bw, pane.at[1] + from[1] * shift / bh]);
}
function pan(x, y) { const pane = active(), scale = fitted(pane) * pane.zoom, [, , bw, bh] = films[pane.film].box; set(pane.zoom, [pane.at[0] - x / scale / bw, pane.at[1] - y / scale / bh]); }
function listen(pane) {
  const { stage, fingers } = pane;
  const centre = (event) => { const box = stage.getBoundingClientRect(); return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2]; };
  const spread = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
  stage.addEventListener("wheel", (event) => { event.preventDefault(); stage.focus({ preventScroll: true }); zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), centre(event)); }, { passive: false });
  stage.addEventListener("dblclick", fit);
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("pointerdown", (event) => { stage.focus({ preventScroll: true }); stage.setPointerCapture(event.pointerId); fingers.set(event.pointerId, [event.clientX, event.clientY]); event.preventDefault(); });
  stage.addEventListener("pointermove", (event) => {
    const was = fingers.get(event.pointerId);
    if (!was) return;
    const before = fingers.size === 2 ? spread() : 0, x = event.clientX - was[0], y = event.clientY - was[1];
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (fingers.size === 2) zoom(spread() / (before || 1), centre(event));
    else if (event.shiftKey || event.buttons & 2) window(x / stage.clientWidth, y / stage.clientHeight);
    else pan(x, y);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
}
function window(wider, higher) {
  const pane = active(), now = pane.look;
  look(rangeOf(pane).deep ? { width: now.width * Math.exp(QUICK * wider), level: now.level + 2 * higher * now.width } : { width: now.width + wider, level: now.level + higher });
}
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select") || (event.target.closest("input") && event.key.startsWith("Arrow"))) return;
  const w = active()?.stage.clientWidth * PAN, act = {
    "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), 0: fit, 1: actual, i: () => look({ inverted: !active().look.inverted }), r: () => { fit(); look(WINDOW); },
    b: () => node.querySelector("header input[type=checkbox]").click(), "[": () => window(0, -0.02), "]": () => window(0, 0.02), ",": () => window(-0.02, 0), ".": () => window(0.02, 0),
    ArrowLeft: () => pan(w, 0), ArrowRight: () => pan(-w, 0), ArrowUp: () => pan(0, w), ArrowDown: () => pan(0, -w), j: () => moved(1), k: () => moved(-1), c: copyFigure,
  }[event.key];
  if (!act) return;
  event.preventDefault(); event.stopPropagation();
  act();
}
// What is seen of a film, as a PNG of twice the size on the screen: to the clipboard, or to a file where there is none.
async function copyFigure() {
  const pane = active();
  if (!pane?.drawn) return;
  try {
    const figure = await drawing(pane);
    try { await navigator.clipboard.write([new ClipboardItem({ "image/png": figure })]); said.textContent = "Figure copied"; } catch {
      const link = el("a", { download: `${title.textContent}.png`, href: await address(figure) });
      link.click();
      said.textContent = "Figure saved";
    }
  } catch { said.textContent = "The film lies beside this page, and browsers let no page from disk read it: make the page with --embed-images"; }
}
const SEEN = ["fill", "fill-opacity", "stroke", "stroke-width", "vector-effect", "paint-order", "font-family", "font-weight", "font-size"];
async function drawing(pane) {
  const copy = pane.drawn.cloneNode(true), size = [2 * pane.stage.clientWidth, 2 * pane.stage.clientHeight];
  const shapes = pane.drawn.querySelectorAll("rect, text, path"), copies = copy.querySelectorAll("rect, text, path");
  shapes.forEach((shape, n) => {
    const style = getComputedStyle(shape);
    if (style.display === "none" || getComputedStyle(shape.parentNode).display === "none") copies[n].setAttribute("visibility", "hidden");
    for (const name of SEEN) copies[n].setAttribute(name, style.getPropertyValue(name));
  });
  if (pane.codes && pane.canvas && copy.querySelector(".deep")?.style.display !== "none") {
    copy.querySelector("image").setAttribute("href", pane.canvas.toDataURL("image/png"));
    copy.querySelectorAll("image").forEach((image) => { image.removeAttribute("filter"); image.style.display = ""; });
  }
  copy.querySelector(".deep")?.remove();
  copy.prepend(filters.querySelector(`#window-${pane.number}`).cloneNode(true));
  copy.setAttribute("width", size[0]); copy.setAttribute("height", size[1]);
  for (const image of copy.querySelectorAll("image")) image.setAttribute("href", await inlined(image.getAttribute("href")));
  const film = await pictured(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`);
  return new Promise((done, failed) => canvas(film, ...size).toBlob((blob) => blob ? done(blob) : failed(new Error("no picture"))));
}
async function pictured(src) { const image = new Image(); image.src = src; await image.decode(); return image; }
async function inlined(src) {
  if (src.startsWith("data:")) return src;
  const image = await pictured(src);
  return canvas(image, image.naturalWidth, image.naturalHeight).toDataURL("image/png");
}
function canvas(image, wide, high) {
  const drawn = el("canvas", { width: wide, height: high });
  drawn.getContext("2d").drawImage(image, 0, 0, wide, high);
  return drawn;
}
const address = (blob) => new Promise((done) => { const reader = new FileReader(); reader.onload = () => done(reader.result); reader.readAsDataURL(blob); });
return { open, shown: () => node.open };
};
