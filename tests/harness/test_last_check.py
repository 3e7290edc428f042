"""Each study is looked at before its first byte leaves: one of MIMIC-CXR among open ones stops the run."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image as Pillow

from mmrad_eval import tasks
from mmrad_eval.cli.progress import Progress
from mmrad_eval.core.contracts import Answerer, Client, Dataset, PreparedRequest
from mmrad_eval.core.errors import GateError
from mmrad_eval.core.values import (
    Card,
    ClinicalContext,
    Image,
    Message,
    PriorStudy,
    Reply,
    Report,
    Step,
    Study,
    Text,
    Trace,
)
from mmrad_eval.datasets.lazy import LazyStudies
from mmrad_eval.harness.jobs import Job, execute
from mmrad_eval.harness.last_check import LastCheck
from mmrad_eval.harness.plan import Plan, RunOptions, make_plan


class Unread(LazyStudies):
    """Studies that nobody looked at when the data was loaded, since each of them costs reading."""

    def __init__(self, studies: Sequence[Study]) -> None:
        self.studies = studies

    def __len__(self) -> int:
        return len(self.studies)

    def read(self, place: int) -> Study:
        return self.studies[place]

    def outline(self, place: int) -> Study:
        return self.studies[place]

    def digest(self) -> str:
        return "0" * 64


class Recorder(Client):
    """A model that keeps every word it was sent."""

    card = Card(provider="mine", id="recorder")
    endpoints = ()

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def generate(self, sent: PreparedRequest) -> Reply:
        self.heard += [p.text for m in sent.request.messages for p in m.parts if isinstance(p, Text)]
        self.heard += [image.path for image in sent.images]
        return Reply("FINDINGS: Clear.")


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[str], Image]:
    """Makes a small picture at a place below the test's folder."""

    def make(name: str) -> Image:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.new("L", (32, 32), 90).save(path)
        return Image(str(path), name=name)

    return make


def plain(n: int, image: Image) -> list[Study]:
    return [Study(f"CXR{i}", images=(image,), reference=Report("Clear.", findings="Clear.")) for i in range(n)]


def planned(model: Client | Answerer, studies: Sequence[Study], task: str = "direct", **choice: str) -> Plan:
    dataset = Dataset("mine", Unread(studies), "open", source="mine")
    return make_plan(model, tasks.load(task), dataset, RunOptions(**choice))  # type: ignore[arg-type]  # words and a model


def asked(plan: Plan, results: Path) -> None:
    job = Job("mine", plan.task.name, metrics=("bleu@raw",), concurrency=4)
    execute(job, plan, results, Progress(quiet=True))


def statuses(results: Path) -> dict[str, str]:
    (answers,) = results.glob("runs/*/*/*/*/answers.jsonl")
    return {one["study"]: one.get("status", "pending") for one in map(json.loads, answers.read_text().splitlines())}


@pytest.mark.parametrize("seed", range(3))
def test_one_credentialed_study_among_open_ones_stops_the_run_and_nothing_of_it_is_sent(
    seed: int, tmp_path: Path, picture: Callable[[str], Image]
) -> None:
    place = random.Random(seed).randrange(300)
    studies = plain(300, picture("a.png"))
    secret = picture("files/p10/p10000001/s50000001/b.png")
    studies[place] = Study("x", images=(secret,), reference=Report("Clear.", findings="Clear."))
    model = Recorder()

    with pytest.raises(GateError, match="in study x image") as refusal:
        asked(planned(model, studies), tmp_path / "results")

    assert refusal.value.exit_code == 4
    assert not any("p10000001" in words for words in model.heard)
    assert statuses(tmp_path / "results")["x"] == "pending"
    assert len(model.heard) // 2 <= place + 4  # those under way when it was seen, and none after


def test_a_link_to_such_a_file_under_a_plain_name_is_followed(tmp_path: Path, picture: Callable[[str], Image]) -> None:
    real = picture("mimic-cxr/x.png")
    link = tmp_path / "images" / "plain.png"
    link.symlink_to(real.path)
    folder = tmp_path / "open"
    folder.symlink_to(Path(real.path).parent)
    for path in (link, folder / "x.png"):
        study = Study("x", images=(Image(str(path), name="p.png"),), reference=Report("Clear.", findings="Clear."))
        model = Recorder()
        with pytest.raises(GateError):
            asked(planned(model, [study]), tmp_path / path.name)
        assert model.heard == []


MARKED = "Compared with ___, no change."
SHOWN = Trace((Step(region="heart", text="The heart is normal."),))


@pytest.mark.parametrize(
    ("task", "choice", "study"),
    [
        ("direct", {"context": "indication"}, Study("x", context=ClinicalContext(indication=MARKED))),
        ("direct", {"priors": "report"}, Study("x", priors=(PriorStudy("y", report=Report(MARKED)),))),
        ("tcot", {}, Study("x", trace=Trace((Step(region="heart", text=MARKED),)))),
        ("direct", {}, Study("x", reference=Report(MARKED, findings=MARKED))),
    ],
    ids=["context", "priors", "trace", "reference"],
)
def test_every_text_that_may_be_shown_is_looked_at(
    task: str, choice: dict[str, str], study: Study, tmp_path: Path, picture: Callable[[str], Image]
) -> None:
    import msgspec

    reference = study.reference or Report("Clear.", findings="Clear.")
    study = msgspec.structs.replace(study, images=(picture("a.png"),), reference=reference)
    model = Recorder()
    with pytest.raises(GateError, match="de-identification mark"):
        asked(planned(model, [study], task, **choice), tmp_path / "results")
    assert model.heard == []


def test_another_patient_s_study_is_looked_at_before_its_images_are_borrowed(
    tmp_path: Path, picture: Callable[[str], Image]
) -> None:
    box_of = Step(region="heart", category="heart", text="Normal.", image=picture("crop.png"))
    reference = Report("Clear.", findings="Clear.")
    own = Study("a", (picture("a.png"),), "1", reference, Trace((box_of,)))
    other = Study("b", (picture("b.png"),), "2", Report(MARKED, findings=None), Trace((box_of,)))
    model = Recorder()
    with pytest.raises(GateError, match="study b"):
        asked(planned(model, [own, other], "mcot-swapped"), tmp_path / "results")
    assert not any("b.png" in words for words in model.heard)


def test_an_answerer_gets_no_study_and_no_donor_that_is_marked(tmp_path: Path, picture: Callable[[str], Image]) -> None:
    class Curious(Answerer):
        card = Card(provider="mine", id="curious")
        endpoints = ()
        got: list[str] = []

        def answer(self, study: Study, _shown: Trace | None, donor: Callable[[Study], Study]) -> Report:
            self.got.append(donor(study).id)
            return Report("Clear.")

    marked = Study("x", (picture("a.png"),), "1", Report(MARKED, findings=MARKED))
    with pytest.raises(GateError):
        asked(planned(Curious(), [*plain(1, picture("a.png")), marked]), tmp_path / "results")
    assert Curious.got == []


def test_words_of_a_request_are_looked_at_and_marks_that_models_write_are_none() -> None:
    check = LastCheck("mine", "open")
    check.messages([Message("assistant", (Text("Compared with ___."),))])
    for said in ("see files/p10/p10000001/s50000001", "01234567-89abcdef-01234567-89abcdef-01234567"):
        with pytest.raises(GateError, match="in a request"):
            check.messages([Message("user", (Text(said),))])


def test_data_that_is_credentialed_already_is_not_looked_at_again() -> None:
    LastCheck("mine", "credentialed").study(Study("p10000001/s50000001"))


def test_a_file_of_reports_and_a_trace_make_the_run_as_strict_as_they_are(picture: Callable[[str], Image]) -> None:
    from dataclasses import replace

    from mmrad_eval.tasks.given_evidence import trace_of

    class Made(Answerer):
        card = Card(provider="file", id="f")
        data_use = "credentialed"

        def answer(self, *_: object) -> None:
            return None

    studies = plain(1, picture("a.png"))
    assert planned(Made(), studies).data_use == "credentialed"
    plan = planned(Recorder(), studies)
    assert plan.data_use == "open"
    assert replace(plan, task=trace_of("r", {}, "credentialed")).data_use == "credentialed"
