"""What judges said of a study, as each metric read it: kept with the scores that follow from it, and told as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import DataUse
from mmrad_eval.metrics.judge_metrics import JudgedMetric
from mmrad_eval.results.run.folder import JUDGED, RunFolder
from mmrad_eval.results.run.judged import JudgedFile, JudgedRecord, counting_lines, digest_of, write_judged

if TYPE_CHECKING:
    from mmrad_eval.results.run.scores import ScoreBlock, ScoreRows
    from mmrad_eval.results.scoring.measure import Measured


def keep_judged(  # noqa: PLR0917 (what there was, and what there is)
    folder: RunFolder,
    written: Path,
    rows: ScoreRows,
    measured: Sequence[Measured],
    carried: Sequence[ScoreBlock],
    data_use: DataUse,
) -> str:
    """Write the records behind columns that are new or stay, to be published with them; a note where some were lost."""
    stays = counting_lines(folder.path / JUDGED, (block.signature for block in carried), rows)
    try:
        write_judged(written, (line.text for line in stays), _records(measured, rows), data_use)
    except DataError as error:
        write_judged(written, (), _records(measured, rows), data_use)
        return f"what judges said earlier is lost ({error})"
    return ""


def _records(measured: Sequence[Measured], rows: ScoreRows) -> Iterator[JudgedRecord]:
    """Study by study, so that those of one lie together."""
    asked = [(m.metric, digest_of(m.signature)) for m in measured if isinstance(m.metric, JudgedMetric)]
    for study, answer in zip(rows.ids, rows.answers, strict=True):
        for metric, column in asked if answer else ():
            for repeat, verdict in enumerate(metric.verdicts(study)):
                shown = verdict.value if verdict.record is None else verdict.record
                yield JudgedRecord(study, answer, metric.name, column, repeat, verdict.state, verdict.why, shown)


def judged_of(folder: RunFolder) -> JudgedFile:
    """The records of a run, as ``score --explain`` and ``view`` show them."""
    return JudgedFile(folder.path, folder.scores())


def judged_lines(folder: RunFolder, ids: Sequence[str]) -> list[str]:
    """The records of these studies of a run; nothing of one that no judge was asked about."""
    records, model = judged_of(folder), folder.run.card.label
    return [line for study in ids for line in _of_study(records.of(study), model)]


def _of_study(records: Sequence[JudgedRecord], model: str) -> Iterator[str]:
    several = {one.metric for one in records if one.repeat}
    for one in records:
        repeat = f", repeat {one.repeat + 1}" if one.metric in several else ""
        yield f"{one.study}: {model}, {one.metric}{repeat}: {one.state}{f' ({one.why})' if one.why else ''}"
        yield from shown_lines(one.record, "  ")


def shown_lines(value: Any, indent: str = "") -> Iterator[str]:
    """JSON as lines: one a plain value, one a record whose values are plain."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if _plain(inner):
                yield f"{indent}{name}: {_words(inner)}"
            else:
                yield f"{indent}{name}:"
                yield from shown_lines(inner, f"{indent}  ")
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, dict) and all(map(_plain, inner.values())):
                yield f"{indent}- {'; '.join(f'{name}: {_words(one)}' for name, one in inner.items())}"
            elif _plain(inner):
                yield f"{indent}- {_words(inner)}"
            else:
                yield f"{indent}-"
                yield from shown_lines(inner, f"{indent}  ")
    elif value is not None:
        yield f"{indent}{_words(value)}"


def _plain(value: Any) -> bool:
    """Whether a value is no structure, or a list of such."""
    inner = value if isinstance(value, list | tuple) else (value,)
    return not any(isinstance(one, dict | list | tuple) for one in inner)


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " | ".join(map(_words, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else "none" if value is None else str(value)
