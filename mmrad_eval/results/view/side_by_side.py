"""Draws a report beside its thoughts: colours as in the paper, always with a mark in text, for a terminal and as HTML.

Supported sentences are green where they speak of heart and mediastinum, blue of lungs, purple of anything else; partial
ones red; contradicted ones red and struck through; unsupported ones grey and dashed. Every text is escaped: it is a
stranger's.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from mmrad_eval.core.visible import visible_lines
from mmrad_eval.metrics.consistency.sentences import Beside, Mark, Sentence

if TYPE_CHECKING:
    from rich.text import Text

SIGNS: dict[Mark, str] = {
    "supported": "\u2713",
    "partial": "~",
    "contradicted": "\u2717",
    "unsupported": "?",
    "none": "",
}
"""The mark that stands after a sentence, so that nothing depends on colour alone."""

_SUPPORTED = {"heart_mediastinum": "green", "lungs": "blue"}

STYLE = """
.beside { display: flex; gap: 0 2.5rem; flex-wrap: wrap; margin: 0 0 2rem; max-width: 75rem; }
.beside > div { flex: 1 1 20rem; }
.beside h4 { margin: .4rem 0 .2rem; color: #57606a; font-weight: 600; }
.beside p { margin: .2rem 0 .6rem; }
.beside .s { border-bottom: 2px solid transparent; border-radius: 2px; }
.beside .supported { background: #f0e6f7; border-color: #7b3fa0; }
.beside .supported.heart_mediastinum { background: #dff3e4; border-color: #1a7f37; }
.beside .supported.lungs { background: #dfecfb; border-color: #0b5cad; }
.beside .partial { background: #fde8e8; border-color: #c0262d; }
.beside .contradicted { color: #a40e17; text-decoration: line-through; border-color: #c0262d; }
.beside .unsupported { color: #57606a; border-bottom-style: dashed; border-color: #6e7781; }
.beside sup { font-size: .75em; margin: 0 .15em; }
.beside .lit { background: #fff3b0; }
.beside figcaption { flex-basis: 100%; color: #57606a; font-size: .9em; }
"""
"""CSS of the fragment."""

_PAGE = """
body { font: 16px/1.6 system-ui, sans-serif; margin: 2rem; color: #1f2328; background: #fff; }
h2 { font-size: 1.1rem; margin: 0; }
"""

SCRIPT = """
document.querySelectorAll('.beside').forEach(function (figure) {
  var all = Array.from(figure.querySelectorAll('[data-links]'));
  function light(one, on) {
    var links = one.dataset.links.split(' ');
    all.forEach(function (other) {
      var shared = other.dataset.links.split(' ').some(function (n) { return links.indexOf(n) >= 0; });
      if (shared) { other.classList.toggle('lit', on); }
    });
  }
  all.forEach(function (one) {
    ['mouseenter', 'focus'].forEach(function (e) { one.addEventListener(e, function () { light(one, true); }); });
    ['mouseleave', 'blur'].forEach(function (e) { one.addEventListener(e, function () { light(one, false); }); });
  });
});
"""
"""Hovering a sentence lights those that it is linked with; without it the page reads the same."""


def html(view: Beside) -> str:
    """A ``<figure class="beside">``: thought, report, and the counts under them. Needs STYLE; SCRIPT links by hover."""
    steps = "".join(
        f"<p>{f'<strong>{escape(region)}</strong> ' if region else ''}{_spans(sentences)}</p>"
        for region, sentences in view.thought
    )
    return (
        '<figure class="beside">'
        f'<div class="thought"><h4>Trace</h4>{steps or "<p>no trace</p>"}</div>'
        f'<div class="report"><h4>Report</h4><p>{_spans(view.report)}</p></div>'
        f"<figcaption>{escape(caption(view))}</figcaption></figure>"
    )


def page(views: Iterable[tuple[str, Beside]], title: str = "Report beside trace") -> str:
    """A whole static page of (heading, view) pairs that opens without a network."""
    body = "".join(f"<section><h2>{escape(heading)}</h2>{html(view)}</section>" for heading, view in views)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_PAGE}{STYLE}</style>"
        f"<h1>{escape(title)}</h1><p>{escape(LEGEND)}</p>{body}<script>{SCRIPT}</script></html>\n"
    )


def terminal(view: Beside) -> Text:
    """The same for a terminal, as a rich Text."""
    from rich.text import Text

    drawn = Text()
    for region, sentences in view.thought:
        drawn.append(f"{visible_lines(region)}: " if region else "", "bold")
        for sentence in sentences:
            drawn.append(visible_lines(sentence.text))
            drawn.append(_numbers(sentence), "dim")
        drawn.append("\n")
    drawn.append("\n")
    for sentence in view.report:
        before, words, rest = map(visible_lines, _apart(sentence))
        drawn.append(before)
        drawn.append(words, _style(sentence))
        drawn.append(SIGNS[sentence.mark] + _numbers(sentence), "dim")
        drawn.append(rest)
    drawn.append(f"\n\n{caption(view)}\n", "dim")
    return drawn


def caption(view: Beside) -> str:
    """The counts in words; the metric's own numerators."""
    parts = []
    for verdict in ("supported", "partial", "contradicted", "unsupported"):
        count, abnormal = view.counts[verdict], view.counts[f"abnormal {verdict}"]
        parts.append(f"{count} {verdict} ({abnormal} abnormal) {SIGNS[verdict]}")
    return "Statements of the report: " + ", ".join(parts)


LEGEND = (
    "Marks: \u2713 supported by the trace (green heart and mediastinum, blue lungs, purple other), ~ partial (red), "
    "\u2717 contradicted (red, struck through), ? unsupported (grey, dashed). Numbers link a sentence with its thought."
)
"""What the marks and colours say."""


def _spans(sentences: Iterable[Sentence]) -> str:
    return "".join(_span(sentence) for sentence in sentences)


def _apart(sentence: Sentence) -> tuple[str, str, str]:
    """The blanks before the words, the words, the blanks after them."""
    words = sentence.text.strip()
    return sentence.text.partition(words) if words else (sentence.text, "", "")


def _span(sentence: Sentence) -> str:
    before, words, rest = _apart(sentence)
    links = " ".join(map(str, sentence.links))
    linked = f' data-links="{links}" tabindex="0"' if links else ""
    title = "" if sentence.mark == "none" else f' title="{sentence.mark}"'
    mark = f"<sup>{SIGNS[sentence.mark]}{escape(_numbers(sentence))}</sup>"
    return (
        f'{before}<span class="s {sentence.mark} {escape(sentence.category)}"{linked}{title}>{escape(words)}</span>'
        f"{mark}{rest}"
    )


def _numbers(sentence: Sentence) -> str:
    return f"[{','.join(map(str, sentence.links))}]" if sentence.links else ""


def _style(sentence: Sentence) -> str:
    if sentence.mark == "supported":
        return _SUPPORTED.get(sentence.category, "magenta")
    return {"partial": "red", "contradicted": "red strike", "unsupported": "bright_black", "none": ""}[sentence.mark]
