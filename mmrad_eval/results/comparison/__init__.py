"""Comparing runs: paired tests by patient, corrected for the number of columns, and the power to see a difference."""
