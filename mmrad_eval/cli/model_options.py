"""The options of commands that ask models: where they are, how they write, how fast and how much is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mmrad_eval.cli.shared_options import with_options
from mmrad_eval.cli.words import named_values


def decoding_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How the model is asked to write."""
    return with_options(
        command,
        click.option(
            "--max-tokens", type=int, default=1024, show_default=True, help="Maximum number of tokens per answer."
        ),
        click.option(
            "--temperature",
            metavar="NUMBER|none",
            help="Sampling temperature. [default: 0; not sent if the model does not accept one]",
        ),
        click.option("--top-p", type=float, help="Top-p (nucleus) sampling threshold. [default: not sent]"),
        click.option("--seed", type=int, help="Seed of the model's sampling. [default: not sent]"),
        click.option("--stop", multiple=True, help="Stop sequence; none unless given."),
        click.option(
            "--reasoning",
            metavar="EFFORT|TOKENS",
            help="Reasoning effort, or thinking tokens within --max-tokens. [default: not sent]",
        ),
    )


TERMS = {
    "--allow-key": click.option(
        "--allow-key",
        multiple=True,
        metavar="NAME",
        help="Let a card or experiment file read a key from this variable or file.",
    ),
    "--local-network": click.option(
        "--local-network",
        "local_networks",
        multiple=True,
        metavar="HOST",
        help="Treat this host or network as local.",
    ),
    "--attest-provider": click.option(
        "--attest-provider", help="Provider that you attest may receive credentialed data; needs the next two options."
    ),
    "--attest-retention": click.option(
        "--attest-retention", help="Retention setting under which the provider may receive the data."
    ),
    "--attest-who": click.option("--attest-who", help="Person who attests it; all three are stored with the run."),
    "--concurrency": click.option(
        "--concurrency", type=click.IntRange(min=1), help="Maximum number of concurrent requests. [default: adapts]"
    ),
    "--timeout": click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        help="Timeout of one request in seconds. [default: grows with --max-tokens]",
    ),
    "--refusal-pattern": click.option(
        "--refusal-pattern",
        multiple=True,
        metavar="TEXT",
        help="Count rejections whose message contains TEXT as refusals.",
    ),
    "--patience": click.option(
        "--patience",
        type=click.FloatRange(min=0),
        help="Seconds to wait for an unreachable server. [default: 60; 5 before its first reply]",
    ),
    "--budget": click.option(
        "--budget", metavar="20usd", help="Stop starting new studies after the command has spent this much."
    ),
    "--max-requests": click.option(
        "--max-requests", type=int, help="Stop starting new studies after the command has sent this many requests."
    ),
    "--max-time": click.option(
        "--max-time", metavar="1h30m", help="Stop starting new studies once the command has run for this long."
    ),
}
"""Options of whatever asks a model: whether the data may go there, how fast, and what may be spent."""


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where the model is, whether the data may go there, and what may be spent."""
    return with_options(
        command,
        click.option(
            "--base-url", multiple=True, help="Address of the model's server; several servers are used together."
        ),
        click.option("--api-key-env", help="Environment variable that holds the key."),
        click.option("--api-key-file", type=click.Path(path_type=Path), help="File that holds the key (mode 600)."),
        TERMS["--allow-key"],
        click.option("--serve", is_flag=True, help="Start a vLLM server for the run, and stop it afterwards."),
        click.option("--serve-args", metavar="FLAGS", help="Additional flags for `vllm serve`, in one string."),
        click.option(
            "--serve-context", type=int, help="Context length of the server, in tokens. [default: the card's]"
        ),
        click.option("--serve-images", type=int, help="Maximum number of images per prompt. [default: the card's]"),
        click.option("--dtype", help="Data type of a model run by --serve or hf:ID, such as bfloat16."),
        click.option("--tensor-parallel", type=int, metavar="N", help="GPUs per copy of the model."),
        click.option("--data-parallel", type=int, metavar="N", help="Number of copies of the model."),
        click.option("--python", metavar="PATH", help="Python interpreter that runs hf:ID. [default: this one]"),
        click.option("--batch-size", type=click.IntRange(min=1), help="Maximum batch size of hf:ID."),
        click.option("--device-map", help="Device map of hf:ID, such as auto."),
        click.option("--trust-remote-code", is_flag=True, help="Let hf:ID run code that comes with its weights."),
        TERMS["--local-network"],
        TERMS["--attest-provider"],
        TERMS["--attest-retention"],
        TERMS["--attest-who"],
        TERMS["--concurrency"],
        TERMS["--timeout"],
        TERMS["--refusal-pattern"],
        TERMS["--patience"],
        click.option(
            "--no-look-check",
            is_flag=True,
            help="Skip the look check, which sends synthetic test images before the first study.",
        ),
        click.option(
            "--allow-blind",
            is_flag=True,
            help="Evaluate a model even if the look check shows that it sees no image.",
        ),
        click.option(
            "--check-cache",
            type=click.IntRange(min=0),
            default=0,
            metavar="N",
            help="After the run, ask N studies again without vLLM's prefix cache and compare.",
        ),
        click.option("--batch", is_flag=True, help="Use the provider's batch API: half the price, within a day."),
        click.option(
            "--shard",
            metavar="I/N",
            help="Run shard I of N of the studies; the same command without --shard then publishes the run.",
        ),
        TERMS["--budget"],
        TERMS["--max-requests"],
        TERMS["--max-time"],
    )


def order_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--order``, where one command asks several tasks."""
    return click.option(
        "--order",
        type=click.Choice(["task", "study"]),
        help="Run task by task, or all tasks of a study together. [default: study on a local vLLM without a budget]",
    )(command)


def settings_of(said: dict[str, Any]) -> dict[str, Any]:
    """What a command line states of a run, as ``RunSettings`` takes it; the command adds what it alone has."""
    from dataclasses import fields

    from mmrad_eval.harness.settings import RunSettings

    plain = {field.name: said[field.name] for field in fields(RunSettings) if field.name in said}
    how = "write OURS=THEIRS, such as --column findings=report_text"
    return plain | {
        "columns": named_values(said["columns"], "--column", how),
        "decoding": _decoding(said),
        "attestation": attestation_of(said),
        "look_check": not said["no_look_check"],
    }


def _decoding(said: dict[str, Any]) -> dict[str, Any]:
    """The fields of the decoding that the user wrote."""
    from mmrad_eval.core.errors import UsageError

    written = {name: said[name] for name in ("max_tokens", "top_p", "seed", "stop") if said[name] not in (None, ())}
    if said["reasoning"] is not None:
        written["reasoning"] = reasoning_of(said["reasoning"])
    temperature = said["temperature"]
    if temperature is None:
        return written
    try:
        return written | {"temperature": None if temperature == "none" else float(temperature)}
    except ValueError:
        raise UsageError(f"--temperature {temperature}: write a number, or none to leave it out") from None


def reasoning_of(words: str) -> int | str:
    """An effort, or a number of tokens."""
    return int(words) if words.lstrip("-").isdecimal() else words


def attestation_of(said: dict[str, Any]) -> dict[str, str] | None:
    """What the user attests; None where nothing is."""
    parts = {part: said[f"attest_{part}"] for part in ("provider", "retention", "who")}
    return None if set(parts.values()) == {None} else {part: words or "" for part, words in parts.items()}
