"""The class of data, and how it travels: whatever is made of several inputs has the class of the strictest.

``open`` may go anywhere. ``credentialed`` stays on this machine unless the user states otherwise for the record.
``unknown`` counts as credentialed until the user says what it is (``--data-use``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from mmrad_eval.core.values import DataUse
from mmrad_eval.core.whole_files import write_whole

FIELD = "data_use"
"""The field, column or key in which files of ours state the class of what they hold."""

MARKER = "data_use.json"
"""The file in which a folder of ours states the class of what it holds."""
_NAMES = (FIELD, "licence_class")
_DEPTH = 3
"""Records within records that are looked into."""
_MAY_STATE = re.compile(r"data\W?_?use|licen[cs]e\W?_?class", re.IGNORECASE)
ORDER: tuple[DataUse, ...] = ("open", "unknown", "credentialed")
"""All classes, the least restricted first."""


def strictest(inputs: Iterable[DataUse]) -> DataUse:
    """The class of what is made of ``inputs``: ``unknown`` where there are none."""
    return max(inputs, key=ORDER.index, default="unknown")


def stated(record: Mapping[Any, Any]) -> DataUse | None:
    """The class that a row or record states; None where it states none.

    The field is known in any spelling that programs make of it (``Data Use``, ``DataUse``, ``study.licence_class``),
    and in records within the record, in its lists, and in texts that are JSON. A word that is none of the three counts
    as credentialed: somebody meant to restrict it. A name with an ending, as joins of tables make it (``data_use_x``),
    counts where it holds one of the three.
    """
    said = list(_words(record, _DEPTH))
    if not said:
        return None
    return strictest(next((use for use in ORDER if use == word), "credentialed") for word in said)


def _words(record: Mapping[Any, Any], depth: int) -> Iterator[str]:
    for name, value in record.items():
        for within in _records(value) if depth else ():
            yield from _words(within, depth - 1)
        if isinstance(value, Mapping) or value in (None, "") or not (word := str(value).strip().lower()):
            continue
        if (field := _states(str(name))) == "whole" or (field == "ended" and word in ORDER):
            yield word


def _records(value: Any) -> Iterator[Mapping[Any, Any]]:
    """The records that a value is, lists, or spells as JSON."""
    if isinstance(value, str) and value[:1] in ("{", "[") and _MAY_STATE.search(value):
        with suppress(msgspec.DecodeError, RecursionError):
            value = msgspec.json.decode(value)
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, Mapping))


@lru_cache(maxsize=4096)
def _states(name: str) -> Literal["whole", "ended", ""]:
    """Whether the name of a field or column is one of those that state the class, or begins with one of them."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    plain = re.sub(r"[^a-z]+", "_", words).strip("_").replace("license", "licence")
    if any(plain in (one, one.replace("_", "")) or plain.endswith(f"_{one}") for one in _NAMES):
        return "whole"
    before, _, _ = plain.rpartition("_")
    return "ended" if any(before == one or before.endswith(f"_{one}") for one in _NAMES) else ""


def apart(value: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """An object of records by id without the keys that state the class of them all, and those keys.

    ``{"data_use": "credentialed", "study-1": ...}``
    """
    said = {key: item for key, item in value.items() if isinstance(item, str) and _states(key) == "whole"}
    return {key: item for key, item in value.items() if key not in said}, said


def of_rows(rows: Iterable[Mapping[Any, Any]], otherwise: DataUse) -> DataUse:
    """The class of a file of rows, each of which may state its own; ``otherwise`` holds for those that state none.

    One row that states nothing keeps a file from being open by the word of the others.
    """
    return strictest({otherwise if (said := stated(row)) is None else said for row in rows} or {otherwise})


def kept_with(use: DataUse) -> DataUse | None:
    """What each record of a file states, so that it is known wherever the file is copied to; nothing for open data."""
    return None if use == "open" else use


def mark(folder: Path, use: DataUse) -> None:
    """State the class of what lies in a folder, in ``data_use.json``; it never gets less. Open data needs no mark."""
    use = strictest((use, marked(folder)))
    if use == "open":
        return
    write_whole(folder / MARKER, f'{{"{FIELD}": "{use}"}}\n')


def marked(folder: Path) -> DataUse:
    """The class that a folder states, in its mark or, a run's, in run.json and summary.json; ``open`` where in none.

    The mark of a folder holds for those within it.
    """
    said: list[DataUse] = ["open"]
    for above in folder.absolute().parents:
        if (above / MARKER).is_file():
            said.append(marked(above))
            break
    places: tuple[tuple[str, DataUse], ...] = (
        (MARKER, "credentialed"),
        ("run.json", "unknown"),
        ("summary.json", "open"),
    )
    for name, broken in places:
        try:
            fields = msgspec.json.decode((folder / name).read_bytes())
        except OSError:
            continue
        except (msgspec.DecodeError, UnicodeDecodeError):
            said.append(broken)  # somebody meant to state something; a run.json may be anybody's
            continue
        said.append((stated(fields) if isinstance(fields, dict) else None) or "open")
    return strictest(said)


def of_place(path: Path) -> DataUse:
    """The class that the folder of a file states, and the one that it truly lies in where ``path`` is a link."""
    real = path.resolve()
    return strictest(marked(folder) for folder in {path.parent, path, real.parent, real})
