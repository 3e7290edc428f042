"""The encoder: pieces to vectors, one text at a time or several of one length.

A text's vectors never depend on its neighbours: by default only texts of equal length share a batch, so that nothing is
padded. Padding changes results in the last digits; on a GPU ``pad_to`` allows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mmrad_eval.metrics.encoder.checkpoints import Shape, check, layer_names
from mmrad_eval.metrics.encoder.kernels import Kernel, Linear

BUDGET = 1024
"""Pieces in one batch: past this a batch gains nothing on a CPU and loses cache."""


@dataclass(frozen=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, rows: Tensor) -> Tensor:
        return functional.layer_norm(rows, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True)
class _Layer:
    qkv: Linear
    out: Linear
    norm1: _Norm
    up: Linear
    down: Linear
    norm2: _Norm


class Encoder:
    """BERT, RoBERTa or DistilBERT in fp32 on one device."""

    def __init__(
        self,
        state: Mapping[str, Tensor],
        shape: Shape,
        kernel: Kernel,
        device: torch.device,
        *,
        where: str,
        upto: int | None = None,
    ) -> None:
        """``upto`` layers are run (all where None); the state is checked strictly, ``where`` names it in errors."""
        check(state, shape, where)
        self.shape, self.kernel, self.device = shape, kernel, device
        depth = shape.layers if upto is None else upto
        with torch.inference_mode():
            self._words = _on(state["embeddings.word_embeddings.weight"], device).clone()  # lets go of the mapped file
            self._places = self._position_rows(state)
            self._norm = self._norm_of(state, "embeddings.LayerNorm")
            self._layers = [self._layer(state, number) for number in range(depth)]

    def encode(
        self, texts: Sequence[Sequence[int]], budget: int = BUDGET, pad_to: int = 1
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield (index, (pieces, hidden) vectors) of each text, longest texts first.

        ``texts`` are ids with their special pieces, none longer than ``shape.limit``. ``pad_to`` rounds lengths up to
        its multiples, so that more texts share a batch.
        """
        for batch in plan([len(ids) for ids in texts], budget, pad_to):
            width = max(len(texts[i]) for i in batch)
            width += -width % pad_to if pad_to > 1 else 0
            width = min(width, self.shape.limit)
            rows = torch.full((len(batch), width), self.shape.pad, dtype=torch.long)
            for row, i in enumerate(batch):
                rows[row, : len(texts[i])] = torch.tensor(texts[i], dtype=torch.long)
            lengths = torch.tensor([len(texts[i]) for i in batch])
            mask = None if bool((lengths == width).all()) else torch.arange(width)[None, :] < lengths[:, None]
            hidden = self(rows.to(self.device), None if mask is None else mask.to(self.device))
            for row, i in enumerate(batch):
                yield i, hidden[row, : len(texts[i])]

    def __call__(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """(texts, pieces) ids to (texts, pieces, hidden) vectors; ``mask`` is True at real pieces, None: all are."""
        with torch.inference_mode():
            return self._forward(ids, mask)

    def _forward(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        count, width = ids.shape
        rows = self._norm(functional.embedding(ids, self._words) + self._places[:width])
        seen = None if mask is None else mask[:, None, None, :]
        for layer in self._layers:
            q, k, v = layer.qkv(rows).view(count, width, 3, self.shape.heads, -1).permute(2, 0, 3, 1, 4)
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
            rows = layer.norm1(layer.out(mixed.transpose(1, 2).reshape(count, width, -1)) + rows)
            rows = layer.norm2(layer.down(functional.gelu(layer.up(rows))) + rows)
        return rows

    def _position_rows(self, state: Mapping[str, Tensor]) -> Tensor:
        """What is added to a word's vector at each position: the position's row, and the first segment's."""
        first = self.shape.positions - self.shape.limit
        rows = state["embeddings.position_embeddings.weight"][first:]
        segment = state.get("embeddings.token_type_embeddings.weight")
        return _on(rows if segment is None else rows + segment[0], self.device)

    def _layer(self, state: Mapping[str, Tensor], number: int) -> _Layer:
        names = layer_names(self.shape, number)
        qkv = tuple(torch.cat([state[f"{names[part]}.{kind}"] for part in "qkv"]) for kind in ("weight", "bias"))
        return _Layer(
            qkv=self.kernel.linear(_on(qkv[0], self.device), _on(qkv[1], self.device)),
            out=self._linear(state, names["o"]),
            norm1=self._norm_of(state, names["norm1"]),
            up=self._linear(state, names["up"]),
            down=self._linear(state, names["down"]),
            norm2=self._norm_of(state, names["norm2"]),
        )

    def _linear(self, state: Mapping[str, Tensor], name: str) -> Linear:
        return self.kernel.linear(_on(state[f"{name}.weight"], self.device), _on(state[f"{name}.bias"], self.device))

    def _norm_of(self, state: Mapping[str, Tensor], name: str) -> _Norm:
        weight, bias = (_on(state[f"{name}.{kind}"], self.device) for kind in ("weight", "bias"))
        return _Norm(weight, bias, self.shape.eps)


def plan(lengths: Sequence[int], budget: int, pad_to: int = 1) -> list[list[int]]:
    """Indices in batches: equal lengths (rounded up to ``pad_to``), ``budget`` pieces at most, longest first."""
    batches: list[list[int]] = []
    open_width = 0
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        width = lengths[i] + -lengths[i] % pad_to
        if width != open_width or (len(batches[-1]) + 1) * width > budget:
            batches.append([])
            open_width = width
        batches[-1].append(i)
    return batches


def _on(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.detach().to(device=device, dtype=torch.float32)
