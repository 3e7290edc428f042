"""The command line, called in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Said]:
    """Run ``mmrad-eval`` with these words, in an empty folder."""
    from mmrad_eval.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mmrad_eval.core.connections.close_process", lambda: None)  # this process has other tests
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words: str) -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["mmrad-eval", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        code = stopped.value.code
        return Said(code if isinstance(code, int) else 0, out, err)

    return run
