"""A command is written down without anything that looks like a key."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import mmrad_eval
from mmrad_eval.core.errors import UsageError
from mmrad_eval.model_registry.command_line import looks_like_key, scrub_command, scrub_word

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
PLANTED = "planted0123456789abcdefPLANTED"


@pytest.mark.parametrize(
    "words",
    [
        ["--api-key-env", f"sk-{PLANTED}"],
        [f"--api-key-env=sk-ant-api03-{PLANTED}"],
        ["--api-key-env", PLANTED * 2],
        ["--judge-key-env", f"hf_{PLANTED}"],
        ["--allow-key", f"AIzaSy{PLANTED}"],
        ["--serve-args", f"--api-key sk-{PLANTED} --dtype half"],
        ["--serve-args", f"--api-key={PLANTED}"],
        ["--serve-args", f"--api-key {PLANTED}"],
        ["--serve-args", f"--dtype half --api-key={PLANTED}"],
        ["--serve-args", f"--dtype=half --hf-token {PLANTED}"],
        [f"--serve-args=--dtype half --api-key {PLANTED}"],
        [f"--serve-args=--api-key '{PLANTED}' --max-model-len 4096"],
        ["--serve-args", f'--config \'{{"hf_token": "{PLANTED}"}}\''],
        ["--serve-args", f"--header 'Authorization: Bearer {PLANTED}'"],
        ["--api-key", PLANTED],
        ["--hf-token", PLANTED],
        ["--base-url", f"https://user:{PLANTED}@host.example/v1"],
        ["--base-url", f"https://{PLANTED}@host.example/v1"],
        ["--base-url", f"https://host.example/v1?api-version=1&api_key={PLANTED}"],
        ["--data", f"table:https://host.example/x.csv?X-Amz-Signature={PLANTED}"],
        ["--set", f"token={PLANTED}"],
        ["--model", f"openai:gpt/ghp_{PLANTED}"],
        ["--data", f"AKIAIOSFODNN7{PLANTED.upper()}"],
        ["--data", f"eyJhbGciOiJIUzI1NiJ9.{PLANTED}.{PLANTED}"],
        ["--attest-who", f"me ({os.environ.get('PLANTED_TOKEN', 'x')}) HF_TOKEN={PLANTED}"],
    ],
)
def test_what_looks_like_a_key_is_replaced_and_the_rest_stays(words: list[str]) -> None:
    before, after = ["mmrad-eval", "run", "--task", "tcot"], ["--limit", "5"]
    written = scrub_command(shlex.join([*before, *words, *after]))

    assert PLANTED not in written
    assert PLANTED.upper() not in written
    assert "[key]" in written
    scrubbed = shlex.split(written)
    assert scrubbed[:4] == before
    assert scrubbed[-2:] == after
    assert len(scrubbed) == len(before) + len(words) + len(after)


def test_the_value_of_a_secret_variable_is_no_part_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARD_API_KEY", "plainwordsofakey")

    assert scrub_command("mmrad-eval --name plainwordsofakey-run") == "mmrad-eval --name '[key]-run'"


@pytest.mark.parametrize(
    "command",
    [
        "mmrad-eval --model vllm:Qwen/Qwen2.5-VL-7B-Instruct --task tcot,mcot --max-tokens 800 --seed 3",
        "mmrad-eval --model mine.toml --api-key-env MY_KEY --api-key-file /home/me/keys/openai --allow-key WARD_KEY",
        "mmrad-eval --model openai:m --base-url http://127.0.0.1:8000/v1 --base-url https://a.example:8443/v1",
        "mmrad-eval --model openai:m --serve-args '--max-num-seqs 8 --tokenizer-mode mistral --max-tokens 5'",
        "mmrad-eval --data table:reports.csv --column patient_key=subject --column findings=report_text",
        "mmrad-eval --model hf-internal/tiny@0123456789abcdef0123456789abcdef01234567 --set looks=2 --stop 'a b'",
        "mmrad-eval --data table:/data/key_nor_pixels_ar0/or_2024_05/hf_models_v2/sk_lung/x.csv --out token-1",
        "mmrad-eval score --references demo --predictions 'my \"file\".csv' --metrics radgraph@rexrank",
    ],
)
def test_a_command_without_a_key_stays_as_it_was_typed(command: str) -> None:
    assert scrub_command(command) == command


@pytest.mark.parametrize(
    "words",
    [
        ["--api-key-env", f"sk-{PLANTED}", "--base-url", "http://127.0.0.1:9/v1"],
        ["--serve", "--serve-args", f"--api-key sk-{PLANTED}"],
        ["--base-url", f"http://127.0.0.1:9/v1?key={PLANTED}"],
        ["--base-url", f"http://me:{PLANTED}@127.0.0.1:9/v1"],
        ["--base-url", "http://127.0.0.1:9/v1", "--attest-who", f"Bearer {PLANTED}", "--patience", "1"],
    ],
)
@pytest.mark.parametrize("model", ["openai:m", "vllm:m"])
def test_no_file_and_no_line_of_a_run_holds_a_key_that_was_typed(tmp_path: Path, words: list[str], model: str) -> None:
    ended = subprocess.run(
        [COMMAND, "--model", model, "--task", "direct", "--limit", "2", "--out", str(tmp_path / "out"), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"MMRAD_VLLM": "false"},
    )
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert PLANTED not in ended.stdout + ended.stderr
    assert not [path for path, content in files.items() if PLANTED.encode() in content]


def test_a_run_that_never_needs_the_key_keeps_no_word_of_it(tmp_path: Path) -> None:
    words = ["--model", "baseline:normal", "--task", "direct", "--limit", "2", "--metrics", "bleu@raw"]
    ended = subprocess.run(
        [COMMAND, *words, "--api-key-env", f"sk-{PLANTED}", "--out", str(tmp_path)],
        capture_output=True,
        check=False,
        timeout=120,
    )
    [path] = tmp_path.rglob("run.json")

    assert ended.returncode == 0
    assert "--api-key-env '[key]'" in json.loads(path.read_text())["command"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]


KEY = f"sk-proj-{PLANTED}"


TYPED = [
    ["--set", f"token={KEY}"],
    ["--set", f"looks={KEY}"],
    ["--set", "password=plain-words-of-mine"],
    ["--metric-option", f"engine={KEY}"],
    ["--refusal-pattern", KEY],
    ["--stop", f"Bearer {KEY}"],
    ["--attest-provider", "p", "--attest-retention", "zero", "--attest-who", KEY],
    ["--judge", f"openai:{KEY}"],
    ["--task", f"mcot,{KEY}"],
    ["--data", KEY],
    ["--metrics", f"bleu@{KEY}"],
    ["--views", KEY],
    ["--limit", KEY],
    [f"--{KEY}"],
    [KEY],
    ["--prompt", f"{KEY}.txt"],
    ["--ids", f"/nowhere/{KEY}"],
    ["--model", "openai:m", "--base-url", f"me:{KEY}@127.0.0.1:9"],
    ["--budget", KEY],
    ["--max-time", KEY],
    ["--column", KEY],
    ["--column", f"id={KEY}"],
    ["--patient-column", KEY],
    ["--local-network", KEY],
    ["--split", f"token={KEY}"],
]
EACH = """
import json, sys
from mmrad_eval.cli import main
for words in json.load(sys.stdin):
    sys.argv[1:] = words
    try:
        main.main()
    except SystemExit as end:
        print("# ends with", end.code, flush=True)
"""


BUILD = ["data", "build", "demo", "--writer", "none", "--auditor", "none", "--report", "none", "--out", "built"]
OTHERS = [
    [*BUILD, "--name", KEY],
    [*BUILD, "--attest-provider", "p", "--attest-retention", "zero", "--attest-who", KEY],
    ["readers", "make", "demo", "--form", "likert", "--cases", "1", "--readers", "1", "--out", "made", "--title", KEY],
    ["score", "-p", "p.csv", "-r", "demo", "--name", KEY],
    ["score", "-p", "p.csv", "-r", "demo", "--judge", f"command:judge {{requests}} {{replies}} {KEY}"],
]


@pytest.mark.parametrize("words", OTHERS, ids=lambda words: " ".join(words[:2]))
def test_a_key_typed_into_other_commands_reaches_neither_terminal_nor_file(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,report\ndemo-01,Clear lungs.\n")
    ended = subprocess.run([COMMAND, *words], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.returncode != 0
    assert PLANTED not in ended.stdout + ended.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]


def test_a_key_typed_into_any_option_reaches_neither_terminal_nor_file(tmp_path: Path) -> None:
    first = ["--model", "baseline:normal", "--task", "direct", "--limit", "2"]
    typed = json.dumps([[*first, *words] for words in TYPED])
    command = [sys.executable, "-c", EACH]
    ended = subprocess.run(command, input=typed, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("# ends with 1\n") + ended.stdout.count("# ends with 2\n") == len(TYPED), ended.stdout
    assert PLANTED not in ended.stdout + ended.stderr
    assert "password=plain" not in ended.stderr
    assert ended.stderr.count("[key]") >= len(TYPED) - 1
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if PLANTED in str(path) or PLANTED.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("model", "said"),
    [(f"openai:{KEY}", r"--model openai:\[key\]: this looks like a key"), (KEY, r"--model \[key\]: this looks like")],
)
def test_a_key_in_the_place_of_a_model_is_refused_before_anything_is_asked(model: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        mmrad_eval.evaluate(model, "direct", base_url="http://127.0.0.1:9/v1")


def test_a_key_in_an_experiment_file_is_refused_as_well(tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(f'models = ["baseline:normal"]\ntasks = ["mcot-loop"]\n[shared]\nset = ["looks={KEY}"]\n')
    ended = subprocess.run([COMMAND, str(path)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert "--set looks=[key]: this looks like a key" in ended.stderr
    assert PLANTED not in ended.stderr


def test_names_and_paths_that_look_a_little_like_keys_are_taken(tmp_path: Path) -> None:
    data = tmp_path / "sk_lung_2024_reports_v2.csv"
    data.write_text("study_id,report\na,FINDINGS: Clear.\n")
    words = ["--data", f"table:{data}", "--name", "token-1", "--out", str(tmp_path / "hf_runs_2024_from_may")]
    run = [COMMAND, "score", "-r", f"table:{data}", "-p", str(data), "--metrics", "bleu@raw", *words[2:]]
    ended = subprocess.run(run, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("name", ["Zq7planted4Kx9Secret2Wv", "aB3dE5gH7jK9mN1p", "0f3e9c1b7a5d2e8f4c6b0a9d7e5f3c1b"])
def test_a_name_of_no_variable_that_is_written_as_keys_are_is_hidden(name: str) -> None:
    assert looks_like_key(name)
    assert name not in scrub_command(f"mmrad-eval --model openai:m --api-key-env {name}")


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OpenAiKey", "my_key_2", "MISTRAL_KEY_2026_FOR_THE_WARD", "openai_api_key_number_two"])  # fmt: skip # noqa: E501
def test_a_name_as_variables_have_them_is_kept(name: str) -> None:
    assert not looks_like_key(name)


@pytest.mark.parametrize("address", ["https:/me:{}@host/x.jsonl", "https://me:{}@host/x", "https://{}@host/x"])
def test_an_address_that_was_read_as_a_path_shows_no_password(address: str) -> None:
    assert PLANTED not in scrub_word(address.format(PLANTED))


@pytest.mark.parametrize("text", ["images:/a/b@2x.png", "C:/films/a@b.png", "see https://host/a@b"])
def test_a_path_with_an_at_sign_stays(text: str) -> None:
    assert scrub_word(text) == text


@pytest.mark.parametrize(
    "line",
    ['summary = "curl -H \'Authorization: Bearer sk-{}\' http://h/v1"', 'trained_on = ["sk-{}"]', 'revision = "sk-{}"']
)  # fmt: skip
def test_a_key_in_a_text_of_a_card_is_refused_before_a_run_keeps_it(tmp_path: Path, line: str) -> None:
    card = 'provider = "openai"\nid = "m"\nbase_url = "http://127.0.0.1:9/v1"\n' + line.format(PLANTED) + "\n"
    (tmp_path / "card.toml").write_text(card)
    words = ["--model", "./card.toml", "--task", "direct", "--data", "demo", "--limit", "1", "--out", "out"]
    ended = subprocess.run([COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    assert ended.returncode == 2, ended.stderr
    assert "looks like a key" in ended.stderr
    assert PLANTED not in ended.stdout + ended.stderr
    assert not (tmp_path / "out").exists()
