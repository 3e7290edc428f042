"""``--check-cache``: a server whose cache changes answers is told from a sound one and from one that varies anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from mmrad_eval.results.run.record import Run, read_run
from tests.cli.conftest import Said
from tests.vllm_stand_in import Body, VllmStandIn

MODEL = "tiny"
Says = Callable[[bool, int], str]
"""(whether a salt was sent, how often this prompt was asked before) -> what the server adds to its report."""


@contextmanager
def vllm(says: Says, *fields: str) -> Iterator[tuple[str, list[Body]]]:
    """A stand-in for a vLLM server; its address, and what it was asked."""

    def answer(body: Body, before: Sequence[Body]) -> tuple[Body, Body]:
        added = says("cache_salt" in body, sum(body["messages"] == other["messages"] for other in before))
        return {"content": f"FINDINGS: The heart is large. {added}"}, {}

    with VllmStandIn(MODEL, answer, fields=fields) as made:
        yield made.url, made.asked


Call = Callable[..., Said]


def words(url: str, *more: str, model: str = f"vllm:{MODEL}") -> tuple[str, ...]:
    asked = ("--model", model, "--base-url", url, "--task", "tcot", "--limit", "6", "--metrics", "bleu@raw")
    return (*asked, "--no-look-check", "--check-cache", "4", *more)


def record(out: Path) -> Run:
    (path,) = out.glob("results/runs/**/run.json")
    return read_run(path.read_bytes())


def test_a_sound_cache_is_said_to_change_nothing_and_the_run_stays_as_it_is(call: Call, tmp_path: Path) -> None:
    with vllm(lambda _salted, _before: "Lungs are clear.", "cache_salt") as (url, asked):
        done = call(*words(url))
    assert done.code == 0, done.err
    assert "of 4 studies asked again, 4 answers were the same with the prefix cache and 4 without it" in done.err
    (check,) = record(tmp_path).cache_checks
    assert (check.studies, check.with_cache, check.without_cache, check.different) == (4, 4, 4, ())
    salts = [body["cache_salt"] for body in asked if "cache_salt" in body]
    assert (len(asked), len(salts), len(set(salts))) == (6 + 2 * 4, 4, 4)
    assert record(tmp_path).counts.n == 6


def test_answers_that_only_the_cache_gives_are_named(call: Call, tmp_path: Path) -> None:
    with vllm(lambda salted, _: "Lungs are clear." if salted else "Effusion.", "cache_salt") as (url, _):
        done = call(*words(url))
    assert "4 answers were the same with the prefix cache and 0 without it" in done.err
    assert "do not rely on these answers" in done.err
    (check,) = record(tmp_path).cache_checks
    assert len(check.different) == 4


def test_answers_that_vary_anyway_are_not_laid_on_the_cache(call: Call) -> None:
    with vllm(lambda _, before: f"Effusion {before} cm.", "cache_salt") as (url, _):
        done = call(*words(url))
    assert "0 answers were the same with the prefix cache and 0 without it" in done.err
    assert "the cache need not be the cause" in done.err


def test_a_version_that_would_ignore_the_salt_is_not_asked(call: Call, tmp_path: Path) -> None:
    with vllm(lambda *_: "Lungs are clear.", "messages") as (url, asked):
        done = call(*words(url))
    assert "was not checked: this version of vLLM does not know cache_salt" in done.err
    assert len(asked) == 6
    assert record(tmp_path).cache_checks == ()


@pytest.mark.parametrize("model", ["openai:gpt-4o", "baseline:evidence"])
def test_other_models_have_no_cache_to_leave_out(call: Call, model: str) -> None:
    done = call(*words("http://127.0.0.1:9/v1", model=model))
    assert done.code == 2
    assert "--check-cache asks vLLM servers" in done.err


def test_a_dry_run_says_that_studies_are_asked_again(call: Call) -> None:
    with vllm(lambda *_: "", "cache_salt") as (url, asked):
        done = call(*words(url, "--dry-run"))
    assert "afterwards, 4 studies twice more, with and without the prefix cache (--check-cache)" in done.out
    assert not asked


def test_the_record_is_read_again(call: Call, tmp_path: Path) -> None:
    with vllm(lambda *_: "Lungs are clear.", "cache_salt") as (url, _):
        call(*words(url))
        call(*words(url))
    first, second = record(tmp_path).cache_checks
    assert msgspec.structs.replace(first, finished="") == msgspec.structs.replace(second, finished="")
