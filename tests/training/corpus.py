"""A small invented corpus with traces of many shapes, as neutral records with pictures on disk."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image as Pillow

from mmrad_eval.core.values import Box, DataUse, Image, Step, Trace
from mmrad_eval.datasets import digest, load
from mmrad_eval.traces import files, mmrad
from mmrad_eval.traces.record import StudyOf
from mmrad_eval.training.card import ExportCard
from mmrad_eval.training.conversation import QUESTION
from mmrad_eval.training.export import Origin, export
from mmrad_eval.training.patients import training_set
from mmrad_eval.training.sources import of_dataset
from mmrad_eval.training.trainers import chosen
from mmrad_eval.training.trainers.trainer import Format

SIZES = ((1000, 800), (2544, 3056), (301, 500), (640, 640), (4000, 900))
REGIONS = (
    ("the heart and the mediastinal region", "Heart size is at the upper limit of normal."),
    ("the lung region", "A nodule of 8 mm lies in the left upper lobe; nothing else."),
    ("left costophrenic angle", "Blunted, in keeping with a small effusion."),
    ("the abdominal region", "No free air beneath the diaphragm."),
    ("the bone region", "Healed fracture of the sixth right rib: unchanged \u2013 \u201cold\u201d."),
    ("trachea", "Midline."),
)
REPORTS = (
    "Findings: Small left effusion.\nImpression: Effusion; nodule of 8 mm, CT advised.",
    "No acute disease.",
    "Herz normal gro\u00df. Kein Erguss (\u00a0links\u00a0wie rechts\u00a0).",
)
SPLITS = ("train", "train", "train", "train", "test", "validate")


def write_corpus(folder: Path, *, count: int = 12, data_use: DataUse = "open", seed: int = 7) -> Path:
    """Write ``traces.jsonl`` and its pictures; two studies a patient, patients in splits by turns."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number in range(count):
        size = SIZES[number % len(SIZES)]
        names = [_picture(folder, f"s{number}-film", size, draw)]
        steps = []
        for place, (region, text) in enumerate(draw.sample(REGIONS, draw.randint(1, len(REGIONS)))):
            box = _box(size, draw)
            pictured = place % 3 != 2
            if pictured:
                names.append(_picture(folder, f"s{number}-look{place}", (draw.randint(40, 900), 300), draw))
            steps.append(Step(region=region, box=box, image=Image(path="there") if pictured else None, text=text))
        fields = mmrad.compose(Trace(tuple(steps)), REPORTS[number % len(REPORTS)], names, size=size)
        patient = number // 2
        study = StudyOf(
            "invented", f"P{patient}", f"s{number}", split=SPLITS[patient % len(SPLITS)], licence_class=data_use
        )
        parsed = mmrad.parse(fields, f"s{number}", study=study, source_size=size)
        records.append(msgspec.structs.replace(parsed, study=study))
    path = folder / "traces.jsonl"
    files.write_jsonl(records, path)
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def words_in_order(text: str, words: Sequence[str]) -> bool:
    """Whether the text holds all words, each after the one before."""
    at = 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            return False
        at += len(word)
    return True


def _picture(folder: Path, name: str, size: tuple[int, int], draw: random.Random) -> str:
    """A picture of blocks, different each time, small on disk."""
    blocks = np.array([[draw.randint(0, 255) for _ in range(8)] for _ in range(8)], dtype=np.uint8)
    Pillow.fromarray(blocks).resize(size, Pillow.Resampling.NEAREST).save(folder / f"{name}.png")
    return f"{name}.png"


def _box(size: tuple[int, int], draw: random.Random) -> Box:
    """A box in pixels of the film, of whole numbers of the padded square: none is lost when it is written."""
    scale = max(size) / 336
    left = draw.uniform(0, size[0] * 0.6)
    top = draw.uniform(0, size[1] * 0.6)
    width, height = draw.uniform(20 * scale, size[0] * 0.4), draw.uniform(20 * scale, size[1] * 0.4)
    return Box((left, top, min(left + width, size[0] - scale), min(top + height, size[1] - scale)))


def export_corpus(
    corpus: Path,
    out: Path,
    *,
    form: Format = "sft",
    names: str = "",
    budget: int | None = None,
    numbers: str | None = None,
    hold_out: Sequence[Path] = (),
) -> ExportCard:
    """Export the corpus as `mmrad-eval export --data` does."""
    data = load(str(corpus))
    allowed = training_set(data.studies, "train", hold_out)
    origin = Origin(form, data.name, digest(data), data.data_use, "report", "train", allowed, QUESTION)
    drafts = of_dataset(data.studies, allowed, "report", traced=form == "sft")
    return export(drafts, origin, chosen(names, form), out, budget=budget, numbers=numbers)
