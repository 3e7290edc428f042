"""Exports for models that paint, as the loaders of checkouts read them that the user names.

    MMRAD_BAGEL_ZEBRA_COT=CHECKOUT MMRAD_ANOLE=CHECKOUT .venv/bin/python -m pytest -m trainers tests/training

are checkouts of multimodal-reasoning-lab/Bagel-Zebra-CoT and qiuzyc/thinking_like_a_radiologist. Without them these
tests skip; what our own readers make of these exports, `test_exports.py` shows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from mmrad_eval.core.values import Study
from mmrad_eval.datasets import load
from mmrad_eval.traces import zebra
from mmrad_eval.training.budget import word_tokens
from tests.training.corpus import export_corpus, rows, write_corpus
from tests.training.loading import loaded, tiny_model

pytestmark = pytest.mark.trainers

SEPARATOR, END, CODE, WORD = 8710, 2, 9, 10
PICTURE = [CODE] * 1026


def checkout(variable: str) -> str:
    place = os.environ.get(variable)
    if not place:
        pytest.skip(f"{variable} names no checkout")
    return place


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"), count=24, seed=13)


@pytest.fixture(scope="module")
def studies(corpus: Path) -> Mapping[str, Study]:
    return {study.id: study for study in load(str(corpus)).studies}


@pytest.fixture(scope="module")
def out(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exports") / "all"
    export_corpus(corpus, out, names="anole,zebra")
    return out


def test_bagel_zebra_cot_reads_every_picture_and_word_with_loss_after_the_question(
    out: Path, studies: Mapping[str, Study], tmp_path: Path
) -> None:
    place = checkout("MMRAD_BAGEL_ZEBRA_COT")
    found = loaded("trl", "read_checkouts.py", tiny_model(tmp_path / "m"), "zebra", place, str(out / "zebra"))
    written = rows(out / "zebra/train.jsonl")
    longest = 0
    for row, record in zip(written, found, strict=True):
        trace = studies[row["id"]].trace
        pictures = [name for name in row if name.startswith("reasoning_image_")]
        kinds = [kind for kind, _ in record["plan"]]
        thoughts = " ".join(record["texts"][2:-1])
        assert trace is not None

        assert record["texts"][1] == f"Question: {row[zebra.QUESTION].partition(' <image_start>')[0]}"
        assert record["texts"][-1] == f"<answer>Final Answer: {row[zebra.ANSWER]}</answer>"
        assert all(step.text in thoughts for step in trace.steps)
        assert kinds.count("vit_image") == 1 + len(pictures)
        assert [loss for kind, loss in record["plan"] if kind == "vae_image"] == [1, 0] * len(pictures)
        assert record["plan"][:3] == [["text", 0], ["text", 0], ["vit_image", 0]]
        assert all(loss == 1 for kind, loss in record["plan"][3:] if kind == "text")
        longest = max(longest, record["tokens"] - record["word_tokens"])
    assert longest <= 16384


def test_anoles_loader_keeps_every_record_and_drops_what_the_budget_takes_out(out: Path, tmp_path: Path) -> None:
    place = checkout("MMRAD_ANOLE")
    lines, larger = tmp_path / "tokens.jsonl", tmp_path / "larger.jsonl"
    written = [tokens_of(row["prompt"], row["response"]) for row in rows(out / "anole/train.jsonl")]
    lines.write_text("".join(json.dumps({"tokens": [*asked, *said]}) + "\n" for asked, said in written))
    full = [(asked, [*PICTURE, *said]) for asked, said in written if (asked + said).count(CODE) == 4 * 1026]
    larger.write_text("".join(json.dumps({"tokens": [*asked, *said]}) + "\n" for asked, said in full))

    kept = loaded("trl", "read_checkouts.py", "-", "anole", place, str(lines))
    assert [record["tokens"] for record in kept] == [len(asked) + len(said) for asked, said in written]
    assert [record["learned"] for record in kept] == [len(said) for _, said in written]
    assert len(full) > 0
    assert loaded("trl", "read_checkouts.py", "-", "anole", place, str(larger)) == []


def tokens_of(prompt: str, response: str) -> tuple[list[int], list[int]]:
    """Tokens as the authors make them, words counted from above: the question with the separator, and the answer."""
    return [*tokens(prompt), SEPARATOR], [*tokens(response), END]


def tokens(text: str) -> list[int]:
    words = [[WORD] * word_tokens(part) for part in text.split("<image>")]
    return [*words[0], *(token for part in words[1:] for token in (*PICTURE, *part))]
