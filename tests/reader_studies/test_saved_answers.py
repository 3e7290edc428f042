"""Files that came back: what the page did not save is refused, in one line that says what and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmrad_eval.core.errors import DataError
from mmrad_eval.reader_studies.answers import checksum, read_answers
from tests.reader_studies.conftest import NORMAL, Studied, prefers

Make = Callable[..., Studied]
READER = prefers(NORMAL)


@pytest.mark.parametrize(
    ("text", "expected"), [(b"", "cbf29ce484222325"), (b"a", "af63dc4c8601ec8c"), (b"foobar", "85944171f73967e8")]
)
def test_the_checksum_is_fnv_1a(text: bytes, expected: str) -> None:
    # the 64-bit test vectors of Noll's own page and of RFC 9923
    assert checksum(text) == expected


def refused(made: Studied, *paths: Path) -> str:
    with pytest.raises(DataError) as error:
        read_answers(paths, made.key)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{paths[-1]}: ")


def test_what_pages_saved_is_read_in_the_order_of_the_key(study: Make) -> None:
    made = study()

    found = read_answers(made.answered(READER)[::-1], made.key)

    assert [answers.reader for answers in found] == [reader.code for reader in made.key.readers]


def test_answers_to_another_study_are_refused(study: Make) -> None:
    made, other = study(), study(seed=9)

    assert refused(made, other.answered(READER)[0]).startswith(f"contains answers to another study ({other.key.study})")


def test_a_reader_who_comes_twice_is_refused(study: Make) -> None:
    made = study()
    first = made.answered(READER)[0]
    again = made.saved(made.body(0, READER), "again.json")

    assert f"answers of reader {made.key.readers[0].code}, and so are those of {first}" in refused(made, first, again)


def test_of_two_files_of_a_reader_it_is_said_when_each_was_saved(study: Make) -> None:
    made = study()
    times = ("2026-11-30T08:05:11.000Z", "2026-12-01T10:20:30.123Z")
    first, again = (made.saved({**made.body(0, READER), "saved": at}, f"{n}.json") for n, at in enumerate(times))

    with pytest.raises(DataError) as error:
        read_answers([first, again], made.key)

    assert f"{again} (saved 2026-12-01 10:20 UTC): answers of reader" in str(error.value)
    assert f"{first} (saved 2026-11-30 08:05 UTC); name one of them" in str(error.value)


def test_a_table_is_no_file_of_answers_and_its_name_is_said_once(study: Make, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("reading,rating\nr1,4\n")

    said = refused(study(), path)

    assert said.startswith("not a file that a reader's page saved, or a part of one (")
    assert "sheet.csv" not in said


def test_a_file_that_is_half_filled_is_refused_and_taken_with_partial(study: Make) -> None:
    made = study()
    body = made.body(0, READER)
    for name in list(body["answers"])[5:]:
        del body["answers"][name]
    path = made.saved(body)

    assert refused(made, path).startswith("5 of 20 readings and 12 of 12 guesses are answered; ask the reader")
    assert len(read_answers([path], made.key, partial=True)[0].answers) == 5


def test_a_file_that_was_edited_is_refused(study: Make) -> None:
    made = study()
    path = made.answered(READER)[0]
    path.write_text(path.read_text().replace('"preference": 0', '"preference": 1', 1))

    assert refused(made, path).startswith("was changed after the page saved it")


def test_line_ends_of_another_system_change_nothing(study: Make) -> None:
    made = study()
    path = made.answered(READER)[0]
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert read_answers([path], made.key)


def test_a_file_of_another_version_is_refused(study: Make) -> None:
    made = study()
    path = made.saved({**made.body(0, READER), "schema": "mmrad.reader-answers/9"})

    assert refused(made, path).startswith("saved by another version (mmrad.reader-answers/9")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not json", "is not JSON"),
        (b"", "is empty"),
        (b"[1, 2]", "not a file that a reader's page saved"),
        (b'{"a": 1}', "not a file that a reader's page saved"),
        (b'{"schema": "mmrad.reader-ans', "cut short"),
        (b"\xff\xfe{", "UTF-16"),
    ],
)
def test_what_is_no_file_of_answers_is_refused(content: bytes, why: str, study: Make, tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_bytes(content)

    assert why in refused(study(), path)


def test_a_folder_and_a_file_that_is_not_there_are_refused(study: Make, tmp_path: Path) -> None:
    made = study()

    assert "it is a folder" in refused(made, tmp_path)
    assert "No such file" in refused(made, tmp_path / "nobody.json")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"preference": 7}, "preference can't be 7"),
        ({"preference": "A"}, "preference can't be 'A'"),
        ({"rating": 3}, "rating is not a field of the form"),
    ],
)
def test_answers_that_the_page_does_not_offer_are_refused(values: dict[str, object], why: str, study: Make) -> None:
    made = study()
    body = made.body(0, lambda _texts, _n: values)

    assert why in refused(made, made.saved(body))


def test_readings_and_readers_of_nobody_are_refused(study: Make) -> None:
    made = study()
    body = made.body(0, READER)
    body["answers"]["0123456789"] = {"values": {"preference": 0}, "done": True}

    assert refused(made, made.saved(body)) == "reading 0123456789 is not one of this reader's"
    assert refused(made, made.saved({**made.body(0, READER), "reader": "zzzzz"})).startswith("answers of reader zzzzz,")


def test_several_bad_files_are_said_one_line_each(study: Make, tmp_path: Path) -> None:
    made = study()
    bad = tmp_path / "bad.json"
    bad.write_text("{")

    with pytest.raises(DataError) as error:
        read_answers([made.answered(READER)[0], bad, tmp_path], made.key)

    lines = str(error.value).split("\n")
    assert lines[0] == "2 of 3 files can't be merged"
    assert [line.partition(": ")[0] for line in lines[1:]] == [str(bad), str(tmp_path)]
