"""Many studies are held as bytes: whoever reads them sees what a tuple of them would show."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.records import write_traces
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Box, ReaderBox, Report, Study
from mmrad_eval.datasets import digest, load
from mmrad_eval.datasets.held import MANY, PackedStudies, held, selected
from mmrad_eval.datasets.lazy import outlines, subset


def studies(n: int) -> Iterator[Study]:
    """Studies of three patients with reports of their own."""
    return (
        Study(f"s{i}", patient=f"p{i % 3}", reference=Report(f"Case {i}.", f"Case {i}."), split="test")
        for i in range(n)
    )


def test_many_studies_come_back_as_they_are_by_place_by_slice_and_in_order() -> None:
    whole = tuple(studies(MANY + 10))
    packed = held(whole)
    assert isinstance(packed, PackedStudies)
    assert tuple(packed) == whole
    assert (packed[0], packed[-1], len(packed)) == (whole[0], whole[-1], len(whole))
    assert tuple(packed[5:9]) == whole[5:9]
    assert [(o.id, o.patient, o.split, o.cluster) for o in outlines(packed)] == [
        (study.id, study.patient, study.split, study.cluster) for study in whole
    ]
    with pytest.raises(IndexError):
        packed[len(whole)]


def test_few_studies_stay_as_they_are() -> None:
    assert held(studies(MANY - 1)) == tuple(studies(MANY - 1))
    assert held([]) == ()


def test_the_digest_of_a_dataset_is_the_same_however_it_is_held() -> None:
    whole = tuple(studies(MANY + 10))
    assert digest(Dataset("d", held(whole), "open", "d")) == digest(Dataset("d", whole, "open", "d"))


def test_a_study_that_bytes_would_change_keeps_all_as_they_are() -> None:
    box = Box((1, 2, 3, 4))  # whole numbers, where the digest of 1 and of 1.0 differ
    odd = Study("odd", boxes=(ReaderBox(box),))
    whole = (*studies(MANY), odd, Study("last"))
    found = held(whole)
    assert found == whole
    assert type(found[MANY].boxes[0].box.xyxy[0]) is int


@pytest.mark.parametrize("n", [30, MANY + 30])
def test_a_selection_holds_what_satisfies_it_and_reads_no_further_than_its_limit(n: int) -> None:
    read: list[str] = []

    def third(study: Study) -> bool:
        read.append(study.id)
        return study.patient == "p0"

    whole = held(studies(n))
    assert [study.id for study in selected(whole, third, 3)] == ["s0", "s3", "s6"]
    assert read == [f"s{i}" for i in range(7)]
    assert tuple(subset(whole, lambda study: study.patient == "p1")) == tuple(whole)[1::3]


def test_thousands_of_traces_take_no_more_than_a_kilobyte_each(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    write_traces(path, (f"Case {i}. The lungs are clear." for i in range(3000)))
    load(str(path))  # what is imported on the way, and remembered of its words, is no study's
    tracemalloc.start()
    dataset = load(str(path))
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(dataset.studies) == 3000
    assert taken < 3000 * 1000
