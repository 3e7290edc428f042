"""A RadGraph archive as it is published (config.json, weights.th, vocabulary/), run without the package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics.clinical.encoder.bert import Encoder
from mmrad_eval.metrics.clinical.encoder.checkpoints import load_state, read_config, shape_from_weights, shape_of
from mmrad_eval.metrics.clinical.encoder.kernels import Kernel, choose
from mmrad_eval.metrics.clinical.encoder.pieces import read_pieces
from mmrad_eval.metrics.clinical.graphs.dygie import DygieLabels, SpanHead
from mmrad_eval.metrics.clinical.graphs.folder import read_archive_config
from mmrad_eval.metrics.clinical.graphs.graph import ExtractedGraph
from mmrad_eval.metrics.clinical.graphs.words import Model, looked_up, split

EMBEDDER = "_embedder.token_embedder_bert._matched_embedder.transformer_model."
"""Where an archive keeps its BERT."""


class RadGraphRunner:
    """Texts to graphs, the same as ``radgraph.RadGraph(model_type=…)``."""

    def __init__(
        self,
        folder: Path,
        model: Model,
        encoder_folder: Path,
        device: torch.device | None = None,
        kernel: Kernel | None = None,
    ) -> None:
        """``encoder_folder`` holds the tokenizer, and perhaps the config.json, of the archive's encoder."""
        device = device or torch.device("cpu")
        config = read_archive_config(folder)
        state = load_state(folder / "weights.th")
        bert = {name.removeprefix(EMBEDDER): tensor for name, tensor in state.items() if name.startswith(EMBEDDER)}
        head = {name: tensor for name, tensor in state.items() if not name.startswith("_embedder.")}
        where = str(folder / "weights.th")
        if (encoder_folder / "config.json").is_file():
            shape = shape_of(read_config(encoder_folder), str(encoder_folder / "config.json"))
        else:
            shape = shape_from_weights(bert, where)
        self._encoder = Encoder(bert, shape, kernel or choose(device), device, where=where)
        self._head = SpanHead(head, config, read_labels(folder / "vocabulary", model), where).to(device)
        self._pieces = read_pieces(encoder_folder)
        stated = config["dataset_reader"]["token_indexers"]["bert"].get("max_length")
        self._room = min(int(stated or shape.limit), shape.limit) - 2  # [CLS] and [SEP] frame every segment
        self._model = model
        self._cut: dict[str, list[int]] = {}

    @property
    def kernel(self) -> str:
        """How matrices are multiplied."""
        return self._encoder.kernel.name

    def __call__(self, texts: Sequence[str], budget: int | None = None, pad_to: int = 1) -> list[ExtractedGraph]:
        """One graph a text; a text without words has none, as nothing was said."""
        words = [split(text, self._model) for text in texts]
        found = [ExtractedGraph() for _ in texts]
        cuts = [[self._word_pieces(word) for word in report] for report in words]
        segments: list[list[int]] = []
        owner: list[int] = []
        for number, cut in enumerate(cuts):
            flat = [piece for word in cut for piece in word]
            for start in range(0, len(flat), self._room):
                segments.append(self._pieces.frame(flat[start : start + self._room]))
                owner.append(number)
        segments_of = Counter(owner)

        def graph(number: int, pieces: Tensor) -> ExtractedGraph:
            return self._head(words[number], _word_vectors(cuts[number], pieces))

        def then(index: int, hidden: Tensor) -> ExtractedGraph | Tensor:
            number = owner[index]
            return graph(number, hidden[1:-1]) if segments_of[number] == 1 else hidden[1:-1].clone()

        parts: dict[int, dict[int, Tensor]] = {}
        for index, made in self._encoder.each(segments, then, budget, pad_to):
            number = owner[index]
            if isinstance(made, ExtractedGraph):
                found[number] = made
                continue
            held = parts.setdefault(number, {})
            held[index] = made
            if len(held) == segments_of[number]:
                found[number] = graph(number, torch.cat([held[i] for i in sorted(held)]))
                del parts[number]
        return found

    def _word_pieces(self, word: str) -> list[int]:
        """The pieces of one word, cut once."""
        cut = self._cut.get(word)
        if cut is None:
            cut = self._cut[word] = self._pieces.ids(looked_up(word))
        return cut


def read_labels(vocabulary: Path, dataset: str) -> DygieLabels:
    """The labels that the archive's vocabulary folder lists for a dataset name."""
    entity = _lines(vocabulary / f"{dataset}__ner_labels.txt")
    if not entity or entity[0]:
        raise DataError(f"{vocabulary / f'{dataset}__ner_labels.txt'}: the first label must be the empty one")
    return DygieLabels(dataset, tuple(entity[1:]), tuple(_lines(vocabulary / f"{dataset}__relation_labels.txt")))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(p.name.split("__")[0] for p in path.parent.glob("*__ner_labels.txt"))
        raise DataError(
            f"{path}: there is no such file; the archive has labels of {', '.join(known) or 'no dataset'}: is it the "
            "right archive?"
        ) from None
    return text.removesuffix("\n").split("\n")


def _word_vectors(cut: Sequence[Sequence[int]], pieces: Tensor) -> Tensor:
    """(words, hidden): the mean of each word's pieces; zeros for a word without any."""
    counts = torch.tensor([len(word) for word in cut])
    owner = torch.repeat_interleave(torch.arange(len(cut)), counts).to(pieces.device)
    sums = pieces.new_zeros(len(cut), pieces.shape[1]).index_add_(0, owner, pieces)
    return sums / counts.clamp_min(1).to(pieces)[:, None]
