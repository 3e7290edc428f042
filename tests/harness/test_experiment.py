"""Experiment files: what they become, and how they are refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.harness.experiment import Command, Experiment, check_prompts, commands, read

OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in ("model", "data", "task", "out", "samples", "prompt", "metrics", "limit", "base_url", "api_key_env")
} | {"fresh": "--fresh", "serve": "--serve"}
FLAGS = {"fresh", "serve"}

WHOLE = """
models = ["baseline:evidence", "vllm:a/b"]
tasks = ["tcot", "mcot"]
data = ["demo", "mmrad:x.jsonl"]
prompts = ["built-in", "short.txt"]
samples = 2
metrics = ["bleu", "rouge"]
out = "elsewhere"

[shared]
limit = 10

[[model]]
model = "vllm:c"
base_url = ["http://h:2", "http://h:1"]
limit = 5
serve = false

[primary]
column = "BLEU-4 @ r2gen-iu"
between = ["tcot", "mcot"]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "experiment.toml"
    path.write_text(text)
    return path


def made(tmp_path: Path, text: str) -> list[Command]:
    return commands(read(written(tmp_path, text)), OPTIONS, FLAGS)


def test_it_is_the_whole_grid_of_models_data_and_prompts(tmp_path: Path) -> None:
    found = made(tmp_path, WHOLE)

    assert len(found) == 3 * 2 * 2
    assert len({command.arguments for command in found}) == 12
    assert found[0].arguments == (
        "--limit=10", "--data=demo", "--model=baseline:evidence", "--task=tcot,mcot", "--out=elsewhere", "--samples=2",
        "--metrics=bleu,rouge",
    )  # fmt: skip
    assert found[1].arguments[-1] == "--prompt=short.txt"


def test_a_model_s_own_settings_win_over_shared_ones(tmp_path: Path) -> None:
    own = next(command for command in made(tmp_path, WHOLE) if "--model=vllm:c" in command.arguments)

    assert "--limit=5" in own.arguments
    assert "--limit=10" not in own.arguments
    assert [word for word in own.arguments if "base-url" in word] == ["--base-url=http://h:2", "--base-url=http://h:1"]


def test_models_of_one_server_share_it_and_others_do_not(tmp_path: Path) -> None:
    servers = {command.server for command in made(tmp_path, WHOLE)}
    assert servers == {"this machine", "vllm", "http://h:1,http://h:2"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('models = ["m"]\ntask = ["t"]', "did you mean 'tasks'"),
        ('tasks = ["t"]', "no model"),
        ('models = ["m"]\ntasks = []', "no task"),
        ('models = ["m"]\ntasks = ["t"]\n[primary]\ncolumn = "x"\nbetwen = ["a", "b"]', "did you mean 'between'"),
        ('models = ["m"]\ntasks = ["t"]\n[primary]\ncolumn = "x"\nbetween = ["a"]', "length 2"),
        ("models = [", "not TOML"),
        ('models = "m"\ntasks = ["t"]', "array"),
    ],
)
def test_a_file_that_is_wrong_names_the_field(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limitt = 3", "did you mean 'limit'"),
        ('api_key = "planted-key"', "no key is read"),
        ('openai_api_key = "planted-key"', "no key is read"),
        ("fresh = 3", "write true or false"),
        ("limit = [[1]]", "write text or a number"),
    ],
)
def test_a_setting_that_is_none_is_refused_and_never_repeated(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refusal:
        made(tmp_path, f'models = ["m"]\ntasks = ["t"]\n[shared]\n{text}')
    assert "planted" not in str(refusal.value)


def test_a_model_table_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\[\[model\]\] table needs model"):
        made(tmp_path, 'tasks = ["t"]\n[[model]]\nbase_url = "http://h"')


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read"):
        read(tmp_path / "gone.toml")


def test_a_prompt_that_is_no_file_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("[[user]]\n{images}{instruction}\n[[findings]]\nWrite.")
    prompts = ("built-in", str(tmp_path / "short.txt"))
    made = Experiment(tasks=("direct",), models=("baseline:normal",), prompts=prompts)
    check_prompts(made, tmp_path / "e.toml")
    with pytest.raises(DataError, match=r"'default' is not a file; .* 'built-in' for the task's own prompt"):
        check_prompts(msgspec.structs.replace(made, prompts=("default",)), tmp_path / "e.toml")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Write two sentences.", r"words\.txt: no \[\[user\]\] block"),
        ("[[user]]\n{images}\n[[imaje]]\n{picture}", r"words\.txt, task mcot: .*did you mean \[\[image\]\]"),
        ("[[user]]\n{ Images } Write.", r"words\.txt, task mcot: .*the slot is \{images\}"),
        ("[[user]]\n{images} Write both parts.", r"words\.txt, task mcot: no \[\[findings\]\] block"),
        ("[[user]]\nA\n[[user]]\nB", r"words\.txt: block \[\[user\]\] appears twice"),
    ],
)
def test_a_prompt_file_that_fits_no_task_is_refused_before_anything_is_asked(
    tmp_path: Path, text: str, why: str
) -> None:
    (tmp_path / "words.txt").write_text(text)
    prompts = ("built-in", str(tmp_path / "words.txt"))
    made = Experiment(tasks=("mcot", "direct"), models=("baseline:normal",), prompts=prompts)
    with pytest.raises(DataError, match=why):
        check_prompts(made, tmp_path / "e.toml")


def test_an_option_of_run_at_the_top_is_told_its_place(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text('models = ["baseline:normal"]\ntasks = ["direct"]\nmax_tokens = 9\n')
    with pytest.raises(DataError, match=r"`max_tokens`.* stand under \[shared\]"):
        read(tmp_path / "e.toml")
