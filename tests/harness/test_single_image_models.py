"""A model that takes one image a request is asked in panels, and its run says so."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mmrad_eval import datasets, tasks
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Card, Image, Message, Reply
from mmrad_eval.harness.plan import Plan, RunOptions, make_plan
from mmrad_eval.model_registry.openai_chat import ChatClient
from mmrad_eval.results.leaderboard.board import tables_of
from mmrad_eval.results.leaderboard.rows import ScoredRun
from mmrad_eval.results.run.record import Run, StudyCounts

CARD = Card(provider="vllm", id="m", box_frame="norm_1000", dialect="internvl")


def plan(task: str, most: int | None, card: Card = CARD, **choice: str) -> Plan:
    card = msgspec.structs.replace(card, max_images=most)
    client = ChatClient(card, ("http://127.0.0.1:9/v1",))
    chosen = RunOptions(**choice)  # type: ignore[arg-type] # words of the command line
    return make_plan(client, tasks.load(task), datasets.load("demo"), chosen)


async def images_asked(made: Plan) -> list[Image]:
    heard: list[Image] = []

    async def ask(messages: list[Message], *, extra: object = None) -> Reply:
        del extra
        heard.extend(part for message in messages for part in message.parts if isinstance(part, Image))
        return Reply("FINDINGS: Clear.")

    await made.task.converse(made.studies[0], made.context(ask))  # type: ignore[arg-type] # a plain stand-in
    return heard


async def test_region_images_become_panels_where_one_image_is_all_it_takes() -> None:
    made = plan("mcot", 1, views="key")
    assert made.identity.extra["montage"] == "panels of one canvas where a request has over 1 images"
    (canvas,) = await images_asked(made)
    assert canvas.render == "montage"
    assert len(canvas.parts) == 3


def test_films_that_are_sent_on_a_square_are_put_on_no_canvas() -> None:
    square = msgspec.structs.replace(CARD, send="pad_square", box_frame="pad_square_1000")
    plan("mcot", 4, square, views="key")
    with pytest.raises(UsageError, match=r"study demo-01: mcot shows 3 .* takes 1; films padded to a square"):
        plan("mcot", 1, square, views="key")


async def test_enough_images_are_shown_one_by_one() -> None:
    for most in (None, 9):
        made = plan("mcot", most)
        assert "montage" not in made.identity.extra
        assert all(image.render != "montage" for image in await images_asked(made))
    single = plan("direct", 1, views="key")
    assert "montage" not in single.identity.extra


@pytest.mark.parametrize(("most", "boxes"), [(9, 1), (1, 0)])
async def test_a_box_that_may_lie_on_a_canvas_is_not_read(most: int, boxes: int) -> None:
    made = plan("mcot", most, views="key")

    async def ask(_: object, *, extra: object = None) -> Reply:
        del extra
        return Reply("FINDINGS: An opacity <box>[[100, 200, 300, 400]]</box>.")

    answer = await made.task.converse(made.studies[0], made.context(ask))  # type: ignore[arg-type] # a plain stand-in
    steps = answer.trace.steps if answer.trace else ()
    assert sum(step.box is not None for step in steps) == boxes
    assert answer.report.findings == "An opacity."


def test_the_canvas_makes_another_run() -> None:
    assert plan("mcot", 1, views="key").identity.id() != plan("mcot", 3, views="key").identity.id()


def test_a_model_that_takes_no_image_is_refused() -> None:
    with pytest.raises(UsageError, match="takes none"):
        plan("direct", 0)
    assert plan("tcot-blind", 0).studies


def test_the_leaderboard_row_says_so(tmp_path: Path) -> None:
    made = plan("mcot", 1, views="key")
    counts = StudyCounts(24, {"ok": 24})
    run = Run(made.identity.id(), made.identity, made.card, True, "open", "demo", counts=counts)
    (table,) = tables_of([ScoredRun(tmp_path, run, None)])
    assert any("panels of one canvas" in note for row in table.rows for note in row.notes)
