"""A metric that asks a judge in two stages, as the file of a plugin: `pairs.py:Pairs`."""

from __future__ import annotations

PLUGIN = '''
import asyncio

import numpy as np

from mmrad_eval import Column, Decoding, Message, Text, Verdict


def said(text):
    return (Message("user", (Text(text),)),)


class Pairs:
    """Words of what a judge writes of both reports, and of what it then writes of the pair."""

    name = "pairs@test"
    columns = (Column("Pairs", "test"), Column("Pairs read", "test"))
    statistics = ("words", "read", "studies")
    parts = ("report", "pair")
    decoding = Decoding(max_tokens=50)

    def __init__(self, said=None):
        self.said = said

    def most(self, example):
        return 3

    async def judge(self, example, ask):
        texts = (example.reference, example.candidate)
        each = await asyncio.gather(*(ask(said(f"JUDGE REPORT {text}"), part="report") for text in texts))
        both = await ask(said(f"JUDGE PAIR {texts}"), part="pair")
        return Verdict(sum(len(one.text.split()) for one in (*each, both)))

    def judged(self, said):
        return Pairs(said)

    def signature(self, context):
        return "pairs|v1"

    def measure(self, examples, context):
        return np.array([[self.said[one.study.id].value, 1.0, 1.0] for one in examples]).reshape(-1, 3)

    def reduce(self, sums):
        return sums[..., :2] / sums[..., 2:]
'''
