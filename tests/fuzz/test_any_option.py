"""No value of any option of any command ends in a traceback."""

from __future__ import annotations

import os
import random
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click
import pytest

from mmrad_eval.cli import main as cli

SEED = 14
VALUES = (
    *(
        "",
        " ",
        "-",
        "--",
        "x",
        "0",
        "-1",
        "1e999",
        "nan",
        "inf",
        "9" * 400,
        "0x10",
        "1,2",
        ",",
        ":",
        "=",
        "a=b",
        "a=b=c",
    ),
    *("no/such/file", "folder", "pipe", "locked", "broken", "loop", "binary.csv", "utf16.csv", "empty.csv", "nul.json"),
    *("deep.jsonl", "deep.toml", "digits.json", "half.jsonl", "bomb.csv.gz", "/dev/zero", "/", ".", "..", "a" * 5000),
    *("\x1b]0;x\x07", "\u202e", "\udce9", "a\nb", "demo?x=y", "table:folder", "vllm:", ":x", "file:binary.csv", "%s{}"),
    *("baseline:normal", "http://127.0.0.1:9", "http://[::1", "file:///etc/passwd", "2020-13-45", "10s", "1h-1h", "5%"),
)
BASE: dict[str, list[str]] = {
    "run": ["--model", "baseline:normal", "--task", "direct", "--limit", "1", "--metrics", "bleu@raw"],
    "score": ["--predictions", "sound.jsonl", "--references", "sound.jsonl", "--metrics", "bleu@raw"],
    "power": [],
}
"""What a command needs before one of its options counts."""
LEFT_ALONE = {("run", "--serve"), ("faithfulness", "--serve")}
"""What would start a server of the user's."""


def places() -> Iterator[tuple[str, list[str], str]]:
    """(command, the words before, option or argument) of every option that takes a value, and of every argument."""
    for name in cli.COMMANDS:
        command = cli.app.get_command(click.Context(cli.app), name) if isinstance(cli.app, cli.Lazy) else None
        assert command is not None
        groups = command.commands.items() if isinstance(command, click.Group) else [("", command)]
        for inner, one in groups:
            for parameter in one.params:
                if isinstance(parameter, click.Option) and (
                    parameter.is_flag or (name, parameter.opts[0]) in LEFT_ALONE
                ):
                    continue
                option = parameter.opts[0] if isinstance(parameter, click.Option) else ""
                yield f"{name} {inner}".strip(), [name, *([inner] if inner else []), *BASE.get(name, [])], option


PLACES = list(places())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a file of every awkward kind, as the current one."""
    import gzip

    where = tmp_path_factory.mktemp("awkward")
    (where / "folder").mkdir()
    os.mkfifo(where / "pipe")
    (where / "broken").symlink_to("gone")
    (where / "loop").symlink_to("loop")
    (where / "locked").write_text("x")
    (where / "locked").chmod(0)
    files = {
        "binary.csv": bytes(range(256)) * 20,
        "utf16.csv": "id,report\na,b\n".encode("utf-16"),
        "empty.csv": b"",
        "nul.json": b'[{"id": "a\0", "report": "x"}]',
        "deep.jsonl": b"[" * 100_000 + b"\n",
        "deep.toml": b"a = " + b"[" * 20_000 + b"]" * 20_000,
        "digits.json": b'[{"id": ' + b"9" * 5000 + b"}]",
        "half.jsonl": b'{"id": "a\\ud800", "report": "b\\udc00"}\n',
        "bomb.csv.gz": gzip.compress(bytes(100_000_000)),
        "sound.jsonl": b'{"id": "a", "report": "Clear lungs.", "patient": "p"}\n',
    }
    for name, data in files.items():
        (where / name).write_bytes(data)
    before = Path.cwd()
    os.chdir(where)
    yield where
    os.chdir(before)


def called(words: list[str]) -> str:
    """How the program ended if not by one of its statuses; it runs here, as main() runs it."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError("still at it after 20 seconds")

    sys.argv = ["mmrad-eval", *words]
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    try:
        cli.main()
    except SystemExit as end:
        return "" if end.code in {0, 1, 2, 3, 4} else f"status {end.code}"
    except BaseException as error:  # noqa: BLE001 - the kind that must not come is any
        last = next(f for f in reversed(traceback.extract_tb(error.__traceback__)) if "mmrad_eval" in f.filename)
        return f"{type(error).__name__}: {str(error)[:100]!r} ({Path(last.filename).name}:{last.lineno})"
    finally:
        signal.alarm(0)
    return "no status"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]} {place[2]}".strip())
def test_any_value_of_an_option_ends_in_a_status(
    place: tuple[str, list[str], str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, before, option = place
    monkeypatch.setattr(sys, "argv", sys.argv)
    for value in random.Random(f"{SEED} {name} {option}").sample(VALUES, CASES):
        words = [*before, *([option] if option else []), value]
        assert called(words) == "", words
    assert folder.is_dir()


CASES = int(os.environ.get("MMRAD_FUZZ_CASES", "1"))
"""Values of each option: a few in the suite, as many as there are where one has the time."""
