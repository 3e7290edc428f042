"""The page in a browser: clicked, typed at and read back, as a reader would with a mouse, without one, or unseeing."""

from __future__ import annotations

import functools
import http.server
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.results.view import write_view
from mmrad_eval.traces import rendering

pytestmark = pytest.mark.browser

WIDE, NARROW = (1440, 950), (700, 950)
BLEU, ROUGE = "BLEU-4 @ r2gen-iu", "ROUGE-L @ r2gen-iu"
HOSTILE = (
    "Left effusion. </script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "<svg onload=\"document.title='owned'\"></svg><a href='javascript:1'>x</a> \u202egnp.exe\u202c end."
)
ALL_ROWS = "return [...document.querySelectorAll('#rows tr')].map(r => [...r.cells].map(c => c.textContent))"


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder over HTTP; the address."""
    servers: list[http.server.ThreadingHTTPServer] = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    def start(folder: Path) -> str:
        handler = functools.partial(Quiet, directory=str(folder))
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def count(window: Any) -> str:
    """The number of studies as the page tells it."""
    return str(window.text("#count"))


def column(window: Any, number: int) -> list[str]:
    """A column of the table, as it stands."""
    return [row[number] for row in window.js(ALL_ROWS)]


def pictures_are_there(window: Any) -> bool:
    """Whether every picture of the open study was found: the pixels of a missing one have no size."""
    return bool(
        window.js(
            "return Promise.all([...document.querySelectorAll('#detail image')].map(i => new Promise(done => {"
            "const p = new Image(); p.onload = () => done(p.naturalWidth > 0); p.onerror = () => done(false);"
            "p.src = i.href.baseVal; }))).then(all => all.length > 0 && all.every(Boolean))"
        )
    )


# -- opening ------------------------------------------------------------------------------------------------------


def test_it_opens_from_disk_with_every_study_and_its_pictures(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#rows a")

    assert count(window) == "24 studies"
    assert len(window.ids()) == 24
    assert window.text("#study-title") == "demo-01"
    assert pictures_are_there(window)


def test_it_opens_from_any_web_server(window: Any, demo: Any, tmp_path: Path, serve: Callable[[Path], str]) -> None:
    write_view([demo.run("mcot", "openai:rehearsal")], tmp_path / "deep" / "out", pictures="copy")

    window.open(f"{serve(tmp_path)}/deep/out/#study=demo-02")

    assert window.text("#study-title") == "demo-02"
    assert pictures_are_there(window)
    asked = window.js("return performance.getEntriesByType('resource').map(e => e.name)")
    assert asked
    assert all(name.startswith("http://127.0.0.1") for name in asked)


def test_a_thousand_studies_are_in_reach_of_keys(window: Any, kit: Any, tmp_path: Path) -> None:
    studies = kit.studies(1000, patients=500)
    text = "The heart is enlarged. There is a small left pleural effusion. No pneumothorax. " * 4
    runs = [kit.run([kit.answer(s, f"{i} {text}") for s in studies], model=f"test:m{i}") for i in range(2)]

    window.open(write_view(runs, tmp_path / "p.html").path)

    assert count(window) == "1,000 studies"
    assert len(window.ids()) < 1000
    window.press("End")
    assert window.focused() == "s00999"
    assert len(window.ids()) == 1000


def test_a_picture_that_has_gone_says_so(window: Any, bench: Any) -> None:
    rows = [{"study_id": "a", "findings": "Clear.", "images": ["a.png"], "patient_id": "p"}]
    Pillow.new("L", (40, 30), 90).save(bench.place / "a.png")
    page = write_view([bench.scored("m", {"a": "Clear."}, rows)]).path
    (bench.place / "a.png").unlink()

    window.open(f"{page.as_uri()}#study=a")
    window.wait("return document.querySelector('.lost') !== null")

    assert "nothing at" in window.text(".lost")
    assert any("ERR_FILE_NOT_FOUND" in line for line in window.log())


# -- filter and sort ----------------------------------------------------------------------------------------------


def test_studies_are_filtered_by_status(window: Any, one: Path) -> None:
    window.open(one)
    window.choose("#status", "a|refused")
    assert window.ids() == ["demo-04"]
    assert count(window) == "1 of 24 studies"

    window.choose("#status", "a|failed")
    assert window.ids() == ["demo-09"]


def test_studies_are_filtered_by_patient(window: Any, one: Path) -> None:
    window.open(one)
    window.write("#patient", "P02")
    assert window.ids() == ["demo-02", "demo-03"]

    window.open(f"{one.as_uri()}#study=demo-04")
    window.click(".meta button")
    assert window.ids() == ["demo-04", "demo-05"]


def test_studies_are_searched_by_the_words_of_their_reports(window: Any, one: Path) -> None:
    window.open(one)
    wanted = [s.id for s in datasets.load("demo").studies if s.reference and "tortuous" in s.reference.text.lower()]
    window.write("#search", "Tortuous")
    window.wait("return document.getElementById('count').textContent.includes('of')")

    assert window.ids() == wanted
    window.write("#search", "nowhere-to-be-found")
    window.wait("return !document.getElementById('nothing').hidden")
    window.click("#clear")
    assert count(window) == "24 studies"


def test_studies_are_filtered_by_any_column_and_the_filter_is_taken_away(window: Any, one: Path, take: Any) -> None:
    values = take(one).values(ROUGE)
    window.open(one)
    window.click("#add-filter")
    window.choose("#where", f"a|{ROUGE}")
    window.write("#than", "0.4")
    window.press("Enter")

    assert window.ids() == [name for name, value in values.items() if value is not None and value >= 0.4]
    assert window.text("#chips") == "ROUGE-L @ r2gen-iu \u2265 0.4 \u00d7"
    window.choose("#is", "none")
    window.click("#by-column button")
    assert count(window) == "0 of 24 studies"
    window.click("#chips button")
    assert window.ids() == ["demo-09"]


def test_studies_are_sorted_by_any_column_down_up_and_not_at_all(window: Any, one: Path, take: Any) -> None:
    values = take(one).values(BLEU)
    known = sorted((v for v in values.values() if v is not None), reverse=True)
    window.open(one)
    heading = "#head th:nth-child(4) button"
    for direction, order in (("descending", known), ("ascending", known[::-1])):
        window.click(heading)
        cells = column(window, 3)
        assert window.js("return document.querySelector('#head th:nth-child(4)').ariaSort") == direction
        assert cells[:-1] == [f"{value:.3f}" for value in order]
        assert cells[-1] == ""
        assert window.ids()[-1] == "demo-09"
    window.click(heading)
    assert window.ids()[0] == "demo-01"
    window.click("#head th:nth-child(2) button")
    assert column(window, 1) == sorted(column(window, 1))


def test_columns_are_chosen(window: Any, one: Path) -> None:
    window.open(one)
    window.click("#choose")
    window.js("[...document.querySelectorAll('#dialog label')].find(l => l.textContent.trim() === 'Words').click()")
    window.press("Escape")

    assert "Words" in window.text("#head")
    assert "col=Words" in window.js("return location.hash")


# -- a study ------------------------------------------------------------------------------------------------------


def test_boxes_are_drawn_where_they_are_and_can_be_taken_away(window: Any, one: Path, take: Any) -> None:
    looks = take(one).answer("demo-02")["shown"]["steps"]
    window.open(f"{one.as_uri()}#study=demo-02")
    drawn = window.js(
        "return [...document.querySelectorAll('.films figure:first-child .box rect')]"
        ".map(r => ['x', 'y', 'width', 'height'].map(n => +r.getAttribute(n)))"
    )

    assert drawn[: len(looks)] == [look["box"]["xywh"] for look in looks]  # those that readers drew come after them
    assert window.text(".boxes label") == "shown = reference trace (2)"
    shown = "return [...document.querySelectorAll('.films .box')].filter(b => b.getBoundingClientRect().width).length"
    every = window.js(shown)
    window.click(".boxes input")
    assert window.js(shown) == every - 2
    window.press("j")
    window.press("k")
    assert window.js(shown) == every - 2
    window.click(".boxes input")
    assert window.js(shown) == every


def test_region_images_stand_in_their_order_and_show_their_part(window: Any, one: Path, take: Any) -> None:
    looks = take(one).answer("demo-08")["shown"]["steps"]
    window.open(f"{one.as_uri()}#study=demo-08")
    steps = window.js(
        "return [...document.querySelectorAll('#detail .steps li')]"
        ".map(li => [li.querySelector('button').textContent, li.querySelector('svg').getAttribute('viewBox')])"
    )

    assert steps == [[look["region"], " ".join(f"{v:g}" for v in look["image"]["box"]["xywh"])] for look in looks]
    window.click("#detail .steps li:nth-child(2) button")
    assert window.js("return document.querySelectorAll('.box.lit text')[0].textContent") == "2"


def test_a_region_image_looks_as_the_model_saw_it_and_shows_nothing_around_it(window: Any, one: Path) -> None:
    study = next(study for study in datasets.load("demo").studies if study.id == "demo-08")
    assert study.trace is not None
    window.open(f"{one.as_uri()}#study=demo-08")

    for number, step in enumerate(study.trace.steps, 1):
        assert step.image is not None
        place = f"#detail .steps li:nth-child({number}) .crop > svg"
        window.js("document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", place)
        sent = Pillow.open(io.BytesIO(rendering.load(step.image).data)).convert("L")
        seen = Pillow.open(io.BytesIO(window.shot_of(place))).convert("L")
        scale = min(seen.width / sent.width, seen.height / sent.height)
        inside = sent.resize((round(sent.width * scale), round(sent.height * scale)))
        wanted = Pillow.new("L", seen.size, 13)  # the page's own black, around a picture that is no square
        wanted.paste(inside, ((seen.width - inside.width) // 2, (seen.height - inside.height) // 2))
        off = np.abs(np.asarray(wanted, float) - np.asarray(seen, float))[8:-8, 8:-8]  # the corners are round
        assert off.mean() < 4
        assert np.median(off) < 2


def test_findings_are_marked_in_both_texts_and_listed(window: Any, two: Path) -> None:
    window.open(f"{two.as_uri()}#study=demo-02")
    kinds = "return [...document.querySelectorAll('.cols > div:nth-child(%d) .facts .kind')].map(k => k.textContent)"

    assert any("matched" in kind for kind in window.js(kinds % 1))
    assert any("contradicted" in kind for kind in window.js(kinds % 2))
    marks = window.js("return [...document.querySelectorAll('mark')].map(m => m.className + ':' + m.textContent)")
    assert "matched:matched: cardiac silhouette" in marks
    assert "contradicted:contradicted: The heart" in marks
    lit = "return document.querySelectorAll('.lit').length"
    window.js("document.querySelector('.facts tr[data-rows]').dispatchEvent(new MouseEvent('mouseenter'))")
    assert window.js(lit) >= 2


def test_every_score_of_a_study_is_there_beside_the_whole_run(window: Any, one: Path, take: Any) -> None:
    page = take(one)
    window.open(f"{one.as_uri()}#study=demo-02")
    rows = dict(
        window.js(
            "return [...document.querySelectorAll('.scores tbody tr:not(.group)')]"
            ".map(r => [r.cells[0].textContent.replace(/ .$/, ''), [r.cells[1].textContent, r.cells[2].textContent]])"
        )
    )

    for one_column in page["page"]["columns"]:
        value = page.values(one_column["label"])["demo-02"]
        if one_column["metric"] not in {"findings", "answer"}:
            assert rows[one_column["label"]][0] == f"{value:.3f}"
    whole = page["page"]["runs"][0]["whole"][ROUGE]
    assert rows[ROUGE][1] == f"{whole['value']:.3f} [{whole['low']:.3f}, {whole['high']:.3f}]"


def test_the_exact_request_can_be_read(window: Any, one: Path) -> None:
    window.open(f"{one.as_uri()}#study=demo-02")
    window.js("[...document.querySelectorAll('summary')].find(s => s.textContent.startsWith('Request')).click()")
    window.wait("return document.querySelectorAll('.turn').length === 3")

    asked = window.text("section[aria-labelledby=requests] .turn:nth-of-type(2) .prose")
    assert "Its bounding box is [134, 87, 238, 278]." in asked
    assert window.js("return document.querySelectorAll('.sent > .film > svg').length") == 4
    assert pictures_are_there(window)


def test_two_runs_stand_side_by_side_with_their_difference(window: Any, two: Path, take: Any) -> None:
    page = take(two)
    window.open(two)
    a, b = (page.values(ROUGE, run)["demo-02"] for run in (0, 1))
    assert f"{b - a:+.3f}".replace("-", "\u2212") in window.js(ALL_ROWS)[1][-4]
    window.click("#rows tr:nth-child(2) a")
    heads = window.js("return [...document.querySelectorAll('h4.who')].map(h => h.textContent)")
    assert heads[:2] == ["A \u00b7 baseline:evidence mcot", "B \u00b7 openai:rehearsal mcot"]
    left, right = window.js(
        "return [...document.querySelectorAll('section[aria-labelledby=report] .cols > div')]"
        ".map(d => d.getBoundingClientRect().left)"
    )
    assert left < right - 200

    window.choose("#run-b", "2")
    assert window.js("return document.querySelectorAll('h4.who')[1].textContent") == "B \u00b7 openai:rehearsal direct"
    window.choose("#run-b", "")
    assert window.js("return document.querySelectorAll('h4.who').length") == 0


def test_on_a_narrow_screen_the_list_shows_scores_without_scrolling_sideways(window: Any, one: Path, two: Path) -> None:
    for page in (one, two):
        window.size(390, 800)
        window.open(page)
        cells = "[...document.querySelectorAll('#rows tr:first-child td')]"
        assert window.js(f"return Math.max(...{cells}.map(cell => cell.getBoundingClientRect().right))") <= 390
        assert window.js("return document.querySelectorAll('#rows tr:first-child td.num').length") >= 1
        window.size(1280, 900)
        window.wait("return document.querySelectorAll('#rows tr:first-child td.num').length > 3")


def test_findings_of_two_runs_fit_beside_each_other(window: Any, two: Path) -> None:
    window.size(1440, 900)
    window.open(two)
    window.click("#rows a")
    cut = "return [...document.querySelectorAll('#detail .wide:has(.facts)')].map(t => t.scrollWidth - t.clientWidth)"
    assert max(window.js(cut)) <= 1


def test_a_difference_says_whether_it_is_better_without_colour(window: Any, two: Path) -> None:
    window.open(two)
    signs = window.js("return [...document.querySelectorAll('#rows td.bad span')].map(s => s.ariaLabel)")

    assert signs
    assert set(signs) == {"worse"}


# -- strangers' words ---------------------------------------------------------------------------------------------


def test_hostile_words_are_read_and_never_run(window: Any, bench: Any) -> None:
    rows = [{"study_id": HOSTILE, "findings": HOSTILE, "patient_id": HOSTILE}]
    page = write_view([bench.scored("m", {HOSTILE: HOSTILE}, rows)]).path
    window.open(page)
    window.click("#rows a")
    window.js("document.querySelectorAll('details').forEach(d => { d.open = true })")
    title = window.get("/title")

    assert "owned" not in title.split("\u00b7")[1]
    assert title != "owned"
    assert (
        window.js("return document.querySelectorAll('#detail script, #detail img, #detail a, #rows img').length") == 0
    )
    said = window.js("return document.querySelector('.prose').textContent")
    assert "<script>document.title='owned'</script>" in said
    assert "U+202E" in said
    assert "\u202e" not in said


def test_fifty_thousand_characters_open_and_scroll_by_keys(window: Any, bench: Any) -> None:
    text = ("No pleural effusion. A small left effusion with atelectasis of the right lower lobe is new. " * 600)[
        :50_000
    ]
    rows = [{"study_id": "a", "findings": "Small left effusion.", "patient_id": "p"}]
    window.open(write_view([bench.scored("m", {"a": text}, rows)]).path)

    window.click("#rows a")
    window.text("#study-title")

    assert window.js("return document.querySelector('.prose').textContent.length") > 49_000
    assert window.js("return document.querySelector('.prose').tabIndex") == 0


def test_a_redacted_page_shows_scores_alone(window: Any, demo: Any, tmp_path: Path) -> None:
    window.open(write_view([demo.run("mcot", "openai:rehearsal")], tmp_path / "p.html", redact=True).path)
    window.click("#rows a")

    assert window.js("return [...document.querySelectorAll('#detail h3')].map(h => h.textContent)") == ["Scores"]
    assert window.js("return document.querySelectorAll('.scores tbody tr').length") > 5
    window.write("#search", "demo-07")
    window.wait("return document.getElementById('count').textContent === '1 of 24 studies'")
