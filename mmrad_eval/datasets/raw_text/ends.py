"""How a reply ended, in the words of providers, engines and routers: one vocabulary for every format and file.

Routers map what they don't know to ``stop`` and keep the host's own word in a field of their own (LiteLLM:
docs.litellm.ai/docs/completion/output, "native finish reason"; OpenRouter: openrouter.ai, "standardized finish
reasons"). So a reply is whole only if each word about its end says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

Finished = Literal["stop", "length", "refusal", "too long"]
End = Finished | Literal["failure", "unknown"]
"""What a word says of an end; ``failure``: neither the model's own end nor a policy. ``unknown``: no word of ours."""

_FAILED_ENDS = frozenset(
    (
        *("error", "abort", "aborted", "cancelled", "canceled", "failed", "timeout"),  # vLLM, SGLang, OpenRouter
        "network_error",  # docs.z.ai/api-reference/llm/chat-completion
        "insufficient_system_resource",  # api-docs.deepseek.com/api/create-chat-completion
        *("time_limit", "not_finished"),  # ibm.github.io/watsonx-ai-node-sdk, TextGenResult
        *("user_stopped", "model_unloaded"),  # LM Studio: lmstudio.ai/docs, LLMPredictionStopReason
        *("load", "unload"),  # ollama/ollama server/routes.go: the model was loaded, or unloaded, and asked nothing
        # ai.google.dev/api/generate-content, FinishReason
        *("malformed_response", "malformed_function_call", "unexpected_tool_call", "too_many_tool_calls", "other"),
        *("image_other", "no_image", "pup_limited_disabled", "finish_reason_unspecified"),
        *("malformed_model_output", "malformed_tool_use"),  # docs.aws.amazon.com/bedrock, API_runtime_Converse
        *("error_limit", "user_cancel"),  # docs.oracle.com, CohereChatResponse
        *("pause_turn", "in_progress", "queued", "incomplete"),  # a later reply continues this one, or none does
    )
)
"""How a reply ends that its server did not finish: neither the model's own end nor a policy."""
_KNOWN: Mapping[str, End] = {
    **dict.fromkeys(_FAILED_ENDS, "failure"),
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens", "continuation"), "length"),
    **dict.fromkeys(("max_new_tokens", "max_completion_tokens", "max_length", "token_limit", "limit"), "length"),
    **dict.fromkeys(("max_predicted_tokens_reached", "context_length_reached"), "length"),  # LM Studio
    **dict.fromkeys(("content_filter", "refusal", "safety", "recitation", "language", "blocklist"), "refusal"),
    **dict.fromkeys(("prohibited_content", "spii", "image_safety", "image_prohibited_content"), "refusal"),
    **dict.fromkeys(("image_recitation", "model_armor", "escalation", "guardrail_intervened"), "refusal"),
    **dict.fromkeys(("content_filtered", "sensitive", "error_toxic"), "refusal"),  # Bedrock, docs.z.ai, Cohere
    "model_context_window_exceeded": "too long",
}
"""Words that mean one thing wherever they stand, in small letters and with one underline between two words."""
_WHOLE = frozenset(
    (
        *("stop", "stopped", "eos", "eog", "eot", "end", "complete", "completed", "finish", "finished", "done"),
        *("success", "successful", "tool", "tools", "function", "natural", "normal", "word"),
    )
)
"""Words of which one is in every known name of a whole reply's end: ``eos_token``, ``end_turn``, ``eosFound``."""
_BROKEN = re.compile(
    "abort|cancel|crash|disconnect|err(ors?)?$|evict|except|exhaust|expire|fail|incomplete|insufficient|interrupt|invalid"
    "|kill|lost|malform|missing|network|not?$|other|overload|partial|paus|preempt|quota|shut|time|throttl|un(avail"
    "|expect|finish|known|load|spec)|user"
)
"""How words begin that say of an end that it was none of the model's."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAME = re.compile(r"[A-Za-z]+(?:[ ._:/-]?[A-Za-z0-9]+)*")
_SPECIAL = re.compile(r"<.*>|\[.*\]", re.DOTALL)
"""A token that ends a turn (``<|im_end|>``, ``</s>``), which some engines name as the reason."""


def meaning(word: str) -> End:
    """What a word says of a reply's end, whatever its spelling: ``MAX_TOKENS``, ``max-tokens``, ``maxTokens``."""
    plain = _plain(word)
    if known := _KNOWN.get(plain.removeprefix("finish_reason_").removeprefix("stop_reason_")):
        return known
    words = plain.split("_")
    if any(map(_BROKEN.match, words)):
        return "failure"
    return "stop" if _SPECIAL.fullmatch(word) or not _WHOLE.isdisjoint(words) else "unknown"


def _plain(word: str) -> str:
    """The word in small letters, with one underline between two of its parts; empty where it is more than a name."""
    return "_".join(_WORD.findall(word)).lower() if _NAME.fullmatch(word) else ""


def end_beside(body: Any, choice: Any = None) -> tuple[Finished, str]:
    """The end that fields beside ``finish_reason`` name, and in which word; ``stop`` where none names another.

    ``choice``: the one of the body's choices that is read. Failures are those of ``failed_end``.
    """
    found = _found(body, choice)
    finishes: tuple[Finished, ...] = ("refusal", "too long", "length")
    return next(((finish, found[finish]) for finish in finishes if finish in found), ("stop", ""))


def failed_end(body: Any, choice: Any = None) -> str:
    """The word by which a field beside ``finish_reason`` says that the server did not finish the reply; mostly empty.

    A host's own word that is not known counts as such, as it does in ``finish_reason``: that a router calls it ``stop``
    tells nothing.
    """
    found = _found(body, choice)
    cut = _at(body, "truncated") is True or _at(body, "__verbose", "truncated") is True  # llama.cpp shifted its context
    shifted = "truncated: true" if cut and _at(choice, "finish_reason") == "stop" else ""
    return found.get("failure") or found.get("unknown") or shifted


def _found(body: Any, choice: Any) -> Mapping[End, str]:
    found: dict[End, str] = {}
    for word in _own_words(body, choice):
        found.setdefault(meaning(word), word)
    for word in _maybe_words(body, choice):
        if end := _KNOWN.get(_plain(word)):
            found.setdefault(end, word)
    return found


def _own_words(body: Any, choice: Any) -> Iterator[str]:
    """Fields that hold the host's own word for the end and nothing else."""
    kept = "provider_specific_fields"  # LiteLLM, of a choice and of a message
    places = (
        _at(choice, "native_finish_reason"),  # OpenRouter
        _at(choice, kept, "native_finish_reason"),
        _at(choice, "message", kept, "native_finish_reason"),
        _at(body, kept, "native_finish_reason"),
        _at(body, "native_finish_reason"),
        _at(choice, "meta_info", "finish_reason"),  # SGLang: an object whose type is the word
        _at(choice, "finish_details"),  # OpenAI's first vision models: an object as well
        _at(body, "incomplete_details", "reason"),  # OpenAI's Responses, bridged
        _at(body, "stats", "stop_reason"),  # LM Studio
        _at(body, "done_reason"),  # Ollama
        _at(body, "__verbose", "stop_type"),  # llama.cpp
        *((_at(choice, "finishReason"), _at(body, "stopReason")) if _at(choice, "message") else ()),  # proxies
    )
    for place in places:
        word = place.get("type") if isinstance(place, Mapping) else place
        if isinstance(word, str) and word:
            yield word


def _maybe_words(body: Any, choice: Any) -> Iterator[str]:
    """Fields that hold such a word or something else: a stop sequence (vLLM, SGLang), the state of a job."""
    places = [_at(choice, "stop_reason"), _at(choice, "matched_stop")]
    if _at(choice, "message"):
        places += (_at(body, "stop_reason"), None if _at(body, "incomplete_details") else _at(body, "status"))
    yield from (place for place in places if isinstance(place, str))


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
