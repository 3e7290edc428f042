"""What evidence gains beside what it leaks: three datasets of the same reports, which differ in what the writer saw.

    python benchmarks/construction/leak_gains.py --reports ../shared/data/iu_xray_valid/ReXRank_IUXray_valid.json

The source says some sentences of the findings in other words, leaves some out and has some wrong. The writer sees
nothing of the report, its labels, or all of it. Films are invented: a square of a gray of its own stands, in the region
of its sentence, for each finding of the report. A model behind an HTTP server reports from what it is shown, in every
arm in the same way: *words alone* copies the words of the evidence; *words and eyes* adds what it sees, and its eyes
see a square in a region image and none in a whole film. Prints the tables of the README.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

import numpy as np  # noqa: E402 (this and the next are found by the line above)
import styles  # noqa: E402
from evidence import BOXES, World, built, pool_of, regions_of, truthful  # noqa: E402
from PIL import Image as Pillow  # noqa: E402

from mmrad_eval import datasets, evaluate  # noqa: E402
from mmrad_eval.construction.collect import present, sentences  # noqa: E402
from mmrad_eval.construction.leak import Leak  # noqa: E402
from mmrad_eval.core.contracts import Dataset  # noqa: E402
from mmrad_eval.core.values import Box, Image, Report, Step, Study, Trace  # noqa: E402
from mmrad_eval.results.comparison.compare import compare_runs  # noqa: E402
from mmrad_eval.results.run.folder import RunFolder  # noqa: E402
from tests.construction.program_server import Asked, ProgramServer  # noqa: E402

LEVELS = ("nothing", "labels", "report")
ARMS = ("direct", "tcot", "mcot", "crops")
COLUMN = "micro-F1-14"
METRIC = "rules@uncertain=positive"
LEFT_OUT, WRONG = 0.3, 0.3
"""Chance of a sentence with a finding to be missing in the source, and of a record to have one error there."""
NAMES = (
    "enlarged cardiomediastinum", "cardiomegaly", "lung opacity", "lung lesion", "edema", "consolidation", "pneumonia",
    "atelectasis", "pneumothorax", "pleural effusion", "pleural other", "fracture", "support devices",
)  # fmt: skip
ABOUT = (
    "mediast", "heart|cardi", "opaci|densit|infiltrat", "nodul|mass|lesion", "edema|vascular", "consolid", "pneumonia",
    "atelect", "pneumothora", "effusion|pleural fluid|fluid in the pleural", "pleural thick|scar", "fractur",
    "tube|line|catheter|device|pacemaker|clip|wire|port",
)  # fmt: skip
"""Words by which the programs tell whether a text speaks of a finding; none of this package's."""
SIDE, SQUARE, SEEN = 336, 16, 0.003
"""Sides of a film and of a square in it; the share of a picture that a square fills where the eyes see it. In a film it
fills .0023; region images are enlarged."""
GRAYS = tuple(70 + 12 * number for number in range(len(NAMES)))
NORMAL = "The heart is normal in size. The lungs are clear. There is no pleural effusion or pneumothorax."


def speaks(text: str, number: int) -> bool:
    """Whether a text speaks of a finding."""
    return re.search(ABOUT[number], text, re.IGNORECASE) is not None


def found_in(text: str) -> list[int]:
    """The findings of a text, as numbers; those that have a square."""
    return [NAMES.index(name.lower()) for name in present(text) if name.lower() in NAMES]


@dataclass
class Source(World):
    """Reports, their films, and what a source without the reports says of them."""

    films: Path = Path()

    def dataset(self) -> Dataset:
        """The studies; the three datasets are built of it."""
        return Dataset("open-reports", tuple(map(self.study, self.reports.values())), "open", format="boxes")

    def study(self, found: Study) -> Study:
        """A film with a square for each finding, and what the source says of it, with gaps and errors."""
        assert found.reference is not None
        draw = random.Random(f"leak/{found.id}")
        reword = styles.STYLES[draw.choice(tuple(styles.STYLES))]
        source = sentences(found.reference.findings or found.reference.text)
        for sentence in (*source, *sentences(found.reference.text)):
            for text in (sentence, reword(sentence), *(f"There is {NAMES[n]}." for n in found_in(sentence))):
                self.tell(text, sentence)
        regions = regions_of(source)
        image = self._film(found.id, [(r, found_in(s)) for r, s in zip(regions, source, strict=True)])
        said = [reword(sentence) for sentence in source]
        if draw.random() < WRONG:
            said = self._with_error(found.id, found.reference.text, said)
        places = [*regions, *(regions_of([*source, *said[len(source) :]])[len(source) :])]
        steps = tuple(
            Step(region, box=Box(BOXES[region], "pad_square_336"), text=text)
            for number, (region, text) in enumerate(zip(places, said, strict=True))
            if number >= len(source) or not present(source[number]) or draw.random() >= LEFT_OUT
        )
        report = Report(found.reference.text, found.reference.findings, found.reference.impression)
        return Study(found.id, (image,), found.id, report, Trace(steps))

    def _film(self, identity: str, findings: list[tuple[str, list[int]]]) -> Image:
        draw = np.random.default_rng(list(identity.encode()))
        grain = Pillow.fromarray(draw.integers(0, 56, (24, 24), np.uint8))
        pixels = np.array(grain.resize((SIDE, SIDE), Pillow.Resampling.BILINEAR))
        drawn: dict[int, str] = {}
        for region, numbers in findings:
            left, top, _, _ = BOXES[region]
            for number in (one for one in numbers if one not in drawn):
                row, column = divmod([*drawn.values()].count(region), 4)
                drawn[number] = region
                y, x = top + 4 + 20 * row, left + 4 + 20 * column
                pixels[y : y + SQUARE, x : x + SQUARE] = GRAYS[number]
        path = self.films / f"{identity}.png"
        Pillow.fromarray(pixels).save(path, compress_level=1)
        return Image(path=str(path), name=path.name)


def writer(world: World, asked: Asked) -> Any:
    """Says what the rows say, guided by what it sees; when it reflects, removes what the report does not say."""
    if asked.kind != "summarise":
        return _reflected(world, asked)
    regions = asked.lists[0]
    report = asked.text.partition("as a guide to what matters:\n")[2]
    if report:
        return {"statements": list(_guided(regions, sentences(report)))}
    made: list[dict[str, Any]] = truthful(world, asked)["statements"]
    labels = re.search(r"known to be present: (.*)", asked.text)
    if labels:
        known = [number for number, name in enumerate(NAMES) if f'"{name}"' in labels[1].lower()]
        made = [one for one in made if all(n in known for n in found_in(one["text"]))]
        for number in known:
            if not any(number in found_in(one["text"]) for one in made):
                made += _placed(regions, f"There is {NAMES[number]}.", made)
    return {"statements": made}


def _guided(regions: list[Any], report: list[str]) -> Iterator[dict[str, Any]]:
    """The report's own sentence for each row that it has words of, then its findings that no row has."""
    used: list[dict[str, Any]] = []
    for region in regions:
        for row in region["rows"]:
            near = max(report, key=lambda sentence: _common(row["text"], sentence), default="")
            if near not in {one["text"] for one in used} and _common(row["text"], near) >= 0.4:
                used.append({"region": region["region"], "text": near, "rows": [row["row"]]})
    for sentence in report:
        if found_in(sentence) and sentence not in {one["text"] for one in used}:
            used += _placed(regions, sentence, used)
    yield from used


def _common(text: str, sentence: str) -> float:
    mine, theirs = (set(re.findall(r"[a-z]{4,}", part.lower())) for part in (text, sentence))
    return len(mine & theirs) / max(1, min(len(mine), len(theirs)))


def _placed(regions: list[Any], text: str, made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A statement at the first region that it may be about and that has not two of them."""
    names = {region["region"]: region["rows"][0]["row"] for region in regions}
    for name in (*pool_of(text), *names):
        if name in names and sum(one["region"] == name for one in made) < 2:
            return [{"region": name, "text": text, "rows": [names[name]]}]
    return []


def _reflected(world: World, asked: Asked) -> Any:
    said = truthful(world, asked)
    for one in said["verdicts"]:
        if not one["quote"]:
            one["verdict"] = "remove"
    return said


@dataclass
class Reporter(ProgramServer):
    """Reports from what it is shown: the words of the evidence, and with eyes what region images show."""

    eyes: bool = False

    def reply(self, data: bytes) -> tuple[int, bytes]:
        """A report."""
        parts = [part for message in json.loads(data)["messages"] for part in _parts(message["content"])]
        text = "".join(part["text"] if part["type"] == "text" else "<image>" for part in parts)
        words = " ".join(self._words(text))
        pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"] if self.eyes else []
        seen = sorted({number for picture in pictures for number in squares(picture)})
        more = " ".join(f"There is {NAMES[number]}." for number in seen if not speaks(words, number))
        content = f"FINDINGS: {f'{words} {more}'.strip() or NORMAL}"
        message = {"role": "assistant", "content": content}
        usage = {"prompt_tokens": 900, "completion_tokens": 120}
        body = {"id": "x", "model": self.model, "usage": usage}
        return 200, json.dumps(
            {**body, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        ).encode()

    @staticmethod
    def _words(text: str) -> Iterator[str]:
        """The words of each step."""
        evidence = text.partition("region by region")[2].partition("Write the findings section")[0]
        for line in evidence.splitlines()[1:]:
            step = re.sub(r" This is how the region looks: *<image>| Its bounding box is [^.]*\.", "", line)
            if said := re.sub(r"^\w+, [^.]*\. ?", "", step).strip():
                yield said


def _parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def squares(picture: str) -> Iterator[int]:
    """The findings whose square a picture shows; none in one in which a square is too small to be seen."""
    with Pillow.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))) as film:
        pixels = np.asarray(film.convert("L"))
    counts = np.bincount(pixels.ravel(), minlength=256) / pixels.size
    yield from (number for number, gray in enumerate(GRAYS) if counts[gray] > SEEN)


def levels(reports: Mapping[str, Study], folder: Path, lost: int | None) -> Iterator[tuple[str, Path, Leak]]:
    """The three datasets, each built by the writer that sees so much of the reports."""
    films = folder / "films"
    films.mkdir(exist_ok=True)
    for sees in LEVELS:
        out = folder / f"{sees}-{lost}"
        made = built(Source("terse", reports, films=films), writer, 1.0, out, sees=sees, lost=lost, render="crop")
        assert made.record is not None, "a truthful pair ends in a dataset"
        assert made.record.leak is not None, "reports are there"
        yield sees, out, made.record.leak


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--reports", type=Path, required=True)
    said = parser.parse_args()
    found = {s.id: s for s in datasets.load(str(said.reports), data_use="open").studies if s.reference}
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as running:
        folder = Path(temporary)
        models = {
            "words alone": running.enter_context(Reporter(lambda _: "", model="words")),
            "words and eyes": running.enter_context(Reporter(lambda _: "", model="eyes", eyes=True)),
        }
        for lost in (0, None):
            print(f"\n--lost {'any' if lost is None else lost}\n\n| writer saw | kept | covered | abnormal | "
                  "ROUGE-L | in long runs | evidence F1 |\n|---|---|---|---|---|---|---|")  # fmt: skip
            made = list(levels(found, folder, lost))
            for sees, _, leak in made:
                shares = (leak.covered, leak.covered_abnormal, leak.rouge, leak.in_long_runs, leak.copied_f1)
                print(f"| {sees} | {leak.records} | {' | '.join(f'{s:.3f}' for s in shares if s is not None)} |")
            chosen = folder / f"ids-{lost}.txt"
            chosen.write_text("\n".join(sorted(set.intersection(*(_ids(out) for _, out, _ in made)))))
            print(f"\n{len(chosen.read_text().splitlines())} studies in all three\n\n| model | writer saw | "
                  f"{' | '.join(ARMS)} | tcot - direct | mcot - direct | mcot - tcot | crops - direct |\n"
                  f"{'|---' * (len(ARMS) + 6)}|", flush=True)  # fmt: skip
            for name, model in models.items():
                for sees, out, _ in made:
                    print(f"| {name} | {sees} | {arms(model, out, chosen, folder)} |", flush=True)


def _ids(out: Path) -> set[str]:
    return {json.loads(line)["id"] for line in (out / "traces.jsonl").read_text().splitlines()}


def arms(model: ProgramServer, data: Path, ids: Path, folder: Path) -> str:
    """The score of each arm and the differences that count, with 95 % intervals."""
    words: dict[str, Any] = {"split": "all", "ids": ids, "base_url": model.url, "out": folder / "results"}
    runs = {
        task: evaluate(f"openai:{model.model}", task, str(data), METRIC, concurrency=4, **words).path for task in ARMS
    }
    scores: dict[str, float] = {}
    differences = []
    for first, second in (("direct", "tcot"), ("direct", "mcot"), ("tcot", "mcot"), ("direct", "crops")):
        compared = compare_runs([[RunFolder(runs[first])], [RunFolder(runs[second])]])
        at = next(i for i, column in enumerate(compared.columns) if COLUMN in column.label)
        one = compared.differences[0]
        scores |= {first: one.first[at], second: one.second[at]}
        differences.append(f"{one.difference[at]:+.3f} ({one.low[at]:+.3f} to {one.high[at]:+.3f})")
    return " | ".join([*(f"{scores[task]:.3f}" for task in ARMS), *differences])


if __name__ == "__main__":
    main()
