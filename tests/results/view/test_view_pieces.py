"""A page that is too large for one file: studies in pieces beside it, which a browser loads from disk when needed."""

from __future__ import annotations

import html
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from mmrad_eval.results.run.folder import find_runs
from mmrad_eval.results.view import pieces, write_view


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that the demo exceeds."""
    monkeypatch.setattr(pieces, "ONE_FILE", 30_000)
    monkeypatch.setattr(pieces, "PIECE", 12_000)


def held(folder: Path, files: list[str]) -> list[dict[str, Any]]:
    found = []
    for number, file in enumerate(files):
        call = re.fullmatch(r"mmradPiece\((\d+),(\{.*\})\);\n", (folder / file).read_text(), re.DOTALL)
        assert call
        assert int(call[1]) == number
        found.append(json.loads(call[2]))
    return found


@pytest.mark.usefixtures("small")
def test_every_record_is_in_one_piece_and_a_study_in_no_two(demo: Any, take: Any, tmp_path: Path) -> None:
    run = demo.run("mcot", "baseline:evidence")
    page = take(write_view([run], tmp_path / "page.html").path)
    index = page["pieces"]
    parts = held(tmp_path / index["folder"], index["files"])

    assert index["folder"] == "page_pieces"
    names = [name for part in parts for name in part]
    assert len(names) == len(set(names)) == 2 * len(page["page"]["ids"])
    studies = [{int(name.rpartition("-")[2]) for name in part} for part in parts]
    assert [min(s) for s in studies] == index["starts"]
    assert all(max(a) < min(b) for a, b in pairwise(studies))
    assert not [name for name in page.scripts if name.startswith(("study-", "answer-"))]
    assert "' 'self' file:; style-src" in html.unescape(page.markup)


@pytest.mark.usefixtures("small")
def test_writing_again_leaves_no_piece_of_before(demo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = demo.run("mcot", "baseline:evidence")
    write_view([run], tmp_path / "page.html")
    first = {path.name for path in (tmp_path / "page_pieces").glob("*.js")}
    monkeypatch.setattr(pieces, "PIECE", 5_000)
    write_view([run], tmp_path / "page.html")
    second = {path.name for path in (tmp_path / "page_pieces").glob("*.js")}
    assert len(second) > len(first)


def test_a_small_page_is_one_file(demo: Any, take: Any, tmp_path: Path) -> None:
    page = take(write_view([demo.run("mcot", "baseline:evidence")], tmp_path / "page.html").path)
    assert "pieces" not in page
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert " file:; style-src" not in html.unescape(page.markup)


@pytest.mark.browser
@pytest.mark.usefixtures("small")
def test_a_file_that_lies_in_another_piece_is_shown_too(window: Any, bench: Any, take: Any, tmp_path: Path) -> None:
    Pillow.new("L", (60, 40), 90).save(tmp_path / "film.png")
    rows = "".join(f"s{i:02},p{i},film.png,{'The heart is enlarged. ' * 20}\n" for i in range(12))
    (tmp_path / "cases.csv").write_text(f"study_id,patient_id,image,findings\n{rows}")
    asked = ("--model", "baseline:normal", "--task", "direct", "--data", "cases.csv", "--data-use", "open", "--quiet")
    bench.call(*asked, "--metrics", "bleu@raw")
    (run,) = find_runs(tmp_path / "results")
    path = write_view([run], tmp_path / "page.html", pictures="embed").path
    index = take(path)["pieces"]
    parts = held(tmp_path / index["folder"], index["files"])
    assert len(parts) > 1
    assert len([name for part in parts for name in part if name.startswith("picture-")]) == 1

    window.open(f"{path.as_uri()}#study=s11")
    window.wait("return document.querySelector('#study-title')?.textContent === 's11'")
    assert window.js("return document.querySelector('#detail image').href.baseVal").startswith("data:image/png;base64,")
    assert window.log() == []


@pytest.mark.browser
@pytest.mark.usefixtures("small")
def test_a_browser_reads_and_searches_pieces_from_disk(demo: Any, window: Any, tmp_path: Path) -> None:
    path = write_view([demo.run("mcot", "baseline:evidence")], tmp_path / "page.html").path
    window.open(path)
    assert len(window.ids()) == 24

    window.js("document.querySelector('#rows tr:nth-child(20) a').click()")
    window.wait("return document.querySelector('#study-title')?.textContent === 'demo-20'")
    assert "Report" in window.text("#detail")

    window.open(f"{path.as_uri()}#q=pneumothorax")
    window.wait("return /^\\d+ of 24 studies$/.test(document.querySelector('#count').textContent)")
    found = int(window.text("#count").split()[0])
    assert 0 < found <= 24
    assert window.log() == []
