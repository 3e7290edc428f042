"""Takes the dress of HTML, LaTeX and configuration files off a text, so that headings and words stand in lines."""

from __future__ import annotations

import html
import re

from mmrad_eval.datasets import headings

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
_NAMED_TAG = re.compile(
    r"<(?P<tag>section|div|p|span|part|field)\s+(?:name|title|id|class)\s*=\s*[\"']?(?P<name>[\w /-]{3,40})[\"']?\s*>"
    r"(?P<inside>.*?)(?:</(?P=tag)>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_CELL = re.compile(r"</t[dh]>\s*<t[dh][^<>]*>", re.IGNORECASE)
_TERM = re.compile(r"</dt>\s*<dd[^<>]*>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|h[1-6]|tr|dd|section|title)>", re.IGNORECASE)
_HTML = re.compile(
    r"</?(?:b|i|u|em|strong|p|div|span|ul|ol|li|h[1-6]|html|head|body|hr|font|small|center|table|thead|tbody|tr|td|th"
    r"|dl|dt|dd|article|header|main|title)(?:\s[^<>]{0,120})?/?>",
    re.IGNORECASE,
)
_LATEX_SECTION = re.compile(r"\\(?:sub)*section\*?\{([^{}\n]{1,80})\}")
_LATEX_WORDS = re.compile(r"\\(?:textbf|textit|text|emph|underline|mathrm|mbox|paragraph\*?)\{([^{}]{1,4000})\}")
_LATEX_REST = re.compile(
    r"\\(?:begin|end|documentclass|usepackage)(?:\[[^\[\]]*\])?\{[^{}]*\}|\\item\b|\\\\(?=\s|\Z)|\\[\[\]]"
)
_BOXED = "\\boxed{"
_ASSIGNED = re.compile(r"(?<![\w\"'])[\"']?(?P<name>[A-Za-z][\w ]{2,30})[\"']?\s*=\s*\"(?P<value>(?:[^\"\\]|\\.)*)\",?")


def without_entities(text: str) -> str:
    """A text in which HTML's names of characters are these characters."""
    return _ENTITY.sub(lambda m: html.unescape(m[0]).replace("\u00a0", " "), text) if "&" in text else text


def without_html(text: str) -> str:
    """A text whose tags of HTML are headings, lines and cells."""
    if "<" not in text:
        return text
    text = _NAMED_TAG.sub(_as_heading, text)
    text = _TERM.sub(": ", _CELL.sub(" | ", text))
    return _HTML.sub("", _BREAK.sub("\n", text))


def _as_heading(tag: re.Match[str]) -> str:
    name = tag["name"].replace("_", " ")
    return f"\n{name}:\n{tag['inside']}\n" if headings.kind_of(name) else tag[0]


def without_latex(text: str) -> str:
    """A text whose commands of LaTeX are headings and words."""
    if "\\" not in text:
        return text
    text = _LATEX_SECTION.sub(lambda m: f"\n{m[1]}\n", text)
    for _ in range(3):  # words within words
        text = _LATEX_WORDS.sub(lambda m: m[1], text)
    return _LATEX_REST.sub("\n", text)


def boxed(text: str) -> tuple[str, str, str] | None:
    r"""(before, inside, after) of the last ``\boxed{...}``; None where there is none."""
    start = text.rfind(_BOXED)
    if start < 0:
        return None
    depth = 1
    at = start + len(_BOXED)
    while at < len(text) and depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    inside = text[start + len(_BOXED) : at - 1 if depth == 0 else at]
    return text[:start].rstrip("$\\[( \n"), inside, text[at:].strip("$\\]) \n")


def without_assignments(text: str) -> str:
    """A text whose sections in ``name = "words"`` stand under headings."""
    if '="' not in text and '= "' not in text:
        return text
    return _ASSIGNED.sub(_assigned, text)


def _assigned(found: re.Match[str]) -> str:
    if headings.kind_of(found["name"]) is None:
        return found[0]
    value = found["value"].replace('\\"', '"')
    return f"\n{found['name']}:\n{value}\n"
