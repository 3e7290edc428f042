"""Which column of a file is what a model wrote: by the words in names, by what stands in the cells, by the references.

A column that is the reference is never the prediction. Where two columns could be it, the file is refused with both
names and the option that decides; whatever is chosen is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Report
from mmrad_eval.datasets import columns, raw_text
from mmrad_eval.datasets.containers import IN_ORDER
from mmrad_eval.datasets.rows import FileRows
from mmrad_eval.datasets.words import among

OPTION = "--report-column"
"""How a user names a column of such a file; ``--column`` is for the references."""
REPORT = ("report", "findings", "impression")
_OF_MODEL = among(
    "pred preds predict predicts predicted prediction predictions generated generation generations gen output outputs "
    "response responses completion completions candidate candidates hypothesis hypotheses hyp hyps model llm vlm lmm "
    "mllm ai auto automatic automated res result results inference inferred decoded sampled filtered resps resp"
)
_SURELY = among(
    "pred preds predict predicted prediction predictions generated generation hypothesis hypotheses hyp hyps candidate"
)
"""Words of a model whatever stands beside them: ``labels_pred``."""
_OF_REFERENCE = among(
    "reference references ref refs gt gts ground groundtruth truth true gold golden target targets tgt label labels "
    "expected actual human radiologist doctor physician clinician expert original orig solution "
    "real annotation annotated"
)
_NEUTRAL = among(
    "findings finding report reports impression impressions conclusion text caption answer answers content"
)
_ELSE = among(
    "name id ids path paths time tokens token length len score scores prob probs logprob logprobs date version "
    "seed file url type count num usage cost latency finish reason status error use prompt prompts question "
    "questions query instruction instructions input inputs system messages conversations task dataset category "
    "hash index idx doc docs arguments image images img view split patient subject age sex gender history "
    "indication comparison technique context comment comments notes source modality title reasoning rationale "
    "thinking think thought cot trace bleu rouge meteor cider hit accuracy acc metric options choices"
)
"""Words of columns that hold no report."""
_OF_ANY = among("section final full whole clean cleaned raw radiology radiological radiologic chest xray cxr my the of")
"""Words that say of a report nothing of who wrote it."""
Side = Literal["model", "reference", "report", "unknown", "else"]
_MOST = 0.9
"""The share of texts that must be the references' for a column to be theirs."""
_SENTENCE = 3
"""Words from which on a cell of an unknown column may be a report."""


@dataclass(frozen=True)
class Chosen:
    """The columns that were chosen, and how to say it."""

    columns: Mapping[str, str]
    """Our word -> the column or key."""

    def __str__(self) -> str:
        return "; ".join(f"{word}: {column}" for word, column in self.columns.items())


def side(name: str) -> Side:
    """What the words of a column's name say that it holds."""
    words = set(columns.plain(name).split("_"))
    if {"system", "output"} <= words:
        return "model"
    if columns.plain(name) in columns.STUDY["id"] or words & _ELSE:
        return "else"
    if words & _OF_REFERENCE and not words & _SURELY:
        return "reference"
    if words & _OF_MODEL:
        return "model" if words != {"model"} else "unknown"
    return "report" if words & _NEUTRAL else "unknown"


def choose(table: FileRows, given: Mapping[str, str], references: Mapping[str, Report] | None = None) -> Chosen:
    """The columns of ids, reports, sections and traces of a file of predictions.

    ``references``: the reports that it will be held against, by id, where they are known. DataError where there is no
    column, or more than one.
    """
    if not table.rows:
        raise DataError(f"{table.path}: contains no reports")
    known = columns.match(table.columns, columns.PREDICTION, given, table.path, OPTION)
    where: dict[str, str] = {word: known[word] for word in ("id", "trace") if word in known}
    if "id" not in given and (found := _ids(table, references or {})):
        where["id"] = found
    if "id" not in where:
        raise DataError(
            f"{table.path}: no column is recognized as ids, and reports are never joined by position; its columns "
            f"are {', '.join(table.columns) or 'none'}. Name it: {OPTION} id=COLUMN; or, where the file has no ids, "
            f"{IN_ORDER}"
        )
    named = {word: column for word, column in given.items() if word in REPORT}
    where |= named or _reports(table, where, references or {})
    return Chosen(where)


def _ids(table: FileRows, references: Mapping[str, Report]) -> str | None:
    """The column of ids: of those with a known name, the one whose ids the references have."""
    by_name = {columns.plain(name): name for name in reversed(table.columns)}
    named = [by_name[alias] for alias in columns.STUDY["id"] if alias in by_name]
    return max(named, key=lambda name: len(_cells(table, name, raw_text.identifier) & references.keys()), default=None)


def _cells(table: FileRows, name: str, read: Any) -> set[Any]:
    return {read(row.cells.get(name)) for row in table.rows}


def _reports(table: FileRows, where: Mapping[str, str], references: Mapping[str, Report]) -> dict[str, str]:
    """Our word -> the column of what the model wrote."""
    free = [name for name in table.columns if name not in where.values()]
    sides = {name: side(name) for name in free}
    by_model = [name for name in free if sides[name] == "model" and _is_text(table, name, least=1)]
    if by_model:
        return _by_section(table, by_model)
    plain = [name for name in free if sides[name] == "report"]
    unknown = [name for name in free if sides[name] == "unknown" and _is_text(table, name, least=_SENTENCE)]
    reference = [name for name in free if sides[name] == "reference"]
    left = [name for name in (*plain, *unknown) if not _is_reference(table, where["id"], name, references)]
    if unknown and plain and len(left) == len(plain) + len(unknown):
        if not _known(table, where["id"], references):
            raise _tie(table, [plain[0], unknown[0]])
        left = plain  # the references are known, and it is not theirs
    makers = {_maker(name): name for name in reversed(left) if sides[name] == "report"}
    if len(makers) > 1 and not _known(table, where["id"], references):
        raise _tie(table, list(makers.values())[-2:][::-1])
    if not left and len(plain) == 1 and not unknown and not reference:
        left = plain  # the only report that there is; that it is the reference is said when the two are joined
    if unknown and not plain and not reference:
        left = []
    if not left:
        raise _none(table, plain)
    return _by_section(table, left)


def _maker(name: str) -> frozenset[str]:
    """What a name says beside the section: "medgemma" of ``medgemma_report``."""
    return frozenset(columns.plain(name).split("_")) - _NEUTRAL - _OF_ANY


def _by_section(table: FileRows, names: Sequence[str]) -> dict[str, str]:
    """The columns by section; two of one kind are a tie unless they hold the same."""
    found: dict[str, str] = {}
    for name in names:
        words = set(columns.plain(name).split("_"))
        word = "findings" if words & {"findings", "finding"} else "report"
        word = "impression" if words & {"impression", "impressions", "conclusion"} else word
        if word in found and not _same(table, found[word], name):
            raise _tie(table, [found[word], name])
        found.setdefault(word, name)
    return found


def _same(table: FileRows, one: str, other: str) -> bool:
    return all(row.cells.get(one) == row.cells.get(other) for row in table.rows)


def _is_text(table: FileRows, name: str, least: int) -> bool:
    """Whether a column holds texts (of so many words, in half of its cells) or objects."""
    cells = [cell for row in table.rows if not raw_text.is_missing(cell := row.cells.get(name)) and cell != ""]
    texts = [cell for cell in cells if isinstance(cell, str | list | dict) and len(str(cell).split()) >= least]
    letters = any(any(c.isalpha() for c in str(cell)) for cell in texts)
    return not cells or (letters and len(texts) * 2 >= len(cells))


def _is_reference(table: FileRows, ids: str, name: str, references: Mapping[str, Report]) -> bool:
    """Whether a column says of every study what the references say."""
    pairs = ((row.cells.get(name), references.get(raw_text.identifier(row.cells.get(ids)) or "")) for row in table.rows)
    both = [(_plain(cell), _parts(report)) for cell, report in pairs if report is not None and report.text]
    return bool(both) and sum(cell in parts for cell, parts in both) >= len(both) * _MOST


def _known(table: FileRows, ids: str, references: Mapping[str, Report]) -> bool:
    """Whether the references of some rows are known."""
    return any(raw_text.identifier(row.cells.get(ids)) in references for row in table.rows)


def _plain(cell: Any) -> str:
    """The letters and digits of a text: what spelling and spaces do not change."""
    return "".join(c for c in str(cell).lower() if c.isalnum())


def _parts(report: Report) -> set[str]:
    return {_plain(part) for part in (report.text, report.findings, report.impression) if part}


def _tie(table: FileRows, names: Iterable[str]) -> DataError:
    first, second = names
    return DataError(
        f"{table.path}: the columns {first!r} and {second!r} could each hold the model's reports. Name one: "
        f"{OPTION} report={second}"
    )


def _none(table: FileRows, references: Sequence[str]) -> DataError:
    has = f"its columns are {', '.join(table.columns) or 'none'}"
    what = f"{', '.join(map(repr, references))} holds the references, and " if references else ""
    return DataError(
        f"{table.path}: {what}no column is recognized as a model's reports; {has}. Name it: {OPTION} report=COLUMN"
    )
