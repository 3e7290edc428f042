"""The own RaTEScore engine gives the package's entities and scores on random weights in the real formats."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.errors import DataError

pytestmark = pytest.mark.clinical

TIE = 2e-6
"""Where two partners of different types are this close, the package's choice is its rounding."""


@dataclass
class Engines:
    """Both engines over one set of weights."""

    classifier: Path
    encoder: Path
    entities: Any
    own: Any
    upstream: Any


@pytest.fixture(scope="session")
def make_engines(hub_home: Path, texts: list[str]) -> Callable[[int], Engines]:
    from benchmarks.clinical.checkpoints import Size
    from benchmarks.clinical.rate_checkpoints import write_classifier, write_synonyms
    from mmrad_eval.metrics.clinical.entities.classifier import EntityRunner
    from mmrad_eval.metrics.clinical.entities.sentences import Sentences
    from mmrad_eval.metrics.clinical.entities.synonyms import SynonymRunner
    from mmrad_eval.metrics.clinical.reference_packages import UpstreamRateScore

    made: dict[int, Engines] = {}

    def make(seed: int) -> Engines:
        if seed not in made:
            size = Size(layers=2, hidden=64, heads=4, intermediate=128, vocabulary=700)
            classifier = write_classifier(hub_home / f"rate-{seed}/ner", size, texts, seed)
            encoder = write_synonyms(hub_home / f"rate-{seed}/synonyms", size, texts, seed)
            entities = EntityRunner(classifier, Sentences())
            own, upstream = SynonymRunner(encoder, entities), UpstreamRateScore(classifier, encoder)
            made[seed] = Engines(classifier, encoder, entities, own, upstream)
        return made[seed]

    return make


def asked(seed: int, texts: list[str], edges: tuple[str, ...]) -> list[str]:
    from benchmarks.clinical.reports import reports

    chooser = random.Random(seed)
    words = sorted({word for text in texts for word in text.split()})
    noise = [" ".join(chooser.choices(words, k=chooser.randint(1, 60))) for _ in range(10)]
    # the last one is 700 words without the end of a sentence: past 512 pieces
    long = [" ".join(texts)[:4000], "word " * 600, " ".join(chooser.choices([w for w in words if "." not in w], k=700))]
    return [*reports(40, seed=seed + 70), *edges, *noise, *long, "", "  \n ", "ab", "x"]


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_entities_and_scores_are_the_packages(
    make_engines: Callable[[int], Engines], seed: int, texts: list[str], edges: tuple[str, ...]
) -> None:
    from benchmarks.clinical.reports import rewritten

    both = make_engines(seed)
    reports = asked(seed, texts, edges)
    found = both.entities(reports)
    assert [list(one.entities) for one in found] == [both.upstream.entities(text) for text in reports]
    assert sum(len(one.entities) for one in found) > 300
    assert {kind for one in found for _, kind in one.entities} == {
        *("ABNORMALITY", "NON-ABNORMALITY", "DISEASE", "NON-DISEASE", "ANATOMY")
    }

    pairs = [*zip(reports, reports[7:], strict=False), *zip(rewritten(reports[:40], seed=seed), reports, strict=False)]
    own, upstream = both.own(pairs), both.upstream(pairs)
    apart = [(a.margin, max(abs(a.long - b.long), abs(a.short - b.short))) for a, b in zip(own, upstream, strict=True)]
    clear = [gap for margin, gap in apart if margin is None or margin > TIE]
    assert max(clear) < 1e-6
    assert len(clear) > 0.5 * len(pairs)
    assert [(a.candidate, a.reference) for a in own] == [(b.candidate, b.reference) for b in upstream]
    assert len({round(one.long, 4) for one in own}) > 30


def test_vectors_are_the_packages(make_engines: Callable[[int], Engines], edges: tuple[str, ...]) -> None:
    import torch

    both = make_engines(3)
    score, _ = both.upstream._parts
    words = [*edges, "", "pleural effusion", "[UNK] effusion", "cardiac silhouette " * 40]
    one = both.upstream.scorer
    for word in words:
        expected, _ = score.process_embedding([(word, "DISEASE")], one.eval_tokenizer, one.eval_model, one.device)
        assert torch.allclose(both.own.vectors([word]), expected, atol=1e-5), word


def test_the_packages_own_loop_gives_the_scores(make_engines: Callable[[int], Engines], texts: list[str]) -> None:
    """``compute_score`` itself, unmodified, over a list in which every report has a sentence."""
    both = make_engines(4)
    candidates, references = texts[:24], texts[24:48]
    own = both.own(list(zip(candidates, references, strict=True)))
    expected = both.upstream.scorer.compute_score(candidates, references)
    clear = [n for n, one in enumerate(own) if one.margin is None or one.margin > TIE]
    assert len(clear) > 2
    assert [own[n].long for n in clear] == pytest.approx([expected[n] for n in clear], abs=1e-6)


def test_a_report_without_a_sentence_shifts_nothing(make_engines: Callable[[int], Engines], texts: list[str]) -> None:
    both = make_engines(3)
    pairs = [("", texts[0]), (texts[1], ""), ("", ""), (texts[2], texts[3]), (texts[3], texts[3])]
    own = both.own(pairs)
    assert [one.long for one in own[:3]] == [0.5, 0.5, 0.5]
    assert own[3:] == both.own(pairs[3:])
    assert own[4].long > own[3].long


def test_a_text_says_the_same_alone_and_among_others(make_engines: Callable[[int], Engines], texts: list[str]) -> None:
    both = make_engines(5)
    together = both.entities(texts)
    assert [both.entities([text])[0] for text in texts[:15]] == together[:15]


@pytest.mark.parametrize(
    "more",
    [
        {"share_att_key": False},
        {"pos_att_type": ["c2p"], "norm_rel_ebd": "none"},
        {"position_buckets": -1, "max_relative_positions": 40},
        {"position_biased_input": True, "type_vocab_size": 2},
    ],
)
@pytest.mark.usefixtures("hub_home")
def test_other_forms_of_deberta_are_transformers(tmp_path: Path, texts: list[str], more: dict[str, Any]) -> None:
    import torch
    from transformers import AutoModelForTokenClassification

    from benchmarks.clinical.checkpoints import SMALL
    from benchmarks.clinical.rate_checkpoints import write_classifier
    from mmrad_eval.metrics.clinical.encoder.bert import Encoder
    from mmrad_eval.metrics.clinical.encoder.checkpoints import load_state, model_file, read_config, shape_of, strip
    from mmrad_eval.metrics.clinical.encoder.kernels import Kernel
    from mmrad_eval.metrics.clinical.encoder.pieces import read_pieces

    folder = write_classifier(tmp_path / "ner", SMALL, texts, 2, **more)
    shape = shape_of(read_config(folder), "config.json")
    state = strip(load_state(model_file(folder)), shape.family)
    encoder = Encoder(state, shape, Kernel("torch"), torch.device("cpu"), where="x")
    pieces = read_pieces(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    ids = [pieces.frame(pieces.ids(text)[:300]) for text in (*texts[:4], " ".join(texts[:12]), "a")]
    for index, vectors in encoder.encode(ids):
        with torch.no_grad():
            expected = model.deberta(torch.tensor([ids[index]])).last_hidden_state[0]
        assert torch.allclose(vectors, expected, atol=2e-5), index


def changed(folder: Path, target: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, target)
    state = load_file(target / "model.safetensors")
    change(state)
    save_file(state, target / "model.safetensors")
    return target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("classifier.bias"), "1 missing: classifier.bias"),
        (lambda s: s.pop("deberta.encoder.rel_embeddings.weight"), "1 missing: encoder.rel_embeddings.weight"),
        (lambda s: s.pop("deberta.encoder.layer.1.attention.self.key_proj.bias"), "1 missing: encoder.layer.1"),
        (
            lambda s: s.update({"deberta.encoder.conv.weight": s["classifier.bias"].clone()}),
            "unknown: encoder.conv.weight",
        ),
        (lambda s: s.update({"classifier.bias": s["classifier.bias"][:5].clone()}), "1 of another shape"),
    ],
)
def test_a_classifier_whose_weights_do_not_match_is_refused(
    make_engines: Callable[[int], Engines], tmp_path: Path, change: Any, message: str
) -> None:
    from mmrad_eval.metrics.clinical.entities.classifier import EntityRunner

    folder = changed(make_engines(3).classifier, tmp_path / "ner", change)
    with pytest.raises(DataError, match=message):
        EntityRunner(folder, lambda text: [text])


@pytest.mark.parametrize("more", [{"relative_attention": False}, {"conv_kernel_size": 3}, {"embedding_size": 32}])
def test_forms_of_deberta_that_are_not_run_are_named(
    make_engines: Callable[[int], Engines], tmp_path: Path, more: dict[str, Any]
) -> None:
    from mmrad_eval.metrics.clinical.entities.classifier import EntityRunner

    folder = changed(make_engines(3).classifier, tmp_path / "ner", dict)
    config = json.loads((folder / "config.json").read_text()) | more
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match=r"config\.json: DeBERTa .*--engine upstream"):
        EntityRunner(folder, lambda text: [text])


def test_other_labels_are_refused(make_engines: Callable[[int], Engines], tmp_path: Path) -> None:
    from mmrad_eval.metrics.clinical.entities.classifier import EntityRunner

    folder = changed(make_engines(3).classifier, tmp_path / "ner", dict)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"]["3"] = "B-DRUG"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="unknown: B-DRUG; missing: B-NON-ABNORMALITY"):
        EntityRunner(folder, lambda text: [text])


def test_an_encoder_without_its_bias_of_distances_is_refused(
    make_engines: Callable[[int], Engines], tmp_path: Path
) -> None:
    from mmrad_eval.metrics.clinical.entities.synonyms import SynonymRunner

    name = "encoder.relative_attention_bias.weight"
    both = make_engines(3)
    folder = changed(both.encoder, tmp_path / "synonyms", lambda state: state.pop(name))
    with pytest.raises(DataError, match=f"1 missing: {name}"):
        SynonymRunner(folder, both.entities)


@pytest.mark.usefixtures("hub_home")
def test_splitting_logs_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    from mmrad_eval.metrics.clinical.entities.sentences import Sentences

    split = Sentences()
    assert split("The heart is normal. No effusion.\n2. Lungs clear. ok") == [
        *("The heart is normal.", "No effusion.", "2. Lungs clear. ok")
    ]
    said = capfd.readouterr()
    assert said.out + said.err == ""
