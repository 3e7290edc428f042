"""The tables and figures of a paper, from the run folders that exist; what is missing is said with its command."""

from mmrad_eval.results.paper.write import Paper, PaperOptions, write_paper

__all__ = ["Paper", "PaperOptions", "write_paper"]
