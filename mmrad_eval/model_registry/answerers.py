"""Models that answer studies and see no request: the baselines, and reports that were made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mmrad_eval.core.canonical import digest
from mmrad_eval.core.contracts import Answerer, Donor
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Card, DataUse, Report, Step, Study, Trace

if TYPE_CHECKING:  # reading files imports what a listing does not need
    from mmrad_eval.datasets.predictions import Predictions

FINDINGS = (
    "The heart is normal in size. The mediastinal and hilar contours are unremarkable. The lungs are clear without "
    "focal consolidation. No pleural effusion or pneumothorax is seen. No acute osseous abnormality."
)
IMPRESSION = "No acute cardiopulmonary abnormality."


class Evidence(Answerer):
    """Copy the evidence text that the task shows: what a report scores that adds nothing to it."""

    endpoints = ()
    card = Card(provider="baseline", id="evidence", revision="1", summary="copies the evidence text that is shown")

    def answer(self, study: Study, shown: Trace | None, donor: Donor) -> Report | None:
        """The observations in order, joined by blanks; empty where the task shows no text."""
        if shown is None:
            return Report()
        texts = [step.text.strip() for step in shown.steps] + [shown.text.strip()]
        return Report(text=" ".join(text for text in texts if text))


class Normal(Answerer):
    """Answer every study with one normal report."""

    endpoints = ()
    card = Card(provider="baseline", id="normal", revision="1", summary="one fixed normal report for every study")

    def answer(self, study: Study, shown: Trace | None, donor: Donor) -> Report | None:
        """The same report, whatever the study."""
        return Report(text=f"FINDINGS: {FINDINGS}\nIMPRESSION: {IMPRESSION}", findings=FINDINGS, impression=IMPRESSION)


class Reference(Answerer):
    """Answer with the study's own reference: the ceiling of every metric."""

    endpoints = ()
    card = Card(provider="baseline", id="reference", revision="1", summary="the reference itself: the upper bound")

    def answer(self, study: Study, shown: Trace | None, donor: Donor) -> Report | None:
        """The reference report; None where the study has none."""
        return study.reference


class Shuffle(Answerer):
    """Answer with another patient's reference: the level of chance."""

    endpoints = ()
    card = Card(provider="baseline", id="shuffle", revision="1", summary="another patient's reference: chance level")

    def answer(self, study: Study, shown: Trace | None, donor: Donor) -> Report | None:
        """The reference of a deterministic other patient who has one."""
        return donor(study, lambda other: other.reference is not None).reference


class SecondReader(Answerer):
    """Answer with the report of a second reader: what a radiologist scores against the reference."""

    endpoints = ()
    card = Card(provider="baseline", id="second-reader", revision="1", summary="a second radiologist's own report")

    def answer(self, study: Study, shown: Trace | None, donor: Donor) -> Report | None:
        """The second report; None where the study has none."""
        return study.second


class FileAnswerer(Answerer):
    """External reports, joined to studies by id: ``file:PATH`` and ``mmrad-eval score`` alike.

    The identity is what the file says, not its bytes: other reports or traces under the same name are another run, the
    same reports in another format are not.
    """

    card: Card
    data_use: DataUse
    endpoints = ()

    def __init__(self, predictions: Predictions, name: str = "") -> None:
        """``name``: what tables call it; the file's name without its ending where empty."""
        self.predictions = predictions
        self.data_use = predictions.data_use
        called = name or predictions.path.name.partition(".")[0] or predictions.path.name
        self.card = Card(
            provider="file",
            id=called,
            revision=_revision(predictions),
            name=called,
            summary=f"{len(predictions.reports)} reports read from {predictions.path}{predictions.joined}",
        )

    def answer(self, study: Study, shown: Trace | None, donor: Donor) -> Answer | None:
        """The answer under this study's id; None where the file has none."""
        answer = self.predictions.answer(study.id)
        if answer is None or answer.trace is None:
            return answer
        return msgspec.structs.replace(answer, trace=_on_film(answer.trace, study))

    def trace(self, study: Study) -> Trace | None:
        """The trace that stands beside the report."""
        trace = self.predictions.traces.get(study.id)
        return None if trace is None else _on_film(trace, study)


def _on_film(trace: Trace, study: Study) -> Trace:
    """The trace with looks that are cut anew (``traces.transcripts``) cut from the study's own film."""
    film = next((image for image in study.images if image.role == "current"), None)
    if film is None or not any(_to_cut(step) for step in trace.steps):
        return trace
    own = {"path": film.path, "name": film.name, "size": film.size}
    steps = [
        msgspec.structs.replace(step, image=msgspec.structs.replace(step.image, **own))
        if step.image is not None and _to_cut(step)
        else step
        for step in trace.steps
    ]
    return msgspec.structs.replace(trace, steps=tuple(steps))


def _to_cut(step: Step) -> bool:
    image = step.image
    return image is not None and (image.source, image.render) == ("tool", "crop") and not Path(image.path).is_file()


def _revision(predictions: Predictions) -> str:
    """Other reports, traces or statuses under the same name are another run."""
    parts = [predictions.reports, predictions.traces, predictions.statuses()]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return digest(parts if len(parts) > 1 else parts[0])[:12]


def predictions(path: str) -> FileAnswerer:
    """``file:PATH``; DataError where it is not there or holds no reports."""
    from mmrad_eval.datasets.predictions import read_predictions

    file = Path(path).expanduser()
    if not file.exists():
        raise DataError(
            f"{file}: no such file; `file:PATH` takes a csv, jsonl or json file of reports, or a folder of trajectories"
        )
    return FileAnswerer(read_predictions(file))
