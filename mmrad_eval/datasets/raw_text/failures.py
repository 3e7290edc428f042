"""Error messages that other programs write where a report should be: no words of a model, and so never a score."""

from __future__ import annotations

import re

_TOLD = (
    "Request Timeout|Too Many Requests|Internal Server Error|Bad Gateway|Service (?:Temporarily )?Unavailable"
    "|Gateway Time-?out"
)
_CODES = rf"(?:{_TOLD}|Bad Request|Unauthorized|Forbidden|Not Found|Overloaded)"
_STATES = "|".join(
    (
        *(_TOLD, r"Rate limit (?:exceeded|reached)", r"(?:The )?request timed out", r"Read timed out"),
        *(r"Connection (?:error|refused|reset(?: by peer)?|timed out|aborted)", r"Max retries exceeded(?: with url)?"),
        *(r"Failed to obtain answer(?: via API)?", r"CUDA (?:error|out of memory)", r"Out of memory"),
        *(r"Quota exceeded", r"Insufficient quota", r"API (?:call|request) failed"),
        r"No response from (?:the )?(?:server|model|API)",
    )
)
_KIND = r"\[?(?:(?:API|request|server|fatal|runtime|generation|inference) )?(?:error|exception)"
_MESSAGE = re.compile(
    "|".join(
        (
            r"Traceback \(most recent call last\)",
            r"(?-i:(?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Timeout))\s*(?:[:(]|\Z)",
            rf"{_KIND}(?:\]|\s*(?:code\s*)?[:=])\s*(?!none\b)\S",
            r"(?:HTTP(?:/\d(?:\.\d)?)?|status(?: code)?|error(?: code)?)\s*[:=]?\s*[45]\d\d\b",
            rf"[45]\d\d\s*[:-]?\s*{_CODES}",
            rf"(?:{_STATES})\s*(?:[.:;,!(-]|for\b|\Z)",
            rf"<(?:!doctype\s+html|html\b).{{0,2000}}?(?:[45]\d\d\s+{_CODES}|{_TOLD}|nginx|cloudflare|<title>[^<]*\berror\b)",
            r"\{\s*[\"']error[\"']\s*:",
        )
    ),
    re.IGNORECASE | re.DOTALL,
)
"""The beginning of an error: what interpreters, HTTP clients and the field's harnesses write in place of a reply."""


def error_message(text: str) -> str:
    """The first line of an error message that a program wrote in the place of a report; empty for a report."""
    said = text.strip()
    return said.splitlines()[0] if _MESSAGE.match(said) else ""
