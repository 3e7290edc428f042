"""What a score costs: a model over HTTP whose reports get better with pictures and with thinking, at known tokens."""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Said

THOUGHT = {None: 0, "low": 300, "medium": 900, "high": 2700}
"""Tokens of reasoning by effort."""
AN_IMAGE = 250


@pytest.fixture
def server() -> Iterator[tuple[str, list[Any]]]:
    """It copies more of the trace's sentences the more it sees or thinks, and counts its tokens; address and bodies."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a reply waits 40 ms until its head is acknowledged

        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body)
            parts = [p for m in body["messages"] for p in (m["content"] if isinstance(m["content"], list) else ())]
            images = sum(part["type"] == "image_url" for part in parts)
            words = " ".join(part["text"] for part in parts if part["type"] == "text")
            effort = body.get("reasoning_effort")
            sentences = re.findall(r"(?:The|There|No|A) [^.:\[]+\.", words)
            kept = sentences[: images + (0, 1, 2, 4)[[None, "low", "medium", "high"].index(effort)]]
            thought = THOUGHT[effort]
            usage = {
                "prompt_tokens": 100 + AN_IMAGE * images,
                "prompt_tokens_details": {"image_tokens": AN_IMAGE * images},
                "completion_tokens": 30 + thought,
                "completion_tokens_details": {"reasoning_tokens": thought},
            }
            message = {"role": "assistant", "content": " ".join(kept) or "The lungs are clear."}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            value = json.dumps({"choices": [choice], "usage": usage, "model": "m"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(value)))
            self.end_headers()
            self.wfile.write(value)

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_address[1]}/v1", asked
    made.shutdown()
    made.server_close()


def test_a_curve_is_planned_run_and_shown_with_gains_at_equal_tokens(
    server: tuple[str, list[Any]], call: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = server
    monkeypatch.chdir(tmp_path)
    shared = ("--base-url", url, "--data", "demo", "--views", "key", "--limit", "8", "--no-look-check")
    model = ("openai:m", *shared)

    planned = call("budget", *model, "--dry-run")
    assert planned.code == 0, planned.err
    lines = [line for line in planned.out.splitlines() if line.startswith("missing: ")]
    assert len(lines) == 13  # text, five numbers of images and all of them, three efforts of each
    assert "missing: --task mcot --set images=2: 8 requests" in planned.out
    assert not asked

    for line in lines:
        more = line.removeprefix("missing: ").partition(":")[0].split()
        assert call("run", "--model", *model, *more, "--metrics", "rouge@radeval", "--quiet").code == 0
    shown = call("budget", *model, "--format", "json", "--figure", "curve.png")
    assert shown.code == 0, shown.err
    assert "missing" not in shown.err
    curve, equal = map(values, json.loads(shown.out))

    rows = {(r["task"], r["region images"], r["reasoning"]): r for r in curve}
    text, one, two = (rows[key] for key in (("tcot", "0", ""), ("mcot", "1", ""), ("mcot", "2", "")))
    assert text["total tokens"] == 100 + AN_IMAGE + 30
    assert (two["image tokens"] - one["image tokens"]) == AN_IMAGE
    assert rows["tcot", "0", "high"]["reasoning tokens"] == 2700
    label = "ROUGE-1 @ radeval"

    gains = {(r["task"], r["region images"], r["reasoning"]): r for r in equal}
    at = {effort or "": 100 + AN_IMAGE + 30 + more for effort, more in THOUGHT.items()}
    tokens = two["total tokens"]
    low, high = max(x for x in at.values() if x <= tokens), min(x for x in at.values() if x >= tokens)
    share = math.log(tokens / low) / math.log(high / low)
    ends = [next(rows["tcot", "0", e][label] for e in at if at[e] == end) for end in (low, high)]
    expected = ends[0] + share * (ends[1] - ends[0])
    gain = gains["mcot", "2", ""]
    assert gain["text"] == pytest.approx(expected, abs=1e-9)
    assert gain["gain"] == pytest.approx(two[label] - expected, abs=1e-9)
    assert gain["gain low"] <= gain["gain"] <= gain["gain high"]
    assert gains["mcot", "all", "high"]["gain"] is None  # text CoT spent less at most
    assert Path("curve.png").stat().st_size > 10_000
    assert Path("curve.pdf").exists()


def values(table: Any) -> list[dict[str, Any]]:
    """Column -> value of each row, with the ends of intervals."""
    rows = [row["cells"] for row in table["rows"]]
    ends = [{f"{name} {end}": cell.get(end) for name, cell in row.items() for end in ("low", "high")} for row in rows]
    return [{k: c.get("value") for k, c in row.items()} | more for row, more in zip(rows, ends, strict=True)]


def test_a_curve_without_a_limit_of_thinking_says_so(call: Callable[..., Said], tmp_path: Path) -> None:
    said = call("budget", "baseline:evidence", "--out", str(tmp_path), "--dry-run")
    assert said.code == 0
    assert "no curve over thinking tokens: baseline:evidence has no thinking limit to set" in said.out


def test_region_images_are_limited_by_number_and_nothing_else_is_taken(call: Callable[..., Said]) -> None:
    assert (
        "write a number of region images, 0 or more"
        in call("run", "--model", "baseline:evidence", "--task", "mcot", "--set", "images=few").err
    )
    assert (
        "tcot has no options" in call("run", "--model", "baseline:evidence", "--task", "tcot", "--set", "images=1").err
    )
