"""Pages of help: each option says what it does, and a long page has headings."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from mmrad_eval.cli import help_page
from mmrad_eval.cli.main import COMMANDS, HEADINGS, app

GROUPED = ("run", "score", "faithfulness", "budget", "contamination", "export")


def commands(name: str) -> Iterator[tuple[str, click.Command]]:
    """A command and the commands below it."""
    context = click.Context(app)
    assert isinstance(app, click.Group)
    command = app.get_command(context, name)
    assert command is not None
    yield name, command
    for below, inner in getattr(command, "commands", {}).items():
        yield f"{name} {below}", inner


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    for whole, command in commands(name):
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{whole} {option.opts[0]}"
                assert option.help[0].isupper() or option.help[0] in "…`" or ":" in option.help or "," in option.help


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_the_same_of_itself_on_both_pages(name: str) -> None:
    (_, command), *_ = commands(name)
    first, _, _ = (command.help or "").partition("\n\n")
    assert first == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_metrics_have_one_spelling(name: str) -> None:
    for whole, command in commands(name):
        for option in command.params:
            if "--metrics" in option.opts:
                assert option.opts == ["--metrics", "-M"], whole


def test_every_command_stands_under_one_heading() -> None:
    under = [name for names in HEADINGS.values() for name in names.split()]
    assert sorted(under) == sorted(COMMANDS)


def test_no_option_stands_under_two_headings() -> None:
    names = [name for names in help_page.HEADINGS.values() for name in names.split()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", GROUPED)
def test_a_long_page_has_headings_and_every_option_once(name: str) -> None:
    ((_, command),) = commands(name)
    page = command.get_help(click.Context(command, info_name=name))
    shown = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    lines = [line.split() for line in page.splitlines() if line.startswith("  -")]
    listed = [word.rstrip(",") for line in lines for word in line[:2] if word.startswith("--")]
    assert sorted(listed) == sorted(
        {next(o for o in option.opts if o.startswith("--")) for option in shown} | {"--help"}
    )
    assert "\nData:\n" in page or name == "contamination"
    assert "\nOutput:\n" in page
    assert not any(line == "Options:" for line in page.splitlines())


def test_run_keeps_no_option_without_a_heading() -> None:
    ((_, command),) = commands("run")
    assert not [o.opts for o in command.params if isinstance(o, click.Option) and help_page.heading(o) == help_page.OWN]
