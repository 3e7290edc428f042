"""A reader's page in a browser: whole studies by keyboard, reloads, undo, files, and what every eye needs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.reader_studies.answers import read_answers
from mmrad_eval.reader_studies.merged import MergedStudy
from mmrad_eval.results.run.folder import RunFolder
from tests.browser import CONTRAST
from tests.reader_studies.conftest import NORMAL, Studied

pytestmark = pytest.mark.browser

Make = Callable[..., Studied]
SIZES = {"1440": (1440, 950), "1024": (1024, 768), "390": (390, 844)}
LOOKS = [(size, dark) for size in SIZES for dark in (False, True)]
NAMES = [f"{size}-{'dark' if dark else 'light'}" for size, dark in LOOKS]
AXE = Path(__file__).resolve().parents[2] / ".envs" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
OVER = """
if (document.documentElement.scrollWidth <= innerWidth) return [];
const over = (node) => node.getBoundingClientRect().right > innerWidth && !node.closest(".shelf");
return [...document.querySelectorAll("body *")].filter(over).map((node) => node.outerHTML);
"""
"""Elements that run out of the window, but for the image tools, which scroll."""


@pytest.fixture
def room(window: Any, tmp_path: Path) -> Iterator[Any]:
    """The window, with a folder for what it saves, and nothing kept from before."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    window.downloads = downloads
    params = {"behavior": "allow", "downloadPath": str(downloads)}
    window.do("/goog/cdp/execute", {"cmd": "Browser.setDownloadBehavior", "params": params})
    window.blank = tmp_path / "blank.html"
    window.blank.write_text('<html data-ready="yes"></html>')
    yield window
    forget(window)


def forget(room: Any) -> None:
    """Clear what the browser keeps, from another page: a reader's page keeps its answers once more when it is left."""
    room.open(room.blank)
    room.js("localStorage.clear()")


def begin(room: Any, made: Studied, number: int = 0) -> None:
    """Open a reader's page and answer its first screen, by keys alone."""
    room.open(made.page_path(number))
    room.press("1", "Tab", "1", "2", "Enter")
    assert room.text("#heading").startswith("Reading 1 of")


def saved(room: Any) -> Path:
    """The file that the page saves at the press of a key."""
    room.press("s")
    until = time.monotonic() + 10
    while not (new := list(room.downloads.glob("*.json"))):
        assert time.monotonic() < until, "nothing was saved"
        time.sleep(0.05)
    return Path(new[0])


def heading(room: Any) -> str:
    return str(room.text("#heading"))


@pytest.mark.parametrize(("size", "dark"), LOOKS, ids=NAMES)
def test_a_study_of_20_cases_is_read_by_keyboard_with_a_reload_in_the_middle(
    room: Any, study: Make, runs: list[RunFolder], size: str, *, dark: bool
) -> None:
    made = study(cases=20, readers=1, of=runs[1:])  # one system beside the original: 20 pairs, 2 again, 8 guesses
    page = made.page()
    room.size(*SIZES[size])
    room.dark(on=dark)
    begin(room, made)
    wanted = {}
    for number, reading in enumerate(page["readings"]):
        assert heading(room) == f"Reading {number + 1} of 22"
        assert room.js(OVER) == []
        left, right = (NORMAL in text for text in reading["texts"])
        key = "1" if left > right else "3" if right > left else "2"
        wanted[reading["id"]] = {"1": 1, "2": 0, "3": -1}[key]
        room.press(key)
        if number == 10:
            room.do("/refresh")
            room.wait("return document.documentElement.dataset.ready === 'yes'")
            assert heading(room) == "Reading 11 of 22"
        room.press("Enter")
    for number in range(len(page["guesses"])):
        assert heading(room) == f"Guess {number + 1} of 8"
        room.press("2", "Enter")
    assert heading(room) == "Finished. Thank you."
    assert room.text("#count") == "30 of 30 answered"

    found = read_answers([saved(room)], made.key)

    assert {name: held.values["preference"] for name, held in found[0].answers.items()} == wanted
    assert {held.values["guess"] for held in found[0].guesses.values()} == {2}
    assert found[0].experience == {"role": 1, "years": 12}
    assert all(0 < held.seconds < 60 for held in found[0].answers.values())
    assert len(MergedStudy(made.key, found).repeats) == 2


def test_what_was_kept_is_there_when_the_page_is_opened_again(room: Any, study: Make) -> None:
    made = study("likert")
    begin(room, made)
    room.press("4", "Enter", "2")
    room.do("/url", {"url": "about:blank"})
    room.open(made.page_path())

    assert heading(room) == "Reading 2 of 20"
    assert room.js("return document.querySelector('input[name=rating]:checked').value") == "2"
    room.open(made.page_path(1))
    assert heading(room) == "Before you begin"


def test_every_change_can_be_taken_back(room: Any, study: Make) -> None:
    checked = "return document.querySelector('input[name=rating]:checked')?.value ?? null"
    begin(room, study("likert"))
    room.press("4", "2", "Enter")
    assert room.text("#count") == "1 of 32 answered"
    room.press("u")
    assert (heading(room), room.text("#count")) == ("Reading 1 of 20", "0 of 32 answered")
    assert room.js(checked) == "2"
    room.press("u")
    assert room.js(checked) == "4"
    room.press("u")
    assert room.js(checked) is None
    for _ in range(8):
        room.press("u")
    assert heading(room) == "Before you begin"
    assert room.js("return document.getElementById('undo').disabled") is True


def test_an_answer_that_is_changed_later_is_counted_as_changed(room: Any, study: Make) -> None:
    made = study("likert")
    begin(room, made)
    room.press("4", "Enter", "p", "1", "Enter")

    (answer,) = json.loads(saved(room).read_text())["answers"].values()
    assert (answer["values"], answer["changes"], answer["done"]) == ({"rating": 1}, 1, True)


def test_errors_are_counted_with_arrows_and_digits(room: Any, study: Make) -> None:
    made = study("errors")
    begin(room, made)
    room.press("2", "ArrowRight", "1", "ArrowDown", "3", "ArrowLeft", "x", "Enter")

    assert heading(room) == "Reading 2 of 20"
    (answer,) = json.loads(saved(room).read_text())["answers"].values()
    assert answer["values"] == {
        "false finding.significant": 2,
        "false finding.insignificant": 1,
        "omission.insignificant": 3,
    }


def test_nothing_goes_on_without_an_answer(room: Any, study: Make) -> None:
    begin(room, study())
    room.press("Enter")

    assert heading(room) == "Reading 1 of 20"
    assert room.text("#missing") == "Not answered yet: Which report would you rather sign?"


def test_letters_in_a_text_are_letters(room: Any, study: Make) -> None:
    made = study("text")
    begin(room, made)
    room.press("Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab")
    room.click("#f-text")
    room.press("u", "s", "1", "Escape", "i")
    assert room.js("return document.querySelector('.stage img').style.filter").startswith("invert(1)")
    room.press("Enter")
    assert heading(room) == "Reading 2 of 20"

    (answer,) = json.loads(saved(room).read_text())["answers"].values()
    assert answer["values"] == {"text": "us1"}


def test_a_saved_file_goes_on_in_another_browser(room: Any, study: Make) -> None:
    made = study("likert")
    begin(room, made)
    room.press("4", "Enter", "3", "Enter")
    path = saved(room)
    forget(room)
    room.open(made.page_path())
    assert heading(room) == "Before you begin"

    room.do(f"/element/{room.find('#resume')}/value", {"text": str(path)})
    room.wait("return document.getElementById('heading').textContent === 'Reading 3 of 20'")

    assert room.text("#count") == "2 of 32 answered"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace('"rating": 4', '"rating": 5'), "This file was changed after it was saved."),
        (lambda _: "hello", "This is no file of answers."),
        (lambda text: text.replace('"reader": "', '"reader": "x'), "These are answers to another page."),
    ],
)
def test_a_file_that_is_not_its_own_is_refused(room: Any, study: Make, change: Callable[[str], str], why: str) -> None:
    made = study("likert")
    begin(room, made)
    room.press("4", "Enter")
    path = saved(room)
    path.write_text(change(path.read_text()))
    room.press("p", "p")

    room.do(f"/element/{room.find('#resume')}/value", {"text": str(path)})
    room.wait(f"return document.getElementById('note').textContent === {json.dumps(why)}")


def test_images_are_zoomed_and_toned_by_keys(room: Any, study: Make) -> None:
    begin(room, study())
    style = "const s = document.querySelector('.stage img').style; return [s.transform, s.filter]"
    room.press("+", "+", "]", "}", "i")
    moved, toned = room.js(style)
    assert "scale(1.5625)" in moved
    assert toned == "invert(1) brightness(1.1) contrast(1.15)"
    room.press("f")
    assert "scale(1)" in room.js(style)[0]
    first = room.js("return document.querySelector('.stage img').src.length")
    room.press("v")
    assert room.js("return document.querySelector('.stage img').src.length") != first


def test_time_counts_only_while_somebody_is_there(room: Any, study: Make) -> None:
    begin(room, study("likert"))
    time.sleep(1.2)
    room.press("4", "Enter")

    (answer,) = json.loads(saved(room).read_text())["answers"].values()
    assert 1.1 < answer["seconds"] < 30


def test_a_page_with_copied_images_shows_them_from_disk(room: Any, study: Make) -> None:
    begin(room, study(copy_images=True))

    room.wait("return document.querySelector('.stage img').naturalWidth > 0")


@pytest.mark.parametrize("form", ["preference", "errors", "likert", "text"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_word_stands_out_and_nothing_runs_over(room: Any, study: Make, form: str, *, dark: bool) -> None:
    room.dark(on=dark)
    made = study(form, truth="reference")
    for width, height in SIZES.values():
        room.size(width, height)
        forget(room)
        room.open(made.page_path())
        for _ in range(2):
            read, low = room.js(CONTRAST)
            assert (read > 10, low) == (True, [])
            assert room.js(OVER) == []
            if heading(room) == "Before you begin":
                room.press("1", "Tab", "3", "Enter")


def test_every_control_has_a_name_and_headings_go_down_in_steps(room: Any, study: Make) -> None:
    begin(room, study("errors"))
    room.do("/goog/cdp/execute", {"cmd": "Accessibility.enable", "params": {}})
    tree = room.do("/goog/cdp/execute", {"cmd": "Accessibility.getFullAXTree", "params": {}})["nodes"]
    nodes = [node for node in tree if not node.get("ignored") and "role" in node]
    controls = {"button", "link", "textbox", "radio", "checkbox", "image", "region", "progressbar", "group", "toolbar"}
    nameless = [
        node["role"]["value"]
        for node in nodes
        if node["role"]["value"] in controls and not node.get("name", {}).get("value", "").strip()
    ]
    levels = [
        next(p["value"]["value"] for p in node["properties"] if p["name"] == "level")
        for node in nodes
        if node["role"]["value"] == "heading"
    ]

    assert nameless == []
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tab_reaches_every_control_in_the_order_of_the_page(room: Any, study: Make) -> None:
    begin(room, study())
    seen: list[str] = []
    room.js("document.activeElement.blur(); getSelection().removeAllRanges(); document.getElementById('skip').focus()")
    for _ in range(30):
        seen.append(str(room.js("const a = document.activeElement; return a.id || a.name || a.textContent.trim()")))
        room.press("Tab")

    order = ["skip", "undo", "save", "theme", "keys", "stage", "preference", "f-comment", "Back", "Next"]
    places = [seen.index(name) for name in order]
    assert places == sorted(places)


@pytest.mark.parametrize(("size", "dark"), LOOKS, ids=NAMES)
def test_axe_finds_no_serious_fault(room: Any, study: Make, size: str, *, dark: bool) -> None:
    if not AXE.is_file():
        pytest.skip("no axe-core; scripts/env-browser installs it where npm is")
    room.size(*SIZES[size])
    room.dark(on=dark)
    for form in ("preference", "errors", "likert"):
        made = study(form, readers=1)
        forget(room)
        room.open(made.page_path())
        assert faults(room) == []
        room.press("1", "Tab", "3", "Enter")
        assert faults(room) == []
        room.press("?")
        assert faults(room) == []
        room.press("Escape")
        room.js("document.querySelector('label[for=f-comment]').remove()")
        assert faults(room) != [], "a fault that was put there is not found"


def faults(room: Any) -> list[str]:
    """What axe-core calls serious or critical."""
    room.js(AXE.read_text(encoding="utf-8") + "\nwindow.axe = window.axe || axe;")
    script = "const done = arguments[0]; axe.run().then((found) => done(found.violations), (e) => done([String(e)]))"
    found = room.do("/execute/async", {"script": script, "args": []})
    return [
        f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
