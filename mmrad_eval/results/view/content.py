"""What stands on a page: everything, or ids, statuses and scores alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from mmrad_eval.core.values import Study
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.scoring.explained import signature_of
from mmrad_eval.results.scoring.judged_records import judged_of
from mmrad_eval.results.view.images import Album, EmbeddedFile, ImageStore
from mmrad_eval.results.view.index import RunScores, counts, scores_of
from mmrad_eval.results.view.records import AnswerRecord, StudyRecord, answer_record, study_record
from mmrad_eval.results.view.requests import Replies

PageRecord = StudyRecord | AnswerRecord | EmbeddedFile


class Content(Protocol):
    """Studies and answers, drawn record by record so that none waits in memory."""

    folders: Sequence[RunFolder]
    ids: Sequence[str]
    patients: Sequence[str | None]
    pictures: str
    """How pictures are shown; ``none`` where they are not."""

    @property
    def scripts(self) -> bool:
        """Whether pictures lie in scripts beside the page; known only after ``records``."""
        ...

    def records(self) -> Iterator[tuple[str, PageRecord]]:
        """(id of its script, record) of each study, of the files that it is the first to show, of each answer to it."""
        ...

    def scores(self) -> Iterator[tuple[str, RunScores]]:
        """Each run's statuses and values; whole only after ``records``."""
        ...


class Redacted:
    """Ids, statuses and scores: no study is loaded, and nothing of an answer but its status is kept."""

    scripts = False

    def __init__(self, folders: Sequence[RunFolder]) -> None:
        self.folders, self.pictures = folders, "none"
        self._statuses = [{answer.study: str(answer.status) for answer in folder.answers()} for folder in folders]
        patients = _patients(folders, self._statuses)
        self.ids: Sequence[str] = list(patients)
        self.patients: Sequence[str | None] = list(patients.values())

    def records(self) -> Iterator[tuple[str, PageRecord]]:
        """Nothing."""
        return iter(())

    def scores(self) -> Iterator[tuple[str, RunScores]]:
        """Each run's statuses and values."""
        for number, folder in enumerate(self.folders):
            yield f"scores-{number}", scores_of(folder, self.ids, self._statuses[number], {})


class Everything:
    """Studies with their images, and answers with their requests."""

    def __init__(
        self, folders: Sequence[RunFolder], runs: Sequence[Run], studies: Sequence[Study], store: ImageStore
    ) -> None:
        self.folders = folders
        self.pictures: str = store.how
        self._runs, self._store, self._replies = runs, store, Replies()
        self._lines = [folder.answer_lines() for folder in folders]
        self._scores = [signature_of(folder) for folder in folders]
        self._judged = [judged_of(folder) for folder in folders]
        patients = _patients(folders, self._lines)
        known = {study.id: study for study in studies}
        order = {name: number for number, name in enumerate(known)}
        self.ids: Sequence[str] = sorted(patients, key=lambda name: order.get(name, len(order)))
        self._studies = [known.get(name) or Study(name, patient=patients[name]) for name in self.ids]
        self.patients: Sequence[str | None] = [study.patient for study in self._studies]
        self._statuses: list[dict[str, str]] = [{} for _ in folders]
        self._counts: list[dict[str, dict[str, float]]] = [{} for _ in folders]

    @property
    def scripts(self) -> bool:
        """Whether pictures lie in scripts beside the page."""
        return self._store.scripts > 0

    def records(self) -> Iterator[tuple[str, PageRecord]]:
        """Each study, the embedded files that it is the first to show, then what every run answered to it."""
        for number, study in enumerate(self._studies):
            album = Album(self._store)
            self._store.study = number
            fields = study_record(study, album)
            answers = list(self._answers(study, album))
            yield f"study-{number}", StudyRecord(pictures=tuple(album.pictures), **fields)
            yield from self._store.fresh()
            for run, record in answers:
                yield f"answer-{run}-{number}", record

    def scores(self) -> Iterator[tuple[str, RunScores]]:
        """Each run's statuses and values."""
        for number, folder in enumerate(self.folders):
            yield f"scores-{number}", scores_of(folder, self.ids, self._statuses[number], self._counts[number])

    def close(self) -> None:
        """Let go of the journals."""
        self._replies.close()

    def _answers(self, study: Study, album: Album) -> Iterator[tuple[int, AnswerRecord]]:
        for number, (folder, run) in enumerate(zip(self.folders, self._runs, strict=True)):
            line = self._lines[number].get(study.id)
            if line is None:
                continue
            answer = next(folder.answers_at([line.offset]))
            exchanges = self._replies.exchanges(folder, run, answer, study, album)
            judged = self._judged[number].of(study.id)
            record = answer_record(answer, study, run, album, exchanges, judged, score=self._scores[number])
            self._statuses[number][study.id] = answer.status
            self._counts[number][study.id] = counts(answer, record)
            yield number, record


def _patients(folders: Sequence[RunFolder], answered: Sequence[Iterable[str]]) -> dict[str, str | None]:
    """Every study that was answered or is to be scored, with its patient where scores tell it."""
    patients: dict[str, str | None] = {}
    for folder, names in zip(folders, answered, strict=True):
        scores = folder.scores()
        if scores is not None:
            patients.update(zip(scores.rows.ids, scores.rows.patients, strict=True))
        for name in names:
            patients.setdefault(name, None)
    return patients
