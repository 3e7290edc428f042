"""A server of the run's own: started with what card and run need, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mmrad_eval.core.errors import MissingError, ModelError, TransportError, UsageError
from mmrad_eval.core.values import Card
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.serving import ServeOptions, Server, words
from mmrad_eval.model_registry.vllm import VllmClient
from tests.processes import alive, gone

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
CARD = Card(provider="vllm", id="org/model", revision="abc", max_images=5, context=8192)

STAND_IN = '''
"""Stands in for `vllm serve`: is healthy after a moment, has a worker of its own."""
import http.server, os, pathlib, signal, subprocess, sys, time
mode = os.environ["MODE"]
if mode == "fails":
    print("ValueError: no such model"); sys.exit(3)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("loading weights", flush=True)
pathlib.Path(os.environ["NOTES"]).write_text("\\n".join([str(os.getpid()), str(worker.pid), *sys.argv[1:]]))
time.sleep(60 if mode == "slow" else 0.5)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404); self.end_headers()
    def log_message(self, *_): pass
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Page).serve_forever()
'''


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stand-in writes its notes: process id, its worker's, arguments."""
    script = tmp_path / "vllm.py"
    script.write_text(STAND_IN)
    monkeypatch.setenv("MMRAD_VLLM", f"{sys.executable} {script}")
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("MODE", "good")
    return tmp_path / "notes"


def pids(notes: Path) -> list[int]:
    return [int(line) for line in notes.read_text().splitlines()[:2]]


def test_card_and_options_become_flags() -> None:
    options = ServeOptions(("vllm",), dtype="bfloat16", tensor_parallel=2, data_parallel=4, extra=("--seed", "1"))
    assert words(CARD, options, 81) == [
        *("vllm", "serve", "org/model", "--host", "127.0.0.1", "--port", "81", "--revision", "abc"),
        *("--max-model-len", "8192", "--dtype", "bfloat16", "--tensor-parallel-size", "2"),
        *("--data-parallel-size", "4", "--limit-mm-per-prompt", '{"image": 5}'),
        *("--interleave-mm-strings", "--seed", "1"),
    ]


def test_a_flag_that_is_passed_through_wins_over_the_card() -> None:
    command = words(CARD, ServeOptions(("vllm",), extra=("--max-model-len=4096",)), 81)
    assert "--max-model-len" not in command
    assert "--max-model-len=4096" in command


@pytest.mark.parametrize("flag", ["--port", "--host=0.0.0.0", "--api-key"])
def test_flags_that_are_the_run_s_own_are_refused(flag: str) -> None:
    with pytest.raises(ModelError, match=flag.partition("=")[0]):
        words(CARD, ServeOptions(("vllm",), extra=(flag, "x")), 81)


def test_without_vllm_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MMRAD_VLLM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="--base-url"):
        words(CARD, ServeOptions(), 81)
    (tmp_path / "uv").touch(mode=0o755)
    assert words(CARD, ServeOptions(), 81)[:5] == ["uv", "tool", "run", "vllm", "serve"]


def test_it_starts_once_tells_how_it_goes_and_leaves_its_log(stand_in: Path, tmp_path: Path) -> None:
    said: list[str] = []
    server = Server(CARD, ServeOptions(), log=tmp_path / "run" / "vllm.log", say=said.append)
    server.start()
    server.start()
    running = pids(stand_in)
    server.stop()

    assert gone(running)
    assert "loading weights" in (tmp_path / "run" / "vllm.log").read_text()
    assert said[0].startswith("starting ")
    assert said[-1].startswith("the server is ready")
    assert server.secret.reveal() not in " ".join(said)


def test_a_server_that_ends_early_is_quoted(stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODE", "fails")
    server = Server(CARD, ServeOptions(), log=tmp_path / "vllm.log")
    with pytest.raises(ModelError, match=r"status 3 .*\n.*no such model"):
        server.start()
    server.stop()
    assert not stand_in.exists()


def test_a_server_that_never_gets_ready_is_given_up(stand_in: Path) -> None:
    server = Server(CARD, ServeOptions(patience=0.0))
    with pytest.raises(ModelError, match="not ready after"):
        server.start()
    server.stop()
    assert not stand_in.exists() or gone(pids(stand_in))


def test_one_that_died_is_started_again_but_not_for_ever(stand_in: Path, tmp_path: Path) -> None:
    said: list[str] = []
    server = Server(CARD, ServeOptions(), log=tmp_path / "vllm.log", say=said.append)
    seen = set()
    for _ in range(3):
        server.start()
        running = pids(stand_in)
        seen.add(running[0])
        os.kill(running[0], signal.SIGKILL)
        assert gone(running)
        assert server._process is not None
        server._process.wait(30)  # its keeper ends last
    with pytest.raises(ModelError, match=r"died 3 times, now with status .*\nloading weights"):
        server.start()
    server.stop()

    assert len(seen) == 3
    assert sum(line.endswith("is being restarted") for line in said) == 2


def test_a_start_that_is_given_up_ends_what_it_started(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODE", "slow")
    server = Server(CARD, ServeOptions())
    stopped = threading.Event()
    server.give_up = stopped.is_set
    threading.Timer(1.5, stopped.set).start()
    begun = time.monotonic()
    for _ in range(2):  # and none begins after it
        with pytest.raises(TransportError, match="was canceled"):
            server.start()

    assert time.monotonic() - begun < 30
    assert gone(pids(stand_in))


@pytest.mark.parametrize(("times", "codes"), [(1, {3}), (2, {3, 130})])  # two that come together arrive as one
def test_ctrl_c_does_not_wait_for_a_server_that_starts(
    stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, codes: set[int]
) -> None:
    monkeypatch.setenv("MODE", "slow")
    words = [COMMAND, "--model", "vllm:org/model", "--serve", "--task", "direct", "--metrics", "bleu@r2gen-iu"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        end = time.monotonic() + 60
        while not stand_in.exists() and time.monotonic() < end:
            time.sleep(0.05)
        running = pids(stand_in)
        for _ in range(times):
            run.send_signal(signal.SIGINT)
        said = "".join(run.communicate(timeout=30))

    assert run.returncode in codes, said
    assert "Traceback" not in said
    assert ("24 of 24 studies have no answer yet: interrupted" in said) is (run.returncode == 3)
    assert gone(running)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_though_the_run_was_killed(stand_in: Path, number: signal.Signals) -> None:
    code = (
        "from mmrad_eval.core.values import Card; from mmrad_eval.model_registry.serving import *; import time\n"
        "Server(Card(provider='vllm', id='m'), ServeOptions()).start(); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        running = pids(stand_in)
        assert all(map(alive, running))
        os.kill(run.pid, number)

    assert gone(running)


async def test_a_client_starts_it_when_the_first_request_is_about_to_leave(stand_in: Path) -> None:
    client = resolve("vllm:org/model", serve=ServeOptions())
    assert isinstance(client, VllmClient)
    assert client.endpoints == (client.server.url if client.server else "",)
    with pytest.raises(FileNotFoundError):
        pids(stand_in)
    with pytest.raises(ModelError, match="HTTP 404"):  # the stand-in is healthy and knows no models
        await client.prepare()
    running = pids(stand_in)
    await client.close()

    assert gone(running)


def test_serving_is_for_vllm_alone_and_not_beside_an_address() -> None:
    with pytest.raises(UsageError, match="--serve starts vLLM"):
        resolve("openai:m", serve=ServeOptions())
    with pytest.raises(UsageError, match="give one of the two"):
        resolve("vllm:m", base_url=["http://127.0.0.1:1"], serve=ServeOptions())
