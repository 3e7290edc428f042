"""``hf:ID``: a model that runs in transformers, answered for by a worker of ours in an environment of the user's."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec

from mmrad_eval.core.errors import ModelError, UsageError
from mmrad_eval.core.values import Card, Request
from mmrad_eval.model_registry.live_tokens import taken_apart
from mmrad_eval.model_registry.programs.command import ProgramClient, program_of
from mmrad_eval.model_registry.programs.life import REPLIES, REQUESTS
from mmrad_eval.model_registry.programs.options import ProgramOptions
from mmrad_eval.model_registry.programs.program import Program
from mmrad_eval.model_registry.providers import Connection

_WORKER = Path(__file__).parent / "worker" / "hf_worker.py"


def hf(card: Card, how: Connection) -> TransformersClient:
    """``hf:ID``, by the interpreter of ``--python``; nothing is started before the first request."""
    if how.base_url:
        raise UsageError(f"--base-url names a server, and {card.label} runs on this machine; leave it out")
    options = how.programs or ProgramOptions()
    python = shutil.which(options.python or sys.executable)
    if python is None:
        raise ModelError(f"--python {options.python}: no such program; name the interpreter of an environment")
    words = [python, str(_WORKER), "--model", card.id]
    for flag, value in (
        ("--revision", card.revision),
        ("--dtype", options.dtype),
        ("--device-map", options.device_map),
        ("--batch-size", options.batch_size),
    ):
        if value is not None:
            words += [flag, str(value)]
    words += ["--trust-remote-code"] if options.trust_remote_code else []
    program = program_of([*words, REQUESTS, REPLIES], how)
    return TransformersClient(_identified(card, options), program, remote_code=options.trust_remote_code)


def _identified(card: Card, options: ProgramOptions) -> Card:
    """The card with what can change a reply in its revision: the number format, the size of batches, remote code.

    Sums of a padded batch are rounded otherwise than those of one request, which can turn a near tie.
    """
    told = [card.revision] if card.revision else []
    told += [options.dtype] if options.dtype else []
    told += [f"batch {options.batch_size}"] if (options.batch_size or 1) > 1 else []
    told += ["remote code"] if options.trust_remote_code else []
    return msgspec.structs.replace(card, revision=", ".join(told) or None)


class TransformersClient(ProgramClient):
    """One model behind our worker."""

    def __init__(self, card: Card, program: Program, *, remote_code: bool) -> None:
        super().__init__(card, program)
        if remote_code:  # strangers' code may send what it gets anywhere
            self.endpoints = None

    def adapt(self, request: Request) -> Request:
        """The request with live tokens in its words taken apart: ``<|image_pad|>`` becomes ``< |image_pad| >``."""
        return taken_apart(request)
