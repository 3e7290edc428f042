"""A checkout and a wheel in the layout of RadFact's, with words of our own."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

SYSTEM_SPLIT, SYSTEM_ENTAIL = "Stand-in: list what the report says.", "Stand-in: does the report say so?"
INSTRUCTIONS = 'Write JSON like {{"a": 1}} by this schema:\n{schema}'
_SCHEMA = '''
class BaseModelWithId: ...


class SentenceWithRephrases:
    """A sentence and its phrases."""


class ParsedReport(BaseModelWithId):
    """
    A report in phrases.
      Indented.
    """
'''
_SPLIT = [
    {
        "example_id": "one",
        "findings_text": "Clear. No effusion.",
        "parsed_report": {"id": "one", "sentence_list": [{"orig": "Clear.", "new": ["Clear lungs.", ""]}]},
    }
]
_ENTAIL = [
    {
        "example_id": "one",
        "input": {"phrases_A": ["Heart: normal.", "New."], "phrases_B": ["Größe normal."]},
        "output": {
            "phrases_A_evidenced": [
                {"evidence": ["Größe normal."], "phrase": "Heart: normal.", "status": "entailment"},
                {"evidence": [], "phrase": "New.", "status": "neutral"},
            ],
            "phrases_B_evidenced": [{"evidence": ["New."], "phrase": "Größe normal.", "status": "contradiction"}],
        },
    }
]


def write_checkout(folder: Path) -> Path:
    """``src/radfact/llm_utils`` with both stages."""
    base = folder / "src/radfact/llm_utils"
    for stage, name, system, examples in (
        ("report_to_phrases", "system_message.txt", SYSTEM_SPLIT, _SPLIT),
        ("nli", "system_message_ev_singlephrase.txt", SYSTEM_ENTAIL, _ENTAIL),
    ):
        prompts = base / stage / "prompts"
        prompts.mkdir(parents=True)
        (prompts / name).write_text(system)
        (prompts / "few_shot_examples.json").write_text(json.dumps(examples), encoding="utf-8")
    (base / "report_to_phrases/schema.py").write_text(_SCHEMA)
    return folder


def write_wheel(path: Path) -> Path:
    """A wheel of langchain-core that holds the one file which is read."""
    with zipfile.ZipFile(path, "w") as archive:
        source = f"_PYDANTIC_FORMAT_INSTRUCTIONS = {INSTRUCTIONS!r}\n"
        archive.writestr("langchain_core/output_parsers/pydantic.py", source)
    return path
