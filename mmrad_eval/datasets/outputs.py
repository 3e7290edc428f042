"""Output files of other harnesses and of batch endpoints, as rows of ids and reports.

lm-eval and lmms-eval (``samples_*.jsonl`` with ``resps`` and ``filtered_resps``), batches of OpenAI, vLLM and Anthropic
(``custom_id`` with the response's body). Files of VLMEvalKit, ms-swift and LLaVA have columns of their own, which
``prediction_columns`` knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmrad_eval.datasets import columns
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.rows import FileRow, FileRows

_SUCCESS = 200


def as_rows(table: FileRows, problems: Problems) -> FileRows:
    """The table with ids and reports in columns of their own, where it is such a file; any other table as it is."""
    names = set(table.columns)
    if {"custom_id"} < names and names & {"response", "result"}:
        return _batch(table, problems)
    if {"doc_id", "resps"} <= names:
        return _samples(table)
    return table


def _batch(table: FileRows, problems: Problems) -> FileRows:
    """Requests that failed are left out: no answer of the model is known."""
    rows = []
    for row in table.rows:
        said = _said(row.cells)
        if said is None:
            problems.warn(
                "failed request",
                "this request of the batch failed; its study stays pending",
                file=str(table.path),
                line=row.line,
                study=str(row.cells.get("custom_id")),
            )
            continue
        rows.append(FileRow(row.line, {"id": row.cells.get("custom_id"), **said}))
    return FileRows(table.path, ("id", "report", "reasoning"), tuple(rows))


def _said(cells: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the model said in a line of a batch; None where the request failed."""
    result, response = cells.get("result"), cells.get("response")
    if isinstance(result, Mapping):
        message = result.get("message")
        return _parts(message.get("content")) if isinstance(message, Mapping) else None
    if not isinstance(response, Mapping) or response.get("status_code", _SUCCESS) != _SUCCESS or cells.get("error"):
        return None
    body = response.get("body", response)
    if not isinstance(body, Mapping):
        return None
    if isinstance(body.get("output"), list):
        texts = [item.get("content") for item in body["output"] if isinstance(item, Mapping)]
        return _parts([part for content in texts if isinstance(content, list) for part in content])
    choices = body.get("choices")
    message = choices[0].get("message") if isinstance(choices, list) and choices else None
    if not isinstance(message, Mapping):
        return None
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    content = message.get("content")
    said = _parts(content) if isinstance(content, list) else {"report": content or ""}
    return {**said, "reasoning": "\n\n".join(t for t in (reasoning, said.get("reasoning", "")) if t)}


def _parts(content: Any) -> dict[str, Any]:
    """Texts and thoughts of a message's parts."""
    if isinstance(content, str):
        return {"report": content, "reasoning": ""}
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    thoughts = [_text(part.get("thinking") or part.get("text")) for part in parts if "think" in str(part.get("type"))]
    texts = [_text(part.get("text")) for part in parts if "think" not in str(part.get("type"))]
    return {"report": "\n".join(filter(None, texts)), "reasoning": "\n".join(filter(None, thoughts))}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, Mapping))
    return value if isinstance(value, str) else ""


def _samples(table: FileRows) -> FileRows:
    """Samples of lm-eval and lmms-eval: the filtered response; the id of the document where it has one."""
    rows = []
    for row in table.rows:
        cells = row.cells
        filtered, raw = _first(cells.get("filtered_resps")), _first(cells.get("resps"))
        doc = cells.get("doc")
        named = {columns.plain(str(key)): value for key, value in doc.items()} if isinstance(doc, Mapping) else {}
        own = next((named[name] for name in columns.STUDY["id"] if named.get(name) is not None), cells["doc_id"])
        rows.append(FileRow(row.line, {"id": own, "report": raw if filtered is None else filtered}))
    return FileRows(table.path, ("id", "report"), tuple(rows))


def _first(value: Any) -> Any:
    """The innermost first item of nested lists."""
    while isinstance(value, list):
        value = value[0] if value else None
    return value
