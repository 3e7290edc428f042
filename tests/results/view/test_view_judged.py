"""What judges said of a study, on the page: as it is kept, as words, and no more than a page holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.judge_contracts import Verdict
from mmrad_eval.metrics.judged.records import crimson_record
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.run import score
from mmrad_eval.results.view import write_view
from mmrad_eval.results.view.judgements import LONGEST, MOST
from tests.browser import CONTRAST
from tests.results.told_metric import told

Take = Callable[[Path], Any]
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> \u202egnp.exe"
PHRASES = {
    "candidate": [
        {"phrase": "The heart is enlarged.", "entailed": False, "evidence": [], "read": True},
        {"phrase": HOSTILE, "entailed": True, "evidence": ["Clear lungs.", HOSTILE], "read": True},
    ],
    "reference": [],
    "replies": 4,
}
EVALUATION = {
    "reference_findings": [
        {"id": "R1", "finding": "left apical pneumothorax", "clinical_significance": "urgent"},
        {"id": "R2", "finding": "small effusion", "clinical_significance": "actionable_not_urgent"},
    ],
    "predicted_findings": [
        {"id": "P1", "finding": "moderate effusion", "clinical_significance": "actionable_not_urgent"},
        {"id": "P2", "finding": "rib fracture", "clinical_significance": "urgent"},
    ],
    "matched_findings": [{"ref_id": "R2", "pred_id": "P1"}],
    "errors": {
        "false_findings": ["P2"],
        "missing_findings": ["R1"],
        "attribute_errors": [
            {
                "ref_id": "R2",
                "pred_id": "P1",
                "severity": "significant",
                "error_types": ["severity"],
                "explanation": "small against moderate",
            }
        ],
    },
}


@pytest.fixture
def run(kit: Any) -> RunFolder:
    """Two studies that three metrics judged, one of them twice."""
    studies = kit.studies(2, patients=2)
    folder: RunFolder = kit.run([kit.answer(study, "The heart is enlarged.") for study in studies])
    weighed = Verdict(-0.2, record=crimson_record(EVALUATION, ""))
    metrics = [
        told(
            {"s00000": Verdict(PHRASES, "degraded", HOSTILE), "s00001": Verdict(None, "nothing")}, name="radfact@test"
        ),
        told({"s00000": weighed, "s00001": Verdict(None, "unread", "cut")}, name="crimson@test"),
        told(*({study.id: Verdict("A plain text.") for study in studies} for _ in range(2)), name="plain@test"),
    ]
    score(folder, studies, metrics)
    return folder


def judged(page: Any, study: str) -> dict[str, Any]:
    return {f"{one['metric']} {one.get('repeat', 0)}": one for one in page.answer(study)["judged"]}


def test_the_records_that_explain_prints_are_those_of_the_page(run: RunFolder, take: Take, tmp_path: Path) -> None:
    page = take(write_view([run], tmp_path / "p.html").path)
    found = judged(page, "s00000")
    kept = [json.loads(line) for line in (run.path / "judged.jsonl").read_text().splitlines()]

    assert found["radfact@test 0"]["record"] == PHRASES
    assert [one["record"] for one in kept if one["study"] == "s00000" and one["metric"] == "radfact@test"] == [PHRASES]
    assert found["plain@test 1"]["repeats"] is True
    assert judged(page, "s00001")["crimson@test 0"] == {"metric": "crimson@test", "state": "unread", "why": "cut"}
    assert sum(tag == "script" for tag, _ in page.tags) == len(page.scripts)


def test_findings_have_their_significance_their_fate_and_their_errors() -> None:
    assert crimson_record(EVALUATION, "") == {
        "findings of the reference": [
            {"finding": "left apical pneumothorax", "significance": "urgent", "fate": "missing", "matched with": []},
            {
                "finding": "small effusion",
                "significance": "actionable not urgent",
                "fate": "matched",
                "matched with": ["moderate effusion"],
            },
        ],
        "findings of the candidate": [
            {
                "finding": "moderate effusion",
                "significance": "actionable not urgent",
                "fate": "matched",
                "matched with": ["small effusion"],
            },
            {"finding": "rib fracture", "significance": "urgent", "fate": "false finding", "matched with": []},
        ],
        "errors of matched findings": [
            {
                "reference": "small effusion",
                "candidate": "moderate effusion",
                "severity": "significant",
                "kinds": ["severity"],
                "explanation": "small against moderate",
            }
        ],
    }


@pytest.mark.parametrize("judgement", [None, [], {}, {"errors": []}, {"reference_findings": ["words", 3]}])
def test_a_reply_that_is_no_evaluation_is_shown_as_it_is(judgement: Any) -> None:
    assert crimson_record(judgement, "no evaluation") == {"reply": "no evaluation"}


def test_a_page_holds_so_much_of_a_record_and_says_where_the_rest_is(kit: Any, take: Take, tmp_path: Path) -> None:
    studies = kit.studies(2)
    folder = kit.run([kit.answer(study, "Clear.") for study in studies])
    rows = [{"phrase": f"phrase {i}", "entailed": True} for i in range(50_000)]
    long = {"s00000": Verdict("word " * 1_000_000), "s00001": Verdict({"reference": rows})}
    score(folder, studies, [told(long, name=f"m{i}@test") for i in range(5)])

    page = take(write_view([folder], tmp_path / "p.html").path)
    first, last = (judged(page, study) for study in ("s00000", "s00001"))
    assert {len(one["record"]) for one in first.values()} == {LONGEST + 1}
    assert all(one["cut"] for one in (*first.values(), *last.values()))
    assert 500 < len(last["m0@test 0"]["record"]["reference"]) < 5_000
    assert len(page.markup) < 5 * MOST + 200_000


def test_a_redacted_page_has_none_and_other_answers_neither(
    kit: Any, run: RunFolder, take: Take, tmp_path: Path
) -> None:
    redacted = take(write_view([run], tmp_path / "r.html", redact=True).path)
    assert not any(word in redacted.markup.replace(redacted.scripts["script"], "") for word in ("entailed", "urgent"))
    run.write_answers([kit.answer(study, "Clear.") for study in kit.studies(2)])
    assert "judged" not in take(write_view([run], tmp_path / "o.html").path).answer("s00000")


@pytest.mark.browser
def test_a_reader_sees_why_a_number_is_low(window: Any, run: RunFolder, tmp_path: Path) -> None:
    page = write_view([run], tmp_path / "p.html").path
    window.open(f"{page.as_uri()}#study=s00000")
    said = window.text("section[aria-labelledby=judged]")

    assert "left apical pneumothorax urgent missing" in said
    assert "rib fracture urgent false finding" in said
    assert "small effusion moderate effusion significant severity small against moderate" in said
    assert "The heart is enlarged. no" in said
    assert "repeat 2, read" in said
    assert "Told 0.000" in said.split("crimson@test")[0]
    assert window.get("/title").startswith("s00000")
    assert window.js("return document.querySelectorAll('#detail script, #detail img').length") == 0
    assert "U+202E" in said
    scrolling = "return [...document.querySelectorAll('.told')].map(t => t.parentElement.tabIndex)"
    assert set(window.js(scrolling)) == {0}  # a table that scrolls sideways is reached by keys
    for dark in (False, True):
        window.dark(on=dark)
        read, low = window.js(CONTRAST)
        assert read > 50
        assert low == []
    for width in (1440, 420):
        window.size(width, 900)
        assert window.js("const d = document.querySelector('#detail'); return d.scrollWidth - d.clientWidth") <= 1
