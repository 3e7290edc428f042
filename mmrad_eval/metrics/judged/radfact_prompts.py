"""RadFact's questions, read from a checkout of microsoft/RadFact that the user names.

System messages and examples are the checkout's. The instructions on JSON that end the first system message are
langchain's, read from an installed langchain-core or its wheel, with the schema that pydantic 1 makes of the checkout's
classes.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError, MissingError
from mmrad_eval.core.values import Message, Text

PUBLISHED = "99fb99c3a45f068a3db81fba1feeb054a458aa76c31bdff5025fbadd6a6a72e5"
"""Digest of all messages before the question, both stages: RadFact 72463ac with langchain-core 0.2.43."""

_LLM = "src/radfact/llm_utils"
_SPLIT, _ENTAIL = f"{_LLM}/report_to_phrases", f"{_LLM}/nli"
_INSTRUCTIONS = "langchain_core/output_parsers/pydantic.py"
Role = Literal["system", "user", "assistant"]
_BINARY = {"entailment": "entailment", "contradiction": "not_entailment", "neutral": "not_entailment"}


@dataclass(frozen=True)
class RadFactPrompts:
    """What stands before each question."""

    split: tuple[tuple[Role, str], ...]
    entail: tuple[tuple[Role, str], ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of both."""
        return hashlib.sha256(json.dumps([self.split, self.entail]).encode()).hexdigest()

    @property
    def published(self) -> bool:
        """Whether these are the words of the release."""
        return self.digest == PUBLISHED

    def ask_split(self, report: str) -> tuple[Message, ...]:
        """The question which phrases a report says."""
        return _messages((*self.split, ("user", report)))

    def ask_entailed(self, phrase: str, others: Sequence[str]) -> tuple[Message, ...]:
        """The question whether phrases of the other report say this one."""
        return _messages((*self.entail, ("user", dumped({"reference": list(others), "hypothesis": phrase}))))


def read_prompts(checkout: Path | None, langchain: Path | None = None) -> RadFactPrompts:
    """The questions of a checkout; ``langchain``: a wheel of langchain-core where none is installed.

    MissingError where something is not there, DataError for what has not the form of the release.
    """
    if checkout is None:
        raise MissingError(
            "its prompts are those of microsoft/RadFact, and no checkout was named",
            "git clone https://github.com/microsoft/RadFact, then --metric-option radfact.checkout=FOLDER",
        )
    yaml_module()
    try:
        split = [("system", f"{_text(checkout, _SPLIT, 'system_message.txt')}\n\n{_instructions(checkout, langchain)}")]
        for one in _examples(checkout, _SPLIT):
            split += [("user", str(one["findings_text"])), ("assistant", json.dumps(_parsed(one["parsed_report"])))]
        entail = [("system", _text(checkout, _ENTAIL, "system_message_ev_singlephrase.txt"))]
        for one in _examples(checkout, _ENTAIL):
            for own, other in (("A", "B"), ("B", "A")):
                premises = [str(phrase) for phrase in one["input"][f"phrases_{other}"]]
                for said in one["output"][f"phrases_{own}_evidenced"]:
                    asked = {"reference": premises, "hypothesis": str(said["phrase"])}
                    status = _BINARY.get(said["status"], said["status"])
                    answer = {"phrase": str(said["phrase"]), "evidence": list(said["evidence"]), "status": status}
                    entail += [("user", dumped(asked)), ("assistant", dumped(answer))]
    except (KeyError, TypeError) as error:
        raise DataError(f"{checkout}: its examples do not have the form of RadFact 1.0.0 ({error!r})") from error
    return RadFactPrompts(_roles(split), _roles(entail))


def yaml_module() -> Any:
    """PyYAML, in which half of the questions and replies are written."""
    if importlib.util.find_spec("yaml") is None:
        raise MissingError("it needs PyYAML, which is not installed", "pip install 'mmrad-eval[radfact]'")
    return importlib.import_module("yaml")


def dumped(value: Mapping[str, Any]) -> str:
    """YAML as RadFact writes it: keys in their order, folded at 80 columns."""
    return str(yaml_module().dump(dict(value), sort_keys=False))


def _messages(pairs: Sequence[tuple[Role, str]]) -> tuple[Message, ...]:
    return tuple(Message(role, (Text(text),)) for role, text in pairs)


def _roles(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[Role, str], ...]:
    return tuple((role, text) for role, text in pairs)  # type: ignore[misc]  # the three words above are roles


def _text(checkout: Path, stage: str, name: str) -> str:
    return _read(checkout / stage / "prompts" / name)


def _read(path: Path) -> str:
    if not path.is_file():
        raise MissingError(
            f"{path} does not exist", "name a checkout of microsoft/RadFact: --metric-option radfact.checkout=FOLDER"
        )
    return decode.utf8(path.read_bytes(), str(path)).replace("\r\n", "\n")


def _examples(checkout: Path, stage: str) -> list[dict[str, Any]]:
    path = checkout / stage / "prompts" / "few_shot_examples.json"
    try:
        found = json.loads(_read(path))
    except ValueError as error:
        raise DataError(f"{path}: is not JSON ({error})") from error
    if not isinstance(found, list):
        raise DataError(f"{path}: contains a {type(found).__name__}, not a list of examples")
    return found


def _parsed(report: Mapping[str, Any]) -> dict[str, Any]:
    """A parsed report with the keys of the class, in its order."""
    sentences = [{"orig": one["orig"], "new": list(one["new"])} for one in report["sentence_list"]]
    return {"id": report.get("id"), "sentence_list": sentences}


def _instructions(checkout: Path, langchain: Path | None) -> str:
    """What langchain says about the form of a reply."""
    source = _langchain_source(langchain)
    found = [
        node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and [getattr(target, "id", "") for target in node.targets] == ["_PYDANTIC_FORMAT_INSTRUCTIONS"]
        and isinstance(node.value, ast.Constant)
    ]
    if len(found) != 1:
        raise DataError(f"{_INSTRUCTIONS} of langchain-core contains no _PYDANTIC_FORMAT_INSTRUCTIONS; 0.2.43 does")
    return str(found[0]).format(schema=json.dumps(_schema(checkout), ensure_ascii=False))


def _langchain_source(wheel: Path | None) -> str:
    if wheel is not None:
        try:
            with zipfile.ZipFile(wheel) as archive:
                return archive.read(_INSTRUCTIONS).decode()
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{wheel}: is not a wheel of langchain-core ({error})") from error
    spec = importlib.util.find_spec("langchain_core")
    if spec is None or spec.origin is None:
        raise MissingError(
            "a part of its prompt is langchain's, and langchain-core is not installed",
            "pip download --no-deps langchain-core==0.2.43, then --metric-option radfact.langchain=FILE.whl",
        )
    return _read(Path(spec.origin).parent / "output_parsers/pydantic.py")


def _schema(checkout: Path) -> dict[str, Any]:
    """The JSON schema that pydantic 1 makes of the two classes of a parsed report, less title and type."""
    path = checkout / _SPLIT / "schema.py"
    told = {
        node.name: inspect.cleandoc(ast.get_docstring(node, clean=False) or "")
        for node in ast.parse(_read(path)).body
        if isinstance(node, ast.ClassDef)
    }
    if not {"ParsedReport", "SentenceWithRephrases"} <= told.keys():
        raise DataError(f"{path}: contains no ParsedReport and SentenceWithRephrases")
    text = {"type": "string"}
    sentence = {
        "title": "SentenceWithRephrases",
        "description": told["SentenceWithRephrases"],
        "type": "object",
        "properties": {"orig": {"title": "Orig", **text}, "new": {"title": "New", "type": "array", "items": text}},
        "required": ["orig", "new"],
    }
    listed = {"title": "Sentence List", "type": "array", "items": {"$ref": "#/definitions/SentenceWithRephrases"}}
    return {
        "description": told["ParsedReport"],
        "properties": {"id": {"title": "Id", "anyOf": [{"type": "integer"}, text]}, "sentence_list": listed},
        "required": ["sentence_list"],
        "definitions": {"SentenceWithRephrases": sentence},
    }
