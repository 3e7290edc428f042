"""Open sentences in the words of a small real model: does a rewording whose meaning holds have an equal score?

    scripts/env-llama
    python benchmarks/findings/model_rewordings.py make REPORTS.json TEXTS.jsonl
    python benchmarks/findings/model_rewordings.py score TEXTS.jsonl

REPORTS.json is in ReXrank's form. 100 sentences are drawn with a fixed seed, none of them among those of
reader_error.py; SmolLM2 (135M) answers three times to each. Every answer was read, and those whose meaning holds are in
model_rewordings.tsv by the digests of both texts, since the reports may not be passed on.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import urllib.request
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.findings.reader_error import sampled, sentences_of

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).with_name("model_rewordings.tsv")
SEED, DRAWN = 20261201, 100
TRIES = ((0.0, 0), (0.7, 1), (0.7, 2))
"""(temperature, seed) of each answer."""
ASKED = "Rewrite the sentence of a radiology report in other words. Keep its meaning exactly. Answer with one sentence."
SHOTS = (
    ("The heart is enlarged.", "Cardiac enlargement is present."),
    ("No pleural effusion is seen.", "There is no pleural effusion."),
    ("There is a small nodule in the right upper lobe.", "A small right upper lobe nodule is seen."),
    ("Mild scarring at the left lung base.", "The left lung base shows mild scarring."),
)


def drawn(path: Path) -> list[str]:
    """The sentences: 4 to 14 words, nothing blotted out."""
    taken = set(sampled(path))
    rest = [s for s in sentences_of(path) if s not in taken and 4 <= len(s.split()) <= 14 and "XXXX" not in s]
    random.seed(SEED)
    random.shuffle(rest)
    return rest[:DRAWN]


def make(reports: Path, out: Path) -> None:
    """Ask the model, and write [sentence, temperature, seed, answer] lines."""
    python = ROOT / ".envs/llama/bin/python"
    server = subprocess.Popen(
        [str(python), str(ROOT / "tests/model_registry/llama_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    base = server.stdout.readline().strip()
    try:
        with out.open("w", encoding="utf-8") as lines:
            for sentence in drawn(reports):
                for temperature, seed in TRIES:
                    row = [sentence, temperature, seed, _asked(base, sentence, temperature, seed)]
                    lines.write(json.dumps(row) + "\n")
    finally:
        server.terminate()


def _asked(base: str, sentence: str, temperature: float, seed: int) -> str:
    messages = [{"role": "system", "content": ASKED}]
    for said, reworded in SHOTS:
        messages += [{"role": "user", "content": said}, {"role": "assistant", "content": reworded}]
    messages.append({"role": "user", "content": sentence})
    body = {"messages": messages, "temperature": temperature, "seed": seed, "max_tokens": 40, "stop": ["\n"]}
    asked = urllib.request.Request(
        f"{base}/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(asked) as reply:
        return str(json.load(reply)["choices"][0]["message"]["content"]).strip()


def digest(text: str) -> str:
    """How a text is known in the file that is kept."""
    return sha256(text.encode()).hexdigest()[:16]


def score(texts: Path) -> None:
    """Print the share of kept rewordings with an equal score both ways, and each other one."""
    from mmrad_eval.metrics.findings.alignment import align
    from mmrad_eval.metrics.findings.reading import read

    kept = {tuple(line.split("\t")) for line in KEPT.read_text().splitlines() if not line.startswith("#")}
    pairs = {(sentence, said) for sentence, _, _, said in map(json.loads, texts.read_text().splitlines())}
    equal = found = stating = equal_stating = 0
    for sentence, said in sorted(pairs):
        if (digest(sentence), digest(said)) not in kept:
            continue
        found += 1
        first, second = read(sentence), read(said)
        there = align(first, first).score, align(first, second).score
        back = align(second, second).score, align(second, first).score
        same = abs(there[0] - there[1]) < 1e-9 and abs(back[0] - back[1]) < 1e-9
        equal += same
        stating += bool(first.findings)
        equal_stating += same and bool(first.findings)
        if not same:
            print(f"{sentence} | {said} | {there[1]:.2f}, {back[1]:.2f}")
    print(f"{found} of {len(kept)} kept rewordings are among these texts; {equal} have an equal score")
    print(f"{stating} state a finding; {equal_stating} of those have an equal score")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        score(Path(sys.argv[2]))
