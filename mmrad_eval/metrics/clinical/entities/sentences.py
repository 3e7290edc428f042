"""Sentences as RaTEScore splits them: PyRuSH with medspaCy's English rules, on spaCy's tokens."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import warnings
from pathlib import Path
from typing import Any

from mmrad_eval.core.errors import MissingError
from mmrad_eval.metrics.clinical import weights

_MODULES = ("spacy", "PyRuSH", "loguru", "medspacy")
_SHORTEST = 3
"""Characters of a sentence that is read."""


def require_rules() -> Path:
    """Where medspaCy's rules are; MissingError where they, PyRuSH or spaCy are not installed. Imports none of them."""
    absent = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    spec = importlib.util.find_spec("medspacy")
    rules = Path(spec.origin).parents[1] / "resources/en/rush_rules.tsv" if spec is not None and spec.origin else None
    if absent or rules is None or not rules.is_file():
        what = f"needs {', '.join(absent)}" if absent else f"needs medspaCy's rules, but {rules} does not exist"
        raise MissingError(
            f"{what}, to split sentences as RaTEScore does",
            "make an environment with scripts/env-clinical, or pip install medspacy (Python 3.12 or newer)",
        )
    return rules


def version() -> str:
    """What decides the sentences: PyRuSH, spaCy and the digest of the rules."""
    made_of = "-".join(importlib.metadata.version(name) for name in ("PyRuSH", "spacy"))
    return f"pyrush-{made_of}-{weights.digest(require_rules())[:8]}"


def quiet_pyrush() -> None:
    """Keep PyRuSH from logging the text of reports to standard error."""
    logging: Any = importlib.import_module("loguru")
    logging.logger.disable("PyRuSH")


class Sentences:
    """Splits reports."""

    def __init__(self) -> None:
        rules = require_rules()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quiet_pyrush()
            importlib.import_module("PyRuSH.PyRuSHSentencizer")  # registers the component
            spacy: Any = importlib.import_module("spacy")
            self._language = spacy.blank("en")
            self._language.add_pipe("medspacy_pyrush", config={"rules_path": str(rules)})
        self._language.max_length = 1 << 31  # nothing here takes memory by the square of a text

    def __call__(self, text: str) -> list[str]:
        """The sentences of a report without white space around them; those below three characters are left out."""
        found = (str(sentence).strip() for sentence in self._language(text).sents)
        return [sentence for sentence in found if len(sentence) >= _SHORTEST]
