"""Systems with known skill on every form of evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from mmrad_eval.core.values import Report, Status, Step, Study, Trace
from mmrad_eval.metrics import suite
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.run import score

if TYPE_CHECKING:
    from tests.results.conftest import Kit

FACTS = (
    "the heart is enlarged",
    "there is a left pleural effusion",
    "no pneumothorax is seen",
    "the right lower lobe is consolidated",
    "a pacemaker is in place",
    "the aorta is calcified",
)
CATEGORIES = ("heart_mediastinum", "pleura_diaphragm", "lungs", "lungs", "devices", "heart_mediastinum")


class Stage:
    """Makes runs over the same studies; ``skill`` is the chance of getting a sentence right."""

    def __init__(self, kit: Kit, n: int = 48, patients: int = 24) -> None:
        self.kit = kit
        rng = np.random.default_rng(1)
        self.studies = []
        for i in range(n):
            chosen = [f for f, keep in zip(FACTS, rng.random(len(FACTS)) < 0.6, strict=True) if keep] or [FACTS[0]]
            text = ". ".join(chosen) + "."
            self.studies.append(Study(f"s{i:03}", patient=f"p{i % patients}", reference=Report(text, findings=text)))

    def trace(self, study: Study) -> Trace:
        """What a given task shows."""
        said = study.reference.text.rstrip(".").split(". ") if study.reference else []
        return Trace(tuple(Step(region="r", category=CATEGORIES[FACTS.index(s)], text=s) for s in said))

    def run(
        self,
        model: str,
        task: str,
        skill: float,
        *,
        seed: int = 0,
        status: Status = "ok",
        given: bool = True,
        trained_on: tuple[str, ...] = (),
        metrics: tuple[str, ...] = ("bleu@raw", "bleu@r2gen-iu", "rouge@raw", "rules@uncertain=positive"),
        **changes: Any,
    ) -> RunFolder:
        """One scored run."""
        rng = np.random.default_rng([seed, *task.encode()])
        answers = []
        for study in self.studies:
            said = study.reference.text.rstrip(".").split(". ") if study.reference else []
            text = ". ".join(s if rng.random() < skill else "nothing else" for s in said) + "."
            answer = self.kit.answer(study, "" if status in {"failed", "empty"} else text, status)
            shown = self.trace(study) if given and task != "direct" else None
            own = self.trace(study) if not given else None
            answers.append(msgspec.structs.replace(answer, shown=shown, trace=own))
        folder = self.kit.run(answers, model=model, task=task, given=given, **changes)
        run = folder.run
        folder.write_run(msgspec.structs.replace(run, card=msgspec.structs.replace(run.card, trained_on=trained_on)))
        score(folder, self.studies, suite(metrics), resamples=100)
        return folder

    @property
    def results(self) -> Path:
        """Where the runs are."""
        return self.kit.results


@pytest.fixture(scope="session")
def stage_class() -> type[Stage]:
    """For fixtures that outlive one test."""
    return Stage


@pytest.fixture
def stage(kit: Kit) -> Stage:
    """Makes runs over the same 48 studies of 24 patients."""
    return Stage(kit)
