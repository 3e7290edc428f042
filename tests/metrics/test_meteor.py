"""METEOR is NLTK's, where NLTK and a WordNet are; elsewhere the suite says what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.metrics import suite

Score = Callable[..., Any]

HEADER = "  1 WordNet 3.0 Copyright\n"
LEXNAMES = "".join(f"{number:02d}\tnoun.part\t1\n" for number in range(45))


def small_wordnet(folder: Path) -> Path:
    """A WordNet of one set of synonyms, "heart" and "cor", in the format of WNDB(5WN)."""
    corpus = folder / "corpora" / "wordnet"
    corpus.mkdir(parents=True)
    for part in ("adj", "adv", "noun", "verb"):
        (corpus / f"index.{part}").write_text("", encoding="utf-8")
        (corpus / f"data.{part}").write_text(HEADER, encoding="utf-8")
        (corpus / f"{part}.exc").write_text("", encoding="utf-8")
    offset = f"{len(HEADER):08d}"
    synset = f"{offset} 08 n 02 heart 0 cor 0 000 | the organ that pumps\n"
    (corpus / "data.noun").write_text(HEADER + synset, encoding="utf-8")
    (corpus / "index.noun").write_text(f"cor n 1 0 1 0 {offset}  \nheart n 1 0 1 0 {offset}  \n", encoding="utf-8")
    (corpus / "lexnames").write_text(LEXNAMES, encoding="utf-8")
    (corpus / "index.sense").write_text("", encoding="utf-8")
    return folder


@pytest.fixture
def nltk_searches(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Any]]:
    """``nltk_searches(folder)``: from now on NLTK finds its data in this folder alone; gives its lazy WordNet."""
    nltk, corpus = pytest.importorskip("nltk"), pytest.importorskip("nltk.corpus")
    wordnet = pytest.importorskip("nltk.corpus.reader.wordnet").WordNetCorpusReader
    loader = pytest.importorskip("nltk.corpus.util").LazyCorpusLoader

    used = []

    def search(folder: Path) -> Any:
        other_languages = loader("omw-1.4", wordnet)  # as nltk/corpus/__init__.py has it; never loaded
        monkeypatch.setattr(nltk.data, "path", [str(folder)])
        monkeypatch.setattr(corpus, "wordnet", loader("wordnet", wordnet, other_languages))
        used.append(corpus.wordnet)
        return corpus.wordnet

    yield search
    for one in used:
        for file in vars(one).get("_data_file_map", {}).values():
            file.close()


@pytest.fixture
def wordnet(nltk_searches: Callable[[Path], Any], tmp_path: Path) -> Any:
    """NLTK with the small WordNet."""
    return nltk_searches(small_wordnet(tmp_path))


def test_meteor_is_nltks(score: Score, wordnet: Any) -> None:
    nltk = pytest.importorskip("nltk.translate.meteor_score")
    pairs = [("The cor is enlarged.", "The heart was enlarged today."), ("No effusions", "No effusion.")]
    words = pytest.importorskip("nltk.tokenize").wordpunct_tokenize
    expected = [nltk.single_meteor_score(words(r), words(c), wordnet=wordnet) for c, r in pairs]
    scored = score("meteor@nltk", pairs)
    assert scored.studies[:, 0] == pytest.approx(expected, rel=1e-12)
    assert scored.total[0] == pytest.approx(sum(expected) / 2)
    assert "|by:nltk-" in scored.signature
    assert "-wordnet-3.0|" in scored.signature


@pytest.mark.parametrize(
    "space", ["\u00a0", "\u2009", "\u3000", "\t", "\n", "\r\n", "  ", "\u2028", "\x85", "\u200b", "\x0b"]
)
def test_meteor_is_nltks_on_text_with_any_spaces(score: Score, wordnet: Any, space: str) -> None:
    nltk = pytest.importorskip("nltk.translate.meteor_score")
    words = pytest.importorskip("nltk.tokenize").wordpunct_tokenize
    pairs = [
        ("The heart is enlarged.".replace(" ", space), "The cor was enlarged today."),
        ("The heart is enlarged.", f"The{space}cor was {space} enlarged.{space}"),
        (f"No{space}effusion, {space}no mass", f"No effusion,{space}no{space}{space}mass."),
    ]
    expected = [nltk.single_meteor_score(words(r), words(c), wordnet=wordnet) for c, r in pairs]
    assert score("meteor@nltk", pairs).studies[:, 0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.usefixtures("wordnet")
def test_a_synonym_matches_and_an_empty_candidate_scores_nothing(score: Score) -> None:
    studies = score("meteor@nltk", [("cor", "heart"), ("liver", "heart"), ("", "heart")]).studies[:, 0]
    assert studies[0] == pytest.approx(0.5)
    assert studies[1:] == pytest.approx(0)


def test_without_wordnet_the_suite_names_what_is_missing_and_the_command(
    nltk_searches: Callable[[Path], Any], tmp_path: Path
) -> None:
    nltk_searches(tmp_path)
    built = suite(["meteor@nltk", "bleu@raw"])
    assert [metric.name for metric in built] == ["bleu@raw"]
    (missing,) = built.missing
    assert "WordNet" in missing.what
    assert missing.remedy == "python -m nltk.downloader wordnet"


def run(code: str, folder: Path) -> str:
    """What a new process prints, to which this folder is NLTK's data."""
    environment = os.environ | {"NLTK_DATA": f"{folder}{os.pathsep}~/{folder.name}"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_folders_that_nltk_searches_are_known_without_it(tmp_path: Path) -> None:
    pytest.importorskip("nltk")
    ours = "from mmrad_eval.metrics.lexical.meteor import searched; print(searched())"
    assert run(ours, tmp_path) == run("import nltk.data; print(nltk.data.path)", tmp_path)


def test_nltk_is_not_imported_where_there_is_no_wordnet(tmp_path: Path) -> None:
    code = """
import sys
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.lexical import meteor
meteor.searched = lambda: [sys.argv[0]]
print([one.remedy for one in suite(["meteor@nltk"]).missing], "nltk" in sys.modules)
"""
    pytest.importorskip("nltk")
    assert run(code, tmp_path) == "['python -m nltk.downloader wordnet'] False\n"


def test_a_wordnet_as_a_zip_file_is_found(score: Score, nltk_searches: Callable[[Path], Any], tmp_path: Path) -> None:
    corpora = small_wordnet(tmp_path) / "corpora"
    shutil.make_archive(str(corpora / "wordnet"), "zip", corpora, "wordnet")
    shutil.rmtree(corpora / "wordnet")
    nltk_searches(tmp_path)
    assert score("meteor@nltk", [("cor", "heart")]).studies[:, 0] == pytest.approx([0.5])
