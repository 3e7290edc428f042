"""What a dry run says: how many requests, pictures and tokens, and what they cost at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mmrad_eval.cli import terminal
from mmrad_eval.cli.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmrad_eval.core.contracts import Client
    from mmrad_eval.harness.jobs import Job
    from mmrad_eval.harness.plan import Plan
    from mmrad_eval.harness.preview import Preview


def say_job(job: Job, plan: Plan) -> None:
    """Say what one run would ask; GateError where the data may not leave."""
    from mmrad_eval.harness.preview import preview_of

    seen = preview_of(job, plan)
    terminal.say(f"{plan.card.label} · {plan.task.name} · {plan.dataset.name}, run {plan.identity.id()}")
    left_out = "".join(f"; {n} left out: {reason}" for reason, n in plan.left_out.items())
    patients = "no patient ids" if plan.patients is None else counted(plan.patients, "patient")
    terminal.say(f"  {counted(seen.studies, 'study', 'studies')}, {patients}{left_out}")
    if not seen.requests:
        terminal.say("  no request: no model is called")
        for words in seen.judged:
            terminal.say(f"  {words}")
        return
    first = "" if _one_turn(seen) else " in the first turn"
    terminal.say(
        f"  {requests(seen)}, about {counted(round(seen.images), 'image')}, {seen.megabytes:.1f} MB of pixels{first}"
    )
    terminal.say(
        f"  about {seen.prompt_tokens:,.0f} prompt tokens{first} (longest: {seen.longest[0]}, "
        f"{seen.longest[1]:,.0f}), {_answers(seen)}"
    )
    terminal.say(f"  {price([seen], batch=bool(job.batch))}{', in batches at half the price' * bool(job.batch)}")
    for words in seen.judged:
        terminal.say(f"  plus {words}")
    if said := look_check(job, plan):
        terminal.say(f"  first, {said}")
    if job.check_cache:
        again = min(job.check_cache, seen.studies)
        asked = counted(again, "study", "studies")
        terminal.say(f"  afterwards, {asked} twice more, with and without the prefix cache (--check-cache)")
    for trouble in seen.trouble:
        terminal.say(f"  cannot run: {trouble}")


def look_check(job: Job, plan: Plan) -> str:
    """What the look check takes at most, once for each server; empty where none is made."""
    from mmrad_eval.harness.look_check import requests_of, usage_of
    from mmrad_eval.harness.look_guard import addresses
    from mmrad_eval.results.run.spent import cost

    asked = 0 if job.look_check == "off" else requests_of(plan)
    if not asked:
        return ""
    servers = len(addresses(cast("Client", plan.model)))
    where = f"to each of {servers} servers" if servers > 1 else "per server"
    dollars = cost(usage_of(plan), plan.card)
    price = "" if dollars is None else f", up to {servers * dollars:.2f} US dollars"
    return f"{asked} requests with synthetic test images {where}{price} (the look check; --no-look-check skips it)"


def requests(seen: Preview) -> str:
    """How many requests: ``24 requests``, ``8 to 48 requests``, ``8 requests or more``."""
    if seen.most is None:
        return f"{seen.requests:,} requests or more (the task does not state its turns)"
    if _one_turn(seen):
        return counted(seen.requests, "request")
    return f"{seen.requests:,} to {seen.most.requests:,} requests"


def price(seen: Sequence[Preview], *, batch: bool = False) -> str:
    """What these runs cost together; in provider batches half as much."""
    known = [one.dollars for one in seen if one.dollars is not None]
    if batch:
        known = [(least / 2, most / 2) for least, most in known]
    if len(known) < len(seen):
        return "the model's card has no price"
    least, most = (sum(dollars) for dollars in zip(*known, strict=True)) if known else (0.0, 0.0)
    if any(one.most is None for one in seen):
        return f"{least:.2f} US dollars for the first prompts, {most:.2f} with their answers, more with later turns"
    first = "prompts" if all(map(_one_turn, seen)) else "first prompts"
    turns = "" if first == "prompts" else " and all turns"
    return f"{least:.2f} US dollars for the {first}, at most {most:.2f} with the answers{turns}"


def _one_turn(seen: Preview) -> bool:
    return seen.most is not None and seen.most.requests <= seen.requests


def _answers(seen: Preview) -> str:
    if seen.most is None:
        return f"up to {seen.completion_tokens:,} completion tokens for the first answers"
    return f"at most {seen.most.completion_tokens:,} completion tokens"
