"""Small sources and builds for the tests of construction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from mmrad_eval.construction.build import BuildSettings, Built, Named, plan_of, run
from mmrad_eval.construction.options import BuildOptions
from mmrad_eval.construction.records import StageLine, StageName
from mmrad_eval.construction.stage_files import StageFile
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Box, Image, Report, Step, Study, Trace
from tests.construction.program_server import Answer, Asked, ProgramServer


class Quiet:
    """Watches nothing but the tallies."""

    def __init__(self) -> None:
        self.tallies: dict[str, Counter[tuple[str, str]]] = {}

    def begin(self, stage: StageName, due: int, done: int) -> None:
        """Nothing."""

    def made(self, line: StageLine) -> None:
        """Nothing."""

    def end(self, stage: StageName, tally: Counter[tuple[str, str]]) -> None:
        """Keep it."""
        self.tallies[stage] = tally


REPORT = "The heart is enlarged. There is a small left pleural effusion. No pneumothorax. The right lung is clear."
STEPS = (
    ("cardiac silhouette", (120, 130, 230, 250), "The heart is enlarged."),
    ("left lung", (180, 60, 290, 270), "There is a small left pleural effusion."),
    ("right lung", (45, 60, 160, 270), "The right lung is clear."),
)


def study(number: int, folder: Path, report: str = REPORT, steps: Sequence[Any] = STEPS) -> Study:
    """A study with a drawn film of its own."""
    path = folder / f"film-{number}.png"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        film = Pillow.effect_noise((90 + number % 7, 110), 60.0).resize((360 + number, 440))
        film.save(path)
    image = Image(path=str(path), name=path.name)
    made = tuple(Step(region, box=Box(box, "pad_square_336"), text=text) for region, box, text in steps)
    return Study(f"s{number:03}", (image,), f"p{number // 2}", Report(report, findings=report), Trace(made))


@pytest.fixture
def source(tmp_path: Path) -> Dataset:
    """Four films of two patients."""
    studies = tuple(study(number, tmp_path / "films") for number in range(4))
    return Dataset("mine", studies, "open", source="mine", format="boxes")


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Built]:
    """Builds a dataset into a folder, ``out`` by default; without pictures, unless the options say how to cut them."""

    def start(
        dataset: Dataset, writer: str = "", auditor: str = "", *, out: str = "out", options: Any = None, **more: Any
    ) -> Built:
        named = [Named(f"openai:{role}", (url,)) if url else Named(f"program:{role}")
                 for role, url in (("writer", writer), ("auditor", auditor))]  # fmt: skip
        settings = BuildSettings(
            dataset=dataset,
            out=tmp_path / out,
            writer=more.pop("writer_model", named[0]),
            auditor=more.pop("auditor_model", named[1]),
            options=BuildOptions(**({"render": "none"} | (options or {}))),
            patience=0.5,
            **more,
        )
        return run(plan_of(settings), Quiet())

    return start


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., dict[str, StageLine]]:
    """The lines of a stage by id."""

    def read(stage: StageName, out: str = "out") -> dict[str, StageLine]:
        with StageFile(tmp_path / out, stage) as file:
            return {line.id: line for line in file.lines()}

    return read


def truthful_writer(asked: Asked) -> dict[str, Any]:
    """Keeps the rows' sentences and all statements, each with the report's words."""
    first = asked.lists[0]
    if asked.kind == "summarise":
        return {
            "statements": [
                {"region": region["region"], "text": row["text"], "rows": [row["row"]]}
                for region in first
                for row in region["rows"]
            ]
        }
    return {"verdicts": [kept(one, asked.report) for one in first]}


def kept(one: dict[str, Any], report: str) -> dict[str, Any]:
    """A statement that stays."""
    quote = one["text"] if one["text"] in report else ""
    return {"n": one["n"], "verdict": "keep", "region": "", "text": "", "quote": quote}


def truthful_auditor(asked: Asked) -> dict[str, Any]:
    """Supports what the report says letter by letter, and nothing else."""
    return {
        "verdicts": [
            {"n": one["n"], "verdict": "supported", "error": None, "quote": one["text"]}
            if one["text"] in asked.report
            else {"n": one["n"], "verdict": "contradicted", "error": "other", "quote": asked.report[:12].strip()}
            for one in asked.lists[0]
        ]
    }


@pytest.fixture
def serve() -> Iterator[Callable[..., ProgramServer]]:
    """Starts servers, and ends them."""
    running: list[ProgramServer] = []

    def start(answer: Answer, **said: Any) -> ProgramServer:
        running.append(ProgramServer(answer, **said).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__(None, None, None)
