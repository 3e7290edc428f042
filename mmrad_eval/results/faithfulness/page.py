"""One page of a model's contrasts, as Markdown and as data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mmrad_eval.metrics.labelf1 import LABELS
from mmrad_eval.results.faithfulness.arms import ARMS
from mmrad_eval.results.faithfulness.conclusions import conclusions, interval, limits, plain, shown
from mmrad_eval.results.faithfulness.looks_page import look_table, looks_as_data
from mmrad_eval.results.faithfulness.measures import ArmMeasures
from mmrad_eval.results.faithfulness.reading import ArmValue
from mmrad_eval.results.faithfulness.visual_claim import as_data
from mmrad_eval.results.run.spent import Spent
from mmrad_eval.tasks.arms import Arm

SCHEMA = "mmrad.faithfulness/1"
_ARM_COLUMNS = (
    *("arm", "shows", "answered", "cut off", "prompt tokens", "of images", "completion tokens", "of reasoning"),
    "left out",
)
_TOKENS = range(4, 8)
EDIT = "IS "
"""How the names of image sensitivity begin."""


def markdown(measured: ArmMeasures, model: str, dataset: str, lacking: Sequence[Arm] = ()) -> str:
    """The page. ``lacking``: arms that could not be asked about this data."""
    many = "patients" if measured.clustered_by == "patient" else "studies (no patient ids)"
    about = f"{dataset}; {measured.patients} {many}, intervals of 95 % resampled by {measured.clustered_by}."
    lines = [
        f"# Does {model} look?",
        "",
        f"{about} Every arm shows only the key image. Labels and facts are extracted by rules.",
        "",
        "## What the numbers allow one to conclude",
        "",
        *(f"- {sentence}" for sentence in conclusions(measured)),
        "",
        "## What they do not",
        "",
        *(f"- {sentence}" for sentence in limits(measured, lacking)),
        "",
        "## Reports that change with an edit of image or request",
        "",
        "| edit | changed | 95 % interval | labels changed | floor | beyond it | 95 % interval | studies |",
        "|---|---|---|---|---|---|---|---|",
        *_edits(measured),
        "",
        *_by_label(measured),
        *look_table(measured.looks),
        "## Numbers",
        "",
        "| contrast | value | 95 % interval | studies |",
        "|---|---|---|---|",
        *(
            f"| {name} | {shown(name, v.value)} | {interval(name, v)} | {v.n} |"
            for name, v in measured.values.items()
            if not name.startswith(EDIT)
        ),
        "",
        "## Arms",
        "",
        *_arms(measured, [arm for arm in ARMS if arm not in lacking]),
    ]
    return "\n".join(lines)


def _arms(measured: ArmMeasures, arms: Sequence[Arm]) -> Iterator[str]:
    """One row an arm, without the columns in which no arm has anything."""
    rows = []
    for arm in arms:
        answered, cut = measured.arms.get(arm.task, 0), measured.truncated.get(arm.task, 0)
        numbers = (str(answered), str(cut), *_tokens(measured, arm))
        rows.append((arm.task, arm.shows, *numbers, _left_out(measured, arm)))
    kept = [n for n in range(len(_ARM_COLUMNS)) if any(row[n] for row in rows)]
    yield f"| {' | '.join(_ARM_COLUMNS[n] for n in kept)} |"
    yield f"|{'---|' * len(kept)}"
    for row in rows:
        yield f"| {' | '.join(row[n] for n in kept)} |"
    yield ""
    if any(n in kept for n in _TOKENS):
        yield "Tokens of a study, on average, as the provider counted them over all turns; empty where it did not."
        yield ""


def record(measured: ArmMeasures, model: str, dataset: str, runs: dict[str, str]) -> dict[str, Any]:
    """The same as data: ``values`` holds [value, low, high, n], null where there is none."""
    return {
        "schema": SCHEMA,
        "model": model,
        "dataset": dataset,
        "runs": runs,
        "arms": measured.arms,
        "truncated": dict(measured.truncated),
        "spent": {arm: msgspec.to_builtins(spent) for arm, spent in measured.spent.items()},
        "patients": measured.patients,
        "clustered_by": measured.clustered_by,
        "left_out": {arm: dict(reasons) for arm, reasons in measured.left_out.items()},
        "conclusions": list(conclusions(measured)),
        "visual_claim": as_data(measured.claim),
        "own_looks": looks_as_data(measured.looks),
        "values": {
            name: [*(None if math.isnan(x) else x for x in (v.value, v.low, v.high)), v.n]
            for name, v in measured.values.items()
        },
    }


def _edits(measured: ArmMeasures) -> Iterator[str]:
    """A row an edit: how many reports change, and beyond what should change none."""
    values = measured.values
    for arm in ARMS:
        changed, labels = values.get(f"{EDIT}{arm.task}"), values.get(f"{EDIT}{arm.task} by label")
        if changed is None or labels is None:
            continue
        floor, net = values.get(f"{EDIT}floor for {arm.task}"), values.get(f"{EDIT}{arm.task} net")
        beyond = [plain(floor), _signed(net), interval(" net", net)] if floor and net else ["", "", ""]
        cells = [arm.task, plain(changed), interval("", changed), plain(labels), *beyond, str(changed.n)]
        yield f"| {' | '.join(cells)} |"


def _by_label(measured: ArmMeasures) -> Iterator[str]:
    """Which labels another patient's image changes; nothing where no such arm was asked."""
    rows = [
        f"| {label} | {plain(changed)} | {interval('', changed)} | {_signed(net)} | {interval(' net', net)} |"
        for label in LABELS
        if (changed := measured.values.get(f"{EDIT}direct-swapped: {label}"))
        and (net := measured.values.get(f"{EDIT}direct-swapped: {label} net"))
    ]
    if rows:
        yield "## Labels that change with another patient's image"
        yield from (
            "",
            "| label | changed | 95 % interval | beyond the floor | 95 % interval |",
            "|---|---|---|---|---|",
        )
        yield from (*rows, "")


def _signed(net: ArmValue) -> str:
    return shown(" net", net.value)


def _tokens(measured: ArmMeasures, arm: Arm) -> list[str]:
    """Tokens per study of each kind, as cells."""
    spent, answered = measured.spent.get(arm.task, Spent()), measured.arms.get(arm.task, 0)
    kinds = (
        (spent.answers, spent.prompt),
        (spent.image_answers, spent.image),
        (spent.answers, spent.completion),
        (spent.reasoning_answers, spent.reasoning),
    )
    return [f"{many / known:,.0f}" if known and known == answered else "" for known, many in kinds]


def _left_out(measured: ArmMeasures, arm: Arm) -> str:
    return "; ".join(f"{count}: {reason}" for reason, count in measured.left_out.get(arm.task, {}).items())
