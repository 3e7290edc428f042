"""Scoring with one process, two processes and two Ray nodes on this machine: the same bytes, and what each takes.

Two rows more are of a cluster in trouble: a worker is killed, and a node is lost while another joins, each time with a
quarter of the chunks handed over.

    .envs/ray/bin/python benchmarks/scale/measure.py [--reports 20000] [--metrics lexical,facts]
    .envs/clinical/bin/python benchmarks/scale/measure.py --encoders [--reports 20000]

(`scripts/env-ray` and `scripts/env-clinical` make the environments; in any other the rows of Ray are left out.) With
`--encoders` RadGraph, CheXbert and BERTScore have small random weights. Reports are invented. Each way is
a process of its own; the memory of the largest worker stands apart. The CPU seconds and memory of Ray's processes
are in no number.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.clinical.reports import reports, rewritten
from mmrad_eval.core.connections import looking_up
from mmrad_eval.harness.data import Data
from mmrad_eval.harness.jobs import Job, execute
from mmrad_eval.harness.measuring import mapper_of
from mmrad_eval.metrics import suite
from mmrad_eval.results.scoring.chunk import CHUNK, Chunk, ChunkMeasurer, Mapper, MeasuredChunk
from mmrad_eval.results.scoring.run import score
from mmrad_eval.results.scoring.workers import Workers

ENCODERS = "radgraph@xl,chexbert@uncertain=positive,semb@rexrank,bertscore@rexrank"
NODE = {"num_cpus": 1, "object_store_memory": 150 << 20}
TROUBLE = "now"


class Timed:
    """A mapper whose seconds are kept, from the first chunk to the last result."""

    def __init__(self, mapper: Mapper, trouble_at: int = -1) -> None:
        """Before chunk ``trouble_at`` is handed over, the process that waits for this one does what it is to do."""
        self._mapper, self._trouble_at, self.seconds = mapper, trouble_at, 0.0

    def __call__(self, measurer: ChunkMeasurer, chunks: Iterable[Chunk], /) -> Iterator[MeasuredChunk]:
        """What the mapper gives."""
        begun = time.perf_counter()
        yield from self._mapper(measurer, self._handed_over(chunks))
        self.seconds = time.perf_counter() - begun

    def _handed_over(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        for number, chunk in enumerate(chunks):
            if number == self._trouble_at:
                print(TROUBLE, flush=True)
                sys.stdin.readline()
            yield chunk


class _Quiet:
    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def weights(folder: Path) -> dict[str, Path]:
    """Options that name the small weights of a folder, where it has any."""
    if not folder.exists():
        return {}
    names = {"radgraph-xl": "radgraph-xl", "chexbert": "chexbert.pth", "distilroberta-base": "roberta"}
    names["bert-base-uncased"] = (folder / "bert").read_text()
    return {f"weights.{name}": folder / place for name, place in names.items()}


def write_weights(folder: Path, texts: list[str]) -> None:
    """Small random weights in the published formats."""
    from benchmarks.clinical import checkpoints

    encoder = checkpoints.write_bert(folder, "bert-base-uncased", checkpoints.SMALL, texts)
    (folder / "bert").write_text(str(encoder))
    model = "radgraph-xl"
    checkpoints.write_radgraph(folder / model, model, "bert-base-uncased", encoder, texts=texts, seed=3)
    checkpoints.write_chexbert(folder / "chexbert.pth", encoder, texts, 3)
    checkpoints.write_scorer(folder / "roberta", "roberta", replace(checkpoints.SMALL, layers=6), texts, 3)


def one(workers: str, folder: Path, metrics: str, trouble_at: int) -> dict[str, Any]:
    """Score the reports of ``folder`` once; what it took, and digests of what was written."""
    job = Job(f"file:{folder / 'reports.jsonl'}", "direct", Data(str(folder / "studies.jsonl")), metrics=())
    plan = job.plan()
    outcome = execute(job, plan, folder / f"results {workers.partition(':')[0]}", _Quiet())
    mapper = Timed(mapper_of(Workers.written(workers), "open"), trouble_at)
    begun, before = time.perf_counter(), cpu()
    with looking_up():
        made = suite(metrics.split(","), options=weights(folder / "weights"))
        score(outcome.folder, plan.studies, made, resamples=1000, mapper=mapper)
    seconds, used = time.perf_counter() - begun, cpu() - before
    apart = workers.isdecimal() and workers != "1"
    written = (outcome.folder.path / name for name in ("scores.parquet", "summary.json"))
    return {
        "measuring": mapper.seconds,
        "scoring": seconds,
        "cpu": used,
        "driver_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "worker_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 if apart else 0,
        "digests": [hashlib.sha256(path.read_bytes()).hexdigest() for path in written],
    }


def cpu() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Measure each way in a process of its own, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--reports", type=int, default=20_000)
    parser.add_argument("--metrics", default="lexical,facts")
    parser.add_argument("--encoders", action="store_true", help=f"{ENCODERS} with small weights")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--trouble-at", type=int, default=-1, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one:
        print(json.dumps(one(said.one[0], Path(said.one[1]), said.metrics, said.trouble_at)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        references = reports(said.reports, seed=9)
        if said.encoders:
            said.metrics = ENCODERS
            os.environ |= {"HF_HOME": temporary, "MMRAD_WEIGHTS": temporary}
            write_weights(folder / "weights", references[:60])
        _write(folder / "studies.jsonl", "findings", references)
        _write(folder / "reports.jsonl", "report", rewritten(references, seed=3))
        print(f"{said.reports:,} reports, {said.metrics}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
        print("| | measuring, wall s | scoring, wall s | CPU s | peak MB | largest worker |\n|---|---|---|---|---|---|")
        found = [_row(name, workers, folder, said) for name, workers in (("1 process", "1"), ("2 processes", "2"))]
        if find_spec("ray"):
            os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
            from ray.cluster_utils import Cluster

            cluster = Cluster(initialize_head=True, head_node_args=NODE)
            second = cluster.add_node(**NODE)

            def lose() -> None:
                cluster.remove_node(second, allow_graceful=False)
                cluster.add_node(**NODE)

            troubles = (
                ("2 Ray nodes that run", None),
                ("... a worker killed", _kill),
                ("... a node lost, one joined", lose),
            )
            for name, trouble in troubles:
                found.append(_row(name, f"ray:{cluster.address}", folder, said, trouble))
            cluster.shutdown()
        print("\nequal bytes" if all(one == found[0] for one in found) else "\nNOT THE SAME BYTES")


def _row(
    name: str, workers: str, folder: Path, said: argparse.Namespace, trouble: Callable[[], None] | None = None
) -> list[str]:
    command = [sys.executable, __file__, "--one", workers, str(folder), "--metrics", said.metrics]
    if trouble:
        command += ["--trouble-at", str(said.reports // CHUNK // 4)]
    last = ""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as scoring:
        assert scoring.stdin is not None
        assert scoring.stdout is not None
        for line in scoring.stdout:
            if trouble and line.strip() == TROUBLE:
                trouble()
                scoring.stdin.write("done\n")
                scoring.stdin.flush()
            last = line
    if scoring.returncode:
        raise SystemExit(f"{name}: scoring ended with status {scoring.returncode}")
    took = json.loads(last)
    worker = f"{took['worker_mb']:.0f}" if took["worker_mb"] else ""
    print(
        f"| {name} | {took['measuring']:.1f} | {took['scoring']:.1f} | {took['cpu']:.1f} | {took['driver_mb']:.0f} | "
        f"{worker} |",
        flush=True,
    )
    digests: list[str] = took["digests"]
    return digests


def _kill() -> None:
    """End one worker of this process's cluster without asking it."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    for process in parents:
        above = process
        while above in parents and above != os.getpid():
            above = parents[above]
        words = Path(f"/proc/{process}/cmdline").read_text()
        if above == os.getpid() and ("ray::ChunkActor" in words or "ray::EncoderActor" in words):
            os.kill(process, signal.SIGKILL)
            return
    raise SystemExit("no worker to kill")


def _write(path: Path, name: str, texts: Iterable[str]) -> None:
    path.write_text("\n".join(json.dumps({"id": f"s{i}", name: text}) for i, text in enumerate(texts)))


if __name__ == "__main__":
    main()
