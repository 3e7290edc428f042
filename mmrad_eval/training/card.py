"""The card of an export: what it holds, what was left out and why, and what it is fit for. ``card.json``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from mmrad_eval.core.values import DataUse, Frame, Target, Value
from mmrad_eval.traces.geometry import corner_words
from mmrad_eval.training.scored_runs import Preference
from mmrad_eval.training.trainers.trainer import Format, Settings, Trainer
from mmrad_eval.training.turns import frame_words

SCHEMA: Literal["mmrad.export/1"] = "mmrad.export/1"
NAME = "card.json"
TRAINED_ON = "trained_on.txt"


class TrainerCounts(Value, frozen=True, omit_defaults=False):
    """What one trainer's folder holds."""

    made_for: str
    records: int = 0
    budget: int = 0
    longest: int = 0
    """Tokens of the longest record, from above."""
    numbers: Frame = ""
    """The frame of box numbers in words."""
    pictures: int = 0
    """Pictures of all records, the film of each included."""
    pictures_left_out: int = 0
    """Pictures of looks that the budget had no room for."""
    records_that_lost: int = 0
    """Records that lost a picture so."""
    left_out: dict[str, int] = {}
    """Reason -> records that this trainer's format or the budget can't hold."""
    files: dict[str, str] = {}
    """File of records -> its SHA-256."""


class ExportCard(Value, frozen=True, omit_defaults=False):
    """One card.json. Equal exports have equal cards."""

    form: Format
    dataset: str
    dataset_digest: str
    runs: tuple[str, ...]
    """Runs whose answers are taught; empty where the dataset's own traces are."""
    data_use: DataUse
    target: Target
    split: str
    studies: int
    """Studies that any folder holds."""
    patients: int
    """Patients of these; a study without a patient id is one of its own."""
    left_out: dict[str, int]
    """Reason -> studies."""
    held_out: dict[str, int]
    """Hold-out list -> how many of its ids the data has."""
    optimized_for: Preference | None
    """The column that decided what is taught. A model that was trained on this is not ranked by it."""
    margin: float | None
    """Least difference of the two answers of a pair, or least value of a taught answer."""
    question: str
    trainers: dict[str, TrainerCounts]
    version: str
    schema: str = SCHEMA


def readme(trainer: Trainer, settings: Settings, card: ExportCard) -> str:
    """The README of a trainer's folder."""
    return "\n".join(_readme(trainer, settings, card)) + "\n"


def _readme(trainer: Trainer, settings: Settings, card: ExportCard) -> Iterator[str]:
    counts = card.trainers[trainer.name]
    what = {"sft": "conversations", "dpo": "preference pairs", "grpo": "prompts for training by rewards"}[card.form]
    yield f"# {counts.records:,} {what} for {trainer.name}"
    yield ""
    taught = {"sft": "traces", "dpo": "references", "grpo": "references"}[card.form]
    source = (
        f"the answers of {', '.join(card.runs)} over {card.dataset}" if card.runs else f"the {taught} of {card.dataset}"
    )
    yield f"Made of {source} (data use: {card.data_use}), split {card.split}, by mmrad-eval {card.version}."
    yield f"The rows are those that {trainer.made_for} reads."
    if card.data_use != "open":
        yield "Rows and images are of that class: keep them, and models trained on them, where the data may be."
    yield ""
    yield "## Train"
    yield ""
    yield trainer.how(settings)
    yield ""
    yield "## What is in it"
    yield ""
    yield f"- {counts.pictures:,} images. The longest record has at most {counts.longest:,} tokens; words are counted"
    yield "  from above."
    if counts.pictures_left_out:
        yield f"- {counts.pictures_left_out:,} more images of looks were left out of {counts.records_that_lost:,}"
        yield f"  records, to keep each within {counts.budget:,} tokens. No word was left out."
    if card.form == "sft":
        yield f"- Box numbers in words are {corner_words(counts.numbers)}, {frame_words(counts.numbers)}, of the film"
        yield f"  as it is here (frame `{counts.numbers}` of the original)."
    for reason, number in sorted(counts.left_out.items()):
        yield f"- {number:,} records were left out: {reason}."
    yield "- Only the key image of a study is shown."
    yield f"- No patient has a study in another split; `../{TRAINED_ON}` lists the patients, as a hold-out list for"
    yield "  whatever this model is tested on."
    if card.optimized_for is not None:
        yield f"- Optimized for `{card.optimized_for.column}` ({card.optimized_for.signature}): rank no model that was"
        yield "  trained on it by that column."
