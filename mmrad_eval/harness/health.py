"""What `mmrad-eval doctor` looks at: each finding is good, missing but optional, or bad, with what fixes it."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Literal, NamedTuple

from mmrad_eval.core.errors import MmradError
from mmrad_eval.core.registry import Registry

State = Literal["good", "optional", "bad"]
_ROOM = 2.0  # GB that a run of some size should find free

EXTRAS = {
    "dicom": ("DICOM images", ("pydicom", "pylibjpeg")),
    "engine": ("RadGraph, CheXbert and BERTScore by our own engine", ("torch", "tokenizers", "safetensors")),
    "clinical": ("the same by the field's own packages", ("radgraph", "f1chexbert", "bert_score", "transformers")),
}


class HealthCheck(NamedTuple):
    """One line."""

    about: str
    state: State
    words: str
    remedy: str = ""
    """A command, or what to do; empty where nothing needs fixing."""


def findings(results: Path, base_urls: Sequence[str] = ()) -> Iterator[HealthCheck]:
    """All findings, in the order in which they matter."""
    yield _python()
    yield from _dependencies()
    yield from _extras()
    yield from _plugins()
    yield _gpu()
    yield _vllm()
    yield from _servers(base_urls)
    yield from _keys()
    yield from _weights()
    yield from _disk(results)


def _python() -> HealthCheck:
    return HealthCheck("Python", "good", f"{sys.version.split()[0]} at {sys.executable}")


def _dependencies() -> Iterator[HealthCheck]:
    lacking = []
    for requirement in distribution("mmrad-eval").requires or ():
        name = requirement.partition(";")[0].strip()
        if "extra ==" in requirement:
            continue
        plain = name.split(">")[0].split("=")[0].split("<")[0].split("[")[0].strip()
        try:
            version(plain)
        except PackageNotFoundError:
            lacking.append(plain)
    if lacking:
        yield HealthCheck(
            "packages", "bad", f"missing: {', '.join(lacking)}", "pip install --force-reinstall mmrad-eval"
        )
    else:
        yield HealthCheck("packages", "good", f"mmrad-eval {version('mmrad-eval')} and its dependencies")


def _extras() -> Iterator[HealthCheck]:
    for extra, (what, modules) in EXTRAS.items():
        lacking = [module for module in modules if importlib.util.find_spec(module) is None]
        if lacking:
            words = f"{what}: {', '.join(lacking)} not here"
            yield HealthCheck(f"extra {extra}", "optional", words, f"pip install 'mmrad-eval[{extra}]'")
        else:
            yield HealthCheck(f"extra {extra}", "good", what)


def _plugins() -> Iterator[HealthCheck]:
    """Load every installed plugin and hold it against its contract."""
    from mmrad_eval import datasets, metrics, model_registry, tasks
    from mmrad_eval.model_registry import providers

    loaded = 0
    checks: tuple[tuple[Registry, Callable[[str], object]], ...] = (
        (tasks.registry(), tasks.load),
        (model_registry.registry(), model_registry.resolve),
        (providers.registry(), providers.get),
        (metrics.registry(), lambda name: metrics.suite([name])),
        (datasets.registry(), datasets.fitting),
    )
    for registry, check in checks:
        try:
            plugins = [entry for entry in registry if entry.origin != "mmrad-eval"]
        except MmradError as error:
            yield HealthCheck("plugins", "bad", str(error), "uninstall one of the two packages")
            continue
        for entry in plugins:
            try:
                check(entry.name)
                loaded += 1
            except MmradError as error:
                yield HealthCheck(f"plugin {entry.name}", "bad", str(error), f"pip install --upgrade {entry.origin}")
    yield HealthCheck("plugins", "good", f"{loaded} loaded" if loaded else "none installed")


def _gpu() -> HealthCheck:
    program = shutil.which("nvidia-smi")
    if program is None:
        return HealthCheck(
            "GPU", "optional", "no nvidia-smi: open models need a server elsewhere, metrics run on the CPU"
        )
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, check=True, timeout=20).stdout  # noqa: S603 (the driver's own)
    except (OSError, subprocess.SubprocessError) as error:
        return HealthCheck(
            "GPU", "bad", f"nvidia-smi fails: {error}", "see what `nvidia-smi` says; a reboot often helps"
        )
    return HealthCheck("GPU", "good", "; ".join(found.split("\n")).strip("; "))


def _vllm() -> HealthCheck:
    from mmrad_eval.core.errors import MissingError
    from mmrad_eval.model_registry.serving import vllm_command

    try:
        return HealthCheck("vLLM", "good", f"--serve would run `{' '.join(vllm_command())} serve`")
    except MissingError as error:
        return HealthCheck("vLLM", "optional", error.what, error.remedy)


def _servers(base_urls: Sequence[str]) -> Iterator[HealthCheck]:
    from mmrad_eval.model_registry.connect import listed
    from mmrad_eval.model_registry.transport import base_urls as cleaned
    from mmrad_eval.model_registry.vllm import DEFAULT_URL

    named = [*base_urls, *listed(os.environ.get("MMRAD_VLLM_URL"))]
    for url in cleaned(named, DEFAULT_URL):
        said = asyncio.run(_served(url))
        if said.startswith("serves"):
            yield HealthCheck(f"server {url}", "good", said)
        elif named:
            yield HealthCheck(
                f"server {url}", "bad", said, "start it, or name another with --base-url or MMRAD_VLLM_URL"
            )
        else:
            yield HealthCheck("server", "optional", f"none at {url} ({said})", "vllm serve ID, or --serve with a run")


async def _served(url: str) -> str:
    """What a server says it serves, or why it says nothing."""
    from mmrad_eval.core.errors import TransportError
    from mmrad_eval.model_registry.bodies import field, read_json
    from mmrad_eval.model_registry.secrets import find_key
    from mmrad_eval.model_registry.transport import Transport

    secret = find_key("VLLM_API_KEY", None, required=False)
    headers = {"Authorization": f"Bearer {secret.reveal()}"} if secret else {}
    transport = Transport((url,), headers=headers, secret=secret)
    try:
        response = await transport.get("/models", seconds=5)
        models = field(read_json(response.body, secret)[0], "data") if response.status == 200 else None
    except TransportError as error:
        return error.why
    finally:
        await transport.close()
    if not isinstance(models, list):
        return f"answers with HTTP {response.status}"
    return f"serves {', '.join(str(field(model, 'id')) for model in models)}"


def _keys() -> Iterator[HealthCheck]:
    from mmrad_eval.model_registry import providers

    hosts = [host for host in providers.BUILTIN.values() if host.key_required]
    for provider, variable in [(host.name, host.keys[0]) for host in hosts]:
        if os.environ.get(variable, "").strip():
            yield HealthCheck(f"key {provider}", "good", f"{variable} is set")
        else:
            yield HealthCheck(f"key {provider}", "optional", f"{variable} is not set", f"export {variable}=…")


def _weights() -> Iterator[HealthCheck]:
    from mmrad_eval.metrics.clinical import weights

    for need in weights.NEEDS.values():
        found = weights.locate(need.name)
        if found is None:
            yield HealthCheck(f"weights {need.name}", "optional", "not found", f"mmrad-eval weights fetch {need.name}")
        else:
            yield HealthCheck(f"weights {need.name}", "good", str(found.path))


def _disk(results: Path) -> Iterator[HealthCheck]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmrad-eval"
    for about, folder in (("results", results), ("cache", cache)):
        place = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.is_dir())
        free = shutil.disk_usage(place).free / 1e9
        try:
            with tempfile.NamedTemporaryFile(dir=place):
                pass
        except OSError as error:
            yield HealthCheck(about, "bad", f"{folder} can't be written: {error.strerror}", f"chown or chmod {place}")
            continue
        state: State = "good" if free >= _ROOM else "bad"
        remedy = "" if state == "good" else f"free space at {place}, or choose another --out"
        yield HealthCheck(about, state, f"{folder.absolute()}, {free:.0f} GB free", remedy)
