"""One page that says in plain words what the contrasts allow one to conclude, and what they do not.

The rule for visual evidence: region images help only if ``mcot`` beats text alone, repeated full images *and* random
boxes, on facts that the words did not tell. What is gained on told facts is transcription.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mmrad_eval.results.faithfulness.arms import ARMS, Arm
from mmrad_eval.results.faithfulness.measures import Measured
from mmrad_eval.results.faithfulness.reading import Value

SCHEMA = "mmrad.faithfulness/1"
_RIVALS = {"tcot": "text alone", "mcot-repeat": "repeated full images", "mcot-random": "random boxes"}
_SIGNED = (" net", " - ", "relative")


def markdown(measured: Measured, model: str, dataset: str, lacking: Sequence[Arm] = ()) -> str:
    """The page. ``lacking``: arms that could not be asked about this data."""
    many = "patients" if measured.clustered_by == "patient" else "studies (no patient ids)"
    about = f"{dataset}; {measured.patients} {many}, intervals of 95 % resampled by {measured.clustered_by}."
    lines = [
        f"# Does {model} look?",
        "",
        f"{about} Labels and facts are read by rules.",
        "",
        "## What the numbers allow one to conclude",
        "",
        *(f"- {sentence}" for sentence in conclusions(measured)),
        "",
        "## What they do not",
        "",
        *(f"- {sentence}" for sentence in limits(measured, lacking)),
        "",
        "## Numbers",
        "",
        "| contrast | value | 95 % interval | studies |",
        "|---|---|---|---|",
        *(
            f"| {name} | {_shown(name, v.value)} | {_interval(name, v)} | {v.n} |"
            for name, v in measured.values.items()
        ),
        "",
        "## Arms",
        "",
        "| arm | shows | answered |",
        "|---|---|---|",
        *(f"| {arm.task} | {arm.why} | {measured.arms.get(arm.task, 0)} |" for arm in ARMS if arm not in lacking),
        "",
    ]
    return "\n".join(lines)


def record(measured: Measured, model: str, dataset: str, runs: dict[str, str]) -> dict[str, Any]:
    """The same as data: ``values`` holds [value, low, high, n], null where there is none."""
    return {
        "schema": SCHEMA,
        "model": model,
        "dataset": dataset,
        "runs": runs,
        "arms": measured.arms,
        "patients": measured.patients,
        "clustered_by": measured.clustered_by,
        "conclusions": list(conclusions(measured)),
        "values": {
            name: [*(None if math.isnan(x) else x for x in (v.value, v.low, v.high)), v.n]
            for name, v in measured.values.items()
        },
    }


def conclusions(measured: Measured) -> Iterator[str]:
    """What may be said, one sentence or two each."""
    values = measured.values
    yield from _image(values)
    yield from _evidence(values)
    yield from _leak(values)
    yield from _conflict(values)
    yield from _own_trace(values)


def limits(measured: Measured, lacking: Sequence[Arm]) -> Iterator[str]:
    """What may not be said, and why."""
    if lacking:
        names = ", ".join(arm.task for arm in lacking)
        yield f"Nothing about evidence that is shown: the studies have no reference traces, which {names} need."
    missing = [arm.task for arm in ARMS if arm not in lacking and not measured.arms.get(arm.task)]
    if missing:
        yield f"Nothing that needs {', '.join(missing)}: no study is answered there."
    yield "Whether it looks at the right place: that needs boxes of findings, and images with those places blurred."
    yield (
        "Whether a report is right because of what was seen: an image that matters may still be misread. "
        "The accuracy of reports and traces stands in the leaderboard."
    )
    yield "Anything about other prompts or other data: a contrast holds for these studies asked in this way."


def _image(values: dict[str, Value]) -> Iterator[str]:
    net = values.get("IS direct-swapped net")
    if net is None:
        return
    swapped, null = values["IS direct-swapped"], values["IS null for direct-swapped"]
    share = (
        f"with another patient's image {_percent(swapped.value)} of the reports change their labels, "
        f"with the same image moved by two pixels {_percent(null.value)}"
    )
    if net.above_zero:
        yield f"**The reports depend on the image:** {share} (difference {_points(net)})."
    else:
        yield f"**No sign that the reports depend on the image:** {share} (difference {_points(net)})."


def _evidence(values: dict[str, Value]) -> Iterator[str]:
    gains = {name: values.get(f"mcot - {arm}: uncovered") for arm, name in _RIVALS.items()}
    known = {name: gain for name, gain in gains.items() if gain is not None}
    if not known:
        return
    if any(math.isnan(gain.value) for gain in known.values()):
        yield "Whether region images help can't be said: the words tell every fact of the references."
        return
    told = "; ".join(f"against {name} {_points(gain)}" for name, gain in known.items())
    losing = [name for name, gain in gains.items() if gain is None or not gain.above_zero]
    if not losing:
        yield f"**Region images help:** on facts that the words did not tell, recall rises {told}."
    else:
        yield (
            f"**Not shown that region images help:** on facts that the words did not tell, they are not better than "
            f"{_listed(losing)} ({told})."
        )
    covered = values.get("mcot - tcot: covered")
    if covered is not None and covered.above_zero:
        yield f"On facts that the words told, recall rises too ({_points(covered)}); that is transcription."


def _leak(values: dict[str, Value]) -> Iterator[str]:
    leak = values.get("leak")
    if leak is None:
        return
    blind, full = values["blind fact F1"], values["mcot fact F1"]
    copy, normal = values["copy fact F1"], values["normal fact F1"]
    ladder = (
        f"fact F1 is {_plain(normal.value)} for one normal report, {_plain(blind.value)} for the words alone, "
        f"{_plain(full.value)} for all evidence, {_plain(copy.value)} for copying the words"
    )
    if math.isnan(leak.value):
        yield (
            "What the words give away can't be said: with all evidence the model is not clearly better than a normal "
            f"report ({ladder})."
        )
    else:
        yield f"**The words alone go {_percent(leak.value)} of the way** ({_interval('', leak)}): {ladder}."


def _conflict(values: dict[str, Value]) -> Iterator[str]:
    words, pictures = values.get("TextFollow"), values.get("VisionFollow")
    if words is None or pictures is None or math.isnan(words.value):
        return
    side = "the words" if words.low > 0.5 else "the region images" if pictures.low > 0.5 else "neither side clearly"
    yield (
        f"**Where words and region images of different patients disagree, the report follows {side}:** "
        f"words {_percent(words.value)}, images {_percent(pictures.value)} of the labels in which they differ."
    )


def _own_trace(values: dict[str, Value]) -> Iterator[str]:
    sc, chance, quality = values.get("SC"), values.get("SC - chance"), values.get("Trace F1")
    if sc is not None and chance is not None and not math.isnan(sc.value):
        more = "more than" if chance.above_zero else "not more than"
        true = (
            "" if quality is None else f" Its own trace agrees with the reference trace in F1 {_plain(quality.value)}."
        )
        yield (
            f"Reports follow from the model's own trace {more} from another patient's: SC {_plain(sc.value)}, chance "
            f"{_plain(values['SC chance'].value)}, ceiling {_plain(values['SC ceiling'].value)}.{true}"
        )
    aoc, none = values.get("EarlyAOC"), values.get("agree early-0")
    if aoc is not None and none is not None:
        start = "The report is written before the trace is" if aoc.high < 0.1 else "The report changes with the trace"
        yield (
            f"{start}: without any of its own trace {_percent(none.value)} of the reports already have the labels that "
            f"they have after all of it (area over the curve {_plain(aoc.value)}; the trace is given back in a second "
            "turn)."
        )
    flips, rest = values.get("targeted flips"), values.get("targeted - other flips")
    if flips is not None and rest is not None:
        if rest.above_zero:
            yield (
                f"A statement of its own trace that is turned around turns in {_percent(flips.value)} of the reports "
                f"({_points(rest)} more than others do)."
            )
        else:
            yield f"Turning a statement of its own trace around does not show in the report ({_points(rest)})."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _percent(value: float) -> str:
    return f"{value:.0%}".replace("%", " %")


def _points(value: Value) -> str:
    return f"{100 * value.value:+.1f} points [{100 * value.low:+.1f}, {100 * value.high:+.1f}]"


def _plain(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _shown(name: str, value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:+.3f}" if any(part in name for part in _SIGNED) else f"{value:.3f}"


def _interval(name: str, value: Value) -> str:
    if math.isnan(value.low) or math.isnan(value.high):
        return "-"
    return f"[{_shown(name, value.low)}, {_shown(name, value.high)}]"
