"""METEOR as NLTK computes it: words matched by form, stem and WordNet's synonyms, less a penalty for broken order.

Not the METEOR 1.5 of the Java program that papers print (about half of this number), hence a profile of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.errors import MissingError
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.lexical.mean import means, reduce_means

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup


def meteor(_: Setup) -> Meteor:
    """NLTK's METEOR; MissingError where NLTK or its WordNet is not here."""
    if os.name == "posix" and importlib.util.find_spec("nltk") and not any(map(_may_hold_wordnet, searched())):
        raise _no_wordnet()  # importing NLTK to be told so takes seconds where scipy and scikit-learn are beside it
    try:
        nltk = importlib.import_module("nltk")
        score = importlib.import_module("nltk.translate.meteor_score").single_meteor_score
        stemmer = importlib.import_module("nltk.stem.porter").PorterStemmer()
        wordnet = importlib.import_module("nltk.corpus").wordnet
        tokenize = importlib.import_module("nltk.tokenize").wordpunct_tokenize
    except ImportError as error:
        raise MissingError("METEOR @ nltk needs NLTK", "pip install nltk") from error
    try:
        wordnet.ensure_loaded()
    except LookupError as error:
        raise _no_wordnet() from error
    return Meteor(
        score, tokenize, Remembering(stemmer, wordnet), f"nltk-{nltk.__version__}-wordnet-{wordnet.get_version()}"
    )


def searched() -> list[str]:
    """Where NLTK looks for data outside of Windows (nltk/data.py, ``path``), without importing it."""
    imported = sys.modules.get("nltk.data")
    if imported is not None:
        return list(imported.path)
    own = [place for place in os.environ.get("NLTK_DATA", "").split(os.pathsep) if place]
    users = [os.path.expanduser(place) for place in (*own, "~/nltk_data")]  # noqa: PTH111 (Path fails without a home)
    under = [f"{sys.prefix}/{place}" for place in ("nltk_data", "share/nltk_data", "lib/nltk_data")]
    places = ("/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib")
    return [*users, *under, *(f"{place}/nltk_data" for place in places)]


def _may_hold_wordnet(place: str) -> bool:
    return Path(place).is_file() or any(Path(place, "corpora", name).exists() for name in ("wordnet", "wordnet.zip"))


def _no_wordnet() -> MissingError:
    return MissingError(
        "METEOR @ nltk needs WordNet in a folder that NLTK searches (NLTK_DATA)", "python -m nltk.downloader wordnet"
    )


class Remembering:
    """NLTK's stemmer and WordNet, each word looked up once."""

    def __init__(self, stemmer: Any, wordnet: Any) -> None:
        self._stemmer, self._wordnet = stemmer, wordnet
        self._stems: dict[str, str] = {}
        self._synsets: dict[str, Any] = {}

    def stem(self, word: str) -> str:
        """The Porter stem."""
        if word not in self._stems:
            self._stems[word] = self._stemmer.stem(word)
        return self._stems[word]

    def synsets(self, word: str) -> Any:
        """The sets of synonyms that have this word."""
        if word not in self._synsets:
            self._synsets[word] = self._wordnet.synsets(word)
        return self._synsets[word]


class Meteor:
    """Mean METEOR with NLTK's constants (alpha 0.9, beta 3, gamma 0.5).

    Statistics of a study: its score, and 1. A perfect report scores just below 1, as one unbroken run is still
    penalised, so the column states no best.
    """

    name = "meteor@nltk"
    columns = (Column("METEOR", "nltk"),)
    statistics = ("score", "studies")
    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})

    def __init__(self, score: Any, tokenize: Any, words: Remembering, version: str) -> None:
        self._score, self._tokenize, self._words, self._version = score, tokenize, words, version

    def fit(self, corpus: Corpus) -> str:
        """The target; nothing is learnt."""
        return corpus.target

    def signature(self, context: str) -> str:
        """The package and its data decide the number."""
        return f"meteor|target:{context}|prep:wordpunct-lower|level:sentence|by:{self._version}|v1"

    def measure(self, examples: Sequence[Example], context: str) -> FloatArray:
        """(n, 2) score and count."""
        return means(examples, [self._one(example) for example in examples])

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 2) to (..., 1): the mean; nan over no studies."""
        return reduce_means(sums)

    def _one(self, example: Example) -> float:
        reference, candidate = self._tokenize(example.reference or ""), self._tokenize(example.candidate)
        return float(self._score(reference, candidate, stemmer=self._words, wordnet=self._words))
