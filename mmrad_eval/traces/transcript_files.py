"""Files of transcripts, format by format: what of each row are words and pictures, and what the format loses.

DeepEyes' evaluation (``result_*.jsonl``), Mini-o3's ``save_traj`` (a folder a sample), samples of lmms-eval, tables of
VLMEvalKit, results of ms-swift's ``infer``, and rollouts of verl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError
from mmrad_eval.traces.record import TraceRecord
from mmrad_eval.traces.transcripts import KeptPicture, Piece, has_looks, pieces_of, record_of

FORMATS: dict[str, str] = {
    "deepeyes": "DeepEyes' evaluation: pred_output, pred_ans, image, status",
    "mini-o3": "Mini-o3's trajectories: a folder a sample, with lines of turn_idx and text_output",
    "lmms-eval": "samples of lmms-eval: doc_id, resps",
    "vlmevalkit": "a table of VLMEvalKit: index, prediction with [Image: path]",
    "ms-swift": "results of swift infer: response, messages, images",
    "verl": "rollouts of verl: input, output, gts, step",
}
LOSSES: dict[str, str] = {
    "deepeyes": "DeepEyes keeps no pictures and no marks of its tool's answers",
    "mini-o3": "",
    "lmms-eval": "lmms-eval keeps pictures in no order, and of a loop the last words where its mode is not full",
    "vlmevalkit": "VLMEvalKit keeps no turns without pictures",
    "ms-swift": "ms-swift keeps the looks of earlier turns only where `messages` holds them",
    "verl": "verl keeps no marks of pictures",
}
"""What a format loses, as a note of each record."""
FIELDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("deepeyes", frozenset({"pred_output", "pred_ans"})),
    ("lmms-eval", frozenset({"doc_id", "resps"})),
    ("lmms-eval", frozenset({"doc_id", "filtered_resps"})),
    ("verl", frozenset({"input", "output", "gts", "step"})),
    ("verl", frozenset({"input", "output", "score", "step"})),
)
_IDS = ("id", "study_id", "index", "doc_id", "question_id", "uid", "image_id")
_NUMBER = re.compile(r"\d+")
_OBSERVED = re.compile(r"observation_(\d+)_original_image")
"""The crop that answers a turn, which is one less (Mini-o3/Mini-o3, vllm_async_engine.py, September 2025)."""


class Transcript(NamedTuple):
    """One row as words and pictures."""

    id: str
    """Empty where the format has none."""
    pieces: tuple[Piece, ...]
    film: str = ""


def transcript(kind: str, row: Mapping[str, Any]) -> Transcript:
    """A row of a format as words and pictures; DataError where it lacks what the format has."""
    identity = next((str(row[name]) for name in _IDS if row.get(name) is not None), "")
    if kind == "deepeyes":
        film = row.get("image")
        named = film if isinstance(film, str) else ""
        pieces = map(_first_call_alone, _messages(_listed(row, "pred_output")))
        return Transcript(identity or Path(named).stem, tuple(pieces), named)
    if kind == "lmms-eval":
        return Transcript(identity, tuple(_response(_innermost(row.get("resps", row.get("filtered_resps"))))))
    if kind == "ms-swift":
        images = row.get("images")
        film = images[0] if isinstance(images, list) and images else ""
        film = film.get("path") if isinstance(film, dict) else film
        messages = row.get("messages")
        turns = [one for one in (messages if isinstance(messages, list) else ()) if isinstance(one, dict)]
        shown = images if isinstance(images, list) else []
        said = [*_messages(turns, shown), *pieces_of(_text(row, "response"))]
        if turns and turns[-1].get("role") == "assistant":  # the last turn is the response
            said = list(_messages(turns, shown))
        return Transcript(identity, tuple(said), film if isinstance(film, str) else "")
    return Transcript(identity, tuple(pieces_of(_text(row, "output" if kind == "verl" else "prediction"))))


def record(kind: str, row: Mapping[str, Any], identity: str) -> TraceRecord:
    """The neutral record of a row; ``identity`` where the row has none of its own."""
    read = transcript(kind, row)
    notes = [LOSSES[kind]] if LOSSES[kind] else []
    return record_of(read.pieces, read.id or identity, film=read.film, notes=notes)


def mini_o3(folder: Path) -> Iterator[TraceRecord]:
    """The samples of a folder, in order of their names; DataError where it has none."""
    for read, notes in trajectories(folder):
        yield record_of(read.pieces, read.id, film=read.film, notes=notes)


def trajectories(folder: Path) -> Iterator[tuple[Transcript, list[str]]]:
    """The samples of a folder of Mini-o3's ``save_traj`` and what to know of each; paths begin at the folder."""
    samples = sorted({path.parent for path in folder.rglob("*.jsonl")})
    if not samples:
        raise DataError(f"{folder}: a folder, not a file of reports; only folders of Mini-o3 (*.jsonl) are read")
    for sample in samples:
        yield _sample(sample, folder)


class _Turn(NamedTuple):
    number: int
    text: str
    refused: bool

    @property
    def looks(self) -> bool:
        """Whether a crop answers it."""
        return not self.refused and has_looks(self.text)


def _sample(sample: Path, folder: Path) -> tuple[Transcript, list[str]]:
    """One trajectory: its turns by number, and the crop that each of them was shown."""
    rows = [
        decode.json_value(line, f"{file}:{number}")
        for file in sorted(sample.glob("*.jsonl"))
        for number, line in enumerate(decode.lines(file), 1)
        if line.strip()
    ]
    turns, again = _turns([row for row in rows if isinstance(row, dict)])
    notes = ["written more than once; the last trajectory counts"] if again else []
    files = [path for path in sample.iterdir() if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"}]
    film, crops = _by_name(files) or _by_count(files, turns, notes)
    pieces: list[Piece] = []
    for turn in turns:
        pieces.append(_without_call(turn.text) if turn.refused else turn.text)
        if turn.looks and (crop := crops.get(turn.number)) is not None:
            pieces.append(KeptPicture(str(crop.relative_to(folder))))
    identity = str(sample.relative_to(folder)) if sample != folder else sample.name
    return Transcript(identity, tuple(pieces), str(film.relative_to(folder)) if film else ""), notes


def _turns(rows: Sequence[Mapping[str, Any]]) -> tuple[list[_Turn], bool]:
    """The turns in order, and whether the file was begun more than once: its writer appends.

    A refusal of the tool stands in the turn itself, or in a line of its own behind it.
    """
    turns: list[_Turn] = []
    begun = 0
    for row in rows:
        if "initial_prompt" in row:
            turns, begun = [], begun + 1
        text, number = row.get("text_output"), row.get("turn_idx")
        if isinstance(text, str):
            turns.append(_Turn(number if isinstance(number, int) else len(turns), text, bool(row.get("error_info"))))
        elif row.get("error_info") and turns:
            turns[-1] = turns[-1]._replace(refused=True)
    return sorted(turns, key=lambda turn: turn.number), begun > 1


def _by_name(files: Sequence[Path]) -> tuple[Path | None, dict[int, Path]] | None:
    """The film and the crop of each turn, as ``save_traj`` names them; None for files of other names."""
    named = {found: path for path in files if (found := _OBSERVED.fullmatch(path.stem))}
    film = next((path for path in files if path.stem == "original_image"), None)
    if film is None and not named:
        return None
    return film, {int(found[1]) - 1: path for found, path in named.items()}


def _by_count(files: Sequence[Path], turns: Sequence[_Turn], notes: list[str]) -> tuple[Path | None, dict[int, Path]]:
    """The same for files of other names: in their order, where there are as many as looks."""
    crops = sorted((path for path in files if "resiz" not in path.stem.lower()), key=_by_number)
    looking = [turn.number for turn in turns if turn.looks]
    film = crops.pop(0) if len(crops) == len(looking) + 1 else None  # the film lies beside its crops
    if len(crops) != len(looking):
        notes.append(f"{len(looking)} looks and {len(crops)} pictures: which is which can't be known, so none is used")
        return film, {}
    return film, dict(zip(looking, crops, strict=True))


def _first_call_alone(piece: Piece) -> Piece:
    """The words without calls behind their first one, which DeepEyes' evaluation does not follow."""
    if isinstance(piece, KeptPicture):
        return piece
    first, mark, rest = piece.partition("</tool_call>")
    return first + mark + re.sub(r"<tool_call>.*?(?:</tool_call>|\Z)", "", rest, flags=re.DOTALL)


def _without_call(text: str) -> str:
    """The words of a turn whose call the tool refused."""
    return re.sub(r"<grounding>.*?(?:</grounding>|\Z)", "", text, flags=re.DOTALL)


def _by_number(path: Path) -> tuple[list[int], str]:
    return [int(number) for number in _NUMBER.findall(path.stem)], path.stem


def _messages(messages: Sequence[Any], images: Sequence[Any] = ()) -> Iterator[Piece]:
    """What the model said, and the pictures that it was shown in turns after its first.

    ``images`` are those of all turns, where words say ``<image>`` for each in order (ms-swift).
    """
    said, seen = False, 0
    for message in messages:
        role, content = message.get("role"), message.get("content")
        parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
        for part in (one for one in parts if isinstance(one, dict)):
            text = part.get("text")
            if role == "assistant" and isinstance(text, str):
                said = True
                yield from pieces_of(text)
            elif role in {"user", "tool"} and said and str(part.get("type")).startswith("image"):
                yield KeptPicture(_kept(part))
            elif images and isinstance(text, str):
                count = text.count("<image>")
                yield from (KeptPicture(_kept({"image": one})) for one in images[seen : seen + count] if said)
                seen += count


def _kept(part: Mapping[str, Any]) -> str:
    """The path of a picture of a message; empty where its pixels were left out, or stand in it."""
    url = part.get("image_url", part.get("image"))
    url = url.get("url", url.get("path")) if isinstance(url, dict) else url
    return url if isinstance(url, str) and not url.startswith(("data:", "<<<base64:")) else ""


_OF_A_REPORT = frozenset(("findings", "impression", "report"))
"""Keys of JSON that is the model's own words, and no wrapper of its harness."""


def _response(value: Any) -> Iterator[Piece]:
    """A response of lmms-eval: words, or JSON of words with pictures, or of a loop's rounds."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            told = decode.json_value(value.encode(), "a response")
        except DataError:
            told = None
        told = told if isinstance(told, dict) and not _OF_A_REPORT & told.keys() else {}
        rounds, images = told.get("trace", told.get("agentic_rounds")), told.get("images")
        if isinstance(rounds, list) or (isinstance(images, list) and _first_text(told)):
            said = [one if isinstance(one, str) else _first_text(one) for one in rounds or ()]
            for words in said:
                yield from pieces_of(words)
            yield from (KeptPicture(str(path)) for path in (images if isinstance(images, list) else ()))
            last = _first_text(told)
            if not said or last not in {"", said[-1]}:
                yield from pieces_of(last)
            return
    yield from pieces_of(value if isinstance(value, str) else "")


def _first_text(value: Any) -> str:
    names = ("text", "text_output", "model_output", "last_model_output", "output", "response", "content", "answer")
    found = (value.get(name) for name in names) if isinstance(value, dict) else ()
    return next((one for one in found if isinstance(one, str)), "")


def _innermost(value: Any) -> Any:
    while isinstance(value, list):
        value = value[0] if value else None
    return value


def _listed(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name)
    if not isinstance(value, list):
        raise DataError(f"{name!r} is {type(value).__name__}, not a list of messages")
    return [one for one in value if isinstance(one, dict)]


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise DataError(f"{name!r} is {type(value).__name__}, not text")
    return value
