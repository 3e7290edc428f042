"""Label F1: how well the 14 CheXpert observations of a candidate agree with those of its reference.

Written once for every source of labels: rules, a CheXbert checkpoint, a csv file. A study's statistics are which class
of the candidate met which class of the reference, per observation, so what becomes of an uncertain label is decided in
``reduce`` and costs nothing to change.

Zero division is 0, as in scikit-learn's default: an observation that neither side ever has counts as F1 0 in a macro
average, unless ``macro`` is ``supported``, which leaves observations out that the reference never has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example, Target
from mmrad_eval.metrics.sums import ratio

LABELS: tuple[str, ...] = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
"""In alphabetical order: sources of labels disagree on an order, so they are joined by name."""

FIVE: tuple[str, ...] = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
"""The competition observations of CheXpert (Irvin et al., AAAI 2019)."""

POSITIVE, NEGATIVE, UNCERTAIN, BLANK = 1, 0, -1, 2
"""Codes of a label."""

Codes = NDArray[np.int8]
"""(n, 14), in the order of LABELS."""
Labeller = Callable[[Sequence[str]], Codes]

Policy = Literal["positive", "negative", "ignore", "own-class"]
"""What becomes of an uncertain label.

``positive`` and ``negative``: it counts as that, on both sides. ``ignore``: cells whose reference is uncertain are left
out, and a candidate's uncertain label counts as positive. ``own-class``: positive and uncertain are two classes of each
observation, each with hits and misses of its own.
"""
POLICIES: tuple[Policy, ...] = get_args(Policy)

_CLASSES = ("positive", "negative", "uncertain", "blank")
_INDEX = np.array([2, 1, 0, 3])  # code + 1 -> class
_FIVE = np.array([LABELS.index(name) for name in FIVE])
_NO_FINDING = LABELS.index("No Finding")
_SETS: dict[str, NDArray[np.intp]] = {"14": np.arange(len(LABELS)), "5": _FIVE}
_PAIRS = len(LABELS) * len(_CLASSES) ** 2

STATISTICS: tuple[str, ...] = (
    *(f"{label}: {a} met {b}" for label in LABELS for a in _CLASSES for b in _CLASSES),
    *(f"example F1 of {size}, uncertain={policy}" for policy in POLICIES for size in _SETS),
    "studies",
)
"""Per observation how often a reference class met a candidate class; per-study F1 for the example-based average; 1."""


class LabelF1:
    """F1 over 14 and over 5 observations, micro, macro, weighted and example-based; No Finding also apart.

    Statistics of a study, (233,) float64: see STATISTICS. An empty candidate is blank throughout.
    """

    requires: Sequence[str] = ()
    statistics: Sequence[str] = STATISTICS

    def __init__(
        self,
        name: str,
        source: str,
        labeller: Labeller,
        version: str,
        policy: Policy = "positive",
        *,
        macro: Literal["all", "supported"] = "all",
        by_label: bool = False,
        languages: AbstractSet[str] = frozenset(),
    ) -> None:
        """``name``: registry name; ``source``: what columns are called after; ``version``: the labeller's signature."""
        self.languages = languages
        self.name, self.source, self.labeller, self.version = name, source, labeller, version
        self.policy, self.macro, self.by_label = policy, macro, by_label
        self.columns: Sequence[Column] = _columns(source, policy, macro=macro, by_label=by_label)

    @property
    def measures(self) -> str:
        """The labels that met: the same under every policy."""
        return f"label pairs of {self.version}"

    def fit(self, corpus: Corpus) -> Target:
        """What of a report is labelled; nothing else is needed of the corpus."""
        return corpus.target

    def signature(self, context: Target) -> str:
        """What is labelled, where labels come from, and how they are counted."""
        kind = "label-f1-by-label" if self.by_label else "label-f1"
        counted = f"uncertain:{self.policy}|macro:{self.macro}|zero:0|empty:blank"
        return f"{kind}|target:{context}|labels:{self.version}|{counted}|v1"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """(n, 233) statistics; zeros for a study without a reference."""
        rows = np.zeros((len(examples), len(STATISTICS)))
        scored = [i for i, example in enumerate(examples) if example.reference is not None]
        if scored:
            chosen = [examples[i] for i in scored]
            reference = self.labeller([e.reference or "" for e in chosen])
            candidate = self.labeller([e.candidate for e in chosen])
            empty = [i for i, e in enumerate(chosen) if not e.candidate.strip()]
            candidate = np.array(candidate, dtype=np.int8)
            candidate[empty] = BLANK
            rows[scored] = pairs(reference, candidate)
        return rows

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 233) summed statistics to (..., columns)."""
        sums = np.asarray(sums, np.float64)
        counts = _counts(sums, self.policy)
        if self.by_label:
            hits, extra, missed = _per_label(counts, self.policy)
            with np.errstate(invalid="ignore"):
                scores = np.where(sums[..., -1:] > 0, ratio(2 * hits, 2 * hits + extra + missed), np.nan)
            return np.concatenate([scores, hits + missed], axis=-1)
        columns = [_averages(counts, sums, size, self.policy, self.macro) for size in _SETS]
        hits, extra, missed = _per_label(counts, self.policy)
        no_finding = ratio(2 * hits, 2 * hits + extra + missed)[..., _NO_FINDING, None]
        scores = np.concatenate([*columns, no_finding], axis=-1)
        return np.where(sums[..., -1:] > 0, scores, np.nan)


def pairs(reference: Codes, candidate: Codes) -> FloatArray:
    """(n, 233) statistics of two (n, 14) arrays of codes."""
    n = len(reference)
    a, b = _INDEX[np.asarray(reference, np.intp) + 1], _INDEX[np.asarray(candidate, np.intp) + 1]
    met = np.zeros((n, len(LABELS), len(_CLASSES) ** 2))
    np.put_along_axis(met, (a * len(_CLASSES) + b)[..., None], 1.0, axis=-1)
    flat = met.reshape(n, _PAIRS)
    examples = [_example(flat, policy, size) for policy in POLICIES for size in _SETS]
    return np.column_stack([flat, *examples, np.ones(n)])


Counts = tuple[FloatArray, FloatArray, FloatArray]
"""Hits, extra, missed: each (..., classes) with classes in the order of LABELS; twice as many under ``own-class``."""


def _counts(sums: FloatArray, policy: Policy) -> Counts:
    met = sums[..., :_PAIRS].reshape(*sums.shape[:-1], len(LABELS), len(_CLASSES), len(_CLASSES))
    if policy == "own-class":
        parts = [_binary(met, reference=[k], candidate=[k]) for k in (0, 2)]
        return tuple(np.concatenate([p[i] for p in parts], axis=-1) for i in range(3))  # type: ignore[return-value]  # three of them
    if policy == "negative":
        return _binary(met, reference=[0], candidate=[0])
    if policy == "ignore":
        return _binary(met[..., [0, 1, 3], :], reference=[0], candidate=[0, 2])
    return _binary(met, reference=[0, 2], candidate=[0, 2])


def _binary(met: FloatArray, *, reference: list[int], candidate: list[int]) -> Counts:
    """Hits, extra and missed where these classes of each side count as positive."""
    said = met[..., candidate].sum(-1)
    hits = said[..., reference].sum(-1)
    true = met[..., reference, :].sum((-1, -2))
    return hits, said.sum(-1) - hits, true - hits


def _per_label(counts: Counts, policy: Policy) -> Counts:
    """Under ``own-class`` the two classes of an observation, pooled."""
    if policy != "own-class":
        return counts
    half = len(LABELS)
    return tuple(c[..., :half] + c[..., half:] for c in counts)  # type: ignore[return-value]  # three of them


def _members(size: str, policy: Policy) -> NDArray[np.intp]:
    """Which classes belong to a set of observations. No Finding is never uncertain."""
    chosen = _SETS[size]
    if policy != "own-class":
        return chosen
    return np.concatenate([chosen, chosen[chosen != _NO_FINDING] + len(LABELS)])


_AVERAGES = ("micro-F1", "macro-F1", "weighted-F1", "example-F1", "micro-P", "micro-R", "macro-P", "macro-R")


def _averages(counts: Counts, sums: FloatArray, size: str, policy: Policy, macro: str) -> FloatArray:
    """(..., 8) averages over a set of observations, in the order of _AVERAGES."""
    hits, extra, missed = (c[..., _members(size, policy)] for c in counts)
    support = hits + missed
    precision, recall = ratio(hits, hits + extra), ratio(hits, support)
    f1 = ratio(2 * hits, 2 * hits + extra + missed)
    h, e, m = hits.sum(-1), extra.sum(-1), missed.sum(-1)
    at = _PAIRS + POLICIES.index(policy) * len(_SETS) + list(_SETS).index(size)
    weight = np.where(support > 0, 1.0, 0.0) if macro == "supported" else np.ones_like(support)
    return np.stack(
        [
            ratio(2 * h, 2 * h + e + m),
            ratio((f1 * weight).sum(-1), weight.sum(-1)),
            ratio((f1 * support).sum(-1), support.sum(-1)),
            ratio(sums[..., at], sums[..., -1]),
            ratio(h, h + e),
            ratio(h, h + m),
            ratio((precision * weight).sum(-1), weight.sum(-1)),
            ratio((recall * weight).sum(-1), weight.sum(-1)),
        ],
        axis=-1,
    )


def _example(met: FloatArray, policy: Policy, size: str) -> FloatArray:
    """(n,) F1 of each study over its own observations; 0 where neither side has any."""
    hits, extra, missed = (c[..., _members(size, policy)].sum(-1) for c in _counts(met, policy))
    return ratio(2 * hits, 2 * hits + extra + missed)


def _columns(source: str, policy: Policy, *, macro: str, by_label: bool) -> list[Column]:
    profile = f"uncertain={policy}" + (", supported" if macro == "supported" else "")
    if by_label:
        return [
            *(Column(f"{source} F1 {label}", profile, best=1.0) for label in LABELS),
            *(Column(f"{source} support {label}", profile, better="") for label in LABELS),
        ]
    return [
        *(Column(f"{source} {average}-{size}", profile, best=None) for size in _SETS for average in _AVERAGES),
        Column(f"{source} F1 No Finding", profile, best=None),
    ]
