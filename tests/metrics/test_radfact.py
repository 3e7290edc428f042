"""RadFact's questions from a checkout, its replies, and its numbers from verdicts."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.judge_contracts import Verdict
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.judged.radfact_prompts import RadFactPrompts, read_prompts
from mmrad_eval.metrics.judged.radfact_replies import normalized, read_entailed, read_split
from tests.metrics.radfact_checkout import SYSTEM_ENTAIL, SYSTEM_SPLIT, write_checkout, write_wheel
from tests.metrics.radfact_script import entail_reply, phrase, split_reply


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> RadFactPrompts:
    folder = tmp_path_factory.mktemp("radfact")
    return read_prompts(write_checkout(folder / "checkout"), write_wheel(folder / "core.whl"))


def test_questions_are_the_checkouts_words_and_examples(prompts: RadFactPrompts) -> None:
    (role, system), *examples = prompts.split
    assert role == "system"
    head, like, by, schema = system.partition("\n\n")[0], '{"a": 1}', "by this schema:\n", system.rpartition("\n")[2]
    assert head == SYSTEM_SPLIT
    assert f"Write JSON like {like} {by}" in system
    assert json.loads(schema) == {
        "description": "A report in phrases.\n  Indented.",
        "properties": {
            "id": {"title": "Id", "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "sentence_list": {
                "title": "Sentence List",
                "type": "array",
                "items": {"$ref": "#/definitions/SentenceWithRephrases"},
            },
        },
        "required": ["sentence_list"],
        "definitions": {
            "SentenceWithRephrases": {
                "title": "SentenceWithRephrases",
                "description": "A sentence and its phrases.",
                "type": "object",
                "properties": {
                    "orig": {"title": "Orig", "type": "string"},
                    "new": {"title": "New", "type": "array", "items": {"type": "string"}},
                },
                "required": ["orig", "new"],
            }
        },
    }
    assert examples == [
        ("user", "Clear. No effusion."),
        ("assistant", '{"id": "one", "sentence_list": [{"orig": "Clear.", "new": ["Clear lungs.", ""]}]}'),
    ]
    assert prompts.entail == (
        ("system", SYSTEM_ENTAIL),
        ("user", "reference:\n- \"Gr\\xF6\\xDFe normal.\"\nhypothesis: 'Heart: normal.'\n"),
        ("assistant", "phrase: 'Heart: normal.'\nevidence:\n- \"Gr\\xF6\\xDFe normal.\"\nstatus: entailment\n"),
        ("user", 'reference:\n- "Gr\\xF6\\xDFe normal."\nhypothesis: New.\n'),
        ("assistant", "phrase: New.\nevidence: []\nstatus: not_entailment\n"),
        ("user", "reference:\n- 'Heart: normal.'\n- New.\nhypothesis: \"Gr\\xF6\\xDFe normal.\"\n"),
        ("assistant", 'phrase: "Gr\\xF6\\xDFe normal."\nevidence:\n- New.\nstatus: not_entailment\n'),
    )


def test_other_words_than_the_published_ones_fill_a_column_of_their_own(tmp_path: Path) -> None:
    options = {
        "radfact.checkout": write_checkout(tmp_path / "checkout"),
        "radfact.langchain": write_wheel(tmp_path / "core.whl"),
    }
    (metric,) = suite(["radfact@upstream"], options=options)
    assert all(column.profile.startswith("upstream-prompts-") for column in metric.columns)


def test_without_a_checkout_the_table_says_what_brings_it() -> None:
    missing = suite(["radfact"]).missing
    assert [one.name for one in missing] == ["radfact@upstream", "radfact@strict"]
    assert "radfact.checkout=FOLDER" in missing[0].remedy


@pytest.mark.parametrize("name", ["system_message.txt", "few_shot_examples.json"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    checkout = write_checkout(tmp_path / "checkout")
    (checkout / "src/radfact/llm_utils/report_to_phrases/prompts" / name).unlink()
    options = {"radfact.checkout": checkout, "radfact.langchain": write_wheel(tmp_path / "core.whl")}
    (missing,) = suite(["radfact@strict"], options=options).missing
    assert name in missing.what


def test_examples_of_another_form_are_refused(tmp_path: Path) -> None:
    checkout = write_checkout(tmp_path / "checkout")
    (checkout / "src/radfact/llm_utils/nli/prompts/few_shot_examples.json").write_text('[{"input": {}}]')
    with pytest.raises(DataError, match="do not have the form of RadFact"):
        read_prompts(checkout, write_wheel(tmp_path / "core.whl"))


def test_generated_replies_are_read_as_upstream_reads_them() -> None:
    chooser = random.Random(11)
    malformed = 0
    for _ in range(1500):
        others = [phrase(chooser) for _ in range(chooser.randint(1, 4))]
        asked, bad = phrase(chooser), chooser.random() < 1 / 3
        malformed += bad
        text, expected = entail_reply(chooser, asked, others, bad=bad)
        found = read_entailed(asked, text)
        assert (found and (found.entailed, found.evidence)) == expected, text
        text, phrases = split_reply(chooser, others, bad=bad)
        assert read_split(text) == phrases, text
    assert malformed > 450


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("No  Effusion.", "no effusion"),
        ("Well-expanded lungs", "wellexpanded lungs"),
        (" a \u2013b: c! ", "a b: c"),
    ],
)
def test_phrases_are_compared_without_case_dashes_and_final_points(text: str, same: str) -> None:
    assert normalized(text) == normalized(same)


def said(*states: bool, evidence: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [
        {"phrase": f"Phrase {n}.", "entailed": entailed, "evidence": list(evidence), "read": True}
        for n, entailed in enumerate(states)
    ]


def test_f1_is_that_of_the_means_and_what_is_undefined_counts_nowhere(prompts: RadFactPrompts) -> None:
    from mmrad_eval.metrics.judged.radfact import RadFact

    verdicts = {
        "a": Verdict(
            {"candidate": said(True, True, True, False), "reference": said(True, False), "replies": 8, "read": 8}
        ),
        "b": Verdict({"candidate": [], "reference": said(False, False), "replies": 2, "read": 2}),
        "c": Verdict({"replies": 2, "read": 1, "dropped": True}, "unread", "x"),
        "d": Verdict(state="nothing"),
    }
    study = {name: Study(name, reference=Report(findings="Clear.")) for name in verdicts}
    examples = [Example(one, Answer(name, "ok", report=Report(text="Clear."))) for name, one in study.items()]
    found = {}
    for profile in ("upstream", "strict"):
        metric = RadFact(f"radfact@{profile}", profile, prompts, verdicts)
        context = metric.fit(Corpus(list(study.values())))
        rows = metric.measure(examples, context)
        found[profile] = metric.reduce(rows.sum(axis=0))
        assert np.isnan(metric.reduce(rows[3])).all()
        assert "|unread:" in metric.signature(context)
    # upstream: b has no precision, c is dropped; strict: b and c have said nothing right
    assert found["upstream"] == pytest.approx([0.75, 0.25, 2 * 0.75 * 0.25 / 1.0, 2 / 3, 11 / 12])
    assert found["strict"] == pytest.approx([0.25, 0.5 / 3, 0.2, 1.0, 11 / 12])


def test_nothing_read_is_no_number(prompts: RadFactPrompts) -> None:
    from mmrad_eval.metrics.judged.radfact import RadFact

    metric = RadFact(
        "radfact@strict", "strict", prompts, {"a": Verdict({"replies": 2, "read": 0, "dropped": True}, "unread")}
    )
    example = Example(Study("a", reference=Report(findings="Clear.")), Answer("a", "ok", report=Report(text="Clear.")))
    values = metric.reduce(metric.measure([example], "findings").sum(axis=0))
    assert np.isnan(values[:3]).all()
    assert values[3:].tolist() == [1.0, 0.0]
