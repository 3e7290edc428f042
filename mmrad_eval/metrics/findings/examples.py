"""Examples of a run as alignments: what was shown to who wrote the report, and how old the patient is."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from mmrad_eval.core.values import Example, Study
from mmrad_eval.datasets.views import orientation
from mmrad_eval.metrics.findings.alignment import Alignment, align
from mmrad_eval.metrics.findings.policies import NORMAL, hedged_everything
from mmrad_eval.metrics.findings.reading import read
from mmrad_eval.metrics.findings.significance import Scheme

Priors = Literal["study", "shown", "none"]
PRIORS: tuple[Priors, ...] = ("study", "shown", "none")
"""Whether a prior study was shown: where the study has one, always, never."""
WRITTEN = frozenset(("ok", "truncated"))
"""Statuses of answers that hold a report; whatever text another one has is none."""

_AGE = re.compile(r"\s*0*(\d+(?:\.\d+)?)\s*-?\s*([a-z]*)", re.IGNORECASE)
_YEARS = {"": 1.0, "y": 1.0, "m": 1 / 12, "w": 1 / 52, "d": 1 / 365}
_ALIGNED = 1 << 12


@lru_cache(maxsize=_ALIGNED)
def aligned(  # noqa: PLR0917 (one key of a cache)
    reference: str,
    candidate: str,
    scheme: Scheme,
    age: float | None,
    prior: bool,
    lateral: bool,
) -> Alignment:
    """Two texts side by side, once."""
    return align(read(reference), read(candidate), scheme=scheme, age=age, prior=prior, lateral=lateral)


def alignment_of(example: Example, scheme: Scheme = "tiers", priors: Priors = "study") -> Alignment:
    """The report of an example beside its reference."""
    study = example.study
    text = example.candidate if example.answer.status in WRITTEN else ""
    return aligned(
        example.reference or "", text, scheme, age_of(study), prior_shown(study, priors), lateral_shown(study)
    )


@lru_cache(maxsize=_ALIGNED)
def policies(reference: str, scheme: Scheme, age: float | None) -> tuple[Alignment, Alignment]:
    """The normal template, and everything hedged, beside a reference."""
    return (
        align(read(reference), read(NORMAL), scheme=scheme, age=age),
        align(read(reference), read(hedged_everything()), scheme=scheme, age=age),
    )


def prior_shown(study: Study, priors: Priors) -> bool:
    """Whether who wrote the report could compare."""
    return bool(study.priors) if priors == "study" else priors == "shown"


def lateral_shown(study: Study) -> bool:
    """Whether a lateral view was among the images, or may have been: False where all views are known and none is."""
    views = [orientation(image.view) for image in study.images]
    return not views or any(view != "frontal" for view in views)


def age_of(study: Study) -> float | None:
    """Years; None where the study does not say."""
    match = _AGE.match(study.context.age or "")
    if match is None or match[2][:1].lower() not in _YEARS:
        return None
    return float(match[1]) * _YEARS[match[2][:1].lower()]
