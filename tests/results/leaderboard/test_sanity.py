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
from mmrad_eval.results.leaderboard.rows import ScoredRun, read_scored_runs
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
    (entry,) = read_scored_runs([folder])
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
        ("unparsed", "3 of 40 answers hold no readable report"),
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
    assert "10 of 20 reports are identical" in line


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
        assert "12 of 12 reports are identical" in line


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("degenerate", "3 of 40 answers are degenerate output"),
        ("no image seen", "3 of 40 answers say that no image was shown: were images lost?"),
    ],
)
def test_an_event_of_many_answers_is_named_with_the_studies_that_were_scored(kit: Kit, event: str, said: str) -> None:
    assert said in sanity_line([_with_event(kit, event, 3)])[0]
    assert sanity_line([_with_event(kit, event, 2)]) == ()


def _with_event(kit: Kit, event: str, times: int) -> ScoredRun:
    studies, texts = kit.studies(40), different(40)
    answers = [
        msgspec.structs.replace(kit.answer(study, text), events={event: 2} if i < times else {})
        for i, (study, text) in enumerate(zip(studies, texts, strict=True))
    ]
    folder = kit.run(answers, model=f"test:{event.replace(' ', '-')}{times}")
    score(folder, studies, suite(["bleu@raw"]), resamples=50)
    return read_scored_runs([folder])[0]


def test_reports_in_another_language_than_their_reference_are_counted_and_named(kit: Kit) -> None:
    spanish = "No se observa derrame pleural ni neumotórax. La silueta cardíaca es de tamaño normal."
    entry = scored(kit, [spanish + f" {i}" for i in range(4)] + different(36))
    assert entry.summary is not None
    assert entry.summary.events == {"wrong language": 4}
    assert "4 of 40 reports are in a language other than their reference's" in sanity_line([entry])[0]


def test_reports_of_twice_the_words_of_their_references_are_named(kit: Kit) -> None:
    short = scored(kit, different(10))
    assert short.summary is not None
    wrote, meant = short.summary.words
    assert wrote == 4 * 10
    assert meant > 0
    long = scored(kit, [" ".join([text] * 20) for text in different(10)], model="test:long")
    assert "times the words of their references" in sanity_line([long])[0]


def test_a_run_that_leaves_out_more_than_one_study_in_twenty_is_named(kit: Kit) -> None:
    few = scored(kit, different(40), ["failed"] * 3 + ["ok"] * 37)
    assert "only 37 of 40 studies are scored" in sanity_line([few])[0]
    most = scored(kit, different(40), ["failed"] * 2 + ["ok"] * 38, "test:most")
    assert sanity_line([most]) == ()
