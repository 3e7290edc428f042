"""The audit of rewards: which reports that see no image are worth more than honest ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

import mmrad_eval
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Report, Step, Study, Trace
from mmrad_eval.results.tables.table import Table
from mmrad_eval.results.validation.reward_audit import CHANCE, CHEAP, HONEST, LONGEST, REPEATED, audit

NORMAL = "The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax is seen."
FINDINGS = ("Left pleural effusion.", "Right lower lobe consolidation.", "Mild cardiomegaly.", "Rib fracture.")


def studies(normal: int, abnormal: int) -> list[Study]:
    texts = [NORMAL] * normal + [f"{FINDINGS[i % 4]} {FINDINGS[(i + 1) % 4]}" for i in range(abnormal)]
    return [
        Study(str(i), patient=f"p{i}", reference=Report(findings=t), trace=Trace((Step(text=t),)))
        for i, t in enumerate(texts)
    ]


def verdicts(table: Table) -> dict[str, object]:
    return {str(row.cells["policy"].value): row.cells["beats"].value for row in table.rows}


def test_a_policy_is_named_where_it_gains_and_not_where_it_loses() -> None:
    reward = mmrad_eval.reward("findings@rules")
    mostly_normal = verdicts(audit(studies(30, 6), reward, 200))
    assert mostly_normal["every finding listed"] == "no"
    assert mostly_normal["everything hedged"] == "no"
    assert mostly_normal["shown evidence copied"] == "yes"
    abnormal = audit(studies(0, 24), reward, 200)
    assert verdicts(abnormal)["everything hedged"] == "no"
    assert "Beat an honest report: " in abnormal.notes[0]
    assert "shown evidence copied" in abnormal.notes[0]


def test_gains_are_differences_of_mean_rewards() -> None:
    table = audit(studies(6, 6), mmrad_eval.reward("rules@uncertain=positive"), 100)
    cells = {str(row.cells["policy"].value): row.cells for row in table.rows}
    assert set(cells) == {*HONEST, *(cheap.name for cheap in CHEAP)}
    for cheap in CHEAP:
        gain, mine, over = (cells[cheap.name]["gain"], cells[cheap.name]["reward"], cells[cheap.against]["reward"])
        assert gain.value == pytest.approx(float(mine.value or 0) - float(over.value or 0))
        assert gain.low is not None
        assert gain.high is not None
        assert gain.low <= float(gain.value or 0) + 1e-12 <= gain.high + 2e-12
    assert cells[REPEATED]["gain"].value == 0.0


def test_a_length_reward_prefers_the_longest_template(monkeypatch: pytest.MonkeyPatch) -> None:
    reward = mmrad_eval.reward("bleu@raw")
    monkeypatch.setattr(reward, "values", lambda completions, *_: [len(text) / 1000 for text in completions])
    found = verdicts(audit(studies(4, 8), reward, 100))
    assert found["longest normal template"] == "yes"
    assert found[REPEATED] == "yes"
    assert len(LONGEST) > 600


def test_without_evidence_or_another_patient_it_says_so() -> None:
    reward = mmrad_eval.reward("findings@rules")
    bare = [Study(s.id, patient=s.patient, reference=s.reference) for s in studies(2, 4)]
    assert verdicts(audit(bare, reward, 50))["shown evidence copied"] == "no study has any"
    with pytest.raises(DataError, match="two patients"):
        audit(studies(0, 1), reward, 50)
    with pytest.raises(UsageError, match="no study has a reference"):
        audit([Study("a")], reward, 50)
    assert CHANCE in HONEST


def test_the_command_audits_each_metric_or_all_together() -> None:
    code = "from mmrad_eval.cli.main import main; main()"
    words = ["reward", "audit", "--limit", "6", "--format", "md", "--metrics"]
    for more in (["bleu@raw,findings@rules"], ["bleu@raw,findings@rules", "--together"]):
        done = subprocess.run([sys.executable, "-c", code, *words, *more], capture_output=True, text=True, check=True)
        assert "everything hedged" in done.stdout
        assert done.stdout.count("Cheap policies under") == (1 if "--together" in more else 2)
