"""Any file that a stranger may have: it loads as it should, or the error is ours and names the file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Study
from mmrad_eval.datasets import raw_text

if TYPE_CHECKING:
    from tests.datasets.conftest import Mimic

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), max_size=40)
ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_./", min_size=1, max_size=12).filter(lambda t: t.strip() == t)


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, bytes, dict[str, str]]:
    """(suffix, bytes, id -> report) of a csv with the oddities of strangers."""
    reports = draw(st.dictionaries(ids, texts, min_size=1, max_size=5))
    columns = draw(st.permutations(["Study ID", "findings", "extra", "Split"]))
    delimiter = draw(st.sampled_from([",", ";", "\t"]))
    text = io.StringIO()
    writer = csv.DictWriter(
        text,
        columns,
        delimiter=delimiter,
        quoting=draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
    )
    writer.writeheader()
    for study, report in reports.items():
        writer.writerow({"Study ID": study, "findings": report, "extra": "x,y;z", "Split": "Test "})
    data = text.getvalue().encode()
    if draw(st.booleans()):
        data = b"\xef\xbb\xbf" + data
    pack = draw(st.sampled_from(["", ".gz", ".zip"]))
    if pack == ".gz":
        data = gzip.compress(data)
    elif pack == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("table.csv", data)
        data = packed.getvalue()
    return f".csv{pack}", data, reports


@given(tables())
def test_any_spelling_of_a_table_is_the_same_table(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[str, bytes, dict[str, str]]
) -> None:
    suffix, data, reports = table
    path = tmp_path_factory.mktemp("t") / f"t{suffix}"
    path.write_bytes(data)
    studies = datasets.load(f"table:{path}").studies
    found = {study.id: study.reference.findings for study in studies if study.reference}
    assert found == {study: raw_text.read_reference_cell(report).text or None for study, report in reports.items()}
    assert {study.split for study in studies} == {"test"}


REXRANK = {
    f"s{n}": {"image_path": [f"s{n}/0.png"], "section_findings": "Clear é.", "section_impression": None, "split": "val"}
    for n in range(3)
}
R2GEN = {"train": [{"id": "a", "image_path": ["a.png"], "report": "clear ."}], "test": [{"id": "b", "report": "x ."}]}
MMRAD = {
    "prompt": "Report. <image>",
    "response": "First, I need to analyze the lungs. <image> The bounding box of this area is [1, 2, 3, 4] . Clear."
    "\n\n  Summarizing the previous analysis, I will generate the following report: Normal.",
    "images": ["i/1/problem_image_1.jpg", "i/1/reasoning_image_1.jpg"],
}
GRADIENT = {
    "k": {"PatientID": "p", "StudyDate": "20110101", "Findings": "x", "ImagePath": ["a"], "ImageViewPosition": ["PA"]}
}
PADCHEST = [
    {"StudyID": "1", "ImageID": "a.png", "findings": [{"sentence_en": "x.", "boxes": [[0, 0, 1, 1]], "labels": ["n"]}]}
]
VINDR = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\na,R1,Mass,1,2,3,4\nb,R1,No finding,,,,\n"
PLUS = "path_to_image,section_findings,section_impression\ntrain/p1/s1/v1.jpg,clear,normal\n"
UID = "uid,MeSH,findings,impression\n1,normal,clear,normal\n"
FILES: dict[str, tuple[str, bytes]] = {
    "rexrank": ("x.json", json.dumps(REXRANK, indent=1, ensure_ascii=False).encode()),
    "r2gen": ("annotation.json", json.dumps(R2GEN).encode()),
    "mmrad": ("x.jsonl", (json.dumps(MMRAD) + "\n" + json.dumps({**MMRAD, "id": "2"})).encode()),
    "rexgradient": ("test_metadata_view_position.json", json.dumps(GRADIENT).encode()),
    "padchest-gr": ("grounded_reports_1.json", json.dumps(PADCHEST).encode()),
    "vindr": ("annotations_train.csv", VINDR.encode()),
    "chexpert-plus": ("df_chexpert_plus_240401.csv", PLUS.encode()),
    "openi": ("indiana_reports.csv", UID.encode()),
    "gemex-thinkvg": ("t.csv", b'image_path,thinkVG\n/p10/p1/s5/a.jpg,"See right lung [1,2,3,4]."\n'),
    "mmrad.trace": (
        "t.jsonl",
        b'{"schema":"mmrad.trace/1","id":"a","prompt":"p","response":"r","report":{"text":"x"}}\n',
    ),
    "table": ("t.csv", b'id,report,image\ns1,"a, b",x.png\ns2,c,y.png\n'),
}


def spoilt(data: bytes) -> st.SearchStrategy[bytes]:
    """The bytes cut short, or with one byte changed, put in or taken out."""
    place = st.integers(0, len(data))
    return st.one_of(
        place.map(lambda at: data[:at]),
        st.tuples(place, st.binary(max_size=3)).map(lambda p: data[: p[0]] + p[1] + data[p[0] + 1 :]),
        st.tuples(place, st.sampled_from([b'"', b"\n", b",", b"{", b"]", b"\xe9", b"\0", b"null"])).map(
            lambda p: data[: p[0]] + p[1] + data[p[0] :]
        ),
    )


def loads_or_says_why(load: Callable[[], Any], path: Path) -> None:
    said = ""
    try:
        assert all(isinstance(study, Study) for study in load().studies)
    except (DataError, UsageError) as error:
        said = str(error)
    assert not said or path.name in said or str(path.parent) in said


@pytest.mark.parametrize("name", list(FILES))
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoilt_file_loads_or_is_named(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    file, whole = FILES[name]
    path = tmp_path_factory.mktemp("spoilt") / file
    path.write_bytes(data.draw(spoilt(whole)))
    loads_or_says_why(lambda: datasets.load(f"{name}:{path}"), path)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_spoilt_list_of_mimic_loads_or_is_named(mimic: Mimic, data: st.DataObject) -> None:
    mimic.write(pack="")
    path = mimic.root / data.draw(st.sampled_from(["mimic-cxr-2.0.0-metadata.csv", "mimic-cxr-2.0.0-split.csv"]))
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    loads_or_says_why(lambda: datasets.load(f"mimic:{mimic.root}"), path)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_spoilt_zip_of_reports_loads_or_is_named(mimic: Mimic, data: st.DataObject) -> None:
    mimic.write()
    path = mimic.root / "mimic-cxr-reports.zip"
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    loads_or_says_why(lambda: datasets.load(f"mimic:{mimic.root}"), path)


@pytest.mark.parametrize("name", list(FILES))
def test_an_empty_file_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / FILES[name][0]
    path.write_bytes(b"")
    loads_or_says_why(lambda: datasets.load(f"{name}:{path}"), path)
