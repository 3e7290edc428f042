"""``findings@rules``: the numbers of a table from alignments, one study at a time."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, cast

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.metrics.facts.extract import VERSION as READER
from mmrad_eval.metrics.findings.alignment import KINDS, Alignment
from mmrad_eval.metrics.findings.details import STRENGTHS
from mmrad_eval.metrics.findings.examples import PRIORS, Priors, age_of, alignment_of, policies
from mmrad_eval.metrics.findings.significance import SCHEMES, Scheme, table
from mmrad_eval.metrics.sums import by_name, nan_ratio, ratio

if TYPE_CHECKING:
    from mmrad_eval.core.values import Example
    from mmrad_eval.metrics.suites import Setup

VERSION = 1
PROFILE = "rules"
SCORE = "Findings"
"""The headline."""
STUDY = "Findings all"
"""The column whose value of one study is the study's score, whatever its reference finds."""
FALSE = "Findings false per normal study"
TEMPLATE, HEDGED = "Findings of the normal template", "Findings of everything hedged"

_COUNTS = ("significant errors", *KINDS)
STATISTICS: tuple[str, ...] = (
    *("score", "score if abnormal", "abnormal", "normal", "studies", "false if normal"),
    *("credit", "at stake", "candidate credit", "candidate weight"),
    *("pairs", "found by the reference", "found by the candidate", *_COUNTS),
    *("understood", "sentences", "template if abnormal", "hedged if abnormal"),
    *("template false if normal", "hedged false if normal"),
)


class FindingsScore:
    """Statistics of a study, (32,) float64: see STATISTICS."""

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = STATISTICS

    def __init__(self, name: str, scheme: Scheme = "tiers", priors: Priors = "study") -> None:
        self.name, self.scheme, self.priors = name, scheme, priors
        self.columns: Sequence[Column] = (
            *(Column(title, PROFILE) for title in (SCORE, STUDY)),
            Column(FALSE, PROFILE, "lower"),
            *(Column(f"Findings {share}", PROFILE) for share in ("F1", "precision", "recall")),
            *(Column(f"Findings {share} plain", PROFILE) for share in ("F1", "precision", "recall")),
            *(Column(f"Findings {kind}", PROFILE, "lower") for kind in _COUNTS),
            Column("Findings coverage", PROFILE, ""),
            *(Column(title, PROFILE, "") for title in (TEMPLATE, HEDGED)),
            *(Column(f"Findings false of {who}", PROFILE, "") for who in ("the normal template", "everything hedged")),
        )

    def fit(self, corpus: Corpus) -> str:
        """The part of the reports that is scored."""
        return corpus.target

    def signature(self, context: str) -> str:
        """What is read, how it is weighed, and who was shown a prior study."""
        return _signature("findings", context, self.scheme, self.priors)

    def measure(self, examples: Sequence[Example], context: str) -> FloatArray:
        """(n, 32) statistics."""
        return np.array([self._row(example) for example in examples]).reshape(len(examples), len(STATISTICS))

    def _row(self, example: Example) -> list[float]:
        found = alignment_of(example, self.scheme, self.priors)
        counts = statistics_of(found)
        template, hedged = policies(example.reference or "", self.scheme, age_of(example.study))
        abnormal, normal = counts["abnormal"], counts["normal"]
        counts["template if abnormal"] = template.score * abnormal
        counts["hedged if abnormal"] = hedged.score * abnormal
        counts["template false if normal"] = _false(template) * normal
        counts["hedged false if normal"] = _false(hedged) * normal
        return [counts[name] for name in STATISTICS]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 32) sums to (..., columns); the headline is nan where no reference is abnormal."""
        at = by_name(STATISTICS, np.asarray(sums, np.float64))
        studies, abnormal, normal = at("studies"), at("abnormal"), at("normal")
        weighted = _f1(at("credit"), at("at stake"), at("candidate credit"), at("candidate weight"))
        pairs = at("pairs")
        plain = _f1(pairs, at("found by the reference"), pairs, at("found by the candidate"))
        columns = [
            nan_ratio(at("score if abnormal"), abnormal),
            nan_ratio(at("score"), studies),
            nan_ratio(at("false if normal"), normal),
            *(*weighted, *plain),
            *(nan_ratio(at(name), studies) for name in _COUNTS),
            nan_ratio(at("understood"), at("sentences")),
            nan_ratio(at("template if abnormal"), abnormal),
            nan_ratio(at("hedged if abnormal"), abnormal),
            nan_ratio(at("template false if normal"), normal),
            nan_ratio(at("hedged false if normal"), normal),
        ]
        return np.stack(columns, axis=-1)


def statistics_of(found: Alignment) -> dict[str, float]:
    """The counts of one alignment; a reference of which nothing is understood tells of no study but its sentences."""
    ours, theirs = found.stakes
    counts = dict.fromkeys(_COUNTS, 0.0)
    if found.reference.empty:
        return dict.fromkeys(STATISTICS, 0.0) | {"sentences": float(found.reference.sentences)}
    for error in found.errors:
        counts[error.kind] += 1
        counts["significant errors"] += error.significant
    score, abnormal = found.score, float(found.abnormal)
    return counts | {
        "score": score,
        "score if abnormal": score * abnormal,
        "abnormal": abnormal,
        "normal": 1 - abnormal,
        "studies": 1.0,
        "false if normal": 0.0 if found.abnormal else _false(found),
        "credit": found.credit,
        "at stake": found.at_stake,
        "candidate credit": sum(theirs[pair.candidate].weight * pair.share for pair in found.pairs),
        "candidate weight": sum(stake.weight for stake in theirs),
        "pairs": float(len(found.pairs)),
        "found by the reference": float(len(ours)),
        "found by the candidate": float(len(theirs)),
        "understood": float(found.reference.understood),
        "sentences": float(found.reference.sentences),
    }


def _false(found: Alignment) -> float:
    return float(sum(error.kind == "false finding" for error in found.errors))


def _f1(hit: FloatArray, whole: FloatArray, right: FloatArray, said: FloatArray) -> tuple[FloatArray, ...]:
    """F1, precision and recall; nan where the reference finds nothing, as there is nothing to find."""
    recall, precision = nan_ratio(hit, whole), ratio(right, said)
    precision = np.where(np.isnan(recall), np.nan, precision)
    return (
        nan_ratio(2 * precision * recall, np.where(precision + recall > 0, precision + recall, np.nan)),
        precision,
        recall,
    )


class ByFinding:
    """Statistics of a study: for each concept, how often both, the reference and the candidate find it."""

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})

    def __init__(self, name: str, scheme: Scheme, priors: Priors) -> None:
        self.name, self.scheme, self.priors = name, scheme, priors
        self.concepts = tuple(sorted(table().rules))
        self.statistics: Sequence[str] = tuple(
            f"{concept}: {what}" for concept in self.concepts for what in ("both", "reference", "candidate")
        )
        self.columns: Sequence[Column] = tuple(
            column
            for concept in self.concepts
            for column in (
                Column(f"Findings {concept} precision", PROFILE),
                Column(f"Findings {concept} recall", PROFILE),
                Column(f"Findings {concept} support", PROFILE, better=""),
            )
        )

    def fit(self, corpus: Corpus) -> str:
        """The part of the reports that is scored."""
        return corpus.target

    def signature(self, context: str) -> str:
        """As that of the score."""
        return _signature("findings-by-finding", context, self.scheme, self.priors)

    def measure(self, examples: Sequence[Example], context: str) -> FloatArray:
        """(n, 3 x concepts) counts; a pair of different names is no hit of either."""
        place = {concept: 3 * i for i, concept in enumerate(self.concepts)}
        rows = np.zeros((len(examples), len(self.statistics)))
        for row, example in zip(rows, examples, strict=True):
            found = alignment_of(example, self.scheme, self.priors)
            ours, theirs = found.reference.findings, found.candidate.findings
            for offset, findings in ((1, ours), (2, theirs)):
                for finding in findings:
                    if finding.concept in place:
                        row[place[finding.concept] + offset] += 1
            for pair in found.pairs:
                concept = ours[pair.reference].concept
                if concept == theirs[pair.candidate].concept and concept in place:
                    row[place[concept]] += 1
        return rows

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 3 x concepts) to precision (nan where never said), recall (nan where never there) and support."""
        sums = np.asarray(sums, np.float64)
        both, ours, theirs = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
        columns = np.stack([nan_ratio(both, theirs), nan_ratio(both, ours), ours], axis=-1)
        return columns.reshape(*columns.shape[:-2], -1)


class Hedges:
    """Statistics of a study: doubtful findings by strength of phrase, and those that the reference finds."""

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = tuple(
        f"{strength}: {what}" for strength in STRENGTHS for what in ("said", "sure", "doubtful")
    )

    def __init__(self, name: str, scheme: Scheme, priors: Priors) -> None:
        self.name, self.scheme, self.priors = name, scheme, priors
        self.columns: Sequence[Column] = tuple(
            Column(f"Hedges {strength} {what}", PROFILE, better="")
            for strength in STRENGTHS
            for what in ("said", "confirmed", "doubtful in the reference")
        )

    def fit(self, corpus: Corpus) -> str:
        """The part of the reports that is scored."""
        return corpus.target

    def signature(self, context: str) -> str:
        """As that of the score."""
        return _signature("findings-hedges", context, self.scheme, self.priors)

    def measure(self, examples: Sequence[Example], context: str) -> FloatArray:
        """(n, 9) counts."""
        rows = np.zeros((len(examples), len(self.statistics)))
        for row, example in zip(rows, examples, strict=True):
            found = alignment_of(example, self.scheme, self.priors)
            partner = {pair.candidate: found.reference.findings[pair.reference] for pair in found.pairs}
            for j, finding in enumerate(found.candidate.findings):
                if finding.sure:
                    continue
                at = 3 * STRENGTHS.index(finding.strength or "middling")
                row[at] += 1
                if (other := partner.get(j)) is not None:
                    row[at + (1 if other.sure else 2)] += 1
        return rows

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 9) to how many were said, and the shares that the reference finds; nan where none was said."""
        sums = np.asarray(sums, np.float64)
        said, sure, doubtful = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
        columns = np.stack([said, nan_ratio(sure, said), nan_ratio(doubtful, said)], axis=-1)
        return columns.reshape(*columns.shape[:-2], -1)


def _signature(kind: str, target: str, scheme: Scheme, priors: Priors) -> str:
    return f"{kind}|target:{target}|facts:{READER}|weights:{scheme}|priors:{priors}|v{VERSION}"


def _options(setup: Setup) -> tuple[str, Scheme, Priors]:
    scheme = cast("Scheme", setup.option("weights", "tiers", SCHEMES))
    return setup.name, scheme, cast("Priors", setup.option("priors", "study", PRIORS))


def findings(setup: Setup) -> FindingsScore:
    """``findings@rules``: the score, errors by kind, and what the policies that see nothing get."""
    return FindingsScore(*_options(setup))


def by_finding(setup: Setup) -> ByFinding:
    """``findings-by-finding@rules``."""
    return ByFinding(*_options(setup))


def hedges(setup: Setup) -> Hedges:
    """``findings-hedges@rules``."""
    return Hedges(*_options(setup))
