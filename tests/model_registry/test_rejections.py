# ruff: noqa: E501 (bodies stand in one line, as servers send them)
"""A failure is never a score: what proxies, servers and clouds answer is no refusal, and what a model declined is one.

Bodies are sent by a real server over loopback and read by the clients of every format.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from mmrad_eval.core.errors import Failed, UsageError
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, Decoding, Message, Reply, Request, Served, Text
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry.anthropic import AnthropicClient
from mmrad_eval.model_registry.gemini import GeminiClient
from mmrad_eval.model_registry.openai_chat import ChatClient
from mmrad_eval.model_registry.rejection_rules import CODES, MESSAGES
from mmrad_eval.model_registry.rejections import RejectionPolicy, cause_of, declared
from mmrad_eval.model_registry.stored_replies import read_stored
from mmrad_eval.model_registry.wire import WireClient

QUICK = Retry(faults=2, timeouts=1, throttled=2, first=0.01, longest=0.02)


def page(title: str, by: str) -> bytes:
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1><hr>{by}</body></html>".encode()


def says(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None} | more}


def vllm(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400} | more}


def llama(message: str, kind: str = "invalid_request_error", **more: Any) -> dict[str, Any]:
    return {"error": {"code": 400, "message": message, "type": kind} | more}


def bare(message: str) -> dict[str, Any]:
    return {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}


def google(message: str, status: str = "INVALID_ARGUMENT") -> dict[str, Any]:
    return {"error": {"code": 400, "message": message, "status": status}}


INFRASTRUCTURE: list[tuple[int, Any]] = [
    (400, page("400 Bad Request", "nginx/1.27.2")),
    (400, page("400 The plain HTTP request was sent to HTTPS port", "nginx")),
    (400, page("Request Header Or Cookie Too Large", "nginx")),
    (413, page("413 Request Entity Too Large", "nginx")),
    (413, page("413 Payload Too Large", "openresty")),
    (413, b"Request Entity Too Large"),
    (413, page("413 Request Entity Too Large", "cloudflare")),
    (413, {"message": "Request Too Long"}),  # AWS API Gateway
    (400, b"Bad Request: upstream connect error or disconnect/reset before headers"),  # Envoy
    (400, page("Your client has issued a malformed or illegal request.", "Error 400 (Bad Request)!!1")),  # Google
    (400, page("400 Bad Request", "awselb/2.0")),
    (400, page("Bad Request", "Apache/2.4.62")),
    (400, page("ERROR: The request could not be satisfied", "cloudfront")),
    (400, page("The requested URL was rejected. Please consult with your administrator.", "F5 support ID 71")),
    (422, page("Access denied by security policy", "Imperva")),
    (400, b""),
    (422, b"\xff\xfe\x00"),
    (400, {}),
    (400, []),
    (400, "null"),
    (400, says("CUDA out of memory. Tried to allocate 2.50 GiB")),
    (400, says("CUDA error: device-side assert triggered")),
    (400, says("The model is overloaded, please try again later")),
    (400, says("Rate limit reached for requests. Limit: 3 / min. Please try again in 20s.", code="rate_limit_exceeded")),
    (400, says("Request too large for gpt-5.5 on tokens per min (TPM): Limit 30000, Requested 31000.", code="tokens")),
    (400, {"__type": "ThrottlingException", "message": "Too many tokens, please wait before trying again."}),
    (400, {"__type": "ServiceQuotaExceededException", "message": "Your request exceeds the service quota."}),
    (400, {"error": "Model meta-llama/Llama is currently loading", "estimated_time": 20.0}),
    (400, llama("Loading model", kind="unavailable_error")),
    (400, vllm("EngineCore encountered an issue. See stack trace (above) for the root cause.")),
    (400, vllm("The KV cache is full: no context left for the request, maximum context length not reached")),
    (400, vllm("At most 1 image(s) may be provided in one prompt.", param="image")),
    (400, vllm("max_tokens=40000 cannot be greater than max_model_len=32768. Please request fewer output tokens.")),
    (400, vllm("As of transformers v4.44, default chat template is no longer allowed")),
    (400, says("context_length_exceeded is what we would say if this gateway knew")),
    (400, says("This model's maximum context length is 8192 tokens. The upstream node crashed.")),
    (400, says("Could not reach the content filter service; content_filter is down")),
    (400, says("Azure has a content management policy service outage, safety system unavailable")),
    (400, says("Unsupported parameter: 'temperature' is not supported with this model.", param="temperature")),
    (400, says("Invalid value for 'model'", code="model_not_found")),
    (400, says("Your account is not active, please check your billing details", code="account_deactivated")),
    (400, says("API key not valid. Please pass a valid API key.")),
    (400, google("User location is not supported for the API use.", "FAILED_PRECONDITION")),
    (400, google("Request payload size exceeds the limit: 20971520 bytes.")),
    (413, {"type": "error", "error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}}),
    (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}),
    (422, {"detail": [{"loc": ["body", "messages"], "msg": "Input should be a valid list", "type": "list_type"}]}),
    (422, {"error": "Input validation error: `temperature` must be strictly positive", "error_type": "validation"}),
    (400, bare("Internal error: the scheduler hit an exception")),
    (400, {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": "upstream died"}}}),
    (400, says("litellm.BadRequestError: OpenAIException - Connection error.. Received Model Group=x")),
    (400, says("litellm.APIConnectionError: content filter is not reachable, context window unknown")),
    (400, says("litellm.ContextWindowExceededError: litellm.RateLimitError: tokens per minute exceeded")),
    (403, says("Access denied by the network's safety policy")),
    (451, says("content_filter")),
    (400, says("Unknown parameter: 'input_text'.", param="input_text", code="unknown_parameter")),
    (422, says("Invalid type for 'input_tokens': expected an integer", param="input_tokens")),
    (403, {"error": {"code": 403, "message": "IP blocked", "metadata": {"reasons": ["ip_blocked"]}}}),
    (400, says("The content filter timed out", code="content_filter", type="server_error")),
    (400, says("content filter unavailable", type="content_filter")),
    (400, {"code": "DataInspectionFailed", "message": "Inspection service unavailable"}),
    (400, says("the context length of the backend is unknown", code="context_length_exceeded")),
    (400, says("litellm.ContextWindowExceededError: fallback failed: connection refused")),
    (400, says("litellm.ContextWindowExceededError: litellm.InternalServerError: upstream returned 502")),
    (400, says("litellm.ContextWindowExceededError: litellm.AuthenticationError: invalid key")),
    (400, says("litellm.ContentPolicyViolationError: x\nError doing the fallback: litellm.NotFoundError: no such model")),
    (400, says("Failed to run the content filter: 503 from upstream", code="content_filter")),
    (400, says("Content filter configuration 'x' was not found for this deployment", code="content_filter")),
    (403, {"code": "The caller does not have permission to execute the operation", "error": "Your team has no credits yet."}),
    (403, {"code": "x", "error": "Content violates usage guidelines of this gateway"}),
    (403, says("The request is prohibited due to a violation of provider Terms Of Service.", code=403)),
    (400, {"error": "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error"}),
    (400, {"error": "Failed to load model. Error: Model loading was stopped due to insufficient system resources."}),
    (400, {"error": "The model has crashed without additional information. (Exit code: 18446744072635810000)"}),
    (400, bare("Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens). Use a shorter input or enable --allow-auto-truncate.")),
    (413, says("Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 7120, please reduce your message size", type="tokens", code="rate_limit_exceeded")),
    (400, {"detail": "An error occurred (ThrottlingException) when calling the Converse operation: Too many tokens, please wait before trying again."}),
    (400, {"success": False, "errors": [{"message": "AiError: context window limit (8000)", "code": 5021}]}),
]  # fmt: skip

UNREADABLE: list[Any] = [
    says("You uploaded an unsupported image.", code="invalid_image_format"),
    says("Invalid image data", code="BadRequest"),
    vllm("cannot identify image file <_io.BytesIO object at 0x7f>"),
    vllm("Failed to load image: broken data stream when reading image file"),
    says("messages.0.content.1: Could not process image"),
    google("Unable to process input image. Please retry or report."),
    {"error": "Input validation error: invalid image: Format error decoding Png", "error_type": "validation"},
    llama("Failed to load image or audio file"),
]

VLLM_ONE = (
    "This model's maximum context length is 32768 tokens. However, you requested 1024 output tokens and your prompt "
    "contains at least 31745 input tokens, for a total of at least 32769 tokens. Please reduce the length of the input "
    "prompt or the number of requested output tokens. (parameter=input_tokens, value=31745)"
)
VLLM_TWO = (
    "You passed 98305 input tokens and requested 1024 output tokens. However, the model's context length is only 99000 "
    "tokens, resulting in a maximum input length of 97976 tokens. Please reduce the length of the input prompt. "
    "(parameter=input_tokens, value=98305)"
)
VLLM_OLD = (
    "This model's maximum context length is 16384 tokens. However, you requested 17000 tokens (15976 in the messages, "
    "1024 in the completion). Please reduce the length of the messages or completion."
)
SGLANG = (
    "Requested token count exceeds the model's maximum context length of 131072 tokens. You requested a total of 132000 "
    "tokens: 130976 tokens from the input messages and 1024 tokens for the completion. Please reduce the number of tokens "
    "in the input messages or the completion to fit within the limit."
)
ROUTER = (
    "This endpoint's maximum context length is 16384 tokens. However, you requested about 26265 tokens (26255 of text "
    "input, 10 in the output). Please reduce the length of either one, or use the context-compression plugin to compress "
    "your prompt automatically."
)
DECODER = (
    "The decoder prompt (length 9000) is longer than the maximum model length of 8192. Make sure that `max_model_len` is "
    "no smaller than the number of text tokens plus multimodal tokens. For image inputs, the number of image tokens "
    "depends on the number of images, and possibly their aspect ratios as well."
)
TGI = "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 1024 `max_new_tokens`"
LLAMA = "request (9412 tokens) exceeds the available context size (8192 tokens), try increasing it"
FLAGGED = (
    "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different "
    "prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting"
)
WRAPPED = json.dumps(llama(LLAMA, "exceed_context_size_error", n_prompt_tokens=9412, n_ctx=8192))
LITELLM = (
    "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - This "
    "model's maximum context length is 128000 tokens. Received Model Group=x"
)

OLDEST = (
    "This model's maximum context length is 4096 tokens. However, you requested 4296 tokens (4096 in your prompt; 200 for "
    "the completion). Please reduce your prompt; or completion length."
)

LM_STUDIO = (
    "Trying to keep the first 14538 tokens when context the overflows. However, the model is loaded with context length of "
    "only 8192 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input"
)
XAI = (
    "Content violates usage guidelines. Team: t, API key ID: k, Model: grok-4-0709, Failed check: SAFETY_CHECK_TYPE_BIO"
)
BEDROCK = "An error occurred (ValidationException) when calling the Converse operation: {}Input is too long for requested model."

CAUSES: list[tuple[str, int, Any, str]] = [
    ("openai", 400, bare(OLDEST), "too long"),
    ("openai", 400, {"code": "context_length_exceeded", "message": "too many tokens"}, "too long"),
    ("openai", 400, {"code": "content_filter", "message": "The response was filtered"}, "refusal"),
    ("openai", 400, says("Your input exceeds the context window of this model.", code="context_length_exceeded"), "too long"),
    ("openai", 400, says("Prompt token count of 2 exceeds 1", code="model_max_prompt_tokens_exceeded"), "too long"),
    ("openai", 400, vllm(VLLM_ONE, param="input_tokens"), "too long"),
    ("openai", 400, bare(VLLM_OLD), "too long"),
    ("openai", 400, vllm(VLLM_TWO), "too long"),
    ("openai", 400, vllm(DECODER), "too long"),
    ("openai", 400, llama(LLAMA, "exceed_context_size_error", n_ctx=8192), "too long"),
    ("openai", 400, llama("the request exceeds the available context size, try increasing it"), "too long"),
    ("openai", 400, bare("The input (150000 tokens) is longer than the model's context length (131072 tokens)."), "too long"),
    ("openai", 400, bare(SGLANG), "too long"),
    ("openai", 422, {"error": f"Input validation error: {TGI}", "error_type": "validation"}, "too long"),
    ("openai", 400, {"error": WRAPPED}, "too long"),  # Ollama passes on what its runner says
    ("openai", 400, {"detail": WRAPPED}, "too long"),
    ("openai", 400, says("prompt too long; exceeded max context length by 4021 tokens"), "too long"),
    ("openai", 400, {"error": {"message": ROUTER, "code": 400}}, "too long"),
    ("openai", 400, says(LITELLM, code="400"), "too long"),
    ("openai", 400, says("litellm.ContentPolicyViolationError: AzureException - filtered"), "refusal"),
    ("openai", 400, says("The response was filtered", code="content_filter"), "refusal"),
    ("openai", 400, {"error": LM_STUDIO}, "too long"),
    ("openai", 400, says("litellm.BadRequestError: litellm.ContextWindowExceededError: AnthropicError - prompt is too long"), "too long"),
    ("openai", 400, says("litellm.BadRequestError: litellm.ContentPolicyViolationError: AzureException - filtered"), "refusal"),
    ("openai", 403, {"code": "The caller does not have permission to execute the operation", "error": XAI}, "refusal"),
    ("openai", 400, {"detail": BEDROCK.format("")}, "too long"),
    ("openai", 400, {"detail": BEDROCK.format("The model returned the following errors: ")}, "too long"),
    ("openai", 400, says("x", innererror={"code": "ResponsibleAIPolicyViolation"}), "refusal"),
    ("openai", 400, says(FLAGGED, code="invalid_prompt"), "refusal"),
    ("openai", 400, says("Input data may contain inappropriate content.", code="data_inspection_failed"), "refusal"),
    ("openai", 400, says("Content Exists Risk"), "refusal"),
    ("openai", 400, says("The request was rejected because it was considered high risk", type="content_filter"), "refusal"),
    ("openai", 403, {"error": {"message": "flagged", "code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "…"}}}, "refusal"),
    ("openai", 400, {"error": {"message": "Provider returned error", "metadata": {"raw": json.dumps(says("x", code="content_filter"))}}}, "refusal"),
    ("anthropic", 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 1000123 tokens > 1000000 maximum"}}, "too long"),
    ("anthropic", 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}}, "refusal"),
    ("gemini", 400, google("The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."), "too long"),
    ("gemini", 400, [google("The input token count exceeds the maximum number of tokens allowed 1048576.")], "too long"),
]  # fmt: skip

FORMATS: dict[str, Callable[..., WireClient]] = {
    "openai": ChatClient,
    "anthropic": AnthropicClient,
    "gemini": GeminiClient,
}


class Endpoint:
    """A server that answers every request in one way."""

    def __init__(self) -> None:
        self.url, self.requests = "", 0
        self.status, self.body = 200, b""

    def says(self, status: int, body: Any) -> None:
        self.status, self.body = status, body if isinstance(body, bytes) else json.dumps(body).encode()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        self.requests += 1
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    server = Endpoint()
    runner = web.ServerRunner(web.Server(server.handle, access_log=None), shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()


async def asked(kind: str, server: Endpoint, folder: Path, refusals: tuple[str, ...] = (), **card: Any) -> Reply | str:
    """The reply, or why there is none."""
    client = FORMATS[kind](Card(provider=kind, id="m", **card), (server.url,), timeout=5)
    client.refusals = refusals
    request = Request(kind, "m", (Message("user", (Text("Report."),)),), Decoding(max_tokens=50, temperature=None))
    with Journal(folder / "replies") as journal:
        requester = Requester(client, journal, pace=Pace.fixed(4), retry=QUICK, refusals=refusals)
        try:
            return (await requester.ask(request)).reply
        except Failed as failure:
            return str(failure)
        finally:
            await requester.close()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(("status", "body"), INFRASTRUCTURE, ids=range(len(INFRASTRUCTURE)))
async def test_what_is_not_the_models_doing_fails_the_study(
    endpoint: Endpoint, tmp_path: Path, kind: str, status: int, body: Any
) -> None:
    endpoint.says(status, body)
    outcome = await asked(kind, endpoint, tmp_path)

    assert isinstance(outcome, str), outcome
    assert f"HTTP {status}" in outcome


@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_an_image_that_the_server_can_not_read_is_the_datas_fault_and_named(
    endpoint: Endpoint, tmp_path: Path, body: Any
) -> None:
    endpoint.says(400, body)
    outcome = await asked("openai", endpoint, tmp_path)

    assert isinstance(outcome, str)
    assert "can't read an image of this study" in outcome


@pytest.mark.parametrize("case", CAUSES, ids=range(len(CAUSES)))
async def test_what_the_model_declined_is_a_reply_that_keeps_its_status_and_body(
    endpoint: Endpoint, tmp_path: Path, case: tuple[str, int, Any, str]
) -> None:
    kind, status, body, finish = case
    endpoint.says(status, body)
    reply = await asked(kind, endpoint, tmp_path)

    assert isinstance(reply, Reply), reply
    assert (reply.finish, reply.status, reply.text) == (finish, status, "")
    assert msgspec.json.decode(reply.raw) == body
    again = await asked(kind, endpoint, tmp_path)
    assert (again, endpoint.requests) == (reply, 1)


async def test_a_context_below_the_cards_is_the_servers_setting(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.says(400, vllm(VLLM_ONE, param="input_tokens"))
    for context, finish in ((None, "too long"), (32768, "too long"), (131072, "")):
        outcome = await asked("openai", endpoint, tmp_path / str(context), context=context)
        assert (outcome.finish if isinstance(outcome, Reply) else "") == finish


@pytest.mark.parametrize(
    "body",
    [
        says("litellm.ContextWindowExceededError: This model's maximum context length is 4096 tokens. However, you"),
        says("Input exceeds the context window of 2,048 tokens", code="context_length_exceeded"),
        llama("request (9412 tokens) exceeds the available context size (8192 tokens)", "exceed_context_size_error"),
        {"error": LM_STUDIO},
        says("litellm.ContextWindowExceededError: Max Input Tokens=8192, Got=9412"),
        says("Please reduce the length. Current length is 9412 while limit is 8192", code="context_length_exceeded"),
        llama("the request exceeds the available context size, try increasing it"),
        says("the input length exceeds the context length"),
        {"error": "prompt too long; exceeded max context length by 12 tokens"},
    ],
)
def test_a_context_that_whoever_started_the_server_chose_counts_only_where_it_is_known_to_be_the_cards(
    body: dict[str, Any],
) -> None:
    assert cause_of(400, body, RejectionPolicy(context=131072)) is None
    assert cause_of(400, body, RejectionPolicy()) == "too long"


def test_an_answer_as_long_as_the_context_is_the_runs_setting() -> None:
    more = VLLM_ONE.replace("requested 1024 output", "requested 32768 output")
    assert cause_of(400, vllm(more), RejectionPolicy()) is None
    assert cause_of(400, vllm(more, param="input_tokens"), RejectionPolicy()) is None


async def test_a_text_that_the_user_declared_a_refusal_is_one(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.says(400, says("house rule 7: not for this hospital"))

    assert isinstance(await asked("openai", endpoint, tmp_path), str)
    declared = await asked("openai", endpoint, tmp_path, refusals=("house rule 7",))
    assert isinstance(declared, Reply)
    assert declared.finish == "refusal"
    assert isinstance(await asked("openai", endpoint, tmp_path), str)  # stored, and no refusal without the pattern


@pytest.mark.parametrize("text", ["", " ", "<", "400", "...", "e r"])
def test_a_declared_text_that_any_failure_may_hold_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="would count failures as refusals"):
        declared(["house rule 7", text])


def test_a_declared_text_makes_no_refusal_of_other_statuses() -> None:
    policy = RejectionPolicy(refusals=("maintenance",))
    assert cause_of(503, says("down for maintenance"), policy) is None


@pytest.mark.parametrize("finish", ["refusal", "too long", "rejected"])
def test_a_stored_rejection_is_read_by_the_rules_of_today(finish: str) -> None:
    filtered = msgspec.Raw(msgspec.json.encode(says("x", code="content_filter")))
    proxy = msgspec.Raw(msgspec.json.encode("<html>Bad Request</html>"))
    known, unknown = (
        msgspec.json.encode(Reply(finish=finish, why="HTTP 400 from s: x", status=400, raw=raw))  # type: ignore[arg-type] # drawn from the literal's values
        for raw in (filtered, proxy)
    )

    read = read_stored(known)
    assert read is not None
    assert read.finish == "refusal"
    assert read_stored(unknown) is None


def test_a_stored_reply_that_did_not_fit_counts_where_the_server_had_the_cards_context() -> None:
    stored = msgspec.json.encode(Reply(finish="too long", why="does not fit", served=Served(context=4096)))

    assert read_stored(stored, RejectionPolicy(context=4096)) is not None
    assert read_stored(stored, RejectionPolicy(context=8192)) is None


def test_every_rule_names_its_server_and_source() -> None:
    assert all(rule.server and rule.source for rule in CODES)
    assert all(rule.server and rule.source for rule in MESSAGES)
