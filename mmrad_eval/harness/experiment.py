"""An experiment file: models x tasks x data x prompts x samples with shared settings and one declared comparison.

    models = ["vllm:Qwen/Qwen2.5-VL-7B-Instruct", "baseline:evidence"]
    tasks = ["tcot", "mcot"]
    data = ["demo"]
    prompts = ["built-in", "prompts/short.txt"]     # optional; built-in: the task's own
    samples = 1                                     # optional
    out = "results"                                 # optional

    [shared]                                        # options of `mmrad-eval run`, with _ for -
    limit = 100
    max_tokens = 800

    [[model]]                                       # a model with settings of its own, beside `models`
    model = "openai:some-model"
    api_key_env = "MY_KEY"
    concurrency = 8

    [[data]]                                        # in the place of `data`
    data = "mmrad:traces.jsonl"
    images = "images"

    [primary]                                       # the one comparison that was declared in advance
    column = "RadGraph F1 @ rexrank"
    between = ["tcot", "mcot"]                      # two tasks or two models: the second against the first

It becomes commands of ``mmrad-eval run``, one for each model, dataset and prompt, which anyone can run alone. Models on
different servers run side by side. Paths are read as on the command line: from the folder in which it is run.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError, PromptError, UsageError
from mmrad_eval.harness import experiment_keys
from mmrad_eval.harness.trace_of import load_task
from mmrad_eval.tasks.prompt_check import check_names
from mmrad_eval.tasks.prompting import Prompt

BUILT_IN = "built-in"
DEFAULT_TARGET = "findings"
Settings = dict[str, Any]


class Primary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The comparison that was declared in advance."""

    column: str
    between: tuple[str, str]
    """Two tasks or two models; differences are the second minus the first."""


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One experiment file."""

    tasks: tuple[str, ...]
    models: tuple[str, ...] = ()
    model: tuple[Settings, ...] = ()
    data: tuple[str | Settings, ...] = ("demo",)
    prompts: tuple[str, ...] = (BUILT_IN,)
    samples: int = 1
    metrics: tuple[str, ...] = ()
    out: str = "results"
    shared: Settings = {}
    primary: Primary | None = None


class Command(msgspec.Struct, frozen=True):
    """One call of ``mmrad-eval run``."""

    title: str
    arguments: tuple[str, ...]
    server: str
    """Commands of one server run one after another."""


def read(path: Path) -> Experiment:
    """Read an experiment file; DataError names the field that does not fit, with the nearest known name."""
    try:
        data = decode.read_bytes(path, longest=decode.LONGEST_TOML)
        experiment = decode.toml_value(data, str(path), Experiment)
    except msgspec.ValidationError as error:
        why = _near(str(error), [*Experiment.__struct_fields__, *Primary.__struct_fields__])
        raise DataError(f"{path}: not an experiment: {why}") from error
    if not experiment.models and not experiment.model:
        raise DataError(f'{path}: no model; write models = ["vllm:ID"] or [[model]] tables')
    if not experiment.tasks or not experiment.data:
        raise DataError(f"{path}: no {'task' if not experiment.tasks else 'data'}")
    return experiment


def check_prompts(experiment: Experiment, path: Path) -> None:
    """DataError where a prompt is no file, or does not fit a task, before any part of the grid is asked."""
    given = [prompt for prompt in experiment.prompts if prompt != BUILT_IN]
    for prompt in given:
        if not Path(prompt).is_file():
            raise DataError(
                f"{path}: prompts: {prompt!r} is not a file; write the path of a prompt file, or {BUILT_IN!r} for the "
                "task's own prompt"
            )
    if not given:
        return
    for name in experiment.tasks:
        own = load_task(name, {}, Path(experiment.out)).prompt()
        for prompt in given:
            text = decode.utf8(decode.read_bytes(Path(prompt)), prompt)
            mine, theirs = Prompt(text, f"{path}: prompts: {prompt}"), Prompt(own)
            lost = [target for target in sorted(_targets(experiment)) if target in theirs and target not in mine]
            try:
                check_names(text, own)
            except PromptError as error:
                raise DataError(f"{path}: prompts: {prompt}, task {name}: {error}") from error
            if lost:
                why = f"no [[{lost[0]}]] block, so target {lost[0]!r} can't be used"
                raise DataError(f"{path}: prompts: {prompt}, task {name}: {why}")


def _targets(experiment: Experiment) -> set[str]:
    """What the commands ask for: a table of a model or a dataset has the last word."""
    tables = [*experiment.model, *(entry for entry in experiment.data if not isinstance(entry, str))]
    everywhere = str(experiment.shared.get("target", DEFAULT_TARGET))
    plain = bool(experiment.models) or any(isinstance(entry, str) for entry in experiment.data)
    own = {str(table.get("target", everywhere)) for table in tables}
    return own | {everywhere} if plain or not own else own


def commands(
    experiment: Experiment,
    options: Mapping[str, str],
    flags: Collection[str],
    allowed_keys: Collection[str] = (),
) -> list[Command]:
    """The calls of ``mmrad-eval run`` that make up the experiment.

    ``options``: names of its options, with _ for -, and how each is written; ``flags``: those without a value;
    ``allowed_keys``: variables and key files that the command line lets the file name, which else is a UsageError.
    """
    models = [*({"model": spec} for spec in experiment.models), *experiment.model]
    datasets = [{"data": entry} if isinstance(entry, str) else entry for entry in experiment.data]
    made = []
    for dataset in datasets:
        _need("data", dataset)
        for model in models:
            _need("model", model)
            for prompt in experiment.prompts:
                settings = {**experiment.shared, **dataset, **model, "task": ",".join(experiment.tasks)}
                settings["out"] = experiment.out
                experiment_keys.check(settings, allowed_keys)
                if experiment.samples != 1:
                    settings["samples"] = experiment.samples
                if experiment.metrics:
                    settings["metrics"] = ",".join(experiment.metrics)
                if prompt != BUILT_IN:
                    settings["prompt"] = prompt
                several = f" with {prompt}" if len(experiment.prompts) > 1 else ""
                title = f"{model['model']} on {dataset['data']}{several}"
                arguments = tuple(_written(settings, options, flags))
                made.append(Command(title, arguments, _server(settings)))
    return made


def _need(name: str, settings: Settings) -> None:
    if not isinstance(settings.get(name), str):
        raise UsageError(f'a [[{name}]] table needs {name} = "…"; this one has {", ".join(settings) or "nothing"}')


def _written(settings: Settings, options: Mapping[str, str], flags: Collection[str]) -> Iterable[str]:
    for name, value in settings.items():
        if name not in options:
            raise UsageError(_unknown(name, options))
        if name in flags:
            if not isinstance(value, bool):
                raise UsageError(f"{name} = {value!r} in the experiment: write true or false")
            if value:
                yield options[name]
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool) or not isinstance(one, str | int | float):
                raise UsageError(f"{name} = {one!r} in the experiment: write text or a number")
            yield f"{options[name]}={one}"


def _unknown(name: str, options: Iterable[str]) -> str:
    if "key" in name.lower() or "token" in name.lower().split("_"):
        return f"{name} in the experiment: no key is read from a file of settings; name its variable with api_key_env"
    near = difflib.get_close_matches(name, options, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{name} in the experiment is not an option of `mmrad-eval run`{hint}"


def _server(settings: Settings) -> str:
    """Who is kept busy: an address, a provider, or the machine itself."""
    urls = settings.get("base_url")
    if urls:
        return ",".join(sorted([urls] if isinstance(urls, str) else urls))
    provider = str(settings["model"]).partition(":")[0]
    return "this machine" if settings.get("serve") or provider in ("baseline", "file") else provider


def _near(message: str, known: Iterable[str]) -> str:
    _, mark, field = message.partition("unknown field `")
    near = difflib.get_close_matches(field.partition("`")[0], known, n=1, cutoff=0.7) if mark else []
    if near:
        return f"{message}; did you mean {near[0]!r}?"
    return f"{message}; options of `mmrad-eval run` stand under [shared], with _ for -" if mark else message
