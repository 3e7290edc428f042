"""Runs to view, and pages taken apart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.results.run.folder import RunFolder, find_runs
from mmrad_eval.results.view import write_view
from tests.browser import browser, window

__all__ = ["browser", "window"]

FAULTS = ("dense consolidation=refusal", "apical pneumothorax=length", "pacemaker=401")
"""Words of demo traces, and what the mock server does when it reads them."""
SCORED = ("--metrics", "bleu@r2gen-iu,rouge@r2gen-iu")


@dataclass
class Taken:
    """A page, read as a browser reads it before any script runs."""

    markup: str
    scripts: dict[str, str] = field(default_factory=dict)
    """Content of the script elements by id; the one that runs has none."""
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    def __getitem__(self, name: str) -> Any:
        return json.loads(self.scripts[name])

    def __contains__(self, name: str) -> bool:
        return name in self.scripts

    def answer(self, study: str, run: int = 0) -> Any:
        """The record of an answer."""
        return self[f"answer-{run}-{self['page']['ids'].index(study)}"]

    def study(self, name: str) -> Any:
        """The record of a study."""
        return self[f"study-{self['page']['ids'].index(name)}"]

    def values(self, label: str, run: int = 0) -> dict[str, float | None]:
        """A column of the table, by study."""
        return dict(zip(self["page"]["ids"], self[f"scores-{run}"]["values"][label], strict=True))


class _Reader(HTMLParser):
    def __init__(self, taken: Taken) -> None:
        super().__init__()
        self.taken, self.inside = taken, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.taken.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.inside = dict(attrs).get("id") or "script"
            assert self.inside not in self.taken.scripts
            self.taken.scripts[self.inside] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.taken.scripts[self.inside] += data


def _take(path: Path) -> Taken:
    taken = Taken(path.read_text(encoding="utf-8"))
    reader = _Reader(taken)
    reader.feed(taken.markup)
    reader.close()
    return taken


@pytest.fixture(scope="session")
def take() -> Callable[[Path], Taken]:
    """Read a page."""
    return _take


@dataclass(frozen=True)
class Bench:
    """A folder in which commands run."""

    place: Path

    def call(self, *words: str, code: int | None = 0) -> str:
        """Run ``mmrad-eval``; what it printed. ``code``: the exit status that it must have, None for any."""
        command = [sys.executable, "-m", "mmrad_eval", *words]
        done = subprocess.run(command, cwd=self.place, capture_output=True, text=True, check=False)
        assert code is None or done.returncode == code, done.stderr
        return done.stdout if done.returncode == 0 else done.stderr

    @property
    def results(self) -> Path:
        """The results folder."""
        return self.place / "results"

    def run(self, task: str, model: str) -> RunFolder:
        """The run of a task by a model."""
        (found,) = (f for f in find_runs(self.results) if (f.run.identity.task, f.run.card.label) == (task, model))
        return found

    def scored(self, name: str, reports: Mapping[str, str], references: Sequence[Mapping[str, Any]]) -> RunFolder:
        """A run of reports made elsewhere, over references with the columns that they have."""
        said = [{"study_id": study, "report": report} for study, report in reports.items()]
        for file, rows in ((f"{name}.jsonl", references), (f"{name}-said.jsonl", said)):
            (self.place / file).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        data = ("--predictions", f"{name}-said.jsonl", "--references", str(self.place / f"{name}.jsonl"))
        words = (*data, "--metrics", "rouge@r2gen-iu")
        self.call("score", *words, "--name", name, code=None)
        return self.run("imported", name)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An empty folder in which commands run."""
    return Bench(tmp_path)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Runs over the demo: two baselines, and a stand-in for a model that was asked four ways and is not always well."""
    bench = Bench(tmp_path_factory.mktemp("demo"))
    bench.call("--model", "baseline:evidence", "--model", "baseline:normal", "--task", "mcot", *SCORED, "--quiet")
    server = [sys.executable, "-m", "mmrad_eval.model_registry.mock_server", *(f"--fault={f}" for f in FAULTS)]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        asked = ("--model", "openai:rehearsal", "--no-look-check", "--base-url", address, *SCORED)
        bench.call(*asked, "--task", "direct,mcot", "--quiet", code=3)
        bench.call(*asked, "--task", "mcot-blind,mcot-swapped,mcot-random", "--limit", "5", "--quiet")
        process.terminate()
    return bench


@pytest.fixture(scope="session")
def one(demo: Bench) -> Path:
    """The page of one run."""
    return write_view([demo.run("mcot", "openai:rehearsal")]).path


@pytest.fixture(scope="session")
def two(demo: Bench) -> Path:
    """The page of two runs."""
    runs = [demo.run("mcot", name) for name in ("baseline:evidence", "openai:rehearsal")]
    return write_view([*runs, demo.run("direct", "openai:rehearsal")]).path


@pytest.fixture
def page(demo: Bench, take: Callable[[Path], Taken], tmp_path: Path) -> Taken:
    """The page of one run, beside its own folder of nothing."""
    return take(write_view([demo.run("mcot", "openai:rehearsal")], tmp_path / "page.html").path)
