"""Reports to entities: a DeBERTa token classifier over each sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics.clinical.encoder.bert import Encoder
from mmrad_eval.metrics.clinical.encoder.checkpoints import (
    load_state,
    model_file,
    read_config,
    refuse,
    shape_of,
    strip,
)
from mmrad_eval.metrics.clinical.encoder.kernels import Kernel, choose
from mmrad_eval.metrics.clinical.encoder.pieces import read_pieces
from mmrad_eval.metrics.clinical.entities.affinity import TYPES
from mmrad_eval.metrics.clinical.entities.records import ReportEntities
from mmrad_eval.metrics.clinical.entities.spans import OUTSIDE, spans

_LONGEST = 512
"""Pieces of one sentence, framing ones included."""
_LABELS = {OUTSIDE, *(f"{mark}-{kind}" for mark in "BI" for kind in TYPES)}

_Read = tuple[tuple[tuple[str, str], ...], float]
"""The entities of a sentence, and its smallest margin."""


class EntityRunner:
    """Reports to entities, the same as ``RaTEScore.score.run_ner`` gives for each report alone."""

    def __init__(
        self,
        folder: Path,
        split: Callable[[str], list[str]],
        device: torch.device | None = None,
        kernel: Kernel | None = None,
    ) -> None:
        """``folder`` is RaTE-NER-Deberta as on the hub; ``split`` gives the sentences of a report."""
        device = device or torch.device("cpu")
        config, where = read_config(folder), str(model_file(folder))
        shape = shape_of(config, str(folder / "config.json"))
        state = strip(load_state(model_file(folder)), shape.family)
        self._labels = _labels(config, str(folder / "config.json"))
        self._head = _head(state, len(self._labels), shape.hidden, where, device)
        self._encoder = Encoder(state, shape, kernel or choose(device), device, where=where)
        self._pieces = read_pieces(folder, shape.family)
        self._pad = shape.pad
        self._longest = min(_LONGEST, shape.limit) if shape.placed else _LONGEST
        self._split = split

    @property
    def kernel(self) -> str:
        """How matrices are multiplied."""
        return self._encoder.kernel.name

    def __call__(self, texts: Sequence[str], budget: int | None = None, pad_to: int = 1) -> list[ReportEntities]:
        """The entities of each report; a sentence that comes again is read once."""
        split = [self._split(text) for text in texts]
        distinct = list(dict.fromkeys(sentence for sentences in split for sentence in sentences))
        ids = [self._ids(sentence) for sentence in distinct]
        read: dict[str, _Read] = {}
        for index, one in self._encoder.each(ids, lambda i, vectors: self._read(ids[i], vectors), budget, pad_to):
            read[distinct[index]] = one
        return [_joined([read[sentence] for sentence in sentences]) for sentences in split]

    def _ids(self, sentence: str) -> list[int]:
        return self._pieces.frame(self._pieces.ids(sentence)[: self._longest - 2])

    def _read(self, ids: Sequence[int], vectors: Tensor) -> _Read:
        scores = functional.linear(vectors, *self._head)
        labels = [self._labels[int(best)] for best in scores.argmax(dim=-1)]
        tokenizer: Any = self._pieces.tokenizer
        # a text may hold the name of the padding piece, and the package counts pieces without it
        pieces = [tokenizer.id_to_token(one) for one in ids[: sum(one != self._pad for one in ids)]]
        best = scores.topk(2, dim=-1).values
        found = tuple((_text(tokenizer, pieces[first : last + 1]), kind) for first, last, kind in spans(pieces, labels))
        return found, float((best[:, 0] - best[:, 1]).min())


def _text(tokenizer: Any, pieces: list[str]) -> str:
    return str(tokenizer.decoder.decode(pieces)) if tokenizer.decoder is not None else " ".join(pieces)


def _joined(read: Sequence[_Read]) -> ReportEntities:
    entities = tuple(entity for one, _ in read for entity in one)
    margin = min((margin for _, margin in read), default=math.inf)
    return ReportEntities(entities, len(read), margin if math.isfinite(margin) else None)


def _labels(config: Mapping[str, Any], where: str) -> list[str]:
    """The label of each class; DataError where they are not RaTE-NER's."""
    stated = config.get("id2label")
    by_number = {int(key): str(name) for key, name in stated.items()} if isinstance(stated, dict) else {}
    labels = [by_number.get(number, "") for number in range(len(by_number))]
    other = [label for label in labels if label not in _LABELS]
    if not labels or other or set(labels) != _LABELS:
        absent = sorted(_LABELS - set(labels))
        raise DataError(
            f"{where}: id2label is not RaTE-NER's (unknown: {', '.join(other) or 'none'}; "
            f"missing: {', '.join(absent) or 'none'}); give the folder of Angelakeke/RaTE-NER-Deberta"
        )
    return labels


def _head(
    state: Mapping[str, Tensor], classes: int, hidden: int, where: str, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Weight and bias of the classifier."""
    wanted = {"classifier.weight": (classes, hidden), "classifier.bias": (classes,)}
    missing = [name for name in wanted if name not in state]
    wrong = [
        f"{name} is {tuple(state[name].shape)}, expected {size}"
        for name, size in wanted.items()
        if name in state and tuple(state[name].shape) != size
    ]
    extra = [name for name in state if name.startswith("classifier.") and name not in wanted]
    refuse(where, missing, wrong, extra)
    weight, bias = (state[name].float().to(device) for name in wanted)
    return weight, bias
