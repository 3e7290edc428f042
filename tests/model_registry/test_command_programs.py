"""Models that are programs: real processes that answer, die, hang, stammer and shout."""

from __future__ import annotations

import asyncio
import base64
import json
import shlex
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError, UsageError
from mmrad_eval.core.values import Decoding, OutputImage, Reasoning, Reply, Text
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.programs.command import ProgramClient

Sent = Callable[..., PreparedRequest]
Made = Callable[..., ProgramClient]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HEAD = """\
import json, os, sys, time
from pathlib import Path
requests, replies = sys.argv[1:3]
out = open(replies, "w", buffering=1)
folder = Path(replies).parent

def words(asked):
    return " ".join(part["text"] for message in asked["messages"] for part in message["parts"] if "text" in part)

def say(asked, text, **more):
    print(json.dumps({"id": asked["id"], "parts": [{"text": text}], **more}), file=out)

lines = map(json.loads, open(requests))
"""


@pytest.fixture
def program(tmp_path: Path) -> Made:
    """A client of a program whose body is given; it finds `lines`, `say` and `words`."""

    def make(body: str, *, timeout: float | None = None, name: str = "model.py") -> ProgramClient:
        script = tmp_path / name
        script.write_text(HEAD + textwrap.dedent(body))
        command = shlex.join([sys.executable, str(script)]) + " {requests} {replies}"
        client = resolve(f"command:{command}", timeout=timeout)
        assert isinstance(client, ProgramClient)
        client.server.log = tmp_path / "program.log"
        client.told = []  # type: ignore[attr-defined]
        client.server.say = client.told.append  # type: ignore[attr-defined]
        return client

    return make


async def each(client: ProgramClient, sent: list[PreparedRequest]) -> list[Reply | BaseException]:
    """What becomes of each request, all asked at once."""
    try:
        return await asyncio.gather(*map(client.generate, sent), return_exceptions=True)
    finally:
        await client.close()


def questions(sent_of: Sent, *texts: str) -> list[PreparedRequest]:
    made = [sent_of(("user", text)) for text in texts]
    return [PreparedRequest(one.request, one.images, f"{number:016d}") for number, one in enumerate(made)]


def texts(outcomes: list[Reply | BaseException]) -> list[str]:
    return [outcome.text if isinstance(outcome, Reply) else f"{type(outcome).__name__}" for outcome in outcomes]


ECHO = """
for asked in lines:
    say(asked, "saw " + words(asked))
"""


async def test_each_request_gets_its_own_reply_out_of_order(program: Made, sent_of: Sent, tmp_path: Path) -> None:
    body = """
    held = []
    for asked in lines:
        held.append(asked)
        if len(held) == 3:
            for one in reversed(held):
                say(one, "saw " + words(one))
            held = []
    (Path(sys.argv[0]).parent / "done").write_text(str(len(held)))
    """
    client = program(body)
    assert texts(await each(client, questions(sent_of, "a", "b", "c"))) == ["saw a", "saw b", "saw c"]
    assert (tmp_path / "done").read_text() == "0"  # the end of the pipe said that it was done, and it ended by itself


async def test_text_and_pictures_go_both_ways_in_order(program: Made, sent_of: Sent) -> None:
    body = """
    for asked in lines:
        parts = asked["messages"][0]["parts"]
        film = next(part["image"] for part in parts if "image" in part)
        (folder / "drawn.png").write_bytes(open(film, "rb").read())
        kinds = [list(part)[0] for part in parts]
        told = {key: asked.get(key) for key in ("max_tokens", "temperature", "seed", "stop", "sample")}
        reply = [{"reasoning": "hm"}, {"text": json.dumps([kinds, told])}, {"image": "drawn.png"}, {"text": "after"}]
        more = {"usage": {"prompt": 7, "completion": 3}, "served": {"id": "mine", "version": "2"}}
        print(json.dumps({"id": asked["id"], "parts": reply, "finish": "length", **more}), file=out)
    """
    decoding = Decoding(max_tokens=9, temperature=0.5, seed=3, stop=("END",))
    asked = sent_of(("user", "before", ("image/png", PNG), "behind"), decoding=decoding)
    (reply,) = await each(program(body), [asked])
    assert isinstance(reply, Reply)
    thought, said, drawn, after = reply.parts
    assert thought == Reasoning("hm")
    assert isinstance(said, Text)
    assert json.loads(said.text) == [
        ["text", "image", "text"],
        {"max_tokens": 9, "temperature": 0.5, "seed": 3, "stop": ["END"], "sample": None},
    ]
    assert drawn == OutputImage("data:image/png;base64," + base64.b64encode(PNG).decode())
    assert after == Text("after")
    assert (reply.finish, reply.usage.prompt, reply.usage.completion, reply.served.version) == ("length", 7, 3, "2")


async def test_no_limit_of_tokens_is_said_as_none(program: Made, sent_of: Sent) -> None:
    client = program("for asked in lines:\n    say(asked, json.dumps(asked['max_tokens']))")
    (reply,) = await each(client, [sent_of(("user", "a"), decoding=Decoding(max_tokens=None))])
    assert isinstance(reply, Reply)
    assert reply.text == "null"


async def test_one_that_dies_fails_what_is_in_flight_and_is_started_again(program: Made, sent_of: Sent) -> None:
    body = """
    for asked in lines:
        if words(asked) == "poison":
            os._exit(9)
        say(asked, f"{os.getpid()}")
    """
    client = program(body)
    first, poison, second = questions(sent_of, "first", "poison", "second")
    try:
        before = await client.generate(first)
        with pytest.raises(TransportError, match="ended with status 9") as died:
            await client.generate(poison)
        assert died.value.retry
        after = await client.generate(second)
        assert before.text != after.text  # another process
        with pytest.raises(TransportError) as again:
            await client.generate(poison)
        assert not again.value.retry  # it died over this one twice
    finally:
        await client.close()
    assert any("is being restarted" in line for line in client.told)  # type: ignore[attr-defined]


async def test_it_is_started_again_a_bounded_number_of_times(program: Made, sent_of: Sent) -> None:
    client = program("print('no weights', file=sys.stderr); sys.exit(4)")
    outcomes: list[Exception] = []
    try:
        for one in questions(sent_of, *"abcdef"):
            with pytest.raises((TransportError, ModelError)) as met:
                await client.generate(one)
            outcomes.append(met.value)
    finally:
        await client.close()
    kinds = [isinstance(one, ModelError) for one in outcomes]
    assert kinds[:3] == [False, False, False]
    assert kinds[3:] == [True, True, True]
    assert "no weights" in str(outcomes[3])


async def test_a_signal_is_named(program: Made, sent_of: Sent) -> None:
    client = program("next(lines); os.kill(os.getpid(), 11)")
    (outcome,) = await each(client, questions(sent_of, "a"))
    assert "ended by signal 11" in str(outcome)


async def test_one_that_hangs_is_ended(program: Made, sent_of: Sent) -> None:
    client = program("next(lines); time.sleep(600)", timeout=0.5)
    start = time.monotonic()
    (outcome,) = await each(client, questions(sent_of, "a"))
    assert isinstance(outcome, TransportError)
    assert outcome.kind == "timeout"
    assert time.monotonic() - start < 10


async def test_half_a_line_is_no_reply(program: Made, sent_of: Sent) -> None:
    body = """
    asked = next(lines)
    out.write('{"id": "' + asked["id"] + '", "parts": [{"text": "no effus')
    out.flush()
    os._exit(0)
    """
    client = program(body)
    (outcome,) = await each(client, questions(sent_of, "a"))
    assert isinstance(outcome, TransportError)
    assert any("middle of a line" in line for line in client.told)  # type: ignore[attr-defined]


async def test_a_line_that_comes_in_pieces_is_one(program: Made, sent_of: Sent) -> None:
    body = """
    for asked in lines:
        line = json.dumps({"id": asked["id"], "parts": [{"text": "clear " * 50000}]}) + "\\n"
        for at in range(0, len(line), 9000):
            out.write(line[at:at + 9000]); out.flush()
    """
    (reply,) = await each(program(body), questions(sent_of, "a"))
    assert isinstance(reply, Reply)
    assert len(reply.text) == 300_000


async def test_garbage_unknown_and_doubled_ids_are_named_and_dropped(program: Made, sent_of: Sent) -> None:
    body = """
    for asked in lines:
        print("no json", file=out)
        print("[]", file=out)
        print(json.dumps({"id": "stranger", "parts": [{"text": "x"}]}), file=out)
        say(asked, "first"); say(asked, "second")
    """
    client = program(body)
    assert texts(await each(client, questions(sent_of, "a", "b"))) == ["first", "first"]
    told = "\n".join(client.told)  # type: ignore[attr-defined]
    assert "a line that is not a JSON object: b'no json'" in told
    assert "'stranger', one that was not asked" in told
    assert "an unknown or already answered request" in told


async def test_a_flood_is_drained_cut_and_free_of_keys(
    program: Made, sent_of: Sent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "wxyz-not-for-logs-42")
    body = """
    for asked in lines:
        print("key", os.environ["SOME_API_KEY"], "pixels", "QUJD" * 200, file=sys.stderr)
        for _ in range(400):
            sys.stderr.write("x" * 99999 + "\\n"); sys.stdout.write("y" * 99 + "\\n")
        say(asked, "still here")
    """
    client = program(body)
    assert texts(await each(client, questions(sent_of, "a"))) == ["still here"]
    log = (tmp_path / "program.log").read_text()
    assert "wxyz" not in log
    assert "QUJDQUJD" not in log
    assert "key [key] pixels [data]" in log
    assert len(log) < 20_000_000


@pytest.mark.parametrize("where", ["/etc/hostname", "../requests.jsonl", "../../../etc/hostname", "link.png"])
async def test_a_picture_outside_its_folder_is_refused(program: Made, sent_of: Sent, where: str) -> None:
    body = f"""
    os.symlink("/etc/hostname", folder / "link.png")
    for asked in lines:
        print(json.dumps({{"id": asked["id"], "parts": [{{"image": {where!r}}}]}}), file=out)
    """
    (outcome,) = await each(program(body), questions(sent_of, "a"))
    assert isinstance(outcome, TransportError)
    assert "outside its reply folder" in str(outcome)
    assert not outcome.retry


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"parts": [{"failed": "out of memory"}]}, "out of memory"),
        ({"failed": "no such film"}, "no such film"),
        ({"parts": "text"}, "no list of parts"),
        ({"parts": [{"text": 3}]}, "wrote the part"),
        ({"parts": [{"text": "a", "image": "b"}]}, "wrote the part"),
        ({"parts": [{"text": "a"}], "finish": "oops"}, "known: stop, length, refusal"),
        ({"parts": [{"image": "missing.png"}]}, "can't be read"),
        ({"parts": [{"image": "replies.jsonl"}]}, "a pipe"),
    ],
)
async def test_what_is_no_reply_fails_and_is_named(program: Made, sent_of: Sent, line: Any, why: str) -> None:
    body = f"""
    for asked in lines:
        print(json.dumps({{"id": asked["id"], **{line!r}}}), file=out)
    """
    (outcome,) = await each(program(body), questions(sent_of, "a"))
    assert isinstance(outcome, TransportError)
    assert why in str(outcome)


async def test_pictures_are_there_while_they_are_needed_and_gone_afterwards(program: Made, sent_of: Sent) -> None:
    body = """
    for asked in lines:
        film = next(part["image"] for part in asked["messages"][0]["parts"] if "image" in part)
        say(asked, film + " " + str(os.path.getsize(film)))
    """
    client = program(body)
    try:
        asked = [sent_of(("user", "look", ("image/png", PNG))) for _ in range(4)]
        replies = await asyncio.gather(*map(client.generate, asked))
        paths = {Path(reply.text.split()[0]) for reply in replies}
        assert {reply.text.split()[1] for reply in replies} == {str(len(PNG))}
        assert not any(path.exists() for path in paths)
        folder = paths.pop().parents[1]
        assert folder.stat().st_mode & 0o077 == 0
    finally:
        await client.close()
    assert not folder.exists()


async def test_a_long_queue_does_not_stop_it(program: Made, sent_of: Sent) -> None:
    body = """
    time.sleep(1)  # the pipe is full long before anything is read
    for asked in lines:
        say(asked, str(len(words(asked))))
    """
    outcomes = await each(program(body), questions(sent_of, *("long " * 2000 for _ in range(60))))
    assert texts(outcomes) == ["10000"] * 60


def test_code_that_was_edited_is_asked_again_and_the_command_is_the_identity(program: Made, tmp_path: Path) -> None:
    first = program(ECHO).card
    assert program(ECHO).card == first
    assert program(ECHO + "# other\n").card.revision != first.revision
    assert first.id.endswith("{requests} {replies}")
    assert "{" not in first.label
    card = tmp_path / "mine.toml"
    card.write_text(f"provider = 'command'\nid = {json.dumps(first.id)}\nrevision = '3'\nname = 'mine'\n")
    stated = resolve(str(card)).card
    assert (stated.label, stated.revision) == ("mine", "3")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("python gen.py", "lacks {requests} and {replies}"),
        ("python gen.py {requests}", "lacks {replies}"),
        ("python 'gen.py {requests} {replies}", "No closing quotation"),
        ("gen --token abcdef123456 {requests} {replies}", "looks like a key"),
    ],
)
def test_a_command_that_can_not_be_is_refused(command: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        resolve(f"command:{command}")
    assert why in str(refused.value)
    assert "abcdef" not in str(refused.value)


async def test_a_program_that_is_not_there_ends_the_run(sent_of: Sent) -> None:
    client = resolve("command:/no/such/program {requests} {replies}")
    assert isinstance(client, ProgramClient)
    with pytest.raises(ModelError, match="no program is called"):
        await client.generate(sent_of(("user", "a")))


async def test_one_that_is_still_at_work_is_not_waited_for_at_the_end(program: Made, sent_of: Sent) -> None:
    client = program("next(lines); time.sleep(600)")
    asking = asyncio.ensure_future(client.generate(sent_of(("user", "a"))))
    await asyncio.sleep(0.5)
    start = time.monotonic()
    await client.close()
    with pytest.raises(TransportError):
        await asking
    assert time.monotonic() - start < 8
