"""Runs whose model is a program: whole commands, killed ones, and data that may not leave."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from tests.model_registry.test_command_programs import ECHO, HEAD
from tests.processes import gone


def run_of(script: Path, results: Path, *more: str) -> list[str]:
    model = f"command:{sys.executable} {script} {{requests}} {{replies}}"
    return [sys.executable, "-m", "mmrad_eval", "--model", model, "--out", str(results), *more]


def finished(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_run_that_is_killed_leaves_neither_program_nor_pictures(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    told = "Path(sys.argv[0]).with_name('pid').write_text(f'{os.getpid()} {folder}')"
    script.write_text(f"{HEAD}{told}\ntime.sleep(600)")
    run = subprocess.Popen(run_of(script, tmp_path / "results", "--task", "direct", "--limit", "2"))
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pid, folder = (tmp_path / "pid").read_text().split()
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert gone([int(pid)])
    while Path(folder).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_program_answers_all_tasks_and_what_it_failed_at_is_asked_again(tmp_path: Path) -> None:
    script, starts, cured = tmp_path / "draws.py", tmp_path / "starts", tmp_path / "cured"
    script.write_text(
        HEAD
        + textwrap.dedent(f"""
        open({str(starts)!r}, "a").write("x")
        for number, asked in enumerate(lines):
            if "pneumothorax" in words(asked) and not os.path.exists({str(cured)!r}):
                print(json.dumps({{"id": asked["id"], "failed": "the fork broke"}}), file=out)
                continue
            say(asked, "FINDINGS: The lungs are clear. IMPRESSION: Normal.", usage={{"completion": 9}})
        """)
    )
    command = run_of(script, tmp_path / "results", "--task", "tcot,mcot", "--limit", "6", "--metrics", "bleu")
    first = finished(command)
    assert first.returncode == 3, first.stderr
    assert "the fork broke" in first.stderr
    assert starts.read_text() == "x"
    cured.touch()
    second = finished(command)
    assert second.returncode == 0, second.stderr
    logs = list((tmp_path / "results/runs").rglob("run.json"))
    assert len(logs) == 2
    for log in logs:
        run = json.loads(log.read_bytes())
        assert run["identity"]["model"]["id"].startswith(f"{sys.executable} {script}")
        assert run["counts"]["statuses"] == {"ok": 6}


def test_credentialed_data_goes_to_a_program_and_the_run_says_what_that_means(tmp_path: Path) -> None:
    script = tmp_path / "model.py"
    script.write_text(HEAD + textwrap.dedent(ECHO))
    command = run_of(script, tmp_path / "results", "--task", "direct", "--limit", "2", "--metrics", "bleu")
    done = finished([*command, "--data-use", "credentialed"])
    assert done.returncode == 0, done.stderr
    assert "outside the connection guard" in done.stderr
    assert "outside the connection guard" not in finished(command).stderr
