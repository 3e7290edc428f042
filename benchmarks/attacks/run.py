"""Attacks of each kind on one installation, through its command line, its HTTP and its files alone.

    .venv/bin/python benchmarks/attacks/run.py [--command PATH/TO/mmrad-eval] [R1 R6 ...]

The same script runs against any version, since it imports nothing of it. Each line says what held and what was seen.
Servers are on loopback. Exit status 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.attacks.bench import KEY, Answer, Bench, said  # noqa: E402 (of this checkout)
from benchmarks.records import write_traces  # noqa: E402

Attack = Callable[[Bench], tuple[bool, str]]
PAGES = {
    "HAProxy's page": (
        400,
        "<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>",
    ),
    "a tunnel's limit": (413, '{"error":{"message":"Payload exceeded maximum size of the tunnel","code":"ERR_3004"}}'),
    "no convolution": (
        400,
        '{"error":{"message":"cuDNN error: CUDNN_STATUS_NOT_INITIALIZED","type":"BadRequestError"}}',
    ),
    "a worker": (422, '{"detail":"Worker 3 timed out after 600 seconds, request was dropped"}'),
    "no buffers": (
        400,
        '{"error":{"code":400,"message":"failed to allocate compute buffers","type":"invalid_request_error"}}',
    ),
    "a quota": (422, '{"message":"You have used all of your monthly credits"}'),
}


def r1(bench: Bench) -> tuple[bool, str]:
    """Rejections that are the infrastructure's doing."""

    def answer(body: str, _: int) -> Answer:
        for number, (status, text) in enumerate(PAGES.values()):
            if f"number {number * 5} " in body:
                return status, {"Content-Type": "text/html"}, text.encode()
        return said()

    ended = bench.run(bench.serve(answer).url, studies=40)
    found = bench.statuses()
    return found["failed"] == len(PAGES) and ended.code == 3, f"exit {ended.code}, {dict(found)}"


def r2(bench: Bench) -> tuple[bool, str]:
    """One study whose server asks to wait for ever."""
    waits = ("86400", "Fri, 31 Dec 2038 23:59:59 GMT", "1e300")

    def answer(body: str, _: int) -> Answer:
        for number, wait in enumerate(waits):
            if f"number {number} " in body:
                return 429, {"Retry-After": wait}, b'{"error":{"message":"slow down"}}'
        return said()

    ended = bench.run(bench.serve(answer).url, studies=12)
    found = bench.statuses()
    held = ended.code == 3 and found["ok"] == 12 - len(waits)
    return held, f"exit {ended.code} after {ended.seconds:.0f} s, {dict(found)}"


def r3(bench: Bench) -> tuple[bool, str]:
    """Traces that are credentialed, through two conversions and a copy."""
    shutil.copy(ROOT / "tests/golden/traces/mmrad.jsonl", bench.folder / "innocent.jsonl")
    bench.call("data", "convert", "mmrad:innocent.jsonl", "zebra:z.jsonl")
    shutil.copy(bench.folder / "z.jsonl", bench.folder / "copied.jsonl")
    bench.call("data", "convert", "zebra:copied.jsonl", "made.jsonl")
    rows = [json.loads(line) for line in (bench.folder / "made.jsonl").read_text().splitlines()]
    classes = {row["study"].get("licence_class", "none") for row in rows}
    loaded = bench.call("data", "describe", "mmrad:innocent.jsonl", "--data-use", "open")
    return classes == {"credentialed"} and loaded.code != 0, f"made.jsonl states {classes}, as open: exit {loaded.code}"


SPY = """
import socket, sys, os
def stop(event, arguments):
    if event == "socket.connect" and "192.0.2.7" in str(arguments):
        open("reached", "w").write(str(arguments)); os._exit(99)
sys.addaudithook(stop)
import threading, time
def later():
    while True:
        time.sleep(0.2)
        try:
            with socket.socket() as one:
                one.settimeout(0.1); one.connect(("192.0.2.7", 80))
        except OSError:
            pass
        except Exception:
            pass
threading.Thread(target=later, daemon=True).start()
from mmrad_eval import Card, Reply
class Left:
    card = Card(provider="mine", id="left")
    endpoints = ()
    async def generate(self, sent):
        return Reply("FINDINGS: The heart is large.")
"""


def r4(bench: Bench) -> tuple[bool, str]:
    """A thread that a plugin leaves behind, while credentialed reports are held."""
    (bench.folder / "spy.py").write_text(SPY)
    write_traces(bench.folder / "studies.jsonl", [f"Lung number {n} is clear." for n in range(300)])
    words = ["run", "--model", "spy.py:Left", "--task", "tcot-blind", "--data", "studies.jsonl", "--quiet"]
    text = (bench.folder / "studies.jsonl").read_text().replace('"open"', '"credentialed"')
    (bench.folder / "studies.jsonl").write_text(text)
    ended = bench.call(*words, "--metrics", "paper")
    reached = (bench.folder / "reached").exists()
    return (
        not reached and ended.code == 0,
        f"exit {ended.code}, {'reached the network' if reached else 'kept in'}",
    )


def r5(bench: Bench) -> tuple[bool, str]:
    """A letter in the place of a digit in one line of the journal, and a folder that is called like a segment."""
    url = bench.serve(lambda *_: said()).url
    bench.run(url)
    [path] = bench.segments()
    lines = path.read_bytes().split(b"\n")
    at = lines[1].index(b'"time":') + 9
    lines[1] = lines[1][:at] + b"x" + lines[1][at + 1 :]
    path.write_bytes(b"\n".join(lines))
    (path.parent / "zz.jsonl").mkdir()
    ended = bench.run(url)
    return ended.code == 0 and bench.statuses() == {"ok": 6}, f"exit {ended.code}, {dict(bench.statuses())}"


def r6(bench: Bench) -> tuple[bool, str]:
    """Answers that change after the scores were made."""
    bench.run(bench.serve(lambda *_: said()).url)
    [path] = bench.folder.glob("results/runs/*/*/*/*/answers.jsonl")
    path.write_text(path.read_text().replace("heart is large", "lung is clear."))
    board = bench.call("leaderboard", "results", "--format", "json")
    shown = '"BLEU' in board.out and '"ranked": true' in board.out.replace('"ranked":true', '"ranked": true')
    summary = json.loads(next(bench.folder.glob("results/runs/*/*/*/*/summary.json")).read_text())
    value = next(iter(summary["columns"].values()))["value"]
    kept = f"{value}"[:8] in board.out
    return not kept, f"board {'shows' if kept else 'does not show'} the value of the earlier answers ({shown=})"


def r7(bench: Bench) -> tuple[bool, str]:
    """A card of a stranger that names another program's key."""
    server = bench.serve(lambda *_: said())
    (bench.folder / "card.toml").write_text(
        f'provider = "openai"\nid = "m"\nbase_url = "{server.url}"\napi_key_env = "AWS_SECRET_ACCESS_KEY"\n'
    )
    write_traces(bench.folder / "studies.jsonl", ["Lung number 0 is clear."])
    words = ["run", "--model", "card.toml", "--task", "tcot-blind", "--data", "studies.jsonl", "--quiet"]
    ended = bench.call(*words, "--metrics", "bleu@r2gen-iu", AWS_SECRET_ACCESS_KEY="aws-secret-of-another-program")
    sent = any("aws-secret" in head for head in server.heads)
    return not sent, f"exit {ended.code}, the secret {'was sent' if sent else 'stayed'}"


def r8(bench: Bench) -> tuple[bool, str]:
    """Replies of 150 MB, and one nested without end."""

    def answer(body: str, _: int) -> Answer:
        if "number 1 " in body:
            return said("word " * 30_000_000)
        if "number 2 " in body:
            return 200, {"Content-Type": "application/json"}, b'{"choices":' + b"[" * 3_000_000
        return said()

    ended = bench.run(bench.serve(answer).url)
    held = ended.peak_mb < 400 and ended.code == 3 and bench.statuses()["failed"] == 2
    return held, f"exit {ended.code}, {ended.peak_mb:.0f} MB, {dict(bench.statuses())}"


def r9(bench: Bench) -> tuple[bool, str]:
    """A journal that may grow to 4 kB and no further."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    url = bench.serve(lambda *_: said()).url
    bench.run(url, before=limit)
    keys = set()
    for path in bench.segments():
        for line in path.read_bytes().split(b"\n"):
            try:
                keys.add(json.loads(line)["key"])
            except (ValueError, KeyError):
                continue
    answered = [json.loads(line) for path in bench.folder.glob("results/runs/**/answers.jsonl*")
                for line in path.read_bytes().split(b"\n")[:-1]]  # fmt: skip
    lost = sum(answer.get("status") == "ok" and not set(answer["keys"]) <= keys for answer in answered)
    again = bench.run(url)
    return not lost and again.code == 0, f"{lost} answers without a stored reply; then exit {again.code}"


def r10(bench: Bench) -> tuple[bool, str]:
    """The replies of a finished run are gone, and so is the server."""
    server = bench.serve(lambda *_: said())
    bench.run(server.url)
    shutil.rmtree(bench.folder / "results/replies")
    server.stop()
    bench.run(server.url, "--patience", "1")
    return bench.statuses() == {"ok": 6}, f"{dict(bench.statuses())}"


def r11(bench: Bench) -> tuple[bool, str]:
    """Keys typed in the wrong place."""
    url = bench.serve(lambda *_: said()).url
    secret = "sk-proj-Zq81LmVx7Rt5Yw2Nc4Pb"
    bench.run(url, "--api-key-env", secret)
    bench.run(f"{url}?api_key={secret}")
    bench.run(url, "--judge-key-env", secret)
    found = bench.holding(secret)
    return not found, f"in {sorted(set(found))}" if found else "in no file"


AHEAD = """
import time
now, now_ns = time.time, time.time_ns
time.time, time.time_ns = lambda: now() + 3.2e7, lambda: now_ns() + 32_000_000 * 10**9
"""


def r12(bench: Bench) -> tuple[bool, str]:
    """``--fresh`` twice, the first time beside a clock that was a year ahead."""
    server = bench.serve(lambda _, number: said(f"FINDINGS: Answer {(number - 1) // 6}."))
    ahead = bench.folder / "ahead"
    ahead.mkdir()
    (ahead / "sitecustomize.py").write_text(AHEAD)
    bench.run(server.url)
    bench.run(server.url, "--fresh", PYTHONPATH=str(ahead))
    bench.run(server.url, "--fresh")
    bench.run(server.url)
    texts = {answer.get("report", {}).get("text") for answer in bench.answers()}
    return texts == {"FINDINGS: Answer 2."}, f"shown: {texts}"


def r13(bench: Bench) -> tuple[bool, str]:
    """A key that is echoed within a good reply, escaped."""
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in KEY)

    def answer(body: str, _: int) -> Answer:
        status, headers, data = said("FINDINGS: HERE.")
        spelled = escaped if "number 1 " in body else KEY.replace("/", "\\/")
        return status, headers, data.replace(b"HERE", spelled.encode())

    ended = bench.run(bench.serve(answer).url, "--api-key-env", "ATTACK_KEY", ATTACK_KEY=KEY)
    found = bench.holding(KEY)
    if not any(KEY in head for head in bench.servers[0].heads):
        return False, "the key was never sent, so this says nothing"
    return not found, f"exit {ended.code}, " + (f"in {sorted(set(found))}" if found else "in no file")


def r14(bench: Bench) -> tuple[bool, str]:
    """Escape sequences in ids and in a server's error."""
    (bench.folder / "t.csv").write_text("id,findings\n\x1b]0;owned\x07a,Clear.\nb\x9b31m,Clear.\n")
    ids = bench.call("data", "ids", "table:t.csv")
    error = json.dumps({"error": {"message": "no \x1b]0;owned\x07 model"}}).encode()
    ended = bench.run(bench.serve(lambda *_: (404, {"Content-Type": "application/json"}, error)).url)
    raw = [
        name for name, text in (("ids", ids.out), ("error", ended.err + ended.out)) if "\x1b" in text or "\x9b" in text
    ]
    return not raw, f"raw in {raw}" if raw else "spelled out"


def r15(bench: Bench) -> tuple[bool, str]:
    """A reply that is a formula, exported for a spreadsheet of either kind."""
    url = bench.serve(lambda *_: said('=HYPERLINK("http://x","y")\n=1+1;=2+2')).url
    bench.run(url)
    bench.call("export", "results", "--format", "csv", "--out", "made.csv")
    made = bench.folder / "made.csv"
    text = made.read_text() if made.exists() else "=none"
    cells = [cell.strip(' "') for line in text.splitlines() for part in line.split(",") for cell in part.split(";")]
    found = [cell for cell in cells if cell.startswith(("=", "+", "@"))]
    return not found, f"{len(found)} cells begin a formula"


def r16(bench: Bench) -> tuple[bool, str]:
    """Files that no parser likes."""
    files = {
        "deep.jsonl": '{"id":' + "[" * 100_000,
        "digits.jsonl": '{"id":"a","report":"x","n":' + "9" * 5000 + "}",
        "half.json": '{"id":"\\ud800","report":"\\udfff"}',
        "deep.toml": "a=" + "[" * 20_000,
        "mark.csv": "\ufeffid;report\n1;\0\n",
    }
    failed = []
    for name, text in files.items():
        (bench.folder / name).write_text(text)
        words = ["run", "--model", name, "--task", "direct", "--data", "demo", "--limit", "1"]
        if not name.endswith(".toml"):
            words = ["score", "-p", name, "-r", name, "--metrics", "bleu@r2gen-iu"]
        if "Traceback" in bench.call(*words).err:
            failed.append(name)
    return not failed, f"tracebacks: {failed or 'none'}"


def r17(bench: Bench) -> tuple[bool, str]:
    """A letter that changed in a stored reply, and ends that nobody knows."""

    def answer(body: str, _: int) -> Answer:
        return said(finish_reason="exploded") if "number 3 " in body else said()

    url = bench.serve(answer).url
    bench.run(url)
    unknown = next((a["status"] for a in bench.answers() if a["study"] == "3"), "none")
    for path in bench.segments():
        path.write_bytes(path.read_bytes().replace(b"heart is large", b"heart is lArge"))
    for path in bench.folder.glob("results/runs/*/*/*/*/*"):
        path.unlink()
    bench.run(url)
    changed = sum("lArge" in answer.get("report", {}).get("text", "") for answer in bench.answers())
    return not changed and unknown != "ok", f"{changed} answers with a changed letter; an unknown end is {unknown}"


def r18(bench: Bench) -> tuple[bool, str]:
    """Two files of 20,000 reports side by side."""
    n = 20_000
    for name, word in (("r", "large"), ("a", "clear"), ("b", "normal")):
        rows = "".join(f"{i},The lung {i % 97} is {word} and {i % 89} is not.\n" for i in range(n))
        (bench.folder / f"{name}.csv").write_text("id,report\n" + rows)
    for name in "ab":
        words = ["score", "-p", f"{name}.csv", "-r", "r.csv", "--metrics", "bleu@r2gen-iu", "--target", "report"]
        bench.call(*words, "--name", name)
    runs = [str(path.parent) for path in bench.folder.glob("results/runs/*/*/*/*/run.json")]
    ended = bench.call("compare", *runs)
    return ended.code == 0 and ended.seconds < 60, f"{len(runs)} runs, exit {ended.code} after {ended.seconds:.0f} s"


ATTACKS: dict[str, Attack] = {f"R{n}": globals()[f"r{n}"] for n in range(1, 19)}


def main() -> None:
    """Attack, and say what held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default=str(Path(sys.executable).with_name("mmrad-eval")))
    parser.add_argument("kinds", nargs="*", default=list(ATTACKS))
    given = parser.parse_args()
    failed = 0
    for kind in given.kinds:
        attack = ATTACKS[kind]
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(given.command, Path(folder))
            try:
                held, seen = attack(bench)
            except (OSError, ValueError, KeyError, IndexError, StopIteration) as error:
                held, seen = False, f"could not be looked at: {type(error).__name__}: {error}"
            for server in bench.servers:
                threading.Thread(target=server.stop, daemon=True).start()
        failed += not held
        print(f"| {kind} | {'held' if held else 'FAILED'} | {(attack.__doc__ or '').strip()} | {seen} |", flush=True)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
