"""A run survives being killed, torn, doubled and stopped, and every study has the right status."""

from __future__ import annotations

import asyncio
import csv
import json
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from mmrad_eval.model_registry.mock_server import MockServer

N = 60

FAULTS = {
    "case 03": ("500", "failed"),
    "case 05": ("policy", "refused"),
    "case 06": ("400", "failed"),
    "case 07": ("429:0.05:2", "ok"),
    "case 11": ("null", "empty"),
    "case 13": ("length", "truncated"),
    "case 17": ("refusal", "refused"),
    "case 19": ("malformed", "failed"),
    "case 23": ("hang", "failed"),
    "case 29": ("disconnect", "failed"),
    "case 31": ("filter", "refused"),
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A table of 60 studies of 40 patients, each with a film and an indication of its own."""
    (tmp_path / "films").mkdir()
    rows = []
    for i in range(N):
        Image.new("L", (64, 64), i * 4).save(tmp_path / "films" / f"{i}.png")
        rows.append(
            {
                "study_id": f"s{i:02}",
                "patient_id": f"p{i % 40}",
                "image": f"films/{i}.png",
                "indication": f"case {i:02}",
                "findings": f"The heart is normal. Lung volumes are {i} percent. No pleural effusion.",
            }
        )
    path = tmp_path / "studies.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def command(data: Path) -> Callable[..., list[str]]:
    def make(url: str, out: Path, *more: str) -> list[str]:
        return [
            *(sys.executable, "-m", "mmrad_eval", "--model", "openai:rehearsal", "--no-look-check", "--base-url", url),
            *("--task", "direct", "--context", "indication", "--data", str(data), "--data-use", "open"),
            *("--out", str(out), "--metrics", "bleu@raw", *more),
        ]

    return make


async def finished(words: list[str], within: float = 120) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(*words, stdout=-1, stderr=-1)
    out, err = await asyncio.wait_for(process.communicate(), within)
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_full_disk_is_one_line_and_what_was_answered_is_not_asked_again(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    async with MockServer() as server:
        words = command(server.url, tmp_path / "out")
        small = ["bash", "-c", 'ulimit -f 12; exec "$@"', "-", *words]  # files of 12 KiB at most
        code, _, err = await finished(small)  # the replies come to the limit first, or the answers do
        assert code in {1, 3}
        assert "File too large" in err
        assert "Traceback" not in err
        code, _, err = await finished(words)
        assert code == 0, err
        asked = server.requests
        code, _, err = await finished(small)  # all replies are there, so it is the answers
        assert code == 1
        assert err.splitlines()[-1].startswith("mmrad-eval: cannot continue: ")
        assert "Traceback" not in err
        code, _, err = await finished(words)
        assert code == 0, err
        assert server.requests == asked


async def until(true: Callable[[], bool], within: float = 60) -> None:
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.01)


def files(out: Path, *names: str) -> dict[str, str]:
    (run,) = (out / "runs").glob("*/*/*/*/")
    return {name: (run / name).read_text() for name in names or ("answers.jsonl", "summary.json")}


def statuses(out: Path) -> dict[str, str]:
    lines = files(out, "answers.jsonl")["answers.jsonl"].splitlines()
    return {answer["study"]: answer.get("status", "pending") for answer in map(json.loads, lines)}


async def test_a_run_killed_at_ten_moments_equals_one_that_was_never_killed(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    chance = random.Random(7)
    async with MockServer(own_words=True) as server:
        whole, killed = tmp_path / "whole", tmp_path / "killed"
        assert (await finished(command(server.url, whole)))[0] == 0
        assert server.requests == N

        server.tries.clear()
        server.requests, server.delay, server.keep = 0, 0.03, True
        words = command(server.url, killed, "--concurrency", "4", "--quiet")
        for _ in range(10):
            before = server.requests
            process = await asyncio.create_subprocess_exec(*words)
            await until(lambda: server.requests > before or process.returncode is not None)  # noqa: B023 (awaited here)
            await asyncio.sleep(chance.uniform(0, 0.12))
            if process.returncode is None:
                process.kill()
            await process.wait()
            for segment in (killed / "replies").rglob("*.jsonl"):
                if chance.random() < 0.2:  # a disk may tear the last line of what was being written
                    torn = segment.read_bytes()
                    segment.write_bytes(torn + torn[: len(torn) // 3].rpartition(b"\n")[2][:40])
        code, _, err = await finished(words)

        assert (code, files(killed)) == (0, files(whole)), err
        seen = [body["messages"][-1]["content"] for body in server.bodies]
        again = len(seen) - len({json.dumps(content) for content in seen})
        assert len({json.dumps(content) for content in seen}) == N
        assert again <= 10 * 4  # at each kill, no more than those in flight


async def test_two_processes_on_one_run_do_no_harm(command: Callable[..., list[str]], tmp_path: Path) -> None:
    async with MockServer(own_words=True, delay=0.02) as server:
        alone, both = tmp_path / "alone", tmp_path / "both"
        await finished(command(server.url, alone))

        ends = await asyncio.gather(*(finished(command(server.url, both)) for _ in range(2)))

        assert [code for code, _, _ in ends] == [0, 0]
        assert files(both) == files(alone)


async def test_each_fault_has_its_status_and_only_infrastructure_is_asked_again(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    async with MockServer(faults={text: fault for text, (fault, _) in FAULTS.items()}, own_words=True) as server:
        words = command(server.url, tmp_path / "out", "--timeout", "0.5")
        code, out, err = await finished(words)

        found = statuses(tmp_path / "out")
        expected = {f"s{text[-2:]}": status for text, (_, status) in FAULTS.items()}
        assert {study: status for study, status in found.items() if status != "ok"} == {
            study: status for study, status in expected.items() if status != "ok"
        }
        assert code == 3
        assert "5 of 60 studies have no answer yet" in err
        assert "\n  1 failed: HTTP 500 from " in err
        assert "incomplete, 5 of 60 studies have no answer yet" in " ".join(out.split())
        summary = json.loads(files(tmp_path / "out")["summary.json"])
        assert (summary["n"], summary["scored"]) == (60, 55)

        server.faults, server.requests = {}, 0
        code, out, _ = await finished(words)

        assert code == 0
        assert server.requests == 5
        assert "failed" not in out


async def test_a_changed_question_asks_again_and_changed_circumstances_do_not(
    command: Callable[..., list[str]], data: Path, tmp_path: Path
) -> None:
    async with MockServer(own_words=True) as server, MockServer(own_words=True) as other:
        out = tmp_path / "out"
        limited = ("--limit", "5")
        await finished(command(server.url, out, *limited))
        assert server.requests == 5

        for same in (("--concurrency", "1"), ("--timeout", "9"), ("--metrics", "rouge@raw"), ("--quiet",)):
            assert (await finished(command(server.url, out, *limited, *same)))[0] == 0
        assert (await finished(command(other.url, out, *limited)))[0] == 0
        assert (server.requests, other.requests) == (5, 0)

        prompt = tmp_path / "mine.txt"
        prompt.write_text(
            "[[user]]\n{images}{context}{instruction}\n[[image]]\n{picture}\n[[context]]\n{context}\n[[findings]]\nGo."
        )
        for number, another in enumerate(
            [
                ("--seed", "1"),
                ("--temperature", "0.5"),
                ("--max-tokens", "9"),
                ("--stop", "x"),
                ("--prompt", str(prompt)),
            ],
            2,
        ):
            assert (await finished(command(server.url, out, *limited, *another)))[0] == 0
            assert server.requests == 5 * number

        before = server.requests
        Image.new("L", (64, 64), 255).save(data.parent / "films" / "0.png")
        await finished(command(server.url, out, *limited))
        assert server.requests == before + 1


async def test_ctrl_c_once_keeps_what_is_under_way_and_ends_cleanly(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    async with MockServer(own_words=True, delay=0.1) as server:
        words = command(server.url, tmp_path / "out", "--concurrency", "3")
        process = await asyncio.create_subprocess_exec(*words, stdout=-1, stderr=-1)
        await until(lambda: server.requests >= 9)
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 30)

        found = list(statuses(tmp_path / "out").values())
        assert process.returncode == 3
        assert found.count("ok") == server.requests
        assert found.count("pending") == N - server.requests
        assert "interrupted" in err.decode()

        server.requests = 0
        code, _, _ = await finished(words)
        assert (code, server.requests) == (0, found.count("pending"))


async def test_a_question_that_no_server_accepts_is_no_score(command: Callable[..., list[str]], tmp_path: Path) -> None:
    async with MockServer(faults={"case": "400"}) as server:
        code, _, err = await finished(command(server.url, tmp_path / "out"))

        assert code == 3
        assert "requests in a row failed permanently" in err
        assert set(statuses(tmp_path / "out").values()) == {"failed", "pending"}
        assert server.requests < N

        server.faults = {}
        code, _, _ = await finished(command(server.url, tmp_path / "out"))
        assert code == 0


async def test_a_run_goes_on_past_studies_whose_requests_fail_each_time(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    bad = [f"{number:02}" for number in range(0, 45, 3)]
    async with MockServer(faults={f"case {number}": "400" for number in bad}) as server:
        words = [*command(server.url, tmp_path / "out"), "--concurrency", "1"]
        assert (await finished([*words, "--max-requests", "46"]))[0] == 3
        code, _, err = await finished(words)

    assert code == 3, err
    assert "in a row" not in err
    seen = statuses(tmp_path / "out")
    assert {name for name, status in seen.items() if status == "failed"} == {f"s{number}" for number in bad}
    assert set(seen.values()) == {"ok", "failed"}


async def test_a_text_that_the_user_declared_a_refusal_completes_the_run_and_is_footnoted(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    async with MockServer(faults={"case 05": "400"}) as server:
        words = command(server.url, tmp_path / "out")
        assert (await finished(words))[0] == 3
        code, out, err = await finished([*words, "--refusal-pattern", "rehearsed fault"])

    assert code == 0, err
    assert statuses(tmp_path / "out")["s05"] == "refused"
    assert json.loads(files(tmp_path / "out", "run.json")["run.json"])["refusals"] == ["rehearsed fault"]
    assert "rejections that say 'rehearsed fault' counted as refusals" in " ".join(out.split())


async def test_a_model_that_truly_refuses_everything_completes(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    async with MockServer(faults={"case": "policy"}) as server:
        code, _, err = await finished(command(server.url, tmp_path / "out"))

    assert code == 0, err
    assert set(statuses(tmp_path / "out").values()) == {"refused"}


async def test_on_the_wire_is_exactly_what_the_run_says(
    command: Callable[..., list[str]], data: Path, tmp_path: Path
) -> None:
    import base64

    async with MockServer(keep=True) as server:
        more = ("--seed", "11", "--stop", "END", "--max-tokens", "77", "--temperature", "0.25", "--top-p", "0.9")
        await finished(command(server.url, tmp_path / "out", "--limit", "3", *more))

        for body in server.bodies:
            wanted = {
                "seed": 11,
                "stop": ["END"],
                "max_tokens": 77,
                "temperature": 0.25,
                "top_p": 0.9,
                "model": "rehearsal",
            }
            assert {name: body[name] for name in wanted} == wanted
            assert set(body) <= {*wanted, "messages"}
            before, picture, after = body["messages"][-1]["content"]
            assert before["text"].startswith("Frontal view: ")
            number = int(after["text"].partition("case ")[2][:2])
            sent = base64.b64decode(picture["image_url"]["url"].partition(",")[2])
            assert sent == (data.parent / "films" / f"{number}.png").read_bytes()
