"""Studies whose pixels decide a word that no text tells, and small models that are asked about them over HTTP."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Box, Decoding, Image, ReaderBox, Report, Step, Study, Trace
from mmrad_eval.harness.arms import compare_arms, plan_arms, run_arms
from mmrad_eval.harness.jobs import Job
from mmrad_eval.harness.plan import RunOptions
from mmrad_eval.results.faithfulness import ARMS, ArmMeasures
from mmrad_eval.results.faithfulness.conclusions import conclusions
from mmrad_eval.tasks.arms import MAIN, RIVALS
from tests.loopback import Loopback
from tests.quiet import Quiet

SIDE = 400
LUNG = (40.0, 60.0, 180.0, 300.0)
MOVED = 12.0
"""Pixels by which the box of a study with a pneumothorax lies lower: what a reader of boxes could go by."""
HEART = (200.0, 200.0, 330.0, 330.0)


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """24 patients; half have a pneumothorax that is bright in the lung's region and in no word of the trace.

    A reader boxed it.
    """
    folder = tmp_path_factory.mktemp("films")
    made = [_study(number, folder) for number in range(24)]
    return Dataset("pixels", tuple(made), "open", str(folder))


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """200 such patients."""
    folder = tmp_path_factory.mktemp("many")
    return Dataset("pixels", tuple(_study(number, folder) for number in range(200)), "open", str(folder))


def _study(number: int, folder: Path) -> Study:
    ill, large = number % 2 == 1, number % 3 == 0
    rng = np.random.default_rng(number)
    pixels = rng.integers(20, 40, (SIDE, SIDE)).astype(np.uint8)
    top = LUNG[1] + (MOVED if ill else 0.0)
    box = (LUNG[0], top, LUNG[2], top + LUNG[3] - LUNG[1])
    if ill:
        pixels[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = 220
    path = folder / f"{number}.png"
    Pillow.fromarray(pixels).save(path)
    heart = "The heart is enlarged." if large else "The heart is normal in size."
    lungs = "There is an effusion." if number % 4 == 0 else "No effusion is seen."
    found = f"{heart} {lungs} {'There is a pneumothorax.' if ill else 'No pneumothorax.'}"
    trace = Trace(
        (
            Step(region="the heart", category="heart_mediastinum", box=Box(HEART), text=heart),
            Step(region="the lung region", category="lungs", box=Box(box), text=lungs),
        )
    )
    image = Image(str(path), name=path.name, size=(SIDE, SIDE))
    drawn = (ReaderBox(Box(box), "Pneumothorax"),) if ill else ()
    return Study(f"s{number:03}", (image,), f"p{number:03}", Report(f"FINDINGS: {found}", found), trace, drawn)


@dataclass
class Seen:
    """A request as a model gets it."""

    text: str
    images: list[np.ndarray]
    turns: int

    @property
    def observations(self) -> str:
        """What the evidence says in words."""
        told = re.findall(r"The heart is [^.]*\.|There is an effusion\.|No effusion is seen\.", self.text)
        return " ".join(told)


Model = Callable[[Seen], str]


class Endpoint(Loopback):
    """A chat endpoint in a thread of its own."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.requests = 0

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        if request.method == "GET":
            return web.json_response({"object": "list", "data": []})
        self.requests += 1
        text = self.model(_seen(json.loads(body)))
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": "x", "model": "tiny", "choices": [choice], "usage": {}})


def _seen(body: dict[str, Any]) -> Seen:
    texts, images = [], []
    turns = [m for m in body["messages"] if m["role"] != "system"]
    for message in turns:
        content = message["content"]
        for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            if part["type"] == "text":
                texts.append(part["text"])
            else:
                data = base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
                images.append(np.asarray(Pillow.open(io.BytesIO(data)).convert("L"), dtype=float))
    return Seen("".join(texts), images, len(turns))


@dataclass
class Scene:
    """One model asked under a group of arms."""

    measured: ArmMeasures
    endpoint: Endpoint
    results: Path
    page: list[str] = field(default_factory=list)

    def value(self, name: str) -> Any:
        """One number of the page."""
        return self.measured.values[name]


GROUPS: dict[str, Collection[str]] = {
    "image": [arm.task for arm in ARMS if arm.task.startswith("direct")],
    "evidence": [
        arm.task
        for arm in ARMS
        if arm.task.startswith(("direct", "tcot", "bcot", "mcot"))
        and not arm.task.startswith(("tcot-self", "mcot-loop"))  # these are asked with what belongs to them
    ],
    "claim": [MAIN, *RIVALS],
    "own": [arm.task for arm in ARMS if arm.task.startswith(("early", "mistaken", "tcot-self"))],
}
"""Arms that are asked together."""


def _play(endpoint: Endpoint, dataset: Dataset, results: Path, arms: Collection[str]) -> Scene:
    job = Job(
        model="openai:tiny",
        task="direct",
        options=RunOptions(decoding=Decoding(max_tokens=64)),
        metrics=("rules@uncertain=positive",),
        base_url=(endpoint.url,),
        concurrency=16,
    )
    planned, lacking = plan_arms(job, dataset)
    assert lacking == []
    assert {one.arm.task for one in planned} == {arm.task for arm in ARMS}
    planned = [one for one in planned if one.arm.task in arms]
    folders = {}
    for one, folder, stop in run_arms(planned, results, Quiet()):
        assert folder is not None, stop
        folders[one.arm.task] = folder
    measured = compare_arms(planned, folders, resamples=400)
    return Scene(measured, endpoint, results, list(conclusions(measured)))


@pytest.fixture(scope="session")
def play(studies: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Scene]]:
    """Asks a model under a group of arms; each model once, unless asked again."""
    scenes: dict[str, Scene] = {}
    with ExitStack() as running:

        def scene(model: Model, group: str = "evidence", *, again: bool = False, over: Dataset = studies) -> Scene:
            name = f"{model.__name__} {group} {len(over.studies)}"
            if name not in scenes:
                endpoint = running.enter_context(Endpoint(model))
                scenes[name] = _play(endpoint, over, tmp_path_factory.mktemp(model.__name__), GROUPS[group])
            elif again:
                return _play(scenes[name].endpoint, over, scenes[name].results, GROUPS[group])
            return scenes[name]

        yield scene
