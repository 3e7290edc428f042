"""Two clients to compare with: aiohttp alone, and our asking without the run around it.

python clients.py raw_aiohttp|asking URL PROMPTS N AT_ONCE
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

Prompt = dict[str, str]


async def spread(prompts: list[Prompt], at_once: int, ask: Callable[[Prompt], Awaitable[None]]) -> None:
    """Make all, ``at_once`` at a time."""
    waiting = iter(prompts)

    async def worker() -> None:
        for prompt in waiting:
            await ask(prompt)

    await asyncio.gather(*(worker() for _ in range(at_once)))


async def raw_aiohttp(url: str, prompts: list[Prompt], at_once: int) -> None:
    """Build a body, send it, read the text: nothing is kept."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(prompt: Prompt) -> None:
            content: list[object] = [{"type": "text", "text": prompt["text"]}]
            if "image" in prompt:
                data = base64.b64encode(Path(prompt["image"]).read_bytes()).decode()  # noqa: ASYNC240 (as a simple script does it)
                content.append({"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}})
            body = {"model": "m", "messages": [{"role": "user", "content": content}], "max_tokens": 1024}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                assert (await response.json())["choices"][0]["message"]["content"]

        await spread(prompts, at_once, ask)


async def asking(url: str, prompts: list[Prompt], at_once: int) -> None:
    """Key, journal, images by digest, retries: all that stands between a task and the wire."""
    from mmrad_eval.core.journal import Journal
    from mmrad_eval.core.values import Card, Image, Message, Request, Text
    from mmrad_eval.harness.pacing import Pace
    from mmrad_eval.harness.requester import Requester
    from mmrad_eval.model_registry.openai_chat import ChatClient

    client = ChatClient(Card(provider="openai", id="rehearsal"), (url,))
    with Journal(Path("replies")) as journal:
        requester = Requester(client, journal, pace=Pace.fixed(at_once), digests=Journal(Path("digests")))

        async def ask(prompt: Prompt) -> None:
            parts: tuple[Text | Image, ...] = (Text(prompt["text"]),)
            if "image" in prompt:
                parts += (Image(path=prompt["image"]),)
            asked = await requester.ask(Request("openai", "rehearsal", (Message("user", parts),)))
            assert asked.reply.text

        await spread(prompts, at_once, ask)
        await requester.close()


def main() -> None:
    """Read the prompts and ask."""
    name, url, path, n, at_once = sys.argv[1:]
    prompts = [json.loads(line) for line in Path(path).read_text().splitlines()[: int(n)]]
    asyncio.run({"raw_aiohttp": raw_aiohttp, "asking": asking}[name](url, prompts, int(at_once)))


if __name__ == "__main__":
    main()
