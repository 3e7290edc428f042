"""Bagel-Zebra-CoT: rows of Zebra-CoT as its trainer reads them, pictures by column, paths under a prefix.

The film is shown only where the question has its mark; one missing picture drops the row. The trainer takes out
``THOUGHT n:`` and makes the words between two pictures one thought. Loss lies on the words after the question and on
each picture of the trace.
"""

from __future__ import annotations

import math

from mmrad_eval.core.values import Frame
from mmrad_eval.traces import zebra
from mmrad_eval.training.budget import word_tokens
from mmrad_eval.training.conversation import Conversation, ExportLook, ExportPicture
from mmrad_eval.training.drafts import Unfit
from mmrad_eval.training.trainers.trainer import Row, Settings, Trainer
from mmrad_eval.training.turns import ORDINALS

FILE, CONFIG = "train.jsonl", "think_trace.yaml"
SIDE = 512
_INSTRUCTION = 120
"""Tokens of what the trainer says before every question, about."""


def _mark(column: str) -> str:
    return f"<image_start>[{column}]<image_end>"


def _row(conversation: Conversation) -> Row:
    pictures: dict[str, str] = {"problem_image_1": conversation.film.path}
    thoughts = []
    for number, look in enumerate(conversation.looks, 1):
        words = [f"THOUGHT {number}:", *_announced(number, look)]
        if look.picture is not None:
            column = f"reasoning_image_{len(pictures)}"
            pictures[column] = look.picture.path
            words.append(_mark(column))
        thoughts.append(" ".join([*words, *filter(None, [look.text])]))
    return {
        "id": conversation.id,
        zebra.QUESTION: f"{conversation.question} {_mark('problem_image_1')}",
        zebra.TRACE: "\n\n".join(thoughts),
        zebra.ANSWER: conversation.report,
        **pictures,
    }


def _announced(number: int, look: ExportLook) -> list[str]:
    ordinal = ORDINALS[number - 1] if number <= len(ORDINALS) else "Next"
    region = [f"{ordinal}, I look at {look.phrase}."] if look.region else []
    return region + ([f"The box is {look.numbers}."] if look.numbers else [])


def _side(size: tuple[int, int], stride: int) -> int:
    """Patches of a picture whose longest side is scaled to ``SIDE``, from above."""
    scale = SIDE / max(size)
    return math.ceil(size[0] * scale / stride) * math.ceil(size[1] * scale / stride)


def _painted(picture: ExportPicture) -> int:
    """Tokens of a picture of the trace: painted, given to the painter again, and seen."""
    return 2 * _side(picture.size, 16) + _side(picture.size, 14)


def _count(conversation: Conversation, _: Frame) -> int:
    row = _row(conversation)
    words = word_tokens("\n".join((row[zebra.QUESTION], row[zebra.TRACE], row[zebra.ANSWER])))
    pictures = _side(conversation.film.size, 14) + sum(map(_painted, conversation.pictures[1:]))
    return words + pictures + _INSTRUCTION + 6 * len(conversation.pictures)


def _sft(conversation: Conversation, _: Frame) -> dict[str, Row]:
    if not conversation.looks:
        raise Unfit("they have no trace, and the trainer drops such rows")
    row = _row(conversation)
    read = zebra.parse(row, conversation.id)
    columns = [name for name in row if name.endswith(tuple("123456789"))]
    if read.invalid or list(read.image_order) != columns or read.report.text != conversation.report:
        raise Unfit("a Zebra-CoT row can't express their text")
    return {FILE: row}


def _beside(_: Settings) -> dict[str, str]:
    sides = ["    max_image_size: 512", "    min_image_size: 512"]
    lines = [
        "think_trace:",
        "  dataset_names:",
        "  - think_trace_dataset",
        f'  jsonl_path_list: ["{FILE}"]',
        "  num_used_data: None",
        '  image_prefix_dir: "."',
        "  image_transform_args:",
        "    image_stride: 16",
        *sides,
        "  vit_image_transform_args:",
        "    image_stride: 14",
        *sides,
        "  weight: 1.0",
        "  is_mandatory: true",
    ]
    return {CONFIG: "\n".join(lines) + "\n"}


def _how(settings: Settings) -> str:
    n = settings.budget
    return f"""\
    PYTHONPATH=CHECKOUT torchrun --nproc_per_node=8 CHECKOUT/train/pretrain_unified_navit.py \\
      --dataset_config_file {CONFIG} --model_path BAGEL --resume-from BAGEL --finetune_from_hf True \\
      --layer_module Qwen2MoTDecoderLayer --max_latent_size 64 --num_worker 1 \\
      --max_num_tokens_per_sample {n} --expected_num_tokens {n} --max_num_tokens {2 * n}

run in this folder, with a checkout of multimodal-reasoning-lab/Bagel-Zebra-CoT (read at bbf53c3), in whose
`data/dataset_info.py` the entry `think_trace_dataset` names `{FILE}` and the prefix `.`. No record has more than
{n:,} tokens with the sizes of `{CONFIG}`; longer ones would be skipped.

A picture that the model learns to paint is {_painted(ExportPicture("", (SIDE, SIDE))):,} tokens where it is square."""


ZEBRA = Trainer(
    name="zebra",
    made_for="Bagel-Zebra-CoT bbf53c3",
    frame="multiples_16:4096-262144",
    numbers="norm_1000",
    budget=16384,
    count=_count,
    rows={"sft": _sft},
    beside=_beside,
    how=_how,
)
