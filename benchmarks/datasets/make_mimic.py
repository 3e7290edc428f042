"""Writes an invented folder of the shape of MIMIC-CXR: lists, splits, metadata and a zip of reports; names of images,
no pixels.

python benchmarks/datasets/make_mimic.py FOLDER [STUDIES]
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import random
import sys
import zipfile
from pathlib import Path

STUDIES = 227_835
"""Studies of MIMIC-CXR 2.1.0."""
FINDINGS = (
    "The lungs are clear without focal consolidation.",
    "There is a small left pleural effusion.",
    "The heart is mildly enlarged, unchanged from ___.",
    "No pneumothorax is seen.",
    "A right internal jugular catheter terminates in the mid SVC.",
    "Bibasilar atelectasis has improved.",
    "Pulmonary vascular congestion is mild.",
    "The bony structures are intact.",
)
IMPRESSIONS = ("No acute cardiopulmonary process.", "Small left pleural effusion.", "Mild pulmonary edema.")


def report(rng: random.Random) -> str:
    findings = " ".join(rng.sample(FINDINGS, 5))
    parts = [
        "                                 FINAL REPORT",
        " EXAMINATION:  CHEST (PA AND LAT)",
        " INDICATION:  ___-year-old with cough.",
        " COMPARISON:  ___.",
        f" FINDINGS: \n \n {findings}",
        f" IMPRESSION: \n \n {rng.choice(IMPRESSIONS)}",
    ]
    if rng.random() < 0.15:
        del parts[4]  # about a seventh of the reports have no findings section
    return "\n \n".join(parts) + "\n"


def dicom(study: int, number: int) -> str:
    digits = hashlib.sha1(f"{study}-{number}".encode(), usedforsecurity=False).hexdigest()
    return "-".join(digits[i : i + 8] for i in range(0, 40, 8))


def main(folder: Path, studies: int = STUDIES) -> None:
    """Write everything."""
    rng = random.Random(7)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        gzip.open(folder / "mimic-cxr-2.0.0-metadata.csv.gz", "wt", compresslevel=1, newline="") as metadata,
        gzip.open(folder / "mimic-cxr-2.0.0-split.csv.gz", "wt", compresslevel=1, newline="") as split,
        zipfile.ZipFile(folder / "mimic-cxr-reports.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as reports,
    ):
        lines, splits = csv.writer(metadata), csv.writer(split)
        header = "dicom_id subject_id study_id PerformedProcedureStepDescription ViewPosition Rows Columns StudyDate"
        header += " StudyTime ProcedureCodeSequence_CodeMeaning ViewCodeSequence_CodeMeaning"
        lines.writerow(header.split())
        splits.writerow(("dicom_id", "study_id", "subject_id", "split"))
        for number in range(studies):
            study, subject = 50_000_000 + number, 10_000_000 + number * 65_379 // studies
            part = "test" if subject % 100 == 0 else "validate" if subject % 100 == 1 else "train"
            reports.writestr(f"files/p{subject // 1_000_000}/p{subject}/s{study}.txt", report(rng))
            for shot, view in enumerate(("PA", "LATERAL")[: 1 + (number % 3 > 0)]):
                name = dicom(study, shot)
                when = (21_000_000 + (number % 90) * 10_000 + 101 + number % 28, f"{number % 240000:06d}.5")
                lines.writerow(
                    (name, subject, study, "CHEST (PA AND LAT)", view, 2544, 3056, *when, "CHEST", view.lower())
                )
                splits.writerow((name, study, subject, part))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else STUDIES)
