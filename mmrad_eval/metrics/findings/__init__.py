"""What a report finds beside what its reference finds: alignment, errors by kind, a score; no weights needed."""

_HERE = "mmrad_eval.metrics.findings.metric"

METRICS: dict[str, tuple[str, str]] = {
    "findings@rules": (
        f"{_HERE}:findings",
        "Findings aligned one to one, weighed by what is at stake; errors by kind",
    ),
    "findings-by-finding@rules": (f"{_HERE}:by_finding", "Precision, recall and support of each finding"),
    "findings-hedges@rules": (f"{_HERE}:hedges", "How many doubtful findings the reference confirms, by phrase"),
}
