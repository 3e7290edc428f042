"""The pictures of a page: where they come from, where region images are cut, which of them a request showed."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.core.values import Box, Image
from mmrad_eval.results.view import write_view
from mmrad_eval.results.view.images import Album, ImageStore
from mmrad_eval.traces import rendering

Take = Callable[[Path], Any]


def test_images_are_linked_by_a_path_from_the_page_and_never_embedded_unasked(page: Any, tmp_path: Path) -> None:
    pictures = [p for i in range(24) for p in page[f"study-{i}"]["pictures"]]

    assert len(pictures) > 30
    for picture in pictures:
        assert not picture["src"].startswith(("/", "file:", "data:"))
        assert (tmp_path / unquote(picture["src"])).is_file()
    assert ";base64," not in page.markup


def test_embedded_images_are_the_files_themselves(
    demo: Any, take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmrad_eval.results.view.pieces.ONE_FILE", 1 << 40)  # all of it would be beside the page
    page = take(write_view([demo.run("direct", "openai:rehearsal")], tmp_path / "p.html", pictures="embed").path)
    key = datasets.load("demo").studies[0].images[0]

    picture = page.study("demo-01")["pictures"][0]

    head, _, data = page[picture["src"]]["data"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == Path(key.path).read_bytes()
    assert "shown" not in picture


def test_copied_images_lie_beside_the_page_and_the_folder_can_be_moved(demo: Any, take: Take, tmp_path: Path) -> None:
    written = write_view([demo.run("direct", "openai:rehearsal")], tmp_path / "out", pictures="copy")
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    page = take(tmp_path / "elsewhere" / "index.html")

    assert written.path == tmp_path / "out" / "index.html"
    for i in range(24):
        for picture in page[f"study-{i}"]["pictures"]:
            assert re.fullmatch(r"images/[0-9a-f]{24}\.png", picture["src"])
            assert (tmp_path / "elsewhere" / picture["src"]).is_file()


def test_large_and_foreign_pictures_are_made_fit_for_a_page(tmp_path: Path) -> None:
    Pillow.new("L", (400, 300), 90).save(tmp_path / "large.png")
    Pillow.new("L", (40, 30), 90).save(tmp_path / "scan.tif")

    linked = ImageStore(tmp_path / "p.html").picture(Image(str(tmp_path / "scan.tif")))
    store = ImageStore(tmp_path / "p.html", "embed", max_edge=100)
    large, scan = (store.picture(Image(str(tmp_path / name))) for name in ("large.png", "scan.tif"))

    assert not linked.src
    assert "--copy-images" in linked.why
    assert (large.width, large.height, large.shown) == (400, 300, (100, 75))
    held = dict(store.fresh())
    assert held[large.src].data.startswith("data:image/jpeg;")
    assert held[scan.src].data.startswith("data:image/png;")
    assert not store.fresh()


def test_a_file_that_many_studies_show_is_embedded_once(tmp_path: Path) -> None:
    Pillow.new("L", (40, 30), 90).save(tmp_path / "one.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "one.png").read_bytes())
    store = ImageStore(tmp_path / "p.html", "embed")
    sources = []
    for store.study, name in enumerate(("one.png", "copy.png", "one.png"), 5):
        sources.append(store.picture(Image(str(tmp_path / name))).src)

    assert len(set(sources)) == 1
    assert sources[0].endswith("-5")  # where it lies: with the study that showed it first
    assert [name for name, _ in store.fresh()] == sources[:1]


def test_a_picture_of_sixteen_bits_is_shown_with_a_warning(tmp_path: Path) -> None:
    Pillow.new("I;16", (40, 30), 900).save(tmp_path / "deep.png")

    linked = ImageStore(tmp_path / "p.html").picture(Image(str(tmp_path / "deep.png")))

    assert linked.src == "deep.png"
    assert "dark" in linked.why


def test_addresses_of_pictures_survive_any_file_name(tmp_path: Path) -> None:
    names = ["a b.png", "a#b?c%20.png", "ä\u202e.png", "x'\"<y>.png", os.fsdecode(b"caf\xe9.png")]
    for name in names:
        Pillow.new("L", (4, 4)).save(tmp_path / name, "PNG")
    store = ImageStore(tmp_path / "pages" / "p.html")

    for name in names:
        src = store.picture(Image(str(tmp_path / name))).src
        assert re.fullmatch(r"\.\./[\w.%~-]+", src)
        assert unquote(src, errors="surrogateescape") == f"../{name}"


def test_a_picture_that_is_not_there_says_so_and_the_page_is_made(demo: Any, tmp_path: Path) -> None:
    album = Album(ImageStore(tmp_path / "p.html"))

    album.add(Image(str(tmp_path / "gone.png"), size=(10, 10)))

    assert album.pictures[0].src == ""
    assert "gone.png" in album.pictures[0].why
    assert album.store.unseen == 1
    assert write_view([demo.run("direct", "openai:rehearsal")], tmp_path / "p.html").notes == ()


def test_a_region_image_is_cut_where_the_model_saw_it_cut(page: Any) -> None:
    study = next(study for study in datasets.load("demo").studies if study.id == "demo-02")
    assert study.trace is not None
    looks = page.answer("demo-02")["shown"]["steps"]

    assert [look["region"] for look in looks] == [step.region for step in study.trace.steps]
    for look, step in zip(looks, study.trace.steps, strict=True):
        assert step.image is not None
        left, top, width, height = look["image"]["box"]["xywh"]
        sent = rendering.load(step.image).how
        assert f"[{left:g}, {top:g}, {left + width:g}, {top + height:g}]" in sent


def test_a_box_that_can_not_be_drawn_is_told_and_not_drawn(tmp_path: Path) -> None:
    Pillow.new("L", (100, 80)).save(tmp_path / "a.png")
    album = Album(ImageStore(tmp_path / "p.html"))
    number = album.add(Image(str(tmp_path / "a.png")))

    good = album.drawn(Box((0.1, 0.25, 0.5, 0.75), "norm_1"), number)
    reversed_ = album.drawn(Box((50, 10, 5, 20)), number)
    unknown = album.drawn(Box((1, 1, 2, 2), "wild"), number)

    assert (good.xywh, good.problems) == ((10, 20, 40, 40), "")
    assert [drawn.xywh for drawn in (reversed_, unknown)] == [None, None]
    assert "right < left" in reversed_.problems
    assert unknown.said == "[1, 1, 2, 2] wild"


def test_the_request_is_the_one_that_was_sent_with_its_pictures_in_place(page: Any) -> None:
    answer = page.answer("demo-02")
    (exchange,) = answer["exchanges"]
    (user,) = (turn for turn in exchange["turns"] if turn["role"] == "user")
    shown = [part["cut"] for part in user["parts"] if "image" in part]
    words = "".join(part.get("text", "") for part in user["parts"])

    assert exchange["reply"] == answer["report"]["text"]
    assert exchange["decoding"]["max_tokens"] == 1024
    assert "Its bounding box is [134, 87, 238, 278]." in words
    assert [cut["picture"] for cut in shown] == [0, 1, 0, 0]
    assert [cut.get("render", "file") for cut in shown] == ["file", "file", "crop", "crop"]
    assert [cut["box"] for cut in shown[2:]] == [look["image"]["box"] for look in answer["shown"]["steps"]]


@pytest.mark.parametrize("task", ["mcot-blind", "mcot-swapped", "mcot-random"])
def test_every_picture_of_a_control_is_found(demo: Any, take: Take, tmp_path: Path, task: str) -> None:
    page = take(write_view([demo.run(task, "openai:rehearsal")], tmp_path / "p.html").path)

    for name in page["page"]["ids"]:
        answer = page.answer(name)
        for exchange in answer.get("exchanges", ()):
            parts = [part for turn in exchange["turns"] for part in turn["parts"] if "image" in part]
            crops = [part["cut"] for part in parts if "crop/" in part.get("how", "")]
            assert all("cut" in part for part in parts)
            assert crops == [look["image"] for look in answer["shown"]["steps"]]
            assert len(parts) == len(crops) + (0 if task == "mcot-blind" else len(page.study(name)["images"]))


def test_a_swapped_image_is_of_another_picture(demo: Any, take: Take, tmp_path: Path) -> None:
    page = take(write_view([demo.run("mcot-swapped", "openai:rehearsal")], tmp_path / "p.html").path)

    study, answer = page.study("demo-02"), page.answer("demo-02")
    foreign = {study["pictures"][look["image"]["picture"]]["name"] for look in answer["shown"]["steps"]}

    assert foreign
    assert not any(name.startswith("demo-02") for name in foreign)
