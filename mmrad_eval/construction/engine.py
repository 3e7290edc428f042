"""The stages, one after the other: which lines are due, who makes them, and when a stage is complete."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from mmrad_eval.construction import aggregate, assemble, check, crop, planting, ratings, written
from mmrad_eval.construction import collect as collecting
from mmrad_eval.construction.asking import ROLES, Desk
from mmrad_eval.construction.options import BuildOptions, said
from mmrad_eval.construction.planting import PlantedError
from mmrad_eval.construction.prompting import PromptName
from mmrad_eval.construction.ratings import RatedRecord
from mmrad_eval.construction.records import STAGES, CollectedStudy, StageLine, StageName
from mmrad_eval.construction.rules import MeanRegions
from mmrad_eval.construction.splits import Splits, settled
from mmrad_eval.construction.stage_files import StageFile
from mmrad_eval.core import decode
from mmrad_eval.core.canonical import digest
from mmrad_eval.core.data_use import mark
from mmrad_eval.core.errors import DataError, Stopped, UsageError
from mmrad_eval.core.values import DataUse, Study
from mmrad_eval.harness.stopping import Stop, StopSignal
from mmrad_eval.harness.workers import Intake, run_workers
from mmrad_eval.traces import rendering

VERSIONS: dict[StageName, int] = {
    "collect": collecting.VERSION,
    "summarise": written.SUMMARISE_VERSION,
    "reflect": written.REFLECT_VERSION,
    "audit": written.AUDIT_VERSION,
    "check": check.VERSION,
    "rate": ratings.VERSION,
    "aggregate": aggregate.VERSION,
    "crop": crop.VERSION,
    "assemble": assemble.VERSION,
}
ASKING: dict[StageName, tuple[PromptName, ...]] = {
    "summarise": ("summarise",),
    "reflect": ("reflect",),
    "audit": ("audit", "reflect"),
    "check": ("reflect", "audit"),
}
"""Stages that ask models -> the prompts that they may use."""


PLANTS = "plants.jsonl"


class Watcher(Protocol):
    """Who watches a build."""

    def begin(self, stage: StageName, due: int, done: int) -> None:
        """A stage begins: so many images are to do, so many are done already."""
        ...

    def made(self, line: StageLine) -> None:
        """One more line."""
        ...

    def end(self, stage: StageName, tally: Counter[tuple[str, str]]) -> None:
        """A stage ended, or was stopped: (status, why) -> images."""
        ...


@dataclass
class Engine:
    """One build under way."""

    folder: Path
    name: str
    """Of the dataset that comes out."""
    data_use: DataUse
    options: BuildOptions
    desk: Desk
    watcher: Watcher
    signal: StopSignal = field(default_factory=StopSignal)
    over_budget: Callable[[int], Stop | None] = lambda _: None
    held_out: frozenset[str] = frozenset()
    attestation: Mapping[str, str] | None = None
    """The user's statement that a provider may have the data, where the build depends on it."""
    _means: MeanRegions = field(default_factory=MeanRegions)
    _splits: Splits | None = None
    _ratings: dict[str, RatedRecord] = field(default_factory=dict)

    def file(self, stage: StageName) -> StageFile:
        """The lines of a stage."""
        return StageFile(self.folder, stage, self.data_use)

    def collect(self, studies: Callable[[], Iterator[tuple[Study, list[dict[str, object]]]]], form: str) -> None:
        """The first stage, from the studies of the source."""
        with self.file("collect") as out:
            ids: set[str] = set()
            before = len(out)
            self.watcher.begin("collect", 0, before)
            for study, rows in studies():
                line = self._collected(collecting.collect(study, form, rows), study.id)
                ids.add(study.id)
                if not out.settled(line.id, line.key):
                    out.put(line)
                self.watcher.made(line)
            out.finish(frozenset(ids))
            self.watcher.end("collect", tally(out))

    def _collected(self, study: CollectedStudy, identity: str) -> StageLine:
        if study.size is None and study.path:
            with suppress(DataError):  # the stage that needs pixels says so
                study = replace(study, size=rendering.size_of(study.path))
        why = collecting.fault(study, report=self.options.report != "none")
        key = digest(["collect", VERSIONS["collect"], study, why])
        return StageLine(
            id=identity,
            stage="collect",
            version=VERSIONS["collect"],
            key=key,
            status="rejected" if why else "kept",
            why=why,
            study=study,
        )

    def learn(self) -> None:
        """What stages know of all images: mean boxes, splits, ratings."""
        known = []
        with self.file("collect") as collected:
            for line in collected.lines():
                if line.study is not None:
                    self._means.add(line.study)
                    known.append((line.id, line.study.patient, line.study.split))
        self._splits = settled(known, self.options.seed, self.held_out)
        self._ratings = ratings.read(self.folder)

    @property
    def splits(self) -> Splits:
        """The splits of all patients."""
        assert self._splits is not None, "learn comes first"
        return self._splits

    async def run(self, stage: StageName) -> bool:
        """Make what is missing of a stage; whether all of it is there and nothing failed."""
        previous = STAGES[STAGES.index(stage) - 1]
        with self.file("collect") as collected, self.file(previous) as before, self.file(stage) as out:
            if not before.path.exists():
                raise UsageError(
                    f"the stage {stage} needs {previous}, and {before.path} does not exist; run that stage first"
                )
            ids = frozenset(line.id for line in before.lines() if line.goes_on)
            unfinished = sum(line.status == "failed" for line in before.lines())

            def due() -> Iterator[tuple[StageLine, StageLine]]:
                for identity in sorted(ids):
                    line = before.get(identity)
                    started = self._started(line, stage)
                    if not out.settled(identity, started.key):
                        yield started, collected.get(identity)

            self.watcher.begin(stage, len(ids), sum(1 for _ in out.ids() if _ in ids))

            async def work(item: tuple[StageLine, StageLine]) -> None:
                started, source = item
                assert source.study is not None, "a collected line has its study"
                try:
                    line = await self._made(started, source.study)
                except Stopped:
                    return
                out.put(line)
                self.watcher.made(line)

            await self._all(stage, due, work)
            complete = self.signal.stop is None
            if complete:
                out.finish(ids)
            found = tally(out)
            self.watcher.end(stage, found)
            return complete and not unfinished and not any(status == "failed" for status, _ in found)

    async def _all(
        self,
        stage: StageName,
        due: Callable[[], Iterator[tuple[StageLine, StageLine]]],
        work: Callable[[tuple[StageLine, StageLine]], Awaitable[None]],
    ) -> None:
        """Do what is due: many at a time where models are asked, else one after the other."""
        if stage in ASKING and self.desk.models:
            pace = next(iter(self.desk.models.values())).requester.pace
            intake = Intake(due(), self.signal, self.over_budget)
            await run_workers(intake.items, work, pace)
        else:
            for number, item in enumerate(due()):
                if self.signal.stop is not None:
                    break
                await work(item)
                if number % 64 == 0:
                    await asyncio.sleep(0)  # for Ctrl-C
        if self.signal.stop is not None and self.signal.stop.fatal is not None:
            raise self.signal.stop.fatal

    def _started(self, line: StageLine, stage: StageName) -> StageLine:
        """The line of the stage before as this stage begins with it, under the key of what will be made of it."""
        key = digest([stage, VERSIONS[stage], said(self.options, stage), line.key, self._more(stage, line)])
        return replace(
            line,
            stage=stage,
            version=VERSIONS[stage],
            key=key,
            input=line.key,
            study=None,
            status=line.status,
            counts={},
            asked=(),
            model=(),
        )

    def _more(self, stage: StageName, line: StageLine) -> object:
        """What else decides a line of a stage."""
        if stage in ASKING:
            prompts = {name: self.desk.prompts[name].digest for name in ASKING[stage]}
            roles = ("writer",) if stage in {"summarise", "reflect"} else ROLES
            models = {
                role: [self.desk.models[role].card.behavior(), self.desk.models[role].decoding]
                for role in roles
                if self.desk.has(role)
            }
            own = self._means.digest() if stage == "check" else self._comments(line) if stage == "reflect" else ""
            return [prompts, models, own]
        if stage == "rate":
            return self._ratings.get(line.id)
        if stage == "assemble":
            with_patient = self.splits
            return [self.name, self.data_use, sorted(self.held_out), len(with_patient.official)]
        return None

    def _comments(self, line: StageLine) -> list[dict[str, object]]:
        """What readers held against a record that they rated low."""
        return ratings.objections(self._ratings.get(line.id))

    async def _made(self, line: StageLine, study: CollectedStudy) -> StageLine:
        options, desk = self.options, self.desk
        stages: dict[StageName, Callable[[], StageLine | Awaitable[StageLine]]] = {
            "summarise": lambda: written.summarise(line, study, options, desk),
            "reflect": lambda: written.reflect(line, study, options, desk, self._comments(line)),
            "audit": lambda: written.audit(line, study, options, desk),
            "check": lambda: check.check(line, study, options, desk, self._means),
            "rate": lambda: ratings.rate(line, self._ratings.get(line.id)),
            "aggregate": lambda: aggregate.aggregate(line, study, options),
            "crop": lambda: crop.crop(line, study, options, self.folder, self.data_use),
            "assemble": lambda: assemble.assemble(line, study, self.splits),
        }
        made = stages[line.stage]()
        return made if isinstance(made, StageLine) else await made

    async def plant(self) -> None:
        """Ask the auditor about planted errors, and keep the key of them apart from everything else."""
        if not self.options.plant or not self.desk.has("auditor") or self.options.report == "none":
            return
        found: list[PlantedError] = []
        with self.file("collect") as collected, self.file("reflect") as reflected:

            def study(identity: str) -> CollectedStudy:
                return collected.get(identity).study or CollectedStudy()

            drawn = planting.plants(reflected.lines(), study, self.options.plant, self.options.seed)
            intake = Intake(drawn, self.signal, self.over_budget)

            async def work(item: tuple[PlantedError, StageLine, CollectedStudy]) -> None:
                try:
                    found.append(await planting.ask(*item, self.desk))
                except Stopped:
                    return

            await run_workers(intake.items, work, self.desk.models["auditor"].requester.pace)
        found.sort(key=lambda one: (one.id, one.n))
        mark(self.folder, self.data_use)
        part = self.folder / ".plants.jsonl"
        part.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in found))
        part.replace(self.folder / PLANTS)

    def planted(self) -> list[PlantedError]:
        """The key of planted errors with what the auditor said, as it was kept; none where nothing was planted."""
        path = self.folder / PLANTS
        if not self.options.plant or not path.exists():
            return []
        return [msgspec.json.decode(line, type=PlantedError) for line in decode.lines(path)]


def tally(file: StageFile) -> Counter[tuple[str, str]]:
    """(status, why) -> lines; of failed ones not why, which servers write."""
    return Counter((line.status, "" if line.status == "failed" else line.why) for line in file.lines())
