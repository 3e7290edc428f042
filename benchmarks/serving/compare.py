"""mmrad-eval beside `vllm bench serve`: the same requests, the same server, the same number at once, cold caches.

    scripts/env-vllm && .venv/bin/python benchmarks/serving/compare.py

Two hundred studies of three interleaved images, asked of a tiny random vision-language model on a real vLLM server
whose caches of images and prompts are off. The requests that `vllm bench serve` sends are those that mmrad-eval sent,
word for word; both rates run from the first request to the last reply. Rounds alternate, and the middle one of each
side counts. Theirs streams its replies, which costs the server a little more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from mmrad_eval.core.values import Card
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.serving import ServeOptions, Server

ROOT = Path(__file__).resolve().parents[2]
COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
TOKENS = 24
SETTINGS = {
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_TARGET_DEVICE": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1",
    "TORCH_COMPILE_DISABLE": "1",
}  # fmt: skip


def studies(folder: Path, n: int) -> Path:
    """Records in the authors' format, each with a radiograph and two region images that no other has."""
    chance = np.random.default_rng(3)
    with (folder / "records.jsonl").open("w") as file:
        for number in range(n):
            names = [f"{number}-{part}.png" for part in ("problem_image_1", "reasoning_image_1", "reasoning_image_2")]
            for name, size in zip(names, ((224, 224), (112, 112), (112, 112)), strict=True):
                Image.fromarray(chance.integers(0, 255, size, dtype=np.uint8)).save(folder / name)
            response = (
                "First, I need to analyze the heart and the mediastinal region. <image> The bounding box of this area "
                "is [10, 10, 200, 200] . The heart is normal.\n\n Second, I need to analyze the lung region. <image> "
                "The bounding box of this area is [20, 20, 300, 300] . The lungs are clear.\n\n  Summarizing the "
                "previous analysis, I will generate the following report: FINDINGS: Clear."
            )
            record = {"prompt": "Compile a report. <image>", "response": response, "images": names}
            file.write(json.dumps(record) + "\n")
    return folder / "records.jsonl"


def asked(data: Path, model: str, url: str, out: Path, at_once: int) -> list[str]:
    """The command of our side."""
    return [
        COMMAND, "--model", f"vllm:{model}", "--base-url", url, "--api-key-env", "SERVER_KEY", "--task", "mcot",
        "--data", str(data), "--images", str(data.parent), "--max-tokens", str(TOKENS), "--concurrency", str(at_once),
        "--metrics", "bleu@r2gen-iu", "--out", str(out), "--quiet",
    ]  # fmt: skip


async def recorded(data: Path, model: str, folder: Path) -> Path:
    """What our side sends, as rows for the other one."""
    async with MockServer(keep=True, model=model) as server:
        run = await asyncio.create_subprocess_exec(
            *asked(data, model, server.url, folder / "recorded", 16), env=os.environ | {"SERVER_KEY": "none"}
        )
        assert await run.wait() == 0
        bodies = [body for body in server.bodies if body.get("max_tokens") == TOKENS]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"content": content(body)}) + "\n" for body in bodies))
    return path


def content(body: dict[str, Any]) -> list[dict[str, Any]]:
    """All parts of a body's messages, in order."""
    parts: list[dict[str, Any]] = []
    for message in body["messages"]:
        said = message["content"]
        parts += [{"type": "text", "text": said}] if isinstance(said, str) else said
    return parts


def our_rate(server: Server, data: Path, folder: Path, at_once: int) -> float:
    """Requests a second from the first that left to the last reply that was stored."""
    out = folder / "ours"
    shutil.rmtree(out, ignore_errors=True)
    environment = os.environ | {"SERVER_KEY": server.secret.reveal()}
    subprocess.run(asked(data, server.card.id, server.url, out, at_once), check=True, env=environment)
    lines: list[Any] = [
        json.loads(line) for p in out.glob("replies/*/vllm*/*.jsonl") for line in p.read_text().splitlines()
    ]
    start = min(line["time"] - line["reply"]["latency"] for line in lines)
    end: float = max(line["time"] for line in lines)
    return float(len(lines) / (end - start))


def bench_rate(server: Server, vllm: Path, rows: Path, at_once: int) -> float:
    """The same as `vllm bench serve` counts it."""
    folder, n = rows.parent, len(rows.read_text().splitlines())
    command = [
        str(vllm), "bench", "serve", "--backend", "openai-chat", "--base-url", server.url.removesuffix("/v1"),
        "--endpoint", "/v1/chat/completions", "--model", server.card.id, "--dataset-name", "custom_image",
        "--dataset-path", str(rows), "--num-prompts", str(n), "--max-concurrency", str(at_once), "--custom-output-len",
        str(TOKENS), "--temperature", "0", "--disable-shuffle", "--save-result", "--result-dir", str(folder),
        "--result-filename", "bench.json",
    ]  # fmt: skip
    environment = os.environ | {"OPENAI_API_KEY": server.secret.reveal()}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = json.loads((folder / "bench.json").read_text())
    assert found["completed"] == n, found
    return float(found["request_throughput"])


def main() -> None:
    """Measure both sides, alternating, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    vllm = Path(os.environ.get("MMRAD_VLLM") or ROOT / ".envs/vllm/bin/vllm")
    os.environ.update(SETTINGS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = folder / "model"
        script = ROOT / "tests/model_registry/tiny_vlm.py"
        subprocess.run([str(vllm.with_name("python")), str(script), str(model)], check=True, capture_output=True)
        data = studies(folder, given.studies)
        rows = asyncio.run(recorded(data, str(model), folder))
        cold = ("--mm-processor-cache-gb", "0", "--no-enable-prefix-caching", "--enforce-eager", "--max-num-seqs", "16")
        options = ServeOptions((str(vllm),), context=4096, images=8, dtype="float32", extra=cold)
        server = Server(Card(provider="vllm", id=str(model)), options, log=folder / "vllm.log")
        server.start()
        try:
            our_rate(server, data, folder, given.at_once)  # warms what is compiled at first use, for both
            ours, theirs = [], []
            for _ in range(given.rounds):
                theirs.append(bench_rate(server, vllm, rows, given.at_once))
                ours.append(our_rate(server, data, folder, given.at_once))
                print(f"round: vllm bench serve {theirs[-1]:.2f}/s, mmrad-eval {ours[-1]:.2f}/s", flush=True)
        finally:
            server.stop()
    share = median(ours) / median(theirs)
    print(f"| client | requests/s |\n|---|---|\n| vllm bench serve | {median(theirs):.1f} |")
    print(f"| mmrad-eval | {median(ours):.1f} ({share:.0%}) |")


if __name__ == "__main__":
    main()
