"""The trainers that exports are written for, by name."""

from __future__ import annotations

from mmrad_eval.core.errors import UsageError
from mmrad_eval.training.trainers.anole import ANOLE
from mmrad_eval.training.trainers.llamafactory import LLAMAFACTORY
from mmrad_eval.training.trainers.ms_swift import MS_SWIFT
from mmrad_eval.training.trainers.trainer import Format, Trainer
from mmrad_eval.training.trainers.trl import TRL
from mmrad_eval.training.trainers.zebra import ZEBRA

TRAINERS = {trainer.name: trainer for trainer in (LLAMAFACTORY, MS_SWIFT, TRL, ANOLE, ZEBRA)}


def chosen(names: str, form: Format) -> list[Trainer]:
    """The trainers that ``names`` lists with commas, or all that take ``form`` where it is empty.

    UsageError for a name that is none, or whose trainer does not take ``form``.
    """
    able = [trainer for trainer in TRAINERS.values() if form in trainer.rows]
    if not names:
        return able
    found = []
    for name in dict.fromkeys(part.strip() for part in names.split(",") if part.strip()):
        trainer = TRAINERS.get(name)
        if trainer is None:
            raise UsageError(f"--for {name}: choose {', '.join(TRAINERS)}")
        if trainer not in able:
            raise UsageError(
                f"--for {name}: it does not take --format {form}; choose {', '.join(t.name for t in able)}"
            )
        found.append(trainer)
    return found
