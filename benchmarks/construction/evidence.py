"""What a build keeps and rejects: programs over HTTP that write and audit, on real reports with invented regions.

    python benchmarks/construction/evidence.py --reports ../shared/data/iu_xray_valid/ReXRank_IUXray_valid.json

Writers are truthful, forgetful, refusing or malformed, or put one error into each record and stand by it, in three
styles (``styles.py``); auditors notice an error with a chance of their own and never raise a false alarm, or agree with
everything. Prints the tables of the README.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

import styles  # noqa: E402 (found by the line above)

from mmrad_eval import datasets  # noqa: E402
from mmrad_eval.construction.build import BuildSettings, Built, Named, plan_of, run  # noqa: E402
from mmrad_eval.construction.collect import sentences  # noqa: E402
from mmrad_eval.construction.judgements import folded  # noqa: E402
from mmrad_eval.construction.options import BuildOptions  # noqa: E402
from mmrad_eval.construction.records import StageLine, StageName  # noqa: E402
from mmrad_eval.construction.rules import RETURNED  # noqa: E402
from mmrad_eval.construction.stage_files import StageFile  # noqa: E402
from mmrad_eval.core.contracts import Dataset  # noqa: E402
from mmrad_eval.core.values import Box, Report, Step, Study, Trace  # noqa: E402
from mmrad_eval.results.statistics.agreement import wilson  # noqa: E402
from tests.construction.program_server import Asked, ProgramServer  # noqa: E402

RECALLS = (0.0, 0.5, 0.7, 0.9)
KINDS = ("side", "negation", "invention", "foreign words")
BOXES = {
    "cardiac silhouette": (120, 130, 230, 250),
    "mediastinum": (130, 60, 210, 240),
    "right lung": (45, 60, 160, 270),
    "left lung": (180, 60, 290, 270),
    "right upper lung zone": (60, 60, 160, 130),
    "left upper lung zone": (180, 60, 280, 130),
    "right lower lung zone": (50, 190, 160, 270),
    "left lower lung zone": (180, 190, 285, 270),
    "bilateral lung": (45, 60, 290, 270),
    "bilateral lower lung zone": (50, 190, 285, 270),
    "bilateral upper lung zone": (60, 60, 280, 130),
    "bilateral mid lung zone": (50, 130, 285, 190),
    "bilateral costophrenic angles": (45, 240, 290, 285),
    "bilateral hemidiaphragm": (45, 250, 290, 300),
    "bilateral hilar structures": (120, 120, 220, 180),
    "upper mediastinum": (130, 60, 210, 130),
    "spine": (150, 40, 190, 330),
    "bilateral clavicles": (70, 50, 270, 80),
    "ribs": (40, 50, 295, 290),
}
POOLS = {
    "heart": ("cardiac silhouette", "mediastinum"),
    "mediastinum": ("mediastinum", "upper mediastinum", "bilateral hilar structures"),
    "bones": ("spine", "ribs", "bilateral clavicles"),
    "left": ("left lung", "left lower lung zone", "left upper lung zone"),
    "right": ("right lung", "right lower lung zone", "right upper lung zone"),
    "lungs": tuple(name for name in BOXES if name.startswith("bilateral") and name != "bilateral clavicles"),
}
"""Where a sentence may be said; a region takes two."""
SIDED = frozenset((*POOLS["left"], *POOLS["right"]))


@dataclass
class World:
    """The reports, their sentences in one style, and which error a writer puts into which."""

    style: str
    reports: Mapping[str, Study]
    errors: bool = False
    truth: dict[str, set[str]] = field(default_factory=dict)
    """What may be said -> the words of reports that say it."""
    wrong: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Study -> (kind of error, the sentence that has it)."""
    mirrored: set[str] = field(default_factory=set)
    """Studies one of whose boxes lies on the other side."""

    def dataset(self) -> Dataset:
        """The studies with invented regions; the style's sentences are the rows."""
        return Dataset(f"evidence-{self.style}", tuple(map(self.study, self.reports.values())), "open", format="boxes")

    def tell(self, text: str, sentence: str) -> None:
        """Remember that a text says what a sentence of a report says."""
        for one in (text, *sentences(text)):
            self.truth.setdefault(one, set()).add(sentence.rstrip("."))

    def quote(self, text: str, report: str) -> str:
        """The words of a report that say what the text says; empty where it does not."""
        return next((words for words in sorted(self.truth.get(text, ())) if folded(words) in folded(report)), "")

    def study(self, found: Study) -> Study:
        """A study whose steps say each sentence of its findings at an invented region."""
        assert found.reference is not None
        reword = styles.STYLES[self.style]
        source = sentences(found.reference.findings or found.reference.text)
        said = [reword(sentence) for sentence in source]
        for sentence, text in zip(source, said, strict=True):
            self.tell(text, sentence)
        for sentence in sentences(found.reference.text):
            self.tell(sentence, sentence)
        if self.errors:
            said = self._with_error(found.id, found.reference.text, said)
        pairs = zip(regions_of(said), said, strict=True)
        steps = tuple(Step(region, box=self._box(found.id, region), text=text) for region, text in pairs)
        report = Report(found.reference.text, found.reference.findings, found.reference.impression)
        return Study(found.id, patient=found.id, reference=report, trace=Trace(steps))

    def _with_error(self, identity: str, report: str, said: list[str]) -> list[str]:
        draw = random.Random(f"{self.style}/{identity}")
        start = draw.randrange(len(KINDS))
        for kind in (*KINDS[start:], *KINDS[:start]):
            place, text = self._error(kind, report, said, draw)
            if text is not None and text not in self.truth:
                self.wrong[identity] = (kind, text)
                return [*said, text] if place is None else [text if i == place else s for i, s in enumerate(said)]
        return said

    def _error(self, kind: str, report: str, said: list[str], draw: random.Random) -> tuple[int | None, str | None]:
        if kind == "invention":
            made = styles.invented(report, draw)
            return None, made and styles.STYLES[self.style](made)
        if kind == "foreign words":
            return None, styles.STYLES[self.style](draw.choice(styles.FOREIGN))
        edit = styles.swapped if kind == "side" else styles.negated
        places = [(i, edited) for i, text in enumerate(said) if (edited := edit(text)) and edited != text]
        return draw.choice(places) if places else (None, None)

    def _box(self, identity: str, region: str) -> Box:
        left, top, right, bottom = BOXES[region]
        if identity in self.mirrored and region in SIDED:
            left, right = 336 - right, 336 - left
        return Box((left, top, right, bottom), "pad_square_336")


def pool_of(text: str) -> tuple[str, ...]:
    """The regions that the words may be about."""
    lowered = text.lower()
    if re.search(r"heart|cardi", lowered):
        return POOLS["heart"]
    if re.search(r"mediast|aort|hil[aiu]|trachea", lowered):
        return POOLS["mediastinum"]
    if re.search(r"spine|bon[ey]|osse|rib|spondyl|vertebr", lowered):
        return POOLS["bones"]
    sides = set(re.findall(r"\b(left|right)\b", lowered))
    return POOLS[sides.pop()] if len(sides) == 1 else POOLS["lungs"]


def regions_of(said: list[str]) -> list[str]:
    """A region for each sentence, no more than two for one."""
    taken: Counter[str] = Counter()
    found = []
    for text in said:
        pool = (*pool_of(text), *POOLS["lungs"], *BOXES)
        region = next(name for name in pool if taken[name] < 2)
        taken[region] += 1
        found.append(region)
    return found


Writer = Callable[[World, Asked], Any]


def truthful(world: World, asked: Asked) -> Any:
    """Says what the rows say; answers an objection by nothing but a finding that was lost, which it adds."""
    if asked.kind == "summarise":
        return {"statements": [_row(region, row) for region in asked.lists[0] for row in region["rows"]]}
    verdicts = [_kept(world, one, asked.report) for one in asked.lists[0]]
    lost = [s for found in asked.lists[1:] for one in found if "lost" in one for s in one["lost"].split("; ")]
    for sentence in lost:
        if sentence.rstrip(".") in asked.report:
            regions = [one["region"] for one in asked.lists[0]]
            region = next((name for name in pool_of(sentence) if name in regions), regions[0])
            verdicts.append(_verdict(0, "add", region, sentence, sentence.rstrip(".")))
            world.tell(sentence, sentence)
    return {"verdicts": verdicts}


def _row(region: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {"region": region["region"], "text": row["text"], "rows": [row["row"]]}


def _kept(world: World, one: Mapping[str, Any], report: str) -> dict[str, Any]:
    return _verdict(one["n"], "keep", "", "", world.quote(one["text"], report))


def _verdict(n: int, verdict: str, region: str, text: str, quote: str) -> dict[str, Any]:
    return {"n": n, "verdict": verdict, "region": region, "text": text, "quote": quote}


def forgetful(world: World, asked: Asked) -> Any:
    """Leaves out every statement that denies nothing, and adds nothing."""
    if asked.kind != "summarise":
        return {"verdicts": [_kept(world, one, asked.report) for one in asked.lists[0]]}
    made = truthful(world, asked)["statements"]
    normal = [
        one for one in made if re.search(r"\b(?:no|normal|clear|without|negative|intact)\b", one["text"], re.IGNORECASE)
    ]
    return {"statements": normal or made[:1]}


def refusing(_: World, __: Asked) -> Any:
    """Declines."""
    return "I'm sorry, but I can't provide an interpretation of medical images."


def malformed(_: World, asked: Asked) -> Any:
    """Prose, or JSON of another form."""
    return ("The heart is large.", '{"findings": []}', '{"statements": [{"region": 1}]}')[len(asked.text) % 3]


def auditor(world: World, recall: float) -> Callable[[Asked], Any]:
    """Supports what is true; notices an error with this chance, decided by its words."""

    def answer(asked: Asked) -> Any:
        verdicts = []
        start = asked.report[:20].strip()
        for one in asked.lists[0]:
            if quote := world.quote(one["text"], asked.report):
                verdicts.append({"n": one["n"], "verdict": "supported", "error": None, "quote": quote})
            elif _chance(one["text"], asked.report) < recall:
                verdicts.append({"n": one["n"], "verdict": "contradicted", "error": "other", "quote": start})
            else:
                verdicts.append({"n": one["n"], "verdict": "supported", "error": None, "quote": start})
        return {"verdicts": verdicts}

    return answer


def _chance(text: str, report: str) -> float:
    return int.from_bytes(hashlib.sha256(f"{text}\n{report}".encode()).digest()[:8]) / 2**64


class Silent:
    """Watches nothing."""

    def begin(self, stage: StageName, due: int, done: int) -> None:
        """Nothing."""

    def made(self, line: StageLine) -> None:
        """Nothing."""

    def end(self, stage: StageName, tally: Counter[tuple[str, str]]) -> None:
        """Nothing."""


def built(world: World, writer: Writer, recall: float, out: Path, **options: Any) -> Built:
    """One build over HTTP."""
    dataset = world.dataset()
    options = {"render": "none"} | options
    with ProgramServer(lambda asked: writer(world, asked)) as one, ProgramServer(auditor(world, recall)) as other:
        named = (Named("openai:writer", (one.url,)), Named("openai:auditor", (other.url,)))
        settings = BuildSettings(
            dataset=dataset, out=out, writer=named[0], auditor=named[1], options=BuildOptions(**options)
        )
        return run(plan_of(settings), Silent())


def lines(out: Path, stage: StageName) -> dict[str, StageLine]:
    """The lines of a stage by id."""
    with StageFile(out, stage) as file:
        return {line.id: line for line in file.lines()}


def share(part: int, whole: int) -> str:
    """A share with its interval."""
    low, high = wilson(part, whole)
    return f"{part / whole:.3f} ({low:.3f} to {high:.3f}), n = {whole}" if whole else "none"


def truthful_pairs(reports: Mapping[str, Study], folder: Path) -> Iterator[str]:
    """Of records by a truthful writer: how many are kept, and what our rules hold against true statements."""
    for style in styles.STYLES:
        world = World(style, reports)
        out = folder / f"truthful-{style}"
        built(world, truthful, 1.0, out)
        checked = lines(out, "check")
        kept = len(lines(out, "assemble"))
        statements = [one for line in checked.values() for one in line.statements if not one.why]
        flagged = sum(one.rules in RETURNED for one in statements)
        records = sum(any(one.rules in RETURNED for one in line.statements) for line in checked.values())
        silent = sum(one.rules == "silent" for one in statements)
        yield (
            f"| {style} | {share(kept, len(reports))} | {share(records, len(checked))} | "
            f"{share(flagged, len(statements))} | {silent / len(statements):.3f} |"
        )


def caught_in(out: Path, world: World) -> set[str]:
    """Records that are rejected for their error: by the auditor, or by our rules at the statement that has it."""
    found = {i for i, line in lines(out, "audit").items() if line.status == "rejected"}
    for i, line in lines(out, "check").items():
        wrong = {one.n for one in line.statements if i in world.wrong and one.text == world.wrong[i][1]}
        named = {n for one in line.findings if one.effect == "return" for n in one.n}
        if line.status == "rejected" and wrong & named:
            found.add(i)
    return found


def erring_writers(reports: Mapping[str, Study], folder: Path) -> Iterator[str]:
    """Of records with one error: who caught it."""
    for style in styles.STYLES:
        for recall in RECALLS:
            world = World(style, reports, errors=True)
            out = folder / f"erring-{style}-{recall}"
            built(world, truthful, recall, out, lost=None)
            noticed = caught_in(out, world)
            for kind in (*KINDS[:3], "in vocabulary", "foreign words"):
                mine = [
                    i for i, (k, _) in world.wrong.items() if k == kind or (kind == "in vocabulary" and k in KINDS[:3])
                ]
                caught = sum(i in noticed for i in mine)
                yield f"| {style} | {recall:g} | {kind} | {share(caught, len(mine))} |"


def exchanged_boxes(reports: Mapping[str, Study], folder: Path) -> Iterator[str]:
    """Of records with a box on the other side: how many our rules reject, with an auditor that sees words alone."""
    for style in styles.STYLES:
        world = World(style, reports)
        first = {study.id: study for study in map(world.study, reports.values())}
        sided = {i for i, s in first.items() if s.trace and any(t.region in SIDED for t in s.trace.steps)}
        world.mirrored = sided
        out = folder / f"boxes-{style}"
        built(world, truthful, 1.0, out)
        rejected = sum(line.why == "side" for i, line in lines(out, "check").items() if i in sided)
        yield f"| {style} | {share(rejected, len(sided))} |"


def odd_writers(reports: Mapping[str, Study], folder: Path) -> Iterator[str]:
    """What becomes of the records of a writer that forgets, refuses or can't be read."""
    for name, writer in (("forgetful", forgetful), ("refusing", refusing), ("malformed", malformed)):
        out = folder / name
        built(World("terse", reports), writer, 1.0, out)
        reasons: Counter[str] = Counter()
        for stage in ("summarise", "reflect", "audit", "check"):
            reasons.update(line.why for line in lines(out, stage).values() if line.status == "rejected")  # type: ignore[arg-type]
        kept = len(lines(out, "assemble"))
        yield f"| {name} | {kept} | {', '.join(f'{why} {n}' for why, n in reasons.most_common())} |"


def planted_recall(reports: Mapping[str, Study], folder: Path) -> Iterator[str]:
    """What ``--plant`` says of auditors of known recall."""
    for recall in RECALLS:
        made = built(World("terse", reports), truthful, recall, folder / f"plant-{recall}", plant=0.3)
        assert made.record is not None, "a truthful pair ends in a dataset"
        found = made.record.planted[-1]
        alarms, beside = made.record.false_alarms
        yield f"| {recall:g} | {share(found.noticed, found.n)} | {share(alarms, beside)} |"


TABLES: tuple[tuple[str, str, Callable[[Mapping[str, Study], Path], Iterator[str]]], ...] = (
    ("Truthful writer and auditor", "| style | kept | records flagged | statements flagged | silent |", truthful_pairs),
    ("One error a record", "| style | auditor's recall | error | caught |", erring_writers),
    ("Boxes on the other side", "| style | rejected |", exchanged_boxes),
    ("Other writers", "| writer | kept | rejected |", odd_writers),
    ("What --plant says", "| auditor's recall | noticed | false alarms |", planted_recall),
)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--reports", type=Path, required=True)
    parser.add_argument("--only", default="", help="Only the tables whose title holds these words.")
    said = parser.parse_args()
    found = {s.id: s for s in datasets.load(str(said.reports), data_use="open").studies if s.reference}
    with tempfile.TemporaryDirectory() as folder:
        for title, head, table in TABLES:
            if said.only.lower() in title.lower():
                print(f"\n{title}\n\n{head}\n{'|---' * (head.count('|') - 1)}|", flush=True)
                for row in table(found, Path(folder)):
                    print(row, flush=True)


if __name__ == "__main__":
    main()
