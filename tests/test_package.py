"""The package as a whole: its public page, its wheel, its size."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

import mmrad_eval

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mmrad_eval"


def test_the_public_page_is_sorted_and_every_name_on_it_is_there() -> None:
    assert mmrad_eval.__all__ == sorted(mmrad_eval.__all__)
    for name in mmrad_eval.__all__:
        assert getattr(mmrad_eval, name) is not None
    typed = {
        a.asname
        for n in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text()))
        if isinstance(n, ast.ImportFrom)
        for a in n.names
    }
    assert typed - {None} == set(mmrad_eval.__all__)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, mmrad_eval; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"numpy", "pandas", "pyarrow", "matplotlib", "aiohttp", "PIL", "rich", "torch"} & set(loaded)


@pytest.mark.parametrize(
    "words", [["--help"], ["tasks"], ["models"], ["metrics"], ["datasets"], ["leaderboard", "--help"]]
)
def test_help_and_listings_load_nothing_heavy(words: list[str]) -> None:
    code = f"import sys; sys.argv = ['mmrad-eval', *{words}]\nfrom mmrad_eval.cli.main import main\n"
    code += "try: main()\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()

    assert not {"pandas", "pyarrow", "matplotlib", "aiohttp", "PIL", "rich", "torch", "hypothesis"} & set(loaded)


def test_a_run_loads_no_pandas(tmp_path: Path) -> None:
    words = [
        "--model",
        "baseline:evidence",
        "--task",
        "mcot",
        "--limit",
        "2",
        "--metrics",
        "bleu",
        "--out",
        str(tmp_path),
    ]
    code = f"import sys; sys.argv = ['mmrad-eval', *{words}]\nfrom mmrad_eval.cli.main import main\n"
    code += "try: main()\nexcept SystemExit as end: print(end.code, *sys.modules, file=sys.stderr)"
    ended, *loaded = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        .stderr.splitlines()[-1]
        .split()
    )

    assert ended == "0"
    assert "pyarrow" in loaded
    assert "pandas" not in loaded


def test_no_file_holds_two_things() -> None:
    long = {str(p.relative_to(ROOT)): n for p in PACKAGE.rglob("*.py") if (n := len(p.read_text().splitlines())) > 420}

    assert not long


def test_the_wheel_holds_the_package_and_runs_the_demo_elsewhere(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    source = {str(p.relative_to(ROOT)) for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert source <= names
    assert {name.split("/")[0] for name in names} == {
        "mmrad_eval",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }

    place = tmp_path / "place"
    zipfile.ZipFile(wheel).extractall(place)  # what an installer does with a wheel of Python files alone
    run = [sys.executable, "-m", "mmrad_eval", "--model", "baseline:evidence", "--task", "mcot"]
    env = {
        "PYTHONPATH": str(place),
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "c"),
    }
    done = subprocess.run(run, cwd=tmp_path, env=env, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "baseline:evidence" in done.stdout
    assert "BLEU" in done.stdout


def test_no_two_files_of_tests_have_one_name() -> None:
    """Pytest would refuse the second one."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
