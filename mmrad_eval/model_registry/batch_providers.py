"""Which provider takes batches, and in which form."""

from __future__ import annotations

from mmrad_eval.core.contracts import Answerer, Client
from mmrad_eval.core.errors import UsageError
from mmrad_eval.model_registry.anthropic import AnthropicClient
from mmrad_eval.model_registry.anthropic_batches import AnthropicBatches
from mmrad_eval.model_registry.batch_forms import BatchForm
from mmrad_eval.model_registry.gemini import GeminiClient
from mmrad_eval.model_registry.gemini_batches import GeminiBatches
from mmrad_eval.model_registry.openai_batches import AzureBatches, OpenAIBatches
from mmrad_eval.model_registry.openai_chat import AzureClient, ChatClient


def form_of(client: Client | Answerer) -> BatchForm:
    """The form of a client's provider; UsageError where it has none that is known here."""
    if isinstance(client, AnthropicClient):
        return AnthropicBatches(client)
    if isinstance(client, GeminiClient):
        return GeminiBatches(client)
    if isinstance(client, AzureClient):
        return AzureBatches(client)
    if type(client) is ChatClient and client.card.provider == "openai":
        return OpenAIBatches(client)
    raise UsageError(f"--batch: {client.card.label} has no batch API that is supported here; openai, azure, "
                     "anthropic and gemini have one")  # fmt: skip
