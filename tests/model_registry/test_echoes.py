"""A key that a server repeats is found however it is written, and a reply without one stays as it came."""

from __future__ import annotations

import base64
import html
import json
import random
from collections.abc import Callable
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import web

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Card, Message, Request, Text
from mmrad_eval.model_registry.bodies import read_error, read_json
from mmrad_eval.model_registry.echoes import Echo
from mmrad_eval.model_registry.openai_chat import ChatClient
from mmrad_eval.model_registry.secrets import Secret, scrub

KEYS = [
    "sk-planted-0123456789abcdef",
    "nvapi-planted/with+signs==and~more",
    'rf8_trbn/\\u0073"quoted"&<ampersand>',
    "AIzaSyD-planted_0123456789abcdefghijkl",
]

WAYS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "percent": lambda key: quote(key, safe=""),
    "percent, each character": lambda key: "".join(f"%{ord(c):02x}" for c in key),
    "percent, twice": lambda key: quote(quote(key, safe=""), safe=""),
    "unicode escapes": lambda key: "".join(f"\\u{ord(c):04X}" for c in key),
    "every third escaped": lambda key: "".join(f"\\u{ord(c):04x}" if i % 3 == 0 else c for i, c in enumerate(key)),
    "hex escapes": lambda key: "".join(f"\\x{ord(c):02x}" for c in key),
    "JSON in a string": lambda key: json.dumps({"authorization": f"Bearer {key}"}),
    "JSON in JSON in a string": lambda key: json.dumps(json.dumps({"k": key})),
    "HTML": html.escape,
    "HTML numbers": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of the header": lambda key: base64.b64encode(f"Authorization: Bearer {key}\n".encode()).decode(),
    "base64 of a pair": lambda key: base64.b64encode(f"u:{key}".encode()).decode(),
    "base64 for addresses": lambda key: base64.urlsafe_b64encode(f"ab{key}".encode()).decode().rstrip("="),
    "hex": lambda key: key.encode().hex().upper(),
}


def holds(text: str, key: str) -> bool:
    """Whether some undoing of the escapes gives the key back."""
    forms = {text, text.replace("\\/", "/")}
    for form in forms:
        forms.add(html.unescape(form))
    return any(key in form or key[4:-4] in form for form in forms)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("way", WAYS)
def test_an_echo_is_found_in_any_spelling_in_replies_errors_and_messages(key: str, way: str) -> None:
    echo = WAYS[way](key)
    secret = Secret(key, "here")
    body = json.dumps({"choices": [{"message": {"content": f"you sent {echo}, thank you"}}]}).encode()
    value, raw = read_json(body, secret)
    text = value["choices"][0]["message"]["content"]

    assert text.startswith("you sent ")
    assert text.endswith(", thank you")
    assert "[key]" in text
    assert echo not in text
    assert not holds(text, key)
    assert msgspec.json.decode(raw) == value
    assert echo not in scrub(f"refused: {echo}", secret)
    error, stored = read_error(f"<html>no entry for {echo}</html>".encode(), secret)
    assert echo not in error
    assert "[key]" in error
    assert echo not in bytes(stored).decode()


@pytest.mark.parametrize("key", KEYS)
def test_escapes_of_the_body_itself_hide_nothing(key: str) -> None:
    """The body's own JSON writes the key's characters as escapes; decoded, they are the key."""
    body = b'{"content":"' + "".join(f"\\u{ord(c):04x}" for c in key).encode() + b'","other":"'
    body += json.dumps(key).strip('"').replace("/", "\\/").encode() + b'"}'
    value, raw = read_json(body, Secret(key, "here"))

    assert value == {"content": "[key]", "other": "[key]"}
    assert bytes(raw) == b'{"content":"[key]","other":"[key]"}'


def test_the_name_of_a_field_hides_nothing() -> None:
    value, raw = read_json(b'{"sk-pl\\u0061nted-01":1}', Secret("sk-planted-01", "here"))

    assert value == {"[key]": 1}
    assert b"planted" not in bytes(raw)


def test_a_reply_without_an_echo_stays_byte_for_byte() -> None:
    secret = Secret("nvapi-planted-0123456789", "here")
    drawn = random.Random(0)
    for _ in range(200):
        words = "".join(drawn.choice('nvapi-planted 0123%&#\\/"\n\u00e9\U0001f600') for _ in range(300))
        body = json.dumps(
            {"text": words, "more": "\nvapi-planted-0123456789"}, ensure_ascii=drawn.random() < 0.5
        ).encode()
        value, raw = read_json(body, secret)
        assert bytes(raw) == body
        assert value["text"] == words


def test_a_search_for_echoes_is_quick_where_a_reply_holds_none() -> None:
    echo = Echo("sk-planted-0123456789abcdef")

    assert not echo.may_be_in(b'{"content":"FINDINGS: The lungs are clear.\\nIMPRESSION: Normal."}')


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "text", "text": "you sent sk-plan"}, {"type": "text", "text": "ted-0123456789abcdef"}]},
        {"content": "ted-0123456789abcdef", "reasoning": "the key is sk-plan"},
        {"content": "sk-plan", "tool_calls": [{"function": {"name": "f", "arguments": "ted-0123456789abcdef"}}]},
    ],
)
async def test_a_key_in_pieces_that_parts_put_together_is_no_reply(message: dict[str, object]) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({"choices": [{"message": message, "finish_reason": "stop"}]})

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    client = ChatClient(Card(provider="openai", id="m"), (url,), Secret("sk-planted-0123456789abcdef", "here"))
    try:
        with pytest.raises(TransportError, match="contains pieces of the API key"):
            await client.generate(PreparedRequest(Request("openai", "m", (Message("user", (Text("?"),)),)), {}, "k"))
    finally:
        await client.close()
        await runner.cleanup()
