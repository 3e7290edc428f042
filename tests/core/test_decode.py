"""Decoders: every fault of a file is one DataError, whatever the library makes of it."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * 500 + "1" + "}" * 500, "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "a number has 5,000 digits"),
        ("-" + "1" * 301, "a number has 302 digits"),
        ("", "is empty"),
        ('{"a": 1', "cut short"),
        ("{'a': 1}", "is not JSON"),
        ("\0", "is not JSON"),
    ],
    ids=lambda value: value[:12],
)
def test_json_that_is_no_data_is_refused_in_one_line(text: str, why: str) -> None:
    for given in (text, text.encode()):
        with pytest.raises(DataError, match=why) as caught:
            decode.json_value(given, "rows.jsonl:3")
        assert str(caught.value).startswith("rows.jsonl:3")
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"\xff\xfe{\0}\0", "UTF-16"), (b'"\xed\xa0\x80"', "not UTF-8"), (b'\n"caf\xe9"', "rows:2: byte 0xe9")],
)
def test_bytes_of_another_encoding_are_named(data: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        decode.json_value(data, "rows")


@pytest.mark.parametrize(
    ("text", "value", "times"),
    [
        (r'{"id": "a\ud83d"}', {"id": "a\ufffd"}, 1),
        (r'["\udc00\ud800", {"\udfff": 1}]', ["\ufffd\ufffd", {"\ufffd": 1}], 2),
        (r'"\ud83e\udec1"', "\U0001fac1", 0),
        (r'"\\ud83d"', r"\ud83d", 0),
        ("[NaN, 1e999]", [pytest.approx(float("nan"), nan_ok=True), float("inf")], 0),
    ],
)
def test_half_of_a_surrogate_pair_is_read_as_the_replacement_character(text: str, value: Any, times: int) -> None:
    calls: list[int] = []

    assert decode.json_value(text, "x", mended=lambda: calls.append(1)) == value
    assert len(calls) == times


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a = " + b"[" * 20_000 + b"]" * 20_000, "nested too deeply"),
        (b"a" + b".a" * 20_000 + b" = 1", "nested too deeply"),
        (b"a = " + b"9" * 5000, "not TOML"),
        (b"\xff\xfea\0", "UTF-16"),
        (b"a = 1\na = 2", "not TOML"),
    ],
)
def test_toml_that_is_no_card_is_refused_in_one_line(data: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        decode.toml_value(data, "card.toml", dict[str, Any])


def test_toml_of_another_kind_says_which_field() -> None:
    class Thing(msgspec.Struct):
        a: int

    with pytest.raises(msgspec.ValidationError, match=r"\$.a"):
        decode.toml_value(b"a = 'x'", "card.toml", Thing)


def test_what_is_no_regular_file_is_named_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    for name, why in (
        ("", "a folder"),
        ("pipe", "a pipe"),
        ("broken", "No such file"),
        ("loop", "symbolic links"),
        ("x\0y", "null"),
    ):
        with pytest.raises(DataError, match=why):
            decode.read_bytes(tmp_path / name)
    with pytest.raises(DataError, match="a pipe, a socket or a device"):
        decode.read_bytes(Path("/dev/zero"))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    import tracemalloc

    bomb = gzip.compress(bytes(400_000_000), 9)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.csv", bytes(200_000_000))
    tracemalloc.start()
    for data in (bomb, archive.getvalue()):
        with pytest.raises(DataError, match="unpack to more than"):
            decode.unpacked(data, tmp_path / "a.csv.gz")
    assert tracemalloc.get_traced_memory()[1] < 300_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("cut", [2, 10, 30])
def test_packed_files_that_are_damaged_are_named(tmp_path: Path, cut: int) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.csv", "id,report\n" * 100)
    for whole in (gzip.compress(b"id,report\n" * 100), archive.getvalue()):
        for data in (whole[:-cut], whole[: len(whole) // 2] + b"\xff" * cut + whole[len(whole) // 2 + cut :]):
            with pytest.raises(DataError, match=r"a\.csv\.gz"):
                decode.unpacked(data, tmp_path / "a.csv.gz")


def test_text_in_a_parquet_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    bad = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"id": bad}), path)

    with pytest.raises(DataError, match="can't be read as Parquet"):
        list(decode.parquet_batches(path))


def test_a_parquet_file_that_claims_more_than_memory_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": pa.nulls(60_000_000, pa.int8())}), path)

    with pytest.raises(DataError, match="60,000,000 rows"):
        list(decode.parquet_batches(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_xml_with_a_document_type_is_refused_in_any_encoding(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>'

    with pytest.raises(DataError, match="document type"):
        decode.xml(text.encode(encoding), "report.xml")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<r>",
        b"<r>" * 20_000 + b"</r>" * 20_000,
        b'<?xml version="1.0" encoding="klingon"?><r/>',
        b"\0",
    ],
)
def test_xml_that_is_no_report_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(DataError, match=r"report\.xml"):
        decode.xml(data, "report.xml")
