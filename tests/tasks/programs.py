"""A chat endpoint in a thread of its own whose replies a function makes, and what such a function sees of a request."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiohttp import web
from PIL import Image as Pillow

from tests.loopback import Loopback


@dataclass
class Heard:
    """A request: per turn its role, its words with ``<image>`` where a picture stands, and all pictures in order."""

    body: dict[str, Any]
    turns: list[tuple[str, str]]
    pictures: list[np.ndarray]

    @property
    def replies(self) -> int:
        """How often the model has spoken before."""
        return sum(role == "assistant" for role, _ in self.turns)


Said = str | dict[str, Any]
"""The content of a reply, its message (with ``finish_reason``, if not ``stop``), or the ``status`` of an error."""


class Program(Loopback):
    """Serves chat completions on loopback."""

    def __init__(self, speak: Callable[[Heard], Said]) -> None:
        super().__init__()
        self.speak = speak
        self.heard: list[Heard] = []

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        if request.method == "GET":
            return web.json_response({"object": "list", "data": [{"id": "tiny"}]})
        if not request.path.endswith("/chat/completions"):
            return web.Response(status=404)
        heard = read(json.loads(body))
        self.heard.append(heard)
        said = self.speak(heard)
        if isinstance(said, dict) and "status" in said:
            return web.json_response({"error": {"message": "no"}}, status=said["status"])
        message = {"role": "assistant", "content": said} if isinstance(said, str) else {"role": "assistant", **said}
        finish = message.pop("finish_reason", "stop")
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return web.json_response({"id": "x", "model": "tiny", "choices": [choice], "usage": {}})


def read(body: dict[str, Any]) -> Heard:
    """The turns and the pictures of a body."""
    turns, pictures = [], []
    for message in body["messages"]:
        content, words = message["content"], ""
        for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            if part["type"] == "text":
                words += part["text"]
                continue
            words += "<image>"
            data = base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
            pictures.append(np.asarray(Pillow.open(io.BytesIO(data)).convert("L"), dtype=float))
        turns.append((message["role"], words))
    return Heard(body, turns, pictures)


def picture_part(pixels: np.ndarray) -> dict[str, Any]:
    """A picture as a part of a reply's content."""
    target = io.BytesIO()
    Pillow.fromarray(pixels.astype(np.uint8)).save(target, "PNG")
    uri = f"data:image/png;base64,{base64.b64encode(target.getvalue()).decode()}"
    return {"type": "image_url", "image_url": {"url": uri}}


def text_part(text: str) -> dict[str, Any]:
    """Words as a part of a reply's content."""
    return {"type": "text", "text": text}
