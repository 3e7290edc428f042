"""Reading an answer: what of a model's words is thought, what is report, and with which status.

Every reply ends in a status, none in an exception. Where no report can be found, or the model declined, the report is
empty and is scored as empty.
"""

from __future__ import annotations

import re

import msgspec

from mmrad_eval.core.values import Answer, Frame, ModelStatus, Reply, Report, Target, Trace
from mmrad_eval.datasets.sections import read_report
from mmrad_eval.traces.geometry import CANONICAL
from mmrad_eval.traces.steps import read_trace

_WHY_LENGTH = 200

_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_THOUGHT_START = re.compile(r"<(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_TAGGED = re.compile(r"<(report|answer|final_report)>(.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*([a-zA-Z]*)[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL)
_CUE = re.compile(
    r"^[ \t#*_>-]*(?:final |radiology |chest x-ray )?report[ \t*_]*:[ \t*_]*"
    r"|^[^\n]{0,120}\bgenerate the following report[ \t*_]*:[ \t*_]*",
    re.IGNORECASE | re.MULTILINE,
)
_MARKED = re.compile(r"^[ \t>#*_-]*(?:step[ \t]+\d+|first|second|third|next|finally)\b", re.IGNORECASE | re.MULTILINE)
_CANNOT = r"(?:can['\u2019]?t|cannot|can not|(?:am|['\u2019]?m) (?:unable|not able) to|won['\u2019]?t)"
_REFUSAL = re.compile(
    r"(?:i['\u2019]?m sorry|i am sorry|sorry|i apologi[sz]e)[,.! ]+(?:but )?(?:i|as an|this)\b"
    rf"|\bi ?{_CANNOT} (?:assist|help|provide|interpret|analy[sz]e|diagnose|comply|write|read|view|see|process)"
    rf"|\bas an ai\b[^.]*\b(?:{_CANNOT}|unable|not able)\b",
    re.IGNORECASE,
)
_REFUSAL_WORDS = ("sorry", "apolog", "can", "unable", "not able", "won")
"""One of these is in every refusal; most reports hold none of them, and looking for them costs less."""
_REFUSAL_WITHIN = 160
"""A refusal stands at the beginning; the same words later are part of a report."""
_EITHER = "(?:findings|impression)"
_LAST_HEADING = re.compile(
    rf"(?<![#*_ \t>])[#*_ \t>]*+{_EITHER}(?:[ \t]*+(?:/|&|and)[ \t]*+{_EITHER})?+[#*_ \t]*+:?[#*_ \t]*+$", re.IGNORECASE
)
"""The heading that a text ends with; tried where a run of marks begins and not at each of them."""
_HEADINGS = 3
"""Headings that a text may end with, one after the other: findings, impression, and one of them again."""
_FIELD = re.compile(r'"(findings|impression|report|text)"\s*:\s*"((?:[^"\\]|\\.)*)', re.IGNORECASE)


def read_answer(reply: Reply, target: Target, *, traced: bool = False, frame: Frame = CANONICAL) -> Answer:
    """The answer in a reply. ``traced``: the model was asked to write a trace before the report.

    Boxes of its steps are in ``frame``.
    """
    declined: dict[str, ModelStatus] = {"refusal": "refused", "rejected": "refused", "too long": "too long"}
    if reply.finish in declined:
        return Answer("", declined[reply.finish], _short(reply.why or reply.text or reply.finish))
    thought, words = split_thought(reply.text)
    thought = "\n\n".join(t for t in (reply.reasoning.strip(), thought) if t)
    cut = reply.finish == "length"
    if not words.strip():
        why = reply.why or ("no text after the reasoning" if thought else "no text")
        return Answer(
            "", "truncated" if cut else "unparsed" if thought else "empty", why, trace=_trace(thought, "", frame)
        )
    before, report = _report(words, target, traced=traced)
    trace = _trace(thought, before, frame)
    if report is None:
        return Answer("", "truncated" if cut else "unparsed", "a trace, and no report after it", trace=trace)
    whole = report.findings is None and report.impression is None
    if not report.text.strip() or (whole and not _headless(report.text)):
        return Answer("", "truncated" if cut else "empty", "a report without words", trace=trace)
    if whole and _declines(report.text[:_REFUSAL_WITHIN]):
        return Answer("", "refused", _short(report.text), trace=trace)
    return Answer("", "truncated" if cut else "ok", reply.why, report, trace)


def _declines(text: str) -> bool:
    low = text.lower()
    return any(word in low for word in _REFUSAL_WORDS) and _REFUSAL.search(text) is not None


def split_thought(text: str) -> tuple[str, str]:
    """What stands inside thinking tags, and the rest. A tag that is never closed holds all that follows."""
    if "<" not in text:
        return "", text.strip()
    closed = max((match.end() for match in _THOUGHT_END.finditer(text)), default=0)  # no pair ends after that
    thoughts = [match[2].strip() for match in _THOUGHT.finditer(text, 0, closed)]
    rest = _THOUGHT.sub("", text[:closed]) + text[closed:]
    if end := list(_THOUGHT_END.finditer(rest)):  # the opening tag was in the chat template
        thoughts.insert(0, rest[: end[-1].start()].strip())
        rest = rest[end[-1].end() :]
    if start := _THOUGHT_START.search(rest):
        thoughts.append(rest[start.end() :].strip())
        rest = rest[: start.start()]
    return "\n\n".join(t for t in thoughts if t), rest.strip()


def _report(words: str, target: Target, *, traced: bool) -> tuple[str, Report | None]:
    """What stands before the report, and the report; None where there is a trace alone."""
    if tagged := _TAGGED.search(words):
        return words[: tagged.start()].strip(), _sections(tagged[2], target)
    if (data := _json(words)) is not None:
        return "", data
    if "report" in words.lower() and (cues := list(_CUE.finditer(words))):
        cue = cues[-1]
        return words[: cue.start()].strip(), _sections(words[cue.end() :], target)
    report = _sections(words, target)
    if report.findings is not None or report.impression is not None:
        return _lead(words, report), report
    if traced and _MARKED.search(words):
        return words, None
    return "", report


def _sections(text: str, target: Target) -> Report:
    """The report in a text; words before the first heading belong to the findings where no heading claims them."""
    text = _unfenced(text).strip()
    report = read_report(text)
    if report.findings is None and report.impression is not None and target != "impression":
        lead = _headless(text[: text.find(report.impression)] if report.impression else "")
        if lead and not _MARKED.search(lead):
            return Report(report.text, lead, report.impression)
    return report


def _lead(words: str, report: Report) -> str:
    """The words before the first section."""
    first = len(words)
    for section in (report.findings, report.impression):
        if section and (start := words.find(section, 0, first + len(section))) >= 0:
            first = start
    return _headless(words[:first] if first < len(words) else "")


def _headless(text: str) -> str:
    """A text without the headings that it ends with: one, and those of sections before it that have no words."""
    text = text.strip()
    for _ in range(_HEADINGS):
        text = _LAST_HEADING.sub("", text).strip()
    return text


def _unfenced(text: str) -> str:
    """The inside of code fences where they hold the report; the text itself where there is none."""
    fences = list(_FENCE.finditer(text)) if "```" in text else ()
    return max((fence[2] for fence in fences), key=len) if fences else text


def _json(words: str) -> Report | None:
    """A report written as a JSON object, also one that was cut or is broken; None where there is no such object."""
    body = _unfenced(words).strip()
    if not body.startswith("{"):
        return None
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # broken, or deeper than any report is
        found = {name: _unescape(value) for name, value in _FIELD.findall(body)}
        if not found:
            return None
    fields = {str(name).strip().lower(): value for name, value in found.items()} if isinstance(found, dict) else {}
    nested = fields.get("report")
    if isinstance(nested, dict):
        fields |= {str(name).strip().lower(): value for name, value in nested.items()}
        fields.pop("report")
    findings, impression = _words(fields.get("findings")), _words(fields.get("impression"))
    whole = _words(fields.get("report")) or _words(fields.get("text"))
    if findings is None and impression is None:
        return None if whole is None else read_report(whole)
    said = [f"{name}: {value}" for name, value in (("FINDINGS", findings), ("IMPRESSION", impression)) if value]
    return Report(whole or "\n\n".join(said), findings, impression)


def _words(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return " ".join(str(item).strip() for item in value)
    if isinstance(value, dict):
        return " ".join(f"{name}: {item}" for name, item in value.items())
    return None


def _unescape(value: str) -> str:
    try:
        return str(msgspec.json.decode(f'"{value}"'))
    except msgspec.DecodeError:
        return value.rstrip("\\")


def _trace(thought: str, before: str, frame: Frame) -> Trace | None:
    """The trace that the model wrote: steps where it marked them, otherwise its words."""
    return read_trace("\n\n".join(t for t in (thought, before) if t), frame)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _WHY_LENGTH else f"{words[: _WHY_LENGTH - 1]}…"
