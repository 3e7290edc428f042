"""Calls of tools that stand as words in a reply: which syntax they are written in, and whether a reply ends in one.

A reply that ends in a call waits for its result. What it says before is no report, and the call is no prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPECIAL = r"(?:\s|```|<\|?[\w\uff5c\u2581]{1,30}\|?>|</\w{1,20}>|\])*"
"""What may stand behind a call at the end of a reply: fences, end marks of turns."""
_REPORTS = re.compile(r"\\*[\"'](?:findings|impression|report)\\*[\"']\s*:", re.IGNORECASE)
"""What a call has that brings a report and waits for nothing."""
_LONGEST = 8000
"""Characters at the end of a text in which a call is looked for."""


@dataclass(frozen=True)
class ToolSyntax:
    """One way in which a model calls a tool in words."""

    name: str
    """As messages say it."""
    pattern: str
    """Of the whole call, also where it is cut."""
    triggers: tuple[str, ...]
    """Some of these stands in every text that has it."""


SYNTAXES: tuple[ToolSyntax, ...] = (
    ToolSyntax("a call in <tool_call>", r"<tool_call>(?:(?!</tool_call>).)*(?:</tool_call>|\Z)", ("<tool_call>",)),
    ToolSyntax(
        "a call in <grounding>", r"(?:\A|\n)\s*<grounding>(?:(?!</grounding>).)*(?:</grounding>|\Z)", ("<grounding>",)
    ),
    ToolSyntax(
        "a call in <function_call>",
        r"<(?P<tag>function_?calls?|tool_?calls?|invoke|tool_use|tool|action)(?:\s[^<>]{0,200})?>(?:(?!</(?P=tag)>).)*(?:</(?P=tag)>|\Z)",
        ("<function", "<tool", "<invoke", "<action"),
    ),
    ToolSyntax(
        "a call in <function=NAME>", r"<function=[\w.-]{1,60}>(?:(?!</function>).)*(?:</function>|\Z)", ("<function=",)
    ),
    ToolSyntax(
        "a call in marks of tool calls",
        r"<[|\uff5c]tool[_\u2581]calls?(?:[_\u2581](?:section[_\u2581])?(?:begin|start))?[|\uff5c]>.*\Z",
        ("<|tool", "<\uff5ctool"),
    ),
    ToolSyntax("a call behind [TOOL_CALLS]", r"\[TOOL_CALLS\].*\Z", ("[TOOL_CALLS]",)),
    ToolSyntax("a call behind <|python_tag|>", r"<\|python_tag\|>.*\Z", ("<|python_tag|>",)),
    ToolSyntax("a call in a channel of tools", r"<\|channel\|>\s*\w+\s+to=[\w.]{1,60}.*\Z", ("<|channel|>",)),
    ToolSyntax(
        "a call in a tag of its own",
        r"(?:\A|\n)\s*<(?P<look>zoom(?:_?in)?|look|crop|locate|inspect|focus|search|region_?query|image_zoom\w*)(?:\s[^<>]{0,200})?>"
        r"\s*(?=[{\[(\d]|\w+\s*=)(?:(?!</(?P=look)>).)*(?:</(?P=look)>|\Z)",
        ("<zoom", "<look", "<crop", "<locate", "<inspect", "<focus", "<search", "<region", "<image_zoom"),
    ),
    ToolSyntax(
        "program code",
        r"<code>(?:(?!</code>).)*(?:</code>|\Z)|```(?:python|py)\s(?:(?!```).)*\.(?:crop|resize|rotate|open|save)\((?:(?!```).)*(?:```|\Z)",
        ("<code>", "```py"),
    ),
    ToolSyntax(
        "a call as JSON",
        r"(?:```(?:json)?\s*)?\{\s*\"(?:name|tool|function|tool_name)\"\s*:\s*\"[\w.-]{1,60}\"\s*,\s*\"(?:arguments|parameters|args|input)\""
        r"\s*:\s*[{\"].*\Z",
        ('"arguments"', '"parameters"', '"args"', '"input"'),
    ),
    ToolSyntax(
        "a request for a look as JSON",
        r"(?:```(?:json)?\s*)?\{[^{}]{0,300}\"action\"\s*:\s*\"(?:look|zoom|zoom_in|crop)\"[^{}]*(?:\}|\Z)",
        ('"action"',),
    ),
)
"""Looked for in this order; what is more special comes first."""

_PATTERNS = tuple(
    (syntax, re.compile(rf"(?P<whole>{syntax.pattern}){_SPECIAL}\Z", re.DOTALL | re.IGNORECASE)) for syntax in SYNTAXES
)
_SEEDS = ("<", "[TOOL_CALLS]", '"', "```")


def ending_call(text: str) -> str:
    """The name of the syntax of the call that a text ends in; empty where it ends in none."""
    found = _found(text)
    return found[0] if found else ""


def before_call(text: str) -> str:
    """The words before the call that a text ends in; all of them where it ends in none."""
    found = _found(text)
    return text[: found[1]] if found else text


def _found(text: str) -> tuple[str, int] | None:
    """(the syntax, where the call begins); the first place from which calls alone lead to the end."""
    if not any(map(text.__contains__, _SEEDS)):
        return None
    skipped = max(0, len(text) - _LONGEST)
    end = text[skipped:]
    for syntax, pattern in _PATTERNS:
        if not any(map(end.__contains__, syntax.triggers)):
            continue
        match = pattern.search(end)
        if match and not _REPORTS.search(match["whole"]):
            return syntax.name, skipped + match.start()
    return None
