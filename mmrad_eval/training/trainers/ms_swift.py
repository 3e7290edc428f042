"""ms-swift: one turn with ``objects``, whose boxes it converts itself; turns of a tool; pairs; prompts for rewards.

``objects.bbox`` are pixels of the exported film; ``<ref-object>``, ``<bbox>`` and ``<image>`` stand in the words in
the order of their lists. A picture whose mark is missing would be moved to the front, and a mark without a picture
would stay a word, so both are as many. Pictures in the model's turn and in a tool's result carry no loss.
"""

from __future__ import annotations

import json

from mmrad_eval.core.values import Frame
from mmrad_eval.training.budget import word_tokens
from mmrad_eval.training.conversation import Conversation, PreferencePair, RewardedPrompt
from mmrad_eval.training.trainers.llamafactory import turns_tokens
from mmrad_eval.training.trainers.trainer import QWEN, QWEN_FILM, Row, Settings, Trainer, qwen_tokens, why_preferred
from mmrad_eval.training.turns import Turn, call, one_turn, tool, tool_turns

_ROLES = {"system": "system", "user": "user", "call": "tool_call", "result": "tool_response", "assistant": "assistant"}
_BOX = 40
"""Tokens of a box in any of its spellings, at most."""
GROUNDING, TOOLS, PAIRS, PROMPTS = "grounding.jsonl", "tools.jsonl", "pairs.jsonl", "prompts.jsonl"


def _count(conversation: Conversation, numbers: Frame) -> int:
    words = one_turn(conversation, picture=lambda _: "", box=lambda _: "")
    said = word_tokens(f"{conversation.system}\n{conversation.question}\n{words}") + 32
    boxes = _BOX * sum(look.box is not None for look in conversation.looks)
    grounding = said + boxes + sum(map(qwen_tokens, conversation.pictures))
    return max(grounding, turns_tokens(conversation, numbers))


def _sft(conversation: Conversation, numbers: Frame) -> dict[str, Row]:
    return {GROUNDING: _grounding(conversation), TOOLS: _tools(conversation, numbers)}


def _grounding(conversation: Conversation) -> Row:
    boxed = [look for look in conversation.looks if look.box is not None]
    words = one_turn(
        conversation,
        picture=lambda _: "<image>",
        region=lambda look: "<ref-object>" if look.box is not None else look.phrase,
        box=lambda _: "<bbox>",
    )
    row: Row = {"id": conversation.id, "images": [picture.path for picture in conversation.pictures]}
    if boxed:
        row["objects"] = {
            "ref": [look.phrase for look in boxed if look.region],
            "bbox": [[round(v, 2) for v in look.box.xyxy] for look in boxed if look.box is not None],
            "image_id": [0] * len(boxed),
        }
    return {
        **row,
        "messages": [*_asked(conversation), {"role": "assistant", "content": words}],
    }


def _tools(conversation: Conversation, numbers: Frame) -> Row:
    turns = tool_turns(conversation, numbers)
    messages = []
    for turn in turns:
        if turn.role == "call" and turn.text:
            messages.append({"role": "assistant", "content": turn.text + "\n"})
        messages.append({"role": _ROLES[turn.role], "content": _content(turn)})
    row: Row = {"id": conversation.id, "images": [picture.path for picture in conversation.pictures]}
    if any(turn.role == "call" for turn in turns):
        row["tools"] = json.dumps([{"type": "function", "function": tool(numbers)}], ensure_ascii=False)
    return {**row, "messages": messages}


def _content(turn: Turn) -> str:
    return call(turn) if turn.role == "call" else "<image>" * len(turn.pictures) + turn.text


def _asked(conversation: Conversation) -> list[Row]:
    return [
        {"role": "system", "content": conversation.system},
        {"role": "user", "content": f"<image>{conversation.question}"},
    ]


def _dpo(pair: PreferencePair, _: Frame) -> dict[str, Row]:
    row: Row = {
        "id": pair.asked.id,
        "images": [pair.asked.film.path],
        "messages": [*_asked(pair.asked), {"role": "assistant", "content": pair.chosen}],
        "rejected_response": pair.rejected,
        **why_preferred(pair),
    }
    return {PAIRS: row}


def _grpo(prompt: RewardedPrompt, _: Frame) -> dict[str, Row]:
    row: Row = {
        "study": prompt.asked.id,
        "images": [prompt.asked.film.path],
        "messages": _asked(prompt.asked),
        "solution": prompt.reference,
        "facts": list(prompt.facts),
    }
    return {PROMPTS: row}


def _how(settings: Settings) -> str:
    n = settings.budget
    common = f"--max_length {n} --max_pixels 589824 --truncation_strategy delete --load_from_cache_file false"
    command = {
        "sft": f"swift sft --model {QWEN} --dataset {GROUNDING} {common}",
        "dpo": f"swift rlhf --rlhf_type dpo --model {QWEN} --dataset {PAIRS} {common}",
        "grpo": f"swift rlhf --rlhf_type grpo --model {QWEN} --dataset {PROMPTS} {common}"
        " --remove_unused_columns false --external_plugins reward.py --reward_funcs NAME",
    }[settings.form]
    rest = {
        "sft": f"""
`{GROUNDING}` has all looks in one turn, with boxes as `objects` in pixels of the film, which ms-swift converts to what
its model writes. `{TOOLS}` has the same records as calls of a tool with their results, for models that look by calling;
its boxes are words. Train on one of the two.""",
        "dpo": "",
        "grpo": """
A reward gets `solution` (the reference report), `facts` and `study` as keyword lists. `reward.py` is yours.""",
    }[settings.form]
    return f"""\
    {command}

run in this folder. `max_length {n}`, which no record exceeds; a longer one would be skipped. `max_pixels` as here,
so that no picture is resized; `load_from_cache_file false`, as its cache does not notice that a file has changed.
{rest}""".rstrip()


MS_SWIFT = Trainer(
    name="ms-swift",
    made_for="ms-swift 4.6.0",
    frame=QWEN_FILM,
    numbers=QWEN_FILM,
    budget=8192,
    count=_count,
    rows={"sft": _sft, "dpo": _dpo, "grpo": _grpo},
    beside=lambda _: {},
    how=_how,
)
