"""Comparing runs: known answers, honest refusals, and what failures change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Answer, Report, Status, Step, Study, Trace
from mmrad_eval.metrics import suite
from mmrad_eval.results.comparison.compare import Comparison, compare_runs
from mmrad_eval.results.comparison.shared_columns import differing_field
from mmrad_eval.results.comparison.tables import comparison_tables, significant
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.record import Selection
from mmrad_eval.results.scoring.run import score
from mmrad_eval.results.tables import Table, render

if TYPE_CHECKING:
    from tests.results.conftest import Kit

WORDS = ["heart", "size", "normal", "lungs", "clear", "effusion", "small", "left", "right", "acute", "no", "mild"]
METRICS = ("bleu@raw", "rouge@raw", "bleu@rexrank")


def studies(n: int = 80, patients: int = 40) -> list[Study]:
    rng = np.random.default_rng(7)
    texts = [" ".join(rng.choice(WORDS, 12)) + "." for _ in range(n)]
    return [Study(f"s{i:03}", patient=f"p{i % patients}", reference=Report(t, findings=t)) for i, t in enumerate(texts)]


def system(
    kit: Kit,
    model: str,
    errors: float,
    *,
    seed: int = 1,
    data: list[Study] | None = None,
    statuses: dict[int, Status] | None = None,
    metrics: tuple[str, ...] = METRICS,
    **changes: Any,
) -> RunFolder:
    """A system that gets each word wrong with chance ``errors``."""
    rng = np.random.default_rng(seed)
    data = studies() if data is None else data
    answers = []
    for i, study in enumerate(data):
        words = (study.reference.text if study.reference else "").rstrip(".").split()
        wrong = rng.random(len(words)) < errors
        text = " ".join("wrong" if bad else word for word, bad in zip(words, wrong, strict=True)) + "."
        status = (statuses or {}).get(i, "ok")
        answers.append(kit.answer(study, "" if status in {"empty", "failed"} else text, status))
    folder = kit.run(answers, model=model, **changes)
    score(folder, data, suite(metrics), resamples=100)
    return folder


def prompted(kit: Kit, model: str, name: str) -> RunFolder:
    """A system whose prompt is a file of that name."""
    folder = system(kit, model, 0.3, prompt=name)
    folder.write_run(msgspec.structs.replace(folder.run, prompt_file=name))
    return folder


@pytest.mark.parametrize(("other", "told"), [(("a.txt", "b.txt"), False), (("a.txt",), True), (("c.txt",), True)])
def test_sides_that_ran_different_prompts_say_so(kit: Kit, other: tuple[str, ...], told: bool) -> None:
    sides = [[prompted(kit, "t:a", name) for name in ("a.txt", "b.txt")], [prompted(kit, "t:b", n) for n in other]]
    (table, *_) = comparison_tables(compare_runs(sides, resamples=50), margin=None)
    said = f"The sides ran different prompts (A: a.txt, b.txt; B: {', '.join(other)})"
    assert any(note.startswith(said) for note in table.notes) == told


def at(found: Comparison, label: str) -> int:
    return [column.label for column in found.columns].index(label)


def test_a_known_difference_is_found_with_the_known_answer(kit: Kit) -> None:
    found = compare_runs([[system(kit, "t:worse", 0.4)], [system(kit, "t:better", 0.2, seed=2)]], resamples=2000)
    one = at(found, "BLEU-1 @ raw")
    d = found.differences[0]
    assert d.difference[one] == pytest.approx(0.2, abs=0.03)  # 80 % of the words against 60 %
    assert d.low[one] < 0.2 < d.high[one]
    assert d.p[one] < 0.001
    assert significant(found, 0, one)
    assert d.wins[one] > 30
    assert (d.patients, found.studies, found.cluster) == (40, 80, "patient")


def test_two_copies_of_one_system_differ_in_nothing(kit: Kit) -> None:
    found = compare_runs([[system(kit, "t:a", 0.3)], [system(kit, "t:b", 0.3)]], resamples=500)
    d = found.differences[0]
    assert (d.difference == 0).all()
    assert (d.p == 1).all()
    assert not any(significant(found, 0, i) for i in range(len(found.columns)))
    assert (d.ties == 40).all()


def test_equal_systems_that_err_elsewhere_are_not_called_different(kit: Kit) -> None:
    found = compare_runs([[system(kit, "t:a", 0.3)], [system(kit, "t:b", 0.3, seed=5)]], resamples=500)
    assert not any(significant(found, 0, i) for i in range(len(found.columns)))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 0.375), (0.0, 0.4), (np.nan, np.nan)])
@pytest.mark.parametrize("primary", [None, "BLEU-1 @ raw"])
def test_no_star_stands_beside_an_interval_that_contains_zero(
    kit: Kit, low: float, high: float, primary: str | None
) -> None:
    arms = [[system(kit, "t:worse", 0.4)], [system(kit, "t:better", 0.2, seed=2)]]
    found = compare_runs(arms, primary=primary, resamples=500)
    one = at(found, "BLEU-1 @ raw")
    assert comparison_tables(found)[0].rows[one].cells["difference"].mark == "*"

    found.differences[0].low[one], found.differences[0].high[one] = low, high  # as a ratio of few counts has it

    (table,) = comparison_tables(found)
    assert not significant(found, 0, one)
    assert table.rows[one].cells["difference"].mark == ""
    assert any("and an interval without 0" in note for note in table.notes)


def test_what_one_run_did_not_answer_is_left_out_for_both_and_named(kit: Kit) -> None:
    failed = system(kit, "t:b", 0.2, statuses={3: "failed", 5: "failed", 6: "truncated"})
    found = compare_runs([[system(kit, "t:a", 0.3)], [failed]], resamples=200)
    assert found.studies == 78
    assert "t:b has no answer to 2 of 80 studies: s003, s005" in found.left_out
    assert found.ok_studies == 77
    assert found.all_ok[0].difference[0] != found.differences[0].difference[0]
    as_run = comparison_tables(found)[1]
    assert "B: 78 of 80 studies scored (77 ok, 2 failed, 1 truncated)." in as_run.notes
    assert as_run.rows[0].cells["t:b as run"].value is not None


def test_nothing_about_failures_is_shown_where_there_are_none(kit: Kit) -> None:
    found = compare_runs([[system(kit, "t:a", 0.3)], [system(kit, "t:b", 0.2)]], resamples=100)
    assert len(comparison_tables(found)) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dataset_digest": "e" * 64}, "references"),
        ({"selection": Selection(split="val")}, "split is test in one and val in the other"),
        ({"selection": Selection(split="test", target="report")}, "target is findings in one and report"),
    ],
)
def test_other_references_splits_and_targets_are_refused_by_name(kit: Kit, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(UsageError, match=field):
        compare_runs([[system(kit, "t:a", 0.3)], [system(kit, "t:b", 0.3, **changes)]])


def test_a_metric_under_another_signature_is_not_compared_and_the_field_is_named(kit: Kit) -> None:
    # CIDEr weighs words by the selection, so that of ten studies is another measure than that of eighty
    few = system(kit, "t:b", 0.2, data=studies()[:10], metrics=("bleu@raw", "cider@raw"))
    found = compare_runs([[system(kit, "t:a", 0.3, metrics=("bleu@raw", "cider@raw"))], [few]], resamples=100)
    assert [column.name for column in found.columns] == ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"]
    assert "cider@raw: computed differently in t:a and in t:b: df is 80-" in found.apart[0]
    assert "t:b did not ask 70 of 80 studies" in found.left_out[0]


def test_where_only_another_signature_is_left_the_comparison_is_refused(kit: Kit) -> None:
    few = system(kit, "t:b", 0.2, data=studies()[:10], metrics=("cider@raw",))
    with pytest.raises(UsageError, match="df is 80-"):
        compare_runs([[system(kit, "t:a", 0.3, metrics=("cider@raw",))], [few]])


def test_a_metric_that_one_run_lacks_is_named_with_the_command_that_adds_it(kit: Kit) -> None:
    lacking = system(kit, "t:b", 0.2, metrics=("bleu@raw",))
    found = compare_runs([[system(kit, "t:a", 0.3)], [lacking]], resamples=100)
    assert any(f"rouge@raw: t:b was not scored with it: mmrad-eval score {lacking.path}" in n for n in found.apart)
    turned = compare_runs([[lacking], [system(kit, "t:a", 0.3)]], resamples=100)
    assert any("rouge@raw: t:b was not scored with it (t:a was)" in note for note in turned.apart)


def test_two_metrics_with_a_column_in_common_are_compared_and_the_column_shown_once(kit: Kit) -> None:
    both, one = ("rules@uncertain=positive", "rules-by-label@uncertain=positive"), ("rules@uncertain=positive",)
    runs = [system(kit, f"t:{i}", errors, metrics=names) for i, (errors, names) in enumerate([(0.3, both), (0.2, one)])]
    labels = [column.label for column in compare_runs([[runs[0]], [runs[1]]], resamples=50).columns]
    assert labels.count("rules F1 No Finding @ uncertain=positive") == 1
    assert len(labels) == 17
    alone = [column.label for column in compare_runs([[runs[0]], [runs[0]]], resamples=50).columns]
    assert len(alone) == len(set(alone)) == 17 + 27


def test_a_run_that_was_never_scored_says_how_to(kit: Kit) -> None:
    data = studies()
    bare = kit.run([kit.answer(s, "x") for s in data], model="t:bare")
    with pytest.raises(DataError, match=f"mmrad-eval score {bare.path}"):
        compare_runs([[system(kit, "t:a", 0.3)], [bare]])


def test_given_evidence_is_never_compared_with_reasoning_of_ones_own(kit: Kit) -> None:
    data = studies(4, 4)
    shown = [kit.answer(s, "heart.") for s in data]
    shown = [type(a)(a.study, a.status, report=a.report, shown=Trace((Step("lung"),))) for a in shown]
    given = kit.run(shown, model="t:a", task="mcot", given=True)
    own = kit.run([kit.answer(s, "heart.") for s in data], model="t:a", task="tcot-self", given=False)
    bare = kit.run([kit.answer(s, "heart.") for s in data], model="t:a", task="direct", given=True)
    for folder in (given, own, bare):
        score(folder, data, suite(("bleu@raw",)), resamples=10)
    with pytest.raises(UsageError, match="never share a table"):
        compare_runs([[given], [own]])
    assert [arm.name for arm in compare_runs([[bare], [own]], resamples=10).arms] == ["direct", "tcot-self"]
    assert compare_runs([[bare], [given]], resamples=10).studies == 4


def test_the_declared_primary_stands_alone(kit: Kit) -> None:
    arms = [[system(kit, "t:a", 0.3)], [system(kit, "t:b", 0.25, seed=3)]]
    found = compare_runs(arms, primary="ROUGE-L @ raw", resamples=200)
    assert found.primary == (0, at(found, "ROUGE-L @ raw"))
    assert np.isnan(found.family.max_t[found.primary])
    assert "primary" in comparison_tables(found)[0].rows[at(found, "ROUGE-L @ raw")].cells["column"].note
    with pytest.raises(UsageError, match="--primary ROUGE"):
        compare_runs(arms, primary="ROUGE", resamples=10)


def test_three_runs_make_two_comparisons_of_one_family(kit: Kit) -> None:
    arms = [
        [system(kit, f"t:{name}", errors, seed=i)]
        for i, (name, errors) in enumerate((("a", 0.3), ("b", 0.29), ("c", 0.1)))
    ]
    found = compare_runs(arms, resamples=500)
    titles = [table.title for table in comparison_tables(found)]
    assert titles[0] == "B = t:b against A = t:a: no significant difference in 6 columns"
    assert titles[1].startswith("B = t:c against A = t:a: significantly better in ")
    assert found.family.max_t.shape == (2, len(found.columns))
    assert significant(found, 1, 0)
    assert not significant(found, 0, 0)


def test_samples_of_one_question_are_one_side(kit: Kit) -> None:
    first = [system(kit, "t:a", 0.3, seed=i, sample=i) for i in range(3)]
    second = [system(kit, "t:b", 0.1, seed=10 + i, sample=i) for i in range(3)]
    found = compare_runs([first, second], resamples=300)
    assert [arm.name for arm in found.arms] == ["t:a x3", "t:b x3"]
    one = at(found, "BLEU-1 @ raw")
    alone = [
        compare_runs([[a], [b]], resamples=10).differences[0].difference[one]
        for a, b in zip(first, second, strict=True)
    ]
    assert found.differences[0].difference[one] == pytest.approx(np.mean(alone))
    assert found.stability[0][0][one] == 1.0
    assert found.stability[0][1] == 3
    with pytest.raises(UsageError, match=r"differ in .*model"):
        compare_runs([[first[0], second[0]], first])


def test_what_failures_change_is_averaged_over_the_runs_of_a_side(kit: Kit) -> None:
    first = [system(kit, "t:a", 0.1 + i / 2, sample=i, statuses={i: "truncated"}) for i in range(2)]
    second = [system(kit, "t:b", 0.1, seed=9 + i, sample=i) for i in range(2)]
    alone = [folder.summary() for folder in first]

    as_run = comparison_tables(compare_runs([first, second], resamples=100))[1]

    values = [summary.columns["BLEU-1 @ raw"].value for summary in alone if summary]
    shown = next(row for row in as_run.rows if "BLEU-1 @ raw" in str(row.cells["column"].value))
    assert shown.cells["t:a x2 as run"].value == pytest.approx(np.mean([v for v in values if v is not None]))
    assert "A: 160 of 160 answers scored, over 2 runs (158 ok, 2 truncated)." in as_run.notes


def test_lower_is_better_turns_wins_round_but_not_the_difference(kit: Kit) -> None:
    found = compare_runs([[system(kit, "t:a", 0.3)], [system(kit, "t:b", 0.1)]], resamples=50)
    columns = tuple(type(c)(c.label, c.name, "lower", c.metric, c.signature) for c in found.columns)
    turned = comparison_tables(type(found)(**{**vars(found), "columns": columns}))[0]
    straight = comparison_tables(found)[0]
    assert turned.rows[0].cells["wins"].value == straight.rows[0].cells["losses"].value
    assert turned.rows[0].cells["difference"].value == straight.rows[0].cells["difference"].value


def test_one_patient_has_differences_and_says_that_they_mean_nothing(kit: Kit) -> None:
    data = studies(3, 1)
    found = compare_runs([[system(kit, "t:a", 0.5, data=data)], [system(kit, "t:b", 0.0, data=data)]])
    (table,) = comparison_tables(found)
    assert np.isfinite(found.differences[0].difference).all()
    assert np.isnan(found.differences[0].p).all()
    assert "One patient allows no inference about others: no interval and no p." in table.notes
    assert render(table, width=100)


def test_runs_without_a_common_study_are_refused(kit: Kit) -> None:
    data = studies(6, 6)
    with pytest.raises(DataError, match="no study"):
        compare_runs(
            [
                [system(kit, "t:a", 0.1, data=data[:3], metrics=("bleu@raw",))],
                [system(kit, "t:b", 0.1, data=data[3:], metrics=("bleu@raw",))],
            ]
        )


def test_all_failed_is_refused_in_words(kit: Kit) -> None:
    data = studies(4, 4)
    failed = system(kit, "t:a", 0.1, data=data, statuses=dict.fromkeys(range(4), "failed"), metrics=("bleu@raw",))
    with pytest.raises(DataError, match="no study was scored in all of"):
        compare_runs([[failed], [system(kit, "t:b", 0.1, data=data, metrics=("bleu@raw",))]])


def test_a_margin_adds_a_test_of_equivalence(kit: Kit) -> None:
    found = compare_runs([[system(kit, "t:a", 0.3)], [system(kit, "t:b", 0.3)]], resamples=200)
    (table,) = comparison_tables(found, margin=0.05)
    assert float(str(table.rows[0].cells["equivalent"].value)) < 0.05


def test_the_first_differing_field_of_two_signatures_is_named() -> None:
    assert differing_field("bleu|prep:a|v1", "bleu|prep:b|v1") == "prep is a in one and b in the other"
    assert differing_field("bleu|v1", "bleu|v2") == "version is v1 in one and v2 in the other"
    assert differing_field("bleu|v1", "bleu|df:3|v1") == "df is absent in one and 3 in the other"


def test_a_column_whose_formula_is_gone_is_compared_only_if_it_is_a_plain_mean(kit: Kit) -> None:
    data = kit.studies(8, 4)
    runs = []
    for model, text in (("t:a", "heart"), ("t:b", "heart size left")):
        folder = kit.run([kit.answer(s, text) for s in data], model=model)
        score(folder, data, [kit.Effusions()], resamples=10)  # no registry knows this metric
        runs.append([folder])
    found = compare_runs(runs, resamples=100)
    assert found.differences[0].difference.tolist() == [0.0]
    for model, text in (("t:c", "heart"), ("t:d", "heart size left")):
        folder = kit.run([kit.answer(s, text) for s in data], model=model)
        score(folder, data, [kit.Words()], resamples=10)  # a ratio of sums, which its studies' values can't give back
        runs.append([folder])
    with pytest.raises(UsageError, match="words@test: no metric is called"):
        compare_runs(runs[2:], resamples=100)


def test_tables_of_a_comparison_can_be_drawn_in_every_format(kit: Kit) -> None:
    found = compare_runs([[system(kit, "t:a", 0.3)], [system(kit, "t:b", 0.2, statuses={0: "empty"})]], resamples=50)
    tables: list[Table] = comparison_tables(found)
    for form in ("terminal", "md", "csv", "latex", "html", "json"):
        assert "BLEU-1" in render(tables, form)


def test_reports_of_about_the_same_length_are_compared_by_themselves(kit: Kit) -> None:
    """B repeats the words of the reference in the first half of the studies: there its reports are twice as long."""
    data = studies()
    plain = [study.reference.text if study.reference else "" for study in data]
    first = [kit.answer(study, " ".join(["wrong", *text.split()[1:]])) for study, text in zip(data, plain, strict=True)]
    second = [kit.answer(s, f"{t} {t}" if i < 40 else t) for i, (s, t) in enumerate(zip(data, plain, strict=True))]
    sides = []
    for name, answers in (("short", first), ("long", second)):
        folder = kit.run(answers, model=name)
        score(folder, data, suite(METRICS), resamples=100)
        sides.append([folder])
    found = compare_runs(sides, resamples=100, same_length=True)
    same = found.same_length[0]
    assert same is not None
    assert same.studies == 40
    assert same.words == (12.0, 18.0)
    column = at(found, "BLEU-1 @ raw")
    assert same.difference.second[column] == pytest.approx(1.0)
    assert same.difference.difference[column] > found.differences[0].difference[column]
    (table, *_) = comparison_tables(found)
    assert any(note.startswith("Same length: the 40 studies") and "A 12.0, B 18.0" in note for note in table.notes)


def test_a_gain_of_length_alone_is_called_one_and_a_gain_of_words_is_not(kit: Kit) -> None:
    """Both sides repeat all words or get every third wrong; A leaves out half of its report in every other study."""
    data = studies()
    truth = [study.reference.text.split() if study.reference else [] for study in data]

    def said(turn: int, wrong: int, *, cut: bool) -> list[Answer]:
        words = [["wrong", *text[1:]] if i % 3 == turn % 3 and i < wrong else text for i, text in enumerate(truth)]
        return [
            kit.answer(s, " ".join(w[: len(w) // 2] if cut and i % 2 else w))
            for i, (s, w) in enumerate(zip(data, words, strict=True))
        ]

    def notes(name: str, first: list[Answer], second: list[Answer]) -> str:
        sides = []
        for side, answers in (("first", first), ("second", second)):
            folder = kit.run(answers, model=f"{name}:{side}")
            score(folder, data, suite(METRICS), resamples=100)
            sides.append([folder])
        (table, *_) = comparison_tables(compare_runs(sides, resamples=400, same_length=True))
        return "".join(table.notes)

    length = notes("cut", said(0, 80, cut=True), said(1, 80, cut=False))
    words = notes("wrong", said(0, 80, cut=False), said(1, 0, cut=False))

    assert "A difference of length: of " in length
    assert "Same length: the 80 studies" in words
    assert "A difference of length" not in words


def test_lengths_that_never_agree_have_no_difference(kit: Kit) -> None:
    data = studies(10, 10)
    sides = []
    for name, text in (("one", "clear"), ("many", "the lungs are clear and the heart is normal in size")):
        folder = kit.run([kit.answer(study, text) for study in data], model=name)
        score(folder, data, suite(METRICS), resamples=100)
        sides.append([folder])
    found = compare_runs(sides, resamples=100, same_length=True)
    assert found.same_length == (None,)
    assert "in no study" in "".join(comparison_tables(found)[0].notes)
