"""One table value, drawn as a terminal table, Markdown, csv, LaTeX, HTML or JSON."""

from mmrad_eval.results.tables.formats import FORMATS, render
from mmrad_eval.results.tables.table import Cell, Row, Table, TableColumn

__all__ = ["FORMATS", "Cell", "Row", "Table", "TableColumn", "render"]
