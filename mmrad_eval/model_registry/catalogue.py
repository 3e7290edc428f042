"""Cards: the facts about models, one TOML file each; the built-in ones lie in ``cards/``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Card

_FOLDER = Path(__file__).parent / "cards"


def builtin() -> dict[str, Card]:
    """The built-in cards by file name without its ending, in order."""
    return {path.stem: read(path) for path in sorted(_FOLDER.glob("*.toml"))}


def find(provider: str, model: str) -> Card:
    """The built-in card of exactly this id, or one that states only provider and id."""
    for card in builtin().values():
        if (card.provider, card.id) == (provider, model):
            return card
    return Card(provider=provider, id=model)


def read(path: Path) -> Card:
    """Read one card; DataError names the field that does not fit, with the nearest known name."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Card)
    except OSError as error:
        raise DataError(f"{path}: the card can't be read: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: not a model card: {_with_near_name(str(error))}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML: {error}") from error


def _with_near_name(message: str) -> str:
    import difflib

    _, mark, field = message.partition("unknown field `")
    if not mark:
        return message
    near = difflib.get_close_matches(field.partition("`")[0], Card.__struct_fields__, n=1)
    return f"{message}; did you mean {near[0]!r}?" if near else f"{message}; known: {', '.join(Card.__struct_fields__)}"
