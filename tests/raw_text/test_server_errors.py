# ruff: noqa: E501 (texts stand in one line, as servers write them)
"""Texts that a server wrote in place of a model are told by their form; what a model may have written is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmrad_eval import score
from mmrad_eval.core.errors import UsageError
from mmrad_eval.datasets import raw_text
from mmrad_eval.datasets.parsed import parse
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.datasets.raw_text.server_errors import EVENT, RULES, server_error

APACHE = """<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
<html><head>
<title>503 Service Unavailable</title>
</head><body>
<h1>Service Unavailable</h1>
<p>The server is temporarily unable to service your request.</p>
</body></html>"""
NGINX = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n</body>\r\n</html>\r\n"
HAPROXY = "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>"
GOOGLE = "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n<title>Error 502 (Server Error)!!1</title>\n<p>"
CLOUDFLARE = '<!DOCTYPE html>\n<!--[if IE 8]> <html class="ie8"> <![endif]-->\n<html><title>a.org | 522: Connection timed out</title></html>'
TRACEBACK = (
    'Traceback (most recent call last):\n  File "serve.py", line 88, in chat\n    out = generate(x)\nKeyError: 7'
)

SERVERS = {
    "a name of a status": "Internal Server Error",
    "in small letters with a dot": "bad gateway.",
    "with its number": "503 Service Temporarily Unavailable",
    "as a library writes it": "HTTP 504: Gateway Timeout",
    "a status line": "HTTP/1.1 429 Too Many Requests",
    "in quotes": '"Service Unavailable"',
    "nginx": NGINX,
    "Apache": APACHE,
    "HAProxy": HAPROXY,
    "Google": GOOGLE,
    "Cloudflare": CLOUDFLARE,
    "Envoy": "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: timeout",
    "Envoy without hosts": "no healthy upstream",
    "Cloudflare's text": "error code: 521",
    "Traefik": "no available server\n",
    "PyTorch": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 640.00 MiB. GPU 0 has a total capacity of",
    "a kernel": "RuntimeError: CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be",
    "FastChat": "**NETWORK ERROR DUE TO HIGH TRAFFIC. PLEASE REGENERATE OR REFRESH THIS PAGE.**\n\n(timed out)",
    "vLLM": "EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.",
    "TGI": "Request failed during generation: Server error: transport error",
    "OpenAI": "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29000.",
    "OpenAI's trouble": "The server had an error processing your request. Sorry about that! You can retry your request.",
    "Gemini": "The model is overloaded. Please try again later.",
    "LiteLLM": "litellm.ServiceUnavailableError: VertexAIException - no capacity",
    "a client": "Error code: 502 - {'error': {'message': 'bad'}}",
    "requests": "ConnectionError: HTTPConnectionPool(host='gpu3', port=8000): Max retries exceeded with url: /v1/chat (x)",
    "aiohttp": "ClientConnectorError: Cannot connect to host gpu3:8000 ssl:default [Connect call failed ('10.0.0.3', 80)]",
    "Python": TRACEBACK,
    "Ollama without memory": "model requires more system memory (4.8 GiB) than is available (4.7 GiB)",
    "LMDeploy": "internal error happened, status code ResponseType.INTERNAL_ENGINE_ERROR",
    "Gemini's client": "503 UNAVAILABLE. {'error': {'code': 503, 'message': 'busy', 'status': 'UNAVAILABLE'}}",
    "Google's older client": "429 Resource has been exhausted (e.g. check quota).",
    "Google's deadline": "504 Deadline Exceeded",
    "Bedrock": "An error occurred (ThrottlingException) when calling the Converse operation (reached max retries: 4): Too many",
    "httpx": "Server error '503 Service Unavailable' for url 'http://gpu3:8000/v1/chat/completions'\nFor more information",
    "httpx's time-out": "httpx.ReadTimeout: The read operation timed out",
    "requests' status": "502 Server Error: Bad Gateway for url: http://gpu3:8000/v1/chat/completions",
    "curl": "curl: (7) Failed to connect to localhost port 8000: Connection refused",
    "Node.js": "TypeError: fetch failed",
    "Node.js, no listener": "connect ECONNREFUSED 127.0.0.1:11434",
    "Go": 'Post "http://127.0.0.1:11434/api/chat": dial tcp 127.0.0.1:11434: connect: connection refused',
    "gRPC": "rpc error: code = Unavailable desc = connection error",
    "Triton": "[StatusCode.UNAVAILABLE] failed to connect to all addresses",
    "an ensemble of Triton": "in ensemble 'm', Failed to process the request(s) for model instance 'x_0', message: CUDA",
    "what the openai package says": "Connection error.",
    "an error number": "[Errno 111] Connection refused",
    "an exception of Python": "RuntimeError: Expected all tensors to be on the same device, but found cuda:0 and cpu!",
    "one of a package": "openai.InternalServerError: boom",
    "one that is introduced": "Internal server error: upstream connect error or disconnect/reset before headers. reset reason: x",
    "a body of OpenAI's format": '{"error": {"message": "boom", "type": "internal_error", "param": null, "code": null}}',
    "a body of vLLM": '{"object": "error", "message": "boom", "type": "InternalServerError", "code": 500}',
    "a body of Gemini": '{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}',
    "a body of Anthropic": '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}',
    "a body of FastAPI": '{"detail": "Internal Server Error"}',
    "a body of a gateway": '{"message": "Endpoint request timed out"}',
    "a body of few words": '{"error": "CUDA out of memory. Tried to allocate 20.00 MiB"}',
}

MODELS = {
    "no finding": "Not found.",
    "a word of a status": "Conflict",
    "a number": "500",
    "a report": "FINDINGS: The heart is enlarged. IMPRESSION: Cardiomegaly.",
    "a page of a report": "<html><head><title>Chest X-ray report</title></head><body><h1>Findings</h1>Clear.</body></html>",
    "a page about a number": "<html><head><title>Exam 404: fracture not found</title></head><body></body></html>",
    "a page about a site": CLOUDFLARE.replace("522: Connection timed out", "Reports of site 522"),
    "a page of a model": "<html><body><h1>Error: no image</h1></body></html>",
    "JSON of a report": '{"findings": "Clear lungs.", "impression": "Normal."}',
    "JSON of a refusal": '{"error": "No image was provided, so no report can be written."}',
    "an object of a refusal": '{"error": {"message": "I cannot see an image", "code": "no_image"}}',
    "a detail": '{"detail": "The heart is enlarged."}',
    "a message": '{"message": "No acute disease."}',
    "a report that mentions a code": "502 Bad Gateway is written on the film. The lungs are clear.",
    "a report that mentions memory": "The monitor shows CUDA out of memory; lungs clear.",
    "an error of its own": "Error: no image was given.",
    "a word for one": "ValueError is written on the film: the lungs are clear.",
    "a post": 'Post "biopsy" film: no pneumothorax.',
    "a connection": "connect the tube to the drain. No effusion.",
    "an apology": "I'm sorry, an error occurred while I looked at the image.",
    "a policy": "litellm.ContentPolicyViolationError: the prompt was flagged",
}


@pytest.mark.parametrize("text", SERVERS.values(), ids=SERVERS)
def test_a_text_of_a_server_is_known(text: str) -> None:
    assert server_error(text)
    assert server_error(f"\n  {text}\n")


@pytest.mark.parametrize("text", MODELS.values(), ids=MODELS)
def test_what_a_model_may_have_written_is_left_alone(text: str) -> None:
    assert not server_error(text)


@pytest.mark.parametrize("text", [text for text in SERVERS.values() if text[0] not in '<{"'])
def test_a_report_with_such_words_in_it_is_a_report(text: str) -> None:
    report = f"FINDINGS: The lungs are clear. {text} IMPRESSION: Normal."
    assert not server_error(report)
    assert raw_text.read_cell(report).status == "ok"


def test_every_rule_names_its_source() -> None:
    assert all("/" in rule.source for rule in RULES)


def test_an_error_in_a_file_of_outputs_leaves_its_study_without_a_report(tmp_path: Path) -> None:
    path = tmp_path / "outputs.jsonl"
    reports = {"a": "The lungs are clear.", "b": "no healthy upstream", "c": "error code: 521"}
    path.write_text("\n".join(json.dumps({"id": name, "report": text}) for name, text in reports.items()))
    found = read_predictions(path)
    assert set(found.reports) == {"a"}
    assert [(problem.kind, problem.study, problem.line) for problem in found.problems] == [
        ("error message", "b", 2),
        ("error message", "c", 3),
    ]
    assert all(text.refused.startswith("an error message") for text in list(parse(path))[1:])


def test_an_error_among_texts_given_in_python_is_refused() -> None:
    with pytest.raises(UsageError, match="candidate b: this is an error message"):
        score({"a": "Clear.", "b": "no healthy upstream"}, {"a": "Clear.", "b": "Clear."}, "bleu@raw")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("An unexpected error occurred. Please try again later.", True),
        ("Error: failed to load image chest.png", True),
        ("Sorry, the request timed out.", True),
        ("A time-out was performed before the line was placed.", False),
        ("There is error in positioning of the patient. The lungs are clear.", False),
        ("The lungs are clear.", False),
    ],
)
def test_a_text_that_merely_reads_like_an_error_is_counted_and_kept(text: str, *, seen: bool) -> None:
    found = raw_text.read(text, "findings")
    assert (EVENT in found.events) is seen
    assert found.status in {"ok", "refused"}
