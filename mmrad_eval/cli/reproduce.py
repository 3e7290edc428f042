"""mmrad-eval reproduce: which convention explains each column of published scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from mmrad_eval.cli.leaderboard import show
from mmrad_eval.cli.references import studies
from mmrad_eval.cli.shared_options import table_options


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--references", "-r", help="The studies: a registered name, FORMAT:PATH, or a path.")
@click.option("--predictions", "-p", type=click.Path(path_type=Path), help="File of the reports, where FILE has none.")
@click.option("--split", help="Split of the references ('all' for all); default: test where there is one.")
@click.option(
    "--target",
    type=click.Choice(["findings", "impression", "report"]),
    help="Part of the report that was scored. [default: each is tried]",
)
@click.option(
    "--metrics", "-M", multiple=True, help="Metrics or suites to try, comma-separated. [default: paper, lexical]"
)
@table_options
def reproduce(file: Path, metrics: tuple[str, ...], form: str | None, out: Path | None, **said: Any) -> int:
    """Find the metric convention behind each column of published scores.

    Scores the reports of FILE again, and says which convention explains each column, or that none does. FILE has
    one row per report: an id, columns of scores, and the texts (or --predictions and --references name them). Or it
    holds corpus-level values, as one row or as {"Bleu_4": 0.104}; then both options name the texts.
    """
    from mmrad_eval.core.values import Target
    from mmrad_eval.datasets.predictions import read_predictions
    from mmrad_eval.metrics import suite
    from mmrad_eval.results.validation.corpus_row import explain_whole, pairs_of_all, read_corpus_row
    from mmrad_eval.results.validation.reproduce import TARGETS, explain, ours, pairs, table_of
    from mmrad_eval.results.validation.score_files import read_sheet

    whole = read_corpus_row(file)
    sheet = whole or read_sheet(file)
    target = cast("Target | None", said["target"])
    known = []
    if said["references"]:
        tried = (target,) if target else TARGETS
        known = list({s.id: s for one in tried for s in _some(said["references"], said["split"], one)}.values())
    reports = read_predictions(said["predictions"]).reports if said["predictions"] else None
    examples = pairs_of_all(file, known, reports) if whole else pairs(sheet, known, reports)
    built = suite([name for entry in metrics for name in entry.split(",") if name] or ["paper", "lexical"])
    candidates = list(ours(examples, built, (target,) if target else TARGETS))
    found = explain_whole(sheet, candidates) if whole else explain(sheet, examples, candidates)
    left = 0 if whole else len(sheet) - len(examples)
    notes = [f"Values of a whole corpus, compared with ours over {len(examples)} reports."] if whole else []
    notes += [f"{left} of {len(sheet)} rows have no report or no reference and were left out."] if left else []
    show([table_of(sheet, found, [*notes, *(f"{one}." for one in built.missing)])], form, out, all_columns=True)
    return 0


def _some(spec: str, split: str | None, target: Any) -> Any:
    """Studies with this part; none where there is no such part."""
    from mmrad_eval.core.errors import UsageError

    try:
        return studies(spec, split, target)
    except UsageError:
        return []
