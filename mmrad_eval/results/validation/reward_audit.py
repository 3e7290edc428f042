"""Which reports that are cheap to write are worth more under a reward than honest ones.

A policy writes a report for each study. Cheap ones see no image: the longest normal template, every finding listed,
everything hedged, the shown evidence copied, an honest report said three times. Honest ones are what a reader with
little luck writes: another patient's report, and every second sentence of the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Study, Target
from mmrad_eval.metrics.consistency.statements import words_of
from mmrad_eval.metrics.findings.policies import NORMAL, everything, hedged_everything
from mmrad_eval.results.scoring.rewards import Reward
from mmrad_eval.results.statistics.bootstrap import finite
from mmrad_eval.results.statistics.weights import bootstrap_weights, cluster_index
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn
from mmrad_eval.results.validation.perturbations import NORMAL as DENYING
from mmrad_eval.results.validation.perturbations import sentences

RESAMPLES, SEED, LEVEL = 2000, 20_260_527, 0.95
LONGEST = (
    f"{NORMAL} The trachea is midline. The airways are patent. The pulmonary vasculature is normal. There is no "
    "pulmonary edema. There is no pulmonary nodule or mass. The costophrenic angles are sharp. The diaphragm is normal "
    "in contour. There is no free air under the diaphragm. The visualized upper abdomen is unremarkable. The soft "
    "tissues are unremarkable. There is no lymphadenopathy. The aorta is normal in caliber. No acute cardiopulmonary "
    "abnormality."
)
CHANCE, HALF = "another patient's report", "every second sentence of the reference"
REPEATED = "every second sentence, three times"

_Clusters = tuple[NDArray[np.intp], int, int]
"""(studies,) the cluster of each, how many there are, and how often they are resampled."""
Policy = Callable[[int, Sequence[Study], Target], str]


@dataclass(frozen=True)
class Cheap:
    """A policy that sees no image, and the honest one that it is held against."""

    name: str
    report: Policy
    against: str = CHANCE


def _reference(study: Study, target: Target) -> str:
    return (study.reference.target(target) if study.reference else None) or ""


def _another(i: int, studies: Sequence[Study], target: Target) -> str:
    """The report of the next patient in the order of the data."""
    for step in range(1, len(studies)):
        other = studies[(i + step) % len(studies)]
        if other.cluster != studies[i].cluster:
            return _reference(other, target)
    raise DataError("the audit needs reports of at least two patients")


def _half(i: int, studies: Sequence[Study], target: Target) -> str:
    return " ".join(sentences(_reference(studies[i], target))[::2])


def _repeated(i: int, studies: Sequence[Study], target: Target) -> str:
    return " ".join([_half(i, studies, target)] * 3)


def _copied(i: int, studies: Sequence[Study], target: Target) -> str:
    del target
    return words_of(studies[i].trace)


def _normal_only(i: int, studies: Sequence[Study], target: Target) -> str:
    """The sentences of the reference that deny something: what is left to a report that finds nothing."""
    return " ".join(part for part in sentences(_reference(studies[i], target)) if DENYING.search(part))


HONEST: Mapping[str, Policy] = {CHANCE: _another, HALF: _half}
CHEAP: tuple[Cheap, ...] = (
    Cheap("normal template", lambda *_: NORMAL),
    Cheap("longest normal template", lambda *_: LONGEST),
    Cheap("every finding listed", lambda *_: everything()),
    Cheap("everything hedged", lambda *_: hedged_everything()),
    Cheap("shown evidence copied", _copied),
    Cheap("normal statements of the reference alone", _normal_only, HALF),
    Cheap(REPEATED, _repeated, HALF),
)


def audit(studies: Sequence[Study], reward: Reward, resamples: int = RESAMPLES) -> Table:
    """The mean reward of each policy, and what a cheap one gains over the honest one, with an interval over patients.

    UsageError where no study has a reference.
    """
    known = [study for study in studies if _reference(study, reward.target)]
    if not known:
        raise UsageError(f"no study has a reference {reward.target}")
    names, index = cluster_index([study.cluster for study in known])
    references = [_reference(study, reward.target) for study in known]

    def values(policy: Policy) -> FloatArray | None:
        reports = [policy(i, known, reward.target) for i in range(len(known))]
        return np.array(reward.values(reports, references)) if any(reports) else None

    honest = {name: values(policy) for name, policy in HONEST.items()}
    clusters = (index, len(names), resamples)
    rows = [_row(name, found, None, "", clusters) for name, found in honest.items()]
    rows += [_row(cheap.name, values(cheap.report), honest[cheap.against], cheap.against, clusters) for cheap in CHEAP]
    rows[len(HONEST)] = Row(rows[len(HONEST)].cells, rows[len(HONEST)].notes, ranked=False, rule=True)
    winners = [str(row.cells["policy"].value) for row in rows if row.cells["beats"].value == "yes"]
    said = f"Beat an honest report: {', '.join(winners)}." if winners else "No cheap policy beats an honest report."
    columns = (
        TableColumn("policy"),
        TableColumn("n", kind="count"),
        TableColumn("reward", title="mean reward", kind="score", digits=3),
        TableColumn("gain", title="gain", kind="score", digits=3, interval=True),
        TableColumn("against", title="over"),
        TableColumn("beats", title="beats it"),
    )
    notes = (
        f"{said} A gain counts if its 95 % interval, over {len(names):,} patients or studies, lies above 0.",
        f"Reward: {reward.signature}",
    )
    return Table("reward-audit", f"Cheap policies under {reward.__name__}", columns, tuple(rows), notes)


def _row(name: str, found: FloatArray | None, honest: FloatArray | None, against: str, clusters: _Clusters) -> Row:
    if found is None:
        cells = {"policy": Cell(name), "n": Cell(0), "beats": Cell("no study has any")}
        return Row(cells, ranked=False)
    cells = {
        "policy": Cell(name),
        "n": Cell(len(found)),
        "reward": Cell(finite(float(found.mean()))),
        "beats": Cell(""),
    }
    if honest is not None:
        gain = found - honest
        low, high = _interval(gain, clusters)
        cells |= {"gain": Cell(finite(float(gain.mean())), finite(low), finite(high)), "against": Cell(against)}
        cells["beats"] = Cell("yes" if low > 0 else "no")
    return Row(cells, ranked=False)


def _interval(gain: FloatArray, clusters: _Clusters) -> tuple[float, float]:
    """Percentile interval of the mean over whole clusters; nan below two."""
    index, count, resamples = clusters
    if count < 2 or resamples < 1:
        return float("nan"), float("nan")
    drawn = []
    for block in bootstrap_weights(count, resamples, SEED):
        weights = block[:, index]
        drawn.append((weights @ gain) / weights.sum(axis=1))
    low, high = np.quantile(np.concatenate(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
