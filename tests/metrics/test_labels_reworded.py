"""How a report is typed changes no label: lines, lists, spelling, frames of other schools, and harmless sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

from mmrad_eval.metrics.facts.labels import label

GOLDEN = Path(__file__).parent.parent / "golden"
SETS = ("unseen_third", "unseen_fourth", "unseen_fifth")
MOST = 0.01
"""Share of rewordings that may change a label."""

SPELLINGS = {
    "oedema": "edema",
    " edema": " oedema",
    "hemothorax": "haemothorax",
    "visualized": "visualised",
    "Bilateral": "B/L",
    "bilateral": "b/l",
    "without": "w/o",
    "consistent with": "c/w",
    "in keeping with": "compatible with",
    "seen": "visualized",
    "noted": "identified",
    "Status post": "S/p",
    "unchanged": "stable",
    " and ": " & ",
    "no evidence of": "no sign of",
    "There is no ": "No ",
    "enlarged": "increased in size",
    "unremarkable": "normal",
    "pneumothorax": "PTX",
    "atelectasis": "atx",
    "pneumonia": "PNA",
    "small": "tiny",
    "Mild": "Slight",
    "mild": "slight",
}


def _spelled(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


REWORDINGS: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "small letters": str.lower,
    "no last stop": lambda text: text.removesuffix("."),
    "two spaces": lambda text: text.replace(" ", "  "),
    "wrapped lines": lambda text: "\n".join(textwrap.wrap(text, 50)),
    "a numbered list": lambda text: f"1. {text}",
    "a list with dots": lambda text: f"\u2022 {text}",
    "lines of a file from another system": lambda text: f"FINDINGS:\r\n{text}\r\n",
    "a heading": lambda text: f"CHEST X-RAY REPORT\n\nFindings: {text}",
    "a signed report": lambda text: f"{text}\n\nElectronically signed by: ___",
    "a history": lambda text: f"HISTORY: Cough, rule out pneumonia.\n\nFINDINGS: {text}",
    "a technique before it": lambda text: f"PA and lateral views of the chest were obtained. {text}",
    "a comparison before it": lambda text: f"Comparison is made with the prior study. {text}",
    "a thank-you": lambda text: f"Thank you for this referral. {text}",
    "a closing request": lambda text: f"{text} Clinical correlation is advised.",
    "a closing notice": lambda text: f"{text} Discussed with the ward by telephone.",
    "hard spaces": lambda text: text.replace(" ", "\u00a0"),
    "a typographic apostrophe": lambda text: text.replace("'", "\u2019"),
    "exclamation": lambda text: text.replace(".", "!") if text.count(".") == 1 else text,
    **{f"{old} as {new}": _spelled(old, new) for old, new in SPELLINGS.items()},
}


def _sentences() -> list[str]:
    files = [GOLDEN / f"{name}.tsv" for name in SETS]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [line.split("\t")[1] for line in lines if not line.startswith("#")]


def test_another_way_of_typing_a_report_changes_no_label() -> None:
    tried, wrong = 0, []
    for text in _sentences():
        for name, reword in REWORDINGS.items():
            other = reword(text)
            if other == text:
                continue
            tried += 1
            if label(other) != label(text):
                wrong.append(f"{name}: {text!r}")
    assert tried > 10_000
    assert len(wrong) <= MOST * tried, "\n".join(wrong)
