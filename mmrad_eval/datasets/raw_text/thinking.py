"""Parts the thoughts of a model from what it says, in every delimiter that models, chat templates and prompts use.

A delimiter is known by its form, not by a list: a tag in angle, square or other brackets whose name holds a word for
thinking. A thought may be unclosed, doubled or nested, and its beginning may stand in the chat template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmrad_eval.datasets import headings
from mmrad_eval.datasets.raw_text.keyed import thought_apart
from mmrad_eval.datasets.words import among

_WORDS = among(
    "think thinking thinks thought thoughts reason reasoning rationale scratchpad analysis cot monologue "
    "reflection reflect deliberation deliberate reflections ruminate"
)
_BEFORE_AN_ANSWER = among(
    "plan planning draft brainstorm brainstorming outline critique verification notes memory steps step"
)
"""Names of what is written before an answer; alone, it is the answer."""
_BRACKETED = among("think thinking thought thoughts reason reasoning rationale scratchpad cot")
"""Names that are delimiters in square brackets too, where a report may have words of its own."""
_CLOSING = frozenset(("end", "stop", "suffix", "close", "eo"))
_NAME = r"[A-Za-z][\w:.-]{1,40}"
_TAG = re.compile(
    rf"""(?:<{{1,2}}|&lt;|[\u25c1\u300a\u27e8\u3008\u3010])\s?[|\uff5c]?(?P<slash>/?)[ ]?[|\uff5c]?(?P<name>{_NAME})\s?
      (?:[ ][^<>\n]{{0,80}})?
    [|\uff5c]?[ ]?(?P<self>/?)(?:>{{1,2}}|&gt;|[\u25b7\u300b\u27e9\u3009\u3011])
    |[\[{{(](?P<slash2>/?)(?P<name2>{_NAME})[\]}})]""",
    re.VERBOSE,
)
_SPECIAL = re.compile(
    r"(?P<open><unused94>(?:thought)?|\AThinking\.\.\.\s*\n"
    r"|<\|channel>\s*(?:thought|analysis)|<\|inner_prefix\|>|<\|im_start\|>\s*think\b)"
    r"|(?P<close><unused95>|\.\.\.done thinking\.|<channel\|>|<\|inner_suffix\|>|<\|im_start\|>\s*answer\b)"
)
_SPECIAL_MARKS = ("<unused9", "...done thinking", "channel", "<|inner_", "<|im_start|>")
_CHANNEL = re.compile(
    r"(?:<\|start\|>[^<]{0,40})?<\|channel\|>(?P<name>\s*\w+)[^<]{0,80}(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
    r"(?P<body>.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
_BARE_CHANNELS = re.compile(r"\Aanalysis(.*?)assistantfinal(.*)\Z", re.DOTALL)
_FENCE = re.compile(
    r"^```[ \t]*(?:think|thinking|thought|reasoning)[ \t]*\r?\n(.*?)^```[ \t]*$",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_FOLD = re.compile(
    r"<details[^>]*>\s*<summary>[^<]{0,60}(?:think|thought|reason)[^<]{0,60}</summary>(.*?)(?:</details>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_MARKS = r"[ \t#*_>=-]*(?:step[ \t]*\d+[ \t]*[:.)-][ \t]*)?[ \t#*_]*"
_HEADED = re.compile(
    rf"\A{_MARKS}(?:here is my |my )?(?:internal )?(?:thought process|thinking(?: process)?|thoughts?"
    rf"|reasoning(?: process| steps)?|chain of thought|plan|analysis|let(?:'s| me) think step by step\.?)"
    rf"{_MARKS}(?::|\n)(?P<thought>.*)"
    rf"^{_MARKS}(?:(?:here is my |my )?(?:final )?(?:response|answer|report|output"
    rf"|final){_MARKS}:?{_MARKS}\n|(?:the |my )?final (?:answer|response|report){_MARKS}:{_MARKS})(?P<rest>.*)\Z",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
"""A thought under a heading of its own, and the answer under another one."""
_HEAD, _IN_HEADING = 80, ("think", "thought", "reasoning", "plan", "analysis", "\U0001f4ad", "\U0001f9e0")
"""Characters within which such a heading begins, and what it holds."""
_RULED = re.compile(
    r"^[ \t]*[-=*~#]{2,}[ \t]*(?:begin(?:ning)?[ \t]+|start[ \t]+|(?P<end>end[ \t]+))?(?:of[ \t]+)?"
    r"(?P<name>think(?:ing)?|thoughts?|reasoning|scratchpad|(?:final )?(?:report|answer|response))"
    r"[ \t]*[-=*~#]{2,}[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
"""A line of marks around a name: "--- thinking ---", "--- end of thinking ---"."""
_SPELLED = re.compile(
    r"[\[({<]{1,3}[ \t]*(?:begin(?:ning)?|start|(?P<end>end|stop))[ \t]+"
    r"(?:of[ \t]+)?(?:(?:the|my|internal|model)[ \t]+){0,2}"
    r"(?:think(?:ing)?|thoughts?|reasoning|scratchpad|chain of thought)[ \t]*[\])}>]{1,3}",
    re.IGNORECASE,
)
"""A mark that is spelled out: "[BEGIN THINKING]", "(end of reasoning)"."""
_BRACKETS = (
    "<",
    "[",
    "&lt;",
    "\u25c1",
    "\u300a",
    "\u27e8",
    "\u3008",
    "\u3010",
    "{/",
    "(/",
    "{",
    "(begin",
    "(start",
    "(Begin",
    "(Start",
    "(BEGIN",
    "(START",
    "...done",
)
"""One of these is in each text with delimiters."""
_ANSWER = re.compile(
    r"<(?:final_)?(?:report|answer|response|output|solution|radiology_report|final|conclusion)>", re.IGNORECASE
)
_CUE = re.compile(
    r"^[ \t#*_>=-]*(?:(?:here is |here's )?(?:the |my )?final (?:radiology |radiological |chest x-ray )?(?:answer"
    r"|report|response|output|reading)|answer)[ \t*_#]*(?::|$)[ \t*_]*",
    re.MULTILINE | re.IGNORECASE,
)
"""A line that ends a thought whose closing mark is lost."""
_QUOTE = re.compile(
    r"\A(?P<head>[^\n]{0,40}\bthought for [^\n]{1,30}\n+)?(?P<quote>(?:>[^\n]*(?:\n|\Z))+)(?P<rest>.*)",
    re.DOTALL | re.IGNORECASE,
)
_THINKS = re.compile(r"think|thought|reason|\U0001f4ad|\U0001f9e0", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_STAGES = re.compile(r"</?(?:SUMMARY|CAPTION)>", re.IGNORECASE)
_STAGE = re.compile(r"<(SUMMARY|CAPTION)>(.*?)(?:</\1>|(?=<CONCLUSION>))", re.DOTALL | re.IGNORECASE)
_CONCLUSION = re.compile(r"<CONCLUSION>(.*?)(?:</CONCLUSION>|\Z)", re.DOTALL | re.IGNORECASE)
_SECTION = re.compile(r"<findings>", re.IGNORECASE)


@dataclass(frozen=True)
class _Mark:
    start: int
    end: int
    opens: bool


def split_thought(text: str, own: Sequence[str] = ()) -> tuple[str, str]:
    """(thoughts, the rest). ``own``: opening and closing mark that the model's card declares beside the usual ones.

    A thought that is never closed holds all that follows, up to a tag that opens the answer.
    """
    text = text.strip()
    if own:
        text = text.replace(own[0], "<think>").replace(own[-1], "</think>")
    thoughts: list[str] = []
    text = thought_apart(text, thoughts)
    if any(map(text.__contains__, ("--", "==", "**", "~~"))):
        text = _RULED.sub(_as_tag, text)
    if not _may_hold(text):
        return "\n\n".join(thoughts), text
    text = _SPELLED.sub(lambda mark: "</thinking>" if mark["end"] else "<thinking>", text)
    for part in (_channels, _fenced, _folded, _stages, _quoted):
        text = part(text, thoughts)
    text = _tagged(text, thoughts, soft=True)
    if headed := _headed(text):
        thoughts.append(headed[0])
        text = headed[1]
    return "\n\n".join(t for t in map(str.strip, thoughts) if t), text.strip()


def _as_tag(rule: re.Match[str]) -> str:
    """A line of marks around a name as a tag; the one around the report ends what was thought before it."""
    if rule["name"].lower().split()[-1] not in {"report", "answer", "response"}:
        return "</thinking>" if rule["end"] else "<thinking>"
    thought = any(not r["end"] for r in _RULED.finditer(rule.string[: rule.start()]))
    return "</thinking>" if thought and not rule["end"] else rule[0]


def _may_hold(text: str) -> bool:
    """Whether a text may hold thoughts; quick, and sure where it says no."""
    marked = any(map(text.__contains__, _BRACKETS)) or "```" in text or text.startswith("analysis")
    return marked or any(map(text[:_HEAD].lower().__contains__, _IN_HEADING))


def _channels(text: str, thoughts: list[str]) -> str:
    """The final channel of the harmony format; the other channels are thoughts."""
    if text.startswith("analysis") and (bare := _BARE_CHANNELS.match(text)):
        thoughts.append(bare[1])
        return bare[2]
    if "<|channel|>" not in text:
        return text
    found = list(_CHANNEL.finditer(text))
    thoughts += [m["body"] for m in found if m["name"].strip() != "final"]
    final = [m["body"] for m in found if m["name"].strip() == "final"]
    return "\n\n".join(final) if found else text


def _fenced(text: str, thoughts: list[str]) -> str:
    if "```" not in text:
        return text
    thoughts += [m[1] for m in _FENCE.finditer(text)]
    return _FENCE.sub("", text)


def _folded(text: str, thoughts: list[str]) -> str:
    if "<summary>" not in text.lower():
        return text
    thoughts += [m[1] for m in _FOLD.finditer(text)]
    return _FOLD.sub("", text)


def _quoted(text: str, thoughts: list[str]) -> str:
    """A thought in a quote, before an answer that is not quoted."""
    found = _QUOTE.match(text) if ">" in text else None
    if (
        found is None
        or not found["rest"].strip()
        or not (found["head"] or _THINKS.search(found["quote"].split("\n")[0]))
    ):
        return text
    thoughts.append("\n".join(line.lstrip("> ") for line in found["quote"].splitlines()))
    return found["rest"]


def _stages(text: str, thoughts: list[str]) -> str:
    """Stages of LLaVA-CoT: what its conclusion holds is the answer."""
    conclusion = _CONCLUSION.search(text) if "<" in text and _STAGES.search(text) else None
    if conclusion is None or _SECTION.search(text):
        return text
    thoughts += [m[2] for m in _STAGE.finditer(text)]
    before = _STAGE.sub("", text[: conclusion.start()])
    return f"{before}\n{conclusion[1]}"


def _tagged(text: str, thoughts: list[str], *, soft: bool) -> str:
    """Thoughts between tags, by one pass over the marks. ``soft``: a plan, a draft or notes are thoughts too."""
    marks = _marks(text, soft=soft)
    found: list[str] = []
    rest = _apart(text, marks, found)
    if soft and not any(map(str.isalpha, rest)) and len(marks) > len(_marks(text, soft=False)):
        return _tagged(text, thoughts, soft=False)
    thoughts += found
    return rest


def _apart(text: str, marks: list[_Mark], thoughts: list[str]) -> str:
    """A text without what stands between the marks."""
    last = max((i for i, mark in enumerate(marks) if not mark.opens), default=-1)
    said: list[str] = []
    depth, reached, opened = 0, 0, 0
    for number, mark in enumerate(marks):
        if mark.opens:
            if depth == 0:
                said.append(text[reached : mark.start])
                opened = mark.end
            depth += 1
        elif depth:
            depth = 0 if number == last else depth - 1
            if depth == 0:
                thoughts.append(text[opened : mark.start])
                reached = mark.end
        else:  # its beginning stands in the chat template, unless the mark is a stray one after all that was said
            before = "".join((*said, text[reached : mark.start]))
            if text[mark.end :].strip() or not thoughts:
                thoughts.append(before)
                said = []
            else:
                said = [before]
            reached = mark.end
    if depth == 0:
        return "".join((*said, text[reached:]))
    unclosed = text[opened:]
    answer = list(_ANSWER.finditer(unclosed))
    cue = (
        None
        if answer
        else next((m for m in reversed(list(_CUE.finditer(unclosed))) if unclosed[m.end() :].strip()), None)
    )
    cut = answer[-1].start() if answer else cue.start() if cue else len(unclosed)
    thoughts.append(unclosed[:cut].rstrip("- \t\n"))
    return "".join((*said, unclosed[cue.end() if cue else cut :]))


def _marks(text: str, *, soft: bool) -> list[_Mark]:
    """The delimiters of a text in order; nothing is looked for where no bracket stands."""
    if not any(map(text.__contains__, _BRACKETS)):
        return []
    special = _special(text) if any(mark in text for mark in _SPECIAL_MARKS) else ()
    return sorted((*special, *_tags(text, soft=soft)), key=lambda mark: mark.start)


def _special(text: str) -> Iterator[_Mark]:
    for m in _SPECIAL.finditer(text):
        yield _Mark(m.start(), m.end(), m["open"] is not None)


def _tags(text: str, *, soft: bool) -> Iterator[_Mark]:
    for m in _TAG.finditer(text):
        name = m["name"] or m["name2"]
        words = (
            (f"{_CAMEL.sub('_', name)}_{name}" if name != name.lower() else name)
            .lower()
            .replace(":", "_")
            .replace("-", "_")
            .replace(".", "_")
            .split("_")
        )
        known = _BRACKETED if m["name2"] else _WORDS | _BEFORE_AN_ANSWER if soft else _WORDS
        if m["name2"] and m[0][0] in "{(" and f"{m[0][0]}/" not in text:
            continue  # a word in brackets, of which there is no closing form
        if soft and not _WORDS & set(words) and headings.kind_of(name) in {"findings", "impression", "both"}:
            continue  # "impression_and_plan"
        if m["self"] or not known & set(words) or (m["name2"] and len(set(words)) > 1):
            continue
        closes = bool(m["slash"] or m["slash2"] or _CLOSING & set(words))
        yield _Mark(m.start(), m.end(), not closes)


def _headed(text: str) -> tuple[str, str] | None:
    """(thought, answer) of a text that puts both under headings."""
    if not any(map(text[:_HEAD].lower().__contains__, _IN_HEADING)):
        return None
    found = _HEADED.match(text)
    return (found["thought"], found["rest"]) if found else None
