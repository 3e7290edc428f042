"""``mmrad_eval.score``: texts against texts, in memory, by metrics of which some may ask judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmrad_eval.core.values import DataUse, Example, Target
from mmrad_eval.results.scoring.texts import Texts, TextScores, score_pairs
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, SEED

if TYPE_CHECKING:
    from mmrad_eval.harness.judge_runs import JudgeTerms
    from mmrad_eval.harness.judges import Judges
    from mmrad_eval.metrics import Suite


def score(
    candidates: Texts,
    references: Texts,
    metrics: object = "paper",
    *,
    patients: Sequence[str] | Mapping[str, str] | None = None,
    target: Target = "findings",
    options: Mapping[str, Any] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    data_use: DataUse = "unknown",
    judge: str | Sequence[str] | None = None,
    judge_url: str | Sequence[str] = (),
    judge_key_env: str | Sequence[str] | None = None,
    judge_samples: int = 1,
    local_networks: Sequence[str] = (),
    attestation: Mapping[str, str] | None = None,
    concurrency: int | None = None,
    timeout: float | None = None,
    out: str | Path = "results",
) -> TextScores:
    """Score texts against texts.

    Both are lists of equal length, or mappings by id with the same ids. ``patients``, in the same form, makes the
    intervals resample patients instead of pairs. ``metrics`` is one or several of: a registry name, a family, a suite,
    ``file.py:Name``, a metric object. Unless ``data_use`` says that the texts are ``open``, no code of this process
    connects to another machine meanwhile: GateError says what tried to.

    Metrics that ask a model ask ``judge``, which has the form of the command's ``--judge``, as the options beside it
    have of theirs; its replies are kept in the folder of results ``out``, and asked for once. GateError where the texts
    may not go to it.
    """
    judging = None
    if judge is not None or judge_samples != 1:
        from mmrad_eval.harness import gate
        from mmrad_eval.harness.judge_runs import JudgeTerms
        from mmrad_eval.harness.judges import judges

        named = judges(judge or (), judge_url, judge_key_env, judge_samples)
        parts = {"provider": "", "retention": "", "who": ""} | dict(attestation or {})
        stated = None if attestation is None else gate.attestation(**parts)
        terms = JudgeTerms(
            timeout=timeout, concurrency=concurrency, attestation=stated, local_networks=tuple(local_networks)
        )
        assert named is not None
        judging = partial(_judged, named, terms, Path(out), data_use)
    return score_pairs(candidates, references, metrics, patients, target, options, resamples, seed, data_use, judging)


def _judged(  # noqa: PLR0917 (what `partial` fills in, and what scoring gives)
    judges: Judges, terms: JudgeTerms, results: Path, use: DataUse, suite: Suite, examples: Sequence[Example]
) -> Suite:
    """The suite with what judges said of texts."""
    from mmrad_eval.core.contracts import Dataset
    from mmrad_eval.harness.judge_runs import judge_dataset

    dataset = Dataset("texts", [example.study for example in examples], use)
    return judge_dataset(judges, terms, dataset, examples, suite, results)[0]
