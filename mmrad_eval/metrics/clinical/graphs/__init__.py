"""RadGraph: reports as entities and relations, and how much of one graph another holds."""

_METRIC = "mmrad_eval.metrics.clinical.graphs.metric:radgraph"

METRICS: dict[str, tuple[str, str]] = {
    "radgraph@xl": (_METRIC, "RadGraph-XL F1: simple, partial (RG_ER) and complete, as radgraph 0.1.18"),
    "radgraph@v1": (_METRIC, "RadGraph (version 1) F1: simple, partial and complete, as radgraph 0.1.18"),
    "radgraph@xl-lower": (_METRIC, "RadGraph-XL F1 with all words lower-cased, as the package since July 2026"),
    "radgraph@v1-lower": (_METRIC, "RadGraph (version 1) F1 with all words lower-cased"),
    "radgraph@rexrank": (_METRIC, "Mean of entity and relation F1 of version 1, as the ReXrank boards and RadCliQ"),
}

PAPER: tuple[str, ...] = ("radgraph@xl", "radgraph@rexrank")
