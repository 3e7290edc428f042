"""Boxes on 50 films of odd sizes: each dialect's program boxes a mark by what it was sent, and the mark is found there.

The programs reckon in fractions of the picture that they see, by the rules that the models' makers publish, and not by
the geometry of this package.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Answer, Card, Decoding, Image, Report, Study
from mmrad_eval.harness.jobs import Job, execute
from mmrad_eval.harness.plan import RunOptions
from mmrad_eval.model_registry import model_cards
from mmrad_eval.tasks.loop import MCOT_LOOP
from mmrad_eval.traces.geometry import convert
from tests.quiet import Quiet
from tests.tasks.programs import Heard, Program, Said
from tests.tasks.speakers import Numbers, bright

FILMS, LEAST = 50, 0.95


class Marked(dict[str, tuple[int, int, int, int]]):
    """Study -> corners of its mark in pixels of the film."""

    dataset: Dataset


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    """Films with odd sides and sides that no factor divides, wide and high, each with one bright mark."""
    folder, drawn, studies, chance = tmp_path_factory.mktemp("odd"), Marked(), [], random.Random(21)
    for number in range(FILMS):
        width, height = 2 * chance.randrange(100, 350) + 1, 2 * chance.randrange(100, 350) + chance.randrange(2)
        wide, high = (round(side * chance.uniform(0.25, 0.5)) for side in (width, height))
        left, top = chance.randrange(width - wide), chance.randrange(height - high)
        pixels = np.full((height, width), 30, np.uint8)
        pixels[top : top + high, left : left + wide] = 230
        path = folder / f"{number}.png"
        Pillow.fromarray(pixels).save(path)
        drawn[f"s{number}"] = (left, top, left + wide, top + high)
        image = Image(str(path), path.name, size=(width, height))
        studies.append(Study(f"s{number}", (image,), f"p{number}", Report("FINDINGS: Clear.", "Clear.")))
    drawn.dataset = Dataset("odd", tuple(studies), "open", str(folder))
    return drawn


Size = tuple[int, int]


def patches(size: Size) -> Size:
    """Width and height that Qwen2.5-VL makes of a picture, as qwen-vl-utils says it: multiples of 28, in bounds."""
    width, height = (max(28, round(side / 28) * 28) for side in size)
    if width * height < 3136:
        grow = math.sqrt(3136 / (size[0] * size[1]))
        width, height = (math.ceil(side * grow / 28) * 28 for side in size)
    return width, height


def numbers(box: Numbers, scale: tuple[float, float], digits: int | None = None) -> list[float]:
    left, top, right, bottom = (round(float(n) * s, digits) for n, s in zip(box, (*scale, *scale), strict=True))
    return [left, top, right, bottom]


def yx(box: list[float]) -> list[float]:
    left, top, right, bottom = box
    return [top, left, bottom, right]


def tool(arguments: dict[str, Any]) -> str:
    return f"<tool_call>{json.dumps({'name': 'image_zoom_in_tool', 'arguments': arguments})}</tool_call>"


Calls = Callable[[Numbers, Size], str]
WAYS: dict[str, tuple[str, str, Calls]] = {
    "ours": ("", "norm_1000", lambda b, _: json.dumps({"action": "look", "box": numbers(b, (1000, 1000))})),
    "deepeyes": ("deepeyes", "multiples_28:3136-12845056", lambda b, s: tool({"bbox_2d": numbers(b, patches(s))})),
    "mini-o3": (
        "mini-o3",
        "norm_1",
        lambda b, _: f'<grounding>{{"bbox_2d": {numbers(b, (1, 1), 3)}, "source": "original_image"}}</grounding>',
    ),
    "qwen3-vl": ("qwen3-vl", "norm_1000", lambda b, _: tool({"bbox_2d": numbers(b, (1000, 1000)), "img_idx": 0})),
    "gemini": ("box_2d", "norm_1000_yx", lambda b, _: f'[{{"box_2d": {yx(numbers(b, (1000, 1000)))}}}]'),
    "medgemma, padded": (
        "box_2d",
        "pad_square_1000_yx",
        lambda b, _: f'```json\n[{{"box_2d": {yx(numbers(b, (1000, 1000)))}, "label": "mark"}}]\n```',
    ),
    "deepmedix-r1": ("deepmedix-r1", "resized:512x512", lambda b, _: f"<think>{numbers(b, (512, 512))}</think>"),
}


def overlap(found: tuple[float, ...], true: tuple[float, ...]) -> float:
    """Intersection over union of two boxes in pixels, reckoned here."""
    wide = min(found[2], true[2]) - max(found[0], true[0])
    high = min(found[3], true[3]) - max(found[1], true[1])
    inner = max(0.0, wide) * max(0.0, high)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (found, true)]
    return inner / (sum(areas) - inner)


def run(program: Program, marked: Marked, folder: Path, card: str, **options: str) -> list[Answer]:
    (folder / "tiny.toml").write_text(f'provider = "vllm"\nid = "tiny"\n{card}')
    job = Job(
        model=str(folder / "tiny.toml"),
        task="mcot-loop",
        options=RunOptions(decoding=Decoding(max_tokens=64), task_options=options),
        metrics=(),
        base_url=(program.url,),
        concurrency=8,
    )
    outcome = execute(job, job.plan(marked.dataset), folder / "results", Quiet())
    assert outcome.folder.run.complete, outcome.stopped
    return list(outcome.folder.answers())


@pytest.mark.parametrize("way", WAYS)
def test_a_box_in_each_dialects_frame_lands_on_the_mark(way: str, marked: Marked, tmp_path: Path) -> None:
    dialect, frame, call = WAYS[way]

    def speaks(heard: Heard) -> Said:
        if heard.replies:
            share = float((heard.pictures[-1] > 150).mean())
            end = f"FINDINGS: A mark fills {share:.0%}."
            return f"\\boxed{{{end}}}" if dialect == "deepmedix-r1" else f"<answer>{end}</answer>"
        film = heard.pictures[0]
        return call(bright(film), (film.shape[1], film.shape[0]))

    card = f'box_frame = "{frame}"\n' + (f'look_dialect = "{dialect}"\n' if dialect else "")
    padded = frame.startswith("pad_square")
    with Program(speaks) as program:
        answers = run(program, marked, tmp_path, card + ('send = "pad_square"\n' if padded else ""))

    assert len(answers) == FILMS
    worst = 1.0
    for study, answer in zip(marked.dataset.studies, answers, strict=True):
        assert (answer.status, answer.events) == ("ok", {"looks": 1})
        (step,) = answer.trace.steps if answer.trace else ()
        assert step.box is not None
        assert study.images[0].size is not None
        found = convert(step.box, "original", study.images[0].size).xyxy
        worst = min(worst, overlap(found, marked[study.id]))
        assert step.image is not None
        assert step.image.path == study.images[0].path
    assert worst >= LEAST
    shapes = {heard.pictures[0].shape for heard in program.heard if heard.pictures}
    assert all((height == width) == padded for height, width in shapes if padded)


def test_only_films_are_padded_and_the_run_says_so(marked: Marked, tmp_path: Path) -> None:
    call = WAYS["medgemma, padded"][2]

    def speaks(heard: Heard) -> Said:
        return "FINDINGS: Clear." if heard.replies else call(bright(heard.pictures[0]), (0, 0))

    card = 'box_frame = "pad_square_1000_yx"\nlook_dialect = "box_2d"\n'
    with Program(speaks) as program:
        run(program, marked, tmp_path, f'{card}send = "pad_square"\n')
        last = [heard for heard in program.heard if heard.replies]
        asked = len(program.heard)
        run(program, marked, tmp_path, f'{card}send = "pad_square"\n')
        assert len(program.heard) == asked
        run(program, marked, tmp_path, card)
    assert len(program.heard) == 2 * asked  # the film as it is makes another request
    assert all(film.shape[0] == film.shape[1] for film, _ in (heard.pictures for heard in last))
    assert any(region.shape[0] != region.shape[1] for _, region in (heard.pictures for heard in last))
    runs = sorted(json.loads(p.read_text())["identity"]["model"].get("send", "") for p in tmp_path.rglob("run.json"))
    assert runs == ["", "pad_square"]


@pytest.mark.parametrize(
    ("frame", "near"), [("norm_1000_yx", "pad_square_1000_yx"), ("norm_1000", "pad_square_1000"), ("original", "_N")]
)
def test_a_card_that_pads_and_reads_boxes_elsewhere_is_refused(frame: str, near: str, tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_text(f'provider = "vllm"\nid = "t"\nbox_frame = "{frame}"\nsend = "pad_square"\n')
    with pytest.raises(DataError, match=near):
        model_cards.read(path)


def test_a_dialect_with_a_frame_of_its_own_is_refused_on_padded_films() -> None:
    card = Card(provider="vllm", id="t", box_frame="pad_square_1", send="pad_square")
    with pytest.raises(UsageError, match="on the film as it is"):
        MCOT_LOOP.configured({"dialect": "mini-o3"}).for_card(card)
