"""Gemini's thought signatures: sent back with the words that they came with, over HTTP, in a loop of looks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from PIL import Image as Pillow

from mmrad_eval.core.canonical import request_key, request_value
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Decoding, Image, Message, Reply, Report, Request, Study, Text
from mmrad_eval.harness.jobs import Job, execute
from mmrad_eval.harness.plan import RunOptions
from mmrad_eval.model_registry.stored_replies import read_stored
from mmrad_eval.tasks.messages import said_again
from tests.loopback import Loopback
from tests.quiet import Quiet

CALL = '[{"box_2d": [100, 200, 500, 600], "label": "left lung"}]'
OTHER = '[{"box_2d": [300, 300, 900, 900], "label": "heart"}]'
SIGNED_A, SIGNED_B, SIGNED_C = (base64.b64encode(bytes([n]) * 40).decode() for n in (1, 2, 3))


def reply(parts: list[dict[str, Any]]) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "modelVersion": "gemini-x-001", "usageMetadata": {"promptTokenCount": 9}}


TURNS: list[list[dict[str, Any]]] = [
    [{"text": CALL, "thoughtSignature": SIGNED_A}],
    [
        {"text": "I think.", "thought": True},
        {"text": OTHER[:20]},
        {"text": OTHER[20:]},
        {"text": "", "thoughtSignature": SIGNED_B},
    ],
    [{"text": "FINDINGS: The lungs are clear.", "thoughtSignature": SIGNED_C}],
]
GIVEN_BACK = [[TURNS[0][0]], [{"text": OTHER}, {"text": "", "thoughtSignature": SIGNED_B}]]


class Gemini(Loopback):
    """Answers by ``TURNS``, and with 400 to a turn of its own that is not given back as it was."""

    def __init__(self, *, signs: bool = True) -> None:
        super().__init__()
        self.signs = signs
        self.heard: list[dict[str, Any]] = []

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.heard.append(body)
        own = [content["parts"] for content in body["contents"] if content["role"] == "model"]
        if own != [_plain(parts) if not self.signs else parts for parts in GIVEN_BACK[: len(own)]]:
            return web.json_response({"error": {"code": 400, "message": "a thought signature is missing"}}, status=400)
        parts = TURNS[len(own)]
        return web.json_response(reply(parts if self.signs else _plain(parts)))


def _plain(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    without = [{name: value for name, value in part.items() if name != "thoughtSignature"} for part in parts]
    return [part for part in without if part["text"]]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("film") / "film.png"
    Pillow.new("L", (320, 240), 90).save(path)
    image = Image(str(path), "film.png", size=(320, 240))
    study = Study("s1", (image,), "p1", Report("FINDINGS: Clear.", "Clear."))
    return Dataset("film", (study,), "open", str(path.parent))


def hold(server: Gemini, film: Dataset, folder: Path, task: str = "mcot-loop") -> Any:
    (folder / "own.toml").write_text(
        'provider = "gemini"\nid = "gemini-x"\nbox_frame = "norm_1000_yx"\n'
        'dialect = "box_2d"\nlook_dialect = "box_2d"\n'
    )
    job = Job(
        model=str(folder / "own.toml"),
        task=task,
        options=RunOptions(decoding=Decoding(max_tokens=64)),
        metrics=(),
        base_url=(server.url,),
    )
    outcome = execute(job, job.plan(film), folder / "results", Quiet())
    assert outcome.folder.run.complete, outcome.stopped
    return outcome


def test_signatures_go_back_with_their_own_parts_to_the_end_of_a_loop(film: Dataset, tmp_path: Path) -> None:
    with Gemini() as server:
        outcome = hold(server, film, tmp_path)
        asked = len(server.heard)
        hold(server, film, tmp_path)
    (answer,) = outcome.folder.answers()
    assert (answer.status, answer.report.text) == ("ok", "FINDINGS: The lungs are clear.")
    assert answer.events == {"looks": 2}
    assert asked == len(server.heard) == 3  # the second run finds every reply in the journal
    assert "I think." not in json.dumps(server.heard[-1])


def test_without_signatures_a_turn_goes_back_as_one_text(film: Dataset, tmp_path: Path) -> None:
    with Gemini(signs=False) as server:
        hold(server, film, tmp_path)
    own = [content["parts"] for content in server.heard[-1]["contents"] if content["role"] == "model"]
    assert own == [[{"text": CALL}], [{"text": OTHER}]]


def test_changed_words_go_back_without_the_signature_of_others() -> None:
    signed = Reply(parts=(Text("A", "s1"), Text("B")))
    assert said_again(signed, "AB") == (Text("A", "s1"), Text("B"))
    assert said_again(signed, "AB</call>") == (Text("A", "s1"), Text("B"), Text("</call>"))
    assert said_again(signed, "A changed") == (Text("A changed"),)


def test_replies_of_before_go_on_as_they_did() -> None:
    old = Reply(parts=(Text(CALL),), raw=msgspec.Raw(json.dumps(reply(TURNS[0])).encode()))
    stored = read_stored(msgspec.json.encode(old))
    assert stored is not None
    assert said_again(stored, stored.text) == (Text(CALL),)
    plain, signed = (
        request_value(Request("gemini", "gemini-x", (Message("assistant", (text,)),)), {})
        for text in (Text(CALL), Text(CALL, SIGNED_A))
    )
    assert plain["messages"] == [{"role": "assistant", "parts": [{"text": CALL}]}]
    assert request_key(plain) != request_key(signed)


def test_a_signature_is_part_of_the_stored_reply() -> None:
    kept = Reply(parts=(Text(CALL, SIGNED_A),))
    assert read_stored(msgspec.json.encode(kept)) == kept
