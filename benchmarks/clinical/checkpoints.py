"""Random weights in the real formats of RadGraph, CheXbert and BERTScore's models, at any size.

Output layers are set so that rates resemble those of real output: about 0.32 entities and 0.25 relations a word,
CheXbert classes that vary. What such weights say of a report means nothing; how fast it is said, and whether two
engines agree, does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers.implementations import ByteLevelBPETokenizer
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from torch import Tensor

from mmrad_eval.metrics.clinical.encoder.bert import Encoder
from mmrad_eval.metrics.clinical.encoder.checkpoints import Shape, expected, shape_of
from mmrad_eval.metrics.clinical.encoder.kernels import Kernel
from mmrad_eval.metrics.clinical.encoder.pieces import Pieces, read_pieces
from mmrad_eval.metrics.clinical.graphs.words import split

ENTITY_RATE, RELATION_RATE = 0.32, 0.25
FEATURE, WIDTH, HIDDEN = 20, 8, 150
NER = {
    "radgraph": ("ANAT-DP", "OBS-DP", "OBS-DA", "OBS-U"),
    "radgraph-xl": (
        "Anatomy::definitely present",
        "Observation::definitely present",
        "Observation::definitely absent",
        "Observation::uncertain",
        "Observation::measurement::definitely present",
        "Anatomy::uncertain",
        "Anatomy::definitely absent",
    ),
}
RELATIONS = ("modify", "located_at", "suggestive_of")


@dataclass(frozen=True)
class Size:
    """How large the encoders are."""

    layers: int
    hidden: int
    heads: int
    intermediate: int
    vocabulary: int


SMALL = Size(layers=2, hidden=32, heads=2, intermediate=64, vocabulary=700)
BASE = Size(layers=12, hidden=768, heads=12, intermediate=3072, vocabulary=30522)


def write_bert(home: Path, name: str, size: Size, texts: Sequence[str]) -> Path:
    """Config and vocabulary of a BERT in the layout of a hub cache (``HF_HOME``); returns the snapshot folder."""
    folder = hub_folder(home, name)
    config = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "vocab_size": size.vocabulary,
        "hidden_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "intermediate_size": size.intermediate,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "pad_token_id": 0,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
    }
    write_json(folder / "config.json", config)
    settings = {"do_lower_case": True, "model_max_length": 512, "tokenizer_class": "BertTokenizer"}
    write_json(folder / "tokenizer_config.json", settings)
    write_word_pieces(folder / "vocab.txt", texts, min(size.vocabulary, 4000))
    return folder


def write_radgraph(
    folder: Path, model: str, name: str, encoder_folder: Path, *, texts: Sequence[str], seed: int
) -> Path:
    """An archive folder of ``model`` whose encoder is ``name``."""
    (folder / "vocabulary").mkdir(parents=True, exist_ok=True)
    shape = shape_of(json.loads((encoder_folder / "config.json").read_text()), name)
    indexer = {"type": "pretrained_transformer_mismatched", "model_name": name, "max_length": 512}
    write_json(folder / "config.json", _radgraph_config(indexer))
    (folder / "vocabulary/non_padded_namespaces.txt").write_text("*tags\n*labels\n")
    (folder / f"vocabulary/{model}__ner_labels.txt").write_text("".join(f"{label}\n" for label in ("", *NER[model])))
    (folder / f"vocabulary/{model}__relation_labels.txt").write_text("".join(f"{label}\n" for label in RELATIONS))
    torch.manual_seed(seed)
    bert = random_encoder(shape, _vocabulary_rows(encoder_folder))
    head = _radgraph_head(model, 2 * shape.hidden + FEATURE)
    pieces = read_pieces(encoder_folder)
    encoder = Encoder(bert, shape, Kernel("torch"), torch.device("cpu"), where="generated")
    _calibrate(head, model, encoder, pieces, texts)
    prefix = "_embedder.token_embedder_bert._matched_embedder.transformer_model."
    torch.save({**{prefix + key: value for key, value in bert.items()}, **head}, folder / "weights.th")
    return folder


def write_chexbert(path: Path, encoder_folder: Path, texts: Sequence[str], seed: int) -> Path:
    """A checkpoint file as CheXbert's training wrote it: under model_state_dict, names with ``module.``."""
    shape = shape_of(json.loads((encoder_folder / "config.json").read_text()), "chexbert")
    torch.manual_seed(seed)
    bert = random_encoder(shape, _vocabulary_rows(encoder_folder))
    pieces = read_pieces(encoder_folder)
    encoder = Encoder(bert, shape, Kernel("torch"), torch.device("cpu"), where="generated")
    ids = [pieces.frame(pieces.ids(text)[:510]) for text in texts[:32]]
    vectors = torch.stack([vector[0] for _, vector in encoder.encode(ids)])
    state = {f"module.bert.{key}": value for key, value in bert.items()}
    spread = vectors.std(dim=0).mean()
    for number in range(14):
        weight = torch.randn(2 if number == 13 else 4, shape.hidden) / (shape.hidden**0.5 * spread)
        state[f"module.linear_heads.{number}.weight"] = weight
        state[f"module.linear_heads.{number}.bias"] = -(vectors.mean(dim=0) @ weight.T)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model_state_dict": state, "epoch": 3}, path)
    return path


def write_scorer(folder: Path, family: str, size: Size, texts: Sequence[str], seed: int) -> Path:
    """A BERTScore model folder: ``roberta``, ``distilbert`` or ``bert``, weights in safetensors."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    if family == "roberta":
        bpe = ByteLevelBPETokenizer()
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        bpe.train_from_iterator(
            texts, vocab_size=min(size.vocabulary, 4000), min_frequency=1, special_tokens=special, show_progress=False
        )
        bpe.save_model(str(folder))
    else:
        write_word_pieces(folder / "vocab.txt", texts, min(size.vocabulary, 4000))
    config = _scorer_config(family, size)
    write_json(folder / "config.json", config)
    kind = {"roberta": "RobertaTokenizer", "distilbert": "DistilBertTokenizer", "bert": "BertTokenizer"}[family]
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": kind, "model_max_length": 512})
    torch.manual_seed(seed)
    state = random_encoder(shape_of(config, family), size.vocabulary)
    save_file({key: value.contiguous() for key, value in state.items()}, folder / "model.safetensors", {"format": "pt"})
    return folder


def write_word_pieces(path: Path, texts: Sequence[str], size: int) -> None:
    """A vocabulary of whole words, and of heads and tails of the rarer ones; from the same texts always the same.

    (The trainer of ``tokenizers`` breaks ties in another way at every start.)
    """
    normal, cut = BertNormalizer(lowercase=True), BertPreTokenizer()
    words: Counter[str] = Counter()
    for text in texts:
        words.update(word for word, _ in cut.pre_tokenize_str(normal.normalize_str(text)))
    ranked = sorted(words, key=lambda word: (-words[word], word))
    letters = sorted(set("".join(words)))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    whole = (size - len(pieces)) * 2 // 3
    parts: Counter[str] = Counter()
    for word in ranked[whole:]:
        parts.update(piece for n in range(2, len(word)) for piece in (word[:n], f"##{word[n:]}"))
    rest = sorted(parts, key=lambda piece: (-parts[piece], piece))
    chosen = list(dict.fromkeys([*pieces, *ranked[:whole], *rest]))[:size]
    path.write_text("".join(f"{piece}\n" for piece in chosen), encoding="utf-8")


def random_encoder(shape: Shape, rows: int) -> dict[str, Tensor]:
    """Every tensor of an encoder, spread widely enough that texts differ; with the pooler that the packages load."""
    state = {}
    for name, size in expected(shape).items():
        wanted = size or (rows if "word" in name else 1 if shape.family == "roberta" else 2, shape.hidden)
        if "norm" in name.lower():
            state[name] = 1 + 0.1 * torch.randn(wanted) if name.endswith("weight") else 0.1 * torch.randn(wanted)
        else:
            back = any(part in name for part in ("output.dense", "out_lin", "lin2"))  # what a layer adds to the words
            deep = (0.4 if back else 1.2) / wanted[-1] ** 0.5  # little, so that words still differ after twelve layers
            scale = 0.5 if "embeddings" in name else deep if name.endswith("weight") else 0.02
            state[name] = scale * torch.randn(wanted)
    if shape.family != "distilbert":
        state["pooler.dense.weight"] = 0.02 * torch.randn(shape.hidden, shape.hidden)
        state["pooler.dense.bias"] = torch.zeros(shape.hidden)
    return state


def hub_folder(home: Path, name: str) -> Path:
    """Where a hub cache under ``home`` keeps the one revision of a model."""
    root = home / "hub" / ("models--" + name.replace("/", "--"))
    folder = root / "snapshots" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "refs").mkdir(exist_ok=True)
    (root / "refs" / "main").write_text("generated")
    return folder


def write_json(path: Path, value: object) -> None:
    """One JSON file."""
    path.write_text(json.dumps(value, indent=1))


def _vocabulary_rows(encoder_folder: Path) -> int:
    rows: int = json.loads((encoder_folder / "config.json").read_text())["vocab_size"]
    return rows


def _scorer_config(family: str, size: Size) -> dict[str, Any]:
    if family == "distilbert":
        return {
            "model_type": "distilbert",
            "vocab_size": size.vocabulary,
            "n_layers": size.layers,
            "dim": size.hidden,
            "n_heads": size.heads,
            "hidden_dim": size.intermediate,
            "max_position_embeddings": 512,
            "activation": "gelu",
            "pad_token_id": 0,
        }
    roberta = family == "roberta"
    return {
        "model_type": family,
        "vocab_size": size.vocabulary,
        "hidden_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "intermediate_size": size.intermediate,
        "max_position_embeddings": 514 if roberta else 512,
        "type_vocab_size": 1 if roberta else 2,
        "pad_token_id": 1 if roberta else 0,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "layer_norm_eps": 1e-5 if roberta else 1e-12,
        "hidden_act": "gelu",
    }


def _radgraph_config(indexer: dict[str, Any]) -> dict[str, Any]:
    return {
        "dataset_reader": {"type": "dygie", "token_indexers": {"bert": indexer}, "max_span_width": WIDTH},
        "model": {
            "type": "dygie",
            "embedder": {"token_embedders": {"bert": indexer}},
            "initializer": {},
            "module_initializer": {},
            "feature_size": FEATURE,
            "max_span_width": WIDTH,
            "target_task": "relation",
            "feedforward_params": {"num_layers": 2, "hidden_dims": HIDDEN, "dropout": 0.4},
            "loss_weights": {"ner": 0.2, "relation": 1.0, "coref": 0.0, "events": 0.0},
            "modules": {
                "coref": {"spans_per_word": 0.3, "max_antecedents": 100, "coref_prop": 0},
                "ner": {},
                "relation": {"spans_per_word": 0.5},
                "events": {
                    "trigger_spans_per_word": 0.3,
                    "argument_spans_per_word": 0.8,
                    "loss_weights": {"trigger": 0.2, "arguments": 1.0},
                },
            },
        },
    }


def _radgraph_head(model: str, span: int) -> dict[str, Tensor]:
    ner, relation = f"{model}__ner_labels", f"{model}__relation_labels"
    mention = f"_relation._mention_pruners.{relation}._scorer"
    sizes: dict[str, tuple[int, int]] = {
        f"_ner._ner_scorers.{ner}.0._module._linear_layers.0": (HIDDEN, span),
        f"_ner._ner_scorers.{ner}.0._module._linear_layers.1": (HIDDEN, HIDDEN),
        f"_ner._ner_scorers.{ner}.1._module": (len(NER[model]), HIDDEN),
        f"{mention}.0._module._linear_layers.0": (HIDDEN, span),
        f"{mention}.0._module._linear_layers.1": (HIDDEN, HIDDEN),
        f"{mention}.1._module": (1, HIDDEN),
        f"_relation._relation_feedforwards.{relation}._linear_layers.0": (HIDDEN, 3 * span),
        f"_relation._relation_feedforwards.{relation}._linear_layers.1": (HIDDEN, HIDDEN),
        f"_relation._relation_scorers.{relation}": (len(RELATIONS), HIDDEN),
        "_coref._antecedent_feedforward._module._linear_layers.0": (HIDDEN, 3 * span + FEATURE),
        "_coref._antecedent_feedforward._module._linear_layers.1": (HIDDEN, HIDDEN),
        "_coref._mention_pruner._scorer.0._module._linear_layers.0": (HIDDEN, span),
        "_coref._mention_pruner._scorer.0._module._linear_layers.1": (HIDDEN, HIDDEN),
        "_coref._mention_pruner._scorer.1._module": (1, HIDDEN),
        "_coref._antecedent_scorer._module": (1, HIDDEN),
        "_coref._f_network._linear_layers.0": (span, 2 * span),
    }
    state = {
        "_endpoint_span_extractor._span_width_embedding.weight": torch.randn(WIDTH, FEATURE),
        "_coref._distance_embedding.weight": torch.randn(10, FEATURE),
        "_events._distance_embedding.weight": torch.randn(10, FEATURE),
    }
    for name, (rows, columns) in sizes.items():
        state[f"{name}.weight"] = torch.randn(rows, columns) * (1.6 / columns**0.5)
        state[f"{name}.bias"] = 0.05 * torch.randn(rows)
    return state


def _calibrate(head: dict[str, Tensor], model: str, encoder: Encoder, pieces: Pieces, texts: Sequence[str]) -> None:
    """Shift the last biases so that a sample of texts gets entities and relations at the wanted rates."""
    ner, relation = f"{model}__ner_labels", f"{model}__relation_labels"
    entity_layers = [f"_ner._ner_scorers.{ner}.0._module._linear_layers.{i}" for i in (0, 1)]
    entity_last = f"_ner._ner_scorers.{ner}.1._module"
    mention = f"_relation._mention_pruners.{relation}._scorer"
    mention_layers = [f"{mention}.0._module._linear_layers.{i}" for i in (0, 1)]
    pair_layers = [f"_relation._relation_feedforwards.{relation}._linear_layers.{i}" for i in (0, 1)]
    widths = head["_endpoint_span_extractor._span_width_embedding.weight"]
    sample = []
    for text in texts[:12]:
        tokens = split(text, model)  # type: ignore[arg-type] # a name of NER's keys
        cut = [(pieces.ids(word) or [pieces.last])[0] for word in tokens][:300]
        vectors = next(encoder.encode([pieces.frame(cut)]))[1][1:-1]
        spans = [(a, b) for a in range(len(cut)) for b in range(a, min(a + WIDTH, len(cut)))]
        sample.append((len(cut), torch.stack([torch.cat([vectors[a], vectors[b], widths[b - a]]) for a, b in spans])))
    words = sum(count for count, _ in sample)
    entity_scores = torch.cat([_layers(head, entity_layers, entity_last, rows) for _, rows in sample])
    _shift(head, f"{entity_last}.bias", entity_scores, ENTITY_RATE * words)
    for own, copied in zip(mention_layers, entity_layers, strict=True):  # trained pruners keep what is an entity
        head[f"{own}.weight"], head[f"{own}.bias"] = head[f"{copied}.weight"].clone(), head[f"{copied}.bias"].clone()
    head[f"{mention}.1._module.weight"] = head[f"{entity_last}.weight"].mean(dim=0, keepdim=True) * 2
    pair_scores = []
    for count, rows in sample:
        scores = _layers(head, mention_layers, f"{mention}.1._module", rows)[:, 0]
        kept = scores.topk((count + 1) // 2).indices
        kept = kept[(_layers(head, entity_layers, entity_last, rows[kept]) > 0).any(dim=1)]
        left, right = rows[kept][:, None], rows[kept][None]
        pairs = torch.cat([left.expand(-1, len(kept), -1), right.expand(len(kept), -1, -1), left * right], dim=2)
        found = _layers(head, pair_layers, f"_relation._relation_scorers.{relation}", pairs)
        pair_scores.append((found + scores[kept][:, None, None] + scores[kept][None, :, None]).flatten(0, 1))
    _shift(head, f"_relation._relation_scorers.{relation}.bias", torch.cat(pair_scores), RELATION_RATE * words)


def _layers(head: dict[str, Tensor], names: Sequence[str], last: str, rows: Tensor) -> Tensor:
    for name in names:
        rows = torch.relu(rows @ head[f"{name}.weight"].T + head[f"{name}.bias"])
    return rows @ head[f"{last}.weight"].T + head[f"{last}.bias"]


def _shift(head: dict[str, Tensor], name: str, scores: Tensor, wanted: float) -> None:
    """Level the labels, then move all so that about ``wanted`` rows have a score above 0.

    The cut is the middle of the widest gap there, so that no row of the sample is at a tie.
    """
    level = scores.mean(dim=0)
    best = (scores - level).max(dim=1).values.sort(descending=True).values
    near = best[max(0, min(int(wanted), len(best) - 2) - 8) :][:18]
    widest = int((near[:-1] - near[1:]).argmax())
    head[name] = head[name] - level - (near[widest] + near[widest + 1]) / 2
