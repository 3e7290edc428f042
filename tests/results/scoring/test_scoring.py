"""Scoring: what is measured, what is not, and what is left on disk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from mmrad_eval.core.errors import DataError, PluginError
from mmrad_eval.core.values import Answer, PriorStudy, Report, Study
from mmrad_eval.metrics.facts.labels import label_many
from mmrad_eval.metrics.labelf1 import Codes, LabelF1, Policy
from mmrad_eval.results.run.summary import Summary
from mmrad_eval.results.scoring.run import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmrad_eval.core.contracts import FloatArray
    from mmrad_eval.core.values import Example
    from tests.results.conftest import Kit


def test_values_are_those_of_the_formula_on_summed_statistics(kit: Kit) -> None:
    studies = kit.studies(4, patients=2)
    folder = kit.run(
        [kit.answer(s, text) for s, text in zip(studies, ["heart", "left effusion", "no", ""], strict=True)]
    )
    summary = score(folder, studies, [kit.Words()])
    assert summary.columns["Recall @ test"].value == pytest.approx((1 + 2 + 1 + 0) / (4 + 3 + 3 + 4))
    assert summary.columns["Mean recall @ test"].value == pytest.approx((1 / 4 + 2 / 3 + 1 / 3 + 0) / 4)
    assert folder.summary() == summary


def test_failed_and_open_studies_are_never_scored_and_model_failures_are(kit: Kit) -> None:
    studies = kit.studies(5, patients=5)
    answers = [kit.answer(s, s.reference.text if s.reference else "") for s in studies[:2]]
    answers += [kit.answer(studies[2], "", "empty"), kit.answer(studies[3], "", "failed")]
    folder = kit.run(answers)  # the fifth study has no answer at all
    summary = score(folder, studies, [kit.Words()])
    assert (summary.n, summary.scored, summary.complete) == (5, 3, False)
    assert summary.statuses == {"ok": 2, "empty": 1, "failed": 1, "pending": 1}
    assert summary.columns["Mean recall @ test"].value == pytest.approx(2 / 3)
    scores = folder.scores()
    assert scores is not None
    values = scores.values(scores.blocks[0])
    assert np.isnan(values[3:]).all()
    assert values[:3, 1].tolist() == [1.0, 1.0, 0.0]


def test_undefined_studies_are_counted(kit: Kit) -> None:
    studies = kit.studies(4, patients=4)
    summary = score(kit.run([kit.answer(s, "effusion") for s in studies]), studies, [kit.Effusions()])
    column = summary.columns["Effusions missed @ test"]
    assert (column.value, column.n, column.defined, column.better) == (0.0, 4, 2, "lower")


def test_a_composite_gets_the_statistics_it_requires(kit: Kit) -> None:
    studies = kit.studies(4, patients=4)
    folder = kit.run([kit.answer(s, "effusion") for s in studies])
    summary = score(folder, studies, [kit.Both(), kit.Effusions(), kit.Words()])
    assert summary.columns["Both @ test"].value == pytest.approx(2 / 14)
    scores = folder.scores()
    assert scores is not None
    assert {b.metric: b.requires for b in scores.blocks}["both@test"] == ("words|fitted:True|v1", "effusions|v1")


def test_metrics_with_the_same_statistics_are_measured_once_and_reduce_them_each_in_its_way(kit: Kit) -> None:
    studies = kit.studies(6, patients=6)
    texts = ["no effusion", "possible pneumothorax", "cardiomegaly", "", "effusion may be present", "normal"]
    answers = [kit.answer(s, text) for s, text in zip(studies, texts, strict=True)]
    read: list[int] = []

    def labeller(texts: Sequence[str]) -> Codes:
        read.append(len(texts))
        return label_many(texts)

    def under(policy: Policy, version: str) -> LabelF1:
        return LabelF1(f"rules@{policy}", "rules", labeller, version, policy)

    together = score(kit.run(answers), studies, [under("positive", "a"), under("negative", "a")]).columns
    once = sum(read)
    apart = score(kit.run(answers), studies, [under("positive", "a"), under("negative", "b")]).columns

    assert sum(read) == 3 * once
    assert {k: (c.value, c.low, c.high) for k, c in together.items()} == {
        k: (c.value, c.low, c.high) for k, c in apart.items()
    }
    assert len(together) == 2 * 17


@pytest.mark.parametrize("when", ["fit", "measure"])
def test_what_cannot_be_scored_is_named_with_its_remedy(kit: Kit, when: str) -> None:
    studies = kit.studies(3, patients=3)
    summary = score(kit.run([kit.answer(s, "x") for s in studies]), studies, [kit.Words(), kit.Weightless(when)])
    assert list(summary.columns) == ["Recall @ test", "Mean recall @ test"]
    assert summary.missing["weightless@test"].remedy == "mmrad-eval fetch weightless"


def test_scoring_again_adds_columns_and_keeps_the_others(kit: Kit) -> None:
    studies = kit.studies(6, patients=3)
    folder = kit.run([kit.answer(s, "effusion") for s in studies])
    first = score(folder, studies, [kit.Words()])
    second = score(folder, studies, [kit.Effusions()])
    assert second.columns.keys() == {"Recall @ test", "Mean recall @ test", "Effusions missed @ test"}
    assert second.columns["Recall @ test"] == first.columns["Recall @ test"]
    scores = folder.scores()
    assert scores is not None
    assert [block.metric for block in scores.blocks] == ["effusions@test", "words@test"]
    assert scores.statistics(scores.blocks[1])[:, 1].tolist() == [4, 3, 3, 4, 4, 3]


def test_a_column_that_is_scored_again_keeps_its_place(kit: Kit) -> None:
    studies = kit.studies(6, patients=3)
    folder = kit.run([kit.answer(s, "effusion") for s in studies])
    first = score(folder, studies, [kit.Words(), kit.Effusions()])
    assert list(score(folder, studies, [kit.Words()]).columns) == list(first.columns)


@pytest.mark.parametrize("name", ["scores.parquet", "summary.json"])
def test_what_a_crash_left_unreadable_is_made_anew_and_said_to_be(kit: Kit, name: str) -> None:
    studies = kit.studies(6, patients=3)
    folder = kit.run([kit.answer(s, "effusion") for s in studies])
    first = score(folder, studies, [kit.Words()])
    (folder.path / name).write_bytes(b"PAR1 and no more")
    second = score(folder, studies, [kit.Words()])
    assert second.columns == first.columns
    assert second.notes[0].startswith(f"{folder.path / name} could not be read and was rebuilt")
    (folder.path / name).unlink()
    assert score(folder, studies, [kit.Effusions()]).columns.keys() == {"Effusions missed @ test"}


def test_two_signatures_of_one_metric_stand_beside_each_other_and_the_newer_is_shown(kit: Kit) -> None:
    studies = kit.studies(3, patients=3)
    folder = kit.run([kit.answer(s, "effusion") for s in studies])
    score(folder, studies, [kit.Words()])
    summary = score(folder, studies, [kit.Words(version=2)])
    assert {column.signature for column in summary.columns.values()} == {"words|fitted:True|v2"}
    scores = folder.scores()
    assert scores is not None
    assert [block.columns[0].own for block in scores.blocks] == ["Recall @ test", "Recall @ test (2)"]
    assert {"Recall @ test", "Recall @ test (2)"} <= set(scores.frame().columns)


def test_columns_of_other_answers_are_dropped_and_said_to_be(kit: Kit) -> None:
    studies = kit.studies(3, patients=3)
    folder = kit.run([kit.answer(s, "effusion") for s in studies])
    score(folder, studies, [kit.Words()])
    folder.write_answers([kit.answer(s, "heart") for s in studies])
    summary = score(folder, studies, [kit.Effusions()])
    assert list(summary.columns) == ["Effusions missed @ test"]
    assert "words@test" in summary.notes[0]


def test_studies_without_a_reference_for_the_target_are_left_out(kit: Kit) -> None:
    studies = [*kit.studies(3, patients=3), Study("bare"), Study("other", reference=Report("x", impression="x"))]
    summary = score(kit.run([kit.answer(s, "x") for s in studies]), studies, [kit.Words()])
    assert summary.n == 3


def test_order_of_studies_and_answers_changes_nothing(kit: Kit) -> None:
    studies = kit.studies(40, patients=13)
    answers = [kit.answer(s, "left heart size") for s in studies]
    one = score(kit.run(answers, model="test:a"), studies, [kit.Words(), kit.Effusions()])
    two = score(kit.run(answers[::-1], model="test:b"), studies[::-1], [kit.Words(), kit.Effusions()])
    assert one.studies == two.studies
    for label, column in one.columns.items():
        other = two.columns[label]
        assert (column.low, column.high) == pytest.approx((other.low, other.high), abs=1e-12)


def test_one_patient_has_values_and_no_interval(kit: Kit) -> None:
    studies = kit.studies(3, patients=1)
    column = score(kit.run([kit.answer(s, "effusion") for s in studies]), studies, [kit.Words()]).columns[
        "Recall @ test"
    ]
    assert column.value is not None
    assert (column.low, column.high) == (None, None)


def test_a_run_that_failed_everywhere_has_columns_without_values(kit: Kit) -> None:
    studies = kit.studies(3, patients=3)
    summary = score(
        kit.run([kit.answer(s, "", "failed") for s in studies]), studies, [kit.Words(), kit.Both(), kit.Effusions()]
    )
    assert (summary.scored, summary.complete) == (0, False)
    assert {(c.value, c.low, c.n, c.defined) for c in summary.columns.values()} == {(None, None, 0, 0)}


def test_no_studies_at_all_can_be_scored(kit: Kit) -> None:
    summary = score(kit.run([]), [], [kit.Words()])
    assert summary.n == 0
    assert not summary.complete


def test_the_summary_reads_back_from_its_documented_json(kit: Kit) -> None:
    studies = kit.studies(3, patients=None)
    folder = kit.run([kit.answer(s, "effusion") for s in studies])
    score(folder, studies, [kit.Words()])
    raw = msgspec.json.decode((folder.path / "summary.json").read_bytes())
    assert raw["schema"] == "mmrad.summary/1"
    assert raw["cluster"] == "study"
    assert set(raw["columns"]["Recall @ test"]) >= {"value", "low", "high", "n", "defined", "signature", "better"}
    assert msgspec.convert(raw, Summary) == folder.summary()


def test_the_same_study_twice_in_the_data_is_refused(kit: Kit) -> None:
    studies = kit.studies(2)
    with pytest.raises(DataError, match="s00000"):
        score(kit.run([kit.answer(studies[0], "x")]), [*studies, studies[0]], [kit.Words()])


def test_a_metric_with_statistics_that_are_no_numbers_is_named(kit: Kit) -> None:
    studies = kit.studies(2)
    with pytest.raises(PluginError, match=r"effusions@test.*'missed'.*s00000"):
        score(kit.run([kit.answer(s, "x") for s in studies]), studies, [kit.Effusions(broken=math.nan)])


def test_an_unfinished_run_is_scored_from_what_has_been_written(kit: Kit) -> None:
    studies = kit.studies(3, patients=3)
    folder = kit.run([])
    (folder.path / "answers.jsonl").unlink()
    lines = [msgspec.json.encode(kit.answer(s, "effusion")) for s in studies[::-1]]
    (folder.path / "answers.jsonl.part").write_bytes(b"\n".join(lines[:2]) + b"\n" + lines[2][:20])
    summary = score(folder, studies, [kit.Words()])
    assert summary.statuses == {"ok": 2, "pending": 1}


def test_the_last_answer_of_a_study_counts(kit: Kit) -> None:
    studies = kit.studies(1, patients=1)
    folder = kit.run([Answer("s00000", "failed"), kit.answer(studies[0], "heart size is normal")])
    assert score(folder, studies, [kit.Words()]).columns["Recall @ test"].value == 1.0


def test_a_metric_sees_the_priors_that_were_shown_alone(kit: Kit) -> None:
    seen: list[int] = []

    class Priors(kit.Words):  # type: ignore[misc, name-defined]  # a class of the fixture
        def measure(self, examples: Sequence[Example], context: object) -> FloatArray:
            seen.extend(len(example.study.priors) for example in examples)
            return super().measure(examples, context)  # type: ignore[no-any-return]  # as above

    studies = [msgspec.structs.replace(s, priors=(PriorStudy("earlier"),)) for s in kit.studies(2, patients=2)]
    score(kit.run([kit.answer(s, "effusion") for s in studies]), studies, [Priors()])
    assert seen == [0, 0]
