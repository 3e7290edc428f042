"""Matrix products: the faster fp32 linear layer, the same one at every start.

torch multiplies fp32 with MKL, which on AMD processors stays behind what oneDNN reaches with packed weights (measured:
110 against 220 to 250 GFLOP/s a core of one EPYC, 98 against 113 of an older one). The operators are private to torch,
so they are probed once: where they are missing, wrong or much slower, the ordinary layer is used. Both are fp32; their
results differ by rounding, which may turn a decision that is closer than that, so other work must not decide which is
used.
"""

from __future__ import annotations

import functools
import time
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from mmrad_eval.metrics.clinical.encoder.workers import side_by_side

KernelName = Literal["torch", "onednn"]

FEWEST_ROWS = 4
"""With fewer rows libraries take a product for vectors, which rounds otherwise: a text would depend on its batch."""

_mkldnn: Any = torch.backends.mkldnn
_PROBE = (96, 768, 3072)  # rows, inputs, outputs: a report of usual length through the widest layer of BERT-base
_TOLERANCE = 1e-4
_TRIES = 12
_MUCH_SLOWER = 2.0  # further apart than what other work on the machine does to the fastest of a dozen tries


class Linear(Protocol):
    """A linear layer: (rows, in) to (rows, out), FEWEST_ROWS rows or more."""

    def __call__(self, rows: Tensor) -> Tensor:
        """The layer."""
        ...

    def gelu(self, rows: Tensor) -> Tensor:
        """The layer, then GELU."""
        ...

    def plus(self, rows: Tensor, other: Tensor) -> Tensor:
        """The layer, and what is added to it."""
        ...


class Kernel:
    """How linear layers are made."""

    def __init__(self, name: KernelName) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Kernel({self.name!r})"

    def linear(self, weight: Tensor, bias: Tensor) -> Linear:
        """A layer of an (out, in) weight and an (out,) bias."""
        return (_Packed if self.name == "onednn" else _Plain)(weight, bias)


def choose(device: torch.device) -> Kernel:
    """The packed one where it can be had and is not much slower; the ordinary one on a GPU."""
    return Kernel(_probed() if device.type == "cpu" and _mkldnn.is_available() else "torch")


class _Plain:
    """torch's own layer."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = weight.contiguous(), bias.contiguous()

    def __call__(self, rows: Tensor) -> Tensor:
        return functional.linear(rows, self._weight, self._bias)

    def gelu(self, rows: Tensor) -> Tensor:
        return functional.gelu(self(rows))

    def plus(self, rows: Tensor, other: Tensor) -> Tensor:
        return self(rows) + other


class _Packed:
    """oneDNN's: the weight in the order in which its product reads it, and what follows done while it is in cache."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._ops: Any = torch.ops.mkldnn
        self._weight = self._ops._reorder_linear_weight(weight.contiguous(), None)  # noqa: SLF001 (torch has no public name for it)
        self._bias = bias.clone()  # lets go of the file that weights are mapped from

    def __call__(self, rows: Tensor) -> Tensor:
        result: Tensor = self._ops._linear_pointwise(rows, self._weight, self._bias, "none", [], "")  # noqa: SLF001 (as above)
        return result

    def gelu(self, rows: Tensor) -> Tensor:
        result: Tensor = self._ops._linear_pointwise(rows, self._weight, self._bias, "gelu", [], "none")  # noqa: SLF001 (as above; "none": by erf, not approximated)
        return result

    def plus(self, rows: Tensor, other: Tensor) -> Tensor:
        result: Tensor = self._ops._linear_pointwise.binary(rows, other, self._weight, self._bias, "add")  # noqa: SLF001 (as above)
        return result


@functools.cache
def _probed() -> KernelName:
    """Which of both, once a process."""
    (name,) = side_by_side(_faster, [None])
    return name


def _faster(_: None) -> KernelName:
    rows, inputs, outputs = _PROBE
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(outputs, inputs, generator=generator) / inputs**0.5
    bias = torch.randn(outputs, generator=generator)
    batch = torch.randn(rows, inputs, generator=generator)
    other = torch.randn(rows, outputs, generator=generator)
    plain = Kernel("torch").linear(weight, bias)
    try:
        packed = Kernel("onednn").linear(weight, bias)
        close = all(
            bool((a - b).abs().max() < _TOLERANCE)
            for a, b in (
                (packed(batch), plain(batch)),
                (packed.gelu(batch), plain.gelu(batch)),
                (packed.plus(batch, other), plain.plus(batch, other)),
            )
        )
    # in another torch these private kernels are missing, not built, refuse the layout or take other arguments
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return "torch"
    times = [(_seconds(packed, batch), _seconds(plain, batch)) for _ in range(_TRIES)]
    fastest = [min(column) for column in zip(*times, strict=True)]  # other work on the machine only ever adds
    return "onednn" if close and fastest[0] < _MUCH_SLOWER * fastest[1] else "torch"


def _seconds(layer: Linear, batch: Tensor) -> float:
    start = time.perf_counter()
    layer(batch)
    return time.perf_counter() - start
