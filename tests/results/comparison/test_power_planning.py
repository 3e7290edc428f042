"""Planning a test: from two runs, from one, from nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

import mmrad_eval
from mmrad_eval.cli.power import power
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.results.comparison.power import Aim, from_pilot, without_pilot
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.run import score

if TYPE_CHECKING:
    from tests.results.conftest import Kit


def run(kit: Kit, model: str, share: float, n: int = 60) -> RunFolder:
    """A run whose reports are right for a share of the studies and empty of sense for the rest."""
    rng = np.random.default_rng(len(model))
    text = "the heart is normal in size"
    data = [Study(f"s{i:03}", patient=f"p{i:03}", reference=Report(text, findings=text)) for i in range(n)]
    folder = kit.run([kit.answer(s, text if rng.random() < share else "nothing") for s in data], model=model)
    score(folder, data, suite(["rouge@raw"]), resamples=10)
    return folder


def test_two_runs_tell_the_scatter_of_their_difference(kit: Kit) -> None:
    folders = [run(kit, "t:a", 0.5), run(kit, "t:longer", 0.7)]
    table = from_pilot(folders, Aim(patients=(60, 240), difference=0.1))
    cells = table.rows[0].cells
    values = []
    for folder in folders:
        scores = folder.scores()
        assert scores is not None
        values.append(scores.values(scores.blocks[0])[:, 0])
    deviation = (values[1] - values[0]).std()
    assert cells["deviation"].value == pytest.approx(deviation, rel=0.05)
    assert cells["detectable at 60"].value == pytest.approx(2.8016 * deviation / np.sqrt(60), rel=0.05)
    assert cells["detectable at 240"].value == pytest.approx(2.8016 * deviation / np.sqrt(240), rel=0.05)
    assert cells["needed"].value == pytest.approx((2.8016 * deviation / 0.1) ** 2, rel=0.12)


def test_one_run_needs_a_correlation_and_a_higher_one_needs_fewer_patients(kit: Kit) -> None:
    folder = run(kit, "t:a", 0.5)
    loose, tight = (
        from_pilot([folder], Aim(difference=0.05), correlation=c).rows[0].cells["needed"].value for c in (0.0, 0.9)
    )
    assert isinstance(loose, int)
    assert isinstance(tight, int)
    assert loose / tight == pytest.approx(10, rel=0.05)


def test_a_pilot_of_one_patient_and_an_unscored_one_are_refused(kit: Kit) -> None:
    with pytest.raises(DataError, match="two patients"):
        from_pilot([run(kit, "t:a", 0.5, n=1)], Aim())
    bare = kit.run([], model="t:bare")
    with pytest.raises(DataError, match="never scored"):
        from_pilot([bare], Aim())


def test_more_comparisons_need_a_larger_difference() -> None:
    one, ten = (
        without_pilot(Aim(patients=(100,), comparisons=m), [0.1]).rows[0].cells["detectable at 100"].value
        for m in (1, 10)
    )
    assert one == pytest.approx(0.028, abs=0.0005)
    assert isinstance(ten, float)
    assert ten > 0.036


def test_the_command_counts_the_patients_of_a_dataset() -> None:
    done = CliRunner().invoke(power, ["--data", "demo", "--format", "csv", "--deviation", "0.1"], standalone_mode=False)
    assert "detectable at 16" in done.output.splitlines()[0]


@pytest.mark.parametrize(
    "words", [["--patients", "1"], ["--patients", "many"], ["a", "b", "c"], ["a", "--deviation", "1"]]
)
def test_what_cannot_be_planned_is_a_usage_error(words: list[str]) -> None:
    done = CliRunner().invoke(power, words, standalone_mode=False)
    assert isinstance(done.exception, UsageError)


def test_only_headline_columns_are_shown_unless_all_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("normal", "evidence"):
        mmrad_eval.evaluate(f"baseline:{name}", task="mcot", limit=8, metrics=["bleu@raw", "rules"])

    def shown(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(power, [*words, "--format", "json"], standalone_mode=False)
        (table,) = json.loads(done.output)
        return len(table["rows"]), " ".join(table["notes"])

    few, said = shown("baseline:normal", "baseline:evidence")
    every, nothing = shown("baseline:normal", "baseline:evidence", "-M", "all")
    assert 0 < few < every / 4
    assert f"{every - few} more columns can be compared: -M all shows them." in said
    assert "-M all" not in nothing
    assert shown("baseline:normal", "-M", "bleu")[0] == 4
    assert shown("baseline:normal")[0] == few
