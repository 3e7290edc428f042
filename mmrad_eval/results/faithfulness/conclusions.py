"""What the contrasts allow one to conclude, in plain words, and what they do not.

Whether a gain of region images is visual is judged in ``visual_claim``. What is gained on told facts is transcription.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mmrad_eval.results.faithfulness.arms import ARMS
from mmrad_eval.results.faithfulness.looks_page import look_conclusions
from mmrad_eval.results.faithfulness.measures import ArmMeasures
from mmrad_eval.results.faithfulness.reading import ArmValue
from mmrad_eval.results.faithfulness.truncation import cut_too_often
from mmrad_eval.results.faithfulness.visual import CONTENT, REPORTED
from mmrad_eval.results.faithfulness.visual_claim import sentence
from mmrad_eval.results.scoring.evidence_overlap import NAME as OVERLAP
from mmrad_eval.tasks.arms import BOXES, MAIN, REPORTS, RIVALS, TRACES, Arm

_NULLS = {"shifted": "with the same image moved by two pixels", "jpeg": "with the same image JPEG-compressed"}
_WITHOUT: dict[str, str] = {
    TRACES: "Nothing about evidence that is shown",
    REPORTS: "Nothing that depends on what another patient's image shows",
    BOXES: "Whether findings are read at their places",
}
IMAGE, EVIDENCE, OWN_TRACE, OWN_LOOKS = "the image", "evidence", "the model's own trace", "its own looks and cues"
_LOOKS = ("mcot-loop", "redraw-", "film-swap", "word-edit", "cue-")
_EARLY = 0.1
"""Area over the curve of early answers below which the trace comes too late to matter."""
_SIGNED = (" net", " - ", "relative", "causal grounding")


def conclusions(measured: ArmMeasures) -> Iterator[str]:
    """What may be said, one sentence or two each; nothing that rests on arms many of whose answers were cut off."""
    values = measured.values
    subjects = {
        IMAGE: (_image(values), _content(values), _wording(values), _place(values)),
        EVIDENCE: (_evidence(measured), _leak(values), _conflict(values)),
        OWN_TRACE: (_own_trace(values),),
        OWN_LOOKS: (look_conclusions(measured.looks),),
    }
    for subject, said in subjects.items():
        if subject == EVIDENCE:
            yield from _claim(measured)
        sentences = [sentence for group in said for sentence in group]
        withheld = _cut_off(measured, subject)
        yield from [withheld] if withheld and sentences else sentences
    cut, answered = sum(measured.truncated.values()), sum(measured.arms.values())
    if cut:
        yield f"{cut:,} of {answered:,} answers were cut off at the token limit (`--max-tokens`), see *Arms*."


def _subject(arm: str) -> str:
    """What an arm's answers tell about."""
    if arm.startswith("direct"):
        return IMAGE
    if arm.startswith(_LOOKS):
        return OWN_LOOKS
    return OWN_TRACE if arm.startswith(("tcot-self", "early-", "mistaken")) else EVIDENCE


def _cut_off(measured: ArmMeasures, subject: str) -> str:
    """Why nothing is concluded about a subject: an arm of it has too many fragments; empty where none has."""
    answered = {arm: n for arm, n in measured.arms.items() if _subject(arm) == subject}
    why = cut_too_often(measured.truncated, answered)
    return f"**No conclusion about {subject}:** {why}." if why else ""


def limits(measured: ArmMeasures, lacking: Sequence[Arm]) -> Iterator[str]:
    """What may not be said, and why."""
    for need in dict.fromkeys(arm.needs for arm in lacking):
        names = ", ".join(arm.task for arm in lacking if arm.needs == need)
        yield f"{_WITHOUT[need]}: the studies have no {need}, which {names} need."
    missing = [arm.task for arm in ARMS if arm not in lacking and not measured.arms.get(arm.task)]
    if missing:
        yield f"Nothing that needs {', '.join(missing)}: no study was answered there."
    yield (
        "Whether a report is right because of what was seen: an image that matters may still be misread. "
        "The leaderboard shows the accuracy of reports and traces."
    )
    yield "Anything about other prompts or other data: a contrast holds for these studies asked in this way."


def _image(values: dict[str, ArmValue]) -> Iterator[str]:
    net, swapped = values.get("IS direct-swapped net"), values.get("IS direct-swapped")
    if net is None or swapped is None:
        return
    nulls = [
        f"{percent(values[f'IS direct-{null}'])} {words}"
        for null, words in _NULLS.items()
        if f"IS direct-{null}" in values
    ]
    larger = " to the larger of these" if len(nulls) > 1 else ""
    share = (
        f"with another patient's image {percent(swapped)} of {swapped.n} reports change their labels, "
        f"{' and '.join(nulls)} (difference{larger} {points(net)})"
    )
    yield _either(
        net, "**The reports depend on the image:**", "**No sign that the reports depend on the image:**", share
    )


def _content(values: dict[str, ArmValue]) -> Iterator[str]:
    more = values.get(CONTENT)
    if more is None:
        return
    shares = (
        f"of {more.n} reports {percent(values['changed: opposite labels'])} change where the other image is normal and "
        f"the own abnormal, or the other way round, {percent(values['changed: same labels'])} where both have the same "
        f"labels (difference {points(more)})"
    )
    yield _either(more, "**What the image shows matters:**", "No sign that it matters what the image shows:", shares)


def _wording(values: dict[str, ArmValue]) -> Iterator[str]:
    reworded, swapped = values.get("IS direct-reworded"), values.get("IS direct-swapped")
    if reworded is None:
        return
    words = f"The same request in other words changes the labels of {percent(reworded)} of the reports"
    if swapped is not None and 0 < swapped.value <= reworded.value:
        yield f"{words}, no fewer than another patient's image does."
    else:
        yield f"{words}."


def _place(values: dict[str, ArmValue]) -> Iterator[str]:
    grounding, reported = values.get("causal grounding"), values.get(REPORTED)
    if reported is None:
        return
    if grounding is None:
        yield "It is unknown whether findings depend on their places: no blurred finding had been reported."
        return
    shares = (
        f"of {grounding.n} findings that it reported, {percent(values['gone: finding blurred'])} leave the report when "
        f"their place is blurred, {percent(values['gone: elsewhere blurred'])} when an equal area elsewhere is (causal "
        f"grounding {points(grounding)})"
    )
    yield _either(
        grounding,
        "**Findings are read at their places:**",
        "**No sign that findings are read at their places:**",
        shares,
    )


def _claim(measured: ArmMeasures) -> Iterator[str]:
    """The claim knows of its own arms whether they were cut off, as it does in a paper."""
    if any(measured.arms.get(task) for task in (MAIN, *RIVALS)):
        yield sentence(measured.claim)


def _evidence(measured: ArmMeasures) -> Iterator[str]:
    values = measured.values
    copied = values.get(OVERLAP)
    if copied is not None:
        yield (
            f"{OVERLAP} is {plain(copied)}: this much of the references is already in the words of their "
            "traces, and copying these words scores about as much."
        )
    covered = values.get("mcot - tcot: covered")
    if covered is not None and covered.above_zero:
        yield f"On facts that the words stated, recall rises too ({points(covered)}); that is transcription."


def _leak(values: dict[str, ArmValue]) -> Iterator[str]:
    leak = values.get("leak")
    if leak is None:
        return
    blind, full = values["blind fact F1"], values["mcot fact F1"]
    copy, normal = values["copy fact F1"], values["normal fact F1"]
    ladder = (
        f"fact F1 is {plain(normal)} for one normal report, {plain(blind)} for the words alone, "
        f"{plain(full)} for all evidence, {plain(copy)} for copying the words"
    )
    if math.isnan(leak.value):
        yield (
            "It is unknown what the words give away: with all evidence the model is not clearly better than a normal "
            f"report ({ladder})."
        )
    else:
        yield f"**The words alone go {percent(leak)} of the way** ({interval('', leak)}): {ladder}."


def _conflict(values: dict[str, ArmValue]) -> Iterator[str]:
    words, pictures = values.get("TextFollow"), values.get("VisionFollow")
    if words is None or pictures is None or math.isnan(words.value):
        return
    side = "the words" if words.low > 0.5 else "the region images" if pictures.low > 0.5 else "neither side clearly"
    yield (
        f"**Where words and region images of different patients disagree, the report follows {side}:** "
        f"words {percent(words)}, images {percent(pictures)} of the labels in which they differ."
    )


def _own_trace(values: dict[str, ArmValue]) -> Iterator[str]:
    sc, chance, quality = values.get("SC"), values.get("SC - chance"), values.get("Trace F1")
    if sc is not None and chance is not None and not math.isnan(sc.value):
        more = "more than" if chance.above_zero else "not more than"
        true = "" if quality is None else f" Its own trace agrees with the reference trace in F1 {plain(quality)}."
        ceiling = values["SC ceiling"]
        most = "" if math.isnan(ceiling.value) else f", ceiling {plain(ceiling)}"
        yield (
            f"Reports follow from the model's own trace {more} from another patient's: SC {plain(sc)}, chance "
            f"{plain(values['SC chance'])}{most}.{true}"
        )
    aoc, none = values.get("EarlyAOC"), values.get("agree early-0")
    if aoc is not None and none is not None:
        reworded = values.get("IS direct-reworded")
        same = "; the same request in other words leaves the labels of {} as they are"
        beside = "" if reworded is None else same.format(_left(reworded))
        if aoc.high < _EARLY:
            start = "The report is written before the trace is"
        elif reworded is not None and 1 - none.high <= reworded.high:
            start = "No sign that the report changes with the trace more than with other words"
        else:
            start = "The report changes with the trace"
        yield (
            f"{start}: without any of its own trace {percent(none)} of the reports already have the labels that "
            f"they have after all of it{beside} (area over the curve {plain(aoc)}; the trace is given back in a second "
            "turn)."
        )
    flips, rest = values.get("targeted flips"), values.get("targeted - other flips")
    if flips is not None and rest is not None:
        if rest.above_zero:
            yield (
                f"A statement of its own trace that is negated changes in {percent(flips)} of the reports "
                f"({points(rest)} more than others do)."
            )
        else:
            yield (
                f"No sign that negating a statement of its own trace changes what the report says of it: that finding "
                f"changes in {percent(flips)} of the reports, others in {percent(values['other flips'])} (difference "
                f"{points(rest)})."
            )


def _either(difference: ArmValue, yes: str, no: str, numbers: str) -> str:
    """One or the other, by whether the whole interval of the difference is above 0, and what stands behind it."""
    return f"{yes if difference.above_zero else no} {numbers}."


def _left(changed: ArmValue) -> str:
    """The share that is left as it is, where ``changed`` is the share that is not."""
    return _whole_percent(1 - changed.value)


def percent(value: ArmValue) -> str:
    """A share in whole percent."""
    return _whole_percent(value.value)


def _whole_percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def points(value: ArmValue) -> str:
    """A difference in percentage points, with its interval."""
    if math.isnan(value.low) or math.isnan(value.high):
        return f"{100 * value.value:+.1f} points, no interval"
    return f"{100 * value.value:+.1f} points [{100 * value.low:+.1f}, {100 * value.high:+.1f}]"


def plain(value: ArmValue) -> str:
    """Three digits, or a dash."""
    return shown("", value.value)


def shown(name: str, value: float) -> str:
    """Three digits, with a sign where the name is that of a difference; a dash for nan."""
    if math.isnan(value):
        return "-"
    return f"{value:+.3f}" if any(part in name for part in _SIGNED) else f"{value:.3f}"


def interval(name: str, value: ArmValue) -> str:
    """Both ends as ``shown`` writes them; a dash where there is none."""
    if math.isnan(value.low) or math.isnan(value.high):
        return "-"
    return f"[{shown(name, value.low)}, {shown(name, value.high)}]"
