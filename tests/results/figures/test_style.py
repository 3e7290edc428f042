"""How series are told apart in figures."""

from __future__ import annotations

import pytest
from matplotlib.lines import Line2D

from mmrad_eval.results.figures.style import COLORS, MARKERS, color, drawing, figure, legend_below, marker


def test_fifteen_forms_have_fifteen_filled_markers() -> None:
    shown = [marker(i) for i in range(15)]  # a paper compares up to 11 forms with each other

    assert len(set(shown)) == 15
    assert set(MARKERS) <= set(Line2D.filled_markers)  # others vanish where edges have no width


def test_no_color_or_marker_comes_twice() -> None:
    assert len({color(i) for i in range(len(COLORS))}) == len(COLORS)
    with pytest.raises(IndexError):
        color(len(COLORS))
    with pytest.raises(IndexError):
        marker(len(MARKERS))


@pytest.mark.parametrize("inches", [3.0, 4.8, 9.0])
def test_a_legend_is_no_wider_than_its_figure(inches: float) -> None:
    with drawing():
        made, (panel,) = figure(inches, 2.5)
        handles = [panel.plot([], [], label=f"Some-Model-{i}-32B, multimodal CoT")[0] for i in range(6)]
        legend_below(made, handles)
        made.draw_without_rendering()

    (legend,) = made.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= made.bbox.width
