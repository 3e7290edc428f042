"""A run that is killed at any change of its folder, by itself or beside others, shows one truth or none."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.journal import Journal
from mmrad_eval.metrics import suite
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.run import score
from tests.harness import kills
from tests.harness.truth import STUDIES, N, assert_true, folder_of, run, together, words_of

SAID = {"equal": "The heart is large.", "changed": "The lung is clear."}


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A results folder with a finished run."""
    run(tmp_path / "start", SAID["equal"])
    return tmp_path / "start"


def is_whole(results: Path, words: str) -> None:
    """What a killed process left is whole and true, and the same command makes it complete."""
    folder = folder_of(results)
    assert len(words_of(folder)) == N
    assert_true(folder, results / "copy")
    run(results, words)
    assert assert_true(folder, results / "again")
    assert folder.run.complete


def copied(start: Path, name: object) -> Path:
    return Path(shutil.copytree(start, start.with_name(f"{name}")))


@pytest.mark.parametrize("words", SAID.values(), ids=SAID)
def test_killed_before_any_change_a_folder_shows_one_truth(words: str, start: Path) -> None:
    whole = copied(start, "whole")
    changes = kills.every_change(whole, lambda: run(whole, words, fresh=True))
    run(whole, words, fresh=True)
    for at in range(1, changes + 1):
        results = copied(start, at)
        assert kills.dies(lambda: run(results, words, fresh=True), kills.before_change(at, results))  # noqa: B023 (called here)
        is_whole(results, words)
        run(results, words, fresh=True)
        assert (folder_of(results).path / "answers.jsonl").read_bytes() == (
            folder_of(whole).path / "answers.jsonl"
        ).read_bytes()
    assert changes >= 12


@pytest.mark.parametrize("words", SAID.values(), ids=SAID)
def test_killed_at_any_byte_of_any_file_a_folder_shows_one_truth(words: str, start: Path) -> None:
    whole = copied(start, "whole")
    run(whole, words, fresh=True)
    died = 0
    for limit in kills.sizes(whole):
        results = copied(start, limit)
        died += kills.dies(lambda: run(results, words, fresh=True), kills.at_byte(limit))  # noqa: B023 (called here)
        is_whole(results, words)
    assert died > 20


@pytest.mark.parametrize("words", SAID.values(), ids=SAID)
def test_a_disk_that_is_full_at_any_byte_costs_nothing_that_was_shown(words: str, start: Path) -> None:
    whole = copied(start, "whole")
    run(whole, words, fresh=True)
    for limit in kills.sizes(whole):
        results = copied(start, limit)
        assert not kills.dies(lambda: run(results, words, fresh=True), kills.full_at(limit))  # noqa: B023 (called here)
        with Journal(next(results.glob("replies/*/*_writer"))) as journal:
            lines = (line for path in results.glob("runs/*/*/*/*/answers.jsonl*") for line in whole_lines(path))
            assert all(key in journal for line in lines for key in line["keys"])
        is_whole(results, words)


def whole_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


@pytest.mark.parametrize("words", SAID.values(), ids=SAID)
def test_one_of_three_processes_killed_anywhere_leaves_the_others_with_one_truth(words: str, start: Path) -> None:
    changes = kills.every_change(copied(start, "whole"), lambda: run(start.with_name("whole"), words, fresh=True))
    for at in range(1, changes + 1, 3):
        results = copied(start, at)

        def work(number: int) -> object:
            if number == 0:
                kills.before_change(at, results)()  # noqa: B023 (called here)
            return run(results, words if number else "A third wording.", fresh=number != 1)  # noqa: B023 (as above)

        first, *others = together(3, work)
        assert first != 0
        assert others == [0, 0]
        is_whole(results, words)


def test_killed_in_a_rescoring_the_scores_before_or_after_it_are_shown(start: Path) -> None:
    def more(results: Path) -> object:
        return score(folder_of(results), STUDIES, suite(["rouge@raw"]))

    whole = copied(start, "whole")
    changes = kills.every_change(whole, lambda: more(whole))
    arms = [kills.before_change(at, start.with_name(f"killed {at}")) for at in range(1, changes + 1)]
    arms += [kills.at_byte(limit) for limit in kills.sizes(folder_of(whole).path)]
    for number, arm in enumerate(arms, start=1):
        results = copied(start, f"killed {number}")
        kills.dies(lambda: more(results), arm)  # noqa: B023 (called here)
        folder: RunFolder = folder_of(results)
        summary, scores = folder.summary(), folder.scores()
        assert summary is not None
        assert scores is not None
        assert {block.metric for block in scores.blocks} == {column.metric for column in summary.columns.values()}


TRACED = """
import sys
from pathlib import Path
from tests.harness import kills, truth
results = Path(sys.argv[1])
seen = []
kills.watch(results, lambda _, event: seen.append(event))
truth.run(results, "The lung is clear.", fresh=True)
print(sum(event == "open" for event in seen), sum(event != "open" for event in seen))
"""
_CHANGES = (
    r"rename|renameat|renameat2|unlink|unlinkat|mkdir|mkdirat|rmdir|truncate|ftruncate|link|linkat|symlink|symlinkat"
)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_python_reports_every_change_that_the_kernel_sees(start: Path) -> None:
    log = start.with_name("log")
    root = Path(__file__).resolve().parents[2]
    strace = ["strace", "-f", "-qq", "-o", str(log), "-e", "trace=file,ftruncate", "-y"]
    command = [*strace, sys.executable, "-c", TRACED, str(start)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, env=os.environ)
    if "ptrace" in ended.stderr:
        pytest.skip("strace may not trace here")
    assert ended.returncode == 0, ended.stderr
    opened, changed = map(int, ended.stdout.split())
    calls = [line.split(maxsplit=1)[-1] for line in log.read_text().splitlines() if str(start) in line]
    kernel = [call for call in calls if re.match(rf"(?:{_CHANGES})\(", call)]
    opens = [
        call for call in calls if re.match(r"(?:open|openat|creat)\(", call) and re.search("O_WRONLY|O_RDWR", call)
    ]
    assert changed >= len(kernel) > 0, kernel
    # pyarrow opens the one file that it writes by itself: under a name that no reader looks for, renamed by Python
    own = [call for call in opens if ".scores.parquet." in call]
    assert opened >= len(opens) - len(own), opens
    assert len(own) <= 1
