"""Raw text of any origin, read in one way: a model's reply, a file of outputs, a text given in Python, a reference."""

from __future__ import annotations

from mmrad_eval.datasets.raw_text.reading import read, read_reference
from mmrad_eval.datasets.raw_text.removed import Removed, Understood

__all__ = ["Removed", "Understood", "read", "read_reference"]
