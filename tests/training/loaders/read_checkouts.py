"""Runs in .envs/trl: reads exports with the loaders of Bagel-Zebra-CoT and of the authors' Anole code, from checkouts.

python read_checkouts.py MODEL zebra CHECKOUT FOLDER
python read_checkouts.py MODEL anole CHECKOUT FILE         a file of token lines
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Record = dict[str, Any]
IGNORED = -100


def zebra(model: str, folder: Path) -> list[Record]:
    from data.interleave_datasets import ThinkTraceJSONLIterableDataset
    from data.transforms import ImageTransform
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    sizes = {"max_image_size": 512, "min_image_size": 512}  # as think_trace.yaml of the export has them
    assert all(f"{name}: {value}" in (folder / "think_trace.yaml").read_text() for name, value in sizes.items())
    loader = ThinkTraceJSONLIterableDataset(
        "think_trace",
        ImageTransform(image_stride=16, **sizes),
        tokenizer,
        ImageTransform(image_stride=14, **sizes),
        [str(folder / "train.jsonl")],
        [str(folder)],
        [None],
        shuffle_lines=False,
        image_prefix_dir=str(folder),
    )
    records = []
    for line in (folder / "train.jsonl").read_text().splitlines():
        made = loader.parse_row(line)
        texts = [tokenizer.decode(ids) for ids in made.get("text_ids_list", [])]
        records.append(
            {
                "plan": [(step["type"], step["loss"]) for step in made.get("sequence_plan", [])],
                "texts": texts,
                "tokens": made.get("num_tokens", 0),
                "word_tokens": sum(map(len, made.get("text_ids_list", []))),
            }
        )
    return records


def anole(file: str) -> list[Record]:
    from custom_datasets import InterleavedDataset

    kept = InterleavedDataset(file)
    return [
        {"tokens": len(item["input_ids"]), "learned": int((item["labels"] != IGNORED).sum())}
        for item in (kept[i] for i in range(len(kept)))
    ]


if __name__ == "__main__":
    model, name, checkout, place = sys.argv[1:]
    sys.path.insert(0, checkout if name == "zebra" else f"{checkout}/training")
    found = zebra(model, Path(place)) if name == "zebra" else anole(place)
    print("RECORDS " + json.dumps(found))  # noqa: T201 - what it is for
