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
    from mmrad_eval.core.contracts import Metric as Metric
    from mmrad_eval.core.contracts import PreparedRequest as PreparedRequest
    from mmrad_eval.core.contracts import Task as Task
    from mmrad_eval.core.contracts import TaskContext as TaskContext
    from mmrad_eval.core.errors import DataError as DataError
    from mmrad_eval.core.errors import GateError as GateError
    from mmrad_eval.core.errors import Interrupted as Interrupted
    from mmrad_eval.core.errors import MissingError as MissingError
    from mmrad_eval.core.errors import MmradError as MmradError
    from mmrad_eval.core.errors import ModelError as ModelError
    from mmrad_eval.core.errors import PluginError as PluginError
    from mmrad_eval.core.errors import TransportError as TransportError
    from mmrad_eval.core.errors import UsageError as UsageError
    from mmrad_eval.core.judge_contracts import AskJudge as AskJudge
    from mmrad_eval.core.judge_contracts import JudgeMetric as JudgeMetric
    from mmrad_eval.core.judge_contracts import JudgingMetric as JudgingMetric
    from mmrad_eval.core.judge_contracts import Verdict as Verdict
    from mmrad_eval.core.values import Answer as Answer
    from mmrad_eval.core.values import Box as Box
    from mmrad_eval.core.values import Card as Card
    from mmrad_eval.core.values import ClinicalContext as ClinicalContext
    from mmrad_eval.core.values import Decoding as Decoding
    from mmrad_eval.core.values import Example as Example
    from mmrad_eval.core.values import Image as Image
    from mmrad_eval.core.values import Label as Label
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
    from mmrad_eval.datasets import load_dataset as load_dataset
    from mmrad_eval.datasets.lazy import LazyStudies as LazyStudies
    from mmrad_eval.datasets.source import Reader as Reader
    from mmrad_eval.datasets.source import Source as Source
    from mmrad_eval.datasets.source import reader as reader
    from mmrad_eval.harness.evaluate import Evaluation as Evaluation
    from mmrad_eval.harness.evaluate import evaluate as evaluate
    from mmrad_eval.harness.judged_texts import score as score
    from mmrad_eval.metrics.mean_metric import mean_metric as mean_metric
    from mmrad_eval.metrics.suites import Setup as Setup
    from mmrad_eval.model_registry.function_model import model as model
    from mmrad_eval.model_registry.providers import Connection as Connection
    from mmrad_eval.model_registry.providers import Provider as Provider
    from mmrad_eval.results.comparison.named import compare as compare
    from mmrad_eval.results.comparison.named import leaderboard as leaderboard
    from mmrad_eval.results.run.frames import load as load
    from mmrad_eval.results.scoring.rewards import reward as reward
    from mmrad_eval.tasks.answers import read_answer as read_answer
    from mmrad_eval.tasks.function_task import task as task

_NAMES = {
    "core.contracts": "Answerer Client Column Corpus Dataset Donor Metric PreparedRequest Task TaskContext",
    "core.errors": (
        "DataError GateError Interrupted MissingError MmradError ModelError PluginError TransportError UsageError"
    ),
    "core.judge_contracts": "AskJudge JudgeMetric JudgingMetric Verdict",
    "core.values": (
        "Answer Box Card ClinicalContext Decoding Example Image Label Message PriorStudy ReaderBox Reply "
        "Report Request Served Step Study Text Trace Usage"
    ),
    "datasets": "load_dataset",
    "harness.evaluate": "Evaluation evaluate",
    "harness.judged_texts": "score",
    "datasets.lazy": "LazyStudies",
    "datasets.source": "Reader Source reader",
    "metrics.mean_metric": "mean_metric",
    "metrics.suites": "Setup",
    "model_registry.function_model": "model",
    "model_registry.providers": "Connection Provider",
    "results.comparison.named": "compare leaderboard",
    "results.run.frames": "load",
    "results.scoring.rewards": "reward",
    "tasks.answers": "read_answer",
    "tasks.function_task": "task",
}
_MODULE = {name: f"mmrad_eval.{module}" for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_MODULE)  # noqa: PLE0605 (a sorted list of the names above; a test holds it to them)


def __getattr__(name: str) -> object:
    if name in _MODULE:
        import importlib

        return getattr(importlib.import_module(_MODULE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
