"""The page itself: a template, one style, one script, and data that no browser takes for anything but data."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mmrad_eval.core.values import Value
from mmrad_eval.core.whole_files import written_whole
from mmrad_eval.results.view.index import ViewIndex
from mmrad_eval.results.view.pieces import placed

if TYPE_CHECKING:
    from markupsafe import Markup

Records = Callable[[], Iterator[tuple[str, Value]]]

_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPES = str.maketrans(_UNSAFE)


def write(path: Path, index: ViewIndex, *parts: Records, scripts: Callable[[], bool] = lambda: False) -> None:
    """Write the page, record by record, under another name that is renamed when it is whole.

    ``parts`` are drawn one after the other; each yields (id of its script, record). The first are studies and answers,
    which lie in pieces beside the page where they are many (``pieces``). ``scripts``: whether
    they also put pictures into scripts there.
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("mmrad_eval.results.view", "template"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (
        template_file("page.css"),
        template_file("elements.js", "pieces.js", "deep.js", "viewer.js", "page.js"),
    )
    studies, *rest = parts
    held, outside = placed(path, ((name, as_json(record)) for name, record in studies()), index.data_use)
    inside = [(name, trusted(text)) for name, text in held]
    stream = environment.get_template("page.html.jinja").stream(
        index=index,
        title=f"{index.dataset}: {', '.join(run.name for run in index.runs[:2])}",
        policy=policy(style, script, beside=outside is not None or scripts()),
        style=trusted(style),
        script=trusted(script),
        table=as_json(index),
        records=chain(
            inside,
            [("pieces", as_json(outside))] if outside else (),
            ((name, as_json(record)) for part in rest for name, record in part()),
        ),
    )
    with written_whole(path) as part, part.open("wb") as file:
        stream.dump(file, encoding="utf-8")


def as_json(value: Value) -> Markup:
    """A record as JSON that may stand in a script element: nothing in it can end the element or begin a comment."""
    return trusted(msgspec.json.encode(value).decode().translate(_ESCAPES))


def policy(style: str, script: str, *, beside: bool = False) -> str:
    """The page's own rule for what a browser may run and load in it: its script, its style, pictures, nothing else.

    ``beside``: scripts beside it, too.
    """
    more = " 'self' file:" if beside else ""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'{more}; style-src '{_hash(style)}'; "
        "img-src 'self' file: data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def template_file(*names: str) -> str:
    """Files of this page's template, one after the other."""
    folder = files("mmrad_eval.results.view").joinpath("template")
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def trusted(text: str) -> Markup:
    """A text of ours that stands on a page as it is."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 (our own files, and JSON without a character that means anything in HTML)
