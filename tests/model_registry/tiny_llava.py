"""Write a tiny LLaVA with random weights (CLIP and Llama), as a second make of model beside `tiny_vlm.py`.

.envs/trl/bin/python -m tests.model_registry.tiny_llava FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch  # type: ignore[import-not-found, unused-ignore]  # lives in a trainer's environment
from transformers import (  # type: ignore[import-not-found, unused-ignore]  # as above
    CLIPImageProcessor,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

from tests.model_registry.tiny_vlm import POSITIONS, tokenizer

SIDE, PATCH = 56, 14
TEMPLATE = """\
{%- for message in messages -%}
{{ message.role | upper }}: {% if message.content is string %}{{ message.content }}{% else %}
{%- for part in message.content %}{% if part.type == 'text' %}{{ part.text }}{% else %}<image>{% endif %}{% endfor %}
{%- endif %}
{% endfor -%}
{% if add_generation_prompt %}ASSISTANT:{% endif %}"""


def write(folder: Path, seed: int) -> None:
    """Weights, tokenizer and processor."""
    words = tokenizer()
    words.add_tokens(["<image>"], special_tokens=True)
    words.chat_template = TEMPLATE
    image, end, pad = (words.convert_tokens_to_ids(token) for token in ("<image>", "<|im_end|>", "<|endoftext|>"))
    torch.manual_seed(seed)
    text = LlamaConfig(
        vocab_size=-(-len(words) // 64) * 64,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=POSITIONS,
        initializer_range=0.2,
        pad_token_id=pad,
    )
    seen = CLIPVisionConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=PATCH,
        initializer_range=0.2,
    )
    model = LlavaForConditionalGeneration(LlavaConfig(vision_config=seen, text_config=text, image_token_id=image))
    model = model.float().eval()
    model.generation_config = GenerationConfig(pad_token_id=pad, eos_token_id=end)
    model.save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    LlavaProcessor(
        image_processor=CLIPImageProcessor(size=size, crop_size=size),
        tokenizer=words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        image_token="<image>",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    ).save_pretrained(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]), 1)
