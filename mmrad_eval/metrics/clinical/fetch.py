"""Getting weights from the hub: resumable, checked, and put where both engines find them."""

from __future__ import annotations

import importlib.util
import os
import re
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from mmrad_eval.core.errors import DataError, MissingError
from mmrad_eval.metrics.clinical import weights
from mmrad_eval.metrics.clinical.weights import LocatedWeights, Need

_OPTIONAL = ("tokenizer_config.json",)
_PATIENCE = 15
"""Seconds to wait for the hub's first word."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def fetch(name: str, tell: Callable[[str], None]) -> LocatedWeights:
    """Download what ``name`` needs; ``tell`` gets a sentence a step. The token comes from ``HF_TOKEN`` alone."""
    wanted = weights.need(name)
    if importlib.util.find_spec("huggingface_hub") is None:
        raise MissingError("fetching weights needs the hub's client", "pip install 'mmrad-eval[engine]'")
    _reach()
    paths = [_download(wanted.repo, file, tell) for file in wanted.files if file not in _OPTIONAL]
    for file in wanted.files:
        if file in _OPTIONAL:
            _optional(wanted.repo, file, tell)
    if wanted.kind == "archive":
        folder = unpack(paths[0], weights.package_folder(wanted))
        tell(f"unpacked into {folder}")
        _fetch_encoder(folder, tell)
        return LocatedWeights(wanted, folder, "fetched")
    if wanted.kind == "checkpoint":
        linked = _link(paths[0], weights.package_folder(wanted))
        tell(f"linked as {linked}, where f1chexbert looks")
        return LocatedWeights(wanted, linked, "fetched")
    return LocatedWeights(wanted, paths[0].parent, "fetched")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a .tar.gz of an archive into ``folder``; nothing is written outside of it, and all or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                tar.extractall(scratch, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DataError(f"{archive}: can't be unpacked ({error}); fetch it again") from error
        inside = Path(scratch)
        if not (inside / "config.json").is_file():
            nested = [path.parent for path in inside.glob("*/config.json")]
            if len(nested) != 1:
                raise DataError(f"{archive}: contains no config.json; is it a RadGraph archive?")
            inside = nested[0]
        if folder.exists():
            return folder
        inside.rename(folder)
        if inside == Path(scratch):
            inside.mkdir()  # the temporary folder that the context removes
    return folder


def _reach() -> None:
    """Ask the hub for anything: its client would try a machine without a network for half a minute."""
    from huggingface_hub.utils import get_session

    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        get_session().head(endpoint, timeout=_PATIENCE)
    except Exception as error:  # whatever the transport of its version raises
        raise MissingError(
            f"the hub can't be reached at {endpoint} ({type(error).__name__})",
            "fetch on a machine that can reach it, and copy the folder or file to $MMRAD_WEIGHTS/NAME",
        ) from error


def _fetch_encoder(folder: Path, tell: Callable[[str], None]) -> None:
    """The vocabulary and config of the encoder that an archive names; either may be absent on the hub."""
    from mmrad_eval.metrics.clinical.graphs.folder import encoder_name

    repo = encoder_name(folder)
    got = [name for name in ("vocab.txt", "config.json", "tokenizer_config.json") if _optional(repo, name, tell)]
    if "vocab.txt" not in got:
        _download(repo, "tokenizer.json", tell)


def _optional(repo: str, file: str, tell: Callable[[str], None]) -> bool:
    from huggingface_hub.errors import EntryNotFoundError

    try:
        _download(repo, file, tell)
    except EntryNotFoundError:
        return False
    return True


def _download(repo: str, file: str, tell: Callable[[str], None]) -> Path:
    """One file into the hub's cache (an interrupted one is resumed), its digest compared with the hub's."""
    import huggingface_hub as hub
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    token: str | bool = os.environ.get("HF_TOKEN") or False
    tell(f"{repo}/{file}")
    try:
        stated = hub.get_hf_file_metadata(hub.hf_hub_url(repo, file), token=token).etag or ""
        path = Path(hub.hf_hub_download(repo, file, token=token, cache_dir=weights.hub_cache()))
    except EntryNotFoundError:
        raise
    except HfHubHTTPError as error:
        hint = "set HF_TOKEN to a token that may read it" if "401" in str(error) or "403" in str(error) else "try again"
        raise MissingError(f"{repo}/{file} could not be fetched: {_first_line(error)}", hint) from error
    except Exception as error:  # whatever the transport raises where there is no network
        raise MissingError(
            f"{repo}/{file} could not be fetched: {_first_line(error)}",
            "try again (the download resumes), or copy it to $MMRAD_WEIGHTS from a machine that can reach the hub",
        ) from error
    if _SHA256.fullmatch(stated) and weights.digest(path) != stated:
        raise DataError(f"{path}: its digest is not the hub's ({stated[:12]}…); delete it and fetch again")
    return path


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def _link(path: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(path.resolve())
    return target


def described(found: LocatedWeights | None, wanted: Need) -> dict[str, str]:
    """One row of the listing: name, for, where, size, licence, digest."""
    known = weights.known_digest(found.file) if found is not None and found.file.is_file() else None
    return {
        "name": wanted.name,
        "for": wanted.serves,
        "found": f"{found.path} ({found.how})" if found else f"not here; mmrad-eval weights fetch {wanted.name}",
        "size": _size(found.file) if found is not None and found.file.is_file() else wanted.size,
        "licence": wanted.licence,
        "digest": known[:12] if known else "",
    }


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e9:.2f} GB" if size >= 5e6 else f"{size / 1e6:.1f} MB"
