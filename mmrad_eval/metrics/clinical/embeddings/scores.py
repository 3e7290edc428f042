"""BERTScore and CheXbert's cosine as metrics: how near two texts are in an encoder's space."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.errors import MissingError, UsageError
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.clinical.weights import NEEDS
from mmrad_eval.metrics.lexical.mean import means, reduce_means

if TYPE_CHECKING:
    from mmrad_eval.metrics.clinical.embeddings.records import Labelled, Matched
    from mmrad_eval.metrics.suites import Setup


@dataclass(frozen=True)
class EncoderProfile:
    """A model, a layer, and the baseline that stretches its narrow range."""

    name: str
    model: str
    layer: int
    baseline: tuple[float, float, float] | None = None
    """Precision, recall and F1 of unrelated English sentences (bert-score 0.3.13, ``rescale_baseline/en``)."""
    collapse: bool = False
    """Whether runs of spaces become one first (CXR-Report-Metric)."""


PROFILES = {
    profile.name: profile
    for profile in (
        EncoderProfile("rexrank", "distilroberta-base", 5, (0.84732, 0.84759504, 0.8473319), collapse=True),
        EncoderProfile("radeval", "distilbert-base-uncased", 5, (0.6666034, 0.66660464, 0.66620487)),
        EncoderProfile("roberta-large", "roberta-large", 17, (0.83150584, 0.8314941, 0.83122575)),
    )
}

Values = Callable[[Sequence[Example]], FloatArray]
"""Examples to (n, values)."""


@dataclass(frozen=True)
class EncoderFit:
    """Where values come from, and of what text."""

    values: Values
    source: str
    target: str


class Near:
    """Means over studies of what an encoder says of a pair.

    Statistics of a study: its values, and 1.
    """

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})

    def __init__(
        self, name: str, columns: Sequence[Column], formula: str, source: Callable[[], tuple[Values, str]]
    ) -> None:
        """``source`` gives the values and the signature of what makes them; called when the metric is fitted."""
        self.name, self.columns, self._formula, self._source = name, tuple(columns), formula, source
        self.statistics = (*(column.name for column in columns), "studies")

    def fit(self, corpus: Corpus) -> EncoderFit:
        """Find the weights; nothing is learnt."""
        values, source = self._source()
        return EncoderFit(values, source, corpus.target)

    def signature(self, context: EncoderFit) -> str:
        """The engine and weights, then the formula."""
        return f"{self.name.partition('@')[0]}|target:{context.target}|{context.source}|{self._formula}|v1"

    def measure(self, examples: Sequence[Example], context: EncoderFit) -> FloatArray:
        """(n, values + 1) values and count."""
        return means(examples, *context.values(examples).T)

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., values + 1) to (..., values): means; nan over no studies."""
        return reduce_means(sums)


def bertscore(setup: Setup) -> Near:
    """``bertscore@PROFILE``, or ``bertscore:FOLDER#LAYER`` for any local model, without rescaling."""
    from mmrad_eval.metrics.clinical.engines import engines

    shared = engines(setup)
    profile = _local(setup.argument) if setup.argument else PROFILES[setup.name.partition("@")[2]]
    shared.available("bertscore", *([profile.model] if profile.model in NEEDS else []))
    names = ("BERTScore", "BERTScore-P", "BERTScore-R")
    columns = [Column(name, profile.name, best=1.0) for name in names]

    def source() -> tuple[Values, str]:
        matches = shared.matches(profile.model, profile.layer)

        def values(examples: Sequence[Example]) -> FloatArray:
            pairs = [(_prepared(e.candidate, profile), _prepared(e.reference or "", profile)) for e in examples]
            said = [pair for pair in pairs if pair[0].strip() and pair[1].strip()]
            found = dict(zip(said, matches(said), strict=True))
            return np.array([_rescaled(found.get(pair), profile) for pair in pairs]).reshape(-1, 3)

        return values, matches.signature

    scaled = "none" if profile.baseline is None else "en"
    return Near(setup.name, columns, f"idf:none|rescaled:{scaled}|empty:0-before-rescaling", source)


def semb(setup: Setup) -> Near:
    """``semb@rexrank``: cosine of CheXbert's [CLS] vectors; 0 where the candidate is empty."""
    from mmrad_eval.metrics.clinical.engines import engines

    shared = engines(setup)
    shared.available("chexbert", "chexbert", "bert-base-uncased")

    def source() -> tuple[Values, str]:
        labels = shared.labels()

        def values(examples: Sequence[Example]) -> FloatArray:
            texts = {text for e in examples for text in (e.candidate, e.reference or "") if text.strip()}
            said = sorted(texts)
            found = dict(zip(said, labels(said), strict=True))
            return np.array([[_cosine(found.get(e.candidate), found.get(e.reference or ""))] for e in examples])

        return values, labels.signature

    return Near(setup.name, [Column("SembScore", "rexrank", best=1.0)], "cosine:cls|empty:0", source)


def _local(argument: str) -> EncoderProfile:
    """FOLDER#LAYER."""
    folder, mark, layer = argument.rpartition("#")
    if not mark or not layer.isdigit():
        raise UsageError(f"bertscore:{argument}: write bertscore:FOLDER#LAYER, such as bertscore:./my-bert#9")
    path = Path(folder).expanduser()
    if not (path / "config.json").is_file():
        raise MissingError(
            f"{path} contains no config.json", "give the folder of a BERT, RoBERTa or DistilBERT as on the hub"
        )
    return EncoderProfile(f"{path.name}-L{layer}", str(path), int(layer))


def _prepared(text: str, profile: EncoderProfile) -> str:
    return re.sub(" +", " ", text) if profile.collapse else text


def _rescaled(found: Matched | None, profile: EncoderProfile) -> tuple[float, float, float]:
    """(F1, precision, recall); a side without words counts as 0 before rescaling, as in the package."""
    raw = (found.precision, found.recall, found.f1) if found is not None else (0.0, 0.0, 0.0)
    base = profile.baseline or (0.0, 0.0, 0.0)
    precision, recall, f1 = ((x - b) / (1 - b) for x, b in zip(raw, base, strict=True))
    return f1, precision, recall


def _cosine(candidate: Labelled | None, reference: Labelled | None) -> float:
    if candidate is None or reference is None:
        return 0.0
    a, b = candidate.vector.astype(np.float64), reference.vector.astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
