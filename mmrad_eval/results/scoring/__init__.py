"""Scoring: from answers and references to statistics, columns and scores on disk."""
