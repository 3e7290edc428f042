"""A batch endpoint on loopback that speaks OpenAI's, Anthropic's or Gemini's form, and misbehaves as it is told.

It keeps what was made, as a provider does: whoever comes back after being killed finds it there.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import web

WORDS = "The heart is large. The lungs are clear."


class BatchServer:
    """One provider; ``faults`` say what becomes of which line of the first batch that has it."""

    def __init__(self, kind: str, *, looks: int = 1, fates: dict[int, str] | None = None, page: int = 2) -> None:
        """``looks``: how often a batch is in progress before it ends; ``fates``: place in a batch -> what becomes of it
        (``expired``, ``lost``, ``doubled``, ``busy``, ``bad``, ``torn``); ``page``: batches of one page of a list.
        """
        self.kind = kind
        self.looks, self.fates, self.page = looks, dict(fates or {}), page
        self.made: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        """Key -> how often it was in a batch, that is, paid for."""
        self.calls: list[str] = []
        self.kill: tuple[int, str, int] | None = None
        """(call by number, before or after it is done, process): the process is killed there."""
        self.silent_create = 0
        """So many batches are made without their maker being told."""
        self.errors: dict[str, list[int]] = {}
        """Part of a path -> statuses that its next calls get in place of an answer."""
        self.cancelled: list[str] = []

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 28, middlewares=[self._around])
        routes: dict[str, list[tuple[str, str, Any]]] = {
            "openai": [
                ("POST", "/files", self._upload),
                ("GET", "/files/{id}/content", self._content),
                ("POST", "/batches", self._openai_create),
                ("GET", "/batches", self._openai_list),
                ("GET", "/batches/{id}", self._openai_state),
                ("POST", "/batches/{id}/cancel", self._cancel),
            ],
            "anthropic": [
                ("POST", "/messages/batches", self._anthropic_create),
                ("GET", "/messages/batches", self._anthropic_list),
                ("GET", "/messages/batches/{id}", self._anthropic_state),
                ("GET", "/messages/batches/{id}/results", self._anthropic_results),
                ("POST", "/messages/batches/{id}/cancel", self._cancel),
            ],
            "gemini": [
                ("POST", "/models/{model}:batchGenerateContent", self._gemini_create),
                ("GET", "/batches", self._gemini_list),
                ("GET", "/batches/{id}", self._gemini_state),
                ("POST", "/batches/{id}:cancel", self._cancel),
            ],
        }
        for method, path, handler in routes[self.kind]:
            app.router.add_route(method, f"/v1{path}", handler)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"  # type: ignore[attr-defined]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @web.middleware
    async def _around(self, request: web.Request, handler: Any) -> web.StreamResponse:
        number = len(self.calls)
        self.calls.append(f"{request.method} {request.path}")
        self._maybe_kill(number, "before")
        for part, statuses in self.errors.items():
            if part in request.path and statuses:
                status = statuses.pop(0)
                words = "overloaded" if status >= 500 else "batches are not enabled for this account"
                return web.json_response({"error": {"message": words}}, status=status)
        response: web.StreamResponse = await handler(request)
        self._maybe_kill(number, "after")
        return response

    def _maybe_kill(self, number: int, when: str) -> None:
        if self.kill is not None and self.kill[:2] == (number, when):
            os.kill(self.kill[2], signal.SIGKILL)

    # what all forms share
    def _make(self, requests: dict[str, Any], **more: Any) -> str:
        name = f"b{len(self.made)}"
        self.made[name] = {"requests": requests, "looks": self.looks, "time": time.time(), **more}
        self.asked.update(requests.keys())
        return name

    def _ended(self, name: str) -> bool:
        batch = self.made[name]
        batch["looks"] -= 1
        return bool(batch["looks"] < 0)

    def _results(self, name: str) -> list[tuple[str, str]]:
        """(key, fate) of every line that comes back, in another order than they were asked."""
        rows = []
        for place, key in enumerate(self.made[name]["requests"]):
            fate = self.fates.get(place, "") if name == "b0" else ""
            if fate != "lost":
                rows += [(key, fate)] * (2 if fate == "doubled" else 1)
        return [*rows[::-1], ("0" * 64, "")]  # and one that nobody asked

    async def _cancel(self, request: web.Request) -> web.Response:
        self.cancelled.append(request.match_info["id"])
        return web.json_response({"id": request.match_info["id"]})

    # OpenAI, Azure
    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["purpose"] == "batch"
        name = f"f{len(self.files)}"
        self.files[name] = form["file"].file.read()  # type: ignore[union-attr]
        return web.json_response({"id": name, "object": "file"})

    async def _openai_create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        rows = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert all(row["url"] == asked["endpoint"] and row["method"] == "POST" for row in rows)
        name = self._make({row["custom_id"]: row["body"] for row in rows}, metadata=asked["metadata"])
        if self.silent_create:
            self.silent_create -= 1
            return web.json_response({"error": {"message": "bad gateway"}}, status=502)
        return web.json_response(self._openai(name))

    def _openai(self, name: str, status: str = "in_progress") -> dict[str, Any]:
        batch = self.made[name]
        done = {"output_file_id": f"out-{name}", "error_file_id": f"err-{name}"} if status == "completed" else {}
        return {
            "id": name,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "input_file_id": "f0",
            "status": status,
            "created_at": int(batch["time"]),
            "metadata": batch["metadata"],
            **done,
        }

    async def _openai_list(self, request: web.Request) -> web.Response:
        names = sorted(self.made, key=lambda name: -int(name[1:]))
        after = request.query.get("after")
        names = names[names.index(after) + 1 :] if after else names
        shown = [self._openai(name) for name in names[: self.page]]
        return web.json_response({"object": "list", "data": shown, "has_more": len(names) > self.page})

    async def _openai_state(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        return web.json_response(self._openai(name, "completed" if self._ended(name) else "in_progress"))

    async def _content(self, request: web.Request) -> web.Response:
        kind, _, name = request.match_info["id"].partition("-")
        lines = []
        for key, fate in self._results(name):
            row: dict[str, Any] = {"id": "r", "custom_id": key, "response": None, "error": None}
            if fate == "expired":
                row["error"] = {"code": "batch_expired", "message": "This request could not be executed in time."}
            else:
                row["response"] = {"status_code": 200, "request_id": "r", "body": _openai_reply()}
                if fate in {"busy", "bad"}:
                    status = 429 if fate == "busy" else 400
                    row["response"] |= {"status_code": status, "body": {"error": {"message": fate, "type": fate}}}
            failed = row["error"] is not None or row["response"]["status_code"] != 200
            if failed == (kind == "err"):
                text = json.dumps(row)
                lines.append(text[: len(text) // 2] if fate == "torn" else text)
        return web.Response(text="\n".join(lines) + "\n")

    # Anthropic
    async def _anthropic_create(self, request: web.Request) -> web.Response:
        assert request.headers["anthropic-version"]
        rows = (await request.json())["requests"]
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", row["custom_id"]) for row in rows)
        name = self._make({row["custom_id"]: row["params"] for row in rows})
        if self.silent_create:
            self.silent_create -= 1
            return web.json_response({"type": "error", "error": {"type": "api_error", "message": "oops"}}, status=500)
        return web.json_response(self._anthropic(name, ended=False))

    def _anthropic(self, name: str, *, ended: bool) -> dict[str, Any]:
        batch, n = self.made[name], len(self.made[name]["requests"])
        time_of = datetime.fromtimestamp(batch["time"], UTC).isoformat()
        counts = dict.fromkeys(("canceled", "errored", "expired"), 0)
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": {**counts, "processing": 0 if ended else n, "succeeded": n if ended else 0},
            "created_at": time_of,
            "expires_at": time_of,
            "results_url": f"{self.url}/messages/batches/{name}/results" if ended else None,
        }

    async def _anthropic_list(self, request: web.Request) -> web.Response:
        names = sorted(self.made, key=lambda name: -int(name[1:]))
        after = request.query.get("after_id")
        names = names[names.index(after) + 1 :] if after else names
        shown = [self._anthropic(name, ended=False) for name in names[: self.page]]
        ids = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {}
        return web.json_response({"data": shown, "has_more": len(names) > self.page, **ids})

    async def _anthropic_state(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        return web.json_response(self._anthropic(name, ended=self._ended(name)))

    async def _anthropic_results(self, request: web.Request) -> web.Response:
        lines = []
        for key, fate in self._results(request.match_info["id"]):
            message = {
                "id": "m",
                "type": "message",
                "role": "assistant",
                "model": "claude",
                "content": [{"type": "text", "text": WORDS}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 9, "output_tokens": 5},
            }
            result: dict[str, Any] = {"type": "succeeded", "message": message}
            if fate == "expired":
                result = {"type": "expired"}
            if fate in {"busy", "bad"}:
                kind = "overloaded_error" if fate == "busy" else "invalid_request_error"
                result = {"type": "errored", "error": {"type": "error", "error": {"type": kind, "message": fate}}}
            text = json.dumps({"custom_id": key, "result": result})
            lines.append(text[: len(text) // 2] if fate == "torn" else text)
        return web.Response(text="\n".join(lines) + "\n")

    # Gemini
    async def _gemini_create(self, request: web.Request) -> web.Response:
        batch = (await request.json())["batch"]
        rows = batch["inputConfig"]["requests"]["requests"]
        requests = {row["metadata"]["key"]: row["request"] for row in rows}
        name = self._make(requests, display=batch["displayName"])
        if self.silent_create:
            self.silent_create -= 1
            return web.json_response({"error": {"code": 500, "message": "internal"}}, status=500)
        return web.json_response(self._gemini(name))

    def _gemini(self, name: str, *, ended: bool = False) -> dict[str, Any]:
        batch = self.made[name]
        made = datetime.fromtimestamp(batch["time"], UTC).isoformat()
        state = "BATCH_STATE_SUCCEEDED" if ended else "BATCH_STATE_RUNNING"
        metadata = {"displayName": batch["display"], "state": state, "createTime": made, "name": f"batches/{name}"}
        if ended:
            rows = [_gemini_row(key, fate) for key, fate in self._results(name) if fate != "torn"]
            metadata["output"] = {"inlinedResponses": {"inlinedResponses": rows}}
        return {"name": f"batches/{name}", "metadata": metadata, "done": ended}

    async def _gemini_list(self, request: web.Request) -> web.Response:
        names = sorted(self.made, key=lambda name: -int(name[1:]))
        start = int(request.query.get("pageToken", 0))
        shown = {"operations": [self._gemini(name) for name in names[start : start + self.page]]}
        more = {"nextPageToken": str(start + self.page)} if len(names) > start + self.page else {}
        return web.json_response({**shown, **more})

    async def _gemini_state(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        return web.json_response(self._gemini(name, ended=self._ended(name)))


def _openai_reply() -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": WORDS}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
    }


def _gemini_row(key: str, fate: str) -> dict[str, Any]:
    row: dict[str, Any] = {"metadata": {"key": key}}
    if fate == "expired":
        return row
    if fate in {"busy", "bad"}:
        return {**row, "error": {"code": 8 if fate == "busy" else 3, "message": fate}}
    candidate = {"content": {"parts": [{"text": WORDS}], "role": "model"}, "finishReason": "STOP"}
    return {**row, "response": {"candidates": [candidate], "modelVersion": "gemini"}}
