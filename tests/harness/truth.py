"""A run of four studies whose folder is looked at: does what it shows belong together?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmrad_eval import tasks
from mmrad_eval.cli.progress import Progress
from mmrad_eval.core.contracts import Client, Dataset, PreparedRequest
from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Card, DataUse, Reply, Report, Step, Study, Trace
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


def run(results: Path, words: str, *, fresh: bool = False, data_use: DataUse = "open") -> Any:
    dataset = Dataset("mine", STUDIES, data_use, source="mine")
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
