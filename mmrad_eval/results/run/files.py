"""Files that appear whole or not at all: written under another name, then renamed."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def temporary(path: Path) -> Path:
    """A name beside ``path`` that no other writer uses."""
    return path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
