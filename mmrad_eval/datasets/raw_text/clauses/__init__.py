"""What each clause of a text is about: the patient, the task, or a picture that did not come."""

from __future__ import annotations

from mmrad_eval.datasets.raw_text.clauses.grammar import Kind, kind_of_clause
from mmrad_eval.datasets.raw_text.clauses.split import Clause, clauses

__all__ = ["Clause", "Kind", "clauses", "kind_of_clause"]
