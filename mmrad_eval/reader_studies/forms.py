"""What readers are asked: a form is a record of questions, about one report of a case or about two side by side.

The page draws any form, and ``merge`` counts its answers by the kind of each question, so that a new form is a new
record here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Value

QuestionKind = Literal["preference", "scale", "counts", "text"]


class FormOption(Value, frozen=True, omit_defaults=False):
    """One answer to choose, or one kind of what is counted."""

    value: int
    """The number that is stored; what is counted has its place."""
    words: str
    key: str = ""
    """The name that tables use, where it is not the words."""


class FormQuestion(Value, frozen=True, omit_defaults=False):
    """One question."""

    key: str
    words: str
    kind: QuestionKind
    options: tuple[FormOption, ...] = ()
    columns: tuple[FormOption, ...] = ()
    """What each kind is counted as; ``counts`` only."""
    required: bool = True
    good: int = 0
    """The lowest answer of a scale that counts as good."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The names under which its answers are stored."""
        if self.kind == "counts":
            return tuple(f"{kind.key}.{column.key}" for kind in self.options for column in self.columns)
        return (self.key,)


class ReaderForm(Value, frozen=True, omit_defaults=False):
    """Everything that is asked of one reading."""

    name: str
    shows: Literal["one", "two", "trace"]
    """What a reading shows: a report, two of them, or a trace (statements and their boxes)."""
    questions: tuple[FormQuestion, ...]

    @property
    def main(self) -> FormQuestion:
        """The question that results are about."""
        return self.questions[0]


MOST_COUNTED = 99
"""The largest number that a field of counts takes, which has two digits."""

_COMMENT = FormQuestion("comment", "Comment (optional)", "text", required=False)

PREFERENCE = ReaderForm(
    "preference",
    "two",
    (
        FormQuestion(
            "preference",
            "Which report would you rather sign?",
            "preference",
            (FormOption(1, "Report A"), FormOption(0, "Neither is better"), FormOption(-1, "Report B")),
        ),
        _COMMENT,
    ),
)
ERRORS = ReaderForm(
    "errors",
    "one",
    (
        FormQuestion(
            "errors",
            "How many errors does the report have?",
            "counts",
            (
                FormOption(0, "Finding that is not there", "false finding"),
                FormOption(1, "Finding left out", "omission"),
                FormOption(2, "Wrong location or side", "location"),
                FormOption(3, "Wrong severity", "severity"),
                FormOption(4, "Comparison that can't be made", "false comparison"),
                FormOption(5, "Change left out", "missed change"),
            ),
            (
                FormOption(0, "Clinically significant", "significant"),
                FormOption(1, "Not significant", "insignificant"),
            ),
        ),
        _COMMENT,
    ),
)
"""Kinds and significance as in ReXVal (Yu et al., Patterns 2023, 4:100802), in our words."""
LIKERT = ReaderForm(
    "likert",
    "one",
    (
        FormQuestion(
            "rating",
            "How good is the report?",
            "scale",
            (
                FormOption(5, "Nothing to correct"),
                FormOption(4, "Wording only"),
                FormOption(3, "Something left out or imprecise, without consequence"),
                FormOption(2, "One clinically relevant error"),
                FormOption(1, "Misleading"),
            ),
            good=4,
        ),
        _COMMENT,
    ),
)
TEXT = ReaderForm("text", "one", (FormQuestion("text", "What would you change in this report, and why?", "text"),))

_GOOD = LIKERT.main.options
_SHARES = (FormOption(3, "All"), FormOption(2, "Most"), FormOption(1, "Few or none"))
AGAINST_REPORT = FormQuestion(
    "text_vs_report", "How many statements fit the report?", "scale", _SHARES, required=True, good=3
)
"""Asked where the report is shown."""
RATE = ReaderForm(
    "rate",
    "trace",
    (
        FormQuestion("rating", "How good is the reasoning?", "scale", _GOOD, good=4),
        FormQuestion("text_vs_image", "How many statements fit the image?", "scale", _SHARES, good=3),
        AGAINST_REPORT,
        FormQuestion("box_fits", "How many boxes show what their statement says?", "scale", _SHARES, good=3),
        FormQuestion("worst_statement", "Number of the worst statement (optional)", "counts", required=False),
        _COMMENT,
    ),
)
"""The five levels are those of ``likert``; a statement that is wrong in place or in fact is what ``worst`` asks for."""

FORMS: Mapping[str, ReaderForm] = {form.name: form for form in (PREFERENCE, ERRORS, LIKERT, TEXT, RATE)}

GUESS = FormQuestion(
    "guess",
    "Who wrote this report?",
    "scale",
    (FormOption(1, "A person"), FormOption(2, "A program"), FormOption(0, "I can't tell")),
)
PERSON, PROGRAM = 1, 2

EXPERIENCE = (
    FormQuestion(
        "role",
        "Your role",
        "scale",
        (
            FormOption(1, "Radiologist"),
            FormOption(2, "Radiologist in training"),
            FormOption(3, "Other physician"),
            FormOption(4, "Something else"),
        ),
    ),
    FormQuestion("years", "Years of reading chest radiographs", "counts"),
)
"""Asked once, on the first screen."""


def form(name: str) -> ReaderForm:
    """The form of this name."""
    if name not in FORMS:
        raise UsageError(f"--form {name}: choose {', '.join(FORMS)}")
    return FORMS[name]
