"""The one reader of raw text: what of a text is thought, what is report, in which sections, and with which status.

Replies, files of outputs, texts given in Python and references go through it. Every text ends in a status, none in an
exception; where no report can be found, or the model declined, the report is empty. What is taken away is kept, with
the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from mmrad_eval.core.values import ModelStatus, Report, Target
from mmrad_eval.datasets import sections
from mmrad_eval.datasets.raw_text import degenerate, markup, server_errors, structured
from mmrad_eval.datasets.raw_text.declining import Declined, declines, declines_by_mark, declines_outright
from mmrad_eval.datasets.raw_text.echoes import without_prompt
from mmrad_eval.datasets.raw_text.marks import answer_alone, settled, unescaped, without_boxes, without_marks
from mmrad_eval.datasets.raw_text.nothing import is_value, means_nothing
from mmrad_eval.datasets.raw_text.remarks import declined_in, undisclaimed, with_words
from mmrad_eval.datasets.raw_text.removed import Removed, Understood, counted
from mmrad_eval.datasets.raw_text.spelled import as_said, spelled
from mmrad_eval.datasets.raw_text.thinking import split_thought
from mmrad_eval.datasets.raw_text.tool_syntax import before_call, ending_call
from mmrad_eval.datasets.raw_text.wording import without_closing, without_preamble
from mmrad_eval.datasets.words import among, words_of
from mmrad_eval.traces.box_marks import PLACE, BoxMark, mark_boxes, marks_in, renumbered, restored, standing_nowhere

_WHY_LENGTH = 200
_OPENS = "{[(\"'"
_ANSWERS = [
    "report",
    "final_report",
    "radiology_report",
    "radiology-report",
    "answer",
    "final_answer",
    "final",
    "response",
    "output",
    "solution",
    "generated_report",
    "result",
]
_TAGGED = re.compile(rf"<(?P<tag>{'|'.join(_ANSWERS)})>(?P<inside>.*?)(?:</(?P=tag)>|\Z)", re.DOTALL | re.IGNORECASE)
_COMMAND = re.compile(
    r"<\|(?:START_RESPONSE|begin_of_solution|begin_of_answer)\|>(?P<inside>.*?)"
    r"(?:<\|(?:END_RESPONSE|end_of_solution|end_of_answer)\|>|\Z)",
    re.DOTALL,
)
_LEFT_TAG = re.compile(rf"</?(?:{'|'.join(_ANSWERS)})>", re.IGNORECASE)
_CUE = re.compile(
    r"^[ \t#*_>-]*(?:final |radiology |chest x-ray )?report[ \t*_]*:[ \t*_]*"
    r"|^[^\n]{0,120}\bgenerate the following report[ \t*_]*:[ \t*_]*",
    re.IGNORECASE | re.MULTILINE,
)
_REPORT = re.compile(r"report[ \t*_]*:", re.IGNORECASE)
_MARKED = re.compile(r"^[ \t>#*_-]*(?:step[ \t]+\d+|first|second|third|next|finally)\b", re.IGNORECASE | re.MULTILINE)
_EITHER = "(?:findings|impression)"
_LAST_HEADING = re.compile(
    rf"(?<![#*_ \t>])[#*_ \t>]*+{_EITHER}(?:[ \t]*+(?:/|&|and)[ \t]*+{_EITHER})?+[#*_ \t]*+:?[#*_ \t]*+$", re.IGNORECASE
)
"""The heading that a text ends with; tried where a run of marks begins and not at each of them."""
_LAST_WORD = re.compile(rf"{_EITHER}\Z", re.IGNORECASE)
_LONGEST_LAST_WORD = 10
"""Characters of "impression": where a text ends in another word, no heading is looked for in all of it."""
_HEADINGS = 3
"""Headings that a text may end with, one after the other: findings, impression, and one of them again."""
_LONGEST_FRAME = 200
_SEPARATORS = re.compile(r"\A[A-Za-z ]{3,30}[/~\u00bb\u203a\u2192]")
_YAML = re.compile(r"^(\w[\w /-]{2,40}:)[ \t]*[|>][+-]?[ \t]*$", re.MULTILINE)


def read(
    text: str, target: Target, *, traced: bool = False, thinking: Sequence[str] = (), asked: str = "", told: str = ""
) -> Understood:
    """How a text that a model wrote is understood.

    ``target``: what was asked for. ``traced``: a trace was asked for before the report. ``thinking``: the opening and
    the closing mark of thoughts that the model's card declares. ``asked``: the words of the prompt, where known.
    ``told``: those of them that are evidence, which a report may repeat.
    """
    found = _read(text, target, thinking, (asked, told), traced=traced)
    if server_errors.like_an_error(text):
        return msgspec.structs.replace(found, events=dict(sorted({**found.events, server_errors.EVENT: 1}.items())))
    return found


def _read(  # noqa: C901, PLR0911 (each return is one way in which there is no report)
    text: str, target: Target, thinking: Sequence[str], prompt: tuple[str, str], *, traced: bool
) -> Understood:
    removed: list[Removed] = []
    thought, words = split_thought(answer_alone(settled(text), removed), thinking)
    if thought:
        removed.append(Removed("thought", thought))
    waits, words = _without_call(words, removed)
    if waits:
        return _nothing("\n\n".join(t for t in (thought, words.strip()) if t), waits, removed, "", "unparsed")
    held, marks = mark_boxes(unescaped(spelled(words.strip())))
    words = unescaped(spelled(without_marks(held, removed).strip())).strip()
    if marks and not PLACE.sub("", words).strip(" \t\n`[](){}.,;:*_-"):
        removed += [Removed("box mark", mark.raw) for mark in marks]
        return Understood(
            "unparsed",
            Report(),
            "boxes, and no report",
            thought,
            counted(tuple(removed)),
            tuple(removed),
            "",
            tuple(marks),
        )
    words, echoed = without_prompt(words, *prompt)
    removed += [Removed("prompt", said) for said in echoed]
    if echoed and not any(map(str.isalpha, words)):
        return _nothing(thought, "the prompt, and no answer", removed, "degenerate", "unparsed")
    said = markup.in_one_fence(words)
    if means_nothing(said) or is_value(said):
        event = "" if thought or words or len(text.strip()) <= degenerate.NOISE else "degenerate"
        why = f"the text is {said!r}" if words else "no text after the reasoning" if thought else "no text"
        return _nothing(thought, why, removed, event)
    bare = markup.in_one_fence(PLACE.sub("", words) if marks else words)
    wrong = degenerate.degenerate(bare)
    if words[0] == "{" and structured.without_words(structured.literal(words)):
        wrong = "an object without words"
    means_none = wrong and (not wrong.startswith("a loop") or degenerate.says_nothing(bare))
    refuses = declines_by_mark if wrong == degenerate.FORM else declines_outright
    if means_none and not refuses(bare):
        return _nothing(thought, _short(f"{wrong}: {words}"), removed, "degenerate", "unparsed")
    before, report = _report(words, target, removed, traced=traced)
    report = report and as_said(report)
    events = ["degenerate"] if wrong else []
    lead = "" if traced else before
    declined = declined_in(lead, report, removed) if report else ""
    if report and not declined and (_filled_in_nowhere(report) or means_nothing(_body(report))):
        declined = declines("\n".join(piece.text for piece in removed))
    if report and not declined:
        report = as_said(with_words(undisclaimed(report, removed, events), removed, events))
        before = undisclaimed(Report(before), removed, events, alone=True).text if lead else before
    if marks:
        return _with_boxes(before, report, thought, removed, marks, events, declined)
    thought = "\n\n".join(t for t in (thought, before) if t)
    return _judged(report and _unboxed(report, removed), thought, removed, events, declined)


def _without_call(words: str, removed: list[Removed]) -> tuple[str, str]:
    """(why a text that ends in a call of a tool is no report, the words before that call)."""
    call, rest = ending_call(words), before_call(words)
    if not call:
        return "", words
    removed.append(Removed("tool call", words[len(rest) :]))
    known = sections.read_report(rest)
    if known.findings or known.impression or _TAGGED.search(rest) or markup.boxed(rest):
        return "", rest
    return f"the reply ends in {call}, and no report", rest


def _with_boxes(  # noqa: PLR0917 (the second half of `read`)
    before: str,
    report: Report | None,
    thought: str,
    removed: list[Removed],
    marks: Sequence[BoxMark],
    events: list[str],
    declined: Declined,
) -> Understood:
    """A report without its marks, and beside it the marks where they stood; those of a trace stay with the trace."""
    thought = "\n\n".join(t for t in (thought, restored(before, marks)) if t)
    body, told = _body(report), marks_in(before, marks)
    loose = standing_nowhere(marks, body, told)
    report = report and _unboxed(report, removed)
    pieces = [piece for piece in removed if not set(told).intersection(marks_in(piece.text, marks))]
    removed = [Removed(piece.kind, restored(piece.text, marks)) for piece in pieces]
    removed += [Removed("box mark", mark.raw) for mark in loose]
    found = _judged(report, thought, removed, events, declined)
    if found.status != "ok":
        return found
    boxed, kept = renumbered(body, marks, loose)
    return msgspec.structs.replace(found, boxed=boxed, marks=kept)


def _body(report: Report | None) -> str:
    """The words of a report without its headings."""
    if report is None:
        return ""
    return "\n".join(part for part in (report.findings, report.impression) if part) or report.text


def read_reference(text: str) -> Report:
    """A report that a radiologist wrote, with its sections; nothing is taken for a thought, a remark or a refusal."""
    words = without_marks(settled(text), []).strip()
    inside = markup.in_one_fence(words)
    if not means_nothing(words) and inside[0] in _OPENS and (value := structured.literal(inside)) is not None:
        if report := structured.report_in(value):
            return as_said(report)
        if structured.is_empty(value) or structured.without_words(value):
            return Report()
    words = unescaped(words).strip()
    if any(means_nothing(said) or is_value(said) for said in (words, inside)):
        return Report()
    return as_said(sections.read_report(text if words == text.strip() else words))


def _nothing(
    thought: str, why: str, removed: list[Removed], event: str = "", status: ModelStatus = "empty"
) -> Understood:
    kept = tuple(removed)
    status = "unparsed" if thought else status
    return Understood(status, why=why, thought=thought, events=counted(kept, event), removed=kept)


def _judged(
    report: Report | None, thought: str, removed: list[Removed], found: list[str], declined: Declined
) -> Understood:
    """The status of a report that was found."""
    kept = tuple(removed)
    status: ModelStatus
    events = tuple(found)
    if report is None:
        status, why = "unparsed", "a trace, and no report after it"
    elif declined:
        status, why = "refused", _short(report.text)
        events = (*events, "no image seen") if declined == "no image seen" else events
    elif form := _filled_in_nowhere(report) if report.text.strip() else "":
        status, why, events = "unparsed", form, ("degenerate",)
    elif _is_empty(report):
        status, why = "empty", "a report without words"
    else:
        return Understood("ok", report, "", thought, counted(kept, *events), kept)
    return Understood(status, why=why, thought=thought, events=counted(kept, *events), removed=kept)


def _is_empty(report: Report) -> bool:
    if report.findings is None and report.impression is None:
        return not _headless(report.text)
    return not (report.findings or report.impression)


def _filled_in_nowhere(report: Report) -> str:
    """Why no section of a report has words of its own; empty where one has."""
    parts = [part for part in (report.findings, report.impression) if part] or [report.text]
    return degenerate.FORM if all(degenerate.is_form(part) for part in parts) else ""


def _report(words: str, target: Target, removed: list[Removed], *, traced: bool) -> tuple[str, Report | None]:
    """What stands before the report, and the report; None where there is a trace alone."""
    tagged = (_TAGGED.search(words) or _COMMAND.search(words)) if "<" in words else None
    if tagged and not markup.in_sections(words[: tagged.start()]):
        _rest(words[tagged.end() :], removed)
        before = without_preamble(f"{words[: tagged.start()].strip()}\n\u2060", removed).strip("\u2060 \n")
        _, report = _report(tagged["inside"].strip(), target, removed, traced=False)
        return _headless(before), report
    if box := markup.boxed(words):
        before, inside, after = box
        _rest(after, removed)
        before = "" if not before or _announces(before) else _headless(before)
        return before, _report(inside, target, removed, traced=False)[1]
    words = _LEFT_TAG.sub("", markup.headed(words)) if "<" in words or "\\" in words else words
    words = markup.without_slots(words) if "{{" in words or _SEPARATORS.search(words[:_LONGEST_FRAME]) else words
    if ("{" in words or "[" in words) and (found := structured.json_within(words)):
        report, start, end = found
        _rest(words[:start], removed, "preamble")
        _rest(words[end:], removed)
        return "", report
    words = markup.without_assignments(structured.without_tables(_unfenced(words, removed)))
    if cue := _cue(words):
        before = words[: cue.start()].strip()
        if before and _announces(before):
            removed.append(Removed("preamble", before))
            before = ""
        return before, _sections(words[cue.end() :], target, removed)
    return _plain(words, target, removed, traced=traced)


def _cue(words: str) -> re.Match[str] | None:
    """The last line that says that the report follows, where words follow it."""
    if ":" not in words or "report" not in words.lower() or not _REPORT.search(words):
        return None
    cues = list(_CUE.finditer(words))
    return cues[-1] if cues and words[cues[-1].end() :].strip() else None


def _announces(text: str) -> bool:
    """Whether a text says nothing but that a report follows."""
    return not without_preamble(f"{text}\n\u2060", []).strip("\u2060 \n")


def _plain(words: str, target: Target, removed: list[Removed], *, traced: bool) -> tuple[str, Report | None]:
    report = _sections(words, target, removed)
    if report.findings is not None or report.impression is not None:
        return _lead(report.text, report), report
    if traced and _MARKED.search(words):
        return words, None
    return "", report


def _unboxed(report: Report, removed: list[Removed]) -> Report:
    """A report without marks of boxes; those of a trace before it stay."""
    text = without_boxes(report.text, removed)
    if text == report.text:
        return report
    parts = (part and without_boxes(part, []).strip() for part in (report.findings, report.impression))
    return Report(text.strip(), *parts)


def _rest(text: str, removed: list[Removed], kind: str = "closing remark") -> None:
    rest = _LEFT_TAG.sub("", text).strip(" \t\n`*_#-")
    if rest:
        removed.append(Removed(kind, rest))


def _sections(text: str, target: Target, removed: list[Removed]) -> Report:
    """The report in a text; words before the first heading belong to the findings where no heading claims them."""
    text = text.strip()
    text = _YAML.sub(r"\1", text) if "|" in text or ">" in text else text
    text = without_closing(without_preamble(text, removed), removed).strip()
    report = sections.read_report(sections.unruled(text))
    text = report.text
    if report.findings is None and report.impression is not None and target != "impression":
        lead = _headless(_before_sections(text))
        if lead and not _MARKED.search(lead):
            return Report(report.text, lead, report.impression)
    return report


def _before_sections(text: str) -> str:
    found = sections.find(text)
    return text[: found[0].start] if found else ""


def _lead(words: str, report: Report) -> str:
    """The words before the first section."""
    if report.findings and words.startswith(report.findings):
        return ""
    found = [s for s in sections.find(words) if s.name in {"findings", "impression", "both"}]
    context = [s for s in sections.find(words) if s.name not in {"findings", "impression", "both"}]
    if not found or (context and context[0].start < found[0].start):
        return _headless(words[: context[0].start]) if context and found else ""
    return _headless(words[: found[0].start])


_FRAME = among(
    "report reports radiology radiological chest final structured yaml json xml html text section sections content "
    "contents field value details detail category item result results name output data toml markdown md x xray step "
    "first the answer is my here"
)
"""Words of a frame around sections, which say nothing."""


def _headless(text: str) -> str:
    """A text without the headings that it ends with: one, and those of sections before it that have no words."""
    text = text.strip()
    if not text:
        return ""
    for _ in range(_HEADINGS):
        if not _LAST_WORD.search(text.rstrip("#*_ \t:")[-_LONGEST_LAST_WORD:]):
            break
        text = _LAST_HEADING.sub("", text).strip()
    return "" if len(text) < _LONGEST_FRAME and all(w.isdigit() or w in _FRAME for w in words_of(text)) else text


_WORDS = re.compile(r"[a-z]{2,} [a-z]{2,}", re.IGNORECASE)
"""What any sentence has, and neither numbers nor a call of a function."""


def _headed(text: str) -> bool:
    """Whether a text has sections of a report, under headings or as the fields of an object."""
    known = structured.report_in(structured.literal(text.strip())) or sections.read_report(text)
    return bool(known.findings or known.impression)


def _unfenced(text: str, removed: list[Removed]) -> str:
    """The inside of code fences where they hold the report; the text itself where there is none."""
    if not (fenced := markup.fenced(text)):
        return text
    before, inside, after = fenced
    outside = f"{before}\n{after}"
    if means_nothing(inside) or (not _WORDS.search(inside) and _headed(outside) and not _headed(inside)):
        _rest(inside, removed)
        return outside.strip()
    _rest(before, removed, "preamble")
    _rest(after, removed)
    return inside


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _WHY_LENGTH else f"{words[: _WHY_LENGTH - 1]}\u2026"
