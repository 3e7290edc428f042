"""From finished lines to a dataset: traces, authors' records, card and build.json, each file whole or not there."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import msgspec

from mmrad_eval.construction import assemble, card, leak
from mmrad_eval.construction.asking import Role
from mmrad_eval.construction.card import BuildModel, BuildRecord
from mmrad_eval.construction.engine import Engine
from mmrad_eval.construction.records import CollectedStudy, StageLine
from mmrad_eval.construction.stage_files import StageFile
from mmrad_eval.core.data_use import mark
from mmrad_eval.core.whole_files import write_whole, written_whole
from mmrad_eval.results.run.spent import cost

TRACES, AUTHORS, CARD, BUILD = "traces.jsonl", "mmrad.jsonl", "card.md", "build.json"


@dataclass
class Contents:
    """What the records hold."""

    splits: Counter[str]
    regions: Counter[str]
    categories: Counter[str]
    crops: int = 0
    records: int = 0
    digest: str = ""


def publish(engine: Engine, source: tuple[str, str, tuple[str, ...]]) -> BuildRecord:
    """Write the dataset; ``source`` is (place, format, notes)."""
    folder = engine.folder
    mark(folder, engine.data_use)
    contents, planted = _records(engine), engine.planted()
    with engine.file("assemble") as file, engine.file("collect") as collected:
        measured = None if engine.options.report == "none" else leak.measure(_pairs(file, collected))
    agreement, flags, rejected = card.judged(folder)
    with engine.file("check") as file:
        corrected = sum(line.status == "corrected" for line in file.lines())
    with engine.file("rate") as file:
        rated = Counter(reader for line in file.lines() for reader in line.ratings)
    note = () if measured is None else (measured.sentence(engine.name),)
    record = BuildRecord(
        name=engine.name,
        data_use=engine.data_use,
        source=source[0],
        source_format=source[1],
        source_notes=source[2],
        version=version("mmrad-eval"),
        options=engine.options,
        prompts={name: prompt.digest for name, prompt in engine.desk.prompts.items()} if engine.desk.models else {},
        models=_models(engine),
        attestation=dict(engine.attestation) if engine.attestation else None,
        stages=card.stage_counts(folder),
        rejected_statements=rejected,
        agreement=agreement,
        flags=flags,
        corrected=corrected,
        planted=card.recall(planted),
        false_alarms=(sum(one.alarms for one in planted), sum(one.beside for one in planted)),
        rated=dict(sorted(rated.items())),
        splits=dict(sorted(contents.splits.items())),
        held_out=(len(engine.held_out), _found(engine)),
        several_splits=engine.splits.moved,
        regions=dict(contents.regions.most_common()),
        categories=dict(contents.categories.most_common()),
        crops_found=contents.crops,
        leak=measured,
        records=contents.records,
        digest=contents.digest,
        warnings=tuple(card.warnings_of(engine.desk.models, engine.options, source[1])),
        notes=note,
    )
    write_whole(folder / CARD, card.page(record).encode())
    write_whole(folder / BUILD, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    return record


def _models(engine: Engine) -> dict[str, BuildModel]:
    found: dict[str, BuildModel] = {}
    roles: tuple[Role, ...] = ("writer", "auditor")
    for role in roles:
        if engine.desk.has(role):
            asked = engine.desk.models[role]
            found[role] = card.model_of(asked, cost(asked.requester.counts.usage, asked.card))
    return found


def _found(engine: Engine) -> int:
    """Held-out patients, or images, that are there."""
    if not engine.held_out:
        return 0
    here: set[str] = set()
    with engine.file("collect") as file:
        for line in file.lines():
            here |= {line.id, line.study.patient if line.study and line.study.patient else line.id}
    return len(here & engine.held_out)


def _pairs(file: StageFile, collected: StageFile) -> Iterator[tuple[StageLine, CollectedStudy]]:
    for line in file.lines():
        if line.goes_on:
            yield line, collected.get(line.id).study or CollectedStudy()


def _records(engine: Engine) -> Contents:
    """Write both files of records, and count what is in them."""
    contents = Contents(Counter(), Counter(), Counter())
    sha = hashlib.sha256()
    folder = engine.folder
    with (
        engine.file("assemble") as file,
        engine.file("collect") as collected,
        written_whole(folder / AUTHORS) as authors_part,
        written_whole(folder / TRACES) as traces_part,
        authors_part.open("wb") as authors,
        traces_part.open("wb") as traces,
    ):
        mark(folder, engine.data_use)
        for line, study in _pairs(file, collected):
            neutral = assemble.encoded(assemble.neutral(line, study, engine.name, engine.data_use))
            sha.update(neutral)
            traces.write(neutral)
            authors.write(assemble.encoded(assemble.authors(line, study, engine.data_use)))
            contents.records += 1
            contents.splits[line.split] += 1
            contents.categories.update(step.category for step in line.steps)
            contents.regions.update(name for step in line.steps for name in step.regions)
            contents.crops += sum(image.correlation is not None for image in line.images)
    contents.digest = sha.hexdigest()
    return contents
