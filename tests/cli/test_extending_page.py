"""Each plugin of docs/extending.md from a file, as an object, and out of an installed package."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mmrad_eval
from mmrad_eval.core.errors import UsageError
from mmrad_eval.model_registry.mock_server import MockServer
from tests.cli.conftest import Said
from tests.packages import installed

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES: dict[str, str] = dict(re.findall(r"^```python file=(\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
POINTS = {
    f"mmrad_eval.{group}": dict(re.findall(r'^"?([^"\n=]+?)"? = "my_package:(\w+)"', block, re.MULTILINE))
    for group, block in re.findall(r'entry-points\."mmrad_eval\.(\w+)"\]\n((?:.+\n)+)', PAGE)
}
Call = Callable[..., Said]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "two.lines").write_text("The lungs are clear.\nThe heart is enlarged.\n")
    return tmp_path


@pytest.fixture
def names() -> dict[str, Any]:
    """What a notebook holds after its cells were run."""
    space: dict[str, Any] = {"__name__": "__main__"}
    for text in FILES.values():
        exec(compile(text, "<cell>", "exec"), space)
    return space


@pytest.mark.usefixtures("files")
def test_a_model_a_task_and_a_metric_of_files_make_a_run(call: Call) -> None:
    said = call("--model", "optimist.py", "--task", "twice.py:look_twice", "--metrics", "overlap.py", "--limit", "3")

    assert said.code == 0, said.err
    (run,) = mmrad_eval.load("results").runs.itertuples()
    assert (run.model, run.task, run.complete) == ("optimist", "look-twice", True)
    assert "overlap @ mine" in set(mmrad_eval.load("results").columns["column"])


@pytest.mark.usefixtures("files")
def test_the_same_files_run_from_python_into_the_same_folder(call: Call) -> None:
    call("--model", "optimist.py", "--task", "twice.py:look_twice", "--metrics", "overlap.py", "--limit", "3", "-q")
    run = mmrad_eval.evaluate("optimist.py:optimist", "twice.py", metrics="overlap.py:OVERLAP", limit=3)

    assert len(mmrad_eval.load("results").runs) == 1
    assert 0 < run["overlap @ mine"] < 1
    assert "overlap" in run._repr_html_()


def test_objects_run_from_python_and_inside_an_event_loop(names: dict[str, Any], tmp_path: Path) -> None:
    async def cell() -> mmrad_eval.Evaluation:
        return evaluated()

    def evaluated() -> mmrad_eval.Evaluation:
        return mmrad_eval.evaluate(
            names["optimist"], names["look_twice"], metrics=[names["OVERLAP"]], limit=3, out=tmp_path
        )

    outside, inside = evaluated(), asyncio.run(cell())

    assert inside.complete
    assert inside.path == outside.path
    assert "|source:" in (inside.summary.columns["overlap @ mine"].signature if inside.summary else "")
    assert set(inside.run.identity.extra["source"]) == {"model", "task"}


def test_a_dataset_that_was_read_by_an_object_is_scored_and_says_why_it_can_not_be_read_again(
    names: dict[str, Any], files: Path, call: Call
) -> None:
    data = mmrad_eval.load_dataset(names["read"], files / "two.lines", data_use="open")
    run = mmrad_eval.evaluate("baseline:reference", "direct", data, metrics=[names["OVERLAP"]])

    assert (run.run.counts.n, run["overlap @ mine"]) == (2, 1.0)
    said = call("score", run.run.id)
    assert said.code == 2
    assert "--references" in said.err


def test_a_reader_of_a_file_is_named_with_its_data_and_found_again(files: Path, call: Call) -> None:
    said = call(
        "--model", "baseline:reference", "--task", "direct", "--data", "lines.py:read:two.lines", "--metrics=bleu"
    )
    assert said.code == 0, said.err
    run = mmrad_eval.load("results").runs["run"][0]
    os.chdir(files.parent)

    assert call("score", run, "--metrics", "rouge", "--out", str(files / "results")).code == 0


PROGRAM = """
import sys
from mmrad_eval.cli.main import main
sys.argv = ["mmrad-eval", *sys.argv[1:]]
main()
"""


def test_an_installed_package_adds_one_of_each_kind(files: Path) -> None:
    assert {group: len(points) for group, points in POINTS.items()} == {
        f"mmrad_eval.{kind}": 1 for kind in ("models", "providers", "tasks", "metrics", "datasets")
    }
    points = {group: {n: f"my_package:{a}" for n, a in names.items()} for group, names in POINTS.items()}
    place = installed(files, "my-package", points, my_package="\n".join(FILES.values()))

    def command(*words: str) -> str:
        env = os.environ | {"PYTHONPATH": str(place)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words], cwd=files, env=env, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("--model", "optimist", "--task", "look-twice", "--metrics", "overlap@mine", "--limit", "2", "-q")
    assert "lines" in command("data", "describe", "two.lines")  # recognised by the reader of the package
    assert "my-package" in command("tasks")


async def test_a_provider_of_a_file_an_object_or_a_package_serves_its_models(
    names: dict[str, Any], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = installed(files, "my-host", {"mmrad_eval.providers": {"myhost": "my_host:HOST"}}, my_host=FILES["host.py"])
    monkeypatch.chdir(files)
    async with MockServer(model="m") as server:
        words = (
            "--task",
            "direct",
            "--limit",
            "2",
            "--metrics",
            "bleu@raw",
            "-q",
            "--no-look-check",
            "--base-url",
            server.url,
        )
        for model, path in (("host.py:HOST:m", ""), ("myhost:m", str(place))):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", PROGRAM, "--model", model, *words),
                env=os.environ | {"PYTHONPATH": path},
                stderr=subprocess.PIPE,
            )
            _, error = await process.communicate()
            assert process.returncode == 0, error.decode()
        run = await asyncio.to_thread(
            lambda: mmrad_eval.evaluate(
                (names["HOST"], "m"), "direct", metrics="bleu@raw", limit=3, base_url=server.url
            )
        )

    assert run.complete
    assert run.run.card.revision is None
    assert {(card.model, card.n) for card in mmrad_eval.load("results").runs.itertuples()} == {
        ("myhost:m", 2),
        ("myhost:m", 3),
    }


def test_two_objects_of_one_class_with_other_settings_are_two_models(tmp_path: Path) -> None:
    class Echo:
        def __init__(self, words: str) -> None:
            self.card, self.words = mmrad_eval.Card(provider="mine", id="echo"), words

        def generate(self, sent: mmrad_eval.PreparedRequest) -> mmrad_eval.Reply:
            return mmrad_eval.Reply(text=f"FINDINGS: {self.words} {len(sent.images)}")

    runs = [
        mmrad_eval.evaluate(Echo(words), "direct", metrics="bleu@raw", limit=1, out=tmp_path)
        for words in ("clear", "clear", "opaque")
    ]

    assert runs[0].path == runs[1].path != runs[2].path
    assert runs[2].answers()[0].report.findings == "opaque 2"


def test_what_is_edited_is_another_run_and_is_asked_again(files: Path, call: Call) -> None:
    words = ("--model", "optimist.py", "--task", "twice.py", "--metrics", "overlap.py", "--limit", "2", "-q")
    call(*words)
    (files / "optimist.py").write_text(FILES["optimist.py"].replace("lungs are clear", "heart is large"))
    call(*words)

    results = mmrad_eval.load("results")
    assert len(results.runs) == 2
    assert results.studies["report"].str.contains("heart is large").sum() == 2


def test_an_object_that_can_not_be_told_from_another_is_refused(names: dict[str, Any], tmp_path: Path) -> None:
    import socket

    with socket.socket() as connection:

        @mmrad_eval.model("connected")
        def connected(sent: mmrad_eval.PreparedRequest) -> str:
            return f"{connection}{sent.key}"

        with pytest.raises(UsageError, match=r"can't be identified.*socket.*revision"):
            mmrad_eval.evaluate(connected, names["look_twice"], limit=1, out=tmp_path)
