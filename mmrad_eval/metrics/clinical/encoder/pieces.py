"""Words to pieces: WordPiece and byte-level BPE from the files of a model, the same ids as its own tokenizer.

Ids come without the special pieces that frame a text; callers add them, since the packages differ in how.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE, WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel

from mmrad_eval.core.errors import DataError

_UNLIMITED = 1_000_000  # transformers writes about 1e30 where a tokenizer states no limit


@dataclass(frozen=True)
class Pieces:
    """A tokenizer, and the ids that frame a text."""

    tokenizer: Tokenizer
    first: int
    """Id of [CLS] or <s>."""
    last: int
    """Id of [SEP] or </s>."""
    limit: int | None
    """Pieces of one text, special ones included, that the tokenizer's own files allow."""

    def ids(self, text: str) -> list[int]:
        """The pieces of a text, without special ones around it."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def frame(self, ids: list[int]) -> list[int]:
        """The same with the special pieces around it."""
        return [self.first, *ids, self.last]


def read_pieces(folder: Path, family: str = "bert") -> Pieces:
    """The tokenizer of a model folder: vocab.txt; vocab.json with merges.txt; or tokenizer.json."""
    if (folder / "vocab.txt").is_file():
        return word_pieces(folder / "vocab.txt", _settings(folder), _MPNET_SPECIAL if family == "mpnet" else None)
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        return _byte_pieces(folder)
    if (folder / "tokenizer.json").is_file():
        return _stored(folder)
    raise DataError(f"{folder}: no tokenizer (vocab.txt, vocab.json with merges.txt, or tokenizer.json)")


def word_pieces(
    vocabulary: Path, settings: dict[str, Any] | None = None, special: dict[str, str] | None = None
) -> Pieces:
    """WordPiece from a vocab.txt: one piece a line; lower-cased unless the settings say otherwise.

    ``special``: the names of special pieces where the settings state none; BERT's if None.
    """
    settings, usual = settings or {}, special or _BERT_SPECIAL
    with vocabulary.open(encoding="utf-8") as lines:
        table = {line.rstrip("\n"): number for number, line in enumerate(lines)}
    names = {
        key: str(settings.get(key, name)) for key, name in usual.items() if isinstance(settings.get(key, name), str)
    }
    special = {**usual, **names}
    absent = [name for name in special.values() if name not in table]
    if absent:
        raise DataError(f"{vocabulary}: contains no {', '.join(absent)}; is it a BERT vocabulary?")
    tokenizer = Tokenizer(WordPiece(table, unk_token=special["unk_token"], max_input_chars_per_word=100))
    accents = settings.get("strip_accents")
    tokenizer.normalizer = BertNormalizer(
        clean_text=True,
        handle_chinese_chars=bool(settings.get("tokenize_chinese_chars", True)),
        strip_accents=accents if isinstance(accents, bool) else None,
        lowercase=bool(settings.get("do_lower_case", True)),
    )
    tokenizer.pre_tokenizer = BertPreTokenizer()
    mask = special.pop("mask_token")
    tokenizer.add_special_tokens([*special.values(), AddedToken(mask, lstrip=usual is _MPNET_SPECIAL)])
    return Pieces(tokenizer, table[special["cls_token"]], table[special["sep_token"]], _limit(settings))


_BERT_SPECIAL = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
_MPNET_SPECIAL = {
    "unk_token": "[UNK]",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
    "mask_token": "<mask>",
}


def _byte_pieces(folder: Path) -> Pieces:
    """RoBERTa's byte-level BPE. Texts get a leading space, as bert-score asks for; see ``embeddings.bertscore``."""
    table = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    absent = [name for name in ("<s>", "</s>", "<pad>", "<unk>", "<mask>") if name not in table]
    if absent:
        raise DataError(f"{folder / 'vocab.json'}: contains no {', '.join(absent)}; is it a RoBERTa vocabulary?")
    tokenizer = Tokenizer(BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token="<unk>"))  # noqa: S106 (a piece's name)
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)])
    return Pieces(tokenizer, table["<s>"], table["</s>"], _limit(_settings(folder)))


def _stored(folder: Path) -> Pieces:
    """A tokenizer.json; the truncation and padding that it may carry are put aside."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for first, last in (("[CLS]", "[SEP]"), ("<s>", "</s>")):
        ids = (tokenizer.token_to_id(first), tokenizer.token_to_id(last))
        if None not in ids:
            return Pieces(tokenizer, *ids, limit=_limit(_settings(folder)))
    raise DataError(f"{folder / 'tokenizer.json'}: has neither [CLS] and [SEP] nor <s> and </s>")


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return {}
    settings = json.loads(path.read_text(encoding="utf-8"))
    return settings if isinstance(settings, dict) else {}


def _limit(settings: dict[str, Any]) -> int | None:
    stated = settings.get("model_max_length")
    return int(stated) if isinstance(stated, int | float) and stated < _UNLIMITED else None
