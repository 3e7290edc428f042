"""How many requests a second go through a program, and what a model in transformers takes.

.venv/bin/python benchmarks/programs/measure.py [--python .envs/trl/bin/python] [--requests N]

First a program that answers at once, so that all that is measured is the way there and back with one film. With
``--python``, then a tiny random Qwen2.5-VL (half a million parameters, 24 tokens an answer) in batches of 1, 4 and 8.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mmrad_eval import datasets
from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.values import Decoding, Image, Message, Request, Text
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.programs.command import ProgramClient
from mmrad_eval.model_registry.programs.options import ProgramOptions

ROOT = Path(__file__).resolve().parents[2]
ECHO = """
import json, sys
with open(sys.argv[1]) as lines, open(sys.argv[2], "w", buffering=1) as out:
    for line in lines:
        out.write(json.dumps({"id": json.loads(line)["id"], "parts": [{"text": "No effusion."}]}) + "\\n")
"""


def questions(count: int) -> list[PreparedRequest]:
    """Requests about the films of the demo, each with another number in its words."""
    films = [image.path for study in datasets.load("demo").studies for image in study.images[:1]]
    made, data = [], {film: Path(film).read_bytes() for film in films}
    for number in range(count):
        film = Image(path=films[number % len(films)])
        message = Message("user", (Text(f"Write the report of study {number}. "), film))
        pixels = {film: ("image/png", data[film.path])}
        request = Request("program", "model", (message,), Decoding(max_tokens=24))
        made.append(PreparedRequest(request, pixels, f"{number:016d}"))
    return made


async def timed(client: ProgramClient, sent: list[PreparedRequest], together: int) -> float:
    """Requests a second once the program has answered the first, ``together`` in flight."""
    places = asyncio.Semaphore(together)

    async def ask(one: PreparedRequest) -> None:
        async with places:
            await client.generate(one)

    try:
        await ask(sent[0])
        start = time.perf_counter()
        await asyncio.gather(*map(ask, sent[1:]))
        return (len(sent) - 1) / (time.perf_counter() - start)
    finally:
        await client.close()


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", help="interpreter of an environment with transformers")
    parser.add_argument("--requests", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "echo.py"
        script.write_text(ECHO)
        client = resolve(f"command:{sys.executable} {script} {{requests}} {{replies}}")
        assert isinstance(client, ProgramClient)
        rate = asyncio.run(timed(client, questions(given.requests), 32))
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"a program that answers at once: {rate:.0f} requests/s; our own peak memory {own} MB")
        if not given.python:
            return
        command = [given.python, "-m", "tests.model_registry.tiny_vlm", f"{folder}/tiny"]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ, capture_output=True)
        for size in (1, 4, 8):
            client = resolve(f"hf:{folder}/tiny", programs=ProgramOptions(python=given.python, batch_size=size))
            assert isinstance(client, ProgramClient)
            client.server.log = Path(folder) / f"{size}.log"
            rate = asyncio.run(timed(client, questions(65), 32))
            said = client.server.log.read_text().splitlines()[-1]
            print(f"transformers, batches of {size}: {rate:.1f} requests/s; {said}")


if __name__ == "__main__":
    main()
