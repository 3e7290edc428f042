"""Traces for any corpus: from regions, boxes and reports to a dataset of interleaved traces, in nine stages.

The stages are those of the paper's own data (`docs/build.md` says what is known of them and what is ours): collect,
summarise, reflect, audit, check, rate, aggregate, crop, assemble. Each is a function over the line of the stage before;
``engine`` runs them, ``build`` is the whole from options to a dataset with its card.
"""
