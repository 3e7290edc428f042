"""Files of options may come from somebody else: what lets data leave is said on the command line alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from mmrad_eval.cli.main import app
from mmrad_eval.core.errors import UsageError

FAR = "http://192.0.2.7/v1"
PERMISSIONS = {
    "attest_provider": '"mine"',
    "attest_retention": '"none"',
    "attest_who": '"me"',
    "local_network": '["192.0.2.7"]',
    "data_use": '"open"',
    "allow_key": '["HOME"]',
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private.csv").write_text("id,findings,image\na,The lungs are clear.,a.png\n")
    Image.new("L", (64, 64), 90).save(tmp_path / "a.png")
    return tmp_path


def refused(*words: str) -> str:
    """The one line of a command that is refused as a wrong usage."""
    with pytest.raises(UsageError) as error:
        app.main([*words], standalone_mode=False)
    return str(error.value)


def experiment(shared: str = "", model: str = "", data: str = "") -> str:
    return (
        f'tasks = ["direct"]\n[shared]\nmetrics = "bleu@raw"\n{shared}\n[[model]]\nmodel = "openai:m"\n'
        f'base_url = ["{FAR}"]\n{model}\n[[data]]\ndata = "private.csv"\n{data}\n'
    )


@pytest.mark.parametrize("place", ["shared", "model", "data"])
@pytest.mark.parametrize("name", PERMISSIONS)
def test_an_experiment_that_permits_something_is_refused_by_the_name_of_the_option(
    folder: Path, name: str, place: str
) -> None:
    (folder / "theirs.toml").write_text(experiment(**{place: f"{name} = {PERMISSIONS[name]}"}))
    said = refused("run", "theirs.toml", "--dry-run")
    assert said.startswith(f"the experiment says {name}")
    assert "only the command line may" in said
    assert f"--{name.replace('_', '-')}" in said


@pytest.mark.parametrize("name", [*PERMISSIONS, "local-network", "attest-who", "local_networks", "data-use"])
def test_a_configuration_of_a_build_that_permits_something_is_refused_by_the_name_of_the_option(
    folder: Path, name: str
) -> None:
    option = name.replace("-", "_").replace("networks", "network")
    (folder / "theirs.toml").write_text(f'source = "demo"\nout = "built"\n{name} = {PERMISSIONS[option]}\n')
    said = refused("data", "build", "--config", "theirs.toml", "--dry-run")
    assert said.startswith(f"theirs.toml says {option}")
    assert f"--{option.replace('_', '-')}" in said


def test_what_the_command_line_permits_holds_for_each_run_of_an_experiment(folder: Path) -> None:
    (folder / "mine.toml").write_text(experiment())
    permitted = ("--local-network", "192.0.2.7")
    for words, code in (((), 4), (permitted, 0), (("--data-use", "open"), 0), (("--data-use", "credentialed"), 4)):
        ended = CliRunner().invoke(app, ["run", "mine.toml", "--dry-run", *words], standalone_mode=False)
        assert ended.return_value == code, ended.output


def test_data_that_the_file_calls_credentialed_stays_so(folder: Path) -> None:
    (folder / "mine.toml").write_text(experiment(data='data_use = "credentialed"'))
    ended = CliRunner().invoke(app, ["run", "mine.toml", "--dry-run", "--data-use", "open"], standalone_mode=False)
    assert ended.return_value == 4, ended.output


def test_no_option_of_any_command_is_read_from_the_environment() -> None:
    def below(command: click.Command) -> Iterator[click.Command]:
        yield command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                yield from below(found)

    for command in below(app):
        assert "auto_envvar_prefix" not in command.context_settings
        assert not [param.name for param in command.params if param.envvar]
