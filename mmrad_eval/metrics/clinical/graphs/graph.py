"""A report as a graph of entities and relations, read from every form in which RadGraph output is kept.

Jain et al., RadGraph, NeurIPS 2021; Delbrouck et al., RadGraph-XL, ACL 2024. Version 1 writes the labels ``ANAT-DP``,
``OBS-DP``, ``OBS-DA`` and ``OBS-U``; XL writes ``Anatomy::definitely present``,
``Observation::measurement::uncertain`` and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Value

Scheme = Literal["v1", "xl", ""]
"""Which labels a graph uses; empty where it has no entity to tell by."""

V1_LABELS = frozenset({"ANAT-DP", "ANAT-DA", "ANAT-U", "OBS-DP", "OBS-DA", "OBS-U"})


class Entity(Value, frozen=True):
    """Some words of a report with a label, and where it points."""

    tokens: str
    """The words of the span, joined by spaces, in the case in which they were written."""
    label: str
    start: int = -1
    """Index of the first word; -1 where the source does not say."""
    end: int = -1
    relations: tuple[tuple[str, int], ...] = ()
    """(relation, index of the other entity in the graph's list), in the order in which they were predicted."""


class Graph(Value, frozen=True):
    """The entities of one report, in order."""

    entities: tuple[Entity, ...] = ()
    text: str = ""
    """The words that the entities count in, joined by spaces."""

    @property
    def scheme(self) -> Scheme:
        """``v1`` or ``xl``, told by the labels."""
        for entity in self.entities:
            return "v1" if entity.label in V1_LABELS else "xl"
        return ""


class ExtractedGraph(Value, frozen=True):
    """One report's graph as a model found it."""

    graph: Graph = Graph()
    margin: float | None = None
    """The smallest gap at any decision: a label over the next, a kept span over one that was not. None: not known."""


def read_graph(record: Mapping[str, Any], where: str) -> Graph:
    """A graph from one report's annotation: raw (``entities``), nested under ``"0"``, or processed.

    A processed record (a list of observations) is read by the raw graph that it carries in ``radgraph_annotations``.
    ``where`` names file and study for the DataError.
    """
    raw = _raw(record, where)
    entities = raw["entities"]
    if not isinstance(entities, Mapping):
        raise DataError(f"{where}: `entities` is a {type(entities).__name__}, not an object of entities by number")
    order = {key: position for position, key in enumerate(entities)}
    read = tuple(_entity(entity, order, f"{where}, entity {key}") for key, entity in entities.items())
    text = raw.get("text", "")
    return Graph(read, text if isinstance(text, str) else "")


def write_graph(graph: Graph) -> dict[str, Any]:
    """The annotation as the radgraph package writes it: entities numbered from 1, data_split ``inference``."""
    entities = {
        str(number): {
            "tokens": entity.tokens,
            "label": entity.label,
            "start_ix": entity.start,
            "end_ix": entity.end,
            "relations": [[name, str(target + 1)] for name, target in entity.relations],
        }
        for number, entity in enumerate(graph.entities, start=1)
    }
    return {"text": graph.text, "entities": entities, "data_source": None, "data_split": "inference"}


def _raw(record: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Step into the record until the object that holds ``entities``."""
    inner: Any = record
    for _ in range(4):  # the deepest known: a record, its processed form, its raw annotations, report "0"
        if not isinstance(inner, Mapping):
            break
        if "entities" in inner:
            return inner
        if any(name.startswith("labeler_") for name in inner):
            raise DataError(
                f"{where}: contains several labelers' graphs; keep only the one to score with (an object `entities`)"
            )
        for key in ("radgraph_annotations", "annotations", "graph", "0"):
            if key in inner:
                inner = inner[key]
                break
        else:
            if isinstance(inner.get("processed_annotations"), Mapping):
                inner = inner["processed_annotations"]
                continue
            break
    raise DataError(
        f"{where}: no `entities` found; processed observations alone can't be scored, keep `radgraph_annotations` too"
    )


def _entity(entity: Any, order: Mapping[str, int], where: str) -> Entity:
    try:
        relations = tuple((str(name), order[str(target)]) for name, target in entity.get("relations") or ())
        return Entity(
            tokens=str(entity["tokens"]),
            label=str(entity["label"]),
            start=int(entity.get("start_ix", -1)),
            end=int(entity.get("end_ix", -1)),
            relations=relations,
        )
    except KeyError as error:
        missing = error.args[0]
        what = (
            f"has no {missing!r}"
            if missing in ("tokens", "label")
            else f"points to entity {missing!r}, which is not there"
        )
        raise DataError(f"{where}: {what}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"{where}: is not an entity with tokens, label and relations ({error})") from error
