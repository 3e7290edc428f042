"""`weights fetch` against a real server that answers as the hub does."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.clinical
pytest.importorskip("huggingface_hub", reason="needs the clinical environment (scripts/env-clinical)")


@dataclass
class Hub:
    """Files by ``repo/name``, and what was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    """Digests that are stated instead of the true ones."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    address: str = ""
    breaks_after: int | None = None
    """Bytes after which the next download breaks off."""
    ranges: list[str | None] = field(default_factory=list)
    """From where downloads were asked for."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A server that stops with the test."""
    state = Hub()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            state.asked.append((self.command, self.path))
            state.tokens.add(self.headers.get("Authorization"))
            name = self.path.removeprefix("/").replace("/resolve/main", "")
            if self.path == "/":
                data, status = b"", 200
            elif name in state.files:
                data, status = state.files[name], 200
            else:
                data, status = b"", 404
            start = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0] or 0)
            self.send_response(206 if start else status)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            if status == 404:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{state.digests.get(name, hashlib.sha256(data).hexdigest())}"')
            self.send_header("Content-Length", str(len(data) - start))
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            if body:
                state.ranges.append(self.headers.get("Range"))
                self.wfile.write(data[start : state.breaks_after])
                self.close_connection = state.breaks_after is not None
                state.breaks_after = None

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def mmrad(hub: Hub, tmp_path: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "MMRAD_", "XDG_"))}
    environment |= {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(tmp_path / "hf"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    environment |= more
    command = [sys.executable, "-m", "mmrad_eval", "weights", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


CONFIG = json.dumps({"dataset_reader": {"token_indexers": {"bert": {"model_name": "some/encoder"}}}}).encode()
SCORERS = "StanfordAIMI/RRG_scorers"


def test_an_archive_is_unpacked_where_the_package_looks_with_its_encoders_vocabulary(hub: Hub, tmp_path: Path) -> None:
    hub.files[f"{SCORERS}/radgraph-xl.tar.gz"] = packed(
        {"config.json": CONFIG, "weights.th": b"w" * 1000, "vocabulary/labels.txt": b"x\n"}
    )
    hub.files["some/encoder/vocab.txt"] = b"[PAD]\n"
    done = mmrad(hub, tmp_path, "fetch", "radgraph-xl")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "cache/radgraph/0.1.18/radgraph-xl"
    assert (folder / "weights.th").read_bytes() == b"w" * 1000
    assert str(folder) in done.stdout
    rows = json.loads(mmrad(hub, tmp_path, "--digest", "--format", "json").stdout)
    row = next(row for row in rows if row["name"] == "radgraph-xl")
    assert "the cache of radgraph" in row["found"]
    assert row["digest"] == hashlib.sha256(b"w" * 1000).hexdigest()[:12]
    assert list((tmp_path / "hf/hub/models--some--encoder").glob("snapshots/*/vocab.txt"))


def test_a_checkpoint_is_linked_where_the_package_looks(hub: Hub, tmp_path: Path) -> None:
    hub.files[f"{SCORERS}/chexbert.pth"] = b"checkpoint"
    assert mmrad(hub, tmp_path, "fetch", "chexbert").returncode == 0
    assert (tmp_path / "cache/chexbert/chexbert.pth").read_bytes() == b"checkpoint"


def test_a_download_that_broke_off_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    data = bytes(range(256)) * 48_000  # the hub's client writes ten megabytes at a time
    hub.files[f"{SCORERS}/chexbert.pth"] = data
    hub.breaks_after = 11_000_000
    broken = mmrad(hub, tmp_path, "fetch", "chexbert")
    assert broken.returncode == 1
    assert "try again (the download resumes)" in broken.stderr
    assert mmrad(hub, tmp_path, "fetch", "chexbert").returncode == 0
    assert (tmp_path / "cache/chexbert/chexbert.pth").read_bytes() == data
    assert hub.ranges == [None, f"bytes={10 << 20}-"]


def test_the_token_comes_from_the_environment_alone(hub: Hub, tmp_path: Path) -> None:
    hub.files[f"{SCORERS}/chexbert.pth"] = b"checkpoint"
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf/token").write_text("from-a-file")
    mmrad(hub, tmp_path, "fetch", "chexbert")
    assert hub.tokens == {None}
    (tmp_path / "other").mkdir()
    mmrad(hub, tmp_path / "other", "fetch", "chexbert", HF_TOKEN="from-the-environment")
    assert hub.tokens == {None, "Bearer from-the-environment"}


def test_a_file_that_is_not_what_the_hub_states_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files[f"{SCORERS}/chexbert.pth"] = b"checkpoint"
    hub.digests[f"{SCORERS}/chexbert.pth"] = "0" * 64
    done = mmrad(hub, tmp_path, "fetch", "chexbert")
    assert done.returncode == 1
    assert "its digest is not the hub's" in done.stderr


def test_without_a_network_the_way_out_is_said_at_once(hub: Hub, tmp_path: Path) -> None:
    done = mmrad(hub, tmp_path, "fetch", "chexbert", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "the hub can't be reached" in done.stderr
    assert "MMRAD_WEIGHTS" in done.stderr


def test_an_archive_that_writes_outside_of_its_folder_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files[f"{SCORERS}/radgraph.tar.gz"] = packed({"config.json": CONFIG, "../../escaped.txt": b"x"})
    done = mmrad(hub, tmp_path, "fetch", "radgraph")
    assert done.returncode == 1
    assert "can't be unpacked" in done.stderr
    assert not list(tmp_path.rglob("escaped.txt"))
