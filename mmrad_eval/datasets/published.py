"""When the reports of public datasets were first published: what a model's cutoff is compared with."""

from __future__ import annotations

from collections.abc import Mapping

PUBLISHED: Mapping[str, str] = {
    "openi": "2015-07",  # Demner-Fushman et al., J Am Med Inform Assoc 2016, online July 2015
    "mimic": "2019-09",  # MIMIC-CXR 2.0.0 on PhysioNet
    "chest-imagenome": "2019-09",  # its reports are MIMIC-CXR's
    "chexpert-plus": "2024-05",  # Chambon et al., arXiv 2405.19538
    "padchest-gr": "2024-11",  # de Castro et al., arXiv 2411.05085
    "padchest-gr-es": "2024-11",
    "rexgradient": "2025-05",  # Zhang et al., arXiv 2505.00228
    "gemex-thinkvg": "2019-09",  # its reports are MIMIC-CXR's
}
"""Format -> year and month."""
