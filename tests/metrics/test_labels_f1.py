"""Label F1: equal to scikit-learn under every policy, and to the values of public packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics.labelf1 import (
    BLANK,
    FIVE,
    LABELS,
    NEGATIVE,
    POLICIES,
    POSITIVE,
    STATISTICS,
    UNCERTAIN,
    Codes,
    LabelF1,
    Policy,
    pairs,
)

AVERAGES = ("micro", "macro", "weighted", "samples")


def metric(policy: Policy = "positive", **options: Any) -> LabelF1:
    return LabelF1("x", "x", _none, "none", policy, **options)


def _none(texts: Sequence[str]) -> Codes:
    return np.full((len(texts), len(LABELS)), BLANK, np.int8)


def _random(seed: int, n: int = 40) -> tuple[Codes, Codes]:
    rng = np.random.default_rng(seed)
    codes = rng.choice([POSITIVE, NEGATIVE, UNCERTAIN, BLANK], size=(2, n, 14), p=[0.3, 0.2, 0.15, 0.35])
    codes[:, :, LABELS.index("No Finding")] = np.where(rng.random((2, n)) < 0.3, POSITIVE, BLANK)
    return codes[0].astype(np.int8), codes[1].astype(np.int8)


def _binary(codes: Codes, policy: Policy) -> np.ndarray:
    """(n, classes) bool, as a user of scikit-learn would prepare them."""
    if policy == "own-class":
        uncertain = np.delete(codes == UNCERTAIN, LABELS.index("No Finding"), axis=1)
        return np.hstack([codes == POSITIVE, uncertain])
    return np.isin(codes, [POSITIVE] if policy == "negative" else [POSITIVE, UNCERTAIN])


def _columns(names: Sequence[str], policy: Policy) -> list[int]:
    chosen = [LABELS.index(name) for name in names]
    if policy != "own-class":
        return chosen
    uncertain = [name for name in LABELS if name != "No Finding"]
    return [*chosen, *(len(LABELS) + uncertain.index(name) for name in names if name in uncertain)]


def _value(made: LabelF1, sums: np.ndarray, name: str) -> float:
    at = [column.name for column in made.columns].index(f"x {name}")
    return float(made.reduce(sums)[at])


@pytest.mark.parametrize("policy", ["positive", "negative", "own-class"])
@pytest.mark.parametrize("seed", range(5))
def test_every_average_equals_scikit_learn(policy: Policy, seed: int) -> None:
    reference, candidate = _random(seed)
    made, sums = metric(policy), pairs(reference, candidate).sum(axis=0)
    for size, names in (("14", LABELS), ("5", FIVE)):
        at = _columns(names, policy)
        true, said = _binary(reference, policy)[:, at], _binary(candidate, policy)[:, at]
        for average in AVERAGES:
            ours = "example" if average == "samples" else average
            expected = f1_score(true, said, average=average, zero_division=0)
            assert _value(made, sums, f"{ours}-F1-{size}") == pytest.approx(expected, abs=1e-12)
        for average in ("micro", "macro"):
            assert _value(made, sums, f"{average}-P-{size}") == pytest.approx(
                precision_score(true, said, average=average, zero_division=0), abs=1e-12
            )
            assert _value(made, sums, f"{average}-R-{size}") == pytest.approx(
                recall_score(true, said, average=average, zero_division=0), abs=1e-12
            )


@pytest.mark.parametrize("seed", range(5))
def test_ignored_cells_are_left_out_of_each_label(seed: int) -> None:
    reference, candidate = _random(seed)
    made, sums = metric("ignore"), pairs(reference, candidate).sum(axis=0)
    scores, supports, hits, extra, missed = [], [], 0, 0, 0
    examples = np.zeros((len(reference), 3))
    for label in range(len(LABELS)):
        keep = reference[:, label] != UNCERTAIN
        true = reference[keep, label] == POSITIVE
        said = np.isin(candidate[keep, label], [POSITIVE, UNCERTAIN])
        scores.append(f1_score(true, said, zero_division=0))
        supports.append(true.sum())
        counts = np.stack([true & said, ~true & said, true & ~said], axis=1)
        examples[keep] += counts
        hits, extra, missed = np.array([hits, extra, missed]) + counts.sum(axis=0)
    assert _value(made, sums, "macro-F1-14") == pytest.approx(np.mean(scores))
    assert _value(made, sums, "weighted-F1-14") == pytest.approx(np.average(scores, weights=supports))
    assert _value(made, sums, "micro-F1-14") == pytest.approx(2 * hits / (2 * hits + extra + missed))
    whole = 2 * examples[:, 0] + examples[:, 1] + examples[:, 2]
    each = np.divide(2 * examples[:, 0], whole, out=np.zeros(len(whole)), where=whole > 0)
    assert _value(made, sums, "example-F1-14") == pytest.approx(each.mean())


def test_f1_and_support_of_each_label_equal_scikit_learn() -> None:
    reference, candidate = _random(7)
    made = metric(by_label=True)
    values = made.reduce(pairs(reference, candidate).sum(axis=0))
    true, said = _binary(reference, "positive"), _binary(candidate, "positive")
    assert values[:14] == pytest.approx(f1_score(true, said, average=None, zero_division=0))
    assert values[14:].tolist() == true.sum(axis=0).tolist()
    assert made.columns[0].label == "x F1 Atelectasis @ uncertain=positive"


def test_macro_of_supported_labels_leaves_out_what_the_reference_never_has() -> None:
    reference, candidate = _random(3)
    reference[:, LABELS.index("Fracture")] = BLANK
    candidate[0, LABELS.index("Fracture")] = POSITIVE
    sums = pairs(reference, candidate).sum(axis=0)
    at = [i for i, name in enumerate(LABELS) if name != "Fracture"]
    each = f1_score(_binary(reference, "positive"), _binary(candidate, "positive"), average=None, zero_division=0)
    assert _value(metric(macro="supported"), sums, "macro-F1-14") == pytest.approx(each[at].mean())
    assert _value(metric(), sums, "macro-F1-14") == pytest.approx(each.mean())
    assert "macro:supported" in metric(macro="supported").signature("findings")


def test_a_perfect_top_five_with_one_class_has_the_macro_of_its_zero_division() -> None:
    """The trap that makes published macro averages differ: 1 of 5 classes present gives .2 where zero division is 0."""
    codes = np.full((3, 14), BLANK, np.int8)
    codes[0, LABELS.index("Edema")] = POSITIVE
    sums = pairs(codes, codes).sum(axis=0)
    assert _value(metric(), sums, "macro-F1-5") == pytest.approx(0.2)
    assert _value(metric(), sums, "example-F1-5") == pytest.approx(1 / 3)
    assert _value(metric(), sums, "micro-F1-5") == 1.0
    assert _value(metric(macro="supported"), sums, "macro-F1-5") == 1.0


def test_the_recorded_averages_of_five_labelled_pairs_come_out() -> None:
    """Labels and averages as RadEval's tests/test_f1chexbert.py records them."""
    reference = [["No Finding"], ["Cardiomegaly"], ["Cardiomegaly"], ["Consolidation"], ["Lung Opacity", "Lung Lesion"]]
    candidate = [["No Finding"], ["No Finding"], ["Edema", "Atelectasis"], ["Consolidation"], []]
    sums = pairs(_codes(reference), _codes(candidate)).sum(axis=0)
    expected = {
        "micro-F1-14": 0.3636,
        "macro-F1-14": 0.1190,
        "weighted-F1-14": 0.2778,
        "example-F1-14": 0.4,
        "micro-F1-5": 0.3333,
        "macro-F1-5": 0.2,
        "weighted-F1-5": 0.3333,
        "example-F1-5": 0.2,
    }
    assert {name: round(_value(metric(), sums, name), 4) for name in expected} == expected


def _codes(rows: Sequence[Sequence[str]]) -> Codes:
    return np.array([[POSITIVE if name in row else BLANK for name in LABELS] for row in rows], np.int8)


@given(st.integers(0, 2**32 - 1), st.sampled_from(POLICIES), st.booleans())
@settings(max_examples=60, deadline=None)
def test_statistics_add_up_and_reduce_is_vectorised(seed: int, policy: Policy, by_label: bool) -> None:
    reference, candidate = _random(seed, 6)
    rows = pairs(reference, candidate)
    made = metric(policy, by_label=by_label)
    assert rows.shape == (6, len(STATISTICS))
    stacked = np.stack([rows[:3].sum(axis=0), rows[3:].sum(axis=0), rows.sum(axis=0)])
    assert made.reduce(stacked[None]).shape == (1, 3, len(made.columns))
    assert np.array_equal(made.reduce(stacked)[2], made.reduce(rows.sum(axis=0)))
    values = made.reduce(rows)
    limit = 1.0 if not by_label else 6.0
    assert np.all((values >= 0) & (values <= limit))


def _example(candidate: str, reference: str | None) -> Example:
    study = Study(id="s", reference=None if reference is None else Report(findings=reference))
    return Example(study, Answer(study="s", status="ok", report=Report(text=candidate)))


def test_identical_reports_are_perfect_and_an_empty_candidate_claims_nothing(score: Callable[..., Any]) -> None:
    text = "Cardiomegaly. No effusion. Right basilar atelectasis."
    same = score("rules@uncertain=positive", [(text, text)])
    names = [column.name for column in same.metric.columns]
    assert same.total[names.index("rules micro-F1-14")] == 1.0
    empty = score("rules@uncertain=positive", [("", "Lungs are clear.")])
    assert empty.total[names.index("rules F1 No Finding")] == 0.0
    assert empty.rows[0, STATISTICS.index("No Finding: positive met blank")] == 1.0


def test_a_study_without_a_reference_is_in_no_average() -> None:
    made = LabelF1("x", "x", _none, "none")
    rows = made.measure([_example("Edema.", None), _example("Edema.", "Edema.")], None)
    assert rows[0].sum() == 0
    assert rows[1, -1] == 1
    assert np.isnan(made.reduce(rows[0])).all()


def test_one_labelling_serves_every_policy(score: Callable[..., Any]) -> None:
    pair = [("Possible pneumonia.", "Pneumonia."), ("Cardiomegaly. No edema.", "Cardiomegaly. Possible edema.")]
    made = {policy: score(f"rules@uncertain={policy}", pair) for policy in POLICIES}
    first = made["positive"]
    assert all(np.array_equal(first.rows, other.rows) for other in made.values())
    at = [column.name for column in first.metric.columns].index("rules micro-F1-14")
    assert {policy: round(float(one.total[at]), 3) for policy, one in made.items()} == {
        "positive": 0.8,
        "negative": 0.667,
        "ignore": 1.0,
        "own-class": 0.4,
    }
    assert len({one.signature for one in made.values()}) == len(POLICIES)


def test_columns_say_where_labels_come_from_and_what_uncertain_is(score: Callable[..., Any]) -> None:
    made = score("rules@uncertain=positive", [("Edema.", "Edema.")])
    assert "rules macro-F1-14 @ uncertain=positive" in [column.label for column in made.metric.columns]
    assert (
        made.signature == "label-f1|target:findings|labels:rules-5|uncertain:positive|macro:all|zero:0|empty:blank|v1"
    )
