"""How often each extractor's verdicts on the hand-written pairs are those that were written beside them, by kind.

    .venv/bin/python benchmarks/facts/agreement.py

``labels`` are the rules' 14 observations in CheXbert's shape, without any place: what labels alone can tell apart.
RadGraph and CheXbert take part where their weights are.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmrad_eval.core.errors import MissingError
from mmrad_eval.metrics.clinical.embeddings.observations import HEADS
from mmrad_eval.metrics.consistency.matching import compare
from mmrad_eval.metrics.consistency.statements import statements
from mmrad_eval.metrics.facts.extract import Fact
from mmrad_eval.metrics.facts.extractors import NAMES, extractor
from mmrad_eval.metrics.facts.from_labels import label_facts
from mmrad_eval.metrics.facts.labels import label
from mmrad_eval.metrics.suites import Setup

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden"
SIGN = {"supported": "S", "contradicted": "C", "partial": "P", "unsupported": "U", "carried": "K", "omitted": "O"}
CLASS = {2: 0, 1: 1, 0: 2, -1: 3}
"""The rules' codes of blank, positive, negative, uncertain, as CheXbert's heads number them."""

Read = Callable[[Sequence[str]], list[tuple[Fact, ...]]]


def main() -> None:
    """Count and print."""
    lines = [line for name in ("pairs", "fresh") for line in (GOLDEN / f"{name}.tsv").read_text().splitlines()]
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    readers: dict[str, Read] = {"labels": _labels}
    for name in NAMES:
        try:
            readers[name] = extractor(name, Setup())
        except MissingError as error:
            print(f"{name}: {error}", file=sys.stderr)
    asked: Counter[str] = Counter()
    right: dict[str, Counter[str]] = {name: Counter() for name in readers}
    for kind, trace, report, expected in pairs:
        asked[kind] += len(expected.split())
        for name, read in readers.items():
            right[name][kind] += _agreeing(read, trace, report, expected)
    print(f"{len(pairs)} pairs\n\n| kind | statuses | {' | '.join(readers)} |\n|---|---|{'---|' * len(readers)}")
    for kind in asked:
        print(f"| {kind} | {asked[kind]} | {' | '.join(f'{r[kind] / asked[kind]:.2f}' for r in right.values())} |")
    shares = (f"{r.total() / asked.total():.2f}" for r in right.values())
    print(f"| all | {asked.total()} | {' | '.join(shares)} |")


def _labels(texts: Sequence[str]) -> list[tuple[Fact, ...]]:
    found = [label(text) for text in texts]
    return [label_facts([CLASS[codes[head]] for head in HEADS]) for codes in found]


def _agreeing(read: Read, trace: str, report: str, expected: str) -> int:
    """How many of the expected statuses come out."""
    said, thought = (statements(facts) for facts in read([report, trace]))
    compared = compare(said, thought)
    of_report = [(s.fact, SIGN[j.verdict]) for s, j in zip(said, compared.report, strict=True)]
    of_trace = [(s.fact, SIGN[fate]) for s, fate in zip(thought, compared.trace, strict=True)]
    count = 0
    for entry in expected.split():
        name, sign = entry.removeprefix("~").split("=")
        concept, _, side = name.partition("@")
        pool = of_trace if entry.startswith("~") else of_report
        found = [mark for fact, mark in pool if fact.concept == concept and side in {"", fact.side}]
        count += found == ([] if sign == "!" else [sign])
    return count


main()
