"""Random weights in the real formats of RaTEScore's two models: a DeBERTa-v3 token classifier and an MPNet encoder.

The classifier's last layer is scaled and shifted so that labels vary and about half of the pieces are in no entity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from benchmarks.clinical.checkpoints import Size, random_encoder, write_json, write_word_pieces
from mmrad_eval.metrics.clinical.encoder.bert import Encoder
from mmrad_eval.metrics.clinical.encoder.checkpoints import shape_of
from mmrad_eval.metrics.clinical.encoder.kernels import Kernel
from mmrad_eval.metrics.clinical.encoder.pieces import read_pieces

LABELS = (
    "O",
    *(
        f"{mark}-{kind}"
        for kind in ("ABNORMALITY", "NON-ABNORMALITY", "DISEASE", "NON-DISEASE", "ANATOMY")
        for mark in "BI"
    ),
)
_FRAMES = ("[PAD]", "[CLS]", "[SEP]", "[UNK]")


def write_classifier(folder: Path, size: Size, texts: Sequence[str], seed: int, **more: Any) -> Path:
    """RaTE-NER-Deberta's files; ``more`` replaces values of its config."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _unigram(texts, size.vocabulary)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("cls", "sep", "pad", "unk", "mask")}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "DebertaV2Tokenizer", **special})
    config = {
        "model_type": "deberta-v2",
        "architectures": ["DebertaV2ForTokenClassification"],
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "intermediate_size": size.intermediate,
        "hidden_act": "gelu",
        "max_position_embeddings": 512,
        "type_vocab_size": 0,
        "layer_norm_eps": 1e-7,
        "relative_attention": True,
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": "p2c|c2p",
        "max_relative_positions": -1,
        "position_biased_input": False,
        "pad_token_id": 0,
        "id2label": {str(number): label for number, label in enumerate(LABELS)},
        "label2id": {label: number for number, label in enumerate(LABELS)},
        **more,
    }
    write_json(folder / "config.json", config)
    torch.manual_seed(seed)
    shape = shape_of(config, "deberta-v2")
    state = random_encoder(shape, tokenizer.get_vocab_size())
    state = {name: tensor for name, tensor in state.items() if not name.startswith("pooler.")}
    weight, bias = 40 * torch.randn(len(LABELS), size.hidden) / size.hidden**0.5, torch.zeros(len(LABELS))
    pieces = read_pieces(folder)
    encoder = Encoder(state, shape, Kernel("torch"), torch.device("cpu"), where="generated")
    ids = [pieces.frame(pieces.ids(text)[:60]) for text in texts[:32]]
    scores = torch.cat([vectors @ weight.T for _, vectors in encoder.encode(ids)])
    bias[1:] -= scores.mean(dim=0)[1:]
    bias[0] = (scores[:, 1:] + bias[1:]).max(dim=1).values.median() - scores[:, 0].median()
    full = {f"deberta.{name}": tensor for name, tensor in state.items()}
    full |= {"classifier.weight": weight, "classifier.bias": bias}
    save_file(
        {name: tensor.contiguous() for name, tensor in full.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    return folder


def write_synonyms(folder: Path, size: Size, texts: Sequence[str], seed: int) -> Path:
    """BioLORD-2023-C's files."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    write_word_pieces(folder / "vocab.txt", texts, size.vocabulary - 5)
    words = [line for line in (folder / "vocab.txt").read_text(encoding="utf-8").splitlines() if line not in _OWN]
    lines = ["<s>", "<pad>", "</s>", "<unk>", *words, "[UNK]", "<mask>"]
    (folder / "vocab.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    settings = {"tokenizer_class": "MPNetTokenizer", "do_lower_case": True, "model_max_length": 512}
    write_json(folder / "tokenizer_config.json", settings)
    config = {
        "model_type": "mpnet",
        "architectures": ["MPNetModel"],
        "vocab_size": len(lines),
        "hidden_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "intermediate_size": size.intermediate,
        "hidden_act": "gelu",
        "max_position_embeddings": 514,
        "relative_attention_num_buckets": 32,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    write_json(folder / "config.json", config)
    torch.manual_seed(seed)
    state = random_encoder(shape_of(config, "mpnet"), len(lines))
    save_file(
        {name: tensor.contiguous() for name, tensor in state.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    return folder


_OWN = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def _unigram(texts: Sequence[str], size: int) -> Tokenizer:
    """A SentencePiece tokenizer as transformers stores DeBERTa's: whole words, their heads and tails, and letters."""
    words: Counter[str] = Counter(f"▁{word}" for text in texts for word in text.split())
    ranked = sorted(words, key=lambda word: (-words[word], word))
    parts: Counter[str] = Counter()
    for word in ranked:
        parts.update(piece for n in range(2, len(word)) for piece in (word[:n], word[n:]))
    letters = sorted(set("".join(words)))
    rest = sorted(parts, key=lambda piece: (-parts[piece], piece))
    room = size - len(_FRAMES) - len(letters) - 1
    chosen = list(dict.fromkeys([*letters, *ranked[: room // 2], *rest]))[: room + len(letters)]
    scored = [(piece, -2.0 - number / 100 - (8.0 if len(piece) == 1 else 0.0)) for number, piece in enumerate(chosen)]
    vocabulary = [*((name, 0.0) for name in _FRAMES), *scored, ("[MASK]", 0.0)]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=_FRAMES.index("[UNK]"), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="always")])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    tokenizer.add_special_tokens([*_FRAMES, "[MASK]"])
    return tokenizer
