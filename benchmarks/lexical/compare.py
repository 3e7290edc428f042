"""BLEU, ROUGE and CIDEr-D over 3,851 generated reports: ours beside pycocoevalcap and RadEval's calls.

    .venv/bin/python benchmarks/lexical/compare.py [REPORTS]

Each contestant runs in a process of its own, so that its memory is its own. Time is from texts to values; the
packages are given text that is already cleaned, which ours does itself.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable

REPORTS = 3851
"""Reports of the Indiana University collection with findings (one image row each)."""

SUBJECTS = (
    "heart size", "the cardiac silhouette", "the mediastinal contour", "the aorta", "the left lung", "the right lung",
    "the left costophrenic angle", "the right hemidiaphragm", "pulmonary vascularity", "the osseous structures",
    "the trachea", "the hilar contours", "the visualized upper abdomen", "the thoracic spine",
)  # fmt: skip
STATES = (
    "is normal", "is mildly enlarged", "is within normal limits", "is unremarkable", "is clear", "is tortuous",
    "shows no acute abnormality", "is stable in appearance compared with the prior examination", "is blunted",
    "shows degenerative changes", "is obscured by overlying soft tissue", "is elevated",
)  # fmt: skip
FINDINGS = (
    "There is no pleural effusion.", "No pneumothorax is seen.", "There is no focal airspace consolidation.",
    "Streaky opacities at the left lung base may represent atelectasis.", "There is a small right pleural effusion.",
    "A calcified granuloma, measuring 5 mm, is seen in the right upper lobe.", "No acute bony abnormality.",
    "Surgical clips overlie the left axilla.", "1. Low lung volumes. 2. Crowding of the vasculature.",
)  # fmt: skip


def reports(count: int) -> tuple[list[str], list[str]]:
    """Candidates and references; a candidate keeps about half of its reference's sentences."""
    chance = random.Random(20240213)

    def sentence() -> str:
        if chance.random() < 0.4:
            return chance.choice(FINDINGS)
        words = f"{chance.choice(SUBJECTS)} {chance.choice(STATES)}."
        return words[0].upper() + words[1:]

    references = [[sentence() for _ in range(chance.randint(5, 13))] for _ in range(count)]
    candidates = [[one if chance.random() < 0.5 else sentence() for one in report] for report in references]
    return [" ".join(one) for one in candidates], [" ".join(one) for one in references]


def ours(names: list[str], candidates: list[str], references: list[str]) -> dict[str, float]:
    """Fit, measure and reduce, as scoring a run does."""
    from mmrad_eval.core.contracts import Corpus
    from mmrad_eval.core.values import Answer, Example, Report, Study
    from mmrad_eval.metrics import suite

    examples = [
        Example(Study(id=str(n), reference=Report(findings=r)), Answer(study=str(n), report=Report(text=c)))
        for n, (c, r) in enumerate(zip(candidates, references, strict=True))
    ]
    corpus = Corpus([example.study for example in examples])
    values = {}
    for metric in suite(names):
        rows = metric.measure(examples, metric.fit(corpus))
        values |= dict(zip((c.name for c in metric.columns), metric.reduce(rows.sum(axis=0)).tolist(), strict=True))
    return values


def coco(candidates: list[str], references: list[str]) -> dict[str, float]:
    """What pycocoevalcap makes of words that are already cleaned."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    gts, res = ({n: [text] for n, text in enumerate(texts)} for texts in (references, candidates))
    bleu = Bleu(4).compute_score(gts, res, verbose=0)[0]
    values = {f"BLEU-{order}": value for order, value in enumerate(bleu, 1)}
    return values | {"ROUGE-L": Rouge().compute_score(gts, res)[0], "CIDEr-D": Cider().compute_score(gts, res)[0]}


def radeval(candidates: list[str], references: list[str]) -> dict[str, float]:
    """RadEval's calls: pycocoevalcap's Bleu on the texts as they are, rouge-score with stemming."""
    from pycocoevalcap.bleu.bleu import Bleu
    from rouge_score.rouge_scorer import RougeScorer

    gts, res = ({n: [text] for n, text in enumerate(texts)} for texts in (references, candidates))
    bleu = Bleu(4).compute_score(gts, res, verbose=0)[0]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    scores = [scorer.score(r, c) for c, r in zip(candidates, references, strict=True)]
    names = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeL"}
    values = {name: sum(one[key].fmeasure for one in scores) / len(scores) for name, key in names.items()}
    return values | {f"BLEU-{order}": value for order, value in enumerate(bleu, 1)}


def cleaned(texts: list[str]) -> list[str]:
    """Texts as R2Gen cleans and cuts them."""
    from mmrad_eval.metrics.lexical.preparation import r2gen_iu

    return [" ".join(r2gen_iu(text)[:59]) for text in texts]


def paper(candidates: list[str], references: list[str]) -> dict[str, float]:
    """Every lexical profile."""
    return ours(["lexical"], candidates, references)


CONTESTS: dict[str, dict[str, Callable[[list[str], list[str]], dict[str, float]]]] = {
    "r2gen-iu: BLEU-1..4, ROUGE-L, CIDEr-D": {
        "mmrad-eval": lambda c, r: ours(["bleu@r2gen-iu", "rouge@r2gen-iu", "cider@r2gen-iu"], c, r),
        "pycocoevalcap": coco,
    },
    "radeval: BLEU-1..4, ROUGE-1, 2, L": {
        "mmrad-eval": lambda c, r: ours(["bleu@radeval", "rouge@radeval"], c, r),
        "RadEval's calls": radeval,
    },
    "all lexical profiles at once": {"mmrad-eval": paper},
}


def contestant(contest: str, who: str, count: int) -> None:
    """Run one and print its line as JSON."""
    candidates, references = reports(count)
    if who == "pycocoevalcap":
        candidates, references = cleaned(candidates), cleaned(references)
    CONTESTS[contest][who](candidates[:2], references[:2])  # imports
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    values = CONTESTS[contest][who](candidates, references)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = {"peak": peak / 1024, "growth": (peak - before) / 1024}
    print(json.dumps({"seconds": seconds, "cpu": cpu, **memory, "values": values}))


def main() -> None:
    if len(sys.argv) == 4:
        contestant(sys.argv[1], sys.argv[2], int(sys.argv[3]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else REPORTS
    words = [len(text.split()) for texts in reports(count) for text in texts]
    print(f"{count} pairs, {sum(words) / len(words):.0f} words per report\n")
    for contest, sides in CONTESTS.items():
        print(contest)
        results = {}
        for who in sides:
            command = [sys.executable, __file__, contest, who, str(count)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            one = results[who] = json.loads(done.stdout.splitlines()[-1])
            print(
                f"  {who:16} {one['seconds']:7.2f} s  CPU {one['cpu']:6.2f} s  "
                f"peak {one['peak']:5.0f} MB (+{one['growth']:.0f} while scoring)"
            )
        if len(results) == 2:
            mine, theirs = results.values()
            apart = max(abs(mine["values"][name] - value) for name, value in theirs["values"].items())
            print(f"  {theirs['seconds'] / mine['seconds']:.1f} times faster; largest difference {apart:.1e}")
        print()


if __name__ == "__main__":
    main()
