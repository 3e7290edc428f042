"""The viewer in a browser: zoom, window and level, films beside each other; and the image beside the text."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.results.view import write_view

pytestmark = pytest.mark.browser

NARROW = (700, 950)
SEEN = "return document.querySelector('.viewer .stage > svg').getAttribute('viewBox').split(' ').map(Number)"
GRAY = (
    "const f = document.querySelector('#window-0 feFuncR');"
    "return [Number(f.getAttribute('slope')), Number(f.getAttribute('intercept'))]"
)


def test_the_viewer_zooms_moves_and_fits(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#rows a")
    window.click("#detail .film svg")
    left, top, width, height = window.js(SEEN)
    window.press("+", "+")
    closer = window.js(SEEN)
    assert closer[2] == pytest.approx(width / 1.25**2)
    assert closer[0] + closer[2] / 2 == pytest.approx(left + width / 2)
    window.press("ArrowDown")
    assert window.js(SEEN)[1] > closer[1]
    window.press("0")
    assert window.js(SEEN) == pytest.approx([left, top, width, height])
    window.press("1")
    stage = window.js("return document.querySelector('.viewer .stage').clientWidth * devicePixelRatio")
    assert window.js(SEEN)[2] == pytest.approx(stage)
    window.press("Escape")
    assert window.js("return !document.querySelector('.viewer').open && !document.querySelector('#detail').hidden")


def test_the_viewer_changes_the_window_of_the_picture_and_not_of_its_boxes(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#rows a")
    window.press("v")
    assert window.js(GRAY) == pytest.approx([1, 0])
    window.press("i")
    assert window.js(GRAY) == pytest.approx([-1, 1])
    window.press("r", ",", ",", ",", ",", ",", "]")
    slope, intercept = window.js(GRAY)
    assert slope == pytest.approx(1 / 0.9)
    assert intercept == pytest.approx(-(0.52 - 0.45) / 0.9)
    assert "width 90, level 52" in window.text(".viewer output")
    assert window.js("return document.querySelectorAll('.viewer .box[filter], .viewer .box [filter]').length") == 0
    assert window.js("return document.querySelector('.viewer image').getAttribute('filter')") == "url(#window-0)"


def test_an_inverted_film_is_seen_inverted(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#rows a")
    window.press("v")
    window.click(".viewer label:has(input[type=checkbox])")  # without boxes
    shades = []
    for _ in range(2):
        shot = Pillow.open(io.BytesIO(window.shot_of(".viewer .stage"))).convert("L")
        shades.append(np.asarray(shot, dtype=np.float64)[20:-20, shot.width // 2 - 40 : shot.width // 2 + 40])
        window.press("i")
    assert np.abs(shades[0] + shades[1] - 255).max() <= 3


def test_films_stand_beside_each_other_and_move_together(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#rows a")
    window.press("v")
    window.choose(".viewer header select", "2")
    window.press("+")
    boxes = window.js(
        "return [...document.querySelectorAll('.viewer .pane')].map(p => [p.querySelector('select').value, "
        "p.querySelector('.stage > svg').getAttribute('viewBox').split(' ')[2] * 1])"
    )
    assert len({film for film, _ in boxes}) == 2
    fits = window.js(
        "return [...document.querySelectorAll('.viewer .stage')].map(s => s.clientWidth / "
        "Math.min(s.clientWidth / 448, s.clientHeight / 512))"
    )
    assert boxes[0][1] == pytest.approx(fits[0] / 1.25)
    first = window.text("#viewer-title")
    window.press("j")
    assert window.text("#viewer-title") != first
    assert window.js("return document.querySelectorAll('.viewer .pane').length") == 2


def test_words_that_are_searched_for_are_marked_in_the_study(window: Any, one: Path) -> None:
    window.open(one)
    window.write("#search", "effusion")
    window.wait("return document.querySelector('#count').textContent.includes(' of ')")
    window.click("#rows a")
    marked = window.js(
        "return [...document.querySelectorAll('#detail mark.hit')].map(m => m.textContent.toLowerCase())"
    )
    assert marked
    assert set(marked) == {"effusion"}


def test_reports_stand_in_the_table_where_they_are_asked_for(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#choose")
    window.click("#dialog-body > label input")
    window.press("Escape")
    assert window.text("#head th:last-child").startswith("Report")
    assert len(window.js("return document.querySelector('#rows td:last-child').textContent")) > 20
    assert "report=shown" in window.js("return location.hash")


def test_the_image_stays_beside_the_text_on_a_wide_screen_only(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#rows a")
    where = (
        "const at = (css) => document.querySelector(css).getBoundingClientRect(); "
        "return [at('.pinned').right, at('#trace').left, at('.pinned').top]"
    )
    right, left, top = window.js(where)
    assert right <= left
    window.js("document.querySelector('#detail').scrollTop = 400")
    assert abs(window.js(where)[2] - top) < 400
    window.size(*NARROW)
    assert window.js(where)[0] > window.js(where)[1]


def figure_of(window: Any) -> Any:
    """The pixels of the figure that is saved where a browser has no clipboard."""
    window.js(
        "navigator.clipboard && (navigator.clipboard.write = () => Promise.reject(new Error('none')));"
        "self.saved = null; HTMLAnchorElement.prototype.click = function () { self.saved = this.href; }"
    )
    window.press("c")
    window.wait("return Boolean(self.saved)")
    address = window.js("return self.saved")
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Pillow.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def test_a_figure_holds_the_film_its_boxes_and_its_window(window: Any, demo: Any, tmp_path: Path) -> None:
    path = write_view([demo.run("mcot", "baseline:evidence")], tmp_path / "page.html", pictures="embed").path
    window.open(path)
    window.click("#rows a")
    window.press("v")
    stage = window.js("const s = document.querySelector('.viewer .stage'); return [s.clientHeight, s.clientWidth]")

    figure = figure_of(window)

    assert list(figure.shape[:2]) == [2 * side for side in stage]
    colored = np.ptp(figure, axis=2) > 60
    assert 200 < colored.sum() < colored.size / 10  # lines of boxes on a gray film
    gray = figure[~colored]
    assert gray.std() > 20
    window.press("i")
    assert figure_of(window)[~colored].mean() > gray.mean() + 20  # black for white, as it is seen
    window.press("b")
    assert (np.ptp(figure_of(window), axis=2) > 60).sum() == 0


def test_a_film_that_a_browser_must_not_read_is_no_figure_but_a_way_out(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#rows a")
    window.press("v")
    window.press("c")
    window.wait("return document.querySelector('.viewer output').textContent.includes('--embed-images')")
