"""The field's own packages, unmodified, with their known breaks kept away from the user.

radgraph prints when built and re-enables warnings; f1chexbert silences all warnings of the process when imported, looks
for its checkpoint only where old hub clients put it, and loads it leniently; both fail on None and white space.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmrad_eval.core.errors import MissingError
from mmrad_eval.metrics.clinical.embeddings.records import Labelled
from mmrad_eval.metrics.clinical.entities.records import UNDEFINED, RateScored
from mmrad_eval.metrics.clinical.entities.sentences import quiet_pyrush
from mmrad_eval.metrics.clinical.graphs.folder import encoder_name
from mmrad_eval.metrics.clinical.graphs.graph import ExtractedGraph, read_graph
from mmrad_eval.metrics.clinical.graphs.words import Model, split

INSTALL = "pip install 'mmrad-eval[clinical]' in an environment of its own (scripts/env-clinical)"


class UpstreamRadGraph:
    """``radgraph.RadGraph``."""

    kernel = "upstream"

    def __init__(self, folder: Path, model: Model, encoder_folder: Path) -> None:
        with _quiet(), tempfile.TemporaryDirectory(prefix="mmrad-radgraph-") as scratch:
            radgraph = _imported("radgraph")
            cache = _as_cache(Path(scratch), folder, model, encoder_folder)
            self._model: Any = radgraph.RadGraph(model_type=model, model_cache_dir=str(cache))

    def __call__(self, texts: Sequence[str]) -> list[ExtractedGraph]:
        """One graph a text; texts without words, on which the package fails, have none."""
        asked = [number for number, text in enumerate(texts) if split(text, "radgraph") and split(text, "radgraph-xl")]
        found = [ExtractedGraph() for _ in texts]
        if asked:
            with _quiet():
                annotations = self._model([texts[number] for number in asked])
            for position, number in enumerate(asked):
                found[number] = ExtractedGraph(read_graph(annotations[str(position)], "radgraph"))
        return found


class UpstreamCheXbert:
    """``f1chexbert.F1CheXbert``; the vector is taken from its model."""

    kernel = "upstream"

    def __init__(self, checkpoint: Path, encoder_folder: Path) -> None:
        with _quiet(), tempfile.TemporaryDirectory(prefix="mmrad-chexbert-") as scratch:
            module = _imported("f1chexbert.f1chexbert")
            (Path(scratch) / "chexbert.pth").symlink_to(checkpoint.resolve())
            before = module.CACHE_DIR
            module.CACHE_DIR = scratch  # where the package looks, while it is built
            try:
                self._scorer: Any = module.F1CheXbert()
            finally:
                module.CACHE_DIR = before
        self._tokenize: Any = module.tokenize

    def __call__(self, texts: Sequence[str]) -> list[Labelled]:
        """Label every text."""
        with _quiet():
            return [self._one(text) for text in texts]

    def _one(self, text: str) -> Labelled:
        classes = {"": 0, 1: 1, 0: 2, -1: 3}
        labels = self._scorer.get_label(text.strip(), mode="classification")
        import pandas as pd
        import torch

        ids = torch.LongTensor(self._tokenize(pd.Series([text.strip()]), self._scorer.tokenizer))
        with torch.no_grad():
            vector = self._scorer.model.bert(ids.to(self._scorer.device), attention_mask=torch.ones_like(ids).float())
        values = vector[0][0, 0].float().cpu().numpy().astype(np.float32)
        return Labelled.of([classes[label] for label in labels], values, None)


class UpstreamBertScore:
    """``bert_score.BERTScorer`` without rescaling."""

    kernel = "upstream"

    def __init__(self, folder: Path, layer: int) -> None:
        with _quiet():
            package = _imported("bert_score")
            self._scorer: Any = package.BERTScorer(model_type=str(folder), num_layers=layer)

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, float, float]]:
        """(candidate, reference) pairs to (precision, recall, F1)."""
        if not pairs:
            return []
        with _quiet():
            scores = self._scorer.score([candidate for candidate, _ in pairs], [reference for _, reference in pairs])
        return [(float(p), float(r), float(f)) for p, r, f in zip(*scores, strict=True)]


class UpstreamRateScore:
    """``RaTEScore.RaTEScore`` on the CPU by its own parts, each report read once and each pair scored alone.

    In a list, the package shifts what follows a report without a sentence. Such a report has no entity here, and a side
    without entities scores .5 as in the package.
    """

    kernel = "upstream"

    def __init__(self, classifier: Path, encoder: Path) -> None:
        with _quiet():
            quiet_pyrush()
            self._parts: tuple[Any, Any] = _imported("RaTEScore.score"), _imported("RaTEScore.utils")
            package = _imported("RaTEScore.scorer")
            self.scorer: Any = package.RaTEScore(str(classifier), str(encoder), use_gpu=False)
            short = package.DEFAULT_MATRIX_SHORT.items()
            self._tables: list[Any] = [
                self.scorer.affinity_matrix,
                {tuple(part.upper() for part in key.split("_")): value for key, value in short},
            ]
        self._read: dict[str, list[tuple[str, str]]] = {}

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[RateScored]:
        """One score a pair."""
        with _quiet():
            return [self._one(candidate, reference) for candidate, reference in pairs]

    def entities(self, text: str) -> list[tuple[str, str]]:
        """(text, type) of each entity of one report."""
        if text not in self._read:
            score, utils = self._parts
            one = self.scorer
            found: list[list[tuple[str, str]]] = []
            if utils.sentence_split([text])[0]:  # the package fails on a list without a sentence
                found = score.run_ner([text], one.idx2label, one.tokenizer, one.model, one.device, 1)
            self._read[text] = [entity for report in found for entity in report]
        return self._read[text]

    def _one(self, candidate: str, reference: str) -> RateScored:
        score, utils = self._parts
        sides = [self.entities(text) for text in (reference, candidate)]
        if not all(sides):
            return RateScored(UNDEFINED, UNDEFINED, len(sides[1]), len(sides[0]))
        one = self.scorer
        (words, types), (other_words, other_types) = (
            score.process_embedding(side, one.eval_tokenizer, one.eval_model, one.device) for side in sides
        )
        scores = []
        for table in self._tables:
            there = utils.compute(words, other_words, types, other_types, table)
            back = utils.compute(other_words, words, other_types, types, table)
            scores.append(2 * there * back / (there + back) if there + back else 0.0)
        return RateScored(float(scores[0]), float(scores[1]), len(sides[1]), len(sides[0]))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the packages print, and what they do to the process's warnings, from the user."""
    sink = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        warnings.simplefilter("ignore")
        yield


def _imported(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingError(f"--engine upstream needs {name.split('.', maxsplit=1)[0]} ({error})", INSTALL) from error


def _as_cache(scratch: Path, folder: Path, model: Model, encoder_folder: Path) -> Path:
    """A cache folder as the package expects it: links to the archive, and a config whose tokenizer it can load."""
    target = scratch / model
    target.mkdir()
    for entry in folder.iterdir():
        if entry.name != "config.json":
            (target / entry.name).symlink_to(entry.resolve())
    text = (folder / "config.json").read_text(encoding="utf-8")
    if (encoder_folder / "config.json").is_file():  # else the package must get the encoder's from the hub
        text = text.replace(json.dumps(encoder_name(folder)), json.dumps(str(encoder_folder)))
    (target / "config.json").write_text(text, encoding="utf-8")
    return scratch
