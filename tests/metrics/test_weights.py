"""Where weights are looked for, and what a user is told where there are none."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from mmrad_eval.core.errors import MissingError, UnknownNameError
from mmrad_eval.metrics.clinical import weights

CHECKPOINT = b"\x80\x02"
"""What a torch file of the older format begins with."""


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches of this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("MMRAD_WEIGHTS", raising=False)
    return tmp_path


def archive(folder: Path) -> Path:
    (folder / "vocabulary").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "weights.th").write_bytes(CHECKPOINT)
    return folder


def snapshot(root: Path, repo: str, *files: str) -> Path:
    folder = root / ("models--" + repo.replace("/", "--")) / "snapshots" / "abc"
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_bytes(CHECKPOINT if name.endswith(".pth") else b"x")
    return folder


def test_what_is_nowhere_is_missing_with_the_command_that_gets_it() -> None:
    assert weights.locate("radgraph-xl") is None
    with pytest.raises(MissingError, match="mmrad-eval weights fetch radgraph-xl"):
        weights.require("radgraph-xl")


def test_all_that_a_metric_lacks_is_named_at_once(caches: Path) -> None:
    with pytest.raises(MissingError, match=r"chexbert \(1.31 GB\), bert-base-uncased \(0.2 MB\) are not") as raised:
        weights.require_all(["chexbert", "bert-base-uncased"])
    assert "mmrad-eval weights fetch chexbert bert-base-uncased," in raised.value.remedy
    snapshot(caches / "cache/chexbert", "StanfordAIMI/RRG_scorers", "chexbert.pth")
    with pytest.raises(MissingError, match="weights bert-base-uncased are not") as raised:
        weights.require_all(["chexbert", "bert-base-uncased"])
    snapshot(caches / "hf/hub", "bert-base-uncased", "vocab.txt")
    weights.require_all(["chexbert", "bert-base-uncased"])


def test_an_archive_is_found_in_the_cache_of_its_package(caches: Path) -> None:
    folder = archive(caches / "cache/radgraph/0.1.18/radgraph-xl")
    found = weights.require("radgraph-xl")
    assert (found.path, found.how, found.file) == (folder, "the cache of radgraph", folder / "weights.th")


def test_a_download_that_landed_where_the_package_does_not_look_is_found(caches: Path) -> None:
    folder = snapshot(caches / "cache/chexbert", "StanfordAIMI/RRG_scorers", "chexbert.pth")
    assert weights.require("chexbert").path == folder / "chexbert.pth"


def test_a_model_is_found_in_the_hubs_cache_under_either_of_its_names(caches: Path) -> None:
    files = ("config.json", "vocab.json", "merges.txt", "model.safetensors")
    folder = snapshot(caches / "hf/hub", "distilbert/distilroberta-base", *files)
    assert weights.require("distilroberta-base").path == folder


def test_our_own_folder_comes_before_the_caches(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(caches / "cache/radgraph/0.1.18/radgraph")
    mine = archive(caches / "mine/radgraph")
    monkeypatch.setenv("MMRAD_WEIGHTS", str(caches / "mine"))
    assert weights.require("radgraph").path == mine


def test_a_given_path_that_holds_something_else_is_refused(caches: Path) -> None:
    (caches / "empty").mkdir()
    with pytest.raises(MissingError, match=r"contains no radgraph \(a folder with config.json"):
        weights.locate("radgraph", {"radgraph": caches / "empty"})


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04cut off"])
def test_a_checkpoint_that_can_not_be_read_counts_as_missing(
    caches: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (caches / "mine/chexbert").mkdir(parents=True)
    (caches / "mine/chexbert/chexbert.pth").write_bytes(content)
    snapshot(caches / "hf/hub", "bert-base-uncased", "vocab.txt")
    monkeypatch.setenv("MMRAD_WEIGHTS", str(caches / "mine"))
    with pytest.raises(MissingError, match=r"chexbert\.pth can't be read as a checkpoint") as raised:
        weights.require_all(["chexbert", "bert-base-uncased"])
    assert "chexbert.pth and run mmrad-eval weights fetch chexbert" in raised.value.remedy


def test_a_checkpoint_of_either_format_is_found(caches: Path) -> None:
    whole = caches / "chexbert.pth"
    with zipfile.ZipFile(whole, "w") as file:
        file.writestr("data.pkl", b"")
    assert weights.require("chexbert", {"chexbert": whole}).file == whole
    whole.write_bytes(CHECKPOINT)
    assert weights.require("chexbert", {"chexbert": whole}).file == whole


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean chexbert"):
        weights.require("chexbrt")


def test_a_digest_is_remembered_until_the_file_changes(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = caches / "weights.th"
    path.write_bytes(b"first")
    assert weights.known_digest(path) is None
    first = weights.digest(path)
    assert first == hashlib.sha256(b"first").hexdigest() == weights.known_digest(path)

    def unread(_: Path) -> str:
        raise AssertionError("the file was read again")

    monkeypatch.setattr(weights, "_sha256", unread)
    assert weights.digest(path) == first
    path.write_bytes(b"second")
    with pytest.raises(AssertionError):
        weights.digest(path)


def test_the_vocabulary_of_an_encoder_is_looked_for_beside_the_archive_and_in_the_hubs_cache(caches: Path) -> None:
    folder = archive(caches / "radgraph")
    with pytest.raises(MissingError, match="the vocabulary of some/encoder"):
        weights.encoder_folder("some/encoder", folder)
    hub = snapshot(caches / "hf/hub", "some/encoder", "vocab.txt")
    assert weights.encoder_folder("some/encoder", folder) == hub
    (folder / "vocab.txt").write_text("[PAD]")
    assert weights.encoder_folder("some/encoder", folder) == folder
