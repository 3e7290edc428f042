"""Weights of BERT and its relatives read strictly: every tensor in place and of the right shape, or an error.

A checkpoint whose keys do not match is refused: loaded leniently it would leave random weights, and score with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics.clinical.encoder.relative import Relative, deberta_relative, mpnet_relative

Family = Literal["bert", "roberta", "distilbert", "mpnet", "deberta-v2"]
FAMILIES: tuple[Family, ...] = ("bert", "roberta", "distilbert", "mpnet", "deberta-v2")
_PREFIXES = {"deberta-v2": "deberta"}
_COUNTED_FROM_PAD = ("roberta", "mpnet")

SIDE_PREFIXES = ("pooler.", "cls.", "lm_head.", "classifier.", "qa_outputs.", "vocab_")
"""What published checkpoints carry beside the encoder: pooler, language-model and task heads. Never used here."""
BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")
"""Constants that older releases of transformers stored."""


@dataclass(frozen=True)
class Shape:
    """The size of an encoder, and the conventions of its family."""

    family: Family
    layers: int
    hidden: int
    heads: int
    intermediate: int
    eps: float
    pad: int
    """Id of the padding piece; RoBERTa and MPNet count positions from the one after it."""
    positions: int
    """Rows of the position table."""
    placed: bool = True
    """Whether positions are added to words; DeBERTa-v3 has them in attention alone, and then no such table."""
    segments: bool = True
    """Whether there is a table of segments."""
    relative: Relative | None = None
    """What distances add to attention."""

    @property
    def limit(self) -> int:
        """Pieces of one text, special ones included, that the position table allows."""
        return self.positions - (self.pad + 1 if self.family in _COUNTED_FROM_PAD else 0)


def read_config(folder: Path) -> dict[str, Any]:
    """A folder's config.json."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder}: no config.json; give the folder of a model as it is on the hub") from None
    except ValueError as error:
        raise DataError(f"{path}: is not JSON ({error})") from error
    if not isinstance(config, dict):
        raise DataError(f"{path}: contains a {type(config).__name__}, not an object")
    return config


def shape_of(config: Mapping[str, Any], where: str) -> Shape:
    """The shape that a config.json of transformers declares; DataError for another kind of model."""
    family = config.get("model_type")
    if family not in FAMILIES:
        raise DataError(
            f"{where}: model_type {family!r} is not one of {', '.join(FAMILIES)}; score it with --engine upstream"
        )
    activation = config.get("activation" if family == "distilbert" else "hidden_act", "gelu")
    if activation != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
        raise DataError(f"{where}: only GELU and absolute positions are supported; score it with --engine upstream")
    names = (
        ("n_layers", "dim", "n_heads", "hidden_dim")
        if family == "distilbert"
        else ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")
    )
    base = (6, 768, 12, 3072) if family == "distilbert" else (12, 768, 12, 3072)  # what transformers leaves unsaid
    layers, hidden, heads, intermediate = (int(config.get(n, d)) for n, d in zip(names, base, strict=True))
    deberta = family == "deberta-v2"
    plain = not config.get("conv_kernel_size") and config.get("embedding_size", hidden) == hidden
    if deberta and not (plain and config.get("relative_attention")):
        what = "DeBERTa with a convolution, narrow words or no relative attention"
        raise DataError(f"{where}: {what} is not supported here; score it with --engine upstream")
    pad = 1 if family == "mpnet" else int(config.get("pad_token_id", 1 if family == "roberta" else 0))
    return Shape(
        family=family,
        layers=layers,
        hidden=hidden,
        heads=heads,
        intermediate=intermediate,
        eps=1e-12 if family == "distilbert" else float(config.get("layer_norm_eps", 1e-7 if deberta else 1e-12)),
        pad=pad,
        positions=int(config.get("max_position_embeddings", 512)),
        placed=not deberta or bool(config.get("position_biased_input", True)),
        segments=bool(config.get("type_vocab_size", 0)) if deberta else family in ("bert", "roberta"),
        relative=deberta_relative(config) if deberta else mpnet_relative(config) if family == "mpnet" else None,
    )


def shape_from_weights(state: Mapping[str, Tensor], where: str, heads: int | None = None) -> Shape:
    """The shape of a plain BERT told by its tensors; heads of 64 numbers, as every published BERT has, unless given."""
    try:
        words, places = state["embeddings.word_embeddings.weight"], state["embeddings.position_embeddings.weight"]
        inner = state["encoder.layer.0.intermediate.dense.weight"]
    except KeyError as error:
        raise DataError(f"{where}: contains no BERT encoder, {error.args[0]} is missing") from error
    hidden = words.shape[1]
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("encoder.layer."))
    return Shape("bert", layers, hidden, heads or max(1, hidden // 64), inner.shape[0], 1e-12, 0, places.shape[0])


def expected(shape: Shape) -> dict[str, tuple[int, ...] | None]:
    """Name -> shape of every tensor that the encoder uses; None for a first dimension that the vocabulary decides."""
    h, i = shape.hidden, shape.intermediate
    names: dict[str, tuple[int, ...] | None] = {"embeddings.word_embeddings.weight": None}
    if shape.placed:
        names["embeddings.position_embeddings.weight"] = (shape.positions, h)
    if shape.segments:
        names["embeddings.token_type_embeddings.weight"] = None
    names |= _pair("embeddings.LayerNorm", h) | _relative_parts(shape)
    for layer in range(shape.layers):
        for name, rows, columns in _layer_parts(shape, layer, h, i).values():
            names |= _pair(name, rows, columns)
    return names


def layer_names(shape: Shape, layer: int) -> dict[str, str]:
    """Part (q, k, v, o, norm1, up, down, norm2) -> name of its weights in this family's files."""
    return {part: name for part, (name, _, _) in _layer_parts(shape, layer, 0, 0).items()}


def check(state: Mapping[str, Tensor], shape: Shape, where: str) -> None:
    """Raise DataError unless the state holds just the encoder (and what SIDE_PREFIXES and BUFFERS name)."""
    wanted = expected(shape)
    missing = [name for name in wanted if name not in state]
    wrong = [
        f"{name} is {tuple(state[name].shape)}, expected {size}"
        for name, size in wanted.items()
        if size is not None and name in state and tuple(state[name].shape) != size
    ]
    extra = [n for n in state if n not in wanted and n not in BUFFERS and not n.startswith(SIDE_PREFIXES)]
    refuse(where, missing, wrong, extra)


def refuse(where: str, missing: Iterable[str], wrong: Iterable[str] = (), extra: Iterable[str] = ()) -> None:
    """Raise DataError that lists what does not match; nothing where all match."""
    parts = [
        f"{len(found)} {what}: {', '.join(found[:3])}{', …' if len(found) > 3 else ''}"
        for what, found in (("missing", list(missing)), ("of another shape", list(wrong)), ("unknown", list(extra)))
        if found
    ]
    if parts:
        raise DataError(
            f"{where}: the weights do not match the model ({'; '.join(parts)}); nothing was scored with them"
        )


def strip(state: Mapping[str, Tensor], family: Family) -> dict[str, Tensor]:
    """Names without the family's prefix, and layer norms under their present names (once they were gamma and beta)."""
    prefix = f"{_PREFIXES.get(family, family)}."
    renamed = {}
    for name, tensor in state.items():
        short = name.removeprefix(prefix)
        for old, new in (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias")):
            if short.endswith(old):
                short = short.removesuffix(old) + new
        renamed[short] = tensor
    return renamed


def load_state(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a .safetensors file or a torch archive; nothing in it is executed."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        loaded: dict[str, Tensor] = load_file(path)
        return loaded
    mapped = _is_zip(path)  # a file of the format before torch 1.6 can't be mapped
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # torch and pickle raise many kinds for a file that is no checkpoint
        raise DataError(f"{path}: can't be read as a checkpoint ({type(error).__name__}: {error})") from error
    if not isinstance(state, dict):
        raise DataError(f"{path}: contains a {type(state).__name__}, not tensors by name")
    return {str(name): tensor for name, tensor in state.items()}


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def model_file(folder: Path) -> Path:
    """The weights of a model folder."""
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{folder}: contains neither model.safetensors nor pytorch_model.bin")


def _pair(name: str, rows: int, columns: int = 0) -> dict[str, tuple[int, ...] | None]:
    return {f"{name}.weight": (rows, columns) if columns else (rows,), f"{name}.bias": (rows,)}


def _layer_parts(shape: Shape, layer: int, h: int, i: int) -> dict[str, tuple[str, int, int]]:
    """Part -> (name, rows, columns) of one layer; columns 0 for a layer norm."""
    if shape.family == "distilbert":
        at = f"transformer.layer.{layer}."
        own: tuple[str, ...] = (
            "attention.q_lin",
            "attention.k_lin",
            "attention.v_lin",
            "attention.out_lin",
            "sa_layer_norm",
        )
        rest = ("ffn.lin1", "ffn.lin2", "output_layer_norm")
    else:
        at = f"encoder.layer.{layer}."
        rest = ("intermediate.dense", "output.dense", "output.LayerNorm")
        if shape.family == "mpnet":
            own = (*(f"attention.attn.{n}" for n in "qkvo"), "attention.LayerNorm")
        else:
            end = "_proj" if shape.family == "deberta-v2" else ""
            inner = (f"attention.self.{n}{end}" for n in ("query", "key", "value"))
            own = (*inner, "attention.output.dense", "attention.output.LayerNorm")
    sizes = ((h, h), (h, h), (h, h), (h, h), (h, 0), (i, h), (h, i), (h, 0))
    parts = ("q", "k", "v", "o", "norm1", "up", "down", "norm2")
    found = {part: (at + n, r, c) for part, n, (r, c) in zip(parts, (*own, *rest), sizes, strict=True)}
    if shape.family == "deberta-v2" and shape.relative is not None and not shape.relative.shared:
        for part, name, used in (
            ("positions_k", "pos_key_proj", shape.relative.to_position),
            ("positions_q", "pos_query_proj", shape.relative.from_position),
        ):
            if used:
                found[part] = (f"{at}attention.self.{name}", h, h)
    return found


def _relative_parts(shape: Shape) -> dict[str, tuple[int, ...] | None]:
    """What relative positions need beside the layers."""
    relative = shape.relative
    if relative is None:
        return {}
    if shape.family == "mpnet":
        return {"encoder.relative_attention_bias.weight": (relative.span, shape.heads)}
    norm = _pair("encoder.LayerNorm", shape.hidden) if relative.normed else {}
    return {"encoder.rel_embeddings.weight": (2 * relative.span, shape.hidden), **norm}
