"""Pictures that a model drew lie in its run's folder, which can be moved and read without anything else."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.values import Answer, Image, Step, Trace
from mmrad_eval.results.run.drawn import keep_drawn
from mmrad_eval.results.run.folder import RunFolder, find_runs

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
PAINTER = '''
import base64, io
from PIL import Image
from mmrad_eval import Card, Reply
from mmrad_eval.core.values import OutputImage, Text


class Painter:
    """Draws two pictures and reports."""

    card = Card(provider="mine", id="painter", revision="1")
    endpoints = ()

    def generate(self, sent):
        parts = []
        for grey, name in ((40, "heart"), (90, "left lung")):
            file = io.BytesIO()
            Image.new("L", (20, 10), grey).save(file, "PNG")
            uri = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
            parts += [Text(f"Let me look at the {name}."), OutputImage(uri), Text("It is as expected. ")]
        return Reply(parts=(*parts, Text("FINDINGS: No pneumothorax. IMPRESSION: Normal.")))
'''


def drawn(folder: Path) -> RunFolder:
    """The run of a model that draws, in ``folder/results``."""
    folder.mkdir(exist_ok=True)
    (folder / "own.py").write_text(PAINTER)
    words = [COMMAND, "--model", "own.py:Painter", "--task", "tcot", "--limit", "2", "--metrics", "bleu@r2gen-iu"]
    ended = subprocess.run([*words, "--quiet"], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    [run] = find_runs(folder / "results")
    return run


def pictures(run: RunFolder) -> list[Image]:
    return [step.image for a in run.answers() for step in (a.trace.steps if a.trace else ()) if step.image is not None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return drawn(tmp_path_factory.mktemp("made") / "a")


def test_answers_name_pictures_by_their_digest_and_say_no_path(made: RunFolder) -> None:
    written = (made.path / "answers.jsonl").read_text()
    names = re.findall(r'"path":"([^"]*)"', written)
    assert len(names) == 4
    for name in names:
        assert name.startswith("drawn:")
        file = made.path / "drawn" / name.removeprefix("drawn:")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
    assert len(set(names)) == len(list((made.path / "drawn").iterdir())) == 2


def test_a_run_folder_is_moved_and_read_without_the_rest(made: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(made.path, tmp_path / "moved" / "run")
    moved = RunFolder(tmp_path / "moved" / "run")
    assert [image.size for image in pictures(moved)] == [(20, 10)] * 4
    for image in pictures(moved):
        assert Path(image.path).is_relative_to(tmp_path)
        with Pillow.open(image.path) as picture:
            assert picture.size == (20, 10)


def test_equal_runs_are_equal_files_also_where_answers_are_read_again(made: RunFolder, tmp_path: Path) -> None:
    other = drawn(tmp_path / "b")
    once = (other.path / "answers.jsonl").read_bytes()
    assert once == (made.path / "answers.jsonl").read_bytes()
    (other.path / "answers.jsonl").unlink()
    again = drawn(tmp_path / "b")
    assert (again.path / "answers.jsonl").read_bytes() == once


def test_a_folder_of_before_is_read_as_it_is(made: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(made.path, tmp_path / "old")
    replies = next((made.path.parents[4] / "replies").glob("*/*/images/*.png")).parent
    line = (tmp_path / "old" / "answers.jsonl").read_text().replace('"path":"drawn:', f'"path":"{replies}/')
    (tmp_path / "old" / "answers.jsonl").write_text(line)
    assert {Path(image.path).parent for image in pictures(RunFolder(tmp_path / "old"))} == {replies}


def answer(path: Path, source: str = "model") -> Answer:
    inner = Image(str(path), "x", source="model" if source == "model" else "reference")
    outer = Image("/elsewhere/film.png", "film.png", render="jpeg", parts=(inner,))
    return Answer("s", shown=Trace((Step(image=outer),)))


@pytest.mark.parametrize("fault", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_without_links_a_picture_is_copied(fault: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "link", refuses)
    file = tmp_path / f"{hashlib.sha256(b'x').hexdigest()}.png"
    file.write_bytes(b"x")
    (tmp_path / "run").mkdir()
    assert keep_drawn(tmp_path / "run", answer(file)) == [str(file)]
    assert (tmp_path / "run" / "drawn" / file.name).read_bytes() == b"x"


def test_pictures_that_are_gone_or_a_users_own_keep_their_paths(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "mine.png").write_bytes(b"x")
    named = tmp_path / f"{'0' * 64}.png"
    assert keep_drawn(tmp_path / "run", answer(named)) == []
    assert keep_drawn(tmp_path / "run", answer(tmp_path / "mine.png")) == []
    named.write_bytes(b"x")
    assert keep_drawn(tmp_path / "run", answer(named, "reference")) == []
    assert keep_drawn(tmp_path / "run", answer(named)) == [str(named)]


def test_words_that_look_like_a_path_stay_words(made: RunFolder) -> None:
    said = Answer("s", why='"path":"drawn:x.png"', trace=Trace((), '"path":"/a/b.png"'))
    line = made.images.short(msgspec.json.encode(said), ["/a/b.png"])
    assert msgspec.json.decode(made.images.whole(line), type=Answer) == said
