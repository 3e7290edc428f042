"""The baselines stand where they must: the reference at the top of every column, the others far below."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


def table(call: Call, data: str, task: str) -> dict[str, dict[str, float | None]]:
    names = ("reference", "normal", "shuffle")
    for name in names:
        said = call("--model", f"baseline:{name}", "--task", task, "--data", data, "--quiet", "--metrics", "paper")
        assert said.code == 0, said.err
    rows = csv.DictReader(io.StringIO(call("leaderboard", "--format", "csv").out))
    return {row["model"].partition(":")[2]: {k: _number(v) for k, v in row.items() if " @ " in k} for row in rows}


def _number(text: str) -> float | None:
    return float(text) if text else None


def check(rows: dict[str, dict[str, float | None]]) -> None:
    from mmrad_eval.metrics import suite

    best = {c.label: c.best for metric in suite(["paper"]) for c in metric.columns if c.best is not None and c.better}
    better = {c.label: c.better for metric in suite(["paper"]) for c in metric.columns if c.better}
    assert len(best) >= 15
    for label, value in best.items():
        assert rows["reference"][label] == pytest.approx(value, abs=1e-9), label
        for other in ("normal", "shuffle"):
            low = rows[other][label]
            assert low is not None
            assert low < 0.75 * value, f"{other} {label}"
    for label, direction in better.items():
        top = rows["reference"][label]
        for other in ("normal", "shuffle"):
            below = rows[other][label]
            assert top is None or below is None or (top >= below if direction == "higher" else top <= below), label


def test_on_the_demo(call: Call) -> None:
    check(table(call, "demo", "mcot"))


@pytest.mark.shared
def test_on_296_real_reports(call: Call, shared_data: Path) -> None:
    check(table(call, f"rexrank:{shared_data / 'iu_xray_valid' / 'ReXRank_IUXray_valid.json'}", "direct"))
