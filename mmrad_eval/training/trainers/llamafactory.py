"""LLaMA-Factory: ``sharegpt`` rows, looks as turns of a tool, pairs with ``ranking``.

Its ``openai`` format adds words to the system message, so it is not used. Human and tool speak at even places, the
model at odd ones; each ``<image>`` is the next of ``images``. A call keeps the words before it where it is written
between ``<tool_call>`` marks. Pictures of a tool are masked; those in the model's own turn would be trained on.
"""

from __future__ import annotations

import json

from mmrad_eval.core.values import Frame
from mmrad_eval.training.budget import word_tokens
from mmrad_eval.training.conversation import Conversation, PreferencePair
from mmrad_eval.training.trainers.trainer import QWEN, QWEN_FILM, Row, Settings, Trainer, qwen_tokens, why_preferred
from mmrad_eval.training.turns import Turn, call, texts, tool, tool_turns

_ROLES = {"user": "human", "call": "function_call", "result": "observation", "assistant": "gpt"}
_TEMPLATE = 8
"""Tokens of the marks around a turn, at most."""
_TOOLS = 160
"""Tokens of the sentences in which a Qwen template announces its tools, at most."""
FILES = {"sft": "train.jsonl", "dpo": "pairs.jsonl"}


def turns_tokens(conversation: Conversation, numbers: Frame) -> int:
    """Tokens of a conversation as turns of a tool, from above."""
    turns = tool_turns(conversation, numbers)
    words = word_tokens(texts(turns)) + word_tokens(json.dumps(tool(numbers)))
    return words + _TOOLS + _TEMPLATE * len(turns) + sum(map(qwen_tokens, conversation.pictures))


def _sft(conversation: Conversation, numbers: Frame) -> dict[str, Row]:
    turns = tool_turns(conversation, numbers)
    row: Row = {
        "id": conversation.id,
        "system": conversation.system,
        "tools": json.dumps([tool(numbers)], ensure_ascii=False) if any(t.role == "call" for t in turns) else "",
        "images": [picture.path for picture in conversation.pictures],
        "conversations": [{"from": _ROLES[t.role], "value": _value(t)} for t in turns if t.role != "system"],
    }
    return {FILES["sft"]: row}


def _value(turn: Turn) -> str:
    if turn.role == "call":
        return f"{turn.text}\n<tool_call>{call(turn)}</tool_call>" if turn.text else call(turn)
    return "<image>" * len(turn.pictures) + turn.text


def _dpo(pair: PreferencePair, _: Frame) -> dict[str, Row]:
    asked = pair.asked
    row: Row = {
        "id": asked.id,
        "system": asked.system,
        "images": [asked.film.path],
        "conversations": [{"from": "human", "value": f"<image>{asked.question}"}],
        "chosen": {"from": "gpt", "value": pair.chosen},
        "rejected": {"from": "gpt", "value": pair.rejected},
        **why_preferred(pair),
    }
    return {FILES["dpo"]: row}


def _beside(settings: Settings) -> dict[str, str]:
    columns = {"messages": "conversations", "images": "images", "system": "system"}
    if settings.form == "sft":
        columns["tools"] = "tools"
    else:
        columns |= {"chosen": "chosen", "rejected": "rejected"}
    entry: Row = {"file_name": FILES[settings.form], "formatting": "sharegpt", "columns": columns}
    if settings.form == "dpo":
        entry["ranking"] = True
    stage = ["stage: sft"] if settings.form == "sft" else ["stage: dpo", "pref_beta: 0.1", "pref_loss: sigmoid"]
    lines = [
        f"model_name_or_path: {QWEN}",
        *stage,
        "do_train: true",
        "finetuning_type: lora",
        "lora_target: all",
        "dataset_dir: .",
        "dataset: mmrad",
        "template: qwen2_vl",
        f"cutoff_len: {settings.budget}",
        "image_max_pixels: 589824",
        "output_dir: out",
        "per_device_train_batch_size: 1",
        "gradient_accumulation_steps: 8",
        "learning_rate: 1.0e-4",
        "num_train_epochs: 3.0",
        "bf16: true",
    ]
    info = json.dumps({"mmrad": entry}, indent=1)
    return {"dataset_info.json": info + "\n", "train.yaml": "\n".join(lines) + "\n"}


def _how(settings: Settings) -> str:
    return f"""\
    llamafactory-cli train train.yaml

run in this folder. What counts in `train.yaml`: `cutoff_len: {settings.budget}`, which no record exceeds
(LLaMA-Factory cuts longer ones in the middle of a picture, without a word), and `image_max_pixels: 589824`, which no
picture exceeds, so that box numbers stay true. `template` is that of Qwen2-VL and Qwen2.5-VL; other models have their
own."""


LLAMAFACTORY = Trainer(
    name="llamafactory",
    made_for="llamafactory 0.9.5",
    frame=QWEN_FILM,
    numbers=QWEN_FILM,
    budget=8192,
    count=turns_tokens,
    rows={"sft": _sft, "dpo": _dpo},
    beside=_beside,
    how=_how,
)
