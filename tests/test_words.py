"""The words of docs/words.md are the words that are used; private ones that they replaced are gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORDS = ROOT / "docs/words.md"
PAGES = [path for path in (ROOT / "docs").rglob("*.md") if path != WORDS]
CODE = sorted((ROOT / "mmrad_eval").rglob("*.py"))
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in WORDS.read_text().splitlines() if "**" in line
]
OURS = sorted({word for row in ROWS for word in re.findall(r"\*\*(.+?)\*\*", row[1])})
GONE = {
    "turned around": "negated",
    "asked anew": "re-requested, asked again",
    "won-lost": "wins-losses",
    "least like": "least similar",
    "takes no order for": "a request cannot set",
    "counts as this machine": "local",
    "hold of the references": "contain of the references",
    "differences are real": "statistically significant",
    "Rehearsal": "mock server",
    "Asker": "requester",
}
"""A word that nobody in the field uses, and the one that stands for it."""


def test_every_row_gives_the_field_s_term_first() -> None:
    assert len(ROWS) > 40
    assert all(len(row) == 3 and row[0] and "**" in row[1] and row[2] for row in ROWS)


@pytest.mark.parametrize("word", OURS)
def test_a_word_of_the_glossary_is_used(word: str) -> None:
    stem = word.removesuffix("y").replace(" ", "[ _-]?")
    used = re.compile(rf"\b_?{stem}|{stem.title().replace('[ _-]?', '')}", re.IGNORECASE)
    assert any(used.search(path.read_text()) for path in PAGES), "in no page"
    assert any(used.search(path.read_text()) for path in CODE), "nowhere in the code"


@pytest.mark.parametrize("word", GONE)
def test_a_private_word_is_gone(word: str) -> None:
    left = [str(path.relative_to(ROOT)) for path in (*CODE, *PAGES, ROOT / "README.md") if word in path.read_text()]
    assert not left, f"{word}: write {GONE[word]}"
