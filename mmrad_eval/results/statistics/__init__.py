"""Statistics over the stored per-study statistics of a run, never over models: intervals, tests, power."""
