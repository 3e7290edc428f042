"""What a model was optimized for, in its card."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.model_registry import model_cards

_LINE = re.compile(r"^optimized_for\s*=.*$", re.MULTILINE)
_FIRST_TABLE = re.compile(r"^\[", re.MULTILINE)


def write_optimized_for(path: Path, names: Sequence[str]) -> None:
    """Add metrics to ``optimized_for`` of a card and leave the rest as it is; DataError where it is no card."""
    card = model_cards.read(path)
    line = f"optimized_for = {json.dumps(sorted({*card.optimized_for, *names}))}"
    text = decode.utf8(decode.read_bytes(path), str(path))
    if _LINE.search(text):
        written = _LINE.sub(lambda _: line, text, count=1)
    else:
        table = _FIRST_TABLE.search(text)
        at = table.start() if table else len(text)
        before = text[:at] if not text[:at] or text[:at].endswith("\n") else text[:at] + "\n"
        written = before + line + "\n" + text[at:]
    write_whole(path, written)
    if set(names) - set(model_cards.read(path).optimized_for):
        raise DataError(f"{path}: `optimized_for` spans several lines; write it as one: {line}")
