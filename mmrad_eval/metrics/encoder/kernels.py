"""Matrix products: the faster fp32 linear layer, the same one at every start.

torch multiplies fp32 with MKL, which on AMD processors runs at about half of what oneDNN reaches with packed weights
(measured: 110 against 220 to 250 GFLOP/s a core of an EPYC). The operators are private to torch, so they are probed
once: where they are missing, wrong or much slower, the ordinary layer is used. Both are fp32; results differ by
rounding, which may turn a decision that is closer than that, so other work must not decide which is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

Linear = Callable[[Tensor], Tensor]
KernelName = Literal["torch", "onednn"]

_mkldnn: Any = torch.backends.mkldnn
_PROBE = (96, 768, 3072)  # rows, inputs, outputs: a report of usual length through the widest layer of BERT-base
_TOLERANCE = 1e-4
_TRIES = 12
_MUCH_SLOWER = 2.0  # further apart than what other work on the machine does to the fastest of a dozen tries


class Kernel:
    """How linear layers are made: ``linear(weight, bias)`` gives a function of the input."""

    def __init__(self, name: KernelName) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Kernel({self.name!r})"

    def linear(self, weight: Tensor, bias: Tensor) -> Linear:
        """(out, in) and (out,) to a function (..., in) -> (..., out)."""
        if self.name == "onednn":
            return _onednn(weight, bias)
        kept_weight, kept_bias = weight.contiguous(), bias.contiguous()
        return lambda rows: functional.linear(rows, kept_weight, kept_bias)


def choose(device: torch.device) -> Kernel:
    """The packed one where it can be had and is not much slower; the ordinary one on a GPU."""
    available: bool = _mkldnn.is_available()
    if device.type != "cpu" or not available:
        return Kernel("torch")
    rows, inputs, outputs = _PROBE
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(outputs, inputs, generator=generator) / inputs**0.5
    bias = torch.randn(outputs, generator=generator)
    batch = torch.randn(rows, inputs, generator=generator)
    with torch.inference_mode():
        plain = Kernel("torch").linear(weight, bias)
        try:
            packed = Kernel("onednn").linear(weight, bias)
            close = bool((packed(batch) - plain(batch)).abs().max() < _TOLERANCE)
        except (
            AttributeError,
            RuntimeError,
            NotImplementedError,
            TypeError,
        ):  # another torch names or builds them otherwise
            return Kernel("torch")
        times = [(_seconds(packed, batch), _seconds(plain, batch)) for _ in range(_TRIES)]
        fastest = [min(column) for column in zip(*times, strict=True)]  # other work on the machine only ever adds
        return Kernel("onednn" if close and fastest[0] < _MUCH_SLOWER * fastest[1] else "torch")


def _onednn(weight: Tensor, bias: Tensor) -> Linear:
    ops: Any = torch.ops.mkldnn
    packed = ops._reorder_linear_weight(weight.contiguous(), None)  # noqa: SLF001 (torch has no public name for it)
    kept = bias.contiguous()
    run = ops._linear_pointwise  # noqa: SLF001 (as above)

    def linear(rows: Tensor) -> Tensor:
        result: Tensor = run(rows, packed, kept, "none", [], "")
        return result

    return linear


def _seconds(layer: Linear, batch: Tensor) -> float:
    start = time.perf_counter()
    layer(batch)
    return time.perf_counter() - start
