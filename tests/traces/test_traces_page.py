"""The examples of docs/traces.md run as they are printed, and its tables name what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from mmrad_eval.traces import regions, rendering
from mmrad_eval.traces.convert import FORMATS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "traces.md").read_text(encoding="utf-8")


def test_the_python_examples_run() -> None:
    space: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(compile(block, "docs/traces.md", "exec"), space)


def test_every_format_rendering_and_category_is_there() -> None:
    for name in (*FORMATS, *rendering.RENDERS, *(category.name for category in regions.categories())):
        assert f"`{name}`" in PAGE
