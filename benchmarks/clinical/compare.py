"""RadGraph, CheXbert and BERTScore over two models' reports: our engine against the packages, both in one run.

    .envs/clinical/bin/python benchmarks/clinical/compare.py [--reports 200] [--rounds 3] [--folder /tmp/weights]

Weights are random at the real size of BERT-base and distilroberta-base (about 1.3 GB, made once in the folder); so
speed, memory and equality are real, and what the numbers say of a report is not. Every side is a process of its own,
timed from its start to its end, in turns with the others; of several rounds the middle one counts. How much of the
machine's cores other processes had meanwhile stands beside it: above a few per cent, wall times say little, and with
``--threads 1`` CPU seconds say more. Exit status 1 where outputs differ or a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

FASTER_COLD, FASTER_AGAIN = 4.5, 200.0
TIE = 1e-5
"""A decision closer than this falls either way with rounding."""
UPSTREAM = ("radgraph", "chexbert", "bertscore")


@dataclass(frozen=True)
class Seen:
    """One side, from the start of its process to its end."""

    seconds: float
    cpu: float
    peak: float
    """Megabytes."""
    others: float
    """Share of the machine's cores that other processes had meanwhile."""


def main() -> int:
    """Make the weights, run every side, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=200, help="reports in the test set; two models answer each")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "mmrad-clinical-benchmark")
    parser.add_argument("--threads", type=int, help="threads of both sides; all cores where it is not said")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=1, help="how often every side runs")
    parser.add_argument("--skip-upstream", action="store_true", help="our side alone, against stored output")
    said = parser.parse_args()
    said.folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"HF_HOME": str(said.folder), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    os.environ |= {"MMRAD_WEIGHTS": str(said.folder / "ours"), "XDG_CACHE_HOME": str(said.folder / "cache")}
    if said.threads:
        os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(said.threads))
    if said.side:
        SIDES[said.side](said.folder, said.reports)
        return 0
    make(said.folder, said.reports)
    sides = (*(() if said.skip_upstream else UPSTREAM), "own", "own again", "own long")
    rounds: dict[str, list[Seen]] = {side: [] for side in sides}
    for _ in range(said.rounds):
        forget(said.folder)
        for side in sides:
            rounds[side].append(process(side, said))
    seen = {side: middle(found) for side, found in rounds.items()}
    for side, one in seen.items():
        print(f"{side:12} {one.seconds:8.2f} s {one.cpu:8.2f} s of CPU {one.peak:6.0f} MB  others {one.others:4.0%}")
    differing = compare(said.folder)
    print(f"differing: {differing}")
    good = not any(differing.values())
    if not said.skip_upstream:
        good = verdict(seen) and good
    return 0 if good else 1


def verdict(seen: dict[str, Seen]) -> bool:
    """Print how many times faster we are, in wall and in CPU seconds; whether every target is met."""
    packages, own, again = [seen[side] for side in UPSTREAM], seen["own"], seen["own again"]
    wall, cpu_used = sum(one.seconds for one in packages), sum(one.cpu for one in packages)
    most = max(one.peak for one in packages)
    print(f"the packages: {wall:.1f} s, {cpu_used:.1f} s of CPU, at most {most:.0f} MB")
    print(f"ours cold: {own.seconds:.1f} s, {own.cpu:.1f} s of CPU, {own.peak:.0f} MB")
    print(f"cold {wall / own.seconds:.2f} times faster, {cpu_used / own.cpu:.2f} in CPU seconds (target {FASTER_COLD})")
    print(f"again {wall / again.seconds:.0f} times faster (target {FASTER_AGAIN:.0f})")
    return wall / own.seconds >= FASTER_COLD and wall / again.seconds >= FASTER_AGAIN and own.peak < most


def forget(folder: Path) -> None:
    """What our side remembers of an earlier round: results of texts, digests of weights."""
    for stale in (*folder.glob("journal/*.jsonl"), *folder.glob("ours/digests.json")):
        stale.unlink()


def middle(found: list[Seen]) -> Seen:
    """The median of each number."""
    return Seen(*(statistics.median(column) for column in zip(*(vars(one).values() for one in found), strict=True)))


def make(folder: Path, count: int) -> None:
    """Weights and texts, made once."""
    from benchmarks.clinical import checkpoints as made
    from benchmarks.clinical.reports import reports, rewritten

    references = reports(count, seed=1)
    texts = {"references": references, "models": [rewritten(references, seed=seed) for seed in (2, 3)]}
    (folder / "texts.json").write_text(json.dumps(texts))
    if (folder / "ready").exists():
        return
    sample = reports(200, seed=1)
    encoder = made.write_bert(folder, "bert-base-uncased", made.BASE, sample)
    made.write_radgraph(folder / "rg/radgraph-xl", "radgraph-xl", "bert-base-uncased", encoder, texts=sample, seed=5)
    made.write_chexbert(folder / "cache/chexbert/chexbert.pth", encoder, sample, 6)
    size = made.Size(6, 768, 12, 3072, 50265)
    made.write_scorer(folder / "distilroberta", "roberta", size, sample, 7)
    (folder / "ready").touch()


def process(side: str, said: argparse.Namespace) -> Seen:
    """One side as a whole process."""
    command = [sys.executable, __file__, "--side", side, "--reports", str(said.reports), "--folder", str(said.folder)]
    start, spent, busy = time.perf_counter(), cpu(), busy_cores()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, spent = time.perf_counter() - start, cpu() - spent
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-3000:]}")
    others = max(0.0, busy_cores() - busy - spent) / (seconds * (os.cpu_count() or 1))
    return Seen(seconds, spent, float(done.stdout.strip().splitlines()[-1]), others)


def cpu() -> float:
    """CPU seconds of all our processes that ended."""
    used = os.times()
    return used.children_user + used.children_system


def busy_cores() -> float:
    """Seconds that the machine's cores were busy since it started, or were taken by other machines on its host."""
    user, nice, system, _, _, interrupts, soft, stolen = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")


def texts_of(folder: Path) -> tuple[list[str], list[list[str]]]:
    """References, and the reports of each model."""
    loaded = json.loads((folder / "texts.json").read_text())
    return loaded["references"], loaded["models"]


def keep(folder: Path, name: str, value: Any) -> None:
    """Store a side's output, and say how much memory it took."""
    (folder / f"{name}.pickle").write_bytes(pickle.dumps(value))
    status = Path("/proc/self/status").read_text()  # getrusage counts the parent's memory too
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def upstream_radgraph(folder: Path, _: int) -> None:
    """F1RadGraph as its README uses it, once a model."""
    from radgraph import F1RadGraph

    references, models = texts_of(folder)
    scorer = F1RadGraph(reward_level="all", model_type="radgraph-xl", model_cache_dir=str(folder / "rg"))
    keep(folder, "radgraph", [scorer(hyps=candidates, refs=references)[1] for candidates in models])


def upstream_chexbert(folder: Path, _: int) -> None:
    """F1CheXbert as its README uses it, once a model."""
    from f1chexbert import F1CheXbert

    references, models = texts_of(folder)
    scorer = F1CheXbert()
    keep(folder, "chexbert", [scorer(hyps=candidates, refs=references)[2] for candidates in models])


def upstream_bertscore(folder: Path, _: int) -> None:
    """BERTScorer with the layer of the ReXrank board, once a model."""
    from bert_score import BERTScorer

    references, models = texts_of(folder)
    scorer = BERTScorer(model_type=str(folder / "distilroberta"), num_layers=5)
    keep(folder, "bertscore", [[t.tolist() for t in scorer.score(candidates, references)] for candidates in models])


def own(folder: Path, _: int) -> None:
    """All three as a run scores them: a suite, one fit, two models measured."""
    from mmrad_eval.core.contracts import Corpus
    from mmrad_eval.core.values import Answer, Example, Report, Study
    from mmrad_eval.metrics import suite

    references, models = texts_of(folder)
    options = {
        "weights.radgraph-xl": folder / "rg/radgraph-xl",
        "weights.chexbert": folder / "cache/chexbert/chexbert.pth",
    }
    names = ["radgraph@xl", "chexbert@uncertain=positive", f"bertscore:{folder / 'distilroberta'}#5"]
    chosen = suite(names, options=options, texts=folder / "journal")
    studies = [Study(id=str(n), reference=Report(findings=text)) for n, text in enumerate(references)]
    found: dict[str, list[Any]] = {}
    for metric in chosen:
        context = metric.fit(Corpus(studies))
        for candidates in models:
            examples = [
                Example(s, Answer(s.id, "ok", report=Report(text=c))) for s, c in zip(studies, candidates, strict=True)
            ]
            found.setdefault(metric.name.partition(":")[0], []).append(metric.measure(examples, context))
    keep(folder, "own", found)


def own_long(folder: Path, _: int) -> None:
    """One report of a thousand words through RadGraph, whose package needs 12 GB for it."""
    from benchmarks.clinical.reports import reports

    words = " ".join(reports(40, seed=9)).split()[:1000]
    (found,) = runner(folder)([" ".join(words)])
    assert found.graph.entities
    keep(folder, "long", len(found.graph.entities))


def runner(folder: Path) -> Any:
    """Our RadGraph-XL."""
    from mmrad_eval.metrics.clinical.graphs.archive import RadGraphRunner

    encoder = next((folder / "hub/models--bert-base-uncased/snapshots").iterdir())
    return RadGraphRunner(folder / "rg/radgraph-xl", "radgraph-xl", encoder)


def compare(folder: Path) -> dict[str, int]:
    """How many reports (or averages) of both models differ, by head."""
    import numpy as np

    said = {path.stem: pickle.loads(path.read_bytes()) for path in folder.glob("*.pickle")}
    differing = {}
    if "radgraph" in said:
        rewards = [np.array(levels).T for levels in said["radgraph"]]
        references, models = texts_of(folder)
        others = [
            (candidates[i], references[i])
            for candidates, a, b in zip(models, rewards, said["own"]["radgraph@xl"], strict=True)
            for i in np.nonzero((a != b[:, :3]).any(axis=1))[0]
        ]
        tied = ties(folder, others)
        print(f"rewards that differ: {len(others)}, of them {len(tied)} at ties {[f'{gap:.0e}' for gap in tied]}")
        differing["rewards"] = len(others) - len(tied)
    if "chexbert" in said:
        differing["chexbert averages"] = sum(
            abs(report[f"{kind} avg"]["f1-score"] - value) > 1e-12
            for report, rows in zip(said["chexbert"], said["own"]["chexbert@uncertain=positive"], strict=True)
            for kind, value in averages(rows).items()
        )
    if "bertscore" in said:
        scores = [np.array(levels).T for levels in said["bertscore"]]
        pairs = zip(scores, said["own"]["bertscore"], strict=True)
        gaps = [np.abs(a - b[:, [1, 2, 0]]).max(axis=1) for a, b in pairs]
        differing["bertscore beyond 1e-6"] = int(sum((gap > 1e-6).sum() for gap in gaps))
    return differing


def ties(folder: Path, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """The closest decision of each pair in which one is so close that rounding turns it."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    margin = dict(zip(texts, (one.margin for one in runner(folder)(texts)), strict=True)) if texts else {}
    closest = [min(margin[text] for text in pair if margin[text] is not None) for pair in pairs]
    return [gap for gap in closest if gap < TIE]


def averages(rows: Any) -> dict[str, float]:
    """The averages over 14 labels that f1chexbert reports."""
    from mmrad_eval.metrics.labelf1 import LabelF1

    def nobody(_: Any) -> Any:
        raise AssertionError

    metric = LabelF1("chexbert", "CheXbert", nobody, "", "positive")
    values = dict(zip((column.name for column in metric.columns), metric.reduce(rows.sum(axis=0)), strict=True))
    return {kind: float(values[f"CheXbert {kind}-F1-14"]) for kind in ("micro", "macro", "weighted")}


SIDES = {
    "radgraph": upstream_radgraph,
    "chexbert": upstream_chexbert,
    "bertscore": upstream_bertscore,
    "own": own,
    "own again": own,
    "own long": own_long,
}

if __name__ == "__main__":
    sys.exit(main())
