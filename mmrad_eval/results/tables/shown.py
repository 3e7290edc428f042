"""Tables in a notebook: drawn as HTML there, as text elsewhere."""

from __future__ import annotations

from mmrad_eval.results.tables.formats import render
from mmrad_eval.results.tables.table import Table


class ShownTables(list[Table]):
    """Tables that draw themselves; ``text("latex")`` and so on give every other format."""

    def text(self, form: str = "terminal", *, all_columns: bool = False) -> str:
        """The tables as text: ``terminal``, ``md``, ``csv``, ``latex``, ``html`` or ``json``."""
        return render(self, form, all_columns=all_columns, more="text(all_columns=True)")

    def __repr__(self) -> str:
        return self.text().rstrip("\n") or "no tables"

    def _repr_html_(self) -> str:
        return self.text("html")
