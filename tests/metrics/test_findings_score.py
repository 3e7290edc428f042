"""The score of findings: what each difference between two reports costs, and what nobody can gain by."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, ClinicalContext, Example, Image, PriorStudy, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.findings.alignment import KINDS, Alignment, align
from mmrad_eval.metrics.findings.assignment import assign
from mmrad_eval.metrics.findings.examples import age_of, alignment_of, lateral_shown
from mmrad_eval.metrics.findings.explain import lines as explained
from mmrad_eval.metrics.findings.explain import words
from mmrad_eval.metrics.findings.metric import SCORE, STUDY, FindingsScore
from mmrad_eval.metrics.findings.policies import NORMAL, everything, hedged_everything
from mmrad_eval.metrics.findings.reading import read
from mmrad_eval.metrics.findings.significance import SCHEMES, table
from mmrad_eval.model_registry.answerers import FINDINGS
from tests.metrics.test_findings_suites import rows

REFERENCES = (
    "Large left pneumothorax. Small right pleural effusion. The heart is normal in size.",
    "Moderate pulmonary edema. Endotracheal tube ends 4 cm above the carina. Bibasilar atelectasis.",
    "A 12 mm nodule in the right upper lobe. Tortuous aorta. No effusion.",
    "Perihilar opacities suggestive of edema. Possible left lower lobe pneumonia.",
    "The heart size is normal. The lungs are clear. No effusion or pneumothorax.",
)


def side_by_side(reference: str, candidate: str, *, prior: bool = False, lateral: bool = True) -> Alignment:
    return align(read(reference), read(candidate), prior=prior, lateral=lateral)


def kinds(found: Alignment) -> list[str]:
    return [error.kind for error in found.errors]


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_report_that_is_its_reference_has_no_error(reference: str) -> None:
    found = side_by_side(reference, reference)
    assert found.score == pytest.approx(1.0)
    assert not found.errors


@pytest.mark.parametrize("row", rows("harm.tsv"), ids=lambda row: f"{row[0]}-{row[2][:30]}")
def test_more_harm_scores_strictly_lower(row: list[str]) -> None:
    _, shown, reference, *reports = row
    scores = [side_by_side(reference, report, prior=shown == "prior").score for report in reports]
    assert all(a > b for a, b in itertools.pairwise(scores)), scores


@pytest.mark.parametrize("prevalence", [0.1, 0.3, 0.5])
def test_hedging_never_beats_silence_at_a_prevalence_of_half_or_less(prevalence: float) -> None:
    """On sums before bounding, for each finding by itself."""
    for finding in hedged_everything().removesuffix(".").split(". "):
        name = finding.removeprefix("Possible ")
        there = side_by_side(f"There is {name}.", f"{finding}.")
        absent = side_by_side("The lungs are clear.", f"{finding}.")
        gained = prevalence * (there.credit - there.cost) + (1 - prevalence) * (absent.credit - absent.cost)
        assert gained <= 1e-12, name


def test_hedging_a_finding_that_is_mostly_there_pays() -> None:
    there, absent = (side_by_side(text, "Possible left effusion.") for text in ("Left effusion.", "No effusion."))
    assert 0.8 * (there.credit - there.cost) + 0.2 * (absent.credit - absent.cost) > 0


@pytest.mark.parametrize("reference", REFERENCES)
def test_listing_everything_is_worse_than_silence(reference: str) -> None:
    for report in (hedged_everything(), everything()):
        found = side_by_side(reference, report)
        assert found.credit < found.cost
        assert found.score <= 0


@pytest.mark.parametrize("candidate", ["", "   ", "I cannot help with that.", "Thank you for the referral."])
@pytest.mark.parametrize("reference", REFERENCES)
def test_what_says_nothing_scores_nothing(reference: str, candidate: str) -> None:
    assert side_by_side(reference, candidate).score == 0.0


def test_a_refusal_scores_nothing_whatever_it_says() -> None:
    study = Study("a", reference=Report(findings=REFERENCES[4]))
    said = Report(text=REFERENCES[4])
    assert alignment_of(Example(study, Answer("a", "ok", report=said))).score == 1.0
    assert alignment_of(Example(study, Answer("a", "refused", report=said))).score == 0.0


def test_a_normal_statement_that_is_left_out_costs_nothing_and_a_wrong_one_does() -> None:
    reference = "Right pneumothorax. No effusion. The heart is normal in size."
    assert side_by_side(reference, "Right pneumothorax.").score == 1.0
    reference = "Right pneumothorax. Left effusion."
    assert (
        side_by_side(reference, "Right pneumothorax. No effusion.").score
        < side_by_side(reference, "Right pneumothorax.").score
    )
    assert "contradiction" in kinds(side_by_side(reference, "Right pneumothorax. No effusion."))


def test_a_normal_study_loses_the_weight_of_false_findings() -> None:
    normal = REFERENCES[4]
    assert side_by_side(normal, "The lungs are clear. Scoliosis.").score == pytest.approx(0.75)
    assert side_by_side(normal, "Right lower lobe consolidation.").score == pytest.approx(0.5)
    assert side_by_side(normal, "Possible right lower lobe consolidation.").score == pytest.approx(0.75)
    assert side_by_side(normal, "Large left tension pneumothorax. Pneumonia.").score == 0.0


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [
        ("Effusion.", "Left effusion."),
        ("Effusion.", "Small left effusion."),
        ("Effusion.", "Bilateral effusions."),
        ("Left lower lobe consolidation.", "Large left lower lobe consolidation."),
        ("A nodule in the right lung.", "A 9 mm nodule in the right upper lobe."),
        ("Endotracheal tube.", "The endotracheal tube ends 4 cm above the carina."),
    ],
)
def test_what_the_reference_does_not_say_is_no_error(reference: str, candidate: str) -> None:
    found = side_by_side(reference, candidate)
    assert found.score == pytest.approx(1.0), found.errors


@pytest.mark.parametrize(
    ("reference", "candidate", "kind"),
    [
        ("Left effusion.", "Right effusion.", "wrong location"),
        ("Right upper lobe consolidation.", "Right lower lobe consolidation.", "wrong location"),
        ("The endotracheal tube ends above the carina.", "The ETT is in the right main bronchus.", "wrong location"),
        ("Left effusion.", "Left effusion. Scoliosis.", "false finding"),
        ("Left effusion. Scoliosis.", "Left effusion.", "omission"),
        ("Small left effusion.", "Large left effusion.", "wrong severity"),
        ("Pneumonia.", "Possible pneumonia.", "wrong certainty"),
        ("A 5 mm nodule in the left lung.", "A 5 cm nodule in the left lung.", "wrong measurement"),
        ("Right lower lobe pneumonia.", "Right lower lobe opacity.", "wrong kind"),
        ("Left effusion.", "Left effusion. No effusion.", "contradiction"),
        ("Left effusion.", "New left effusion.", "unsupported comparison"),
        ("Left effusion.", "Left effusion. The edema has resolved.", "unsupported comparison"),
    ],
)
def test_each_error_has_its_kind(reference: str, candidate: str, kind: str) -> None:
    assert kinds(side_by_side(reference, candidate)) == [kind]


def test_comparisons_count_where_a_prior_was_shown() -> None:
    worse, same = "Worsening left effusion.", "Left effusion."
    assert kinds(side_by_side(worse, same, prior=True)) == ["omitted comparison"]
    assert kinds(side_by_side(same, worse, prior=True)) == ["comparison not in the reference"]
    assert side_by_side(worse, same).score == 1.0
    assert side_by_side(worse, worse, prior=True).score == 1.0
    assert kinds(side_by_side(worse, worse)) == ["unsupported comparison"]


@pytest.mark.parametrize("lasting", ["Chronic interstitial lung disease.", "Known left lung mass."])
def test_what_lasts_compares_with_nothing(lasting: str) -> None:
    assert not kinds(side_by_side(lasting, lasting))


def test_a_view_that_was_not_shown_supports_nothing() -> None:
    said = "A nodule is seen on the lateral view."
    assert not kinds(side_by_side(said, said))
    assert kinds(side_by_side(said, said, lateral=False)) == ["unsupported view"]
    frontal, lateral = Image("a.png", view="PA"), Image("b.png", view="LATERAL")
    assert not lateral_shown(Study("a", images=(frontal,)))
    assert lateral_shown(Study("a", images=(frontal, lateral)))
    assert lateral_shown(Study("a", images=(frontal, Image("c.png"))))
    assert lateral_shown(Study("a"))


def test_descriptive_and_diagnostic_words_of_one_sentence_are_one_finding() -> None:
    whole = "Perihilar opacities suggestive of edema."
    assert len(read(whole).findings) == 1
    assert side_by_side(whole, whole).score == 1.0
    described = side_by_side(whole, "Perihilar opacities.")
    diagnosed = side_by_side(whole, "Perihilar edema.")
    assert 0 < described.score < 1
    assert 0 < diagnosed.score < 1
    assert not {"omission", "false finding"} & {*kinds(described), *kinds(diagnosed)}


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("ETT 1 cm above the carina.", "displaced"),
        ("ETT 15 mm above the carina.", "displaced"),
        ("ETT 2.5 cm above the carina.", "right"),
        ("The endotracheal tube ends 7 cm above the carina.", "right"),
        ("ETT 9 cm above the carina.", "displaced"),
        ("ETT 4 cm above the carina, and should be withdrawn slightly.", "displaced"),
        ("Low-lying endotracheal tube.", "displaced"),
    ],
)
def test_an_endotracheal_tube_belongs_within_a_span_above_the_carina(text: str, position: str) -> None:
    assert [finding.position for finding in read(text).findings] == [position]


def test_one_thing_that_is_said_twice_is_one_finding() -> None:
    [finding] = read("Left effusion. The effusion is small.").findings
    assert (finding.side, finding.severity) == ("left", "mild")
    assert len(read("Bilateral effusions.").findings) == 2
    assert side_by_side("Bilateral effusions.", "Left effusion. Right effusion.").score == 1.0
    assert len(read("A 5 mm nodule in the left lung. A 12 mm nodule in the left lung.").findings) == 2


def test_context_that_is_not_there_is_not_guessed() -> None:
    spine = read("Degenerative change of the spine.")
    [unknown], [old], [young] = (spine.at_stake("tiers", age) for age in (None, 80.0, 30.0))
    assert (unknown.tier, old.tier, young.tier) == ("minor", "expected", "minor")
    ages = {"072Y": 72, "72": 72, "6M": 0.5, "045": 45}
    for text, years in ages.items():
        assert age_of(Study("a", context=ClinicalContext(age=text))) == pytest.approx(years)
    assert age_of(Study("a", context=ClinicalContext(age="unknown"))) is None


def test_each_rule_of_significance_names_its_source() -> None:
    for some in table().rules.values():
        assert all(rule.source in {"crimson", "none"} for rule in some)


def test_the_assignment_is_the_best_one() -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        n, m = random.integers(1, 7, 2)
        gains = random.random((n, m)) * (random.random((n, m)) < 0.6)
        given = {(i, j): float(gains[i, j]) for i in range(n) for j in range(m) if gains[i, j] > 0}
        pairs = assign(given)
        rows_, columns = linear_sum_assignment(-gains)
        assert sum(given[pair] for pair in pairs) == pytest.approx(gains[rows_, columns].sum())
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)


def _examples() -> list[Example]:
    return [
        Example(
            Study(str(i), reference=Report(findings=reference), priors=(PriorStudy("p"),) if i % 2 else ()),
            Answer(str(i), "ok", report=Report(text=candidate)),
        )
        for i, (reference, candidate) in enumerate(itertools.product(REFERENCES, (*REFERENCES, "", NORMAL)))
    ]


@pytest.mark.parametrize("name", ["findings@rules", "findings-by-finding@rules", "findings-hedges@rules"])
def test_statistics_are_additive_and_columns_have_the_declared_shape(name: str) -> None:
    [metric] = suite([name])
    examples = _examples()
    context = metric.fit(Corpus([e.study for e in examples]))
    measured = metric.measure(examples, context)
    assert measured.shape == (len(examples), len(metric.statistics))
    assert np.isfinite(measured).all()
    assert metric.reduce(measured).shape == (len(examples), len(metric.columns))
    assert np.array_equal(measured, metric.measure(examples, context))
    one_by_one = np.vstack([metric.measure([example], context) for example in examples])
    assert np.array_equal(measured, one_by_one)


def test_the_headline_is_the_mean_over_abnormal_studies() -> None:
    metric = FindingsScore("findings@rules")
    examples = _examples()
    measured = metric.measure(examples, "findings")
    names = [column.name for column in metric.columns]
    own = metric.reduce(measured)
    abnormal = [alignment_of(example).abnormal for example in examples]
    scores = [alignment_of(example).score for example in examples]
    total = dict(zip(names, metric.reduce(measured.sum(axis=0)), strict=True))
    assert total[SCORE] == pytest.approx(np.mean([s for s, there in zip(scores, abnormal, strict=True) if there]))
    assert np.isnan(own[~np.array(abnormal), names.index(SCORE)]).all()
    assert own[:, names.index(STUDY)] == pytest.approx(scores)


def test_a_reference_of_which_nothing_is_understood_is_not_taken_for_normal() -> None:
    metric = FindingsScore("findings@rules")
    unread = Example(
        Study("a", reference=Report(findings="As discussed.")), Answer("a", "ok", report=Report(text="PTX."))
    )
    [row] = metric.reduce(metric.measure([unread], "findings"))
    names = [column.name for column in metric.columns]
    assert np.isnan(row[[names.index(SCORE), names.index(STUDY)]]).all()
    assert row[names.index("Findings coverage")] == 0.0


def test_each_scheme_of_weights_has_its_own_signature_and_every_kind_its_column() -> None:
    signatures = {FindingsScore("findings@rules", scheme).signature("findings") for scheme in SCHEMES}
    assert len(signatures) == len(SCHEMES)
    names = {column.name for column in FindingsScore("findings@rules").columns}
    assert {f"Findings {kind}" for kind in KINDS} <= names


def test_the_normal_template_is_that_of_the_baseline() -> None:
    assert NORMAL == FINDINGS


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("candidate", [*REFERENCES, "", NORMAL, "New right edema. The pneumonia has resolved."])
def test_an_alignment_is_explained_by_its_own_numbers(reference: str, candidate: str) -> None:
    found = side_by_side(reference, candidate)
    said = explained(found)
    assert said[-1].startswith(f"score {found.score:.3f}".rstrip("0").rstrip("."))
    earned = [float(line.split("earns ")[1].split(" of")[0]) for line in said[:-1] if "earns " in line]
    costs = [float(part.split()[0].rstrip(";,")) for line in said[:-1] for part in line.split("costs ")[1:]]
    assert sum(earned) == pytest.approx(found.credit, abs=2e-3 * (len(earned) + 1))
    assert sum(costs) == pytest.approx(found.cost, abs=2e-3 * (len(costs) + 1))
    assert all(words(finding) for finding in found.reference.findings)
