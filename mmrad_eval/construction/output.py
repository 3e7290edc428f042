"""The folder of a build: it may hold this build and nothing else, and lies in no folder that the build reads."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mmrad_eval.construction.publish import BUILD
from mmrad_eval.construction.stage_files import stage_path
from mmrad_eval.core import decode
from mmrad_eval.core.errors import UsageError

_BEGUN = frozenset({".lock", "data_use.json", "journal"})
"""What a build leaves that was stopped before its first stage."""


def check(out: Path, name: str, sources: Sequence[Path]) -> None:
    """UsageError where ``out`` is not a folder for the build of the dataset ``name`` from ``sources``."""
    for source in sources:
        if source.exists() and _inside(out, source):
            raise UsageError(
                f"--out {out} is {source}, which this build reads, or lies in it; name a folder outside of it"
            )
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"--out {out} is not a folder")
    _refuse_another(out, name)
    others = sorted(path.name for path in out.iterdir() if path.name not in _BEGUN)
    if others and not stage_path(out, "collect").parent.is_dir():
        raise UsageError(f"--out {out} contains {others[0]}, but no build; name a new folder")


def _inside(out: Path, source: Path) -> bool:
    """Whether a path is a file or folder, or lies in it, by whatever link or spelling it is named."""
    real = out.resolve()
    return any(place.exists() and place.samefile(source) for place in (real, *real.parents))


def _refuse_another(out: Path, name: str) -> None:
    """UsageError where the folder holds a finished build of another dataset, which this one would take the place of."""
    record = out / BUILD
    if not record.is_file():
        return
    found = decode.json_value(decode.read_bytes(record), str(record))
    held = found.get("name") if isinstance(found, dict) else None
    if isinstance(held, str) and held != name:
        raise UsageError(f"--out {out} contains the build of {held}, and this build is of {name}; name another folder")


@contextmanager
def alone(folder: Path) -> Iterator[IO[bytes]]:
    """While held, no other build writes to the folder; UsageError where one does."""
    with (folder / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another build is writing to {folder}; wait for it, or choose another --out") from None
        except OSError:
            pass  # a file system without locks
        yield lock
