"""Known answers of trace quality and self-consistency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Example, Report, Step, Study, Trace
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.consistency.self_consistency import STATISTICS, SelfConsistency
from mmrad_eval.metrics.consistency.sentences import beside
from mmrad_eval.metrics.consistency.trace_quality import TraceQuality
from mmrad_eval.results.view.side_by_side import LEGEND, SIGNS, caption, html, page, terminal

STUDIES = [
    (
        [
            ("the heart and the mediastinal region", "The heart is enlarged. The mediastinum is normal."),
            ("the lung region", "Small left pleural effusion with left basilar atelectasis. No pneumothorax."),
        ],
        "Cardiomegaly. Small left pleural effusion with left basilar atelectasis. No pneumothorax.",
    ),
    (
        [
            ("the heart and the mediastinal region", "The heart is normal in size."),
            ("the lung region", "Right upper lobe consolidation. No effusion."),
        ],
        "Heart size is normal. Right upper lobe pneumonia with consolidation. No pleural effusion.",
    ),
    (
        [
            ("the heart and the mediastinal region", "Heart size is normal."),
            ("the lung region", "The lungs are clear. No pneumothorax or effusion."),
        ],
        "Normal heart. Clear lungs. No pneumothorax.",
    ),
    (
        [("the lung region", "Right apical pneumothorax. Right lower lobe opacity.")],
        "Right apical pneumothorax. Opacity in the right lower lobe.",
    ),
]


def _trace(steps: Sequence[tuple[str, str]]) -> Trace:
    return Trace(tuple(Step(region=region, text=text) for region, text in steps))


def _studies() -> list[Study]:
    return [
        Study(f"s{i}", patient=f"p{i}", reference=Report(findings=report), trace=_trace(steps))
        for i, (steps, report) in enumerate(STUDIES)
    ]


def _examples(reports: Sequence[str], traces: Sequence[Trace | None], shown: bool = False) -> list[Example]:
    return [
        Example(
            study,
            Answer(
                study.id,
                "ok",
                report=Report(text=report),
                trace=None if shown else trace,
                shown=trace if shown else None,
            ),
        )
        for study, report, trace in zip(_studies(), reports, traces, strict=True)
    ]


REPORTS = [report for _, report in STUDIES]
TRACES: list[Trace | None] = [_trace(steps) for steps, _ in STUDIES]


def _values(name: str, examples: Sequence[Example]) -> dict[str, float]:
    (metric,) = suite([name])
    context = metric.fit(Corpus([e.study for e in examples]))
    total = metric.reduce(metric.measure(examples, context).sum(axis=0))
    return {column.name: float(value) for column, value in zip(metric.columns, total, strict=True)}


@pytest.mark.parametrize("name", ["trace@strict", "trace@lenient"])
def test_the_reference_trace_is_perfect_everywhere(name: str) -> None:
    values = _values(name, _examples(REPORTS, TRACES))
    defined = {key: value for key, value in values.items() if not np.isnan(value)}
    assert defined.pop("Trace contradicted") == 0.0
    assert set(defined.values()) == {1.0}


def test_the_reference_trace_with_its_report_reaches_the_ceiling() -> None:
    values = _values("consistency@rules", _examples(REPORTS, TRACES))
    assert values["SC"] == values["SC ceiling"]
    assert values["SC"] > 0.8
    assert values["SC chance"] < values["SC"]
    assert values["Con"] == 0.0


def test_a_report_that_repeats_its_trace_is_wholly_consistent() -> None:
    repeated = [" ".join(text for _, text in steps) for steps, _ in STUDIES]
    values = _values("consistency@rules", _examples(repeated, TRACES))
    assert {values[key] for key in ("SC", "Sup", "Car", "SC all", "LabelAgree")} == {1.0}
    assert values["Uns"] == values["Par"] == values["Con"] == 0.0


def test_negated_reports_raise_contradictions() -> None:
    before = _values("consistency@rules", _examples(REPORTS, TRACES))
    negated = [
        "No cardiomegaly. No pleural effusion. No atelectasis. No pneumothorax.",
        "Heart size is normal. No consolidation. No pneumonia. No pleural effusion.",
        REPORTS[2],
        "No pneumothorax. No opacity.",
    ]
    after = _values("consistency@rules", _examples(negated, TRACES))
    assert after["SC"] == 0.0  # nothing abnormal arrives
    assert after["Con all"] > 0.4
    assert before["Con all"] == 0.0


def test_swapped_sides_are_partial_and_not_contradicted() -> None:
    swapped = [
        r.replace("left", "LEFT").replace("right", "left").replace("Right", "left").replace("LEFT", "right")
        for r in REPORTS
    ]
    after = _values("consistency@rules", _examples(swapped, TRACES))
    before = _values("consistency@rules", _examples(REPORTS, TRACES))
    assert after["SC"] < before["SC"] - 0.3
    assert after["Par"] > before["Par"] + 0.3
    assert after["Con"] == 0.0
    assert after["LabelAgree"] == before["LabelAgree"]  # labels have no side


def test_another_patients_report_is_near_chance() -> None:
    moved = [*REPORTS[1:], REPORTS[0]]
    values = _values("consistency@rules", _examples(moved, TRACES))
    assert values["SC"] < 0.3
    assert values["Uns"] > 0.4


def test_a_claim_more_specific_than_the_trace_is_not_supported() -> None:
    examples = _examples(["Left lower lobe pneumonia."] * 4, [Trace(text="Pneumonia.")] * 4)
    values = _values("consistency@rules", examples)
    assert (values["Sup"], values["Par"], values["Car"]) == (0.0, 1.0, 0.0)


def test_the_share_of_normal_studies_does_not_move_the_headline() -> None:
    abnormal = _values("consistency@rules", _examples(REPORTS, TRACES)[:2])
    normal = _values("consistency@rules", _examples(REPORTS, TRACES)[:3])
    assert abnormal["SC"] == normal["SC"]
    assert normal["SC defined"] == pytest.approx(2 / 3)


def test_traces_of_runs_without_traces_are_undefined_and_of_single_studies_count_as_nothing() -> None:
    none: list[Trace | None] = [None] * 4
    assert np.isnan(_values("consistency@rules", _examples(REPORTS, none))["SC"])
    assert np.isnan(_values("trace@strict", _examples(REPORTS, none))["Trace F1"])
    some = [TRACES[0], None, TRACES[2], TRACES[3]]
    assert _values("trace@strict", _examples(REPORTS, some))["Trace R"] < 1.0
    assert _values("consistency@rules", _examples(REPORTS, some))["Sup"] < 1.0


def test_shown_evidence_is_measured_as_copying_under_its_own_name() -> None:
    examples = _examples(REPORTS, TRACES, shown=True)
    assert np.isnan(_values("consistency@rules", examples)["SC"])
    copied = _values("copy@rules", examples)
    assert copied["Copy SC"] == _values("consistency@rules", _examples(REPORTS, TRACES))["SC"]


def test_lenient_forgives_what_the_reference_does_not_mention_only_where_it_is_denied() -> None:
    more = _trace([("the lung region", "Right apical pneumothorax. Right lower lobe opacity. No edema. Rib fracture.")])
    examples = _examples([REPORTS[3]] * 4, [more] * 4)[3:]
    strict, lenient = (_values(name, examples)["Trace P"] for name in ("trace@strict", "trace@lenient"))
    assert (strict, lenient) == (0.5, 0.75)


def test_trace_quality_is_told_apart_by_category() -> None:
    wrong_lungs = [
        _trace([(r, t if "heart" in r else "The lungs are clear. Large effusion.") for r, t in s]) for s, _ in STUDIES
    ]
    values = _values("trace@strict", _examples(REPORTS, wrong_lungs))
    assert values["Trace F1 heart_mediastinum"] == 1.0
    assert values["Trace F1 lungs"] < 0.5


def test_free_prose_and_steps_of_the_same_words_are_the_same_trace() -> None:
    prose: list[Trace | None] = [Trace(text=" ".join(text for _, text in steps)) for steps, _ in STUDIES]
    in_prose, in_steps = (_values("trace@strict", _examples(REPORTS, traces)) for traces in (prose, TRACES))
    assert in_prose == pytest.approx(in_steps, nan_ok=True)


def test_the_region_of_a_step_places_what_its_words_do_not() -> None:
    placed = Trace((Step(region="left lower lung zone", text="There is an opacity. Heart size is normal."),))
    examples = _examples(["Left basilar opacity. Normal heart size."] * 4, [placed] * 4)
    assert _values("consistency@rules", examples)["SC"] == 1.0


def test_statistics_add_up_over_shards() -> None:
    (metric,) = suite(["consistency@rules"])
    assert isinstance(metric, SelfConsistency)
    examples = _examples(REPORTS, TRACES)
    context = metric.fit(Corpus([e.study for e in examples]))
    whole = metric.measure(examples, context)
    parts = [metric.measure([e], context) for e in examples]
    assert np.array_equal(whole, np.concatenate(parts))
    assert metric.reduce(np.stack([whole.sum(0)] * 2)[None]).shape == (1, 2, len(metric.columns))


def test_the_chance_donor_is_another_patient_with_like_labels() -> None:
    (metric,) = suite(["consistency@rules"])
    assert isinstance(metric, SelfConsistency)
    studies = [*_studies(), Study("twin", patient="p9", reference=Report(findings=REPORTS[0]), trace=TRACES[0])]
    again = Study("s0-later", patient="p0", reference=Report(findings=REPORTS[0]), trace=TRACES[0])
    context = metric.fit(Corpus([*studies, again]))
    assert context.donors["s0"].study == "twin"
    assert context.donors["twin"].study in {"s0", "s0-later"}
    assert context.digest in metric.signature(context)
    assert metric.fit(Corpus([again, *reversed(studies)])).digest == context.digest


def test_the_four_verdicts_sum_to_one() -> None:
    values = _values("consistency@rules", _examples([*REPORTS[1:], REPORTS[0]], TRACES))
    assert values["Sup"] + values["Par"] + values["Con"] + values["Uns"] == pytest.approx(1.0)


def test_signatures_name_extractor_target_of_comparison_and_matching() -> None:
    (metric,) = suite(["trace@report"])
    assert isinstance(metric, TraceQuality)
    signature = metric.signature(metric.fit(Corpus([], target="impression")))
    assert signature == "trace-quality|facts:rules-5|against:report|target:impression|match:1|v1"


VIEW = beside(
    "Cardiomegaly. Bilateral effusions <b>. Left lower lobe consolidation. Pacemaker. Comparison is limited.",
    _trace([("the heart", "The heart is enlarged."), ("the lung region", "Small left effusion. No consolidation.")]),
)


def test_each_sentence_shows_the_worst_of_its_statements() -> None:
    assert [s.mark for s in VIEW.report] == ["supported", "partial", "contradicted", "unsupported", "none"]
    assert [s.category for s in VIEW.report] == ["heart_mediastinum", "pleura_diaphragm", "lungs", "devices", "other"]
    mixed = beside("Cardiomegaly and pacemaker.", _trace([("", "Cardiomegaly.")]))
    assert [s.mark for s in mixed.report] == ["partial"]  # one supported, one unsupported


def test_report_and_thought_are_linked_by_numbers() -> None:
    thought = [s for _, sentences in VIEW.thought for s in sentences]
    assert VIEW.report[0].links == thought[0].links
    assert set(VIEW.report[1].links) == set(thought[1].links)
    assert VIEW.report[2].links == thought[2].links
    assert VIEW.report[3].links == ()


def test_links_are_numbered_from_one_without_gaps() -> None:
    trace = _trace([("the lungs", "The lungs are clear. The heart is enlarged. Small left effusion.")])
    found = beside("Severe scoliosis. Cardiomegaly. Old rib fractures. Small left pleural effusion.", trace)
    assert [sentence.links for sentence in found.report] == [(), (1,), (), (2,)]
    assert [sentence.links for _, said in found.thought for sentence in said] == [(), (1,), (2,)]


def test_the_counts_under_the_picture_are_the_numerators_of_the_metric() -> None:
    (metric,) = suite(["consistency@rules"])
    examples = _examples(REPORTS, TRACES)
    rows = metric.measure(examples, metric.fit(Corpus([e.study for e in examples])))
    for example, row in zip(examples, rows, strict=True):
        assert example.answer.trace is not None
        counts = beside(example.candidate, example.answer.trace).counts
        for verdict in ("supported", "partial", "contradicted", "unsupported"):
            assert counts[verdict] == row[STATISTICS.index(f"all: report {verdict}")]
            assert counts[f"abnormal {verdict}"] == row[STATISTICS.index(f"abnormal: report {verdict}")]


def test_no_word_of_either_text_is_lost() -> None:
    for steps, report in STUDIES:
        view = beside(report, _trace(steps))
        assert "".join(s.text for s in view.report) == report
        assert [(region, "".join(s.text for s in sentences)) for region, sentences in view.thought] == steps


def test_html_escapes_a_strangers_words_and_marks_by_text_as_well_as_colour() -> None:
    drawn = html(VIEW)
    assert "<b>" not in drawn
    assert "&lt;b&gt;" in drawn
    assert all(sign in drawn for sign in SIGNS.values())
    assert caption(VIEW) in drawn
    whole = page([("study 1", VIEW)])
    assert whole.startswith("<!doctype html>")
    assert "http" not in whole  # opens without a network
    assert LEGEND in whole


def test_the_terminal_shows_the_same_marks() -> None:
    drawn = terminal(VIEW).plain
    assert all(sign in drawn for sign in SIGNS.values())
    assert caption(VIEW) in drawn


def test_an_empty_report_or_trace_is_drawn_too() -> None:
    empty = beside("", Trace())
    assert empty.report == ()
    assert sum(empty.counts.values()) == 0
    assert "no trace" in html(empty)
    assert terminal(beside("Cardiomegaly.", Trace())).plain.startswith("\nCardiomegaly.?")
