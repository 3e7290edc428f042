"""What constraints/ pins: all that the declared dependencies reach, on every platform and Python, and nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BUILD = PROJECT["build-system"]["requires"]
CORE = PROJECT["project"]["dependencies"] + BUILD

GPU_LIBRARIES = ("nvidia-", "cuda-")
"""How packages begin that torch itself pins, in the build that most registries offer: not in the one without a GPU."""

PLACES: list[dict[str, str]] = [
    {**system, "python_version": python, "python_full_version": f"{python}.0"}
    for python, system in product(
        ("3.11", "3.12", "3.13", "3.14"),
        (
            {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
            {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
            {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
        ),
    )
]
"""Where the project may be installed, in the words of dependency markers."""


def test_the_core_environment_pins_what_it_needs_and_nothing_else() -> None:
    needed = reached([*CORE, "editables", *PROJECT["dependency-groups"]["dev"]], installed(ROOT / ".venv"))

    assert pinned("core.txt").keys() == needed


def test_the_lock_holds_what_an_install_needs_and_nothing_else_in_the_tested_versions() -> None:
    core = pinned("core.txt")

    assert pinned("lock.txt") == {name: core[name] for name in reached(CORE, installed(ROOT / ".venv"))}


def test_the_environment_of_the_vendors_clients_pins_what_it_needs() -> None:
    there = installed(ROOT / ".envs/sdks")
    clients = ["anthropic", "google-genai", "openai", "openrouter", "together"]

    assert pinned("sdks.txt").keys() == reached(clients, there)


@pytest.mark.clinical
def test_the_clinical_environment_pins_what_it_needs() -> None:
    tools = ["editables", "hypothesis", "pytest", "pytest-asyncio", "pytest-xdist", "setuptools", "wheel"]
    tools += [
        "medspacy",
        "ratescore",
        "spacy>=3.8",
    ]  # beside the extra: they declare a spaCy that does not go with numpy 2
    extra = PROJECT["project"]["optional-dependencies"]["clinical"]
    needed = reached([*CORE, *extra, *tools], installed(ROOT / ".envs/clinical"))
    needed = {name for name in needed if name != "triton" and not name.startswith(GPU_LIBRARIES)}

    assert pinned("clinical.txt").keys() <= needed
    assert needed <= pinned("clinical.txt").keys() | pinned("core.txt").keys()


@pytest.mark.parametrize(
    ("environment", "files"),
    [
        (".venv", ["core.txt"]),
        (".envs/sdks", ["sdks.txt"]),
        pytest.param(".envs/clinical", ["core.txt", "clinical.txt"], marks=pytest.mark.clinical),
        *(
            pytest.param(f".envs/{name}", [f"{name}.txt"], marks=pytest.mark.trainers)
            for name in ("llamafactory", "ms-swift", "trl")
        ),
    ],
)
def test_what_is_installed_is_what_is_pinned(environment: str, files: list[str]) -> None:
    there = installed(ROOT / environment)
    pins = {name: version for file in files for name, version in pinned(file).items()}
    # a local build of torch says so after a plus
    other = {
        name: there[name].version for name in pins.keys() & there if plain(there[name].version) != plain(pins[name])
    }

    assert not other, f"remove {environment} and make it again"


def test_a_dependency_on_another_platform_counts_and_one_of_an_extra_only_where_it_is_wanted() -> None:
    there = installed(ROOT / ".venv")

    assert "colorama" in reached(["pytest"], there)
    assert "mecab-python3" in reached(["sacrebleu[ja]"], there)
    assert "mecab-python3" not in reached(["sacrebleu"], there)


def plain(version: str) -> str:
    """A version without the name of a local build."""
    return version.partition("+")[0]


def reached(wanted: Iterable[str], there: Mapping[str, Distribution]) -> set[str]:
    """Names of all packages that ``wanted`` need in any of `PLACES`; what is not installed here is not looked into."""
    seen: set[tuple[str, frozenset[str]]] = set()
    ahead = [Requirement(need) for need in wanted]
    while ahead:
        need = ahead.pop()
        name = canonicalize_name(need.name)
        if (name, frozenset(need.extras)) in seen:
            continue
        seen.add((name, frozenset(need.extras)))
        after = (there[name].requires or []) if name in there else []
        ahead += [one for one in map(Requirement, after) if applies(one.marker, need.extras)]
    return {name for name, _ in seen}


def applies(marker: Marker | None, extras: Iterable[str]) -> bool:
    """Whether a dependency with this marker is one in any of `PLACES`, for a package wanted with these extras."""
    return marker is None or any(
        marker.evaluate({**place, "extra": extra}) for place, extra in product(PLACES, [*extras, ""])
    )


def installed(environment: Path) -> dict[str, Distribution]:
    """The packages in a virtual environment by their name; skips the test where there is no such environment."""
    folders = [str(folder) for folder in environment.glob("lib/python*/site-packages")]
    if not folders:
        pytest.skip(f"no {environment.relative_to(ROOT)}: run scripts/test all")
    return {canonicalize_name(one.name): one for one in Distribution.discover(path=folders)}


def pinned(file: str) -> dict[str, str]:
    """Version by name in a file of constraints/."""
    lines = [line.split(";")[0].split("\\")[0].strip() for line in (PINS / file).read_text().splitlines()]
    pairs = [line.split("==") for line in lines if "==" in line]
    return {canonicalize_name(name): version for name, version in pairs}
