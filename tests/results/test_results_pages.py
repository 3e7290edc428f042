"""The Python examples of the pages on results run as they are printed; shell examples run with those of all pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.results.scoring.run import score

if TYPE_CHECKING:
    from tests.results.conftest import Kit

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"


def test_python_examples_run(kit: Kit) -> None:
    studies = kit.studies(4, 2)
    score(kit.run([kit.answer(s, "heart") for s in studies]), studies, [kit.Words()], resamples=10)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block],
            cwd=kit.results.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
