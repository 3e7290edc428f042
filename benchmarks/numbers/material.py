"""Files of reports, scores and ratings that one checkout scores; run by its own interpreter, in the folder to fill.

python material.py make     writes reports.csv, scored.csv, rated.csv
python material.py score    writes texts.json: reports scored from Python
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import mmrad_eval

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the same texts for every version of mmrad_eval

from benchmarks.clinical.reports import reports, rewritten

STUDIES = 24
"""Of the demo."""
RATERS = 3
SUITES = ("lexical", "facts")


def pairs() -> dict[str, tuple[str, str]]:
    """(reference, candidate) by study."""
    references = reports(STUDIES, seed=7)
    candidates = rewritten(references, seed=8)
    candidates[3], candidates[11] = "", references[11]
    return {f"demo-{i:02d}": pair for i, pair in enumerate(zip(references, candidates, strict=True), 1)}


def make() -> None:
    """Reports by study; the same with references and BLEU-2 @ rexrank, some rows moved; and ratings of two systems."""
    both = pairs()
    rows("reports.csv", ("study_id", "report"), [(name, candidate) for name, (_, candidate) in both.items()])
    candidates = {name: candidate for name, (_, candidate) in both.items()}
    references = {name: reference for name, (reference, _) in both.items()}
    values = mmrad_eval.score(candidates, references, "bleu@rexrank").per_study().iloc[:, 0]
    bleu = [f"{value:.6f}" for value in values]
    bleu[4], bleu[5] = bleu[5], bleu[4]
    scored = [(name, *both[name], bleu[i]) for i, name in enumerate(both)]
    rows("scored.csv", ("study_id", "reference", "report", "bleu_score"), scored)
    rated = []
    others = reports(STUDIES, seed=9)
    for i, (name, (reference, candidate)) in enumerate(both.items()):
        for system, text in (("first", candidate), ("second", others[i])):
            rated += [
                (name, system, rater, reference, text or "Clear.", (len(text) + rater * i) % 6)
                for rater in range(RATERS)
            ]
    rows("rated.csv", ("case", "candidate", "rater", "reference", "report", "rating"), rated)


def rows(name: str, header: tuple[str, ...], content: list[tuple[object, ...]]) -> None:
    """Write one csv file."""
    with Path(name).open("w", newline="") as file:
        csv.writer(file).writerows([header, *content])


def score() -> None:
    """Every column over the pairs, as whole values and study by study."""
    both = pairs()
    found = mmrad_eval.score(
        {name: candidate for name, (_, candidate) in both.items()},
        {name: reference for name, (reference, _) in both.items()},
        SUITES,
    )
    own = found.per_study()
    content = {
        "columns": {
            label: {"value": c.value, "low": c.low, "high": c.high, "defined": c.defined}
            for label, c in found.columns.items()
        },
        "studies": {name: dict(own.loc[name]) for name in own.index},
    }
    Path("texts.json").write_text(json.dumps(content))


if __name__ == "__main__":
    {"make": make, "score": score}[sys.argv[1]]()
