"""The journal keeps what was put, whatever happened to the process that wrote it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
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
    cache = journal_module.JournalCache()
    for text in ("a", "b", "c"):
        with cache.journal(tmp_path) as journal:
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
        kept = sum(at <= cut for at, byte in enumerate(whole) if byte == ord("\n"))  # a checksum vouches for a line

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


def three(folder: Path) -> tuple[Path, bytes]:
    """A journal of three replies in one segment."""
    with Journal(folder) as journal:
        for text in "abc":
            journal.put(key(text), {"q": text}, text * 20)
    (segment,) = folder.glob("*.jsonl")
    return segment, segment.read_bytes()


def found(folder: Path) -> str:
    with Journal(folder) as journal:
        return "".join(text for text in "abc" if journal.get(key(text)) == msgspec.json.encode(text * 20))


@settings(max_examples=300, deadline=None)
@example(-1, 1)  # the last line end
@given(st.integers(), st.integers(1, 255))
def test_a_damaged_byte_costs_one_reply_at_most_and_is_named(place: int, flip: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        segment, whole = three(folder)
        at = place % len(whole)
        segment.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])

        assert len(found(folder)) >= 2
        with Journal(folder) as journal:
            kept = len(journal)
            assert kept == 3 or [damage.path for damage in journal.damage][:1] == [segment]
            assert all(damage.offset <= at for damage in journal.damage[:1])


def test_a_line_of_version_1_with_a_damaged_byte_costs_one_reply(tmp_path: Path) -> None:
    lines = [
        f'{{"key":"{key(text)}","time":1796026022.19087{n},"request":null,"reply":"{text * 20}"}}\n'.encode()
        for n, text in enumerate("abc")
    ]
    segment = tmp_path / "old.jsonl"
    for at in range(len(lines[0])):
        data = bytearray(b"".join(lines))
        data[len(lines[0]) + at] = ord("x")
        segment.write_bytes(bytes(data))
        assert found(tmp_path)[0] + found(tmp_path)[-1] == "ac", at


def test_what_is_no_segment_is_passed_over(tmp_path: Path) -> None:
    import os

    three(tmp_path)
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "loop.jsonl").symlink_to(tmp_path / "loop.jsonl")
    (tmp_path / "nowhere.jsonl").symlink_to(tmp_path / "missing")
    (tmp_path / "foreign.jsonl").write_text('{"key": "value"}\n' * 50)
    (tmp_path / "binary.jsonl").write_bytes(bytes(range(256)) * 100)
    os.mkfifo(tmp_path / "pipe.jsonl")

    assert found(tmp_path) == "abc"
    with Journal(tmp_path) as journal:
        assert len(journal) == 3
        assert sorted(str(damage) for damage in journal.damage) == [
            f"{tmp_path / name}, byte 0: not a journal; ignored" for name in ("binary.jsonl", "foreign.jsonl")
        ]


def test_what_was_asked_afresh_stays_though_another_clock_was_ahead(tmp_path: Path) -> None:
    ahead = f'{{"key":"{key("a")}","time":4796026022.190875,"request":null,"reply":"old"}}\n'
    (tmp_path / "ahead.jsonl").write_text(ahead)
    with Journal(tmp_path) as journal:
        journal.void(key("a"))
        journal.put(key("a"), None, "new")
    for _ in range(2):
        with Journal(tmp_path) as again:
            assert again.get(key("a")) == b'"new"'


def test_a_write_that_the_disk_takes_in_pieces_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data)[:7]))
    three(tmp_path)

    assert found(tmp_path) == "abc"


def test_a_write_that_fails_half_way_leaves_nothing_and_is_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    real, room = os.write, [1000]

    def full(file: int, data: bytes) -> int:
        taken = min(len(data), room[0])
        if not taken:
            raise OSError(28, "No space left on device")
        room[0] -= taken
        return real(file, bytes(data)[:taken])

    monkeypatch.setattr(os, "write", full)
    stored = []
    with Journal(tmp_path) as journal:
        for number in range(40):
            if number == 20:
                room[0] = 100_000  # somebody made room
            try:
                journal.put(key(str(number)), {"q": number}, "x" * 100)
                stored.append(number)
            except OSError:
                assert journal.get(key(str(number))) is None
        assert 3 < len(stored) < 30
        assert all(journal.get(key(str(number))) for number in stored)
    with Journal(tmp_path) as again:
        assert (len(again), again.torn) == (len(stored), 0)
        assert all(again.get(key(str(number))) for number in stored)


def test_a_reply_that_is_nested_without_end_and_a_segment_that_is_gone_cost_themselves_only(tmp_path: Path) -> None:
    deep, kept, gone = "a" * 64, "b" * 64, "c" * 64
    with Journal(tmp_path) as journal:
        journal.put(kept, {}, {"text": "kept"})
    nested = b"[" * 200_000 + b"]" * 200_000
    head = b'{"key":"%b","time":1700000000.000000,"request":{},"reply":' % deep.encode()
    (tmp_path / "older.jsonl").write_bytes(head + nested + b"}\n")
    with Journal(tmp_path / "other") as journal:
        journal.put(gone, {}, {"text": "gone"})
    segment = next((tmp_path / "other").glob("*.jsonl")).rename(tmp_path / "moved.jsonl")
    with Journal(tmp_path) as journal:
        assert len(journal) == 3
        segment.unlink()

        assert journal.get(deep) is None
        assert journal.get(gone) is None
        assert journal.get(kept) == b'{"text":"kept"}'
        assert {place.path.name for place in journal.damage} == {"older.jsonl", "moved.jsonl"}
        assert not journal.changed_by_others()


def test_line_ends_of_windows_cost_no_reply(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for name in "abc":
            journal.put(key(name), None, name)
    [path] = tmp_path.glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    with Journal(tmp_path) as again:
        assert [again.get(key(name)) for name in "abc"] == [b'"a"', b'"b"', b'"c"']
        assert again.torn == 0


def test_a_segment_without_a_line_end_is_read_in_pieces_and_hides_no_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_BLOCK", 1 << 10)
    monkeypatch.setattr(journal_module, "_FOREIGN", 4 << 10)
    segment, whole = three(tmp_path)
    segment.write_bytes(b"\0" * 50_000 + b"\n" + whole + b"\0" * 50_000)
    with (tmp_path / "sparse.jsonl").open("wb") as file:
        file.truncate(1 << 20)
    longest = 0

    def measured(path: Path) -> Iterator[tuple[int, bytes, bool]]:
        nonlocal longest
        for place in lines(path):
            longest = max(longest, len(place[1]))
            yield place

    lines = journal_module._lines
    monkeypatch.setattr(journal_module, "_lines", measured)
    assert found(tmp_path) == "abc"
    assert longest <= 6 << 10
