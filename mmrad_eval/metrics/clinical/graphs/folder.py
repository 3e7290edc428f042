"""What a RadGraph archive's config says, read without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmrad_eval.core.errors import DataError


def read_archive_config(folder: Path) -> dict[str, Any]:
    """config.json of the archive, as data."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise DataError(f"{path}: is not the config of a RadGraph archive ({error})") from error
    if not isinstance(config, dict):
        raise DataError(f"{path}: contains a {type(config).__name__}, not an object")
    return config


def encoder_name(folder: Path) -> str:
    """The hub name of the encoder whose tokenizer the archive was trained with."""
    config = read_archive_config(folder)
    try:
        return str(config["dataset_reader"]["token_indexers"]["bert"]["model_name"])
    except (KeyError, TypeError) as error:
        where = folder / "config.json"
        raise DataError(f"{where}: names no encoder (dataset_reader.token_indexers.bert.model_name)") from error
