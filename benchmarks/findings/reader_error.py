"""The error of the reader of reports itself, on sentences that a person read before it did.

    python benchmarks/findings/reader_error.py ../shared/data/iu_xray_valid/ReXRank_IUXray_valid.json

150 sentences of open reports, drawn with a fixed seed, and the 50 invented ones of intensive care. What each states was
written down before any of them was extracted, and by a second reader who saw neither that nor an extraction. Open
sentences are known by their digest alone. Printed: the rules against each reading, and how far the readings agree.
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


def sentences_of(path: Path) -> list[str]:
    """The distinct sentences of more than two words in findings and impressions, sorted."""
    texts: list[str] = []
    for report in json.loads(path.read_text(encoding="utf-8")).values():
        for section in ("section_findings", "section_impression"):
            parts = re.split(r"(?<=[.!?])\s+", report.get(section) or "")
            texts += [part.strip() for part in parts if len(part.split()) > 2]
    return sorted(set(texts))


def sampled(path: Path) -> list[str]:
    """The sentences that were read."""
    random.seed(SEED)
    distinct = sentences_of(path)
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
        if any(side == "both" for _, side, _, _ in names):  # a finding on each side is two
            found += [
                [(concept, one if side == "both" else side, sure, may) for concept, side, sure, may in names]
                for one in ("left", "right")
            ]
        elif names[0][0] != "-":
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


def agreement(first: str, second: str) -> Iterator[tuple[str, str]]:
    """(verdict, finding) of two readings of a sentence: agree, certainty, side, or in one of them alone."""
    left = wanted(second)
    for names in wanted(first):
        exact = {name[0] for name in names}
        near = [other for other in left if not exact.isdisjoint(name[0] for name in other)]
        fits = [other for other in near if _sides(names, other)]
        best = min(fits or near, key=lambda other: other[0][2] != names[0][2], default=None)
        said = f"{names[0][0]} {names[0][1]}"
        if best is None:
            if not names[0][3]:
                yield "first alone", said
            continue
        left.remove(best)
        yield ("side" if not fits else "certainty" if best[0][2] != names[0][2] else "agree"), said
    for names in left:
        if not names[0][3]:
            yield "second alone", f"{names[0][0]} {names[0][1]}"


def _sides(one: list[tuple[str, str, bool, bool]], other: list[tuple[str, str, bool, bool]]) -> bool:
    """Whether some name of both has the same side, or one says none."""
    shared = [(a[1], b[1]) for a in one for b in other if a[0] == b[0]]
    return any(a == b or not a or not b for a, b in shared)


def readings(path: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Kind of sentence -> (sentence, first reading, second reading) of each."""

    def lines(name: str) -> list[list[str]]:
        text = (HERE / name).read_text(encoding="utf-8")
        return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]

    first = {row[0]: row[1] for row in lines("open_sentences.tsv")}
    second = {row[0]: row[1] for row in lines("second_reading.tsv")}

    def digest(sentence: str) -> str:
        return sha256(sentence.encode()).hexdigest()[:16]

    drawn = [(s, first.get(digest(s), "-"), second.get(digest(s), "-")) for s in sampled(path)]
    invented = [(s, said, second.get(digest(s), "-")) for s, said in lines("intensive_care.tsv")]
    return {"open": drawn, "intensive care": invented}


def against(name: str, pairs: list[tuple[str, str]]) -> None:
    """Print what the rules make of sentences, by tier, and each error."""
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


def main() -> None:
    """Print the counts by tier, each error, and each finding in which the readings differ."""
    for kind, rows in readings(Path(sys.argv[1])).items():
        against(f"{kind}, first reading", [(sentence, first) for sentence, first, _ in rows])
        against(f"{kind}, second reading", [(sentence, second) for sentence, _, second in rows])
        counts: Counter[str] = Counter()
        same = 0
        for sentence, first, second in rows:
            verdicts = list(agreement(first, second))
            same += all(verdict == "agree" for verdict, _ in verdicts)
            counts.update(verdict for verdict, _ in verdicts)
            for verdict, finding in verdicts:
                if verdict != "agree":
                    print(f"{kind}, readings differ: {verdict}: {finding.strip()}: {sentence}")
        print(f"{kind}: the readings agree on {same} of {len(rows)} sentences; findings: {dict(counts)}")


if __name__ == "__main__":
    main()
