"""Where a model looked: boxes of a trace against boxes of the reference, and whether its region images show them."""

_HERE = "mmrad_eval.metrics.grounding"

METRICS: dict[str, tuple[str, str]] = {
    "grounding@anatomy": (
        f"{_HERE}.anatomy:AnatomyGrounding",
        "Boxes of the model's trace against those of the reference trace",
    ),
    "grounding@finding": (f"{_HERE}.finding:FindingGrounding", "Boxes of findings against those that readers drew"),
    "grounding@shown": (
        f"{_HERE}.shown:PicturedFindings",
        "Do the pictures of steps show the findings that the steps state",
    ),
    "grounding@crops": (f"{_HERE}.crops:Crops", "Do the trace's region images show the boxes that they state"),
}
