"""Writes the generated pages of the documentation's site: ``python scripts/reference.py FOLDER``.

FOLDER gets the pages of ``docs/`` with links where they name one another, and under ``reference/`` every command with
its options, every public name of the Python package, and every task, metric, model card and dataset.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import mmrad_eval
from mmrad_eval.cli.main import COMMANDS, HEADINGS, app

ROOT = Path(__file__).resolve().parent.parent
PAGE = re.compile(r"(?<!\[)`(docs/([\w/-]+\.md)|benchmarks/README\.md|CHANGELOG\.md|SECURITY\.md|CONTRIBUTING\.md)`")
BESIDE = {"benchmarks/README.md": "benchmarks.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}
"""Pages that lie elsewhere in the project, and their names on the site."""


def main() -> None:
    """Write all pages."""
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target)
    for source, name in BESIDE.items():
        (target / name).write_text((ROOT / source).read_text().replace("](../docs/", "](").replace("](docs/", "]("))
    titles = {page.relative_to(target).as_posix(): title(page) for page in target.rglob("*.md")}
    for page in target.rglob("*.md"):
        page.write_text(linked(page.read_text(), page.relative_to(target), titles))
    reference = target / "reference"
    reference.mkdir()
    (reference / "commands.md").write_text(commands())
    (reference / "python.md").write_text(python())
    (reference / "lists.md").write_text(lists())


def title(page: Path) -> str:
    """The first heading of a page."""
    found = re.search(r"^# (.+)$", page.read_text(), re.MULTILINE)
    assert found, f"{page} has no heading"
    return found[1]


def linked(text: str, place: Path, titles: dict[str, str]) -> str:
    """The text of a page in which names of other pages are links."""

    def link(found: re.Match[str]) -> str:
        name = found[2] or BESIDE.get(found[1], "")
        if name not in titles:
            return found[0]
        up = "../" * (len(place.parts) - 1)
        return f"[{titles[name]}]({up}{name})"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith("```") else PAGE.sub(link, part) for part in parts)


def commands() -> str:
    """Every command with what it does and its options."""
    assert isinstance(app, click.Group)
    lines = ["# Commands", "", "Every command with every option, as `--help` prints them.", ""]
    for heading, names in HEADINGS.items():
        lines += [f"## {heading}", ""]
        for name in names.split():
            command = app.get_command(click.Context(app), name)
            assert command is not None
            for called, below in _tree(f"mmrad-eval {name}", command):
                page = below.get_help(click.Context(below, info_name=called, max_content_width=96, terminal_width=96))
                lines += [f"### {called}", "", "```text", page.rstrip(), "```", ""]
        assert all(name in COMMANDS for name in names.split())
    return "\n".join(lines)


def _tree(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for below, inner in command.commands.items():
            yield from _tree(f"{name} {below}", inner)


def python() -> str:
    """Every public name: how it is called, and what it says of itself."""
    lines = ["# Python", "", "All that is public is imported from `mmrad_eval`.", ""]
    things = {name: getattr(mmrad_eval, name) for name in mmrad_eval.__all__}
    kinds = {
        "Functions": [n for n, t in things.items() if not inspect.isclass(t)],
        "Errors": [n for n, t in things.items() if inspect.isclass(t) and issubclass(t, BaseException)],
        "Classes": [n for n, t in things.items() if inspect.isclass(t) and not issubclass(t, BaseException)],
    }
    for kind, names in kinds.items():
        lines += [f"## {kind}", ""]
        for name in names:
            thing = things[name]
            lines += [f"### {name}", "", "```python", _called(name, thing), "```", "", _said(thing), ""]
            if inspect.isclass(thing) and kind == "Classes":
                lines += _members(thing)
    return "\n".join(lines)


def _called(name: str, thing: object) -> str:
    try:
        signature = str(inspect.signature(thing))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return name
    signature = re.sub(r"mmrad_eval\.[\w.]+\.(\w+)", r"\1", signature).replace("collections.abc.", "")
    signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", signature)
    if len(name) + len(signature) > 100:
        signature = re.sub(r", (?=\*?\w+(?::|=|,|\)))", ",\n    ", signature.replace("(", "(\n    ", 1))
    return f"{name}{signature}"


def _said(thing: object) -> str:
    return re.sub(r"``(.*?)``", r"`\1`", inspect.getdoc(thing) or "", flags=re.DOTALL)


def _members(thing: type) -> list[str]:
    lines = []
    for name, member in vars(thing).items():
        if name.startswith("_") or not (inspect.isfunction(member) or isinstance(member, property)):
            continue
        said = _said(member).split("\n\n")[0].replace("\n", " ")
        lines.append(f"- `{name}`: {said}" if said else f"- `{name}`")
    return [*lines, ""] if lines else []


def lists() -> str:
    """Tasks, metrics, model cards and datasets, as the commands list them."""
    from click.testing import CliRunner

    lines = [
        "# Tasks, metrics, models, datasets",
        "",
        "What `mmrad-eval tasks`, `metrics`, `models` and `datasets` list; with `show NAME` each describes one.",
        "",
    ]
    for name in ("tasks", "metrics", "models", "datasets"):
        printed = CliRunner().invoke(app, [name]).output
        lines += [f"## {name.capitalize()}", "", *_tables(printed), ""]
    return "\n".join(lines)


def _tables(printed: str) -> Iterator[str]:
    """Lines of a name and what it is, as tables, which fit any screen; other lines as paragraphs."""
    in_table = False
    for line in printed.rstrip().replace("|", "\\|").split("\n"):
        name, *rest = re.split(r"\s{2,}", line.strip())
        if rest and not in_table:
            yield from ("", "| name | |", "|---|---|")
        in_table = bool(rest)
        yield f"| `{name}` | {'; '.join(rest)} |" if rest else f"\n{line}"


if __name__ == "__main__":
    main()
