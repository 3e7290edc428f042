"""RadGraph as a reward beside the package's F1RadGraph, on the same completions: CPU seconds, and whether values agree.

    scripts/env-clinical
    .envs/clinical/bin/python benchmarks/rewards/radgraph_reward.py [--references 12] [--completions 8]

Weights are random at the real size of BERT-base (benchmarks/clinical makes them once in the folder); so speed and
equality are real. As in GRPO, each reference is met with several completions, and in two steps, so that it is known the
second time. Loading is not counted. One thread.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
_HEADING = re.compile(r"\b[A-Za-z ]*(?:findings|impression)\s*:\s*", re.IGNORECASE)


def timed(call: Callable[[], list[float]]) -> tuple[float, list[float]]:
    """CPU seconds of a call, and what it gave."""
    start = time.process_time()
    values = call()
    return time.process_time() - start, values


def main() -> int:
    """One line a step: seconds of CPU of both, and the largest difference of a value."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--references", type=int, default=12)
    parser.add_argument("--completions", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "mmrad-clinical-benchmark")
    said = parser.parse_args()
    said.folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"HF_HOME": str(said.folder), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    os.environ |= {"MMRAD_WEIGHTS": str(said.folder / "ours"), "XDG_CACHE_HOME": str(said.folder / "cache")}
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

    from benchmarks.clinical.compare import make
    from benchmarks.clinical.reports import reports, rewritten

    make(said.folder, 200)
    from radgraph import F1RadGraph

    import mmrad_eval

    theirs = F1RadGraph(reward_level="all", model_type="radgraph-xl", model_cache_dir=str(said.folder / "rg"))
    weights = {"weights.radgraph-xl": said.folder / "rg/radgraph-xl"}
    ours = mmrad_eval.reward("radgraph@xl", options=weights, columns={"radgraph@xl": "RadGraph-partial"})
    plain = [
        _HEADING.sub("", text) for text in reports(said.references, seed=11)
    ]  # a reward reads what stands under them
    references = [text for text in plain for _ in range(said.completions)]
    theirs(hyps=["Clear lungs."], refs=["The lungs are clear."])
    ours(completions=["Clear lungs."], reference=["The lungs are clear."])
    for step in (1, 2):
        said_now = rewritten(references, seed=20 + step)
        cpu, expected = timed(lambda: list(map(float, theirs(hyps=said_now, refs=references)[1][1])))  # noqa: B023 (called at once)
        own, values = timed(lambda: ours(completions=said_now, reference=references))  # noqa: B023 (called at once)
        gap = max(abs(a - b) for a, b in zip(expected, values, strict=True))
        line = {"step": step, "completions": len(said_now), "package": round(cpu, 1), "ours": round(own, 1)}
        print(json.dumps({**line, "times": round(cpu / own, 1), "largest difference": gap}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
