"""Asking: what reaches the server, what comes back as a reply, and what leaves the study open."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.errors import Failed, Stopped
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Decoding, Image, Reply, Request
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.model_registry.mock_server import MockServer

Make = Callable[..., Requester]
Question = Callable[..., Request]


def drawn(path: Path, shade: int) -> Image:
    Pillow.new("L", (40, 30), shade).save(path)
    return Image(path=str(path), name=path.name)


def as_uri(image: Image) -> str:
    return f"data:image/png;base64,{base64.b64encode(Path(image.path).read_bytes()).decode()}"


async def test_a_reply_is_in_the_journal_before_it_is_used(
    server: MockServer, requester_of: Make, question: Question, journal: Journal
) -> None:
    asked = await requester_of(server.url).ask(question("Report, please."))

    stored = msgspec.json.decode(journal.get(asked.key) or b"", type=Reply)
    assert stored == asked.reply
    assert stored.text.startswith("FINDINGS: Study ")
    assert stored.served.id == "rehearsal"
    assert stored.served.fingerprint == "rehearsal-1"
    assert stored.usage.completion == 80
    assert stored.latency > 0


async def test_the_same_question_is_sent_once_in_a_process_and_never_again_by_the_next(
    server: MockServer, requester_of: Make, question: Question
) -> None:
    server.delay = 0.05
    requester = requester_of(server.url)
    first = await asyncio.gather(*(requester.ask(question("Report, please.")) for _ in range(20)))
    later = await requester_of(server.url).ask(question("Report, please."))

    assert server.requests == 1
    assert all(asked == later for asked in first)
    assert requester.counts.cached == 19


@pytest.mark.parametrize(
    "changed",
    [
        {"decoding": Decoding(max_tokens=65)},
        {"decoding": Decoding(max_tokens=64, seed=1)},
        {"decoding": Decoding(max_tokens=64, temperature=None)},
        {"sample": 1},
    ],
)
async def test_another_decoding_or_sample_is_another_question(
    server: MockServer, requester_of: Make, question: Question, changed: dict[str, object]
) -> None:
    requester = requester_of(server.url)
    keys = {(await requester.ask(question("Report."))).key, (await requester.ask(question("Report.", **changed))).key}

    assert len(keys) == 2
    assert server.requests == 2


async def test_fresh_asks_again_once_and_the_new_reply_counts(
    server: MockServer, requester_of: Make, question: Question
) -> None:
    old = await requester_of(server.url).ask(question("Report."))
    server.own_words = False
    requester = requester_of(server.url, fresh=True)
    new = await requester.ask(question("Report."))
    again = await requester.ask(question("Report."))
    later = await requester_of(server.url).ask(question("Report."))

    assert old.reply.text != new.reply.text
    assert new == again == later
    assert server.requests == 2


async def test_images_arrive_byte_for_byte_in_order_between_their_words(
    server: MockServer, requester_of: Make, question: Question, tmp_path: Path
) -> None:
    images = [drawn(tmp_path / f"{shade}.png", shade) for shade in (10, 20, 30)]
    await requester_of(server.url).ask(question("one", images[0], "two", images[1], images[2], "three"))

    [body] = server.bodies
    content = body["messages"][0]["content"]
    seen = [part.get("text") or part["image_url"]["url"] for part in content]
    uris = [as_uri(image) for image in images]
    assert seen == ["one", uris[0], "two", uris[1], uris[2], "three"]


async def test_the_body_holds_what_the_run_says_and_nothing_else(
    server: MockServer, requester_of: Make, question: Question
) -> None:
    requester = requester_of(server.url)
    await requester.ask(
        question("a", decoding=Decoding(max_tokens=7, temperature=0.5, top_p=0.9, seed=3, stop=("X", "Y")))
    )
    await requester.ask(question("b", decoding=Decoding(max_tokens=8, temperature=None)))

    full, bare = server.bodies
    assert {key: full[key] for key in ("max_tokens", "temperature", "top_p", "seed", "stop")} == {
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 3,
        "stop": ["X", "Y"],
    }
    assert set(bare) == {"model", "messages", "max_tokens"}


async def test_a_changed_image_is_another_question_and_an_unchanged_one_is_not_opened_again(
    server: MockServer, requester_of: Make, question: Question, tmp_path: Path, journal: Journal
) -> None:
    path = tmp_path / "a.png"
    image = drawn(path, 1)
    digests = Journal(tmp_path / "digests")
    client = requester_of(server.url).client
    first = await Requester(client, journal, digests=digests).ask(question("look", image))
    stamp = path.stat()
    path.write_bytes(
        b"\0" * stamp.st_size
    )  # unreadable, but of the same size and time: a digest is enough to find the reply
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    again = await Requester(client, journal, digests=digests).ask(question("look", image))
    drawn(path, 2)
    other = await Requester(client, journal, digests=digests).ask(question("look", image))
    digests.close()

    assert again == first
    assert other.key != first.key
    assert server.requests == 2


async def test_a_missing_image_leaves_the_study_open_and_names_the_file(
    server: MockServer, requester_of: Make, question: Question, tmp_path: Path
) -> None:
    with pytest.raises(Failed, match=r"gone\.png"):
        await requester_of(server.url).ask(question("look", Image(path=str(tmp_path / "gone.png"))))
    assert server.requests == 0


async def test_a_place_is_not_held_while_waiting_for_another_study_s_request(
    server: MockServer, requester_of: Make, question: Question, tmp_path: Path
) -> None:
    """With one place, two studies with the same new image would wait for each other for ever."""
    image = drawn(tmp_path / "a.png", 1)
    requester = requester_of(server.url, at_once=1)
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(requester.ask(question("look", image)) for _ in range(6)))

    assert all(asked == answers[0] for asked in answers)
    assert server.requests == 1


FAULTS = {
    "study-null": "null",
    "study-empty": "empty",
    "study-length": "length",
    "study-refusal": "refusal",
    "study-filter": "filter",
    "study-policy": "policy",
    "study-long": "long",
    "study-429": "429:0.05:2",
    "study-twice": "500:2",
    "study-broken": "disconnect:1",
    "study-cut": "malformed:1",
}


@pytest.mark.parametrize(
    ("study", "finish", "empty", "tries"),
    [
        ("study-fine", "stop", False, 1),
        ("study-null", "stop", True, 1),
        ("study-empty", "stop", True, 1),
        ("study-length", "length", False, 1),
        ("study-refusal", "refusal", True, 1),
        ("study-filter", "refusal", True, 1),
        ("study-policy", "refusal", True, 1),
        ("study-long", "too long", True, 1),
        ("study-429", "stop", False, 3),
        ("study-twice", "stop", False, 3),
        ("study-broken", "stop", False, 2),
        ("study-cut", "stop", False, 2),
    ],
)
async def test_what_the_model_or_its_input_did_comes_back_as_a_reply(
    server: MockServer, requester_of: Make, question: Question, study: str, finish: str, *, empty: bool, tries: int
) -> None:
    server.faults = FAULTS
    asked = await requester_of(server.url).ask(question(study))

    assert asked.reply.finish == finish
    assert (asked.reply.text == "") is empty
    assert bool(asked.reply.why) is (finish != "stop")
    assert server.requests == tries


@pytest.mark.parametrize(
    ("fault", "tries", "words"),
    [
        ("500", 3, "HTTP 500"),
        ("429:0:99", 5, "HTTP 429"),
        ("malformed", 3, "not JSON"),
        ("disconnect", 3, "broke"),
        ("hang", 2, "no reply"),
        ("401", 1, "HTTP 401"),
        ("403", 1, "HTTP 403"),
        ("404", 1, "HTTP 404"),
        ("302", 1, "redirects are not followed"),
    ],
)
async def test_infrastructure_that_fails_for_good_leaves_the_study_open(
    server: MockServer, requester_of: Make, question: Question, fault: str, *, tries: int, words: str
) -> None:
    server.faults = {"study-7": fault}
    requester = requester_of(server.url, timeout=0.2)
    with pytest.raises(Failed, match=words):
        await requester.ask(question("study-7"))

    assert server.requests == tries
    assert len(requester.journal) == 0
    assert requester.counts.failed == 1
    server.faults = {}
    assert (await requester.ask(question("study-7"))).reply.text


async def test_retry_after_is_waited_for_by_every_request(
    server: MockServer, requester_of: Make, question: Question
) -> None:
    server.faults = {"study-slow": "429:0.4:1"}
    requester = requester_of(server.url, at_once=2)
    start = time.monotonic()
    slow = asyncio.create_task(requester.ask(question("study-slow")))
    async with asyncio.timeout(20):
        while not requester.counts.retries:
            await asyncio.sleep(0.01)
    await requester.ask(question("study-other"))
    waited = time.monotonic() - start
    await slow

    assert waited >= 0.4


async def test_a_wait_longer_than_anyone_would_want_fails_at_once(
    server: MockServer, requester_of: Make, question: Question
) -> None:
    server.faults = {"study": "429:86400:9"}
    with pytest.raises(Failed, match="asks us to wait 86400 s"):
        await requester_of(server.url).ask(question("study"))


async def test_a_wrong_key_stops_the_run_after_three_requests(
    server: MockServer, requester_of: Make, question: Question
) -> None:
    server.faults = {"study": "401"}
    requester = requester_of(server.url, at_once=1)
    outcomes = await asyncio.gather(*(requester.ask(question(f"study-{i}")) for i in range(50)), return_exceptions=True)

    assert server.requests == 3
    assert {type(outcome) for outcome in outcomes} == {Failed, Stopped}
    assert "HTTP 401" in requester.signal.reason


async def test_a_server_that_comes_back_within_the_patience_costs_nothing(
    requester_of: Make, question: Question
) -> None:
    server = MockServer()
    url = await server.start()
    port = int(url.rpartition(":")[2].removesuffix("/v1"))
    await server.stop()
    requester = requester_of(url)
    waiting = asyncio.create_task(requester.ask(question("study")))
    await asyncio.sleep(0.3)
    await server.start(port)

    assert (await waiting).reply.text
    assert requester.counts.failed == 0
    await server.stop()


async def test_a_server_that_stays_away_stops_the_run_and_says_what_was_seen(
    requester_of: Make, question: Question
) -> None:
    requester = requester_of("http://127.0.0.1:9/v1")
    with pytest.raises(Stopped, match=r"no connection to http://127\.0\.0\.1:9/v1"):
        await requester.ask(question("study"))
    assert "no connection" in requester.signal.reason
    assert requester.counts.sent == 0


async def test_stopping_lets_requests_in_flight_finish_and_starts_no_new_one(
    server: MockServer, requester_of: Make, question: Question, journal: Journal
) -> None:
    server.delay = 0.2
    requester = requester_of(server.url, at_once=4)
    asks = [asyncio.create_task(requester.ask(question(f"study-{i}"))) for i in range(12)]
    await asyncio.sleep(0.1)
    requester.signal.set(Stop("interrupted"))
    outcomes = await asyncio.gather(*asks, return_exceptions=True)

    assert server.requests == len(journal) == 4
    assert sum(isinstance(outcome, Stopped) for outcome in outcomes) == 8


async def test_no_more_requests_are_in_flight_than_asked_for(
    server: MockServer, requester_of: Make, question: Question
) -> None:
    server.delay = 0.02
    requester = requester_of(server.url, at_once=5)
    await asyncio.gather(*(requester.ask(question(f"study-{i}")) for i in range(40)))

    assert server.most_at_once == 5


@pytest.mark.parametrize("damaged", [b'{"text":null}', b'{"text":"cl\xffar"}'])
async def test_a_stored_reply_that_can_not_be_read_is_asked_anew(
    server: MockServer, requester_of: Make, question: Question, journal: Journal, damaged: bytes
) -> None:
    asked = await requester_of(server.url).ask(question("study"))
    journal.void(asked.key)
    journal.put(asked.key, {}, msgspec.Raw(damaged))

    again = await requester_of(server.url).ask(question("study"))

    assert (again.key, again.reply.text) == (asked.key, asked.reply.text)
    assert journal.get(asked.key) is not None


async def test_a_full_disk_stops_the_run(
    server: MockServer, requester_of: Make, question: Question, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "put", full)
    requester = requester_of(server.url)
    with pytest.raises(Stopped, match="No space left on device"):
        await requester.ask(question("study"))
