"""The own CheXbert engine gives f1chexbert's labels, and refuses a checkpoint that the package would take silently."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.errors import DataError

pytestmark = pytest.mark.clinical


def engines(weights: Any) -> tuple[Any, Any]:
    from mmrad_eval.metrics.clinical.embeddings.chexbert import CheXbertRunner
    from mmrad_eval.metrics.clinical.reference_packages import UpstreamCheXbert

    checkpoint = weights.checkpoint
    return CheXbertRunner(checkpoint, weights.encoder), UpstreamCheXbert(checkpoint, weights.encoder)


TIE = 1e-4
"""A decision closer than this may fall either way with the rounding of a processor; the engine reports its margin."""


def differing(own: list[Any], upstream: list[Any]) -> list[tuple[int, float | None]]:
    """(index, margin of the closest decision) of every text whose labels differ and were no tie."""
    pairs = enumerate(zip(own, upstream, strict=True))
    return [(n, a.margin) for n, (a, b) in pairs if a.classes != b.classes and (a.margin is None or a.margin > TIE)]


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_labels_and_vectors_are_the_packages(make_weights: Any, seed: int) -> None:
    from benchmarks.clinical.reports import reports

    own, upstream = engines(make_weights(seed))
    texts = reports(340, seed=seed + 50, low=1, high=7)
    found, expected = own(texts), upstream(texts)
    assert differing(found, expected) == []
    assert max(np.abs(a.vector - b.vector).max() for a, b in zip(found, expected, strict=True)) < 2e-5
    assert len({one.classes for one in found}) > 50


def test_labels_of_random_words_and_edges_are_the_packages(
    weights: Any, edges: tuple[str, ...], texts: list[str]
) -> None:
    chooser = random.Random(5)
    words = sorted({word for text in texts for word in text.split()})
    noise = [" ".join(chooser.choices(words, k=chooser.randint(1, 80))) for _ in range(60)]
    own, upstream = engines(weights)
    asked = [*edges, *noise, "", "  \n "]
    assert differing(own(asked), upstream(asked)) == []


def test_past_512_pieces_the_last_one_stays_the_separator(weights: Any, texts: list[str]) -> None:
    own, upstream = engines(weights)
    asked = [" ".join(texts[:8]), " ".join(texts), "word " * 510, "a " * 511]
    found, expected = own(asked), upstream(asked)
    assert differing(found, expected) == []
    assert max(np.abs(a.vector - b.vector).max() for a, b in zip(found, expected, strict=True)) < 2e-5


def test_a_text_says_the_same_to_the_bit_alone_and_among_others(weights: Any, texts: list[str]) -> None:
    own, _ = engines(weights)
    together = own(texts)
    for text, one in list(zip(texts, together, strict=True))[:20]:
        assert own([text])[0].raw == one.raw


def altered(weights: Any, path: Path, change: Any) -> Path:
    import torch

    state = torch.load(weights.checkpoint, weights_only=True)
    change(state["model_state_dict"])
    torch.save(state, path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("module.linear_heads.13.weight"), "1 missing: linear_heads.13.weight"),
        (lambda s: s.pop("module.bert.encoder.layer.1.output.dense.weight"), "1 missing: encoder.layer.1.output.dense"),
        (
            lambda s: s.update({"module.linear_heads.14.bias": s["module.linear_heads.0.bias"]}),
            "unknown: linear_heads.14",
        ),
        (
            lambda s: s.update({"module.bert.adapter.weight": s["module.linear_heads.0.bias"]}),
            "unknown: adapter.weight",
        ),
        (lambda s: s.update({"module.linear_heads.0.weight": s["module.linear_heads.13.weight"]}), "has 2 classes"),
    ],
)
def test_a_checkpoint_whose_keys_do_not_match_is_refused(
    weights: Any, tmp_path: Path, change: Any, message: str
) -> None:
    from mmrad_eval.metrics.clinical.embeddings.chexbert import CheXbertRunner

    path = altered(weights, tmp_path / "chexbert.pth", change)
    with pytest.raises(DataError, match=message):
        CheXbertRunner(path, weights.encoder)


def test_a_file_that_is_no_checkpoint_is_named(weights: Any, tmp_path: Path) -> None:
    from mmrad_eval.metrics.clinical.embeddings.chexbert import CheXbertRunner

    path = tmp_path / "chexbert.pth"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"chexbert\.pth: can't be read as a checkpoint"):
        CheXbertRunner(path, weights.encoder)


def test_using_the_package_leaves_warnings_and_output_as_they_were(
    weights: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    import warnings

    before = list(warnings.filters)
    _, upstream = engines(weights)
    upstream(["The heart is enlarged."])
    assert warnings.filters == before
    assert capsys.readouterr().out == ""


def test_averages_are_those_of_the_packages_own_report(weights: Any, texts: list[str]) -> None:
    """F1CheXbert's two classification reports: 14 labels and 5, micro, macro, weighted and by example."""
    import warnings

    from benchmarks.clinical.reports import rewritten
    from mmrad_eval.core.contracts import Corpus
    from mmrad_eval.core.values import Answer, Example, Report, Study
    from mmrad_eval.metrics import suite

    _, upstream = engines(weights)
    candidates = rewritten(texts, seed=6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of labels without support
        _, _, fourteen, five = upstream._scorer(hyps=candidates, refs=texts)
    (metric,) = suite(["chexbert@uncertain=positive"], options=weights.options())
    shown = [
        Example(Study(id=str(n), reference=Report(findings=reference)), Answer(str(n), "ok", report=Report(text=text)))
        for n, (text, reference) in enumerate(zip(candidates, texts, strict=True))
    ]
    rows = metric.measure(shown, metric.fit(Corpus([one.study for one in shown])))
    values = dict(zip((column.name for column in metric.columns), metric.reduce(rows.sum(axis=0)), strict=True))
    for size, report in (("14", fourteen), ("5", five)):
        for ours, theirs in (("micro", "micro"), ("macro", "macro"), ("weighted", "weighted"), ("example", "samples")):
            assert values[f"CheXbert {ours}-F1-{size}"] == pytest.approx(report[f"{theirs} avg"]["f1-score"], abs=1e-12)
        assert values[f"CheXbert micro-P-{size}"] == pytest.approx(report["micro avg"]["precision"], abs=1e-12)
        assert values[f"CheXbert macro-R-{size}"] == pytest.approx(report["macro avg"]["recall"], abs=1e-12)
    assert values["CheXbert F1 No Finding"] == pytest.approx(fourteen["No Finding"]["f1-score"], abs=1e-12)
    assert 0 < values["CheXbert micro-F1-14"] < 1
