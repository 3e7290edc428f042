"""Readers rate a build: what they see, what their ratings do to its records, and the numbers of the paper."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from mmrad_eval.cli.data import data
from mmrad_eval.construction.build import Built
from mmrad_eval.construction.records import StageLine
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.reader_studies.answers import read_key
from mmrad_eval.results.statistics.agreement import gwet, kappa, once, wilson
from tests.construction.conftest import truthful_auditor, truthful_writer
from tests.construction.program_server import Asked, ProgramServer
from tests.reader_studies.conftest import Studied

GOOD = {"rating": 5, "text_vs_image": 3, "text_vs_report": 3, "box_fits": 3}


def command(*words: object) -> str:
    ended = CliRunner().invoke(data, [str(word) for word in words], standalone_mode=False)
    assert ended.exception is None, ended.output
    return ended.output


def test_a_record_that_is_rated_low_goes_back_with_the_comment_and_needs_a_new_rating(
    source: Dataset,
    serve: Callable[..., ProgramServer],
    build: Callable[..., Built],
    lines: Callable[..., dict[str, StageLine]],
    tmp_path: Path,
) -> None:
    def writer(asked: Asked) -> Any:
        said = truthful_writer(asked)
        if "too long" in asked.text:
            said["verdicts"][2]["verdict"] = "remove"
        return said

    urls = serve(writer).url, serve(truthful_auditor).url
    options = {"render": "crop", "lost": None}
    build(source, *urls, options=options)
    out = tmp_path / "out"
    words = ("--cases", 9, "--plant", 0, "--repeats", 0.25, "--max-edge", 128)
    said = command("rate", "make", out, *words)
    assert "2 readers, each: 5 readings, 1 repeat among them" in said
    study = Studied(out / "rating/study", read_key(out / "rating/study"))
    page = json.dumps(study.page())
    assert not any(word in page for word in ("supported", "openai", "kept", "mine-traces", '"split"'))
    places = {case.id: place for place, case in enumerate(study.key.cases) if not case.planted}
    files = []
    for number, reader in enumerate(study.key.readers):
        body = study.body(number, lambda _, __: GOOD)
        for reading in reader.readings:
            if reading.case == places["s001"] and number == 0:
                body["answers"][reading.id]["values"] = GOOD | {"rating": 2, "comment": "too long"}
            if reading.case == places["s002"] and number == 1:
                body["answers"][reading.id]["values"] = GOOD | {"rating": 1}
        files.append(study.saved(body))
    merged = command("rate", "merge", out, *files)
    assert "2 of them low" in merged
    again = list(csv.DictReader((out / "rating/study/merged/read-again.csv").read_text().splitlines()))
    assert {row["case"] for row in again} == {"s001", "s002"}

    built = build(source, *urls, options=options)
    rated = lines("rate")
    assert (rated["s000"].status, sorted(rated["s000"].ratings.values())) == ("kept", [5, 5])
    assert (rated["s001"].status, rated["s001"].ratings) == ("corrected", {})
    assert rated["s001"].counts == {"changed since it was rated": 1}
    assert len(rated["s001"].standing) == 2
    assert (rated["s002"].status, rated["s002"].why) == ("rejected", "rated low")
    assert built.record is not None
    assert sum(built.record.rated.values()) == 4 + 2
    assert built.record.records == 3


def test_statements_can_be_rated_before_they_are_aggregated(
    source: Dataset, serve: Callable[..., ProgramServer], build: Callable[..., Built], tmp_path: Path
) -> None:
    build(source, serve(truthful_writer).url, serve(truthful_auditor).url, options={"render": "crop"})
    command("rate", "make", tmp_path / "out", "--fine", "--plant", 0.3, "--max-edge", 128, "--out", tmp_path / "fine")
    page = Studied(tmp_path / "fine", read_key(tmp_path / "fine")).page()
    assert {len(reading["statements"]) for reading in page["readings"]} == {3}


@pytest.mark.parametrize(("good", "low", "high"), [(0.91, 0.882, 0.932), (0.94, 0.916, 0.958), (0.88, 0.849, 0.906)])
def test_intervals_of_the_papers_shares_are_those_of_the_reference(good: float, low: float, high: float) -> None:
    assert tuple(round(edge, 3) for edge in wilson(good * 500, 500)) == (low, high)


def test_agreement_has_the_references_check_values() -> None:
    first = np.array([5, 5, 4, 4, 3, 5, 2, 4, 5, 5], dtype=float)
    second = np.array([5, 4, 4, 5, 3, 5, 3, 4, 4, 5], dtype=float)
    both, levels = np.stack([first, second], axis=1), np.arange(1.0, 6.0)
    assert round(float(kappa(both, once(both), levels, "quadratic")[0]), 4) == 0.7368
    assert round(float(kappa(both, once(both), levels, "linear")[0]), 4) == 0.5652
    # the paper: 91 %, 94 %, both 88 % of 500 cases: agreement .91, kappa .35, AC1 .90
    paper = np.array([[1, 1]] * 440 + [[1, 0]] * 15 + [[0, 1]] * 30 + [[0, 0]] * 15, dtype=float)
    two = np.array([0.0, 1.0])
    assert round(float((paper[:, 0] == paper[:, 1]).mean()), 2) == 0.91
    assert round(float(kappa(paper, once(paper), two)[0]), 2) == 0.35
    assert round(float(gwet(paper, once(paper), two)[0]), 2) == 0.90
