"""What the clients ask about: text prompts of about 300 bytes, or one JPEG of 132 kB each, no two alike."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.records import write_traces

WORDS = (
    "heart",
    "lungs",
    "pleural effusion",
    "opacity",
    "left",
    "right",
    "lower lobe",
    "mild",
    "stable",
    "without",
    "size",
)
KILOBYTES = 132


@dataclass(frozen=True)
class Material:
    """One kind of question, as files for every client."""

    folder: Path
    prompts: Path
    """JSON lines of {"text", "image"} for clients that take prompts."""
    studies: Path
    """The same as a dataset of mmrad-eval."""
    pictures: bool


def made(folder: Path, texts: int, images: int) -> tuple[Material, Material]:
    """Both kinds, written by a process of its own: this one must stay small, as a child's peak memory starts at it."""
    subprocess.run([sys.executable, __file__, str(folder), str(texts), str(images)], check=True)
    return _material(folder / "text", pictures=False), _material(folder / "pictures", pictures=True)


def _material(folder: Path, *, pictures: bool) -> Material:
    return Material(folder, folder / "prompts.jsonl", folder / "studies.jsonl", pictures)


def text(folder: Path, n: int) -> None:
    """Prompts of words alone; as studies, traces whose words are shown."""
    folder.mkdir()
    chance = random.Random(7)
    sentences = [" ".join(chance.choices(WORDS, k=40)) for _ in range(n)]
    write_traces(folder / "studies.jsonl", sentences)
    _lines(folder / "prompts.jsonl", [{"text": f"Write a report. {sentence}"} for sentence in sentences])


def pictures(folder: Path, n: int) -> None:
    """Prompts with one image each."""
    folder.mkdir()
    jpeg = _jpeg()
    names = []
    for number in range(n):
        mark = f"{number:08}".encode()
        comment = b"\xff\xfe" + (len(mark) + 2).to_bytes(2, "big") + mark  # a JPEG comment makes each file another
        (folder / f"{number}.jpg").write_bytes(jpeg[:2] + comment + jpeg[2:])
        names.append(f"{number}.jpg")
    _lines(folder / "prompts.jsonl", [{"text": "Write a report.", "image": str(folder / name)} for name in names])
    rows = [{"id": name, "images": [name], "findings": "The lungs are clear."} for name in names]
    _lines(folder / "studies.jsonl", rows)


def _jpeg() -> bytes:
    """1024 x 1024 pixels of smooth noise, at the quality that comes nearest to 132 kB."""
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(7).normal(0, 1, (1024, 1024))
    smooth = sum(np.roll(noise, (i, j), (0, 1)) for i in range(3) for j in range(3))
    image = Image.fromarray(np.clip(128 + 12 * smooth, 0, 255).astype(np.uint8))
    best = b""
    for quality in range(10, 96):
        target = io.BytesIO()
        image.save(target, "JPEG", quality=quality)
        if abs(len(target.getvalue()) - KILOBYTES * 1000) < abs(len(best) - KILOBYTES * 1000):
            best = target.getvalue()
    return best


def _lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    text(Path(sys.argv[1]) / "text", int(sys.argv[2]))
    pictures(Path(sys.argv[1]) / "pictures", int(sys.argv[3]))
