"""A split by patient for data that has none: the same patients on every machine, by a digest of who they are."""

from __future__ import annotations

import hashlib

TRAIN, VALIDATE = 0.8, 0.9
"""Up to which share of all patients a split goes; the rest is test."""
VERSION = 1


def share(patient: str, seed: str = "0") -> float:
    """A number of [0, 1) for a patient: the first 8 bytes of the SHA-256 of ``seed|patient``, as a fraction."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{patient}".encode()).digest()[:8]) / 2**64


def split_of(patient: str, seed: str = "0") -> str:
    """``train``, ``validate`` or ``test``: eight, one and one tenth of all patients."""
    place = share(patient, seed)
    return "train" if place < TRAIN else "validate" if place < VALIDATE else "test"
