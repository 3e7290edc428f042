"""What must be true of a run's folder during the soak and after it."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.soak.servers import Sent
from benchmarks.soak.studies import MARKER, SCORED, allowed

_BLOCK = 16 << 20


class _Head(msgspec.Struct):
    key: str


class _Answer(msgspec.Struct):
    study: str
    keys: tuple[str, ...] = ()


class Death(NamedTuple):
    """A process that was killed: one of the servers, or the run."""

    at: float
    """Monotonic seconds at which it was certainly gone."""
    server: int | None = None
    who: str = ""
    """Digest of the run's key."""


def statuses(out: Path, n: int, *, mended: bool) -> tuple[Counter[str], list[str]]:
    """How many published answers have which status, and what is wrong with them; nothing where there are none."""
    found = list(out.glob("runs/*/*/*/*/answers.jsonl"))
    if not found:
        return Counter(), []
    [path] = found
    seen: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    with path.open() as lines:
        for line in lines:
            answer = json.loads(line)
            status = answer.get("status", "pending")
            seen[status] += 1
            fault = FAULTS[int(answer["study"])]
            if status not in allowed(fault, mended=mended):
                bad[f"{fault or 'no fault'} ended as {status}"] += 1
    wrong = [f"{count} studies: {what}" for what, count in bad.items()]
    if seen.total() != n:
        wrong.append(f"{seen.total()} answers for {n} studies")
    summary = path.with_name("summary.json")
    scored = json.loads(summary.read_text())["scored"] if summary.exists() else None
    answered = sum(count for status, count in seen.items() if status in SCORED)
    if scored is not None and scored != answered:
        wrong.append(f"{scored} studies are scored, and {answered} have an answer")
    return seen, wrong


FAULTS: dict[int, str] = {}
"""Number of a study -> its fault; filled before the first turn."""


def learn(sentences: list[str]) -> None:
    """Remember the fault of each study."""
    for number, sentence in enumerate(sentences):
        found = re.search(MARKER, sentence)
        assert found is not None, sentence
        FAULTS[number] = found[1]


def stored(out: Path) -> Counter[str]:
    """Key -> how often it stands in the journal; lines that a kill has torn do not count."""
    keys: Counter[str] = Counter()
    for segment in out.glob("replies/*/openai_rehearsal/*.jsonl"):
        with segment.open("rb") as lines:
            for line in lines:
                try:
                    keys[msgspec.json.decode(line, type=_Head).key] += 1
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
    return keys


def unstored(out: Path) -> list[str]:
    """What is wrong with answers, also of an unfinished run: each reply that one was read from must be stored."""
    keys, wrong = stored(out), []
    for path in out.glob("runs/*/*/*/*/answers.jsonl*"):
        lines = (line for line in path.read_bytes().split(b"\n")[:-1])
        answers = (msgspec.json.decode(line, type=_Answer) for line in lines)
        missing = sum(any(key not in keys for key in answer.keys) for answer in answers)
        if missing:
            wrong.append(f"{missing} answers of {path.name} have replies that are not stored")
    return wrong


class Lost(NamedTuple):
    """Good replies that were sent and are not stored."""

    replies: int
    at_one_death: int
    """The most that one death explains."""
    seconds: float
    """The longest time between such a reply and the end of the run that it was sent to."""
    wrong: list[str]
    """What no death explains."""


def lost(sent: Iterable[Sent], deaths: Sequence[Death], seconds: float) -> Lost:
    """The good replies that were lost, with what explains them.

    A study is asked about until a reply is stored, so all its replies but the last were lost. One is explained where
    the very process that asked, or the server that replied, was killed less than ``seconds`` later, the time for which
    a reply is waited for.
    """
    last: dict[int, Sent] = {}
    unread: list[Sent] = []
    for reply in sent:
        if reply.case in last:
            unread.append(last[reply.case])
        last[reply.case] = reply
    reasons = [_reason(reply, deaths, seconds) for reply in unread]
    nobody = [reply for reply, why in zip(unread, reasons, strict=True) if why is None]
    wrong = (
        [f"{len(nobody)} replies are lost though nothing was killed, first of case {nobody[0].case}"] if nobody else []
    )
    waited = [why.at - reply.at for reply, why in zip(unread, reasons, strict=True) if why and why.server is None]
    most = Counter(why for why in reasons if why is not None).most_common(1)
    return Lost(len(unread), most[0][1] if most else 0, max(waited, default=0.0), wrong)


def _reason(reply: Sent, deaths: Sequence[Death], seconds: float) -> Death | None:
    """The first death that explains why a reply was lost."""
    for death in deaths:
        if reply.at >= death.at - seconds and (
            death.who == reply.who if death.server is None else death.server == reply.server and reply.at <= death.at
        ):
            return death
    return None


def leaks(out: Path, key: str) -> list[str]:
    """The files that hold the key, in any of the spellings in which the servers repeat it."""
    spellings = [
        key.encode(),
        key.replace("/", "\\/").encode(),
        "".join(f"\\u{ord(character):04x}" for character in key).encode(),
        base64.b64encode(key.encode())[:-4],
        base64.b64encode(f"Bearer {key}".encode())[:-4],
    ]
    files = (path for path in out.rglob("*") if path.is_file())
    return [f"{path} holds the key" for path in files if any(_holds(path, spelling) for spelling in spellings)]


def _holds(path: Path, needle: bytes) -> bool:
    return any(needle in block for block in _blocks(path, len(needle)))


def _blocks(path: Path, overlap: int) -> Iterator[bytes]:
    rest = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield rest + block
            rest = block[-overlap:]
