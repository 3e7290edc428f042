"""600 invented studies for a page: drawn films of 512 x 512, traces with region images, and boxes of findings.

Written in two formats, because none holds both: the authors' records (traces) and PadChest-GR's (boxes of findings).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.clinical.reports import reports

SIDE = 512
STEPS = (
    ("First", "the heart and the mediastinal region", (108, 104, 252, 277)),
    ("Second", "the lung region", (57, 67, 281, 281)),
)
"""Ordinal, region and box (in the padded frame of 336) of each step, as in the published example."""
FINDINGS = (("Left pleural effusion.", (0.6, 0.6, 0.9, 0.9)), ("Nodule in the right upper lobe.", (0.1, 0.1, 0.3, 0.3)))
"""Sentence and box of what a reader boxed, in shares of width and height."""


def write(folder: Path, count: int) -> tuple[Path, Path]:
    """The records with traces, and the folder with boxes of findings."""
    films = _films(folder, count)
    texts, words = _named(reports(count, seed=1)), _named(reports(2 * count, seed=2, low=1, high=3))
    traced = [
        {
            "id": f"s{number}",
            "patient": f"p{number // 2}",
            "prompt": "Compile a standard report for this chest X-ray, including significant findings. <image>",
            "response": "\n\n ".join(
                f"{ordinal}, I need to analyze {region}. I will highlight {region} of this X-ray. <image> The bounding "
                f"box of this area is {list(box)} . {words[2 * number + step]}"
                for step, (ordinal, region, box) in enumerate(STEPS)
            )
            + "\n\n  Summarizing the previous analysis, I will generate the following report: "
            f"Findings: {texts[number]}",
            "images": [f"{film.stem}/{name}" for name in ("problem.png", "reasoning_1.png", "reasoning_2.png")],
        }
        for number, film in enumerate(films)
    ]
    records = folder / "traces.jsonl"
    records.write_text("".join(json.dumps(row) + "\n" for row in traced))
    return records, _boxed(folder / "boxed", films)


def _named(texts: Sequence[str]) -> list[str]:
    """Without the marks of de-identified data, which no invented report is."""
    return [text.replace("___", "the ward") for text in texts]


def _films(folder: Path, count: int) -> list[Path]:
    """A folder a study: the film and two region images cut from it."""
    import numpy as np
    from PIL import Image

    made = []
    for number in range(count):
        place = folder / f"s{number}"
        place.mkdir(parents=True)
        grain = np.random.default_rng(number).normal(110, 40, (64, 64)).clip(0, 255).astype(np.uint8)
        film = Image.fromarray(grain).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        film.save(place / "problem.png", compress_level=1)
        for step, (_, _, box) in enumerate(STEPS, 1):
            left, top, right, bottom = (round(edge * SIDE / 336) for edge in box)
            film.crop((left, top, right, bottom)).save(place / f"reasoning_{step}.png", compress_level=1)
        made.append(place)
    return made


def _boxed(folder: Path, films: Sequence[Path]) -> Path:
    folder.mkdir()
    rows: list[Mapping[str, object]] = []
    table = ["StudyID,PatientID,split"]
    for number, film in enumerate(films):
        chosen = FINDINGS[number % len(FINDINGS) :]
        findings = [
            {
                "sentence_en": sentence,
                "abnormal": True,
                "boxes": [list(box)],
                "extra_boxes": [],
                "labels": [],
                "locations": [],
                "progression": None,
            }
            for sentence, box in chosen
        ]
        rows.append({"StudyID": f"g{number}", "ImageID": f"../{film.name}/problem.png", "findings": findings})
        table.append(f"g{number},q{number // 2},test")
    (folder / "grounded_reports_20240819.json").write_text(json.dumps(rows))
    (folder / "master_table.csv").write_text("\n".join(table) + "\n")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
