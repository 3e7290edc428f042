"""`mmrad-eval models`: baselines, providers, cards, plugins; what a card says, and which tasks its model cannot run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal

if TYPE_CHECKING:
    from mmrad_eval.core.values import Card


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def models(ctx: click.Context, *, as_json: bool) -> None:
    """List the models; `models show NAME` describes one.

    A card's line says how many images a request may hold, how its boxes are read (frame and dialect), whether vLLM
    serves it, what it was trained on, which tasks it cannot run, and which of its facts are unverified.
    """
    if ctx.invoked_subcommand is not None:
        return
    from mmrad_eval.model_registry import model_cards, registry

    known = [{"name": e.name, "summary": e.summary, "from": e.origin, "target": e.target} for e in registry()]
    cards = model_cards.builtin()
    if as_json:
        described = [{"name": name, "from": "card", **_facts(card)} for name, card in cards.items()]
        terminal.page(json.dumps([*known, *described], indent=1))
        return
    wide = max(len(entry["name"]) for entry in known)
    for entry in known:
        origin = "" if entry["from"] == "mmrad-eval" else f"  [{entry['from']}]"
        terminal.say(f"{entry['name']:<{wide}}  {entry['summary']}{origin}")
    terminal.say()
    terminal.say("Cards (use a card's name or its model id):")
    rows = [_row(name, card) for name, card in cards.items()]
    if terminal.has_colours():  # lines of its width; elsewhere one a card, for grep
        _wrapped(rows)
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        terminal.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _wrapped(rows: list[tuple[str, ...]]) -> None:
    """Each card's name, and what is known of it in lines as wide as the terminal."""
    import shutil
    import textwrap

    room = max(shutil.get_terminal_size((100, 24)).columns - 1, 40)
    for name, *facts in rows:
        terminal.say(name)
        for line in textwrap.wrap("; ".join(filter(None, facts)), room - 4, break_on_hyphens=False):
            terminal.say(f"    {line}")


@models.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(name: str, *, as_json: bool) -> None:
    """Describe one model: every fact with its source, and the tasks that it cannot run."""
    from mmrad_eval.model_registry import model_cards, registry

    card = model_cards.builtin().get(name) or model_cards.by_spec(name)
    if card is None:
        entry = registry().entry(name)
        told: dict[str, Any] = {
            "model": name,
            "summary": entry.summary,
            "from": entry.origin,
            "target": entry.target,
        }
        sources: dict[str, str] = {}
    else:
        told, sources = {"model": name, **_facts(card), "cannot run": _refused(card) or "nothing known"}, card.sources
    if as_json:
        terminal.page(json.dumps(told | {"sources": sources}, indent=1))
        return
    for key, value in told.items():
        words = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        source = f"  ({sources[key]})" if key in sources else ""
        terminal.say(f"{key}: {words}{source}")


def _facts(card: Card) -> dict[str, Any]:
    import msgspec

    facts: dict[str, Any] = msgspec.to_builtins(card)
    facts.pop("sources", None)
    return facts


def _row(name: str, card: Card) -> tuple[str, ...]:
    served = {True: "vLLM", False: "not by vLLM", None: ""}[card.served_by_vllm]
    one = "1 image (several as a montage)" if card.max_images == 1 else f"≤ {card.max_images} images"
    images = one if card.max_images else "images: n"
    price = f"${card.price[0]:g}/{card.price[1]:g}" if card.price else ""
    trained = f"saw {', '.join(card.trained_on)}" if card.trained_on else ""
    refused = _refused(card)
    takes = f"cannot run: {'; '.join(refused)}" if refused else ""
    boxes = f"{card.box_frame} ({card.dialect})" if card.dialect else card.box_frame
    doubts = _unverified(card)
    unverified = f"unverified: {', '.join(doubts)}" if doubts else ""
    rest = "; ".join(filter(None, (served, price, trained, takes, unverified)))
    return name, f"{card.provider}:{card.id}", images, boxes, rest


def _unverified(card: Card) -> list[str]:
    """The facts of a card whose source says that nobody has verified them."""
    return [fact.replace("_", " ") for fact, source in card.sources.items() if "unverified" in source]


def _refused(card: Card) -> list[str]:
    """The tasks that the card says are impossible, and why."""
    if card.served_by_vllm is False:
        return ["any task here: no server supports it; produce its reports elsewhere and score them (file:PATH)"]
    return []
