"""CheXbert F1: the label formula over the labels of a CheXbert checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Target
from mmrad_eval.metrics.clinical.embeddings.observations import HEADS, values
from mmrad_eval.metrics.labelf1 import BLANK, LABELS, Codes, LabelF1, Labeller, Policy

if TYPE_CHECKING:
    from mmrad_eval.metrics.clinical.embeddings.records import Labelled
    from mmrad_eval.metrics.suites import Setup

_ORDER = [HEADS.index(name) for name in LABELS]


class CheXbertF1(LabelF1):
    """Label F1 whose labels come from weights that are looked for when the metric is fitted."""

    def __init__(
        self, name: str, policy: Policy, source: Callable[[], tuple[Labeller, str]], *, macro: str, by_label: bool
    ) -> None:
        """``source`` gives the labeller and the signature of what labels."""
        chosen: Literal["all", "supported"] = "supported" if macro == "supported" else "all"
        super().__init__(
            name, "CheXbert", _unfitted, "", policy, macro=chosen, by_label=by_label, languages=frozenset({"en"})
        )
        self._source = source

    def fit(self, corpus: Corpus) -> Target:
        """Find the weights; nothing is learnt."""
        self.labeller, self.version = self._source()
        return super().fit(corpus)


def codes(found: Sequence[Labelled]) -> Codes:
    """(n, 14) codes in the order of LABELS from records in the order of CheXbert's heads."""
    return values([one.classes for one in found])[:, _ORDER]


def chexbert(setup: Setup) -> LabelF1:
    """``chexbert@uncertain=POLICY``, and ``chexbert-by-label@uncertain=POLICY``."""
    from mmrad_eval.metrics.clinical.engines import engines

    shared = engines(setup)
    family, _, profile = setup.name.partition("@uncertain=")
    policy = cast("Policy", profile)
    macro = setup.option("macro", "all", ("all", "supported"))
    shared.available("chexbert", "chexbert", "bert-base-uncased")

    def source() -> tuple[Labeller, str]:
        labels = shared.labels()

        def label(texts: Sequence[str]) -> Codes:
            table = np.full((len(texts), len(LABELS)), BLANK, np.int8)
            said = [number for number, text in enumerate(texts) if text.strip()]
            if said:
                table[said] = codes(labels([texts[number] for number in said]))
            return table

        return label, labels.signature

    return CheXbertF1(setup.name, policy, source, macro=macro, by_label=family == "chexbert-by-label")


def _unfitted(texts: Sequence[str]) -> Codes:
    raise RuntimeError(f"call fit before measure: {len(texts)} texts have no labeler yet")
