"""What looks wrong about a run, said in one line under each table; no check changes a score.

A check is a function from a run that was scored to a clause, empty where nothing looks wrong. ``CHECKS`` lists them
all; their thresholds stand in docs/results.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmrad_eval.datasets.raw_text.server_errors import EVENT
from mmrad_eval.results.leaderboard.rows import ScoredRun

Check = Callable[[ScoredRun], str]

SHARE = 0.05
"""Share of the scored studies from which on empty, refused, cut or unreadable answers are out of the ordinary."""
SAME = 0.5
"""The same for one report, word for word: a short impression of normal chests is common, half of all is not."""
FEWEST = 3
"""Studies below which a share says nothing."""
MEASURED = 10
"""Studies below which a perfect column may be chance."""
LONGER = 2.0
"""Words of reports for one of their references from which on they are far longer."""
COVERED = 0.95
"""Share of the studies below which answers cover too few."""
CLOSE = 1e-9
SHOWN = 3
"""Findings that are named; the rest are counted."""


def sanity_line(runs: Sequence[ScoredRun]) -> tuple[str, ...]:
    """One sentence about all that looks wrong in these runs; none where nothing does."""
    found = [
        f"{scored.run.card.label} {scored.run.identity.task}: {said}"
        for scored in runs
        if scored.summary
        for check in CHECKS
        if (said := check(scored))
    ]
    if not found:
        return ()
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    said = f"Check before use: {'; '.join(dict.fromkeys(found[:SHOWN]))}{more}"
    return (said if said.endswith("?") else f"{said}.",)


def rejected(scored: ScoredRun) -> str:
    """Requests that the model's server turned down."""
    return _share(scored, ("refused", "too long"), "were refused or too long")


def empty(scored: ScoredRun) -> str:
    """Answers without words."""
    return _share(scored, ("empty",), "are empty")


def lacking(scored: ScoredRun) -> str:
    """Reports without the section that is scored."""
    return _seen(scored, "section missing", "reports lack the scored section (try another --target)")


def cut(scored: ScoredRun) -> str:
    """Answers that ended at the limit of tokens."""
    return _share(scored, ("truncated",), "are cut off: raise --max-tokens")


def unread(scored: ScoredRun) -> str:
    """Answers in which no report was found."""
    return _share(scored, ("unparsed",), "hold no readable report")


def same_report(scored: ScoredRun) -> str:
    """One report for most studies."""
    summary = scored.summary
    if summary is None or _is_baseline(scored) or summary.same_report < max(FEWEST, SAME * summary.scored):
        return ""
    return f"{summary.same_report:,} of {summary.scored:,} reports are identical"


def perfect(scored: ScoredRun) -> str:
    """A column at its best value, which references alone should reach."""
    if scored.summary is None or _is_reference(scored):
        return ""
    best = [
        label
        for label, column in scored.summary.columns.items()
        if column.best is not None
        and column.value is not None
        and column.defined >= MEASURED
        and abs(column.value - column.best) <= CLOSE
    ]
    if not best:
        return ""
    more = f" and {len(best) - 1} more columns" if len(best) > 1 else ""
    return f"{best[0]}{more} at the best possible value: are some reports the references themselves?"


def images(scored: ScoredRun) -> str:
    """What the look check found of the images that reach the model."""
    look = scored.run.look
    return "" if look is None else _LOOKS.get(look.verdict, "").format(why=look.why)


def order(scored: ScoredRun) -> str:
    """Images that stand between words, at a server that does not tell whether it keeps their order."""
    return (
        "it is unknown whether its server keeps the order of text and images" if scored.run.order == "unknown" else ""
    )


_LOOKS = {
    "blind": "the model sees no image ({why})",
    "images lost": "the model sees fewer images than were sent ({why})",
    "out of order": "the model sees the images in another order ({why})",
    "not confirmed": "the look check has not confirmed that the model sees its images in order ({why})",
    "no verdict": "the look check has not confirmed that the model sees its images in order ({why})",
}


def degenerate(scored: ScoredRun) -> str:
    """Answers that repeat themselves, fill in no form or are noise."""
    return _seen(scored, "degenerate", "answers are degenerate output")


def images_lost(scored: ScoredRun) -> str:
    """Answers that say that no image came."""
    return _seen(scored, "no image seen", "answers say that no image was shown: were images lost?")


def like_errors(scored: ScoredRun) -> str:
    """Answers that may be a server's errors and may be the model's words."""
    return _seen(scored, EVENT, "answers read like errors of a server")


def wrong_language(scored: ScoredRun) -> str:
    """Reports in a language other than their reference, which count as empty."""
    return _seen(scored, "wrong language", "reports are in a language other than their reference's")


def language_not_read(scored: ScoredRun) -> str:
    """References in a language that some metric does not read."""
    return _seen(scored, "language not read", "references are in a language that some metrics do not read")


def low_coverage(scored: ScoredRun) -> str:
    """Studies without an answer that can be scored."""
    summary = scored.summary
    if summary is None or summary.n < FEWEST or summary.scored >= COVERED * summary.n:
        return ""
    return f"only {summary.scored:,} of {summary.n:,} studies are scored"


def far_longer(scored: ScoredRun) -> str:
    """Reports that are far longer than their references."""
    if scored.summary is None or _is_baseline(scored) or scored.summary.scored < FEWEST:
        return ""
    wrote, meant = scored.summary.words
    if not meant or wrote < LONGER * meant:
        return ""
    return f"reports have {wrote / meant:.1f} times the words of their references"


CHECKS: tuple[Check, ...] = (
    *(images, order, images_lost),
    *(rejected, empty, lacking, cut, unread, degenerate, like_errors, wrong_language, language_not_read),
    *(low_coverage, same_report, far_longer, perfect),
)


def _share(scored: ScoredRun, statuses: Sequence[str], said: str) -> str:
    if scored.summary is None or _is_baseline(scored):
        return ""
    count, of = sum(scored.summary.statuses.get(status, 0) for status in statuses), scored.summary.scored
    return f"{count:,} of {of:,} answers {said}" if count >= max(FEWEST, SHARE * of) else ""


def _seen(scored: ScoredRun, event: str, said: str) -> str:
    if scored.summary is None or _is_baseline(scored):
        return ""
    count, of = scored.summary.events.get(event, 0), scored.summary.scored
    return f"{count:,} of {of:,} {said}" if count >= max(FEWEST, SHARE * of) else ""


def _is_baseline(scored: ScoredRun) -> bool:
    """Baselines are made to be odd: one normal report for everybody, no words where no evidence is shown."""
    return scored.run.card.provider == "baseline"


def _is_reference(scored: ScoredRun) -> bool:
    return _is_baseline(scored) and scored.run.card.id == "reference"
