"""Files that appear whole, and what is left of those that did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmrad_eval.core.whole_files import sweep, temporary, write_whole

SCRIPT = """
import os, signal, sys
from pathlib import Path
from mmrad_eval.core.whole_files import temporary
temporary(Path(sys.argv[1]) / "scores.parquet").write_bytes(b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], check=False)
    [left] = names(tmp_path)
    own = temporary(tmp_path / "summary.json")
    for path in (own, tmp_path / "run.json", tmp_path / ".lock", tmp_path / ".notes.of.mine"):
        path.write_text("")

    sweep(tmp_path)

    assert names(tmp_path) == {own.name, "run.json", ".lock", ".notes.of.mine"}
    assert left.startswith(".scores.parquet.")


def test_folders_of_one_name_are_swept_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for where in ("a", "b"):
        folder = tmp_path / where / "paper"
        folder.mkdir(parents=True)
        subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], check=False)
        monkeypatch.chdir(tmp_path / where)

        write_whole(Path("paper/t1.tex"), "whole")

        assert names(folder) == {"t1.tex"}


def test_files_of_writers_that_can_not_be_asked_stay_for_a_day(tmp_path: Path) -> None:
    elsewhere = tmp_path / ".scores.parquet.0123456789ab.99999999.abcdef01"
    earlier = tmp_path / ".scores.parquet.99999999.abcdef01"  # as version 0.1.0 named it
    for path in (elsewhere, earlier):
        path.write_text("")
        sweep(tmp_path)
        assert path.exists()
        os.utime(path, (0, 0))

    sweep(tmp_path)

    assert names(tmp_path) == set()


def test_a_process_that_was_given_the_number_of_a_killed_writer_is_not_taken_for_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        own = temporary(tmp_path / "summary.json").name
        machine, writer, _ = own.split(".")[-3:]
        began = writer.partition("-")[2]
        (tmp_path / f".summary.json.{machine}.{other.pid}-{int(began) - 1}.abcdef01").write_text(
            "of an earlier process"
        )
        (tmp_path / own).write_text("of this one")

        sweep(tmp_path)
        other.communicate(b"\n")

    assert names(tmp_path) == {own}


def test_a_living_process_here_does_not_keep_what_one_of_the_same_number_left_elsewhere(tmp_path: Path) -> None:
    left = tmp_path / f".scores.parquet.0123456789ab.{os.getpid()}.abcdef01"
    left.write_text("")
    os.utime(left, (0, 0))

    sweep(tmp_path)

    assert names(tmp_path) == set()


def test_a_killed_writer_is_known_as_one_of_this_machine_where_there_is_no_network(tmp_path: Path) -> None:
    """Without a network interface each process gets a random address from ``uuid.getnode``."""
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network can be taken away here")
    subprocess.run([*alone, sys.executable, "-c", SCRIPT, str(tmp_path)], check=False)
    assert len(names(tmp_path)) == 1

    swept = (
        "import sys; from pathlib import Path; from mmrad_eval.core.whole_files import sweep; sweep(Path(sys.argv[1]))"
    )
    subprocess.run([*alone, sys.executable, "-c", swept, str(tmp_path)], check=True)

    assert names(tmp_path) == set()
