"""The built-in dataset: 24 invented studies of 16 patients, with drawn films, traces in the authors' form, and
boxes around what is drawn.

Films are drawn at first use into the cache folder of the user (``XDG_CACHE_HOME``, else ``~/.cache``), the same bytes
every time.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path
from typing import Any

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, ClinicalContext, Image, PriorStudy, ReaderBox, Report, Step, Study, Trace
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.datasets.demo.anatomy import SIZES, DemoAnatomy, anatomy, region_box
from mmrad_eval.datasets.demo.boxes import finding_boxes
from mmrad_eval.datasets.sections import join
from mmrad_eval.datasets.source import Source
from mmrad_eval.traces import geometry, regions

HERE = Path(__file__).parent
SPLIT = "test"

REGIONS: dict[str, str] = {
    "heart": "the heart and the mediastinal region",
    "lungs": "the lung region",
    "pleura": "the pleura and the diaphragm region",
    "bones": "the bones",
}
"""Word in studies.toml -> the region as a trace writes it."""


def read(source: Source) -> Dataset:
    """The demo's studies; draws the films that are not in the cache yet."""
    records = _records()
    folder = cache_folder()
    _draw_missing(records, folder)
    made: dict[str, Study] = {}
    for record in records:
        made[record["id"]] = _study(record, folder, made)
    return Dataset("demo", tuple(made.values()), "open", str(source.path or "demo"), "demo")


def cache_folder() -> Path:
    """Where the films lie. Its name changes with the code that draws them: no old film is taken for a new one."""
    sha = hashlib.sha256()
    for file in [*sorted(HERE.glob("*.py")), HERE / "studies.toml"]:
        sha.update(file.read_bytes())
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).absolute() / "mmrad-eval" / f"demo-{sha.hexdigest()[:12]}"


def _records() -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = tomllib.loads((HERE / "studies.toml").read_text(encoding="utf-8"))["study"]
    return records


def _study(record: dict[str, Any], folder: Path, earlier: dict[str, Study]) -> Study:
    thorax = anatomy(record["patient"], record["view"], record["draw"])
    images = tuple(_image(record, view, folder) for view in _views(record))
    return Study(
        id=record["id"],
        images=images,
        patient=record["patient"],
        reference=Report(join(record["findings"], record["impression"]), record["findings"], record["impression"]),
        trace=Trace(tuple(_step(step, thorax, images[0]) for step in record["steps"])),
        boxes=tuple(ReaderBox(Box(box), label) for label, box in finding_boxes(thorax, record["draw"])),
        priors=(_prior(record["prior"], earlier),) if "prior" in record else (),
        context=ClinicalContext(
            indication=record["indication"], comparison=record.get("comparison"), age=record["age"], sex=record["sex"]
        ),
        split=SPLIT,
    )


def _views(record: dict[str, Any]) -> tuple[str, ...]:
    return (record["view"], "LATERAL") if record.get("lateral") else (record["view"],)


def _image(record: dict[str, Any], view: str, folder: Path) -> Image:
    name = f"{record['id']}-{view.lower()}.png"
    return Image(path=str(folder / name), name=name, view=view, size=SIZES[view])


def _step(step: dict[str, str], thorax: DemoAnatomy, film: Image) -> Step:
    phrase = REGIONS[step["region"]]
    region = regions.resolve(phrase)
    fine = regions.fine_names(step["text"]) or ((region.name,) if region else ())
    pixels = Box(region_box(thorax, step["region"]))
    left, top, right, bottom = geometry.convert(pixels, geometry.CANONICAL, thorax.size).xyxy
    box = Box((round(left), round(top), round(right), round(bottom)), geometry.CANONICAL)
    cut = Image(path=film.path, name=film.name, view=film.view, role="region", box=box, render="crop", size=film.size)
    return Step(phrase, fine, regions.category_of(phrase), box, cut, step["text"])


def _prior(prior: dict[str, Any], earlier: dict[str, Study]) -> PriorStudy:
    study = earlier[prior["id"]]
    images = tuple(Image(path=i.path, name=i.name, view=i.view, role="prior", size=i.size) for i in study.images)
    return PriorStudy(study.id, images, study.reference, float(prior["days"]))


def _draw_missing(records: list[dict[str, Any]], folder: Path) -> None:
    for record in records:
        for view in _views(record):
            path = Path(_image(record, view, folder).path)
            if not path.exists():
                _write(path, _drawn(record, view))


def _drawn(record: dict[str, Any], view: str) -> bytes:
    from mmrad_eval.datasets.demo import film, findings, png

    thorax = anatomy(record["patient"], record["view"], record["draw"])
    if view == "LATERAL":
        return png.encode(film.lateral(thorax, record["draw"]).pixels())
    picture = film.frontal(thorax)
    findings.draw(picture, thorax, record["draw"])
    return png.encode(picture.pixels())


def _write(path: Path, data: bytes) -> None:
    """Write under another name and rename, so that two processes never see half a film."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise DataError(
            f"the demo's films can't be written to {path.parent} ({error.strerror});"
            " set XDG_CACHE_HOME to a folder that can be written"
        ) from error
