"""What is on disk after a run, and what is drawn from it: statistics, tables, figures, pages."""
