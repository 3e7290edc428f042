"""What becomes of each statement of a report beside a trace, on hand-written pairs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from mmrad_eval.metrics.consistency.matching import compare, contradicts, matching, supports
from mmrad_eval.metrics.consistency.statements import Statement, statements
from mmrad_eval.metrics.facts.extract import Fact, extract

GOLDEN = Path(__file__).parent.parent / "golden"
SIGN = {"supported": "S", "contradicted": "C", "partial": "P", "unsupported": "U", "carried": "K", "omitted": "O"}
LEAST = 0.90
"""Agreement that the rules must reach on the hand-written statuses."""


class Pair(NamedTuple):
    kind: str
    trace: str
    report: str
    expected: str


def _pairs(name: str) -> list[Pair]:
    lines = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
    return [Pair(*line.split("\t")) for line in lines if line and not line.startswith("#")]


def _agreement(pair: Pair) -> tuple[int, int]:
    """How many of the expected statuses come out, and of how many."""
    report, trace = statements(extract(pair.report)), statements(extract(pair.trace))
    compared = compare(report, trace)
    said = list(zip(report, [j.verdict for j in compared.report], strict=True))
    thought = list(zip(trace, compared.trace, strict=True))
    right = 0
    for entry in pair.expected.split():
        name, sign = entry.removeprefix("~").split("=")
        concept, _, side = name.partition("@")
        found = [
            SIGN[verdict]
            for statement, verdict in (thought if entry.startswith("~") else said)
            if statement.fact.concept == concept and side in {"", statement.fact.side}
        ]
        right += found == ([] if sign == "!" else [sign])
    return right, len(pair.expected.split())


def test_at_least_a_hundred_and_fifty_pairs_are_there_half_of_them_hard() -> None:
    pairs = _pairs("pairs.tsv")
    assert len(pairs) >= 150
    assert sum(pair.kind not in {"plain", "style"} for pair in pairs) >= len(pairs) / 2
    hard = {"double negation", "no change", "lists", "sides", "cannot exclude", "post-operative", "devices"}
    assert hard <= {pair.kind for pair in pairs}


@pytest.mark.parametrize("kind", sorted({pair.kind for pair in _pairs("pairs.tsv")}))
def test_rules_agree_with_the_hand_written_statuses_of_each_kind(kind: str) -> None:
    counts = [_agreement(pair) for pair in _pairs("pairs.tsv") if pair.kind == kind]
    assert sum(right for right, _ in counts) / sum(of for _, of in counts) >= LEAST


def test_rules_agree_on_sentences_they_were_not_written_from() -> None:
    counts = [_agreement(pair) for pair in _pairs("fresh.tsv")]
    assert len(counts) >= 40
    assert sum(right for right, _ in counts) / sum(of for _, of in counts) >= LEAST


def _said(text: str) -> list[tuple[str, str, str]]:
    return [(s.fact.concept, s.fact.status, s.fact.side) for s in statements(extract(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Left effusion. Impression: Effusion.", [("pleural_effusion", "present", "left")]),
        ("Bilateral effusions.", [("pleural_effusion", "present", "left"), ("pleural_effusion", "present", "right")]),
        ("No large effusion. Small effusion.", [("pleural_effusion", "present", "")]),
        (
            "No left effusion. Right effusion.",
            [("pleural_effusion", "absent", "left"), ("pleural_effusion", "present", "right")],
        ),
        ("Possible edema. Edema.", [("edema", "present", "")]),
        ("No bilateral effusions.", [("pleural_effusion", "absent", "both")]),
        ("Right upper lobe nodule. Right nodule.", [("nodule", "present", "right")]),
        ("Right upper lobe nodule. Right lower lobe nodule.", [("nodule", "present", "right")] * 2),
    ],
)
def test_a_text_says_each_thing_once_and_at_its_most_specific(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert sorted(_said(text)) == sorted(expected)


def test_every_fact_belongs_to_a_statement() -> None:
    facts = extract("Left effusion and right effusion. Bilateral effusions. No pneumothorax. Effusion.")
    members = [i for statement in statements(facts) for i in statement.members]
    assert set(members) == set(range(len(facts)))


FACTS = st.builds(
    Fact,
    concept=st.sampled_from(["pleural_effusion", "opacity", "consolidation", "lung_abnormality"]),
    status=st.sampled_from(["present", "absent", "uncertain"]),
    side=st.sampled_from(["", "left", "right", "both"]),
    zone=st.sampled_from(["", "upper", "apical", "lower", "several"]),
)
TEXTS = st.lists(FACTS, max_size=7)


@settings(deadline=None)  # the first text loads the vocabulary, and machines are shared
@given(TEXTS)
def test_a_text_supports_itself_wholly(facts: list[Fact]) -> None:
    said = statements(facts)
    compared = compare(said, said)
    assert {judged.verdict for judged in compared.report} <= {"supported"}
    assert set(compared.trace) <= {"carried"}


@settings(deadline=None)  # the first text loads the vocabulary, and machines are shared
@given(TEXTS, TEXTS)
def test_each_statement_has_one_verdict_and_support_is_one_to_one(a: list[Fact], b: list[Fact]) -> None:
    report, trace = statements(a), statements(b)
    compared = compare(report, trace)
    assert (len(compared.report), len(compared.trace)) == (len(report), len(trace))
    same = [
        judged.source
        for statement, judged in zip(report, compared.report, strict=True)
        if judged.verdict == "supported"
        and trace[judged.source].fact.concept == statement.fact.concept
        and supports(statement.fact, trace[judged.source].fact)
    ]
    denials = [i for i in same if trace[i].fact.status == "absent"]
    assert len(set(same)) == len(same) or denials


@settings(deadline=None)  # the first text loads the vocabulary, and machines are shared
@given(FACTS, FACTS)
def test_nothing_supports_and_contradicts_at_once(f: Fact, g: Fact) -> None:
    assert not (supports(f, g) and contradicts(f, g))
    assert contradicts(f, g) == contradicts(g, f)


@settings(deadline=None)  # the first text loads the vocabulary, and machines are shared
@given(st.lists(st.integers(0, 5), max_size=6), st.lists(st.integers(0, 5), max_size=6), st.integers(0, 2**36 - 1))
def test_the_matching_is_a_largest_one(left: list[int], right: list[int], edges: int) -> None:
    """Against scipy's maximum bipartite matching on the same random graph."""
    graph = np.array([[edges >> (6 * i + j) & 1 for j in range(len(right))] for i in range(len(left))]).reshape(
        len(left), len(right)
    )
    f = [Fact(str(i), "present") for i in range(len(left))]
    g = [Fact(str(j), "present") for j in range(len(right))]
    found = matching(f, g, lambda a, b: bool(graph[int(a.concept), int(b.concept)]))
    assert len(set(found.values())) == len(found)
    assert all(graph[i, j] for i, j in found.items())
    best = maximum_bipartite_matching(csr_matrix(graph), "column") if graph.size else np.array([])
    assert len(found) == int((best >= 0).sum())


def test_one_vague_thought_supports_one_statement() -> None:
    report = [
        Statement(Fact("nodule", "present", "right", "upper"), (0,)),
        Statement(Fact("nodule", "present", "right", "lower"), (1,)),
    ]
    trace = [Statement(Fact("nodule", "present", "right", "several"), (0,))]
    verdicts = [(judged.verdict, judged.why) for judged in compare(report, trace).report]
    assert verdicts == [("supported", ""), ("partial", "taken")]
