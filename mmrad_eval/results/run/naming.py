"""What runs are called beside each other: by what differs, and by nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mmrad_eval.results.run.record import Run


def variants(runs: Sequence[Run]) -> list[str]:
    """What tells apart runs of one model and task, in words; empty where nothing else has to."""
    alike: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, run in enumerate(runs):
        alike[run.card.label, run.identity.task].append(i)
    words = [""] * len(runs)
    ids = [run.id if len({other.id for other in runs}) > 1 else "" for run in runs]
    for same in alike.values():
        if len(same) > 1:
            known = _with_prompts([runs[i] for i in same])
            differing = differences(known)
            for i, f in zip(same, known, strict=True):
                words[i] = ", ".join(f"{name} {f[name]}" for name in differing if name in f) or ids[i]
    return words


def _with_prompts(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The facts of runs of one model and task, prompts by their file; by their digest too where a name is two texts."""
    texts: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        texts[_prompt(run)].add(run.identity.prompt)
    found = []
    for run in runs:
        name = _prompt(run)
        digest = run.identity.prompt[:8]
        found.append(facts(run) | {"prompt": name if len(texts[name]) == 1 or name == digest else f"{name} {digest}"})
    return found


def _prompt(run: Run) -> str:
    """What a run's prompt is called: its file, ``built-in`` where that is the task's own, its digest where unknown."""
    return run.identity.prompt[:8] if run.prompt_file is None else run.prompt_file or "built-in"


def facts(run: Run) -> dict[str, Any]:
    """Everything that may tell two runs apart, short enough to be read."""
    identity = run.identity
    facts: dict[str, Any] = {k: v for k, v in identity.model.items() if k != "formats"}
    if isinstance(facts.get("revision"), str):
        facts["revision"] = facts["revision"][:8]
    facts["version"] = identity.task_version
    facts["prompt"] = _prompt(run)
    selection = msgspec.to_builtins(identity.selection)
    if selection["ids"]:
        selection["ids"] = selection["ids"][:8]
    facts |= {k: v for k, v in selection.items() if k not in {"split", "target"}}
    extra = dict(identity.extra)
    sources = extra.pop("source", {})
    if "model" in sources:  # the revision of such a model is the digest of its code
        facts.pop("revision", None)
    facts |= {f"{kind} code": digest[:8] for kind, digest in sources.items()}
    facts |= msgspec.to_builtins(identity.decoding) | extra
    return {name: value for name, value in facts.items() if value not in (None, "", [], ())}


def differences(known: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the facts that are not the same in all of ``known``, in the order in which they are first met."""
    names = dict.fromkeys(name for f in known for name in f)
    return [name for name in names if len({repr(f.get(name)) for f in known}) > 1]


def short_names(runs: Sequence[Run]) -> list[str]:
    """One name for each run, of only those of model, task and further facts that tell them apart."""
    several_models = len({run.card.label for run in runs}) > 1
    several_tasks = len({run.identity.task for run in runs}) > 1
    words = variants(runs)
    names = []
    for run, variant in zip(runs, words, strict=True):
        parts = [run.card.label] if several_models or not several_tasks else []
        parts += [run.identity.task] if several_tasks else []
        names.append(" ".join([*parts, *([f"({variant})"] if variant else [])]))
    if len(set(names)) < len(names):  # the same run twice
        names = [f"{name} [{chr(ord('A') + i % 26)}]" for i, name in enumerate(names)]
    return names
