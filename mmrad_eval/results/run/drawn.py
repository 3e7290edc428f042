"""Pictures that a model drew, kept in the folder of the run whose answers hold them, so that it can be moved.

They come from the journal of replies, where each is named by its SHA-256; here they are links to the same bytes, or
copies where the file system has no links. Pictures of a file of transcripts stay where the user has them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mmrad_eval.core.values import Answer, Image
from mmrad_eval.core.whole_files import write_whole

FOLDER = "drawn"
_NAME = re.compile(r"[0-9a-f]{64}\.[a-z]+")


def keep_drawn(run: Path, answer: Answer) -> list[str]:
    """Keep the pictures of an answer in the run's folder; returns the paths of those that lie there now."""
    kept = []
    for path in sorted({image.path for image in _images(answer) if image.source == "model"}):
        file = Path(path)
        if _NAME.fullmatch(file.name) and _placed(file, run / FOLDER / file.name):
            kept.append(path)
    return kept


def _images(answer: Answer) -> Iterator[Image]:
    steps = [step for trace in (answer.trace, answer.shown) if trace is not None for step in trace.steps]
    waiting = [step.image for step in steps if step.image is not None]
    while waiting:
        image = waiting.pop()
        yield image
        waiting += image.parts


def _placed(file: Path, goal: Path) -> bool:
    """Whether the file lies at ``goal``, where it is linked or copied to if it can be read."""
    if goal.exists():
        return True
    goal.parent.mkdir(exist_ok=True)
    try:
        os.link(file, goal)
    except FileExistsError:
        return True
    except FileNotFoundError:
        return False
    except OSError:  # another file system, or one without links
        try:
            data = file.read_bytes()
        except OSError:
            return False
        write_whole(goal, data)
    return True
