"""RadRScore's five questions, read from a checkout of ChestX-Reasoner that the user names. Nothing of it is run."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmrad_eval.core.errors import DataError, MissingError
from mmrad_eval.core.values import Message, Text
from mmrad_eval.metrics.judged.formatted import Formatted, function, longest, parsed

PUBLISHED = "9fef13b7b3237d9454cd9909baca85f2137d759a8d6653d87c02ebe087c0ccbe"
"""Digest of the system message and the questions: ChestX-Reasoner 6bbe912."""

FINDINGS, RECALL, PRECISION, EFFICIENCY = "get_key_finding", "cal_recall", "get_precision", "get_efficiency"
_NAMES = {
    FINDINGS: ("reason_steps",),
    RECALL: ("pred", "reason_steps"),
    PRECISION: ("reason_steps", "report"),
    EFFICIENCY: ("pred", "reason_steps"),
}
_FILE = "eval/reasoning_eval.py"


@dataclass(frozen=True)
class RadRPrompts:
    """The system message, and each question by the name of the function that asks it."""

    system: str
    questions: Mapping[str, Formatted]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all words."""
        made = [self.system, *([name, one.pieces, one.slots] for name, one in sorted(self.questions.items()))]
        return hashlib.sha256(json.dumps(made).encode()).hexdigest()

    @property
    def published(self) -> bool:
        """Whether these are the words of the release."""
        return self.digest == PUBLISHED

    def ask(self, name: str, **values: object) -> tuple[Message, ...]:
        """A question; what is no text is written as Python writes it, as upstream pastes it."""
        text = self.questions[name].filled({key: str(value) for key, value in values.items()})
        return (Message("system", (Text(self.system),)), Message("user", (Text(text),)))


def read_radrscore(checkout: Path | None) -> RadRPrompts:
    """From a checkout; MissingError where there is none, DataError for another form."""
    path = None if checkout is None else checkout / _FILE
    if path is None or not path.is_file():
        raise MissingError(
            "its prompts are those of ChestX-Reasoner, and no checkout was named" if path is None else f"no {path}",
            "git clone https://github.com/MAGIC-AI4Med/ChestX-Reasoner, then --metric-option radrscore.checkout=FOLDER",
        )
    tree = parsed(path)
    questions: dict[str, Formatted] = {}
    systems: set[str] = set()
    for name, wanted in _NAMES.items():
        node = function(tree, name)
        found = longest(node) if node is not None else Formatted((), ())
        if node is None or found.names != wanted:
            raise DataError(f"{path}: {name} does not use {', '.join(wanted)}, unlike ChestX-Reasoner's")
        questions[name] = found
        systems |= _systems(node)
    if len(systems) != 1:
        raise DataError(f"{path}: its questions have {len(systems)} system messages; expected one")
    return RadRPrompts(systems.pop(), questions)


def _systems(node: ast.AST) -> set[str]:
    """Contents of messages whose role is ``system``."""
    found = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Dict):
            pairs = {
                key.value: value.value
                for key, value in zip(one.keys, one.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
            }
            if pairs.get("role") == "system":
                found.add(str(pairs.get("content", "")))
    return found
