"""Films of more than 8 bits: what a page carries of them, and that a browser windows every bit."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from mmrad_eval.core.values import Image
from mmrad_eval.results.view import write_view
from mmrad_eval.results.view.images import How, ImageStore
from tests.results.view.conftest import Bench

Take = Callable[[Path], Any]

SIDE = 256
STRIPE = 32
FAINT = 20_000 + (np.indices((SIDE, SIDE))[1] // STRIPE % 2 * 60).astype(np.uint16)
"""Stripes 60 of 65,536 values apart: the same shade in any 8 bits but at one edge."""
FAINT[0, 0], FAINT[0, 1] = 0, 65535
SHOWN = """const canvas = document.querySelector('.viewer .deep canvas')
return canvas !== null && getComputedStyle(canvas.parentNode).display !== 'none'"""


def film(path: Path, values: NDArray[np.uint16]) -> Path:
    Pillow.fromarray(values).save(path)
    return path


def dicom(path: Path, values: NDArray[np.uint16]) -> Path:
    pydicom = pytest.importorskip("pydicom", reason="the extra dicom is not installed")
    made = pydicom.Dataset()
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = pydicom.uid.DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    made.PatientName, made.PatientID, made.Modality = "Doe^Jane", "SECRET-4711", "DX"
    made.PhotometricInterpretation, made.SamplesPerPixel, made.PixelRepresentation = "MONOCHROME1", 1, 0
    made.Rows, made.Columns = values.shape
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelData = values.tobytes()
    made["PixelData"].VR = "OW"
    made.save_as(path, enforce_file_format=True)
    return path


def page(bench: Bench, *films: Path, how: How, use: str = "open") -> Path:
    """A page of one study a film, made as a user makes it."""
    rows = "".join(f"s{n},p{n},{path.name},Clear lungs.\n" for n, path in enumerate(films))
    (bench.place / "cases.csv").write_text(f"study_id,patient_id,image,findings\n{rows}")
    bench.call(
        *("--model", "baseline:normal", "--task", "direct", "--data", "cases.csv", "--images", "."),
        *("--data-use", use, "--metrics", "bleu@rexrank", "--quiet"),
    )
    return write_view([bench.run("direct", "baseline:normal")], bench.place / "page", pictures=how).path


def scripts_of(made: Any) -> str:
    """What a page allows to run."""
    (rules,) = (attrs["content"] for tag, attrs in made.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    return next(str(rule) for rule in rules.split("; ") if rule.startswith("script-src"))


def test_a_page_that_links_its_films_carries_no_value_of_them(tmp_path: Path) -> None:
    path = film(tmp_path / "a.png", FAINT)

    linked = ImageStore(tmp_path / "p.html").picture(Image(str(path)))

    assert linked.deep is None
    assert "--embed-images" in linked.why
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("how", ["copy", "embed"])
def test_every_value_is_on_the_page_once(tmp_path: Path, how: How) -> None:
    store = ImageStore(tmp_path / "p" / "index.html", how)
    (tmp_path / "p").mkdir()

    found = store.picture(Image(str(film(tmp_path / "a.png", FAINT)))).deep

    assert found is not None
    if how == "copy":
        script = (tmp_path / "p" / found.src).read_text()
        said = re.fullmatch(r'mmradFilm\("([0-9a-f]{24})",("[^"]+")\);\n', script)
        assert said is not None
        assert found.src == f"images/{said[1]}.js"
        data = json.loads(said[2])
    else:
        data = dict(store.fresh())[found.src].data
    halves = np.asarray(Pillow.open(io.BytesIO(base64.b64decode(data.partition(",")[2])))).astype(np.uint16)
    codes = halves[:SIDE] << 8 | halves[SIDE:]
    assert (codes == FAINT).all()
    assert found.total == int(FAINT.sum(dtype=np.int64))


@pytest.mark.parametrize("how", ["copy", "embed"])
def test_films_of_eight_bits_bring_no_more_than_they_did(bench: Bench, take: Take, how: How) -> None:
    path = bench.place / "a.png"
    Pillow.fromarray((FAINT >> 8).astype(np.uint8)).save(path)

    made = take(page(bench, path, how=how))

    assert "deep" not in made["study-0"]["pictures"][0]
    assert "file:" not in scripts_of(made)


def test_a_page_allows_scripts_beside_it_only_where_films_lie_in_some(bench: Bench, take: Take) -> None:
    made = take(page(bench, film(bench.place / "a.png", FAINT), how="copy"))

    assert made["study-0"]["pictures"][0]["deep"]["src"].endswith(".js")
    assert re.fullmatch(r"script-src 'sha256-[^']+' 'self' file:", scripts_of(made))


def test_copied_values_are_marked_as_the_data_is(bench: Bench) -> None:
    path = page(bench, film(bench.place / "a.png", FAINT), how="copy", use="credentialed")

    assert list(path.parent.glob("images/*.js"))
    assert "credentialed" in (path.parent / "data_use.json").read_text()


def stripes(window: Any) -> float:
    """How far apart the shades of neighboring stripes are on the screen, of 255."""
    shot = Pillow.open(io.BytesIO(window.shot_of(".viewer .stage"))).convert("L")
    row = np.asarray(shot, dtype=np.float64)[shot.height // 2]
    side = min(shot.size)
    edge = (shot.width - side) / 2
    middles = [row[round(edge + (n + 0.5) * side * STRIPE / SIDE)] for n in range(SIDE // STRIPE)]
    return float(np.mean(middles[1::2]) - np.mean(middles[::2]))


@pytest.mark.browser
@pytest.mark.parametrize("how", ["copy", "embed"])
def test_what_only_low_bits_hold_is_seen_when_the_window_is_narrowed(window: Any, bench: Bench, how: How) -> None:
    window.open(page(bench, film(bench.place / "a.png", FAINT), how=how))
    window.click("#rows a")
    window.press("v")
    assert stripes(window) == pytest.approx(0, abs=1.1)

    at_level(window, 20_030, 120)

    window.wait(SHOWN)
    assert stripes(window) == pytest.approx(255 / 2, abs=3)
    assert "the file holds 0 to 65535" in window.text(".viewer output")
    window.press("i")
    assert stripes(window) == pytest.approx(-255 / 2, abs=3)
    window.press("r")
    assert not window.js(SHOWN)
    assert stripes(window) == pytest.approx(0, abs=1.1)


@pytest.mark.browser
def test_a_dicom_file_of_twelve_bits_is_windowed_in_its_own_values(window: Any, bench: Bench) -> None:
    values = (1200 + np.indices((SIDE, SIDE))[1] // STRIPE % 2 * 4).astype(np.uint16)
    values[0, 0], values[0, 1] = 0, 4095
    window.open(page(bench, dicom(bench.place / "a.dcm", values), how="copy"))
    window.click("#rows a")
    window.press("v")
    assert abs(stripes(window)) < 1.1

    at_level(window, 4095 - 1202, 16)

    window.wait(SHOWN)
    assert stripes(window) == pytest.approx(-4 / 16 * 255, abs=3)
    assert "black 1210, white 1194; the file holds 4095 to 0" in window.text(".viewer output")


@pytest.mark.browser
def test_keys_and_a_drag_narrow_a_deep_film_by_ratios(window: Any, bench: Bench) -> None:
    window.open(page(bench, film(bench.place / "a.png", FAINT), how="embed"))
    window.click("#rows a")
    window.press("v")
    window.press(*[","] * 40)
    window.wait(SHOWN)
    ends = [int(n) for n in re.findall(r"black (\d+), white (\d+)", window.text(".viewer output"))[0]]
    assert ends[1] - ends[0] == pytest.approx(65535 * np.exp(-8 * 0.02 * 40), rel=0.02)


@pytest.mark.browser
def test_a_browser_that_changes_what_a_page_reads_shows_eight_bits_and_says_so(
    window: Any, bench: Bench, take: Take
) -> None:
    path = page(bench, film(bench.place / "a.png", FAINT), how="embed")
    total = take(path)["study-0"]["pictures"][0]["deep"]["total"]
    path.write_text(path.read_text().replace(f'"total":{total}', f'"total":{total + 1}'))
    window.open(path)
    window.click("#rows a")
    window.press("v")
    at_level(window, 20_030, 120)
    window.wait("return document.querySelector('.viewer output').textContent.includes('only 8 bits')")
    assert window.js("return document.querySelector('.viewer .deep') === null")


def at_level(window: Any, code: float, width: float) -> None:
    """Set the window of the film, as the sliders do."""
    window.js(
        f"""
        const deep = JSON.parse(document.querySelector('#study-0').textContent).pictures[0].deep;
        const [low, high] = deep.window, own = high - low;
        const [w, l] = document.querySelectorAll('.viewer header input[type=range]');
        const set = (slider, share) => {{ slider.value = 1 + 99 * share; slider.dispatchEvent(new Event('input')); }};
        const least = 2 / own, most = Math.max(1, 2 * deep.most / own);
        set(w, Math.log({width} / own / least) / Math.log(most / least));
        const from = Math.min(0, -low / own), to = Math.max(1, (deep.most - low) / own);
        set(l, (({code} - low) / own - from) / (to - from));
        """
    )
