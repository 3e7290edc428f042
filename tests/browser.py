"""A headless browser driven over the WebDriver protocol, and the fixtures that give it to a test."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element reference, W3C WebDriver section 12
KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "ArrowDown": "\ue015",
    "ArrowUp": "\ue013",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
    "Tab": "\ue004",
    "End": "\ue010",
}
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)


CONTRAST = """
const linear = (v) => v / 255 <= .04045 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
const light = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const rgba = (color) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
};
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
const ground = (node) => {
  if (!node) return [255, 255, 255];
  const c = rgba(getComputedStyle(node).backgroundColor);
  return c[3] === 1 ? c.slice(0, 3) : over(c, ground(node.parentElement));
};
const low = new Map(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const unseen = 'script, style, svg, .unseen, .skip, .lost, option, :disabled';
let read = 0;
while (walk.nextNode()) {
  const node = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || node.closest(unseen) || !node.getClientRects().length) continue;
  const under = ground(node), text = over(rgba(getComputedStyle(node).color), under);
  const [x, y] = [light(text), light(under)].sort((p, q) => q - p), ratio = (x + .05) / (y + .05);
  if (ratio < 4.5) low.set(`${node.tagName}.${node.className}`, ratio);
  read += 1;
}
return [read, [...low]];
"""
"""Text nodes that were looked at, and those below the contrast of WCAG 2.2, 1.4.3 (formula: its relative luminance)."""


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
    with driven(chromedriver, tmp_path_factory.mktemp("profile")) as window:
        yield window


@contextmanager
def driven(chromedriver: str, profile: Path) -> Iterator[Browser]:
    """A browser and its driver, for as long as the block lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([chromedriver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _listening(port)
        window = Browser(f"http://127.0.0.1:{port}", profile)
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


@pytest.fixture
def window(browser: Browser) -> Iterator[Browser]:
    """The browser at its usual size, light, without what a test before stored; in the end nothing may have failed."""
    browser.size(1440, 950)
    browser.dark(on=False)
    browser.log()
    yield browser
    assert browser.log() == []
    browser.js("try { localStorage.clear() } catch {}")
