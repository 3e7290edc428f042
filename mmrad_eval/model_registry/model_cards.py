"""Cards: the facts about models, one TOML file each; the built-in ones lie in ``cards/``."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Answerer, Client, is_client
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import TOKENS, Card, Decoding
from mmrad_eval.model_registry import providers
from mmrad_eval.model_registry.command_line import check_card

_MOVING = ("-latest", ":latest")
_FOLDER = Path(__file__).parent / "cards"


@cache
def builtin() -> Mapping[str, Card]:
    """The built-in cards by file name without its ending, in order; read once."""
    return MappingProxyType({path.stem: read(path) for path in sorted(_FOLDER.glob("*.toml"))})


def find(provider: str, model: str) -> Card:
    """The built-in card of this id or alias, or one that states only provider and id.

    An alias that a card resolves asks for the card's own id; one that a provider moves without a word is refused.
    """
    card = by_spec(f"{provider}:{model}")
    if card is None and provider == "hf":
        card = _in_transformers(by_spec(f"vllm:{model}"))
    if card is not None:
        return card
    known = providers.find(provider)
    if model.endswith(_MOVING) and not (known is not None and known.own_server):
        raise UsageError(
            f"{provider}:{model} is a moving alias, which may be another model tomorrow; name a dated id "
            "(see `mmrad-eval models`)"
        )
    return Card(provider=provider, id=model)


def _in_transformers(card: Card | None) -> Card | None:
    """The same model, run in transformers: what is true of it behind vLLM is true there, but for the server."""
    if card is None:
        return None
    return msgspec.structs.replace(card, provider="hf", name="", aliases=(), base_url=None, served_by_vllm=None)


def by_spec(spec: str) -> Card | None:
    """The built-in card of ``provider:id`` or ``provider:alias``; None where there is none."""
    provider, _, model = spec.partition(":")
    for card in builtin().values():
        if card.provider == provider and (card.id == model or model in card.aliases):
            return card
    return None


def read(path: Path) -> Card:
    """Read one card; DataError names the field that does not fit, with the nearest known name.

    A dialect of looks that is a file lies beside the card, unless its path is absolute.
    """
    try:
        card = decode.toml_value(decode.read_bytes(path, longest=decode.LONGEST_TOML), str(path), Card)
        _check_square(card, path)
        check_card(card)
        beside = card.look_dialect.endswith(".toml")
        return msgspec.structs.replace(card, look_dialect=str(path.parent / card.look_dialect)) if beside else card
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: not a model card: {_with_near_name(str(error))}") from error


def _check_square(card: Card, path: Path) -> None:
    """DataError where films are sent padded to a square and boxes are read on something else."""
    if card.send == "pad_square" and not card.box_frame.startswith("pad_square_"):
        near = (
            f"pad_square_{norm[1]}" if (norm := re.fullmatch(r"norm_(\d+(?:_yx)?)", card.box_frame)) else "pad_square_N"
        )
        raise DataError(
            f'{path}: send = "pad_square" pads each film to a square, but box_frame = "{card.box_frame}" reads boxes '
            f'on the film alone; write box_frame = "{near}"'
        )


def settled(model: Client | Answerer, decoding: Decoding, stated: Collection[str]) -> Decoding:
    """The decoding that is sent: what the run states, and of the defaults what the model takes.

    UsageError where the run states what the card says that a request cannot set.
    """
    card = model.card
    refused = [name for name in card.fixed if name in stated and getattr(decoding, name) is not None]
    if refused:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in refused)
        raise UsageError(f"{card.label} does not let a request set {', '.join(refused)}; leave {options} out")
    if decoding.reasoning is not None:
        if is_client(model):
            _check_reasoning(model, decoding.reasoning)
        else:  # nobody is asked, so nothing can think
            decoding = msgspec.structs.replace(decoding, reasoning=None)
    if decoding.max_tokens is None and is_client(model):
        decoding = msgspec.structs.replace(decoding, max_tokens=model.unset_max_tokens)
    left_out = (set(card.fixed) | (set(model.unasked) if is_client(model) else set())) - set(stated)
    dropped = {name: None for name in ("temperature", "top_p", "seed") if name in left_out}
    return msgspec.structs.replace(decoding, **dropped)


def _check_reasoning(model: Client, how: int | str) -> None:
    """UsageError where this model, or the format in which it is asked, has no such reasoning."""
    card, form = model.card, TOKENS if isinstance(how, int) else "effort"
    said = f"--reasoning {how}: {card.label}"
    if card.reasoning is not None and (TOKENS if form == TOKENS else how) not in card.reasoning:
        why = f"takes {_listed(card.reasoning)}" if card.reasoning else "has no reasoning to set"
        raise UsageError(f"{said} {why}")
    if form not in model.reasoning and (model.reasoning or card.reasoning is None):
        other = {"effort": "the name of an effort", TOKENS: "a number of tokens"}
        takes = " or ".join(other[name] for name in sorted(model.reasoning))
        why = f"takes {takes} only" if takes else f"is asked in a way that has no field for it ({card.provider})"
        raise UsageError(f"{said} {why}")


def _listed(efforts: Collection[str]) -> str:
    return ", ".join("a number of tokens" if one == TOKENS else one for one in efforts)


def _with_near_name(message: str) -> str:
    import difflib

    _, mark, field = message.partition("unknown field `")
    if not mark:
        return message
    near = difflib.get_close_matches(field.partition("`")[0], Card.__struct_fields__, n=1)
    return f"{message}; did you mean {near[0]!r}?" if near else f"{message}; known: {', '.join(Card.__struct_fields__)}"
