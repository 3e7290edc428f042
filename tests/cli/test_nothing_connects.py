"""Plugins of every kind, at every moment of a command's life, connect to no other machine while it holds such data.

The plugin ends the process at the call where it is not refused, so nothing is sent by a test that fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))

PLUGIN = """
import atexit, os, socket, sys, threading, time

import numpy as np

from mmrad_eval import Answer, Card, Column, Message, Reply, Report, Text

LOG = os.environ["SPY_LOG"]
WHEN = os.environ["SPY_WHEN"].split(",")


def stop(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo") and "192.0.2.7" in str(arguments):
        with open(LOG, "a") as log:
            log.write("reached\\n")
        os._exit(99)


sys.addaudithook(stop)


def home(when):
    if when not in WHEN:
        return
    try:
        with socket.socket() as caller:
            caller.settimeout(0.2)
            caller.connect(("192.0.2.7", 80))
    except Exception as error:
        with open(LOG, "a") as log:
            log.write(f"{when}: {type(error).__name__}\\n")


def later(when, after=0.0):
    def go():
        time.sleep(after)
        home(when)
    if when in WHEN:
        threading.Thread(target=go).start()


home("import")
atexit.register(home, "exit")
later("thread at import", 0.3)


class Model:
    card = Card(provider="spy", id="model")
    endpoints = ()

    def __init__(self):
        home("model constructor")
        later("model thread", 1.5)

    def generate(self, sent):
        home("generate")
        return Reply("FINDINGS: Clear.")

    def close(self):
        home("close")
        later("thread at close", 1.0)


class Answerer:
    card = Card(provider="spy", id="answerer")
    endpoints = ()

    def answer(self, study, shown, donor):
        home("answer")
        return Report("Clear.", findings="Clear.")


class Task:
    name = "spy-task"
    given = False
    needs = frozenset()

    def __init__(self):
        home("task constructor")

    def prompt(self):
        home("prompt")
        return ""

    def shown(self, study, context):
        home("shown")

    async def converse(self, study, context):
        home("converse")
        later("task thread", 0.5)
        said = await context.ask([Message("user", (Text("Report."),))])
        return Answer(study.id, "ok", report=Report(said.text, findings=said.text))


class Metric:
    name = "spy@test"
    columns = (Column("Spy", "test"),)
    statistics = ("n",)
    requires = ()

    def __init__(self):
        home("metric constructor")

    def fit(self, corpus):
        home("fit")

    def signature(self, context):
        return "spy|v1"

    def measure(self, examples, context):
        home("measure")
        later("metric thread", 0.5)
        return np.ones((len(examples), 1))

    def reduce(self, sums):
        home("reduce")
        return sums


def read(source):
    from mmrad_eval.core.contracts import Dataset
    from mmrad_eval.core.values import Study

    from PIL import Image as Pillow
    from mmrad_eval import Image

    Pillow.new("L", (32, 32), 90).save("film.png")
    film = (Image(os.path.abspath("film.png"), "film.png"),)
    home("reader")
    later("reader thread", 0.5)
    text = Report("Clear.", findings="Clear.")
    return Dataset("spied", [Study(str(n), film, str(n), text) for n in range(3)], "credentialed", "spied")
"""

ALL = ["import", "thread at import", "exit"]
READER = [*ALL, "reader", "reader thread"]
METRIC = ["metric constructor", "fit", "measure", "reduce", "metric thread"]
MODEL = ["model constructor", "model thread", "generate", "close", "thread at close"]
TASK = ["task constructor", "prompt"]


@pytest.fixture
def spy(tmp_path: Path) -> Path:
    """An installed package with a model, a metric and a dataset that call home."""
    place = tmp_path / "site"
    (place / "spy-1.0.dist-info").mkdir(parents=True)
    (place / "spy-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: spy\nVersion: 1.0\n")
    (place / "spy-1.0.dist-info/entry_points.txt").write_text(
        "[mmrad_eval.metrics]\nspy@test = spy_plugin:Metric\n"
        "[mmrad_eval.datasets]\nspied = spy_plugin:read\n"
        "[mmrad_eval.tasks]\nspy-task = spy_plugin:Task\n"
        "[mmrad_eval.models]\nspy = spy_plugin:Model\nspy-answers = spy_plugin:Answerer\n"
    )
    (place / "spy_plugin.py").write_text(PLUGIN)
    rows = [f"{case},{report},The lungs are clear.,{case}" for case in range(4) for report in ("Clear.", "Edema.")]
    (place / "ratings.csv").write_text("\n".join(["case,report,reference,rating", *rows]))
    return place


def run(spy: Path, when: Sequence[str], *words: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run a command whose plugins call home at these moments; how it ended, and what became of each call."""
    log = spy / "log"
    environment = {**os.environ, "PYTHONPATH": str(spy), "SPY_LOG": str(log), "SPY_WHEN": ",".join(when)}
    done = subprocess.run(
        [COMMAND, *words], env=environment, cwd=spy, capture_output=True, text=True, check=False, timeout=120
    )
    return done, log.read_text().splitlines() if log.exists() else []


COMMANDS = {
    "describe": ("data", "describe", "spied"),
    "check": ("data", "check", "spied", "--no-pixels"),
    "probe": ("probe", "--references", "spied", "--metrics", "spy@test"),
    "run": ("--model", "spy-answers", "--task", "direct", "--data", "spied", "--metrics", "spy@test", "--quiet"),
    "task": ("--model", "spy", "--task", "spy-task", "--data", "spied", "--metrics", "spy@test", "--quiet"),
    "answer": ("--model", "spy-answers", "--task", "spy-task", "--data", "spied", "--metrics", "spy@test", "--quiet"),
    "faithfulness": ("faithfulness", "spy", "--data", "spied", "--metrics", "spy@test", "--no-look-check"),
    "metaeval": ("metaeval", "ratings.csv", "--metrics", "spy@test", "--resamples", "10"),
    "ask": ("--model", "spy", "--task", "tcot-self", "--data", "spied", "--metrics", "spy@test", "--quiet"),
}


@pytest.mark.parametrize(
    ("command", "when"),
    [
        ("describe", READER),
        ("check", READER),
        ("probe", [*READER, *METRIC]),
        ("run", [*READER, *METRIC, "answer"]),
        ("task", [*READER, *METRIC, *MODEL, *TASK, "converse", "task thread"]),
        ("answer", [*READER, *METRIC, *TASK, "answer", "shown"]),
        ("ask", [*READER, *METRIC, *MODEL]),
        ("faithfulness", [*READER, *METRIC, *MODEL]),
        ("metaeval", [*ALL, *METRIC]),
    ],
)
def test_a_plugin_is_refused_whenever_it_calls_home(command: str, when: Sequence[str], spy: Path) -> None:
    done, log = run(spy, when, *COMMANDS[command])
    assert set(log) == {f"{moment}: GateError" for moment in when}, f"{done.stdout}{done.stderr}"
    assert done.returncode != 99


def test_scoring_a_stored_run_and_looking_at_it_are_closed_too(spy: Path) -> None:
    made, _ = run(spy, ["never"], *COMMANDS["run"])
    assert made.returncode == 0, made.stderr
    folder = next(spy.glob("results/runs/*/*/*/*"))
    for when, words in (
        ("measure", ("score", str(folder), "--metrics", "spy@test")),
        ("import", ("view", str(folder), "--out", "page.html")),
        ("import", ("export", str(folder), "--format", "csv")),
        ("import", ("leaderboard", "results")),
    ):
        (spy / "log").unlink(missing_ok=True)
        done, log = run(spy, [when], *words)
        assert set(log) <= {f"{when}: GateError"}, words
        assert log or words[0] != "score", f"{words}: the plugin never tried: {done.stderr}"


def test_open_data_leaves_plugins_their_network(spy: Path) -> None:
    words = ("--model", "spy-answers", "--task", "direct", "--data", "demo", "--limit", "2", "--metrics", "spy@test")
    done, log = run(spy, ["measure"], *words)
    assert (done.returncode, log) == (99, ["reached"])
