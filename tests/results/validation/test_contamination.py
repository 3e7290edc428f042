"""Models that have read a dataset, and one that has not, over HTTP: only memory is called memory."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Answer, Report, Study
from mmrad_eval.model_registry.model_cards import builtin
from mmrad_eval.results.validation.contamination import (
    after,
    contamination_tables,
    continuations,
    cutoff_source,
    month,
    verbatim_run,
    words_of,
)
from mmrad_eval.tasks.interventions.continuation import halves
from tests.cli.conftest import Said, call

__all__ = ["call"]

STOCK = "No pleural effusion or pneumothorax is seen."
PARTS = ("heart", "left lung", "right lung", "mediastinum", "aorta", "hila", "spine", "left hilum", "pleura", "ribs")
STATES = ("is unchanged", "looks enlarged", "shows patchy change", "is within limits", "has a small nodule", "is hazy")


def reports(seed: int, n: int = 60) -> list[str]:
    """Invented reports whose second half the first does not give away, but for a stock phrase at the end of each."""
    rng = random.Random(seed)
    return [
        " ".join(f"The {part} {rng.choice(STATES)} today." for part in rng.sample(PARTS, 8)) + f" {STOCK}"
        for _ in range(n)
    ]


def table(path: Path, texts: Sequence[str]) -> Path:
    rows = [f'{path.stem}{i},p{path.stem}{i},"{text}"' for i, text in enumerate(texts)]
    path.write_text("id,patient,findings\n" + "\n".join(rows) + "\n")
    return path


@contextmanager
def model(known: Sequence[str]) -> Iterator[str]:
    """A model that goes on word for word with reports that it knows, and writes stock phrases else; its address."""
    memory = {halves(text)[0]: halves(text)[1] for text in known}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a reply waits 40 ms until its head is acknowledged

        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            asked = json.dumps(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"])
            found = next((rest for first, rest in memory.items() if first in asked), f"The lungs are clear. {STOCK}")
            message = {"role": "assistant", "content": found}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            value = json.dumps({"choices": [choice], "model": "m"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(value)))
            self.end_headers()
            self.wfile.write(value)

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_address[1]}/v1"
    finally:
        made.shutdown()
        made.server_close()


def test_a_model_that_has_read_the_old_reports_is_found_and_one_that_has_not_is_cleared(
    call: Callable[..., Said], tmp_path: Path
) -> None:
    old, new = reports(1), reports(2)
    files = [table(tmp_path / "old.csv", old), table(tmp_path / "new.csv", new)]
    words = ["--quiet", "--data-use", "open", "--cutoff", "2024-06", "--published", "old=2019-09"]
    words += ["--published", "new=2025-03", *(word for file in files for word in ("--data", str(file)))]
    with model(old[:30]) as url:
        told = call("contamination", "openai:reader", "--base-url", url, *words)
    with model(()) as url:
        cleared = call("contamination", "openai:blank", "--base-url", url, *words)

    assert told.code == cleared.code == 0
    assert "which is from after the cutoff, contamination of old is shown (" in told.out
    longest = re.search(r"The longest run, (\d+) words in old\d+: “", told.out)
    assert longest
    assert int(longest[1]) > 20
    assert "contamination of old is not shown" in cleared.out
    assert "Cutoff 2024-06: --cutoff." in told.out
    assert "old: no sign that openai:blank knows the reports" in cleared.out
    rows = [line for line in cleared.out.splitlines() if line.startswith(("old ", "new "))]
    assert [("before" in row, "after" in row) for row in rows[:2]] == [(True, False), (False, True)]


def test_no_image_leaves_and_short_references_are_counted_out(call: Callable[..., Said]) -> None:
    said = call("contamination", "gpt-5.5", "--data", "demo", "--dry-run")
    assert said.code == 0
    assert "about 0 images" in said.out
    assert "left out: a reference of fewer than 24 words" in said.out


def test_without_data_from_after_the_cut_off_nothing_is_called_contamination() -> None:
    (one,) = [measured(reports(3), lambda text: halves(text)[1])]
    _, sentences = contamination_tables([one], "m", "2024-06", resamples=200)
    assert any("this alone does not show memorization" in said for said in sentences)
    assert not any("is shown" in said for said in sentences)
    assert "No reports from after the cutoff were compared" in sentences[-1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt-6.2-sol", r"Cutoff 2026-06: the model card, from knowledge cutoff .*developers\.openai\.com"),
        ("claude-haiku-4.5", r"Cutoff 2025-07: the model card, from end of training data .*2026"),
        ("gpt-5.5", r"No cutoff of .*gpt-5\.5.* is known, so no data counts as published after it"),
    ],
)
def test_the_cut_off_is_said_with_its_source(name: str, said: str) -> None:
    card = builtin()[name]
    (one,) = [measured(reports(3), lambda text: halves(text)[1], "2026-09")]
    table, _ = contamination_tables([one], card.label, card.cutoff, cutoff_source(card), resamples=200)
    assert re.search(said, " ".join(table.notes))
    assert table.rows[0].cells["cutoff"].value == ("after" if card.cutoff else "unknown")


def measured(texts: Sequence[str], say: Callable[[str], str], published: str = "") -> Any:
    studies = [Study(f"s{i}", patient=f"p{i}", reference=Report(t, findings=t)) for i, t in enumerate(texts)]
    answers = [Answer(f"s{i}", "ok", report=Report(say(t))) for i, t in enumerate(texts)]

    def donor(study: Study) -> str:
        return halves(texts[(int(study.id[1:]) + 1) % len(texts)])[1]

    return continuations(studies, answers, donor, "findings", name="x", published=published)


def test_intervals_of_the_difference_hold_nothing_where_there_is_nothing() -> None:
    """A model of stock phrases: the interval of own minus control leaves out 0 about as seldom as it may."""
    missed = 0
    for seed in range(60):
        one = measured(reports(100 + seed, 40), lambda _: f"The spine is unchanged today. {STOCK}")
        table, _ = contamination_tables([one], "m", "", resamples=300)
        cell = table.rows[0].cells["excess"]
        assert cell.low is not None
        assert cell.high is not None
        missed += not cell.low <= 0 <= cell.high
    assert missed <= 9  # 5 % of 60 are 3; P(more than 9) < 0.001


@pytest.mark.parametrize(
    ("said", "rest", "run"),
    [
        ("The heart is big.", "the heart is small, the HEART IS big", "the heart is big"),
        ("a b c d", "x b c y c d", "b c"),
        ("", "a", ""),
        ("2.5 cm nodule", "a 2.5 cm nodule", "2.5 cm nodule"),
    ],
)
def test_the_longest_run_is_of_words_in_a_row(said: str, rest: str, run: str) -> None:
    assert " ".join(verbatim_run(words_of(said), words_of(rest))) == run


def test_runs_equal_the_plain_definition_on_random_words() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        a, b = (["abc"[i] for i in rng.integers(0, 3, rng.integers(0, 9))] for _ in range(2))
        plain = [a[i:j] for i in range(len(a)) for j in range(i, len(a) + 1)]
        both = [x for x in plain if any(b[k : k + len(x)] == x for k in range(len(b) + 1))]
        assert len(verbatim_run(a, b)) == max(map(len, both), default=0)


def test_dates_are_compared_as_far_as_both_are_known() -> None:
    assert after("2025-03", "2024-06") is True
    assert after("2019-09", "2024-06") is False
    assert after("2024", "2024-06") is None
    assert after("", "2024-06") is None
    with pytest.raises(UsageError, match="--cutoff June: write a year and a month"):
        month("June", "--cutoff")
    with pytest.raises(DataError, match="no continuation has an answer yet"):
        continuations([], [], lambda _: "", "findings", name="x")
