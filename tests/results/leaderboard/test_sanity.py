"""The line that says what looks wrong about a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mmrad_eval.core.values import Card
from mmrad_eval.metrics import suite
from mmrad_eval.results.comparison.compare import compare_runs
from mmrad_eval.results.comparison.tables import comparison_tables
from mmrad_eval.results.leaderboard.board import tables_of
from mmrad_eval.results.leaderboard.rows import ScoredRun, read_entries
from mmrad_eval.results.leaderboard.sanity import sanity_line
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.run import score

if TYPE_CHECKING:
    from tests.results.conftest import Kit


def scored(kit: Kit, texts: list[str], statuses: list[Any] | None = None, model: str = "test:model") -> ScoredRun:
    """A run of one text a study."""
    studies = kit.studies(len(texts))
    said = statuses or ["ok"] * len(texts)
    answers = [kit.answer(s, text, status) for s, text, status in zip(studies, texts, said, strict=True)]
    folder = kit.run(answers, model=model)
    score(folder, studies, suite(["bleu@raw"]), resamples=50)
    (entry,) = read_entries([folder])
    return entry


def different(n: int) -> list[str]:
    """Texts of which no two are the same."""
    return [f"heart number {i} seen" for i in range(n)]


def with_provider(entry: ScoredRun, provider: str, name: str) -> ScoredRun:
    """The same run of another model."""
    card = Card(provider=provider, id=name)
    return msgspec.structs.replace(entry, run=msgspec.structs.replace(entry.run, card=card))


def test_a_run_without_oddities_has_no_line(kit: Kit) -> None:
    entry = scored(kit, different(40))
    assert sanity_line([entry]) == ()
    assert not any("Check before use" in note for table in tables_of([entry]) for note in table.notes)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("refused", "3 of 40 answers were refused or too long"),
        ("too long", "3 of 40 answers were refused or too long"),
        ("empty", "3 of 40 answers are empty"),
        ("truncated", "3 of 40 answers are cut off"),
        ("unparsed", "3 of 40 answers hold no report"),
    ],
)
def test_a_share_of_answers_out_of_the_ordinary_is_named(kit: Kit, status: str, said: str) -> None:
    (line,) = sanity_line([scored(kit, different(40), [status] * 3 + ["ok"] * 37)])
    assert line.startswith("Check before use: ")
    assert said in line


def test_a_share_that_is_small_or_of_few_studies_is_not_named(kit: Kit) -> None:
    assert sanity_line([scored(kit, different(80), ["empty"] * 3 + ["ok"] * 77)]) == ()
    assert sanity_line([scored(kit, different(4), ["empty"] * 2 + ["ok"] * 2, "test:small")]) == ()


def test_one_report_for_half_of_the_studies_is_named_however_it_is_spaced(kit: Kit) -> None:
    (line,) = sanity_line([scored(kit, ["heart  is\nnormal", "heart is normal"] * 5 + different(10))])
    assert "10 of 20 reports are the same, word for word" in line


def test_a_column_at_its_best_value_is_named_unless_the_references_reach_it(kit: Kit) -> None:
    entry = scored(kit, different(12))
    assert entry.summary is not None
    label, column = next(iter(entry.summary.columns.items()))
    columns = {label: msgspec.structs.replace(column, value=1.0, best=1.0, defined=12)}
    entry = msgspec.structs.replace(entry, summary=msgspec.structs.replace(entry.summary, columns=columns))

    (line,) = sanity_line([entry])
    assert f"{label} at the best possible value" in line
    assert sanity_line([with_provider(entry, "baseline", "reference")]) == ()


def test_baselines_are_odd_by_design(kit: Kit) -> None:
    entry = scored(kit, ["the heart is normal"] * 20)
    assert sanity_line([entry])
    assert sanity_line([with_provider(entry, "baseline", "normal")]) == ()


def test_many_findings_are_counted(kit: Kit) -> None:
    odd = [scored(kit, different(10), ["empty"] * 5 + ["ok"] * 5, f"test:model{i}") for i in range(5)]
    (line,) = sanity_line(odd)
    assert line.endswith("; and 2 more.")


def test_the_line_stands_under_the_leaderboard_and_under_a_comparison_and_changes_no_number(kit: Kit) -> None:
    odd, plain = scored(kit, ["heart is normal"] * 12, model="test:odd"), scored(kit, different(12), model="test:plain")

    (board,) = tables_of([odd, plain])
    found = compare_runs([[RunFolder(odd.folder)], [RunFolder(plain.folder)]], resamples=20)
    compared = comparison_tables(found)[0]

    for table in (board, compared):
        (line,) = [note for note in table.notes if note.startswith("Check before use")]
        assert "test:odd" in line
        assert "12 of 12 reports are the same" in line
