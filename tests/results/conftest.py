"""Small metrics with known answers, and run folders made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.errors import MissingError
from mmrad_eval.core.values import Answer, Card, Decoding, Example, Report, Served, Status, Study
from mmrad_eval.results.run.folder import RunFolder, run_path
from mmrad_eval.results.run.record import Run, RunIdentity, Selection, StudyCounts


class Words:
    """The share of reference words that the candidate has: a corpus ratio, and a mean of per-study ratios."""

    name = "words@test"
    columns: Sequence[Column] = (Column("Recall", "test", "higher", 1.0), Column("Mean recall", "test", "higher", 1.0))
    statistics: Sequence[str] = ("matched", "reference", "sum of ratios", "studies")
    requires: Sequence[str] = ()

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def fit(self, corpus: Corpus) -> int:
        return len(corpus.scored)

    def signature(self, context: Any) -> str:
        return f"words|fitted:{context > 0}|v{self.version}"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        del context
        return np.array([self._count(e.candidate.split(), (e.reference or "").split()) for e in examples]).reshape(
            -1, 4
        )

    @staticmethod
    def _count(candidate: list[str], reference: list[str]) -> tuple[float, float, float, float]:
        matched = float(sum(word in candidate for word in reference))
        return matched, float(len(reference)), matched / len(reference) if reference else 0.0, 1.0

    def reduce(self, sums: FloatArray) -> FloatArray:
        return np.stack([sums[..., 0] / sums[..., 1], sums[..., 2] / sums[..., 3]], axis=-1)


class Effusions:
    """The share of the reference's effusions that the candidate does not name; undefined without any. Low is good."""

    name = "effusions@test"
    columns: Sequence[Column] = (Column("Effusions missed", "test", "lower", 0.0),)
    statistics: Sequence[str] = ("missed", "named")
    requires: Sequence[str] = ()

    def __init__(self, broken: float | None = None) -> None:
        self.broken = broken

    def fit(self, corpus: Corpus) -> None:
        del corpus

    def signature(self, context: Any) -> str:
        del context
        return "effusions|v1"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        del context
        named = np.array(["effusion" in (e.reference or "") for e in examples], dtype=np.float64)
        missed = np.array(["effusion" not in e.candidate for e in examples]) * named
        if self.broken is not None:
            missed[0] = self.broken
        return np.stack([missed, named], axis=-1)

    def reduce(self, sums: FloatArray) -> FloatArray:
        return sums[..., :1] / sums[..., 1:]


class Both:
    """A composite: recall minus the share of missed effusions, from the statistics of two others."""

    name = "both@test"
    columns: Sequence[Column] = (Column("Both", "test", "higher"),)
    statistics: Sequence[str] = ("one",)
    requires: Sequence[str] = ("words@test", "effusions@test")

    def fit(self, corpus: Corpus) -> None:
        del corpus

    def signature(self, context: Any) -> str:
        del context
        return "both|v1"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        del context
        return np.ones((len(examples), 1))

    def reduce(self, sums: FloatArray) -> FloatArray:
        return (sums[..., 1] / sums[..., 2] - sums[..., 5] / sums[..., 6])[..., None]


class Weightless(Effusions):
    """Lacks its weights, as it turns out when it is fitted or first used."""

    name = "weightless@test"
    columns: Sequence[Column] = (Column("Weightless", "test"),)

    def __init__(self, when: str = "fit") -> None:
        super().__init__()
        self.when = when

    def signature(self, context: Any) -> str:
        del context
        return "weightless|v1"

    def fit(self, corpus: Corpus) -> None:
        del corpus
        if self.when == "fit":
            raise MissingError("the weights of Weightless are not here", "mmrad-eval fetch weightless")

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        del examples, context
        raise MissingError("the weights of Weightless are not here", "mmrad-eval fetch weightless")


TEXTS = ("heart size is normal", "small left effusion", "no focal consolidation", "right effusion is larger")


class Kit:
    """What the tests of this folder build with."""

    Words, Effusions, Both, Weightless = Words, Effusions, Both, Weightless

    def __init__(self, results: Path) -> None:
        self.results = results

    def studies(self, n: int, patients: int | None = None) -> list[Study]:
        """``n`` studies with reports in turn; of ``patients`` patients, or without any patient id."""
        return [
            Study(
                f"s{i:05}",
                patient=None if patients is None else f"p{i % patients}",
                reference=Report(text=TEXTS[i % len(TEXTS)], findings=TEXTS[i % len(TEXTS)]),
            )
            for i in range(n)
        ]

    def answer(self, study: Study, text: str, status: Status = "ok") -> Answer:
        """What a model said about a study."""
        return Answer(study.id, status, report=Report(text=text))

    def run(
        self,
        answers: Sequence[Answer],
        *,
        model: str = "test:model",
        given: bool = True,
        served: int = 1,
        **changes: Any,
    ) -> RunFolder:
        """Write a run folder from answers, without scoring it."""
        provider, _, name = model.partition(":")
        card = Card(provider=provider, id=name)
        statuses: dict[str, int] = {}
        for one in answers:
            statuses[one.status] = statuses.get(one.status, 0) + 1
        fields: dict[str, Any] = {
            "model": {"provider": provider, "id": name},
            "task": "mcot",
            "task_version": 1,
            "prompt": "0" * 64,
            "dataset": "made",
            "dataset_digest": "d" * 64,
            "selection": Selection(split="test"),
            "decoding": Decoding(),
        }
        identity = RunIdentity(**(fields | changes))
        run = Run(
            identity.id(),
            identity,
            card,
            given,
            "open",
            "demo",
            counts=StudyCounts(len(answers), statuses),
            served=tuple(msgspec.to_builtins(Served(id=f"server {i}")) for i in range(served)),
        )
        folder = RunFolder(run_path(self.results, run))
        folder.write_run(run)
        folder.write_answers(answers)
        return folder


@pytest.fixture(scope="session")
def kit_class() -> type[Kit]:
    """For fixtures that outlive one test."""
    return Kit


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """What the tests of this folder build with."""
    return Kit(tmp_path / "results")
