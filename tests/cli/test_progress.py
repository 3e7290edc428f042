"""The line that is shown while a run goes on: counts of this run, and the rate of what was sent."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from mmrad_eval.cli.progress import Progress
from mmrad_eval.core.values import Answer, Status
from mmrad_eval.harness.counts import RequestCounts


def plan(studies: int) -> Any:
    card, task, data = SimpleNamespace(label="t:m"), SimpleNamespace(name="direct"), SimpleNamespace(name="demo")
    return SimpleNamespace(
        card=card, task=task, dataset=data, studies=[None] * studies, patients=None, left_out={}, identity=None
    )


def watched(progress: Progress, statuses: list[Status], counts: RequestCounts | None) -> None:
    requester: Any = None if counts is None else SimpleNamespace(counts=counts)
    progress.begin(plan(len(statuses)), requester, lambda _: None)
    for done, status in enumerate(statuses, start=1):
        progress.answered(Answer("", status), done)
    progress.end()


def test_each_run_is_counted_from_its_own_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    watched(progress, ["truncated"] * 3, RequestCounts(sent=3))
    watched(progress, ["ok"] * 2, RequestCounts(sent=2))

    last = capsys.readouterr().err.splitlines()[-1]
    assert "2/2 answered · 2 ok ·" in last
    assert "truncated" not in last


def test_pending_and_failed_studies_are_not_called_answered(capsys: pytest.CaptureFixture[str]) -> None:
    watched(Progress(), ["ok", "pending", "pending", "failed"], RequestCounts(sent=2))

    assert "1/4 answered" in capsys.readouterr().err


def test_what_was_stored_has_no_rate(capsys: pytest.CaptureFixture[str]) -> None:
    watched(Progress(), ["ok"] * 24, RequestCounts(cached=24))

    last = capsys.readouterr().err.splitlines()[-1]
    assert "24/24 answered" in last
    assert not re.search(r"\d/s", last)
