"""Files of results that others computed carry their class into whatever is scored with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mmrad_eval import datasets, metrics
from mmrad_eval.core.data_use import mark
from mmrad_eval.core.errors import GateError
from mmrad_eval.core.values import DataUse
from mmrad_eval.datasets.credentialed import marks_of_rows
from mmrad_eval.harness.data import Data
from mmrad_eval.harness.jobs import Job, execute
from mmrad_eval.harness.preview import preview_of
from mmrad_eval.metrics.labelf1 import LABELS
from mmrad_eval.results.leaderboard.rows import read_scored_runs
from mmrad_eval.results.paper.write import write_paper
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.reports_file import score_again

GREEN = "[Clinically Significant Errors]:\nNo errors.\n\n[Matched Findings]:\n1. clear lungs"
CRIMSON: dict[str, object] = {"errors": {}, "matched_findings": [], "reference_findings": [], "predicted_findings": []}
RADCLIQ: dict[str, object] = {"radgraph_combined": 0.5, "bertscore": 0.5, "semb_score": 0.5, "bleu_score": 0.5}
GRAPH: dict[str, object] = {"text": "clear lungs", "entities": {}}
ROWS: dict[str, dict[str, object]] = {
    "scores:": {"green": 0.5},
    "green:": {"text": GREEN},
    "crimson:": {"text": json.dumps(CRIMSON)},
    "radcliq:": RADCLIQ,
    "labels:": dict.fromkeys(LABELS, "1"),
    "graphs:": GRAPH,
}
PAIRS = ("labels:", "graphs:")
"""Those that take a second file, of the references."""


def named(family: str, first: Path, second: Path) -> str:
    return f"{family}{first}:{second}" if family in PAIRS else f"{family}{first}"


def written(path: Path, family: str, ids: Sequence[str], **more: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(json.dumps({"id": name, **ROWS[family], **more}) for name in ids))
    return path


def held(family: str, first: Path, second: Path) -> DataUse:
    made = metrics.suite([named(family, first, second)])
    assert not made.missing, made.missing
    return made.data_use


def test_every_metric_of_a_file_is_tried_here() -> None:
    families = {entry.name for entry in metrics.registry() if entry.name.endswith(":")}
    assert families - {"evaluate:", "bertscore:"} == set(ROWS)  # what follows those two is a metric, an encoder


@pytest.mark.parametrize("family", ROWS)
def test_a_file_that_states_its_class_gives_it_to_the_suite(family: str, tmp_path: Path) -> None:
    plain = written(tmp_path / "plain.jsonl", family, ["a", "b"])
    one_row = written(tmp_path / "one.jsonl", family, ["a"], data_use="credentialed")
    one_row.write_text(plain.read_text() + "\n" + one_row.read_text().replace('"a"', '"c"'))
    assert held(family, plain, plain) == "open"
    assert held(family, one_row, plain) == "credentialed"
    if family in PAIRS:
        assert held(family, plain, one_row) == "credentialed"


@pytest.mark.parametrize("family", ROWS)
def test_a_file_in_a_folder_of_credentialed_data_has_its_class(family: str, tmp_path: Path) -> None:
    file = written(tmp_path / "kept/x.jsonl", family, ["a"])
    mark(tmp_path / "kept", "unknown")
    assert held(family, file, file) == "unknown"


@pytest.mark.parametrize("family", ROWS)
def test_a_file_with_places_of_mimic_is_credentialed_whatever_it_states(family: str, tmp_path: Path) -> None:
    file = written(tmp_path / "x.jsonl", family, ["a", "files/p13/p13456789/s51234567"], data_use="open")
    assert held(family, file, file) == "credentialed"


@pytest.mark.parametrize(
    ("row", "seen"),
    [
        ({"subject_id": 13456789, "study_id": 51234567, "Edema": "1.0"}, True),
        ({"dicom": "0a1b2c3d-11112222-33334444-55556666-77778888.jpg"}, True),
        ({"note": "see p13456789/s51234567.txt"}, True),
        ({"study_id": "51234567", "green": "0.4"}, False),
        ({"study_id": "CXR1000_IM-0003", "text": "___ year old; edema may mimic pneumonia"}, False),
    ],
)
def test_marks_of_mimic_are_seen_in_rows(row: dict[str, object], *, seen: bool) -> None:
    assert bool(marks_of_rows([{"green": 1.0}, row])) is seen


def test_an_object_by_study_id_may_state_the_class_of_all(tmp_path: Path) -> None:
    for name, found in (("licence_class", "credentialed"), ("data_use", "unknown")):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"a": {"green": 0.5}, "b": {"green": 0.1}, name: found}))
        made = metrics.suite([f"scores:{path}"])
        assert made.data_use == found
        assert [column.name for metric in made for column in metric.columns] == ["green"]


class Quiet:
    """Watches a run and says nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


def credentialed_scores(folder: Path) -> Path:
    ids = [study.id for study in datasets.load("demo").studies]
    return written(folder / "graded.jsonl", "scores:", ids, data_use="credentialed")


def scored_with(names: Sequence[str], results: Path) -> RunFolder:
    job = Job("baseline:reference", "direct", Data("demo"), metrics=tuple(names))
    return execute(job, job.plan(), results, Quiet()).folder


def test_scores_computed_with_such_a_file_have_its_class_and_so_has_what_is_made_of_them(tmp_path: Path) -> None:
    folder = scored_with([f"scores:{credentialed_scores(tmp_path / 'x')}"], tmp_path / "results")
    assert folder.run.data_use == "open"
    assert folder.data_use == "credentialed"
    write_paper(tmp_path / "results", tmp_path / "paper")
    assert json.loads((tmp_path / "paper/data_use.json").read_text()) == {"data_use": "credentialed"}


def test_the_class_stays_as_long_as_such_columns_do(tmp_path: Path) -> None:
    folder = scored_with([f"scores:{credentialed_scores(tmp_path / 'x')}"], tmp_path / "results")
    score_again(folder, metrics.suite(["bleu@raw"]))
    assert folder.data_use == "credentialed"
    (entry,) = read_scored_runs([folder])
    assert entry.summary is not None
    assert {column.metric.partition(":")[0] for column in entry.summary.columns.values()} == {"scores", "bleu@raw"}


def test_a_run_beside_such_files_asks_no_remote_model_and_no_remote_judge(tmp_path: Path) -> None:
    path = credentialed_scores(tmp_path / "x")
    job = Job("openai:x", "direct", Data("demo"), metrics=(f"scores:{path}",), base_url=("http://192.0.2.7/v1",))
    for attempt in (lambda: preview_of(job, job.plan()), lambda: execute(job, job.plan(), tmp_path, Quiet())):
        with pytest.raises(GateError, match="with files of results that its metrics read"):
            attempt()


def test_a_plugin_connects_nowhere_while_it_is_measured_beside_such_files(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(
        "import socket\nimport mmrad_eval\n\n\ndef send(candidate, reference):\n"
        "    try:\n        socket.create_connection(('192.0.2.7', 9), 0.01)\n"
        "    except Exception as error:\n        return float(type(error).__name__ == 'GateError')\n"
        "    return 0.0\n\n\nSEND = mmrad_eval.mean_metric('send@mine', send, best=1.0)\n"
    )
    names = [f"{tmp_path / 'plugin.py'}:SEND", f"scores:{credentialed_scores(tmp_path / 'x')}"]
    folder = scored_with(names, tmp_path / "results")
    summary = folder.summary()
    assert summary is not None
    assert summary.columns["send @ mine"].value == 1.0
