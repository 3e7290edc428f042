"""Make a reader study of runs: sample cases, blind their reports, order them, write a page a reader and the key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.data_use import mark, strictest
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import MODEL_STATUSES, Answer, Example, Study, Target
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.reader_studies import design, page, sampling
from mmrad_eval.reader_studies.blinding import EMPTY, blinded
from mmrad_eval.reader_studies.films import FilmStore
from mmrad_eval.reader_studies.forms import EXPERIENCE, GUESS, ReaderForm, form
from mmrad_eval.reader_studies.records import (
    ANSWERS_SCHEMA,
    KeyCase,
    KeyReader,
    KeyReading,
    PageCase,
    PageReading,
    ReaderPage,
    StudyArm,
    StudyKey,
    Truth,
)
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.naming import short_names
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.scoring.reports_file import studies_of

KEY = "key.json"
PAGES = "pages"
ORIGINAL = "original report"


@dataclass(frozen=True)
class StudyPlan:
    """What ``make`` is told."""

    form: str
    cases: int
    readers: int
    sample: sampling.SampleRule = "random"
    truth: Truth = "image"
    per_case: int | None = None
    """Readings of each case by each reader; None: every report, or every pair."""
    repeats: float = 0.1
    """Share of readings that are shown twice."""
    seed: int = 1
    title: str = "Reader study"
    edge: int = 1536
    copy_images: bool = False


@dataclass(frozen=True)
class _Eligible:
    study: Study
    texts: tuple[str, ...]
    reference: str


def make(folders: Sequence[RunFolder], plan: StudyPlan, out: Path, references: str | None = None) -> StudyKey:
    """Write ``out``: key.json, and pages/ with one page a reader. UsageError where it can't be made of these runs."""
    runs = [folder.run for folder in folders]
    asked = form(plan.form)
    _check(runs, out)
    arms = _arms(runs, plan.truth)
    _fits(arms, asked, plan)
    eligible, notes = _eligible(folders, runs[0].identity.selection.target, references, original=plan.truth == "image")
    random = np.random.default_rng(plan.seed)
    inclusion = _chances(eligible, plan, folders=len(folders))
    drawn = sampling.draw(inclusion, random)
    picked = [eligible[case] for case in drawn]
    words = _names(runs, (one.reference for one in eligible))
    cases = [
        KeyCase(
            one.study.id,
            one.study.patient,
            round(float(inclusion[number]), 12),
            one.reference,
            one.texts,
            tuple(blinded(text, words) for text in one.texts),
        )
        for one, number in zip(picked, drawn, strict=True)
    ]
    empty = sum(shown == EMPTY for case in cases for shown in case.shown)
    if empty:
        notes.append(f"{empty} of {len(cases) * len(arms)} reports are empty, and are shown as {EMPTY}")
    key = StudyKey(
        form=asked,
        truth=plan.truth,
        target=runs[0].identity.selection.target,
        dataset=runs[0].identity.dataset,
        dataset_digest=runs[0].identity.dataset_digest,
        data_use=strictest(run.data_use for run in runs),
        rule=sampling.RULES[plan.sample].format(n=plan.cases, total=len(eligible)),
        weighted=plan.sample != "random",
        seed=plan.seed,
        arms=arms,
        cases=tuple(cases),
        readers=_readers(plan, asked, len(arms)),
        notes=tuple(notes),
    )
    key = msgspec.structs.replace(key, study=key.identity())
    _write(out, key, [one.study for one in picked], plan)
    return key


def _check(runs: Sequence[Run], out: Path) -> None:
    if not runs:
        raise UsageError("name at least one run whose reports are to be read")
    first = runs[0].identity
    for run in runs:
        if run.identity.dataset_digest != first.dataset_digest:
            raise UsageError(
                f"{runs[0].id} and {run.id} are over different data: a reader study needs the same studies"
            )
        if run.identity.selection.target != first.selection.target:
            raise UsageError(
                f"{runs[0].id} wrote the {first.selection.target} and {run.id} the {run.identity.selection.target}: a "
                "reader study compares reports of the same kind"
            )
    if len({run.id for run in runs}) < len(runs):
        raise UsageError("a run is named twice")
    if (out / KEY).exists():
        raise UsageError(f"{out} holds a reader study already; name another folder with --out, or remove it")


def _arms(runs: Sequence[Run], truth: Truth) -> tuple[StudyArm, ...]:
    names = short_names(runs) if len(runs) > 1 else [f"{runs[0].card.label} {runs[0].identity.task}"]
    arms = [StudyArm(name, run.id) for name, run in zip(names, runs, strict=True)]
    return (*arms, StudyArm(ORIGINAL, original=True)) if truth == "image" else tuple(arms)


def _fits(arms: Sequence[StudyArm], asked: ReaderForm, plan: StudyPlan) -> None:
    made = len(design.units(len(arms), asked.shows))
    if not made:
        raise UsageError("--form preference with --truth reference compares runs: name at least two")
    if plan.per_case is not None and plan.per_case > made:
        what = "pairs" if asked.shows == "two" else "reports"
        raise UsageError(f"--per-case {plan.per_case}: there are {made} {what} of each case")


def _eligible(
    folders: Sequence[RunFolder], target: Target, references: str | None, *, original: bool
) -> tuple[list[_Eligible], list[str]]:
    """The studies that every run answered and that have images and a reference; and what was left out, in words."""
    studies = {study.id: study for study in studies_of(folders[0], references)[0]}
    answers: list[dict[str, Answer]] = [
        {answer.study: answer for answer in folder.answers() if answer.status in MODEL_STATUSES} for folder in folders
    ]
    lost = {"not answered by every run": 0, "without a reference": 0, "without an image that can be read": 0}
    found: list[_Eligible] = []
    for name, study in studies.items():
        examples = [Example(study, mine[name], target) for mine in answers if name in mine]
        reference = study.reference.target(target) if study.reference else None
        if len(examples) < len(folders):
            lost["not answered by every run"] += 1
        elif not reference or not reference.strip():
            lost["without a reference"] += 1
        elif not study.images or not all(Path(image.path).is_file() for image in study.images):
            lost["without an image that can be read"] += 1
        else:
            texts = [example.candidate for example in examples]
            found.append(_Eligible(study, tuple([*texts, reference] if original else texts), reference))
    notes = [f"{count:,} of {len(studies):,} studies {why} were left out" for why, count in lost.items() if count]
    if not found:
        raise UsageError(f"no study can be shown: {'; '.join(notes)}")
    return found, notes


def _chances(eligible: Sequence[_Eligible], plan: StudyPlan, *, folders: int) -> FloatArray:
    if plan.sample == "stratified":
        strata = ["abnormal" if _findings(one.reference) else "normal" for one in eligible]
        return sampling.stratified(strata, plan.cases)
    if plan.sample == "disagreement":
        if folders < 2:
            raise UsageError("--sample disagreement compares runs: name at least two")
        apart = [sampling.disagreement([_findings(text) for text in one.texts[:folders]]) for one in eligible]
        return sampling.chances([sampling.BASE + value for value in apart], plan.cases)
    return sampling.chances([1.0] * len(eligible), plan.cases)


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
            guess=plan.truth == "image",
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
    (out / KEY).write_bytes(msgspec.json.format(msgspec.json.encode(key), indent=1) + b"\n")


def _context(study: Study) -> dict[str, str]:
    known = ((name, getattr(study.context, name)) for name in ("indication", "history", "comparison", "age", "sex"))
    return {name: value for name, value in known if value}


def _page(key: StudyKey, reader: KeyReader, cases: Sequence[PageCase], title: str) -> ReaderPage:
    """A reader's page: cases are numbered in the order in which this reader meets them."""
    met = list(dict.fromkeys(reading.case for reading in (*reader.readings, *reader.guesses)))

    def shown(readings: Sequence[KeyReading]) -> tuple[PageReading, ...]:
        return tuple(
            PageReading(one.id, met.index(one.case), tuple(key.cases[one.case].shown[arm] for arm in one.arms))
            for one in readings
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
