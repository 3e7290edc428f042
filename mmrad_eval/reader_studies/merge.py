"""What a reader study found: tables, conclusions, and files for what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmrad_eval.core import sheets
from mmrad_eval.core.data_use import mark
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.reader_studies import preference_tables, ratings_file, reader_tables, report_tables, trace_tables
from mmrad_eval.reader_studies.agreement_tables import agreement_table
from mmrad_eval.reader_studies.merged import MergedStudy
from mmrad_eval.results.statistics.crossed import FEW_READERS
from mmrad_eval.results.tables import Table, render

RATINGS, COMMENTS, RESULTS, AGAIN = "ratings.csv", "comments.csv", "results.md", "read-again.csv"


@dataclass(frozen=True)
class ReaderResults:
    """Everything that is printed and written."""

    tables: tuple[Table, ...]
    conclusions: tuple[str, ...]
    """Sentences, the scope of all of them first."""


def results_of(study: MergedStudy) -> ReaderResults:
    """Count the answers."""
    two = study.key.form.shows == "two"
    judged = preference_tables.JUDGED if two else report_tables.judged(study)
    tables = preference_tables.preference_tables(study) if two else report_tables.report_tables(study)
    tables += trace_tables.trace_tables(study) if study.key.form.shows == "trace" else []
    guesses = reader_tables.guess_table(study)
    agreement = agreement_table(study, judged) if judged else None
    found = preference_tables.preference_sentences(study) if two else report_tables.report_sentences(study)
    unknown = "" if agreement or not judged else "Nothing was judged twice, so agreement is unknown."
    said = [_scope(study), *found, unknown, reader_tables.guess_sentence(study)]
    shown = [*tables, agreement, guesses, reader_tables.reader_table(study)]
    return ReaderResults(
        tuple(table for table in shown if table is not None), tuple(sentence for sentence in said if sentence)
    )


def _scope(study: MergedStudy) -> str:
    """On whom and on what the conclusions rest."""
    key = study.key
    judged = (
        "the images, the original report hidden among the others" if key.truth == "image" else "the reference shown"
    )
    readers = f"{study.readers} {'reader' if study.readers == 1 else 'readers'}"
    readers += f" of {len(key.readers)}" if study.readers < len(key.readers) else ""
    size = f"{readers}, {study.cases} {'case' if study.cases == 1 else 'cases'} ({key.rule}), judged by {judged}."
    size += _open_sentence(study)
    weights = " Each case is weighted by the inverse of its sampling probability." if key.weighted else ""
    if study.readers < FEW_READERS:
        who = "this reader" if study.readers == 1 else f"these {study.readers} readers"
        return (
            f"{size}{weights} With fewer than {FEW_READERS} readers, what follows is about {who} only: "
            "intervals are over cases."
        )
    return f"{size}{weights} Intervals are over cases and readers."


def _open_sentence(study: MergedStudy) -> str:
    """Which readers have not finished; empty where all of them have."""
    given = {answers.reader: answers.answers for answers in study.answers}
    counted = [
        (
            reader.code,
            sum(reading.id in held and held[reading.id].done for reading in reader.readings),
            len(reader.readings),
        )
        for reader in study.key.readers
        if (held := given.get(reader.code)) is not None
    ]
    unfinished = [f"{code} ({done} of {every} readings)" for code, done, every in counted if done < every]
    return f" Not finished: {', '.join(unfinished)}." if unfinished else ""


def write(study: MergedStudy, results: ReaderResults, out: Path) -> list[Path]:
    """results.md, comments.csv, and ratings.csv (for ``metaeval``, or of traces), each where it has content.

    For traces also read-again.csv. The folder has the class of the data.
    """
    out.mkdir(parents=True, exist_ok=True)
    mark(out, study.key.data_use)
    words = "\n".join(f"- {sentence}" for sentence in results.conclusions)
    notes = "".join(f"- {note}\n" for note in study.key.notes)
    made = "\n## How it was made\n\n" + notes if notes else ""
    texts = {RESULTS: f"# Reader study {study.key.study}\n\n{words}\n{made}\n{render(results.tables, 'md')}"}
    traces = study.key.form.shows == "trace"
    comments = ratings_file.comment_rows(study)
    ratings = trace_tables.trace_rows(study) if traces else ratings_file.ratings_rows(study)
    again = trace_tables.again_rows(study) if traces else []
    if len(comments) > 1:
        texts[COMMENTS] = sheets.write(comments)
    if ratings:
        texts[RATINGS] = sheets.write(ratings)
    if len(again) > 1:
        texts[AGAIN] = sheets.write(again)
    for name, text in texts.items():
        write_whole(out / name, text)
    return [out / name for name in texts]
