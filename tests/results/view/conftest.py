"""Runs to view, pages taken apart, and a headless browser driven over the WebDriver protocol."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.results.run.folder import RunFolder, find_runs
from mmrad_eval.results.view import write_view

FAULTS = ("dense consolidation=refusal", "apical pneumothorax=length", "pacemaker=401")
"""Words of demo traces, and what the rehearsal server does when it reads them."""
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


ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element reference, W3C WebDriver section 12
KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "ArrowDown": "\ue015",
    "ArrowUp": "\ue013",
    "Tab": "\ue004",
    "End": "\ue010",
}
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)


class Browser:
    """One window of Chromium (https://www.w3.org/TR/webdriver2/)."""

    def __init__(self, driver: str, profile: Path) -> None:
        self.driver = driver
        options = {"args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{made['sessionId']}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One command of the protocol; what it returns."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.driver + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"].split("\n")[0]) from None

    def do(self, path: str, body: Any = None) -> Any:
        """One command of this session."""
        return self.call("POST", self.session + path, body or {})

    def get(self, path: str) -> Any:
        """One question to this session."""
        return self.call("GET", self.session + path)

    def open(self, address: str | Path) -> None:
        """Load a page, and wait until it has drawn itself."""
        self.do("/url", {"url": address.as_uri() if isinstance(address, Path) else address})
        self.wait("return document.documentElement.dataset.ready === 'yes'")

    def js(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.do("/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script: str, seconds: float = 10.0) -> None:
        """Wait until a script returns something true."""
        until = time.monotonic() + seconds
        while not self.js(script):
            assert time.monotonic() < until, f"{script} did not come true; the log says {self.log()}"
            time.sleep(0.02)

    def find(self, css: str) -> str:
        """The element that a selector names; fails where there is none."""
        return str(self.do("/element", {"using": "css selector", "value": css})[ELEMENT])

    def click(self, css: str) -> None:
        """Click as a mouse does: what lies above the element would be in the way."""
        self.do(f"/element/{self.find(css)}/click")

    def press(self, *keys: str) -> None:
        """Type keys, by name or letter, at what has the focus."""
        strokes = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self.do("/actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def write(self, css: str, text: str) -> None:
        """Put text into a field, as if it were typed."""
        element = self.find(css)
        self.do(f"/element/{element}/clear")
        self.do(f"/element/{element}/value", {"text": text})

    def choose(self, css: str, value: str) -> None:
        """Choose an option of a select by its value."""
        self.click(f'{css} option[value="{value}"]')

    def text(self, css: str) -> str:
        """What is seen of an element, as words."""
        return str(self.get(f"/element/{self.find(css)}/text"))

    def ids(self) -> list[str]:
        """The studies of the table, as they stand."""
        return [
            str(name) for name in self.js("return [...document.querySelectorAll('#rows a')].map(a => a.textContent)")
        ]

    def focused(self) -> str:
        """The words of what has the focus."""
        return str(self.js("return document.activeElement.textContent.trim()"))

    def size(self, width: int, height: int) -> None:
        """Make the window so large."""
        self.do("/window/rect", {"width": width, "height": height})

    def dark(self, on: bool) -> None:
        """What the system prefers."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if on else "light"}]
        self.do("/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}})

    def log(self) -> list[str]:
        """Errors and warnings since the last time."""
        return [str(entry["message"]) for entry in self.do("/se/log", {"type": "browser"})]

    def shot(self, path: Path) -> None:
        """A picture of the window."""
        path.write_bytes(base64.b64decode(self.get("/screenshot")))

    def shot_of(self, css: str) -> bytes:
        """A picture of an element, as PNG."""
        return base64.b64decode(self.get(f"/element/{self.find(css)}/screenshot"))

    def close(self) -> None:
        """End the session."""
        self.call("DELETE", self.session)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that all tests of a session share; skips where there is none."""
    chromedriver = shutil.which("chromedriver")
    if chromedriver is None or shutil.which("chromium") is None:
        pytest.skip("no chromium and chromedriver; scripts/env-browser installs them")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([chromedriver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _listening(port)
        window = Browser(f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("profile"))
        yield window
        window.close()
    finally:
        process.terminate()
        process.wait(10)


def _listening(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("chromedriver did not start")


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
def window(browser: Browser) -> Iterator[Browser]:
    """The browser at its usual size, light, without what a test before stored; in the end nothing may have failed."""
    browser.size(1440, 950)
    browser.dark(on=False)
    browser.log()
    yield browser
    assert browser.log() == []
    browser.js("try { localStorage.clear() } catch {}")


@pytest.fixture
def page(demo: Bench, take: Callable[[Path], Taken], tmp_path: Path) -> Taken:
    """The page of one run, beside its own folder of nothing."""
    return take(write_view([demo.run("mcot", "openai:rehearsal")], tmp_path / "page.html").path)
