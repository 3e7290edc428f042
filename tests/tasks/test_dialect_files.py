"""Dialects of looks from files of the user's, and openings from source code, driven over HTTP."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Card
from mmrad_eval.tasks.dialect_files import read_dialect_file
from mmrad_eval.tasks.dialect_openings import opening_of, settled_opening
from mmrad_eval.tasks.look_dialects import DIALECTS, OURS
from mmrad_eval.tasks.loop import MCOT_LOOP
from mmrad_eval.traces.geometry import convert
from tests.tasks.programs import Heard, Program, Said
from tests.tasks.speakers import MARK, SIDE, SPEAKERS, bright, grown
from tests.tasks.test_look_dialects import films as films  # noqa: PLC0414 - the fixture
from tests.tasks.test_look_dialects import hold

PEEK = r"""
name = "peek"
call = '@peek(?P<call>\{.*?\})(?:@end|\Z)'
example = '@peek{"area": {box}, "label": "name", "on": "film"}@end'
spoken_by = "an invented model"
field = "area"
frame = "norm_100_yx"
source_field = "on"
film = "film"
earlier = "piece {n}"
which = "last"
seen = "piece {number}: {picture}"
error = "no piece: {why}"
stop = ["@end"]
pixels = "multiples_16:25600-1000000"
looks = 5
"""


def area(box: tuple[float, float, float, float], on: str) -> str:
    """A call of the invented dialect: hundredths, top first."""
    left, top, right, bottom = (round(100 * number, 2) for number in box)
    return f"I peek. @peek{json.dumps({'area': [top, left, bottom, right], 'label': 'mark', 'on': on})}@end"


def peeks(heard: Heard) -> Said:
    """A call around the mark, one on the piece that it was shown, one on a piece that is not there, a report."""
    if heard.replies == 0:
        return area((0.9, 0.9, 1.0, 1.0), "film") + area(grown(bright(heard.pictures[0]), 0.1), "film")
    if heard.replies == 1:
        return area(bright(heard.pictures[-1]), "piece 1")
    if heard.replies == 2:
        return area((0.1, 0.1, 0.9, 0.9), "piece 7")
    share = float((heard.pictures[-1] > 150).mean())
    return f"FINDINGS: A bright mark fills {share:.0%} of the last piece."


@pytest.mark.parametrize("by", ["option", "card"])
def test_a_dialect_of_the_users_own_is_spoken_to_the_end(by: str, films: Dataset, tmp_path: Path) -> None:
    (tmp_path / "peek.toml").write_text(PEEK)
    named = 'look_dialect = "peek.toml"\n' if by == "card" else ""
    options = {"dialect": str(tmp_path / "peek.toml")} if by == "option" else {}
    with Program(peeks) as program:
        run, (answer,) = hold(program, films, tmp_path, f'box_frame = "norm_1"\n{named}', **options)

    assert answer.status == "ok"
    assert answer.events == {"looks": 1, "looks at a region image": 1, "unknown source": 1}
    _, inner, refused = answer.trace.steps if answer.trace else ()
    assert inner.box is not None
    found = convert(inner.box, "original", SIDE).xyxy
    assert all(abs(one - true) <= 3 for one, true in zip(found, MARK, strict=True))
    assert refused.image is None
    share = re.search(r"fills (\d+)%", answer.report.text)
    assert share
    assert int(share[1]) >= 90
    opening, turns = program.heard[0].turns[-1][1], program.heard[-1].turns
    assert '@peek{"area": [top, left, bottom, right], "label": "name", "on": "film"}@end' in opening
    assert "piece n the n-th region image" in opening
    assert turns[3][1].startswith("piece 1: ")
    assert turns[7][1].startswith("no piece: No image is called 'piece 7'")
    assert program.heard[0].body["stop"] == ["@end"]
    assert all(side % 16 == 0 for picture in program.heard[-1].pictures[1:] for side in picture.shape)
    extra = run.identity.extra
    assert (extra["dialect"], extra["looks"]) == ("peek", "5")
    assert re.fullmatch("sha256:[0-9a-f]{64}", extra["dialect_digest"])
    assert str(tmp_path) not in json.dumps(extra)


def test_the_digest_is_that_of_what_a_dialect_does(tmp_path: Path) -> None:
    made = {}
    texts = {
        "plain": PEEK,
        "commented": "# a comment\n" + PEEK.replace("an invented model", "another"),
        "spelled": PEEK + 'ends = "plain"\n',
        "other": PEEK.replace("@end", "@over"),
        "fewer": PEEK.replace("looks = 5", "looks = 4"),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_text(text)
        made[name] = read_dialect_file(tmp_path / f"{name}.toml").digest
    assert made["plain"] == made["commented"] == made["spelled"]
    assert len(set(made.values())) == 3


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != OURS])
def test_each_dialect_that_is_built_in_would_pass_as_a_file(name: str, tmp_path: Path) -> None:
    dialect = DIALECTS[name]
    copied = [field.name for field in fields(dialect) if field.name not in {"name", "digest"}]
    lines = ['name = "copy"', *(f"{field} = {json.dumps(getattr(dialect, field))}" for field in copied)]
    (tmp_path / "copy.toml").write_text("\n".join(lines))
    assert read_dialect_file(tmp_path / "copy.toml").call == dialect.call


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "peek"', 'name = "ours"', "is a built-in dialect"),
        ('name = "peek"', 'name = "Peek it"', "small letters"),
        ('name = "peek"', "", "missing required field `name`"),
        ("(?P<call>", "(", "no group"),
        ("(?:@end", "(?:@end(", "no pattern"),
        ("{box}, ", "", "no {box}"),
        ("@peek{", "@look{", "is not read as a call"),
        ('field = "area"', 'field = "box"', "is read as no box"),
        (": {picture}", "", "no {picture}"),
        (" {why}", "", "no {why}"),
        ("norm_100_yx", "norm_100_xy", "no such frame"),
        ('which = "last"', 'which = "all"', "Invalid enum value 'all'"),
        ("piece {n}", "piece", "no {n}"),
        ('film = "film"', "", "how it names the whole image"),
        ('source_field = "on"', "", "needs a source_field"),
        ("multiples_16:25600-1000000", "norm_1000", "multiples_F:A-B"),
        ("looks = 5", "looks = 0", "from 1 to 32"),
        ("looks = 5", 'looks = "five"', "Expected `int`"),
        ("looks = 5", "look = 5", "no field is called 'look'"),
        ("looks = 5", "looks = ", "not TOML"),
        ("looks = 5", "ratio = nan", "numbers from 0 on"),
        ("looks = 5", 'digest = "sha256:0"', "no field is called 'digest'"),
        ('["@end"]', '[""]', "an empty string"),
        ("looks = 5", 'opening_at = "../x.py:NAME"', "FILE.py:NAME"),
        (r"@peek(?P<call>\{.*?\})", r"(?:@peek|\bThe )(?P<call>.*?)", "takes a report for a call"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_one_line(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "peek.toml"
    assert old in PEEK
    path.write_text(PEEK.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        MCOT_LOOP.configured({"dialect": str(path)})
    assert words in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"a = " + b"[" * 500])
def test_a_file_that_can_not_be_read_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "peek.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"peek\.toml"):
        MCOT_LOOP.configured({"dialect": str(path)})


@pytest.mark.parametrize(
    ("frame", "dialect", "fits"),
    [
        ("norm_1000", "box_2d", False),
        ("norm_1000_yx", "box_2d", True),
        ("norm_1000_yx", "deepeyes", False),
        ("multiples_28:3136-12845056", "deepeyes", True),
        ("norm_1000_yx", "mini-o3", True),
    ],
)
def test_a_field_that_says_another_order_than_the_frame_is_refused(frame: str, dialect: str, fits: bool) -> None:
    card, task = Card(provider="vllm", id="t", box_frame=frame), MCOT_LOOP.configured({"dialect": dialect})
    if fits:
        assert task.for_card(card).spoken.name == dialect
    else:
        with pytest.raises(UsageError, match="says otherwise"):
            task.for_card(card)


CODE = '''
import not_installed_anywhere

raise SystemExit("this is never run")
PLACE = """You may zoom.
Use <grounding>."""
JOINED = ("You may " "zoom.")
MADE = PLACE + "more"
'''
WORDS = "You may zoom.\nUse <grounding>."


@pytest.mark.parametrize("by", ["checkout", "name"])
def test_an_opening_is_read_from_the_code_of_its_makers(by: str, films: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "checkout" / "verl" / "trainer" / "constants.py"
    file.parent.mkdir(parents=True)
    file.write_text(CODE.replace("PLACE", "TOOL_CROP_SYSTEM_PROMPT"))
    said = str(tmp_path / "checkout") if by == "checkout" else f"{file}:TOOL_CROP_SYSTEM_PROMPT"
    speaker = SPEAKERS["mini-o3"]
    with Program(speaker.speaks) as program:
        run, (answer,) = hold(program, films, tmp_path, f'{speaker.card}look_dialect = "mini-o3"\n', opening=said)
    assert answer.status == "ok"
    assert program.heard[0].turns[0] == ("system", WORDS)
    assert "at most" not in program.heard[0].turns[1][1]
    assert run.identity.extra["opening"] == f"sha256:{hashlib.sha256(WORDS.encode()).hexdigest()}"
    assert str(tmp_path) not in json.dumps(run.identity.extra)


def test_an_opening_in_the_dialects_own_file_is_sent_unless_another_is_chosen(films: Dataset, tmp_path: Path) -> None:
    (tmp_path / "peek.toml").write_text(PEEK + 'opening = "Peek with @peek."\n')
    card = 'box_frame = "norm_1"\nlook_dialect = "peek.toml"\n'
    with Program(peeks) as program:
        run, _ = hold(program, films, tmp_path, card)
        chosen, _ = hold(program, films, tmp_path, card, opening="words")
    assert program.heard[0].turns[0] == ("system", "Peek with @peek.")
    assert program.heard[-1].turns[0][1].startswith("You are an experienced")
    assert "opening" in run.identity.extra
    assert "opening" not in chosen.identity.extra


def test_texts_that_python_joins_are_one(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(CODE)
    assert opening_of(f"{tmp_path / 'code.py'}:JOINED").system == "You may zoom."


@pytest.mark.parametrize(
    ("said", "dialect", "words"),
    [
        ("code.py:MISSING", "mini-o3", "assigns no string to MISSING"),
        ("code.py:MADE", "mini-o3", "is not plain text"),
        ("absent.py:NAME", "mini-o3", "can't be read"),
        ("broken.py:NAME", "mini-o3", "is not valid Python"),
        ("deep.py:NAME", "mini-o3", "is not valid Python"),
        (".", "mini-o3", "not a checkout of Mini-o3"),
        (".", "qwen3-vl", "has no known place for its opening"),
        ("code.py:EMPTY", "mini-o3", "the text is empty"),
    ],
)
def test_an_opening_that_is_not_there_is_refused_in_one_line(
    said: str, dialect: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "code.py").write_text(CODE + 'EMPTY = " "\n')
    (tmp_path / "broken.py").write_text("NAME = (")
    (tmp_path / "deep.py").write_text("NAME = " + "(" * 5000)
    with pytest.raises(UsageError) as refused:
        settled_opening(opening_of(f"{tmp_path}/{said}"), DIALECTS[dialect])
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
