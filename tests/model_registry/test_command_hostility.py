"""Programs that misbehave in ways of their own: each fails what it was asked, names itself, and stops no other."""

from __future__ import annotations

import pytest

from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Reply
from tests.model_registry.test_command_programs import Made, Sent, each, questions, texts
from tests.model_registry.test_command_programs import program as program  # noqa: PLC0414 - the fixture

GOOD = "for asked in lines:\n    {odd}\n    say(asked, words(asked))\n"

ODD_LINES = {
    "bytes that are no text": "os.write(out.fileno(), bytes(range(256)).replace(b'\\n', b'') + b'\\n')",
    "a zero byte in JSON": 'os.write(out.fileno(), b\'{"id": "\\x00", "parts": []}\\n\')',
    "a line nested too deeply": "os.write(out.fileno(), b'[' * 200000 + b'\\n')",
    "an id that is a number": "print(json.dumps({'id': 7, 'parts': [{'text': 'x'}]}), file=out)",
    "an id that is a list": "print(json.dumps({'id': [asked['id']], 'parts': [{'text': 'x'}]}), file=out)",
    "a list": "print(json.dumps([asked['id']]), file=out)",
    "NaN": "print('NaN', file=out)",
    "an empty line": "print(file=out)",
    "a line of blanks": "print('   \\r', file=out)",
    "a million digits": "print('1' * 1000000, file=out)",
}


@pytest.mark.parametrize("odd", ODD_LINES)
async def test_a_line_that_is_no_reply_is_left_out_and_the_next_one_counts(
    odd: str, program: Made, sent_of: Sent
) -> None:
    client = program(GOOD.format(odd=ODD_LINES[odd]))
    assert texts(await each(client, questions(sent_of, "a", "b"))) == ["a", "b"]
    if "empty" not in odd and "blanks" not in odd:
        assert client.told  # type: ignore[attr-defined]


ODD_REPLIES = {
    "a negative count": ('"parts": [{"text": "x"}], "usage": {"prompt": -5}', None),
    "no parts": ('"parts": null', "no list of parts"),
    "a part of two kinds": ('"parts": [{"text": "x", "image": "y"}]', "wrote the part"),
    "a finish that is a list": ('"parts": [], "finish": ["stop"]', "ends its reply with"),
    "a picture that is a pipe": ('"parts": [{"image": "pipe"}]', "can't be read"),
    "a picture that is a folder": ('"parts": [{"image": "."}]', "can't be read"),
    "a picture by a link to outside": ('"parts": [{"image": "link.png"}]', "outside its reply folder"),
    "a picture with a zero byte in its name": ('"parts": [{"image": "a\\\\u0000b.png"}]', "image"),
    "a picture that is words": ('"parts": [{"image": "words.png"}]', "image"),
}


@pytest.mark.parametrize("odd", ODD_REPLIES)
async def test_a_reply_with_an_odd_field_fails_alone_or_is_read_without_it(
    odd: str, program: Made, sent_of: Sent
) -> None:
    fields, why = ODD_REPLIES[odd]
    client = program(
        f"""
        os.mkfifo(folder / "pipe")
        (folder / "link.png").symlink_to("/etc/hostname")
        (folder / "words.png").write_text("these are words")
        for asked in lines:
            if words(asked) == "odd":
                print('{{"id": "' + asked["id"] + '", {fields}}}', file=out)
            else:
                say(asked, words(asked))
        """
    )
    odd_one, good = await each(client, questions(sent_of, "odd", "good"))
    assert isinstance(good, Reply)
    assert good.text == "good"
    if why is None:
        assert isinstance(odd_one, Reply)
        assert odd_one.text.endswith("x")
        assert (odd_one.usage.prompt or 0) >= 0
    else:
        assert isinstance(odd_one, TransportError)
        assert why in str(odd_one)
        assert "\n" not in str(odd_one)


async def test_a_line_longer_than_any_reply_is_dropped_and_named(program: Made, sent_of: Sent) -> None:
    client = program(
        """
        for asked in lines:
            if words(asked) == "long":
                piece = "x" * (1 << 20)
                out.write('{"id": "' + asked["id"] + '", "parts": [{"text": "')
                for _ in range(66):
                    out.write(piece)
                out.write('"}]}\\n')
            say(asked, words(asked))
        """
    )
    assert texts(await each(client, questions(sent_of, "long", "b"))) == ["long", "b"]
    assert any("long" in said or "bytes" in said for said in client.told)  # type: ignore[attr-defined]


async def test_one_that_never_reads_is_ended(program: Made, sent_of: Sent) -> None:
    client = program("time.sleep(600)", timeout=2)
    outcomes = await each(client, questions(sent_of, "x" * 300_000, "y" * 300_000))  # more than a pipe holds
    assert all(isinstance(outcome, Exception) for outcome in outcomes)


async def test_one_that_closes_its_replies_and_lives_on_is_ended(program: Made, sent_of: Sent) -> None:
    client = program("for asked in lines:\n    out.close()\n    time.sleep(600)\n", timeout=5)
    (outcome,) = await each(client, questions(sent_of, "a"))
    assert isinstance(outcome, Exception)


async def test_one_that_ignores_its_end_and_leaves_a_child_is_gone_afterwards(program: Made, sent_of: Sent) -> None:
    client = program(
        """
        import signal, subprocess
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        for asked in lines:
            say(asked, f"{os.getpid()} {child.pid}")
        """
    )
    (outcome,) = await each(client, questions(sent_of, "a"))
    assert isinstance(outcome, Reply)
    for number in map(int, outcome.text.split()):
        assert not _alive(number)


def _alive(number: int) -> bool:
    try:
        with open(f"/proc/{number}/stat") as file:  # noqa: PTH123 - a process that ends here has no such file
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_replies_that_come_after_the_request_was_given_up_are_no_other_s(program: Made, sent_of: Sent) -> None:
    client = program(
        """
        held = None
        for asked in lines:
            if held is None:
                held = asked
                print(json.dumps({"id": asked["id"], "failed": "first"}), file=out)
                continue
            say(held, "late")
            say(asked, words(asked))
        """
    )
    outcomes = await each(client, questions(sent_of, "a", "b"))
    assert sorted(texts(outcomes)) in (["TransportError", "a"], ["TransportError", "b"])
