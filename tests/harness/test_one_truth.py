"""What a run folder shows belongs together: killed at any write, asked by several processes, with its replies lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import tasks
from mmrad_eval.cli.progress import Progress
from mmrad_eval.core.contracts import Client, Dataset, PreparedRequest
from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Card, Reply, Report, Step, Study, Trace
from mmrad_eval.harness.jobs import Job, execute
from mmrad_eval.harness.plan import RunOptions, make_plan
from mmrad_eval.metrics import suite
from mmrad_eval.results.leaderboard.rows import read_scored_runs
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.run import score

N = 4
STUDIES = tuple(
    Study(
        str(i), None or (), str(i), Report(f"Lung {i} is clear.", findings=f"Lung {i} is clear."), Trace((Step("a"),))
    )
    for i in range(N)
)


class Writer(Client):
    """A model whose words are told, or that can't be reached."""

    card = Card(provider="mine", id="writer")
    endpoints = ()

    def __init__(self, words: str) -> None:
        self.words = words

    async def generate(self, sent: PreparedRequest) -> Reply:
        if not self.words:
            raise TransportError("nobody is there", retry=False)
        return Reply(f"FINDINGS: {self.words} {sent.key[:2]}")


def run(results: Path, words: str, *, fresh: bool = False) -> Any:
    dataset = Dataset("mine", STUDIES, "open", source="mine")
    plan = make_plan(Writer(words), tasks.load("tcot-blind"), dataset, RunOptions())
    job = Job("mine", "tcot-blind", metrics=("bleu@raw",), concurrency=1, fresh=fresh)
    return execute(job, plan, results, Progress(quiet=True))


def folder_of(results: Path) -> RunFolder:
    (path,) = results.glob("runs/*/*/*/*/")
    return RunFolder(path)


def words_of(folder: RunFolder) -> list[str]:
    return [answer.report.text for answer in folder.answers()]


def assert_true(folder: RunFolder, copy: Path) -> bool:
    """What is shown is what the answers give, or nothing; whether something is."""
    (entry,) = read_scored_runs([folder])
    scores = folder.scores()
    if entry.summary is None:
        return False
    shutil.copytree(folder.path, copy)
    for name in ("summary.json", "scores.parquet"):
        (copy / name).unlink(missing_ok=True)
    anew = score(RunFolder(copy), STUDIES, suite(["bleu@raw"]))
    assert entry.summary.columns == anew.columns
    assert entry.summary.statuses == anew.statuses
    assert scores is not None
    assert scores.rows.answers == tuple(line.digest for line in folder.answer_lines().values())
    if entry.run.complete:
        assert not any(answer.status in {"pending", "failed"} for answer in folder.answers())
    return True


class Killer:
    """Ends this process at its n-th change of a file of a run, before or after it."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.count = at, after, 0

    def install(self) -> None:
        for name in ("replace", "unlink", "write_bytes", "open"):
            setattr(Path, name, self._wrapped(getattr(Path, name)))

    def _wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path, *rest: Any, **named: Any) -> Any:
            reading = real.__name__ == "open" and not set("wxa") & set(str(rest[0] if rest else named.get("mode", "r")))
            if "runs" not in path.parts or reading:
                return real(path, *rest, **named)
            self.count += 1
            ours = self.count == self.at
            if ours and not self.after:
                os.kill(os.getpid(), signal.SIGKILL)
            done = real(path, *rest, **named)
            if ours:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return call


def killed(at: int, work: Callable[[], object], *, after: bool) -> bool:
    """Do the work in a process that is killed at its n-th change; whether it came that far."""
    child = os.fork()
    if child == 0:
        Killer(at, after=after).install()
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def moments() -> Iterator[tuple[int, bool]]:
    at = 1
    while True:
        yield at, False
        yield at, True
        at += 1


@pytest.mark.parametrize("words", ["The heart is large.", "The lung is clear."], ids=["equal", "changed"])
def test_killed_at_any_write_a_folder_shows_one_truth_or_none(words: str, tmp_path: Path) -> None:
    start = tmp_path / "start"
    run(start, "The heart is large.")
    whole = tmp_path / "whole"
    shutil.copytree(start, whole)
    run(whole, words, fresh=True)
    tried = 0
    for at, after in moments():
        results = tmp_path / f"{at}-{after}"
        shutil.copytree(start, results)
        if not killed(at, lambda: run(results, words, fresh=True), after=after):  # noqa: B023 (called here)
            break
        tried += 1
        folder = folder_of(results)
        assert len(words_of(folder)) == N
        assert_true(folder, tmp_path / f"copy-{at}-{after}")
        run(results, words)
        assert assert_true(folder, tmp_path / f"again-{at}-{after}")
        assert folder.run.complete
        run(results, words, fresh=True)
        assert (folder.path / "answers.jsonl").read_bytes() == (folder_of(whole).path / "answers.jsonl").read_bytes()
        assert assert_true(folder, tmp_path / f"fresh-{at}-{after}")
    assert tried > 14


def test_killed_at_any_write_of_a_rescoring_the_scores_before_or_after_it_are_shown(tmp_path: Path) -> None:
    start = tmp_path / "start"
    run(start, "The heart is large.")

    def more(results: Path) -> Callable[[], object]:
        return lambda: score(folder_of(results), STUDIES, suite(["rouge@raw"]))

    for at, after in moments():
        results = tmp_path / f"{at}-{after}"
        shutil.copytree(start, results)
        if not killed(at, more(results), after=after):
            break
        folder = folder_of(results)
        summary, scores = folder.summary(), folder.scores()
        assert summary is not None
        assert scores is not None
        assert {block.metric for block in scores.blocks} == {column.metric for column in summary.columns.values()}
    assert at > 3


def together(count: int, work: Callable[[int], object]) -> list[int]:
    """Do the work in so many processes at once; their exit statuses."""
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(number)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("fresh", [False, True])
def test_processes_that_hear_other_words_end_in_one_truth_that_stays(
    processes: int, fresh: bool, tmp_path: Path
) -> None:
    said = ("The heart is large.", "The lung is clear.", "An effusion of the left side.")  # of other lengths, too
    for turn in range(4):
        results = tmp_path / str(turn)
        codes = together(processes, lambda number: run(results, said[number], fresh=fresh))  # noqa: B023 (called here)
        assert codes == [0] * processes
        folder = folder_of(results)
        assert assert_true(folder, tmp_path / f"copy-{turn}")
        shown = (folder.path / "answers.jsonl").read_bytes()
        run(results, "Never said.")
        assert (folder.path / "answers.jsonl").read_bytes() == shown


def test_where_replies_are_gone_and_nobody_answers_the_answers_stay_and_it_is_said(tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    folder = folder_of(tmp_path)
    before = {name: (folder.path / name).read_bytes() for name in ("answers.jsonl", "scores.parquet")}
    shutil.rmtree(tmp_path / "replies")

    outcome = run(tmp_path, "")

    assert {name: (folder.path / name).read_bytes() for name in before} == before
    assert (outcome.run.kept, outcome.run.complete) == (N, True)
    assert assert_true(folder, tmp_path / "copy")


@pytest.mark.parametrize("fresh", [False, True])
def test_a_run_that_nobody_answers_any_more_is_not_emptied(fresh: bool, tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    before = words_of(folder_of(tmp_path))
    run(tmp_path, "", fresh=fresh)
    assert words_of(folder_of(tmp_path)) == before
    assert folder_of(tmp_path).run.complete


@pytest.mark.parametrize("line", [{}, {"status": "open"}, {"status": "failed"}])
def test_a_study_without_an_answer_is_asked_again_and_the_others_stay(line: dict[str, str], tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    folder = folder_of(tmp_path)
    lines = (folder.path / "answers.jsonl").read_text().splitlines()
    (folder.path / "answers.jsonl").write_text("\n".join([json.dumps({"study": "0", **line}), *lines[1:]]) + "\n")
    shutil.rmtree(tmp_path / "replies")
    outcome = run(tmp_path, "")
    assert [answer.status for answer in folder.answers()] == ["failed", "ok", "ok", "ok"]
    assert (outcome.run.kept, outcome.run.complete) == (N - 1, False)


def test_a_summary_of_other_answers_is_not_shown_until_it_is_made_anew(tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    folder = folder_of(tmp_path)
    answers = folder.path / "answers.jsonl"
    answers.write_bytes(answers.read_bytes().replace(b"large", b"small"))
    assert folder.summary() is None
    assert folder.scores() is None
    score(folder, STUDIES, suite(["bleu@raw"]))
    assert assert_true(folder, tmp_path / "copy")
