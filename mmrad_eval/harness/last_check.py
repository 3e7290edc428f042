"""The last check before data leaves: is this study, or this request, MIMIC-CXR although the data is called open?

What is called open is looked at when it is loaded, as far as that costs nothing. Here each study is looked at again,
with where its links lead, before it is asked about; so are donors, and the words and pictures of each request. The
first hit stops the run, and nothing of that study is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mmrad_eval.core.contracts import Donor
from mmrad_eval.core.errors import GateError
from mmrad_eval.core.values import DataUse, Message, Study
from mmrad_eval.datasets.credentialed import marks_of, marks_of_messages

MASKED = "+marks-mask"
"""In the name of a dataset whose own marks were replaced by ``___``."""


@dataclass
class LastCheck:
    """Looks at what is about to be sent; GateError names what must not be."""

    dataset: str
    data_use: DataUse
    _seen: set[str] = field(default_factory=set)

    def study(self, study: Study) -> None:
        """Look at a study before anything of it leaves."""
        if self.data_use == "open" and study.id not in self._seen:
            found = marks_of(study, marks=MASKED not in self.dataset)
            if found:
                raise GateError(self._refusal(f"study {study.id}", found))
            self._seen.add(study.id)

    def messages(self, messages: Sequence[Message]) -> None:
        """Look at the words and pictures of a request before it leaves."""
        if self.data_use == "open":
            found = marks_of_messages(messages)
            if found:
                raise GateError(self._refusal("a request", found))

    def donor(self, donor: Donor) -> Donor:
        """The donor, each of whose studies is looked at before a task or a model gets it."""

        def checked(study: Study, where: Callable[[Study], bool] | None = None) -> Study:
            other = donor(study, where)
            self.study(other)
            return other

        return checked

    def _refusal(self, what: str, found: str) -> str:
        return (
            f"{self.dataset} is called open, but in {what} {found} is written as in MIMIC-CXR, which is credentialed; "
            "the run was stopped, and nothing of it was sent. Run it without --data-use open, against a model on this "
            "machine or with an attestation (--attest-provider)"
        )
