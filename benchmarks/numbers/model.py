"""A chat server on loopback that answers every kind of task, always the same to the same words and images.

The reply depends on the set of words and images of a request and not on their order, so that a request that is put
together in another way gets the reply it got before. A few replies are empty or cut short. The first line on standard
output is the address.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.clinical.reports import reports

TEXTS = 5_000
REGIONS = ("heart", "mediastinum", "right lung", "left lung", "right lower lung zone", "left costophrenic angle")
EMPTY, CUT = 31, 37
"""One in so many replies is empty; one in so many is cut short."""


def parts(body: dict[str, Any]) -> Iterator[str]:
    """The words of a request, and each image, in no order that counts."""
    for message in body["messages"]:
        content = message.get("content") or ""
        for part in [{"text": content}] if isinstance(content, str) else content:
            if "image_url" in part:
                yield part["image_url"]["url"]
            else:
                yield from re.findall(r"\w+", part.get("text", "").lower())


def answer(body: dict[str, Any], texts: list[str], notes: list[str]) -> tuple[str, str]:
    """Text and finish reason."""
    said = sorted(set(parts(body)))
    chance = int.from_bytes(hashlib.sha256("\n".join(said).encode()).digest()[:8], "big")
    words = " ".join(part for part in said if len(part) < 100)
    findings, noted = texts[chance % TEXTS], notes[(chance >> 16) % TEXTS]
    regions = [REGIONS[(chance >> shift) % len(REGIONS)] for shift in (24, 32)]
    if "action" in words and "looks" in words:
        turns = sum(message["role"] == "assistant" for message in body["messages"])
        action: dict[str, Any] = {"action": "report", "findings": findings, "saw": noted}
        if turns < 1 + chance % 2:
            corner = chance % 40
            action = {"action": "look", "region": regions[0], "box": [corner, corner, corner + 90, corner + 80]}
        return json.dumps(action), "stop"
    if chance % EMPTY == 0:
        return "", "stop"
    text = f"FINDINGS: {findings}"
    if "step" in words and "region" in words and "heading" in words and "line" in words:
        lines = (f"Step {n}: {region}: {notes[(chance >> n) % TEXTS]}" for n, region in enumerate(regions, 1))
        text = "\n".join((*lines, "", text))
    return text, "length" if chance % CUT == 0 else "stop"


async def main() -> None:
    """Serve until killed."""
    texts, notes = reports(TEXTS, seed=5), reports(TEXTS, seed=6, low=1, high=3)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({"object": "list", "data": [{"id": "invented", "object": "model"}]})
        text, finish = answer(json.loads(await request.read()), texts, notes)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        usage = {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020}
        return web.json_response({"id": "x", "model": "invented", "choices": [choice], "usage": usage})

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}/v1\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
