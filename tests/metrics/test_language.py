"""The language of reports: another one only on positive evidence, and no label for what is not understood."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmrad_eval.metrics.facts.labels import BLANK, label
from mmrad_eval.metrics.language import ENGLISH, NAMES, UNDECIDED, differ, language, named

GOLDEN = Path(__file__).parent.parent / "golden"


def _texts() -> list[tuple[str, str]]:
    lines = (GOLDEN / "languages.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return [(code, text) for code, text in rows]


FOREIGN = [(code, text) for code, text in _texts() if code != ENGLISH]
TERSE = [text for code, text in _texts() if code == ENGLISH]


def _said(text: str) -> dict[str, int]:
    return {name: code for name, code in label(text).items() if code != BLANK}


def test_reports_in_other_languages_are_told_from_english() -> None:
    assert len({code for code, _ in FOREIGN}) >= 20
    found = [language(text) for _, text in FOREIGN]
    assert ENGLISH not in found
    named_right = [
        code != UNDECIDED and not differ(code, wanted) for code, (wanted, _) in zip(found, FOREIGN, strict=True)
    ]
    assert sum(named_right) >= 0.95 * len(FOREIGN)


@pytest.mark.parametrize(("code", "text"), FOREIGN)
def test_a_report_that_is_not_in_english_has_no_label_at_all(code: str, text: str) -> None:
    assert _said(text) == {}, code


@pytest.mark.parametrize("spelled", [str, str.upper, str.lower, lambda text: text.rstrip(".")])
def test_terse_and_abbreviated_english_is_never_another_language(spelled: type[str]) -> None:
    assert len(TERSE) >= 200
    assert {language(spelled(text)) for text in TERSE} <= {ENGLISH, UNDECIDED}


@pytest.mark.parametrize(
    "name", ["labels", *(f"unseen{part}" for part in ("", "_second", "_third", "_fourth", "_fifth", "_sixth"))]
)
def test_no_english_sentence_of_the_labeler_is_another_language(name: str) -> None:
    lines = (GOLDEN / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[1] for line in lines if not line.startswith("#")]
    texts = [text for text in texts if text.isascii()]
    assert {language(spelled) for text in texts for spelled in (text, text.upper())} <= {ENGLISH, UNDECIDED}


@pytest.mark.shared
def test_no_open_report_in_english_is_another_language(shared_data: Path) -> None:
    import json

    reports = json.loads((shared_data / "iu_xray_valid" / "ReXRank_IUXray_valid.json").read_text(encoding="utf-8"))
    parts = [str(text) for report in reports.values() for text in report.values() if text and isinstance(text, str)]
    sentences = [sentence for part in parts for sentence in part.split(". ")]
    assert {language(text) for text in (*parts, *sentences)} <= {ENGLISH, UNDECIDED}


@pytest.mark.parametrize("text", ["", "  ", "12 3/4", "____", "XXXX XXXX", "Normal", "Cardiomegalia", "Pneumothorax"])
def test_one_word_and_none_are_evidence_of_nothing(text: str) -> None:
    assert language(text) == UNDECIDED


@pytest.mark.parametrize(
    "text",
    [
        "Cor pulmonale. Situs inversus totalis. Pectus excavatum.",
        "Pneumonia lobaris. Emphysema bullosum.",
        "Status post CABG. Azygos lobe. Ghon focus.",
    ],
)
def test_latin_terms_are_no_other_language(text: str) -> None:
    assert language(text) in {ENGLISH, UNDECIDED}


def test_a_report_that_switches_language_is_no_report_without_a_finding() -> None:
    text = "The heart is normal in size. The lungs are clear. Derrame pleural izquierdo de pequeña cuantía."
    assert language(text) == ENGLISH
    assert _said(text) == {"Cardiomegaly": 0}


@pytest.mark.parametrize("text", ["As above.", "OK", "Lorem ipsum dolor sit.", "See below", "Radiographie normale"])
def test_a_text_of_which_nothing_is_understood_is_not_without_a_finding(text: str) -> None:
    assert "No Finding" not in _said(text)


@pytest.mark.parametrize("text", ["Normal.", "NORMAL", "Clear.", "Unremarkable.", "Negative.", "No acute disease."])
def test_a_report_of_a_word_that_is_understood_still_has_no_finding(text: str) -> None:
    assert _said(text) == {"No Finding": 1}


def test_languages_so_near_that_a_short_text_mixes_them_up_do_not_differ() -> None:
    assert differ("en", "es")
    assert not differ("es", "pt")
    assert not differ("", "es")
    assert not differ("es", "es")


def test_every_language_has_a_name() -> None:
    assert named("es") == "Spanish"
    assert named("xx") == "xx"
    assert all(len(code) == 2 and name.istitle() for code, name in NAMES.items())


def test_english_text_loads_no_identifier() -> None:
    program = (
        "import sys; from mmrad_eval.metrics.language import language; "
        "assert language('The heart is normal.') == 'en'; assert 'py3langid' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("fr", "Absence de pneumothorax."),
        ("fr", "Pas d'\u00e9panchement."),
        ("fr", "Sans consolidation."),
        ("de", "Kein Pneumothorax nachweisbar."),
        ("de", "Ohne Infiltrat."),
        ("es", "Sin derrame pleural."),
        ("pt", "Sem consolidacao."),
        ("nl", "Geen pneumothorax."),
        ("it", "Non pneumotorace."),
        ("sv", "Ingen pneumothorax."),
        ("pl", "Bez pneumothorax."),
        ("vi", "Kh\u00f4ng pneumothorax."),
    ],
)
def test_what_is_denied_in_another_language_in_few_words_is_no_finding_that_is_there(code: str, text: str) -> None:
    assert not differ(language(text), code)
    assert language(text) not in {ENGLISH, UNDECIDED}
    assert _said(text) == {}


@pytest.mark.parametrize("text", ["Kalp boyutu normal.", "Cor normale.", "OK.", "Fine."])
def test_few_words_of_which_most_are_unknown_say_nothing(text: str) -> None:
    assert _said(text) == {}
