"""Files of batch endpoints and of other harnesses: report, status and trace as a reply with the same words is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.values import Answer, Reply
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.tasks.answers import read_answer

REPORT, THOUGHT = "FINDINGS: The lungs are clear.\nIMPRESSION: Normal.", "I look at the lungs. A mass? No."
INLINE = f"<think>{THOUGHT}</think>\n{REPORT}"


def openai(content: Any, finish: str = "stop", **message: Any) -> dict[str, Any]:
    body = {"choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}]}
    return {"custom_id": "s1", "response": {"status_code": 200, "body": body}, "error": None}


def anthropic(*blocks: Mapping[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    message = {"role": "assistant", "content": list(blocks), "stop_reason": stop}
    return {"custom_id": "s1", "result": {"type": "succeeded", "message": message}}


def gemini(*parts: Mapping[str, Any], finish: str = "STOP") -> dict[str, Any]:
    return {"key": "s1", "response": {"candidates": [{"content": {"parts": list(parts)}, "finishReason": finish}]}}


def bedrock(*blocks: Mapping[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    return {"recordId": "s1", "modelOutput": {"content": list(blocks), "stop_reason": stop}}


def responses(*items: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"custom_id": "s1", "response": {"status_code": 200, "body": {"output": list(items), **fields}}}


SAID = {"type": "message", "content": [{"type": "output_text", "text": REPORT}]}
MULLED = {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]}
TEXT, THINKING = {"type": "text", "text": REPORT}, {"type": "thinking", "thinking": THOUGHT}
LINES: Mapping[str, tuple[dict[str, Any], Reply]] = {
    "chat": (openai(REPORT), Reply(REPORT)),
    "chat, a thought in the text": (openai(INLINE), Reply(INLINE)),
    "chat, a thought beside it": (openai(REPORT, reasoning_content=THOUGHT), Reply(REPORT, reasoning=THOUGHT)),
    "chat, cut": (openai(REPORT, "length"), Reply(REPORT, "length", "length")),
    "chat, filtered": (openai("", "content_filter"), Reply("", "refusal", "content_filter")),
    "chat, refused": (openai(None, refusal="I can't."), Reply("I can't.", "refusal", "I can't.")),
    "chat, a refusal in words": (openai("I can't read X-rays."), Reply("I can't read X-rays.")),
    "chat, a thought alone": (openai(None, reasoning=THOUGHT), Reply("", reasoning=THOUGHT)),
    "responses": (responses(MULLED, SAID), Reply(REPORT, reasoning=THOUGHT)),
    "responses, cut": (
        responses(SAID, status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        Reply(REPORT, "length", "max_output_tokens"),
    ),
    "anthropic": (anthropic(THINKING, TEXT), Reply(REPORT, reasoning=THOUGHT)),
    "anthropic, cut": (anthropic(TEXT, stop="max_tokens"), Reply(REPORT, "length", "max_tokens")),
    "anthropic, refused": (anthropic(stop="refusal"), Reply("", "refusal", "refusal")),
    "gemini": (gemini({"text": THOUGHT, "thought": True}, {"text": REPORT}), Reply(REPORT, reasoning=THOUGHT)),
    "gemini, a thought in the text": (gemini({"text": INLINE}), Reply(INLINE)),
    "gemini, cut": (gemini({"text": REPORT}, finish="MAX_TOKENS"), Reply(REPORT, "length", "MAX_TOKENS")),
    "gemini, for safety": (gemini(finish="SAFETY"), Reply("", "refusal", "SAFETY")),
    "gemini, the prompt blocked": (
        {"key": "s1", "response": {"promptFeedback": {"blockReason": "SAFETY"}}},
        Reply("", "refusal", "SAFETY"),
    ),
    "bedrock": (bedrock(THINKING, TEXT), Reply(REPORT, reasoning=THOUGHT)),
}


def _said(body: dict[str, Any]) -> dict[str, Any]:
    """A line of OpenAI's form whose request got this body with status 200."""
    return {"custom_id": "s2", "response": {"status_code": 200, "body": body}, "error": None}


def _read(path: Path, *lines: Mapping[str, Any]) -> Answer | None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return read_predictions(path).answer("s1")


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_a_batch_is_read_as_the_reply_that_it_holds(tmp_path: Path, name: str) -> None:
    line, reply = LINES[name]
    expected = read_answer(reply, "findings")

    answer = _read(tmp_path / "batch.jsonl", line)

    assert answer is not None
    assert (answer.status, answer.report, answer.events) == (expected.status, expected.report, expected.events)
    assert (answer.trace and answer.trace.text) == (expected.trace and expected.trace.text)


@pytest.mark.parametrize(
    "line",
    [
        {"custom_id": "s2", "response": {"status_code": 500, "body": {}}, "error": None},
        {"custom_id": "s2", "response": None, "error": {"code": "batch_expired"}},
        {"custom_id": "s2", "result": {"type": "errored", "error": {"type": "overloaded_error"}}},
        {"key": "s2", "error": {"code": 429, "message": "Resource exhausted"}},
        {"key": "s2", "response": {"candidates": [{"finishReason": "MALFORMED_RESPONSE"}]}},
        {"key": "s2", "response": {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}},
        {"key": "s2", "response": {"candidates": [{"finishReason": "OTHER"}]}},
        {"key": "s2", "response": {"promptFeedback": {"blockReason": "OTHER"}}},
        {"recordId": "s2", "error": {"errorCode": 400}},
        _said({"status": "failed", "error": {"code": "server_error", "message": "boom"}, "output": []}),
        _said({"choices": [{"message": {"content": ""}, "finish_reason": "network_error"}]}),
        _said({"choices": [{"message": {"content": ""}, "finish_reason": "stop"}], "base_resp": {"status_code": 1013}}),
        _said({"choices": [{"message": {"content": "The"}, "finish_reason": "stop", "error": {"code": 502}}]}),
        _said({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "content": []}),
    ],
)
def test_a_request_that_failed_stays_pending(tmp_path: Path, line: dict[str, Any]) -> None:
    good = gemini({"text": REPORT}) if "key" in line else bedrock(TEXT) if "recordId" in line else openai(REPORT)
    path = tmp_path / "batch.jsonl"
    path.write_text(f"{json.dumps(good)}\n{json.dumps(line)}\n", encoding="utf-8")

    read = read_predictions(path)

    assert list(read.reports) == ["s1"]
    assert [(problem.kind, problem.study) for problem in read.problems] == [("failed request", "s2")]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("lmms-eval", {"doc_id": 0, "doc": {"study_id": "s1"}, "resps": [[INLINE]], "filtered_resps": [REPORT]}),
        ("lm-eval", {"doc_id": 0, "doc": {"id": "s1"}, "resps": [[INLINE]], "filtered_resps": [INLINE]}),
        ("ms-swift", {"id": "s1", "response": INLINE, "labels": "Small effusion."}),
        ("LLaVA", {"question_id": "s1", "prompt": "Write.", "text": INLINE, "model_id": "m"}),
        ("VLMEvalKit", {"index": "s1", "question": "Write.", "answer": "Small effusion.", "prediction": INLINE}),
    ],
)
def test_a_file_of_a_harness_is_read_as_the_reply_that_it_holds(
    tmp_path: Path, name: str, rows: dict[str, Any]
) -> None:
    expected = read_answer(Reply(INLINE), "findings")
    answer = _read(tmp_path / f"{name}.jsonl", rows)
    assert answer is not None
    assert (answer.status, answer.report) == (expected.status, expected.report)
    assert answer.trace is not None
    assert answer.trace.text == (expected.trace and expected.trace.text)
