"""What an error says to do."""

from __future__ import annotations

from mmrad_eval.core.errors import UnknownNameError

MANY = [(f"name-{i:02}", "mmrad-eval") for i in range(40)]


def test_names_beyond_a_line_are_left_to_the_command_that_lists_them() -> None:
    assert str(UnknownNameError("metric", "zzz", MANY)) == (
        "no metric is called 'zzz'; `mmrad-eval metrics` lists all 40"
    )


def test_no_command_is_named_that_does_not_exist() -> None:
    said = str(UnknownNameError("study with a trace", "zzz", MANY))

    assert "mmrad-eval" not in said
    assert said.endswith("name-28, name-29 and 10 more")
