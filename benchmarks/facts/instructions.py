"""Instructions a report that the rule labeler takes, counted by valgrind: checkouts side by side, whatever the load.

    .venv/bin/python benchmarks/facts/instructions.py CHECKOUT [CHECKOUT...] [--reports FEW MANY]

Each checkout runs under its own ``.venv``; the difference of two runs, so that imports and what is read once do not
count. A checkout whose labeler finds the language of each text is counted with that and without. valgrind takes fifty
times as long as the program itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.child import instructions_of
from benchmarks.clinical.reports import reports

LABEL = """
import sys
from mmrad_eval.metrics.facts import labels
if sys.argv[3] == "without":
    labels.language = lambda text: labels.ENGLISH
labels.label("The heart is normal. lorem ipsum dolor sit amet consectetur.")  # what is read once
for number, text in enumerate(open(sys.argv[1]).read().split("\\n")[: int(sys.argv[2])]):
    labels.label(text.replace(". ", f" on film {number}. "))  # nothing is remembered
"""


def counted(checkout: Path, texts: Path, n: int, language: str) -> int:
    """The instructions of one process that labels the first ``n`` texts."""
    command = [str(checkout / ".venv" / "bin" / "python"), "-c", LABEL, str(texts), str(n), language]
    return instructions_of(command, {"PYTHONPATH": str(checkout)})


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="+", type=Path)
    parser.add_argument("--reports", type=int, nargs=2, default=(100, 600), help="reports of the two runs")
    given = parser.parse_args()
    few, many = given.reports
    print("| checkout | language | thousands of instructions a report |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        texts = Path(temporary) / "texts"
        texts.write_text("\n".join(" ".join(text.split()) for text in reports(many, seed=5, low=1, high=8)))
        for checkout in given.checkouts:
            finds = "language(" in (checkout / "mmrad_eval/metrics/facts/labels.py").read_text()
            for language in ("without", "with") if finds else ("",):
                first, second = (counted(checkout.resolve(), texts, n, language) for n in (few, many))
                print(f"| {checkout} | {language or 'not found'} | {(second - first) / (many - few) / 1000:,.0f} |")


if __name__ == "__main__":
    main()
