"""Make a batch with a provider's own client and read it back; run in the environment of scripts/env-sdks.

Standard input: JSON of kind, url, model and requests (key -> body as the direct route takes it). Standard output: JSON
of the batch's id, whether its list has it, and key -> words of every reply.
"""

from __future__ import annotations

import io
import json
import sys
import time
from typing import Any

Asked = dict[str, Any]


def openai(asked: Asked) -> dict[str, Any]:
    import openai  # type: ignore[import-not-found, unused-ignore]  # lives in an environment of its own

    client = openai.OpenAI(api_key="planted", base_url=asked["url"], max_retries=0)
    where = "/v1/chat/completions"
    rows = ({"custom_id": k, "method": "POST", "url": where, "body": body} for k, body in asked["requests"].items())
    file = client.files.create(file=("a.jsonl", io.BytesIO("\n".join(map(json.dumps, rows)).encode())), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint=where, completion_window="24h", metadata={"mmrad": "label"}
    )
    while batch.status != "completed":
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    lines = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    words = {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in lines}
    listed = any(one.id == batch.id and one.metadata == {"mmrad": "label"} for one in client.batches.list(limit=100))
    client.batches.cancel(batch.id)
    return {"id": batch.id, "listed": listed, "words": words}


def anthropic(asked: Asked) -> dict[str, Any]:
    import anthropic  # type: ignore[import-not-found, unused-ignore]  # as above

    client = anthropic.Anthropic(api_key="planted", base_url=asked["url"].removesuffix("/v1"), max_retries=0)
    rows = [{"custom_id": key, "params": body} for key, body in asked["requests"].items()]
    batch = client.messages.batches.create(requests=rows)
    while batch.processing_status != "ended":
        time.sleep(0.05)
        batch = client.messages.batches.retrieve(batch.id)
    lines = client.messages.batches.results(batch.id)
    words = {line.custom_id: line.result.message.content[0].text for line in lines}
    listed = any(one.id == batch.id for one in client.messages.batches.list(limit=100))
    client.messages.batches.cancel(batch.id)
    return {"id": batch.id, "listed": listed, "words": words}


def gemini(asked: Asked) -> dict[str, Any]:
    from google import genai  # type: ignore[import-not-found, unused-ignore]  # as above
    from google.genai import types  # type: ignore[import-not-found, unused-ignore]

    options = types.HttpOptions(base_url=asked["url"].removesuffix("/v1"), api_version="v1")
    client = genai.Client(api_key="planted", http_options=options)
    rows = [
        types.InlinedRequest(
            contents=body["contents"],
            config=types.GenerateContentConfig(
                max_output_tokens=body["generationConfig"]["maxOutputTokens"],
                temperature=body["generationConfig"]["temperature"],
            ),
            metadata={"key": key},
        )
        for key, body in asked["requests"].items()
    ]
    batch = client.batches.create(model=asked["model"], src=rows, config={"display_name": "mmrad-label"})
    while not batch.done:
        time.sleep(0.05)
        batch = client.batches.get(name=batch.name)
    words = {one.metadata["key"]: one.response.text for one in batch.dest.inlined_responses}
    listed = any(one.name == batch.name and one.display_name == "mmrad-label" for one in client.batches.list())
    client.batches.cancel(name=batch.name)
    return {"id": batch.name, "listed": listed, "words": words}


if __name__ == "__main__":
    question = json.load(sys.stdin)
    json.dump({"openai": openai, "anthropic": anthropic, "gemini": gemini}[question["kind"]](question), sys.stdout)
