"""What `mmrad-eval export --format sft|dpo|grpo` does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmrad_eval.cli import terminal

if TYPE_CHECKING:
    from mmrad_eval.training.card import ExportCard
    from mmrad_eval.training.drafts import Draft, LeftOut
    from mmrad_eval.training.export import Origin
    from mmrad_eval.training.pairs import PairDraft

    Drafts = Iterable[Draft | PairDraft | LeftOut]


def write(runs: tuple[str, ...], form: str, out: Path | None, **said: Any) -> int:
    """Export and say what was written and left out; the exit status."""
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.training.export import export
    from mmrad_eval.training.trainers import chosen

    if out is None:
        raise UsageError(f"--format {form} writes a folder; name it with --out")
    if bool(runs) == bool(said["data"]):
        raise UsageError(f"--format {form}: name runs, or a dataset with --data")
    trainers = chosen(said["names"], form)  # type: ignore[arg-type]  # click has checked it
    drafts, origin = _of_runs(runs, form, said) if runs else _of_data(form, said)
    card = export(drafts, origin, trainers, out, budget=said["budget"], numbers=said["boxes"])
    terminal.page("\n".join(_page(card, out)))
    return 0


def _of_data(form: str, said: dict[str, Any]) -> tuple[Drafts, Origin]:
    from mmrad_eval.cli.data import loaded
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.datasets import digest
    from mmrad_eval.training import sources
    from mmrad_eval.training.export import Origin
    from mmrad_eval.training.patients import training_set

    if said["by"] or said["at_least"] is not None:
        raise UsageError("--by and --at-least choose among the answers of runs; --data has no answers")
    data = loaded(said["data"], said)
    allowed = training_set(data.studies, said["split"], said["hold_out"], source=data.source)
    origin = Origin(
        form=form,  # type: ignore[arg-type]  # click has checked it
        dataset=data.name,
        dataset_digest=digest(data),
        data_use=data.data_use,
        target=said["target"] or "report",
        split=said["split"],
        allowed=allowed,
        question=_question(said["prompt"]),
    )
    if form == "dpo":
        return sources.planted_pairs(data.studies, allowed, origin.target), origin
    return sources.of_dataset(data.studies, allowed, origin.target, traced=form == "sft"), origin


def _of_runs(runs: tuple[str, ...], form: str, said: dict[str, Any]) -> tuple[Drafts, Origin]:
    from mmrad_eval.core.data_use import strictest
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.training import sources
    from mmrad_eval.training.export import Origin
    from mmrad_eval.training.patients import training_set
    from mmrad_eval.training.scored_runs import read_runs

    if form == "grpo":
        raise UsageError("--format grpo writes questions with their references; name a dataset with --data")
    if form == "dpo" and len(runs) < 2:
        raise UsageError("--format dpo pairs the answers of runs; name two or more")
    if form == "sft" and said["by"] and said["at_least"] is None:
        raise UsageError(
            "state the minimum score of an answer to train on: --at-least VALUE, in the column that --by names"
        )
    scored = read_runs(runs, said["by"], said["results"], said["references"])
    if said["target"] not in {None, scored.target}:
        raise UsageError(f"--target {said['target']}: these runs wrote the {scored.target}")
    allowed = training_set(scored.data.studies, said["split"], said["hold_out"], source=scored.data.source)
    least, margin = said["at_least"], said["margin"]
    origin = Origin(
        form=form,  # type: ignore[arg-type]  # click has checked it
        dataset=scored.data.name,
        dataset_digest=scored.folders[0].run.identity.dataset_digest,
        data_use=strictest((scored.data.data_use, *(folder.data_use for folder in scored.folders))),
        target=scored.target,
        split=said["split"],
        allowed=allowed,
        question=_question(said["prompt"]),
        runs=tuple(folder.run.id for folder in scored.folders),
        optimized_for=scored.preference,
        margin=margin if form == "dpo" else least,
    )
    if form == "dpo":
        return sources.pairs_of(scored, allowed, margin), origin
    return sources.of_runs(scored, allowed, least), origin


def _question(path: Path | None) -> str:
    from mmrad_eval.core import decode
    from mmrad_eval.core.errors import DataError
    from mmrad_eval.training.conversation import QUESTION, mark_in

    if path is None:
        return QUESTION
    text = decode.utf8(decode.read_bytes(path), str(path)).strip()
    if not text or (mark := mark_in(text)):
        what = "is empty" if not text else f"holds {mark!r}, which trainers take for one of their own markers"
        raise DataError(f"{path} {what}; write the question in words only; the film is inserted before it")
    return text


def _page(card: ExportCard, out: Path) -> Iterable[str]:
    yield f"{out}: {card.studies:,} studies of {card.patients:,} patients of {card.dataset}, {card.form}"
    for name, counts in card.trainers.items():
        lost = (
            f", {counts.pictures_left_out:,} left out of {counts.records_that_lost:,}"
            if counts.records_that_lost
            else ""
        )
        yield (
            f"  {name:<13} {counts.records:,} records, {counts.pictures:,} images{lost}; "
            f"at most {counts.longest:,} of {counts.budget:,} tokens"
        )
        for reason, count in counts.left_out.items():
            yield f"  {'':<13} {count:,} records left out: {reason}"
    for reason, count in card.left_out.items():
        yield f"  {count:,} studies left out: {reason}"
    for path, count in card.held_out.items():
        yield f"  {path}: {count:,} of its ids are in the data"
    if card.optimized_for is not None:
        yield f"  optimized for {card.optimized_for.column}: do not rank a model trained on it by that column"
    if card.data_use != "open":
        yield f"  its data is {card.data_use}: keep it, and models trained on it, where that data may be"
