"""TRL: messages whose contents are parts, preference pairs, and prompts for rewards.

A mark in a string would be plain text, and pictures beside strings would all go to the front, so contents are lists of
parts. Pictures in a tool's turn are not counted, and those in a completion are an error: the result of a look goes out
as a turn of the user, between ``<tool_response>`` marks, and preferred answers are words.
"""

from __future__ import annotations

import json

from mmrad_eval.core.values import Frame
from mmrad_eval.training.conversation import Conversation, PreferencePair, RewardedPrompt
from mmrad_eval.training.trainers.llamafactory import turns_tokens
from mmrad_eval.training.trainers.trainer import QWEN, QWEN_FILM, Row, Settings, Trainer, why_preferred
from mmrad_eval.training.turns import Turn, call, tool, tool_turns

FILES = {"sft": "train.jsonl", "dpo": "pairs.jsonl", "grpo": "prompts.jsonl"}
_ROLES = {"system": "system", "user": "user", "call": "assistant", "result": "user", "assistant": "assistant"}
_IMAGE: Row = {"type": "image"}
_TOOL = (
    "To look at a part of the film, write a call between <tool_call> and </tool_call>; what it shows is the next turn. "
    "The tool: "
)


def _sft(conversation: Conversation, numbers: Frame) -> dict[str, Row]:
    turns = tool_turns(conversation, numbers)
    called = any(turn.role == "call" for turn in turns)
    messages = [{"role": _ROLES[turn.role], "content": _parts(turn)} for turn in turns]
    if called:
        messages[0]["content"] = [_words(f"{conversation.system}\n\n{_TOOL}{json.dumps(tool(numbers))}")]
    row: Row = {
        "id": conversation.id,
        "images": [picture.path for picture in conversation.pictures],
        "messages": messages,
    }
    return {FILES["sft"]: row}


def _parts(turn: Turn) -> list[Row]:
    if turn.role == "call":
        before = f"{turn.text}\n" if turn.text else ""
        return [_words(f"{before}<tool_call>\n{call(turn)}\n</tool_call>")]
    pictures = [_IMAGE] * len(turn.pictures)
    if turn.role == "result":
        return [_words("<tool_response>\n"), *pictures, _words("\n</tool_response>")]
    return [*pictures, _words(turn.text)]


def _words(text: str) -> Row:
    return {"type": "text", "text": text}


def _asked(conversation: Conversation) -> list[Row]:
    return [
        {"role": "system", "content": [_words(conversation.system)]},
        {"role": "user", "content": [_IMAGE, _words(conversation.question)]},
    ]


def _dpo(pair: PreferencePair, _: Frame) -> dict[str, Row]:
    row: Row = {
        "id": pair.asked.id,
        "images": [pair.asked.film.path],
        "prompt": _asked(pair.asked),
        "chosen": [{"role": "assistant", "content": [_words(pair.chosen)]}],
        "rejected": [{"role": "assistant", "content": [_words(pair.rejected)]}],
        **why_preferred(pair),
    }
    return {FILES["dpo"]: row}


def _grpo(prompt: RewardedPrompt, _: Frame) -> dict[str, Row]:
    row: Row = {
        "study": prompt.asked.id,
        "images": [prompt.asked.film.path],
        "prompt": [
            {"role": "system", "content": prompt.asked.system},
            {"role": "user", "content": prompt.asked.question},
        ],
        "reference": prompt.reference,
        "facts": list(prompt.facts),
    }
    return {FILES["grpo"]: row}


_SCRIPT = '''\
"""Train on the rows of this folder: python train.py"""

from datasets import Image, List, load_dataset


def dataset():
    """The rows, their pictures opened when they are asked for; paths start from this folder."""
    return load_dataset("json", data_files="{file}", split="train").cast_column("images", List(Image()))


if __name__ == "__main__":
    from peft import LoraConfig
    from trl import {name}Config, {name}Trainer

    {name}Trainer(
        model="{model}",
        args={name}Config(output_dir="out", {arguments}),
        train_dataset=dataset(),
        peft_config=LoraConfig(target_modules="all-linear"),{more}
    ).train()
'''


def _beside(settings: Settings) -> dict[str, str]:
    length = f"max_length={settings.budget}"
    name, arguments, more = {
        "sft": ("SFT", f"{length}, assistant_only_loss=True", ""),
        "dpo": ("DPO", length, ""),
        "grpo": ("GRPO", "max_completion_length=1024", "\n        reward_funcs=[],  # yours"),
    }[settings.form]
    file = FILES[settings.form]
    return {"train.py": _SCRIPT.format(file=file, name=name, model=QWEN, arguments=arguments, more=more)}


def _how(settings: Settings) -> str:
    rest = {
        "sft": """
Without `assistant_only_loss=True` TRL puts loss on every token, the question and the pictures included. It needs a chat
template with `{% generation %}` marks, which TRL brings for Qwen2.5-VL and some others.""",
        "dpo": "",
        "grpo": """
A reward gets `reference` (the reference report), `facts` and `study` as keyword lists; `train.py` names none.""",
    }[settings.form]
    return f"""\
    python train.py

run in this folder, with `peft` beside `trl`. `max_length={settings.budget}`, which no record exceeds: at its default of
1,024 the processor stops with an error at the first long record.
{rest}""".rstrip()


TRL = Trainer(
    name="trl",
    made_for="trl 1.16.0",
    frame=QWEN_FILM,
    numbers=QWEN_FILM,
    budget=8192,
    count=turns_tokens,
    rows={"sft": _sft, "dpo": _dpo, "grpo": _grpo},
    beside=_beside,
    how=_how,
)
