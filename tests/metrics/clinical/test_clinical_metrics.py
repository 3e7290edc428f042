"""RadGraph, CheXbert, BERTScore and RadCliQ as a run scores them, with generated weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import Suite, suite

pytestmark = pytest.mark.clinical

NAMES = (
    "radgraph@xl",
    "chexbert@uncertain=positive",
    "semb@rexrank",
    "bertscore@rexrank",
    "bertscore@radeval",
    "radcliq@rexrank",
)


def examples(pairs: Sequence[tuple[str, str]]) -> list[Example]:
    return [
        Example(Study(id=f"s{n}", reference=Report(findings=ref)), Answer(f"s{n}", "ok", report=Report(text=cand)))
        for n, (cand, ref) in enumerate(pairs)
    ]


def measured(chosen: Suite, shown: Sequence[Example]) -> dict[str, FloatArray]:
    """Label of each column -> per-study values, the value over all studies last."""
    corpus = Corpus([one.study for one in shown])
    rows = {metric.name: metric.measure(shown, metric.fit(corpus)) for metric in chosen}
    columns: dict[str, FloatArray] = {}
    for metric in chosen:
        own = np.concatenate([rows[name] for name in (metric.name, *metric.requires)], axis=1)
        values = np.vstack([metric.reduce(own), metric.reduce(own.sum(axis=0))])
        columns |= {column.label: values[:, i] for i, column in enumerate(metric.columns)}
    return columns


@pytest.fixture(scope="module")
def pairs(weights: Any, texts: list[str]) -> list[tuple[str, str]]:
    """Candidates that share some sentences with their references, and two that are identical; none with a tie.

    A decision closer than rounding may fall either way, on another processor or in another engine.
    """
    from benchmarks.clinical.reports import rewritten
    from mmrad_eval.metrics.clinical.graphs.archive import RadGraphRunner

    runners = [RadGraphRunner(weights.archives / name, name, weights.encoder) for name in ("radgraph", "radgraph-xl")]

    def clear(*both: str) -> bool:
        found = [one for runner in runners for one in runner(both)]
        return all(one.margin is None or one.margin > 1e-4 for one in found)

    references = texts[:24]
    made = [
        *zip(rewritten(references, seed=8), references, strict=True),
        (texts[30], texts[30]),
        (texts[31], texts[31]),
    ]
    kept = [pair for pair in made if clear(*pair)]
    assert len(kept) > len(made) / 2
    return kept


def signatures(chosen: Suite, shown: Sequence[Example]) -> dict[str, str]:
    corpus = Corpus([one.study for one in shown])
    return {metric.name: metric.signature(metric.fit(corpus)) for metric in chosen}


def test_both_engines_give_the_same_columns(weights: Any, pairs: list[tuple[str, str]]) -> None:
    shown = examples(pairs)
    own = measured(suite(NAMES, options=weights.options()), shown)
    upstream = measured(suite(NAMES, options=weights.options(engine="upstream")), shown)
    assert own.keys() == upstream.keys()
    for label, values in own.items():
        near_zero = label.startswith("1/")  # a reciprocal magnifies what both leave in the last digits
        assert values == pytest.approx(upstream[label], abs=1e-5, rel=1e-3 if near_zero else None), label


def test_signatures_name_engine_weights_and_convention(weights: Any, pairs: list[tuple[str, str]]) -> None:
    shown = examples(pairs[:2])
    own = signatures(suite(NAMES, options=weights.options()), shown)
    upstream = signatures(suite(NAMES, options=weights.options(engine="upstream")), shown)
    for name in NAMES[:-1]:
        assert "weights:" in own[name]
        assert "engine:own" in own[name]
        assert own[name] == upstream[name].replace("engine:upstream", "engine:own")
    assert "case:0.1.18" in own["radgraph@xl"]
    assert "rescaled:en" in own["bertscore@rexrank"]


def test_radcliq_of_identical_reports_is_the_known_value(weights: Any, pairs: list[tuple[str, str]]) -> None:
    found = measured(suite(["radcliq@rexrank"], options=weights.options()), examples(pairs))
    related = found["RadGraph @ rexrank"]  # .5 where a text has entities and no relation
    identical = [n for n, (candidate, reference) in enumerate(pairs) if candidate == reference and related[n] > 0.6]
    assert identical
    assert found["RadGraph @ rexrank"][identical] == pytest.approx(1.0)
    assert found["RadCliQ-v1 @ rexrank"][identical] == pytest.approx(-1.44069, abs=5e-6)
    assert found["1/RadCliQ-v1 @ rexrank"][-1] == pytest.approx(1 / found["RadCliQ-v1 @ rexrank"][:-1].mean())


def test_a_second_run_computes_nothing_and_needs_no_torch(
    weights: Any, pairs: list[tuple[str, str]], tmp_path: Path
) -> None:
    shown = examples(pairs)
    first = measured(suite(NAMES, options=weights.options(), texts=tmp_path), shown)
    code = (
        "import json, sys\n"
        "from pathlib import Path\n"
        f"sys.path[:0] = [{str(Path(__file__).parent)!r}]\n"
        "from test_clinical_metrics import NAMES, examples, measured\n"
        "from mmrad_eval.metrics import suite\n"
        "options, pairs, texts = json.loads(sys.argv[1])\n"
        "shown = examples([tuple(pair) for pair in pairs])\n"
        "found = measured(suite(NAMES, options=options, texts=Path(texts)), shown)\n"
        "print(json.dumps([{k: v.tolist() for k, v in found.items()}, 'torch' in sys.modules]))\n"
    )
    told = json.dumps([{key: str(value) for key, value in weights.options().items()}, pairs, str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-c", code, told], capture_output=True, text=True, check=True, env=os.environ
    )
    second, loaded = json.loads(done.stdout)
    assert loaded is False
    for label, values in first.items():
        assert values == pytest.approx(second[label], abs=1e-12, nan_ok=True), label


def test_references_are_computed_once_for_all_models(
    weights: Any, pairs: list[tuple[str, str]], tmp_path: Path
) -> None:
    references = [reference for _, reference in pairs]
    shown = examples(pairs)
    measured(suite(["radgraph@xl"], options=weights.options(), texts=tmp_path), shown)
    lines = sum(len(path.read_text().splitlines()) for path in tmp_path.glob("*.jsonl"))
    assert lines == len({text for pair in pairs for text in pair})
    other = examples([("The lungs are clear.", reference) for reference in references])
    measured(suite(["radgraph@xl"], options=weights.options(), texts=tmp_path), other)
    again = sum(len(path.read_text().splitlines()) for path in tmp_path.glob("*.jsonl"))
    assert again == lines + 1  # the second model's one distinct candidate


HAND = (
    "",
    "   ",
    ".,;:!?",
    "word " * 5000,
    "No effusion.\r\nHeart normal.\r\n",
    "Übergröße; 心臓は正常.",
    "___ was told at ___.",
    "XXXX XXXX.",
    "NO ACUTE CARDIOPULMONARY PROCESS.",
)


def finite(found: Mapping[str, FloatArray], leaving: Sequence[str] = ()) -> None:
    for label, values in found.items():
        if not label.startswith(tuple(leaving)):
            assert np.isfinite(values).all(), label


def test_odd_candidates_score_and_never_break(weights: Any) -> None:
    pairs = [(text, "The heart is enlarged. Small right pleural effusion.") for text in HAND]
    found = measured(suite(NAMES, options=weights.options()), examples(pairs))
    finite(found)
    for label in ("RadGraph-partial @ xl", "SembScore @ rexrank"):
        assert list(found[label][:2]) == [0.0, 0.0]
    assert list(found["BERTScore @ rexrank"][:2]) == pytest.approx([-5.5502] * 2, abs=1e-4)  # 0 before rescaling


def test_odd_references_score_and_never_break(weights: Any) -> None:
    pairs = [("The heart is enlarged. Small right pleural effusion.", text) for text in HAND if text]
    finite(measured(suite(NAMES, options=weights.options()), examples(pairs)))


def test_odd_texts_score_the_same_with_the_packages(weights: Any, texts: list[str]) -> None:
    """All but the 5,000 words, for which RadGraph's package needs more memory than most machines have."""
    short = [text for text in HAND if len(text) < 1000]
    said = "The heart is enlarged. Small right pleural effusion."
    shown = examples([*((text, said) for text in short), *((said, text) for text in short if text), (texts[0],) * 2])
    own, upstream = (measured(suite(NAMES, options=weights.options(engine=e)), shown) for e in ("own", "upstream"))
    finite(upstream)
    for label, values in own.items():
        near_zero = label.startswith("1/")
        assert values == pytest.approx(upstream[label], abs=1e-5, rel=1e-3 if near_zero else None), label


def test_all_texts_equal_and_one_study(weights: Any, texts: list[str]) -> None:
    for count in (1, 3):
        found = measured(suite(NAMES, options=weights.options()), examples([(texts[0], texts[0])] * count))
        finite(found)
        assert found["RadGraph-partial @ xl"][-1] == 1.0


def test_a_study_without_the_target_counts_nowhere(weights: Any, texts: list[str]) -> None:
    shown = examples([(texts[0], texts[0])])
    lacking = Example(Study(id="x", reference=Report(impression="Normal.")), Answer("x", "ok", report=Report(text="a")))
    chosen = suite(NAMES, options=weights.options())
    alone, both = measured(chosen, shown), measured(chosen, [*shown, lacking])
    for label, values in alone.items():
        assert values[-1] == pytest.approx(both[label][-1], nan_ok=True), label


def test_any_local_model_scores_without_rescaling(weights: Any, texts: list[str]) -> None:
    name = f"bertscore:{weights.scorers / 'bert'}#2"
    found = measured(suite([name]), examples([(texts[0], texts[0]), ("", texts[0])]))
    assert found["BERTScore @ bert-L2"] == pytest.approx([1.0, 0.0, 0.5], abs=1e-6)


def test_missing_weights_are_named_with_the_command_and_the_rest_is_scored(weights: Any) -> None:
    options = weights.options()
    del options["weights.radgraph-xl"]
    chosen = suite(["radgraph@xl", "semb@rexrank", "bleu@rexrank"], options=options)
    assert [metric.name for metric in chosen] == ["semb@rexrank", "bleu@rexrank"]
    assert "mmrad-eval weights fetch radgraph-xl" in str(chosen.missing[0])


def test_an_archive_that_is_still_packed_is_unpacked_and_scored(
    weights: Any, pairs: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tarfile

    archive = tmp_path / "radgraph-xl.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(weights.archives / "radgraph-xl", arcname=".")
    monkeypatch.setenv("MMRAD_WEIGHTS", str(tmp_path / "ours"))
    options = weights.options() | {"weights.radgraph-xl": archive}
    shown = examples(pairs[:3])
    packed = measured(suite(["radgraph@xl"], options=options), shown)
    unpacked = measured(suite(["radgraph@xl"], options=weights.options()), shown)
    assert packed["RadGraph-complete @ xl"] == pytest.approx(unpacked["RadGraph-complete @ xl"])


def test_a_run_is_scored_and_verified_from_the_command_line(weights: Any, tmp_path: Path) -> None:
    told = [f"{key}={value}" for key, value in weights.options().items()]
    command = [sys.executable, "-m", "mmrad_eval", "--model", "baseline:evidence", "--task", "mcot", "--limit", "4"]
    command += ["--metrics", "radgraph@xl,semb,radcliq@rexrank,chexbert", "--policy", "uncertain=negative"]
    command += ["--verify", "5"]
    for entry in told:
        command += ["--metric-option", entry]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("results/runs/*/*/*/*/verify.json")
    heads = {head["head"]: head for head in json.loads(path.read_text())}
    assert set(heads) == {"radgraph-xl", "radgraph", "chexbert", "bertscore@rexrank"}
    assert all(head.get("different", 0) == 0 and head["texts"] > 0 for head in heads.values())
    assert "0 of" in done.stderr
    columns = json.loads((path.parent / "summary.json").read_text())["columns"]
    assert any("CheXbert" in label and "uncertain=negative" in label for label in columns)
    assert list(tmp_path.glob("results/replies/demo/texts/*.jsonl"))


def test_our_engine_needs_none_of_the_packages(weights: Any, texts: list[str], tmp_path: Path) -> None:
    """What the extra ``engine`` installs is enough, whatever transformers lies beside it."""
    absent = ["transformers", "radgraph", "f1chexbert", "bert_score", "evaluate", "sklearn", "nltk"]
    code = (
        "import json, sys\n"
        "names, folder, options, pairs = json.loads(sys.argv[1])\n"
        "sys.modules.update(dict.fromkeys(names))\n"
        "sys.path[:0] = [folder]\n"
        "from test_clinical_metrics import NAMES, examples, measured\n"
        "from mmrad_eval.metrics import suite\n"
        "chosen = suite(NAMES, options=options)\n"
        "assert not chosen.missing, chosen.missing\n"
        "found = measured(chosen, examples([tuple(pair) for pair in pairs]))\n"
        "print(json.dumps(found['RadCliQ-v1 @ rexrank'].tolist()))\n"
    )
    pairs = [(texts[0], texts[0]), (texts[1], texts[2])]
    options = {key: str(value) for key, value in weights.options().items()}
    told = json.dumps([absent, str(Path(__file__).parent), options, pairs])
    done = subprocess.run([sys.executable, "-c", code, told], capture_output=True, text=True, check=True, cwd=tmp_path)
    expected = measured(suite(["radcliq@rexrank"], options=options), examples(pairs))["RadCliQ-v1 @ rexrank"]
    assert json.loads(done.stdout) == pytest.approx(list(expected), abs=1e-6)
