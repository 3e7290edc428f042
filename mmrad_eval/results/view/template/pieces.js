// Records of a page whose studies lie in pieces beside it: each piece is a script, loaded when one of its studies is needed.
const stock = (() => {
  const where = record("pieces"), held = new Map(), loaded = new Set(), waiting = new Map();
  self.mmradPiece = (number, records) => { for (const [id, value] of Object.entries(records)) held.set(id, value); loaded.add(number); };
  const of = (study) => { // the last piece that begins at this study or before
    let low = 0, high = where.starts.length;
    while (high - low > 1) { const middle = (low + high) >> 1; if (where.starts[middle] <= study) low = middle; else high = middle; }
    return low;
  };
  function load(number, then) {
    if (loaded.has(number)) return then();
    if (waiting.has(number)) return void waiting.get(number).push(then);
    waiting.set(number, [then]);
    const done = () => { const all = waiting.get(number); waiting.delete(number); loaded.add(number); all.forEach((one) => one()); };
    const address = `${where.folder.split("/").map(encodeURIComponent).join("/")}/${where.files[number]}`;
    document.head.append(el("script", { src: address, onload: done, onerror: () => { stock.lost = address; done(); } }));
  }
  const files = (study) => (stock.get(`study-${study}`)?.pictures ?? []).flatMap((one) => [one.src, one.deep?.src]).filter(embedded).map((src) => of(+src.split("-")[2]));
  const loadAll = (numbers, then) => numbers.length ? load(numbers[0], () => loadAll(numbers.slice(1), then)) : then();
  const embedded = (src) => /^picture-[0-9a-f]+-\d+$/.test(src ?? "");
  return {
    lost: "",
    // The bytes of a picture: an address of a file, or what the page holds itself, once for all studies that show it.
    source: (src) => embedded(src) ? stock.get(src)?.data ?? "" : src,
    get: (id) => held.get(id) ?? record(id),
    here: (study) => !where || loaded.has(of(study)) && files(study).every((n) => loaded.has(n)),
    want: (study, then) => where ? load(of(study), () => loadAll(files(study), then)) : then(),
    all: () => !where || loaded.size >= where.files.length,
    share: () => where ? loaded.size / where.files.length : 1,
    // One piece after the other, so that the page stays quick; ``after`` is called after each.
    rest(after) {
      const next = where ? where.files.findIndex((_, number) => !loaded.has(number)) : -1;
      if (next >= 0) load(next, () => { if (after() !== false) setTimeout(() => stock.rest(after)); });
    },
  };
})();
