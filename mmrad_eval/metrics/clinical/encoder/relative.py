"""What relative positions add to attention: MPNet's bias by distance, and DeBERTa's disentangled attention.

Song et al., NeurIPS 2020; He et al., ICLR 2021 and 2023. Both give a term that is added to the scaled products of
queries and keys before the softmax.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Bias = Callable[[Tensor, Tensor], Tensor]
"""(texts, heads, n, size) queries and (texts, heads, width, size) keys to what is added to (texts, heads, n, width)
scaled products; the queries are those of the first n pieces."""

MPNET_BUCKETS, MPNET_DISTANCE = 32, 128
"""Fixed in transformers, whatever the config says of the table's rows."""


@dataclass(frozen=True)
class Relative:
    """The relative positions that a config declares."""

    span: int
    """Rows of the table: DeBERTa has two for each distance up to this, MPNet this many."""
    buckets: int = 0
    """DeBERTa: distances beyond half of this share rows; 0: none does."""
    distance: int = 0
    """DeBERTa: the largest distance."""
    to_position: bool = False
    """Whether contents look at positions (``c2p``)."""
    from_position: bool = False
    """Whether positions look at contents (``p2c``)."""
    shared: bool = True
    """Whether positions go through the projections of contents."""
    normed: bool = False
    """Whether the table goes through a layer norm."""

    @property
    def parts(self) -> int:
        """How many products are summed: contents, and each kind of position."""
        return 1 + self.to_position + self.from_position


def mpnet_relative(config: Mapping[str, Any]) -> Relative:
    """MPNet's, which differ in the size of the table only."""
    return Relative(int(config.get("relative_attention_num_buckets", MPNET_BUCKETS)))


def deberta_relative(config: Mapping[str, Any]) -> Relative:
    """DeBERTa's, with what transformers takes for unsaid."""
    stated = config.get("pos_att_type") or []
    kinds = [one.strip() for one in (stated.lower().split("|") if isinstance(stated, str) else stated)]
    distance = int(config.get("max_relative_positions", -1))
    if distance < 1:
        distance = int(config.get("max_position_embeddings", 512))
    buckets = max(0, int(config.get("position_buckets", -1)))
    norms = [one.strip() for one in str(config.get("norm_rel_ebd", "none")).lower().split("|")]
    return Relative(
        span=buckets or distance,
        buckets=buckets,
        distance=distance,
        to_position="c2p" in kinds,
        from_position="p2c" in kinds,
        shared=bool(config.get("share_att_key", False)),
        normed="layer_norm" in norms,
    )


def bias_by_distance(table: Tensor) -> Bias:
    """MPNet's term of a (buckets, heads) table: it depends on distances alone."""
    known: dict[int, Tensor] = {}

    def bias(query: Tensor, key: Tensor) -> Tensor:
        width = key.shape[-2]
        if width not in known:
            places = torch.arange(width, device=table.device)
            known[width] = table[_mpnet_bucket(places[None] - places[:, None])].permute(2, 0, 1)[None].contiguous()
        return known[width][:, :, : query.shape[-2]]

    return bias


def _mpnet_bucket(ahead: Tensor) -> Tensor:
    """(n, n) how far ahead a key is to the row of the table: exact up to 8 pieces, then by logarithm."""
    half = MPNET_BUCKETS // 2
    exact = half // 2
    far = ahead.abs()
    grown = torch.log(far.float() / exact) / math.log(MPNET_DISTANCE / exact) * (half - exact)
    row = torch.where(far < exact, far, (exact + grown.clamp(min=0).long()).clamp(max=half - 1))
    return row + half * (ahead > 0)


class Disentangled:
    """DeBERTa's term in one layer."""

    def __init__(
        self, relative: Relative, keys: Tensor | None, queries: Tensor | None, heads: int, places: dict[int, Tensor]
    ) -> None:
        """``keys`` and ``queries`` are the table as this layer projects it, (2 span, hidden), or None where not used.

        ``places`` remembers rows by width, for all layers.
        """
        self._relative, self._places = relative, places
        self._keys, self._queries = (
            None if rows is None else rows.view(len(rows), heads, -1).permute(1, 2, 0).contiguous()
            for rows in (keys, queries)
        )

    def __call__(self, query: Tensor, key: Tensor) -> Tensor:
        """The term of (texts, heads, n, size) queries and (texts, heads, width, size) keys."""
        width, asked = key.shape[-2], query.shape[-2]
        if width not in self._places:
            self._places[width] = _deberta_rows(width, self._relative).to(key.device)
        rows = self._places[width]
        total = query.new_zeros(*query.shape[:-1], width)
        if self._keys is not None:
            total = total + _picked(query @ self._keys, rows[:asked])
        if self._queries is not None:
            total = total + _picked(key @ self._queries, rows.T).transpose(-1, -2)[..., :asked, :]
        return total / math.sqrt(query.shape[-1] * self._relative.parts)


def _picked(products: Tensor, rows: Tensor) -> Tensor:
    """Of (texts, heads, n, 2 span) products those of (n, m) rows."""
    return products.gather(-1, rows.expand(*products.shape[:2], *rows.shape))


def _deberta_rows(width: int, relative: Relative) -> Tensor:
    """(width, width) row of the table for each query and key, in the arithmetic of transformers."""
    places = torch.arange(width)
    behind = places[:, None] - places[None]
    if relative.buckets > 0 and relative.distance > 0:
        half = relative.buckets // 2
        far = torch.where(behind.abs() < half, torch.tensor(half - 1), behind.abs())
        grown = torch.log(far / half) / torch.log(torch.tensor((relative.distance - 1) / half)) * (half - 1)
        behind = torch.where(far <= half, behind, ((grown.ceil() + half) * behind.sign()).long())
    return (behind + relative.span).clamp(0, 2 * relative.span - 1)
