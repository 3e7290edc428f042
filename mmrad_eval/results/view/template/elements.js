"use strict";
// What every page of ours is built with: elements, words of strangers as text, colors, a dialog, what a browser keeps.
const $ = (id) => document.getElementById(id);
const record = (id) => { const script = $(id); return script ? JSON.parse(script.textContent) : null; };
function el(tag, props, ...children) { return fill(document.createElement(tag), props, children); }
function svg(tag, props, ...children) { return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children); }
function fill(node, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
// Characters that are not seen, or turn the text around them, are named instead.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
function words(text) {
  const out = [], plain = String(text ?? "").replace(/\r\n/g, "\n");
  let from = 0;
  for (const found of plain.matchAll(UNSEEN)) {
    const code = "U+" + found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    out.push(plain.slice(from, found.index), el("span", { class: "control", title: "a character that is not seen" }, code));
    from = found.index + found[0].length;
  }
  out.push(plain.slice(from));
  return out;
}
const stored = { get: (key) => { try { return localStorage.getItem("mmrad-" + key); } catch { return null; } }, set: (key, value) => { try { localStorage.setItem("mmrad-" + key, value); } catch { /* a page from disk may have no storage */ } } };
function theme(step) {
  const all = ["auto", "light", "dark"], now = stored.get("theme") || document.documentElement.dataset.theme || "auto";
  const next = step ? all[(all.indexOf(now) + 1) % 3] : now;
  if (step) stored.set("theme", next);
  document.documentElement.dataset.theme = next;
  $("theme").textContent = { auto: "\u25d0 Auto", light: "\u25cb Light", dark: "\u25cf Dark" }[next];
  $("theme").setAttribute("aria-label", `Colours: ${next}`);
}
function dialog(title, ...body) {
  $("dialog-title").textContent = title;
  $("dialog-body").replaceChildren(...body.flat().filter(Boolean));
  $("dialog").showModal();
}
