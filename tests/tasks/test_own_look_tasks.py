"""Tasks that change a model's own look: what is sent again, what takes its place, and where nothing can be changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import tasks
from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, Box, Card, Image, Message, OutputImage, Reply, Study, Text
from mmrad_eval.tasks.donors import Donors
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces.rendering import load
from tests.results.faithfulness.look_programs import films

CARD = Card(provider="t", id="t")
BOX = [40, 60, 180, 240]
SHOWN = "crop@multiples_28:40000-2000000"
REPORT = json.dumps({"action": "report", "findings": "No pneumothorax.", "saw": "dark"})


def look(box: Sequence[int] = BOX, saw: str = "") -> str:
    return json.dumps({"action": "look", "region": "left lung", "box": list(box), "saw": saw})


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return films(tmp_path_factory.mktemp("films"), 9)


class Says:
    """Says what is written by the number of its own turns."""

    def __init__(self, *replies: str | Reply) -> None:
        self.replies = [Reply(reply) if isinstance(reply, str) else reply for reply in replies]
        self.heard: list[Sequence[Message]] = []

    async def __call__(self, messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
        del extra
        self.heard.append(messages)
        spoken = sum(message.role == "assistant" for message in messages)
        return self.replies[min(spoken, len(self.replies) - 1)]

    @property
    def words(self) -> str:
        """Of the last request."""
        return "\n".join(p.text if isinstance(p, Text) else "<image>" for m in self.heard[-1] for p in m.parts)

    @property
    def images(self) -> list[Image]:
        """Of the last request."""
        return [part for message in self.heard[-1] for part in message.parts if isinstance(part, Image)]


@pytest.fixture
def hold(looked: Dataset) -> Callable[..., Any]:
    async def held(name: str, model: Says, *, study: int = 0, **options: str) -> Answer:
        task = tasks.load(name, options).for_card(CARD)
        context = TaskContext(model, CARD, "findings", task.prompt(), Donors(looked.studies))
        return await task.converse(looked.studies[study], context)

    return held


@pytest.mark.parametrize(
    ("change", "render"), [("kept", "jpeg"), ("noise", "noise"), ("blank", "blank"), ("full", "full"), ("true", "crop")]
)
async def test_the_last_look_is_replaced_and_the_rest_stays(change: str, render: str, hold: Any) -> None:
    model = Says(look([10, 10, 60, 60]), look(saw="grey"), REPORT)

    answer = await hold(f"redraw-{change}", model)

    film, first, last = model.images
    assert (film.render, first.render, last.render) == ("file", "crop", render)
    assert load(last).size == load(Image(last.path, box=last.box, render="crop")).size
    assert answer.report.findings == "No pneumothorax."
    assert answer.shown is not None
    assert (answer.shown.text, answer.shown.steps[0].image) == (change, last)
    assert len(model.heard) == 6  # what both conversations share is sent once by the harness
    assert list(model.heard[0]) == list(model.heard[3])


@pytest.mark.parametrize("change", ["kept", "noise", "full", "removed", "foreign"])
async def test_a_look_of_a_dialect_is_replaced_in_the_size_that_the_dialect_shows(change: str, looked: Dataset) -> None:
    box = json.dumps({"bbox_2d": [0.1, 0.1, 0.6, 0.8], "source": "original_image"})
    card = Card(provider="vllm", id="t", box_frame="norm_1", dialect="mini-o3", look_dialect="mini-o3")
    model = Says(f"There is cardiomegaly.<grounding>{box}</grounding>", "<answer>FINDINGS: Clear.</answer>")
    task = tasks.load(f"redraw-{change}").for_card(card)
    context = TaskContext(model, card, "findings", task.prompt(), Donors(looked.studies))

    answer = await task.converse(looked.studies[0], context)

    assert answer.report.findings == "Clear."
    assert answer.shown is not None
    if change == "removed":
        assert model.words.endswith("Action 0, observation 1: ")
        return
    size = load(model.images[-1]).size
    assert size == load(Image(model.images[0].path, box=Box((16.8, 16.8, 100.8, 134.4)), render=SHOWN)).size
    assert size[0] % 28 == size[1] % 28 == 0


async def test_the_first_look_can_be_changed_in_place_of_the_last(hold: Any) -> None:
    model = Says(look([10, 10, 60, 60]), look(), REPORT)

    await hold("redraw-noise", model, at="first")

    assert [image.render for image in model.images] == ["file", "noise", "crop"]


async def test_a_removed_look_leaves_neither_picture_nor_its_mark(hold: Any) -> None:
    model = Says(look(), REPORT)

    await hold("redraw-removed", model)

    assert len(model.images) == 1
    assert "Region image" not in model.words
    assert "Region 1: left lung" in model.words


async def test_donors_show_and_lack_a_finding_at_the_same_place(hold: Any, looked: Dataset) -> None:
    shown = {}
    for change in ("foreign", "lacking"):
        model = Says(look(), REPORT)
        answer = await hold(f"redraw-{change}", model)
        assert answer.shown is not None
        shown[change] = (answer.shown.steps[0].region, model.images[-1])
    (finding, foreign), (same, lacking) = shown["foreign"], shown["lacking"]
    owner = {key.path: study for study in looked.studies if (key := key_image(study))}

    assert finding == same
    assert foreign.box == lacking.box
    assert foreign.path != lacking.path
    said = {"pneumothorax": "a pneumothorax", "pleural_effusion": "a pleural effusion"}[finding]
    for image, has in ((foreign, True), (lacking, False)):
        reference = owner[image.path].reference
        assert reference is not None
        assert (f"There is {said}" in reference.text) == has


async def test_the_film_is_swapped_from_the_look_on_and_not_before(hold: Any, looked: Dataset) -> None:
    model = Says(look(), REPORT)
    own = key_image(looked.studies[0])
    assert own is not None

    await hold("film-swap", model)

    assert [messages[-1].parts != () and len(messages) for messages in model.heard] == [2, 4, 2, 4]
    assert model.images[0].path != own.path
    assert model.images[1].path == own.path
    assert all(part.path == own.path for m in model.heard[2] for part in m.parts if isinstance(part, Image))


@pytest.mark.parametrize(
    ("first", "turned_to"),
    [
        (f"There is cardiomegaly. {look()}", f"There is no cardiomegaly. {look()}"),
        (look(saw="There is cardiomegaly."), look(saw="There is no cardiomegaly.")),
    ],
)
async def test_one_statement_before_the_look_is_turned_around(first: str, turned_to: str, hold: Any) -> None:
    model = Says(first, REPORT)

    answer = await hold("word-edit", model)

    said = [part.text for m in model.heard[-1] if m.role == "assistant" for part in m.parts if isinstance(part, Text)]
    assert said == [turned_to]
    assert answer.shown is not None
    assert answer.shown.steps[0].region == "cardiomegaly"


@pytest.mark.parametrize(
    ("name", "replies", "event"),
    [
        ("redraw-noise", (REPORT,), "no look to change"),
        ("word-edit", (look(), REPORT), "no statement to negate"),
        ("film-swap", ("FINDINGS: Clear.",), "no look to change"),
    ],
)
async def test_where_nothing_can_be_changed_the_own_answer_stands(
    name: str, replies: tuple[str, ...], event: str, hold: Any
) -> None:
    model = Says(*replies)

    answer = await hold(name, model)

    assert answer.shown is None
    assert answer.events[event] == 1
    assert len(model.heard) == len(replies)


async def test_without_another_patient_with_a_finding_there_is_no_donor(tmp_path: Path) -> None:
    alone = films(tmp_path, 1)
    plain = Study("other", alone.studies[0].images, "another")
    task = tasks.load("redraw-foreign").for_card(CARD)
    model = Says(look(), REPORT)
    context = TaskContext(model, CARD, "findings", task.prompt(), Donors((alone.studies[0], plain)))

    answer = await task.converse(alone.studies[0], context)

    assert answer.shown is None
    assert answer.events["no donor for the look"] == 1


@pytest.fixture
def painting(looked: Dataset) -> Reply:
    """Words and two pictures, as a model emits them; the files are films."""
    paths = [key.path for study in looked.studies[3:5] if (key := key_image(study))]
    return Reply(
        parts=(
            Text("There is cardiomegaly. I draw the heart [40, 60, 180, 240]."),
            OutputImage(paths[0]),
            Text("It is large. Now I look at the left lung [10, 20, 100, 120]."),
            OutputImage(paths[1]),
            Text("It is clear. FINDINGS: Cardiomegaly."),
        )
    )


@pytest.mark.parametrize(
    ("change", "render", "pictures"),
    [("kept", "jpeg", 3), ("noise", "noise", 3), ("removed", "file", 2), ("true", "crop", 3), ("full", "full", 3)],
)
async def test_a_drawn_picture_is_given_back_changed_with_what_was_written_up_to_there(
    change: str, render: str, pictures: int, painting: Reply, looked: Dataset
) -> None:
    model = Says(painting, "FINDINGS: Clear.")
    card = Card(provider="t", id="t", dialect="list")
    task = tasks.load(f"redraw-{change}").for_card(card)
    context = TaskContext(model, card, "findings", task.prompt(), Donors(looked.studies))

    answer = await task.converse(looked.studies[0], context)

    assert answer.report.findings == "Clear."
    assert len(model.images) == pictures
    assert model.images[-1].render == render
    assert "Now I look at the left lung" in model.words
    assert "It is clear" not in model.words
    assert [m.role for m in model.heard[-1]] == ["system", "user", "assistant", "user"]
    assert answer.trace is not None
    assert len(answer.trace.steps) == 2


async def test_an_endpoint_that_refuses_a_models_own_pictures_makes_it_unavailable_and_not_zero(
    hold: Any, painting: Reply
) -> None:
    model = Says(painting, Reply(finish="rejected", why="HTTP 400: assistant messages hold no images"))

    answer = await hold("redraw-noise", model)

    assert (answer.status, answer.report.findings, answer.shown) == ("ok", "Cardiomegaly.", None)
    assert answer.events["own pictures refused"] == 1


async def test_the_words_before_a_drawn_picture_can_be_turned(hold: Any, painting: Reply) -> None:
    model = Says(painting, "FINDINGS: Clear.")

    answer = await hold("word-edit", model)

    assert answer.shown is not None
    assert answer.shown.steps[0].region == "cardiomegaly"
    assert "There is no cardiomegaly" in model.words


def test_options_are_those_of_the_loop() -> None:
    task = tasks.load("redraw-noise", {"at": "first", "looks": "2", "dialect": "mini-o3"}).for_card(CARD)
    assert task.options == {"locate": "model", "look": "crop", "looks": "2", "dialect": "mini-o3", "at": "first"}
    assert "grounding" not in task.prompt()
    with pytest.raises(UsageError, match="choose last or first"):
        tasks.load("redraw-noise", {"at": "middle"})
    with pytest.raises(UsageError, match="has the options"):
        tasks.load("redraw-noise", {"lok": "x"})
