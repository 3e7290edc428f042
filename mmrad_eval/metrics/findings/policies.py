"""Reports that know nothing of any image: what a metric gives them, a model has not earned.

Their rows stand in every table that shows the metric.
"""

from __future__ import annotations

from functools import cache

NORMAL = (
    "The heart is normal in size. The mediastinal and hilar contours are unremarkable. The lungs are clear without "
    "focal consolidation. No pleural effusion or pneumothorax is seen. No acute osseous abnormality."
)
"""What ``baseline:normal`` writes as findings; a test holds the two together."""

_HEDGED = (
    *("pneumothorax", "pleural effusion", "consolidation", "pneumonia", "atelectasis", "pulmonary edema"),
    *("cardiomegaly", "lung opacity", "interstitial lung disease", "lung nodule", "lung mass", "mediastinal widening"),
    *(
        "hilar enlargement",
        "lymphadenopathy",
        "emphysema",
        "hyperinflation",
        "low lung volumes",
        "parenchymal scarring",
    ),
    *(
        "calcified granuloma",
        "pleural thickening",
        "pleural plaque",
        "rib fracture",
        "degenerative change of the spine",
    ),
    *("scoliosis", "osteopenia", "aortic calcification", "tortuous aorta", "hiatal hernia", "free air"),
    *("subcutaneous emphysema", "pneumomediastinum", "mediastinal shift", "elevated right hemidiaphragm"),
    *("blunted costophrenic angle", "pulmonary vascular congestion", "heart failure", "pericardial effusion"),
)


@cache
def hedged_everything() -> str:
    """A report that says of every common finding that it is possible."""
    return " ".join(f"Possible {finding}." for finding in _HEDGED)


@cache
def everything() -> str:
    """A report that says of every common finding that it is there."""
    return " ".join(f"There is {finding}." for finding in _HEDGED)
