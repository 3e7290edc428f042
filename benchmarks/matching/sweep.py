"""Regions cut from two real radiographs, found again: edges, correlations, and whether a foreign region is called one.

    .venv/bin/python benchmarks/matching/sweep.py FIRST.png SECOND.png [BOXES]

Each of BOXES boxes (default 24, drawn with a fixed seed, sides from 60 pixels to nine tenths of the picture) is cut in
every way of CUTS, as it is and as JPEG of quality 75, searched for in its own picture without being told where, and in
the other one.
"""

from __future__ import annotations

import io
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image as Pillow

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmrad_eval.traces import matching

Pixels = Pillow.Image
Box = tuple[int, int, int, int]


def enlarged(picture: Pixels, box: Box) -> Pixels:
    """As the rule for tiny crops does: the longest side at least 336."""
    cut = picture.crop(box)
    scale = max(1.0, 336 / max(cut.size))
    return cut.resize((round(cut.width * scale), round(cut.height * scale)), Pillow.Resampling.BICUBIC)


def squeezed(picture: Pixels, box: Box) -> Pixels:
    """To a square; boxes over 1.6 times as long as wide change more than is searched for, and are left out."""
    return picture.crop(box).resize((336, 336), Pillow.Resampling.BICUBIC)


def masked(picture: Pixels, box: Box) -> Pixels:
    """The whole frame, black outside."""
    frame = Pillow.new(picture.mode, picture.size)
    frame.paste(picture.crop(box), box[:2])
    return frame


def masked_square(picture: Pixels, box: Box) -> Pixels:
    """The masked frame, padded to a square and resized to 512."""
    side = max(picture.size)
    square = Pillow.new(picture.mode, (side, side))
    square.paste(masked(picture, box), ((side - picture.width) // 2, (side - picture.height) // 2))
    return square.resize((512, 512), Pillow.Resampling.BILINEAR)


CUTS: dict[str, Callable[[Pixels, Box], Pixels]] = {
    "crop": lambda picture, box: picture.crop(box),
    "resized crop": enlarged,
    "crop squeezed to a square": squeezed,
    "crop reduced to a half": lambda picture, box: picture.crop(box).reduce(2),
    "masked frame": masked,
    "masked frame, padded, resized": masked_square,
}


def jpeg(pixels: Pixels) -> Pixels:
    """Through JPEG of quality 75."""
    target = io.BytesIO()
    pixels.save(target, "JPEG", quality=75)
    return Pillow.open(io.BytesIO(target.getvalue()))


def boxes(size: tuple[int, int], count: int) -> list[Box]:
    """Drawn with a fixed seed; a third of them small."""
    chance = random.Random(7)
    made = []
    for number in range(count):
        most = 0.25 if number % 3 == 0 else 0.9
        width, height = (chance.randint(60, max(61, round(side * most))) for side in size)
        left, top = chance.randint(0, size[0] - width), chance.randint(0, size[1] - height)
        made.append((left, top, left + width, top + height))
    return made


def main() -> None:
    """Measure and print."""
    pictures = []
    for name in sys.argv[1:3]:
        with Pillow.open(name) as opened:
            pictures.append(opened.convert("L"))
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 24
    load = f"load {os.getloadavg()[0]:.1f}"
    sizes = " and ".join(f"{p.width} x {p.height}" for p in pictures)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {load}; {sizes} pixels, {count} boxes each\n")
    print(
        "| cut | found | edges off by (middle, worst) | lesser correlation (worst) | foreign found | foreign at most |"
    )
    print("|---|---|---|---|---|---|")
    start, searches = time.process_time(), 0
    for name, cut in CUTS.items():
        for quality in ("", ", JPEG 75"):
            off, own, strange, missed = [], [], [], []
            for number, picture in enumerate(pictures):
                for box in boxes(picture.size, count):
                    if cut is squeezed and not 1 / 1.6 <= (box[2] - box[0]) / (box[3] - box[1]) <= 1.6:
                        continue
                    region = cut(picture, box)
                    region = jpeg(region) if quality else region
                    match = matching.locate(region, picture)
                    foreign = matching.locate(region, pictures[1 - number])
                    searches += 2
                    own.append(match.score)
                    strange.append((foreign.found, foreign.score))
                    if match.found:
                        off.append(max(abs(a - b) for a, b in zip(match.box.xyxy, box, strict=True)))
                    else:
                        missed.append((number, box, round(match.score, 2)))
            found = f"{len(off)} of {len(own)}"
            edges = f"{sorted(off)[len(off) // 2]:.2f}, {max(off):.2f}"
            called = sum(found for found, _ in strange)
            print(
                f"| {name}{quality} | {found} | {edges} | {min(own):.2f} | {called} of {len(strange)} | "
                f"{max(score for _, score in strange):.2f} |",
                flush=True,
            )
            if missed:
                print(f"missed: {missed}", file=sys.stderr)
    print(f"\n{(time.process_time() - start) / searches:.2f} CPU seconds a search")


main()
