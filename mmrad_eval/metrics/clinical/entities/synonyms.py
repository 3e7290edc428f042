"""Entities to vectors by a synonym encoder, and pairs of reports to RaTEScore."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mmrad_eval.metrics.clinical.encoder.bert import Encoder
from mmrad_eval.metrics.clinical.encoder.checkpoints import load_state, model_file, read_config, shape_of, strip
from mmrad_eval.metrics.clinical.encoder.kernels import Kernel, choose
from mmrad_eval.metrics.clinical.encoder.pieces import read_pieces
from mmrad_eval.metrics.clinical.entities.affinity import LONG, SHORT, Side, rate
from mmrad_eval.metrics.clinical.entities.records import RateScored, ReportEntities

_LONGEST = 30
"""Pieces of one entity, framing ones included (RaTEScore 0.6.0, ``score.py``)."""
_REMEMBERED = 256 << 20
"""Bytes of vectors that are kept for entities that come again."""


class SynonymRunner:
    """(candidate, reference) pairs to RaTEScore; an entity's vector is that of its first piece, as in the package."""

    def __init__(
        self,
        folder: Path,
        entities: Callable[[list[str]], Sequence[ReportEntities]],
        device: torch.device | None = None,
        kernel: Kernel | None = None,
    ) -> None:
        """``folder`` is BioLORD-2023-C as on the hub; ``entities`` finds those of reports."""
        device = device or torch.device("cpu")
        shape = shape_of(read_config(folder), str(folder / "config.json"))
        where = str(model_file(folder))
        state = strip(load_state(model_file(folder)), shape.family)
        self._encoder = Encoder(state, shape, kernel or choose(device), device, where=where, first=True)
        self._pieces = read_pieces(folder, shape.family)
        self._entities = entities
        self._vectors: dict[str, Tensor] = {}

    @property
    def kernel(self) -> str:
        """How matrices are multiplied."""
        return self._encoder.kernel.name

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[RateScored]:
        """One score a pair; what a report says is looked up once."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        found = dict(zip(texts, self._entities(texts), strict=True))
        self._encode({entity for one in found.values() for entity, _ in one.entities})
        return [self._scored(found[candidate], found[reference]) for candidate, reference in pairs]

    def vectors(self, entities: Sequence[str]) -> Tensor:
        """(n, hidden) float32 vectors of entities."""
        self._encode(set(entities))
        return torch.stack([self._vectors[entity] for entity in entities])

    def _scored(self, candidate: ReportEntities, reference: ReportEntities) -> RateScored:
        (long, short), margin = rate(self._side(candidate), self._side(reference), (LONG, SHORT))
        counts = len(candidate.entities), len(reference.entities)
        return RateScored(long, short, *counts, margin if math.isfinite(margin) else None)

    def _side(self, found: ReportEntities) -> Side:
        vectors = [self._vectors[entity] for entity, _ in found.entities]
        return Side(torch.stack(vectors) if vectors else torch.empty(0), [kind for _, kind in found.entities])

    def _encode(self, entities: set[str]) -> None:
        if len(self._vectors) * self._encoder.shape.hidden * 4 > _REMEMBERED:
            self._vectors.clear()
        fresh = sorted(entities - self._vectors.keys())
        ids = [self._pieces.frame(self._pieces.ids(entity)[: _LONGEST - 2]) for entity in fresh]
        for index, vector in self._encoder.each(ids, lambda _, vectors: vectors[0].float().cpu()):
            self._vectors[fresh[index]] = vector
