"""Conventions: which words of a text are compared, by the names that papers and boards are known by."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mmrad_eval.core.values import Report, Target
from mmrad_eval.metrics.lexical import preparation
from mmrad_eval.metrics.lexical.ngrams import NgramIndex, Pairs, TokenIds, WordIds

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Corpus
    from mmrad_eval.core.values import Example
    from mmrad_eval.metrics.suites import Setup

UNKNOWN = "<unk>"
_KEPT = 1 << 12
"""References whose words are kept under one convention, as every run is scored against them."""


@dataclass(frozen=True)
class Preparation:
    """How words are made of a text."""

    name: str
    tokens: Callable[[str], list[str]]
    written: Callable[[str], list[str]] | None = None
    """How they are made of a candidate that is left ``as-is``; None where there is no such choice."""
    threshold: int = 0
    """How often a word must be in the training split to be known; 0: every word is."""
    longest: int = 0
    """R2Gen's ``max_seq_length``: a start mark and this many words less one are kept; 0: all."""
    stems: bool = False
    """Whether words of more than three letters count as their stems."""
    board: bool = False
    """Whether a whole report is written as ReXrank's report board writes it."""


WORDS = Preparation("words", preparation.words)
SPACES = Preparation("spaces", preparation.between_spaces)
""""raw" for ROUGE-L, whose package splits otherwise than that of BLEU and CIDEr."""
STEMS = Preparation("stems", preparation.alphanumeric, stems=True)
REXRANK = Preparation("rexrank", preparation.rexrank, board=True)
R2GEN_IU = Preparation("r2gen-iu", preparation.r2gen_iu, preparation.r2gen_written, threshold=3, longest=60)
R2GEN_MIMIC = Preparation("r2gen-mimic", preparation.r2gen_mimic, preparation.r2gen_written, threshold=10, longest=100)

BY_PROFILE = {
    "raw": WORDS,
    "radeval": WORDS,
    "rexrank": REXRANK,
    "r2gen-iu": R2GEN_IU,
    "r2gen-mimic": R2GEN_MIMIC,
}
"""Thresholds and lengths: R2Gen, train_iu_xray.sh and train_mimic_cxr.sh."""


@dataclass(frozen=True)
class Convention:
    """A preparation with the choices that a user made."""

    prep: Preparation
    candidate: str = ""
    """``clean``: prepared like the reference; ``as-is``: written in words of the vocabulary; empty: no choice."""
    cut: int = 0
    """Words kept of a text, 0: all."""

    @classmethod
    def of(cls, setup: Setup, prep: Preparation) -> Convention:
        """Read the options ``candidate`` (clean, as-is) and ``cut`` (default, none) where the preparation has them."""
        candidate = setup.option("candidate", "clean", ("clean", "as-is")) if prep.written else ""
        cut = setup.option("cut", "default", ("default", "none")) if prep.longest else "none"
        return cls(prep, candidate, 0 if cut == "none" else prep.longest - 1)


@dataclass(frozen=True)
class Vocabulary:
    """The words of the training split that are frequent enough; None: no training split, all words are known."""

    words: frozenset[str] | None = None
    name: str = "none"

    def known(self, word: str) -> str:
        """The word, or ``<unk>``."""
        return word if self.words is None or word in self.words else UNKNOWN


@dataclass
class TextReader:
    """Texts to numbered words under one convention, vocabulary and target; remembers what it read last."""

    convention: Convention
    vocabulary: Vocabulary
    target: Target
    numbers: NgramIndex = field(default_factory=NgramIndex)
    _examples: list[Example] = field(default_factory=list)
    _pairs: Pairs | None = None

    def __post_init__(self) -> None:
        ids: dict[str, int] = {}
        self._reference = WordIds(ids, self._counts_as())
        as_is = self.convention.candidate == "as-is"
        self._candidate = WordIds(ids) if as_is else self._reference
        self._read: dict[str, array[int]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """For a worker: the numbers of words and n-grams, without the texts that were read."""
        return {**vars(self), "_examples": [], "_pairs": None, "_read": {}}

    @property
    def signature(self) -> str:
        """The part of a signature that says which words were compared."""
        convention, prep = self.convention, self.convention.prep
        parts = [f"target:{self.target}", f"prep:{prep.name}"]
        if convention.candidate:
            parts.append(f"candidate:{convention.candidate}")
        if prep.longest:
            parts.append(f"cut:{convention.cut + 1 if convention.cut else 'none'}")
        if prep.threshold:
            parts.append(f"vocab:{self.vocabulary.name}")
        return "|".join(parts)

    def references(self, corpus: Corpus) -> list[str]:
        """The reference texts of the studies that are scored."""
        texts = (_text(study.reference, self.target, self.convention.prep) for study in corpus.scored)
        return [text for text in texts if text is not None]

    def block(self, references: Sequence[str]) -> TokenIds:
        """Reference texts as numbered words."""
        return TokenIds([self._reference_words(text) for text in references], self.numbers)

    def pairs(self, examples: Sequence[Example]) -> Pairs:
        """Candidates and references; the same examples are read once, whichever metrics ask."""
        if self._pairs is None or not _same(self._examples, examples):
            self._examples = list(examples)
            prep = self.convention.prep
            self._pairs = Pairs(
                TokenIds([self._candidate_words(_candidate(one, prep)) for one in examples], self.numbers),
                self.block([_text(one.study.reference, one.target, prep) or "" for one in examples]),
            )
        return self._pairs

    def _reference_words(self, text: str) -> Sequence[int]:
        found = self._read.get(text)
        if found is None:
            tokens = self.convention.prep.tokens(text)
            found = array("i", [self._reference[token] for token in self._cut(tokens)])
            if len(self._read) < _KEPT:
                self._read[text] = found
        return found

    def _candidate_words(self, text: str) -> Sequence[int]:
        prep = self.convention.prep
        if self.convention.candidate == "as-is" and prep.written:
            return [self._candidate[token] for token in prep.written(text)]
        return self._read.get(text) or [self._candidate[token] for token in self._cut(prep.tokens(text))]

    def _cut(self, tokens: list[str]) -> list[str]:
        return tokens[: self.convention.cut] if self.convention.cut else tokens

    def _counts_as(self) -> Callable[[str], str] | None:
        if self.convention.prep.stems:
            from mmrad_eval.metrics.lexical.stemmer import stem_of_long

            return stem_of_long
        return self.vocabulary.known if self.vocabulary.words is not None else None


class TextCache:
    """The readers of one suite, so that a text is prepared once for all metrics that read it alike."""

    def __init__(self) -> None:
        self._readers: dict[tuple[Convention, str, str], TextReader] = {}
        self._corpus: Corpus | None = None
        self._vocabularies: dict[Preparation, Vocabulary] = {}

    def reader(self, convention: Convention, corpus: Corpus) -> TextReader:
        """The reader of this convention for this corpus."""
        vocabulary = self._vocabulary(convention.prep, corpus)
        key = (convention, vocabulary.name, corpus.target)
        if key not in self._readers:
            self._readers[key] = TextReader(convention, vocabulary, corpus.target)
        return self._readers[key]

    def _vocabulary(self, prep: Preparation, corpus: Corpus) -> Vocabulary:
        if self._corpus is not corpus:
            self._corpus, self._vocabularies = corpus, {}
        if prep not in self._vocabularies:
            self._vocabularies[prep] = _learn(prep, corpus) if prep.threshold else Vocabulary()
        return self._vocabularies[prep]


def text_cache(setup: Setup) -> TextCache:
    """The text cache that all metrics of a suite share."""
    return setup.shared(TextCache, TextCache)


def _learn(prep: Preparation, corpus: Corpus) -> Vocabulary:
    """Words that the training split's references have at least ``threshold`` times (R2Gen, create_vocabulary)."""
    texts = [text for study in corpus.train if (text := _text(study.reference, corpus.target, prep))]
    if not texts:
        return Vocabulary()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(prep.tokens(text))
    words = frozenset(word for word, count in counts.items() if count >= prep.threshold)
    digest = sha256("\n".join(sorted(words)).encode()).hexdigest()[:8]
    return Vocabulary(words, f"train-{prep.threshold}-{len(words)}-{digest}")


def _candidate(example: Example, prep: Preparation) -> str:
    report = example.answer.report
    if prep.board and example.target == "report" and (report.findings is not None or report.impression is not None):
        return _board(report)
    return example.candidate


def _text(report: Report | None, target: Target, prep: Preparation) -> str | None:
    if report is None:
        return None
    sections = report.findings is not None or report.impression is not None
    return _board(report) if prep.board and target == "report" and sections else report.target(target)


def _board(report: Report) -> str:
    """A whole report as ReXrank's report board writes it, with the word None for a part that is not there."""
    return f"Findings: {report.findings} Impression: {report.impression}"


def _same(kept: Sequence[Example], asked: Sequence[Example]) -> bool:
    return len(kept) == len(asked) and all(a is b for a, b in zip(kept, asked, strict=True))
