"""The two calls for notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mmrad_eval
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.metrics import suite
from mmrad_eval.results.scoring.run import score

if TYPE_CHECKING:
    from tests.results.conftest import Kit

REFERENCES = ["no pleural effusion is seen", "the heart is normal in size", "small left pneumothorax today now"]


def test_identical_texts_score_one() -> None:
    found = mmrad_eval.score(REFERENCES, REFERENCES, "rouge@raw")
    assert dict(found) == {"ROUGE-L @ raw": pytest.approx(1.0)}
    assert "ROUGE-L @ raw: 1.0000 [1.0000, 1.0000]" in repr(found)


def test_scores_and_runs_draw_themselves_in_a_notebook(tmp_path: Path) -> None:
    found = mmrad_eval.score(REFERENCES, REFERENCES, ["rouge@raw", "radgraph"])
    assert "ROUGE-L @ raw" in found._repr_html_()
    assert all(f"{name}: not scored" in found._repr_html_() for name in found.missing)

    run = mmrad_eval.evaluate("baseline:normal", "direct", metrics="rouge@raw", limit=2, out=tmp_path)
    drawn = mmrad_eval.load(tmp_path)._repr_html_()
    assert run.run.id in drawn
    assert "1 runs, 2 answers" in drawn


def test_mappings_are_joined_by_id_in_any_order() -> None:
    references = dict(zip("abc", REFERENCES, strict=True))
    found = mmrad_eval.score(dict(reversed(references.items())), references, ["rouge@raw"])
    assert found["ROUGE-L @ raw"] == pytest.approx(1.0)
    assert found.per_study().index.tolist() == ["a", "b", "c"]


def test_each_pair_and_each_column_has_its_row() -> None:
    found = mmrad_eval.score([*REFERENCES[:2], ""], REFERENCES, ["rouge@raw", "bleu@raw"])
    assert found.per_study()["ROUGE-L @ raw"].tolist() == pytest.approx([1, 1, 0])
    frame = found.frame()
    assert str(frame.loc["BLEU-4 @ raw", "signature"]).startswith("bleu|")
    assert frame.loc["ROUGE-L @ raw", "value"] == pytest.approx(2 / 3)


def test_patients_widen_the_interval() -> None:
    texts = REFERENCES * 10
    guesses = [text if i % 3 else "wrong" for i, text in enumerate(texts)]
    by_pair = mmrad_eval.score(guesses, texts, "rouge@raw").columns["ROUGE-L @ raw"]
    by_patient = mmrad_eval.score(guesses, texts, "rouge@raw", patients=["p", "q", "q"] * 10).columns["ROUGE-L @ raw"]
    assert by_pair.low is not None
    assert by_patient.low is not None
    assert by_patient.low < by_pair.low


@pytest.mark.parametrize(
    ("candidates", "references", "says"),
    [
        (["a"], ["a", "b"], "1 candidates and 2 references"),
        ({"a": "x"}, {"b": "x"}, "2 ids are on one side only"),
        ({"a": "x"}, ["x"], "both be lists"),
        ("one text", ["one text"], "not one text"),
    ],
)
def test_what_does_not_fit_is_refused(candidates: list[str], references: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        mmrad_eval.score(candidates, references, "rouge@raw")
    with pytest.raises(UsageError, match="patient"):
        mmrad_eval.score(["a"], ["a"], "rouge@raw", patients=["p", "q"])


def test_the_same_texts_score_the_same_as_a_run(kit: Kit) -> None:
    studies = kit.studies(8, 4)
    folder = kit.run([kit.answer(s, "small left effusion is normal") for s in studies])
    summary = score(folder, studies, suite(["bleu@raw", "cider@raw"]), resamples=500)
    found = mmrad_eval.score(
        ["small left effusion is normal"] * 8,
        [s.reference.text for s in studies if s.reference],
        ["bleu@raw", "cider@raw"],
        patients=[str(s.patient) for s in studies],
        resamples=500,
    )
    for label, column in summary.columns.items():
        assert found[label] == pytest.approx(column.value, abs=1e-12)
        assert found.columns[label].low == pytest.approx(column.low, abs=1e-12)


def test_runs_load_as_tidy_frames(kit: Kit) -> None:
    studies = kit.studies(4, 2)
    for model, text in (("t:a", "heart"), ("t:b", "effusion")):
        folder = kit.run([kit.answer(s, text, "failed" if s.id == "s00003" else "ok") for s in studies], model=model)
        score(folder, studies, [kit.Words(), kit.Effusions()], resamples=10)
    found = mmrad_eval.load(kit.results)
    assert found.runs["model"].tolist() == ["t:a", "t:b"]
    assert found.runs["failed"].tolist() == [1, 1]
    assert set(found.columns["column"]) == {"Recall @ test", "Mean recall @ test", "Effusions missed @ test"}
    assert len(found.studies) == 8
    assert found.studies["patient"].tolist()[:4] == ["p0", "p1", "p0", "p1"]
    assert len(found.scores) == 2 * 4 * 3
    wide = found.scores.pivot_table(index="study", columns="run", values="value", aggfunc="mean", observed=True)
    assert wide.shape[1] == 2
    joined = found.scores.merge(found.runs[["run", "model"]], on="run")
    mean = joined[(joined["model"] == "t:a") & (joined["column"] == "Mean recall @ test")]["value"]
    stored = found.columns.query("column == 'Mean recall @ test'")["value"].iloc[0]
    assert np.nanmean(mean.to_numpy()) == pytest.approx(stored)
    assert mmrad_eval.load(kit.results, texts=False).studies["report"].isna().all()


def test_unscored_runs_and_empty_folders_load_too(kit: Kit) -> None:
    kit.run([kit.answer(kit.studies(1)[0], "x")])
    found = mmrad_eval.load(kit.results)
    assert (len(found.runs), len(found.studies), len(found.scores), len(found.columns)) == (1, 1, 0, 0)
    (kit.results / "empty").mkdir()
    assert len(mmrad_eval.load(kit.results / "empty").runs) == 0
    with pytest.raises(DataError, match="no folder"):
        mmrad_eval.load(kit.results / "nowhere")


@pytest.mark.parametrize("nothing", [None, "", "nan", float("nan")])
def test_a_pair_without_a_reference_counts_nowhere(nothing: Any) -> None:
    found = mmrad_eval.score(
        ["the lungs are clear", "a long text that no reference answers"], ["the lungs are clear", nothing], "bleu@raw"
    )
    assert found["BLEU-1 @ raw"] == pytest.approx(1)
    assert found.ids == ("0",)
    assert found.notes == ("1 of 2 references has no findings; such pairs are not scored.",)


def test_a_set_of_texts_is_refused() -> None:
    texts: Any = {"a", "b"}
    with pytest.raises(UsageError, match="a set of texts has no order"):
        mmrad_eval.score(texts, ["a", "b"], "bleu@raw")


def test_a_reference_given_twice_is_one_reference() -> None:
    references: Any = [["the lungs are clear"] * 2]
    twice = mmrad_eval.score(["the lungs are clear"], references, "bleu@raw")
    assert twice["BLEU-1 @ raw"] == pytest.approx(1)
