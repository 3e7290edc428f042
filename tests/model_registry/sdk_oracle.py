"""Send conversations with a provider's own client; run in the environment of scripts/env-sdks.

Standard input: a JSON list of provider, base_url, model, decoding and messages (role; parts: text, or media_type and
data in base64).
"""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

Asked = dict[str, Any]


def openai_parts(parts: list[dict[str, str]]) -> Any:
    if [*parts[0]] == ["text"] and len(parts) == 1:
        return parts[0]["text"]
    return [
        {"type": "text", "text": part["text"]}
        if "text" in part
        else {"type": "image_url", "image_url": {"url": f"data:{part['media_type']};base64,{part['data']}"}}
        for part in parts
    ]


def openai_chat(client: Any, asked: Asked, limit: str) -> None:
    decoding = asked["decoding"]
    if "reasoning" in decoding:
        decoding["reasoning_effort"] = decoding.pop("reasoning")
    client.chat.completions.create(
        model=asked["model"],
        messages=[{"role": m["role"], "content": openai_parts(m["parts"])} for m in asked["messages"]],
        **{limit: decoding.pop("max_tokens")},
        **decoding,
    )


def openai(asked: Asked) -> None:
    import openai  # type: ignore[import-not-found, unused-ignore]  # lives in an environment of its own

    client = openai.OpenAI(api_key="planted", base_url=asked["base_url"], max_retries=0)
    if asked.get("draws"):
        openai_responses(client, asked)
    else:
        openai_chat(client, asked, "max_completion_tokens")


def openai_responses(client: Any, asked: Asked) -> None:
    def part(one: dict[str, str], role: str) -> Any:
        if "text" in one:
            return {"type": "output_text" if role == "assistant" else "input_text", "text": one["text"]}
        return {"type": "input_image", "image_url": f"data:{one['media_type']};base64,{one['data']}"}

    decoding = asked["decoding"]
    if "reasoning" in decoding:
        decoding["reasoning"] = {"effort": decoding["reasoning"]}
    client.responses.create(
        model=asked["model"],
        input=[{"role": m["role"], "content": [part(p, m["role"]) for p in m["parts"]]} for m in asked["messages"]],
        max_output_tokens=decoding.pop("max_tokens"),
        tools=[{"type": "image_generation"}],
        store=False,
        **decoding,
    )


def together(asked: Asked) -> None:
    from together import Together  # type: ignore[import-not-found, unused-ignore]  # as above

    openai_chat(Together(api_key="planted", base_url=asked["base_url"], max_retries=0), asked, "max_tokens")


def openrouter(asked: Asked) -> None:
    from openrouter import OpenRouter  # type: ignore[import-not-found, unused-ignore]  # as above

    client = OpenRouter(api_key="planted", server_url=asked["base_url"], retry_config=None)
    if "reasoning" in asked["decoding"]:
        asked["decoding"]["reasoning_effort"] = asked["decoding"].pop("reasoning")
    client.chat.send(
        model=asked["model"],
        messages=[{"role": m["role"], "content": openai_parts(m["parts"])} for m in asked["messages"]],
        **({"modalities": ["text", "image"]} if asked.get("draws") else {}),
        **asked["decoding"],
    )


def azure(asked: Asked) -> None:
    import openai

    client = openai.AzureOpenAI(
        api_key="planted", azure_endpoint=asked["base_url"], api_version=asked["api_version"], max_retries=0
    )
    openai_chat(client, asked, "max_tokens")


def anthropic(asked: Asked) -> None:
    import anthropic  # type: ignore[import-not-found, unused-ignore]  # as above

    def content(parts: list[dict[str, str]]) -> Any:
        if [*parts[0]] == ["text"] and len(parts) == 1:
            return parts[0]["text"]
        return [
            {"type": "text", "text": part["text"]}
            if "text" in part
            else {"type": "image", "source": {"type": "base64", "media_type": part["media_type"], "data": part["data"]}}
            for part in parts
        ]

    decoding, turns, more = asked["decoding"], asked["messages"], {}
    if turns[0]["role"] == "system":
        more["system"] = turns.pop(0)["parts"][0]["text"]
    if "stop" in decoding:
        more["stop_sequences"] = decoding.pop("stop")
    how = decoding.pop("reasoning", None)
    if isinstance(how, int):
        more["thinking"] = {"type": "enabled", "budget_tokens": how}
    elif how == "none":
        more["thinking"] = {"type": "disabled"}
    elif how:
        more |= {"thinking": {"type": "adaptive"}, "output_config": {"effort": how}}
    client = anthropic.Anthropic(api_key="planted", base_url=asked["base_url"], max_retries=0)
    client.messages.create(
        model=asked["model"],
        max_tokens=decoding.pop("max_tokens"),
        messages=[{"role": turn["role"], "content": content(turn["parts"])} for turn in turns],
        extra_body=decoding or None,  # temperature and top_p: older models take them, this client no longer names them
        **more,
    )


def gemini(asked: Asked) -> None:
    from google import genai  # type: ignore[import-not-found, unused-ignore]  # as above
    from google.genai import types  # type: ignore[import-not-found, unused-ignore]  # as above

    def part(one: dict[str, str]) -> Any:
        if "text" in one:
            return types.Part.from_text(text=one["text"])
        return types.Part.from_bytes(data=base64.b64decode(one["data"]), mime_type=one["media_type"])

    decoding, turns, more = asked["decoding"], asked["messages"], {}
    if turns[0]["role"] == "system":
        more["system_instruction"] = turns.pop(0)["parts"][0]["text"]
    if "stop" in decoding:
        more["stop_sequences"] = decoding.pop("stop")
    more["max_output_tokens"] = decoding.pop("max_tokens")
    how = decoding.pop("reasoning", None)
    if how is not None:
        budget = 0 if how == "none" else how
        named = "thinking_budget" if isinstance(budget, int) else "thinking_level"
        more["thinking_config"] = types.ThinkingConfig(**{named: budget})
    if asked.get("draws"):
        more["response_modalities"] = ["TEXT", "IMAGE"]
    client = genai.Client(api_key="planted", http_options=types.HttpOptions(base_url=asked["base_url"]))
    client.models.generate_content(
        model=asked["model"],
        contents=[
            types.Content(
                role="model" if turn["role"] == "assistant" else "user", parts=[part(p) for p in turn["parts"]]
            )
            for turn in turns
        ],
        config=types.GenerateContentConfig(**more, **decoding),
    )


SEND: dict[str, Callable[[Asked], None]] = {
    "openai": openai,
    "openrouter": openrouter,
    "together": together,
    "azure": azure,
    "anthropic": anthropic,
    "gemini": gemini,
}

if __name__ == "__main__":
    for question in json.load(sys.stdin):
        with contextlib.suppress(Exception):  # the reply is none of theirs; what was sent is what counts
            SEND[question["provider"]](question)
