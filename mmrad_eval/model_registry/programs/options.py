"""How a program is run that is the model, beside what its card says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import UsageError

if TYPE_CHECKING:
    from mmrad_eval.model_registry.serving import Fleet


@dataclass(frozen=True)
class ProgramOptions:
    """What the run says of programs; all but ``fleet`` is for models of transformers (``hf:ID``)."""

    fleet: Fleet | None = None
    """Keeps the program for further runs of the same model; None: it ends with its run."""
    python: str | None = None
    """The interpreter whose environment holds transformers; None: our own."""
    dtype: str | None = None
    """Number format of the weights; None: that of the files."""
    device_map: str | None = None
    batch_size: int | None = None
    """Requests that are answered together at most; None: one."""
    trust_remote_code: bool = False
    """Whether code that comes with the weights is run."""

    def stated(self) -> tuple[str, ...]:
        """The options of the command line that say something of a model of transformers."""
        said = {
            "--python": self.python,
            "--dtype": self.dtype,
            "--device-map": self.device_map,
            "--batch-size": self.batch_size,
            "--trust-remote-code": self.trust_remote_code,
        }
        return tuple(name for name, value in said.items() if value)

    def refuse_for(self, label: str) -> None:
        """UsageError where something is said of a model of transformers, and another one is asked."""
        if self.stated():
            also = " and servers of --serve" if self.stated() == ("--dtype",) else ""
            raise UsageError(f"{self.stated()[0]} is for transformers models (hf:ID){also}, and {label} is not one")
