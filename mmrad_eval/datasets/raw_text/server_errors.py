"""Texts that a server or a proxy wrote where the model's words should be: a failure, and no report.

Gateways and chat front ends pass such texts on with status 200, as the content of a reply, and files of outputs keep
them. A text counts only as a whole: a page that is titled by an HTTP status, an error body in a known form, or words
that a rule below has from the source of the server that writes them. What merely reads like an error may be the
model's own words; it is counted as the event ``reads like an error`` and stays an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from mmrad_eval.datasets.words import among, words_of

EVENT = "reads like an error"
"""In answers: a text that may be a server's, and may be the model's."""
_LONGEST = 20_000
"""Characters beyond which no text is looked at: pages of proxies are short."""
_SHORT = 400
"""Characters of a text that may read like an error; a report that mentions one is longer, or says more."""


class Rule(NamedTuple):
    """The whole text that one kind of server writes."""

    server: str
    text: str
    """A regular expression; the text is stripped of spaces around it and of one pair of quotes."""
    source: str


RULES: Sequence[Rule] = (
    Rule(
        "Envoy",
        r"upstream connect error or disconnect/reset before headers\..*"
        r"|no healthy upstream|upstream request timeout|upstream max stream duration reached|fault filter abort"
        r"|RBAC: access denied",
        "envoyproxy/envoy source/common/router/router.cc, source/extensions/filters/http",
    ),
    Rule("Cloudflare", r"error code: \d{3,4}", "developers.cloudflare.com/support/troubleshooting/http-status-codes"),
    Rule("Traefik", r"no available server", "traefik/traefik pkg/server/service/loadbalancer"),
    Rule("ingress-nginx", r"default backend - 404", "kubernetes/ingress-nginx images/custom-error-pages"),
    Rule("Go's HTTP server", r"404 page not found", "golang/go src/net/http/server.go, NotFound"),
    Rule(
        "PyTorch",
        r"(?:[\w.]*(?:Error|Exception): )?(?:CUDA|HIP|XPU|MPS backend) out of memory\b.*"
        r"|(?:[\w.]*(?:Error|Exception): )?CUDA error: [\w\- ]+(?:\n.*|\.? ?)"
        r"|(?:[\w.]*(?:Error|Exception): )?(?:CUBLAS_STATUS|cuDNN error: CUDNN_STATUS|CUDNN_STATUS)_\w+.*",
        "pytorch/pytorch c10/cuda/CUDACachingAllocator.cpp, c10/cuda/CUDAException.cpp",
    ),
    Rule(
        "FastChat and LLaVA's workers",
        r"\*\*NETWORK ERROR DUE TO HIGH TRAFFIC\. PLEASE REGENERATE OR REFRESH THIS PAGE\.\*\*.*",
        "lm-sys/FastChat fastchat/constants.py; haotian-liu/LLaVA llava/utils.py",
    ),
    Rule(
        "vLLM",
        r"(?:[\w.]*Error: )?EngineCore encountered an issue\. See stack trace \(above\) for the root cause\."
        r"|(?:[\w.]*Error: )?Background loop has errored already\..*",
        "vllm-project/vllm vllm/v1/engine/exceptions.py, vllm/engine/async_llm_engine.py",
    ),
    Rule(
        "text-generation-inference",
        r"Request failed during generation: .+|Model is overloaded",
        "huggingface/text-generation-inference router/src/infer/mod.rs, InferError",
    ),
    Rule(
        "Ollama",
        r"llama runner process (?:has terminated|no longer running): .+"
        r"|model requires more system memory \([^)]*\) than is available \([^)]*\)",
        "ollama/ollama llm/server.go",
    ),
    Rule(
        "LMDeploy",
        r"internal error happened(?:, status code .+)?",
        "InternLM/lmdeploy lmdeploy/serve/async_engine.py",
    ),
    Rule(
        "OpenAI",
        r"The server had an error (?:while )?processing your request\. Sorry about that!.*"
        r"|The engine is currently overloaded, please try again later\.?"
        r"|That model is currently overloaded with other requests\. You can retry your request.*"
        r"|You exceeded your current quota, please check your plan and billing details\..*"
        r"|Rate limit reached for .{1,200} on .{1,40} per .*"
        r"|Incorrect API key provided\b.*",
        "platform.openai.com/docs/guides/error-codes",
    ),
    Rule(
        "Gemini",
        r"The model is overloaded\. Please try again later\.?"
        r"|An internal error has occurred\. Please retry or report in .+"
        r"|(?:429 )?Resource (?:has been|is) exhausted\b.*check quota.*"
        r"|[45]\d\d [A-Z_]+\. \{.*\}",
        "ai.google.dev/gemini-api/docs/troubleshooting; googleapis/python-genai google/genai/errors.py, APIError",
    ),
    Rule("Anthropic", r"Overloaded", "platform.claude.com/docs/en/api/errors, overloaded_error"),
    Rule("OpenRouter", r"Provider returned error", "openrouter.ai/docs/api/reference/errors-and-debugging"),
    Rule(
        "LiteLLM",
        r"litellm\.(?!ContentPolicyViolation|ContextWindowExceeded)\w*(?:Error|Exception|Timeout): .+",
        "BerriAI/litellm litellm/exceptions.py",
    ),
    Rule(
        "the openai package",
        r"Error code: (?:5\d\d|40[13489]|429) - .+|(?:openai\.)?API(?:Connection|Timeout)Error: .+"
        r"|Connection error\.|Request timed out\.",
        "openai/openai-python src/openai/_base_client.py, _make_status_error_from_response",
    ),
    Rule(
        "Amazon Bedrock",
        r"An error occurred \(\w+\) when calling the \w+ operation(?: \(reached max retries: \d+\))?: .+",
        "boto/botocore botocore/exceptions.py, ClientError",
    ),
    Rule(
        "a client of HTTP",
        r"(?:Client|Server) error '[45]\d\d [^']*' for url '.+"
        r"|[45]\d\d (?:Client|Server) Error: .* for url: \S+",
        "encode/httpx httpx/_models.py, raise_for_status; psf/requests src/requests/models.py, raise_for_status",
    ),
    Rule("curl", r"curl: \(\d+\) .+", "curl/curl src/tool_operate.c"),
    Rule(
        "Node.js",
        r"(?:TypeError: )?fetch failed|(?:Error: )?(?:socket hang up|(?:connect|read|write) E[A-Z]{3,}\b.{0,80}"
        r"|getaddrinfo E[A-Z_]+ \S+)",
        "nodejs/node lib/internal/errors.js, lib/_http_client.js",
    ),
    Rule(
        "Go's HTTP client",
        r'(?:Get|Post|Put|Head|Delete) "https?://[^"]+": .+',
        "golang/go src/net/url/url.go, Error",
    ),
    Rule(
        "gRPC",
        r"rpc error: code = \w+ desc = .+|\[?StatusCode\.[A-Z_]+\]? .+|in ensemble '[^']+', .+"
        r"|<_\w*RpcError of RPC that terminated with:.+",
        "grpc/grpc-go internal/status/status.go; triton-inference-server/client tritonclient/utils; grpc/grpc",
    ),
    Rule(
        "urllib3 and requests",
        r"(?:[\w.]*(?:Error|Exception|Timeout): )?HTTPS?ConnectionPool\(host='[^']*', port=\d+\): "
        r"(?:Max retries exceeded with url: |Read timed out\.).*",
        "urllib3/urllib3 src/urllib3/exceptions.py; psf/requests src/requests/adapters.py",
    ),
    Rule(
        "aiohttp",
        r"(?:[\w.]*Error: )?Cannot connect to host \S+ ssl:.+",
        "aio-libs/aiohttp aiohttp/client_exceptions.py, ClientConnectorError",
    ),
    Rule(
        "Python",
        r"Traceback \(most recent call last\):\n.*\n[\w.]*(?:Error|Exception|Interrupt|Exit|Timeout)(?::.*)?",
        "python/cpython Lib/traceback.py",
    ),
    Rule(
        "Python",
        r"(?:(?:[a-z_]\w*\.)+(?!ContentPolicy|ContextWindow|BadRequest)[A-Z]\w*(?:Error|Exception|Timeout)"
        r"|(?:Runtime|Value|Key|Type|Index|Attribute|Assertion|Memory|OS|IO|Connection(?:Refused|Reset|Aborted)?|Timeout"
        r"|NotImplemented|FileNotFound|Permission|BrokenPipe|Import|ModuleNotFound|Unicode(?:Decode|Encode)?|JSONDecode"
        r"|OutOfMemory|Recursion)Error): (?:(?!\n\n).)+"
        r"|\[Errno -?\d+\] .{1,200}",
        "python/cpython Lib/traceback.py, format_exception_only; Objects/exceptions.c, OSError_str",
    ),
)

_ANY = re.compile("|".join(rule.text for rule in RULES), re.DOTALL)
"""All of them at once: hardly any text is one, and to ask each rule costs several times as much."""
_PHRASES = {status.phrase.lower(): int(status) for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST} | {
    "request entity too large": 413,  # as nginx and Apache write them
    "payload too large": 413,
    "request-uri too large": 414,
    "request time-out": 408,
    "gateway time-out": 504,
    "service temporarily unavailable": 503,
    "internal error": 500,
    "server error": 500,
    "web server is returning an unknown error": 520,
    "web server is down": 521,
    "connection timed out": 522,
    "origin is unreachable": 523,
    "a timeout occurred": 524,
    "ssl handshake failed": 525,
    "deadline exceeded": 504,  # google.api_core.exceptions.DeadlineExceeded
}
"""The names of error statuses (RFC 9110 and what servers make of them) -> their numbers."""
_OWN = frozenset({408, 413, 429, 500, 502, 503, 504, 521, 523, 524})
"""Statuses whose name alone, without the number, no model writes as its answer: 404 is "Not found"."""
_STATUS = re.compile(
    r"(?:HTTP(?:/\d(?:\.\d)?| error)?:? )?(?:error )?(?P<number>[45]\d\d):?(?: - | )?"
    r"(?P<phrase>[A-Za-z' -]{3,40}?)[.!]?",
    re.IGNORECASE,
)
_PAGE = re.compile(
    r"(?:<!doctype html\b[^>]*>\s*|<\?xml[^>]*>\s*|<!--.{0,500}?-->\s*)*<html\b", re.IGNORECASE | re.DOTALL
)
_TITLES = re.compile(r"<(?:title|h1)\b[^>]*>(?P<title>[^<]{0,200})</(?:title|h1)>", re.IGNORECASE)
_INTRODUCED = re.compile(r"(?:(?:internal|upstream|api|server) )?(?:server )?error:\s+(?=\S)", re.IGNORECASE)
"""How whoever passes on an error may begin; what follows counts where it is an error by itself."""
_CHALLENGES = frozenset({"just a moment...", "attention required! | cloudflare", "access denied"})
_BESIDE = frozenset({"error", "http", "status", "code", "server", "client", "page"})
"""Words beside the number and the name of a status in the title of a page."""
_CODES = re.compile(
    r"\w*(?:_error|Error|Exception)|server_busy|overloaded|insufficient_quota|(?:rate_limit|context_length)_exceeded"
    r"|invalid_api_key|model_not_found|content_filter|INTERNAL|UNAVAILABLE|RESOURCE_EXHAUSTED|DEADLINE_EXCEEDED|[45]\d\d"
)
"""What stands as ``code``, ``type`` or ``status`` in the error bodies of OpenAI's format, Gemini and vLLM."""
_DETAILS = frozenset(
    (
        *("internal server error", "not found", "bad gateway", "service unavailable", "gateway timeout"),
        *("method not allowed", "endpoint request timed out"),
    )
)
"""What FastAPI, Starlette and API gateways write as ``detail`` or ``message`` of an error body."""
_LIKELY = re.compile(
    r"\b(?:an? (?:unexpected |unknown |internal )?error (?:has )?occurred|something went wrong"
    r"|internal (?:server )?error"
    r"|(?:request|connection|operation|server) (?:has )?(?:timed? ?out|failed|error)|try again (?:later|in)"
    r"|failed to (?:process|load|generate|fetch|connect|open|decode|read)|(?:out of|insufficient) memory|rate limit"
    r"|service (?:is )?(?:temporarily )?unavailable"
    r"|(?:model|server) is (?:overloaded|busy|loading|not (?:loaded|available)))\b"
    r"|^\W*(?:error|exception)\b\W*[:({]",
    re.IGNORECASE,
)
_TELLING = among(
    "error exception wrong failed request connection operation server model again memory limit unavailable"
)
"""A word of each alternative; most reports have none of them, and to look for these costs less."""


def server_error(text: str) -> str:
    """Which server wrote this text in place of a model, in words; empty where it may be the model's own."""
    words = text.strip()
    if not words or len(words) > _LONGEST:
        return ""
    if len(words) > 1 and words[0] == words[-1] and words[0] in "\"'":
        words = words[1:-1].strip()
    if words[:1] == "<":
        return _page(words)
    if words[:1] == "{" and words[-1:] == "}":
        return _body(words)
    if named := _status(words):
        return named
    if not _ANY.fullmatch(words):
        inner = _INTRODUCED.match(words)
        return server_error(words[inner.end() :]) if inner else ""
    return next(f"an error of {rule.server}" for rule in RULES if re.fullmatch(rule.text, words, re.DOTALL))


def like_an_error(text: str) -> bool:
    """Whether a short text reads like an error, whoever wrote it."""
    words = text.strip()
    if not words or len(words) > _SHORT or (words.isascii() and words_of(words).isdisjoint(_TELLING)):
        return False
    return _LIKELY.search(words) is not None


def _status(words: str) -> str:
    """The status whose number and name, or telling name alone, the text is."""
    if len(words) > 80:
        return ""
    found = _STATUS.fullmatch(words)
    if found and _PHRASES.get(found["phrase"].strip().lower()) is not None:
        return f"an HTTP status ({words})"
    return f"an HTTP status ({words})" if _PHRASES.get(words.rstrip(".!").lower()) in _OWN else ""


def _page(words: str) -> str:
    """A page of HTML whose title or heading is an error status, or the challenge of a proxy."""
    if not _PAGE.match(words):
        return ""
    for found in _TITLES.finditer(words):
        title = " ".join(found["title"].split())
        part = title.rpartition("|")[2].strip()  # Cloudflare puts the site before it
        if _status(part) or title.lower() in _CHALLENGES or _numbered(part):
            return f"a page of HTML ({title})"
    return ""


def _numbered(title: str) -> bool:
    """Whether a title is a number and the name of a status: ``Error 502 (Server Error)!!1``, ``502: Bad gateway``."""
    if not re.search(r"(?<!\d)[45]\d\d(?!\d)", title):
        return False
    words = " ".join(re.findall(r"[a-z'-]+", title.lower()))
    return any(set(words.replace(phrase, "", 1).split()) <= _BESIDE for phrase in _PHRASES if phrase in words)


def _body(words: str) -> str:
    """An error body in the form of OpenAI's format, vLLM, FastAPI or an API gateway."""
    try:
        value = json.loads(words)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, Mapping):
        return ""
    error = value.get("error")
    if isinstance(error, Mapping) and set(value) <= {"error", "object", "type", "request_id", "id", "user_id"}:
        return "an error body" if _is_error(error) else ""
    if value.get("object") == "error" or value.get("type") == "error":
        return "an error body" if isinstance(value.get("message"), str) else ""
    for name in ("detail", "message", "error"):
        said = value.get(name)
        if isinstance(said, str) and len(value) <= 3 and (said.strip(" .").lower() in _DETAILS or _written(said)):
            return f"an error body ({said})"
    return ""


def _is_error(error: Mapping[str, Any]) -> bool:
    """Whether an object is an error as servers report it: a message, and a code or a type of theirs."""
    if not isinstance(error.get("message"), str):
        return False
    return any(_CODES.fullmatch(str(error.get(name))) is not None for name in ("code", "type", "status"))


def _written(said: str) -> bool:
    words = said.strip()
    return bool(_status(words)) or _ANY.fullmatch(words) is not None
