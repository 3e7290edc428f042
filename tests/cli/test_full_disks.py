"""Every command that writes, on a full disk, in a folder that may not be written, killed: what was there, and one line.

The disk is a real one of 16 MB (tmpfs), the folder a real one of another user; both need root, which sets them up.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.records import write_traces
from mmrad_eval.cli import main as cli
from tests.harness import kills

MS_RDONLY, MS_REMOUNT = 1, 32
MODEL = """
from mmrad_eval import model

@model(endpoints=())
def says(request):
    return f"FINDINGS: The heart is large. {request.key[:2]}"

@model(endpoints=())
def thinks(request):
    return f"<think>{request.key * 1000}</think> FINDINGS: The heart is large. {request.key[:2]}"
"""
JUDGED = """
import numpy as np
from mmrad_eval import Column, Message, Text


class Agrees:
    name, columns = "agrees@mine", (Column("Agrees", "mine", better=""),)
    statistics, requires = ("words", "studies"), ()

    def __init__(self, said=None):
        self.said = said

    def question(self, example):
        return (Message("user", (Text(f"Compare. A: {example.reference} B: {example.candidate}"),)),)

    def judged(self, said):
        return Agrees(said)

    def fit(self, corpus):
        return None

    def signature(self, context):
        return "agrees|v1"

    def measure(self, examples, context):
        return np.array([[len(self.said.get(one.study.id, "").split()), 1.0] for one in examples]).reshape(-1, 2)

    def reduce(self, sums):
        return sums[..., :1] / sums[..., 1:]
"""
RUN = ["run", "--model", "model.py:says", "--task", "tcot-blind", "--data", "studies.jsonl", "--data-use", "open"]
RUN += ["--metrics", "bleu@raw", "--quiet"]
SCORE = [
    "score",
    "-p",
    "reports.csv",
    "-p",
    "others.csv",
    "-r",
    "references.csv",
    "--metrics",
    "bleu@raw",
    "--out",
    "scored",
]
WRITERS: dict[str, list[str]] = {
    "run": [*RUN, "--fresh"],
    "score": SCORE,
    "score again": ["score", "results", "--metrics", "rouge@raw"],
    "leaderboard": ["leaderboard", "results", "--out", "tables/board.html"],
    "compare": ["compare", "reports", "others", "--in", "scored", "--out", "tables/difference.md"],
    "export": ["export", "results", "--format", "csv", "--out", "submitted.csv"],
    "convert": ["data", "convert", "studies.jsonl", "zebra:made.jsonl"],
    "check": ["data", "check", "studies.jsonl", "--cases", "cases.jsonl"],
    "describe": ["data", "describe", "studies.jsonl", "--figure", "figure.png"],
    "view": ["view", "results", "--out", "page.html"],
    "paper": ["paper", "results", "--out", "paper"],
    "judge": ["score", "results", "--metrics", "judged.py:Agrees", "--judge", "model.py:says"],
    "judge a file": [
        "score",
        *SCORE[3:7],
        "--metrics",
        "judged.py:Agrees",
        "--judge",
        "model.py:says",
        "--out",
        "judged",
    ],
    "build": ["data", "build", "demo", "--writer", "program:writer", "--auditor", "program:auditor", "--out", "built"],
}


def mounted(place: Path, size: str) -> None:
    """A file system in memory of that size."""
    place.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, f"size={size}".encode()) != 0:
        pytest.skip(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, a scored file and what the other commands read."""
    place = tmp_path_factory.mktemp("prepared")
    before = Path.cwd()
    prepare(place)
    os.chdir(before)
    return place


@pytest.fixture
def disk(tmp_path: Path, prepared: Path) -> Iterator[Path]:
    """The same on a disk of 16 MB."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a disk of 16 MB")
    place, before = tmp_path / "small", Path.cwd()
    mounted(place, "16m")
    try:
        shutil.copytree(prepared, place, dirs_exist_ok=True)
        os.chdir(place)
        yield place
    finally:
        os.chdir(before)
        ctypes.CDLL(None).umount2(os.fsencode(place), 2)


def prepare(place: Path) -> None:
    os.chdir(place)
    (place / "model.py").write_text(MODEL)
    (place / "judged.py").write_text(JUDGED)
    write_traces(place / "studies.jsonl", [f"Lung {number} is clear." for number in range(4)])
    words = {"reports": "Clear.", "others": "No effusion.", "references": "The lungs are clear. No effusion."}
    for name, said in words.items():
        (place / f"{name}.csv").write_text("id,report\n" + "".join(f"{n},FINDINGS: {said} {n} mm.\n" for n in range(4)))
    assert called(RUN)[0] == 0, called(RUN)
    assert called(SCORE)[0] == 0, called(SCORE)


def called(words: list[str], before: Callable[[], None] = lambda: None) -> tuple[int, str]:
    """A command in a process of its own: its exit status and standard error."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        sys.stderr = os.fdopen(writer, "w", buffering=1)
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 (as Python opens it; the process ends with it)
        code = 99
        try:
            before()
            sys.argv = ["mmrad-eval", *words]
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def shown(place: Path) -> dict[str, bytes]:
    """Every file that a user sees, but for the log of what was asked."""
    paths = (path for path in place.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path): path.read_bytes() for path in paths if "replies" not in path.parts and path.name != "ballast"}


def left(place: Path) -> list[str]:
    """What a writer left under its temporary name."""
    return [path.name for path in place.rglob(".*") if path.is_file() and path.name != ".lock"]


def fill(place: Path, but: int) -> None:
    """Write until only so many bytes are free."""
    with (place / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
        file.truncate(max(0, file.tell() - but))


def one_line(said: str, *words: str) -> None:
    assert "Traceback" not in said, said
    assert any(word in line for line in said.splitlines() for word in words), said


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def without_privileges() -> None:
    """Let this process, though it is root's, write only where permissions let their owner write (capset(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(ctypes.byref(header), sets) == 0
    for place in (0, 1):  # effective, permitted: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER are 1, 2 and 3
        sets[place] &= ~0b1110
    assert libc.capset(ctypes.byref(header), sets) == 0


@pytest.mark.parametrize("command", WRITERS)
def test_a_disk_that_is_full_or_closed_costs_nothing_that_is_shown(command: str, disk: Path) -> None:
    words = WRITERS[command]
    code, said = called(words)
    assert code == (1 if command == "check" else 0), said
    assert "Traceback" not in said
    before = shown(disk)

    for free in (0, 8192) if command in {"run", "paper"} else (0,):
        fill(disk, free)
        ended, said = called(words)
        after = shown(disk)
        if ended != code or not free:
            one_line(said, "No space left on device")
            assert ended not in {0, 99}
        assert after.keys() >= before.keys()
        if command not in {"run", "score"}:  # those write when they were begun; what came meanwhile may be shown, whole
            assert {path: after[path] for path in before} == before
        assert all(json.loads(data) for path, data in after.items() if path.endswith(".json"))
        assert left(disk) == []
        (disk / "ballast").unlink()
        assert called(words)[0] == code
        before = shown(disk)

    for path in (disk, *disk.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    ended, said = called(words, without_privileges)
    assert ended not in {0, 99}
    one_line(said, "ermission denied", "may not be written", "can't be written")
    assert shown(disk) == before

    ctypes.CDLL(None).mount(None, os.fsencode(disk), None, MS_REMOUNT | MS_RDONLY, None)
    ended, said = called(words)
    assert ended not in {0, 99}
    one_line(said, "Read-only file system", "can't be written")
    assert shown(disk) == before


THINKING = {
    "run": ["run", "--model", "model.py:thinks", *RUN[3:], "--fresh"],
    "judge": [*WRITERS["judge"][:-1], "model.py:thinks"],
    "judge a file": ["model.py:thinks" if w == "model.py:says" else w for w in WRITERS["judge a file"]],
}


@pytest.mark.parametrize("command", THINKING)
def test_a_journal_that_may_grow_no_longer_ends_the_command_though_all_else_fits(
    command: str, prepared: Path, tmp_path: Path
) -> None:
    """Replies of 64 kB under a limit of the size of a file (ulimit -f), which a disk's quota is like."""
    before, place = Path.cwd(), Path(shutil.copytree(prepared, tmp_path / "place"))
    os.chdir(place)
    try:
        ended, said = called(THINKING[command], lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000,) * 2))
        assert ended == 1
        one_line(said, "can't be written: File too large; once it can, run the same command again to send the rest")
        assert left(place) == []
        assert called(THINKING[command])[0] == 0
    finally:
        os.chdir(before)


def silently(words: list[str]) -> None:
    """A command in this process, which ends with it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.dup2(2, 1)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 (the process ends with it)
    sys.argv = ["mmrad-eval", *words]
    cli.main()


@pytest.mark.parametrize("command", ["leaderboard", "export", "convert", "view", "paper"])
def test_a_writer_that_is_killed_anywhere_leaves_each_file_whole(command: str, prepared: Path, tmp_path: Path) -> None:
    words, before = WRITERS[command], Path.cwd()
    place = Path(shutil.copytree(prepared, tmp_path / "place"))
    os.chdir(place)
    try:
        given, died = set(shown(place)), 0
        changes = kills.every_change(place, lambda: silently(words))
        whole = shown(place)
        assert changes > 1
        for at in {1, 2, changes // 2, changes - 2} - {0}:  # folders are there by now, so there are fewer
            for path in set(whole) - given:
                Path(path).unlink(missing_ok=True)
            died += kills.dies(lambda: silently(words), kills.before_change(at, place))
            found = shown(place)
            assert {path: whole.get(path) for path in found} == found
        assert died >= 2
        assert called(words)[0] == 0
        assert (shown(place), left(place)) == (whole, [])
    finally:
        os.chdir(before)
