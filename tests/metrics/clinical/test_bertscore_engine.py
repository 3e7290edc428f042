"""The own BERTScore engine gives bert-score's numbers on every family of encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.errors import DataError

pytestmark = pytest.mark.clinical

FAMILIES = ("roberta", "distilbert", "bert")


def engines(weights: Any, family: str, layer: int) -> tuple[Any, Any]:
    from mmrad_eval.metrics.clinical.embeddings.bertscore import BertScoreRunner
    from mmrad_eval.metrics.clinical.reference_packages import UpstreamBertScore

    folder = weights.scorers / family
    return BertScoreRunner(folder, layer), UpstreamBertScore(folder, layer)


def largest(own: Any, upstream: Any, pairs: list[tuple[str, str]]) -> float:
    """The largest difference of any of the three numbers."""
    found, expected = own(pairs), upstream(pairs)
    gaps = [abs(a - b) for one, other in zip(found, expected, strict=True) for a, b in zip(one, other, strict=True)]
    return float(max(gaps))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", [3, 4])
def test_scores_are_the_packages(make_weights: Any, family: str, seed: int) -> None:
    from benchmarks.clinical.reports import reports, rewritten

    references = reports(200, seed=seed + 20, low=1, high=8)
    pairs = list(zip(rewritten(references, seed=seed), references, strict=True))
    own, upstream = engines(make_weights(seed), family, layer=2)
    apart = [
        pair
        for pair, one, other in zip(pairs, own(pairs), upstream(pairs), strict=True)
        if max(abs(a - b) for a, b in zip(one, other, strict=True)) >= 1e-6
    ]
    assert len(apart) <= 2  # in a padded batch the package takes 0 for a piece whose best cosine is negative
    assert all(largest(own, upstream, [pair]) < 1e-6 for pair in apart)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_of_edges_and_long_texts_are_the_packages(
    weights: Any, family: str, edges: tuple[str, ...], texts: list[str]
) -> None:
    """Pair by pair: in a padded batch the package takes 0 for a piece whose best cosine is negative."""
    own, upstream = engines(weights, family, layer=1)
    said = [text for text in edges if text.strip()]
    pairs = [(text, said[(n + 3) % len(said)]) for n, text in enumerate(said)]
    pairs += [(" ".join(texts[:12]), " ".join(texts[5:30])), (" ".join(texts), texts[0])]
    assert max(largest(own, upstream, [pair]) for pair in pairs) < 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_an_empty_side_scores_zero_as_in_the_package(weights: Any, family: str) -> None:
    own, upstream = engines(weights, family, layer=1)
    pairs = [("", "Clear lungs."), ("Clear lungs.", "  "), ("", "")]
    assert own(pairs) == [(0.0, 0.0, 0.0)] * 3
    assert largest(own, upstream, pairs) == 0.0


def test_identical_texts_score_one(weights: Any, texts: list[str]) -> None:
    own, _ = engines(weights, "roberta", layer=2)
    for scores in own([(text, text) for text in texts[:10]]):
        assert scores == pytest.approx((1.0, 1.0, 1.0), abs=1e-6)


def test_a_layer_that_the_model_has_not_is_named(weights: Any) -> None:
    from mmrad_eval.metrics.clinical.embeddings.bertscore import BertScoreRunner

    with pytest.raises(DataError, match="has 2 layers, layer 3 was requested"):
        BertScoreRunner(weights.scorers / "bert", 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_whose_keys_do_not_match_is_refused(weights: Any, tmp_path: Path, family: str) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    from mmrad_eval.metrics.clinical.embeddings.bertscore import BertScoreRunner

    folder = tmp_path / family
    shutil.copytree(weights.scorers / family, folder)
    state = load_file(folder / "model.safetensors")
    name = min(name for name in state if "layer.1" in name)
    save_file({key: value for key, value in state.items() if key != name}, folder / "model.safetensors")
    with pytest.raises(DataError, match=f"1 missing: {name}"):
        BertScoreRunner(folder, 2)


def test_a_stored_tokenizer_is_read_without_its_truncation_and_padding(
    weights: Any, tmp_path: Path, texts: list[str]
) -> None:
    """A tokenizer.json may carry both, as that of all-MiniLM-L6-v2 does; neither is the text's."""
    import shutil

    from mmrad_eval.metrics.clinical.embeddings.bertscore import BertScoreRunner
    from mmrad_eval.metrics.clinical.encoder.pieces import read_pieces

    folder = tmp_path / "bert"
    shutil.copytree(weights.scorers / "bert", folder)
    tokenizer = read_pieces(folder).tokenizer
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").unlink()
    pairs = [(texts[0], texts[1])]
    assert BertScoreRunner(folder, 2)(pairs) == BertScoreRunner(weights.scorers / "bert", 2)(pairs)


def test_other_kinds_of_models_are_sent_to_the_package(weights: Any, tmp_path: Path) -> None:
    import json
    import shutil

    from mmrad_eval.metrics.clinical.embeddings.bertscore import BertScoreRunner

    folder = tmp_path / "other"
    shutil.copytree(weights.scorers / "bert", folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "deberta"}))
    with pytest.raises(DataError, match="--engine upstream"):
        BertScoreRunner(folder, 1)
