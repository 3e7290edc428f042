"""Two runs over the corpus, one better than the other, and an export of pairs of their answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from mmrad_eval.datasets import load
from mmrad_eval.training.card import ExportCard
from mmrad_eval.training.conversation import QUESTION
from mmrad_eval.training.export import Origin, export
from mmrad_eval.training.patients import training_set
from mmrad_eval.training.scored_runs import read_runs
from mmrad_eval.training.sources import pairs_of
from mmrad_eval.training.trainers import chosen

COLUMN = "ROUGE-L @ r2gen-iu"
WORSE = {
    "Small left effusion": "Small right effusion",
    "No acute disease.": "Acute pneumonia.",
    "Kein Erguss": "Erguss",
}
TRACE = "Step 1: lungs [150, 160, 190, 185]: as the report says.\nStep 2: heart: normal."


def score_both(corpus: Path, folder: Path) -> Path:
    """The results folder of a good and a bad model, scored over the training split by the command."""
    studies = load(str(corpus)).studies
    words = []
    for name, changes in {"good": {}, "bad": WORSE}.items():
        lines = []
        for study in studies:
            text = study.reference.text if study.reference else ""
            for before, after in changes.items():
                text = text.replace(before, after)
            lines.append(json.dumps({"id": study.id, "report": text, "trace": TRACE}))
        path = folder / f"{name}.jsonl"
        path.write_text("\n".join(lines) + "\n")
        words += ["--predictions", str(path)]
    subprocess.run(
        [sys.executable, "-m", "mmrad_eval", "score", *words, "--references", str(corpus), "--split", "train",
         "--target", "report", "--metrics", "rouge", "--out", str(folder / "results")],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "results"


def export_pairs(results: Path, out: Path, *, margin: float = 0.0) -> ExportCard:
    """Export pairs as `mmrad-eval export good bad --format dpo` does."""
    runs = read_runs(["good", "bad"], COLUMN, results)
    allowed = training_set(runs.data.studies, "train")
    origin = Origin(
        "dpo", runs.data.name, "", runs.data.data_use, runs.target, "train", allowed, QUESTION,
        tuple(folder.run.id for folder in runs.folders), runs.preference, margin,
    )  # fmt: skip
    return export(pairs_of(runs, allowed, margin), origin, chosen("", "dpo"), out)
