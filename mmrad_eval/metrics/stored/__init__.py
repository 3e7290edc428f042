"""Results that were computed elsewhere: labels, graphs, per-report scores, judges' texts; read and joined by id."""

_HERE = "mmrad_eval.metrics.stored"

METRICS: dict[str, tuple[str, str]] = {
    "scores:": (f"{_HERE}.tables:stored_scores", "Means of a csv of per-report scores: scores:FILE"),
    "labels:": (
        f"{_HERE}.labels:stored_labels",
        "Label F1 of CheXbert or chexpert-labeler csv: labels:FILE:REFERENCES",
    ),
    "graphs:": (f"{_HERE}.graphs:stored_graphs", "RadGraph F1 of annotation JSON: graphs:FILE:REFERENCES"),
    "green:": (f"{_HERE}.judges:green", "GREEN from the judge's texts: green:FILE"),
    "crimson:": (f"{_HERE}.judges:crimson", "CRIMSON from the judge's JSON: crimson:FILE"),
}
