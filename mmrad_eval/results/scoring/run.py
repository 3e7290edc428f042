"""Scoring: examples to statistics, statistics to scores.parquet and summary.json. No model is asked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import Corpus, FloatArray, Metric
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import UNSCORED_STATUSES, Example, Status, Study, Target, Usage
from mmrad_eval.core.whole_files import part_of
from mmrad_eval.datasets import held
from mmrad_eval.datasets.lazy import outlines
from mmrad_eval.metrics import Suite
from mmrad_eval.metrics.suites import class_of
from mmrad_eval.results.run.files import file_digest
from mmrad_eval.results.run.folder import JUDGED, RunFolder
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.run.scores import ScoreBlock, ScoreRows, Scores, chunks, named, write_scores
from mmrad_eval.results.run.spent import spent_of
from mmrad_eval.results.run.summary import MissingColumns, Summary
from mmrad_eval.results.scoring import evidence_overlap
from mmrad_eval.results.scoring.chunk import CHUNK, Mapper
from mmrad_eval.results.scoring.judged_records import keep_judged
from mmrad_eval.results.scoring.languages import REMEDY
from mmrad_eval.results.scoring.measure import Measured, measure, summarise
from mmrad_eval.results.statistics.bootstrap import LEVEL, RESAMPLES, SEED
from mmrad_eval.tasks.views import as_shown

_TRIES = 3


@dataclass
class _Selected:
    """The studies of one scoring, in dataset order."""

    folder: RunFolder
    run: str
    target: Target
    given: bool
    """Whether evidence was shown."""
    studies: Sequence[Study]
    rows: ScoreRows
    offsets: list[int]
    """Where the answers of the scored ones are in the file of answers."""

    @property
    def scored(self) -> NDArray[np.bool_]:
        """(n,) whether the study is scored."""
        return np.array([bool(answer) for answer in self.rows.answers], dtype=np.bool_)


def score(
    folder: RunFolder,
    studies: Sequence[Study],
    metrics: Sequence[Metric],
    *,
    train: Sequence[Study] = (),
    resamples: int = RESAMPLES,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
    mapper: Mapper = map,
) -> Summary:
    """Measure ``metrics`` over the run's studies; write scores.parquet and summary.json; return the summary.

    ``studies`` is the run's selection; those without a reference for the target are left out. What
    was scored before stays, as long as the answers are the same. Where another process publishes other answers
    meanwhile, they are scored instead; DataError where that does not end.
    """
    path = folder.path / "answers.jsonl"
    for _ in range(_TRIES):
        answers = file_digest(path)
        try:
            summary = _scored(folder, answers, studies, metrics, train, resamples, seed, progress, mapper)
        except DataError:
            if file_digest(path) == answers:
                raise
            continue  # lines of one file were looked for in another
        if summary is not None:
            return summary
    raise DataError(
        f"{folder.path}: other processes keep changing its answers; run `mmrad-eval score` when they have finished"
    )


def _scored(  # noqa: PLR0917 (the private part of `score`)
    folder: RunFolder,
    answers: str,
    studies: Sequence[Study],
    metrics: Sequence[Metric],
    train: Sequence[Study],
    resamples: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
    mapper: Mapper,
) -> Summary | None:
    """The summary of these answers, published with its scores; None where the answers changed meanwhile."""
    selected = _select(folder, studies)
    rows = selected.rows
    corpus = Corpus(selected.studies, train, selected.target)
    seen = _Seen()
    found = measure(
        metrics, corpus, seen.counted(_examples(selected)), len(selected.offsets), mapper=mapper, progress=progress
    )
    measured = found.metrics
    lacking = {m.name: MissingColumns(m.what, m.remedy) for m in metrics.missing} if isinstance(metrics, Suite) else {}

    old, before, lost = _before(folder)
    carried, notes = _carried(folder, old, rows, measured, found.lacking)
    notes += [*lost, *found.spoken.notes()]
    new_blocks = _blocks(measured, carried)
    use = strictest((class_of(metrics), before.data_use if before is not None and carried else "open"))
    arrays = _arrays(measured, selected.scored, old, carried)
    kept = strictest((use, folder.run.data_use))
    with part_of(folder.path / "scores.parquet") as written, part_of(folder.path / JUDGED) as judged:
        write_scores(written, rows, new_blocks, arrays, kept)
        told = keep_judged(folder, judged, rows, measured, carried, kept)
        notes += [told] if told else []
        if selected.given and (said := evidence_overlap.note(selected.studies, selected.target)):
            notes.append(said)
        notes += [said for said in folder.run.notes if said.startswith(evidence_overlap.STATED)]
        outlined = zip(outlines(selected.studies), selected.scored, strict=True)
        clusters = [study.cluster for study, scored in outlined if scored]
        columns = summarise(measured, clusters, resamples, seed, last=True)
        if before is not None and carried:
            signatures = {block.signature for block in carried}
            columns = {  # a column that is measured again keeps its place
                label: column
                for label, column in before.columns.items()
                if column.signature in signatures or label in columns
            } | columns
        summary = Summary(
            run=selected.run,
            n=len(rows.ids),
            scored=len(clusters),
            statuses=dict(sorted(Counter(rows.statuses).items())),
            studies=hashlib.sha256("\n".join(sorted(rows.ids)).encode()).hexdigest(),
            clusters=len(set(clusters)),
            cluster="study" if None in rows.patients else "patient",
            columns=columns,
            same_report=max(seen.reports.values(), default=0),
            events=dict(sorted((seen.events + found.spoken.events()).items())),
            words=(seen.candidate_words, seen.reference_words),
            spent=spent_of(seen.usages),
            missing=lacking | found.lacking,
            answers=answers,
            data_use=use,
            notes=tuple(notes),
            level=LEVEL,
            resamples=resamples,
            seed=seed,
        )
        return folder.publish_scores(written, summary, judged)


def _select(folder: RunFolder, studies: Sequence[Study]) -> _Selected:
    """The studies that count, and where their answers are."""
    run = folder.run
    target = run.identity.selection.target
    selection = held.selected(studies, lambda study: bool(study.reference and study.reference.target(target)))
    ids = tuple(study.id for study in outlines(selection))
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise DataError(f"{folder.path}: {len(twice)} study ids occur more than once in the data, such as {twice[0]!r}")
    lines = folder.answer_lines()
    statuses: list[Status] = []
    answers: list[str] = []
    offsets: list[int] = []
    for name in ids:
        line = lines.get(name)
        statuses.append(line.status if line else "pending")
        if line is None or line.status in UNSCORED_STATUSES:
            answers.append("")
        else:
            answers.append(line.digest)
            offsets.append(line.offset)
    patients = tuple(study.patient for study in outlines(selection))
    rows = ScoreRows(ids, patients, tuple(statuses), tuple(answers))
    return _Selected(folder, run.id, target, run.given, selection, rows, offsets)


def _examples(selected: _Selected) -> Iterator[list[Example]]:
    """The scored studies with their answers, some at a time."""
    places = {name: place for place, name in enumerate(selected.rows.ids)}
    for start in range(0, len(selected.offsets), CHUNK):
        answers = selected.folder.answers_at(selected.offsets[start : start + CHUNK])
        yield [
            Example(as_seen(selected.studies[places[answer.study]], selected.folder.run), answer, selected.target)
            for answer in answers
        ]


def as_seen(study: Study, run: Run) -> Study:
    """The study as the run's model saw it; of reports made elsewhere nobody knows, and all of it may have been seen."""
    if run.card.provider == "file":
        return study
    return as_shown(study, run.identity.selection.views, run.identity.selection.priors)


LACKING = "section missing"
"""The event of a report without the section that is scored."""


@dataclass
class _Seen:
    """What is counted of examples while they are measured."""

    reports: Counter[bytes] = field(default_factory=Counter)
    """Digest of a report that says something -> how often it occurs."""
    events: Counter[str] = field(default_factory=Counter)
    """Event -> studies."""
    candidate_words: int = 0
    reference_words: int = 0
    """Words of the reports that say something, and of their references."""
    usages: list[Usage] = field(default_factory=list)

    def counted(self, chunks: Iterable[list[Example]]) -> Iterator[list[Example]]:
        """The same chunks, which are counted on their way."""
        for examples in chunks:
            for example in examples:
                self._count(example)
            yield examples

    def _count(self, example: Example) -> None:
        self.events.update(event for event, count in example.answer.events.items() if count)
        self.usages.append(example.answer.usage)
        words = example.candidate.split()
        if not words and example.answer.status == "ok":
            self.events[LACKING] += 1
        if words:
            self.reports[hashlib.blake2b(" ".join(words).encode(), digest_size=8).digest()] += 1
            self.candidate_words += len(words)
            self.reference_words += len((example.reference or "").split())


def _before(folder: RunFolder) -> tuple[Scores | None, Summary | None, list[str]]:
    """What an earlier scoring left, and a note where it can't be read: one of the files alone is of no use."""
    again = "could not be read and was rebuilt; score again with the other metrics that it contained"
    path = folder.path / "scores.parquet"
    try:
        before = folder.stored_summary()
        old = folder.stored_scores(before)
    except DataError as error:
        file = str(error).partition(":")[0].partition(" can't")[0]
        return None, None, [f"{file} {again}"]
    if before is not None and old is None and path.exists():
        return None, None, [f"{path} {again}"]
    return (old, before, []) if old is not None and before is not None else (None, None, [])


def _carried(
    folder: RunFolder,
    old: Scores | None,
    rows: ScoreRows,
    measured: Sequence[Measured],
    lacking: Mapping[str, MissingColumns],
) -> tuple[list[ScoreBlock], list[str]]:
    """Blocks of an earlier scoring that stay, and notes about those that can't.

    What a metric said of a language that it does not read never stays.
    """
    if old is None:
        return [], []
    signatures = {m.signature for m in measured}
    unread = {name for name, missing in lacking.items() if missing.remedy == REMEDY}
    blocks = [block for block in old.blocks if block.signature not in signatures and block.metric not in unread]
    if blocks and (old.rows.ids != rows.ids or old.rows.answers != rows.answers):
        gone = ",".join(sorted({block.metric for block in blocks}))
        todo = f"`mmrad-eval score {folder.path} -M {gone}` computes them again"
        return [], [f"the answers changed after they were scored, so the earlier scores of {gone} were dropped; {todo}"]
    return blocks, []


def _blocks(measured: Sequence[Measured], carried: Sequence[ScoreBlock]) -> list[ScoreBlock]:
    from mmrad_eval.core.contracts import Column

    new = [
        (
            m.metric.name,
            m.signature,
            m.metric.statistics,
            m.metric.columns,
            tuple(r.signature for r in m.requires),
            m.shown,
        )
        for m in measured
    ]
    old = [
        (
            block.metric,
            block.signature,
            list(block.statistics),
            [Column(c.name, c.profile, c.better, c.best) for c in block.columns],  # type: ignore[arg-type] # read back
            block.requires,
            block.shown,
        )
        for block in carried
    ]
    return named([*new, *old])


def _arrays(
    measured: Sequence[Measured],
    scored: NDArray[np.bool_],
    old: Scores | None,
    carried: Sequence[ScoreBlock],
) -> Iterator[tuple[list[FloatArray], list[FloatArray]]]:
    """Statistics and values of all blocks, range by range."""
    kept = [(old.statistics(block), old.values(block)) for block in carried] if old else []
    before = np.concatenate([[0], np.cumsum(scored)])
    for start, stop in chunks(len(scored)):
        here = scored[start:stop]
        rows = slice(int(before[start]), int(before[stop]))
        statistics, values = [], []
        for m in measured:
            statistics.append(_spread(m.statistics[rows], here))
            values.append(_spread(m.reduce(m.extended(rows)), here))
        for stored, own in kept:
            statistics.append(stored[start:stop])
            values.append(own[start:stop])
        yield statistics, values


def _spread(array: FloatArray, here: NDArray[np.bool_]) -> FloatArray:
    out = np.full((len(here), array.shape[1]), np.nan)
    out[here] = array
    return out
