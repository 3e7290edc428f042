"""Six tasks over 20 studies of the demo on a real vLLM: study order against task order, and the cache switched off.

    .venv/bin/python benchmarks/scale/prefixes.py [--studies 20] [--cache 16384,8 --cache 5120,4]

(`scripts/env-vllm` makes the server, whose model is tiny and writes noise.) Both orders ask the same server, whose
caches are emptied between them. Counters are the server's own, from run.json (`server_caches`); answers are compared
word by word, those of a server without a cache of prefixes among them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mmrad_eval.core.values import Card
from mmrad_eval.model_registry.serving import ServeOptions, Server

ROOT = Path(__file__).resolve().parents[2]
TASKS = "direct,tcot,mcot,mcot-shuffled,mcot-repeat,mcot-swapped"
BLOCK = 32
CONTEXT = 4096
EDGE = 448
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "TORCH_COMPILE_DISABLE": "1",
    "VLLM_SERVER_DEV_MODE": "1",  # its caches can be emptied then
}
Answers = dict[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True)
class Asking:
    """One command's asking, as run.json tells it, and what was answered."""

    seconds: float
    """Wall time of the whole command, its start and its scoring included."""
    counted: dict[str, Any]
    answers: Answers


@contextmanager
def served(model: Path, *flags: str) -> Iterator[Server]:
    """A server of the tiny model."""
    extra = ("--enforce-eager", "--block-size", str(BLOCK), "--seed", "0", *flags)
    command = (str(ROOT / ".envs/vllm/bin/vllm"),)
    options = ServeOptions(command=command, images=8, context=CONTEXT, dtype="float32", extra=extra, patience=600)
    server = Server(Card(provider="vllm", id=str(model)), options, log=model.with_name("vllm.log"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def ask(server: Server, order: str, at_once: int, studies: int, out: Path) -> Asking:
    """Run the six tasks in one order on empty caches."""
    root = server.url.removesuffix("/v1")
    for cache in ("prefix", "mm"):
        emptied = urllib.request.Request(f"{root}/reset_{cache}_cache", method="POST")
        emptied.add_header("Authorization", f"Bearer {server.secret.reveal()}")
        urllib.request.urlopen(emptied, timeout=60).close()
    command = [sys.executable, "-m", "mmrad_eval", "run", "--model", f"vllm:{server.card.id}", "--task", TASKS]
    command += ["--order", order, "--base-url", server.url, "--api-key-env", "TINY_KEY", "--limit", str(studies)]
    command += ["--concurrency", str(at_once), "--max-edge", str(EDGE), "--max-tokens", "16", "--no-look-check"]
    command += ["--metrics", "bleu@raw", "--no-table", "--quiet", "--out", str(out)]
    keyed = os.environ | {"TINY_KEY": server.secret.reveal()}
    begun = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, env=keyed)
    seconds = time.perf_counter() - begun
    counted: dict[str, Any] = {}
    answers: Answers = {}
    for path in sorted(out.glob("runs/*/*/*/*/run.json")):
        run = json.loads(path.read_text())
        for cache in run.get("server_caches", ()):
            numbers = {name: value for name, value in cache.items() if isinstance(value, int)}
            counted = {name: counted.get(name, 0) + value for name, value in numbers.items()}
        for line in (path.parent / "answers.jsonl").read_text().splitlines():
            answer = json.loads(line)
            report = json.dumps(answer.get("report"), sort_keys=True)
            answers[run["identity"]["task"], answer["study"]] = answer["status"], report
    return Asking(seconds, counted, answers)


def row(name: str, order: str, asking: Asking) -> str:
    """A row of the table."""
    counted = asking.counted
    queries, hits = counted.get("queries", 0), counted.get("hits", 0)
    if not queries:
        return f"| {name} | {order} | | | | {asking.seconds:.0f} |"
    images = f"{counted['image_hits']} of {counted['image_queries']}"
    return (
        f"| {name} | {order} | {hits / queries:.1%} | {queries - hits:,} of {queries:,} | {images} "
        f"| {asking.seconds:.0f} |"
    )


def main() -> None:
    """Print the table, and whether all answered the same."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--cache", action="append", help="tokens of the cache, concurrent requests")
    said = parser.parse_args()
    os.environ.update(QUIET)
    found: list[Answers] = []
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "model"
        maker = ROOT / "tests/model_registry/tiny_vlm.py"
        subprocess.run([ROOT / ".envs/vllm/bin/python", maker, model], check=True, stdout=subprocess.DEVNULL)
        load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        print(f"{TASKS.count(',') + 1} tasks x {said.studies} studies, blocks of {BLOCK} tokens; {load}\n")
        print("| cache | order | hit share | prefill tokens computed | images from the cache | command, wall s |")
        print("|---|---|---|---|---|---|", flush=True)
        for size, at_once in (map(int, one.split(",")) for one in said.cache or ("16384,8", "5120,4")):
            with served(model, "--num-gpu-blocks-override", str(size // BLOCK)) as server:
                for order in ("task", "study"):
                    asking = ask(server, order, at_once, said.studies, Path(temporary) / f"{size} {order}")
                    print(row(f"{size:,} tokens, {at_once} at once", order, asking), flush=True)
                    found.append(asking.answers)
        with served(model, "--no-enable-prefix-caching") as server:
            asking = ask(server, "study", 8, said.studies, Path(temporary) / "off")
            print(row("off, 8 at once", "study", asking), flush=True)
            found.append(asking.answers)
    answered = {status for answers in found for status, _ in answers.values()}
    equal = sum(all(one[key] == found[0][key] for one in found) for key in found[0])
    print(f"\n{len(found[0])} answers ({', '.join(sorted(answered))}), {equal} of them equal in all {len(found)} runs")
    print(f"{len({report for _, report in found[0].values()})} distinct reports")


if __name__ == "__main__":
    main()
