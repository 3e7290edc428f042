"""Who read, for how long, and whether they could tell a person's report from a program's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmrad_eval.reader_studies.forms import EXPERIENCE, PERSON, PROGRAM
from mmrad_eval.reader_studies.merged import MergedStudy
from mmrad_eval.results.statistics.agreement import wilson
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn


def reader_table(study: MergedStudy) -> Table:
    """One row a reader."""
    roles = {option.value: option.words for option in EXPERIENCE[0].options}
    rows = []
    for answers in study.answers:
        mine = [row for row in study.readings if row.reader == answers.reader]
        repeated = [pair for pair in study.repeats if pair[0].reader == answers.reader]
        seconds = [row.answer.seconds for row in mine]
        role, years = answers.experience.get("role"), answers.experience.get("years")
        rows.append(
            Row(
                {
                    "reader": Cell(answers.reader),
                    "role": Cell(roles.get(role, "") if isinstance(role, int) else ""),
                    "years": Cell(years),
                    "n": Cell(len(mine)),
                    "repeats": Cell(len(repeated)),
                    "seconds": Cell(round(float(np.median(seconds))) if seconds else None),
                    "minutes": Cell(round(sum(seconds) / 60)),
                    "changes": Cell(sum(row.answer.changes for row in mine)),
                }
            )
        )
    columns = (
        TableColumn("reader"),
        TableColumn("role"),
        TableColumn("years", kind="count"),
        TableColumn("n", title="readings", kind="count"),
        TableColumn("repeats", kind="count"),
        TableColumn("seconds", title="median seconds", kind="count"),
        TableColumn("minutes", title="minutes in all", kind="count"),
        TableColumn("changes", title="answers changed", kind="count"),
    )
    return Table("readers", "Readers", columns, tuple(rows))


def guess_table(study: MergedStudy) -> Table | None:
    """Whom readers took for the author of each system's reports; None where nobody was asked."""
    told = _guesses(study)
    if not told:
        return None
    original = next((arm.name for arm in study.key.arms if arm.original), "")
    rows = []
    for arm in range(len(study.key.arms)):
        mine = [guess for of, guess in told if of == arm]
        if not mine:
            continue
        person = mine.count(PERSON)
        rows.append(
            Row(
                {
                    "system": Cell(study.name(arm)),
                    "n": Cell(len(mine)),
                    "person": Cell(person / len(mine), *wilson(person, len(mine))),
                    "program": Cell(mine.count(PROGRAM) / len(mine)),
                    "open": Cell(1 - (person + mine.count(PROGRAM)) / len(mine)),
                }
            )
        )
    columns = (
        TableColumn("system"),
        TableColumn("n", title="guesses", kind="count"),
        TableColumn("person", title="a person", kind="percent", interval=True, beside=True),
        TableColumn("program", title="a program", kind="percent"),
        TableColumn("open", title="can't tell", kind="percent"),
    )
    note = "In percent, with Wilson intervals. If blinding held, the first row resembles the others."
    rows.sort(key=lambda row: row.cells["system"].value != original)
    return Table("readers-guesses", "Who readers thought had written it", columns, tuple(rows), (note,))


def guess_sentence(study: MergedStudy) -> str:
    """Whether blinding held, in a sentence; empty where nobody was asked."""
    told = _guesses(study)
    groups = [[guess for arm, guess in told if study.key.arms[arm].original == original] for original in (True, False)]
    if not all(groups):
        return ""
    shares = [_share(group) for group in groups]
    return (
        f"Readers took {shares[0]} original reports for a person's, and {shares[1]} reports of the systems. As far as "
        "these differ, readers could tell them apart, and that may have moved the original's place among the systems."
    )


def _share(guesses: Sequence[int]) -> str:
    person = guesses.count(PERSON)
    low, high = wilson(person, len(guesses))
    return f"{person / len(guesses):.0%} [{low:.0%}, {high:.0%}] of {len(guesses)}"


def _guesses(study: MergedStudy) -> list[tuple[int, int]]:
    """(arm, guess) of every report that was guessed about."""
    given = {answers.reader: answers.guesses for answers in study.answers}
    return [
        (reading.arms[0], int(held.values["guess"]))
        for reader in study.key.readers
        for reading in reader.guesses
        if (held := given.get(reader.code, {}).get(reading.id)) is not None and held.done and "guess" in held.values
    ]
