"""The alignment behind a run's findings score of one study, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import UNSCORED_STATUSES, Example
from mmrad_eval.metrics.findings.examples import Priors, alignment_of
from mmrad_eval.metrics.findings.explain import lines
from mmrad_eval.metrics.findings.metric import PROFILE, STUDY
from mmrad_eval.metrics.findings.significance import Scheme
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.reports_file import studies_of
from mmrad_eval.results.scoring.run import as_seen

LABEL = f"{STUDY} @ {PROFILE}"


def signature_of(folder: RunFolder) -> str:
    """How the run's findings score is computed; empty where it has none."""
    summary = folder.summary()
    column = summary.columns.get(LABEL) if summary else None
    return column.signature if column else ""


def explained(example: Example, signature: str) -> tuple[str, ...]:
    """A line a finding, and how the score follows, under the weights and priors of a signature."""
    parts = dict(part.split(":", 1) for part in signature.split("|") if ":" in part)
    return lines(alignment_of(example, cast("Scheme", parts["weights"]), cast("Priors", parts["priors"])))


def explain(folder: RunFolder, ids: Sequence[str], references: str | None = None) -> list[str]:
    """The lines of these studies of a run; UsageError where it has no such score, or no such study."""
    signature = signature_of(folder)
    if not signature:
        raise UsageError(f"{folder.path} has no findings score to explain: score it with --metrics findings@rules")
    target = folder.run.identity.selection.target
    studies = {study.id: study for study in studies_of(folder, references)[0]}
    answers = {a.study: a for a in folder.answers() if a.status not in UNSCORED_STATUSES and a.study in ids}
    said = []
    for name in ids:
        if name not in answers or not (reference := studies[name].reference) or not reference.target(target):
            raise UsageError(f"{folder.path} has no scored study {name!r} to explain")
        example = Example(as_seen(studies[name], folder.run), answers[name], target)
        said += [f"{name}: {folder.run.card.label}, {LABEL}", *(f"  {line}" for line in explained(example, signature))]
    return said
