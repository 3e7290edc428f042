"""One list of options serves the command, experiment files and Python."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path

import click
import pytest

import mmrad_eval
from mmrad_eval.cli.run import run
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Report, Study
from mmrad_eval.harness.settings import RunSettings
from mmrad_eval.model_registry.mock_server import MockServer
from tests.cli.conftest import Said

SETTINGS = {field.name: field.default for field in fields(RunSettings)}
RENAMED = {
    "column": "columns",
    "local_network": "local_networks",
    "metric_option": "metric_options",
    "set": "options",
    "no_look_check": "look_check",  # a command asks unless it is told not to, a notebook only if it is told to
    "samples": "sample",  # a command makes several runs, a call one
    **dict.fromkeys(("max_tokens", "temperature", "top_p", "seed", "stop", "reasoning"), "decoding"),
    **dict.fromkeys(("attest_provider", "attest_retention", "attest_who"), "attestation"),
    "engine": "metric_options",
    "policy": "metrics",  # stands in place of the policy in the names of metrics
}
"""Options whose setting has another name, because a mapping or a sequence holds what the command takes one by one."""
COMMAND_ONLY = {
    "dry_run": "prints what would be sent",
    "quiet": "a call prints nothing",
    "no_table": "a call prints nothing",
    "order": "arranges the requests of several runs; a call makes one",
    "verify": "checks the clinical engines after the run and changes nothing in it",
}


def options() -> dict[str, click.Option]:
    """The options of `mmrad-eval run`, as an experiment file writes them."""
    found = [one for one in run.params if isinstance(one, click.Option)]
    return {next(w for w in one.opts if w.startswith("--"))[2:].replace("-", "_"): one for one in found}


def test_every_option_of_the_command_is_a_setting_or_is_named_as_the_command_s_alone() -> None:
    settings = {RENAMED.get(name, name) for name in options() if name not in COMMAND_ONLY}

    assert settings == set(SETTINGS)
    assert COMMAND_ONLY.keys() | RENAMED.keys() <= options().keys()


def test_evaluate_takes_every_setting_with_the_same_default() -> None:
    parameters = dict(inspect.signature(mmrad_eval.evaluate).parameters)
    parameters.pop("watch")

    taken = {name: MISSING if one.default is one.empty else one.default for name, one in parameters.items()}
    assert taken == SETTINGS


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["--images-first"], {"images_first": True}),
        (["--max-tokens", "70", "--temperature", "none"], {"decoding": {"max_tokens": 70, "temperature": None}}),
        (["--reasoning", "512"], {"decoding": {"reasoning": 512}}),
        (["--seed", "3", "--stop", "END"], {"decoding": {"seed": 3, "stop": ["END"]}}),
        (
            ["--views", "key", "--context", "all", "--max-edge", "64"],
            {"views": "key", "context": "all", "max_edge": 64},
        ),
        (["--target", "impression", "--render", "crop"], {"target": "impression", "render": "crop"}),
    ],
)
def test_an_option_makes_the_same_run_from_a_command_an_experiment_file_and_python(
    words: list[str], arguments: dict[str, object], call: Callable[..., Said]
) -> None:
    asked = ["--model", "baseline:normal", "--task", "mcot", "--metrics", "bleu@raw", "--limit", "2"]
    assert call(*asked, *words).code == 0
    named = [(word[2:].replace("-", "_"), value) for word, value in zip(words, [*words[1:], ""], strict=True)]
    lines = [
        f"{name} = {'true' if options()[name].is_flag else value if value.isdigit() else repr(value)}"
        for name, value in named
        if name in options()
    ]
    Path("grid.toml").write_text(
        'models = ["baseline:normal"]\ntasks = ["mcot"]\nmetrics = ["bleu@raw"]\n[shared]\nlimit = 2\n'
        + "\n".join(lines)
    )
    assert call("run", "grid.toml").code == 0
    mmrad_eval.evaluate("baseline:normal", "mcot", metrics="bleu@raw", limit=2, **arguments)  # type: ignore[arg-type]

    assert len(mmrad_eval.load("results").runs) == 1


async def test_a_text_declared_a_refusal_in_python_is_one(tmp_path: Path) -> None:
    async with MockServer(faults={"": "400"}) as server:
        run = await asyncio.to_thread(
            mmrad_eval.evaluate,
            "openai:m",
            "direct",
            metrics="bleu@raw",
            limit=2,
            base_url=server.url,
            refusal_pattern="rehearsed fault",
            out=tmp_path,
        )

    assert {answer.status for answer in run.answers()} == {"refused"}


def test_what_a_setting_lacks_is_said_in_python_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--judge-key-env are for a judge"):
        mmrad_eval.evaluate("baseline:normal", "direct", judge_key_env="KEY", out=tmp_path)
    with pytest.raises(UsageError, match="--dtype is for transformers models"):
        mmrad_eval.evaluate("baseline:normal", "direct", dtype="bfloat16", out=tmp_path)
    with pytest.raises(UsageError, match="and date, not provider, host"):
        mmrad_eval.evaluate("baseline:normal", "direct", attestation={"provider": "p", "host": "h"}, out=tmp_path)


REPORT = Report("The lungs are clear.", findings="The lungs are clear.")
DATASET = mmrad_eval.Dataset("mine", (Study("a", reference=REPORT),), "unknown")


def test_the_class_of_a_dataset_object_is_settled_as_that_of_a_file(tmp_path: Path) -> None:
    unknown = mmrad_eval.evaluate("baseline:normal", "direct", DATASET, "bleu@raw", out=tmp_path / "a")
    opened = mmrad_eval.evaluate("baseline:normal", "direct", DATASET, "bleu@raw", data_use="open", out=tmp_path / "b")

    assert (unknown.run.data_use, opened.run.data_use) == ("unknown", "open")
    closed = replace(DATASET, data_use="credentialed")
    with pytest.raises(UsageError, match="is credentialed data"):
        mmrad_eval.evaluate("baseline:normal", "direct", closed, data_use="open", out=tmp_path / "c")


def test_how_a_path_is_read_can_not_be_said_of_a_dataset_object(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="patient_column says how to read a path"):
        mmrad_eval.evaluate("baseline:normal", "direct", DATASET, patient_column="subject", out=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"limit": "2"}, "limit='2': it must be int or None"),
        ({"limit": True}, "limit=True: it must be int or None"),
        ({"sample": "a"}, "sample='a': it must be int"),
        ({"sample": -1}, "sample=-1: it must be at least 0"),
        ({"concurrency": 0}, "concurrency=0: it must be at least 1"),
        ({"budget": 20.0}, "budget=20.0: it must be str or None"),
        ({"columns": ["a=b"]}, "it must be a mapping of str or None"),
        ({"decoding": "greedy"}, "decoding='greedy': it must be a mapping of Any or None"),
        ({"data_use": "public"}, "data_use='public': it must be 'open' or"),
        ({"images": 3}, "images=3: it must be str or Path or None"),
        ({"fresh": "no"}, "fresh='no': it must be bool"),
        ({"watch": 3}, "watch=3: it must be a function"),
        ({"out": __file__}, "is not a folder"),
    ],
)
def test_a_setting_of_another_type_is_refused_before_anything_is_written(
    arguments: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        mmrad_eval.evaluate("baseline:normal", "direct", **({"out": tmp_path} | arguments))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_paths_and_any_collection_of_metrics_are_taken(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("id,report\ns1,FINDINGS: The lungs are clear.\n")
    run = mmrad_eval.evaluate("baseline:normal", "direct", table, "bleu@raw,rouge@raw", data_use="open", out=tmp_path)
    again = mmrad_eval.evaluate(
        "baseline:normal", "direct", table, {"bleu@raw", "rouge@raw"}, data_use="open", out=tmp_path
    )

    assert run.path == again.path
    assert set(run) == set(again)
