"""How long a build of many records takes, and how much memory: invented regions and reports, program models, no delay.

python benchmarks/construction/scale.py --records 20000
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
BOXES = {
    "cardiac silhouette": (120, 130, 230, 250),
    "mediastinum": (130, 60, 210, 240),
    "right lung": (45, 60, 165, 270),
    "left lung": (175, 60, 290, 270),
    "right lower lung zone": (50, 180, 160, 270),
    "left lower lung zone": (180, 180, 285, 270),
    "right costophrenic angle": (45, 240, 85, 285),
    "left costophrenic angle": (255, 240, 290, 285),
    "spine": (150, 40, 190, 330),
}
SIZES = ("mild", "moderate", "severe", "small", "large")
SAID = {
    "cardiac silhouette": ("The heart is {size}ly enlarged.", "The heart is normal in size."),
    "mediastinum": ("The mediastinum is widened by {n} mm.", "The mediastinal contours are unremarkable."),
    "right lung": ("There is a {size} opacity in the right lung measuring {n} mm.", "The right lung is clear."),
    "left lung": ("There is a {size} opacity in the left lung measuring {n} mm.", "The left lung is clear."),
    "right lower lung zone": ("There is {size} atelectasis at the right base.", "The right base is clear."),
    "left lower lung zone": ("There is {size} atelectasis at the left base.", "The left base is clear."),
    "right costophrenic angle": ("There is a {size} right pleural effusion.", "No right pleural effusion."),
    "left costophrenic angle": ("There is a {size} left pleural effusion.", "No left pleural effusion."),
    "spine": ("There are {size} degenerative changes of the spine.", "The spine is unremarkable."),
}


def rows(records: int) -> Iterator[dict[str, Any]]:
    """One row a box."""
    draw = random.Random(1)
    for number in range(records):
        said = {
            region: draw.choice(SAID[region]).format(size=draw.choice(SIZES), n=draw.randint(3, 60)) for region in BOXES
        }
        report = " ".join(said.values())
        for region, text in said.items():
            jitter = [edge + draw.randint(-6, 6) for edge in BOXES[region]]
            yield {
                "id": f"r{number:05}",
                "patient": f"p{number // 3}",
                "region": region,
                **dict(zip(("x1", "y1", "x2", "y2"), jitter, strict=True)),
                "frame": "pad_square_336",
                "text": text,
                "findings": report,
                "image": f"r{number:05}.png",
            }


def main() -> None:
    """Build, and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=20_000)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "boxes.jsonl"
        with source.open("w") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows(said.records))
        words = [COMMAND, "data", "build", f"boxes:{source}", "--data-use", "open", "--out", f"{folder}/out"]
        words += ["--writer", "program:writer", "--auditor", "program:auditor", "--render", "none"]
        start = time.perf_counter()
        subprocess.run(words, check=True)
        seconds = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        record = json.loads((Path(folder) / "out/build.json").read_text())
        print(
            f"{said.records:,} records, {record['records']:,} kept: {seconds:.0f} s, "
            f"{used.ru_utime + used.ru_stime:.0f} s of processor, {used.ru_maxrss / 1024:.0f} MB at most"
        )


if __name__ == "__main__":
    main()
