"""A long run against a server that misbehaves in every way: nothing lost, nothing wrong, nothing leaked.

    .venv/bin/python benchmarks/soak/soak.py                       100,000 studies, 5 interruptions (about half an hour)
    .venv/bin/python benchmarks/soak/soak.py --studies 2000        a shorter one

Three studies of ten meet a fault that chance chose for them once and for all: errors, limits, broken connections,
hangs, refusals, empty and cut replies. The run is interrupted (Ctrl-C) at random moments and started again until it is
complete. Then every study has the status that its fault makes, memory has not grown beyond the budget, and no file
handle is left. Exit status 1 where any of this is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mmrad_eval.model_registry.mock_server import chance_fault

SHARE = 0.3
MARKER = r"Case \d{6}"
BUDGET_MB = 50.0  # growth of memory over 10,000 studies
STATUSES = {
    "": "ok", "500:1": "ok", "500:2": "ok", "429:0.01:1": "ok", "malformed:1": "ok", "disconnect:1": "ok",
    "hang:1": "ok", "policy": "refused", "long": "too long", "null": "empty", "empty": "empty", "length": "truncated",
    "refusal": "refused", "filter": "refused",
}  # fmt: skip
"""Fault -> the status that a study must end with."""
ENOUGH = 4000  # studies of one turn from which on memory says something
AGAIN = 3  # further turns: on a busy machine a reply may miss its time-out, and its study is asked again
LINE = 1500  # bytes of a stored reply, about


def written(folder: Path, n: int) -> Path:
    """Records in the authors' format whose evidence names their case."""
    path = folder / "studies.jsonl"
    with path.open("w") as file:
        for number in range(n):
            record = {
                "prompt": "Compile a report. <image>",
                "response": "First, I need to analyze the lung region. <image> The bounding box of this area is "
                f"[10, 10, 90, 90] . Case {number:06}. The lungs are clear.\n\n  Summarizing the previous analysis, "
                f"I will generate the following report: FINDINGS: Case {number:06}. The lungs are clear.",
                "images": [f"{number}/problem_image_1.jpg", f"{number}/reasoning_image_1.jpg"],
            }
            file.write(json.dumps(record) + "\n")
    return path


@contextmanager
def server() -> Iterator[str]:
    """The misbehaving server in a process of its own; yields its base URL."""
    command = [
        sys.executable, "-m", "mmrad_eval.model_registry.mock_server", "--misbehave", str(SHARE), "--marker", MARKER,
        "--own-words",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@dataclass
class Watch:
    """Memory and open files of one process, looked at every second, beside how many replies it has stored."""

    points: list[tuple[int, float, int]] = field(default_factory=list)
    """(replies stored, megabytes, open files)."""

    def look(self, pid: int, replies: int) -> None:
        """Take one point; nothing where the process has just ended."""
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            handles = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return
        self.points.append((replies, pages * os.sysconf("SC_PAGE_SIZE") / 1e6, handles))

    def growth(self) -> float:
        """Megabytes over 10,000 studies, from a quarter of what this process stored to its last reply."""
        if not self.points:
            return 0.0
        first, last = self.points[0][0], self.points[-1][0]
        if last - first < ENOUGH:
            return 0.0
        early = next(point for point in self.points if point[0] >= first + (last - first) / 4)
        late = next(point for point in self.points if point[0] >= last)  # what follows is scoring
        return (late[1] - early[1]) / (late[0] - early[0]) * 10_000 if late[0] > early[0] else 0.0


def stored(out: Path) -> int:
    """Replies in the journal, in bytes."""
    return sum(path.stat().st_size for path in out.glob("replies/*/openai_rehearsal/*.jsonl"))


def soak(folder: Path, n: int, interrupts: int, concurrency: int) -> list[str]:
    """Run, interrupt, resume; returns what is wrong."""
    data, out = written(folder, n), folder / "out"
    chance = random.Random(11)
    watches: list[Watch] = []
    codes: list[int] = []
    start = time.monotonic()
    with server() as url:
        command = [
            str(Path(sys.executable).with_name("mmrad-eval")), "--model", "openai:rehearsal", "--base-url", url,
            "--task", "tcot-blind", "--data", str(data), "--data-use", "open", "--timeout", "5", "--concurrency",
            str(concurrency), "--metrics", "bleu@r2gen-iu", "--out", str(out), "--quiet",
        ]  # fmt: skip
        for turn in range(interrupts + 1 + AGAIN):
            if turn > interrupts and codes[-1] == 0:
                break
            before = stored(out)
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            wanted = before + chance.uniform(0.5, 1.5) * n * LINE / (interrupts + 1)
            watch = Watch()
            watches.append(watch)
            while process.poll() is None:
                time.sleep(1 if n > 5000 else 0.2)
                bytes_stored = stored(out)
                watch.look(process.pid, bytes_stored // LINE)
                if turn < interrupts and bytes_stored >= wanted:
                    process.send_signal(signal.SIGINT)
                    process.wait(120)
            codes.append(process.returncode)
            print(f"turn {turn}: exit {process.returncode}, {stored(out) / 1e6:.0f} MB stored", flush=True)
    wrong = checked(out, n)
    if codes[-1] != 0:
        wrong.append(f"the last turn ended with {codes[-1]}")
    if any(code not in (0, 3) for code in codes):
        wrong.append(f"an interrupted turn ended with another status than 3: {codes}")
    growth = max(watch.growth() for watch in watches)
    peak = max((point[1] for watch in watches for point in watch.points), default=0.0)
    handles = max((point[2] for watch in watches for point in watch.points), default=0)
    if growth > BUDGET_MB:
        wrong.append(f"memory grew by {growth:.0f} MB over 10,000 studies")
    if handles > concurrency + 64:
        wrong.append(f"{handles} files were open at once")
    print(
        f"{n:,} studies in {time.monotonic() - start:.0f} s; memory at most {peak:.0f} MB, growth {growth:.1f} MB over "
        f"10,000 studies; at most {handles} open files"
    )
    return wrong


def checked(out: Path, n: int) -> list[str]:
    """Every study has the status that its fault makes, and every key is stored once."""
    [path] = out.glob("runs/*/tcot-blind/*/*/answers.jsonl")
    answers = [json.loads(line) for line in path.read_text().splitlines()]
    wrong = [] if len(answers) == n else [f"{len(answers)} answers for {n} studies"]
    seen: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for answer in answers:
        case = re.search(MARKER, json.dumps(answer.get("shown")))
        fault = chance_fault(case[0].encode(), SHARE) if case else "unknown"
        seen[answer.get("status", "pending")] += 1
        if answer.get("status", "pending") != STATUSES.get(fault):
            bad[f"{fault or 'no fault'} ended as {answer.get('status', 'open')}"] += 1
    print("statuses:", dict(seen))
    keys: Counter[str] = Counter()
    for segment in out.glob("replies/*/openai_rehearsal/*.jsonl"):
        with segment.open() as file:
            keys.update(line[8:72] for line in file)
    if len(keys) != n or max(keys.values(), default=0) > 1:
        wrong.append(f"{len(keys)} keys stored, {sum(count > 1 for count in keys.values())} of them more than once")
    return wrong + [f"{count} studies: {what}" for what, count in bad.items()]


def main() -> None:
    """Soak, and say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--interrupts", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=128)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wrong = soak(Path(folder), given.studies, given.interrupts, given.concurrency)
    for problem in wrong:
        print("WRONG:", problem)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
