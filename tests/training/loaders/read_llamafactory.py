"""Runs in .envs/llamafactory: reads an export with LLaMA-Factory's own loader and prints what came of each record.

python read_llamafactory.py MODEL CUTOFF STAGE:FOLDER ...     STAGE: sft, rm
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "DISABLE_VERSION_CHECK": "1"}

from llamafactory.data.loader import get_dataset
from llamafactory.data.template import get_template_and_fix_tokenizer
from llamafactory.hparams import DataArguments, ModelArguments
from transformers import AutoProcessor, Seq2SeqTrainingArguments

IGNORED = -100
Record = dict[str, Any]


def read(model: str, folder: str, stage: str, cutoff: int) -> list[Record]:
    processor = AutoProcessor.from_pretrained(model)
    processor.image_max_pixels, processor.image_min_pixels = 589824, 1024
    tokenizer = processor.tokenizer
    data = DataArguments(
        dataset="mmrad", dataset_dir=folder, template="qwen2_vl", cutoff_len=cutoff, overwrite_cache=True
    )
    template = get_template_and_fix_tokenizer(tokenizer, data)
    training = Seq2SeqTrainingArguments(output_dir=f"{folder}/../.out", report_to=[], use_cpu=True)
    loaded = get_dataset(
        template,
        ModelArguments(model_name_or_path=model),
        data,
        training,
        stage=stage,
        tokenizer=tokenizer,
        processor=processor,
    )["train_dataset"]
    image = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    sides = ("",) if stage == "sft" else ("chosen_", "rejected_")
    return [
        {
            "images": [str(Path(path).resolve()) for path in row["images"]],
            **{
                f"{side}{name}": value
                for side in sides
                for name, value in told(row[f"{side}input_ids"], row[f"{side}labels"], image, tokenizer).items()
            },
        }
        for row in loaded
    ]


def told(ids: list[int], labels: list[int], image: int, tokenizer: Any) -> Record:
    learned = [token for token in labels if token != IGNORED]
    return {
        "tokens": len(ids),
        "image_tokens": ids.count(image),
        "image_tokens_learned": learned.count(image),
        "text": tokenizer.decode([token for token in ids if token != image]),
        "learned": tokenizer.decode([token for token in learned if token != image]),
    }


if __name__ == "__main__":
    jobs = [word.partition(":")[::2] for word in sys.argv[3:]]
    found = {folder: read(sys.argv[1], folder, stage, int(sys.argv[2])) for stage, folder in jobs}
    print("RECORDS " + json.dumps(found))  # noqa: T201 - what it is for
