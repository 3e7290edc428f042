"""Every distinct text is computed once, ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Value
from mmrad_eval.metrics.clinical.encoder import texts as module
from mmrad_eval.metrics.clinical.encoder.texts import TextResults


class Size(Value, frozen=True):
    letters: int


class Maker:
    """Counts letters, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: list[str]) -> list[Size]:
        self.asked += texts
        return [Size(len(text)) for text in texts]


def test_equal_texts_are_computed_once_and_results_keep_their_order() -> None:
    make = Maker()
    results: TextResults[str, Size] = TextResults(None, "size|v1", Size)
    assert [one.letters for one in results(["abc", "a", "abc"], make)] == [3, 1, 3]
    assert [one.letters for one in results(["a", "ab"], make)] == [1, 2]
    assert make.asked == ["abc", "a", "ab"]


def test_another_process_finds_what_was_computed(tmp_path: Path) -> None:
    make = Maker()
    with Journal(tmp_path) as journal:
        TextResults[str, Size](journal, "size|v1", Size)(["abc", "a"], make)
    with Journal(tmp_path) as journal:
        again: TextResults[str, Size] = TextResults(journal, "size|v1", Size)
        assert [one.letters for one in again(["a", "abc"], make)] == [1, 3]
        assert again.made == 0
    assert make.asked == ["abc", "a"]


def test_another_signature_computes_anew(tmp_path: Path) -> None:
    make = Maker()
    with Journal(tmp_path) as journal:
        TextResults[str, Size](journal, "size|v1", Size)(["abc"], make)
        TextResults[str, Size](journal, "size|v2", Size)(["abc"], make)
    assert make.asked == ["abc", "abc"]


def test_what_was_computed_before_a_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)

    def failing(texts: list[str]) -> list[Size]:
        if "bad" in texts:
            raise RuntimeError("killed")
        return [Size(len(text)) for text in texts]

    with Journal(tmp_path) as journal, pytest.raises(RuntimeError):
        TextResults[str, Size](journal, "size|v1", Size)(["a", "b", "c", "bad"], failing)
    make = Maker()
    with Journal(tmp_path) as journal:
        TextResults[str, Size](journal, "size|v1", Size)(["a", "b", "c", "bad"], make)
    assert make.asked == ["c", "bad"]


def test_the_journal_holds_no_text(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        TextResults[str, Size](journal, "size|v1", Size)(["a very private sentence"], Maker())
    assert "private" not in next(tmp_path.glob("*.jsonl")).read_text()


def test_pairs_are_results_of_their_own() -> None:
    asked: list[tuple[str, str]] = []

    def make(pairs: list[tuple[str, str]]) -> list[Size]:
        asked.extend(pairs)
        return [Size(len(a) + len(b)) for a, b in pairs]

    results: TextResults[tuple[str, str], Size] = TextResults(None, "pair|v1", Size)
    assert [one.letters for one in results([("ab", "c"), ("a", "bc")], make)] == [3, 3]
    assert asked == [("ab", "c"), ("a", "bc")]
