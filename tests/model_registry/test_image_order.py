"""A server that moves images before words is found out before a study is asked, whatever its template."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.values import Image, Message, Text
from mmrad_eval.model_registry.image_order import depends_on_order
from mmrad_eval.tasks.images_first import images_first
from tests.vllm_stand_in import Body, VllmStandIn

MODEL = "OpenGVLab/InternVL3-8B"
Parts = list[dict[str, Any]]
Template = Callable[[Parts], list[int] | None]


def tokens(parts: Parts) -> list[int]:
    """64 tokens an image, one a letter."""
    return [x for p in parts for x in ([9999] * 64 if p["type"] != "text" else [ord(c) for c in p["text"]])]


def first(parts: Parts) -> Parts:
    return sorted(parts, key=lambda part: part["type"] == "text")


def looping(parts: Parts) -> list[int] | None:
    return tokens(parts)


def string_format(parts: Parts) -> list[int] | None:
    """Placeholders on lines of their own, then the words, joined by newlines."""
    lines = [{"type": p["type"], "text": p.get("text", "") + "\n"} for p in first(parts)]
    return tokens(lines)


def looping_images_first(parts: Parts) -> list[int] | None:
    return tokens(first(parts))


def silent(parts: Parts) -> list[int] | None:
    """A server of another make: it takes no messages at /tokenize."""
    del parts
    return None


def parts_of(body: Body) -> Parts:
    """All that the messages of a question hold, in order."""
    contents = [m["content"] for m in body["messages"]]
    return [p for c in contents for p in (c if isinstance(c, list) else [{"type": "text", "text": c}])]


@contextmanager
def server(template: Template) -> Iterator[tuple[str, list[Parts]]]:
    """A stand-in for vLLM, its address, and the user turns that it was asked."""
    asked: list[Parts] = []

    def answer(body: Body, _before: object) -> tuple[Body, Body]:
        asked.append(parts_of(body))
        usage = {"prompt_tokens": len(tokens(asked[-1])), "completion_tokens": 8}
        return {"content": "FINDINGS: The lungs are clear."}, usage

    with VllmStandIn(MODEL, answer, lambda body: template(parts_of(body))) as made:
        yield made.url, asked


def run(out: Path, urls: Sequence[str], *more: str, task: str = "mcot") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mmrad_eval", "--model", "internvl3-8b", "--task", task, "--limit", "3"]
    command += ["--metrics", "bleu@raw", "--out", str(out), "--no-look-check", *more]
    command += [word for url in urls for word in ("--base-url", url)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("template", [string_format, looping_images_first])
def test_region_images_are_refused_where_their_order_is_lost(tmp_path: Path, template: Template) -> None:
    with server(template) as (url, asked):
        ended = run(tmp_path, [url])
        assert ended.returncode == 1
        assert "--interleave-mm-strings" in ended.stderr
        assert "--images-first" in ended.stderr
        assert not asked

        assert run(tmp_path, [url], task="direct").returncode == 0


def test_one_such_server_of_several_is_enough(tmp_path: Path) -> None:
    with server(looping) as (good, _), server(string_format) as (bad, _):
        ended = run(tmp_path, [good, bad])
        assert ended.returncode == 1
        assert bad in ended.stderr


def test_a_server_that_keeps_the_order_says_so_in_the_run(tmp_path: Path) -> None:
    with server(looping) as (url, asked):
        assert run(tmp_path, [url]).returncode == 0
        assert any(
            a["type"] == "text" and b["type"] != "text" for a, b in zip(asked[0][1:], asked[0][2:], strict=False)
        )
    (served,) = record(tmp_path)["served"]
    assert served["order"] == "kept"
    assert len(served["woven"]) == 12


def test_a_server_that_does_not_tell_its_tokens_goes_on_with_its_order_unknown(tmp_path: Path) -> None:
    with server(silent) as (url, _):
        assert run(tmp_path, [url]).returncode == 0
    (served,) = record(tmp_path)["served"]
    assert "order" not in served


def test_images_first_is_another_run_that_is_marked_and_not_ranked(tmp_path: Path) -> None:
    with server(looping) as (url, asked):
        assert run(tmp_path, [url]).returncode == 0
        del asked[:]
        ended = run(tmp_path, [url], "--images-first")
    assert ended.returncode == 0
    user = [part["type"] for part in asked[0][1:]]
    assert user == sorted(user, key=lambda kind: kind == "text")
    assert len(list(tmp_path.glob("runs/*/mcot/*/*"))) == 2
    assert "images first" in ended.stdout
    assert "not ranked" in ended.stdout


def record(out: Path) -> dict[str, Any]:
    (path,) = out.glob("runs/*/*/*/*/run.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


REGION, WHOLE = Image("/a", role="region"), Image("/a")


@pytest.mark.parametrize(
    ("parts", "depends"),
    [
        ((Text("a"), WHOLE, Text("b"), REGION, Text("c")), True),
        ((REGION, Text("b"), REGION), True),
        ((WHOLE, REGION, Text("a")), False),
        ((Text("a"), WHOLE, Text("\n\n"), REGION), False),
        ((Text("Here it is:"), REGION), False),
        ((Text("Image 1:"), WHOLE, Text("Image 2:"), WHOLE), False),
    ],
)
def test_what_depends_on_the_order(parts: tuple[Text | Image, ...], *, depends: bool) -> None:
    assert depends_on_order([Message("user", parts)]) is depends
    assert not depends_on_order(images_first([Message("user", parts)]))
