"""Whether a model's gain of region images may be called visual: the rule of ``faithfulness`` over a paper's runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmrad_eval.core.errors import MmradError
from mmrad_eval.core.values import UNSCORED_STATUSES, Answer, Study
from mmrad_eval.results.faithfulness.reading import ArmReading
from mmrad_eval.results.faithfulness.visual_claim import MARGIN, VisualClaim, sentence, visual_claim
from mmrad_eval.results.paper.runs import PaperRow, PaperRuns
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.statistics.bootstrap import RESAMPLES
from mmrad_eval.tasks.arms import MAIN, RIVALS


@dataclass(frozen=True)
class ClaimOptions:
    """How the claim is judged (``visual_claim``)."""

    margin: float = MARGIN
    declared: bool = False
    resamples: int = RESAMPLES


def visual_gain(paper: PaperRuns, model: str, options: ClaimOptions) -> Iterator[str]:
    """One sentence for a model that has a run of ``mcot``."""
    if paper.find(model, MAIN) is None:
        return
    try:
        claim = claim_of(paper, model, options)
    except MmradError as error:
        claim = VisualClaim("untested", why=f"the studies can't be loaded: {error}")
    yield sentence(claim).replace("**", "").replace("`", "")  # a table's note is plain text


def claim_of(paper: PaperRuns, model: str, options: ClaimOptions) -> VisualClaim:
    """The claim over this model's runs; DataError where the studies can't be loaded any more."""
    rows = {task: row for task in (MAIN, *RIVALS) if (row := paper.find(model, task)) is not None and row.why is None}
    lacking = [task for task in (MAIN, *RIVALS) if task not in rows]
    if lacking:
        return VisualClaim("untested", why=f"no run of {', '.join(lacking)} that can be compared")
    return visual_claim(
        list(_readings(rows, paper.selection(rows[MAIN].folders[0]))),
        margin=options.margin,
        declared=options.declared,
        resamples=options.resamples,
    )


def _readings(rows: dict[str, PaperRow], studies: list[Study]) -> Iterator[ArmReading]:
    """One for each sample, where every arm has equally many; else the first of each."""
    folders = {task: row.folders for task, row in rows.items()}
    counts = {len(found) for found in folders.values()}
    target = rows[MAIN].first.run.identity.selection.target
    for number in range(counts.pop() if len(counts) == 1 else 1):
        yield ArmReading(studies, target, {task: _answers(found[number]) for task, found in folders.items()})


def _answers(folder: RunFolder) -> dict[str, Answer]:
    return {answer.study: answer for answer in folder.answers() if answer.status not in UNSCORED_STATUSES}
