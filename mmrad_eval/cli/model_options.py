"""The options of commands that ask models: where they are, how they write, how fast and how much is asked."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mmrad_eval.core.values import Decoding
    from mmrad_eval.model_registry.serving import Fleet, ServeOptions

_STATED = {"temperature": "temperature", "top_p": "top_p", "seed": "seed", "stop": "stop"}


def decoding_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How the model is asked to write."""
    return _with(
        command,
        click.option("--max-tokens", type=int, default=1024, show_default=True, help="Tokens that an answer may have."),
        click.option("--temperature", metavar="NUMBER|none", help="[default: 0, or none where a model takes none]"),
        click.option("--top-p", type=float),
        click.option("--seed", type=int),
        click.option("--stop", multiple=True, help="Stop sequence; none unless given."),
    )


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where the model is, whether the data may go there, and what may be spent."""
    return _with(
        command,
        click.option(
            "--base-url", multiple=True, help="Address of the model's server; several servers are used together."
        ),
        click.option("--api-key-env", help="Environment variable that holds the key."),
        click.option("--api-key-file", type=click.Path(path_type=Path), help="File that holds the key (mode 600)."),
        click.option(
            "--allow-key",
            multiple=True,
            metavar="NAME",
            help="Let a card or experiment file read a key from this variable or file.",
        ),
        click.option("--serve", is_flag=True, help="Start a vLLM server for the run, and end it with the run."),
        click.option("--serve-args", metavar="FLAGS", help="Further flags of `vllm serve`, in one string."),
        click.option("--serve-context", type=int, help="Its context in tokens. [default: the card's]"),
        click.option("--serve-images", type=int, help="Images that one prompt may hold. [default: the card's]"),
        click.option("--dtype", help="Its number format, such as bfloat16."),
        click.option(
            "--tensor-parallel", type=int, metavar="N", help="GPUs that one copy of its model is spread over."
        ),
        click.option("--data-parallel", type=int, metavar="N", help="Copies of its model."),
        click.option(
            "--local-network", multiple=True, metavar="HOST", help="A host or network that counts as this machine."
        ),
        click.option("--attest-provider", help="State that this provider may have credentialed data …"),
        click.option("--attest-retention", help="… under this retention setting …"),
        click.option("--attest-who", help="… in the words of this person; all three are stored with the run."),
        click.option("--concurrency", type=click.IntRange(min=1), help="Concurrent requests. [default: adapts]"),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            help="Seconds for one try. [default: grows with --max-tokens]",
        ),
        click.option(
            "--refusal-pattern",
            multiple=True,
            metavar="TEXT",
            help="Count rejections whose message holds TEXT as refusals.",
        ),
        click.option(
            "--patience",
            type=click.FloatRange(min=0),
            help="Seconds for which a server that is away is waited for. [default: 60; 5 before its first reply]",
        ),
        click.option("--no-look-check", is_flag=True, help="Ask nothing about drawn pictures before the first study."),
        click.option("--allow-blind", is_flag=True, help="Ask a model that the look check has shown to see no image."),
        click.option("--budget", metavar="20usd", help="Begin no study once so much is spent."),
        click.option("--max-requests", type=int, help="Begin no study once so many requests are sent."),
        click.option("--max-time", metavar="1h30m", help="Begin no study once so much time has passed."),
    )


def decoding_of(said: dict[str, Any]) -> tuple[Decoding, frozenset[str]]:
    """The decoding, and which of its values were written by the user."""
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.core.values import Decoding

    words = said["temperature"]
    try:
        temperature = None if words == "none" else 0.0 if words is None else float(words)
    except ValueError:
        raise UsageError(f"--temperature {words}: write a number, or none to leave it out") from None
    decoding = Decoding(said["max_tokens"], temperature, said["top_p"], said["seed"], tuple(said["stop"]))
    return decoding, frozenset(field for field, option in _STATED.items() if said[option] not in (None, ()))


def connection_of(said: dict[str, Any], fleet: Fleet) -> dict[str, Any]:
    """Those fields of a job that say where the model is and what may be spent."""
    from mmrad_eval.harness import budget, gate
    from mmrad_eval.model_registry.rejections import declared

    parts = ("provider", "retention", "who")
    attested = None
    if any(said[f"attest_{part}"] is not None for part in parts):
        attested = gate.attestation(**{part: said[f"attest_{part}"] or "" for part in parts})
    return {
        "base_url": said["base_url"],
        "api_key_env": said["api_key_env"],
        "api_key_file": said["api_key_file"],
        "allowed_keys": frozenset(said["allow_key"]),
        "serve": _serve_of(said, fleet),
        "local_networks": said["local_network"],
        "attestation": attested,
        "concurrency": said["concurrency"],
        "timeout": said["timeout"],
        "patience": said["patience"],
        "refusals": declared(said["refusal_pattern"]),
        "look_check": "off" if said["no_look_check"] else "allow blind" if said["allow_blind"] else "on",
        "budget": budget.Budget(
            usd=None if said["budget"] is None else budget.usd(said["budget"]),
            requests=said["max_requests"],
            seconds=None if said["max_time"] is None else budget.duration(said["max_time"]),
        ),
    }


def _serve_of(said: dict[str, Any], fleet: Fleet) -> ServeOptions | None:
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.model_registry.serving import ServeOptions

    details = ("serve_args", "serve_context", "serve_images", "dtype", "tensor_parallel", "data_parallel")
    if not said["serve"]:
        idle = next((name for name in details if said[name] is not None), None)
        if idle:
            raise UsageError(f"--{idle.replace('_', '-')} is for a server that --serve starts; say --serve too")
        return None
    return ServeOptions(
        images=said["serve_images"],
        context=said["serve_context"],
        dtype=said["dtype"],
        tensor_parallel=said["tensor_parallel"],
        data_parallel=said["data_parallel"],
        extra=tuple(shlex.split(said["serve_args"] or "")),
        fleet=fleet,
    )


def _with(command: Callable[..., Any], *options: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command
