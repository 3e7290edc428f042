"""A second set of wordings, findings and organs for the labeler, and doubt: what is said stays what is read."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from mmrad_eval.metrics.facts.labels import BLANK, NEGATIVE, POSITIVE, UNCERTAIN, label

FINDINGS = {
    "loculated left effusion": "Pleural Effusion",
    "small bilateral pleural effusions": "Pleural Effusion",
    "subsegmental atelectasis at the right base": "Atelectasis",
    "tension pneumothorax on the right": "Pneumothorax",
    "mild interstitial edema": "Edema",
    "dense lingular consolidation": "Consolidation",
    "patchy infiltrate in the right base": "Lung Opacity",
    "multifocal pneumonia": "Pneumonia",
    "spiculated mass in the right upper lobe": "Lung Lesion",
    "healed fracture of the left seventh rib": "Fracture",
    "left apical pleural thickening": "Pleural Other",
    "moderate cardiomegaly": "Cardiomegaly",
    "widened mediastinum": "Enlarged Cardiomediastinum",
}
"""Noun phrase -> the observation that it is."""

PRESENT = (
    *("{} can be seen.", "{} is visible.", "{} has appeared.", "{} has been identified.", "The study reveals {}."),
    *("Noted is {}.", "Also seen: {}.", "Impression: {}.", "Findings are those of {}.", "{} persists.", "New {}."),
    *("{}, unchanged.", "There has been development of {}.", "One sees {}.", "Interval development of {}."),
    *("There remains {}.", "Consistent with {}.", "The appearance is that of {}.", "There continues to be {}."),
)
ABSENT = (
    *("{} cannot be seen.", "No {} can be seen.", "There is an absence of {}.", "I see no {}.", "No {} has developed."),
    *("{} is no longer seen.", "{} has resolved.", "The lungs are without {}.", "{} is ruled out.", "Lack of {}."),
    *("No findings consistent with {}.", "No finding in keeping with {}.", "Nothing to suggest {}."),
    *("There is no longer any {}.", "The radiograph fails to show {}.", "No convincing {}.", "We do not see {}."),
)
DOUBTFUL = (
    *("Possible {}.", "{} is possible.", "{} cannot be excluded.", "Questionable {}.", "Findings suggest {}."),
    *("Suspicious for {}.", "Concern for {}.", "{} is suspected.", "There may be {}.", "Probable {}.", "Query {}."),
    *(
        "{} is likely.",
        "Cannot exclude {}.",
        "This could represent {}.",
        "{} is not excluded.",
        "? {}.",
        "Equivocal {}.",
    ),
    *("Findings raise the question of {}.", "{} is a consideration.", "Findings may reflect {}.", "Perhaps {}."),
)
STRUCTURES = {
    "heart": "Cardiomegaly",
    "cardiac outline": "Cardiomegaly",
    "heart shadow": "Cardiomegaly",
    "cardiopericardial silhouette": "Cardiomegaly",
    "mediastinal shadow": "Enlarged Cardiomediastinum",
    "superior mediastinum": "Enlarged Cardiomediastinum",
}
ENLARGED = (
    *("The {} has grown.", "The {} has become enlarged.", "Moderately enlarged {}.", "{} is bigger."),
    *("Increase in size of the {}.", "The size of the {} has increased.", "Enlargement of the {} persists."),
    *(
        "Enlarged: {}.",
        "Mildly enlarged, the {} is unchanged.",
        "The {} is enlarged, unchanged.",
        "A large {} is seen.",
    ),
    *("Enlarged but stable {}.", "Large, stable {}.", "The {} exceeds normal limits.", "Broadening of the {}."),
    *("The {} is enlarged even for an AP film.", "Grossly enlarged, the {} obscures the left base."),
)
NORMAL = (
    *(
        "The {} has a normal appearance.",
        "The {} is of normal size.",
        "Normal-sized {}.",
        "The {} shows no enlargement.",
    ),
    *("The {} is normal for age.", "Given the AP technique, the {} is normal.", "Despite rotation, the {} is normal."),
    *("No abnormality of the {}.", "No abnormality is seen in the {}.", "The {} is neither enlarged nor displaced."),
    *(
        "The {} has returned to normal.",
        "Normal: {}.",
        "The {} does not appear enlarged.",
        "The {} shows no abnormality.",
    ),
)
ORGANS = ("pancreas", "right breast", "parotid gland", "uterus", "left axilla", "tongue", "esophagus", "left forearm")

SPELLINGS: Sequence[Callable[[str], str]] = (
    str,
    str.upper,
    lambda text: text.removesuffix("."),
    lambda text: f"1) {text}",
    lambda text: f"FINDINGS:\n{text}",
    lambda text: f"\r\n{text}\r\n",
)
MOST = 0.01
"""Share of wordings that may change a label."""


def _said(text: str) -> dict[str, int]:
    return {name: code for name, code in label(text).items() if code != BLANK}


def _few(texts: Mapping[str, dict[str, int]]) -> None:
    wrong = [f"{text!r}: {_said(text)}" for text, expected in texts.items() if _said(text) != expected]
    assert len(texts) > 200
    assert len(wrong) < MOST * len(texts), "\n".join(wrong)


def _written(forms: Sequence[str], phrase: str) -> Iterator[str]:
    for form, spell in itertools.product(forms, SPELLINGS):
        text = form.format(phrase)
        yield spell(text[0].upper() + text[1:])


@pytest.mark.parametrize(
    ("forms", "plain", "code"),
    [
        (PRESENT, "There is {}.", POSITIVE),
        (ABSENT, "There is no {}.", NEGATIVE),
        (DOUBTFUL, "There is possible {}.", UNCERTAIN),
    ],
)
def test_a_finding_keeps_its_labels_in_every_wording(forms: Sequence[str], plain: str, code: int) -> None:
    expected = {phrase: _said(plain.format(phrase)) for phrase in FINDINGS}
    assert all(expected[phrase][name] == code for phrase, name in FINDINGS.items())
    _few({text: expected[phrase] for phrase in FINDINGS for text in _written(forms, phrase)})


def test_a_structure_is_judged_alike_in_every_wording() -> None:
    large = {text: {name: POSITIVE} for phrase, name in STRUCTURES.items() for text in _written(ENLARGED, phrase)}
    normal = {
        text: {name: NEGATIVE, "No Finding": POSITIVE}
        for phrase, name in STRUCTURES.items()
        for text in _written(NORMAL, phrase)
    }
    _few(large)
    _few(normal)


def test_lines_of_a_list_say_what_its_sentences_say_in_any_order() -> None:
    chance = random.Random(11)
    pool = [form.format(phrase) for phrase in FINDINGS for form in (PRESENT[1], ABSENT[2], DOUBTFUL[2])]
    texts: dict[str, dict[str, int]] = {}
    for _ in range(200):
        chosen = [text[0].upper() + text[1:] for text in chance.sample(pool, 5)]
        expected = _said(" ".join(chosen))
        texts["\n".join(f"- {text.removesuffix('.')}" for text in chosen)] = expected
        texts[" ".join(chance.sample(chosen, 5))] = expected
    _few(texts)


@pytest.mark.parametrize("phrase", FINDINGS)
def test_denying_or_doubting_a_finding_changes_its_labels(phrase: str) -> None:
    for present, other in itertools.product(PRESENT, (*ABSENT, *DOUBTFUL)):
        assert _said(present.format(phrase)) != _said(other.format(phrase))


@pytest.mark.parametrize("organ", ORGANS)
def test_a_finding_in_another_organ_is_none_of_the_lungs(organ: str) -> None:
    for form, what in itertools.product((*PRESENT, *ABSENT, *DOUBTFUL), ("solid nodule", "tumor", "opacity")):
        said = _said(form.format(f"{what} in the {organ}"))
        assert said.keys().isdisjoint({"Lung Lesion", "Lung Opacity"})
