"""Files that appear whole, and what is left of those that did not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mmrad_eval.core.whole_files import sweep, temporary

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
