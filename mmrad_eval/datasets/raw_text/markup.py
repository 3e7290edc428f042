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
_SECTION_TAG = re.compile(
    r"<(?P<slash>/?)(?P<name>[A-Za-z][A-Za-z_ /-]{2,40}?)(?:[_ ](?:start|begin|(?P<end>end|stop)))?>[ \t]*:?",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[ \t]*([a-zA-Z]*)[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_SEPARATED = re.compile(r"^([A-Za-z][A-Za-z ]{2,30}?)[ \t]*[/~\u00bb\u203a\u2192](?=[ \t]*[A-Z][a-z])", re.MULTILINE)
_SLOT = re.compile(r"\{\{ ?([A-Za-z][A-Za-z ]{2,30}?) ?\}\}(?=\s*\w)")
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


def in_sections(before: str) -> bool:
    """Whether an answer tag stands within the sections of a report."""
    return bool(
        "<" in before and any(headings.kind_of(m["name"].replace("_", " ")) for m in _SECTION_TAG.finditer(before))
    )


def headed(words: str) -> str:
    """A text whose sections in tags and commands stand under headings."""
    return _SECTION_TAG.sub(_tag_as_heading, without_latex(words))


def without_slots(words: str) -> str:
    """A text whose sections stand behind names in double braces, as of a template, under headings."""
    words = _SEPARATED.sub(lambda head: f"{head[1]}: " if headings.kind_of(head[1]) else head[0], words)
    return _SLOT.sub(lambda slot: f"\n{slot[1]}:\n" if headings.kind_of(slot[1]) else slot[0], words)


def _tag_as_heading(tag: re.Match[str]) -> str:
    name = tag["name"].replace("_", " ")
    if headings.kind_of(name) is None:
        return tag[0]
    return "\n" if tag["slash"] or tag["end"] else f"\n{name.upper()}:\n"


def fenced(text: str) -> tuple[str, str, str] | None:
    """(before, inside, after) of the longest code fence; None where there is none."""
    fences = list(_FENCE.finditer(text)) if "```" in text else []
    if not fences:
        return None
    best = max(fences, key=lambda fence: len(fence[2]))
    return text[: best.start()], best[2], text[best.end() :]


def in_one_fence(text: str) -> str:
    """The inside of a code fence that holds a whole text; another text as it is."""
    if not text.startswith("```") or text.count("```") > 2:
        return text
    return text.removesuffix("```").partition("\n")[2].strip() or text
