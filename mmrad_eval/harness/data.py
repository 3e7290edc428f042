"""The data of a job: what was said about it, from a name or an object to a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmrad_eval import datasets
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import DataUse
from mmrad_eval.datasets.source import checked_dataset
from mmrad_eval.results.run.record import OBJECT


@dataclass(frozen=True)
class Data:
    """What was said about the dataset."""

    spec: object = "demo"
    """What ``--data`` takes, or a dataset."""
    images: Path | None = None
    data_use: DataUse | None = None
    patient_column: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    link: Path | None = None

    def load(self) -> Dataset:
        """The dataset."""
        if isinstance(self.spec, Dataset):
            return self._object(self.spec)
        return datasets.load(
            self.spec,
            images=self.images,
            data_use=self.data_use,
            patient_column=self.patient_column,
            columns=self.columns or None,
            link=self.link,
        )

    def _object(self, dataset: Dataset) -> Dataset:
        """A dataset that exists already: its class can still be settled, and nothing else can be said of it."""
        for name in ("images", "patient_column", "columns", "link"):
            if getattr(self, name):
                raise UsageError(f"{name} says how to read a path, but the data is a Dataset object: leave {name} out")
        checked = checked_dataset(dataset, repr(dataset.name))
        return replace(checked, data_use=datasets.settled_data_use(checked, self.data_use))

    def place(self) -> str:
        """The dataset's name, or ``format:PATH`` with the whole path, so that it is found again from anywhere."""
        if not isinstance(self.spec, str):
            return f"{OBJECT}{self.spec.name}" if isinstance(self.spec, Dataset) else f"{OBJECT}{self.spec!r}"
        plain, _ = datasets.split_options(self.spec)
        name, path = datasets.locate(plain)
        return self.spec if path is None else f"{name}:{path.absolute()}{self.spec.removeprefix(plain)}"

    def said(self) -> dict[str, Any]:
        """What run.json keeps, so that the studies can be loaded again."""
        said = {
            "images": str(self.images.absolute()) if self.images else None,
            "data_use": self.data_use,
            "patient_column": self.patient_column,
            "columns": dict(self.columns),
            "link": str(self.link.absolute()) if self.link else None,
        }
        return {name: value for name, value in said.items() if value}
