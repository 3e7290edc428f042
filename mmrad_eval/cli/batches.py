"""`mmrad-eval batches`: the provider batches of a results folder; wait for them, or cancel some."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.core.visible import visible

if TYPE_CHECKING:
    from mmrad_eval.harness.manifests import Manifest
    from mmrad_eval.model_registry.batch_forms import BatchForm, BatchState
    from mmrad_eval.model_registry.wire import WireClient

_REPLIES = "what was answered by then"
_TRIES = 8  # looks in a row that fail


@click.command(name="batches")
@click.argument("results", type=click.Path(path_type=Path), default=Path("results"))
@click.option("--wait", is_flag=True, help="Wait until all batches in progress have ended.")
@click.option(
    "--cancel", "cancelled", multiple=True, metavar="ID", help="Cancel a batch; replies that it already has are kept."
)
@click.option("--base-url", multiple=True, help="Address of the provider. [default: the provider's own]")
@click.option("--api-key-env", help="Environment variable that holds the key.")
@click.option("--api-key-file", type=click.Path(path_type=Path), help="File that holds the key (mode 600).")
def batches(**said: Any) -> int:
    """List provider batches, wait for them, or cancel some.

    To fetch their replies, run the command that submitted them again.
    """
    from mmrad_eval.core.errors import UsageError

    found = _found(said["results"])
    if not found:
        raise UsageError(f"{said['results']}: there are no batches; `mmrad-eval run --batch` submits one")
    under_way = [(one, where) for one, where in found if one.batch and one.open]
    unknown = set(said["cancelled"]) - {one.batch for one, _ in under_way}
    if unknown:
        known = ", ".join(one.batch for one, _ in under_way) or "none"
        raise UsageError(f"--cancel {min(unknown)}: no such batch in progress; in progress: {known}")
    for one, _ in under_way:
        if one.batch in said["cancelled"] or (said["wait"] and not said["cancelled"]):
            asyncio.run(_settle(one, said, cancel=one.batch in said["cancelled"]))
    if not said["cancelled"] and not said["wait"]:
        terminal.page("\n".join(map(visible, _lines(found))))
    return 0


def _found(results: Path) -> list[tuple[Manifest, str]]:
    """Every manifest, and the data and model that it belongs to; the oldest first."""
    from mmrad_eval.harness.manifests import FOLDER, Manifests

    folders = sorted((results / "replies").glob(f"*/*/{FOLDER}"))
    return [(one, folder.parent.parent.name) for folder in folders for one in Manifests(folder).all()]


def _lines(found: list[tuple[Manifest, str]]) -> list[str]:
    head = ("batch", "model", "data", "made (UTC)", "requests", "replies", "state")
    rows = [head, *(_cells(one, data) for one, data in found)]
    wide = [max(len(row[place]) for row in rows) for place in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in rows]


def _cells(one: Manifest, data: str) -> tuple[str, ...]:
    words = {"created": "under way", "done": "fetched", "void": "never made"}
    state = words.get(one.step, "unknown: run its command again") + (f": {one.why}" if one.why else "")
    made = f"{datetime.fromtimestamp(one.made, UTC):%Y-%m-%d %H:%M}"
    name = f"{one.provider}:{one.model}"
    replies = f"{one.replies:,}" if one.step == "done" else "-"
    return (one.batch or one.label, name, data, made, f"{len(one.keys):,}", replies, state)


async def _settle(one: Manifest, said: dict[str, Any], *, cancel: bool) -> None:
    """Cancel a batch, or wait until it has ended."""
    from mmrad_eval.core.errors import ModelError, TransportError
    from mmrad_eval.model_registry.batch_providers import form_of

    client = _client(one, said)
    form: BatchForm = form_of(client)
    try:
        if cancel:
            terminal.say(f"{one.batch}: {await _cancelled(form, one.batch)}; run its command again to fetch {_REPLIES}")
            return
        state = await _ended(form, one.batch)
        terminal.say(f"{one.batch}: {state.words}; run its command again to fetch {len(one.keys):,} replies")
    except TransportError as error:
        raise ModelError(f"{one.batch}: {error.why}") from error
    finally:
        await client.close()


async def _cancelled(form: BatchForm, batch: str) -> str:
    """What became of a request to cancel a batch, which an earlier command may have made before it was killed."""
    from mmrad_eval.core.errors import TransportError

    try:
        await form.cancel(batch)
    except TransportError as refused:
        try:
            state = await form.state(batch)
        except TransportError:
            raise refused from None
        if not state.ended and "cancel" not in state.words:
            raise
        return f"nothing to cancel, it is {state.words}"
    return "cancelled"


async def _ended(form: BatchForm, batch: str) -> BatchState:
    """The state of a batch once it has ended; a server that fails for a while is asked again."""
    from mmrad_eval.core.errors import TransportError
    from mmrad_eval.harness.batching import pauses

    failed = 0
    for pause in pauses():
        try:
            state = await form.state(batch)
        except TransportError as error:
            failed += 1
            if not error.retry or failed == _TRIES:
                raise
        else:
            failed = 0
            if state.ended:
                return state
        await asyncio.sleep(pause)
    raise AssertionError("the pauses never run out")


def _client(one: Manifest, said: dict[str, Any]) -> WireClient:
    """The client of a batch's provider; nothing of the data is sent by it."""
    from mmrad_eval import model_registry
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.model_registry.wire import WireClient

    model = model_registry.resolve(
        f"{one.provider}:{one.model}",
        base_url=said["base_url"],
        api_key_env=said["api_key_env"],
        api_key_file=said["api_key_file"],
    )
    if not isinstance(model, WireClient):
        raise UsageError(f"{one.provider}:{one.model} is served by a plugin, which has no batches")
    return model
