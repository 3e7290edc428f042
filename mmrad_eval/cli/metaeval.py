"""mmrad-eval metaeval: metrics against the judgement of radiologists."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.judge_options import judges_of, judging_options, terms_of
from mmrad_eval.cli.leaderboard import show
from mmrad_eval.cli.metric_options import workers_option
from mmrad_eval.cli.progress import Progress
from mmrad_eval.cli.shared_options import table_options

if TYPE_CHECKING:
    from mmrad_eval.core.values import Example
    from mmrad_eval.metrics import Suite
    from mmrad_eval.results.validation.rated_scores import Scored


@click.command()
@click.argument("ratings", type=click.Path(path_type=Path))
@click.option("--scores", type=click.Path(path_type=Path), help="File of scores, one row per case (and candidate).")
@click.option(
    "--metrics", "-M", multiple=True, help="Metrics of the texts in RATINGS, comma-separated. [default: paper]"
)
@workers_option
@judging_options
@click.option("--data-use", type=click.Choice(["open", "credentialed"]), help="Data-use class of the data, if unknown.")
@click.option(
    "--rating",
    "wanted",
    multiple=True,
    metavar="COLUMN[=lower|higher]",
    help="Column that holds a rating, and whether lower or higher is better.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="Map a field to a column of RATINGS, such as reader=rater.",
)
@click.option("--against", metavar="COLUMN", help="Also compare each metric with this one, paired by case.")
@click.option("--resamples", type=click.IntRange(min=0), default=2000, show_default=True, help="Bootstrap resamples.")
@click.option("--all-metrics", is_flag=True, help="Show all metrics. [default: the first 20 of the first table]")
@table_options
def metaeval(ratings: Path, scores: Path | None, form: str | None, out: Path | None, **said: Any) -> int:
    """Compare metrics with radiologists' ratings, counts of errors or preferences.

    RATINGS has one row per case (and candidate, and rater): a rating or count in a column, or long form with
    error_category and num_errors, or preferred and over; or RadJudge's JSON of expected rankings. Several raters give
    an upper bound. Metrics come from --scores, from columns beside the ratings, or are computed where RATINGS has texts
    (reference, report).
    """
    from mmrad_eval.cli.data import pairs
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.harness.measuring import mapper_of
    from mmrad_eval.metrics import suite
    from mmrad_eval.results.scoring.workers import Workers
    from mmrad_eval.results.validation.metaeval import tables_of
    from mmrad_eval.results.validation.rated_scores import of_file, of_sheet, of_texts
    from mmrad_eval.results.validation.ratings import read_ratings
    from mmrad_eval.results.validation.score_files import read_sheet

    said_ratings = dict(_rating(word) for word in said["wanted"])
    found = read_ratings(ratings, pairs(said["columns"], "--column"), said_ratings)
    scored = of_file(found) + (of_sheet(found, read_sheet(scores)) if scores else [])
    missing: list[str] = []
    names = [name for entry in said["metrics"] for name in entry.split(",") if name]
    if found.texts and (names or not scored):
        workers, tell = Workers.written(said["workers"]), partial(terminal.say, err=True)
        mapper = mapper_of(workers, said["data_use"] or "unknown", said["local_networks"], tell)
        scores_of_texts, metrics = of_texts(found, suite(names or ["paper"]), mapper, _judging(said))
        scored += scores_of_texts
        missing = [str(one) + "." for one in metrics.missing]
    if not scored:
        raise UsageError(
            f"{ratings} has neither metric columns nor texts (reference, report): name a file of scores with --scores"
        )
    tables = tables_of(
        found,
        scored,
        resamples=said["resamples"],
        missing=missing,
        all_metrics=said["all_metrics"],
        against=_against(said["against"], scored),
    )
    if not tables:
        raise UsageError(f"{ratings} contains no ratings and no preferences; name a column with --rating COLUMN=higher")
    show(tables, form, out, all_columns=True)
    return 0


def _against(label: str | None, scored: Sequence[Scored]) -> Scored | None:
    """The metric that ``--against`` names; UsageError where none has that name."""
    import difflib

    from mmrad_eval.core.errors import UsageError

    found = next((one for one in scored if one.label == label), None)
    if label is not None and found is None:
        labels = [one.label for one in scored]
        near = difflib.get_close_matches(label, labels, n=3, cutoff=0.4) or labels[:3]
        raise UsageError(f"--against {label}: no such metric; choose {', '.join(near)}")
    return found


def _judging(said: dict[str, Any]) -> Any:
    """What lets metrics ask the judge that was named; None where none was."""
    from mmrad_eval.core.contracts import Dataset
    from mmrad_eval.harness.judge_runs import judge_dataset

    judges, terms = judges_of(said), terms_of(said)
    if judges is None:
        return None

    def ask(metrics: Suite, examples: Sequence[Example]) -> Suite:
        dataset = Dataset("ratings", [example.study for example in examples], said["data_use"] or "unknown")
        return judge_dataset(judges, terms, dataset, examples, metrics, Path("results"), Progress())[0]

    return ask


def _rating(word: str) -> tuple[str, Any]:
    from mmrad_eval.core.errors import UsageError

    name, _, better = word.partition("=")
    if better not in ("", "lower", "higher"):
        raise UsageError(f"--rating {word}: write lower or higher after the =")
    return name, better or None
