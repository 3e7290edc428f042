"""RadGraph, CheXbert and BERTScore over two models' reports: our engine against the packages, both in one run.

    .envs/clinical/bin/python benchmarks/clinical/compare.py [--reports 200] [--folder /tmp/weights]

Weights are random at the real size of BERT-base and distilroberta-base (about 1.3 GB, made once in the folder); so
speed, memory and equality are real, and what the numbers say of a report is not. Every side is a process of its own,
timed from its start to its end. Exit status 1 where outputs differ or a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

FASTER_COLD, FASTER_AGAIN = 4.5, 200.0


def main() -> int:
    """Make the weights, run every side, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=200, help="reports in the test set; two models answer each")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "mmrad-clinical-benchmark")
    parser.add_argument("--threads", type=int, help="threads of both sides; all cores where it is not said")
    parser.add_argument("--side", help=argparse.SUPPRESS)
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
    upstream = ("radgraph", "chexbert", "bertscore")
    ours = ("own", "own again")
    sides = [*(() if said.skip_upstream else upstream), *ours, "own long"]
    for stale in said.folder.glob("journal/*.jsonl"):
        stale.unlink()
    seen = {side: process(side, said) for side in sides}
    for side, (seconds, peak, busy) in seen.items():
        print(f"{side:12} {seconds:8.2f} s  {busy:8.2f} s of CPU  {peak:6.0f} MB")
    differing = compare(said.folder)
    print(f"differing: {differing}")
    good = not any(differing.values())
    if not said.skip_upstream:
        packages = sum(seen[side][0] for side in upstream)
        cold, again = packages / seen["own"][0], packages / seen["own again"][0]
        most = max(seen[side][1] for side in upstream)
        mine = seen["own"]
        print(f"the packages: {packages:.1f} s, at most {most:.0f} MB; ours {mine[0]:.1f} s, {mine[1]:.0f} MB")
        print(
            f"cold {cold:.2f} times faster (target {FASTER_COLD}), again {again:.0f} times (target {FASTER_AGAIN:.0f})"
        )
        good = good and cold >= FASTER_COLD and again >= FASTER_AGAIN and seen["own"][1] < most
    return 0 if good else 1


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


def process(side: str, said: argparse.Namespace) -> tuple[float, float, float]:
    """Seconds, peak megabytes and CPU seconds of one side as a whole process."""
    command = [sys.executable, __file__, "--side", side, "--reports", str(said.reports), "--folder", str(said.folder)]
    start, spent = time.perf_counter(), cpu()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-3000:]}")
    return seconds, float(done.stdout.strip().splitlines()[-1]), cpu() - spent


def cpu() -> float:
    """CPU seconds of all processes that ended."""
    used = os.times()
    return used.children_user + used.children_system


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
    from mmrad_eval.metrics.encoder.bert import BUDGET
    from mmrad_eval.metrics.graphs.archive import RadGraphRunner

    words = " ".join(reports(40, seed=9)).split()[:1000]
    encoder = next((folder / "hub/models--bert-base-uncased/snapshots").iterdir())
    (found,) = RadGraphRunner(folder / "rg/radgraph-xl", "radgraph-xl", encoder)([" ".join(words)], BUDGET)
    assert found.graph.entities
    keep(folder, "long", len(found.graph.entities))


def compare(folder: Path) -> dict[str, int]:
    """How many reports (or averages) of both models differ, by head."""
    import numpy as np

    said = {path.stem: pickle.loads(path.read_bytes()) for path in folder.glob("*.pickle")}
    differing = {}
    if "radgraph" in said:
        rewards = [np.array(levels).T for levels in said["radgraph"]]
        pairs = zip(rewards, said["own"]["radgraph@xl"], strict=True)
        differing["rewards"] = int(sum((a != b[:, :3]).any(axis=1).sum() for a, b in pairs))
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
