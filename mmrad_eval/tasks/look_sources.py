"""Where on the film a box lies that a model draws on the film or on a region image that it was shown before."""

from __future__ import annotations

import re

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Frame
from mmrad_eval.tasks.look_dialects import LookDialect
from mmrad_eval.traces.geometry import Size, clip, convert, frame_size, problems

_FATAL = ("unknown frame", "not finite", "reversed", "empty")


class LookSources:
    """The images of one conversation that a box may lie on: the film, and each region image in order."""

    def __init__(self, dialect: LookDialect, frame: Frame, size: Size) -> None:
        self._dialect, self._frame, self._size = dialect, frame, size
        self._regions: list[Box] = []

    def __len__(self) -> int:
        return len(self._regions)

    def shown(self, box: Box) -> None:
        """Count a region image: its box on the film."""
        self._regions.append(convert(box, "original", self._size))

    def located(self, box: Box, source: str) -> tuple[Box | None, str, str]:
        """(the box on the film, why not, event). A box on the film itself stays as it was written.

        Of a box on a region image with corners (x1, y1, x2, y2) on the film, the left edge u lies at
        x1 + u (x2 - x1), in fractions of that image.
        """
        outer = self.outer(source)
        if outer is None and not self._names_the_film(source):
            return None, f"No image is called {source!r}.", "unknown source"
        size = self._size if outer is None else _whole(outer)
        wrong = problems(box, size)
        fatal = [w for w in wrong if w.startswith(_FATAL) or "wholly outside" in w]
        if fatal:
            return None, f"That box can't be shown: {fatal[0]}.", "out of frame"
        outside = any(w.startswith("outside") for w in wrong)
        box = clip(box, size) if outside else box
        if small := self._too_small(box, size):
            return None, small, "too small"
        event = "cut at the edge" if outside else ""
        if outer is None:
            return box, "", event
        x1, y1, x2, y2 = outer.xyxy
        left, top, right, bottom = convert(box, "norm_1", size).xyxy
        inner = (x1 + left * (x2 - x1), y1 + top * (y2 - y1), x1 + right * (x2 - x1), y1 + bottom * (y2 - y1))
        return convert(Box(inner), self._frame, self._size), "", event or "looks at a region image"

    def _names_the_film(self, source: str) -> bool:
        film = self._dialect.film
        return not source or not self._dialect.source_field or source.removesuffix(".0").lower() == film.lower()

    def outer(self, source: str) -> Box | None:
        """The box on the film of the region image that a source names; None where it names none that was shown."""
        if self._names_the_film(source) or not self._dialect.earlier:
            return None
        pattern = re.escape(self._dialect.earlier).replace(re.escape("{n}"), r"(\d{1,3})")
        found = re.fullmatch(pattern, source.removesuffix(".0"), re.IGNORECASE)
        number = int(found[1]) if found else 0
        return self._regions[number - 1] if 0 < number <= len(self._regions) else None

    def _too_small(self, box: Box, size: Size) -> str:
        """Why a box is refused for its sides, which count in the picture as the model sees it."""
        least, ratio = self._dialect.smallest, self._dialect.ratio
        if not least and not ratio:
            return ""
        try:
            seen = frame_size(self._dialect.pixels or self._frame, size)
        except DataError:
            seen = size
        left, top, right, bottom = convert(box, "norm_1", size).xyxy
        width, height = (right - left) * seen[0], (bottom - top) * seen[1]
        if least and min(width, height) <= least:
            return f"That box is too small: each side must have more than {least} pixels."
        if ratio and max(width, height) > ratio * min(width, height):
            return f"That box is too narrow: no side may be more than {ratio:g} times the other."
        return ""


def _whole(box: Box) -> Size:
    """The size of a region image in pixels of the film, at least 1 x 1."""
    x1, y1, x2, y2 = box.xyxy
    return max(1, round(x2 - x1)), max(1, round(y2 - y1))
