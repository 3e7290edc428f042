"""What reaches a terminal: text from outside is spelled out on every way there, and only one module writes."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.visible import LONGEST, visible, visible_lines

PACKAGE = Path(__file__).resolve().parent.parent.parent / "mmrad_eval"
WRITERS = {
    *("cli/terminal.py", "core/journal.py", "model_registry/mock_server.py", "results/scoring/rewards.py"),
    *("model_registry/programs/life.py", "model_registry/programs/worker/hf_worker.py"),
    "metrics/judged/wheel_code.py",
}
"""The one module; the journal, whose segments are written by ``os.write``; the helper process that prints its port;
rewards, whose signature goes to the log of a trainer's process; requests in the pipe of a program, and the worker,
whose words go to the run's log; the code of a wheel, whose logger is silenced."""
CALLS = {
    *("print", "input", "breakpoint", "click.echo", "click.secho", "click.prompt", "click.confirm", "click.pause"),
    *("click.edit", "click.progressbar", "click.echo_via_pager", "click.clear", "click.get_text_stream"),
    *("rich.print", "pprint.pprint", "warnings.warn", "traceback.print_exc", "traceback.print_exception", "os.write"),
    *("logging.warning", "logging.error", "logging.info", "logging.exception", "logging.getLogger", "echo", "secho"),
    *("getpass.getpass", "os.system", "faulthandler.enable", "error.show"),
}
STREAMS = {"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"}
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\u2066x\r\x08\x7f"
"""Names the window, clears the screen, colours by C1, turns words around, goes back to the start of the line."""


def writers(path: Path) -> Iterator[str]:
    """Every expression of a file that writes to a terminal, or could."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
            yield f"line {node.lineno}: {ast.unparse(node.func)}"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in STREAMS:
            yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Console"):
            if "file" not in {keyword.arg for keyword in node.keywords}:
                yield f"line {node.lineno}: a Console without a file"
        elif isinstance(node, ast.Constant) and node.value in {"/dev/tty", "/dev/stdout", "/dev/stderr"}:
            yield f"line {node.lineno}: {node.value}"


def test_one_module_writes_to_the_terminal() -> None:
    found = {
        str(path.relative_to(PACKAGE)): list(writers(path))
        for path in PACKAGE.rglob("*.py")
        if str(path.relative_to(PACKAGE)) not in WRITERS
    }

    assert {name: places for name, places in found.items() if places} == {}, "use mmrad_eval.cli.terminal"


@pytest.mark.parametrize("code", ["print(1)", "import click\nclick.echo('x')", "import sys\nsys.stderr.write('x')"])
def test_a_writer_that_bypasses_it_is_found(tmp_path: Path, code: str) -> None:
    (tmp_path / "new.py").write_text(code)

    assert list(writers(tmp_path / "new.py"))


@given(st.text(st.characters(exclude_categories=())))
def test_no_character_that_a_terminal_obeys_is_left(text: str) -> None:
    for shown in (visible(text), visible_lines(text)):
        odd = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}} - {"\n", "\t"}
        assert not odd
    assert "\n" not in visible(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_stays_the_same_json(text: str) -> None:
    assert json.loads(visible_lines(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Cardiomegalie, légère · 心脏 ✓", "Cardiomegalie, légère · 心脏 ✓"),
        ("a\x1b]0;x\x07b", "a\\u001b]0;x\\u0007b"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb\r", "a\\u000ab\\u000d"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\udb40\\udc41"),
    ],
)
def test_what_is_printable_stays_and_the_rest_is_spelled_as_in_json(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_very_long_line_keeps_its_beginning_and_its_end() -> None:
    shown = visible(f"{'a' * 100_000}; run it again")

    assert len(shown) < LONGEST + 100
    assert shown.endswith("aaa; run it again")
    assert "characters left out" in shown


def on_a_terminal(folder: Path, *words: str) -> tuple[int, str]:
    """Exit status, and what a terminal was sent on either stream."""
    main, side = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "mmrad_eval", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=side,
        stderr=side,
        env={**os.environ, "COLUMNS": "200", "TERM": "xterm-256color", "PYTHONPATH": str(PACKAGE.parent)},
    ) as process:
        os.close(side)
        seen = b""
        while True:
            try:
                data = os.read(main, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            seen += data
    os.close(main)
    return process.returncode, seen.decode()


def orders(seen: str) -> set[str]:
    """What a terminal would obey in it, our own colours and line ends taken off."""
    ours = re.sub(r"\x1b\[[0-9;]*m|\r\n|\r(?= )", "", seen)
    return {c for c in ours if not c.isprintable()} - {"\n"}


def hostile_rows(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    rows = [
        {"id": f"s{HOSTILE}{n}", "report": "FINDINGS: Clear lungs.", HOSTILE: 1, "patient": f"p{n}"} for n in range(3)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    "words",
    [
        ["data", "ids", "rows.jsonl"],
        ["data", "describe", "rows.jsonl"],
        ["data", "describe", "rows.jsonl", "--json"],
        ["data", "check", "rows.jsonl"],
        ["data", "check", f"no{HOSTILE}file.jsonl"],
        ["data", "check", "rows.jsonl", "--column", f"id={HOSTILE}"],
        ["score", "--predictions", "rows.jsonl", "--references", f"{HOSTILE}.csv"],
        ["--model", f"file:{HOSTILE}.jsonl", "--data", "rows.jsonl", "--task", "direct"],
        ["--model", f"x{HOSTILE}:y"],
        [f"run{HOSTILE}"],
        ["leaderboard", f"--{HOSTILE}"],
        ["run", f"{HOSTILE}.toml"],
    ],
    ids=lambda words: " ".join(words).encode("ascii", "ignore").decode().translate(dict.fromkeys(range(32), "."))[:40],
)
def test_hostile_names_of_files_columns_and_ids_are_spelled_out(tmp_path: Path, words: list[str]) -> None:
    hostile_rows(tmp_path)

    _, seen = on_a_terminal(tmp_path, *words)

    assert orders(seen) == set()
    assert "Traceback" not in seen


def test_a_table_of_hostile_names_is_spelled_out(tmp_path: Path) -> None:
    path = hostile_rows(tmp_path)
    score = ["score", "--predictions", path.name, "--references", path.name, "--metrics", "bleu"]

    code, seen = on_a_terminal(tmp_path, *score, "--name", f"model{HOSTILE}")
    _, table = on_a_terminal(tmp_path, "leaderboard", "--all-columns")
    _, sheet = on_a_terminal(tmp_path, "leaderboard", "--format", "csv")

    assert code == 0, seen
    assert "model\\u001b" in table
    assert [orders(text) for text in (seen, table, sheet)] == [set()] * 3


async def test_a_hostile_server_moves_no_cursor(tmp_path: Path) -> None:
    import asyncio

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/models"):
            models = [{"id": f"m{HOSTILE}{'x' * 100_000}", "object": "model"}]
            return web.json_response({"object": "list", "data": models})
        return web.json_response({"error": {"message": f"engine{HOSTILE} died", "type": HOSTILE}}, status=500)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    hostile_rows(tmp_path)
    async with TestServer(app) as server:
        address = f"http://127.0.0.1:{server.port}/v1"
        common = ["--task", "direct", "--limit", "3", "--no-look-check", "--base-url", address, "--metrics", "bleu"]
        for words, shown in (
            (["--model", "openai:local", *common, "--max-time", "3s"], "engine\\u001b"),
            (["--model", "vllm:other", *common], "m\\u001b"),
            (["doctor", "--base-url", address], "m\\u001b"),
        ):
            code, seen = await asyncio.to_thread(on_a_terminal, tmp_path, *words)

            assert orders(seen) == set(), words
            assert "Traceback" not in seen
            assert len(seen) < 60_000
            assert code in range(5)
            assert shown in seen, seen
