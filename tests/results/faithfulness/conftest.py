"""Studies whose pixels decide a word that no text tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Box, Image, Report, Step, Study, Trace

SIDE = 400
LUNG = (40.0, 60.0, 180.0, 300.0)
MOVED = 12.0
"""Pixels by which the box of a study with a pneumothorax lies lower: what a reader of boxes could go by."""
HEART = (200.0, 200.0, 330.0, 330.0)


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """24 patients; half have a pneumothorax that is bright in the lung's region and in no word of the trace."""
    folder = tmp_path_factory.mktemp("films")
    made = [_study(number, folder) for number in range(24)]
    return Dataset("pixels", tuple(made), "open", str(folder))


def _study(number: int, folder: Path) -> Study:
    ill, large = number % 2 == 1, number % 3 == 0
    rng = np.random.default_rng(number)
    pixels = rng.integers(20, 40, (SIDE, SIDE)).astype(np.uint8)
    top = LUNG[1] + (MOVED if ill else 0.0)
    box = (LUNG[0], top, LUNG[2], top + LUNG[3] - LUNG[1])
    if ill:
        pixels[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = 220
    path = folder / f"{number}.png"
    Pillow.fromarray(pixels).save(path)
    heart = "The heart is enlarged." if large else "The heart is normal in size."
    lungs = "There is an effusion." if number % 4 == 0 else "No effusion is seen."
    found = f"{heart} {lungs} {'There is a pneumothorax.' if ill else 'No pneumothorax.'}"
    trace = Trace(
        (
            Step(region="the heart", category="heart_mediastinum", box=Box(HEART), text=heart),
            Step(region="the lung region", category="lungs", box=Box(box), text=lungs),
        )
    )
    image = Image(str(path), name=path.name, size=(SIDE, SIDE))
    return Study(f"s{number:02}", (image,), f"p{number:02}", Report(f"FINDINGS: {found}", found), trace)
