"""Counts what a dataset holds: studies, patients, views, sections, empties, de-identification marks, steps and
regions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Report, Step, Study, Value
from mmrad_eval.datasets import comparisons, deidentification

UNKNOWN = "unknown"

Labeler = Callable[[str], Iterable[str]]


class Spread(Value, frozen=True, omit_defaults=False):
    """How a whole number is spread over things: their count, the least, the quartiles, the most, and the sum."""

    n: int = 0
    least: int = 0
    lower: int = 0
    median: int = 0
    upper: int = 0
    most: int = 0
    total: int = 0


class Description(Value, frozen=True, omit_defaults=False):
    """What ``data describe`` prints; ``--json`` has these names."""

    name: str
    format: str
    source: str
    data_use: str
    studies: int = 0
    patients: int | None = None
    """Distinct patients; None where no study names one."""
    without_patient: int = 0
    splits: dict[str, int] = {}
    """Split -> studies; ``unknown`` for studies without one."""
    images: int = 0
    images_per_study: dict[int, int] = {}
    """Number of images -> studies."""
    views: dict[str, int] = {}
    """The data's own word for a view -> images."""
    priors: int = 0
    """Studies with a prior study of the same patient."""
    references: int = 0
    """Studies with a report that is not empty."""
    empty: int = 0
    """Studies whose report is there and empty."""
    findings: int = 0
    impression: int = 0
    no_sections: int = 0
    """Reports without a heading for findings or impression."""
    words_findings: Spread = Spread()
    words_impression: Spread = Spread()
    words_report: Spread = Spread()
    context: dict[str, int] = {}
    """Field of the context -> studies that have it."""
    marks: dict[str, int] = {}
    """De-identification mark -> reports that hold it."""
    mark_totals: dict[str, int] = {}
    """De-identification mark -> how often it stands in reports."""
    comparisons: int = 0
    """Reports with a statement that compares with a prior examination."""
    labels: dict[str, int] = {}
    """Label of the data set (its source before a colon) -> studies that have it: those where it is above 0."""
    findings_present: dict[str, int] = {}
    """Finding -> reports in which the labeler that was given finds it present; empty where none was given."""
    traces: int = 0
    steps_per_trace: dict[int, int] = {}
    categories: dict[str, int] = {}
    """Category -> steps."""
    announced: dict[str, int] = {}
    """Region as a step writes it -> steps."""
    regions: dict[str, int] = {}
    """Fine name of the vocabulary -> steps that name it."""
    boxes: int = 0
    region_images: int = 0
    frames: dict[str, int] = {}
    """Frame -> boxes of traces and readers."""
    words_step: Spread = Spread()
    words_trace: Spread = Spread()
    reader_boxes: int = 0
    reader_labels: dict[str, int] = {}
    notes: tuple[str, ...] = ()


class Tally:
    """Counts of studies, kept in one pass and little memory."""

    def __init__(self, labeler: Labeler | None = None) -> None:
        self.labeler = labeler
        self.n: Counter[str] = Counter()
        self.patients: set[str] = set()
        self.by: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.spread: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def study(self, study: Study) -> None:
        """Count one more study."""
        self.n["studies"] += 1
        if study.patient is None:
            self.n["without_patient"] += 1
        else:
            self.patients.add(study.patient)
        self._count("splits", study.split or UNKNOWN)
        self.n["images"] += len(study.images)
        self._length("images_per_study", len(study.images))
        for image in study.images:
            self._count("views", image.view or UNKNOWN)
        self.n["priors"] += bool(study.priors)
        for field in study.context.__struct_fields__:
            if getattr(study.context, field):
                self._count("context", field)
        if study.reference is not None:
            self._report(study.reference)
        if study.trace is not None:
            self._trace(study)
        for label in study.labels:
            if label.value > 0:
                self._count("labels", f"{label.source}: {label.name}")
        for drawn in study.boxes:
            self.n["reader_boxes"] += 1
            self._count("reader_labels", drawn.label or UNKNOWN)
            self._count("frames", drawn.box.frame)

    def description(self, dataset: Dataset) -> Description:
        """All that was counted."""
        counts = {field: self.n[field] for field in NUMBERS}
        names = {field: dict(self.by[field].most_common()) for field in NAMES}
        names["views"] = _in_one_spelling(names["views"])
        lengths = {field: dict(sorted(self.spread[field].items())) for field in LENGTHS}
        spreads = {field: spread(self.spread[field]) for field in SPREADS}
        known = self.n["without_patient"] < self.n["studies"]
        return Description(
            name=dataset.name,
            format=dataset.format,
            source=dataset.source,
            data_use=dataset.data_use,
            patients=len(self.patients) if known else None,
            notes=tuple(dataset.notes),
            **counts,  # type: ignore[arg-type]  # names of integer fields
            **names,  # type: ignore[arg-type]  # names of dict[str, int] fields
            **lengths,  # type: ignore[arg-type]  # names of dict[int, int] fields
            **spreads,  # type: ignore[arg-type]  # names of Spread fields
        )

    def _report(self, report: Report) -> None:
        if not report.text.strip():
            self.n["empty"] += 1
            return
        self.n["references"] += 1
        self._length("words_report", len(report.text.split()))
        for field, text in (("findings", report.findings), ("impression", report.impression)):
            if text:
                self.n[field] += 1
                self._length(f"words_{field}", len(text.split()))
        self.n["no_sections"] += report.findings is None and report.impression is None
        for mark, times in deidentification.count(report.text).items():
            self._count("marks", mark)
            self.by["mark_totals"][mark] += times
        for finding in self.labeler(report.text) if self.labeler else ():
            self._count("findings_present", finding)
        self.n["comparisons"] += comparisons.compares(report.text)

    def _trace(self, study: Study) -> None:
        assert study.trace is not None
        self.n["traces"] += 1
        self._length("steps_per_trace", len(study.trace.steps))
        self._length("words_trace", len(study.trace.text.split()) + sum(len(s.text.split()) for s in study.trace.steps))
        for step in study.trace.steps:
            self._step(step)

    def _step(self, step: Step) -> None:
        self._count("categories", step.category)
        self._count("announced", step.region or UNKNOWN)
        for region in step.regions:
            self._count("regions", region)
        self._length("words_step", len(step.text.split()))
        self.n["region_images"] += step.image is not None
        if step.box is not None:
            self.n["boxes"] += 1
            self._count("frames", step.box.frame)

    def _count(self, field: str, name: str) -> None:
        self.by[field][name] += 1

    def _length(self, field: str, length: int) -> None:
        self.spread[field][length] += 1


NAMES = (
    *(
        "splits",
        "views",
        "context",
        "marks",
        "mark_totals",
        "labels",
        "findings_present",
        "categories",
        "announced",
        "regions",
    ),
    *("frames", "reader_labels"),
)
LENGTHS = ("images_per_study", "steps_per_trace")
SPREADS = ("words_findings", "words_impression", "words_report", "words_step", "words_trace")
NUMBERS = (
    *("studies", "without_patient", "images", "priors", "references", "empty", "findings", "impression"),
    *("no_sections", "comparisons", "traces", "boxes", "region_images", "reader_boxes"),
)


def _in_one_spelling(counts: dict[str, int]) -> dict[str, int]:
    """Counts of words that differ only in case ("pa", "PA") together, under the spelling that is most common."""
    common: dict[str, str] = {}
    found: Counter[str] = Counter()
    for word, n in counts.items():
        found[common.setdefault(word.strip().casefold(), word)] += n
    return dict(found.most_common())


def describe(dataset: Dataset, labeler: Labeler | None = None) -> Description:
    """Count everything in one pass; opens no image. ``labeler`` names the findings that a report says are present."""
    tally = Tally(labeler)
    for study in dataset.studies:
        tally.study(study)
    return tally.description(dataset)


def spread(lengths: Counter[int]) -> Spread:
    """The spread of numbers that are counted by value; quartiles are the nearest rank."""
    n = sum(lengths.values())
    if not n:
        return Spread()
    ordered = sorted(lengths.items())

    def at(share: float) -> int:
        rank, seen = share * n, 0
        for value, count in ordered:
            seen += count
            if seen >= rank:
                return value
        return ordered[-1][0]

    total = sum(value * count for value, count in ordered)
    return Spread(n, ordered[0][0], at(0.25), at(0.5), at(0.75), ordered[-1][0], total)
