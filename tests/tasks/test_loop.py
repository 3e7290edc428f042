"""The loop of looks: what is granted, what is refused, and that it ends whatever the model does."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval import tasks
from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.errors import MmradError, UsageError
from mmrad_eval.core.values import Answer, Box, Card, Image, Message, Reply, Study, Text
from mmrad_eval.tasks.donors import Donors
from mmrad_eval.tasks.look_actions import read_turn
from mmrad_eval.tasks.views import key_image

OTHER_TASKS = [e.name for e in tasks.registry() if e.name != "mcot-loop" and not e.name.endswith(":")]
REPORT = json.dumps({"action": "report", "findings": "The lungs are clear.", "saw": "no nodule"})


def look(
    region: str = "left lower lung zone", box: Sequence[float] | None = (168, 168, 252, 277), saw: str = ""
) -> str:
    return json.dumps({"action": "look", "region": region, "saw": saw, **({"box": list(box)} if box else {})})


class Scripted:
    """Says what is written, the last line again and again."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.heard: list[Sequence[Message]] = []

    async def __call__(self, messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
        del extra
        self.heard.append(messages)
        return Reply(self.lines[min(len(self.heard), len(self.lines)) - 1])

    def told(self, turn: int) -> str:
        """The words of the user's message before reply number ``turn``, counted from 0."""
        return "".join(p.text if isinstance(p, Text) else "<image>" for p in self.heard[turn][-1].parts)

    def seen(self, turn: int) -> list[Image]:
        return [p for p in self.heard[turn][-1].parts if isinstance(p, Image)]


@pytest.fixture
def study(demo: Dataset) -> Study:
    return demo.studies[0]


@pytest.fixture
def talk(demo: Dataset, study: Study) -> Callable[..., Any]:
    async def hold(model: Scripted, **options: str) -> Answer:
        task = tasks.load("mcot-loop", options)
        box = Box((10.0, 20.0, 110.0, 220.0), "pad_square_336")
        context = TaskContext(
            model,
            Card(provider="t", id="t"),
            "findings",
            task.prompt(),
            Donors(demo.studies),
            {},
            lambda category, _: box if category == "lungs" else None,
        )
        return await task.converse(study, context)

    return hold


async def test_a_region_that_was_asked_for_is_shown_and_the_report_follows(talk: Any, study: Study) -> None:
    model = Scripted(look(saw="x"), look("heart", (100, 100, 200, 250), saw="clear zone"), REPORT)

    answer = await talk(model)

    assert (answer.status, answer.report.findings) == ("ok", "The lungs are clear.")
    assert answer.events == {"looks": 2}
    assert [(s.region, s.text) for s in answer.trace.steps] == [
        ("left lower lung zone", "clear zone"),
        ("heart", "no nodule"),
    ]
    assert answer.trace.steps[0].regions == ("left lower lung zone",)
    key = key_image(study)
    assert key is not None
    (first,) = model.seen(1)
    assert (first.path, first.render, first.source, first.role) == (key.path, "crop", "tool", "region")
    assert first.box == Box((168.0, 168.0, 252.0, 277.0), "pad_square_336")
    assert "Region image 1: left lower lung zone, box [168, 168, 252, 277]. Looks left: 3." in model.told(1)
    assert [m.role for m in model.heard[2]] == ["system", "user", "assistant", "user", "assistant", "user"]


@pytest.mark.parametrize(
    ("line", "event", "words"),
    [
        (look(box=None), "unlocated", "give its box"),
        (look(box=(200, 100, 100, 200)), "out of frame", "reversed"),
        (look(box=(400, 400, 500, 500)), "out of frame", "outside"),
        (look(box=(50, 50, 50, 90)), "out of frame", "empty"),
        ('{"action": "look", "box": [1, 2]}', "malformed", "four numbers"),
        ('{"action": "look"}', "malformed", "Name the region"),
        ('{"action": "dance"}', "malformed", "No action is called 'dance'"),
    ],
)
async def test_a_request_that_can_not_be_granted_is_told_why_and_counted(
    talk: Any, line: str, event: str, words: str
) -> None:
    model = Scripted(line, REPORT)

    answer = await talk(model)

    assert answer.events == {event: 1}
    assert words in model.told(1)
    assert "Looks left: 3." in model.told(1)
    assert not model.seen(1)
    assert len(answer.trace.steps) == 1
    assert answer.status == "ok"


async def test_a_box_over_the_edge_is_cut_there_and_that_is_counted(talk: Any) -> None:
    model = Scripted(look(box=(168, 168, 400, 277)), REPORT)

    answer = await talk(model)

    assert answer.events == {"cut at the edge": 1}
    assert model.seen(1)


async def test_the_same_look_again_is_not_shown_again(talk: Any) -> None:
    model = Scripted(look(), look(), REPORT)

    answer = await talk(model)

    assert answer.events == {"looks": 1, "repeated": 1}
    assert "shown already" in model.told(2)


async def test_a_model_that_never_stops_asking_ends_after_two_turns_too_many(talk: Any) -> None:
    model = Scripted(*(look(box=(100 + i, 100, 200, 200)) for i in range(20)))

    answer = await talk(model, looks="3")

    assert answer.status == "unparsed"
    assert "never reported" in answer.why
    assert len(model.heard) == 5
    assert answer.events == {"looks": 3, "beyond": 1}
    assert "No looks are left" in model.told(3)


async def test_a_report_at_once_and_prose_are_answers(talk: Any) -> None:
    for text in (REPORT, "FINDINGS: The lungs are clear.", "The lungs are clear."):
        answer = await talk(Scripted(text))
        assert answer.status == "ok"
        assert (answer.report.findings or answer.report.text) == "The lungs are clear."
        assert answer.events == {}


async def test_plain_words_can_ask_too(talk: Any) -> None:
    model = Scripted("I want to be sure.\nLOOK: left lower lung zone [168, 168, 252, 277]", "FINDINGS: Clear.")

    answer = await talk(model)

    assert answer.events == {"looks": 1}
    assert answer.trace.steps[0].region == "left lower lung zone"


@pytest.mark.parametrize("look_at", ["crop", "none", "full", "foreign"])
async def test_every_way_of_looking_has_equal_turns(talk: Any, study: Study, look_at: str) -> None:
    model = Scripted(look(), look("heart", (100, 100, 200, 250)), REPORT)

    answer = await talk(model, look=look_at)

    assert len(model.heard) == 3
    assert answer.events == {"looks": 2}
    images = model.seen(1)
    own = {image.path for image in study.images}
    if look_at == "none":
        assert not images
        assert "left lower lung zone" in model.told(1)
    else:
        assert (images[0].path in own) == (look_at != "foreign")
        assert images[0].render == ("full" if look_at == "full" else "crop")


async def test_the_oracle_shows_the_references_box_and_the_prior_the_mean_box(talk: Any, study: Study) -> None:
    assert study.trace is not None
    step = study.trace.steps[0]
    model = Scripted(look(step.region, None), REPORT)

    await talk(model, locate="oracle")
    assert model.seen(1)[0].box == step.box
    assert "box" not in model.told(0)

    model = Scripted(look("right lung", None), look("the left big toe", None), REPORT)
    answer = await talk(model, locate="prior")
    assert model.seen(1)[0].box == Box((10.0, 20.0, 110.0, 220.0), "pad_square_336")
    assert "No region is known here as 'the left big toe'" in model.told(2)
    assert answer.events == {"looks": 1, "unknown region": 1}


async def test_a_cut_reply_is_truncated_and_a_declined_one_refused(talk: Any) -> None:
    class Cut(Scripted):
        async def __call__(self, messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
            reply = await super().__call__(messages, extra=extra)
            return msgspec.structs.replace(reply, finish="length")

    assert (await talk(Cut(REPORT))).status == "truncated"
    assert (await talk(Cut(look()))).status == "truncated"
    assert (await talk(Scripted("I'm sorry, I can't help with that."))).status == "refused"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"look": "twice"}, "choose crop"),
        ({"looks": "0"}, "from 1 to 32"),
        ({"lok": "crop"}, "locate, look, looks, calls, dialect and opening"),
        ({"calls": "x"}, "text, native"),
    ],
)
def test_an_option_that_can_not_be_is_refused(options: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        tasks.load("mcot-loop", options)


def test_needs_follow_the_options() -> None:
    assert tasks.load("mcot-loop").needs == {"images"}
    assert tasks.load("mcot-loop", {"locate": "oracle"}).needs == {"images", "trace"}
    assert tasks.load("mcot-loop", {"look": "foreign"}).needs == {"images", "donor"}
    with pytest.raises(UsageError, match="tcot has no options"):
        tasks.load("tcot", {"look": "crop"})


@given(
    st.text(max_size=200)
    | st.sampled_from(
        ["{" * 5000, '{"a":' * 3000, "LOOK", "look at [1,2,3,4]", "look: []", '{"action":"look","box":"[1,2,3,4]"}']
    )
)
def test_no_turn_raises(text: str) -> None:
    turn = read_turn(Reply(text))

    assert turn.look is None or turn.look.malformed or turn.look.region or turn.look.box


@pytest.mark.parametrize("looks", ["1", "4"])
async def test_a_conversation_never_has_more_turns_than_the_task_states(talk: Any, looks: str) -> None:
    model = Scripted(look())  # asks to look for ever

    await talk(model, looks=looks)

    assert len(model.heard) == tasks.load("mcot-loop", {"looks": looks}).turns


@pytest.mark.parametrize("name", OTHER_TASKS)
async def test_every_task_states_how_many_turns_it_takes_at_most(name: str, demo: Dataset) -> None:
    task = tasks.load(name)
    model = Scripted("TRACE:\nSmall left pleural effusion.\n\nFINDINGS:\nSmall left pleural effusion.")
    context = TaskContext(model, Card(provider="t", id="t"), "findings", task.prompt(), Donors(demo.studies))

    asked = []
    for study in demo.studies:
        before = len(model.heard)
        with contextlib.suppress(MmradError):  # nobody to borrow from, or nobody to ask
            await task.converse(study, context)
        asked.append(len(model.heard) - before)

    assert task.turns is not None
    assert max(asked) <= task.turns
