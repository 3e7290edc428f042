"""Rules: facts and 14 labels of 3,851 reports (the size of the Indiana University collection), no two sentences alike.

.venv/bin/python benchmarks/facts/measure.py [FILE]

FILE holds one report a line; without it the reports are invented, of 1 to 8 sentences. chexpert-labeler, whose labels
these are, is reported to read about 3 reports a second (MIT-LCP/mimic-cxr, issue 7); it can't be installed beside a
current Python.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.clinical.reports import reports
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.metrics.facts.labels import label
from mmrad_eval.metrics.language import language

N = 3851


def main() -> None:
    """Measure and print."""
    found = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines() if len(sys.argv) > 1 else []
    texts = found or reports(N, seed=5, low=1, high=8)
    words = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts)} reports of {words:.0f} words\n\n| | CPU seconds | reports/s |\n|---|---|---|")
    extract(texts[0])  # the lexicon is read once
    language("lorem ipsum dolor sit amet consectetur")  # and so is the model of languages
    readers: dict[str, Callable[[str], object]] = {
        "facts": extract,
        "14 labels": label,
        "language alone, which the labels include": language,
    }
    for name, read in readers.items():
        fresh = [text.replace(". ", f" on film {name} {i}. ") for i, text in enumerate(texts)]  # nothing is remembered
        start = time.process_time()
        for text in fresh:
            read(text)
        took = time.process_time() - start
        print(f"| {name} | {took:.2f} | {len(texts) / took:,.0f} |")


main()
