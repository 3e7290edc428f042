"""Invented studies with traces, as neutral records whose class is open: what benchmarks ask models about."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from mmrad_eval.traces import mmrad
from mmrad_eval.traces.record import StudyOf


def write_traces(path: Path, sentences: Iterable[str]) -> None:
    """Write one study a sentence: a trace of one step that says it, and a report that repeats it."""
    with path.open("wb") as file:
        for number, sentence in enumerate(sentences):
            fields = {
                "prompt": "Compile a report. <image>",
                "response": "First, I need to analyze the lung region. <image> The bounding box of this area is "
                f"[10, 10, 90, 90] . {sentence}\n\n  Summarizing the previous analysis, I will generate the following "
                f"report: FINDINGS: {sentence}",
                "images": [f"{number}/problem_image_1.jpg", f"{number}/reasoning_image_1.jpg"],
            }
            study = StudyOf(dataset="invented", study=f"{number}", licence_class="open")
            file.write(msgspec.json.encode(mmrad.parse(fields, f"{number}", study=study)) + b"\n")
