"""GREEN's question and the template of its model, read from a checkout that the user names. Nothing of it is run."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmrad_eval.core.errors import DataError, MissingError
from mmrad_eval.metrics.judged.formatted import Formatted, function, longest, parsed

PUBLISHED = "c13dbd83017ee491f8e335f6edbf7547bc889a45a6f32303f1efdc224b4570ef"
"""Digest of question and template: green_score 0.0.12, and radeval 2.2.1."""
END = "</s>"
"""Ends a turn; the package's tokenizer adds one more behind the prompt (``add_eos_token``)."""

_FOLDERS = ("green_score", "radeval/metrics/green_score")
_NAMES = ("text1", "text2")


@dataclass(frozen=True)
class GreenPrompt:
    """The question about a pair of reports, and what the model's template makes of it."""

    formatted: Formatted
    """``text1`` stands for the reference, ``text2`` for the candidate."""
    words: int
    """Words of each report that are shown."""
    template: str
    """The chat template, in Jinja."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the question and of what the template makes of it."""
        made = [self.question("REFERENCE", "CANDIDATE"), self.rendered("REFERENCE", "CANDIDATE"), self.words]
        return hashlib.sha256(json.dumps(made).encode()).hexdigest()

    @property
    def published(self) -> bool:
        """Whether these are the words of the release."""
        return self.digest == PUBLISHED

    def question(self, reference: str, candidate: str) -> str:
        """The question, each report cut to its first words, one blank between them."""
        texts = zip(_NAMES, (reference, candidate), strict=True)
        return self.formatted.filled({name: " ".join(text.split()[: self.words]) for name, text in texts})

    @cached_property
    def around(self) -> tuple[str, str]:
        """What stands before and after the question in the whole prompt."""
        question = self.question("REFERENCE", "CANDIDATE")
        before, found, after = self.rendered("REFERENCE", "CANDIDATE").partition(question)
        if not found:
            raise DataError(
                "the chat template of the checkout's green.py changes the question; name a checkout of GREEN's release"
            )
        return before, after

    def rendered(self, reference: str, candidate: str) -> str:
        """The whole prompt as its model was trained on it: an empty turn of the assistant, and the end of a text."""
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        turns = [{"from": "human", "value": self.question(reference, candidate)}, {"from": "gpt", "value": ""}]
        # as transformers renders chat templates
        template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(self.template)
        return template.render(messages=turns, add_generation_prompt=True, eos_token=END) + END


def read_green_prompt(checkout: Path | None) -> GreenPrompt:
    """From a checkout of Stanford-AIMI/GREEN, or an unpacked radeval; MissingError where there is none."""
    if checkout is None:
        raise MissingError(
            "its prompt is that of Stanford-AIMI/GREEN, and no checkout was named",
            "git clone https://github.com/Stanford-AIMI/GREEN, then --metric-option green.checkout=FOLDER",
        )
    folder = next((checkout / name for name in _FOLDERS if (checkout / name / "utils.py").is_file()), None)
    if folder is None or not (folder / "green.py").is_file():
        raise MissingError(
            f"{checkout} contains no green_score/utils.py and green.py", "name the checkout: green.checkout=FOLDER"
        )
    return GreenPrompt(*_question(folder / "utils.py"), _template(folder / "green.py"))


def _question(path: Path) -> tuple[Formatted, int]:
    """The formatted string of ``make_prompt``, and its limit of words."""
    node = function(parsed(path), "make_prompt")
    found = longest(node) if node is not None else Formatted((), ())
    limits = [one.value for one in node.args.defaults if isinstance(one, ast.Constant)] if node is not None else []
    if found.names != _NAMES or len(limits) != 1 or not isinstance(limits[0], int):
        raise DataError(f"{path}: contains no make_prompt as GREEN 0.0.12 defines it")
    return found, limits[0]


def _template(path: Path) -> str:
    found = {
        node.value.value
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and [getattr(target, "id", "") for target in node.targets] == ["chat_template"]
    }
    if len(found) != 1:
        raise DataError(f"{path}: contains {len(found)} strings named chat_template; expected one")
    return str(found.pop())
