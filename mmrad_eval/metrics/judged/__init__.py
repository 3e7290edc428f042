"""Metrics that judge models decide, under the names and with the words of those who published them.

No prompt of theirs lies here: they are read at run time, from a published wheel (``wheels``) or from a checkout that
the user names. Each metric has two profiles: ``upstream`` does with an unread reply what the package does, ``strict``
lets none be a good score.
"""

_HERE = "mmrad_eval.metrics.judged"
_RADRSCORE = f"{_HERE}.radrscore:radrscore"
_GROUNDED = f"{_HERE}.radfact_grounded:radfact_grounded"
_GREEN, _RADFACT = f"{_HERE}.green:green", f"{_HERE}.radfact:radfact"

METRICS: dict[str, tuple[str, str]] = {
    "crimson@upstream": (f"{_HERE}.crimson:upstream", "CRIMSON by a judge; unread replies left out, as upstream"),
    "crimson@strict": (f"{_HERE}.crimson:strict", "CRIMSON by a judge; unread replies score the worst value"),
    "radmatch@upstream": (f"{_HERE}.radmatch:upstream", "RadMatch by judges; failed reports left out, as upstream"),
    "radmatch@strict": (f"{_HERE}.radmatch:strict", "RadMatch by judges; an unread candidate has missed everything"),
    "radfact@upstream": (_RADFACT, "RadFact by judges; studies with unread splits are dropped, as upstream"),
    "radfact@strict": (_RADFACT, "RadFact by judges; no study is dropped, and an unread reply counts against it"),
    "radfact-grounded@upstream": (_GROUNDED, "RadFact of statements with boxes: logical, spatial and grounding scores"),
    "radfact-grounded@strict": (_GROUNDED, "The same; a candidate without boxes and unread replies count against it"),
    "green@upstream": (
        _GREEN,
        "GREEN by its model on vLLM; a reply without its sections is scored as upstream",
    ),
    "green@strict": (_GREEN, "GREEN by its model on vLLM; a reply without its sections scores 0"),
    "radrscore@upstream": (
        _RADRSCORE,
        "RadRScore of reasoning by a judge; studies that fail are left out, as upstream",
    ),
    "radrscore@strict": (_RADRSCORE, "RadRScore of reasoning by a judge; what can't be read scores 0"),
}
