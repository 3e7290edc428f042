"""Preference pairs of references: a report, and a copy of it with one planted error of a known kind.

Only the reports are shown: a trace beside them would tell which one is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from mmrad_eval.core.values import Study
from mmrad_eval.results.validation import perturbations
from mmrad_eval.training.drafts import Draft, Unfit, checked
from mmrad_eval.training.pairs import PairDraft, differences, equally_long

EDITS: dict[str, perturbations.Make] = {
    "side": perturbations.swapped_sides,
    "negation": perturbations.flipped_negation,
    "severity": perturbations.changed_severity,
    "invention": perturbations.added_finding,
}


def planted_pair(study: Study, report: str) -> PairDraft:
    """The report and a copy with one error. Unfit where no error can be made that changes an abnormal statement.

    Equal studies get equal pairs; which kind of error comes first differs by study.
    """
    lines = [" ".join(line.split()) for line in report.splitlines()]  # of both sides: blanks must not tell them apart
    chosen = checked(Draft(study, "\n".join(lines).strip()))
    for kind in sorted(EDITS, key=lambda name: sha256(f"{study.id}/{name}".encode()).digest()):
        for edited in _edited(EDITS[kind], lines, study.id, whole=kind == "side"):
            if equally_long(chosen.report, edited) and (differs := differences(chosen.report, edited)):
                return PairDraft(study, chosen, Draft(study, edited), differs, kind=f"planted {kind}")
    raise Unfit("no error can be planted that changes an abnormal finding of their report")


def _edited(edit: perturbations.Make, lines: Sequence[str], seed: str, *, whole: bool) -> Iterator[str]:
    """The report with one line edited, for each line where that can be; or with all of them."""
    made = [edit(line, seed) or line for line in lines]
    if whole:
        yield "\n".join(made).strip()
        return
    for place, line in enumerate(made):
        if line != lines[place]:
            yield "\n".join([*lines[:place], line, *lines[place + 1 :]]).strip()
