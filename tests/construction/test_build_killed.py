"""A build that is killed anywhere goes on with the same command to the same bytes, and asks nothing twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mmrad_eval.construction.build import Built
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from tests.construction.conftest import REPORT, STEPS, study, truthful_auditor, truthful_writer
from tests.construction.program_server import ProgramServer
from tests.harness import kills

Serve = Callable[..., ProgramServer]
Build = Callable[..., Built]
POINTS = 14
AT_ONCE = 2


@pytest.fixture
def source(tmp_path: Path) -> Dataset:
    """Six studies whose words differ, so that each asks questions of its own."""
    studies = []
    for number in range(6):
        more = f"There are {number + 3} sternal wires."
        steps = [(region, box, f"{text} {more}" if region == "right lung" else text) for region, box, text in STEPS]
        studies.append(study(number, tmp_path / "films", f"{REPORT} {more}", steps))
    return Dataset("mine", tuple(studies), "open", source="mine", format="boxes")


def bytes_of(folder: Path) -> dict[str, str]:
    names = [
        *folder.glob("stages/*.jsonl"),
        *folder.glob("images/*"),
        *folder.glob("traces.jsonl"),
        *folder.glob("plants.jsonl"),
    ]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in names}


def test_killed_at_any_point_it_ends_in_equal_bytes_and_asks_nothing_twice(
    source: Dataset, serve: Serve, build: Build, tmp_path: Path
) -> None:
    writer, auditor = serve(truthful_writer), serve(truthful_auditor)

    def work(out: str, at_once: int = AT_ONCE) -> Built:
        options = {"render": "crop", "pixels": "336", "plant": 0.3}
        return build(source, writer.url, auditor.url, out=out, options=options, concurrency=at_once)

    assert work("whole").complete
    expected, asked = bytes_of(tmp_path / "whole"), set(writer.seen + auditor.seen)
    fewest = kills.every_change(tmp_path / "in-turn", lambda: work("in-turn", at_once=1))
    changes = kills.every_change(tmp_path / "counted", lambda: work("counted"))  # more: files are put in order
    points = sorted({1 + place * (changes - 1) // (POINTS - 1) for place in range(POINTS)})
    assert len(points) >= 10
    reached, killed = set(), 0
    for at in points:
        writer.seen.clear()
        auditor.seen.clear()
        out = tmp_path / f"killed-{at}"
        died = kills.dies(lambda: work(out.name), kills.before_change(at, out))  # noqa: B023 (called here)
        assert died or at > fewest  # how many files must be put in order differs with the order of the replies
        killed += died
        reached.add(len(list(out.glob("stages/*.jsonl"))))
        assert work(out.name).complete
        assert bytes_of(out) == expected
        again = writer.seen + auditor.seen
        assert set(again) == asked
        assert sum(again.values()) - len(again) <= 2 * AT_ONCE  # what was in flight to the two models
    assert killed >= 10
    assert len(reached) > 5  # points lie in most stages


def test_a_line_that_a_kill_cut_is_no_line_and_a_broken_one_is_named(
    source: Dataset, serve: Serve, build: Build, tmp_path: Path
) -> None:
    writer, auditor = serve(truthful_writer), serve(truthful_auditor)
    build(source, writer.url, auditor.url)
    before, path = bytes_of(tmp_path / "out"), tmp_path / "out/stages/3-reflect.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 40])
    build(source, writer.url, auditor.url)
    assert bytes_of(tmp_path / "out") == before
    path.write_bytes(b"{]\n" + data)
    with pytest.raises(DataError, match=r"3-reflect.jsonl:1: this is not a record of a stage"):
        build(source, writer.url, auditor.url)
