"""The encoder: pieces to vectors, several texts at a time and nothing padded.

All that BERT does to a piece alone (nine tenths of the work) is done to the rows of many texts as one matrix; pieces
meet only in attention, and there each text is by itself. A product's row does not depend on the rows beside it, so a
text's vectors are the same to the bit alone and among others. Padding would change the last digits; on a GPU ``pad_to``
allows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from mmrad_eval.metrics.clinical.encoder.checkpoints import Shape, check, layer_names
from mmrad_eval.metrics.clinical.encoder.kernels import FEWEST_ROWS, Kernel, Linear
from mmrad_eval.metrics.clinical.encoder.relative import Bias, Disentangled, bias_by_distance
from mmrad_eval.metrics.clinical.encoder.workers import cores, side_by_side, still_wanted

T = TypeVar("T")

BUDGET = 384
"""Pieces in one batch on a CPU: past this a batch gains nothing and loses cache."""
BUDGET_ON_GPU = 1024

_PARTS = ("weight", "bias")


@dataclass(frozen=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, rows: Tensor) -> Tensor:
        return functional.layer_norm(rows, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True)
class _Layer:
    query: Linear | None
    """Apart from key and value in the last layer of an encoder of which only first vectors are wanted."""
    qkv: Linear
    """Query, key and value, or the latter two."""
    out: Linear
    norm1: _Norm
    up: Linear
    down: Linear
    norm2: _Norm
    bias: Bias | None
    """What relative positions add to attention; None where they add nothing."""

    def after(self, mixed: Tensor, rows: Tensor) -> Tensor:
        """What the layer makes of its rows and what attention brought to each."""
        rows = self.norm1(self.out.plus(mixed, rows))
        return self.norm2(self.down.plus(self.up.gelu(rows), rows))


@dataclass(frozen=True)
class _Group:
    """Neighbouring texts of one length in the rows of a batch."""

    start: int
    count: int
    width: int
    mask: Tensor | None
    """(count, 1, 1, width), True at pieces that are no padding; None where there is none."""

    @property
    def rows(self) -> slice:
        return slice(self.start, self.start + self.count * self.width)


class Encoder:
    """BERT, RoBERTa, DistilBERT, MPNet or DeBERTa-v2 and v3 in fp32 on one device."""

    def __init__(
        self,
        state: Mapping[str, Tensor],
        shape: Shape,
        kernel: Kernel,
        device: torch.device,
        *,
        where: str,
        upto: int | None = None,
        first: bool = False,
    ) -> None:
        """``upto`` layers are run (all where None); the state is checked strictly, ``where`` names it in errors.

        ``first``: only the vector of a text's first piece is wanted, so the last layer computes no other.
        """
        check(state, shape, where)
        self.shape, self.kernel, self.device = shape, kernel, device
        depth = shape.layers if upto is None else upto
        self._first = first and depth > 0
        with torch.inference_mode():
            self._words = _on(state["embeddings.word_embeddings.weight"], device).clone()  # lets go of the mapped file
            self._places = self._position_rows(state)
            self._norm = self._norm_of(state, "embeddings.LayerNorm")
            biases = self._biases(state, depth)
        # what is left of 1 / sqrt(size) where DeBERTa sums several products; None: all of it
        summed = shape.relative.parts if shape.relative is not None else 1
        self._scale = None if summed == 1 else (shape.hidden // shape.heads * summed) ** -0.5
        last = depth - 1 if self._first else -1
        self._layers = list(side_by_side(lambda n: self._layer(state, n, biases[n], apart=n == last), range(depth)))

    def encode(
        self, texts: Sequence[Sequence[int]], budget: int | None = None, pad_to: int = 1
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield (index, (pieces, hidden) vectors) of each text, longest texts first; the first vector alone if wanted.

        ``texts`` are ids with their special pieces, none longer than ``shape.limit``. ``pad_to`` rounds lengths up to
        its multiples, so that attention treats more texts at once.
        """
        return self.each(texts, lambda _, vectors: vectors, budget, pad_to)

    def each(
        self,
        texts: Sequence[Sequence[int]],
        then: Callable[[int, Tensor], T],
        budget: int | None = None,
        pad_to: int = 1,
    ) -> Iterator[tuple[int, T]]:
        """The same with ``then(index, vectors)`` in the place of the vectors; it may run in a thread.

        ``budget``: pieces in a batch at most; None leaves it to the device.
        """

        def run(batch: list[int]) -> list[tuple[int, T]]:
            return [(i, then(i, vectors)) for i, vectors in self._vectors(texts, batch, pad_to)]

        lengths = [len(ids) for ids in texts]
        if self.device.type == "cpu":
            share = 1 + sum(lengths) // (4 * cores())  # so that few texts too are work for every core
            for done in side_by_side(run, plan(lengths, min(budget or BUDGET, share))):
                yield from done
            return
        for batch in plan(lengths, budget or BUDGET_ON_GPU):
            with torch.inference_mode():
                done = run(batch)
            yield from done

    def _vectors(self, texts: Sequence[Sequence[int]], batch: list[int], pad_to: int) -> Iterator[tuple[int, Tensor]]:
        """Encode the texts of one batch; longest first, so that those of one length are neighbours."""
        widths = [min(len(texts[i]) + -len(texts[i]) % pad_to, self.shape.limit) for i in batch]
        ids = torch.tensor(
            [p for i, width in zip(batch, widths, strict=True) for p in _filled(texts[i], width, self.shape.pad)]
        )
        groups, start = [], 0
        for width, members in groupby(zip(batch, widths, strict=True), key=lambda pair: pair[1]):
            sizes = [len(texts[i]) for i, _ in members]
            mask = torch.arange(width) < torch.tensor(sizes)[:, None, None, None]
            groups.append(_Group(start, len(sizes), width, None if mask.all() else mask.to(self.device)))
            start += len(sizes) * width
        rows = self._forward(ids.to(self.device), groups)
        at = 0
        for i, width in zip(batch, widths, strict=True):
            yield i, rows[at : at + (1 if self._first else len(texts[i]))]
            at += 1 if self._first else width

    def _forward(self, ids: Tensor, groups: Sequence[_Group]) -> Tensor:
        """(pieces,) ids of texts one after the other to (pieces, hidden) vectors, or to the first of each text."""
        places = torch.cat([self._places[: group.width].repeat(group.count, 1) for group in groups])
        rows = self._norm(functional.embedding(ids, self._words) + places)
        if len(rows) < FEWEST_ROWS:
            rows = torch.cat([rows, rows.new_zeros(FEWEST_ROWS - len(rows), rows.shape[1])])
        for layer in self._layers:
            still_wanted()
            if layer.query is not None:
                return self._last_of_first(layer, layer.query, rows, groups)
            mixed = torch.zeros_like(rows)
            parts = layer.qkv(rows).view(len(rows), 3, -1).unbind(1)
            for group in groups:
                seen = self._attention(group, layer.bias, *(part[group.rows] for part in parts))
                mixed[group.rows] = seen
            rows = layer.after(mixed, rows)
        return rows

    def _last_of_first(self, layer: _Layer, query: Linear, rows: Tensor, groups: Sequence[_Group]) -> Tensor:
        """The last layer for the first piece of each text, which looks at all of its own."""
        at = torch.cat([torch.arange(group.start, group.rows.stop, group.width) for group in groups])
        count = len(at)
        firsts = rows[torch.cat([at, at[:1].expand(max(0, FEWEST_ROWS - count))]).to(rows.device)]
        keys, values = layer.qkv(rows).view(len(rows), 2, -1).unbind(1)
        queries, mixed = query(firsts), torch.zeros_like(firsts)
        done = 0
        for group in groups:
            mine = slice(done, done + group.count)
            mixed[mine] = self._attention(group, layer.bias, queries[mine], keys[group.rows], values[group.rows])
            done += group.count
        return layer.after(mixed, firsts)[:count]

    def _attention(self, group: _Group, bias: Bias | None, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(rows, hidden) what the rows of a group see in their own texts."""
        heads = (group.count, -1, self.shape.heads, self.shape.hidden // self.shape.heads)
        q, k, v = (part.view(heads).transpose(1, 2) for part in (query, key, value))
        mask = group.mask
        if bias is not None:
            added = bias(q, k)
            mask = added if mask is None else added.masked_fill(~mask, float("-inf"))
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=self._scale)
        return seen.transpose(1, 2).reshape(query.shape)

    def _position_rows(self, state: Mapping[str, Tensor]) -> Tensor:
        """What is added to a word's vector at each position: the position's row, and the first segment's."""
        first = self.shape.positions - self.shape.limit
        table = state.get("embeddings.position_embeddings.weight") if self.shape.placed else None
        rows = torch.zeros(self.shape.limit, self.shape.hidden) if table is None else table[first:]
        segment = state.get("embeddings.token_type_embeddings.weight")
        return _on(rows.clone() if segment is None else rows + segment[0], self.device)

    def _biases(self, state: Mapping[str, Tensor], depth: int) -> list[Bias | None]:
        """What relative positions add to attention in each layer."""
        relative = self.shape.relative
        if relative is None:
            return [None] * depth
        if self.shape.family == "mpnet":
            table = _on(state["encoder.relative_attention_bias.weight"], self.device).clone()
            return [bias_by_distance(table)] * depth
        table = _on(state["encoder.rel_embeddings.weight"], self.device)
        if relative.normed:
            table = self._norm_of(state, "encoder.LayerNorm")(table)
        places: dict[int, Tensor] = {}

        def of(number: int) -> Bias:
            names = layer_names(self.shape, number)
            kinds = ("k", "q") if relative.shared else ("positions_k", "positions_q")
            used = (relative.to_position, relative.from_position)
            keys, queries = (
                functional.linear(table, *(_on(state[f"{names[one]}.{part}"], self.device) for part in _PARTS))
                if wanted
                else None
                for one, wanted in zip(kinds, used, strict=True)
            )
            return Disentangled(relative, keys, queries, self.shape.heads, places)

        return [of(number) for number in range(depth)]

    def _layer(self, state: Mapping[str, Tensor], number: int, bias: Bias | None, *, apart: bool) -> _Layer:
        names = layer_names(self.shape, number)
        return _Layer(
            query=self._linear(state, names["q"]) if apart else None,
            qkv=self._linear(state, *(names[part] for part in ("kv" if apart else "qkv"))),
            out=self._linear(state, names["o"]),
            norm1=self._norm_of(state, names["norm1"]),
            up=self._linear(state, names["up"]),
            down=self._linear(state, names["down"]),
            norm2=self._norm_of(state, names["norm2"]),
            bias=bias,
        )

    def _linear(self, state: Mapping[str, Tensor], *names: str) -> Linear:
        """The layers of these names as one."""
        parts = [[_on(state[f"{name}.{kind}"], self.device) for name in names] for kind in _PARTS]
        return self.kernel.linear(*(part[0] if len(part) == 1 else torch.cat(part) for part in parts))

    def _norm_of(self, state: Mapping[str, Tensor], name: str) -> _Norm:
        weight, bias = (_on(state[f"{name}.{kind}"], self.device).clone() for kind in _PARTS)
        return _Norm(weight, bias, self.shape.eps)


def plan(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches of at most ``budget`` pieces (or one text), longest first."""
    batches: list[list[int]] = []
    room = 0
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if lengths[i] > room:
            batches.append([])
            room = budget
        batches[-1].append(i)
        room -= lengths[i]
    return batches


def _filled(ids: Sequence[int], width: int, pad: int) -> list[int]:
    return [*ids, *[pad] * (width - len(ids))]


def _on(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.detach().to(device=device, dtype=torch.float32)
