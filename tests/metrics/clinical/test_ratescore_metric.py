"""RaTEScore as a metric of a suite: columns, signature, what is stored, and what is missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.clinical.entities.spans import spans

LABELS = {"b": "B-DISEASE", "i": "I-DISEASE", "B": "B-ANATOMY", "I": "I-ANATOMY", "o": "O"}


@pytest.mark.parametrize(
    ("labels", "found"),
    [  # by post_process of RaTEScore 0.6.0; the outer letters are those of [CLS] and [SEP]
        ("obio", [(1, 2, "DISEASE")]),
        ("oboio", [(1, 1, "DISEASE")]),  # what begins with I- is dropped
        ("obBo", [(1, 1, "DISEASE"), (2, 2, "ANATOMY")]),
        ("obIo", [(1, 2, "DISEASE")]),  # the type is that of the B-
        ("obii", [(1, 2, "DISEASE")]),  # open at the end
        ("obBii", [(1, 1, "DISEASE")]),  # a span was ended before: what is open at the end is lost
        ("oio", []),
        ("ooo", []),
    ],
)
def test_labels_become_spans_as_in_the_package(labels: str, found: list[tuple[int, int, str]]) -> None:
    pieces = ["[CLS]", *"x" * (len(labels) - 2), "[SEP]"]
    assert spans(pieces, [LABELS[one] for one in labels]) == found


def test_without_weights_the_table_says_what_brings_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMRAD_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    made = suite(["ratescore"])
    assert [one.name for one in made.missing] == ["ratescore@long", "ratescore@short"]
    assert all("torch" in one.what or "sentences" in one.what or "rate-ner" in one.what for one in made.missing)


@pytest.mark.clinical
@pytest.mark.usefixtures("hub_home")
def test_both_profiles_score_a_suite_and_a_second_one_loads_no_model(tmp_path: Path, texts: list[str]) -> None:
    from benchmarks.clinical.checkpoints import SMALL
    from benchmarks.clinical.rate_checkpoints import write_classifier, write_synonyms

    options: dict[str, Any] = {
        "weights.rate-ner": write_classifier(tmp_path / "ner", SMALL, texts, 8),
        "weights.biolord": write_synonyms(tmp_path / "synonyms", SMALL, texts, 8),
    }
    pairs = [(texts[0], texts[1]), ("", texts[2]), (texts[3], texts[3]), (texts[4], "")]
    studies = [Study(id=str(n), reference=Report(findings=reference)) for n, (_, reference) in enumerate(pairs)]
    answers = [
        Answer(study.id, "ok", report=Report(text=said)) for study, (said, _) in zip(studies, pairs, strict=True)
    ]
    examples = [Example(study, answer) for study, answer in zip(studies, answers, strict=True)]

    def scored(**more: Any) -> tuple[list[list[float]], list[str]]:
        metrics = suite(["ratescore"], options={**options, **more}, texts=tmp_path / "texts")
        fitted = [(metric, metric.fit(Corpus(studies))) for metric in metrics]
        totals = [metric.reduce(metric.measure(examples, context).sum(axis=0)).tolist() for metric, context in fitted]
        return totals, [metric.signature(context) for metric, context in fitted]

    (long, short), (signature, _) = scored()
    assert long[0] != short[0]
    assert long[2] == 0.75
    assert 0 < long[1] < 0.9
    assert long[1] * 3 == pytest.approx(long[0] * 4 - 1.0)  # two silent sides gave .5 each, and nothing strictly
    assert "|sentences:pyrush-1.0.13-3.8" in signature
    assert "|affinity:long|no-entity:0.5|strict:0|aligned|v1" in signature

    for file in (options["weights.rate-ner"], options["weights.biolord"]):
        state = file / "model.safetensors"
        kept, status = state.read_bytes(), state.stat()
        state.write_bytes(b"\0" * len(kept))
        os.utime(state, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert scored()[0] == [long, short]


@pytest.mark.clinical
@pytest.mark.usefixtures("hub_home")
def test_verify_compares_with_the_package(tmp_path: Path, texts: list[str]) -> None:
    from benchmarks.clinical.checkpoints import SMALL
    from benchmarks.clinical.rate_checkpoints import write_classifier, write_synonyms
    from mmrad_eval.metrics.clinical.verify import verify

    options = {
        "weights.rate-ner": write_classifier(tmp_path / "ner", SMALL, texts, 9),
        "weights.biolord": write_synonyms(tmp_path / "synonyms", SMALL, texts, 9),
    }
    examples = [
        Example(
            Study(id=str(n), reference=Report(findings=texts[n])),
            Answer(str(n), "ok", report=Report(text=texts[n + 9])),
        )
        for n in range(6)
    ]
    (found,) = verify(["ratescore@long"], examples, 6, options)
    assert (found.head, found.texts, found.missing) == ("ratescore", 6, "")
    assert all(margin is not None and margin < 2e-6 for margin in found.margins)
    assert found.versions["RaTEScore"] == "0.6.0"
