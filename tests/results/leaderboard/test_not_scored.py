"""What stands below a table of metrics that could not be scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.results.leaderboard.not_scored import not_scored
from mmrad_eval.results.leaderboard.rows import ScoredRun
from mmrad_eval.results.run.summary import MissingColumns, Summary

if TYPE_CHECKING:
    from tests.results.conftest import Kit


def entry(kit: Kit, model: str, **missing: MissingColumns) -> ScoredRun:
    run = kit.run([], model=model).run
    summary = Summary(
        run.id, 1, 1, {}, "", 1, "patient", {}, missing={n.replace("_", "@"): m for n, m in missing.items()}
    )
    return ScoredRun(Path(), run, summary)


def test_all_that_only_has_to_be_installed_is_one_line(kit: Kit) -> None:
    torch = MissingColumns("needs torch", "pip install 'mmrad-eval[engine]'")
    made_of = MissingColumns("made of a@x, and needs torch", torch.remedy)
    words = MissingColumns("needs WordNet", "python -m nltk.downloader wordnet")
    lacking = {"a_x": torch, "b_x": torch, "c_x": torch, "d_x": made_of, "e_x": words}
    (line,) = not_scored([entry(kit, f"t:{name}", **lacking) for name in "pq"])
    assert line == (
        "Not scored: a@x, b@x, c@x and 2 more metrics; to add them: pip install 'mmrad-eval[engine]'; "
        "python -m nltk.downloader wordnet."
    )


def test_a_reason_that_no_installation_removes_keeps_its_own_line_and_its_runs(kit: Kit) -> None:
    spanish = MissingColumns("it reads English, and 3 of 3 references are in Spanish", "score what reads Spanish")
    (line,) = not_scored([entry(kit, "t:p", rules_x=spanish), entry(kit, "t:q")])
    assert line == (
        "Not scored for t:p mcot: rules@x: it reads English, and 3 of 3 references are in Spanish; "
        "score what reads Spanish."
    )
