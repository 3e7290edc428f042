"""Runs to judge, reader studies made of them, and readers who answer as a rule says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.reader_studies.answers import checksum
from mmrad_eval.reader_studies.make import StudyPlan, make
from mmrad_eval.reader_studies.records import StudyKey
from mmrad_eval.results.run.folder import RunFolder, find_runs
from tests.browser import browser, window

__all__ = ["browser", "window"]

Answers = Callable[[tuple[str, ...], int], Mapping[str, Any]]
"""(reports that are shown, number of the reading) -> values."""


class Studied:
    """A reader study on disk, and readers for it."""

    def __init__(self, folder: Path, key: StudyKey) -> None:
        self.folder, self.key = folder, key

    def page_path(self, number: int = 0) -> Path:
        """A reader's page."""
        return self.folder / "pages" / f"reader-{self.key.readers[number].code}.html"

    def page(self, number: int = 0) -> Any:
        """What a reader's page holds."""
        found = re.search(
            r'<script type="application/json" id="page">(.*?)</script>', self.page_path(number).read_text()
        )
        assert found
        return json.loads(found[1])

    def body(self, number: int, answers: Answers, guess: int = 0) -> dict[str, Any]:
        """What a reader who answers so would save, before its checksum."""
        page = self.page(number)
        return {
            "schema": page["schema"],
            "study": page["study"],
            "reader": page["reader"],
            "form": page["form"]["name"],
            "experience": {"role": 1, "years": 9},
            "answers": {
                one["id"]: {"values": dict(answers(tuple(one["texts"]), i)), "seconds": 12.5, "done": True}
                for i, one in enumerate(page["readings"])
            },
            "guesses": {one["id"]: {"values": {"guess": guess}, "done": True} for one in page.get("guesses", [])},
        }

    def saved(self, body: dict[str, Any], name: str = "") -> Path:
        """The file that a page would save of it."""
        path = self.folder / (name or f"answers-{body['reader']}.json")
        start = json.dumps(body, indent=1, ensure_ascii=False).removesuffix("\n}")
        path.write_text(f'{start},\n "check": "{checksum(start.encode())}"\n}}\n', encoding="utf-8")
        return path

    def answered(self, answers: Answers, guess: int = 0) -> list[Path]:
        """The files of all readers, who answer alike."""
        return [self.saved(self.body(number, answers, guess)) for number in range(len(self.key.readers))]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    """Two baselines over the demo: one that writes what the trace says, one that finds everything normal."""
    place = tmp_path_factory.mktemp("runs")
    models = ("--model", "baseline:evidence", "--model", "baseline:normal")
    words = (*models, "--task", "mcot", "--metrics", "bleu@r2gen-iu", "--quiet")
    subprocess.run([sys.executable, "-m", "mmrad_eval", *words], cwd=place, check=True, capture_output=True)
    return sorted(find_runs(place / "results"), key=lambda folder: folder.run.card.label)


@pytest.fixture
def study(runs: list[RunFolder], tmp_path: Path) -> Callable[..., Studied]:
    """Make a reader study of the two runs."""

    def made(form: str = "preference", cases: int = 6, readers: int = 2, **said: Any) -> Studied:
        folder = tmp_path / f"study-{form}-{len(list(tmp_path.iterdir()))}"
        return Studied(folder, make(said.pop("of", runs), StudyPlan(form, cases, readers, edge=256, **said), folder))

    return made


def prefers(short: str) -> Answers:
    """A reader who always prefers the report that has these words, and else neither."""

    def answer(texts: tuple[str, ...], _: int) -> Mapping[str, Any]:
        first, second = (short in text for text in texts)
        return {"preference": int(first) - int(second)}

    return answer


NORMAL = "No acute osseous abnormality"
"""Words that the baseline of normal reports always writes, and nobody else."""
