"""Write a tiny vision-language model with random weights: what a real vLLM serves in tests, made without a download.

    .envs/vllm/bin/python tests/model_registry/tiny_vlm.py FOLDER [--seed N] [--adapter FOLDER]

It is a Qwen2.5-VL of two layers (about half a million parameters) with a byte-level tokenizer of 1,024 words. It writes
noise, but it is a true model: image tokens are counted, their order matters, temperature 0 repeats.
"""

from __future__ import annotations

import argparse
import os
import string
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # type: ignore[import-not-found, unused-ignore]  # lives in vLLM's environment
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers  # type: ignore[import-not-found, unused-ignore]  # as above
from transformers import (  # type: ignore[import-not-found, unused-ignore]  # as above
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2TokenizerFast,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

WORDS, POSITIONS = 1024, 8192
PATCH, MERGE = 14, 2
SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content -%}
{% if part.type == 'text' %}{{ part.text }}{% else %}<|vision_start|><|image_pad|><|vision_end|>{% endif %}
{%- endfor %}{% endif %}<|im_end|>
{% endfor -%}
{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
SENTENCES = [
    "The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax is seen.",
    "FINDINGS: IMPRESSION: No acute cardiopulmonary abnormality. Compared with the prior study, unchanged.",
    "First, I need to analyze the lung region. The bounding box of this area is [10, 20, 300, 280].",
    string.printable,
]


def tokenizer() -> Any:
    """A byte-level tokenizer trained on a few sentences."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS - len(SPECIAL), show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    raw.train_from_iterator(SENTENCES * 8, trainer)
    raw.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    plain = PreTrainedTokenizerFast(tokenizer_object=raw)
    words = {word: number for word, number in plain.get_vocab().items() if word not in SPECIAL}
    import json

    merges = [tuple(pair) for pair in json.loads(raw.to_str())["model"]["merges"]]
    made = Qwen2TokenizerFast(
        vocab=words,
        merges=merges,
        unk_token=None,
        bos_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=POSITIONS,
    )
    made.add_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    made.chat_template = TEMPLATE
    return made


def configuration(number: dict[str, int], size: int) -> Any:
    """The smallest shape that vLLM takes."""
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": size,
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": POSITIONS,
            "use_sliding_window": False,
            "max_window_layers": 2,
            "initializer_range": 0.2,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 6, 6]},
            "bos_token_id": number["<|endoftext|>"],
            "eos_token_id": number["<|im_end|>"],
            "pad_token_id": number["<|endoftext|>"],
        },
        vision_config={
            "depth": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 2,
            "in_channels": 3,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
            "window_size": 8 * PATCH,
            "out_hidden_size": 128,
            "fullatt_block_indexes": [1],
            "tokens_per_second": 2,
        },
        image_token_id=number["<|image_pad|>"],
        video_token_id=number["<|video_pad|>"],
        vision_start_token_id=number["<|vision_start|>"],
        vision_end_token_id=number["<|vision_end|>"],
        tie_word_embeddings=False,
    )


def write(folder: Path, seed: int) -> None:
    """Weights, tokenizer and processor, as any model folder has them."""
    words = tokenizer()
    number = {token: words.convert_tokens_to_ids(token) for token in SPECIAL}
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(configuration(number, -(-len(words) // 64) * 64)).float().eval()
    model.generation_config = GenerationConfig(
        bos_token_id=number["<|endoftext|>"],
        pad_token_id=number["<|endoftext|>"],
        eos_token_id=[number["<|im_end|>"], number["<|endoftext|>"]],
        do_sample=False,
    )
    model.save_pretrained(folder)
    side = PATCH * MERGE
    pixels = {"size": {"shortest_edge": 4 * side * side, "longest_edge": 256 * side * side}}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**pixels),
        tokenizer=words,
        video_processor=Qwen2VLVideoProcessor(**pixels),
        chat_template=TEMPLATE,
    )
    processor.save_pretrained(folder)
    words.save_pretrained(folder)


def write_adapter(folder: Path, model: Path, seed: int) -> None:
    """A LoRA adapter of rank 4 on the queries and values of the language model, random and large enough to matter."""
    import json

    from safetensors.torch import save_file  # type: ignore[import-not-found, unused-ignore]  # as above

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    weights = {}
    for layer in range(2):
        for name, width in (("q_proj", 128), ("v_proj", 64)):
            place = f"base_model.model.model.language_model.layers.{layer}.self_attn.{name}"
            weights[f"{place}.lora_A.weight"] = torch.randn(4, 128)
            weights[f"{place}.lora_B.weight"] = torch.randn(width, 4)
    save_file(weights, folder / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(model),
        "r": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["q_proj", "v_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--adapter", type=Path, help="folder for a LoRA adapter of it")
    given = parser.parse_args()
    write(given.folder, given.seed)
    if given.adapter:
        write_adapter(given.adapter, given.folder, given.seed + 1)
