"""A reader study of a build's traces (``data rate``), made and merged as any other, its ratings kept by record."""

from __future__ import annotations

from dataclasses import replace as remade
from pathlib import Path

import msgspec

from mmrad_eval import datasets
from mmrad_eval.construction.ratings import FILE, FOLDER, RatedRecord, read
from mmrad_eval.construction.records import CollectedStudy, StageLine
from mmrad_eval.construction.stage_files import StageFile
from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.data_use import mark
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Image, Step, Study, Trace
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.reader_studies.make import StudyPlan
from mmrad_eval.reader_studies.make import rate as make_study
from mmrad_eval.reader_studies.merged import MergedStudy
from mmrad_eval.reader_studies.records import StudyKey
from mmrad_eval.traces import geometry

MOST = 500
"""Cases that the paper rated."""
KEYS = "keys.json"


def make(build: Path, plan: StudyPlan, out: Path, *, fine: bool) -> StudyKey:
    """Make the study of a build's records, or of their statements before aggregation.

    ``plan.cases`` beyond what the build has is all but those that planted errors need.
    """
    dataset = datasets.load(str(build))
    if fine:
        dataset = fine_grained(build, dataset)
    most = max(1, int(len(dataset.studies) / (1 + plan.plant)))  # planted errors need cases of their own
    plan = remade(plan, cases=min(plan.cases, most))
    key = make_study(dataset, plan, out)
    with StageFile(build, "check") as file:
        keys = {identity: file.get(identity).key for identity in file.ids()}
    mark(out, dataset.data_use)
    (out / KEYS).write_bytes(msgspec.json.encode(keys) + b"\n")
    return key


def fine_grained(build: Path, dataset: Dataset) -> Dataset:
    """The same films with a step for each statement, at the hull of its own region."""
    films = {study.id: study for study in dataset.studies}
    studies = []
    with StageFile(build, "check") as checked, StageFile(build, "collect") as collected:
        for identity in checked.ids():
            if identity in films:
                source = collected.get(identity).study or CollectedStudy()
                studies.append(_fine(films[identity], checked.get(identity), source))
    return remade(dataset, name=f"{dataset.name}-fine", studies=tuple(studies))


def _fine(study: Study, line: StageLine, source: CollectedStudy) -> Study:
    boxes = {region.name: region.boxes for region in source.regions}
    film = study.images[0] if study.images else None
    steps = []
    for one in line.standing:
        box = geometry.hull(boxes[one.region], source.size) if boxes.get(one.region) else None
        cut = Image(path=film.path, name=film.name, role="region", box=box, render="crop") if film and box else None
        steps.append(Step(one.region, box=box, image=cut, text=one.text))
    return msgspec.structs.replace(study, trace=Trace(tuple(steps)))


def keep(build: Path, folder: Path, study: MergedStudy) -> tuple[Path, int]:
    """Keep first ratings and comments where the stage ``rate`` finds them; the file, and how many records are low."""
    path = folder / KEYS
    if not path.exists():
        raise UsageError(f"{folder} was not made by `data rate make`: it has no {KEYS}")
    keys = msgspec.convert(decode.json_value(decode.read_bytes(path), str(path)), dict[str, str])
    question = study.key.form.main.key
    found = read(build)
    fresh: dict[str, RatedRecord] = {}
    for row in study.readings:
        identity = study.key.cases[row.case].id
        said = fresh.get(identity) or RatedRecord(keys.get(identity, ""), {})
        comment = str(row.answer.values.get("comment", "")).strip()
        fresh[identity] = RatedRecord(
            said.key,
            {**said.ratings, row.reader: int(row.number(question))},
            (*said.comments, comment) if comment else said.comments,
        )
    found |= fresh
    target = build / FOLDER / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    mark(target.parent, study.key.data_use)
    write_whole(target, msgspec.json.format(msgspec.json.encode(dict(sorted(found.items()))), indent=1) + b"\n")
    return target, sum(one.is_low for one in fresh.values())
