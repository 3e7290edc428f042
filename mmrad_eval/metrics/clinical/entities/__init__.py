"""RaTEScore: entities that a token classifier finds, matched by a synonym encoder."""

_RATE = "mmrad_eval.metrics.clinical.entities.metric:ratescore"

METRICS: dict[str, tuple[str, str]] = {
    "ratescore@long": (_RATE, "RaTEScore of entities and their synonyms, affinities for long reports (the default)"),
    "ratescore@short": (_RATE, "RaTEScore, affinities for short texts"),
}
