"""`data build` as a user meets it: the demo, ranges, a TOML, prices, refusals, and the dataset that comes out."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmrad_eval.cli.data import data
from mmrad_eval.core.errors import MmradError

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
PROGRAMS = ("--writer", "program:writer", "--auditor", "program:auditor")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all commands of this file run; the demo is built in it once."""
    made = tmp_path_factory.mktemp("built")
    ended = run(made, "data", "build", "demo", *PROGRAMS, "--plant", "0.2", "--out", "demo-build")
    assert ended.returncode == 0, ended.stderr
    return made


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    return subprocess.run([COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def here(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`data build` in this process, which takes a tenth of the time; errors are told as the command tells them."""
    with chdir(folder):
        ended = CliRunner().invoke(data, ["build", *words], standalone_mode=False)
    error = ended.exception
    if error is not None and not isinstance(error, MmradError):
        raise error
    code = ended.return_value if error is None else error.exit_code
    said = "" if error is None else f"mmrad-eval: {error}"
    return subprocess.CompletedProcess(list(words), code or 0, ended.stdout, f"{ended.stderr}{said}")


def bytes_of(folder: Path) -> dict[str, str]:
    """Digest of each file that must be the same for the same build."""
    names = [*folder.glob("stages/*.jsonl"), *folder.glob("images/*"), folder / "traces.jsonl", folder / "mmrad.jsonl"]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in names}


def test_the_demo_is_a_dataset_at_once_with_its_leak_under_every_table(folder: Path) -> None:
    record = json.loads((folder / "demo-build/build.json").read_text())
    assert record["name"] == "demo-traces"
    assert record["records"] > 10
    checked = run(folder, "data", "check", "demo-build")
    assert checked.returncode == 0, checked.stdout
    assert "no errors" in checked.stdout
    words = ("--data", "demo-build", "--model", "baseline:evidence", "--split", "all", "--metrics", "rouge@raw")
    for task in ("mcot", "direct"):
        ended = run(folder, *words, "--task", task, "--out", "results")
        assert ended.returncode == 0, ended.stderr
        assert "Leak of demo-traces" in ended.stdout
    card = (folder / "demo-build/card.md").read_text()
    assert "knows no medicine" in card
    assert "| negation |" in card


def test_the_authors_records_say_split_patient_and_boxes_that_their_pictures_show(folder: Path) -> None:
    records = [json.loads(line) for line in (folder / "demo-build/mmrad.jsonl").read_text().splitlines()]
    for one in records:
        assert (one["prompt"] + one["response"]).count("<image>") == len(one["images"])
        assert all((folder / "demo-build" / image).is_file() for image in one["images"])
        assert one["split"] in {"train", "validate", "test"}
    by_patient: dict[str, set[str]] = {}
    for one in records:
        by_patient.setdefault(one["patient"], set()).add(one["split"])
    assert all(len(splits) == 1 for splits in by_patient.values())
    ended = run(folder, "data", "describe", "demo-build/mmrad.jsonl")
    assert f"traces        {len(records)}" in ended.stdout


def test_the_same_command_again_sends_nothing_and_changes_no_byte(folder: Path) -> None:
    before = bytes_of(folder / "demo-build")
    ended = here(folder, "demo", *PROGRAMS, "--plant", "0.2", "--out", "demo-build")
    assert ended.returncode == 0
    assert bytes_of(folder / "demo-build") == before
    models = json.loads((folder / "demo-build/build.json").read_text())["models"]
    assert {model["sent"] for model in models.values()} == {0}


def test_stages_can_run_one_by_one_to_the_same_bytes(folder: Path) -> None:
    words = ("demo", *PROGRAMS, "--plant", "0.2", "--out", "by-stage", "--stages")
    early = here(folder, *words, "audit")
    assert early.returncode == 2
    assert "needs reflect" in early.stderr
    for stages in ("collect", "2", "reflect..audit", "check-rate", "7-9"):
        ended = here(folder, *words, stages)
        assert ended.returncode == 0, ended.stderr
    assert bytes_of(folder / "by-stage") == bytes_of(folder / "demo-build")
    whole, parts = (json.loads((folder / name / "build.json").read_text()) for name in ("demo-build", "by-stage"))
    assert {name for name in whole if whole[name] != parts[name]} <= {"models"}  # what each command sent
    assert parts["planted"]
    assert "there is no stage 'polish'" in here(folder, *words, "polish").stderr


def test_a_toml_says_the_same_as_the_command_line(folder: Path) -> None:
    (folder / "build.toml").write_text(
        'source = "demo"\nwriter = "program:writer"\nauditor = "program:auditor"\nplant = 0.2\nout = "from-toml"\n'
    )
    ended = here(folder, "--config", "build.toml")
    assert ended.returncode == 0, ended.stderr
    assert bytes_of(folder / "from-toml") == bytes_of(folder / "demo-build")
    (folder / "wrong.toml").write_text('source = "demo"\nauditer = "program:auditor"\n')
    ended = here(folder, "--config", "wrong.toml")
    assert (ended.returncode, "did you mean 'auditor'" in ended.stderr) == (2, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('source = ["demo"]', "source is a list; write one text or number"),
        ("out = { a = 1 }", "out is a table; write one text or number"),
        ("writer = true", "writer is true; write one text or number"),
        ('auditor = ["program:auditor"]', "auditor is a list"),
        ('limit = "three"', "limit is 'three'; write a whole number of at least 1"),
        ("max-tokens = 0", "max-tokens is 0; write a whole number of at least 1"),
        ("plant = 2", "plant is 2; write a number from 0 to 1"),
        ('partial = "yes"', "partial is 'yes'; write true or false"),
        ('render = "film"', "'film' is not one of 'crop'"),
        ("hold_out = [1, [2]]", "hold_out is a list"),
        ("hold_out = { a = 1 }", "hold_out is a table"),
        ("source = 2020-01-01", "source is a date or time"),
        ('help = "x"', "there is no option 'help'"),
    ],
)
def test_a_toml_with_a_value_of_another_kind_is_told_in_one_line(folder: Path, line: str, said: str) -> None:
    (folder / "kinds.toml").write_text(f"{line}\n")
    ended = here(folder, "--config", "kinds.toml")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1), ended.stderr
    assert f"kinds.toml: {said}" in ended.stderr.replace(f": {line.partition(' ')[0]}: ", ": ")


def test_a_toml_takes_one_text_for_a_list_and_a_table_for_names_with_values(folder: Path) -> None:
    (folder / "boxed.csv").write_text("scan,region,x1,y1,x2,y2,frame,text\na,heart,9,9,99,99,pad_square_336,Large.\n")
    (folder / "short.toml").write_text(
        'source = "boxes:boxed.csv"\nout = "short"\nwriter = "none"\nreport = "none"\ncolumn = { id = "scan" }\n'
        'writer-url = "http://127.0.0.1:9/v1"\nlost = 1\n'
    )
    ended = here(folder, "--config", "short.toml", "--data-use", "open", "--dry-run")
    assert (ended.returncode, "1 images" in ended.stdout) == (0, True), ended.stderr


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('writer = "openai:m"\nwriter-key-env = "AWS_SECRET_ACCESS_KEY"', "AWS_SECRET_ACCESS_KEY"),
        ('writer = "vllm:m"\nwriter-url = ["http://192.0.2.7:9/v1"]', "VLLM_API_KEY"),
        ('writer = "program:writer"\nauditor = "openai:m"\nauditor_key_env = "GITHUB_TOKEN"', "GITHUB_TOKEN"),
        (
            'writer = "openai:m"\nwriter_url = ["http://192.0.2.7:9/v1"]\nwriter_key_env = "OPENAI_API_KEY"',
            "OPENAI_API_KEY",
        ),
        ('writer = "models.py:Own"\nwriter_key_env = "GITHUB_TOKEN"', "GITHUB_TOKEN"),
        ('writer = "openai:m"\nallow_key = ["HOME"]', ""),
    ],
)
def test_a_toml_sends_no_key_that_the_command_line_does_not_allow(
    folder: Path, monkeypatch: pytest.MonkeyPatch, lines: str, named: str
) -> None:
    monkeypatch.setenv(named or "UNUSED", "planted")
    (folder / "keys.toml").write_text(f'source = "demo"\nout = "keys"\n{lines}\n')
    ended = here(folder, "--config", "keys.toml", "--dry-run")
    assert ended.returncode == 2, ended.stderr
    assert f"--allow-key {named or 'NAME'}" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    if named and "models.py" not in lines:
        assert (
            f"--allow-key {named}"
            not in here(folder, "--config", "keys.toml", "--dry-run", "--allow-key", named).stderr
        )


def test_a_dry_run_prices_and_sends_nothing(folder: Path) -> None:
    (folder / "card.toml").write_text('provider = "openai"\nid = "writer"\nprice = [1.0, 4.0]\n')
    (folder / "other.toml").write_text('provider = "openai"\nid = "auditor"\nprice = [1.0, 4.0]\n')
    words = ("demo", "--writer", "card.toml", "--auditor", "other.toml", "--out", "dry")
    ended = here(folder, *words, "--plant", "0.1", "--dry-run")
    assert ended.returncode == 0, ended.stderr
    assert "72 requests; 4 more if a tenth" in ended.stdout
    assert "US dollars" in ended.stdout
    assert "about planted errors" in ended.stdout
    assert not (folder / "dry").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--writer", "program:writer"), 2, "needs an auditor"),
        (("--writer", "program:poet", "--auditor", "program:auditor"), 2, "no program is called 'program:poet'"),
        (("--writer", "program:writer", "--auditor", "program:writer"), 2, "one and the same model"),
        (("--writer", "baseline:normal", "--auditor", "program:auditor"), 2, "answers studies, not questions"),
        ((*PROGRAMS, "--plant", "nan"), 2, "write a share of statements, from 0 to 1"),
        ((*PROGRAMS, "--lost", "few"), 2, "write a whole number, or any"),
        ((*PROGRAMS, "--prompts", "nowhere"), 2, "is not a folder"),
        ((*PROGRAMS, "--hold-out", "nobody.txt"), 1, "names no patient"),
        ((*PROGRAMS, "--link", "reports.csv"), 1, "both must use the same ids"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(words: tuple[str, ...], code: int, said: str, folder: Path) -> None:
    (folder / "nobody.txt").write_text("\n")
    (folder / "reports.csv").write_text("id,report\nx1,The heart is large.\n")
    ended = here(folder, "demo", *words, "--out", "refused")
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert len([line for line in ended.stderr.splitlines() if line.startswith("mmrad-eval:")]) == 1
    assert "Traceback" not in ended.stderr


def test_the_folder_of_another_build_is_left_alone(folder: Path) -> None:
    before = (folder / "demo-build/build.json").read_bytes(), bytes_of(folder / "demo-build")
    ended = here(folder, "demo", *PROGRAMS, "--plant", "0.2", "--name", "mine", "--out", "demo-build")
    assert ended.returncode == 2, ended.stderr
    assert "demo-build contains the build of demo-traces, and this build is of mine; name another" in ended.stderr
    assert ((folder / "demo-build/build.json").read_bytes(), bytes_of(folder / "demo-build")) == before


@pytest.mark.parametrize("out", ["scans", "scans/annotations", "linked/../scans", "linked", "linked/below", "SCANS"])
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_nothing_is_built_where_the_data_is_read(folder: Path, out: str, dry: tuple[str, ...]) -> None:
    scans = folder / "scans"
    (scans / "annotations").mkdir(parents=True, exist_ok=True)
    (scans / "annotations/annotations_train.csv").write_text(
        "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\nv1,R1,Cardiomegaly,400,500,900,990\n"
    )
    for name in ("linked", "SCANS"):  # as on a file system that ignores case
        if not (folder / name).exists():
            (folder / name).symlink_to(scans, target_is_directory=True)
    before = sorted(folder.rglob("*"))
    ended = here(folder, "vindr:scans", "--report", "none", "--writer", "none", "--out", out, *dry)
    assert ended.returncode == 2, ended.stderr
    assert f"--out {out} is scans, which this build reads, or lies in it" in ended.stderr
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("source", "link", "out"), [("demo", "demo-build", "demo-build/more"), ("boxes:one.csv", "demo", "one.csv")]
)
def test_nothing_is_built_into_linked_data_or_a_file(folder: Path, source: str, link: str, out: str) -> None:
    study = json.loads((folder / "demo-build/mmrad.jsonl").read_text().splitlines()[0])["id"]
    (folder / "one.csv").write_text(f"id,region,x1,y1,x2,y2,frame,text\n{study},heart,9,9,99,99,pad_square_336,Big.\n")
    ended = here(folder, source, "--link", link, "--data-use", "open", *PROGRAMS, "--out", out)
    assert (ended.returncode, "which this build reads" in ended.stderr) == (2, True), ended.stderr


def test_a_folder_of_other_things_is_no_folder_for_a_build(folder: Path) -> None:
    (folder / "notes").mkdir()
    (folder / "notes/todo.txt").write_text("Read me.\n")
    ended = here(folder, "demo", *PROGRAMS, "--out", "notes")
    assert (ended.returncode, [path.name for path in (folder / "notes").iterdir()]) == (2, ["todo.txt"])
    assert "--out notes contains todo.txt, but no build; name a new folder" in ended.stderr
    again = here(folder, "demo-build", *PROGRAMS, "--out", "demo-build", "--name", "demo-traces")
    assert (again.returncode, "which this build reads" in again.stderr) == (2, True)


def test_credentialed_data_goes_to_no_remote_model(folder: Path) -> None:
    words = ("demo", "--data-use", "credentialed", "--auditor", "program:auditor", "--out", "far")
    ended = here(folder, *words, "--writer", "vllm:a", "--writer-url", "https://models.example.org/v1")
    assert ended.returncode == 4
    assert "may not leave this machine" in ended.stderr
    assert not (folder / "far").exists()


def test_where_nothing_is_kept_the_card_says_why_and_the_command_fails(folder: Path) -> None:
    head, row = (
        "id,region,x1,y1,x2,y2,frame,text,findings",
        "a,heart,10,10,99,99,pad_square_336,Large heart.,No nodule.",
    )
    (folder / "wrong.csv").write_text(f"{head}\n{row}\n")
    words = ("boxes:wrong.csv", "--data-use", "open", "--render", "none", *PROGRAMS, "--out", "nothing")
    ended = here(folder, *words)
    assert (ended.returncode, "no record was kept" in ended.stderr) == (1, True)
    assert "rejected: invented" in (folder / "nothing/card.md").read_text()


def test_own_prompts_take_the_place_of_ours_and_are_checked(folder: Path) -> None:
    prompts = folder / "prompts"
    prompts.mkdir(exist_ok=True)
    (prompts / "audit.txt").write_text("[[user]]\nJudge.\n\nReport:\n{report}\n\nStatements:\n{statements}\n")
    words = ("demo", *PROGRAMS, "--limit", "3", "--prompts", "prompts")
    assert here(folder, *words, "--out", "own").returncode == 0
    mine = json.loads((folder / "own/build.json").read_text())["prompts"]
    ours = json.loads((folder / "demo-build/build.json").read_text())["prompts"]
    assert mine["audit"] != ours["audit"]
    assert mine["reflect"] == ours["reflect"]
    (prompts / "audit.txt").write_text("[[user]]\nJudge {statements}.\n")
    assert "[[user]] must show {report}" in here(folder, *words, "--out", "own").stderr
