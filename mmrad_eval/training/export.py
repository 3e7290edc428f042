"""Writes an export: one folder a trainer, with rows, pictures and README, and one card over all.

A folder appears under its name when all of it is written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from mmrad_eval.core.data_use import FIELD, mark
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import DataUse, Frame, Target
from mmrad_eval.traces import geometry
from mmrad_eval.training import budget as budgets
from mmrad_eval.training.card import NAME, TRAINED_ON, ExportCard, TrainerCounts, readme
from mmrad_eval.training.conversation import Conversation, Exported, PreferencePair, RewardedPrompt
from mmrad_eval.training.drafts import Draft, LeftOut, Unfit, conversation, fact, images_of, said
from mmrad_eval.training.pairs import PairDraft
from mmrad_eval.training.patients import TrainingSet
from mmrad_eval.training.pictures import FOLDER, drawn
from mmrad_eval.training.scored_runs import Preference
from mmrad_eval.training.trainers.trainer import Format, Settings, Trainer
from mmrad_eval.training.turns import tool_turns


@dataclass(frozen=True)
class Origin:
    """Where the drafts of an export come from, as its card states it."""

    form: Format
    dataset: str
    dataset_digest: str
    data_use: DataUse
    target: Target
    split: str
    allowed: TrainingSet
    question: str
    runs: tuple[str, ...] = ()
    optimized_for: Preference | None = None
    margin: float | None = None


def export(
    drafts: Iterable[Draft | PairDraft | LeftOut],
    origin: Origin,
    trainers: Sequence[Trainer],
    out: Path,
    *,
    budget: int | None = None,
    numbers: Frame | None = None,
) -> ExportCard:
    """Write all drafts for all trainers.

    UsageError where ``out`` holds something, or a frame counts no numbers of a film; DataError where nothing is left.
    """
    if numbers is not None and not geometry.valid_frame(numbers):
        raise UsageError(
            f"--boxes {numbers}: there is no frame of that name; write norm_1000, norm_1000_yx, pad_square_336, ..."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty; name another folder with --out, or remove it")
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        mark(part, origin.data_use)
        card = _written(drafts, origin, [_Folder(t, part, origin, budget, numbers) for t in trainers], part)
        if out.exists():
            out.rmdir()
        part.replace(out)
    except OSError as error:
        raise DataError(f"{out}: can't be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return card


def _written(
    drafts: Iterable[Draft | PairDraft | LeftOut], origin: Origin, folders: Sequence[_Folder], part: Path
) -> ExportCard:
    left_out = Counter(origin.allowed.left_out)
    nowhere: Counter[str] = Counter()
    studies: dict[str, str] = {}
    with ExitStack() as stack:
        for folder in folders:
            stack.enter_context(folder)
        for draft in drafts:
            if isinstance(draft, LeftOut):
                left_out[draft.why] += 1
                continue
            reasons = [folder.add(draft) for folder in folders]  # each of them, whatever the others can hold
            if all(reasons):
                nowhere[reasons[0]] += 1
            else:
                studies[draft.study.id] = draft.study.cluster
    if not studies:
        raise DataError(_nothing(origin.dataset, left_out + nowhere))
    patients = sorted(set(studies.values()))
    (part / TRAINED_ON).write_text(
        f"# patients of this export; {FIELD}: {origin.data_use}\n"
        + "".join(f"{patient.removeprefix('study:')}\n" for patient in patients),
        encoding="utf-8",
    )
    card = ExportCard(
        form=origin.form,
        dataset=origin.dataset,
        dataset_digest=origin.dataset_digest,
        runs=origin.runs,
        data_use=origin.data_use,
        target=origin.target,
        split=origin.split,
        studies=len(studies),
        patients=len(patients),
        left_out=dict(sorted(left_out.items())),
        held_out=dict(origin.allowed.held_out),
        optimized_for=origin.optimized_for,
        margin=origin.margin,
        question=origin.question,
        trainers={folder.trainer.name: folder.counts() for folder in folders},
        version=version("mmrad-eval"),
    )
    for folder in folders:
        folder.finish(card)
    (part / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")  # it has data_use
    return card


def _nothing(dataset: str, left_out: Counter[str]) -> str:
    """Why an export holds no study, in one line."""
    if not left_out:
        return f"there is nothing to export: {dataset} has no studies"
    why = "; ".join(f"{count:,} because {reason}" for reason, count in left_out.most_common(4))
    return f"there is nothing to export: all {left_out.total():,} studies of {dataset} were left out, {why}"


@dataclass
class _Folder:
    """The folder of one trainer while it is written."""

    trainer: Trainer
    out: Path
    origin: Origin
    wanted: int | None
    said: Frame | None
    left_out: Counter[str] = field(default_factory=Counter)
    records: int = 0
    longest: int = 0
    pictures: int = 0
    lost: int = 0
    losers: int = 0
    files: dict[str, BinaryIO] = field(default_factory=dict)
    digests: dict[str, hashlib._Hash] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = self.out / self.trainer.name
        most = self.trainer.largest
        budget = self.wanted or self.trainer.budget
        self.budget = budget if most is None else min(budget, most)
        self.numbers = self.said if self.said and not self.trainer.fixed_numbers else self.trainer.numbers

    def __enter__(self) -> Self:
        (self.root / FOLDER).mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.files.values():
            file.close()

    def add(self, draft: Draft | PairDraft) -> str:
        """Write the record of a draft; else the reason why this trainer can't hold it."""
        try:
            record, lost = self._record(draft)
            rows = self.trainer.rows[self.origin.form](record, self.numbers)
        except Unfit as why:
            self.left_out[str(why)] += 1
            return str(why)
        asked = record if isinstance(record, Conversation) else record.asked
        self._write_pictures(draft, asked)
        for name, row in rows.items():
            self._write_row(name, row)
        self.records += 1
        self.lost += lost
        self.losers += lost > 0
        self.pictures += len(asked.pictures)
        return ""

    def _record(self, draft: Draft | PairDraft) -> tuple[Exported, int]:
        """The record that fits the budget, and how many pictures it lost; Unfit where its words alone do not fit."""
        if isinstance(draft, PairDraft):
            sides = [self._fitted(self._made(side, pictured=False)) for side in (draft.chosen, draft.rejected)]
            chosen, rejected = (tool_turns(side, self.numbers)[-1].text for side in sides)
            asked = msgspec.structs.replace(sides[0], looks=(), report="")
            decided_by = self.origin.optimized_for.signature if self.origin.optimized_for else ""
            known = (draft.differs, draft.values, draft.runs, decided_by, draft.kind)
            return PreferencePair(asked, chosen, rejected, *known), 0
        if self.origin.form == "grpo":
            asked = self._fitted(self._made(Draft(draft.study, "")))
            facts = tuple(fact(statement) for statement in said(draft.report))
            return RewardedPrompt(asked, draft.report.strip(), facts), 0
        whole = self._made(draft)
        kept = self._fitted(whole)
        return kept, len(whole.pictures) - len(kept.pictures)

    def _fitted(self, whole: Conversation) -> Conversation:
        kept = budgets.fitted(whole, self.budget, self._count)
        if kept is None:
            raise Unfit(f"their text and film alone exceed {self.budget:,} tokens (--budget)")
        self.longest = max(self.longest, self._count(kept))
        return kept

    def _made(self, draft: Draft, *, pictured: bool = True) -> Conversation:
        return conversation(
            draft,
            frame=self.trainer.frame,
            numbers=self.numbers,
            question=self.origin.question,
            data_use=self.origin.data_use,
            pictured=pictured,
        )

    def _count(self, asked: Conversation) -> int:
        return self.trainer.count(asked, self.numbers)

    def _write_pictures(self, draft: Draft | PairDraft, asked: Conversation) -> None:
        kept = {picture.path for picture in asked.pictures}
        whole = Draft(draft.study, "") if isinstance(draft, PairDraft) or self.origin.form == "grpo" else draft
        for image in images_of(whole):
            picture, data = drawn(image, self.trainer.frame)
            path = self.root / picture.path
            if picture.path in kept and not path.exists():
                path.write_bytes(data)

    def _write_row(self, name: str, row: dict[str, object]) -> None:
        stated = row if self.origin.data_use == "open" else {**row, FIELD: self.origin.data_use}
        line = msgspec.json.encode(stated) + b"\n"
        if name not in self.files:
            self.files[name] = (self.root / name).open("wb")
            self.digests[name] = hashlib.sha256()
        self.files[name].write(line)
        self.digests[name].update(line)

    def counts(self) -> TrainerCounts:
        """What was written so far."""
        return TrainerCounts(
            made_for=self.trainer.made_for,
            records=self.records,
            budget=self.budget,
            longest=self.longest,
            numbers=self.numbers,
            pictures=self.pictures,
            pictures_left_out=self.lost,
            records_that_lost=self.losers,
            left_out=dict(sorted(self.left_out.items())),
            files={name: sha.hexdigest() for name, sha in sorted(self.digests.items())},
        )

    def finish(self, card: ExportCard) -> None:
        """Write the README and what the trainer needs beside its rows."""
        settings = Settings(self.origin.form, self.budget, self.numbers, self.records)
        texts = {**self.trainer.beside(settings), "README.md": readme(self.trainer, settings, card)}
        for name, text in texts.items():
            (self.root / name).write_text(text, encoding="utf-8")
