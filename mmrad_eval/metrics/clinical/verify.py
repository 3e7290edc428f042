"""The own engine held against the field's packages, on a user's own weights and reports."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmrad_eval.core.errors import MissingError
from mmrad_eval.core.values import Example, Value
from mmrad_eval.metrics.clinical.engines import CachedEngine, Engines
from mmrad_eval.metrics.suites import Setup

TOLERANCE = 1e-6
"""BERTScore and RaTEScore: what counts as the same number."""


class Verified(Value, frozen=True):
    """How one head compared."""

    head: str
    texts: int = 0
    """Texts (or pairs of them) that both engines were asked about."""
    different: int = 0
    """Those on which anything differs: an entity, a label, a relation, their order; a class; a number by over 1e-6."""
    margins: tuple[float | None, ...] = ()
    """Of the different ones, how close the own engine's closest decision was: near 0 is a tie."""
    largest: float = 0.0
    """The largest difference of any number: BERTScore's three, RaTEScore's two, CheXbert's vector."""
    signature: str = ""
    """What the own engine is and reads."""
    seconds: tuple[float, float] = (0.0, 0.0)
    """Own, upstream; loading left out."""
    versions: dict[str, str] = {}
    missing: str = ""
    """Why it could not be compared; empty where it was."""


def verify(names: Sequence[str], examples: Sequence[Example], count: int, options: Mapping[str, Any]) -> list[Verified]:
    """Compare both engines on the first ``count`` distinct texts of the examples, for every head that ``names`` use."""
    plain = {key: value for key, value in options.items() if key.startswith("weights.") or key == "device"}
    own, upstream = (Engines(Setup({**plain, "engine": engine})) for engine in ("own", "upstream"))
    texts = list(dict.fromkeys(t for e in examples for t in (e.candidate, e.reference or "") if t.strip()))[:count]
    pairs = [(e.candidate, e.reference or "") for e in examples]
    said = list(dict.fromkeys(pair for pair in pairs if pair[0].strip() and pair[1].strip()))[:count]
    return [
        _compared(head, asked, get, (own, upstream))
        for head, asked, get in (
            ("radgraph-xl", texts, lambda engines: engines.graphs("radgraph-xl")),
            ("radgraph", texts, lambda engines: engines.graphs("radgraph")),
            ("chexbert", texts, lambda engines: engines.labels()),
            ("bertscore@rexrank", said, lambda engines: engines.matches("distilroberta-base", 5)),
            ("bertscore@radeval", said, lambda engines: engines.matches("distilbert-base-uncased", 5)),
            ("bertscore@roberta-large", said, lambda engines: engines.matches("roberta-large", 17)),
            ("ratescore", said, lambda engines: engines.rates()),
        )
        if _used(head, names)
    ]


def _used(head: str, names: Sequence[str]) -> bool:
    """Whether one of the metrics needs the head."""
    needs = {
        "radgraph-xl": ("radgraph@xl",),
        "radgraph": ("radgraph@v1", "radgraph@rexrank", "radcliq@"),
        "chexbert": ("chexbert", "semb@", "radcliq@"),
        "bertscore@rexrank": ("bertscore@rexrank", "radcliq@"),
    }.get(head, (head,))
    return any(name.startswith(needs) for name in names)


def _compared(
    head: str, asked: Sequence[Any], get: Callable[[Engines], CachedEngine[Any, Any]], both: tuple[Engines, Engines]
) -> Verified:
    try:
        for engines in both:
            engines.available(_HEADS[head.partition("@")[0].removesuffix("-xl")])
        own, upstream = (get(engines) for engines in both)
        said, own_seconds = _timed(own, asked)
        expected, upstream_seconds = _timed(upstream, asked)
    except MissingError as error:
        return Verified(head, missing=str(error))
    gaps = [_gap(a, b) for a, b in zip(said, expected, strict=True)]
    different = [number for number, gap in enumerate(gaps) if gap is None or gap > TOLERANCE * (head != "chexbert")]
    if head == "chexbert":
        different = [n for n, (a, b) in enumerate(zip(said, expected, strict=True)) if a.classes != b.classes]
    return Verified(
        head,
        texts=len(asked),
        different=len(different),
        margins=tuple(getattr(said[number], "margin", None) for number in different),
        largest=max((gap for gap in gaps if gap is not None), default=0.0),
        signature=own.signature,
        seconds=(own_seconds, upstream_seconds),
        versions=_versions(),
    )


_HEADS: dict[str, Any] = {name: name for name in ("radgraph", "chexbert", "bertscore", "ratescore")}


def _timed(source: CachedEngine[Any, Any], asked: Sequence[Any]) -> tuple[list[Any], float]:
    assert source.runner is not None  # loads it
    start = time.perf_counter()
    return source(asked), round(time.perf_counter() - start, 3)


def _gap(a: Any, b: Any) -> float | None:
    """The largest difference of two results' numbers; None where graphs differ."""
    if hasattr(a, "graph"):
        return 0.0 if a.graph == b.graph else None
    if hasattr(a, "classes"):
        return float(abs(a.vector - b.vector).max())
    if hasattr(a, "long"):
        return float(max(abs(a.long - b.long), abs(a.short - b.short)))
    return float(max(abs(a.precision - b.precision), abs(a.recall - b.recall), abs(a.f1 - b.f1)))


def _versions() -> dict[str, str]:
    found = {}
    for name in (
        "torch",
        "transformers",
        "tokenizers",
        "radgraph",
        "f1chexbert",
        "bert-score",
        "nltk",
        "RaTEScore",
        "PyRuSH",
    ):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
