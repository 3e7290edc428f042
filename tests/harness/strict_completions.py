"""A server in the form of vLLM's completions, strict about the prompt: another than its model's template is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.loopback import Loopback

MODEL = "StanfordAIMI/GREEN-radllama2-7b"
FIELDS = frozenset({"model", "prompt", "max_tokens", "temperature", "top_p", "seed", "stop"})


class StrictCompletions(Loopback):
    """Completes prompts of one template; ``prompts`` are those that its model saw, ``refused`` what it did not take.

    ``ends``: what its tokenizer puts behind each text (``add_eos_token``).
    """

    def __init__(
        self, before: str, after: str, reply: Callable[[str], str], context: int = 2048, ends: str = ""
    ) -> None:
        super().__init__()
        self.before, self.after, self.reply, self.context, self.ends = before, after, reply, context, ends
        self.prompts: list[str] = []
        self.refused: list[str] = []

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path == "/v1/models":
            return web.json_response({"data": [{"id": MODEL, "root": MODEL, "max_model_len": self.context}]})
        if path == "/version":
            return web.json_response({"version": "0.25.1"})
        if path == "/openapi.json":
            chat: dict[str, Any] = {"properties": {"messages": {}, "temperature": {}, "max_tokens": {}}}
            return web.json_response({"components": {"schemas": {"ChatCompletionRequest": chat}}})
        body = await request.json()
        if path == "/tokenize":
            seen = body.get("prompt", "") + (self.ends if body.get("add_special_tokens", True) else "")
            words = re.findall(r"</s>|<\|\w+\|>|[^\s<]+", seen) if "prompt" in body else []
            tokens = [sorted(set(words)).index(word) for word in words]
            return web.json_response({"tokens": tokens}, status=200 if words else 400)
        why = self._wrong(path, body)
        if why:
            self.refused.append(why)
            error = {"message": why, "type": "BadRequestError", "param": None, "code": 400}
            return web.json_response({"error": error}, status=400)
        self.prompts.append(body["prompt"] + self.ends)
        choice = {"index": 0, "text": self.reply(body["prompt"]), "logprobs": None, "finish_reason": "stop"}
        value = {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 0,
            "model": MODEL,
            "choices": [choice],
            "usage": {"prompt_tokens": 40, "completion_tokens": 30, "total_tokens": 70},
        }
        return web.json_response(value)

    def _wrong(self, path: str, body: dict[str, Any]) -> str:
        """What is wrong with a request; empty where nothing is."""
        if path != "/v1/completions":
            return f"{path}: this model has no chat template"
        if unknown := body.keys() - FIELDS:
            return f"unknown fields {sorted(unknown)}"
        prompt = body["prompt"] + self.ends
        if not isinstance(prompt, str) or not (prompt.startswith(self.before) and prompt.endswith(self.after)):
            return f"not the template that the model was trained on: {prompt!r}"
        inside = prompt[len(self.before) : len(prompt) - len(self.after)]
        if found := re.search(r"</?s>|<\|\w+\|>", inside):
            return f"a control token {found[0]!r} in the words of a report"
        return ""
