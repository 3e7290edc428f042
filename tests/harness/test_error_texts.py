"""A reply whose content a server wrote in place of the model fails its study, and is asked for again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import mmrad_eval
from mmrad_eval.core.errors import Failed
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Reply, Request
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry.mock_faults import SAID
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.stored_replies import read_stored
from mmrad_eval.results.leaderboard.rows import read_scored_runs
from mmrad_eval.results.leaderboard.sanity import sanity_line


@pytest.mark.parametrize("kind", SAID)
async def test_an_error_that_lasts_fails_the_study_and_stores_nothing(
    kind: str,
    server: MockServer,
    journal: Journal,
    requester_of: Callable[..., Requester],
    question: Callable[..., Request],
) -> None:
    server.faults = {"broken": kind}
    requester = requester_of(server.url)
    with pytest.raises(Failed, match="instead of the model's words"):
        await requester.ask(question("broken"))
    assert len(journal) == 0
    assert (await requester.ask(question("sound"))).reply.text


async def test_an_error_that_passes_costs_another_try(
    server: MockServer, requester_of: Callable[..., Requester], question: Callable[..., Request]
) -> None:
    server.faults = {"broken": "saidenvoy:2"}
    asked = await requester_of(server.url).ask(question("broken"))
    assert asked.reply.text.startswith("FINDINGS:")
    assert server.requests == 3


@pytest.mark.parametrize("text", SAID.values(), ids=SAID)
def test_one_that_was_stored_as_a_reply_before_counts_no_longer(text: str) -> None:
    stored = json.dumps({"parts": [{"type": "text", "text": text}], "finish": "stop"}).encode()
    assert read_stored(stored) is None
    sound = json.dumps({"parts": [{"type": "text", "text": f"The lungs are clear. {text}"}], "finish": "stop"}).encode()
    assert isinstance(read_stored(sound), Reply)


class Relay:
    """A model of one's own that passes on what a gateway says, every other time an error."""

    endpoints = ()
    card = mmrad_eval.Card(provider="mine", id="relay", revision="1")

    def __init__(self, error: str) -> None:
        self.error, self.asked = error, 0

    def answer(self, study: mmrad_eval.Study, shown: object, donor: object) -> mmrad_eval.Report:
        self.asked += 1
        return mmrad_eval.Report(self.error if self.asked % 2 else "The lungs are clear.")


def test_a_model_that_answers_studies_is_held_to_the_same(tmp_path: Path) -> None:
    run = mmrad_eval.evaluate(Relay("502 Bad Gateway"), "direct", limit=6, metrics="bleu@raw", out=tmp_path)
    assert run.run.counts.statuses == {"failed": 3, "ok": 3}
    assert run.summary is not None
    assert run.summary.scored == 3


@mmrad_eval.model
def unlucky(sent: object) -> str:  # noqa: ARG001 (what a model is given)
    return "An unexpected error occurred. Please try again later."


def test_answers_that_may_be_errors_stay_and_are_named_under_the_table(tmp_path: Path) -> None:
    run = mmrad_eval.evaluate(unlucky, "tcot-blind", limit=8, metrics="bleu@raw", out=tmp_path)
    (line,) = sanity_line(read_scored_runs([run.outcome.folder]))
    assert "8 of 8 answers read like errors of a server" in line
