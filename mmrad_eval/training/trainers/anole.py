"""Anole and other Chameleons: the authors' records, ``prompt``, ``response``, ``images``, in their own words.

The tokenizer of pictures takes the middle square of each, so each is padded to one first. The authors' loader keeps
records of fewer than 5,120 tokens and drops others without a word; a picture is 1,024 tokens and two marks.
"""

from __future__ import annotations

from mmrad_eval.core.values import Frame, Image, Step, Trace
from mmrad_eval.traces import mmrad
from mmrad_eval.traces.record import PLACEHOLDER, trace_of
from mmrad_eval.training.budget import word_tokens
from mmrad_eval.training.conversation import Conversation
from mmrad_eval.training.drafts import Unfit
from mmrad_eval.training.trainers.trainer import Row, Settings, Trainer

FILE = "train.jsonl"
PICTURE = 1024 + 2
KEPT = 5119


def _row(conversation: Conversation) -> Row:
    trace = Trace(
        tuple(
            Step(
                region=look.phrase,
                box=look.box,
                image=None if look.picture is None else Image(path=look.picture.path),
                text=look.text,
            )
            for look in conversation.looks
        )
    )
    return mmrad.compose(
        trace,
        conversation.report,
        [picture.path for picture in conversation.pictures],
        prompt=f"{conversation.question} {PLACEHOLDER}",
        size=conversation.film.size,
    )


def _count(conversation: Conversation, _: Frame) -> int:
    row = _row(conversation)
    words = word_tokens(f"{row['prompt']}\n{row['response']}".replace(PLACEHOLDER, ""))
    return words + PICTURE * len(conversation.pictures) + 4


def _sft(conversation: Conversation, _: Frame) -> dict[str, Row]:
    row = _row(conversation)
    read = mmrad.parse(row)
    told = [(step.region, step.text, step.box is not None) for step in trace_of(read).steps]
    if told != [(look.phrase, look.text, look.box is not None) for look in conversation.looks]:
        raise Unfit("the authors' record format can't express a step of theirs")
    if read.report.text != conversation.report:
        raise Unfit("the authors' record format can't express their report")
    return {FILE: row}


def _how(settings: Settings) -> str:
    return f"""\
    python CHECKOUT/training/tokenization.py     # in this folder: paths start here; name {FILE} at its end
    cd CHECKOUT/training && bash train.sh

with a checkout of the authors' code (qiuzyc/thinking_like_a_radiologist, read at 3b31e1d; there, the line of
`tokenization.py` that opens the pictures is no Python yet: it should read `images = [Image.open(path) for path in
data['images']]`). No record has more than {settings.budget:,} tokens; their loader drops, without a word, what has
5,120 or more. It pads labels with token 1, which is trained on: use batches of one.

Pictures are padded squares of 512 pixels; box numbers are those of the square of 336, as in the authors' records."""


ANOLE = Trainer(
    name="anole",
    made_for="thinking_like_a_radiologist 3b31e1d",
    frame="pad_square_512",
    numbers=mmrad.FRAME,
    budget=KEPT,
    count=_count,
    rows={"sft": _sft},
    beside=lambda _: {},
    how=_how,
    fixed_numbers=True,
    largest=KEPT,
)
