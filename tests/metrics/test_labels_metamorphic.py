"""Rewording that keeps what a report says keeps its labels; another statement, side or organ changes them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.metrics.facts.labels import BLANK, NEGATIVE, POSITIVE, label

FINDINGS = {
    "right pleural effusion": "Pleural Effusion",
    "left basilar atelectasis": "Atelectasis",
    "left apical pneumothorax": "Pneumothorax",
    "pulmonary edema": "Edema",
    "right lower lobe consolidation": "Consolidation",
    "right upper lobe opacity": "Lung Opacity",
    "left lower lobe pneumonia": "Pneumonia",
    "pulmonary nodule": "Lung Lesion",
    "right rib fracture": "Fracture",
    "biapical pleural thickening": "Pleural Other",
    "cardiomegaly": "Cardiomegaly",
    "mediastinal widening": "Enlarged Cardiomediastinum",
}
"""Noun phrase -> the observation that it is."""

PRESENT = (
    "There is {}.",
    "There is evidence of {}.",
    "{} is present.",
    "{} is seen.",
    "{} is noted.",
    "{} is again seen.",
    "{} is demonstrated.",
    "The radiograph demonstrates {}.",
    "The film shows {}.",
    "Again seen is {}.",
    "Note is made of {}.",
    "{}.",
    "Findings: {}.",
    "{} has developed.",
    "We see {}.",
    "The patient has {}.",
)
ABSENT = (
    "There is no {}.",
    "There is no evidence of {}.",
    "No {}.",
    "No {} is seen.",
    "No definite {} is identified.",
    "{} is not seen.",
    "{} is absent.",
    "The radiograph demonstrates no {}.",
    "Without {}.",
    "Negative for {}.",
    "Absence of {}.",
    "No sign of {}.",
    "Free of {}.",
    "{} is not present.",
    "{}: no.",
    "{}: none.",
)

ENLARGED = (
    "The {} is enlarged.",
    "{} enlarged.",
    "Enlarged {}.",
    "There is enlargement of the {}.",
    "There is an enlarged {}.",
    "The {} appears enlarged.",
    "The {} has enlarged.",
    "The {} has increased in size.",
    "{} is increased in size.",
    "{}: enlarged.",
    "Interval enlargement of the {}.",
    "Marked enlargement in the {}.",
    "An increase in the {}.",
    "The {} has become larger.",
    "The {} is larger than before.",
    "The {} is prominent.",
    "There is prominence of the {}.",
    "Prominent {}.",
)
NORMAL = (
    "The {} is normal.",
    "{} normal.",
    "Normal {}.",
    "The {} is unremarkable.",
    "Unremarkable {}.",
    "{}: normal.",
    "The {} is within normal limits.",
    "{} WNL.",
    "The {} appears normal.",
    "There is a normal {}.",
    "The {} is not enlarged.",
    "No enlargement of the {}.",
    "The {} is normal allowing for technique.",
    "Allowing for low lung volumes, the {} is normal.",
    "The {} remains normal.",
)
STRUCTURES = {
    "heart": "Cardiomegaly",
    "cardiac silhouette": "Cardiomegaly",
    "cardiac shadow": "Cardiomegaly",
    "mediastinum": "Enlarged Cardiomediastinum",
    "mediastinal silhouette": "Enlarged Cardiomediastinum",
    "cardiomediastinal silhouette": "Enlarged Cardiomediastinum",
}

MOST = 0.01
"""Share of rewordings that may change a label."""


def _plain(text: str) -> str:
    return text


def _upper(text: str) -> str:
    return text.upper()


def _lower(text: str) -> str:
    return text.lower()


def _unstopped(text: str) -> str:
    return text.removesuffix(".")


def _listed(text: str) -> str:
    return f"- {text}"


def _dashed(text: str) -> str:
    return text.replace(" is ", " - ") if text.endswith((" normal.", " enlarged.")) else text


SPELLINGS: Sequence[Callable[[str], str]] = (_plain, _upper, _lower, _unstopped, _listed, _dashed)


def _said(text: str) -> dict[str, int]:
    return {name: code for name, code in label(text).items() if code != BLANK}


def _written(forms: Sequence[str], phrase: str) -> Iterator[str]:
    for form, spell in itertools.product(forms, SPELLINGS):
        text = form.format(phrase)
        yield spell(text[0].upper() + text[1:])


def _changed(texts: Mapping[str, dict[str, int]]) -> list[str]:
    """Texts whose labels are not those that they should have."""
    return [f"{text!r}: {_said(text)}" for text, expected in texts.items() if _said(text) != expected]


def _few(texts: Mapping[str, dict[str, int]]) -> None:
    wrong = _changed(texts)
    assert len(texts) > 200
    assert len(wrong) < MOST * len(texts), "\n".join(wrong)


def test_a_finding_keeps_its_labels_in_every_wording_that_says_it_is_there() -> None:
    plain = {phrase: _said(f"There is {phrase}.") for phrase in FINDINGS}
    assert all(plain[phrase][name] == POSITIVE for phrase, name in FINDINGS.items())
    _few({text: plain[phrase] for phrase in FINDINGS for text in _written(PRESENT, phrase)})


def test_a_finding_keeps_its_labels_in_every_wording_that_says_it_is_not_there() -> None:
    plain = {phrase: _said(f"There is no {phrase}.") for phrase in FINDINGS}
    assert all(plain[phrase] == {name: NEGATIVE, "No Finding": POSITIVE} for phrase, name in FINDINGS.items())
    _few({text: plain[phrase] for phrase in FINDINGS for text in _written(ABSENT, phrase)})


def test_an_enlarged_structure_is_enlarged_in_every_order_and_part_of_speech() -> None:
    _few({text: {name: POSITIVE} for phrase, name in STRUCTURES.items() for text in _written(ENLARGED, phrase)})


def test_a_normal_structure_is_normal_in_every_order_and_part_of_speech() -> None:
    expected = {phrase: {name: NEGATIVE, "No Finding": POSITIVE} for phrase, name in STRUCTURES.items()}
    _few({text: expected[phrase] for phrase in STRUCTURES for text in _written(NORMAL, phrase)})


def _joined(parts: Sequence[str]) -> list[str]:
    several = f"{', '.join(parts[:-1])} and {parts[-1]}"
    serial = f"{', '.join(parts[:-1])}, and {parts[-1]}"
    return [several, serial, " and ".join(parts)]


def test_a_list_says_what_its_sentences_say_in_any_order() -> None:
    texts: dict[str, dict[str, int]] = {}
    for phrases in itertools.permutations(list(FINDINGS)[:8], 3):
        together = _said(". ".join(phrases) + ".")
        for listed in _joined(phrases):
            texts[f"There is {listed}."] = together
        nothing = _said(" ".join(f"No {phrase}." for phrase in phrases))
        texts[f"No {', '.join(phrases[:-1])} or {phrases[-1]}."] = nothing
        texts[f"No {', '.join(phrases[:-1])}, or {phrases[-1]} is seen."] = nothing
    _few(texts)


def test_several_structures_under_one_judgement_are_judged_as_each_alone() -> None:
    texts: dict[str, dict[str, int]] = {}
    parts = ("heart", "mediastinum", "hila", "lungs", "pleura", "bones", "aorta", "diaphragm")
    for chosen in itertools.permutations(parts, 3):
        alone = _said(" ".join(f"The {part} is normal." for part in chosen))
        for listed in _joined(chosen):
            texts[f"The {listed} are normal."] = alone
            texts[f"Normal {listed}."] = alone
            texts[f"{listed.capitalize()}: unremarkable."] = alone
            texts[f"{listed.upper()} NORMAL"] = alone
    _few(texts)


def test_the_order_of_sentences_changes_no_label() -> None:
    chance = random.Random(5)
    pool = [form.format(phrase) for phrase in FINDINGS for form in (PRESENT[0], ABSENT[0])]
    pool += [form.format(phrase) for phrase in STRUCTURES for form in (ENLARGED[0], NORMAL[0])]
    texts: dict[str, dict[str, int]] = {}
    for _ in range(300):
        chosen = chance.sample(pool, 5)
        shuffled = chance.sample(chosen, 5)
        texts[" ".join(shuffled)] = texts["\n".join(shuffled)] = _said(" ".join(chosen))
    _few(texts)


@pytest.mark.parametrize("phrase", FINDINGS)
def test_denying_a_finding_changes_its_label(phrase: str) -> None:
    for present, absent in itertools.product(PRESENT, ABSENT):
        assert _said(present.format(phrase)) != _said(absent.format(phrase))


@pytest.mark.parametrize("form", PRESENT)
def test_another_side_is_another_fact(form: str) -> None:
    for phrase in FINDINGS:
        for side, other in (("left", "right"), ("right", "left")):
            if side in phrase:
                facts = extract(form.format(phrase)), extract(form.format(phrase.replace(side, other)))
                assert [[fact.side for fact in found] for found in facts] == [[side], [other]]


@pytest.mark.parametrize("organ", ["abdomen", "left breast", "thyroid gland", "liver", "right kidney", "neck"])
@pytest.mark.parametrize("form", [*PRESENT, *ABSENT])
def test_the_same_finding_in_another_organ_is_no_finding_of_the_lungs(form: str, organ: str) -> None:
    for what in ("mass", "large mass", "nodule"):
        assert "Lung Lesion" in _said(form.format(f"{what} in the left lung"))
        assert "Lung Lesion" not in _said(form.format(f"{what} in the {organ}"))


def _rows() -> list[list[str]]:
    lines = (Path(__file__).parent.parent / "golden" / "same_meaning.tsv").read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n").split("\t") for line in lines if not line.startswith("#")]


def test_texts_that_say_the_same_in_other_words_have_the_same_labels() -> None:
    _few({text: _said(first) for first, *others in _rows() for text in others})
