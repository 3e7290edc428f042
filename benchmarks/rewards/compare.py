"""Milliseconds of CPU a completion: our rewards beside RadEval's ``make_reward_fn``, on the same completions.

    .envs/rewards/bin/python benchmarks/rewards/compare.py REPORTS.json [--radeval FOLDER]

REPORTS.json is in ReXrank's form. FOLDER: where radeval 2.2.1 was installed (``pip install --no-deps --target FOLDER``,
beside rouge-score, nltk, absl-py and six). The metrics that need weights are left out without them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmrad_eval
from mmrad_eval.metrics.language import language

OURS = ("findings@rules", "rules@uncertain=positive", "bleu@radeval", "rouge@radeval")
THEIRS = ("bleu", "rouge")
UNKNOWN = "Lorem ipsum dolor sit amet consectetur adipiscing elit sed do."
"""A text that makes the model of languages load, which takes a second once and is not measured."""


def timed(reward: Callable[..., Any], completions: list[str], references: list[str], column: str) -> float:
    """Milliseconds of CPU a completion."""
    start = time.process_time()
    reward(completions=completions, **{column: references})
    return (time.process_time() - start) / len(completions) * 1e3


def main() -> None:
    """One line a reward: references new, and references known with other completions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("reports", type=Path)
    parser.add_argument("--radeval", type=Path)
    said = parser.parse_args()
    rows = json.loads(said.reports.read_text(encoding="utf-8")).values()
    references = [row["section_findings"] for row in rows if row.get("section_findings")]
    first = [text[len(text) // 3 :] for text in references]
    second = [text[: 2 * len(text) // 3] for text in references]
    rewards: list[tuple[str, Callable[..., Any], str]] = [(name, mmrad_eval.reward(name), "reference") for name in OURS]
    if said.radeval:
        sys.path.insert(0, str(said.radeval))
        from radeval.rewards import make_reward_fn

        keys = {"rouge": "rougeL"}
        for name in THEIRS:
            made = make_reward_fn(name, key=keys.get(name)) if name in keys else make_reward_fn(name)
            rewards.append((f"radeval {name}", made, "ground_truth"))
    language(UNKNOWN)
    for name, reward, column in rewards:
        timed(reward, ["Clear lungs."], ["The lungs are clear."], column)  # what is loaded once
        new = timed(reward, first, references, column)
        known = timed(reward, second, references, column)
        print(json.dumps({"reward": name, "new reference": round(new, 3), "known reference": round(known, 3)}))


if __name__ == "__main__":
    main()
