"""BERTScore: each piece of one text finds its nearest piece of the other.

Zhang et al., ICLR 2020. Precision is the mean of the candidate's best cosines, recall the reference's; [CLS] and [SEP]
weigh nothing but may be found. The same numbers as bert-score 0.3.13 under transformers 4.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics.clinical.encoder.bert import Encoder
from mmrad_eval.metrics.clinical.encoder.checkpoints import load_state, model_file, read_config, shape_of, strip
from mmrad_eval.metrics.clinical.encoder.kernels import Kernel, choose
from mmrad_eval.metrics.clinical.encoder.pieces import read_pieces
from mmrad_eval.metrics.clinical.encoder.workers import side_by_side

T = TypeVar("T")

_Side = tuple[Tensor, Tensor]
"""(pieces, hidden) unit vectors of a text, and the weight of each piece."""

_REMEMBERED = 256 << 20
"""Bytes of vectors that are kept for texts that come again, such as the references of a second model."""
_BLOCK = 256
"""Pairs whose texts are encoded together."""
_TOGETHER = 32
"""Pairs that one core matches at once."""


class BertScoreRunner:
    """Pairs of texts to precision, recall and F1, before rescaling."""

    def __init__(
        self,
        folder: Path,
        layer: int,
        device: torch.device | None = None,
        kernel: Kernel | None = None,
        *,
        remembered: OrderedDict[str, _Side] | None = None,
    ) -> None:
        """``folder`` is a BERT, RoBERTa or DistilBERT as on the hub; vectors are those after ``layer`` layers.

        ``remembered`` keeps vectors for another runner of the same model.
        """
        device = device or torch.device("cpu")
        shape = shape_of(read_config(folder), str(folder / "config.json"))
        if not 0 <= layer <= shape.layers:
            raise DataError(f"{folder}: has {shape.layers} layers, layer {layer} was requested")
        state = strip(load_state(model_file(folder)), shape.family)
        self._encoder = Encoder(
            state, shape, kernel or choose(device), device, where=str(model_file(folder)), upto=layer
        )
        self._pieces = read_pieces(folder)
        self._space = (
            " " if shape.family == "roberta" else ""
        )  # bert-score asks RoBERTa's tokenizer for a leading space
        self._longest = min(self._pieces.limit or shape.limit, shape.limit)
        self._vectors: OrderedDict[str, _Side] = OrderedDict() if remembered is None else remembered
        self._bytes = sum(unit.nbytes for unit, _ in self._vectors.values())

    @property
    def kernel(self) -> str:
        """How matrices are multiplied."""
        return self._encoder.kernel.name

    def __call__(
        self, pairs: Sequence[tuple[str, str]], budget: int | None = None, pad_to: int = 1
    ) -> list[tuple[float, float, float]]:
        """(candidate, reference) pairs to (precision, recall, F1); a side without pieces gives zeros."""
        scores: list[tuple[float, float, float]] = []
        for block in _blocks(pairs, _BLOCK):
            held = self._encode({text for pair in block for text in pair}, budget, pad_to)
            sides = [(held[candidate], held[reference]) for candidate, reference in block]
            for part in side_by_side(_match_each, list(_blocks(sides, _TOGETHER))):
                scores.extend(part)
        return scores

    def _encode(self, texts: set[str], budget: int | None, pad_to: int) -> dict[str, _Side]:
        """Unit vectors and weights of each text; what was encoded lately is not encoded again."""
        held = {text: self._vectors[text] for text in texts if text in self._vectors}
        fresh = sorted(texts - held.keys())
        ids = [self._ids(text) for text in fresh]
        special = torch.tensor([self._pieces.first, self._pieces.last])

        def then(index: int, hidden: Tensor) -> _Side:
            unit = hidden / torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
            return unit, (~torch.isin(torch.tensor(ids[index]), special)).to(unit)

        for index, value in self._encoder.each(ids, then, budget, pad_to):
            held[fresh[index]] = value
        for text, value in held.items():
            self._remember(text, value)
        return held

    def _remember(self, text: str, value: _Side) -> None:
        if text not in self._vectors:
            self._bytes += value[0].nbytes
        self._vectors[text] = value
        self._vectors.move_to_end(text)
        while self._bytes > _REMEMBERED:
            _, old = self._vectors.popitem(last=False)
            self._bytes -= old[0].nbytes

    def _ids(self, text: str) -> list[int]:
        stripped = text.strip()
        ids = self._pieces.ids(self._space + stripped) if stripped else []
        return self._pieces.frame(ids[: self._longest - 2])


def _blocks(pairs: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


def _match_each(sides: Sequence[tuple[_Side, _Side]]) -> list[tuple[float, float, float]]:
    return [_match(candidate, reference) for candidate, reference in sides]


def _match(candidate: _Side, reference: _Side) -> tuple[float, float, float]:
    if len(candidate[1]) == 2 or len(reference[1]) == 2:  # only the two special pieces
        return 0.0, 0.0, 0.0
    similar = candidate[0] @ reference[0].T
    precision = (similar.max(dim=1).values * (candidate[1] / candidate[1].sum())).sum()
    recall = (similar.max(dim=0).values * (reference[1] / reference[1].sum())).sum()
    f1 = 2 * precision * recall / (precision + recall)
    if bool(torch.isnan(f1)):
        f1 = torch.zeros_like(f1)
    return float(precision), float(recall), float(f1)
