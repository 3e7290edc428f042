"""A chat server on loopback that answers every kind of task, always the same to the same words and images.

The reply depends on the set of words and images of a request and not on their order, so that a request that is put
together in another way gets the reply it got before. A few replies are empty or cut short.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.chat_server import serve
from benchmarks.clinical.reports import reports

TEXTS = 5_000
REGIONS = ("heart", "mediastinum", "right lung", "left lung", "right lower lung zone", "left costophrenic angle")
EMPTY, CUT = 31, 37
"""One in so many replies is empty; one in so many is cut short."""


def parts(body: dict[str, Any]) -> Iterator[str]:
    """The words of a request, and each image, in no order that counts."""
    for message in body["messages"]:
        content = message.get("content") or ""
        for part in [{"text": content}] if isinstance(content, str) else content:
            if "image_url" in part:
                yield part["image_url"]["url"]
            else:
                yield from re.findall(r"\w+", part.get("text", "").lower())


def answer(body: dict[str, Any], texts: list[str], notes: list[str]) -> tuple[str, str]:
    """Text and finish reason."""
    said = sorted(set(parts(body)))
    chance = int.from_bytes(hashlib.sha256("\n".join(said).encode()).digest()[:8], "big")
    words = " ".join(part for part in said if len(part) < 100)
    findings, noted = texts[chance % TEXTS], notes[(chance >> 16) % TEXTS]
    regions = [REGIONS[(chance >> shift) % len(REGIONS)] for shift in (24, 32)]
    if "action" in words and "looks" in words:
        turns = sum(message["role"] == "assistant" for message in body["messages"])
        action: dict[str, Any] = {"action": "report", "findings": findings, "saw": noted}
        if turns < 1 + chance % 2:
            corner = chance % 40
            action = {"action": "look", "region": regions[0], "box": [corner, corner, corner + 90, corner + 80]}
        return json.dumps(action), "stop"
    if chance % EMPTY == 0:
        return "", "stop"
    text = f"FINDINGS: {findings}"
    if "step" in words and "region" in words and "heading" in words and "line" in words:
        lines = (f"Step {n}: {region}: {notes[(chance >> n) % TEXTS]}" for n, region in enumerate(regions, 1))
        text = "\n".join((*lines, "", text))
    return text, "length" if chance % CUT == 0 else "stop"


def main() -> None:
    """Serve until killed."""
    texts, notes = reports(TEXTS, seed=5), reports(TEXTS, seed=6, low=1, high=3)
    serve(lambda body: answer(json.loads(body), texts, notes))


if __name__ == "__main__":
    main()
