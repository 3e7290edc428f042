"""GEMeX-ThinkVG rows, all rows about one image as one record.

Columns (dataset ``BoKelvin/GEMeX-ThinkVG``): ``image_path``, ``question``, ``question_type``, ``thinkVG`` (words with
``(region [x1,y1,x2,y2])`` in them) and ``response`` (an answer, and ``<ref>region</ref><box>[…]</box>``). Boxes are in
the 336-pixel padded square.

The prompt holds the questions, the response the thoughts and answers, in the order of the rows. A region at a box is a
step, wherever it is named; the sentence that names it first is its observation. The rows themselves are kept in
``extra``, so writing gives them back as they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec

from mmrad_eval.core.errors import DataError
from mmrad_eval.traces import geometry
from mmrad_eval.traces.record import RecordImage, Segment, StudyOf, TraceRecord, escaped
from mmrad_eval.traces.regions import category_of, fine_names, mentions, resolve

FIELDS = ("image_path", "question", "question_type", "thinkVG", "response")
FRAME = geometry.CANONICAL

_NUMBER = r"\s{0,2}(-?\d{1,5}(?:\.\d{1,4})?)\s{0,2}"
_BOX = re.compile(rf"\[{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}\]")
_REF = re.compile(rf"<ref>([^<]{{1,80}})</ref>\s*<box>\s*{_BOX.pattern}\s*</box>")
_ANSWERED = re.compile(r"<response>.*?(?:</response>|\Z)", re.DOTALL)
_SENTENCE = re.compile(r"[^\s].*?(?:[.!?](?=\s|$)|$)", re.DOTALL | re.MULTILINE)
_BEFORE = re.compile(r"[A-Za-z][A-Za-z /-]{0,59}[\s:,(]*$")
_SMALL = re.compile(
    r".*\b(?:an?|and|at|from|in|is|near|of|on|over|see|shows?|the|to|visual|location|with|within)\b", re.IGNORECASE
)
_PATIENT = re.compile(r"(?:^|/)p(1\d{7})/")
_STUDY = re.compile(r"(?:^|/)s(\d{6,9})/")


class _Named(NamedTuple):
    """A box in the words, and the region that it is said to be."""

    start: int
    end: int
    region: str
    box: tuple[float, float, float, float]


def group(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Rows by image, images in the order in which they first come."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row.get("image_path")), []).append(row)
    yield from found.values()


def parse(rows: Sequence[Mapping[str, Any]], *, where: str = "") -> TraceRecord:
    """The neutral record of all rows about one image. DataError where a column is missing."""
    place = f"{where}: " if where else ""
    for row in rows:
        for name in ("image_path", "thinkVG"):
            if not isinstance(row.get(name), str):
                raise DataError(
                    f"{place}a ThinkVG row needs text in image_path and thinkVG; {name!r} is {row.get(name)!r}"
                )
    path = str(rows[0]["image_path"])
    response = "\n\n".join(escaped(_said(row)) for row in rows)
    patient, study = _PATIENT.search(path), _STUDY.search(path)
    segments, notes = _annotated(response)
    return TraceRecord(
        id=PurePosixPath(path).stem,
        study=StudyOf(
            "gemex-thinkvg",
            patient[1] if patient else None,
            study[1] if study else "",
            PurePosixPath(path).stem,
            licence_class="credentialed",
        ),
        images=(RecordImage("p1", "problem", path),),
        prompt="\n".join(escaped(str(row.get("question") or "")) for row in rows),
        response=response,
        segments=tuple(segments),
        notes=tuple(notes),
        extra={"rows": msgspec.Raw(msgspec.json.encode([dict(row) for row in rows]))},
    )


def write(record: TraceRecord) -> list[dict[str, Any]]:
    """The rows. DataError where the record came from another format: it has no questions."""
    if "rows" not in record.extra:
        raise DataError(
            f"record {record.id} did not come from ThinkVG rows; its trace has no questions, which ThinkVG rows need"
        )
    rows: list[dict[str, Any]] = msgspec.json.decode(record.extra["rows"])
    return rows


def _said(row: Mapping[str, Any]) -> str:
    answer = row.get("response")
    return f"{row['thinkVG']}\n{answer}" if answer else str(row["thinkVG"])


def _annotated(response: str) -> tuple[list[Segment], list[str]]:
    named = [*_in_words(response)]
    steps: dict[tuple[str, tuple[float, ...]], int] = {}
    segments: list[Segment] = []
    notes: dict[str, None] = {}
    for at in named:
        number = steps.setdefault((at.region, at.box), len(steps) + 1)
        if resolve(at.region) is None:
            notes[f"the region {at.region!r} is not in the vocabulary"] = None
        category = category_of(at.region)
        segments.append(
            Segment("response", "box", at.start, at.end, number, at.region, category, box=at.box, box_frame=FRAME)
        )
    segments.extend(_sentences(response, segments))
    return sorted(segments, key=lambda s: s.start), list(notes)


def _in_words(response: str) -> Iterator[_Named]:
    refs = {match.start(2): match for match in _REF.finditer(response)}
    for match in _BOX.finditer(response):
        numbers = tuple(float(number) for number in match.groups())
        ref = refs.get(match.start(1))
        region = ref[1].strip() if ref else _region_before(response[max(0, match.start() - 80) : match.start()])
        start, end = match.span()
        if response[start - 1 : start] == "(" and response[end : end + 1] == ")":
            start, end = start - 1, end + 1
        yield _Named(start, end, region, numbers)  # type: ignore[arg-type]  # the pattern has four numbers


def _region_before(words: str) -> str:
    """The region that the words before a box end in: one of the vocabulary, else what follows the last small word."""
    before = _BEFORE.search(words)
    if before is None:
        return ""
    said = before[0].rstrip(" :,(\n\t")
    known = [mention for mention in mentions(said) if mention.end == len(said) or not said[mention.end :].strip(" :,(")]
    if known:
        return said[known[-1].start :]
    return _SMALL.sub("", said.replace("\n", " ")).strip()


def _sentences(response: str, boxes: Sequence[Segment]) -> Iterator[Segment]:
    """The words of sentences around the boxes that they name; a sentence belongs to the first step of them."""
    answers = [match.span() for match in _ANSWERED.finditer(response)]
    for sentence in _SENTENCE.finditer(response):
        inside = [s for s in boxes if sentence.start() <= s.start and s.end <= sentence.end()]
        if not inside or any(start <= sentence.start() < end for start, end in answers):
            continue  # an answer such as "B. a fracture" is no thought, wherever its stops are
        first = min(s.step or 0 for s in inside)
        at = sentence.start()
        for start, end in [*((s.start, s.end) for s in inside), (sentence.end(), sentence.end())]:
            body = response[at:start].strip()
            if body:
                begin = response.index(body, at)
                yield Segment("response", "text", begin, begin + len(body), first, regions=fine_names(body))
            at = end
