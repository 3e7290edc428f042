"""The error of the reader of reports itself, on sentences that a person read before it did.

    python benchmarks/findings/reader_error.py ../shared/data/iu_xray_valid/ReXRank_IUXray_valid.json

150 sentences of open reports, drawn with a fixed seed, and the 50 invented ones of intensive care. What each states was
written down, twice, before any of them was extracted. Open sentences are known by their digest alone.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmrad_eval.metrics.findings.reading import DIFFUSE, Finding, is_kind, read
from mmrad_eval.metrics.findings.significance import TIERS, table

HERE = Path(__file__).parent
SEED, DRAWN = 20261130, 150


def sampled(path: Path) -> list[str]:
    """The sentences that were read."""
    texts: list[str] = []
    for report in json.loads(path.read_text(encoding="utf-8")).values():
        for section in ("section_findings", "section_impression"):
            parts = re.split(r"(?<=[.!?])\s+", report.get(section) or "")
            texts += [part.strip() for part in parts if len(part.split()) > 2]
    random.seed(SEED)
    distinct = sorted(set(texts))
    random.shuffle(distinct)
    return distinct[:DRAWN]


def wanted(line: str) -> list[list[tuple[str, str, bool, bool]]]:
    """For each finding of a sentence: (concept, side, sure, may be left out) of each name that would do."""
    found = []
    for one in line.split():
        names = []
        for name in one.split("|"):
            bare = name.rstrip("?*")
            concept, _, side = bare.partition("/")
            names.append((concept, side, "?" not in name, "*" in name))
        if names[0][0] != "-":
            found.append(names)
    return found


def judged(sentence: str, line: str) -> Iterator[tuple[str, str, str]]:
    """(verdict, tier, finding): right, missed, invented, wrong certainty, wrong side."""
    left = [(f, name.concept, name.sure) for f in read(sentence).findings for name in f.names]
    for names in wanted(line):
        concept, side, sure, optional = names[0]
        exact = {n[0] for n in names}
        near = [x for x in left if x[1] in exact or any(is_kind(x[1], name) for name in exact)]
        fits = [x for x in near if any(_side(x, n[1]) for n in names)]
        best = min(fits or near, key=lambda x: (x[1] not in exact, x[2] != sure), default=None)
        tier = table().tier(Finding(concept, sure), frozenset(), None)
        if best is None:
            if not optional:
                yield "missed", tier, f"{concept} {side}"
            continue
        left.remove(best)
        verdict = "wrong side" if not fits else "wrong certainty" if best[2] != sure else "right"
        yield verdict, tier, f"{concept} {side}"
    for finding, concept, sure in left:
        tier = table().tier(Finding(concept, sure), frozenset(), None)
        yield "invented", tier, f"{concept} {finding.side}"


def _side(found: tuple[Finding, str, bool], side: str) -> bool:
    finding, concept, _ = found
    return concept in DIFFUSE or finding.side == side or not side


def main() -> None:
    """Print the counts by tier, and each error."""
    answers = dict(
        line.split("\t") for line in (HERE / "open_sentences.tsv").read_text().splitlines() if line[0] != "#"
    )
    open_sentences = [(s, answers.get(sha256(s.encode()).hexdigest()[:16], "-")) for s in sampled(Path(sys.argv[1]))]
    rows = (HERE / "intensive_care.tsv").read_text(encoding="utf-8").splitlines()
    invented = [tuple(line.split("\t")) for line in rows if line and not line.startswith("#")]
    for name, pairs in (("open", open_sentences), ("intensive care", invented)):
        counts: Counter[tuple[str, str]] = Counter()
        clean = 0
        for sentence, line in pairs:
            verdicts = list(judged(sentence, line))
            clean += all(verdict == "right" for verdict, _, _ in verdicts)
            for verdict, tier, finding in verdicts:
                counts[tier, verdict] += 1
                if verdict != "right":
                    print(f"{name}: {verdict}: {finding.strip()}: {sentence}")
        print(f"{name}: {clean} of {len(pairs)} sentences without error")
        verdicts_of = ("right", "missed", "invented", "wrong certainty", "wrong side")
        print(f"| {name} | {' | '.join(verdicts_of)} |")
        for tier in TIERS:
            print(f"| {tier} | {' | '.join(str(counts[tier, verdict]) for verdict in verdicts_of)} |")


if __name__ == "__main__":
    main()
