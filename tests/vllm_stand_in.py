"""A stand-in for a vLLM server on loopback: its pages, and what a test makes of tokens and of questions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from tests.loopback import Loopback

Body = dict[str, Any]


class VllmStandIn(Loopback):
    """Serves one model; keeps the bodies of the questions that it was asked."""

    def __init__(
        self,
        model: str,
        answer: Callable[[Body, Sequence[Body]], tuple[Body, Body]],
        tokens: Callable[[Body], list[int] | None] = lambda _: [7],
        fields: Sequence[str] | None = None,
    ) -> None:
        """``answer``: (message, usage) of a question, given those before it; ``tokens``: those of a conversation.

        ``fields``: the fields of the body that this version says it reads; None: it does not say.
        """
        super().__init__()
        self.asked: list[Body] = []
        self._model, self._answer, self._tokens, self._fields = model, answer, tokens, fields

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST":
            return self._post(request.path, json.loads(await request.read()))
        if request.path.endswith("/models"):
            return web.json_response({"data": [{"id": self._model, "root": self._model, "max_model_len": 32768}]})
        if request.path.endswith("/openapi.json") and self._fields is not None:
            properties = dict.fromkeys(self._fields, 0)
            return web.json_response({"components": {"schemas": {"ChatCompletionRequest": {"properties": properties}}}})
        return web.json_response({}, status=404)

    def _post(self, path: str, body: Body) -> web.StreamResponse:
        if path.endswith("/tokenize"):
            tokens = self._tokens(body)
            return web.json_response({"tokens": tokens} if tokens else {"error": "no"}, status=200 if tokens else 400)
        message, usage = self._answer(body, tuple(self.asked))
        self.asked.append(body)
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": usage, "model": self._model})
