"""How each mention is meant: on invented sentences, and whatever text comes."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmrad_eval.metrics.facts.extract import Fact, extract, mentions
from mmrad_eval.metrics.facts.lexicon import END, disease, lexicon
from mmrad_eval.metrics.facts.sentences import sentences

GOLDEN = Path(__file__).parent.parent / "golden" / "mentions.tsv"
SIGN = {"present": "+", "absent": "-", "uncertain": "?", None: "0"}


def _golden() -> list[tuple[str, str, str]]:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(kind, sentence, expected) for kind, sentence, expected in rows]


@pytest.mark.parametrize(("kind", "sentence", "expected"), _golden())
def test_a_mention_is_read_as_a_radiologist_means_it(kind: str, sentence: str, expected: str) -> None:
    signs = defaultdict(set)
    for _, piece in sentences(sentence, lexicon()):
        for mention in mentions(piece):
            signs[mention.meaning.concept].add(SIGN[mention.status])
    for entry in expected.split():
        concept, sign = entry[:-1], entry[-1]
        if sign == "!":
            assert concept not in signs, kind
        else:
            assert signs[concept] - {"0"} == {sign} - {"0"}, kind
            assert concept in signs, kind


def _facts(text: str) -> list[tuple[str, str]]:
    return [(fact.concept, fact.status) for fact in extract(text)]


REPORT = "The heart is mildly enlarged. There is a small left effusion, but no pneumothorax or edema. Lungs are clear."


@pytest.mark.parametrize(
    "same",
    [
        REPORT.upper(),
        REPORT.replace(". ", ".\r\n"),
        REPORT.replace(". ", ".\n\n"),
        REPORT.replace(" ", "  "),
        REPORT.replace(". ", ".  \t"),
        "FINDINGS: " + REPORT,
        "\ufeff" + REPORT,
        REPORT.replace("left effusion, but", "left\neffusion, but"),  # a wrapped line
        "1. " + REPORT.replace(". There", ".\n2. There").replace(". Lungs", ".\n3. Lungs"),
    ],
)
def test_layout_and_case_change_nothing(same: str) -> None:
    assert _facts(same) == _facts(REPORT)
    assert len(_facts(REPORT)) == 5


def test_spans_are_the_words_themselves() -> None:
    text = "Indication: cough. Findings: İ Small EFFUSION; no Pneumothorax."  # a letter whose lower case is two letters
    assert [text[slice(*fact.span)] for fact in extract(text)] == ["EFFUSION", "Pneumothorax"]


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("INDICATION: pneumonia? COMPARISON: None. FINDINGS: No effusion.", ["pleural_effusion"]),
        ("HISTORY: Effusion.\n\nThe lungs are clear.", ["lung_abnormality"]),
        ("TECHNIQUE: Portable film for pneumothorax. Lungs are clear.", ["lung_abnormality"]),
        ("COMPARISON: Film with effusion.\nFINDINGS: Edema.\nIMPRESSION: Edema.", ["edema", "edema"]),
        ("Impression: Mild edema. Recommendation: CT for the nodule.", ["edema"]),
    ],
)
def test_sections_that_describe_something_else_are_left_out(text: str, concepts: list[str]) -> None:
    assert [fact.concept for fact in extract(text)] == concepts


def test_masked_words_are_words() -> None:
    assert _facts("XXXX ___ no XXXX pneumothorax. ___ effusion.") == [
        ("pneumothorax", "absent"),
        ("pleural_effusion", "present"),
    ]


@pytest.mark.parametrize(
    "nothing", ["", " ", "\n\r\n", "...", "?!;:,", "()", "___", "XXXX", "12.5 cm", "\x00", "-", "é"]
)
def test_a_text_that_says_nothing_has_no_facts(nothing: str) -> None:
    assert extract(nothing) == ()


_WORDS = st.sampled_from(sorted(lexicon().words | {"the", "xxxx", "left", "seen", "in", "T9", "4.5"}))
_MARKS = st.sampled_from(
    [" ", ", ", ". ", " and ", " or ", "; ", ": ", "\n", "\n\n", " - ", "? ", " (", ") ", "/", "'s "]
)


@given(
    st.one_of(st.text(), st.lists(st.tuples(_WORDS, _MARKS), max_size=60).map(lambda x: "".join(w + m for w, m in x)))
)
@settings(max_examples=400, deadline=None)  # the first text loads the vocabulary, and machines are shared
def test_any_text_is_read(text: str) -> None:
    for fact in extract(text):
        assert 0 <= fact.span[0] < fact.span[1] <= len(text)
        assert fact.status in {"present", "absent", "uncertain"}
        assert fact.concept in lexicon().categories or disease(fact.concept)


_APART = [sentence for _, sentence, _ in _golden() if ":" not in sentence]


@settings(deadline=None)
@given(st.lists(st.sampled_from(_APART), min_size=2, max_size=4))
def test_paragraphs_do_not_change_each_other(sentences: list[str]) -> None:
    assert _facts("\n\n".join(sentences)) == [fact for sentence in sentences for fact in _facts(sentence)]


@pytest.mark.parametrize(
    "sentence", ["no effusion, ", "possible edema or ", "heart, lungs and mediastinum normal, ", "aaaa"]
)
def test_a_run_away_text_is_read_to_its_end(sentence: str) -> None:
    assert set(_facts(sentence * (5000 // len(sentence.split())))) == set(_facts(sentence))


def test_facts_are_equal_values() -> None:
    assert extract("No effusion.")[0] == Fact("pleural_effusion", "absent", category="pleura_diaphragm", span=(3, 11))


def test_no_word_hides_behind_the_beginning_of_another() -> None:
    words = lexicon().words
    stems = [stem[:-1] for table in lexicon().stems.values() for stem in table]
    hidden = {word for word in words for stem in stems if word.startswith(stem) and not word.endswith("*")}
    assert hidden == set()


def test_every_phrase_is_lower_case_and_can_be_met() -> None:
    """A phrase with a capital or a hyphen would never match, because texts are lowered and hyphens split words."""
    assert {word for word in lexicon().words if word != word.lower() or ("-" in word and word != "-")} == set()
    assert END in lexicon().tree["pneumothorax"]
