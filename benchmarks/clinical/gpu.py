"""Reports a second of each head at several batch sizes, with the check that the output stays the same.

    python benchmarks/clinical/gpu.py [--device cuda] [--reports 400] [--folder /tmp/mmrad-clinical-benchmark]

Uses the weights that ``compare.py`` makes (it makes them first where they are absent). The baseline of the check is one
text at a time on the same device. Needs the extra ``engine`` only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from benchmarks.clinical.compare import make
from benchmarks.clinical.reports import reports, rewritten
from mmrad_eval.metrics.clinical.embeddings.bertscore import BertScoreRunner
from mmrad_eval.metrics.clinical.embeddings.chexbert import CheXbertRunner
from mmrad_eval.metrics.clinical.graphs.archive import RadGraphRunner

BATCHES = ((1, 1), (1024, 1), (4096, 8), (16384, 16), (65536, 32))
"""(pieces in a batch, what lengths are rounded up to)."""


def main() -> int:
    """Print one line a head and batch size; exit 1 where an output differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--reports", type=int, default=400)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "mmrad-clinical-benchmark")
    said = parser.parse_args()
    said.folder.mkdir(parents=True, exist_ok=True)
    make(said.folder, said.reports)
    device = torch.device(said.device)
    encoder = next((said.folder / "hub/models--bert-base-uncased/snapshots").iterdir())
    texts = reports(said.reports, seed=4)
    pairs = list(zip(rewritten(texts, seed=4), texts, strict=True))
    heads: list[tuple[str, Callable[[], Any], Sequence[Any], Callable[[Any], Any]]] = [
        (
            "RadGraph-XL",
            lambda: RadGraphRunner(said.folder / "rg/radgraph-xl", "radgraph-xl", encoder, device),
            texts,
            lambda one: one.graph,
        ),
        (
            "CheXbert",
            lambda: CheXbertRunner(said.folder / "cache/chexbert/chexbert.pth", encoder, device),
            texts,
            lambda one: one.classes,
        ),
        (
            "BERTScore",
            lambda: BertScoreRunner(said.folder / "distilroberta", 5, device),
            pairs,
            lambda one: one,
        ),
    ]
    differing = 0
    for name, build, asked, told in heads:
        expected: list[Any] = []
        for budget, pad_to in BATCHES:
            runner = build()
            runner(asked[:4], budget, pad_to)  # the first call pays for what is loaded and chosen once
            start = time.perf_counter()
            found = [told(one) for one in runner(asked, budget, pad_to)]
            if device.type == "cuda":
                torch.cuda.synchronize()
            speed = len(asked) / (time.perf_counter() - start)
            expected = expected or found
            other = sum(not alike(a, b) for a, b in zip(expected, found, strict=True))
            differing += other
            print(f"{name:12} {budget:6} pieces, lengths to {pad_to:2}: {speed:8.1f} a second, {other} differ")
    return 1 if differing else 0


def alike(one: Any, other: Any) -> bool:
    """Whether two outputs are the same; BERTScore's numbers to 1e-5."""
    if isinstance(one, tuple) and isinstance(one[0], float):
        return all(abs(a - b) < 1e-5 for a, b in zip(one, other, strict=True))
    return bool(one == other)


if __name__ == "__main__":
    sys.exit(main())
