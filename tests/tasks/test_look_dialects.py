"""Each dialect of looks, driven over HTTP by a program that speaks it, to the end of a loop."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, Decoding, Image, Report, Study
from mmrad_eval.harness.jobs import Job, execute
from mmrad_eval.harness.plan import RunOptions
from mmrad_eval.model_registry.model_cards import builtin
from mmrad_eval.tasks.look_dialects import DIALECTS
from mmrad_eval.traces.geometry import convert
from tests.quiet import Quiet
from tests.tasks.programs import Heard, Program, Said
from tests.tasks.speakers import MARK, SIDE, SPEAKERS

GOLDEN = Path(__file__).parent.parent / "golden" / "looks"


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """One film with a bright mark, and one of another patient without."""
    folder, made = tmp_path_factory.mktemp("looks"), []
    for name in ("marked", "plain"):
        pixels = np.full(SIDE[::-1], 30, np.uint8)
        if name == "marked":
            pixels[MARK[1] : MARK[3], MARK[0] : MARK[2]] = 230
        Pillow.fromarray(pixels).save(folder / f"{name}.png")
        image = Image(str(folder / f"{name}.png"), f"{name}.png", size=SIDE)
        made.append(Study(name, (image,), f"patient {name}", Report("FINDINGS: Clear.", "Clear.")))
    return Dataset("films", tuple(made), "open", str(folder))


def hold(program: Program, films: Dataset, folder: Path, card: str, **options: str) -> tuple[Any, list[Answer]]:
    """The run record and the answers of a loop with the program; ``card`` holds fields of its card."""
    (folder / "tiny.toml").write_text(f'provider = "vllm"\nid = "tiny"\n{card}')
    job = Job(
        model=str(folder / "tiny.toml"),
        task="mcot-loop",
        options=RunOptions(limit=1, decoding=Decoding(max_tokens=64), task_options=options),
        metrics=(),
        base_url=(program.url,),
        concurrency=2,
    )
    outcome = execute(job, job.plan(films), folder / "results", Quiet())
    assert outcome.folder.run.complete, outcome.stopped
    return outcome.folder.run, list(outcome.folder.answers())


@pytest.mark.parametrize("name", DIALECTS)
def test_a_program_is_led_to_the_end_of_its_loop(name: str, films: Dataset, tmp_path: Path) -> None:
    speaker = SPEAKERS[name]
    spoken = f'look_dialect = "{name}"\n' if name != "ours" else ""
    with Program(speaker.speaks) as program:
        run, (answer,) = hold(program, films, tmp_path, speaker.card + spoken)

    assert (answer.status, answer.why) == ("ok", "")
    looks = [step for step in (answer.trace.steps if answer.trace else ()) if step.image is not None]
    assert len(looks) == 2
    for step, slack in zip(looks, (0.11, 0.02), strict=True):  # what each frame rounds to
        assert step.box is not None
        left, top, right, bottom = convert(step.box, "original", SIDE).xyxy
        assert left <= MARK[0] + 2
        assert top <= MARK[1] + 2
        assert right >= MARK[2] - 2
        assert bottom >= MARK[3] - 2
        assert (right - left) - (MARK[2] - MARK[0]) <= 2 * slack * SIDE[0] + 3
    share = re.search(r"fills (\d+)%", answer.report.text or answer.report.findings or "")
    assert share
    assert int(share[1]) >= 90
    assert answer.events.get("malformed", 0) + answer.events.get("out of frame", 0) == 2
    assert run.identity.extra.get("dialect", "ours") == name
    _compare_with_golden(name, program.heard[-1])


def _compare_with_golden(name: str, heard: Heard) -> None:
    """The transcript of the conversation; ``UPDATE_GOLDEN=1`` writes it anew."""
    path = GOLDEN / f"{name}.json"
    turns = [{"role": role, "words": words} for role, words in heard.turns]
    body = {key: value for key, value in heard.body.items() if key not in {"messages", "model"}}
    seen = {"dialect": name, "fields": body, "turns": turns}
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(seen, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert seen == json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "ours"])
def test_a_reply_that_is_cut_inside_a_call_is_truncated_and_no_report(
    name: str, films: Dataset, tmp_path: Path
) -> None:
    speaker = SPEAKERS[name]

    def cut(_: Heard) -> Said:
        return {"content": speaker.cut, "finish_reason": "length"}

    with Program(cut) as program:
        _, (answer,) = hold(program, films, tmp_path, f'{speaker.card}look_dialect = "{name}"\n')

    assert answer.status in {"truncated", "unparsed"}
    assert not answer.report.text
    assert len(program.heard) == 1


@pytest.mark.parametrize("name", [name for name in DIALECTS if name not in {"ours", "deepmedix-r1"}])
def test_another_models_dialect_is_named_and_never_prose(name: str, films: Dataset, tmp_path: Path) -> None:
    speaker, strange = (
        SPEAKERS[name],
        "The left lung needs a look.\n<code>\n```python\nfilm.crop((1, 2, 3, 4))\n```\n</code>",
    )
    with Program(lambda _: strange) as program:
        _, (answer,) = hold(program, films, tmp_path, f'{speaker.card}look_dialect = "{name}"\n', looks="2")

    assert (answer.status, answer.report.text) == ("unparsed", "")
    assert "program code" in answer.why
    assert answer.events == {"another dialect": 2, "beyond": 1, "malformed": 2}
    assert len(program.heard) == 4
    told = program.heard[1].turns[-1][1]
    assert "program code, which is not how looks are asked for here" in told


@pytest.mark.parametrize("name", DIALECTS)
def test_a_loop_that_was_interrupted_goes_on_where_it_stopped(name: str, films: Dataset, tmp_path: Path) -> None:
    speaker, spoken = SPEAKERS[name], f'look_dialect = "{name}"\n' if name != "ours" else ""

    def dies(heard: Heard) -> Said:
        return {"status": 401} if heard.replies == 2 else speaker.speaks(heard)

    with Program(dies) as program, pytest.raises(AssertionError):
        hold(program, films, tmp_path, speaker.card + spoken)
    with Program(speaker.speaks) as program:
        _, (answer,) = hold(program, films, tmp_path, speaker.card + spoken)

    assert answer.status == "ok"
    assert min(heard.replies for heard in program.heard) == 2


def test_nested_sources_compose(films: Dataset, tmp_path: Path) -> None:
    boxes = [
        ([0.5, 0.0, 1.0, 0.5], "original_image"),
        ([0.5, 0.5, 1.0, 1.0], "observation_1"),
        ([0.0, 0.5, 0.5, 1.0], "observation_2"),
        ([0.1, 0.1, 0.2, 0.2], "observation_9"),
    ]

    def speaks(heard: Heard) -> Said:
        if heard.replies == len(boxes):
            return "<answer>FINDINGS: Clear.</answer>"
        box, source = boxes[heard.replies]
        return f"<grounding>{json.dumps({'bbox_2d': box, 'source': source})}</grounding>"

    with Program(speaks) as program:
        _, (answer,) = hold(
            program, films, tmp_path, 'box_frame = "norm_1"\ndialect = "mini-o3"\nlook_dialect = "mini-o3"\n'
        )

    assert answer.trace is not None
    placed = [tuple(round(n, 6) for n in step.box.xyxy) for step in answer.trace.steps[:3] if step.box]
    assert placed == [(0.5, 0.0, 1.0, 0.5), (0.75, 0.25, 1.0, 0.5), (0.75, 0.375, 0.875, 0.5)]
    assert answer.events == {"looks": 1, "looks at a region image": 2, "unknown source": 1}
    within = [step.image.parts for step in answer.trace.steps if step.image]
    assert [tuple(round(n, 6) for part in parts if part.box for n in part.box.xyxy) for parts in within] == [
        (),
        tuple(n * side for n, side in zip((0.5, 0.0, 1.0, 0.5), (*SIDE, *SIDE), strict=True)),
        tuple(n * side for n, side in zip((0.75, 0.25, 1.0, 0.5), (*SIDE, *SIDE), strict=True)),
    ]
    assert "No image is called 'observation_9'" in program.heard[4].turns[-1][1]


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([300, 300, 310, 400], "too small"),
        ([0, 200, 560, 200.5], "too small"),
        ([500, 100, 100, 300], "reversed"),
        ([600, 100, 700, 300], "outside"),
    ],
)
def test_a_box_that_the_dialect_does_not_grant_is_told_why(
    box: list[float], words: str, films: Dataset, tmp_path: Path
) -> None:
    call = json.dumps({"name": "image_zoom_in_tool", "arguments": {"bbox_2d": box, "label": "x"}})

    def speaks(heard: Heard) -> Said:
        return "<answer>FINDINGS: Clear.</answer>" if heard.replies else f"<tool_call>{call}</tool_call>"

    card = f'{SPEAKERS["deepeyes"].card}look_dialect = "deepeyes"\n'
    with Program(speaks) as program:
        _, (answer,) = hold(program, films, tmp_path, card)

    assert answer.status == "ok"
    assert words in program.heard[1].turns[-1][1]
    assert not any(step.image for step in (answer.trace.steps if answer.trace else ()))


@pytest.mark.parametrize(
    ("name", "multiple", "least"), [("qwen3-vl", 32, 262_144), ("deepeyes", 28, 3136), ("mini-o3", 28, 40_000)]
)
def test_region_images_have_the_sizes_of_the_dialect(
    name: str, multiple: int, least: int, films: Dataset, tmp_path: Path
) -> None:
    speaker = SPEAKERS[name]
    with Program(speaker.speaks) as program:
        hold(program, films, tmp_path, f'{speaker.card}look_dialect = "{name}"\n')
    for picture in program.heard[-1].pictures[1:]:
        assert picture.shape[0] % multiple == picture.shape[1] % multiple == 0
        assert picture.size >= least


@pytest.mark.parametrize("look", ["none", "full", "foreign"])
def test_other_ways_of_looking_have_equal_turns_in_a_dialect(look: str, films: Dataset, tmp_path: Path) -> None:
    box = json.dumps({"bbox_2d": [0.5, 0.1, 0.9, 0.5], "source": "original_image"})

    def speaks(heard: Heard) -> Said:
        return "<answer>FINDINGS: Clear.</answer>" if heard.replies else f"<grounding>{box}</grounding>"

    card = f'{SPEAKERS["mini-o3"].card}look_dialect = "mini-o3"\n'
    with Program(speaks) as program:
        _, (answer,) = hold(program, films, tmp_path, card, look=look)
    last = program.heard[-1]
    assert len(program.heard) == 2
    assert answer.events == {"looks": 1}
    assert len(last.pictures) == (1 if look == "none" else 2)
    if look == "foreign":
        assert last.pictures[-1].max() < 100  # the other patient has no mark


def test_a_tool_is_worded_by_the_chat_template_where_that_is_asked_for(films: Dataset, tmp_path: Path) -> None:
    speaker = SPEAKERS["deepeyes"]
    with Program(speaker.speaks) as program:
        run, _ = hold(
            program, films, tmp_path, f'{speaker.card}look_dialect = "deepeyes"\n', opening="template", looks="5"
        )
    body = program.heard[0].body
    assert body["tool_choice"] == "none"
    assert body["tools"][0]["function"]["name"] == "image_zoom_in_tool"
    assert list(body["tools"][0]["function"]["parameters"]["properties"]) == ["bbox_2d", "label"]
    assert [role for role, _ in program.heard[0].turns] == ["user"]
    assert "at most" not in program.heard[0].turns[0][1]
    assert run.identity.extra["opening"] == "template"


def test_an_opening_of_the_users_own_is_sent_as_it_is_and_named_by_its_digest(films: Dataset, tmp_path: Path) -> None:
    words = tmp_path / "opening.txt"
    words.write_text("You may zoom.\nUse <grounding>.\n")
    speaker = SPEAKERS["mini-o3"]
    with Program(speaker.speaks) as program:
        run, _ = hold(program, films, tmp_path, f'{speaker.card}look_dialect = "mini-o3"\n', opening=str(words))
    assert program.heard[0].turns[0] == ("system", "You may zoom.\nUse <grounding>.")
    assert "at most" not in program.heard[0].turns[1][1]
    assert run.identity.extra["opening"].startswith("sha256:")
    assert str(tmp_path) not in json.dumps(run.identity.extra)


def test_calls_that_the_server_has_read_are_looks_too(films: Dataset, tmp_path: Path) -> None:
    arguments = json.dumps({"bbox_2d": [560, 160, 790, 440], "label": "mark", "img_idx": 0})
    call = {"id": "1", "type": "function", "function": {"name": "image_zoom_in_tool", "arguments": arguments}}

    def speaks(heard: Heard) -> Said:
        if heard.replies:
            return "FINDINGS: Clear."
        return {"content": None, "tool_calls": [call], "finish_reason": "tool_calls"}

    card = f'{SPEAKERS["qwen3-vl"].card}look_dialect = "qwen3-vl"\n'
    with Program(speaks) as program:
        _, (answer,) = hold(program, films, tmp_path, card)
    assert answer.events == {"looks": 1}
    assert '<tool_call>\n{"name": "image_zoom_in_tool"' in program.heard[1].turns[-2][1]


def test_a_card_without_a_dialect_asks_as_before_and_any_card_can(films: Dataset, tmp_path: Path) -> None:
    speaker = SPEAKERS["ours"]
    with Program(speaker.speaks) as program:
        plain, _ = hold(program, films, tmp_path, speaker.card)
        spoken = f'{speaker.card}look_dialect = "qwen3-vl"\n'
        chosen, _ = hold(program, films, tmp_path, spoken, dialect="ours")
        requests = len(program.heard)
    assert plain.id == chosen.id
    assert "dialect" not in plain.identity.extra
    assert requests == 5  # the second run found every reply


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dialect": "klingon"}, "no look dialect is called 'klingon'"),
        ({"dialect": "mini-o3", "locate": "prior"}, "locates looks by boxes"),
        ({"dialect": "mini-o3", "calls": "native"}, "fixes how looks are called"),
        ({"dialect": "mini-o3", "opening": "template"}, "declares no tool"),
        ({"opening": "template"}, "prompt file"),
        ({"dialect": "mini-o3", "opening": "/nowhere/x.txt"}, "write words, template, a text file"),
    ],
)
def test_what_a_dialect_can_not_do_is_refused(
    options: dict[str, str], words: str, films: Dataset, tmp_path: Path
) -> None:
    with Program(lambda _: "FINDINGS: Clear.") as program, pytest.raises(UsageError, match=words):
        hold(program, films, tmp_path, "", **options)
    assert not program.heard


def test_every_card_names_a_dialect_that_is_known() -> None:
    named = {card.look_dialect for card in builtin().values()} - {""}

    assert named == {name for name in DIALECTS if name != "ours"}
