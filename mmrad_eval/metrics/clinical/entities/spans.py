"""From a label for each piece to entities, as RaTEScore 0.6.0 joins them (``utils.py``)."""

from __future__ import annotations

from collections.abc import Sequence

OUTSIDE = "O"
FRAMES = ("[CLS]", "[SEP]")


def spans(pieces: Sequence[str], labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first piece, last piece, type) of each entity; ``pieces`` and ``labels`` include the framing ones.

    A span begins at B- and ends before the next label that is not I-; its type is that of its B-. What begins with I-
    is dropped. The last label decides nothing but where the span before it ends.
    """
    found: list[tuple[int, int, str]] = []
    start: int | None = None
    closed = False  # whether any span was ended since the last gap: then an open one at the end is dropped
    kind = ""
    for at, (piece, label) in enumerate(zip(pieces, labels, strict=False)):
        if piece in FRAMES or label == OUTSIDE or at == len(labels) - 1:
            continue
        mark, own, after = label[:2], label[2:], labels[at + 1][:1]
        if mark == "B-":
            if after != "I":
                found.append((at, at, own))
            if after == OUTSIDE:
                start, closed = None, False
            else:
                start, kind = at, own
                closed = closed or after == "B"
        elif after != "I":
            if start is not None:
                found.append((start, at, kind))
            if after == OUTSIDE:
                start, closed = None, False
            else:
                start, kind, closed = at, own, True
    if start is not None and not closed:
        found.append((start, len(pieces) - 2, kind))
    return found
