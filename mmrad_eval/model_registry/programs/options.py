"""How a program is run that is the model, beside what its card says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmrad_eval.model_registry.serving import Fleet


@dataclass(frozen=True)
class ProgramOptions:
    """What the run says of programs."""

    fleet: Fleet | None = None
    """Keeps the program for further runs of the same model; None: it ends with its run."""
