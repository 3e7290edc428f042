"""Weights: what each metric needs, where it is found on this machine, and how to get it.

They are looked for, in this order: the path that the user gave; ``$MMRAD_WEIGHTS/NAME``; the caches in which the
field's own packages keep them; the hub's cache. Nothing is fetched unless asked (``mmrad-eval weights fetch NAME``).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mmrad_eval.core.errors import MissingError, UnknownNameError
from mmrad_eval.core.whole_files import write_whole

Kind = Literal["archive", "checkpoint", "vocabulary", "model"]

_TORCH = (".pth", ".bin", ".th")
RADGRAPH_VERSION = "0.1.18"
"""The package keeps archives under its own version."""


@dataclass(frozen=True)
class Need:
    """One thing that can be downloaded."""

    name: str
    kind: Kind
    repo: str
    """Repository on the hub."""
    files: tuple[str, ...]
    """What is fetched of it; the first is the one whose digest counts."""
    size: str
    """As published, rounded."""
    licence: str
    serves: str
    """The metrics that need it."""


_SCORERS = "StanfordAIMI/RRG_scorers"
_BERT_FILES = ("config.json", "tokenizer_config.json")

NEEDS: dict[str, Need] = {
    need.name: need
    for need in (
        Need("radgraph-xl", "archive", _SCORERS, ("radgraph-xl.tar.gz",), "0.43 GB", "see its hub page", "radgraph@xl"),
        Need(
            "radgraph", "archive", _SCORERS, ("radgraph.tar.gz",), "0.43 GB", "see its hub page", "radgraph@v1, radcliq"
        ),
        Need(
            "chexbert",
            "checkpoint",
            _SCORERS,
            ("chexbert.pth",),
            "1.31 GB",
            "see its hub page",
            "chexbert, semb, radcliq",
        ),
        Need(
            "bert-base-uncased",
            "vocabulary",
            "bert-base-uncased",
            ("vocab.txt", *_BERT_FILES),
            "0.2 MB",
            "Apache-2.0",
            "chexbert, semb, radcliq",
        ),
        Need(
            "distilroberta-base",
            "model",
            "distilroberta-base",
            ("model.safetensors", "vocab.json", "merges.txt", *_BERT_FILES),
            "0.33 GB",
            "Apache-2.0",
            "bertscore@rexrank, radcliq",
        ),
        Need(
            "distilbert-base-uncased",
            "model",
            "distilbert-base-uncased",
            ("model.safetensors", "vocab.txt", *_BERT_FILES),
            "0.27 GB",
            "Apache-2.0",
            "bertscore@radeval",
        ),
        Need(
            "roberta-large",
            "model",
            "roberta-large",
            ("model.safetensors", "vocab.json", "merges.txt", *_BERT_FILES),
            "1.42 GB",
            "MIT",
            "bertscore@roberta-large",
        ),
        Need(
            "rate-ner",
            "model",
            "Angelakeke/RaTE-NER-Deberta",
            ("model.safetensors", "tokenizer.json", *_BERT_FILES),
            "size on its hub page",
            "see its hub page",
            "ratescore",
        ),
        Need(
            "biolord",
            "model",
            "FremyCompany/BioLORD-2023-C",
            ("model.safetensors", "vocab.txt", *_BERT_FILES),
            "size on its hub page",
            "see its hub page",
            "ratescore",
        ),
    )
}


@dataclass(frozen=True)
class LocatedWeights:
    """Weights on this machine."""

    need: Need
    path: Path
    """A folder, or the file of a checkpoint or of an archive that is still packed."""
    how: str
    """Where it was found, in words."""

    @property
    def file(self) -> Path:
        """The one file whose digest decides the numbers."""
        if self.path.is_file():
            return self.path
        names = {
            "archive": ("weights.th",),
            "checkpoint": ("chexbert.pth",),
            "vocabulary": ("vocab.txt", "tokenizer.json"),
            "model": ("model.safetensors", "pytorch_model.bin"),
        }[self.need.kind]
        return next((self.path / name for name in names if (self.path / name).is_file()), self.path / names[0])


def need(name: str) -> Need:
    """What is known of these weights; UnknownNameError with the nearest names."""
    if name not in NEEDS:
        raise UnknownNameError("weights", name, ((known, "mmrad-eval") for known in NEEDS))
    return NEEDS[name]


def locate(name: str, given: Mapping[str, Path | str] | None = None) -> LocatedWeights | None:
    """Where these weights are, None where nowhere; MissingError where the path that was given holds none."""
    wanted = need(name)
    if given and name in given:
        path = Path(given[name]).expanduser()
        if not _holds(wanted, path):
            raise MissingError(
                f"{path} contains no {name} ({_contents(wanted)})", f"give the path of {name}, or leave it out"
            )
        return LocatedWeights(wanted, path, "given")
    for path, how in _places(wanted):
        if _holds(wanted, path):
            return LocatedWeights(wanted, path, how)
    return None


def require(name: str, given: Mapping[str, Path | str] | None = None) -> LocatedWeights:
    """Where these weights are; MissingError with the command that gets them, or with the file that is broken."""
    found = locate(name, given)
    if found is None:
        raise MissingError(
            f"the weights {name} are not on this machine ({need(name).size})",
            f"mmrad-eval weights fetch {name}, or --metric-option weights.{name}=PATH",
        )
    if not _is_checkpoint(found.file):
        raise MissingError(
            f"{found.file} can't be read as a checkpoint: it is truncated, or contains something else",
            f"delete {found.file} and run mmrad-eval weights fetch {name}, or pass --metric-option weights.{name}=PATH",
        )
    return found


def require_all(names: Sequence[str], given: Mapping[str, Path | str] | None = None) -> None:
    """Raise MissingError with one command for all of these weights that are nowhere."""
    absent = [name for name in names if locate(name, given) is None]
    if len(absent) < 2:
        for name in absent or names:
            require(name, given)
    else:
        sizes = ", ".join(f"{name} ({need(name).size})" for name in absent)
        raise MissingError(
            f"the weights {sizes} are not on this machine",
            f"mmrad-eval weights fetch {' '.join(absent)}, or --metric-option weights.NAME=PATH for each",
        )


def encoder_folder(repo: str, beside: Path, given: Mapping[str, Path | str] | None = None) -> Path:
    """The folder of the tokenizer of an archive's encoder: given, beside the archive, in ours or the hub's cache."""
    candidates = [Path(given["encoder"]).expanduser()] if given and "encoder" in given else []
    candidates += [beside, own_folder() / repo.replace("/", "--"), *hub_snapshots(repo)]
    for folder in candidates:
        if (folder / "vocab.txt").is_file() or (folder / "tokenizer.json").is_file():
            return folder
    raise MissingError(
        f"the vocabulary of {repo}, the encoder of {beside.name}, is not on this machine",
        f"mmrad-eval weights fetch {beside.name}, or --metric-option weights.encoder=FOLDER",
    )


def digest(path: Path) -> str:
    """SHA-256 of a file, remembered by path, size and time: a gigabyte need not be read twice."""
    status = path.stat()
    key = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    memory = own_folder() / "digests.json"
    known = _read_memory(memory)
    if key not in known:
        known[key] = _sha256(path)
        with contextlib.suppress(OSError):  # a folder that may not be written costs the time, no more
            write_whole(memory, json.dumps(known, indent=1))
    return known[key]


def known_digest(path: Path) -> str | None:
    """The digest if it is remembered; None where the file would have to be read."""
    status = path.stat()
    return _read_memory(own_folder() / "digests.json").get(f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}")


def own_folder() -> Path:
    """``$MMRAD_WEIGHTS``, or our folder in the user's cache."""
    stated = os.environ.get("MMRAD_WEIGHTS")
    return Path(stated).expanduser() if stated else user_cache("mmrad-eval") / "weights"


def user_cache(name: str) -> Path:
    """The folder that programs of this name use as their cache here (as appdirs, which the packages use)."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library/Caches" / name
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local")) / name / name / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / name


def hub_cache() -> Path:
    """The hub's cache: ``$HF_HUB_CACHE``, ``$HF_HOME/hub`` or the default."""
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"])
    home = os.environ.get("HF_HOME")
    return (Path(home) if home else user_cache("huggingface")) / "hub"


def hub_snapshots(repo: str, cache: Path | None = None) -> list[Path]:
    """Snapshot folders of a repository, the one of ``main`` first."""
    root = (cache or hub_cache()) / ("models--" + repo.replace("/", "--"))
    folders = sorted(root.glob("snapshots/*"))
    main = root / "refs" / "main"
    if main.is_file():
        first = root / "snapshots" / main.read_text(encoding="utf-8").strip()
        folders.sort(key=lambda folder: folder != first)
    return folders


def package_folder(wanted: Need) -> Path:
    """Where the field's package itself looks: RadGraph's unpacked archives, CheXbert's checkpoint."""
    if wanted.kind == "archive":
        return user_cache("radgraph") / RADGRAPH_VERSION / wanted.name
    return user_cache("chexbert") / "chexbert.pth"


def _places(wanted: Need) -> list[tuple[Path, str]]:
    """Where to look, in order."""
    places = [(own_folder() / wanted.name, "MMRAD_WEIGHTS" if os.environ.get("MMRAD_WEIGHTS") else "our cache")]
    caches = [(hub_cache(), "the hub's cache")]
    if wanted.kind in ("archive", "checkpoint"):
        places.append(
            (package_folder(wanted), f"the cache of {'radgraph' if wanted.kind == 'archive' else 'f1chexbert'}")
        )
        own = user_cache("radgraph") / RADGRAPH_VERSION if wanted.kind == "archive" else user_cache("chexbert")
        caches.insert(0, (own, f"a download in {own}"))  # newer hub clients leave it where the packages do not look
    for cache, how in caches:
        folders = hub_snapshots(wanted.repo, cache)
        whole = wanted.kind in ("model", "vocabulary")
        places += [(folder if whole else folder / wanted.files[0], how) for folder in folders]
    aliases = {"distilroberta-base": "distilbert/distilroberta-base", "roberta-large": "FacebookAI/roberta-large"}
    aliases |= {"distilbert-base-uncased": "distilbert/distilbert-base-uncased"}
    aliases |= {"bert-base-uncased": "google-bert/bert-base-uncased"}
    if wanted.name in aliases:
        places += [(folder, "the hub's cache") for folder in hub_snapshots(aliases[wanted.name])]
    return places


def _holds(wanted: Need, path: Path) -> bool:
    """Whether the path is what these weights look like."""
    if wanted.kind == "archive":
        unpacked = all((path / name).exists() for name in ("config.json", "weights.th", "vocabulary"))
        return unpacked or (path.is_file() and path.name.endswith(".tar.gz"))
    if wanted.kind == "checkpoint":
        return path.is_file() or (path / "chexbert.pth").is_file()
    tokens = (path / "vocab.txt").is_file() or (path / "vocab.json").is_file() or (path / "tokenizer.json").is_file()
    if wanted.kind == "vocabulary":
        return tokens
    weights = (path / "model.safetensors").is_file() or (path / "pytorch_model.bin").is_file()
    return tokens and weights and (path / "config.json").is_file()


def _is_checkpoint(path: Path) -> bool:
    """False for a torch file that is neither a whole zip archive nor, as before torch 1.6, a pickle."""
    if path.suffix not in _TORCH or not path.is_file() or zipfile.is_zipfile(path):
        return True
    with path.open("rb") as file:
        return file.read(1) == pickle.PROTO


def _contents(wanted: Need) -> str:
    return {
        "archive": "a folder with config.json, weights.th and vocabulary/, or the .tar.gz",
        "checkpoint": "the file chexbert.pth",
        "vocabulary": "a folder with vocab.txt",
        "model": "a folder with config.json, a tokenizer and weights, as on the hub",
    }[wanted.kind]


def _read_memory(memory: Path) -> dict[str, str]:
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
