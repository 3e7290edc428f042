"""The frozen suites that a metric of findings is held to: what they hold, and that nobody edits them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from mmrad_eval.metrics.findings.alignment import align
from mmrad_eval.metrics.findings.reading import read

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


def test_each_rewording_that_changes_a_score_is_published_with_its_cause_and_no_other() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")
    changed = set()
    for _, _, text, reworded in rows("rewordings.tsv"):
        first, second = read(text), read(reworded)
        there, back = align(first, second).score, align(second, first).score
        if abs(there - align(first, first).score) > 1e-9 or abs(back - align(second, second).score) > 1e-9:
            changed.add((text, reworded))
    cells = [[cell.strip() for cell in line.split("|")] for line in page.splitlines() if line.count("|") == 5]
    published = {(row[1], row[2]): row[4] for row in cells if row[1] not in {"text", "---"} and row[4] != ""}
    assert changed <= published.keys()
    assert {pair for pair in published if pair in {(r[2], r[3]) for r in rows("rewordings.tsv")}} == changed
    share = len(rows("rewordings.tsv")) - len(changed)
    assert f"and {share} since" in page


def test_phrases_of_style_guides_score_as_they_are_meant() -> None:
    kinds = set()
    for kind, text, other, *more in rows("style_guides.tsv"):
        prior = more[-1:] == ["prior"]
        first, second = read(text), read(other)
        own, there = align(first, first, prior=prior), align(first, second, prior=prior)
        back = align(second, second).score - align(second, first).score
        kinds.add(kind)
        if kind == "lower":
            assert there.score < own.score, text
            assert sorted({error.kind for error in there.errors}) == more[0].split("; "), text
        else:
            alike = abs(there.score - own.score) < 1e-9 and abs(back) < 1e-9
            assert alike == (kind == "equal"), text
    assert kinds == {"equal", "known", "lower"}
