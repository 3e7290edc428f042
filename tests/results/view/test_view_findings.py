"""Which findings a page calls matched, differing, contradicted, added or missed, and where it marks them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.values import Step, Trace
from mmrad_eval.metrics.consistency.matching import compare
from mmrad_eval.metrics.consistency.statements import statements
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.results.view.findings import KINDS, Findings, fates, findings

SENTENCES = (
    *("There is a small left pleural effusion. ", "No pleural effusion. ", "The heart is enlarged. "),
    *("The lungs are clear. ", "Right upper lobe nodule. ", "No pneumothorax or effusion. ", "Bilateral effusions. "),
    *("Possible pneumonia at the left base. ", "\U0001f600 effusion\u202e ", "Nothing else.\n\n", "FINDINGS: "),
)
texts = st.lists(st.sampled_from(SENTENCES), max_size=6).map("".join) | st.text(max_size=80)


def told(found: Findings) -> set[tuple[str, str]]:
    """(concept, kind) of the rows."""
    return {(said.concept, row.kind) for row in found.rows if (said := row.report or row.reference)}


@pytest.mark.parametrize(
    ("report", "reference", "expected"),
    [
        ("Small left pleural effusion.", "Left pleural effusion.", ("pleural_effusion", "matched")),
        ("Left pleural effusion.", "Right pleural effusion.", ("pleural_effusion", "differs")),
        ("No pleural effusion.", "Left pleural effusion.", ("pleural_effusion", "contradicted")),
        ("Left pleural effusion.", "No pleural effusion.", ("pleural_effusion", "contradicted")),
        ("Left pleural effusion.", "The heart is normal in size.", ("pleural_effusion", "added")),
        ("The heart is normal in size.", "Left pleural effusion.", ("pleural_effusion", "missed")),
        ("", "Left pleural effusion.", ("pleural_effusion", "missed")),
        ("The lungs are clear.", "Right upper lobe consolidation.", ("lung_abnormality", "contradicted")),
    ],
)
def test_a_finding_is_called_what_a_reader_would_call_it(
    report: str, reference: str, expected: tuple[str, str]
) -> None:
    assert expected in told(findings(report, reference))


def test_why_two_statements_differ_is_told() -> None:
    (row,) = findings("Left pleural effusion.", "Right pleural effusion.").rows

    assert row.why == "side"
    assert row.report is not None
    assert row.reference is not None
    assert (row.report.side, row.reference.side) == ("left", "right")


def test_a_finding_denied_by_both_is_no_finding_but_stands_below() -> None:
    found = findings("Cardiomegaly. No pneumothorax.", "The heart is enlarged. No pneumothorax.")

    assert [(row.kind, row.denial) for row in found.rows] == [("matched", False), ("matched", True)]
    assert found.count("matched") == 1


def test_what_a_reader_wants_to_know_comes_first() -> None:
    found = findings(
        "No effusion. Pneumothorax. The heart is enlarged.", "Left effusion. Rib fracture. The heart is enlarged."
    )
    order = [KINDS.index(row.kind) for row in found.rows if not row.denial]

    assert order == sorted(order)
    assert {row.kind for row in found.rows} == {"contradicted", "missed", "added", "matched"}


@given(texts, texts)
def test_the_pieces_make_the_text_and_every_row_is_marked_on_the_sides_that_say_it(report: str, reference: str) -> None:
    found = findings(report, reference)

    for text, pieces, side in ((report, found.report, "report"), (reference, found.reference, "reference")):
        assert "".join(piece.text for piece in pieces) == text
        marked = {row for piece in pieces for row in piece.rows}
        assert marked == {i for i, row in enumerate(found.rows) if getattr(row, side) is not None}
        assert all(piece.rows for piece in pieces if piece.kind)


@given(texts, texts)
def test_the_rows_are_those_of_the_consistency_metric(report: str, reference: str) -> None:
    compared = compare(statements(extract(report)), statements(extract(reference)))
    verdicts = [judged.verdict for judged in compared.report]
    rows = findings(report, reference).rows

    assert sum(row.kind == "matched" for row in rows) == verdicts.count("supported")
    assert sum(row.kind == "added" for row in rows) == verdicts.count("unsupported")
    assert sum(row.kind == "differs" for row in rows) == verdicts.count("partial")
    assert sum(row.kind == "contradicted" for row in rows) >= verdicts.count("contradicted")
    assert sum(row.kind == "missed" for row in rows) <= compared.trace.count("omitted")


@given(texts, st.lists(texts, max_size=3))
def test_the_pieces_of_a_trace_make_its_words(report: str, steps: list[str]) -> None:
    trace = Trace(tuple(Step("the left lung", text=text) for text in steps), text="Free words. Left effusion.")

    cut = fates(report, trace)

    said = [text for text in steps if text.strip()] or [trace.text]
    assert ["".join(piece.text for piece in pieces) for pieces in cut] == said


def test_what_the_report_leaves_out_of_a_trace_is_missed() -> None:
    trace = Trace((Step("the heart", text="The heart is enlarged."), Step("the lungs", text="No pneumothorax.")))

    heart, lungs = fates("There is a pneumothorax.", trace)

    assert [piece.kind for piece in heart if piece.kind] == ["missed"]
    assert [piece.kind for piece in lungs if piece.kind] == ["contradicted"]


def test_long_texts_of_many_findings_are_read_to_their_end() -> None:
    sides = ("left", "right", "left upper", "right lower", "apical")
    kinds = ("effusion", "nodule", "consolidation", "atelectasis", "pneumothorax", "mass", "scarring", "rib fracture")
    text = " ".join(f"A {side} {kind} is seen." for side in sides for kind in kinds) * 40

    found = findings(text[:50_000], text[:50_000])

    assert {row.kind for row in found.rows} == {"matched"}
