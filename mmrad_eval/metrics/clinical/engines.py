"""The clinical engines of one suite: which engine, which weights, what was said of a text before."""

from __future__ import annotations

import importlib.util
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from mmrad_eval.core.errors import MissingError
from mmrad_eval.metrics.clinical import weights
from mmrad_eval.metrics.clinical.embeddings.records import Labelled, Matched
from mmrad_eval.metrics.clinical.encoder.texts import TextResults, open_journal
from mmrad_eval.metrics.clinical.entities import sentences
from mmrad_eval.metrics.clinical.entities.records import RateScored, ReportEntities
from mmrad_eval.metrics.clinical.graphs.folder import encoder_name
from mmrad_eval.metrics.clinical.graphs.graph import ExtractedGraph
from mmrad_eval.metrics.clinical.weights import NEEDS
from mmrad_eval.metrics.encoders import SourceKey

if TYPE_CHECKING:
    from mmrad_eval.metrics.clinical.graphs.words import Model
    from mmrad_eval.metrics.suites import Setup

T = TypeVar("T")
K = TypeVar("K", bound="str | tuple[str, ...]")
Engine = Literal["own", "upstream"]

_VERSION = 2
"""Of the own engine's arithmetic and text preparation: part of every signature, so that stored results age with it."""
_MODULES = {"radgraph": "radgraph", "chexbert": "f1chexbert", "bertscore": "bert_score", "ratescore": "RaTEScore"}
Head = Literal["radgraph", "chexbert", "bertscore", "ratescore"]


class TextsNotedError(Exception):
    """Ends a measurement that was begun to learn which texts it needs."""


class CachedEngine(Generic[K, T]):
    """Results of texts or pairs from one engine with one set of weights; the engine is loaded when a new text comes."""

    def __init__(
        self, signature: str, results: TextResults[K, T], load: Callable[[], Callable[[list[K]], Sequence[T]]]
    ) -> None:
        self.signature = signature
        self.results = results
        self.noted: list[K] | None = None
        """The texts that were asked about and that nothing is known of; None: they are computed."""
        self._load = load
        self.before_loading: Callable[[], None] = _nothing
        self._runner: Callable[[list[K]], Sequence[T]] | None = None

    def __call__(self, texts: Sequence[K]) -> list[T]:
        """One result each, in order; every distinct text is computed once."""
        if self.noted is not None and (fresh := self.results.fresh(texts)):
            self.noted += fresh
            raise TextsNotedError
        return self.results(texts, self._make)

    @property
    def runner(self) -> Any:
        """The loaded engine."""
        if self._runner is None:
            self.before_loading()
            self._runner = self._load()
        return self._runner

    def release(self) -> None:
        """Let go of the loaded engine; what it said is kept."""
        self._runner = None

    def _make(self, texts: list[K]) -> Sequence[T]:
        made: Sequence[T] = self.runner(texts)
        return made


class Engines:
    """What the clinical metrics of a suite share. Options: ``engine``, ``device``, ``texts``, ``weights.NAME``."""

    def __init__(self, setup: Setup) -> None:
        self.engine: Engine = "upstream" if setup.option("engine", "own", ("own", "upstream")) == "upstream" else "own"
        self._device = setup.option("device", "auto")
        self._journal = open_journal(setup.value("texts", None) or setup.texts)
        if self._journal is not None:
            weakref.finalize(self, self._journal.close)  # when the suite is let go of, or at the end of the process
        keys = [*NEEDS, "encoder"]
        stated: dict[str, Path | str | None] = {key: setup.value(f"weights.{key}", None) for key in keys}
        self._given = {key: path for key, path in stated.items() if path is not None}
        self._sources: dict[SourceKey, CachedEngine[Any, Any]] = {}

    def source(self, key: SourceKey) -> CachedEngine[Any, Any]:
        """The engine of this key."""
        methods: dict[str, Callable[..., CachedEngine[Any, Any]]] = {
            method.__name__: method for method in (self.graphs, self.labels, self.matches, self.entities, self.rates)
        }
        return methods[key[0]](*key[1:])

    def wanted(self, measure: Callable[[], object]) -> dict[SourceKey, list[Any]]:
        """Engine -> the texts that ``measure`` needs of it and that nothing is known of; no engine is loaded.

        What ``measure`` asks of a second engine shows once the first one's results are kept.
        """
        for source in self._sources.values():
            source.noted = []
        try:
            measure()
        except TextsNotedError:
            pass
        finally:
            found = {key: source.noted for key, source in self._sources.items() if source.noted}
            for source in self._sources.values():
                source.noted = None
        return found

    @property
    def noting(self) -> bool:
        """Whether texts are noted and nothing is computed."""
        return any(source.noted is not None for source in self._sources.values())

    @property
    def count(self) -> int:
        """Engines that the metrics have asked for so far."""
        return len(self._sources)

    def kind(self) -> str:
        """What computes: sums of single precision differ in their last digits from one kind of machine to another."""
        import torch

        device = self._torch_device()
        if device.type == "cuda":
            return f"{torch.cuda.get_device_name(device)} with torch {torch.__version__}"
        return f"a CPU ({torch.backends.cpu.get_cpu_capability()}) with torch {torch.__version__}"

    def available(self, head: Head, *names: str) -> None:
        """Raise MissingError where the extra or the weights of these names are not here. Reads no weights."""
        if self.engine == "upstream":
            module = _MODULES[head]
            if importlib.util.find_spec(module) is None:
                raise MissingError(f"--engine upstream needs {module}", _UPSTREAM)
        for module in ("torch", "tokenizers"):
            if importlib.util.find_spec(module) is None:
                raise MissingError(f"needs {module}, which the core install does not include", _OWN)
        if head == "ratescore":
            sentences.require_rules()
        weights.require_all(names, self._given)

    def graphs(self, model: Model) -> CachedEngine[str, ExtractedGraph]:
        """Texts to graphs."""

        def build() -> CachedEngine[str, ExtractedGraph]:
            folder = self._archive(model)
            encoder = weights.encoder_folder(encoder_name(folder), folder, self._given)
            signature = self._signature("radgraph", f"model:{model}", folder / "weights.th", _pieces(encoder))

            def load() -> Callable[[list[str]], Sequence[ExtractedGraph]]:
                if self.engine == "upstream":
                    from mmrad_eval.metrics.clinical.reference_packages import UpstreamRadGraph

                    return UpstreamRadGraph(folder, model, encoder)
                from mmrad_eval.metrics.clinical.graphs.archive import RadGraphRunner

                return RadGraphRunner(folder, model, encoder, self._torch_device())

            return CachedEngine(signature, TextResults(self._journal, signature, ExtractedGraph), load)

        return self._source(("graphs", model), build)

    def labels(self) -> CachedEngine[str, Labelled]:
        """Texts to CheXbert's classes and vectors."""

        def build() -> CachedEngine[str, Labelled]:
            checkpoint = weights.require("chexbert", self._given).file
            encoder = weights.require("bert-base-uncased", self._given).path
            signature = self._signature("chexbert", "prep:lines", checkpoint, _pieces(encoder))

            def load() -> Callable[[list[str]], Sequence[Labelled]]:
                if self.engine == "upstream":
                    from mmrad_eval.metrics.clinical.reference_packages import UpstreamCheXbert

                    return UpstreamCheXbert(checkpoint, encoder)
                from mmrad_eval.metrics.clinical.embeddings.chexbert import CheXbertRunner

                return CheXbertRunner(checkpoint, encoder, self._torch_device())

            return CachedEngine(signature, TextResults(self._journal, signature, Labelled), load)

        return self._source(("labels",), build)

    def matches(self, name: str, layer: int) -> CachedEngine[tuple[str, str], Matched]:
        """(candidate, reference) pairs to BERTScore; ``name`` is one of the known models or a folder."""

        def build() -> CachedEngine[tuple[str, str], Matched]:
            folder = weights.require(name, self._given).path if name in NEEDS else Path(name)
            file = next((folder / n for n in _MODEL_FILES if (folder / n).is_file()), folder / _MODEL_FILES[0])
            label = name if name in NEEDS else folder.name
            signature = self._signature("bertscore", f"model:{label}|layer:{layer}", file, _pieces(folder))

            remembered: OrderedDict[str, Any] = OrderedDict()

            def load() -> Callable[[list[tuple[str, str]]], Sequence[Matched]]:
                runner: Callable[[Sequence[tuple[str, str]]], list[tuple[float, float, float]]]
                if self.engine == "upstream":
                    from mmrad_eval.metrics.clinical.reference_packages import UpstreamBertScore

                    runner = UpstreamBertScore(folder, layer)
                else:
                    from mmrad_eval.metrics.clinical.embeddings.bertscore import BertScoreRunner

                    runner = BertScoreRunner(folder, layer, self._torch_device(), remembered=remembered)
                return lambda pairs: [Matched(*scores) for scores in runner(pairs)]

            return CachedEngine(signature, TextResults(self._journal, signature, Matched), load)

        return self._source(("matches", name, layer), build)

    def entities(self) -> CachedEngine[str, ReportEntities]:
        """Texts to RaTEScore's entities, by the own engine."""

        def build() -> CachedEngine[str, ReportEntities]:
            found = weights.require("rate-ner", self._given)
            signature = self._signature("rate-ner", f"sentences:{sentences.version()}", found.file, _pieces(found.path))

            def load() -> Callable[[list[str]], Sequence[ReportEntities]]:
                from mmrad_eval.metrics.clinical.entities.classifier import EntityRunner

                return EntityRunner(found.path, sentences.Sentences(), self._torch_device())

            return CachedEngine(signature, TextResults(self._journal, signature, ReportEntities), load)

        return self._source(("entities",), build)

    def rates(self) -> CachedEngine[tuple[str, str], RateScored]:
        """(candidate, reference) pairs to RaTEScore."""

        def build() -> CachedEngine[tuple[str, str], RateScored]:
            classifier, encoder = (weights.require(name, self._given) for name in ("rate-ner", "biolord"))
            made_of = f"{weights.digest(classifier.file)[:12]}-{weights.digest(_pieces(classifier.path))[:8]}"
            what = f"sentences:{sentences.version()}|ner:{made_of}"
            signature = self._signature("rate", what, encoder.file, _pieces(encoder.path))

            def load() -> Callable[[list[tuple[str, str]]], Sequence[RateScored]]:
                if self.engine == "upstream":
                    from mmrad_eval.metrics.clinical.reference_packages import UpstreamRateScore

                    return UpstreamRateScore(classifier.path, encoder.path)
                from mmrad_eval.metrics.clinical.entities.synonyms import SynonymRunner

                return SynonymRunner(encoder.path, self.entities(), self._torch_device())

            return CachedEngine(signature, TextResults(self._journal, signature, RateScored), load)

        return self._source(("rates",), build)

    def _source(self, key: SourceKey, build: Callable[[], CachedEngine[K, T]]) -> CachedEngine[K, T]:
        if key not in self._sources:
            source = build()
            source.before_loading = self._make_room
            self._sources[key] = source
        found: CachedEngine[K, T] = self._sources[key]
        return found

    def _make_room(self) -> None:
        """Only one model is in memory at a time: loading one again takes a second, and three take two gigabytes."""
        for source in self._sources.values():
            source.release()

    def _archive(self, model: Model) -> Path:
        """The folder of an archive, unpacked first where only the download is here."""
        found = weights.require(model, self._given)
        if found.path.is_file():
            from mmrad_eval.metrics.clinical.fetch import unpack

            return unpack(found.path, weights.own_folder() / model)
        return found.path

    def _signature(self, head: str, what: str, file: Path, pieces: Path) -> str:
        """Everything that decides the result of a text."""
        made_of = f"weights:{weights.digest(file)[:12]}|pieces:{weights.digest(pieces)[:8]}"
        return f"{head}|{what}|{made_of}|engine:{self.engine}-{_VERSION}"

    def _torch_device(self) -> Any:
        import torch

        if self._device != "auto":
            return torch.device(self._device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _pieces(folder: Path) -> Path:
    """The file that decides how a folder's tokenizer cuts words."""
    names = ("vocab.txt", "merges.txt", "tokenizer.json")
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[0])


def _nothing() -> None:
    """No other model has to make room."""


_MODEL_FILES = ("model.safetensors", "pytorch_model.bin")
_OWN = "pip install 'mmrad-eval[engine]'"
_UPSTREAM = "make an environment with scripts/env-clinical (pip install 'mmrad-eval[clinical]')"


def engines(setup: Setup) -> Engines:
    """The engines of a suite, one for all of its metrics; what asks for them stays in the process that has them."""
    setup.stays.add(setup.name)
    setup.encoders = setup.shared(Engines, lambda: Engines(setup))
    return setup.encoders
