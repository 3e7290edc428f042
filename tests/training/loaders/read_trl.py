"""Runs in .envs/trl: reads an export with its own train.py and TRL's collators, and prints what came of each record.

python read_trl.py MODEL MAX_LENGTH FORM:FOLDER ...     FORM: sft, dpo, grpo
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": f"{sys.argv[1]}/.datasets"}

import trl
from transformers import AutoProcessor
from trl.chat_template_utils import get_training_chat_template
from trl.data_utils import prepare_multimodal_messages
from trl.trainer.dpo_trainer import DataCollatorForVisionPreference
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

IGNORED = -100
Record = dict[str, Any]


def read(model: str, folder: str, form: str, length: int) -> list[Record]:
    os.chdir(folder)
    script = runpy.run_path("train.py", run_name="train")  # the export's own
    processor = AutoProcessor.from_pretrained(model)
    template = Path(trl.__file__).with_name("chat_templates") / "qwen2_5_vl.jinja"
    processor.chat_template = template.read_text()  # that of the model that train.py names
    image = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    if form == "sft":
        assert "assistant_only_loss=True" in Path("train.py").read_text()
        training = get_training_chat_template(processor)  # as SFTTrainer does for assistant_only_loss
        collate = DataCollatorForVisionLanguageModeling(
            processor, max_length=length, assistant_only_loss=True, chat_template=training
        )
    elif form == "dpo":
        collate = DataCollatorForVisionPreference(processor)
    records = []
    for row in script["dataset"]():
        told: Record = {"id": row.get("id") or row.get("study"), "images": len(row["images"]), "columns": sorted(row)}
        if form == "grpo":
            messages = prepare_multimodal_messages(row["prompt"], row["images"])
            made = processor.apply_chat_template(
                conversation=[messages], add_generation_prompt=True, tokenize=True, return_dict=True
            )
            ids: list[list[int]] = [list(made["input_ids"][0])]
            labels: list[list[int]] = [[]]
            grid = made["image_grid_thw"]
        else:
            made = collate([row])
            ids = made["input_ids"].tolist()
            labels = made["labels"].tolist() if "labels" in made else [[] for _ in ids]
            grid = made["image_grid_thw"]
        told["grids"] = len(grid)
        for side, tokens, learned in zip(("", "rejected_"), ids, labels, strict=False):
            kept = [token for token in learned if token != IGNORED]
            told |= {
                f"{side}tokens": len(tokens),
                f"{side}image_tokens": tokens.count(image),
                f"{side}image_tokens_learned": kept.count(image),
                f"{side}text": processor.tokenizer.decode([token for token in tokens if token != image]),
                f"{side}learned": processor.tokenizer.decode([token for token in kept if token != image]),
            }
        records.append(told)
    return records


if __name__ == "__main__":
    jobs = [word.partition(":")[::2] for word in sys.argv[3:]]
    found = {folder: read(sys.argv[1], folder, form, int(sys.argv[2])) for form, folder in jobs}
    print("RECORDS " + json.dumps(found))  # noqa: T201 - what it is for
