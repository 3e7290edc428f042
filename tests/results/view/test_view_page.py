"""The page as a file: what is in it, what is not, and that no word of a stranger is anything but a word."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Answer, Report, Step, Trace
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.view import write_view
from mmrad_eval.results.view.page import as_json
from mmrad_eval.results.view.records import StudyRecord

Take = Callable[[Path], Any]

HOSTILE = (
    "Clear lungs. </script><script>document.title='owned'</script> <!-- <script> --> <img src=x onerror=alert(1)> "
    "<svg onload=alert(2)><circle/></svg> {{ 7*7 }} {% raw %} &lt;b&gt; \u2028\u2029 \u202egnp.exe\u202c \u2066x\u2069 "
    "\ufeff\u200b \U000e0041 \x00\x07 javascript:alert(3) ]]> \\u003c \"'`"
)


def reference(study: str, findings: str, **more: Any) -> dict[str, Any]:
    return {"study_id": study, "findings": findings, "patient_id": f"p-{study}", **more}


def test_the_page_holds_every_study_with_its_answer(page: Any) -> None:
    studies = {study.id: study for study in datasets.load("demo").studies}

    assert page["page"]["ids"] == list(studies)
    assert page["page"]["patients"] == [study.patient for study in studies.values()]
    first = page.answer("demo-01")
    assert first["report"]["text"].startswith("FINDINGS: The heart is normal in size.")
    assert page.study("demo-02")["reference"]["findings"] == studies["demo-02"].reference.findings  # type: ignore[union-attr]


def test_only_its_own_script_can_run_and_only_its_own_style_counts(page: Any) -> None:
    (policy,) = (a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    style = re.search(r"<style>(.*?)</style>", page.markup, re.DOTALL)
    assert style is not None

    def said(text: str) -> str:
        return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    assert policy.startswith("default-src 'none';")
    assert f"script-src '{said(page.scripts['script'])}'" in policy
    assert f"style-src '{said(style[1])}'" in policy
    assert "unsafe" not in policy
    data = [a for tag, a in page.tags if tag == "script" and "id" in a]
    assert {a["type"] for a in data} == {"application/json"}
    assert sum(tag == "script" for tag, _ in page.tags) == len(data) + 1


def test_nothing_of_it_comes_from_elsewhere(page: Any) -> None:
    addresses = [
        value for _, a in page.tags for name, value in a.items() if name in {"src", "href", "action", "srcset"}
    ]
    own = page.markup
    for name, data in page.scripts.items():
        own = own if name == "script" else own.replace(data, "")
    outside = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`]*", own))

    assert addresses == ["data:,", "#"]
    assert outside == {"http://www.w3.org/2000/svg"}


def test_its_script_reads_no_data_as_markup_and_asks_nobody() -> None:
    folder = Path(write_view.__code__.co_filename).with_name("template")
    words = {
        word for name in ("elements.js", "page.js") for word in re.findall(r"[A-Za-z]\w+", (folder / name).read_text())
    }

    assert not words & {
        *("innerHTML", "outerHTML", "insertAdjacentHTML", "DOMParser", "eval", "Function", "srcdoc", "importScripts"),
        *("fetch", "XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "createContextualFragment", "import"),
    }


def test_script_and_style_stay_small() -> None:
    folder = Path(write_view.__code__.co_filename).with_name("template")

    names = [file.name for file in folder.iterdir() if file.is_file()]  # whatever the page is made of
    assert sum(len((folder / name).read_bytes()) for name in names) < 100_000


def test_hostile_words_stay_words(bench: Any, take: Take) -> None:
    run = bench.scored("hostile", {"a": HOSTILE}, [reference("a", f"Clear lungs. {HOSTILE}")])
    (answer,) = run.answers()

    page = take(write_view([run]).path)

    assert page.answer("a")["report"]["text"] == answer.report.text
    assert "owned" in answer.report.text
    assert [tag for tag, _ in page.tags if tag in {"img", "svg", "circle", "b"}] == []
    assert sum(tag == "script" for tag, _ in page.tags) == len(page.scripts)
    pieces = page.answer("a")["findings"]["report"]
    assert "".join(piece["text"] for piece in pieces) == page.answer("a")["candidate"]


@given(st.text())
def test_any_text_survives_in_a_script_element_and_ends_none(text: str) -> None:
    written = str(as_json(StudyRecord(context={"history": text})))

    assert json.loads(written)["context"]["history"] == text
    assert not set("<>&\u2028\u2029") & set(written)


def test_a_hostile_name_of_a_study_a_patient_or_a_model_is_escaped(bench: Any, take: Take) -> None:
    name = "<b>\"x' & </title><script>"
    run = bench.scored("m", {name: "Clear."}, [reference(name, "Clear.", patient_id="</script>p")])
    record = run.run
    run.write_run(msgspec.structs.replace(record, card=msgspec.structs.replace(record.card, name="<i>model</i>")))

    page = take(write_view([run]).path)

    assert page["page"]["ids"] == [name]
    assert page["page"]["patients"] == ["</script>p"]
    assert "<i>" not in page.markup
    assert sum(tag == "script" for tag, _ in page.tags) == len(page.scripts)


def test_fifty_thousand_characters_are_kept_and_read_in_time(bench: Any, take: Take) -> None:
    text = ("No pleural effusion. A small left effusion with atelectasis of the right lower lobe is new. " * 600)[
        :50_000
    ]
    run = bench.scored("long", {"a": text}, [reference("a", "Small left effusion.")])

    page = take(write_view([run]).path)

    assert len(page.answer("a")["report"]["text"]) == len(text.rstrip())
    assert {row["kind"] for row in page.answer("a")["findings"]["rows"]} >= {"matched", "added"}


def test_statuses_are_told_and_what_failed_has_neither_report_nor_score(page: Any) -> None:
    statuses = dict(zip(page["page"]["ids"], page["scores-0"]["statuses"], strict=True))

    assert {statuses[name] for name in ("demo-04", "demo-07", "demo-09")} == {"refused", "truncated", "failed"}
    assert page.values("ROUGE-L @ r2gen-iu")["demo-09"] is None
    assert page.values("Words")["demo-09"] is None
    assert "findings" not in page.answer("demo-09")
    assert "401" in page.answer("demo-09")["why"]


def test_values_are_those_of_the_scores(demo: Any, page: Any) -> None:
    run = demo.run("mcot", "openai:rehearsal")
    frame = run.scores().frame().set_index("id")

    for label in ("BLEU-4 @ r2gen-iu", "ROUGE-L @ r2gen-iu"):
        for name, value in page.values(label).items():
            stored = frame.loc[name, label]
            assert value == pytest.approx(stored, rel=1e-5) if stored == stored else value is None  # noqa: PLR0124 (nan)
        whole = page["page"]["runs"][0]["whole"][label]
        assert whole["value"] == run.summary().columns[label].value


def test_redaction_leaves_ids_statuses_and_scores_alone(demo: Any, take: Take, tmp_path: Path) -> None:
    run = demo.run("mcot", "openai:rehearsal")
    page = take(write_view([run], tmp_path / "p.html", redact=True).path)

    assert page["page"]["redacted"] is True
    assert [name for name in page.scripts if name not in {"page", "scores-0", "script"}] == []
    assert page.values("ROUGE-L @ r2gen-iu")["demo-01"] is not None
    assert "failed" in page["scores-0"]["statuses"]
    data = page.scripts["page"] + page.scripts["scores-0"]
    words = set(re.findall(r"[a-z]{5,}", data.lower()))
    for study in datasets.load("demo").studies:
        assert study.reference is not None
        assert not {"effusion", "heart", "lungs", "pneumothorax"} & words
        assert study.images[0].name not in data
        assert study.reference.text not in data
    assert all(answer.report.text[:40] not in page.markup for answer in run.answers() if answer.report.text)
    assert str(demo.place) not in data
    assert "401" not in data


def test_credentialed_data_is_named_on_the_page(bench: Any, take: Take) -> None:
    run = bench.scored("m", {"a": "Clear."}, [reference("a", "Clear.")])
    unknown = take(write_view([run]).path)
    run.write_run(msgspec.structs.replace(run.run, data_use="credentialed"))
    credentialed = take(write_view([run]).path)

    assert "Data of unknown terms." in unknown.markup
    assert "Credentialed data." in credentialed.markup
    assert "keep it as you keep the data" in credentialed.markup


def test_the_page_lies_in_the_results_with_the_name_of_its_data(demo: Any) -> None:
    one, two = demo.run("mcot", "openai:rehearsal"), demo.run("direct", "openai:rehearsal")

    assert write_view([one]).path == demo.results / "views" / "demo" / f"{one.path.name}.html"
    assert write_view([one, two]).path.name == f"{one.path.name}-{two.path.name}.html"
    assert write_view([one], pictures="copy").path == demo.results / "views" / "demo" / one.path.name / "index.html"


def test_writing_again_gives_the_same_bytes(demo: Any) -> None:
    run = demo.run("mcot", "openai:rehearsal")

    assert write_view([run]).path.read_bytes() == write_view([run]).path.read_bytes()
    assert not list((demo.results / "views" / "demo").glob(".*"))


def test_several_runs_stand_side_by_side_and_a_smaller_selection_leaves_gaps(
    demo: Any, bench: Any, take: Take, tmp_path: Path
) -> None:
    bench.call("--model", "baseline:normal", "--task", "mcot", "--limit", "2", "--metrics", "rouge@r2gen-iu", "--quiet")
    few = bench.run("mcot", "baseline:normal")

    for order in ([few, demo.run("mcot", "openai:rehearsal")], [demo.run("mcot", "openai:rehearsal"), few]):
        page = take(write_view(order, tmp_path / "p.html").path)
        small = order.index(few)
        assert page["page"]["ids"] == [f"demo-{i:02}" for i in range(1, 25)]
        assert page[f"scores-{small}"]["statuses"] == ["ok", "ok", *[""] * 22]
        assert f"answer-{small}-2" not in page
        assert f"answer-{1 - small}-2" in page
        assert page.study("demo-24")["reference"]["text"]


def test_runs_over_different_data_are_refused(demo: Any, bench: Any) -> None:
    other = bench.scored("m", {"a": "Clear."}, [reference("a", "Clear.")])

    with pytest.raises(UsageError, match="same data"):
        write_view([demo.run("mcot", "openai:rehearsal"), other])


def test_data_that_has_gone_leaves_a_page_of_answers_and_says_so(bench: Any, take: Take) -> None:
    run = bench.scored("m", {"a": "Clear lungs."}, [reference("a", "Clear.")])
    moved = (bench.place / "m.jsonl").rename(bench.place / "moved.jsonl")

    written = write_view([run])
    page = take(written.path)

    assert "can't be loaded" in written.notes[0]
    assert page.answer("a")["report"]["text"] == "Clear lungs."
    assert "reference" not in page.study("a")
    assert page["page"]["patients"] == ["p-a"]
    assert "reference" in take(write_view([run], references=str(moved)).path).study("a")
    with pytest.raises(DataError):
        write_view([run], references=str(bench.place / "m-said.jsonl"))


def test_a_run_that_lies_alone_has_no_requests_and_says_which_are_missing(
    demo: Any, take: Take, tmp_path: Path
) -> None:
    run = demo.run("direct", "openai:rehearsal")
    alone = tmp_path / "alone"
    alone.mkdir()
    for file in run.path.iterdir():
        (alone / file.name).write_bytes(file.read_bytes())

    written = write_view([RunFolder(alone)])
    (exchange,) = take(written.path).answer("demo-01")["exchanges"]

    assert exchange["found"] is False
    assert len(exchange["key"]) == 64


def test_an_unfinished_an_unscored_and_an_all_failed_run_can_be_read(kit: Any, take: Take, tmp_path: Path) -> None:
    studies = kit.studies(3)
    failed = kit.run([Answer(study.id, "failed", "503 from the server") for study in studies])
    part = kit.run([kit.answer(studies[0], "Clear.")], model="test:part")
    (part.path / "answers.jsonl").rename(part.path / "answers.jsonl.part")

    page = take(write_view([failed, part], tmp_path / "p.html").path)

    assert page["scores-0"]["statuses"] == ["failed"] * 3
    assert page["scores-1"]["statuses"] == ["ok", "", ""]
    assert page.answer("s00000")["why"] == "503 from the server"
    assert page["page"]["runs"][0].get("whole", {}) == {}


def test_one_study_and_no_patient_ids_make_a_page(bench: Any, take: Take) -> None:
    run = bench.scored("m", {"a": ""}, [{"study_id": "a", "findings": "Clear lungs."}])

    page = take(write_view([run]).path)

    assert page["page"]["patients"] == [None]
    assert page["scores-0"]["statuses"] == ["empty"]
    assert page.answer("a")["findings"]["rows"][0]["kind"] == "missed"


def test_a_hundred_runs_make_a_page(kit: Any, take: Take, tmp_path: Path) -> None:
    studies = kit.studies(2)
    runs = [kit.run([kit.answer(s, f"text {i}") for s in studies], sample=i) for i in range(100)]

    page = take(write_view(runs, tmp_path / "p.html").path)

    assert len({run["name"] for run in page["page"]["runs"]}) == 100
    assert page.answer("s00001", 99)["report"]["text"] == "text 99"


def test_a_written_trace_is_marked_by_what_the_report_made_of_it(kit: Any, take: Take, tmp_path: Path) -> None:
    steps = (
        Step("the lung region", text="A right pleural effusion is seen."),
        Step("the heart", text="The heart is enlarged."),
    )
    answer = Answer("s00000", "ok", report=Report(text="Right pleural effusion."), trace=Trace(steps))

    page = take(write_view([kit.run([answer], given=False)], tmp_path / "p.html").path)

    kinds = [[p["kind"] for p in look["pieces"] if "kind" in p] for look in page.answer("s00000")["trace"]["steps"]]
    assert kinds == [["matched"], ["missed"]]


def test_a_file_that_is_no_page_is_not_written_over(demo: Any, tmp_path: Path) -> None:
    run = demo.run("direct", "openai:rehearsal")
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(UsageError, match="whose name does not end in"):
        write_view([run], tmp_path / "notes.txt")
    with pytest.raises(UsageError, match="writes a folder"):
        write_view([run], tmp_path / "page.html", pictures="copy")
    with pytest.raises(UsageError, match="no images"):
        write_view([run], redact=True, pictures="embed")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_command_prints_where_the_page_is(demo: Any) -> None:
    run = demo.run("mcot", "openai:rehearsal")

    said = demo.call("view", run.path.name[:6], "--out", "pages/one.html").strip()
    folder = demo.call("view", "results/runs/demo/mcot", "--out", "pages/three", "--redact").strip()

    assert said == "pages/one.html"
    assert (demo.place / said).is_file()
    assert folder == "pages/three/index.html"
    assert "baseline:normal" in (demo.place / folder).read_text()


def test_the_command_without_a_run_shows_all_of_the_results_folder(demo: Any) -> None:
    page = demo.call("view", "--out", "pages/all.html", "--redact").strip()

    assert "baseline:normal" in (demo.place / page).read_text()


def test_the_command_refuses_what_can_not_be(demo: Any) -> None:
    both = demo.call("view", demo.run("mcot", "openai:rehearsal").path.name, "--copy-images", "--embed-images", code=2)
    unknown = demo.call("view", "zzz", code=2)

    assert "give either --copy-images or --embed-images, not both" in both
    assert "no run under results has an id that begins with 'zzz'" in unknown


def test_the_alignment_behind_the_findings_score_stands_with_the_answer(bench: Any, take: Take) -> None:
    run = bench.scored("aligned", {"a": "Possible left pneumothorax."}, [reference("a", "Left pneumothorax.")])
    assert "alignment" not in take(write_view([run]).path).answer("a")
    bench.call("score", str(run.path), "--metrics", "findings@rules")
    lines = take(write_view([run]).path).answer("a")["alignment"]
    assert lines[0].startswith(
        "left pneumothorax (urgent) ~ perhaps left pneumothorax: earns 0.5 of 1; wrong certainty"
    )
    assert lines[-1].startswith("score 0.5 = (credit - cost) / (at stake + cost)")


def test_the_command_without_a_run_shows_the_data_of_the_newest_of_several(bench: Any, take: Take) -> None:
    for name in ("first", "second"):
        (bench.place / f"{name}.csv").write_text(f"study_id,patient_id,findings\ns1,p1,Clear lungs {name}.\n")
        said = ("--data", f"{name}.csv", "--data-use", "open", "--metrics", "bleu@rexrank", "--quiet")
        bench.call("--model", "baseline:normal", "--task", "direct", *said)
    bench.call("view", "--out", "page.html")
    assert take(bench.place / "page.html")["page"]["dataset"] == "second"
    told = bench.call("view", "results/runs", "--out", "page.html", code=2)
    assert "a page shows runs on the same data, so name the runs of one dataset, such as runs/" in told
