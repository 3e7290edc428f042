"""docs/formats.md says what the code that defines the files says."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_of_formats_is_that_of_the_code() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "formats.py"))["page"]

    assert (ROOT / "docs" / "formats.md").read_text() == page(), "run `python scripts/formats.py`"
