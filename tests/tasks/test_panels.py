"""A conversation for a model that takes one image: one canvas, and words that point at its panels."""

from __future__ import annotations

from collections.abc import Callable

from mmrad_eval import tasks
from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.values import Image, Message, Text
from mmrad_eval.tasks.panels import asking_in_panels, montaged

A, B = Image("/a.png", name="a"), Image("/b.png", name="b")


def said(message: Message) -> str:
    return "".join(part.text if isinstance(part, Text) else "<image>" for part in message.parts)


def test_what_the_model_takes_is_left_alone() -> None:
    talk = [Message("user", (Text("one"), A))]
    assert montaged(talk, 1) == talk
    assert montaged([Message("user", (A, B))], 2) == [Message("user", (A, B))]


def test_more_become_panels_in_order_and_a_picture_that_comes_again_is_one_panel() -> None:
    talk = [
        Message("system", (Text("You read."),)),
        Message("user", (Text("Frontal view: "), A, Text("\n\nLook."))),
        Message("assistant", (Text("look at b"),)),
        Message("user", (Text("Here: "), B, Text(" and again "), A)),
    ]
    system, first, assistant, second = montaged(talk, 1)
    assert (system, assistant) == (talk[0], talk[2])
    canvases = [part for part in first.parts if isinstance(part, Image)]
    assert [(c.path, c.render, c.parts) for c in canvases] == [("/a.png", "montage", (A, B))]
    assert said(first) == (
        "All pictures stand on one canvas, as panels with the letters A to B: <image>\n\n"
        "Frontal view: [panel A]\n\nLook."
    )
    assert said(second) == "Here: [panel B] and again [panel A]"
    assert all(len(message.parts) == 1 for message in (assistant, second))


async def test_a_task_that_shows_region_images_asks_with_one_canvas(
    demo: Dataset, listener: Callable[..., object], context: Callable[..., TaskContext]
) -> None:
    task = tasks.load("mcot")
    study = demo.studies[0]
    seen = context(task, asking_in_panels(listener, 1))  # type: ignore[arg-type] # the fixture is a model that listens
    answer = await task.converse(study, seen)
    assert answer.status == "ok"
    (canvas,) = listener.images  # type: ignore[attr-defined] # as above
    assert canvas.render == "montage"
    assert len(canvas.parts) == len(study.images) + len(study.trace.steps if study.trace else ())
    assert "This is how the region looks: [panel " in listener.words  # type: ignore[attr-defined] # as above
