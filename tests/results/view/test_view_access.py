"""The page for who has no mouse, sees it dark, narrow or not at all, and for links that lead into it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.browser import CONTRAST

pytestmark = pytest.mark.browser

WIDE, NARROW = (1440, 950), (700, 950)
AXE = Path(__file__).resolve().parents[3] / ".envs" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
ALL_ROWS = "return [...document.querySelectorAll('#rows tr')].map(r => [...r.cells].map(c => c.textContent))"


def count(window: Any) -> str:
    """The number of studies as the page tells it."""
    return str(window.text("#count"))


# -- without a mouse ----------------------------------------------------------------------------------------------


def test_keys_walk_through_the_studies(window: Any, one: Path) -> None:
    window.open(one)
    window.press("j", "j", "j", "k")
    assert window.focused() == "demo-02"
    window.press("ArrowDown", "Enter")
    assert window.text("#study-title") == "demo-03"
    assert window.focused() == "demo-03"
    window.press("j")
    assert window.text("#study-title") == "demo-04"
    window.press("Escape")
    assert window.js("return document.getElementById('detail').hidden") is True
    assert window.focused() == "demo-04"
    window.press("/", "d", "e", "m", "o", "-", "1", "1")
    window.wait("return document.getElementById('count').textContent === '1 of 24 studies'")
    window.press("ArrowDown")
    assert window.focused() == "demo-11"
    window.press("?")
    assert window.text("#dialog-title") == "Keys"
    window.press("Escape")


def test_single_letters_can_be_turned_off(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#keys")
    window.click("#dialog input")
    window.press("Escape")
    window.press("j", "/")
    assert window.js("return document.activeElement.id") != "search"
    assert window.js("return document.querySelector('tr.at')") is None
    window.click("#keys")
    window.click("#dialog input")
    window.press("Escape")


def test_everything_is_reached_by_tab_in_the_order_of_the_page(window: Any, one: Path) -> None:
    window.open(one)
    seen: list[str] = []
    while "demo-01" not in seen:
        window.press("Tab")
        seen.append(window.js("const a = document.activeElement; return a.id || a.textContent.trim()"))
        assert len(seen) < 40

    bar = ["Skip to the studies", "run-a", "about", "theme", "keys"]
    filters = ["search", "status", "patient", "add-filter", "choose"]
    assert seen[:10] == [*bar, *filters]
    assert seen[10:13] == ["Study", "Patient", "Status"]
    assert len(seen) == len({*seen})


def test_skipping_leads_to_the_studies(window: Any, one: Path) -> None:
    window.open(one)
    window.press("Tab", "Enter")

    assert window.focused() == "demo-01"


# -- addresses ----------------------------------------------------------------------------------------------------


def test_the_address_holds_what_is_seen(window: Any, two: Path) -> None:
    window.open(two)
    window.choose("#run-b", "2")
    window.choose("#status", "a|ok")
    window.click("#head tr:first-child th:nth-child(1) button")
    window.click("#head tr:first-child th:nth-child(1) button")
    window.click("#rows a")
    address, table = window.get("/url"), window.js(ALL_ROWS)

    window.do("/url", {"url": "about:blank"})
    window.open(address)

    assert window.text("#study-title") == "demo-24"
    assert window.js(ALL_ROWS) == table
    assert window.js("return document.getElementById('run-b').value") == "2"


def test_going_back_closes_the_study(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#rows a")
    window.press("j")
    window.do("/back")
    window.wait("return document.getElementById('detail').hidden")

    assert len(window.ids()) == 24
    window.do("/forward")
    window.wait("return !document.getElementById('detail').hidden")
    assert window.text("#study-title") == "demo-02"


def test_an_address_of_nonsense_opens_the_page(window: Any, two: Path) -> None:
    window.open(f"{two.as_uri()}#study=nobody&a=zzz&b=%00&where=a|x|ge|1&where=%F0&sort=-a|gone&col=gone&q=")

    assert count(window) == "24 studies"
    assert len(window.ids()) == 24


# -- for every eye, and for none ----------------------------------------------------------------------------------


def test_every_control_and_picture_has_a_name_and_tables_are_tables(window: Any, two: Path) -> None:
    window.open(f"{two.as_uri()}#study=demo-02")
    window.click("#add-filter")
    window.do("/goog/cdp/execute", {"cmd": "Accessibility.enable", "params": {}})
    tree = window.do("/goog/cdp/execute", {"cmd": "Accessibility.getFullAXTree", "params": {}})["nodes"]
    nodes = [
        (node["role"]["value"], node.get("name", {}).get("value", ""), node)
        for node in tree
        if not node.get("ignored") and "role" in node
    ]
    roles = {role for role, _, _ in nodes}
    nameless = [
        role
        for role, name, _ in nodes
        if role in {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "image", "region", "spinbutton"}
        and not name.strip()
    ]

    assert nameless == []
    assert {"main", "banner", "search", "region", "table", "columnheader", "rowheader", "status", "heading"} <= roles
    (table,) = (node for role, name, node in nodes if role == "table" and name.startswith("Studies"))
    assert table
    levels = [
        next(p["value"]["value"] for p in node["properties"] if p["name"] == "level")
        for role, _, node in nodes
        if role == "heading"
    ]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_word_stands_out_from_its_ground(window: Any, two: Path, *, dark: bool) -> None:
    window.dark(on=dark)
    window.open(two)
    read, low = window.js(CONTRAST)
    assert read > 200
    assert low == []
    window.click("#rows tr:nth-child(2) a")
    window.js("document.querySelectorAll('details').forEach(d => { d.open = true })")
    read, low = window.js(CONTRAST)
    assert read > 400
    assert low == []
    window.js("document.querySelector('#study-title').style.color = '#777'")
    assert len(window.js(CONTRAST)[1]) == 1


def test_colours_follow_the_system_until_they_are_chosen(window: Any, one: Path) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    window.open(one)
    light = window.js(ground)
    window.dark(on=True)
    dark = window.js(ground)
    assert light != dark

    window.click("#theme")
    assert window.js(ground) == light
    window.click("#theme")
    window.dark(on=False)
    assert window.js(ground) == dark
    window.open(one)
    assert window.js(ground) == dark
    assert window.js("return document.getElementById('theme').ariaLabel") == "Colours: dark"


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_nothing_runs_out_of_the_window(window: Any, two: Path, size: tuple[int, int]) -> None:
    window.size(*size)
    window.open(two)
    over = "return document.documentElement.scrollWidth - innerWidth"
    pane = "const d = document.getElementById('detail'); return d.scrollWidth - d.clientWidth"

    assert window.js(over) <= 0
    window.click("#rows tr:nth-child(2) a")
    window.js("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert window.js(over) <= 0
    assert window.js(pane) <= 0
    shown = window.js("return document.querySelector('.list').getBoundingClientRect().width > 0")
    assert shown is (size == WIDE)
    window.click(".nav button:last-child")
    assert window.js("return document.querySelector('.list').getBoundingClientRect().width > 0") is True


def test_the_record_of_the_page_is_what_it_shows(window: Any, one: Path, take: Any) -> None:
    window.open(one)
    page = take(one)["page"]

    assert json.loads(window.js("return document.getElementById('page').textContent")) == page
    assert window.js("return document.title") == f"demo: {page['runs'][0]['name']}"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_no_serious_fault(window: Any, two: Path, size: tuple[int, int], *, dark: bool) -> None:
    if not AXE.is_file():
        pytest.skip("no axe-core; scripts/env-browser installs it where npm is")
    window.size(*size)
    window.dark(on=dark)
    for address in ("", "#study=demo-03"):
        window.open(two.as_uri() + address)
        window.js(AXE.read_text(encoding="utf-8") + "\nwindow.axe = window.axe || axe;")
        script = (
            "const done = arguments[0]; axe.run().then((found) => done(found.violations), (e) => done([String(e)]))"
        )
        found = window.do("/execute/async", {"script": script, "args": []})
        assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}] == []
