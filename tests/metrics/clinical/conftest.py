"""Random weights in the published formats, and the hub cache in which upstream packages look for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Weights:
    """Where the generated weights are."""

    home: Path
    encoder: Path
    """Tokenizer and config of the BERT that all checkpoints share."""
    archives: Path
    """Holds radgraph/ and radgraph-xl/."""
    checkpoint: Path
    scorers: Path
    """Holds roberta/, distilbert/ and bert/."""

    def options(self, **more: Any) -> dict[str, Any]:
        """Options of a suite that scores with these weights."""
        return {
            "weights.radgraph": self.archives / "radgraph",
            "weights.radgraph-xl": self.archives / "radgraph-xl",
            "weights.chexbert": self.checkpoint,
            "weights.bert-base-uncased": self.encoder,
            "weights.distilroberta-base": self.scorers / "roberta",
            "weights.distilbert-base-uncased": self.scorers / "distilbert",
            **more,
        }


@pytest.fixture(scope="session")
def hub_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A hub cache of this test session; set before any package reads the environment."""
    torch = pytest.importorskip("torch", reason="needs the clinical environment (scripts/env-clinical)")
    torch.set_num_threads(1)  # models this small lose more to handing work over than they gain
    home = tmp_path_factory.mktemp("hub")
    changed = {
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "MMRAD_WEIGHTS": str(home / "ours"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    yield home
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Invented reports that checkpoints are made with."""
    sys.path.insert(0, str(ROOT)) if str(ROOT) not in sys.path else None
    from benchmarks.clinical.reports import reports

    return reports(60, seed=1)


@pytest.fixture(scope="session")
def make_weights(hub_home: Path, texts: list[str]) -> Any:
    """``make_weights(seed)``: one set of small weights a seed, made once."""
    from benchmarks.clinical.checkpoints import SMALL, write_bert, write_chexbert, write_radgraph, write_scorer

    made: dict[int, Weights] = {}
    encoder = write_bert(hub_home, "bert-base-uncased", SMALL, texts)  # once: the packages keep a tokenizer by its name

    def make(seed: int) -> Weights:
        if seed not in made:
            folder = hub_home / f"seed-{seed}"
            for model in ("radgraph", "radgraph-xl"):
                write_radgraph(folder / model, model, "bert-base-uncased", encoder, texts=texts, seed=seed)
            checkpoint = write_chexbert(folder / "chexbert.pth", encoder, texts, seed)
            for family, layers in (("roberta", 6), ("distilbert", 6), ("bert", 2)):
                write_scorer(folder / family, family, replace(SMALL, layers=layers), texts, seed)
            made[seed] = Weights(hub_home, encoder, folder, checkpoint, folder)
        return made[seed]

    return make


@pytest.fixture(scope="session")
def weights(make_weights: Any) -> Weights:
    """One set of small weights."""
    made: Weights = make_weights(3)
    return made


EDGES = (
    "One.",
    "a",
    ".",
    "!?;:--()",
    "No pneumothorax\r\nNo effusion.\r\n\r\nHeart normal.",
    "Übergröße des Herzens; naïve façade, 心臓は正常 αβΓ ẞ İ Σας.",
    "___ was told of the ___ finding at ___.",
    "XXXX-year-old with XXXX chest pain. XXXX.",
    "NO ACUTE CARDIOPULMONARY PROCESS. HEART SIZE NORMAL.",
    "[SEP] [CLS] [MASK] [PAD] [UNK] brackets </s> <s> <mask>",
    "supercalifragilisticexpialidociousandsomemoreofit" * 4,
    "x" * 120 + " opacity",
    "Measures 3.2 x 4 cm (50%), 50%. '3%' \"quoted\" and/or \\n escaped \\\" 1/2 /. /? .' ).",
    "\u200b\u00a0thin\u2009space\u2028line\x0bfeed\x00null\ufeff",
    "e\u0301tude 👩‍⚕️ emoji — dash…",
    " leading and trailing   spaces  ",
    "tabs\tand\nlines\n\n\n",
)
"""Texts on which engines could part."""


@pytest.fixture(scope="session")
def edges() -> tuple[str, ...]:
    """Texts on which engines could part."""
    return EDGES
