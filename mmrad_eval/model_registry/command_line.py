"""A command line as it may be written down: whatever looks like a key, a password or a token is replaced.

What is typed by mistake lands in the shell's history, and must not land in a run's folder, which is shared.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import UsageError

if TYPE_CHECKING:
    from mmrad_eval.core.values import Card

HIDDEN = "[key]"

_WORDS = (
    r"(?:api[_-]?key|access[_-]?key|key|token|secret|passw(?:or)?d|passphrase|auth(?:orization)?|credentials?|bearer"
    r"|sig(?:nature)?)"
)
_VALUE_OPTION = re.compile(rf"--?(?:[\w.-]*[_.-])?{_WORDS}s?", re.IGNORECASE)
"""Options whose value is a secret; ``--max-tokens`` is none, and what ends in -env or -file names where it lies."""
_NOT_WORDS = re.compile(r"--(?:max|min|num|pad|eos|bos)[\w-]*tokens?", re.IGNORECASE)
_NAME_OPTION = re.compile(r"--(?:api-key-env|judge-key-env|allow-key)", re.IGNORECASE)
"""Options that take the name of a variable: a value that is no such name may be the key itself."""
_ANY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_NAME = re.compile(r"[A-Z][A-Z0-9]{0,23}(?:_[A-Z0-9]{1,24})*")
_ASSIGNED = re.compile(
    r"(?P<name>\b[\w.-]*(?:api[_-]?key|access[_-]?key|private[_-]?key|secret|passw(?:or)?d|token)[\"']?\s*[=:]\s*[\"']?)"
    r"(?P<value>[^\s,;&\"'}]{6,})",
    re.IGNORECASE,
)
_USER = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*:(?://(?=[^/?#\s@]*@)|/(?=[^/?#\s@:]*:[^/?#\s@]*@)))[^/?#\s@]*@", re.IGNORECASE
)
"""One slash: an address that was read as a path."""
_QUERY = re.compile(rf"(?P<name>[?&#;][\w.-]*{_WORDS}[\w.-]*=)[^&#\s]+", re.IGNORECASE)
_BEARER = re.compile(r"(?P<name>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk)[-_](?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{12,}"
    r"|(?:hf|gsk|r8)_[A-Za-z0-9]{16,}"
    r"|(?:nvapi|xai|pplx|csk|glpat)-[A-Za-z0-9_-]{16,}"
    r"|(?:gh[opsur]|github_pat|npm|pypi)[-_][A-Za-z0-9_-]{16,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{8,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|AIza[A-Za-z0-9_-]{20,}"
    r"|ya29\.[A-Za-z0-9_-]{10,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"
    r")"
)
"""Keys by how their providers begin them."""
_KEPT = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD)(?:$|_)", re.IGNORECASE)
_SPACE = re.compile(r"\s")
_MIXED, _LONG = 16, 32  # characters of what is no variable's name: in both cases, in one; each with digits
_SHORTEST = 8  # characters of a variable's value that is taken for a secret


def looks_like_key(text: str) -> bool:
    """Whether what was given as the name of a variable may be a key: it is no such name, or begins as keys do."""
    if text in os.environ:
        return False
    digits = any(c.isdigit() for c in text) and not _PLAIN_NAME.fullmatch(text)
    mixed = text.upper() != text != text.lower()
    return (
        (digits and len(text) >= (_MIXED if mixed else _LONG))
        or not _ANY_NAME.fullmatch(text)
        or scrub_word(text) != text
    )


def written_down(option: str, text: str) -> str:
    """The text, which a run writes into its folder; UsageError where it looks like a key."""
    said = f"{option} {text}"
    hidden = scrub_word(said)
    if hidden != said:
        raise UsageError(
            f"{hidden}: this looks like a key, and it would be written into the run; "
            "keep keys in environment variables (--api-key-env) or in a file (--api-key-file)"
        )
    return text


def check_card(card: Card) -> None:
    """UsageError where a text of a card file, which each run of it keeps, looks like a key."""
    said = {"name": card.name, "revision": card.revision, "summary": card.summary, "cutoff": card.cutoff}
    listed = {"trained_on": card.trained_on, "optimized_for": card.optimized_for, "aliases": card.aliases}
    texts = [*said.items(), *card.sources.items(), *((name, text) for name, held in listed.items() for text in held)]
    for name, text in texts:
        written_down(f"the card's {name}:", text or "")


def scrub_command(command: str) -> str:
    """The command, as one line for a shell, without secrets; what is no line of a shell is scrubbed as text."""
    try:
        words = shlex.split(command)
    except ValueError:
        return scrub_word(command)
    scrubbed = scrub_words(words)
    return command if scrubbed == words else shlex.join(scrubbed)


def scrub_words(words: Sequence[str]) -> list[str]:
    """The words of a command without secrets."""
    out: list[str] = []
    option = ""
    for word in words:
        name, mark, value = word.partition("=")
        if _SPACE.search(name):  # several words: the value of an option, such as --serve-args, though it begins as one
            out.append(_value(option, word))
            option = ""
        elif word.startswith("-") and mark:
            out.append(f"{name}={_value(name, value)}")
            option = ""
        elif word.startswith("-"):
            out.append(scrub_word(word))
            option = word
        else:
            out.append(_value(option, word))
            option = ""
    return out


def _value(option: str, value: str) -> str:
    """The value of an option, or a word that belongs to none (an empty ``option``)."""
    if _NAME_OPTION.fullmatch(option):
        return HIDDEN if looks_like_key(value) and "/" not in value else scrub_word(value)
    if option and _VALUE_OPTION.fullmatch(option) and not _NOT_WORDS.fullmatch(option):
        return HIDDEN
    if _SPACE.search(value):  # words of another program, such as --serve-args
        try:
            inner = shlex.split(value)
        except ValueError:
            return scrub_word(value)
        scrubbed = scrub_words(inner)
        if scrubbed != inner:
            return scrub_word(shlex.join(scrubbed))
    return scrub_word(value)


def scrub_word(text: str) -> str:
    """Text without users in addresses, tokens in queries, authorization, keys, and the values of secret variables."""
    text = _USER.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _QUERY.sub(rf"\g<name>{HIDDEN}", text)
    text = _BEARER.sub(rf"\g<name>{HIDDEN}", text)
    text = _ASSIGNED.sub(lambda found: f"{found['name']}{HIDDEN}", text)
    text = _KEYS.sub(HIDDEN, text)
    for value in secrets_of_environment():
        text = text.replace(value, HIDDEN)
    return text


def secrets_of_environment() -> list[str]:
    """The values of variables that are called keys, tokens or passwords."""
    return [value for name, value in os.environ.items() if len(value) >= _SHORTEST and _KEPT.search(name)]
