"""Make a reader study: sample cases, blind what is read, order it, write a page a reader and the key."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from mmrad_eval.core.contracts import Dataset, FloatArray
from mmrad_eval.core.data_use import mark
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Study
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.reader_studies import design, eligible, page, sampling
from mmrad_eval.reader_studies.blinding import EMPTY, blinded
from mmrad_eval.reader_studies.eligible import EligibleCase, ReaderMaterial
from mmrad_eval.reader_studies.films import FilmStore
from mmrad_eval.reader_studies.forms import AGAINST_REPORT, EXPERIENCE, GUESS, ReaderForm, form
from mmrad_eval.reader_studies.planted import planted
from mmrad_eval.reader_studies.records import (
    ANSWERS_SCHEMA,
    KeyCase,
    KeyReader,
    KeyReading,
    PageCase,
    PageReading,
    RatedStatement,
    ReaderPage,
    StudyArm,
    StudyKey,
    Truth,
)
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.record import Run

KEY = "key.json"
PAGES = "pages"


@dataclass(frozen=True)
class StudyPlan:
    """What ``make`` is told."""

    form: str
    cases: int
    readers: int
    sample: sampling.SampleRule = "random"
    strata: tuple[str, ...] = ("normal",)
    """Attributes (``subgroups``) whose groups, joined, are the strata of ``stratified``."""
    truth: Truth = "image"
    per_case: int | None = None
    """Readings of each case by each reader; None: every report, or every pair."""
    repeats: float = 0.1
    """Share of readings that are repeated."""
    plant: float = 0.05
    """Further cases with a planted error, as a share of ``cases``; for traces only."""
    seed: int = 1
    title: str = "Reader study"
    edge: int = 1536
    copy_images: bool = False


def make(folders: Sequence[RunFolder], plan: StudyPlan, out: Path, references: str | None = None) -> StudyKey:
    """Write ``out``: key.json, and pages/ with one page per reader. UsageError where it can't be made of these runs."""
    _check([folder.run for folder in folders])
    read = eligible.traces_of_runs if form(plan.form).shows == "trace" else eligible.reports
    return _make(read(folders, plan.truth, references), plan, out)


def rate(dataset: Dataset, plan: StudyPlan, out: Path) -> StudyKey:
    """The same of a dataset's own traces, for the form ``rate``; UsageError for another form."""
    if form(plan.form).shows != "trace":
        raise UsageError(f"--form {plan.form} applies to reports of runs; a dataset's traces are read with --form rate")
    return _make(eligible.traces_of_dataset(dataset, plan.truth), plan, out)


def _make(material: ReaderMaterial, plan: StudyPlan, out: Path) -> StudyKey:
    if (out / KEY).exists():
        raise UsageError(f"{out} contains a reader study already; name another folder with --out, or remove it")
    asked = form(plan.form)
    if plan.truth == "image":
        kept = tuple(question for question in asked.questions if question != AGAINST_REPORT)
        asked = msgspec.structs.replace(asked, questions=kept)
    _fits(material.arms, asked, plan)
    notes = list(material.notes)
    random = np.random.default_rng(plan.seed)
    strata = (
        sampling.strata_of(plan.strata, [one.study for one in material.cases]) if plan.sample == "stratified" else []
    )
    inclusion = _chances(material, strata, plan)
    drawn = sampling.draw(inclusion, random, strata)
    words = _names(material.runs, (one.reference for one in material.cases))
    cases = [_case(material.cases[i], float(inclusion[i]), words, strata[i] if strata else "") for i in drawn]
    picked = [material.cases[i] for i in drawn]
    if asked.shows == "trace" and plan.plant:
        more, used, note = _planted(material, drawn, words, plan, random)
        cases, picked = [*cases, *more], [*picked, *used]
        notes += [note] if note else []
    empty = sum(shown == EMPTY for case in cases for shown in case.shown)
    if empty:
        notes.append(f"{empty} of {len(cases) * len(material.arms)} reports are empty, and are shown as {EMPTY}")
    rule = sampling.RULES[plan.sample]
    key = StudyKey(
        form=asked,
        truth=plan.truth,
        target=material.target,
        dataset=material.dataset,
        dataset_digest=material.dataset_digest,
        data_use=material.data_use,
        rule=rule.format(n=plan.cases, total=len(material.cases), strata=" x ".join(plan.strata)),
        weighted=plan.sample != "random",
        seed=plan.seed,
        arms=material.arms,
        cases=tuple(cases),
        readers=_readers(replace(plan, cases=len(cases)), asked, len(material.arms)),
        notes=tuple(notes),
    )
    key = msgspec.structs.replace(key, study=key.identity())
    _write(out, key, [one.study for one in picked], plan)
    return key


def _check(runs: Sequence[Run]) -> None:
    if not runs:
        raise UsageError("name at least one run whose reports are to be read")
    first = runs[0].identity
    for run in runs:
        if run.identity.dataset_digest != first.dataset_digest:
            raise UsageError(
                f"{runs[0].id} and {run.id} were run on different data: a reader study needs runs on the same studies"
            )
        if run.identity.selection.target != first.selection.target:
            raise UsageError(
                f"{runs[0].id} wrote the {first.selection.target} and {run.id} the {run.identity.selection.target}: a "
                "reader study compares reports of the same kind"
            )
    if len({run.id for run in runs}) < len(runs):
        raise UsageError("a run is named twice")


def _case(one: EligibleCase, inclusion: float, words: Sequence[str], stratum: str) -> KeyCase:
    statements = tuple(
        tuple(msgspec.structs.replace(said, text=blinded(said.text, words)) for said in arm) for arm in one.statements
    )
    return KeyCase(
        one.study.id,
        one.study.patient,
        round(inclusion, 12),
        one.reference,
        one.texts,
        tuple(map(eligible.numbered, statements)) if statements else tuple(blinded(text, words) for text in one.texts),
        statements,
        stratum,
    )


def _planted(
    material: ReaderMaterial, drawn: Sequence[int], words: Sequence[str], plan: StudyPlan, random: np.random.Generator
) -> tuple[list[KeyCase], list[EligibleCase], str]:
    """Further cases with an error in each of their traces, the studies of them, and what is lacking, in words."""
    wanted = math.ceil(plan.plant * plan.cases - 1e-9)
    spare = sorted(set(range(len(material.cases))) - set(drawn))
    cases: list[KeyCase] = []
    used: list[EligibleCase] = []
    for i in random.permutation(len(spare)):
        if len(cases) == wanted:
            break
        one = material.cases[spare[i]]
        plain = _case(one, 1.0, words, "")
        made = [planted(arm, f"{plan.seed}/{one.study.id}/{n}") for n, arm in enumerate(plain.statements)]
        whole = [found for found in made if found is not None]
        if len(whole) < len(made):
            continue
        arms = tuple(found[0] for found in whole)
        cases.append(
            msgspec.structs.replace(
                plain,
                statements=arms,
                shown=tuple(map(eligible.numbered, arms)),
                planted=", ".join(dict.fromkeys(found[1] for found in whole)),
                wrong=tuple(found[2] for found in whole),
            )
        )
        used.append(one)
    lacking = wanted - len(cases)
    note = (
        f"{lacking} of {wanted} cases with a planted error could not be made: too few traces are left"
        if lacking
        else ""
    )
    return cases, used, note


def _fits(arms: Sequence[StudyArm], asked: ReaderForm, plan: StudyPlan) -> None:
    made = len(design.units(len(arms), asked.shows))
    if not made:
        raise UsageError("--form preference with --truth reference compares runs: name at least two")
    if plan.per_case is not None and plan.per_case > made:
        what = "pairs" if asked.shows == "two" else "reports"
        raise UsageError(f"--per-case {plan.per_case}: each case has {made} {what}")


def _chances(material: ReaderMaterial, strata: Sequence[str], plan: StudyPlan) -> FloatArray:
    if strata:
        return sampling.stratified(strata, plan.cases)
    if plan.sample == "disagreement":
        runs = len(material.runs)
        if runs < 2:
            raise UsageError("--sample disagreement compares runs: name at least two")
        apart = [sampling.disagreement([_findings(text) for text in one.texts[:runs]]) for one in material.cases]
        return sampling.chances([sampling.BASE + value for value in apart], plan.cases)
    return sampling.chances([1.0] * len(material.cases), plan.cases)


def _findings(text: str) -> frozenset[str]:
    return frozenset(fact.concept for fact in extract(text) if fact.status == "present" and fact.category != "devices")


def _names(runs: Sequence[Run], references: Iterable[str]) -> list[str]:
    """Words by which a report could name the system that wrote it; words of the reference reports are none."""
    said = {word for run in runs for word in (run.card.label, run.card.id, run.card.provider, run.id)}
    parts = {part for word in said for part in re.split(r"[\W_]+", word) if len(part) > 3 and not part.isdigit()}
    common = {word.lower() for text in references for word in re.findall(r"[^\W_]+", text)}
    return sorted({word for word in said | parts if word.lower() not in common})


def _readers(plan: StudyPlan, asked: ReaderForm, arms: int) -> tuple[KeyReader, ...]:
    blocks = plan.per_case or len(design.units(arms, asked.shows))
    return tuple(
        design.plan_reader(
            code,
            number,
            plan.cases,
            arms,
            asked.shows,
            blocks=blocks,
            repeats=plan.repeats,
            guess=plan.truth == "image" and asked.shows != "trace",
            seed=plan.seed,
        )
        for number, code in enumerate(design.codes(plan.readers, plan.seed))
    )


def _write(out: Path, key: StudyKey, studies: Sequence[Study], plan: StudyPlan) -> None:
    """The folder: films are made first, so that what can't be read leaves nothing behind."""
    pages = out / PAGES
    mark(out, key.data_use)
    mark(pages, key.data_use)
    store = FilmStore(pages if plan.copy_images else None, plan.edge)
    shown = [
        PageCase(tuple(store.of(study)), _context(study), case.reference if key.truth == "reference" else None)
        for study, case in zip(studies, key.cases, strict=True)
    ]
    for reader in key.readers:
        page.write(pages / f"reader-{reader.code}.html", _page(key, reader, shown, plan.title), key.data_use)
    write_whole(out / KEY, msgspec.json.format(msgspec.json.encode(key), indent=1) + b"\n")


def _context(study: Study) -> dict[str, str]:
    known = ((name, getattr(study.context, name)) for name in ("indication", "history", "comparison", "age", "sex"))
    return {name: value for name, value in known if value}


def _shown(case: KeyCase, arms: Sequence[int]) -> tuple[tuple[str, ...], tuple[RatedStatement, ...]]:
    """The reports of a reading, or the statements of its trace."""
    if case.statements:
        return (), case.statements[arms[0]]
    return tuple(case.shown[arm] for arm in arms), ()


def _page(key: StudyKey, reader: KeyReader, cases: Sequence[PageCase], title: str) -> ReaderPage:
    """A reader's page: cases are numbered in the order in which this reader meets them."""
    met = list(dict.fromkeys(reading.case for reading in (*reader.readings, *reader.guesses)))

    def shown(readings: Sequence[KeyReading]) -> tuple[PageReading, ...]:
        return tuple(
            PageReading(one.id, met.index(one.case), *_shown(key.cases[one.case], one.arms)) for one in readings
        )

    return ReaderPage(
        schema=ANSWERS_SCHEMA,
        study=key.study,
        reader=reader.code,
        title=title,
        form=key.form,
        experience=EXPERIENCE,
        guess=GUESS,
        cases=tuple(cases[case] for case in met),
        readings=shown(reader.readings),
        guesses=shown(reader.guesses),
    )
