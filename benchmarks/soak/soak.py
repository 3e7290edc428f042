"""A long run against servers that misbehave in every way: nothing lost, nothing wrong, nothing leaked.

    .venv/bin/python benchmarks/soak/soak.py                       100,000 studies, 9 interruptions (half an hour)
    .venv/bin/python benchmarks/soak/soak.py --studies 2000        a shorter one

Some studies meet a fault (``studies.py``): what a model does, trouble that passes, trouble that lasts. There are two
servers; one of them is killed and comes back, again and again. The run is ended at random moments, twice by SIGKILL and
once by Ctrl-C in turn, and started again. It then goes to its end, where the lasting trouble must have left it
incomplete; the servers are mended, and it must complete. After each turn every study has a status that its fault
allows, nothing that failed is scored, and each reply that an answer was read from is stored, also those of answers that
a kill left unpublished. At the end each request is stored once, no file holds the key, and memory stayed within its
budget; what was written of the journal stays, whoever is killed; each good reply that a server sent is written, unless
its reader or its sender was killed while it was in flight.
Exit status 1 where any of this is not so. The same ``--seed`` gives the same studies, faults and moments.
"""

from __future__ import annotations

import argparse
import itertools
import operator
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.records import write_traces
from benchmarks.soak import checks, studies
from benchmarks.soak.servers import Servers
from mmrad_eval.model_registry.mock_server import key_digest

KEY = "sk-soak/5c0a9e1f7b+d24/883e6a90c17b4f52"
GROWTH_MB, PEAK_MB = 15.0, 300.0
"""Budgets: what 10,000 further answers may add, and the most while requests are sent."""
TIMEOUT = 30.0  # seconds for a reply; long enough that no reply comes after it on a busy machine
ENOUGH = 4000  # answers of one turn from which on memory says something
AGAIN = 3  # further turns: on a busy machine a reply may miss its time-out, and its study is asked again
LINE = 1700  # bytes of a stored reply, about


@dataclass
class Watch:
    """Memory and open files of one process, looked at again and again, beside how many answers it had written.

    A process keeps a little of each answer, of those too whose replies were stored by an earlier one.
    """

    points: list[tuple[int, float, int, bool]] = field(default_factory=list)
    """(answers written, megabytes, open files, whether requests are sent)."""

    def look(self, pid: int, answers: int, *, asks: bool) -> None:
        """Take one point; nothing where the process has just ended."""
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            handles = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return
        self.points.append((answers, pages * os.sysconf("SC_PAGE_SIZE") / 1e6, handles, asks))

    def peak(self, *, asking: bool) -> float:
        """Megabytes at most, of the whole process or while it was asking."""
        return max((point[1] for point in self.points if point[3] or not asking), default=0.0)

    def growth(self) -> float | None:
        """Megabytes that stay for 10,000 answers: from one tenth's least to the next one's, since bodies come and go.

        None where there were too few. The first tenth is left out: a process that starts grows. So is the largest of
        the steps: one body of 64 MB leaves its room in the heap, once (the peak has a budget of its own).
        """
        points = [point for point in self.points if point[3]]
        if not points or points[-1][0] - points[0][0] < ENOUGH:
            return None
        first, tenth = points[0][0], (points[-1][0] - points[0][0]) / 10
        tenths: dict[int, tuple[int, float]] = {}
        for answers, megabytes, *_ in points:
            number = int((answers - first) / tenth)
            if number and (number not in tenths or megabytes < tenths[number][1]):
                tenths[number] = (answers, megabytes)
        steps = [
            (later[0] - earlier[0], later[1] - earlier[1])
            for earlier, later in itertools.pairwise(tenths[number] for number in sorted(tenths))
        ]
        steps.remove(max(steps, key=operator.itemgetter(1)))
        answers, megabytes = map(sum, zip(*steps, strict=True))
        return megabytes / answers * 10_000


def answered(out: Path) -> int | None:
    """About how many answers the run has written since it began, by the length of the first ones; None for none."""
    for part in out.glob("runs/*/*/*/*/answers.jsonl.part"):
        with suppress(FileNotFoundError), part.open("rb") as file:
            head, size = file.read(1 << 16), os.fstat(file.fileno()).st_size
            return head.count(b"\n") * size // max(1, len(head))
    return None


@dataclass
class Campaign:
    """One soak: its folder, its servers, and what was seen."""

    folder: Path
    n: int
    concurrency: int
    servers: Servers
    chance: random.Random
    watches: list[Watch] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    kills: list[checks.Death] = field(default_factory=list)
    """Those of the run by SIGKILL."""

    @property
    def out(self) -> Path:
        """Where the run lies."""
        return self.folder / "out"

    def turn(self, ends: signal.Signals | None = None, after: float = 1.0, *, mended: bool = False) -> int:
        """Start the run; end it by a signal once it has stored ``after`` of what was left; returns its exit status."""
        before = stored_bytes(self.out)
        wanted = before + after * (self.n * LINE - before)
        key = f"{KEY}{len(self.codes):02}"  # of its own, by which its requests are known
        process = subprocess.Popen(self.command(), stderr=subprocess.DEVNULL, env=os.environ | {"SOAK_KEY": key})
        begun = time.monotonic()
        watch, next_death, sent, held = Watch(), begun + self.chance.uniform(1, 30), False, before
        self.watches.append(watch)
        while process.poll() is None:
            time.sleep(0.5 if self.n > 5000 else 0.1)
            held = stored_bytes(self.out)
            answers = answered(self.out)
            watch.look(process.pid, answers or 0, asks=answers is not None)
            if not mended and held > before and time.monotonic() > next_death:
                next_death = time.monotonic() + self.die_or_come_back()
            if ends is not None and not sent and held >= wanted:
                process.send_signal(ends)
                sent = True
        if process.returncode == -signal.SIGKILL:
            self.kills.append(checks.Death(time.monotonic(), who=key_digest(f"Bearer {key}")))
        if not self.servers.runs(1):
            self.servers.start(1)
        self.codes.append(process.returncode)
        if stored_bytes(self.out) < held:
            self.wrong.append(f"turn {len(self.codes)}: replies that were written are gone")
        seen, wrong = checks.statuses(self.out, self.n, mended=mended and process.returncode == 0)
        self.wrong += [f"turn {len(self.codes)}: {what}" for what in (*wrong, *checks.unstored(self.out))]
        print(
            f"turn {len(self.codes)} ({ends.name if sent and ends else 'whole'}): exit {process.returncode} after "
            f"{time.monotonic() - begun:.0f} s, {stored_bytes(self.out) / 1e6:.0f} MB stored, "
            f"{watch.peak(asking=True):.0f} MB of memory while asking, "
            f"published: {dict(sorted(seen.items())) or 'nothing'}",
            flush=True,
        )
        return process.returncode

    def die_or_come_back(self) -> float:
        """Kill the second server, or start it again; returns the seconds until the other happens."""
        if self.servers.runs(1):
            self.servers.kill(1)
            return self.chance.uniform(2, 8)
        self.servers.start(1)
        return self.chance.uniform(10, 60)

    def command(self) -> list[str]:
        """The run."""
        return [
            *(str(Path(sys.executable).with_name("mmrad-eval")), "--model", "openai:rehearsal", "--quiet"),
            *(word for url in self.servers.urls for word in ("--base-url", url)),
            *("--task", "tcot-blind", "--data", str(self.folder / "studies.jsonl"), "--data-use", "open"),
            *("--timeout", f"{TIMEOUT:g}", "--concurrency", str(self.concurrency), "--metrics", "bleu@r2gen-iu"),
            *("--api-key-env", "SOAK_KEY", "--out", str(self.out)),
        ]


def stored_bytes(out: Path) -> int:
    """Bytes of the journal."""
    return sum(path.stat().st_size for path in out.glob("replies/*/openai_rehearsal/*.jsonl"))


def soak(folder: Path, n: int, interruptions: int, concurrency: int, seed: int) -> list[str]:
    """Run, interrupt, resume, mend, complete; returns what is wrong."""
    said = list(studies.sentences(n, seed))
    checks.learn(said)
    write_traces(folder / "studies.jsonl", said)
    start = time.monotonic()
    with Servers(folder, studies.MARKER) as servers:
        campaign = Campaign(folder, n, concurrency, servers, random.Random(seed))
        for number in range(interruptions):
            ends = signal.SIGINT if number % 3 == 2 else signal.SIGKILL
            code = campaign.turn(ends, campaign.chance.uniform(0.5, 1.5) / (interruptions + 1 - number))
            if code not in (-signal.SIGKILL, 3):
                campaign.wrong.append(f"a turn that was ended by {ends.name} exits with {code}")
        if campaign.turn() != 3:
            campaign.wrong.append("the run is complete although some of its requests always failed")
        servers.mend(studies.MENDED)
        for _ in range(1 + AGAIN):
            if campaign.turn(mended=True) == 0:
                break
        else:
            campaign.wrong.append(f"the mended servers don't let the run complete: exits {campaign.codes}")
        return campaign.wrong + judged(campaign, servers, time.monotonic() - start)


def judged(campaign: Campaign, servers: Servers, seconds: float) -> list[str]:
    """What is wrong with the journal, the files and the memory of the whole campaign, which is summed up."""
    n, out = campaign.n, campaign.out
    keys, wrong = checks.stored(out), checks.leaks(out, KEY)
    model = sum(fault in studies.MODELS for fault in checks.FAULTS.values())
    twice = sum(count > 1 for count in keys.values())
    if len(keys) != n or twice:
        wrong.append(f"{len(keys)} keys stored for {n} studies, {twice} of them more than once")
    deaths = [*campaign.kills, *(checks.Death(at, server) for at, server in servers.deaths)]
    lost = checks.lost(servers.sent(), deaths, TIMEOUT)
    wrong += lost.wrong
    if lost.at_one_death > campaign.concurrency:
        wrong.append(f"{lost.at_one_death} good replies were lost at one death, more than were in flight")
    growths = [growth for watch in campaign.watches if (growth := watch.growth()) is not None]
    growth = max(growths, default=0.0)
    asking, peak = (max(watch.peak(asking=asking) for watch in campaign.watches) for asking in (True, False))
    handles = max((point[2] for watch in campaign.watches for point in watch.points), default=0)
    if growth > GROWTH_MB:
        wrong.append(f"memory grew by {growth:.0f} MB over 10,000 answers")
    if asking > PEAK_MB:
        wrong.append(f"memory reached {asking:.0f} MB while asking")
    if handles > 2 * campaign.concurrency + 64:  # connections to either server stay open while they are idle
        wrong.append(f"{handles} files were open at once")
    faults = sum(fault != "nothing" for fault in checks.FAULTS.values())
    print(
        f"{n:,} studies ({faults:,} with faults, {model:,} of them the model's) in {seconds:.0f} s; "
        f"{len(campaign.kills)} times SIGKILL, {len(servers.deaths)} deaths of servers; {lost.replies} replies "
        f"in flight lost, at most {lost.at_one_death} at one death and {lost.seconds:.2f} s before it; memory at most "
        f"{asking:.0f} MB while asking and {peak:.0f} MB with scoring, "
        f"growth {growth:.1f} MB over 10,000 answers; at most {handles} open files"
    )
    return wrong


def main() -> None:
    """Soak, and say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--interruptions", type=int, default=9)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    wrong = soak(folder, given.studies, given.interruptions, given.concurrency, given.seed)
    for problem in wrong:
        print("WRONG:", problem)
    if wrong:
        print(f"What the run and its servers wrote stays in {folder}")
    else:
        shutil.rmtree(folder)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
