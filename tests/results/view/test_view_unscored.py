"""What was taken off a reply, and what was counted as it was read, stand beside its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmrad_eval
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.view import write_view
from mmrad_eval.results.view.index import without_folders

WORDS = "Here is the report:\n\nFINDINGS: The lungs are clear.</s>\n\nI hope this helps!"


@mmrad_eval.model
def chatty(sent: mmrad_eval.PreparedRequest) -> str:
    """A model that says more than its report; to the second study, what a model says that saw no picture."""
    told = str(sent.request.messages)
    return WORDS if "Cough" in told else "No image was provided."


def test_the_page_says_what_is_not_scored(take: Callable[[Path], Any], tmp_path: Path) -> None:
    run = mmrad_eval.evaluate(chatty, "direct", metrics=["bleu@raw"], limit=2, out=tmp_path, context="all")
    path = tmp_path / "view.html"

    write_view([RunFolder(run.path)], path)

    page = take(path)
    assert page.answer("demo-01")["unscored"] == [
        {"kind": "control token", "text": "</s>"},
        {"kind": "preamble", "text": "Here is the report:"},
        {"kind": "closing remark", "text": "I hope this helps!"},
    ]
    assert page.answer("demo-02")["events"] == {"no image seen": 1}


def test_folders_of_the_maker_s_machine_are_no_part_of_a_page(take: Callable[[Path], Any], tmp_path: Path) -> None:
    table = tmp_path / "somewhere" / "cases.csv"
    table.parent.mkdir()
    table.write_text("id,findings\na,The lungs are clear.\n")
    run = mmrad_eval.evaluate(
        "baseline:normal", "direct", str(table), metrics=["bleu@raw"], data_use="open", out=tmp_path
    )
    page = take(write_view([RunFolder(run.path)], tmp_path / "view.html").path)

    assert page["page"]["runs"][0]["facts"]["data"] == "table:cases.csv"
    assert "somewhere" not in page.markup
    assert without_folders("mmrad-eval run --data /home/me/x/cases.csv --out a/b http://h/v1") == (
        "mmrad-eval run --data cases.csv --out a/b http://h/v1"
    )
