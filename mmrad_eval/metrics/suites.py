"""From the names on a command line to metrics that are ready to measure."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mmrad_eval.core import plugins
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import MissingError, PluginError, UnknownNameError, UsageError
from mmrad_eval.core.plugin_files import file_spec
from mmrad_eval.core.provenance import source_of
from mmrad_eval.core.registry import BUILTIN, Registry
from mmrad_eval.metrics.guarded import guarded, kind

if TYPE_CHECKING:  # contracts import numpy, and listing names needs none of it
    from mmrad_eval.core.contracts import Metric
    from mmrad_eval.core.values import DataUse
    from mmrad_eval.metrics.encoders import TextEncoders

T = TypeVar("T")

PACKAGES = {
    name.rpartition(".")[2]: f"mmrad_eval.metrics.{name}"
    for name in (
        *(
            "lexical",
            "facts",
            "findings",
            "clinical.graphs",
            "clinical.embeddings",
            "clinical.entities",
            "composites",
            "consistency",
            "grounding",
        ),
        "stored",
        "judged",
    )
}
"""Packages of metrics by the name of the suite that each of them is. A package's ``METRICS`` maps names to
(``module:attribute``, summary); its ``PAPER`` names those of the default suite. Importing one imports nothing heavy."""

CATALOGUES = {
    "evaluate:": (
        "mmrad_eval.metrics.hf_evaluate:load",
        "Any text metric of the evaluate catalogue: evaluate:meteor",
    ),
}
"""Metrics that no package of ours holds."""

PAPER = "paper"
"""The default suite."""


@dataclass(frozen=True)
class MissingMetric:
    """A metric that was asked for and can't be scored here."""

    name: str
    what: str
    """What it needs."""
    remedy: str
    """The command that fixes it."""

    def __str__(self) -> str:
        return f"{self.name} is not scored: {self.what}; {self.remedy}"


class Suite(list["Metric"]):
    """Metrics in the order in which their columns are shown, and what could not be built."""

    def __init__(
        self,
        metrics: Iterable[Metric] = (),
        missing: Iterable[MissingMetric] = (),
        options: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        data_use: DataUse = "open",
        *,
        portable: AbstractSet[str] = frozenset(),
        told: Mapping[str, Any] | None = None,
        encoders: TextEncoders | None = None,
        encoding: AbstractSet[str] = frozenset(),
    ) -> None:
        super().__init__(metrics)
        self.missing: tuple[MissingMetric, ...] = tuple(missing)
        self.options = options or {}
        """Metric -> option that it takes -> its values, the default first."""
        self.data_use: DataUse = data_use
        """The class of the files of results that its metrics read; ``open`` where they read none."""
        self.portable = frozenset(portable)
        """Names of metrics that ``rebuilt`` makes anew in another process: ours, without an engine or files."""
        self.told = told or {}
        """What its metrics were told."""
        self.encoders = encoders
        """The engines that its metrics share; None where none has one."""
        self.encoding = frozenset(encoding)
        """Names of the metrics that have an engine."""


def class_of(metrics: Sequence[Metric]) -> DataUse:
    """The class of the files of results that metrics read."""
    return metrics.data_use if isinstance(metrics, Suite) else "open"


@dataclass
class Setup:
    """What the factory of a metric may use; one for all metrics of a suite, so that they can share."""

    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    """The name that was asked for, such as ``bleu@rexrank``."""
    texts: Path | None = None
    """Folder of the journal that keeps what was computed of a text; None: nothing is kept."""
    argument: str = ""
    """What follows the colon of a name like ``evaluate:meteor``."""
    data_use: DataUse = "open"
    """The class of the files of results that were read so far."""
    _shared: dict[Any, Any] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    offered: dict[str, dict[str, Sequence[str]]] = field(default_factory=dict)
    """Metric -> option that it takes -> its values, the default first."""
    stays: set[str] = field(default_factory=set)
    """Metrics that no other process makes: what they hold is large, and made once."""
    encoders: TextEncoders | None = None
    """What they hold, once one of them was made."""

    def option(self, key: str, default: str, choices: Sequence[str] = ()) -> str:
        """The text given for ``key``; UsageError where it is none of ``choices``."""
        self.offered.setdefault(self.name, {})[key] = tuple(dict.fromkeys((default, *choices)))
        value = str(self.value(key, default))
        if choices and value not in choices:
            raise UsageError(f"option {key}={value}: {self.name} takes {', '.join(choices)}")
        return value

    def value(self, key: str, default: T) -> T:
        """Whatever a caller in Python gave for ``key``: a path, a journal, a runner."""
        self._known.add(key)
        return cast("T", self.options.get(key, default))

    def shared(self, key: Any, make: Callable[[], T]) -> T:
        """The one value of this suite under ``key``, made at first use: tokens, an encoder, a journal."""
        if key not in self._shared:
            self._shared[key] = make()
        return cast("T", self._shared[key])

    def holds(self, use: DataUse) -> None:
        """Say that a metric holds data of class ``use``: what is computed with it has no lesser one."""
        self.data_use = strictest((self.data_use, use))

    def unknown(self) -> list[str]:
        """Options that no metric of the suite asked for."""
        return sorted(set(self.options) - self._known)

    @property
    def known(self) -> list[str]:
        """Options that some metric of the suite asked for."""
        return sorted(self._known)


def registry() -> Registry:
    """Every metric by name, built in and installed; loads no metric."""
    builtin: dict[str, tuple[str, str]] = dict(CATALOGUES)
    for package in PACKAGES:
        builtin |= _listing(package, "METRICS")
    return Registry("metric", builtin)


def catalogue(known: Registry | None = None) -> dict[str, tuple[str, ...]]:
    """Names that stand for several metrics -> those, in order: ``paper``, each package, each family."""
    names = [entry.name for entry in known or registry()]
    groups: dict[str, tuple[str, ...]] = {
        PAPER: tuple(name for package in PACKAGES for name in _listing(package, "PAPER"))
    }
    for package in PACKAGES:
        listed = tuple(name for name in _listing(package, "METRICS") if not name.endswith(":"))
        if listed:
            groups[package] = listed
    for name in names:
        family, at, _ = name.partition("@")
        if at:
            groups[family] = (*groups.get(family, ()), name) if family not in PACKAGES else groups[family]
    return groups


def members(names: Sequence[Any], known: Registry | None = None) -> list[Any]:
    """Single metrics, each once, in the order asked: their names, ``file.py:Name``, or objects as they are.

    UnknownNameError names the nearest.
    """
    known = known or registry()
    groups = catalogue(known)
    found: list[Any] = []
    for name in names:
        if not isinstance(name, str) or file_spec(name):
            found.append(name)
        elif name in groups:
            found += groups[name]
        elif known.get(name) is not None or known.get(_prefix(name)) is not None:
            found.append(name)
        else:
            raise UnknownNameError("metric", name, _origins(known, groups))
    return [one for i, one in enumerate(found) if not any(one is other or one == other for other in found[:i])]


def suite(
    names: Sequence[Any] = (PAPER,),
    *,
    options: Mapping[str, Any] | None = None,
    texts: Path | None = None,
    stored: bool = True,
) -> Suite:
    """The metrics of these names, files and objects, and before each the metrics whose statistics it requires.

    What can't be built here for want of an extra, weights or data is in ``.missing``, and so is what requires it.
    Raises UnknownNameError, UsageError for an option that no metric takes, for two metrics that fill one column or, if
    scores are ``stored``, for an object that can't be identified; PluginError for a plugin that does not fit.
    """
    builder = _Builder(registry(), Setup(options or {}, texts=texts))
    asked = members(names, builder.known)
    own = {id(one): builder.own(one, stored=stored) for one in asked if not _registered(one)}
    for one in asked:
        builder.add(one if _registered(one) else own[id(one)])
    unknown = builder.setup.unknown()
    if unknown:
        raise UsageError(_no_option(unknown[0], builder.setup))
    metrics = [made for made in builder.built.values() if not isinstance(made, MissingMetric)]
    _distinct(metrics)
    missing = (made for made in builder.built.values() if isinstance(made, MissingMetric))
    portable = {metric.name for metric in metrics} & builder.portable - builder.setup.stays
    setup = builder.setup
    return Suite(
        metrics,
        missing,
        setup.offered,
        setup.data_use,
        portable=portable,
        told=options,
        encoders=setup.encoders,
        encoding=setup.stays,
    )


def rebuilt(names: Sequence[str], told: Mapping[str, Any]) -> list[Metric]:
    """Portable metrics by their names, for a worker; MissingError where what one needs is not here."""
    builder = _Builder(registry(), Setup(told))
    made = [builder.alone(name) for name in names]
    for one in made:
        if isinstance(one, MissingMetric):
            raise MissingError(one.what, one.remedy, f"a worker can't create {one.name}")
    return cast("list[Metric]", made)


def _registered(one: object) -> bool:
    return isinstance(one, str) and file_spec(one) is None


def _distinct(metrics: Iterable[Metric]) -> None:
    """Raise UsageError where two metrics fill one column: tables know a column by its label, and would show one.

    Metrics that measure the same (``measures``) have the same numbers in it.
    """
    owners: dict[str, Metric] = {}
    for metric in metrics:
        for column in metric.columns:
            other = owners.setdefault(column.label, metric)
            if other is not metric and _measures(other) != _measures(metric):
                raise UsageError(
                    f"{other.name} and {metric.name} would both fill the column {column.label!r}: give one of the "
                    "files another name (a column is named after its file), or compute one of the two at a time"
                )


def _measures(metric: Metric) -> str:
    from mmrad_eval.core.contracts import Sharing

    return metric.measures if isinstance(metric, Sharing) else metric.name


@dataclass
class _Builder:
    known: Registry
    setup: Setup
    built: dict[str, Metric | MissingMetric] = field(default_factory=dict)
    portable: set[str] = field(default_factory=set)
    _own: dict[str, Metric | MissingMetric] = field(default_factory=dict)
    """Metrics of files and objects, by name."""

    def own(self, spec: object, *, stored: bool) -> str:
        """Make a metric of a file or an object, and return its name: others may require it by that."""
        self.setup.name = spec if isinstance(spec, str) else type(spec).__name__
        self.setup.argument = ""
        try:
            plugin = plugins.load(kind(), spec, offered=(self.setup,))
        except MissingError as error:
            self._own[self.setup.name] = MissingMetric(self.setup.name, error.what, error.remedy)
            return self.setup.name
        metric: Metric = plugin.value
        taken = metric.name in self._own or metric.name in catalogue(self.known)
        if taken or self.known.get(metric.name) or self.known.get(_prefix(metric.name)):
            raise UsageError(
                f"metric {plugin.name}: a metric or suite already has the name {metric.name!r}; rename one of them"
            )
        try:
            source = source_of(plugin)
        except UsageError:
            if stored:
                raise
            source = ""
        self._own[metric.name] = guarded(metric, source)
        return metric.name

    def add(self, name: str, above: tuple[str, ...] = ()) -> Metric | MissingMetric:
        """Build ``name``, and first what it requires."""
        if name in above:
            raise PluginError(f"metrics require each other in a cycle: {' -> '.join((*above, name))}")
        if name not in self.built:
            made = self._build(name)
            required = () if isinstance(made, MissingMetric) else made.requires
            parts = [self._required(part, (*above, name)) for part in required]
            for part in parts:
                if isinstance(part, MissingMetric):
                    made = MissingMetric(name, f"it is made of {part.name}, and {part.what}", part.remedy)
                    break
            self.built[name] = made
        return self.built[name]

    def _required(self, name: str, above: tuple[str, ...]) -> Metric | MissingMetric:
        try:
            return self.add(name, above)
        except UnknownNameError as error:
            raise PluginError(f"metric {above[-1]} requires {name!r}: {error}") from error

    def alone(self, name: str) -> Metric | MissingMetric:
        """Build ``name`` without what it requires."""
        return self._build(name)

    def _build(self, name: str) -> Metric | MissingMetric:
        if name in self._own:
            return self._own[name]
        entry = self.known.get(name) or self.known.entry(_prefix(name))
        self.setup.name, self.setup.argument = name, name[len(entry.name) :]
        try:
            metric: Metric = plugins.load(kind(), entry.name, self.known, offered=(self.setup,)).value
        except MissingError as error:
            return MissingMetric(name, error.what, error.remedy)
        if entry.origin == BUILTIN:
            if entry.name == name:
                self.portable.add(name)
            return metric
        if metric.name != name and not entry.name.endswith(":"):
            place = f"{entry.origin}, {entry.target}"
            raise PluginError(f"metric {name} ({place}) calls itself {metric.name!r}; register it under that name")
        return guarded(metric)


def _listing(package: str, attribute: str) -> Any:
    """A package's METRICS or PAPER, empty where it has none."""
    return getattr(importlib.import_module(PACKAGES[package]), attribute, {})


def _prefix(name: str) -> str:
    """``evaluate:meteor`` is served by the entry ``evaluate:``."""
    head, colon, _ = name.partition(":")
    return head + colon if colon else name


def _origins(known: Registry, groups: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(name, BUILTIN) for name in groups] + [(entry.name, entry.origin) for entry in known]


def _no_option(key: str, setup: Setup) -> str:
    import difflib

    near = difflib.get_close_matches(key, setup.known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"no metric of this suite takes an option {key!r}; {hint}they take: {', '.join(setup.known) or 'none'}"
