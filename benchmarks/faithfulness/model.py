"""A chat server on loopback whose report depends on every byte of the request: texts of usual length, few alike.

The first line on standard output is its address.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from pathlib import Path

from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.clinical.reports import reports

TEXTS = 20_000


async def main() -> None:
    """Serve until killed."""
    texts = reports(TEXTS, seed=3)
    notes = reports(TEXTS, seed=4, low=1, high=3)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({"object": "list", "data": [{"id": "invented", "object": "model"}]})
        body = await request.read()
        chance = int.from_bytes(hashlib.sha256(body).digest()[:8], "big")
        text = f"FINDINGS: {texts[chance % TEXTS]}"
        if b"Step 1: name of the region" in body:
            said = (notes[(chance >> shift) % TEXTS] for shift in (8, 16))
            regions = ("the heart and the mediastinal region", "the lung region")
            steps = (
                f"Step {n}: {region}: {note}" for n, (region, note) in enumerate(zip(regions, said, strict=True), 1)
            )
            text = "\n".join((*steps, "", text))
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020}
        return web.Response(
            body=json.dumps({"id": "x", "model": "invented", "choices": [choice], "usage": usage}).encode(),
            content_type="application/json",
        )

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}/v1\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
