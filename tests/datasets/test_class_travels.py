"""The class of data travels with it: through conversions, exports, copies and new names."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.data_use import mark
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, DataUse, Image, Report, Study
from mmrad_eval.datasets import submissions
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.traces.convert import convert, read

GOLDEN = Path(__file__).parent.parent / "golden" / "traces"
CHAINED = ("mmrad", "zebra", "anole", "mmrad.trace")
FORMS = [f"{name}{ending}" for name in CHAINED for ending in (".jsonl", ".parquet")]


def classes(path: Path, form: str) -> set[DataUse]:
    return {record.study.licence_class for record in read(path, form)}


def chain(path: Path, forms: tuple[str, ...], folder: Path) -> Path:
    """Convert from one form to the next; each step's file gets a name that tells nothing, by a copy."""
    for number, form in enumerate(forms):
        name, _, ending = form.rpartition(".")
        goal = folder / f"made-{number}.{ending}"
        convert(path, f"{name}:{goal}")
        path = folder / f"copied-{number}.{ending}"
        shutil.copyfile(goal, path)
    return path


@pytest.mark.parametrize("forms", list(itertools.product(FORMS, repeat=2)), ids=" to ".join)
def test_no_chain_of_conversions_makes_credentialed_traces_less(forms: tuple[str, str], tmp_path: Path) -> None:
    path = chain(GOLDEN / "mmrad.jsonl", forms, tmp_path)
    assert classes(path, forms[-1].rpartition(".")[0]) == {"credentialed"}


def test_a_long_chain_keeps_the_class_and_a_loaded_file_can_not_be_called_open(tmp_path: Path) -> None:
    forms = ("zebra.jsonl", "anole.parquet", "mmrad.trace.parquet", "zebra.parquet", "mmrad.trace.jsonl")
    path = chain(GOLDEN / "mmrad.jsonl", forms, tmp_path)
    assert datasets.load(f"mmrad.trace:{path}").data_use == "credentialed"
    with pytest.raises(UsageError, match="can't change that"):
        datasets.load(f"mmrad.trace:{path}", data_use="open")


def test_rows_of_zebra_cot_say_nothing_of_their_terms_so_they_are_of_unknown_class(tmp_path: Path) -> None:
    convert(GOLDEN / "zebra.jsonl", tmp_path / "n.jsonl")
    assert classes(tmp_path / "n.jsonl", "mmrad.trace") == {"unknown"}
    convert(tmp_path / "n.jsonl", f"zebra:{tmp_path / 'z.jsonl'}")
    assert json.loads((tmp_path / "z.jsonl").read_text()) == json.loads((GOLDEN / "zebra.jsonl").read_text())


def test_an_older_neutral_file_of_known_traces_is_credentialed_whatever_it_states(tmp_path: Path) -> None:
    convert(GOLDEN / "mmrad.jsonl", tmp_path / "n.jsonl")
    for said in ("unknown", "open"):
        path = tmp_path / f"{said}.jsonl"
        path.write_text((tmp_path / "n.jsonl").read_text().replace('"credentialed"', f'"{said}"'))
        assert datasets.load(str(path)).data_use == "credentialed"


def test_one_credentialed_record_among_many_makes_the_file_credentialed(tmp_path: Path) -> None:
    convert(GOLDEN / "mmrad.jsonl", tmp_path / "n.jsonl")
    lines = []
    first = json.loads((tmp_path / "n.jsonl").read_text().split("\n", 1)[0])
    lucky = random.Random(5).randrange(2000)
    for number in range(2000):
        use = "credentialed" if number == lucky else "open"
        study = {**first["study"], "dataset": "mine", "licence_class": use}
        lines.append(json.dumps({**first, "id": str(number), "study": study}))
    path = tmp_path / "mixed.jsonl"
    path.write_text("\n".join(lines))
    assert datasets.load(f"mmrad.trace:{path}").data_use == "credentialed"


@pytest.mark.parametrize("spec", ["mmrad:{}", "{}", "table:{}"])
def test_a_format_that_is_credentialed_is_so_under_every_name(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "innocent.jsonl"
    rows = [json.loads(line) for line in (GOLDEN / "mmrad.jsonl").read_text().splitlines()]
    path.write_text("\n".join(json.dumps({**row, "id": str(n)}) for n, row in enumerate(rows)))
    columns = {"report": "response"} if spec.startswith("table") else None
    with pytest.raises(UsageError, match="can't change that"):
        datasets.load(spec.format(path), data_use="open", columns=columns)


PAIRS = [(Study("1", reference=Report("a", "a")), Answer("1", "ok", report=Report("Clear.", findings="Clear.")))]


@pytest.mark.parametrize("form", submissions.FORMS)
def test_an_export_states_its_class_in_every_row_and_keeps_it_under_another_name(form: str, tmp_path: Path) -> None:
    made = tmp_path / f"made.{'json' if form == 'rexrank' else form}"
    submissions.write(PAIRS, form, made, "credentialed")
    copied = tmp_path / f"x{made.suffix}"
    shutil.copyfile(made, copied)

    assert submissions.faults(copied, form, ["1"]) == []
    assert read_predictions(copied).data_use == "credentialed"
    assert read_predictions(copied).reports["1"].text.endswith("Clear.")
    assert datasets.load(str(copied)).data_use == "credentialed"
    with pytest.raises(UsageError, match="can't change that"):
        datasets.load(str(copied), data_use="open")


@pytest.mark.parametrize("form", submissions.FORMS)
def test_an_export_of_open_data_is_what_the_board_describes_and_no_more(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"made.{'json' if form == 'rexrank' else form}"
    submissions.write(PAIRS, form, path, "open")
    assert "data_use" not in path.read_text()
    assert read_predictions(path).data_use == "open"


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("place", [0, 1, 137, 12_345, 19_999])
def test_one_credentialed_study_in_twenty_thousand_can_not_be_called_open(place: int, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"study_id": f"CXR{n}", "findings": "Clear lungs."} for n in range(20_000)]
    rows[place]["image_path"] = "files/p10/p10000001/s50000001/a.jpg"
    with pytest.raises(UsageError, match="written as in MIMIC-CXR"):
        datasets.load(str(table(tmp_path / "t.jsonl", rows)), data_use="open")


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("Windows", {"image_path": "D:\\xr\\p10\\p10000001\\s50000001\\a.jpg"}),
        ("one name", {"study_id": "p10000001_s50000001"}),
        ("bare numbers", {"study_id": "10000001-s50000001"}),
        ("upper case", {"image_path": "FILES/P10/P10000001/S50000001.JPG"}),
    ],
)
def test_a_place_of_such_data_is_seen_however_it_is_written(name: str, row: dict[str, str], tmp_path: Path) -> None:
    path = table(tmp_path / f"{name}.jsonl", [{"study_id": "a", "findings": "Clear.", **row}])
    assert datasets.load(str(path)).data_use == "credentialed"


def test_records_of_r2gen_with_a_subject_anywhere_are_credentialed(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [{"id": f"CXR{n}", "report": "Clear.", "image_path": []} for n in range(200)]
    records[-1]["subject_id"] = 7
    path = tmp_path / "annotation.json"
    path.write_text(json.dumps({"train": [], "val": [], "test": records}))
    with pytest.raises(UsageError, match="can't change that"):
        datasets.load(f"r2gen:{path}", data_use="open")


def test_texts_of_every_kind_are_looked_at_before_a_study_is_sent() -> None:
    from mmrad_eval.core.values import ClinicalContext, PriorStudy, Step, Trace
    from mmrad_eval.datasets.credentialed import marks_of

    said = "Compared with ___."
    assert marks_of(Study("a", priors=(PriorStudy("b", report=Report(said)),)))
    assert marks_of(Study("a", priors=(PriorStudy("p10000001/s50000001"),)))
    assert marks_of(Study("a", context=ClinicalContext(history=said)))
    assert marks_of(Study("a", trace=Trace((Step(text=said),))))
    assert marks_of(Study("a", trace=Trace(text="see p10000001/s50000001")))
    assert marks_of(Study("a", trace=Trace((Step(image=Image("/x/p10000001/s50000001/r.png")),))))
    assert marks_of(Study("a", reference=Report("An artifact may mimic pneumonia; well-expanded, 12345678-1."))) is None


def test_a_file_in_a_folder_that_states_its_class_has_that_class(tmp_path: Path) -> None:
    mark(tmp_path / "made", "credentialed")
    path = table(tmp_path / "made" / "x.jsonl", [{"study_id": "a", "findings": "Clear."}])
    assert read_predictions(path).data_use == "credentialed"
    with pytest.raises(UsageError, match="can't change that"):
        datasets.load(str(path), data_use="open")


PLACE = "files/p10/p10000001/s50000001/a.jpg"


@pytest.mark.parametrize(
    "row",
    [
        {"images": [PLACE]},
        {"meta": {"from": {"path": PLACE}}},
        {"messages": [{"content": [{"image_url": {"url": f"file:///{PLACE}"}}]}]},
        {"messages": json.dumps([{"content": f"<image>{PLACE}"}])},
        {"subject_id": "10000001.0", "study_id": 50000001.0},
        {"subject_id": '="10000001"', "study_id": "'50000001"},
        {"subject_id": "10,000,001", "study_id": "50,000,001"},
        {"subject_id": "\uff110000001", "study_id": "\ufeff50000001 "},
        {"name": "p10000001s50000001"},
        {"name": "10000001_50000001"},
        {"name": "files%2Fp10%2Fp10000001%2Fs50000001%2Fa.jpg"},
        {"name": "0a1b2c3d_11112222_33334444_55556666_77778888"},
    ],
    ids=str,
)
def test_a_place_anywhere_in_a_row_is_seen_in_reports_and_in_data(row: dict[str, Any], tmp_path: Path) -> None:
    path = table(tmp_path / "x.jsonl", [{"id": "a", "report": "FINDINGS: Clear lungs."}, {"id": "b", **row}])
    named = {"id": "id", "report": "report"}
    assert read_predictions(path, named, strict=False).data_use == "credentialed"
    with pytest.raises(UsageError, match="can't change that"):
        datasets.load(f"table:{path}", data_use="open", columns=named)


@pytest.mark.parametrize(
    "row",
    [
        {"id": "12345678-1234", "when": "10012020-51"},
        {"id": "1.2.840.113619.12345678.51234567"},
        {"phone": "10000001", "name": "CXR5_1_IM-0001-3001.png"},
        {"digest": "0a1b2c3d1111222233334444555566667777888"},
        {"note": "see 18000000 and 51"},
    ],
    ids=str,
)
def test_other_numbers_are_no_place_of_such_data(row: dict[str, Any], tmp_path: Path) -> None:
    path = table(tmp_path / "x.jsonl", [{"id": "a", "report": "FINDINGS: Clear lungs.", **row}])
    assert read_predictions(path, {"id": "id", "report": "report"}).data_use == "open"


@pytest.mark.parametrize("outer", ["texts", "lists", "records", "rexrank"])
def test_a_key_beside_the_ids_states_the_class_of_all(outer: str, tmp_path: Path) -> None:
    said = "Findings: Clear lungs. Impression: Normal."
    one: Any = {"texts": said, "lists": [said], "records": {"report": said}, "rexrank": {"report": said}}[outer]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"data_use": "credentialed", "a": one, "b": one}))
    if outer != "rexrank":
        assert read_predictions(path).data_use == "credentialed"
        assert set(read_predictions(path).reports) == {"a", "b"}
    loaded = datasets.load(str(path))
    assert loaded.data_use == "credentialed"
    assert [study.id for study in loaded.studies] == ["a", "b"]
