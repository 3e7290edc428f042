"""The journal keeps what was put, whatever happened to the process that wrote it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mmrad_eval.core import journal as journal_module
from mmrad_eval.core.journal import Journal


def key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_reply_is_found_again_by_its_key(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.put(key("a"), {"q": "a"}, {"text": "Klar ü\n"})

        assert json.loads(journal.get(key("a")) or b"") == {"text": "Klar ü\n"}
        assert journal.get(key("b")) is None

    with Journal(tmp_path) as again:
        assert json.loads(again.get(key("a")) or b"") == {"text": "Klar ü\n"}
        assert json.loads(again.request(key("a")) or b"") == {"q": "a"}


def test_the_first_reply_by_time_wins_over_all_segments(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path)
    assert first.get(key("a")) is None
    assert second.get(key("a")) is None
    first.put(key("a"), None, "first")
    second.put(key("a"), None, "second")
    first.close()
    second.close()

    with Journal(tmp_path) as journal:
        assert journal.get(key("a")) == b'"first"'
        assert len(journal) == 1


def test_a_voided_reply_is_forgotten_now_and_by_later_readers(tmp_path: Path) -> None:
    with Journal(tmp_path) as old:
        old.put(key("a"), None, "old")
        old.put(key("b"), None, "kept")
    with Journal(tmp_path) as journal:
        journal.void(key("a"))
        assert journal.get(key("a")) is None
        journal.put(key("a"), None, "new")
        assert journal.get(key("a")) == b'"new"'
        journal._fold()
        assert journal.get(key("a")) == b'"new"'
    with Journal(tmp_path) as again:
        assert again.get(key("a")) == b'"new"'
        assert again.get(key("b")) == b'"kept"'


def test_a_journal_that_was_closed_is_taken_up_again_in_a_segment_of_its_own(tmp_path: Path) -> None:
    shelf = journal_module.JournalCache()
    for text in ("a", "b", "c"):
        with shelf.journal(tmp_path) as journal:
            journal.put(key(text), {"q": text}, text)
    assert [journal.get(key(text)) for text in "abc"] == [b'"a"', b'"b"', b'"c"']
    journal.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 3


def test_many_replies_fold_into_the_index_and_stay_findable(tmp_path: Path) -> None:
    n = journal_module._FOLD * 2 + 7
    with Journal(tmp_path) as journal:
        for i in range(n):
            journal.put(key(str(i)), None, i)
        assert len(journal._fresh) < journal_module._FOLD
        assert all(journal.get(key(str(i))) == str(i).encode() for i in range(0, n, 97))
    with Journal(tmp_path) as again:
        assert len(again) == n
        assert again._opened().nbytes == 32 * n
        assert all(again.get(key(str(i))) == str(i).encode() for i in range(0, n, 97))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_segment_torn_anywhere_loses_only_the_line_that_was_cut(data: st.DataObject) -> None:
    import tempfile

    texts = data.draw(st.lists(st.text(max_size=20), min_size=1, max_size=6, unique=True))
    with tempfile.TemporaryDirectory() as folder:
        with Journal(Path(folder)) as journal:
            for text in texts:
                journal.put(key(text), {"q": text}, text)
        (segment,) = Path(folder).glob("*.jsonl")
        whole = segment.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        segment.write_bytes(whole[:cut])
        kept = whole[:cut].count(b"\n")

        with Journal(Path(folder)) as torn:
            for i, text in enumerate(texts):
                stored = torn.get(key(text))
                assert (stored is not None) == (i < kept)
                assert stored is None or msgspec.json.decode(stored) == text


def test_a_line_that_is_no_journal_line_is_passed_over_and_counted(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.put(key("a"), None, "a")
    (segment,) = tmp_path.glob("*.jsonl")
    segment.write_bytes(b"\n<<<<<<< HEAD\n" + b"x" * 200 + b"\n" + segment.read_bytes())

    with Journal(tmp_path) as again:
        assert again.get(key("a")) == b'"a"'
        assert again.torn == 3


def test_a_killed_writer_loses_nothing_that_it_had_put(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, hashlib\n"
        "from pathlib import Path\n"
        "from mmrad_eval.core.journal import Journal\n"
        "j = Journal(Path(sys.argv[1]))\n"
        "for i in range(100): j.put(hashlib.sha256(str(i).encode()).hexdigest(), None, i)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)

    assert done.returncode == -9
    with Journal(tmp_path) as journal:
        assert [journal.get(key(str(i))) for i in range(100)] == [str(i).encode() for i in range(100)]


def test_an_image_of_a_model_is_stored_once_under_its_digest(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    first, second = journal.put_image(b"\x89PNG", ".png"), journal.put_image(b"\x89PNG", ".png")

    assert first == second
    assert (tmp_path / first).read_bytes() == b"\x89PNG"
    assert len(list((tmp_path / "images").iterdir())) == 1
