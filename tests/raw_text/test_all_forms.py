"""The same words give the same report, sections, status and scores, in whatever form they come."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmrad_eval import score
from mmrad_eval.cli.parse import parse
from mmrad_eval.core.values import Answer, Example, Reply, Study
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.tasks.answers import read_answer

ROOT = Path(__file__).resolve().parents[2]
FINDINGS, IMPRESSION = "The heart is enlarged. The lungs are clear.", "Cardiomegaly."
TEXTS = {
    "plain": FINDINGS,
    "headed": f"FINDINGS: {FINDINGS}\nIMPRESSION: {IMPRESSION}",
    "thought": f"<unused94>thought\nFINDINGS: none yet.<unused95>**Findings:** {FINDINGS}",
    "json": json.dumps({"findings": FINDINGS, "impression": IMPRESSION}),
    "list": repr([FINDINGS]),
    "wrapped": f"Here is the report:\n\n{FINDINGS}\n\nLet me know if you need more.",
    "marks": f"{FINDINGS}</s>",
    "refused": "I'm unable to interpret medical images.",
    "no image": "Please upload the chest X-ray so that I can describe it.",
    "broken": "lung " * 60,
    "nothing": "nan",
}
REFERENCES = dict.fromkeys(TEXTS, FINDINGS)


def _csv(path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("study_id", "report"), *TEXTS.items()])
    return path


def _json_lines(path: Path) -> Path:
    path.write_text("".join(json.dumps({"id": k, "prediction": v}) + "\n" for k, v in TEXTS.items()), encoding="utf-8")
    return path


def _board(path: Path) -> Path:
    studies = {k: {"report": FINDINGS, "section_findings": FINDINGS, "model_prediction": v} for k, v in TEXTS.items()}
    path.write_text(json.dumps(studies), encoding="utf-8")
    return path


def _object(path: Path) -> Path:
    path.write_text(json.dumps({k: [v] for k, v in TEXTS.items()}), encoding="utf-8")
    return path


def _batch(path: Path) -> Path:
    lines = (
        {"custom_id": k, "response": {"status_code": 200, "body": {"choices": [{"message": {"content": v}}]}}}
        for k, v in TEXTS.items()
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def _samples(path: Path) -> Path:
    lines = (
        {"doc_id": n, "doc": {"study_id": k}, "target": FINDINGS, "resps": [[v]], "filtered_resps": [v]}
        for n, (k, v) in enumerate(TEXTS.items())
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


FORMS: Mapping[str, tuple[str, Callable[[Path], Path]]] = {
    "csv": ("p.csv", _csv),
    "jsonl": ("p.jsonl", _json_lines),
    "ReXrank": ("p.json", _board),
    "object of lists": ("q.json", _object),
    "batch": ("b.jsonl", _batch),
    "lm-eval": ("s.jsonl", _samples),
}


def _as_reply(text: str) -> Answer:
    return read_answer(Reply(text), "findings")


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_as_replies_with_the_same_words(tmp_path: Path, form: str) -> None:
    name, write = FORMS[form]
    read = read_predictions(write(tmp_path / name))
    for study, text in TEXTS.items():
        answer, reply = read.answer(study), _as_reply(text)
        assert answer is not None
        assert (answer.status, answer.report, answer.events) == (reply.status, reply.report, reply.events), study
        assert (answer.trace and answer.trace.text) == (reply.trace and reply.trace.text), study


def test_texts_in_python_are_read_as_replies_with_the_same_words() -> None:
    found = score(TEXTS, REFERENCES, ["rouge@raw"], resamples=2)
    assert [(a.status, a.report, a.events) for a in found.answers] == [
        (a.status, a.report, a.events) for a in map(_as_reply, TEXTS.values())
    ]
    read = [Example(Study("s"), _as_reply(text)).candidate for text in TEXTS.values()]
    assert found["ROUGE-L @ raw"] == score(read, list(REFERENCES.values()), ["rouge@raw"], resamples=2)["ROUGE-L @ raw"]


def test_a_reference_in_any_form_is_the_same_reference() -> None:
    written = [TEXTS[name] for name in ("plain", "headed", "json", "list", "marks")]
    assert score([FINDINGS] * 5, written, ["bleu@raw"], resamples=2)["BLEU-4 @ raw"] == pytest.approx(1)


def test_a_refusal_earns_no_label() -> None:
    normal = ["The lungs are clear. The heart is normal."] * 3
    refused = ["I cannot assist with that request.", "No image was provided.", "Lo siento, no puedo ayudar con eso."]
    assert score(refused, normal, ["rules"], resamples=2)["rules micro-F1-14 @ uncertain=positive"] == 0


def _examples() -> list[tuple[str, str, str]]:
    """(text, status, findings or report) of the examples in the docs."""
    page = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    table = page.partition("| text | status | what is scored |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(.+?)` \| (\w+) \| ?(.*?) \|$", table, re.MULTILINE)
    return [(text.replace("\\n", "\n").replace("\\|", "|"), status, scored.strip("`")) for text, status, scored in rows]


def test_the_examples_in_the_docs_are_read_as_the_docs_say() -> None:
    examples = _examples()
    assert len(examples) >= 15
    for text, status, scored in examples:
        answer = _as_reply(text)
        assert (answer.status, Example(Study("s"), answer).candidate) == (status, scored), text


def test_parse_shows_raw_and_understood_side_by_side(tmp_path: Path) -> None:
    shown = CliRunner().invoke(parse, [str(_csv(tmp_path / "p.csv"))])
    assert shown.exit_code == 0
    assert "status: refused" in shown.output
    assert re.search(r"unused94.*│.*status: ok", shown.output)
    assert "removed, thought: FINDINGS: none yet." in shown.output


def test_parse_prints_one_object_a_text(tmp_path: Path) -> None:
    path = _json_lines(tmp_path / "p.jsonl")
    shown = CliRunner().invoke(parse, [str(path), "--json", "--study", "marks"])
    found = json.loads(shown.stdout)
    assert (found["status"], found["report"]["text"], found["removed"]) == (
        "ok",
        FINDINGS,
        [{"kind": "control token", "text": "</s>"}],
    )
