"""Answers that can't be written while a run goes on: the error names the file."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from mmrad_eval.core.values import Answer, Report
from mmrad_eval.harness.answers_writer import AnswerStream
from tests.harness.truth import folder_of, run


def test_an_answer_that_a_disk_has_no_room_for_names_its_file(tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    folder = folder_of(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with AnswerStream(folder) as stream:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            with pytest.raises(OSError, match="File too large") as caught:
                stream.put(Answer("s1", "ok", report=Report("Clear. " * 1000)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert caught.value.filename == str(folder.path / "answers.jsonl.part")
