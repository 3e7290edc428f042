"""Replies of a scripted judge of RadFact, a third of them malformed, with what upstream's parsers make of each.

What is expected follows from how a reply was made, not from the reader under test. microsoft/RadFact 72463ac itself
(langchain 0.2.17, pydantic 1.10.17) met every expectation on 12,000 replies.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from mmrad_eval.metrics.judged.radfact_prompts import yaml_module

yaml = yaml_module()
WORDS = (
    "effusion",
    "heart",
    "clear",
    "stable: mild",
    "no pneumothorax",
    "größer",
    "left lower lobe",
    "# 3",
    "yes",
    "12",
)
Entailed = tuple[bool, tuple[str, ...]] | None
"""Entailed and evidence; None where the reply is unread."""


def phrase(chooser: random.Random) -> str:
    """A phrase that YAML must quote now and then."""
    return " ".join(chooser.choices(WORDS, k=chooser.randint(1, 5))).capitalize() + "."


def entail_reply(chooser: random.Random, asked: str, others: Sequence[str], *, bad: bool) -> tuple[str, Entailed]:
    """A reply about one phrase, and how it is read."""
    evidence = chooser.sample(list(others), min(len(others), chooser.randint(1, 2)))
    status = chooser.choice(("entailment", "not_entailment", "neutral", "contradiction"))
    given = [] if status == "neutral" else evidence
    said: dict[str, Any] = {"phrase": asked, "evidence": given, "status": status}
    if not bad:
        text = yaml.dump(said, sort_keys=False) if chooser.random() < 0.7 else json.dumps(said)
        form = chooser.choice(("bare", "fence", "prose", "rewritten"))
        if form == "rewritten":
            text = yaml.dump({**said, "phrase": "Something else."}, sort_keys=False)
        if form in ("fence", "prose"):
            text = f"```{chooser.choice(('yaml', 'yml', ''))}\n{text}\n```"
        if form == "prose":
            text = f"Here it is:\n{text}\nThat is all."
        return text, (status == "entailment", tuple(given))
    kind = chooser.choice(("evidence", "status", "missing", "empty", "word", "colon", "list", "number", "open", "none"))
    if kind == "evidence":
        wrong = {"entailment": [], "contradiction": [], "neutral": evidence}.get(status)
        if wrong is None:
            said["evidence"] = None
        else:
            said["evidence"] = wrong
        return yaml.dump(said, sort_keys=False), None
    texts = {
        "status": yaml.dump({**said, "status": status.capitalize()}, sort_keys=False),
        "missing": yaml.dump({key: said[key] for key in chooser.sample(list(said), 2)}, sort_keys=False),
        "empty": chooser.choice(("", "  \n")),
        "word": "entailment",
        "colon": f"phrase: Heart: normal\nevidence: []\nstatus: {status}",
        "list": yaml.dump([said]),
        "number": "42",
        "open": '```yaml\nphrase: "cut',
        "none": "phrase:\nevidence:\nstatus:",
    }
    return texts[kind], None


def split_reply(chooser: random.Random, phrases: Sequence[str], *, bad: bool) -> tuple[str, list[str] | None]:
    """A reply about a report, and the phrases that are read."""
    sentences = [{"orig": one, "new": [one, *([""] if chooser.random() < 0.2 else [])]} for one in phrases]
    said: dict[str, Any] = {"id": chooser.choice((None, "x", 3)), "sentence_list": sentences}
    text = json.dumps(said, indent=chooser.choice((None, 2)))
    if not bad:
        form = chooser.choice(("bare", "fence", "prose fence", "cut"))
        if form == "cut":
            return text.rstrip(" \n]}") + chooser.choice(("", '"]', '"]}')), list(phrases)
        fenced = f"```json\n{text}\n```"
        return {"bare": text, "fence": fenced, "prose fence": f"Sure.\n{fenced}"}[form], list(phrases)
    texts = {
        "prose": f"Sure: {text}",
        "text for a list": json.dumps({"sentence_list": [{"orig": "a", "new": "a"}]}),
        "missing": json.dumps({"sentence_list": [{"orig": "a"}]}),
        "other key": json.dumps({"sentences": sentences}),
        "list": "[]",
        "null": "null",
        "empty": "",
        "bracket": text[:-1] + "]",
        "id": json.dumps({**said, "id": []}),
    }
    return texts[chooser.choice(list(texts))], None
