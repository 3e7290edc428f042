"""The run folder: ``results/runs/<dataset>/<task>/<model>/<run id>/`` and the files in it."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.data_use import kept_with
from mmrad_eval.core.errors import DataError, UsageError, some
from mmrad_eval.core.values import Answer, DataUse, Status
from mmrad_eval.core.whole_files import sweep, write_whole, written_whole
from mmrad_eval.results.run.drawn import FOLDER
from mmrad_eval.results.run.files import file_digest, publishing
from mmrad_eval.results.run.record import Run, current_statuses, read_run
from mmrad_eval.results.run.summary import Summary, class_of, digest_of_rest

if TYPE_CHECKING:
    from mmrad_eval.results.run.scores import Scores

T = TypeVar("T")

JUDGED = "judged.jsonl"
"""What judges said of each study."""
_DEPTH = ("*", "*", "*", "*")  # dataset, task, model, run id
_LONGEST = 80  # characters of one folder name; file systems stop at 255 bytes


def safe_name(name: str) -> str:
    """``name`` as the name of one folder: letters, digits and ``._+=@-`` stay, everything else becomes ``_``."""
    return re.sub(r"[^\w.+=@-]+", "_", name).lstrip(".")[:_LONGEST] or "_"


def run_path(results: Path, run: Run) -> Path:
    """Where the folder of ``run`` is under ``results``."""
    identity = run.identity
    return (
        results / "runs" / safe_name(identity.dataset) / safe_name(identity.task) / safe_name(run.card.label) / run.id
    )


class RunFolder:
    """One run on disk. Files are written under another name and renamed, so that a reader never sees half of one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._images: Prefix | None = None

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @property
    def run(self) -> Run:
        """The content of run.json; DataError where it is missing or does not fit."""
        path = self.path / "run.json"
        try:
            return read_run(path.read_bytes())
        except FileNotFoundError:
            raise DataError(f"{self.path} has no run.json, so it is not a run folder") from None
        except decode.FAULTS as error:
            raise DataError(
                f"{path}: {error}; written by another version? run again with another --out, or remove it"
            ) from error
        except OSError as error:
            raise DataError(f"{path} can't be read: {error.strerror or error}") from error

    @property
    def data_use(self) -> DataUse:
        """The class of all that is in the folder: of the run, and of the files of results that it was scored with."""
        return class_of(self.run, self.stored_summary())

    @property
    def images(self) -> Prefix:
        """The folder of the run's images, as run.json named it when it was first asked for."""
        if self._images is None:
            known = (self.path / "run.json").exists()
            self._images = Prefix(self.run.images if known else "", self.path)
        return self._images

    def answers(self) -> Iterator[Answer]:
        """The answers in dataset order; of a run that is not finished, those that are there, in the order they came.

        A torn last line of an unfinished file is left out: it is asked (or read from the journal) again.
        """
        decoder, whole = msgspec.json.Decoder(Answer), self.images.whole
        return (_decoded(whole(line), decoder, where) for where, _, line in self._answer_lines())

    def answer_lines(self) -> dict[str, AnswerLine]:
        """Study id -> what its line tells without being read whole; the last line of an id counts."""
        decoder = msgspec.json.Decoder(_Head)
        found = {}
        for where, offset, line in self._answer_lines():
            head = _decoded(line, decoder, where)
            found[head.study] = AnswerLine(offset, head.status, _answer_digest(line))
        return found

    def answers_at(self, offsets: Iterable[int]) -> Iterator[Answer]:
        """The answers whose lines begin at these offsets, in the order asked for."""
        decoder, whole = msgspec.json.Decoder(Answer), self.images.whole
        path = self.answers_path
        with path.open("rb") as file:
            for offset in offsets:
                file.seek(offset)
                yield _decoded(whole(file.readline()), decoder, f"{path}, byte {offset}")

    @property
    def answers_path(self) -> Path:
        """answers.jsonl, or answers.jsonl.part while the run is not finished."""
        path = self.path / "answers.jsonl"
        return path if path.exists() else self.path / "answers.jsonl.part"

    def summary(self) -> Summary | None:
        """The content of summary.json, None where the run was never scored, or it, answers or scores were changed."""
        stored = self._stored()
        return stored[0] if stored is not None and self._belongs(*stored) else None

    def _belongs(self, summary: Summary, data: bytes) -> bool:
        """Whether a summary is this run's as it was written (``data``), and answers and scores are those that it names.

        Version 0.1.0 names no answers, and others neither scores nor the digest of the rest.
        """
        if summary.run != self._id() or (summary.rest and summary.rest != digest_of_rest(msgspec.json.decode(data))):
            return False
        if summary.scores and self._scores_path(summary.scores) is None:
            return False
        return not summary.answers or summary.answers == file_digest(self.path / "answers.jsonl")

    def _id(self) -> str:
        """The run id, without reading the rest of run.json."""
        try:
            return msgspec.json.decode((self.path / "run.json").read_bytes(), type=_Id).id
        except (OSError, *decode.FAULTS):
            return self.run.id  # which says what is wrong

    def stored_summary(self) -> Summary | None:
        """The content of summary.json, whatever it was computed from."""
        stored = self._stored()
        return None if stored is None else stored[0]

    def _stored(self) -> tuple[Summary, bytes] | None:
        """The content of summary.json, and its bytes."""
        path = self.path / "summary.json"
        todo = f"`mmrad-eval score {self.path}` rebuilds it"
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"{path} can't be read: {error.strerror or error}; {todo}") from error
        try:
            summary = msgspec.json.decode(data, type=Summary)
        except decode.FAULTS as error:
            raise DataError(f"{path}: {error if data.strip() else 'the file is empty'}; {todo}") from error
        return msgspec.structs.replace(summary, statuses=current_statuses(summary.statuses)), data

    def scores(self) -> Scores | None:
        """The scores that belong to the summary, None where the run was never scored, or its answers are others."""
        stored = self._stored()
        if stored is None:
            return self.stored_scores(None)
        return self.stored_scores(stored[0]) if self._belongs(*stored) else None

    def stored_scores(self, summary: Summary | None) -> Scores | None:
        """The scores that were published with a summary, whatever the answers are now; None where they are gone."""
        from mmrad_eval.results.run.scores import read_scores

        path = self.path / "scores.parquet"
        if summary is None or not summary.scores:
            return read_scores(path) if path.exists() else None
        found = self._scores_path(summary.scores)
        return read_scores(found) if found else None

    def _scores_path(self, digest: str) -> Path | None:
        """Where scores of this digest are; a summary is published before its scores get their name."""
        both = (self.path / "scores.parquet", self.scores_of(digest))
        return next((one for one in both if file_digest(one) == digest), None)

    def scores_of(self, digest: str) -> Path:
        """Where scores of this digest wait until their summary is published."""
        return self.path / f".scores.parquet.of.{digest[:16]}"

    def publish_scores(self, written: Path, summary: Summary, judged: Path | None = None) -> Summary | None:
        """Publish the scores that lie at ``written`` with their summary; None where the answers have changed.

        ``judged``: the records of judges, which lie there where there are any; they count only with these scores. The
        summary's appearance is the moment at which both count: before it, what was shown stays; a process that is
        killed at any point leaves one or the other.
        """
        summary = msgspec.structs.replace(summary, scores=file_digest(written))
        summary = msgspec.structs.replace(summary, rest=digest_of_rest(msgspec.to_builtins(summary)))
        with publishing(self.path):
            if summary.answers != file_digest(self.path / "answers.jsonl"):
                written.unlink()
                if judged is not None:
                    judged.unlink(missing_ok=True)
                return None
            if judged is not None and judged.exists():
                judged.replace(self.path / JUDGED)
            elif judged is not None:
                (self.path / JUDGED).unlink(missing_ok=True)
            waiting = self.scores_of(summary.scores)
            written.replace(waiting)
            self.write_summary(summary)
            waiting.replace(self.path / "scores.parquet")
            for stale in self.path.glob(".scores.parquet.of.*"):  # of a process that was killed there
                stale.unlink()
        sweep(self.path)
        return summary

    def write_run(self, run: Run) -> None:
        """Write run.json."""
        value = {"schema": run.schema, **msgspec.to_builtins(run)}
        self.write("run.json", msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")

    def write_summary(self, summary: Summary) -> None:
        """Write summary.json."""
        self.write("summary.json", msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n")

    def write_answers(self, answers: Iterable[Answer]) -> None:
        """Write answers.jsonl, one line a study in the order given, and remove answers.jsonl.part."""
        encode, use = msgspec.json.Encoder().encode, kept_with(self.run.data_use)
        with written_whole(self.path / "answers.jsonl") as part, part.open("wb") as file:
            file.writelines(encode(msgspec.structs.replace(answer, data_use=use)) + b"\n" for answer in answers)
        (self.path / "answers.jsonl.part").unlink(missing_ok=True)

    def write(self, name: str, data: bytes) -> None:
        """Write one file of the folder whole."""
        write_whole(self.path / name, data)

    def _answer_lines(self) -> Iterator[tuple[str, int, bytes]]:
        """Where each line of answers stands, in words and as an offset, and the line."""
        path = self.answers_path
        if not path.exists():
            return
        with path.open("rb") as file:
            offset = 0
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n") and path.suffix == ".part":
                    return
                yield f"{path}, line {number}", offset, line
                offset += len(line)


class AnswerLine(NamedTuple):
    """One line of the file of answers."""

    offset: int
    status: Status
    digest: str
    """Of its bytes without the line end and the class of the data, 16 hexadecimal digits."""


_CLASS = re.compile(rb',"data_use":"[a-z]+"}$')  # the last field of an answer


def _answer_digest(line: bytes) -> str:
    """The same for an answer whose data was called open in one run and not in another: it is the same answer."""
    return hashlib.sha256(_CLASS.sub(b"}", line.rstrip(b"\r\n"))).hexdigest()[:16]


class _Id(msgspec.Struct):
    """What names a run in run.json."""

    id: str


class _Head(msgspec.Struct):
    """The fields of an answer that are read of every line."""

    study: str
    status: Status = "pending"


def _decoded(line: bytes, decoder: msgspec.json.Decoder[T], where: str) -> T:
    try:
        return decoder.decode(line)
    except decode.FAULTS as error:
        raise DataError(f"{where}: {error}; run its command again to rebuild it") from error


class Prefix:
    """The folders of images, which JSON of answers need not repeat: equal runs are equal files on every machine."""

    def __init__(self, folder: str, run: Path = Path()) -> None:
        """``folder``, of the data, ends with a slash; empty: its paths stay as they are. ``run``: that of the run."""
        self._long = _PATH + msgspec.json.encode(folder)[1:-1] if folder else b""
        self._drawn = _PATH + msgspec.json.encode(f"{run.absolute()}/{FOLDER}/")[1:-1]

    def short(self, line: bytes, drawn: Iterable[str] = ()) -> bytes:
        """JSON in which ``images:`` stands for the folder; words stay as they are, since their quotes are escaped.

        ``drawn`` are paths of pictures that lie in the run's own folder: ``drawn:`` and their name stand for them.
        """
        for path in drawn:
            name = msgspec.json.encode(path.rpartition("/")[2])[1:]
            line = line.replace(_PATH + msgspec.json.encode(path)[1:], _DRAWN + name)
        return line.replace(self._long, _SHORT) if self._long else line

    def whole(self, line: bytes) -> bytes:
        """JSON with the paths of this machine."""
        line = line.replace(_DRAWN, self._drawn)
        return line.replace(_SHORT, self._long) if self._long else line


_PATH = b'"path":"'
_SHORT = _PATH + b"images:"
_DRAWN = _PATH + b"drawn:"


def find_runs(results: Path) -> list[RunFolder]:
    """All run folders under ``results``: a results folder, its ``runs``, or any folder within, one run included."""
    if (results / "run.json").is_file():
        return [RunFolder(results)]
    if not results.is_dir():
        raise UsageError(f"{results} is not a folder; give the folder that --out named (default: results)")
    base = results / "runs" if (results / "runs").is_dir() else results
    found: set[Path] = set()
    for depth in range(1, len(_DEPTH) + 1):
        found.update(path.parent for path in base.glob("/".join((*_DEPTH[:depth], "run.json"))))
    return [RunFolder(path) for path in sorted(found)]


def select(results: Path, which: str) -> RunFolder:
    """The run that ``which`` names: a folder, a beginning of a run id, or the name of a model that ran once.

    UsageError where no run under ``results``, or more than one, is called so.
    """
    if (Path(which) / "run.json").is_file():
        return RunFolder(Path(which))
    if which and Path(which).is_dir():
        inside = find_runs(Path(which))
        if len(inside) == 1:
            return inside[0]
        raise UsageError(f"{which} contains {len(inside)} runs; name one: {_names(inside)}")
    runs = find_runs(results)
    found = [folder for folder in runs if folder.path.name.startswith(which)]
    what, todo = "the beginning of {} ids", "write more of it"
    if not found:
        found = [folder for folder in runs if which in _called(folder)]
        what, todo = "the name of {} runs", "name one by its id"
    if len(found) == 1:
        return found[0]
    if not found:
        near = difflib.get_close_matches(which, sorted(set().union(*map(_called, runs))), n=2)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UsageError(
            f"no run under {results} has an id that begins with {which!r}, or that name; {hint}"
            f"the runs are: {_names(runs)}"
        )
    raise UsageError(f"{which!r} is {what.format(len(found))}; {todo}: {_names(found)}")


def select_all(results: Path, names: Sequence[str]) -> list[RunFolder]:
    """The runs that ``names`` name, each once: all runs of a folder, or the one run that ``select`` finds."""
    found: dict[Path, RunFolder] = {}
    for name in names:
        inside = find_runs(Path(name)) if name and Path(name).is_dir() else []
        for folder in inside or [select(results, name)]:
            found.setdefault(folder.path.resolve(), folder)
    return list(found.values())


def _called(folder: RunFolder) -> set[str]:
    """What tables and messages call the model of a run; of one whose record can't be read, its folder says it."""
    try:
        card = folder.run.card
    except DataError:  # another run may be the one that is meant
        return {folder.path.parent.name}
    return {folder.path.parent.name, card.label, card.id, card.id.rpartition("/")[2]}


def _names(folders: list[RunFolder], most: int = 12) -> str:
    names = [f"{f.path.name} ({f.path.parent.parent.name}, {f.path.parent.name})" for f in folders]
    return some(names, most) or "none"
