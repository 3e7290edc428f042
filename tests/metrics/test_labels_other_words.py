"""Rewordings that the vocabulary was not written from: at first sight 1.7 % of them changed a label."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import pytest

from mmrad_eval.metrics.facts.labels import NEGATIVE, POSITIVE, label
from tests.metrics.test_labels_metamorphic import FINDINGS, MOST, SPELLINGS, STRUCTURES

PHRASES: Mapping[str, str] = {
    **FINDINGS,
    "small right effusion": "Pleural Effusion",
    "interstitial edema": "Edema",
    "compressive atelectasis": "Atelectasis",
    "left clavicle fracture": "Fracture",
    "airspace consolidation": "Consolidation",
    "aspiration pneumonia": "Pneumonia",
    "tension pneumothorax": "Pneumothorax",
    "perihilar opacities": "Lung Opacity",
}
PRESENT = """I see {}.|One sees {}.|{} can be seen.|{} is visualized.|{} is identified on this film.|{} is evident.
{} is apparent.|{} remains.|{} persists.|Persistent {}.|Unchanged {}.|Stable {}.|New {}.|Interval development of {}.
There has been interval development of {}.|There continues to be {}.|Findings are those of {}.|The findings include {}.
Findings of {}.|This shows {}.|{} is observed.|{} is found.|{} was seen.|{} were noted.|Noted is {}.|Known {}.
{} as before.|{} again noted.|Redemonstrated {}.|Redemonstration of {}.|Evidence of {}.|In the chest there is {}.
On the current film, {} is seen.|The main finding is {}.|Impression: {}.|1. {}.|Signs of {} are present.
{}, unchanged.|{}, new since the prior study.|With {}."""
ABSENT = """I see no {}.|There is not any {}.|{} is not identified.|{} is not visualized.|{} is not evident.
{} is not demonstrated.|No {} can be seen.|No {} was found.|No new {}.|No {} is apparent.|No signs of {}.
No radiographic evidence of {}.|No findings of {}.|No findings to suggest {}.|Nothing to suggest {}.
There are no signs of {}.|No convincing evidence of {}.|No acute {}.|No obvious {}.|No appreciable {}.
No discernible {}.
Neither {} nor anything else is seen.|{} has not developed.|No interval development of {}.|{} no longer seen.
{} is no longer present.|{} has resolved.|Resolved {}.|Resolution of {}.|Interval resolution of {}.|{} ruled out.
{} is excluded.|Exclude {}: none seen.|The lungs are free of {}.|The film is negative for {}.|The chest shows no {}.
Unremarkable, no {}.|{}: absent.|{}: negative.|{} not present.|Not seen: {}."""
ENLARGED = """The {} is increased.|The {} is big.|The {} is large.|Large {}.|The {} is dilated.
The {} size is increased.
Increased size of the {}.|The size of the {} is increased.|The {} is mildly enlarged.|Mildly enlarged {}.
The {} is moderately to severely enlarged.|The {} remains enlarged.|Persistently enlarged {}.|The {} looks enlarged.
There is persistent enlargement of the {}.|The {} is again enlarged.|The {} is enlarged as before.
The {} is enlarged, unchanged.|Again, the {} is enlarged.|The {}, which is enlarged, is unchanged.|{} enlargement.
Enlargement of the {} is seen.|Enlargement of the {} is unchanged.|{} enlargement is present.
The enlarged {} is unchanged.|The {} is now enlarged.|The {} is slightly larger."""
NORMAL = """The {} looks normal.|The {} is of normal size.|The {} is normal in size.|The {} size is normal.
Normal {} size.
{} size normal.|{} size is within normal limits.|The size of the {} is normal.|{} within normal limits.
The {} is normal in size and contour.|The {} is of normal size and contour.|Normal size of the {}.|{} OK.|{} is fine.
Normal appearance of the {}.|The {} has a normal appearance.|The {} has normal size.|The {} is stable and normal.
The {} is again normal.|The {} is also normal.|The {} shows no abnormality.|No abnormality of the {}.
No abnormality of the {} is seen.|The {} is not abnormal.|The {} is upper normal.|The {} is grossly normal.
The {} is grossly unremarkable.|The {} is intact and normal.|{} without abnormality.|The {} is nonenlarged."""


@pytest.mark.parametrize(
    ("forms", "phrases", "code"),
    [
        (PRESENT, PHRASES, POSITIVE),
        (ABSENT, PHRASES, NEGATIVE),
        (ENLARGED, STRUCTURES, POSITIVE),
        (NORMAL, STRUCTURES, NEGATIVE),
    ],
)
def test_other_words_for_the_same_change_no_label(forms: str, phrases: Mapping[str, str], code: int) -> None:
    wrong: list[str] = []
    told: Sequence[str] = [form for line in forms.splitlines() for form in line.split("|")]
    for form, (phrase, name), spell in itertools.product(told, phrases.items(), SPELLINGS):
        text = form.format(phrase)
        said = spell(text[0].upper() + text[1:])
        if label(said)[name] != code:
            wrong.append(said)
    assert len(told) >= 27
    assert len(wrong) <= MOST * len(told) * len(phrases) * len(SPELLINGS), wrong
