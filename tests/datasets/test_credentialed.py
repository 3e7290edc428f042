"""Data that is written like MIMIC-CXR is credentialed, whatever its file is called and wherever it was copied to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Box, ClinicalContext, Image, ReaderBox, Report, Study
from mmrad_eval.datasets import looks_credentialed
from mmrad_eval.datasets.credentialed import marks_of_rows

UNDASHED = "0123456789abcdef0123456789abcdef01234567"  # the same without its dashes, or a SHA-1
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
        Study("a", context=ClinicalContext(indication="___F with cough")),
        Study("a", second=Report("As compared with ___, clear.")),
        Study("a", boxes=(ReaderBox(Box((0, 0, 1, 1)), sentence="Opacity new since ___."),)),
        Study("50000001", images=(Image(f"/data/{UNDASHED}.png", name=f"{UNDASHED}.png"),)),
        Study(UNDASHED, patient="p10000001"),
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
        Study("a", patient="b", images=(Image(f"/data/{UNDASHED}.png", name=f"{UNDASHED}.png"),)),
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


DRAWN = [50_000_000 + n * 7_919_011 % 10_000_000 for n in range(1, 41)]


@pytest.mark.parametrize("spelled", ["{}", "s{}", "{}.0", "{:,}"])
def test_a_file_of_nothing_but_ids_drawn_from_the_range_of_studies_is_credentialed(
    spelled: str,
) -> None:
    ids = [spelled.format(number) for number in DRAWN]
    assert "ids from all of 50000000 to 59999999" in (looks_credentialed([Study(one) for one in ids]) or "")
    assert marks_of_rows([{"id": one, "report": "Clear."} for one in ids])


@pytest.mark.parametrize(
    "numbers",
    [
        range(50_000_000, 50_000_400),  # counted up
        range(53_000_000, 56_000_000, 7_000),  # over some years of one hospital
        [number + 10_000_000 * (n % 3) for n, number in enumerate(DRAWN)],  # drawn from more
        [number * 10 for number in DRAWN],
        DRAWN[:8],  # too few to tell
    ],
)
def test_ids_of_others_are_none_of_it(numbers: Sequence[int]) -> None:
    assert looks_credentialed([Study(str(number)) for number in numbers]) is None
    assert marks_of_rows([{"id": number, "report": "Clear."} for number in numbers]) is None


def test_an_image_named_without_dashes_counts_beside_an_id() -> None:
    row = {"study_id": "50000001", "image": f"images/{UNDASHED}.png", "report": "Clear."}
    assert marks_of_rows([row])
    assert marks_of_rows([row | {"study_id": "a1"}]) is None
