"""Spans and relations over an encoder's vectors: the same graphs as DyGIE++, with less arithmetic.

Wadden et al., EMNLP 2019. Every span of up to eight words gets a score for each entity label; the best half (by a
pruner of its own) may relate. The package scores all pairs of those, in a tensor that grows with the square of a
report's length. Only relations between predicted entities reach its output, so only those pairs are scored here, in
blocks. The first layer of both span heads is linear in [start; end; width], so each word is projected once, and spans
add.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics.clinical.encoder.checkpoints import refuse
from mmrad_eval.metrics.clinical.graphs.graph import Entity, ExtractedGraph, Graph

_BLOCK = 8 << 20  # floats of the pair tensor at once: 32 MB


class SpanHead:
    """The entity and relation layers of one archive."""

    def __init__(self, state: Mapping[str, Tensor], config: Mapping[str, Any], labels: DygieLabels, where: str) -> None:
        """``state`` holds the archive's tensors without the embedder's; checked strictly against the config."""
        model = _checked_config(config, where)
        self.width = int(model["max_span_width"])
        self.labels = labels
        self._kept_share = float(model["modules"]["relation"]["spans_per_word"])
        depth = int(model["feedforward_params"]["num_layers"])
        ner, relation = f"{labels.dataset}__ner_labels", f"{labels.dataset}__relation_labels"
        names = {
            "entity": [f"_ner._ner_scorers.{ner}.0._module._linear_layers.{i}" for i in range(depth)]
            + [f"_ner._ner_scorers.{ner}.1._module"],
            "pruner": [
                f"_relation._mention_pruners.{relation}._scorer.0._module._linear_layers.{i}" for i in range(depth)
            ]
            + [f"_relation._mention_pruners.{relation}._scorer.1._module"],
            "pair": [f"_relation._relation_feedforwards.{relation}._linear_layers.{i}" for i in range(depth)]
            + [f"_relation._relation_scorers.{relation}"],
        }
        self._check(state, names, where)
        self._widths = state[_WIDTHS].float()
        self._entity, self._pruner, self._pair = (
            [(state[f"{name}.weight"].float(), state[f"{name}.bias"].float()) for name in names[part]]
            for part in ("entity", "pruner", "pair")
        )

    def __call__(self, words: Sequence[str], vectors: Tensor) -> ExtractedGraph:
        """The graph of one report; ``vectors`` is (words, hidden)."""
        with torch.inference_mode():
            return self._decode(words, vectors)

    def _decode(self, words: Sequence[str], vectors: Tensor) -> ExtractedGraph:
        count = len(words)
        spans = _Spans(vectors, *_pairs(count, self.width, vectors.device))
        entity_scores = self._span_scores(self._entity, spans)
        mention_scores = self._span_scores(self._pruner, spans)[:, 0]
        best, label = entity_scores.max(dim=1)
        chosen = (best > 0).nonzero()[:, 0]
        entities = [(int(spans.starts[i]), int(spans.ends[i]), self.labels.entity[int(label[i])]) for i in chosen]
        gaps = [_gap(entity_scores)]
        relations: list[tuple[int, int, str]] = []
        if self.labels.relation and len(chosen) > 0:
            keep = max(1, min(math.ceil(float(torch.tensor(count).float() * self._kept_share)), len(spans.starts)))
            top = torch.topk(mention_scores, min(keep + 1, len(spans.starts)))
            if len(top.values) > keep:
                gaps.append(float(top.values[keep - 1] - top.values[keep]))
            kept = torch.zeros(len(spans.starts), dtype=torch.bool)
            kept[top.indices[:keep].cpu()] = True
            able = [position for position, span in enumerate(chosen.tolist()) if kept[span]]
            relations, gap = self._relations(able, chosen, spans, mention_scores)
            gaps.append(gap)
        closest = min(gaps)
        return ExtractedGraph(_graph(words, entities, relations), closest if math.isfinite(closest) else None)

    def _relations(
        self, able: list[int], chosen: Tensor, report: _Spans, mention: Tensor
    ) -> tuple[list[tuple[int, int, str]], float]:
        """(entity, entity, relation) in row order over the entities that may relate, and the smallest gap."""
        if not able:
            return [], math.inf
        spans = chosen[torch.tensor(able)]
        starts, ends = report.starts[spans], report.ends[spans]
        rows = torch.cat([report.vectors[starts], report.vectors[ends], self._widths[ends - starts]], dim=1)
        (weight, bias), *rest = self._pair
        size = rows.shape[1]
        first, second, product = weight[:, :size], weight[:, size : 2 * size], weight[:, 2 * size :]
        left, right = functional.linear(rows, first), functional.linear(rows, second, bias)
        found: list[tuple[int, int, str]] = []
        gap = math.inf
        step = max(1, _BLOCK // (len(able) * size))
        for begin in range(0, len(able), step):
            part = slice(begin, begin + step)
            hidden = functional.linear(rows[part, None] * rows[None], product) + left[part, None] + right[None]
            scores = _rest(rest, functional.relu(hidden))
            scores = scores + (mention[spans[part]][:, None, None] + mention[spans][None, :, None])
            best, label = scores.max(dim=2)
            gap = min(gap, _gap(scores.flatten(0, 1)))
            for i, j in (best > 0).nonzero().tolist():
                found.append((able[begin + i], able[j], self.labels.relation[int(label[i, j])]))
        return found, gap

    def _span_scores(self, layers: list[tuple[Tensor, Tensor]], spans: _Spans) -> Tensor:
        """(spans, labels) scores of one head, from one projection of each word."""
        (weight, bias), *rest = layers
        hidden = spans.vectors.shape[1]
        from_start, from_end, from_width = weight[:, :hidden], weight[:, hidden : 2 * hidden], weight[:, 2 * hidden :]
        start, end = functional.linear(spans.vectors, from_start), functional.linear(spans.vectors, from_end)
        width = functional.linear(self._widths, from_width, bias)
        return _rest(rest, functional.relu(start[spans.starts] + end[spans.ends] + width[spans.ends - spans.starts]))

    def to(self, device: torch.device) -> SpanHead:
        """Move the layers to the device of the vectors."""
        self._widths = self._widths.to(device)
        self._entity, self._pruner, self._pair = (
            [(weight.to(device), bias.to(device)) for weight, bias in layers]
            for layers in (self._entity, self._pruner, self._pair)
        )
        return self

    def _check(self, state: Mapping[str, Tensor], names: Mapping[str, list[str]], where: str) -> None:
        """Everything in place; beside it only what the package's class holds unused, and heads of other data."""
        used = {f"{name}.{kind}" for part in names.values() for name in part for kind in ("weight", "bias")} | {_WIDTHS}
        missing = [name for name in sorted(used) if name not in state]
        others = ("_coref.", "_events.", "_ner._ner_scorers.", *(f"_relation.{part}." for part in _RELATION_PARTS))
        extra = [name for name in state if name not in used and not name.startswith(others)]
        refuse(where, missing, (), extra)
        sizes = {
            names["entity"][-1]: len(self.labels.entity),
            names["pruner"][-1]: 1,
            names["pair"][-1]: len(self.labels.relation),
        }
        wrong = [
            f"{name}.weight has {state[f'{name}.weight'].shape[0]} rows, the vocabulary {size} labels"
            for name, size in sizes.items()
            if state[f"{name}.weight"].shape[0] != size
        ]
        refuse(where, (), wrong)


_WIDTHS = "_endpoint_span_extractor._span_width_embedding.weight"
_RELATION_PARTS = ("_mention_pruners", "_relation_feedforwards", "_relation_scorers")


@dataclass(frozen=True)
class DygieLabels:
    """The labels of one archive for one dataset, in the order of the score columns; the null label is left out."""

    dataset: str
    entity: tuple[str, ...]
    relation: tuple[str, ...]


def _checked_config(config: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The ``model`` section; DataError where it does what is not computed here."""
    try:
        model: Mapping[str, Any] = config["model"]
        weights, coref = model["loss_weights"], model["modules"].get("coref", {})
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{where}: config.json is not that of a DyGIE++ archive ({error!r} is missing)") from error
    more = [name for name in ("coref", "events") if float(weights.get(name, 0)) > 0]
    if more or int(coref.get("coref_prop", 0)) > 0:
        raise DataError(
            f"{where}: the archive also predicts {' and '.join(more) or 'coreference'}; use --engine upstream"
        )
    if not (float(weights.get("ner", 0)) > 0 and float(weights.get("relation", 0)) > 0):
        raise DataError(f"{where}: the archive predicts no entities or no relations; use --engine upstream")
    return model


@dataclass(frozen=True)
class _Spans:
    """The words of one report, and first and last word of each of its spans."""

    vectors: Tensor
    starts: Tensor
    ends: Tensor


def _pairs(count: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """First and last word of every span, by start, then by length."""
    pairs = [(start, end) for start in range(count) for end in range(start, min(start + width, count))]
    table = torch.tensor(pairs, dtype=torch.long, device=device)
    return table[:, 0], table[:, 1]


def _rest(layers: list[tuple[Tensor, Tensor]], rows: Tensor) -> Tensor:
    """The layers after the first: rectified, except the last."""
    *inner, (weight, bias) = layers
    for inner_weight, inner_bias in inner:
        rows = functional.relu(functional.linear(rows, inner_weight, inner_bias))
    return functional.linear(rows, weight, bias)


def _gap(scores: Tensor) -> float:
    """The smallest distance between the best and the second best of (rows, labels), where no label scores 0."""
    if scores.numel() == 0:
        return math.inf
    with_null = torch.cat([scores.new_zeros(len(scores), 1), scores], dim=1)
    best = with_null.topk(2, dim=1).values
    return float((best[:, 0] - best[:, 1]).min())


def _graph(words: Sequence[str], entities: list[tuple[int, int, str]], relations: list[tuple[int, int, str]]) -> Graph:
    outgoing: dict[int, list[tuple[str, int]]] = {}
    for first, second, name in relations:
        outgoing.setdefault(first, []).append((name, second))
    return Graph(
        tuple(
            Entity(" ".join(words[start : end + 1]), label, start, end, tuple(outgoing.get(number, ())))
            for number, (start, end, label) in enumerate(entities)
        ),
        " ".join(words),
    )
