"""The look check, against programs over HTTP that see all images in order, one, none, or in reverse order."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.harness.look_pictures import DIGITS, digit, film
from mmrad_eval.results.run.folder import RunFolder

NAMES = {digit(name): name for name in DIGITS} | {film(abnormal=False): "clear", film(abnormal=True): "abnormal"}
REPORT = "FINDINGS: The lungs are clear. IMPRESSION: Normal."
Seeing = Callable[[list[str]], list[str]]

ALL: Seeing = list
FIRST: Seeing = lambda shown: shown[:1]  # noqa: E731 (a program in one word)
NONE: Seeing = lambda _: []  # noqa: E731
REVERSED: Seeing = lambda shown: shown[::-1]  # noqa: E731
SWAPPED: Seeing = lambda shown: [*shown[1::-1], *shown[2:]]  # noqa: E731
BLURRED: Seeing = lambda shown: ["grey" for _ in shown]  # noqa: E731
"""Every picture arrives, shrunk until nothing is left to see."""


@dataclass
class Program:
    """A chat server that lets ``sees`` of the images through to what it says."""

    sees: Seeing = ALL
    reads: bool = True
    """Whether it can read digits; a program that can't writes a report about everything."""
    counts: bool = True
    """Whether it reports usage."""
    faults: Callable[[Sequence[str]], int] = lambda _: 200
    says: str = ""
    asked: list[list[str]] = field(default_factory=list)
    """The images of each request."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def reply(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        shown = list(_images(body))
        self.asked.append(shown)
        self.bodies.append(body)
        status = self.faults(shown)
        if status != 200:
            return status, {"error": {"message": "it broke"}}
        usage = {"prompt_tokens": 20 + 64 * len(self.sees(shown)), "completion_tokens": 9} if self.counts else None
        choice = {"index": 0, "message": {"role": "assistant", "content": self._says(shown)}, "finish_reason": "stop"}
        return 200, {"id": "1", "model": body["model"], "choices": [choice], "usage": usage}

    def _says(self, shown: list[str]) -> str:
        seen = self.sees(shown)
        if self.says:
            return self.says
        if self.reads and any(name in DIGITS for name in shown):
            return " ".join(name for name in seen if name in DIGITS) or "I see no digits."
        return f"{REPORT} Pacemaker." if "abnormal" in seen else REPORT

    @property
    def looks(self) -> int:
        """Requests that were about the drawn pictures."""
        return len(self.asked) - self.studies

    @property
    def studies(self) -> int:
        """Requests that were about studies."""
        return sum("study" in shown for shown in self.asked)


def _images(body: dict[str, Any]) -> Iterator[str]:
    for message in body["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else []:
            if part["type"] == "image_url":
                data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                yield NAMES.get(data, "study")


@pytest.fixture
def serve() -> Iterator[Callable[[Program], Program]]:
    servers = []

    def start(program: Program) -> Program:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else a reply waits 40 ms until its head is acknowledged

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, value = program.reply(body)
                if not status:  # it goes down before it answers
                    self.close_connection = True
                    return
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        program.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        return program

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


Ask = Callable[..., Any]


@pytest.fixture
def ask(call: Callable[..., Any]) -> Ask:
    def run(program: Program, *words: str, task: str = "direct") -> Any:
        rest = ("--limit", "2", "--metrics", "bleu@raw", "--quiet", "--concurrency", "1", *words)
        return call("--model", "openai:it", "--base-url", program.url, "--task", task, *rest)

    return run


def folder_of(results: Path, task: str = "direct") -> RunFolder:
    """The newest run of a task."""
    written = (results / "runs/demo" / task).rglob("run.json")
    return RunFolder(max(written, key=lambda path: path.stat().st_mtime).parent)


def look_of(tmp_path: Path, task: str = "direct") -> Any:
    return folder_of(tmp_path / "results", task).run.look


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (Program(ALL), "confirmed"),
        (Program(FIRST), "images lost"),
        (Program(REVERSED), "out of order"),
        (Program(SWAPPED), "out of order"),
        (Program(SWAPPED, counts=False), "out of order"),
        (Program(BLURRED), "not confirmed"),
        (Program(BLURRED, counts=False), "not confirmed"),
        (Program(NONE, counts=False, says="1 2 3"), "not confirmed"),
        (Program(ALL, counts=False), "confirmed"),
        (Program(FIRST, counts=False), "images lost"),
        (Program(REVERSED, counts=False), "out of order"),
        (Program(NONE, counts=False), "not confirmed"),
        (Program(ALL, reads=False), "not confirmed"),
        (Program(FIRST, reads=False), "images lost"),
        (Program(ALL, says="<think>8 4 7</think>beep beep"), "not confirmed"),
        (Program(ALL, says="I'm sorry, but I can't help with medical images."), "not confirmed"),
    ],
)
def test_what_a_model_sees_stands_in_its_run(
    program: Program, expected: str, serve: Callable[[Program], Program], ask: Ask, tmp_path: Path
) -> None:
    said = ask(serve(program))
    assert said.code == 0, said.err
    assert look_of(tmp_path).verdict == expected
    assert (program.looks, program.studies) == (5, 2)


def test_a_blind_server_is_refused_before_any_study(
    serve: Callable[[Program], Program], ask: Ask, tmp_path: Path
) -> None:
    program = serve(Program(NONE))
    said = ask(program)
    assert said.code
    assert "openai:it sees no image" in said.err
    assert "--allow-blind" in said.err
    assert (program.looks, program.studies) == (5, 0)
    assert look_of(tmp_path).verdict == "blind"


def test_a_blind_server_can_be_asked_all_the_same_and_is_marked(
    serve: Callable[[Program], Program], ask: Ask, tmp_path: Path, call: Callable[..., Any]
) -> None:
    program = serve(Program(NONE))
    assert ask(program, "--allow-blind").code == 0
    assert program.studies == 2
    assert look_of(tmp_path).verdict == "blind"
    assert "the model sees no image" in call("leaderboard", "results").out


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (Program(FIRST), "sees fewer images than were sent"),
        (Program(REVERSED), "in another order"),
        (Program(ALL, reads=False), "not confirmed"),
    ],
)
def test_what_is_wrong_stands_under_the_table(
    program: Program, words: str, serve: Callable[[Program], Program], ask: Ask, call: Callable[..., Any]
) -> None:
    ask(serve(program))
    assert words in " ".join(call("leaderboard", "results").out.split())


def test_a_program_that_answers_from_the_words_alone_is_blind(
    serve: Callable[[Program], Program], ask: Ask, tmp_path: Path
) -> None:
    assert ask(serve(Program(NONE, says="5 2 9"))).code
    assert look_of(tmp_path).verdict == "blind"


@pytest.fixture
def ask_several(call: Callable[..., Any]) -> Ask:
    def run(*programs: Program, words: Sequence[str] = ()) -> Any:
        urls = [word for program in programs for word in ("--base-url", program.url)]
        rest = ("--limit", "8", "--metrics", "bleu@raw", "--quiet", *words)
        return call("--model", "openai:it", *urls, "--task", "direct", *rest)

    return run


def test_each_of_several_servers_is_asked_and_a_blind_one_is_named(
    serve: Callable[[Program], Program], ask_several: Ask, tmp_path: Path
) -> None:
    seeing, blind = serve(Program()), serve(Program(NONE))
    said = ask_several(seeing, blind)
    assert said.code
    assert f"sees no image: at {blind.url}: " in said.err
    assert (seeing.looks, blind.looks, seeing.studies, blind.studies) == (5, 5, 0, 0)
    assert look_of(tmp_path).verdict == "blind"


def test_the_worst_of_several_servers_stands_in_the_run(
    serve: Callable[[Program], Program], ask_several: Ask, tmp_path: Path
) -> None:
    seeing, first = serve(Program()), serve(Program(FIRST))
    assert ask_several(seeing, first).code == 0
    assert look_of(tmp_path).verdict == "images lost"
    assert look_of(tmp_path).why.startswith(f"at {first.url}: ")
    assert (seeing.looks, first.looks, seeing.studies + first.studies) == (5, 5, 8)


def test_a_server_that_is_not_there_holds_up_no_check_of_the_other(
    serve: Callable[[Program], Program], ask_several: Ask, tmp_path: Path
) -> None:
    seeing, gone = serve(Program()), Program(url="http://127.0.0.1:9/v1")
    assert ask_several(seeing, gone).code == 0
    assert look_of(tmp_path).verdict == "confirmed"
    assert (seeing.looks, seeing.studies) == (5, 8)


def test_a_dry_run_names_all_servers(serve: Callable[[Program], Program], ask_several: Ask) -> None:
    said = ask_several(serve(Program()), serve(Program()), words=["--dry-run"])
    assert "5 requests with synthetic test images to each of 2 servers" in said.out


@pytest.mark.parametrize(("returns", "code"), [(ALL, 0), (NONE, 1), (REVERSED, 0)])
def test_a_server_that_comes_back_is_checked_before_its_replies_are_kept(
    returns: Seeing, code: int, serve: Callable[[Program], Program], ask: Ask, tmp_path: Path
) -> None:
    program = serve(Program())

    def restarts(_: Sequence[str]) -> int:
        if program.studies == 3:
            program.sees = returns
            return 0
        return 200

    program.faults = restarts
    said = ask(program, "--limit", "6")
    assert bool(said.code) == bool(code), said.err
    kept = [answer for answer in folder_of(tmp_path / "results").answers() if answer.status == "ok"]
    assert len(kept) == (2 if code else 6)
    assert program.looks == 10
    expected = {ALL: "confirmed", NONE: "blind", REVERSED: "out of order"}[returns]
    assert look_of(tmp_path).verdict == expected
    assert ("sees no image" in said.err) == bool(code)


def test_words_between_images_at_a_host_of_one_s_own_are_of_unknown_order(
    serve: Callable[[Program], Program], ask: Ask, call: Callable[..., Any], tmp_path: Path
) -> None:
    ask(serve(Program()), task="mcot")
    ask(serve(Program()), task="direct")
    assert folder_of(tmp_path / "results", "mcot").run.order == "unknown"
    assert folder_of(tmp_path / "results", "direct").run.order == ""
    assert "it is unknown whether its server keeps the order of text and images" in " ".join(
        call("leaderboard", "results").out.split()
    )


def test_the_price_of_a_faithfulness_page_names_the_check(
    serve: Callable[[Program], Program], call: Callable[..., Any]
) -> None:
    asked = ("faithfulness", "openai:it", "--base-url", serve(Program()).url, "--limit", "2", "--dry-run")
    assert "first, 5 requests with synthetic test images per server (the look check" in call(*asked).out
    assert "drawn pictures" not in call(*asked, "--no-look-check").out


def test_a_model_that_sees_gets_no_line(
    serve: Callable[[Program], Program], ask: Ask, call: Callable[..., Any]
) -> None:
    ask(serve(Program(ALL)))
    shown = call("leaderboard", "results").out
    assert "sees" not in shown
    assert "confirmed" not in shown


def test_a_server_is_asked_once_whatever_the_run(serve: Callable[[Program], Program], ask: Ask) -> None:
    program = serve(Program())
    ask(program)
    ask(program, "--max-tokens", "2000", task="mcot")
    ask(program, task="tcot")
    assert program.looks == 5


def test_another_server_of_the_same_name_is_asked_anew(
    serve: Callable[[Program], Program], ask: Ask, tmp_path: Path
) -> None:
    seeing, blind = serve(Program()), serve(Program(NONE))
    ask(seeing)
    assert ask(blind, task="mcot").code
    assert blind.looks == 5
    assert look_of(tmp_path).verdict == "confirmed"
    assert look_of(tmp_path, "mcot").verdict == "blind"


def test_a_finished_run_asks_nothing_more(serve: Callable[[Program], Program], ask: Ask, tmp_path: Path) -> None:
    program = serve(Program())
    ask(program, "--no-look-check")
    assert (program.looks, program.studies) == (0, 2)
    assert ask(program).code == 0
    assert len(program.asked) == 2
    assert ask(program, "--limit", "1").code == 0  # another run of stored replies
    assert len(program.asked) == 2
    assert look_of(tmp_path) is None


def test_tasks_without_images_and_baselines_ask_nothing(
    serve: Callable[[Program], Program], ask: Ask, call: Callable[..., Any]
) -> None:
    program = serve(Program(NONE))
    assert ask(program, task="tcot-blind").code == 0
    assert len(program.asked) == 2
    said = call("--model", "baseline:normal", "--task", "direct", "--limit", "2", "--dry-run")
    assert "drawn pictures" not in said.out


def test_a_server_that_fails_gives_no_verdict(serve: Callable[[Program], Program], ask: Ask, tmp_path: Path) -> None:
    program = serve(Program(faults=lambda shown: 200 if "study" in shown else 500))
    said = ask(program, "--no-table")
    assert said.code == 0, said.err
    assert look_of(tmp_path).verdict == "no verdict"
    assert program.studies == 2
    program.faults = lambda _: 200
    ask(program, task="tcot")
    assert look_of(tmp_path, "tcot").verdict == "confirmed"


def test_a_server_that_takes_one_image_at_most_gives_no_verdict_on_more(
    serve: Callable[[Program], Program], ask: Ask, tmp_path: Path
) -> None:
    program = serve(Program(faults=lambda shown: 400 if len(shown) > 1 else 200))
    ask(program, "--views", "key")
    assert look_of(tmp_path).verdict == "no verdict"
    assert program.studies == 2


def test_the_check_counts_in_the_budget(serve: Callable[[Program], Program], ask: Ask, tmp_path: Path) -> None:
    program = serve(Program())
    assert ask(program, "--max-requests", "6").code == 3
    assert (program.looks, program.studies) == (5, 1)
    program = serve(Program())
    assert ask(program, "--max-requests", "3", task="tcot").code == 3
    assert (program.looks, program.studies) == (3, 0)
    assert look_of(tmp_path, "tcot").verdict == "no verdict"


def test_a_dry_run_says_what_the_check_takes_and_asks_nothing(serve: Callable[[Program], Program], ask: Ask) -> None:
    program = serve(Program())
    assert "5 requests with synthetic test images" in ask(program, "--dry-run").out
    assert "drawn pictures" not in ask(program, "--dry-run", "--no-look-check").out
    assert program.asked == []


def test_the_run_and_its_requests_are_the_same_without_the_check(
    serve: Callable[[Program], Program], ask: Ask, tmp_path: Path
) -> None:
    program = serve(Program())
    ask(program, "--out", "with")
    ask(program, "--out", "without", "--no-look-check")
    runs = [folder_of(tmp_path / name) for name in ("with", "without")]
    assert runs[0].run.id == runs[1].run.id
    assert [a.keys for a in runs[0].answers()] == [a.keys for a in runs[1].answers()]
