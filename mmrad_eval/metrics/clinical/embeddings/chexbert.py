"""CheXbert: 14 observations of a report as classes, and its [CLS] vector.

Smit et al., EMNLP 2020. Thirteen heads of four classes (blank, positive, negative, uncertain) and No Finding with two
(blank, positive) over the first vector of a BERT-base.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional

from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics.clinical.embeddings.observations import HEADS
from mmrad_eval.metrics.clinical.embeddings.records import Labelled
from mmrad_eval.metrics.clinical.encoder.bert import Encoder
from mmrad_eval.metrics.clinical.encoder.checkpoints import (
    load_state,
    read_config,
    refuse,
    shape_from_weights,
    shape_of,
)
from mmrad_eval.metrics.clinical.encoder.kernels import Kernel, choose
from mmrad_eval.metrics.clinical.encoder.pieces import read_pieces

_LONGEST = 512
_CLASSES = (*[4] * 13, 2)


class CheXbertRunner:
    """Texts to labels and vectors, the same as ``f1chexbert.F1CheXbert().get_label``."""

    def __init__(
        self, checkpoint: Path, encoder_folder: Path, device: torch.device | None = None, kernel: Kernel | None = None
    ) -> None:
        """``encoder_folder`` holds the vocabulary (and perhaps config.json) of bert-base-uncased."""
        device = device or torch.device("cpu")
        loaded = load_state(checkpoint)
        state = loaded.get("model_state_dict", loaded)
        if not isinstance(state, dict):
            raise DataError(f"{checkpoint}: model_state_dict is a {type(state).__name__}, not tensors by name")
        names = {name.removeprefix("module."): tensor for name, tensor in state.items()}
        bert = {name.removeprefix("bert."): tensor for name, tensor in names.items() if name.startswith("bert.")}
        self._heads = _heads({n: t for n, t in names.items() if not n.startswith("bert.")}, str(checkpoint), device)
        if (encoder_folder / "config.json").is_file():
            shape = shape_of(read_config(encoder_folder), str(encoder_folder / "config.json"))
        else:
            shape = shape_from_weights(bert, str(checkpoint))
        self._encoder = Encoder(bert, shape, kernel or choose(device), device, where=str(checkpoint), first=True)
        self._pieces = read_pieces(encoder_folder)

    @property
    def kernel(self) -> str:
        """How matrices are multiplied."""
        return self._encoder.kernel.name

    def __call__(self, texts: Sequence[str], budget: int | None = None, pad_to: int = 1) -> list[Labelled]:
        """Label every text; an empty one is labelled as [CLS][SEP], which callers that mean nothing by it leave out."""
        found: list[Labelled | None] = [None] * len(texts)
        asked = [self._ids(text) for text in texts]
        for index, one in self._encoder.each(asked, lambda _, vectors: self._label(vectors[0]), budget, pad_to):
            found[index] = one
        return [one for one in found if one is not None]

    def _ids(self, text: str) -> list[int]:
        """Pieces between [CLS] and [SEP], at most 512 with [SEP] kept last."""
        ids = self._pieces.frame(self._pieces.ids(prepare(text)))
        return ids if len(ids) <= _LONGEST else [*ids[: _LONGEST - 1], self._pieces.last]

    def _label(self, vector: torch.Tensor) -> Labelled:
        scores = torch.split(functional.linear(vector, *self._heads), list(_CLASSES))
        classes, margin = [], math.inf
        for head in scores:
            best = head.topk(2)
            margin = min(margin, float(best.values[0] - best.values[1]))
            classes.append(int(head.argmax()))
        return Labelled.of(classes, vector.float().cpu().numpy(), margin)


_SPECIAL = re.compile(r"(\[UNK\]|\[SEP\]|\[PAD\]|\[CLS\]|\[MASK\])")


def prepare(text: str) -> str:
    """One line without runs of white space, lower-cased whole but for special pieces, as the slow tokenizer does it."""
    line = re.sub(r"\s+", " ", text.strip().replace("\n", " ")).strip()
    return "".join(part if number % 2 else part.lower() for number, part in enumerate(_SPECIAL.split(line)))


def _heads(state: dict[str, torch.Tensor], where: str, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of all heads, one under the other."""
    wanted = {f"linear_heads.{i}.{kind}": size for i, size in enumerate(_CLASSES) for kind in ("weight", "bias")}
    missing = [name for name in wanted if name not in state]
    wrong = [
        f"{n} has {state[n].shape[0]} classes, expected {size}"
        for n, size in wanted.items()
        if n in state and state[n].shape[0] != size
    ]
    refuse(where, missing, wrong, [name for name in state if name not in wanted])
    weight, bias = (
        torch.cat([state[f"linear_heads.{i}.{kind}"].float() for i in range(len(HEADS))]).to(device)
        for kind in ("weight", "bias")
    )
    return weight, bias
