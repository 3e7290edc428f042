"""Keys of requests and ids of runs stay what they were: replies that were paid for are found again.

The values were computed by this file's own cases with the code of version 0.1.0 (commit fd80f76).
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest

from mmrad_eval.core.canonical import request_key, request_value
from mmrad_eval.core.values import Card, Decoding, Image, Message, Request, Text
from mmrad_eval.results.run.record import RunIdentity, Selection

FILM = Image("/films/a.png", "a.png", view="PA")
CROP = Image("/films/a.png", "a.png", role="region", render="crop")
MADE = {FILM: ("a" * 64, "file"), CROP: ("b" * 64, "crop/1 [57, 53, 392, 447]; png v1")}

WORDS = (Message("user", (Text("Write the findings section."),)),)
SYSTEM = (Message("system", (Text("You are a radiologist."),)), *WORDS)
SHOWN = (Message("system", (Text("S"),)), Message("user", (Text("Frontal view: "), FILM, Text("\n\nReport ü “it”."))))
TURNS = (*SHOWN, Message("assistant", (Text("look"),)), Message("user", (Text("The heart: "), CROP)))

REQUESTS = {
    "openai, words": Request("openai", "gpt-5.5", WORDS),
    "azure, system": Request("azure", "deployment", SYSTEM),
    "anthropic, image": Request("anthropic", "claude-opus-5.5", SHOWN, Decoding(temperature=None)),
    "gemini, several turns": Request("gemini", "gemini-3.5-flash", TURNS, Decoding(max_tokens=4096, top_p=0.9)),
    "vllm, revision, seed, stop": Request(
        "vllm", "Qwen/Qwen2.5-VL-7B-Instruct", SHOWN, Decoding(512, 0.7, 0.95, 7, ("\n\n", "END")), revision="abc"
    ),
    "openrouter, second sample": Request("openrouter", "x/y:free", SHOWN, sample=1),
    "together, extra fields": Request(
        "together",
        "m",
        WORDS,
        extra={"response_format": msgspec.Raw(b'{"type": "json_object"}'), "n": msgspec.Raw(b"1")},
    ),
}

KEYS = {
    "openai, words": "5fa7f286fad330280292973395204f99bc5bdb37e457be17037706befb691ae4",
    "azure, system": "0c1995740f0c84f7bd20481d4094852f3a86d3bd4a22fa7d7f8a6d38431ab5a1",
    "anthropic, image": "1490a96847177ad531433a2d389c992c574798bba5efd4a015ef32bf4d7b581a",
    "gemini, several turns": "f9a95cdcb016b9235b0a5e7e80fe3be2bf534552d7aabf2bbf72aecfee5dcfd1",
    "vllm, revision, seed, stop": "0c48f24027fbd7698f51a4d6b725736c279ccfe238ad25863f2a2d5254488b4e",
    "openrouter, second sample": "62b6edcccfc6a0debac9a2988bc1f47b1b1796fbcc3225f6da0aef32843bba74",
    "together, extra fields": "cef34037ca2168dd21bde2835ad66345687927fd8a6307229f3f8d08eb56a32a",
}

RUNS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "defaults": ({}, {}, {}),
    "selection": ({}, {"split": "test", "limit": 10, "views": "key", "context": "all", "priors": "report"}, {}),
    "decoding": ({}, {"target": "impression"}, {"decoding": Decoding(2048, None, 0.5, 3, ("x",)), "sample": 2}),
    "card": (
        {"revision": "r1", "box_frame": "norm_1000", "max_images": 8, "formats": ("image/png",), "context": 32768},
        {"ids": "c" * 64},
        {"extra": {"render": "masked", "max_edge": 1024}},
    ),
}

IDS = {
    "defaults": "5ea100278eb7",
    "selection": "3a1b87d028bc",
    "decoding": "f3ac069b1115",
    "card": "141f6960df27",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_key_of_a_request_is_what_it_was(name: str) -> None:
    assert request_key(request_value(REQUESTS[name], MADE)) == KEYS[name]


@pytest.mark.parametrize("name", RUNS)
def test_the_id_of_a_run_is_what_it_was(name: str) -> None:
    assert identity(name).id() == IDS[name]


class LaterDecoding(Decoding, frozen=True):
    """Decoding as a later version may have it."""

    min_p: float | None = None


class LaterSelection(Selection, frozen=True):
    """The same of a selection."""

    window: str = "auto"


class LaterCard(Card, frozen=True, kw_only=True):
    """The same of a card, one of whose new fields changes replies."""

    tiles: int | None = None

    BEHAVIOUR: ClassVar[tuple[str, ...]] = (*Card.BEHAVIOUR, "tiles")


def test_a_field_that_a_later_version_adds_changes_no_key_while_it_has_its_default() -> None:
    before = Request("vllm", "m", WORDS)
    key = request_key(request_value(before, MADE))

    assert request_key(request_value(Request("vllm", "m", WORDS, LaterDecoding()), MADE)) == key
    assert request_key(request_value(Request("vllm", "m", WORDS, LaterDecoding(min_p=0.1)), MADE)) != key


def test_a_field_that_a_later_version_adds_changes_no_run_id_while_it_has_its_default() -> None:
    def later(card: Card, selection: Selection, decoding: Decoding) -> str:
        return RunIdentity(card.behavior(), "mcot", 1, "d" * 64, "demo", "e" * 64, selection, decoding).id()

    at_defaults = later(LaterCard(provider="vllm", id="m"), LaterSelection(), LaterDecoding())
    changed = {
        later(LaterCard(provider="vllm", id="m", tiles=4), LaterSelection(), LaterDecoding()),
        later(LaterCard(provider="vllm", id="m"), LaterSelection(window="none"), LaterDecoding()),
        later(LaterCard(provider="vllm", id="m"), LaterSelection(), LaterDecoding(min_p=0.1)),
    }

    assert at_defaults == IDS["defaults"]
    assert len(changed | {at_defaults}) == 4


def identity(name: str) -> RunIdentity:
    card, selection, more = RUNS[name]
    facts: dict[str, Any] = {"provider": "vllm", "id": "m", **card}
    values: dict[str, Any] = {"decoding": Decoding(), **more}
    return RunIdentity(
        Card(**facts).behavior(), "mcot", 1, "d" * 64, "demo", "e" * 64, Selection(**selection), **values
    )
