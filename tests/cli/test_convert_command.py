"""`mmrad-eval data convert` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from mmrad_eval.cli.convert import convert
from mmrad_eval.cli.data import data

GOLDEN = Path(__file__).parent.parent / "golden" / "traces"


def test_it_says_what_it_read_what_it_wrote_and_what_it_could_not_place(tmp_path: Path) -> None:
    out = tmp_path / "traces.parquet"
    said = CliRunner().invoke(convert, [str(GOLDEN / "anole.jsonl"), str(out)])
    assert said.exit_code == 0, said.output
    first, *notes = said.output.splitlines()
    assert first == f"1 records, anole to mmrad.trace, written to {out}"
    assert "  1 x invalid_image_1: the model wrote other than 1,024 image codes, so there is no picture" in notes
    back = CliRunner().invoke(convert, [str(out), f"anole:{tmp_path / 'back.jsonl'}", "--json"])
    assert json.loads(back.output)["written"] == 1
    assert json.loads((tmp_path / "back.jsonl").read_text()) == json.loads((GOLDEN / "anole.jsonl").read_text())


def test_it_belongs_to_the_data_commands() -> None:
    assert "convert" in CliRunner().invoke(data, ["--help"]).output
