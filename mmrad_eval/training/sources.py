"""What is taught: traces of a dataset, good answers of runs, pairs of answers, or questions with their references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mmrad_eval.core.values import Study, Target
from mmrad_eval.training.drafts import Draft, LeftOut, Unfit, checked
from mmrad_eval.training.pairs import PairDraft, answer_draft, best_pair
from mmrad_eval.training.patients import TrainingSet
from mmrad_eval.training.planted_pairs import planted_pair
from mmrad_eval.training.scored_runs import ScoredRuns


def of_dataset(
    studies: Iterable[Study], allowed: TrainingSet, target: Target, *, traced: bool
) -> Iterator[Draft | LeftOut]:
    """The traces and references of studies; without ``traced``, the references alone."""
    for study in studies:
        if study.id not in allowed.ids:
            continue
        report = study.reference.target(target) if study.reference else None
        trace = study.trace.reasoned() if study.trace and traced else None
        if traced and (trace is None or not (trace.steps or trace.text.strip())):
            yield LeftOut(study.id, "they have no trace")
            continue
        try:
            yield checked(Draft(study, report or "", trace))
        except Unfit as why:
            yield LeftOut(study.id, str(why))


def of_runs(runs: ScoredRuns, allowed: TrainingSet, least: float) -> Iterator[Draft | LeftOut]:
    """The best answer to each study, where it has a trace and a value as good as ``least``."""
    answers, preference = runs.answers(), runs.preference
    for study in _studies(runs, allowed):
        best = next(iter(answers.get(study.id, ())), None)
        trace = best.answer.trace.reasoned() if best is not None and best.answer.trace is not None else None
        if best is None:
            yield LeftOut(study.id, "no run has an answer with a value in the column of --by")
        elif preference.sign * best.value < preference.sign * least:
            yield LeftOut(study.id, "the best answer is not as good as --at-least")
        elif trace is None or not (trace.steps or trace.text.strip()):
            yield LeftOut(study.id, "they have no trace")
        else:
            try:
                yield answer_draft(study, best)
            except Unfit as why:
                yield LeftOut(study.id, str(why))


def planted_pairs(studies: Iterable[Study], allowed: TrainingSet, target: Target) -> Iterator[PairDraft | LeftOut]:
    """The reference of each study, and a copy of it with one planted error."""
    for study in studies:
        if study.id not in allowed.ids:
            continue
        try:
            yield planted_pair(study, (study.reference.target(target) if study.reference else None) or "")
        except Unfit as why:
            yield LeftOut(study.id, str(why))


def pairs_of(runs: ScoredRuns, allowed: TrainingSet, margin: float) -> Iterator[PairDraft | LeftOut]:
    """A pair of answers to each study."""
    answers = runs.answers()
    for study in _studies(runs, allowed):
        try:
            yield best_pair(study, answers.get(study.id, ()), runs.preference, margin)
        except Unfit as why:
            yield LeftOut(study.id, str(why))


def _studies(runs: ScoredRuns, allowed: TrainingSet) -> Iterator[Study]:
    asked = {study for folder in runs.folders for study in folder.answer_lines()}
    return (study for study in runs.data.studies if study.id in allowed.ids and study.id in asked)
