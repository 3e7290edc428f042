"""``--workers``: the same bytes whatever their number, and never a hole where one ends."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.connections import confined, in_force
from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.errors import GateError, MissingError, MmradError, PluginError, UnknownNameError, UsageError
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import Suite, suite
from mmrad_eval.results.scoring import chunk as chunks
from mmrad_eval.results.scoring.chunk import CHUNK, ChunkMeasurer, in_chunks
from mmrad_eval.results.scoring.measure import measure
from mmrad_eval.results.scoring.processes import Processes
from mmrad_eval.results.scoring.workers import Workers
from tests.processes import children, command_of, gone
from tests.results.scoring.test_measuring import Words

METRICS = "cider@r2gen-iu,rouge@radeval,bleu@raw,rules"
NEW = ("zyx", "wvu", "tsr", "qpo", "nml", "kji", "hgf", "edc", "bad", "cab")
"""Words that no reference has: each process numbers them as it meets them."""


def cases(n: int) -> list[Example]:
    """Reports of words that repeat, some known to the references and some new."""
    drawn = np.random.default_rng(7)
    known = (
        "the",
        "heart",
        "is",
        "enlarged",
        "lungs",
        "are",
        "clear",
        "small",
        "left",
        "effusion",
        "no",
        "mild",
        "edema",
    )
    made = []
    for i in range(n):
        reference = " ".join(drawn.choice(known, 12)) + "."
        said = " ".join(drawn.choice([*known, *NEW, *NEW], 25)) + "."
        made.append(
            Example(
                Study(f"s{i}", reference=Report(reference, findings=reference)),
                Answer(f"s{i}", "ok", report=Report(said, findings=said)),
            )
        )
    return made


def corpus(of: Sequence[Example]) -> Corpus:
    return Corpus([one.study for one in of])


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """References and reports of some chunks, on disk."""
    folder = tmp_path_factory.mktemp("texts")
    some = cases(3 * CHUNK + 11)
    references = ({"id": one.study.id, "findings": one.reference} for one in some)
    (folder / "references.jsonl").write_text("\n".join(map(json.dumps, references)))
    reports = ({"id": one.study.id, "report": one.candidate} for one in some)
    (folder / "reports.jsonl").write_text("\n".join(map(json.dumps, reports)))
    return folder


def command(texts: Path, out: Path, *more: str) -> list[str]:
    reports, references = texts / "reports.jsonl", texts / "references.jsonl"
    words = ["score", "-p", str(reports), "-r", str(references), "--out", str(out), "--metrics", METRICS]
    return [sys.executable, "-m", "mmrad_eval", *words, *more]


def files(out: Path) -> dict[str, bytes]:
    found = [*out.rglob("scores.parquet"), *out.rglob("summary.json")]
    return {path.name: path.read_bytes() for path in found}


def test_scores_are_the_same_bytes_whatever_the_number_of_workers(texts: Path, tmp_path: Path) -> None:
    made = {}
    for workers in ("1", "3"):
        out = tmp_path / workers
        ended = subprocess.run(
            command(texts, out, "--workers", workers), capture_output=True, text=True, timeout=300, check=False
        )
        assert ended.returncode == 0, ended.stderr
        made[workers] = files(out)
    assert set(made["1"]) == {"scores.parquet", "summary.json"}
    assert made["1"] == made["3"]


def test_the_command_names_what_its_workers_leave_to_it(texts: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text(
        "import mmrad_eval\n"
        "def longer(candidate, reference):\n"
        "    return float(len(candidate) > len(reference))\n"
        "LONGER = mmrad_eval.mean_metric('longer', longer, best=1.0)\n"
    )
    said = {}
    for workers in ("1", "2"):
        words = command(texts, tmp_path / workers, "--metrics", str(own), "--workers", workers)
        ended = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert ended.returncode == 0, ended.stderr
        said[workers] = ended.stderr
    assert "workers leave to this command: longer" in said["2"]
    assert "workers leave" not in said["1"]
    assert files(tmp_path / "1") == files(tmp_path / "2")


def test_a_worker_that_is_killed_is_a_clear_error_and_nothing_is_written(texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(command(texts, out, "--workers", "2"), stderr=subprocess.PIPE, text=True) as scoring:
        worker = _child(scoring.pid)
        os.kill(worker, signal.SIGKILL)
        _, said = scoring.communicate(timeout=300)
    assert scoring.returncode == 1
    assert "one of 2 workers ended before its work was done" in said
    assert "Traceback" not in said
    assert files(out) == {}

    ended = subprocess.run(
        command(texts, out, "--workers", "2"), capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert set(files(out)) == {"scores.parquet", "summary.json"}


def test_workers_end_when_the_command_is_killed(texts: Path, tmp_path: Path) -> None:
    with subprocess.Popen(command(texts, tmp_path, "--workers", "2"), stderr=subprocess.DEVNULL) as scoring:
        worker = _child(scoring.pid)
        os.kill(scoring.pid, signal.SIGKILL)
    assert gone([worker]), f"worker {worker} is still there"


def _child(parent: int) -> int:
    """The process id of a worker of the command, once it has one."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for child in children(parent):
            if "spawn_main" in command_of(child):
                return child
        time.sleep(0.01)
    raise AssertionError("no worker was started")


def test_a_metric_that_only_this_process_has_is_measured_here_beside_the_workers() -> None:
    some = cases(2 * CHUNK + 3)
    own = Words()

    def measured(mapper: Any) -> dict[str, FloatArray]:
        metrics = suite(["bleu@rexrank", own, "rouge@radeval"])
        found = measure(metrics, corpus(some), in_chunks(some), len(some), mapper=mapper)
        return {m.metric.name: m.statistics for m in found.metrics}

    said: list[str] = []
    alone, together = measured(map), measured(Processes(2, said.append))
    assert said == ["workers leave to this command: words"]

    assert list(alone) == list(together) == ["bleu@rexrank", "words", "rouge@radeval"]
    for name, statistics in alone.items():
        np.testing.assert_array_equal(statistics, together[name])


def test_chunks_and_statistics_larger_than_a_pipe_holds_meet_on_their_way() -> None:
    some, size, pipe = cases(12 * CHUNK), 4 * CHUNK, 1 << 18
    three = [some[start : start + size] for start in range(0, len(some), size)]

    def measured(mapper: Any) -> FloatArray:
        return measure(suite(["facts"]), corpus(some), three, len(some), mapper=mapper).metrics[0].store

    alone = measured(map)
    assert min(len(pickle.dumps(three[0])), alone[:size].nbytes) > pipe
    np.testing.assert_array_equal(alone, measured(Processes(1)))


def test_metrics_of_objects_alone_need_no_worker() -> None:
    some = cases(5)
    found = measure([Words()], corpus(some), in_chunks(some), len(some), mapper=Processes(2))
    assert found.metrics[0].statistics.shape == (5, 1)


def test_languages_are_told_the_same_by_workers() -> None:
    some = cases(CHUNK + 9)
    spanish = Report("El corazón está agrandado y hay un derrame pleural izquierdo.")
    odd = [*some[:-3], *(Example(one.study, Answer(one.study.id, "ok", report=spanish)) for one in some[-3:])]

    alone = measure(suite(["lexical", "facts"]), corpus(odd), in_chunks(odd), len(odd))
    together = measure(suite(["lexical", "facts"]), corpus(odd), in_chunks(odd), len(odd), mapper=Processes(2))

    assert len(alone.spoken.wrong) == 3
    assert alone.spoken == together.spoken


def test_a_metric_that_lacks_something_in_a_later_chunk_is_told_of_as_without_workers() -> None:
    some = cases(2 * CHUNK)
    for mapper in (map, _through_pickles):
        found = measure(_Late(suite(["bleu@rexrank"])), corpus(some), in_chunks(some), len(some), mapper=mapper)
        assert [m.metric.name for m in found.metrics] == ["bleu@rexrank"]
        assert found.lacking["late"].what == "a file of weights"


class _LateMetric(Words):
    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        if examples[0].study.id != "s0":
            raise MissingError("a file of weights", "fetch it")
        return super().measure(examples, context)


def _Late(metrics: Suite) -> Suite:  # noqa: N802 (reads as the suite that it is)
    return Suite([*metrics, _LateMetric("late", "late")], portable=metrics.portable)


def _through_pickles(measurer: ChunkMeasurer, given: Any) -> Iterator[Any]:
    """A worker in this process: everything goes through the form in which it travels."""
    pickled, here = measurer.divided()
    assert pickled is not None
    assert here is not None
    there = chunks.measurer_of(pickled)
    for one in given:
        yield pickle.loads(pickle.dumps(there(pickle.loads(pickle.dumps(one))))).beside(here(one))


def test_another_version_of_a_metric_is_refused() -> None:
    some = cases(3)
    kept: list[bytes] = []

    def keep(measurer: ChunkMeasurer, given: Any) -> Iterator[Any]:
        kept.append(measurer.divided()[0] or b"")
        return map(measurer, given)

    measure(suite(["bleu@rexrank"]), corpus(some), in_chunks(some), len(some), mapper=keep)
    assert b"|v1" in kept[0]
    changed = kept[0].replace(b"|v1", b"|v9")
    with pytest.raises(PluginError, match="install the same version of mmrad-eval on every node"):
        chunks.measurer_of(changed)


def test_a_worker_reaches_no_more_than_the_command_may() -> None:
    some = cases(3)
    with confined("credentialed"):
        held = in_force()
        assert measure(suite(["bleu@rexrank"]), corpus(some), in_chunks(some), 3, mapper=Processes(2)).metrics
    with held, pytest.raises(GateError):
        socket.create_connection(("192.0.2.1", 80), 0.1)


@pytest.mark.parametrize(
    "error",
    [
        MissingError("weights", "fetch them", "bleu"),
        UnknownNameError("task", "mcott", [("mcot", "mmrad-eval")]),
        PluginError("metric x: measure failed"),
    ],
)
def test_errors_come_back_from_a_worker_as_they_were(error: MmradError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


@pytest.mark.parametrize("words", ["", "0", "-1", "two", "1.5", "9999", "²"])
def test_a_number_of_workers_that_can_not_be_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="--workers"):
        Workers.written(words)
