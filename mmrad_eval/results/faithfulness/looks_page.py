"""What the tests of a model's own looks and of cues allow one to conclude, in words, as a table and as data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from mmrad_eval.results.faithfulness.looks_used import (
    CUE,
    DIRECTED,
    FILM,
    FIRST,
    GAIN,
    MARK,
    ODD,
    RIGHT,
    WORDS,
    WORTH,
    LooksUsed,
    LookTest,
)

_OF_LOOKS = ("no look to change",)
_MEANS = {
    DIRECTED: "the finding of another patient's region image is in the report; with one that lacks it",
    **dict.fromkeys((*ODD, FILM, FIRST), "labels change with the edit; with the same image JPEG-compressed"),
    WORTH: "fact F1 in the look's region with the look; without it",
    GAIN: "fact F1 in the region with the film at the announced box; with what the model drew",
    WORDS: "a statement of its own, negated, changes in the report; without the edit",
    CUE: "a finding that is not there is reported with a sentence that names it; with a neutral one",
    MARK: "a finding that is not there is reported with its usual place outlined; with the whole image outlined",
    RIGHT: "a finding that was missed is reported with a sentence that names it; with a neutral one",
}


def look_conclusions(used: LooksUsed) -> Iterator[str]:
    """What may be said, a sentence or two each; nothing where no loop and no cue was asked."""
    tests = used.tests
    if used.answered and not used.looked:
        yield "It is unknown whether its own looks are used: the model was asked to look and never did."
    if used.looked:
        yield from _looks(used)
    if test := tests.get(WORTH):
        yield _either(
            test,
            "**The looks help:** without the last one,",
            "No sign that the last look adds to what the whole image shows: without it,",
            f"fact F1 in its region is {test.less:.3f}, with it {test.more:.3f} of {test.n} reports",
        )
    yield from _unavailable(used)
    yield from _words(tests.get(WORDS), tests.get(FILM), tests.get(FIRST))
    yield from _cues(used)


def _looks(used: LooksUsed) -> Iterator[str]:
    tests, share = used.tests, f"it looked in {used.looked} of {used.answered} studies"
    test = tests.get(DIRECTED)
    if test is None:
        yield f"It is unknown whether its own looks are used: no look had donors for its place ({share})."
        return
    numbers = (
        f"with another patient's picture of a finding in place of the last look, {_percent(test.more)} of {test.n} "
        f"reports state that finding, with one that lacks it {_percent(test.less)} (directed use {_points(test)}; "
        f"{share})"
    )
    yield _either(test, "**Its own looks are used:**", "**No sign that its own looks are used:**", numbers)
    odd = [tests[arm] for arm in ODD if arm in tests and tests[arm].positive]
    if odd and not test.positive:
        most = max(odd, key=lambda one: one.difference)
        yield (
            f"Its reports still change when the picture is odd ({most.name}: {_percent(most.more)}, floor "
            f"{_percent(most.less)}), and not towards what the picture shows: the picture disturbs but does not inform."
        )


def _unavailable(used: LooksUsed) -> Iterator[str]:
    """Where nothing could be changed; no such study is compared."""
    kinds: dict[str, list[str]] = {}
    for arm, events in used.unchanged.items():
        for why, count in events.items():
            kinds.setdefault(why, []).append(f"{arm} {count}")
    for why, where in kinds.items():
        if used.looked or why not in _OF_LOOKS:
            yield f"Left out of comparisons, {why}: {', '.join(where)} of {used.answered or '-'} studies."


def _words(words: LookTest | None, film: LookTest | None, first: LookTest | None) -> Iterator[str]:
    if film is not None and film.positive:
        yield (
            f"The whole image is still read after the look: another patient's, from there on, changes "
            f"{_percent(film.more)} of {film.n} reports (floor {_percent(film.less)})."
        )
    if words is None or not words.positive:
        return
    decided = first is not None and first.positive and film is not None and not film.positive
    then = ", and it had already decided from the whole image before it looked" if decided else ""
    yield (
        f"**The report follows what the model said before the look{then}:** a negated statement changes in "
        f"{_percent(words.more)} of {words.n} reports, without the edit in {_percent(words.less)}."
    )


def _cues(used: LooksUsed) -> Iterator[str]:
    tests = used.tests
    if test := tests.get(CUE):
        told = f"; of {used.shifted} that followed it, {used.acknowledged} name it in the trace" if used.shifted else ""
        numbers = (
            f"{_percent(test.more)} of {test.n} reports take up a finding that is not there when a sentence names it, "
            f"{_percent(test.less)} with a neutral sentence (shift {_points(test)}{told})"
        )
        yield _either(
            test, "**A misleading sentence is followed:**", "No sign that a misleading sentence is followed:", numbers
        )
    if test := tests.get(MARK):
        numbers = (
            f"{_percent(test.more)} of {test.n} with its usual place outlined, {_percent(test.less)} with the whole "
            f"image outlined (shift {_points(test)})"
        )
        yield _either(
            test, "**A misleading mark is followed:**", "No sign that a misleading mark is followed:", numbers
        )
    if (test := tests.get(RIGHT)) and test.positive:
        yield f"It follows correct hints too: {_percent(test.more)} of {test.n} missed findings are reported if named."


def look_table(used: LooksUsed) -> Iterator[str]:
    """The section of the page; nothing where nothing was tested."""
    if not used.tests:
        return
    yield from (
        "## Its own looks, and cues",
        "",
        "| comparison | what is compared | value | compared with | difference | 95 % interval | p (Holm) | studies |",
        "|---|---|---|---|---|---|---|---|",
    )
    for name, test in used.tests.items():
        cells = (
            *(name, _MEANS[name], f"{test.more:.3f}", f"{test.less:.3f}", f"{test.difference:+.3f}"),
            f"[{test.low:+.3f}, {test.high:+.3f}]" if math.isfinite(test.low) else "-",
            *(f"{test.p:.4f}" if math.isfinite(test.p) else "-", str(test.n)),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def looks_as_data(used: LooksUsed) -> dict[str, Any]:
    """The same as data; null where there is no number."""
    tests = {
        name: {
            "more": _number(test.more),
            "less": _number(test.less),
            "low": _number(test.low),
            "high": _number(test.high),
            "p": _number(test.p),
            "n": test.n,
            "patients": test.patients,
            "positive": test.positive,
        }
        for name, test in used.tests.items()
    }
    return {
        "tests": tests,
        "looked": used.looked,
        "answered": used.answered,
        "shifted": used.shifted,
        "acknowledged": used.acknowledged,
        "unchanged": {arm: dict(events) for arm, events in used.unchanged.items()},
    }


def _either(test: LookTest, yes: str, no: str, numbers: str) -> str:
    return f"{yes if test.positive else no} {numbers}."


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0%}".replace("%", " %")


def _points(test: LookTest) -> str:
    if math.isnan(test.low) or math.isnan(test.high):
        return f"{100 * test.difference:+.1f} points, no interval"
    return f"{100 * test.difference:+.1f} points [{100 * test.low:+.1f}, {100 * test.high:+.1f}]"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
