"""RadGraph's entities and relations as facts.

An observation, the words that modify it and the anatomy where it is located are read as one phrase, which gives
concept, side and zone; RadGraph's own label says whether it is present, absent or uncertain. An observation whose
phrase the vocabulary does not know keeps its own words as its concept.
"""

from __future__ import annotations

from mmrad_eval.metrics.clinical.graphs.graph import Entity, Graph
from mmrad_eval.metrics.facts.extract import Fact
from mmrad_eval.metrics.facts.lexicon import Lexicon, Status, lexicon
from mmrad_eval.metrics.facts.qualifiers import qualify
from mmrad_eval.metrics.facts.scope import read

_OPPOSITE: dict[Status, Status] = {"present": "absent", "absent": "present", "uncertain": "uncertain"}


def graph_facts(graph: Graph) -> tuple[Fact, ...]:
    """The facts of one report's graph, in the order of its observations."""
    words = lexicon()
    modifiers = _modifiers(graph)
    found = []
    for number, entity in enumerate(graph.entities):
        status = _status(entity.label)
        if status is None or _modifies_observation(graph, entity):
            continue
        found.append(_fact(graph, number, status, modifiers, words))
    return tuple(found)


def _status(label: str) -> Status | None:
    """The status of an observation; None for anatomy."""
    if not label.startswith(("OBS", "Observation")):
        return None
    if label.endswith(("DA", "definitely absent")):
        return "absent"
    return "uncertain" if label.endswith(("-U", "uncertain")) else "present"


def _modifiers(graph: Graph) -> dict[int, list[int]]:
    """Entity -> those that modify it."""
    found: dict[int, list[int]] = {}
    for number, entity in enumerate(graph.entities):
        for relation, target in entity.relations:
            if relation == "modify":
                found.setdefault(target, []).append(number)
    return found


def _modifies_observation(graph: Graph, entity: Entity) -> bool:
    """Whether an observation only describes another ("mild" of "mild edema")."""
    return any(
        relation == "modify" and _status(graph.entities[target].label) is not None
        for relation, target in entity.relations
    )


def _fact(graph: Graph, number: int, status: Status, modifiers: dict[int, list[int]], words: Lexicon) -> Fact:
    entity = graph.entities[number]
    places = [target for relation, target in entity.relations if relation == "located_at"]
    place = " ".join(_described(graph, one, modifiers) for one in places)
    described = _described(graph, number, modifiers)
    for phrase in (f"{place} {described}", described):
        reading = read(phrase, words)
        known = [
            (mention, qualifiers)
            for mention, qualifiers in zip(reading.mentions, qualify(reading, words), strict=True)
            if mention.status is not None
        ]
        if known:
            mention, q = known[-1]
            said = status if mention.status != "absent" else _OPPOSITE[status]  # "clear" present is an opacity absent
            return Fact(mention.meaning.concept, said, q.side, q.zone, mention.meaning.category, q.severity, q.change)
    return Fact(" ".join(entity.tokens.lower().split()), status)


def _described(graph: Graph, number: int, modifiers: dict[int, list[int]]) -> str:
    """An entity's words after those of its modifiers, in the order of the text."""
    own = graph.entities[number]
    parts = [graph.entities[m].tokens for m in modifiers.get(number, ())]
    return " ".join([*parts, own.tokens])
