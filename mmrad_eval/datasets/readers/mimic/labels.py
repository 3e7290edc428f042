"""The labels that came with MIMIC-CXR-JPG: CheXpert's and NegBio's, 14 a study: 1 present, 0 absent, -1 uncertain,
blank unsaid.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Label
from mmrad_eval.datasets import arrow
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.readers.mimic.layout import Layout

NAMES = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum", "Fracture", "Lung Lesion"),
    *(
        "Lung Opacity",
        "No Finding",
        "Pleural Effusion",
        "Pleural Other",
        "Pneumonia",
        "Pneumothorax",
        "Support Devices",
    ),
)
SOURCES = ("chexpert", "negbio")


class MimicLabels:
    """The label lists of a folder, read when the first study asks."""

    def __init__(self, layout: Layout, problems: Problems) -> None:
        self._paths = {name: layout.lists[name] for name in SOURCES if name in layout.lists}
        self._problems = problems

    def of(self, study: str) -> tuple[Label, ...]:
        """What the lists say of a study; labels that are blank are left out."""
        found: list[Label] = []
        for source, (places, values) in self._tables.items():
            place = places.get(study)
            if place is not None:
                found += [
                    Label(NAMES[column], float(values[place, column]), source)
                    for column in np.flatnonzero(~np.isnan(values[place])).tolist()
                ]
        return tuple(found)

    def digest(self) -> bytes:
        """Of the files' bytes."""
        sha = hashlib.sha256()
        for name, path in sorted(self._paths.items()):
            sha.update(name.encode() + path.read_bytes())
        return sha.digest()

    @cached_property
    def _tables(self) -> dict[str, tuple[dict[str, int], NDArray[np.float32]]]:
        return {name: self._table(path) for name, path in self._paths.items()}

    def _table(self, path: Path) -> tuple[dict[str, int], NDArray[np.float32]]:
        """Study -> row, and (n, 14) values, nan where blank."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = arrow.read_columns(path, ("study_id", *NAMES), (), self._problems)
        places = {study: place for place, study in enumerate(columns["study_id"].to_pylist())}
        try:
            values = [
                pc.if_else(pc.equal(columns[name], ""), "nan", columns[name]).cast(pa.float32()).to_numpy()
                for name in NAMES
            ]
        except pa.ArrowInvalid as error:
            raise DataError(f"{path}: a label is neither a number nor blank: {error}") from error
        return places, np.stack(values, axis=1)
