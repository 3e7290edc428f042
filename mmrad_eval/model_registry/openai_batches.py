"""Batches of OpenAI's format: a file of lines, a batch of that file, two files of results. OpenAI itself, and Azure."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus

import msgspec

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import TransportError, UsageError
from mmrad_eval.model_registry.batch_forms import NAME, BatchLine, BatchState, WireBatches, response_of
from mmrad_eval.model_registry.bodies import field, text_of
from mmrad_eval.model_registry.raw_prompts import is_raw

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_LABEL = "mmrad"
"""The key of our name in a batch's metadata."""


class OpenAIBatches(WireBatches):
    """``/files`` and ``/batches`` (platform.openai.com/docs/guides/batch): 50,000 lines and 200 MB, half of it here."""

    lines = 5_000
    size = 95_000_000
    labelled = True
    endpoint = "/v1/chat/completions"

    def line(self, sent: PreparedRequest) -> bytes:
        """Key, where it would have been posted, body."""
        if is_raw(sent.request):
            raise UsageError("--batch: a raw prompt can't be sent in a batch; leave --batch out")
        head = msgspec.json.encode({"custom_id": sent.key, "method": "POST", "url": self.endpoint})
        return b'%b,"body":%b}' % (head[:-1], self.client.encode(sent))

    async def upload(self, label: str, lines: Sequence[bytes]) -> str:
        """A form with the file in it; uploading twice costs nothing."""
        mark = f"mmrad{secrets.token_hex(16)}"
        name = f"{NAME.format(label=label)}.jsonl"
        fields = (
            f'--{mark}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        body = b"".join((fields.encode(), b"\n".join(lines), f"\n\r\n--{mark}--\r\n".encode()))
        value = await self.post(self.at("/files"), body, {"Content-Type": f"multipart/form-data; boundary={mark}"})
        return _id(value, "file")

    async def create(self, label: str, file: str, lines: Sequence[bytes]) -> str:
        """The batch of an uploaded file."""
        asked = {"input_file_id": file, "endpoint": self.endpoint, "completion_window": "24h"}
        value = await self.post(self.at("/batches"), msgspec.json.encode({**asked, "metadata": {_LABEL: label}}))
        return _id(value, "batch")

    async def find(self, label: str, since: float, requests: int) -> list[str]:
        """By the name in its metadata, among batches that are not older; newest first, as they are listed."""
        after = ""
        while True:
            page = await self.get(self.at(f"/batches?limit=100{after}"))
            found = field(page, "data")
            for one in found if isinstance(found, list) else ():
                if field(one, "metadata", _LABEL) == label:
                    return [text_of(field(one, "id"))]
                made = field(one, "created_at")
                if isinstance(made, int | float) and made < since:
                    return []
            if not found or field(page, "has_more") is not True:
                return []
            after = f"&after={text_of(field(found[-1], 'id'))}"

    async def state(self, batch: str) -> BatchState:
        """Lines that were answered and lines that were not are in two files; there is one, both, or none."""
        value = await self.get(self.at(f"/batches/{batch}"))
        words = text_of(field(value, "status"))
        errors = field(value, "errors", "data")
        why = "; ".join(text_of(field(one, "message")) for one in errors) if isinstance(errors, list) else ""
        files = (text_of(field(value, name)) for name in ("output_file_id", "error_file_id"))
        pages = tuple(self.at(f"/files/{file}/content") for file in files if file)
        return BatchState(words, words in _ENDED, pages, why)

    async def results(self, state: BatchState) -> AsyncIterator[BatchLine]:
        """Both files; a line without a response says why it has none."""
        for page in state.pages:
            async for row in self.rows(page):
                key, response, error = text_of(field(row, "custom_id")), field(row, "response"), field(row, "error")
                if isinstance(response, dict) and not (error and field(response, "status_code") == HTTPStatus.OK):
                    status, body = field(response, "status_code"), field(response, "body")
                    yield BatchLine(key, response_of(status, body, self.client.endpoints[0]))
                elif key:
                    why = text_of(field(error, "message")) or text_of(field(error, "code")) or "no response in its line"
                    yield BatchLine(key, None, why)

    async def cancel(self, batch: str) -> None:
        """What is answered by then stays, and is paid for."""
        await self.post(self.at(f"/batches/{batch}/cancel"), b"{}")

    def at(self, path: str) -> str:
        """The same path at every host of the format."""
        return path


class AzureBatches(OpenAIBatches):
    """The same under an Azure resource; the deployment is the body's model (learn.microsoft.com, batch deployments)."""

    endpoint = "/chat/completions"

    def at(self, path: str) -> str:
        """With the version of the format."""
        from mmrad_eval.model_registry.openai_chat import azure_version

        return f"{path}{'&' if '?' in path else '?'}api-version={azure_version()}"


def _id(value: object, what: str) -> str:
    found = text_of(field(value, "id"))
    if not found:
        raise TransportError(f"the provider names no {what}", retry=True)
    return found
