"""Runs in .envs/ms-swift: reads files of an export with ms-swift's own loader and prints what came of each record.

python read_ms_swift.py MODEL FOLDER MAX_LENGTH MODE:FILE ...     MODE: train, rlhf
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

MODEL, FOLDER = sys.argv[1:3]
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "MODELSCOPE_CACHE": f"{FOLDER}/../.modelscope",
    "HF_DATASETS_CACHE": f"{FOLDER}/../.datasets",
}

from swift.dataset import load_dataset  # noqa: E402 - the settings above come first
from swift.model import get_processor  # noqa: E402
from swift.template import get_template  # noqa: E402

IGNORED = -100
Record = dict[str, Any]


def read(file: str, mode: str, length: int, norm: str | None = None) -> list[Record]:
    processor = get_processor(MODEL, model_type="qwen2_5_vl", download_model=False)
    tokenizer = processor.tokenizer
    image = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    template = get_template(
        processor, template_type="qwen2_5_vl", max_length=length, truncation_strategy="raise", max_pixels=589824,
        norm_bbox=norm, remove_unused_columns=False,
    )  # fmt: skip
    template.image_token_id = image  # the tiny tokenizer counts its own
    template.set_mode(mode)
    path = Path(FOLDER) / file
    os.chdir(path.parent)  # as its README says
    rows, _ = load_dataset(str(path), load_from_cache_file=False, remove_unused_columns=False, strict=True)
    records = []
    for row in rows:
        made = template.encode(dict(row))
        sides = ("",) if mode == "train" else ("chosen_", "rejected_")
        records.append(
            {
                "id": row.get("id") or row.get("study"),
                "columns": sorted(name for name, value in row.items() if value is not None),
                "images": len(row["images"]),
                **{
                    f"{side}{name}": value
                    for side in sides
                    for name, value in told(made[f"{side}input_ids"], made[f"{side}labels"], image, tokenizer).items()
                },
            }
        )
    return records


def told(ids: list[int], labels: list[int] | None, image: int, tokenizer: Any) -> Record:
    learned = [token for token in labels or [] if token != IGNORED]
    return {
        "tokens": len(ids),
        "image_tokens": ids.count(image),
        "image_tokens_learned": learned.count(image),
        "text": tokenizer.decode([token for token in ids if token != image]),
        "learned": tokenizer.decode([token for token in learned if token != image]),
    }


if __name__ == "__main__":
    found = {}
    for word in sys.argv[4:]:
        mode, _, file = word.partition(":")
        name, _, norm = file.partition("@")
        found[file] = read(name, mode, int(sys.argv[3]), norm or None)
    print("RECORDS " + json.dumps(found))  # noqa: T201 - what it is for
