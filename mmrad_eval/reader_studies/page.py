"""A reader's page: one file that works from disk, with the style and the parts of the page to read runs."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from mmrad_eval.core.values import DataUse
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.reader_studies.records import ReaderPage
from mmrad_eval.results.view.page import as_json, policy, template_file, trusted


def write(path: Path, page: ReaderPage, data_use: DataUse) -> None:
    """Write the page under another name that is renamed when it is whole. It states the class of its data."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("mmrad_eval.reader_studies", "template"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = template_file("page.css") + _file("readers.css")
    script = template_file("elements.js") + _file("readers.js")
    text = environment.get_template("readers.html.jinja").render(
        title=page.title,
        data_use=data_use,
        policy=policy(style, script),
        style=trusted(style),
        script=trusted(script),
        page=as_json(page),
    )
    write_whole(path, text)


def _file(name: str) -> str:
    return files("mmrad_eval.reader_studies").joinpath("template", name).read_text(encoding="utf-8")
