"""Files of traces: recognised, converted both ways, and whole or not there at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.traces import files, mmrad
from mmrad_eval.traces.convert import convert, read, recognise
from mmrad_eval.traces.record import Provenance, RecordImage, Segment, TraceRecord, faults

Samples = dict[str, list[dict[str, Any]]]


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ["mmrad", "thinkvg", "zebra", "anole"])
@pytest.mark.parametrize("between", ["neutral.jsonl", "neutral.parquet"])
def test_there_and_back_is_the_same_file(samples: Samples, tmp_path: Path, name: str, between: str) -> None:
    start = jsonl(tmp_path / "rows.jsonl", samples[name])
    assert recognise(start) == name
    there = convert(start, tmp_path / between)
    assert (there.source, there.target, there.records, there.invalid) == (name, "mmrad.trace", 1, {})
    assert recognise(tmp_path / between) == "mmrad.trace"
    back = convert(tmp_path / between, f"{name}:{tmp_path / 'back.jsonl'}")
    assert (back.source, back.target, back.written) == ("mmrad.trace", name, len(samples[name]))
    assert rows_of(tmp_path / "back.jsonl") == samples[name]


def test_both_forms_of_the_neutral_record_hold_the_same(samples: Samples, tmp_path: Path) -> None:
    start = jsonl(
        tmp_path / "rows.jsonl",
        [samples["mmrad"][0], {**samples["mmrad"][0], "images": samples["mmrad"][0]["images"][:2]}],
    )
    convert(start, tmp_path / "n.jsonl")
    convert(tmp_path / "n.jsonl", tmp_path / "n.parquet")
    convert(tmp_path / "n.parquet", tmp_path / "again.jsonl")
    assert list(read(tmp_path / "again.jsonl")) == list(read(tmp_path / "n.jsonl"))
    good, bad = read(tmp_path / "n.parquet")
    assert (good.invalid, bad.invalid[:17]) == ("", "3 <image> placeho")


def _csv(path: Path, rows: list[dict[str, Any]]) -> None:
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    "write",
    [
        lambda p, r: p.write_text(json.dumps(r)),
        lambda p, r: pq.write_table(pa.table({name: [row[name] for row in r] for name in r[0]}), p),
        _csv,
    ],
    ids=["list", "parquet", "csv"],
)
def test_rows_come_as_a_list_as_parquet_and_as_csv(
    samples: Samples, tmp_path: Path, write: Callable[[Path, Any], object]
) -> None:
    path = tmp_path / "rows.csv"
    write(path, samples["thinkvg"])
    if path.read_bytes()[:1] == b"[" or path.read_bytes()[:4] == b"PAR1":
        path = path.rename(tmp_path / "rows")
    (record,) = read(path)
    assert record.id == "1a2b"
    assert len(record.segments) > 5


def test_parquet_of_another_format_is_written_too(samples: Samples, tmp_path: Path) -> None:
    start = jsonl(tmp_path / "rows.jsonl", samples["mmrad"])
    convert(start, f"zebra:{tmp_path / 'z.parquet'}")
    assert recognise(tmp_path / "z.parquet") == "zebra"
    (record,) = read(tmp_path / "z.parquet")
    assert record.report.text.startswith("Impression: Large heart.")


def test_pictures_inside_rows_become_files_beside_the_new_one(samples: Samples, tmp_path: Path, film: Path) -> None:
    row = {**samples["zebra"][0], "problem_image_1": {"bytes": film.read_bytes(), "path": None}, "id": "../x 1"}
    pq.write_table(pa.table({name: [value] for name, value in row.items()}), tmp_path / "rows.parquet")
    done = convert(tmp_path / "rows.parquet", tmp_path / "traces.jsonl")
    (record,) = read(tmp_path / "traces.jsonl")
    problem = record.picture("problem_image_1")
    assert problem is not None
    assert (done.pictures, problem.path) == (1, "traces-images/_/x_1/problem_image_1.png")
    assert (tmp_path / "traces-images/_/x_1/problem_image_1.png").read_bytes() == film.read_bytes()
    assert problem.sha256
    (bare,) = read(tmp_path / "rows.parquet")
    assert bare.notes == ("the pixels of problem_image_1 are inside the row and were not kept",)


def test_unknown_fields_of_a_neutral_record_are_kept(samples: Samples, tmp_path: Path) -> None:
    value = json.loads(msgspec.json.encode(mmrad.parse(samples["mmrad"][0]))) | {"annotator": {"name": "x"}}
    path = jsonl(tmp_path / "n.jsonl", [value])
    (record,) = read(path)
    assert msgspec.json.decode(record.extra["annotator"]) == {"name": "x"}
    convert(path, f"mmrad:{tmp_path / 'm.jsonl'}")
    assert rows_of(tmp_path / "m.jsonl") == [{**samples["mmrad"][0], "annotator": {"name": "x"}}]


def test_wrong_bookkeeping_makes_a_record_invalid_and_is_kept(samples: Samples, tmp_path: Path) -> None:
    record = mmrad.parse(samples["mmrad"][0])
    crossed = (*record.segments, Segment("response", "text", 3, 250), Segment("response", "image", 9999, 10006))
    files.write_jsonl([msgspec.structs.replace(record, segments=crossed)], tmp_path / "n.jsonl")
    (found,) = read(tmp_path / "n.jsonl")
    assert "starts before the end" in found.invalid
    assert "crosses an image placeholder" in found.invalid
    assert "lies outside its text" in found.invalid
    assert convert(tmp_path / "n.jsonl", tmp_path / "again.jsonl").invalid == {"s1": found.invalid}


records = st.builds(
    TraceRecord,
    id=st.text(max_size=5),
    prompt=st.text(max_size=20),
    response=st.text(max_size=20),
    images=st.lists(
        st.builds(
            RecordImage,
            id=st.text(max_size=3),
            role=st.sampled_from(["problem", "reasoning"]),
            path=st.one_of(st.none(), st.text(max_size=5)),
            size=st.one_of(st.none(), st.tuples(st.integers(1, 9999), st.integers(1, 9999))),
            box=st.one_of(st.none(), st.tuples(*[st.floats(-1e6, 1e6)] * 4)),
        ),
        max_size=3,
    ).map(tuple),
    segments=st.lists(
        st.builds(
            Segment,
            part=st.sampled_from(["prompt", "response"]),
            type=st.sampled_from(["text", "box", "invalid"]),
            start=st.integers(0, 20),
            end=st.integers(0, 20),
            step=st.one_of(st.none(), st.integers(1, 9)),
            regions=st.lists(st.text(max_size=4), max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    provenance=st.builds(Provenance, producer=st.text(max_size=4), seed=st.one_of(st.none(), st.integers(0, 2**40))),
    notes=st.lists(st.text(max_size=5), max_size=2).map(tuple),
)


@given(records)
def test_any_record_is_the_same_from_both_kinds_of_file(
    tmp_path_factory: pytest.TempPathFactory, record: TraceRecord
) -> None:
    folder = tmp_path_factory.mktemp("n")
    files.write_jsonl([record, record], folder / "n.jsonl")
    files.write_parquet([record, record], folder / "n.parquet")
    expected = msgspec.structs.replace(record, invalid=record.invalid or "; ".join(faults(record)))
    assert list(files.read_jsonl(folder / "n.jsonl")) == [expected] * 2
    assert list(files.read_parquet(folder / "n.parquet")) == [expected] * 2


def test_what_can_not_be_read_says_where(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with pytest.raises(DataError, match="no such file"):
        convert(path, tmp_path / "out.jsonl")
    path.write_text('{"prompt": "", "response": "", "images": []}\n{"prompt": 1\n')
    with pytest.raises(DataError, match=r"rows.jsonl:2: ends in the middle of JSON"):
        convert(path, tmp_path / "out.jsonl")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rows.jsonl"]
    path.write_text('{"a": 1}\n')
    with pytest.raises(DataError, match="it has a; name it as FORMAT:PATH"):
        convert(path, tmp_path / "out.jsonl")
    path.write_text('{"schema": "mmrad.trace/2", "id": "x", "response": ""}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl:1: does not fit mmrad\.trace/1"):
        convert(path, tmp_path / "out.jsonl")
    path.write_text("[1, 2]")
    with pytest.raises(DataError, match="item 1: a record is a JSON object, not int"):
        list(read(path, "zebra"))
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(DataError, match="can't be read as Parquet"):
        convert(path, tmp_path / "out.jsonl")


def test_wrong_names_are_usage_errors(samples: Samples, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "rows.jsonl", samples["mmrad"])
    with pytest.raises(UsageError, match=r"no trace format is called 'zebras'; known: mmrad\.trace, mmrad"):
        convert(path, f"zebras:{tmp_path.name}")
    with pytest.raises(UsageError, match="both input and output"):
        convert(path, path)


def test_a_thousand_records_take_little_time_and_memory(samples: Samples, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "rows.jsonl", [{**samples["mmrad"][0], "id": str(i)} for i in range(2500)])
    done = convert(path, tmp_path / "n.parquet")
    assert (done.records, done.written) == (2500, 2500)
    assert pq.ParquetFile(tmp_path / "n.parquet").num_row_groups == 3
    assert [r.id for r in read(tmp_path / "n.parquet")] == [str(i) for i in range(2500)]
