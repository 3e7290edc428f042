"""What trainers read, made of traces and of runs: one conversation a study, and one small writer a trainer."""
