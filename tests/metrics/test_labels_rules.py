"""The 14 observations by rule: conventions, and agreement with the labels that exist for open data."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mmrad_eval.metrics.facts.labels import BLANK, FIVE, LABELS, NEGATIVE, POSITIVE, UNCERTAIN, label, label_many

GOLDEN = Path(__file__).parent.parent / "golden"
SENTENCES = ("labels", "unseen", "unseen_second", "unseen_third", "unseen_fourth", "unseen_fifth", "unseen_sixth")
SIGN = {POSITIVE: "+", NEGATIVE: "-", UNCERTAIN: "?", BLANK: "."}


def _golden(name: str) -> list[list[str]]:
    lines = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1:] for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [line for name in SENTENCES for line in _golden(f"{name}.tsv")],
)
def test_a_report_says_what_a_radiologist_reads_in_it(text: str, expected: str) -> None:
    codes = label(text.replace("\\n", "\n").replace("\\r", "\r"))
    wanted = dict(entry.rsplit(" ", 1) for entry in expected.split(", "))
    assert {name: SIGN[codes[name]] for name in wanted} == wanted


def _said(text: str) -> dict[str, int]:
    return {name: code for name, code in label(text).items() if code != BLANK}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cardiomegaly without overt edema.", {"Cardiomegaly": 1, "Edema": 0}),
        ("No pneumothorax. Small pneumothorax on the left.", {"Pneumothorax": 1}),  # positive wins
        ("No effusion on the right. Possible left effusion.", {"Pleural Effusion": -1}),  # then uncertain
        ("Possible pneumonia. Pneumonia.", {"Pneumonia": 1}),
        ("Congestive heart failure.", {"Edema": 1, "Cardiomegaly": -1}),
        ("Heart size normal. Heart failure.", {"Edema": 1, "Cardiomegaly": -1}),
        ("Cardiomegaly and heart failure.", {"Edema": 1, "Cardiomegaly": 1}),
        ("Lungs are clear.", {"No Finding": 1}),
        ("Right PICC. Lungs are clear.", {"No Finding": 1, "Support Devices": 1}),
        ("Lungs are clear. Degenerative change of the spine.", {}),
        ("Low lung volumes. No effusion.", {"No Finding": 1, "Pleural Effusion": 0}),
        ("Stable mediastinal contours.", {"Enlarged Cardiomediastinum": -1}),
        ("Nodular opacity in the left lung.", {"Lung Lesion": 1, "Lung Opacity": 1}),
        ("Round opacity in the left lung.", {"Lung Opacity": 1}),  # no phrase of the public list for Lung Lesion
        ("Calcified granuloma.", {}),
        ("Calcified nodule.", {}),  # taken out of Lung Lesion by the public labeler
        ("Metastatic disease.", {}),
        ("Pulmonary vascular congestion.", {"Edema": -1}),  # never more than uncertain
        ("No vascular congestion.", {"Edema": 0, "No Finding": 1}),
        ("Volume loss in the left lung.", {}),  # as all that no_finding.txt lists, it keeps away No Finding
        ("Hyperinflation.", {}),
        ("Hyperexpanded lungs.", {}),
        ("Elevation of the left hemidiaphragm.", {}),
        ("Bronchial thickening.", {}),
        ("Peribronchial thickening.", {"Lung Opacity": 1}),
        ("No volume loss.", {"No Finding": 1}),
        ("Pleural thickening.", {"Pleural Other": 1}),
        ("Pericardial effusion.", {}),
        ("Normal heart.", {"No Finding": 1, "Cardiomegaly": 0}),
        ("The heart is normal.", {"No Finding": 1, "Cardiomegaly": 0}),
        ("Heart enlarged.", {"Cardiomegaly": 1}),
    ],
)
def test_mentions_become_labels_by_the_conventions_of_chexpert(text: str, expected: dict[str, int]) -> None:
    assert _said(text) == expected


@pytest.mark.parametrize("nothing", ["", "  \n", "...", "12", "___"])
def test_a_text_that_says_nothing_claims_nothing_not_even_that_nothing_was_found(nothing: str) -> None:
    assert _said(nothing) == {}


def test_labels_stand_in_alphabetical_order() -> None:
    assert list(LABELS) == sorted(LABELS)
    assert set(FIVE) < set(LABELS)
    assert list(label("Edema.")) == list(LABELS)


def test_many_texts_are_an_array_in_the_same_order() -> None:
    texts = ["Edema.", "No edema.", "Possible edema.", "Lungs clear.", "Edema."]
    codes = label_many(texts)
    assert codes.shape == (5, 14)
    assert codes[:, LABELS.index("Edema")].tolist() == [POSITIVE, NEGATIVE, UNCERTAIN, BLANK, POSITIVE]
    assert label_many([]).shape == (0, 14)


def test_the_sample_reports_of_the_public_labeler_get_its_labels(shared_data: Path) -> None:
    with (shared_data / "labeler" / "chexpert_labeled_reports.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for row in rows:
        expected = {name: int(float(row[name])) for name in LABELS if row[name]}
        assert _said(row["Reports"]) == expected


@pytest.fixture(scope="module")
def iu(shared_data: Path) -> tuple[list[str], np.ndarray]:
    """Findings of 296 reports, and chexpert-labeler's codes (296, 14) in the order of LABELS."""
    reports = json.loads((shared_data / "iu_xray_valid" / "ReXRank_IUXray_valid.json").read_text(encoding="utf-8"))
    with (shared_data / "labeler" / "iu_valid_chexpert_labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = [reports[row["id"]]["section_findings"] for row in rows]
    return texts, np.array([[int(row[name] or BLANK) for name in LABELS] for row in rows])


@pytest.mark.shared
def test_many_reports_at_once_are_labelled_as_each_alone(iu: tuple[list[str], np.ndarray]) -> None:
    many = label_many(iu[0])
    alone = [label_many([text])[0] for text in iu[0]]
    assert (many == np.array(alone)).all()


HEARTS = (10, 69, 123, 142, 148, 180, 218, 230, 235, 239)
"""Rows of the file whose report calls the heart normal, which the public labeler leaves blank."""
ABNORMAL = (28, 30, 100, 102, 104, 135, 164, 169, 187, 198)
"""Rows with no finding in the file: spondylosis, osteophytes, a tented diaphragm, hyperexpanded lungs."""
READ = (*((row, "Cardiomegaly") for row in HEARTS), *((row, "No Finding") for row in ABNORMAL))
"""Cells that began to differ from the file with ``rules-2``; none did with ``rules-3`` to ``rules-5``.

Each was read, and the file is wrong in each.
"""


@pytest.mark.shared
def test_labels_agree_with_those_of_the_public_labeler(iu: tuple[list[str], np.ndarray]) -> None:
    """docs/facts.md says what the rest is: two thirds of it is where the public labeler misreads a denial."""
    texts, reference = iu
    same = label_many(texts) == reference
    assert same.mean() >= 0.973
    for row, name in READ:
        same[row, LABELS.index(name)] = True
    assert same.mean() >= 0.978


HUMAN = {
    "Cardiomegaly": ("Cardiomegaly",),
    "Pleural Effusion": ("Effusion",),
    "Pneumothorax": ("Pneumothorax",),
    "Consolidation": ("Consolidation",),
    "Atelectasis": ("Atelectasis",),
}
"""Observation -> columns of the MeSH labels that people gave to the same studies."""


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(HUMAN))
def test_labels_agree_with_peoples_at_least_as_well_as_the_public_labeler_does(
    name: str, iu: tuple[list[str], np.ndarray], shared_data: Path
) -> None:
    texts, reference = iu
    with (shared_data / "labeler" / "iu_valid_mesh_gold.csv").open(encoding="utf-8", newline="") as file:
        people = {row["id"]: any(row[column] == "1" for column in HUMAN[name]) for row in csv.DictReader(file)}
    with (shared_data / "labeler" / "iu_valid_chexpert_labels.csv").open(encoding="utf-8", newline="") as file:
        truth = np.array([people[row["id"]] for row in csv.DictReader(file)])
    at = LABELS.index(name)
    ours, theirs = (
        _f1(truth, np.isin(codes[:, at], [POSITIVE, UNCERTAIN])) for codes in (label_many(texts), reference)
    )
    assert ours >= theirs


def _f1(truth: np.ndarray, said: np.ndarray) -> float:
    return float(2 * (truth & said).sum() / (truth.sum() + said.sum()))
