"""A report inside JSON, Python's spelling of it, a conversation, or a Markdown table."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmrad_eval.core.values import Report
from mmrad_eval.datasets import sections
from mmrad_eval.datasets.headings import kind_of, plain_name
from mmrad_eval.datasets.raw_text.marks import unescaped
from mmrad_eval.datasets.words import among

_SPELLS = ("{", "[")
_DEEPEST = 60
"""Levels of nesting; no report has more, and a parser's stack holds them."""
_TRIES = 8
_WHOLE = [
    "report",
    "radiology_report",
    "report_text",
    "final_report",
    "text",
    "content",
    "answer",
    "output",
    "response",
    "generated_text",
    "prediction",
    "completion",
    "value",
    "result",
    "generated_report",
    "message",
    "arguments",
    "parameters",
    "input",
    "choices",
    "candidates",
    "parts",
    "outputs",
    "generations",
    "predictions",
    "responses",
    "filtered_resps",
    "resps",
    "conversations",
    "messages",
    "body",
    "data",
]
"""Keys that hold a whole report, most telling first."""
_BEFORE_A_SECTION = among("section generated predicted pred model final radiology report")
_SPEAKER, _MODEL = ("role", "from"), ("assistant", "gpt", "model")
"""Who says what in a conversation, in the words of OpenAI, ShareGPT and Gemini."""
_NAMES = ("section", "heading", "name", "title", "key", "type", "label")
_BODIES = ("text", "content", "body", "value", "description", "details")
_FIELD = re.compile(r'"?([A-Za-z][\w /-]{2,30})"?\s*:\s*\[?\s*"((?:[^"\\]|\\.)*)', re.IGNORECASE)
_BROKEN = frozenset(("findings", "impression"))
_FENCE = re.compile(r"```[a-z]*", re.IGNORECASE)
_BARS = 2
_NUMBERED = 2
"""Cells of a row of which the first may be a number."""
_ROW = re.compile(r"^[ \t]*(\S[^|\n]*\|.+|\|.+\|)[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"[\s:|-]*")
_CELL = re.compile(r"(?<!\\)\|+")


def report_in(value: Any, depth: int = 0) -> Report | None:
    """The report in a JSON value; None where it holds none."""
    if depth > _DEEPEST or value is None or isinstance(value, bool | int | float):
        return None
    if isinstance(value, str):
        if value.lstrip()[:1] in _SPELLS and (inner := report_in(literal(value), depth + 1)):
            return inner
        return sections.read_report(unescaped(value).strip()) if value.strip() else None
    if isinstance(value, Mapping):
        return _of_object(value, depth)
    return _of_list(list(value), depth) if isinstance(value, list | tuple) else None


def _of_object(value: Mapping[Any, Any], depth: int) -> Report | None:
    found = _sections(value)
    plain = {plain_name(str(key)).replace(" ", "_"): item for key, item in value.items()}
    whole = next((plain[key] for key in _WHOLE if plain.get(key)), None)
    if found:
        return _joined(found, whole if isinstance(whole, str) else None)
    if named := _named(plain):
        return _joined(dict((named,)))
    if whole is not None and (inner := report_in(whole, depth + 1)):
        return inner
    nested = (item for item in value.values() if isinstance(item, Mapping | list) and item)
    inner_reports = (report_in(item, depth + 1) for item in nested)
    return next((r for r in inner_reports if r and (r.findings or r.impression)), None)


def _sections(value: Mapping[Any, Any]) -> dict[str, str]:
    """Section -> its words, of keys that are headings of findings or of an impression."""
    found: dict[str, str] = {}
    for key, item in value.items():
        kind = _kind(str(key))
        if kind in {"findings", "impression", "both"} and (words := _words(item)) is not None:
            for name in ("findings", "impression") if kind == "both" else (kind,):
                found[name] = f"{found[name]}\n{words}" if name in found else words
    return found


def _kind(key: str) -> str | None:
    """The section that a key names: ``Findings``, ``section_findings``, ``generated_impression``."""
    words = plain_name(key).replace("_", " ").split()
    while len(words) > 1 and words[0] in _BEFORE_A_SECTION:
        del words[0]
    return kind_of(" ".join(words))


def _named(plain: Mapping[str, Any]) -> tuple[str, str] | None:
    """(section, words) of an object such as ``{"section": "findings", "text": …}``."""
    for name in _NAMES:
        kind = kind_of(plain[name]) if isinstance(plain.get(name), str) else None
        if kind in {"findings", "impression"}:
            body = next((words for b in _BODIES if b != name and (words := _words(plain.get(b))) is not None), None)
            return None if body is None else (kind, body)
    return None


def _of_list(items: list[Any], depth: int) -> Report | None:
    items = [item for item in items if item is not None and not (isinstance(item, float) and math.isnan(item))]
    spoken = [item for item in items if isinstance(item, Mapping)]
    if said := [item for item in spoken if any(item.get(name) in _MODEL for name in _SPEAKER)]:
        return report_in({name: part for name, part in said[-1].items() if name not in _SPEAKER}, depth + 1)
    if items and all(isinstance(item, str) for item in items):
        return report_in("\n".join(item.strip() for item in items), depth + 1)
    found: dict[str, str] = {}
    for item in items:
        inner = report_in(item, depth + 1)
        for name in ("findings", "impression"):
            words = getattr(inner, name) if inner else None
            if words and name not in found:
                found[name] = words
    if found:
        return _joined(found)
    texts = [inner.text for item in items if (inner := report_in(item, depth + 1))]
    return sections.read_report("\n".join(texts)) if texts else None


def _joined(found: Mapping[str, str], whole: str | None = None) -> Report:
    said = [f"{name.upper()}: {found[name]}" for name in ("findings", "impression") if found.get(name)]
    return Report(whole or "\n\n".join(said), found.get("findings"), found.get("impression"))


def _words(value: Any) -> str | None:
    """The words of a section: a text, a list of texts, or an object of texts by region."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        parts = [_words(item) for item in value]
        return " ".join(part for part in parts if part)
    if isinstance(value, Mapping):
        if value.keys() and all(plain_name(str(name)) in _BODIES for name in value):
            return " ".join(words for item in value.values() if (words := _words(item)))
        return " ".join(f"{name}: {item}" for name, item in value.items() if not isinstance(item, Mapping | list))
    return None


def is_empty(value: Any) -> bool:
    """Whether an object or a list holds nothing at all."""
    if isinstance(value, Mapping):
        return all(is_empty(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(is_empty(item) for item in value)
    return value is None or (isinstance(value, float) and math.isnan(value)) or value == ""


def without_words(value: Any) -> bool:
    """Whether an object holds numbers alone, such as a label for each finding, and no text that could be a report."""
    return isinstance(value, Mapping) and bool(value) and _numbers(value)


def _numbers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_numbers, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_numbers, value))
    return value is None or isinstance(value, int | float)


def literal(text: str) -> Any:
    """The value that a text spells, in JSON or in Python; None where it spells none."""
    body = text.strip()
    if not body or body[0] not in "{[(\"'" or _depth(body) > _DEEPEST:
        return None
    for parse in (_from_json, ast.literal_eval):
        try:
            return parse(_named_nothing(body) if parse is ast.literal_eval else body)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return None


def _from_json(text: str) -> Any:
    return json.loads(text, strict=False)  # line ends within texts too


def _named_nothing(text: str) -> str:
    return re.sub(r"\b(?:nan|null)\b(?=\s*[,\]}])", "None", text)


def _depth(text: str) -> int:
    depth = deepest = 0
    for c in text:
        if c in "{[(":
            depth += 1
            deepest = max(deepest, depth)
        elif c in "}])":
            depth -= 1
    return deepest


def json_within(text: str) -> tuple[Report, int, int] | None:
    """(report, start, end) of a JSON value, or Python's spelling of one, that holds sections; also one that is cut."""
    tries = 0
    for m in re.finditer(r"[{\[]", text):
        if text[m.start() + 1 : m.start() + 40].lstrip()[:1] not in {'"', "'", "{"}:
            continue
        tries += 1
        if tries > _TRIES:
            break
        end = _matching(text, m.start())
        if end is None:
            continue
        report = report_in(literal(text[m.start() : end]))
        if report and (report.findings is not None or report.impression is not None):
            return _with_next(text, report, m.start(), end)
        alone = not _FENCE.sub("", text[: m.start()]).strip()
        if report and alone and (text[m.start()] == "{" or not _FENCE.sub("", text[end:]).strip()):
            return report, m.start(), end
    return _broken(text)


def _with_next(text: str, report: Report, start: int, end: int) -> tuple[Report, int, int]:
    """The report with the section that the next object holds, where each section has an object of its own."""
    follows = re.compile(r"[\s,]*(?=\{)").match(text, end)
    if not follows or (report.findings is not None and report.impression is not None):
        return report, start, end
    after = _matching(text, follows.end())
    other = report_in(literal(text[follows.end() : after])) if after else None
    if after is None or other is None:
        return report, start, end
    found = {name: getattr(report, name) or getattr(other, name) for name in ("findings", "impression")}
    return _joined({name: words for name, words in found.items() if words}), start, after


def _broken(text: str) -> tuple[Report, int, int] | None:
    """The sections of a JSON object that is cut or badly written."""
    start = text.find("{")
    if start < 0:
        return None
    found: dict[str, str] = {}
    for m in _FIELD.finditer(text, start):
        kind = kind_of(m[1].replace("_", " "))
        if kind in _BROKEN:
            found.setdefault(kind, _unescape(m[2]))
        elif m[1].lower() in {"report", "text"} and not text[:start].strip():
            read = sections.read_report(_unescape(m[2]))
            return read, start, len(text)
    return (_joined(found), start, len(text)) if found else None


def _unescape(value: str) -> str:
    try:
        return str(json.loads(f'"{value}"', strict=False))
    except ValueError:
        return value.rstrip("\\")


def _matching(text: str, start: int) -> int | None:
    """Where the bracket at ``start`` is closed, outside of quoted texts; None where it is not, or nests too deeply."""
    depth, quote, at = 0, "", start
    while at < len(text):
        c = text[at]
        if quote:
            if c == "\\":
                at += 1
            elif c == quote:
                quote = ""
        elif c == '"' or (c == "'" and text[at - 1 : at].strip("{[(:, \n\t") == ""):
            quote = c
        elif c in "{[":
            depth += 1
            if depth > _DEEPEST:
                return None
        elif c in "}]":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return None


def without_tables(text: str) -> str:
    """A text whose tables of sections are written as headings and words."""
    text = text.replace("\u2502", "|") if "\u2502" in text else text
    if text.count("|") < _BARS:
        return text
    rows = list(_ROW.finditer(text))
    cells = [[_bare(cell) for cell in _CELL.split(row[1].strip("|"))] for row in rows]
    cells = [row for row in cells if not all(_RULE.fullmatch(cell) for cell in row)]
    said = list(_down(cells)) or list(_across(cells))
    if not said:
        return text
    return "\n".join((text[: rows[0].start()].rstrip(), *said, text[rows[-1].end() :].lstrip())).strip()


def _bare(cell: str) -> str:
    return cell.strip().strip("*_ ")


def _main(name: str) -> bool:
    return kind_of(name) in {"findings", "impression", "both"}


def _down(rows: list[list[str]]) -> Iterator[str]:
    """Lines of a table whose first cells are headings."""
    rows = [pair for row in rows for pair in _pairs(row)]
    rows = [row[1:] if len(row) > _NUMBERED and not kind_of(row[0]) and kind_of(row[1]) else row for row in rows]
    named = [row for row in rows if len(row) > 1 and kind_of(row[0])]
    if any(_main(row[0]) and not all(_main(cell) for cell in row) for row in named):
        yield from (f"{row[0].rstrip(': ')}: {' '.join(row[1:])}" for row in named)


def _pairs(row: list[str]) -> list[list[str]]:
    """The rows of a line that holds two sections, each behind its name."""
    if len(row) == 4 and _main(row[0]) and _main(row[2]) and not _main(row[1]):
        return [row[:2], row[2:]]
    return [row]


def _across(rows: list[list[str]]) -> Iterator[str]:
    """Lines of a table whose first row names the sections."""
    if len(rows) > 1 and any(_main(cell) for cell in rows[0]):
        for number, name in enumerate(rows[0]):
            words = " ".join(row[number] for row in rows[1:] if number < len(row))
            if kind_of(name):
                yield f"{name}: {words}"
