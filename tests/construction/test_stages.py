"""What writer and auditor over HTTP say, and what becomes of it, stage by stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from mmrad_eval.construction.build import Built, Named
from mmrad_eval.construction.records import StageLine
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from tests.construction.conftest import STEPS, truthful_auditor, truthful_writer
from tests.construction.program_server import Asked, ProgramServer

Serve = Callable[..., ProgramServer]
Build = Callable[..., Built]
Lines = Callable[..., dict[str, StageLine]]


class Bench(NamedTuple):
    """All three, for tests that have parameters of their own."""

    serve: Serve
    build: Build
    lines: Lines


@pytest.fixture
def bench(serve: Serve, build: Build, lines: Lines) -> Bench:
    """Servers, builds and their lines."""
    return Bench(serve, build, lines)


def test_a_truthful_pair_keeps_every_record_with_its_rows_and_quotes(
    source: Dataset, serve: Serve, build: Build, lines: Lines
) -> None:
    writer, auditor = serve(truthful_writer), serve(truthful_auditor)
    built = build(source, writer.url, auditor.url)
    assert built.record is not None
    assert built.record.records == 4
    first = lines("check")["s000"]
    assert [(one.region, one.text) for one in first.statements] == [(region, text) for region, _, text in STEPS]
    assert [one.rows for one in first.statements] == [("r1",), ("r2",), ("r3",)]
    assert all(one.quote in source.studies[0].reference.text for one in first.statements if source.studies[0].reference)
    assert {(one.reflect, one.audit, one.rules) for one in first.statements} == {("keep", "supported", "supported")}
    assert len(lines("summarise")["s000"].asked) == 1


def test_the_writer_sees_no_report_until_it_reflects_and_the_auditor_sees_no_rows(
    source: Dataset, serve: Serve, build: Build
) -> None:
    writer, auditor = serve(truthful_writer), serve(truthful_auditor)
    build(source, writer.url, auditor.url)
    summaries = [one for one in writer.asked if one.kind == "summarise"]
    assert len(summaries) == 1  # four equal questions are one
    assert "No pneumothorax" not in summaries[0].text
    assert all("No pneumothorax" in one.text for one in writer.asked if one.kind == "reflect")
    assert all('"row"' not in one.text and "keep" not in one.text for one in auditor.asked)


@pytest.mark.parametrize(
    ("sees", "name"), [("labels", "mine-traces-from-labels"), ("report", "mine-traces-from-report")]
)
def test_what_the_writer_sees_is_part_of_the_name(
    sees: str, name: str, source: Dataset, serve: Serve, build: Build
) -> None:
    writer, auditor = serve(truthful_writer), serve(truthful_auditor)
    built = build(source, writer.url, auditor.url, options={"sees": sees})
    assert built.record is not None
    assert built.record.name == name
    (summary,) = (one for one in writer.asked if one.kind == "summarise")
    assert ("No pneumothorax" in summary.text) == (sees == "report")
    assert ("Cardiomegaly" in summary.text) == (sees == "labels")


def test_a_json_schema_is_requested_and_can_be_left_out(source: Dataset, serve: Serve, build: Build) -> None:
    writer, auditor = serve(truthful_writer), serve(truthful_auditor)
    build(source, writer.url, auditor.url)
    forms = {one.body["response_format"]["json_schema"]["name"] for one in writer.asked + auditor.asked}
    assert forms == {"summary", "reflection", "audit"}
    build(source, writer.url, auditor.url, out="plain", structured=False)
    assert "response_format" not in writer.asked[-1].body


def summaries(*statements: dict[str, Any]) -> Callable[[Asked], Any]:
    """A writer that summarises so, and keeps everything."""

    def answer(asked: Asked) -> Any:
        return {"statements": list(statements)} if asked.kind == "summarise" else truthful_writer(asked)

    return answer


HEART = {"region": "heart", "text": "The heart is enlarged.", "rows": ["r1"]}


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ({"region": "spleen", "text": "The spleen is large.", "rows": ["r1"]}, "region not given"),
        ({"region": "left lung", "text": "An effusion.", "rows": ["r9"]}, "row not given"),
        ({"region": "left lung", "text": "An effusion.", "rows": []}, "row not given"),
    ],
)
def test_a_statement_that_cites_what_was_not_given_is_rejected_by_itself(
    statement: dict[str, Any], why: str, source: Dataset, bench: Bench
) -> None:
    writer, auditor = bench.serve(summaries(HEART, statement)), bench.serve(truthful_auditor)
    bench.build(source, writer.url, auditor.url, options={"lost": None})
    found = bench.lines("assemble")["s000"]
    assert [one.why for one in found.statements] == ["", why]
    assert found.statements[0].region == "cardiac silhouette"  # another spelling of a region that was given
    assert statement["text"] not in json.dumps(found.record)
    writer.answer = summaries(statement)
    bench.build(source, writer.url, auditor.url, out="alone")
    assert bench.lines("summarise", "alone")["s000"].why == why


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("The heart is large.", "unreadable"),
        ('{"statements": "none"}', "unreadable"),
        ('{"statements": [{"region": "heart"}]}', "unreadable"),
        ("I'm sorry, but I can't help with medical images.", "refused"),
        ('{"statements": []}', "nothing left"),
    ],
)
def test_a_reply_that_is_not_what_was_asked_for_is_asked_again_once_and_then_rejects(
    reply: str, why: str, source: Dataset, bench: Bench
) -> None:
    writer, auditor = bench.serve(lambda _: reply), bench.serve(truthful_auditor)
    built = bench.build(source, writer.url, auditor.url)
    assert built.complete
    found = bench.lines("summarise")["s000"]
    assert (found.status, found.why) == ("rejected", why)
    assert len(found.asked) == (2 if why == "unreadable" else 1)
    assert not bench.lines("reflect")


def test_a_reply_that_can_be_read_the_second_time_counts(
    source: Dataset, serve: Serve, build: Build, lines: Lines
) -> None:
    tries: list[str] = []

    def answer(asked: Asked) -> Any:
        tries.append(asked.kind)
        return "{" if tries.count(asked.kind) == 1 else truthful_writer(asked)

    writer, auditor = serve(answer), serve(truthful_auditor)
    build(source, writer.url, auditor.url)
    assert lines("summarise")["s000"].status == "kept"
    assert len(lines("summarise")["s000"].asked) == 2


def auditor_that(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Asked], Any]:
    """A truthful auditor whose verdicts are changed."""

    def answer(asked: Asked) -> Any:
        return {"verdicts": [change(one) for one in truthful_auditor(asked)["verdicts"]]}

    return answer


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"quote": "The heart is huge."}, "quote not in report"),
        ({"quote": ""}, "unreadable"),
        ({"n": 1}, "unreadable"),
        ({"verdict": "fine"}, "unreadable"),
    ],
)
def test_a_verdict_without_the_reports_own_words_is_none(
    change: dict[str, Any], why: str, source: Dataset, bench: Bench
) -> None:
    writer, auditor = bench.serve(truthful_writer), bench.serve(auditor_that(lambda one: one | change))
    bench.build(source, writer.url, auditor.url)
    assert {(line.status, line.why) for line in bench.lines("audit").values()} == {("rejected", why)}


def test_a_quote_is_compared_without_regard_to_blanks_and_forms_of_unicode(
    source: Dataset, serve: Serve, build: Build, lines: Lines
) -> None:
    writer = serve(truthful_writer)
    auditor = serve(auditor_that(lambda one: one | {"quote": one["quote"].replace(" ", "\u00a0\n").replace("fi", "ﬁ")}))
    build(source, writer.url, auditor.url)
    assert {line.status for line in lines("audit").values()} == {"kept"}


def test_what_the_auditor_does_not_support_goes_back_once_and_is_then_rejected(
    source: Dataset, serve: Serve, build: Build, lines: Lines
) -> None:
    def contradict(one: dict[str, Any]) -> dict[str, Any]:
        return one | {"verdict": "contradicted", "error": "side"} if one["n"] == 2 else one

    writer, auditor = serve(truthful_writer), serve(auditor_that(contradict))
    build(source, writer.url, auditor.url)
    found = lines("audit")["s000"]
    assert (found.status, found.why, found.rounds) == ("rejected", "two rounds", 1)
    again = [one for one in writer.asked if "Objections:" in one.text]
    assert len(again) == 1
    assert '"verdict":"contradicted"' in again[0].text


def test_a_writer_that_corrects_after_an_objection_keeps_its_record(
    source: Dataset, serve: Serve, build: Build, lines: Lines
) -> None:
    wrong = {"region": "left lung", "text": "There is a right effusion.", "rows": ["r2"]}

    def answer(asked: Asked) -> Any:
        if asked.kind == "summarise":
            return {"statements": [HEART, wrong]}
        verdicts = truthful_writer(asked)["verdicts"]
        if "Objections:" in asked.text:
            text = "There is a small left pleural effusion."
            verdicts[1] |= {"verdict": "correct", "text": text, "quote": text}
        return {"verdicts": verdicts}

    writer, auditor = serve(answer), serve(truthful_auditor)
    built = build(source, writer.url, auditor.url)
    found = lines("check")["s000"]
    assert (found.status, found.rounds) == ("corrected", 1)
    assert found.statements[1].text == "There is a small left pleural effusion."
    assert built.record is not None
    assert built.record.corrected == 4


def test_a_finding_that_was_lost_can_be_added_with_the_reports_words(
    source: Dataset, serve: Serve, build: Build, lines: Lines
) -> None:
    def answer(asked: Asked) -> Any:
        if asked.kind == "summarise":
            return {"statements": [HEART]}
        said = truthful_writer(asked)
        if '"lost"' in asked.text:
            text = "There is a small left pleural effusion."
            said["verdicts"].append({"n": 0, "verdict": "add", "region": "left lung", "text": text, "quote": text})
        return said

    writer, auditor = serve(answer), serve(truthful_auditor)
    build(source, writer.url, auditor.url)
    found = lines("check")["s000"]
    assert found.status == "corrected"
    assert [(one.n, one.reflect, one.audit, one.rows) for one in found.statements] == [
        (1, "keep", "supported", ("r1",)),
        (2, "add", "supported", ()),
    ]
    writer.answer = summaries(HEART)
    build(source, writer.url, auditor.url, out="forgetful")
    assert {line.why for line in lines("check", "forgetful").values()} == {"lost"}
    assert "effusion" in lines("check", "forgetful")["s000"].detail


def test_a_failure_is_no_verdict_and_is_asked_again(source: Dataset, serve: Serve, build: Build, lines: Lines) -> None:
    def broken(asked: Asked) -> Any:
        return 500 if asked.kind == "reflect" else truthful_writer(asked)

    writer, auditor = serve(broken), serve(truthful_auditor)
    built = build(source, writer.url, auditor.url)
    assert built.record is None
    assert not built.complete
    assert built.failed or built.stop is not None
    assert not any(line.goes_on for line in lines("reflect").values())
    writer.answer = truthful_writer
    built = build(source, writer.url, auditor.url)
    assert built.complete
    assert built.record is not None
    assert built.record.records == 4
    assert built.record.stages["reflect"] == {"kept": 4}


def test_one_model_in_both_roles_is_refused(source: Dataset, serve: Serve, build: Build) -> None:
    one = serve(truthful_writer)
    with pytest.raises(UsageError, match="one and the same model"):
        build(source, writer_model=Named("openai:a", (one.url,)), auditor_model=Named("openai:a", (one.url,)))
    assert not one.asked


@pytest.mark.parametrize(("root", "is_one"), [("same/model", True), ("another/model", False)])
def test_one_model_under_two_names_is_found_out_by_what_its_servers_serve(
    root: str, is_one: bool, source: Dataset, bench: Bench
) -> None:
    writer = bench.serve(truthful_writer, model="a", root="same/model")
    auditor = bench.serve(truthful_auditor, model="b", root=root)
    named = {"writer_model": Named("vllm:a", (writer.url,)), "auditor_model": Named("vllm:b", (auditor.url,))}
    if is_one:
        with pytest.raises(UsageError, match="one and the same model, same/model"):
            bench.build(source, **named, structured=False)
        assert not bench.lines("assemble")
    else:
        assert bench.build(source, **named, structured=False).complete


def test_without_reports_nothing_is_audited(source: Dataset, build: Build, lines: Lines) -> None:
    nobody = Named("none")
    built = build(source, writer_model=nobody, auditor_model=nobody, options={"report": "none"})
    assert built.record is not None
    assert built.record.records == 4
    assert built.record.leak is None
    assert built.record.models == {}
    assert lines("check")["s000"].statements[0].audit == ""
    with pytest.raises(UsageError, match="needs an auditor"):
        build(source, writer_model=nobody, auditor_model=nobody)
