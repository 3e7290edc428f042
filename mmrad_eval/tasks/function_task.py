"""A task that was made of a coroutine by ``@task``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeAlias

from mmrad_eval.core import members
from mmrad_eval.core.contracts import Task, TaskContext
from mmrad_eval.core.errors import PluginError, UsageError
from mmrad_eval.core.values import Answer, Study, Trace

Conversation: TypeAlias = Callable[[Study, TaskContext], Awaitable[Answer]]
Evidence: TypeAlias = Callable[[Study, TaskContext], Trace | None]


@dataclass(frozen=True)
class FunctionTask(Task):
    """One coroutine, and what is said about it."""

    name: str
    function: Conversation
    needs: AbstractSet[str]
    given: bool
    version: int
    several_images: bool
    words: str
    evidence: Evidence | None
    options: Mapping[str, str] = field(default_factory=dict)
    turns: int | None = None

    def prompt(self) -> str:
        """The text that ``context.prompt`` holds unless the run brings another."""
        return self.words

    def shown(self, study: Study, context: TaskContext) -> Trace | None:
        """What the function ``shown`` returns; nothing without one."""
        return None if self.evidence is None else self.evidence(study, context)

    def configured(self, options: Mapping[str, str]) -> Self:
        """The task under other values of its own options."""
        unknown = [name for name in options if name not in self.options]
        if unknown:
            has = f"has the options {', '.join(self.options)}" if self.options else "has no options"
            raise UsageError(f"--set {unknown[0]}={options[unknown[0]]}: {self.name} {has}")
        return replace(self, options={**self.options, **options})

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """What the coroutine returns; its own options are among ``context.options``."""
        return await self.function(study, replace(context, options={**context.options, **self.options}))


def task(
    name: str,
    *,
    needs: Iterable[str] = ("images",),
    given: bool = False,
    version: int = 1,
    several_images: bool = False,
    prompt: str = "",
    shown: Evidence | None = None,
    options: Mapping[str, str] | None = None,
    turns: int | None = None,
) -> Callable[[Conversation], FunctionTask]:
    """Make a task of a coroutine ``(study, context) -> Answer``.

    ``needs`` is what a study must have: ``images``, ``trace``, ``donor``. ``given``: whether the task shows evidence
    (``shown`` returns it) or lets the model make its own. ``version`` is raised whenever the same study would be asked
    about differently. ``options`` are those that ``--set`` takes, with their defaults. ``turns`` is the most requests
    that one conversation sends, which lets a dry run say what a run can cost at most. PluginError for a function that
    can't be called so.
    """
    if not isinstance(name, str):
        raise PluginError('@task needs a name: write @mmrad_eval.task("name") above the coroutine')

    def made(function: Conversation) -> FunctionTask:
        _check(name, function)
        if shown is not None:
            _check_shown(name, shown)
        stated, own = _stated(name, needs), dict(options or {})
        return FunctionTask(name, function, stated, given, version, several_images, prompt, shown, own, turns)

    return made


def _stated(name: str, needs: Iterable[str]) -> frozenset[str]:
    try:
        return frozenset((needs,) if isinstance(needs, str) else needs)
    except TypeError:
        raise PluginError(f"task {name} is not valid: its `needs` must be a set of str, not {needs!r}") from None


def _check_shown(name: str, shown: Any) -> None:
    wrong = members.wrong_call("shown", shown, Task.shown) if callable(shown) else "its `shown` is not a function"
    if wrong:
        raise PluginError(f"task {name} is not valid: {wrong}")


def _check(name: str, function: Any) -> None:
    wrong = members.wrong_call("converse", function, Task.converse) if callable(function) else "it is not a function"
    if wrong:
        raise PluginError(f"task {name} is not valid: {wrong}")
