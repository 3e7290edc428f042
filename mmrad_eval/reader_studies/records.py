"""The files of a reader study: the key, which stays with its maker, and what a reader's page holds and saves."""

from __future__ import annotations

from typing import Literal

from mmrad_eval.core.canonical import digest
from mmrad_eval.core.structs import Value
from mmrad_eval.core.values import DataUse
from mmrad_eval.reader_studies.forms import FormQuestion, ReaderForm

KEY_SCHEMA = "mmrad.reader-study/1"
ANSWERS_SCHEMA = "mmrad.reader-answers/1"

Truth = Literal["image", "reference"]
"""What reports are judged by: the images, the original report being a hidden arm; or the reference, which is shown."""


class StudyArm(Value, frozen=True, omit_defaults=False):
    """One system whose reports are judged."""

    name: str
    """What tables call it."""
    run: str = ""
    """The id of its run; empty for the original reports."""
    original: bool = False


class RatedStatement(Value, frozen=True):
    """One statement of a trace, as readers see it."""

    text: str
    region: str = ""
    film: int = 0
    """The image of the case that its boxes lie on."""
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    """Left, top, width and height, as shares of the image."""


class KeyCase(Value, frozen=True):
    """A case, and what each arm wrote of it."""

    id: str
    """The study in its dataset."""
    patient: str | None
    inclusion: float
    """The chance with which the sampling rule includes this case."""
    reference: str
    texts: tuple[str, ...]
    """Each arm's report, as it was written."""
    shown: tuple[str, ...]
    """The same as readers see it."""
    statements: tuple[tuple[RatedStatement, ...], ...] = ()
    """Each arm's trace as readers see it, where traces are read."""
    stratum: str = ""
    """The group that it was drawn from."""
    planted: str = ""
    """The kind of error that was put into its traces; such a case counts for nothing but whether it is found."""
    wrong: tuple[int, ...] = ()
    """The number of the statement of each arm that has the error, from 1."""


class KeyReading(Value, frozen=True, omit_defaults=False):
    """One screen of a reader's page."""

    id: str
    case: int
    arms: tuple[int, ...]
    """In the order in which they are shown."""
    repeats: str = ""
    """The id of the reading that this one shows again."""


class KeyReader(Value, frozen=True, omit_defaults=False):
    """What one reader was given, in order."""

    code: str
    readings: tuple[KeyReading, ...]
    guesses: tuple[KeyReading, ...] = ()


class StudyKey(Value, frozen=True, omit_defaults=False):
    """key.json: who wrote what. Nothing of it is on a reader's page."""

    form: ReaderForm
    truth: Truth
    target: str
    dataset: str
    dataset_digest: str
    data_use: DataUse
    rule: str
    """How the cases were sampled, in words."""
    weighted: bool
    """Whether cases had different chances, so that each counts with the inverse of its own."""
    seed: int
    arms: tuple[StudyArm, ...]
    cases: tuple[KeyCase, ...]
    readers: tuple[KeyReader, ...]
    notes: tuple[str, ...] = ()
    """What a reader of the results must know of how the study was made."""
    schema: str = KEY_SCHEMA
    study: str = ""
    """Digest of everything else, which pages and answers carry."""

    def identity(self) -> str:
        """The digest that ``study`` must be."""
        return digest({name: getattr(self, name) for name in self.__struct_fields__ if name != "study"})[:16]


class PageFilm(Value, frozen=True):
    """An image of a case."""

    src: str
    width: int
    height: int
    label: str


class PageCase(Value, frozen=True):
    """A case as a reader sees it."""

    films: tuple[PageFilm, ...]
    context: dict[str, str] = {}
    reference: str | None = None
    """Where the reference is the truth."""


class PageReading(Value, frozen=True):
    """One screen: reports without a name."""

    id: str
    case: int
    texts: tuple[str, ...]
    statements: tuple[RatedStatement, ...] = ()
    """In the place of texts, where traces are read."""


class ReaderPage(Value, frozen=True):
    """Everything that a reader's page holds."""

    schema: str
    """Of the answers that it saves."""
    study: str
    reader: str
    title: str
    form: ReaderForm
    experience: tuple[FormQuestion, ...]
    guess: FormQuestion
    cases: tuple[PageCase, ...]
    readings: tuple[PageReading, ...]
    guesses: tuple[PageReading, ...] = ()


class ReadingAnswer(Value, frozen=True):
    """What a reader answered to one screen."""

    values: dict[str, int | str] = {}
    """Field of the form -> number or text."""
    seconds: float = 0.0
    """While the screen was in sight; of two minutes without a key or a click, no more than these are counted."""
    changes: int = 0
    """Answers that were changed after the reader had gone on."""
    done: bool = False


class ReaderAnswers(Value, frozen=True):
    """A saved file of answers. Its last line, ``check``, is the checksum of all before it (FNV-1a, 64 bits)."""

    schema: str
    study: str
    reader: str
    form: str
    began: str = ""
    saved: str = ""
    experience: dict[str, int | str] = {}
    answers: dict[str, ReadingAnswer] = {}
    guesses: dict[str, ReadingAnswer] = {}
