"""Data that is written like MIMIC-CXR is credentialed, whatever its file is called and wherever it was copied to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Image, Report, Study
from mmrad_eval.datasets import looks_credentialed

DICOM = "01234567-89abcdef-01234567-89abcdef-01234567"  # the form of an image name there


@pytest.mark.parametrize(
    "study",
    [
        Study("s50000001", patient="p10000001"),
        Study("50000001", patient="10000001"),
        Study(f"{DICOM}_study"),
        Study("a", images=(Image("/data/x", name="files/p10/p10000001/s50000001/abc.jpg"),)),
        Study("a", images=(Image("/data/p10/p10000001/s50000001.jpg", name="1.jpg"),)),
        Study("a", images=(Image(f"/data/{DICOM}.jpg", name="1.jpg"),)),
        Study("a", images=(Image("/data/MIMIC-CXR-JPG/x.jpg", name="x.jpg"),)),
        Study("a", reference=Report("FINDINGS: ___ year old, compared with ___.")),
    ],
)
def test_each_mark_is_seen_among_other_studies(study: Study) -> None:
    plain = [Study(f"CXR{number}", patient=f"{number}") for number in range(3000)]
    assert looks_credentialed(plain) is None
    assert looks_credentialed([*plain[:50], study]) is not None
    assert looks_credentialed([study, *plain]) is not None


def test_what_was_put_after_other_studies_is_seen() -> None:
    studies = [
        *(Study(f"CXR{n}") for n in range(5000)),
        *(Study(f"s{50_000_000 + n}", patient="p10000001") for n in range(50)),
    ]
    assert "study" in (looks_credentialed(studies) or "")


def test_a_link_is_followed_to_where_the_file_is(tmp_path: Path) -> None:
    real = tmp_path / "p10" / "p10000001" / "s50000001" / "a.jpg"
    real.parent.mkdir(parents=True)
    real.touch()
    link = tmp_path / "mine.jpg"
    link.symlink_to(real)
    assert "p10000001" in (looks_credentialed([Study("a", images=(Image(str(link), name="mine.jpg"),))]) or "")


@pytest.mark.parametrize(
    "study",
    [
        Study("CXR1_1_IM-0001-3001", images=(Image("/data/CXR1_1_IM-0001-3001.png"),)),
        Study("50000001"),  # a number alone
        Study("7", patient="10000001", reference=Report("FINDINGS: XXXX year old. A_B")),
        Study("x", images=(Image("/data/0f0e0d0c-1234-1234-1234-0f0e0d0c0b0a.png"),)),  # a UUID
    ],
)
def test_other_data_is_not_taken_for_it(study: Study) -> None:
    assert looks_credentialed([study]) is None


def written(path: Path, **row: Any) -> str:
    path.write_text(json.dumps({"study_id": "a", "findings": "Seen by ___.", **row}) + "\n")
    return str(path)


@pytest.mark.parametrize("option", ["", "?marks=drop", "?marks=mask"])
@pytest.mark.parametrize("name", ["mine", "marks-mask", "x+marks-mask"])
def test_nobody_can_call_it_open_by_file_name_or_by_taking_the_marks_out(
    tmp_path: Path, name: str, option: str
) -> None:
    spec = written(tmp_path / f"{name}.jsonl") + option
    assert datasets.load(spec).data_use == "credentialed"
    with pytest.raises(UsageError, match="the de-identification mark ___ in 1 reports is written as in MIMIC-CXR"):
        datasets.load(spec, data_use="open")


def test_marks_that_stand_for_others_are_none_of_it(tmp_path: Path) -> None:
    spec = written(tmp_path / "mine.jsonl", findings="Seen by XXXX.") + "?marks=mask"
    data = datasets.load(spec, data_use="open")
    assert "___" in (data.studies[0].reference or Report()).text
    assert data.data_use == "open"
