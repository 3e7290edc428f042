"""From a plan to answers: pacing, the data-use gate, the run."""
