"""What a harness costs: CPU a request, share of the ideal rate, memory; the server answers after 0 or 200 ms.

    .venv/bin/python benchmarks/overhead/measure.py            text and one 132 kB image, 64 and 256 at once
    .venv/bin/python benchmarks/overhead/measure.py --quick    fewer requests

Each client is a process of its own, measured by the kernel (``wait4``); a run of one request is subtracted, so that
what is left is the cost of a request and not of starting Python. The server is another process and is not counted.
The clients take turns, so that a slow minute of the machine meets all of them; the last two columns hold each against
raw aiohttp in the same run, which says more than milliseconds do where other work shares the machine.
lm_eval (text alone), lmms_eval and inspect_ai take part where their commands are found: on PATH, or in ``--others DIR``
(an environment's bin folder).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import material  # noqa: E402 (lies beside this script)
import others  # noqa: E402 (as above)

from benchmarks.child import Used, used_by  # noqa: E402 (as above)


@contextmanager
def server(delay: float) -> Iterator[str]:
    """The mock server in a process of its own; yields its base URL."""
    command = [sys.executable, "-m", "mmrad_eval.model_registry.mock_server", "--delay", str(delay)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class Trial:
    """One client on one kind of question."""

    name: str
    url: str
    data: material.Material
    at_once: int
    work: Path
    program: Path | None = None
    """The command of another harness."""

    def command(self, n: int) -> tuple[list[str], dict[str, str]]:
        """What asks ``n`` requests, and what it needs in its environment."""
        if self.program is not None:
            return others.command(self, n)
        if self.name in SCRIPTS:
            arguments = [self.url, str(self.data.prompts), str(n), str(self.at_once)]
            return [sys.executable, str(HERE / "clients.py"), SCRIPTS[self.name], *arguments], {}
        task = "direct" if self.data.pictures else "tcot-blind"
        return [
            str(Path(sys.executable).with_name("mmrad-eval")), "--model", "openai:rehearsal", "--base-url", self.url,
            "--task", task, "--data", str(self.data.studies), "--images", str(self.data.folder), "--data-use", "open",
            "--limit", str(n), "--concurrency", str(self.at_once), "--metrics", "bleu@r2gen-iu", "--out", "results",
            "--quiet",
        ], {}  # fmt: skip

    def measure(self, n: int) -> Used:
        """The cost of ``n`` requests less that of one."""
        uses = []
        for count in (1, n):
            shutil.rmtree(self.work, ignore_errors=True)
            self.work.mkdir()
            words, extra = self.command(count)
            uses.append(used_by(words, self.work, extra))
        return uses[1].less(uses[0])


PLAIN = "raw aiohttp"
SCRIPTS = {PLAIN: "raw_aiohttp", "asking": "asking"}
COLUMNS = (
    *("client", "server delay", "at once", "requests/s", "CPU ms/request", "share of ideal", "peak memory"),
    *(f"CPU of {PLAIN}", f"rate of {PLAIN}"),
)


def rows(trials: Sequence[Trial], delay: float, n: int, repeats: int) -> Iterator[str]:
    """The lines of one case: medians of ``repeats`` measurements of each client, which take turns."""
    turns = [[trial.measure(n) for trial in trials] for _ in range(repeats)]
    middle = {
        trial.name: Used(*(median(getattr(used, name) for used in uses) for name in ("wall", "cpu", "peak_mb")))
        for trial, uses in zip(trials, zip(*turns, strict=True), strict=True)
    }
    plain = middle.get(PLAIN)
    for trial in trials:
        used = middle[trial.name]
        share = f"{n / used.wall * delay / trial.at_once:.0%}" if delay else ""
        cells = [f"{delay * 1000:.0f} ms", f"{trial.at_once}", f"{n / used.wall:,.0f}", f"{1000 * used.cpu / n:.2f}"]
        cells += [share, f"{used.peak_mb:.0f} MB"]
        cells += [f"{used.cpu / plain.cpu:.1f} times", f"{plain.wall / used.wall:.0%}"] if plain else ["", ""]
        yield f"| {trial.name} | {' | '.join(cells)} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the requests, once")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of which the middle one counts")
    parser.add_argument("--only", help="names of clients, by commas")
    parser.add_argument("--others", type=Path, help="bin folder in which lm_eval, lmms-eval and inspect are looked for")
    given = parser.parse_args()
    programs = dict.fromkeys([*SCRIPTS, "mmrad-eval"]) | others.found(given.others)
    wanted = given.only.split(",") if given.only else list(programs)
    scale, repeats = (5, 1) if given.quick else (1, given.repeats)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        text, pictures = material.made(folder, 5000 // scale, 1000 // scale)
        for title, data, cases in (
            ("Text", text, [(0.0, 64, 2000), (0.2, 64, 2000), (0.2, 256, 5000)]),
            ("One 132 kB image", pictures, [(0.2, 64, 1000)]),
        ):
            print(f"\n**{title}**\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
            for delay, at_once, n in cases:
                with server(delay) as url:
                    trials = [
                        Trial(name, url, data, at_once, folder / "work", programs[name])
                        for name in wanted
                        if not (data.pictures and name == "lm_eval")  # its tasks place pictures by other means
                    ]
                    print("\n".join(rows(trials, delay, n // scale, repeats)), flush=True)


if __name__ == "__main__":
    main()
