"""mmrad-eval: does looking again make the report better?

The names that plugins and notebooks import. Each is loaded when it is first used, so importing the package is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Answerer as Answerer
    from mmrad_eval.core.contracts import Client as Client
    from mmrad_eval.core.contracts import Column as Column
    from mmrad_eval.core.contracts import Corpus as Corpus
    from mmrad_eval.core.contracts import Dataset as Dataset
    from mmrad_eval.core.contracts import Donor as Donor
    from mmrad_eval.core.contracts import JudgeMetric as JudgeMetric
    from mmrad_eval.core.contracts import Metric as Metric
    from mmrad_eval.core.contracts import PreparedRequest as PreparedRequest
    from mmrad_eval.core.contracts import Task as Task
    from mmrad_eval.core.contracts import TaskContext as TaskContext
    from mmrad_eval.core.contracts import TransportError as TransportError
    from mmrad_eval.core.errors import DataError as DataError
    from mmrad_eval.core.errors import GateError as GateError
    from mmrad_eval.core.errors import MissingError as MissingError
    from mmrad_eval.core.errors import MmradError as MmradError
    from mmrad_eval.core.errors import ModelError as ModelError
    from mmrad_eval.core.errors import PluginError as PluginError
    from mmrad_eval.core.errors import UsageError as UsageError
    from mmrad_eval.core.values import Answer as Answer
    from mmrad_eval.core.values import Box as Box
    from mmrad_eval.core.values import Card as Card
    from mmrad_eval.core.values import ClinicalContext as ClinicalContext
    from mmrad_eval.core.values import Decoding as Decoding
    from mmrad_eval.core.values import Example as Example
    from mmrad_eval.core.values import Image as Image
    from mmrad_eval.core.values import Message as Message
    from mmrad_eval.core.values import PriorStudy as PriorStudy
    from mmrad_eval.core.values import ReaderBox as ReaderBox
    from mmrad_eval.core.values import Reply as Reply
    from mmrad_eval.core.values import Report as Report
    from mmrad_eval.core.values import Request as Request
    from mmrad_eval.core.values import Served as Served
    from mmrad_eval.core.values import Step as Step
    from mmrad_eval.core.values import Study as Study
    from mmrad_eval.core.values import Text as Text
    from mmrad_eval.core.values import Trace as Trace
    from mmrad_eval.core.values import Usage as Usage
    from mmrad_eval.results.run.frames import load as load
    from mmrad_eval.results.scoring.texts import score as score

_WHERE = {
    "contracts": (
        *(
            "Answerer",
            "Client",
            "Column",
            "Corpus",
            "Dataset",
            "Donor",
            "JudgeMetric",
            "Metric",
            "PreparedRequest",
            "Task",
        ),
        *("TaskContext", "TransportError"),
    ),
    "errors": (
        *("DataError", "GateError", "MissingError", "MmradError", "ModelError", "PluginError"),
        "UsageError",
    ),
    "values": (
        *(
            "Answer",
            "Box",
            "Card",
            "ClinicalContext",
            "Decoding",
            "Example",
            "Image",
            "Message",
            "PriorStudy",
            "ReaderBox",
            "Reply",
        ),
        *("Report", "Request", "Served", "Step", "Study", "Text", "Trace", "Usage"),
    ),
}
_MODULE = {name: f"mmrad_eval.core.{module}" for module, names in _WHERE.items() for name in names}
_MODULE |= {"load": "mmrad_eval.results.run.frames", "score": "mmrad_eval.results.scoring.texts"}

__all__ = sorted(_MODULE)  # noqa: PLE0605 (a sorted list of the names above; a test holds it to them)


def __getattr__(name: str) -> object:
    if name in _MODULE:
        import importlib

        return getattr(importlib.import_module(_MODULE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
