"""The rules by which a rejection counts as the model's doing, for all providers, each with its source.

A structured code where the provider has one; where a server has none, its whole message as its source writes it.
Sources are files of public repositories and pages of documentation as they stood in November 2026.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Cause = Literal["too long", "refusal"]

STATUSES = frozenset({400, 413, 422})
"""HTTP statuses that a rejected input has, unless a rule says otherwise."""

NUMBER, COUNT = r"[\d,]+", r"(?P<context>[\d,]+)"


class CodeRule(NamedTuple):
    """A cause that a field of the error body states."""

    cause: Cause
    server: str
    place: str
    """Names on the way to the field, with dots."""
    code: str
    source: str
    message: str = ""
    """What the message must be as a whole where the code alone has other meanings too."""
    context: str = ""
    """Where the body states the context in tokens."""
    adjustable: bool = False
    """Whether who starts the server sets its context: one that is not told counts as less than the card's."""


class MessageRule(NamedTuple):
    """A cause that a server states in words alone."""

    cause: Cause
    server: str
    message: str
    """Regular expression of the whole message; groups ``context`` and ``answer`` are tokens."""
    source: str
    statuses: frozenset[int] = STATUSES
    adjustable: bool = False
    """As of a code."""


_FLAGGED = (
    r"Invalid prompt: (your prompt was flagged as potentially violating our usage policy\b"
    r"|we've limited access to this content for safety reasons\b).*"
)

CODES: Sequence[CodeRule] = (
    *(
        CodeRule(
            *("too long", "OpenAI, Azure OpenAI and who follows them", place, "context_length_exceeded"),
            source="openai/openai-cookbook examples/How_to_count_tokens_with_tiktoken.ipynb; openai/codex",
        )
        for place in ("error.code", "code")
    ),
    CodeRule(
        *("too long", "GitHub Models and Copilot", "error.code", "model_max_prompt_tokens_exceeded"),
        source="microsoft/vscode-copilot-chat src/platform/networking",
    ),
    CodeRule(
        *("too long", "llama.cpp", "error.type", "exceed_context_size_error"),
        source="ggml-org/llama.cpp tools/server/server-common.cpp, ERROR_TYPE_EXCEED_CONTEXT_SIZE",
        context="error.n_ctx",
        adjustable=True,
    ),
    *(
        CodeRule(
            *("too long", "vLLM", place, code),
            source="vllm-project/vllm vllm/renderers/params.py, VLLMValidationError(parameter=…)",
            message=r".*\b(?:context|model) length\b.*",  # others name a field so that they do not know
            adjustable=True,
        )
        for place in ("error.param", "param")
        for code in ("input_tokens", "input_text")
    ),
    CodeRule(
        *("refusal", "OpenAI, reasoning models", "error.code", "invalid_prompt"),
        source="platform.openai.com/docs/guides/reasoning, advice on prompting",
        message=_FLAGGED,
    ),
    CodeRule(
        *("refusal", "OpenAI, images", "error.code", "content_policy_violation"),
        source="platform.openai.com/docs/guides/image-generation, content moderation",
    ),
    CodeRule(
        *("refusal", "OpenAI, images", "error.code", "moderation_blocked"),
        source="platform.openai.com/docs/guides/image-generation, content moderation",
    ),
    *(
        CodeRule(
            *("refusal", "Azure OpenAI", place, "content_filter"),
            source="learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter, scenario details",
        )
        for place in ("error.code", "code")
    ),
    CodeRule(
        *("refusal", "Azure OpenAI", "error.innererror.code", "ResponsibleAIPolicyViolation"),
        source="learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter, scenario details",
    ),
    CodeRule(
        *("refusal", "Moonshot", "error.type", "content_filter"),
        source="platform.moonshot.ai/docs/api/chat, error reference",
    ),
    *(
        CodeRule(
            *("refusal", "Alibaba Model Studio", place, code),
            source="alibabacloud.com/help/en/model-studio/error-code, 400-DataInspectionFailed",
        )
        for place in ("error.code", "code")
        for code in ("data_inspection_failed", "DataInspectionFailed")
    ),
)

_VLLM = "vllm-project/vllm vllm/renderers/params.py, TokenizeParams"
_REQUESTED = r"(?: \(parameter=\w+, value=\d+\))?"

_LITELLM = r"(?:litellm\.BadRequestError: )?litellm\."
_OF_THE_INPUT = r"(?:BadRequest|ContextWindowExceeded|ContentPolicyViolation)Error"
_LENGTH_WORDS = (
    r"(?i:context[_ ](?:length|window|limit|size)|too long|too many (?:input )?tokens|longer than"
    r"|(?:max(?:imum)?|number of)[ _](?:input )?tokens|input tokens exceed|`inputs` tokens|token (?:count|limit)"
    r"|prompt length|expected a string with maximum length)"
)
_POLICY_WORDS = (
    r"(?i:filter(?:ed|ing)|flagged|blocked|content[_ ]policy|content management policy|usage (?:policy|guidelines)"
    r"|safety|moderat|responsible ?ai|guardrail|prohibited|inappropriate|content exists risk)"
)
"""LiteLLM tells its two errors by words like these in what it wraps; a class given for others proves nothing."""


def _each(words: str) -> str:
    """A look ahead: the words stand in what is said first, and in what each fallback said."""
    return rf"(?=.*{words})(?!.*Error doing the fallback:(?!.*{words}))"


_NO_OTHER = (
    rf"(?!.*(?:litellm\.(?!{_OF_THE_INPUT}\b)\w+Error|(?:RateLimit|ServiceUnavailable|Timeout|APIConnection)Error))"
)
"""Beside another error of LiteLLM's, of a fallback say, nobody can tell which of them the study met."""

MESSAGES: Sequence[MessageRule] = (
    MessageRule(
        "too long",
        "OpenAI before its codes, vLLM to 0.10, and who follows them",
        rf"This model's maximum context length is {COUNT} tokens\. However, "
        rf"(?:your messages resulted in {NUMBER} tokens(?: \({NUMBER} in the messages, {NUMBER} in the functions\))?"
        rf"|you requested {NUMBER} tokens \({NUMBER} in (?:the messages|your prompt)[,;] (?P<answer>{NUMBER}) "
        rf"(?:in|for) the completion\)|your request has {NUMBER} input tokens)\. "
        r"Please reduce (?:the length of )?(?:the|your) (?:input )?(?:messages|prompt)"
        r"(?: or completion| or functions|; or completion length)?\.",
        "vllm-project/vllm v0.10.0 vllm/entrypoints/openai/serving_engine.py; openai-cookbook, tokens",
    ),
    MessageRule(
        "too long",
        "vLLM",
        rf"This model's maximum context length is {COUNT} tokens\. However, you requested (?P<answer>{NUMBER}) "
        rf"output "
        rf"tokens and your prompt contains (?:at least )?{NUMBER} (?:input tokens|characters \(more than {NUMBER} "
        rf"characters, which is the upper bound for {NUMBER} input tokens\))(?:, for a total of (?:at least "
        rf")?{NUMBER} "
        rf"tokens(?: \({NUMBER} \+ {NUMBER} = {NUMBER} > {NUMBER}\))?)?\. Please reduce the length of the "
        rf"input prompt or "
        rf"the number of requested output tokens\.{_REQUESTED}",
        _VLLM,
    ),
    MessageRule(
        "too long",
        "vLLM",
        rf"You passed {NUMBER} input (?:tokens|characters) and requested (?P<answer>{NUMBER}) output tokens\. "
        rf"However, the "
        rf"model's context length is only {COUNT} tokens, resulting in a maximum input length of {NUMBER} "
        rf"(?:tokens|characters)[^.]*\. Please reduce the length of the input prompt\.{_REQUESTED}",
        _VLLM,
    ),
    MessageRule(
        "too long",
        "vLLM 0.8 to 0.11",
        rf"'max_tokens' or 'max_completion_tokens' is too large: (?P<answer>{NUMBER})\. This model's maximum context "
        rf"length is {COUNT} tokens and your request has {NUMBER} input tokens \({NUMBER} > {NUMBER} - {NUMBER}\)\."
        r"(?: None)?",
        "vllm-project/vllm v0.10.0 vllm/entrypoints/openai/serving_engine.py, _validate_input",
    ),
    MessageRule(
        "too long",
        "vLLM, prompts with images",
        rf"The (?:decoder |encoder )?prompt \((?:total )?length {NUMBER}\) is (?:longer than the maximum model "
        rf"length of|"
        rf"too long to fit into the model \(context length) {COUNT}\)?\. Make sure that `max_model_len` is no "
        rf"smaller "
        r"than the number of text tokens(?: plus multimodal tokens\. For image inputs, the number of image "
        r"tokens depends "
        r"on the number of images, and possibly their aspect ratios as well)?\.",
        "vllm-project/vllm vllm/v1/engine/processor.py, _validate_model_input",
    ),
    MessageRule(
        "too long",
        "vLLM's Rust front end",
        rf"[Tt]his model's maximum context length is {COUNT} tokens, but the prompt contains {NUMBER} input tokens",
        "vllm-project/vllm rust frontend, chat error PromptTooLong",
    ),
    MessageRule(
        "too long",
        "SGLang, and Together, which serves by it",
        rf"The input \({NUMBER} tokens\) is longer than the model's context length \({COUNT} tokens\)\.",
        "sgl-project/sglang python/sglang/srt/managers/tokenizer_manager.py, _validate_one_request",
    ),
    MessageRule(
        "too long",
        "SGLang",
        rf"Requested token count exceeds the model's maximum context length of {COUNT} tokens\. You requested "
        rf"a total of "
        rf"{NUMBER} tokens: {NUMBER} tokens from the input messages and (?P<answer>{NUMBER}) tokens for the "
        rf"completion\. "
        r"Please reduce the number of tokens in the input messages or the completion to fit within the limit\.",
        "sgl-project/sglang python/sglang/srt/managers/tokenizer_manager.py, _validate_one_request",
    ),
    MessageRule(
        "too long",
        "text-generation-inference, and Together, which followed it",
        rf"(?:Input validation error: )?`inputs` tokens \+ `max_new_tokens` must be <= {COUNT}\. Given: "
        rf"{NUMBER} `inputs` "
        rf"tokens and (?P<answer>{NUMBER}) `max_new_tokens`",
        "huggingface/text-generation-inference router/src/validation.rs, MaxTotalTokens",
    ),
    MessageRule(
        "too long",
        "text-generation-inference",
        rf"(?:Input validation error: )?`inputs` must have less than {COUNT} tokens\. Given: {NUMBER}",
        "huggingface/text-generation-inference router/src/validation.rs, InputLength",
    ),
    MessageRule(
        "too long",
        "llama.cpp",
        rf"request \({NUMBER} tokens\) exceeds the available context size \({COUNT} tokens\), try increasing it",
        "ggml-org/llama.cpp tools/server/server-context.cpp",
    ),
    MessageRule(
        "too long",
        "llama.cpp before its type of error",
        r"the request exceeds the available context size(?:, try increasing it|\. try increasing the context size or "
        r"enable context shift)",
        "ggml-org/llama.cpp tools/server/server.cpp, 2025",
        adjustable=True,
    ),
    MessageRule(
        "too long",
        "Ollama",
        rf"(?:the input length exceeds the context length|prompt too long; exceeded max context length by "
        rf"{NUMBER} tokens)"
        r"(?: \(ref: [\w-]+\))?",
        "ollama/ollama server/routes.go and runner/ollamarunner/runner.go",
        adjustable=True,
    ),
    MessageRule(
        "too long",
        "OpenRouter",
        rf"This endpoint's maximum context length is {COUNT} tokens\. However, you requested about {NUMBER} tokens "
        rf"\({NUMBER} of text input(?:, {NUMBER} of (?:image|tool) input)*(?:, (?P<answer>{NUMBER}) in the "
        rf"output)?\)\. "
        r"Please reduce the length of either one, or use the .{1,60} to compress your prompt automatically\.",
        "openrouter.ai/docs/guides/features/message-transforms; replies as published in public issues",
    ),
    MessageRule(
        "too long",
        "Anthropic",
        rf"prompt is too long: {NUMBER} tokens > {COUNT} maximum",
        "platform.claude.com/docs/en/api/errors; anthropics/claude-code issues",
    ),
    MessageRule(
        "too long",
        "Anthropic",
        rf"input length and `max_tokens` exceed context limit: {NUMBER} \+ (?P<answer>{NUMBER}) > {COUNT}, "
        rf"decrease input "
        r"length or `max_tokens` and try again",
        "platform.claude.com/docs/en/build-with-claude/context-windows",
    ),
    MessageRule(
        "too long",
        "Gemini",
        rf"The input token count (?:\({NUMBER}\) )?exceeds the maximum number of tokens allowed \(?{COUNT}\)?\.",
        "googleapis/python-genai issues; BerriAI/litellm litellm/litellm_core_utils/exception_mapping_utils.py",
    ),
    MessageRule(
        "too long",
        "Amazon Bedrock",
        r"(?:ValidationException: |An error occurred \(ValidationException\) when calling the \w+ operation: )?"
        r"(?:The model returned the following errors: )?Input is too long for requested model\.?",
        "BerriAI/litellm litellm/litellm_core_utils/exception_mapping_utils.py; boto/botocore botocore/exceptions.py, "
        "ClientError; aws-samples/bedrock-chat issue 95",
    ),
    MessageRule(
        "too long",
        "Mistral",
        rf"Prompt contains {NUMBER} tokens(?: and {NUMBER} (?:draft tokens|images))?,? too large for model "
        rf"with {COUNT} "
        r"maximum context length",
        "mistralai client issues",
    ),
    MessageRule(
        "too long",
        "xAI",
        rf"This model's maximum prompt length is {COUNT} but the request contains {NUMBER} tokens\.?",
        "sst/opencode and badlogic/pi-mono, overflow patterns",
    ),
    MessageRule(
        "too long",
        "Moonshot",
        rf"(?:Invalid request: )?Your request exceeded model token limit: {COUNT}(?: \(requested: {NUMBER}\))?",
        "platform.moonshot.ai/docs/api/chat, error reference",
    ),
    MessageRule(
        "too long",
        "Alibaba Model Studio",
        rf"(?:<\d+> \S+: )?(?:InternalError\.Algo\.InvalidParameter: )?Range of input length should be \[1, "
        rf"{COUNT}\]",
        "alibabacloud.com/help/en/model-studio/error-code, 400-InvalidParameter",
    ),
    MessageRule(
        "too long",
        "LM Studio",
        rf"Trying to keep the first {NUMBER} tokens when context the overflows\. However, the model is loaded with "
        rf"context length of only {COUNT} tokens, which is not enough\. Try to load the model with a larger context "
        r"length, or provide a shorter input\.?(?: Error Data: n/a, Additional Data: n/a)?",
        "lmstudio-ai/lmstudio-bug-tracker issues 237 and 546; dyad-sh/dyad issue 925",
    ),
    MessageRule(
        "too long",
        "LiteLLM",
        rf"{_LITELLM}ContextWindowExceededError: {_NO_OTHER}{_each(_LENGTH_WORDS)}.+",
        "BerriAI/litellm litellm/exceptions.py; issue 7259",
    ),
    MessageRule(
        "refusal",
        "LiteLLM",
        rf"{_LITELLM}ContentPolicyViolationError: {_NO_OTHER}{_each(_POLICY_WORDS)}.+",
        "BerriAI/litellm litellm/exceptions.py; pull request 16231",
    ),
    MessageRule(
        "refusal",
        "xAI",
        r"Content violates usage guidelines\. .*Failed check: SAFETY_CHECK_TYPE_\w+\.?",
        "UKGovernmentBEIS/inspect_ai pull request 2267; stanford-crfm/helm pull request 3770",
        statuses=STATUSES | {403},
    ),
    MessageRule(
        "refusal",
        "Anthropic",
        r"Output blocked by content filtering policy",
        "support.claude.com/en/articles/10023638",
    ),
    MessageRule("refusal", "DeepSeek", r"Content Exists Risk", "deepseek-ai/DeepSeek-V3 issues"),
)
