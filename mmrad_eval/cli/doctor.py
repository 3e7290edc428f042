"""mmrad-eval doctor: is everything here that a run may need?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from mmrad_eval.cli import terminal
from mmrad_eval.core.visible import visible

_MARKS = {"good": ("✓", "green"), "optional": ("·", "yellow"), "bad": ("✗", "red")}


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Where results go."
)
@click.option("--base-url", multiple=True, help="A server to check, in addition to those of MMRAD_VLLM_URL.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(out: Path, base_url: tuple[str, ...], *, as_json: bool) -> int:
    """Check what is installed, and say how to fix what is missing.

    Looks at packages, plugins, GPU, vLLM, servers, keys, weights and disk. The only requests ask each server
    which models it serves. Keys are detected, never shown. The exit status is 1 if something that is needed is broken;
    what is optional does not count.
    """
    from mmrad_eval.harness.health import findings

    bad = 0
    told = []
    for finding in findings(out, base_url):
        bad += finding.state == "bad"
        told.append(finding._asdict())
        if as_json:
            continue
        mark, colour = _MARKS[finding.state]
        words = visible(f"{finding.about}: {finding.words}")
        terminal.page(f"{click.style(mark, fg=colour)} {words}", styled=True)
        if finding.remedy:
            terminal.say(f"    → {finding.remedy}")
    if as_json:
        terminal.page(json.dumps(told, indent=1))
    return 1 if bad else 0
