"""A chat server on loopback whose report depends on every byte of the request: texts of usual length, few alike."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.chat_server import serve
from benchmarks.clinical.reports import reports

TEXTS = 20_000
REGIONS = ("the heart and the mediastinal region", "the lung region")


def main() -> None:
    """Serve until killed."""
    texts = reports(TEXTS, seed=3)
    notes = reports(TEXTS, seed=4, low=1, high=3)

    def answer(body: bytes) -> tuple[str, str]:
        chance = int.from_bytes(hashlib.sha256(body).digest()[:8], "big")
        text = f"FINDINGS: {texts[chance % TEXTS]}"
        if b"Step 1: name of the region" in body:
            said = (notes[(chance >> shift) % TEXTS] for shift in (8, 16))
            steps = (
                f"Step {n}: {region}: {note}" for n, (region, note) in enumerate(zip(REGIONS, said, strict=True), 1)
            )
            text = "\n".join((*steps, "", text))
        return text, "stop"

    serve(answer)


if __name__ == "__main__":
    main()
