"""The options of one run: what the command, an experiment file and ``mmrad_eval.evaluate`` are all read into."""

from __future__ import annotations

import shlex
import typing
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from mmrad_eval.core import members
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import EFFORTS, DataUse, Decoding, Target
from mmrad_eval.harness import budget as budgets
from mmrad_eval.harness import gate
from mmrad_eval.harness.data import Data
from mmrad_eval.harness.jobs import Job
from mmrad_eval.harness.judges import judges
from mmrad_eval.harness.plan import RunOptions
from mmrad_eval.harness.shards import Shard
from mmrad_eval.model_registry.command_line import written_down
from mmrad_eval.model_registry.programs.options import ProgramOptions
from mmrad_eval.model_registry.rejections import declared
from mmrad_eval.model_registry.serving import ServeOptions
from mmrad_eval.results.scoring.workers import Workers

if TYPE_CHECKING:
    from mmrad_eval.model_registry.serving import Fleet

_SETTLED = ("temperature", "top_p", "seed", "stop")
"""Fields of the decoding that give way to what a model takes, unless the user stated them."""
_LEAST = {"sample": 0, "concurrency": 1, "patience": 0, "timeout": 0, "batch_size": 1, "check_cache": 0}
_SERVE = ("serve_args", "serve_context", "serve_images", "tensor_parallel", "data_parallel")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """One run as the user describes it: names, files or objects, and every option as it is written."""

    model: object
    task: object
    data: object = "demo"
    metrics: object = "paper"
    """One metric or several; None: the run is not scored."""
    out: str | Path = "results"
    split: str | None = None
    ids: str | Path | None = None
    limit: int | None = None
    batch: bool = False
    shard: str | None = None
    """Such as ``2/4``."""
    target: str = "findings"
    views: str = "all"
    context: str = "none"
    priors: str = "none"
    render: str = "record"
    images_first: bool = False
    options: Mapping[str, str] | None = None
    """The task's own, ``--set``."""
    prompt: str | Path | None = None
    max_edge: int | None = None
    decoding: Mapping[str, Any] | None = None
    """The fields of ``Decoding`` that the run states."""
    sample: int = 0
    images: str | Path | None = None
    data_use: DataUse | None = None
    patient_column: str | None = None
    columns: Mapping[str, str] | None = None
    link: str | Path | None = None
    metric_options: Mapping[str, str] | None = None
    workers: int | str = 1
    judge: str | Sequence[str] | None = None
    """``MODEL``, or ``PART=MODEL`` for each part of a metric."""
    judge_url: str | Sequence[str] = ()
    judge_key_env: str | Sequence[str] | None = None
    judge_samples: int = 1
    base_url: str | Sequence[str] = ()
    api_key_env: str | None = None
    api_key_file: str | Path | None = None
    allow_key: str | Sequence[str] = ()
    serve: bool = False
    serve_args: str | None = None
    serve_context: int | None = None
    serve_images: int | None = None
    dtype: str | None = None
    tensor_parallel: int | None = None
    data_parallel: int | None = None
    python: str | Path | None = None
    """The interpreter that runs a model of transformers (``hf:ID``)."""
    device_map: str | None = None
    batch_size: int | None = None
    trust_remote_code: bool = False
    local_networks: str | Sequence[str] = ()
    attestation: Mapping[str, str] | None = None
    """``provider``, ``retention`` and ``who``."""
    concurrency: int | None = None
    timeout: float | None = None
    patience: float | None = None
    refusal_pattern: str | Sequence[str] = ()
    budget: str | None = None
    """Such as ``20usd``."""
    max_requests: int | None = None
    max_time: str | None = None
    """Such as ``1h30m``."""
    fresh: bool = False
    look_check: bool = False
    allow_blind: bool = False
    check_cache: int = 0

    def job(self, *, fleet: Fleet | None = None, planned_only: bool = False) -> Job:
        """The job that these settings describe; UsageError for one that says nothing or contradicts another.

        ``fleet`` keeps a server that is started (``serve``) for the next job; without one, the server ends with the
        run.
        """
        self._check()
        stated = dict(self.decoding or {})
        self._without_keys()
        return Job(
            model=_spec(self.model),
            task=_spec(self.task),
            data=Data(
                _spec(self.data),
                _path(self.images),
                self.data_use,
                self.patient_column,
                self.columns or {},
                _path(self.link),
            ),
            options=RunOptions(
                split=self.split,
                ids=_path(self.ids),
                limit=self.limit,
                views=self.views,
                context=self.context,
                priors=self.priors,
                target=cast("Target", self.target),
                prompt=_path(self.prompt),
                max_edge=self.max_edge,
                images_first=self.images_first,
                decoding=_decoding(stated),
                sample=self.sample,
                task_options={"render": self.render, **(self.options or {})},
            ),
            metrics=_metrics(self.metrics),
            metric_options=self.metric_options or {},
            base_url=_several(self.base_url),
            api_key_env=self.api_key_env,
            api_key_file=_path(self.api_key_file),
            allowed_keys=frozenset(_several(self.allow_key)),
            timeout=self.timeout,
            concurrency=self.concurrency,
            patience=self.patience,
            budget=budgets.Budget(
                usd=None if self.budget is None else budgets.usd(self.budget),
                requests=self.max_requests,
                seconds=None if self.max_time is None else budgets.duration(self.max_time),
            ),
            serve=self._serve(fleet),
            programs=self._programs(fleet),
            stated=frozenset(name for name in _SETTLED if name in stated),
            refusals=declared(_several(self.refusal_pattern)),
            results=Path(self.out),
            fresh=self.fresh,
            batch="wait" if self.batch else "",
            shard=None if self.shard is None else Shard.written(self.shard),
            look_check="off" if not self.look_check else "allow blind" if self.allow_blind else "on",
            check_cache=self.check_cache,
            attestation=_attestation(self.attestation),
            local_networks=_several(self.local_networks),
            judge=judges(self.judge or (), self.judge_url, self.judge_key_env, self.judge_samples),
            workers=Workers.written(str(self.workers)),
            planned_only=planned_only,
        )

    def _check(self) -> None:
        """UsageError for a setting of another type, which a run folder could not keep, or out of its range."""
        for name, hint in typing.get_type_hints(RunSettings).items():
            value = getattr(self, name)
            if not members.fits(value, hint):
                raise UsageError(f"{name}={value!r}: it must be {members.words(hint)}")
            if value is not None and name in _LEAST and value < _LEAST[name]:
                raise UsageError(f"{name}={value}: it must be at least {_LEAST[name]}")
        if self.batch and (self.budget is not None or self.max_requests is not None):
            raise UsageError(f"{budgets.NOT_IN_BATCHES}; make it smaller with --limit")
        if Path(self.out).exists() and not Path(self.out).is_dir():
            raise UsageError(f"--out {self.out} is not a folder")

    def _without_keys(self) -> None:
        """UsageError where one of the texts that a run keeps looks like a key."""
        named = (("--set", self.options), ("--metric-option", self.metric_options), ("--column", self.columns))
        for option, given in named:
            for name, value in (given or {}).items():
                written_down(option, f"{name}={value}")
        for part, text in (self.attestation or {}).items():
            written_down(f"--attest-{part}", str(text))
        for option, texts in (
            ("--refusal-pattern", self.refusal_pattern),
            ("--stop", (self.decoding or {}).get("stop")),
            ("--patient-column", self.patient_column),
            ("--local-network", self.local_networks),
            ("--dtype", self.dtype),
            ("--device-map", self.device_map),
        ):
            for text in _several(texts or ()):
                written_down(option, str(text))
        if isinstance(self.model, str) and "/" not in self.model:  # what has a slash names an organization, or a folder
            written_down("--model", self.model)

    def _programs(self, fleet: Fleet | None) -> ProgramOptions:
        """What is said of models that are programs; ``dtype`` is the server's where one is started."""
        return ProgramOptions(
            fleet,
            python=None if self.python is None else str(self.python),
            dtype=None if self.serve else self.dtype,
            device_map=self.device_map,
            batch_size=self.batch_size,
            trust_remote_code=self.trust_remote_code,
        )

    def _serve(self, fleet: Fleet | None) -> ServeOptions | None:
        if not self.serve:
            idle = next((name for name in _SERVE if getattr(self, name) is not None), None)
            if idle:
                raise UsageError(f"--{idle.replace('_', '-')} is for a server that --serve starts; add --serve")
            return None
        return ServeOptions(
            images=self.serve_images,
            context=self.serve_context,
            dtype=self.dtype,
            tensor_parallel=self.tensor_parallel,
            data_parallel=self.data_parallel,
            extra=tuple(shlex.split(self.serve_args or "")),
            fleet=fleet,
        )


def _decoding(stated: Mapping[str, Any]) -> Decoding:
    try:
        made = msgspec.convert(dict(stated), Decoding)
    except msgspec.ValidationError as error:
        raise UsageError(f"decoding: {error}; it has {', '.join(Decoding.__struct_fields__)}") from error
    how = made.reasoning
    if isinstance(how, str) and how not in EFFORTS:
        raise UsageError(f"--reasoning {how}: write a number of tokens, or one of {', '.join(EFFORTS)}")
    if isinstance(how, int) and not 0 <= how < made.expected_tokens:
        raise UsageError(
            f"--reasoning {how}: write 0 or more tokens, and fewer than --max-tokens {made.max_tokens}, which "
            "thinking and the answer share"
        )
    return made


def _attestation(stated: Mapping[str, str] | None) -> dict[str, str] | None:
    """The statement as run.json keeps it."""
    if stated is None:
        return None
    parts = {"provider": "", "retention": "", "who": ""} | dict(stated)
    try:
        return gate.attestation(**parts)
    except TypeError:
        raise UsageError(
            f"attestation: the fields are provider, retention, who and date, not {', '.join(stated)}"
        ) from None


def _metrics(named: object) -> tuple[object, ...]:
    """One metric or several: names, which commas may part, files and objects."""
    if named is None:
        return ()
    if isinstance(named, str):
        return tuple(name for name in named.split(",") if name)
    return tuple(named) if isinstance(named, list | tuple | AbstractSet | Iterator) else (named,)


def _spec(named: object) -> object:
    """A path as the command line writes it; names and objects as they are."""
    return str(named) if isinstance(named, Path) else named


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _several(written: str | Sequence[str]) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)
