"""What a report says: mentions of concepts, how each is meant, and the labels that follow from them."""

_HERE = "mmrad_eval.metrics.facts.metrics"

METRICS: dict[str, tuple[str, str]] = {
    "rules@uncertain=positive": (
        f"{_HERE}:rules",
        "F1 of 14 and 5 CheXpert observations by rule; uncertain is positive",
    ),
    "rules@uncertain=negative": (f"{_HERE}:rules", "The same; uncertain is negative"),
    "rules@uncertain=ignore": (f"{_HERE}:rules", "The same; uncertain references are left out"),
    "rules@uncertain=own-class": (f"{_HERE}:rules", "The same; uncertain is a class of its own"),
    "rules-by-label@uncertain=positive": (f"{_HERE}:rules_by_label", "F1 and support of each observation by rule"),
    "temporal@keywords": (
        "mmrad_eval.metrics.facts.temporal:Temporal",
        "F1 of the words of change (stable, new, worsened, …) of both reports, without weights",
    ),
}

PAPER: tuple[str, ...] = ("rules@uncertain=positive", "rules@uncertain=negative")
