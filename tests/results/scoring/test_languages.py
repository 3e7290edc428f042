"""Languages in scoring: no number that can't be right, and no gain from writing in another language."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mmrad_eval import score
from mmrad_eval.metrics.language import unavailable

SPANISH = [
    "Los pulmones están claros. No hay derrame pleural ni neumotórax.",
    "Silueta cardíaca aumentada de tamaño. Derrame pleural izquierdo.",
    "Consolidación en el lóbulo inferior derecho compatible con neumonía.",
]
ENGLISH = [
    "The lungs are clear. There is no pleural effusion or pneumothorax.",
    "The cardiac silhouette is enlarged. There is a left pleural effusion.",
    "There is a right lower lobe consolidation compatible with pneumonia.",
]
REPORTS = {
    "de": ["Die Lungen sind frei. Kein Pleuraerguss.", "Das Herz ist vergrößert. Pleuraerguss links."],
    "fr": ["Les poumons sont clairs. Pas d'épanchement.", "Silhouette cardiaque augmentée de volume."],
    "it": ["I polmoni sono chiari. Non versamento pleurico.", "Ombra cardiaca ingrandita. Versamento sinistro."],
    "pt": ["Os pulmões estão limpos. Sem derrame pleural.", "Área cardíaca aumentada. Derrame à esquerda."],
    "nl": ["De longen zijn helder. Geen pleuravocht.", "Het hart is vergroot. Pleuravocht links."],
    "pl": ["Płuca bez zmian ogniskowych.", "Sylwetka serca powiększona. Płyn w lewej jamie opłucnej."],
    "ru": ["Легкие без очаговых изменений.", "Тень сердца расширена. Выпот слева."],
    "zh": ["双肺野清晰。未见胸腔积液。", "心影增大,左侧胸腔积液。"],
    "tr": ["Akciğerler temiz. Plevral effüzyon izlenmedi.", "Kalp gölgesi büyümüş. Sol plevral effüzyon."],
    "ko": ["양측 폐야는 깨끗하다. 흉수는 없다.", "심비대. 좌측 흉수."],
}


@pytest.mark.parametrize("code", [*REPORTS, "es"])
def test_a_metric_of_english_is_left_out_for_references_in_another_language_with_the_reason(code: str) -> None:
    texts = REPORTS.get(code, SPANISH)
    found = score(texts, texts, ["rules", "bleu@raw"], resamples=10)
    assert [label for label in found if "rules" in label] == []
    assert found["BLEU-1 @ raw"] == pytest.approx(1)
    assert "it reads English, and" in found.missing["rules@uncertain=positive"].what
    assert "reads any language" in found.missing["rules@uncertain=positive"].remedy


def _empty(found: Sequence[str]) -> bool:
    return any("wrong language" in note for note in found)


def test_a_reply_in_another_language_than_its_reference_counts_as_an_empty_report() -> None:
    mixed = [SPANISH[0], *ENGLISH[1:]]
    silent = ["", *ENGLISH[1:]]
    switched, empty = (score(texts, ENGLISH, ["rules", "bleu@raw"], resamples=10) for texts in (mixed, silent))
    assert dict(switched) == pytest.approx(dict(empty), nan_ok=True)
    assert _empty(switched.notes)
    assert "0 (Spanish, its reference English)" in switched.notes[0]
    assert not empty.notes


def test_writing_english_for_a_spanish_reference_earns_nothing_either() -> None:
    found = score(ENGLISH, SPANISH, ["bleu@raw"], resamples=10)
    assert found["BLEU-1 @ raw"] == 0
    assert _empty(found.notes)


def test_neighbours_are_not_held_against_a_reply() -> None:
    found = score(["Derrame pleural à esquerda. Área cardíaca aumentada."], [SPANISH[1]], ["bleu@raw"], resamples=10)
    assert not found.notes


def test_short_references_are_taken_for_what_they_say_together() -> None:
    short = ["Cardiomegalia.", "Neumonía.", "Derrame pleural.", "Atelectasia laminar.", "Tórax normal.", "Pinzamiento."]
    found = score(short, short, ["rules"], resamples=10)
    assert list(found) == []
    assert "6 of 6 references are in Spanish" in found.missing["rules@uncertain=positive"].what


def test_few_references_in_another_language_are_left_out_one_by_one() -> None:
    references = [*ENGLISH, *ENGLISH, SPANISH[1]]
    found = score(references, references, ["rules"], resamples=10)
    own = found.per_study()["rules micro-F1-14 @ uncertain=positive"]
    assert found.columns["rules micro-F1-14 @ uncertain=positive"].defined == 6
    assert own.isna().tolist() == [False] * 6 + [True]
    assert found.notes == ("1 reference is in Spanish, which metrics that read English leave out.",)


def test_english_data_has_no_note() -> None:
    texts = [*ENGLISH, "NORMAL.", "LLL PNA, B/L EFF, CMG.", "No acute disease.", "As above."]
    found = score(texts, texts, ["rules"], resamples=10)
    assert found.notes == ()
    assert not unavailable()
    assert found["rules micro-F1-14 @ uncertain=positive"] == 1
