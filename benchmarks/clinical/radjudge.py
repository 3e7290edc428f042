"""Orders that radiologists expect, through every metric that can be scored here.

    python benchmarks/clinical/radjudge.py ../shared/data/radjudge/ranking_cases.json [--metric-option KEY=VALUE]...

The cases (rajpurkarlab/CRIMSON, RadJudge) hold a reference and candidates, and say which must score above which, or
that two must score alike. Nothing is tuned to them: the table shows what each convention can and can't see.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmrad_eval.core.contracts import Corpus, Metric
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite

ALIKE = 0.05
"""Two scores count as alike within this share of the column's range over all candidates."""


def main() -> int:
    """Print one row a column."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--metrics", nargs="*", default=["lexical", "facts", "graphs", "embeddings", "composites"])
    parser.add_argument("--metric-option", action="append", default=[])
    said = parser.parse_args()
    tests = [test for group in json.loads(said.cases.read_text()) for test in group["tests"]]
    chosen = suite(said.metrics, options=dict(entry.split("=", 1) for entry in said.metric_option))
    examples, place = laid_out(tests)
    values = scored(chosen, examples)
    asked = Counter(relation for test in tests for _, relation, _ in relations(test["expected_ranking"]))
    print(f"| column | above, of {asked['>']} | alike, of {asked['=']} |\n|---|---|---|")
    for label, (better, column) in values.items():
        if better:
            above, alike = judged(tests, place, column if better == "higher" else -column)
            print(f"| {label} | {above} | {alike} |")
    for missing in chosen.missing:
        print(missing, file=sys.stderr)
    return 0


def laid_out(tests: Sequence[Mapping[str, Any]]) -> tuple[list[Example], dict[tuple[str, str], int]]:
    """Every candidate as an example, and where each is."""
    examples: list[Example] = []
    place: dict[tuple[str, str], int] = {}
    for test in tests:
        for name, candidate in test["candidates"].items():
            place[test["id"], name] = len(examples)
            study = Study(id=f"{test['id']}-{name}", reference=Report(findings=test["ground_truth"]))
            examples.append(Example(study, Answer(study.id, "ok", report=Report(text=candidate["text"]))))
    return examples, place


def scored(chosen: Sequence[Metric], examples: Sequence[Example]) -> dict[str, tuple[str, Any]]:
    """Label -> (which end is better, value of each example)."""
    corpus = Corpus([example.study for example in examples])
    rows: dict[str, Any] = {}
    found: dict[str, tuple[str, Any]] = {}
    for metric in chosen:
        rows[metric.name] = metric.measure(examples, metric.fit(corpus))
        with np.errstate(all="ignore"):  # undefined values are nan
            values = metric.reduce(np.concatenate([rows[name] for name in (metric.name, *metric.requires)], axis=1))
        for i, column in enumerate(metric.columns):
            found[column.label] = (column.better, values[:, i])
    return found


def judged(tests: Sequence[Mapping[str, Any]], place: Mapping[tuple[str, str], int], column: Any) -> tuple[int, int]:
    """Orders and equalities that hold; larger is better."""
    spread = np.nanmax(column) - np.nanmin(column) if np.isfinite(column).any() else 0.0
    above = alike = 0
    for test in tests:
        for first, relation, second in relations(test["expected_ranking"]):
            gap = column[place[test["id"], first]] - column[place[test["id"], second]]
            above += bool(relation == ">" and gap > 0)
            alike += bool(relation == "=" and abs(gap) <= ALIKE * spread)
    return above, alike


def relations(expected: str | Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """``C1 > C2`` to its parts."""
    for entry in [expected] if isinstance(expected, str) else expected:
        first, relation, second = entry.split()
        yield first, relation, second


if __name__ == "__main__":
    sys.exit(main())
