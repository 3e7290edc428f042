// Films of more than 8 bits: a browser reduces those to 8, so the page carries their high and low bytes as a picture of 8
// bits and twice the height, puts the values together, and draws them through any window.
const deepFilms = (() => {
const KEPT = 8, known = new Map(), waiting = new Map(); // films in memory, the last used last
const arrived = new Map();
self.mmradFilm = (name, data) => arrived.set(name, data);

function source(src, then) {
  const held = stock.source(src);
  if (held !== src) return then(held);
  const name = src.slice(src.lastIndexOf("/") + 1, -3), done = () => { script.remove(); then(arrived.get(name)); arrived.delete(name); };
  const script = el("script", { src, onload: done, onerror: done });
  document.head.append(script);
}
// `then` gets { width, height, codes }, or null where the browser can't be trusted with them.
function want(deep, then) {
  const found = known.get(deep.src);
  if (found !== undefined) { known.delete(deep.src); known.set(deep.src, found); return then(found); }
  if (waiting.has(deep.src)) return void waiting.get(deep.src).push(then);
  waiting.set(deep.src, [then]);
  source(deep.src, async (data) => {
    let made = null;
    try { if (data) made = await decoded(data, deep.total); } catch { /* what can't be decoded is told as lost */ }
    known.set(deep.src, made);
    if (known.size > KEPT) known.delete(known.keys().next().value);
    const all = waiting.get(deep.src); waiting.delete(deep.src);
    all.forEach((one) => one(made));
  });
}
async function decoded(data, total) {
  const image = new Image(); image.src = data; await image.decode();
  const width = image.naturalWidth, height = image.naturalHeight / 2, n = width * height;
  const context = el("canvas", { width, height: 2 * height }).getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const bytes = context.getImageData(0, 0, width, 2 * height).data, codes = new Uint16Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += codes[i] = bytes[4 * i] << 8 | bytes[4 * (n + i)];
  return sum === total ? { width, height, codes } : null;
}
// Codes from `low` (black) to `high` (white), the other way round where `inverted`.
function paint(canvas, film, low, high, inverted) {
  const { width, height, codes } = film, shades = new Uint8ClampedArray(65536), scale = 255 / (high - low);
  for (let code = 0; code < 65536; code++) shades[code] = inverted ? 255 - (code - low) * scale : (code - low) * scale;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = canvas.getContext("2d"), drawn = context.createImageData(width, height), pixels = drawn.data;
  for (let i = 0, at = 0; i < codes.length; i++, at += 4) { pixels[at] = pixels[at + 1] = pixels[at + 2] = shades[codes[i]]; pixels[at + 3] = 255; }
  context.putImageData(drawn, 0, 0);
}
return { want, paint };
})();
