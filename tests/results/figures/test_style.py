"""How series are told apart in figures."""

from __future__ import annotations

from matplotlib.lines import Line2D

from mmrad_eval.results.figures.style import MARKERS, marker


def test_fifteen_forms_have_fifteen_filled_markers() -> None:
    shown = [marker(i) for i in range(15)]  # a paper compares up to 11 forms with each other

    assert len(set(shown)) == 15
    assert set(MARKERS) <= set(Line2D.filled_markers)  # others vanish where edges have no width
