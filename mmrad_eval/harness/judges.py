"""Judges as they are named: one model for all questions, or one for each part of a metric, and how often they judge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmrad_eval.core.contracts import is_client
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.judge_contracts import REPEATS_FROM
from mmrad_eval.metrics import Suite
from mmrad_eval.metrics.judge_metrics import asks, judging
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.command_line import written_down

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Client

EVERY = ""
"""The part whose judge answers all parts that have none of their own."""
_OF_PART = re.compile(r"([a-z][a-z0-9_-]*)=(.+)", re.DOTALL)
_MOST_REPEATS = 100


@dataclass(frozen=True)
class Judge:
    """One model that judges, as it was named."""

    model: str
    base_url: tuple[str, ...] = ()
    api_key_env: str | None = None

    def client(
        self, allowed_keys: frozenset[str] = frozenset(), *, timeout: float | None = None, key_needed: bool = True
    ) -> Client:
        """Find it; UsageError where it answers no questions."""
        found = resolve(
            self.model,
            base_url=self.base_url,
            api_key_env=self.api_key_env,
            allowed_keys=allowed_keys,
            timeout=timeout,
            key_needed=key_needed,
        )
        if not is_client(found):
            raise UsageError(
                f"--judge {self.model}: it answers studies, not questions; name a model behind an endpoint"
            )
        return found


@dataclass(frozen=True)
class Judges:
    """Who judges which part, and how often each example is judged."""

    by_part: Mapping[str, Judge]
    """By part; ``EVERY`` is the judge of the parts that have none of their own."""
    repeats: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.repeats <= _MOST_REPEATS:
            raise UsageError(f"--judge-samples {self.repeats}: write a number from 1 to {_MOST_REPEATS}")
        assert _MOST_REPEATS < REPEATS_FROM

    def __str__(self) -> str:
        return ", ".join(f"{part}={one.model}" if part else one.model for part, one in self.by_part.items())

    def clients(
        self,
        suite: Suite,
        allowed_keys: frozenset[str] = frozenset(),
        *,
        timeout: float | None = None,
        key_needed: bool = True,
    ) -> dict[str, Client]:
        """The model of each part, one object for equal judges; none where what would ask is missing from the suite.

        UsageError where no metric of the suite asks anybody, or none has a part of that name, or a part has no judge.
        """
        asking = [metric for metric in suite if asks(metric)]
        if not asking and suite.missing:
            return {}  # the table says what is missing, and what brings it
        if not asking:
            raise UsageError(f"--judge {self}: none of these metrics asks a judge; see `mmrad-eval metrics`")
        parts = {part: metric.name for metric in asking for part in judging(metric).parts}
        for part in self.by_part.keys() - {EVERY, *parts}:
            known = f"the parts are {', '.join(sorted(parts))}" if parts else "these metrics have no parts"
            raise UsageError(f"--judge {part}={self.by_part[part].model}: no metric has a part {part!r}; {known}")
        if EVERY not in self.by_part:
            whole = [metric.name for metric in asking if not judging(metric).parts]
            for name, where in ((part, of) for part, of in parts.items() if part not in self.by_part):
                raise UsageError(
                    f"--judge: no judge is named for the part {name!r} of {where}; add --judge {name}=MODEL"
                )
            if whole:
                raise UsageError(f"--judge {self}: {whole[0]} has no parts; name its judge with --judge MODEL")
        found: dict[Judge, Client] = {}
        for judge in self.by_part.values():
            if judge not in found:
                found[judge] = judge.client(allowed_keys, timeout=timeout, key_needed=key_needed)
        return {part: found[judge] for part, judge in self.by_part.items()}


def judges(
    models: str | Sequence[str],
    urls: str | Sequence[str] = (),
    keys: str | Sequence[str] | None = (),
    repeats: int = 1,
) -> Judges | None:
    """The judges that options name: ``MODEL`` or ``PART=MODEL``, and in the same form addresses and keys' variables.

    None where nobody is named. An address or a variable without a part is that of every judge without one of its own.
    """
    named: dict[str, str] = {}
    for part, model in _by_part(models):
        if part in named:
            what = f"the part {part!r}" if part else "all parts"
            raise UsageError(f"--judge {model}: {named[part]} judges {what} already; name one model per part")
        if "/" not in model:  # what has a slash names an organization, or a folder
            written_down("--judge", model)
        named[part] = model
    places: dict[str, list[str]] = {}
    for part, url in _by_part(urls):
        places.setdefault(part, []).append(url)
    variables = dict(_by_part(keys or ()))
    if not named:
        if places or variables:
            raise UsageError("--judge-url and --judge-key-env are for a judge: name it with --judge MODEL")
        if repeats != 1:
            raise UsageError("--judge-samples is for a judge: name it with --judge MODEL")
        return None
    for option, given in (("--judge-url", places), ("--judge-key-env", variables)):
        for part in given.keys() - {EVERY, *named}:
            raise UsageError(f"{option} {part}=...: name that judge with --judge {part}=MODEL")
    found = {
        part: Judge(
            model,
            tuple(places.get(part, places.get(EVERY, ()))),
            variables.get(part, variables.get(EVERY)),
        )
        for part, model in named.items()
    }
    return Judges(found, repeats)


def _by_part(written: str | Iterable[str]) -> list[tuple[str, str]]:
    """(part, rest) of each text; the part is empty where none is named."""
    texts = [written] if isinstance(written, str) else list(written)
    found = [(text, _OF_PART.fullmatch(text)) for text in texts]
    return [(match[1], match[2]) if match else (EVERY, text) for text, match in found]
