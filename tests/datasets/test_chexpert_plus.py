"""CheXpert Plus: rows of images become examinations."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError

HEADER = (
    *(
        "path_to_image",
        "path_to_dcm",
        "frontal_lateral",
        "ap_pa",
        "deid_patient_id",
        "patient_report_date_order",
        "report",
    ),
    *(
        "section_clinical_history",
        "section_comparison",
        "section_findings",
        "section_impression",
        "age",
        "sex",
        "split",
    ),
)


def row(image: str, side: str, projection: str, **fields: str) -> dict[str, str]:
    return {
        "path_to_image": f"train/patient42142/{image}",
        "frontal_lateral": side,
        "ap_pa": projection,
        "deid_patient_id": "patient42142",
        "patient_report_date_order": "5",
        "section_clinical_history": "Cough,\nfever.",
        "section_findings": "THE LUNGS ARE CLEAR.\nNO EFFUSION.",
        "section_impression": "1. NORMAL.",
        "age": "68.0",
        "sex": "Female",
        "split": "train",
        **fields,
    }


def write(folder: Path, rows: list[dict[str, str]], header: tuple[str, ...] = HEADER) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    (folder / "df_chexpert_plus_240401.csv").write_text(text.getvalue(), newline="")
    return folder


ROWS = [
    row("study5/view2_lateral.jpg", "Lateral", ""),
    row("study5/view1_frontal.jpg", "Frontal", "AP"),
    row("study6/view1_frontal.jpg", "Frontal", "PA", section_findings="", split="valid"),
]


def test_images_of_an_examination_are_one_study_frontal_first(tmp_path: Path) -> None:
    data = datasets.load(str(write(tmp_path, ROWS)))
    assert (data.format, data.data_use) == ("chexpert-plus", "credentialed")
    first, second = data.studies
    assert (first.id, first.patient, first.split) == ("patient42142/study5", "patient42142", "train")
    assert [image.view for image in first.images] == ["AP", "Lateral"]
    assert first.reference is not None
    assert first.reference.findings == "THE LUNGS ARE CLEAR.\nNO EFFUSION."
    assert (first.context.indication, first.context.age) == ("Cough,\nfever.", "68")
    assert second.reference is not None
    assert (second.reference.findings, second.reference.impression) == (None, "1. NORMAL.")
    assert first.priors == second.priors == ()
    assert any("is not a date: no priors" in note for note in data.notes)


def test_images_are_found_as_the_png_release_has_them(tmp_path: Path) -> None:
    write(tmp_path, ROWS)
    for name in ("view2_lateral", "view1_frontal"):
        path = tmp_path / "images" / "PNG" / "train" / "patient42142" / "study5" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    study = datasets.load(str(tmp_path), images=tmp_path / "images").studies[0]
    assert all(Path(image.path).is_file() for image in study.images)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    header = tuple(name for name in HEADER if name != "section_impression")
    with pytest.raises(DataError, match="has no column section_impression"):
        datasets.load(str(write(tmp_path, ROWS, header)))


def test_the_digest_knows_every_section(tmp_path: Path) -> None:
    first = datasets.digest(datasets.load(str(write(tmp_path, ROWS))))
    other = [{**ROWS[0], "section_comparison": "None."}, *ROWS[1:]]
    assert datasets.digest(datasets.load(str(write(tmp_path, other)))) != first
