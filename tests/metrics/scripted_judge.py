"""A judge on loopback whose every reply is decided by a seed, the case, the stage and how often it was asked before.

A third of its replies is malformed, in the ways that judges of these metrics are known for.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.harness.loopback_judge import serving

Body = dict[str, Any]
Script = Callable[[random.Random, Body], str]
MALFORMED = 1 / 3


class ScriptedJudge:
    """Keeps what it is sent, by the side (``ours``, ``theirs``) that its address names."""

    def __init__(self, url: str, script: Script, seed: int) -> None:
        self._url, self._script, self._seed = url, script, seed
        self._lock = threading.Lock()
        self._asked: Counter[tuple[str, str, str]] = Counter()
        self.bodies: dict[str, list[Body]] = {"ours": [], "theirs": []}

    def at(self, side: str) -> str:
        """Its address for one side."""
        return f"{self._url}/{side}/v1"

    def reply(self, side: str, body: Body) -> str:
        """The text of its reply."""
        case, stage = case_of(body), stage_of(body)
        with self._lock:
            self.bodies[side].append(body)
            times = self._asked[side, case, stage]
            self._asked[side, case, stage] += 1
        return self._script(random.Random(f"{self._seed} {case} {stage} {times}"), body)


def case_of(body: Body) -> str:
    """The case that a request is about: a number in its reports or findings."""
    texts = " ".join(m["content"] for m in body["messages"] if m["role"] == "user")
    found = re.search(r"CASE (\d+)", texts)
    assert found is not None
    return found[1]


def stage_of(body: Body) -> str:
    """What is asked: the form of the reply, and of an extraction or a comparison what it is about."""
    form = body["response_format"]
    name = str(form.get("json_schema", {}).get("name", "crimson"))
    about = next((m["content"] for m in body["messages"] if m["role"] == "user" and "CASE" in m["content"]), "")
    return name if name in {"crimson", "matching_output"} else f"{name} {about}"


@contextmanager
def scripted(script: Script, seed: int) -> Iterator[ScriptedJudge]:
    """Run one."""
    with serving(lambda path, body: judge.reply(path.split("/")[1], body)) as url:
        judge = ScriptedJudge(url, script, seed)
        yield judge


LEVELS = ("urgent", "actionable_not_urgent", "not_actionable_not_urgent", "benign_expected")


def _weighed(chance: random.Random, letter: str) -> list[dict[str, str]]:
    return [
        {"id": f"{letter}{i}", "finding": "a", "clinical_significance": chance.choice(LEVELS)}
        for i in range(chance.randrange(4))
    ]


def crimson_reply(chance: random.Random, body: Body) -> str:  # noqa: ARG001 (a script)
    """An evaluation that keeps to the form, or in a third of the cases one that does not."""
    reference = [
        {"id": f"R{i}", "finding": "a", "clinical_significance": chance.choice(LEVELS)}
        for i in range(chance.randrange(4))
    ]
    predicted = [
        {"id": f"P{i}", "finding": "b", "clinical_significance": chance.choice(LEVELS)}
        for i in range(chance.randrange(4))
    ]
    pairs = [(r["id"], p["id"]) for r in reference for p in predicted if chance.random() < 0.4]
    value: dict[str, Any] = {
        "reference_findings": reference,
        "predicted_findings": predicted,
        "matched_findings": [{"ref_id": r, "pred_id": p} for r, p in pairs],
        "errors": {
            "false_findings": [p["id"] for p in predicted if p["id"] not in {q for _, q in pairs}],
            "missing_findings": [r["id"] for r in reference if r["id"] not in {q for q, _ in pairs}],
            "attribute_errors": [
                {
                    "ref_id": r,
                    "pred_id": p,
                    "severity": chance.choice(("significant", "negligible")),
                    "error_types": ["location"],
                    "explanation": "R1, P1",
                }
                for r, p in pairs
                if chance.random() < 0.4
            ],
        },
    }
    text = json.dumps(value)
    if chance.random() >= MALFORMED:
        return text
    ways: tuple[Callable[[], str], ...] = (
        lambda: f"```json\n{text}\n```",
        lambda: f"Here it is: {text}",
        lambda: text[: chance.randrange(len(text))],
        lambda: text[:-1] + ",}",
        lambda: chance.choice(("{}", "[]", "null", '"text"', '{"errors": null}', "", "no")),
        lambda: text.replace('"errors"', '"Errors"'),
        lambda: text.replace("urgent", "Urgent"),
        lambda: text.replace('"significant"', '"severe"'),
        lambda: json.dumps(value | {"errors": value["errors"] | {"false_findings": ["P9", "an effusion"]}}),
        lambda: json.dumps(value | {"errors": value["errors"] | {"false_findings": [{"id": "P0"}]}}),
        lambda: text.replace('"ref_id"', '"reference"', 1),
        lambda: text.replace('"id"', '"ID"', 1),
        lambda: text.replace('"R0"', '"R7"'),
        lambda: text.replace('"explanation": "R1, P1"', '"explanation":"R1, P1"'),
        lambda: text.replace('"explanation": "R1, P1"', '"explanation": "the "large" one"'),
        lambda: text.replace('"explanation": "R1, P1"', '"explanation": "\u201clarge\u201d \\_x"'),
        lambda: text.replace('"pred_id"', '"pred_old","pred_id"'),
        lambda: text.replace('"errors":', 'errors":'),
        lambda: text.replace('"matched_findings": [', '"matched_findings": ["": ['),
        lambda: text.replace("{", '{"errors": {}, ', 1),
    )
    return chance.choice(ways)()


TIERS = ("critical", "urgent", "notable", "routine")
UNITS: tuple[tuple[str, tuple[str | None, ...]], ...] = (
    *(("size", ("mm", "cm", "in")), ("count", (None,)), ("attenuation", ("HU",))),
    *(("ratio", ("%",)), ("other", ("x",))),
)
COMPARISONS = (None, None, None, "stable", "improving", "worsening", "new", "resolved")


def radmatch_reply(chance: random.Random, body: Body) -> str:
    """A reply of the stage that is asked, or in a third of the cases one without its form."""
    if chance.random() < 0.01:
        return ""
    name = body["response_format"]["json_schema"]["name"]
    broken = chance.random() < MALFORMED
    return {"findings_output": _findings, "matching_output": _matching, "attribute_errors_output": _attributes}[name](
        chance, body, broken
    )


def _measurement(chance: random.Random, *, broken: bool) -> Any:
    if broken and chance.random() < 0.5:
        return chance.choice(
            (
                {"value": "12", "unit": "millimeters", "category": "Size"},
                {"value": "2-3", "unit": "mm", "category": "size"},
                {"unit": "mm", "category": "size"},
                {"value": True, "unit": None, "category": "count"},
                {"value": 4.5, "unit": 7, "category": "size"},
                {"value": 3, "unit": "%"},
                "12 mm",
            )
        )
    category, units = chance.choice(
        (
            ("size", ("mm", "cm", "in")),
            ("count", (None,)),
            ("attenuation", ("HU",)),
            ("ratio", ("%",)),
            ("other", ("x",)),
        )
    )
    return {
        "value": chance.choice((1, 2, 10, 12, 12.5, 15, -5, 30)),
        "unit": chance.choice(units),
        "category": category,
    }


def _finding(chance: random.Random, case: str, *, broken: bool) -> Any:
    if broken and chance.random() < 0.3:
        return chance.choice(("text", {"text": f"CASE {case} A."}, {"text": 5}, None))
    made = {
        "text": f"CASE {case} finding {chance.randrange(99)}.",
        "clinical_status": chance.choice(("abnormal", "abnormal", "normal")),
        "clinical_significance": chance.choice(TIERS),
        "comparison": chance.choice(COMPARISONS),
        "measurements": [_measurement(chance, broken=broken) for _ in range(chance.choice((0, 0, 1, 2)))],
    }
    if broken and chance.random() < 0.4:
        odd: tuple[dict[str, Any], ...] = (
            {"clinical_status": "Abnormal"},
            {"clinical_significance": "CRITICAL"},
            {"comparison": "unchanged"},
            {"measurements": None},
            {"clinical_status": None, "comparison": 3},
        )
        made |= chance.choice(odd)
    return made


def _findings(chance: random.Random, body: Body, broken: bool) -> str:
    case = case_of(body)
    value = {"findings": [_finding(chance, case, broken=broken) for _ in range(chance.choice((0, 1, 2, 3, 5, 13)))]}
    text = json.dumps(value)
    if broken and chance.random() < 0.3:
        return chance.choice(
            (f"```json\n{text}\n```", text[:-2], "[]", '{"findings": null}', "none", '{"findings": {}}')
        )
    return text


def _matching(chance: random.Random, body: Body, broken: bool) -> str:
    asked = json.loads(body["messages"][-1]["content"].rsplit("\n", 1)[-1])
    ours, theirs = ([one["finding_id"] for one in asked[side]] for side in ("pred_findings", "gt_findings"))
    rate = chance.choice((0.2, 0.5, 1.0))
    pairs = [(p, g) for p in ours for g in theirs if chance.random() < rate / max(len(ours), len(theirs)) * 2]
    if rate == 1.0:
        pairs = list(zip(ours, theirs, strict=False))
    value: dict[str, Any] = {
        "matches": [{"pred_id": p, "gt_id": g, "reasoning": "same"} for p, g in pairs],
        "unmatched_pred": [p for p in ours if p not in {q for q, _ in pairs}],
        "unmatched_gt": [g for g in theirs if g not in {q for _, q in pairs}],
    }
    if not broken:
        return json.dumps(value)
    ways: tuple[Callable[[], Any], ...] = (
        lambda: "not JSON",
        dict,
        list,
        lambda: value | {"matches": "none"},
        lambda: value | {"matches": value["matches"] * 2},
        lambda: value | {"unmatched_pred": ours},
        lambda: value | {"unmatched_gt": [*theirs, "report_777", "report_777"]},
        lambda: value | {"unmatched_gt": [], "unmatched_pred": []},
        lambda: value | {"matches": [{"pred_id": p, "gt_id": g} for p, g in pairs]},
        lambda: value | {"matches": [*value["matches"], "x", {"pred_id": 3, "gt_id": None}]},
    )
    made = chance.choice(ways)()
    return made if isinstance(made, str) else json.dumps(made)


def _attributes(chance: random.Random, body: Body, broken: bool) -> str:
    pairs = json.loads(body["messages"][1]["content"])["pairs"]
    dimensions = ("location", "severity", "morphology", "certainty", "measurement")

    severities = ("minor", "minor", "major")

    def one() -> list[Any]:
        n = chance.choice((0, 0, 0, 1, 2))
        return [
            {
                "dimension": chance.choice(dimensions),
                "severity": chance.choice(severities),
                "reasoning": "r",
            }
            for _ in range(n)
        ]

    lists: list[Any] = [one() for _ in pairs]
    if not broken:
        return json.dumps({"errors_per_match": lists})
    ways: tuple[Callable[[], Any], ...] = (
        lambda: "not JSON",
        dict,
        list,
        lambda: {"errors_per_match": [*lists, [], []]},
        lambda: {"errors_per_match": lists[:-1]},
        lambda: {"errors_per_match": [*lists, one() or [{}]]},
        lambda: {"errors_per_match": "none"},
        lambda: {"errors_per_match": ["text", *lists[1:]]},
        lambda: {"errors_per_match": [[{"dimension": "laterality", "severity": "Major"}, "x"], *lists[1:]]},
    )
    made = chance.choice(ways)()
    return made if isinstance(made, str) else json.dumps(made)
