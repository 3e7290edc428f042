"""`mmrad-eval data convert A B`: traces from one format to another."""

from __future__ import annotations

import click

from mmrad_eval.cli import terminal


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def convert(a: str, b: str, *, as_json: bool) -> None:
    """Convert traces between formats: mmrad.trace (jsonl, parquet), mmrad, thinkvg, zebra, anole.

    Transcripts of other harnesses are read too: deepeyes, mini-o3, lmms-eval, vlmevalkit, ms-swift, verl.

    A and B are paths or FORMAT:PATH. The format of A is recognized; B is the neutral record mmrad.trace/1 unless it
    names another. What could not be converted stays in the record with a reason, and is counted here.
    """
    import msgspec

    from mmrad_eval.traces.convert import convert as run

    done = run(a, b)
    if as_json:
        terminal.page(msgspec.json.encode({**msgspec.to_builtins(done), "notes": dict(done.notes)}).decode())
        return
    rows = "" if done.written == done.records else f" as {done.written} rows"
    terminal.say(f"{done.records} records, {done.source} to {done.target}{rows}, written to {b.partition(':')[2] or b}")
    if done.data_use != "open":
        terminal.say(f"  its data is {done.data_use}: keep it only where its source data may be kept")
    if done.pictures:
        terminal.say(f"  {done.pictures} images embedded in the rows were written to files beside it")
    for identity, why in list(done.invalid.items())[:5]:
        terminal.say(f"  invalid: {identity}: {why}")
    if len(done.invalid) > 5:
        terminal.say(f"  and {len(done.invalid) - 5} more are invalid")
    for note, count in done.notes.most_common(8):
        terminal.say(f"  {count} x {note}")
    if len(done.notes) > 8:
        terminal.say(f"  and {len(done.notes) - 8} other notes (--json has them all)")
