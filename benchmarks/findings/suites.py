"""The frozen suites, weights and speed of the findings score.

    python benchmarks/findings/suites.py [../shared/data/iu_xray_valid/ReXRank_IUXray_valid.json]

Prints each rewording that changes a score, each step of harm that does not lower one, and, of open reports, how far
other weights change the order of fifteen made systems, and how long a pair takes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmrad_eval.metrics.facts.extract import remembered
from mmrad_eval.metrics.findings.alignment import align
from mmrad_eval.metrics.findings.details import detailed
from mmrad_eval.metrics.findings.policies import NORMAL, everything, hedged_everything
from mmrad_eval.metrics.findings.reading import read
from mmrad_eval.metrics.findings.significance import SCHEMES
from mmrad_eval.results.statistics.rank_correlation import kendall
from mmrad_eval.results.validation.perturbations import EDITS, sentences

SUITES = Path(__file__).resolve().parents[2] / "tests" / "golden" / "findings"


def rows(name: str) -> list[list[str]]:
    """The rows of a suite."""
    lines = (SUITES / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def suites() -> None:
    """Violations, one by one, and the shares without."""
    equal = 0
    pairs = rows("rewordings.tsv")
    for source, kind, text, reworded in pairs:
        first, second = read(text), read(reworded)
        scores = align(first, first).score, align(first, second).score, align(second, second).score
        there_and_back = align(second, first).score
        same = abs(scores[0] - scores[1]) < 1e-9 and abs(scores[2] - there_and_back) < 1e-9
        equal += same
        if not same:
            print(f"{source}, {kind}: {text} | {reworded} | {scores[1]:.2f}, {there_and_back:.2f}")
    print(f"{equal} of {len(pairs)} rewordings have an equal score")
    steps = right = 0
    for kind, shown, reference, *reports in rows("harm.tsv"):
        scores_ = [align(read(reference), read(report), prior=shown == "prior").score for report in reports]
        for better, worse, report in zip(scores_, scores_[1:], reports[1:], strict=False):
            steps += 1
            right += better > worse
            if better <= worse:
                print(f"harm, {kind}: {reference} | {report}")
    print(f"{right} of {steps} steps of harm lower the score")


def weights(references: list[str]) -> None:
    """Headline of made systems under each scheme, and the agreement of the orders with that of the tiers."""
    n = len(references)
    systems = {
        "the references": references,
        "another patient": references[1:] + references[:1],
        "every second sentence": [" ".join(sentences(text)[::2]) for text in references],
        "silence": [""] * n,
        "normal template": [NORMAL] * n,
        "every finding listed": [everything()] * n,
        "everything hedged": [hedged_everything()] * n,
    }
    for edit in EDITS:
        systems[edit.name] = [edit.make(text, f"{edit.name}:{i}") or text for i, text in enumerate(references)]
    found: dict[str, list[float]] = {}
    for scheme in SCHEMES:
        for reports in systems.values():
            pairs = zip(references, reports, strict=True)
            aligned = [align(read(reference), read(report), scheme=scheme) for reference, report in pairs]
            found.setdefault(scheme, []).append(float(np.mean([one.score for one in aligned if one.abnormal])))
    print(f"| system | {' | '.join(SCHEMES)} |")
    for i, name in enumerate(systems):
        print(f"| {name} | {' | '.join(f'{found[scheme][i]:.3f}' for scheme in SCHEMES)} |")
    agree = (f"{float(kendall(found['tiers'], found[scheme])):.3f}" for scheme in SCHEMES)
    print(f"| Kendall tau-b with tiers | {' | '.join(agree)} |")


def speed(references: list[str]) -> None:
    """CPU milliseconds a pair: cold, with the reference known, and the alignment alone."""
    candidates = [" ".join(sentences(text)[::-1]) + " Scoliosis." for text in references[1:] + references[:1]]

    def timed(texts: list[str], others: list[str]) -> float:
        start = time.process_time()
        for one, other in zip(texts, others, strict=True):
            align(read(one), read(other))
        return (time.process_time() - start) / len(texts) * 1e3

    def forget() -> None:
        for cache in (read, detailed, remembered):
            cache.cache_clear()

    read(references[0])  # the vocabulary
    forget()
    cold = timed(references, candidates)
    alone = timed(references, candidates)
    forget()
    for text in references:
        read(text)
    detailed.cache_clear()
    remembered.cache_clear()
    known = timed(references, candidates)
    print(f"ms a pair: {cold:.2f} cold, {known:.2f} with the reference known, {alone:.3f} for the alignment alone")


def main() -> None:
    """Everything that can be measured here."""
    suites()
    if len(sys.argv) > 1:
        reports = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")).values()
        references = [report["section_findings"] for report in reports if report.get("section_findings")]
        weights(references)
        speed(references)


if __name__ == "__main__":
    main()
