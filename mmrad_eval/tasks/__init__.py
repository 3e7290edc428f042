"""Tasks: how a study becomes a conversation with a model, and how the model's words become an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from mmrad_eval.core import plugins
from mmrad_eval.core.contracts import Task
from mmrad_eval.core.errors import PluginError, UsageError
from mmrad_eval.core.guarding import guarded
from mmrad_eval.core.members import Completed, original
from mmrad_eval.core.plugins import Kind, Plugin
from mmrad_eval.core.provenance import source_of
from mmrad_eval.core.registry import BUILTIN as BUILTIN_ORIGIN
from mmrad_eval.core.registry import Registry
from mmrad_eval.core.values import Card
from mmrad_eval.tasks.arms import ARMS

INTERVENTIONS = frozenset(arm.task for arm in ARMS if arm.role == "intervention")
"""Tasks that change what a model sees or has thought; ``mmrad-eval faithfulness`` compares them."""

NEEDS = frozenset({"images", "trace", "donor"})
"""What a task can need of a study."""
_PREFIX = {"control": "control: ", "intervention": "intervention: "}
BUILTIN = {arm.task: (arm.place, _PREFIX.get(arm.role, "") + arm.shows) for arm in ARMS} | {
    "trace-of:": (
        "mmrad_eval.tasks.given_evidence:trace_of",
        "trace-of:RUN - the traces that another run's model wrote, as evidence",
    ),
    "imported": ("mmrad_eval.tasks.imported:IMPORTED", "external reports: no evidence is shown, no model is called"),
}


def registry() -> Registry:
    """All tasks, those of plugins (entry-point group ``mmrad_eval.tasks``) included."""
    return Registry("task", BUILTIN)


def _unlike_a_task(task: Task) -> str | None:
    """What members of the right type can't say: a prompt that is none, needs that nothing meets, a name for nobody."""
    prompt: object = task.prompt()
    if not isinstance(prompt, str):
        return f"its `prompt()` returned {type(prompt).__name__}, not str"
    unknown = sorted(task.needs - NEEDS)
    if unknown:
        return f"its `needs` name {unknown[0]!r}; a study can have {', '.join(sorted(NEEDS))}"
    return plugins.name_problem(task.name, ",")


KIND = Kind("task", (Task,), "decorate a coroutine with @mmrad_eval.task(NAME)", checked=_unlike_a_task)


def load(spec: object, options: Mapping[str, str] | None = None) -> Task:
    """The task that ``spec`` names under its own ``options``: a registered name, ``path/to/file.py:Name``, an object.

    UnknownNameError with near names, PluginError saying what does not fit, UsageError for options that it does not
    have and for an object that can't be identified.
    """
    plugin = plugins.load(KIND, spec, registry())
    task: Task = plugin.value
    if options:
        task = plugins.checked(KIND, task.configured(options), plugin.name)
    source = source_of(plugin)
    if source:
        _refuse_a_name_in_use(task, plugin)
    if plugin.origin == BUILTIN_ORIGIN:
        return task
    if isinstance(spec, str) and not source and task.name != spec:
        raise PluginError(f"task {plugin.name} calls itself {task.name!r}; register it under that name")
    return _guarded(task, source)


def asked_of(task: Task, card: Card) -> Task:
    """The task as a model of this card is asked it. What a plugin makes of itself is checked as the plugin was."""
    own = plugins.call(f"for_card of task {task.name}", task.for_card, card)
    if original(own) is original(task):
        return task
    if not isinstance(task, Completed):
        return cast("Task", own)
    return _guarded(plugins.checked(KIND, own, task.name), task.source)


def _guarded(task: Task, source: str) -> Task:
    return cast("Task", guarded(task, Task, f"task {task.name}", raising=("shown",), own={"source": source}))


def _refuse_a_name_in_use(task: Task, plugin: Plugin) -> None:
    entry = registry().get(task.name)
    if entry is not None and entry.load() is not original(plugin.value):
        raise UsageError(f"task {plugin.name}: another task already has the name {task.name!r}; rename one of them")
