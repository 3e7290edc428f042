"""Pictures drawn for the tests of traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow


def radiograph(width: int = 640, height: int = 512, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Something with the grain and the smooth shapes of a radiograph: (height, width) uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    picture = np.full((height, width), 40.0)
    for _ in range(12):
        cx, cy = random.uniform(0, width), random.uniform(0, height)
        rx, ry = random.uniform(width / 12, width / 3), random.uniform(height / 12, height / 3)
        picture += random.uniform(-40, 60) * np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)
    picture += random.normal(0, 4, picture.shape)
    grey: np.ndarray[tuple[int, int], np.dtype[np.uint8]] = np.clip(picture, 0, 255).astype(np.uint8)
    return grey


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An 8-bit grey PNG of 640 x 512 pixels."""
    path = tmp_path_factory.mktemp("films") / "film.png"
    Pillow.fromarray(radiograph()).save(path)
    return path


@pytest.fixture(scope="session")
def samples() -> dict[str, list[dict[str, Any]]]:
    """Rows of each format, with the shapes and irregular spaces of the public ones and invented words."""
    folder = Path(__file__).parent.parent / "golden" / "traces"
    return {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted(folder.glob("*.jsonl"))
    }
