"""The frozen suites that a metric of findings is held to: what they hold, and that nobody edits them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden" / "findings"
SOURCES = ("vila", "ucsf", "ajr", "fleischner", "xraydar", "rexerr")
DIGESTS = {
    "rewordings.tsv": "c1a8131c4376ea8d",
    "harm.tsv": "75318d7ef3bd82a8",
}
"""Of the files as they were written before the metric: an edit afterwards would be tuning."""


def rows(name: str) -> list[list[str]]:
    """The rows of a suite."""
    lines = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def test_suites_are_as_they_were_written() -> None:
    found = {name: sha256((GOLDEN / name).read_bytes()).hexdigest()[:16] for name in DIGESTS}
    assert found == DIGESTS


def test_a_rewording_has_a_source_a_kind_and_other_words() -> None:
    for source, kind, text, reworded in rows("rewordings.tsv"):
        assert source in SOURCES, source
        assert kind
        assert text != reworded


def test_a_chain_of_harm_has_a_reference_and_at_least_two_reports() -> None:
    for kind, shown, reference, *reports in rows("harm.tsv"):
        assert kind
        assert shown in {"none", "prior"}
        assert reference
        assert len(reports) >= 2
        assert len(set(reports)) == len(reports)
