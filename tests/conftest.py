"""What every test may use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# What a test says must depend neither on how busy a machine is nor on the day; HYPOTHESIS_PROFILE=drawn draws anew.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("drawn", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background, which the commands would inherit
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of open data that developers keep beside the checkout; skips where it is absent."""
    folder = Path(os.environ.get("MMRAD_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set MMRAD_SHARED")
    return folder
