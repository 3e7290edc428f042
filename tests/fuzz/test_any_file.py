"""No file, reply or picture ends in a traceback: thousands of changed samples, the same in every run."""

from __future__ import annotations

import random
import traceback
from pathlib import Path

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.readers import Reader, readers

SEED = 14
CASES = 25
"""Of each reader; ``benchmarks/fuzz/campaign.py`` runs as many as there is time for."""


def faults(reader: Reader, seed: int, cases: range, folder: Path) -> list[str]:
    """What a reader raised that is no error of ours, with the case that did it."""
    found = []
    for case in cases:
        data = mutated(reader.sample, random.Random(f"{seed} {reader.name} {case}"))
        try:
            reader.run(data, folder / "case")
        except Exception as error:  # noqa: BLE001 - the kind that must not come is any
            last = traceback.extract_tb(error.__traceback__)[-1]
            words = f"{type(error).__name__}: {error}"[:160]
            found.append(f"{reader.name}, case {case}: {words} ({Path(last.filename).name}:{last.lineno})")
    return found


READERS = readers()


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_the_sample_itself_is_read(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / reader.file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / reader.file).write_bytes(reader.sample)

    if not reader.name.startswith("error"):
        reader.read(tmp_path / reader.file)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_changed_sample_is_read_or_is_an_error_of_ours(reader: Reader, tmp_path: Path) -> None:
    assert faults(reader, SEED, range(CASES), tmp_path) == []
