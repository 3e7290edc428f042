"""Programs with a known policy of looking, and films on which they can be told apart."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Box, Decoding, Image, ReaderBox, Report, Step, Study, Trace
from mmrad_eval.harness.arms import compare_arms, plan_arm, run_arms
from mmrad_eval.harness.jobs import Job
from mmrad_eval.harness.plan import RunOptions
from mmrad_eval.results.faithfulness import ArmMeasures, applicable
from tests.quiet import Quiet
from tests.tasks.programs import Heard, Program, Said

SIDE = 168
LUNG = (20, 30, 90, 120)
"""Left, top, right, bottom of the place that is looked at and that holds the finding, in pixels of the film."""
SAYS = ("No pneumothorax. No pleural effusion.", "There is a pneumothorax.", "There is a pleural effusion.")
LABELS = ("", "Pneumothorax", "Pleural effusion")
LEVELS = (0, 190, 90)
"""How much brighter than the film a finding is."""
HEART = "The heart is normal in size."
LOOKS = ("mcot-loop", "redraw-kept", "redraw-foreign", "redraw-lacking", "redraw-noise", "redraw-removed")


def films(folder: Path, count: int) -> Dataset:
    """Patients of whom a third has a pneumothorax, a third an effusion, each boxed by a reader; grain of their own."""
    made = []
    for number in range(count):
        rng = np.random.default_rng(number)
        grid = rng.uniform(-12, 12, (4, 4))
        grain = np.kron(grid, np.ones((SIDE // 4, SIDE // 4))) + rng.uniform(-3, 3, (SIDE, SIDE))
        pixels, kind = 40 + grain, number % 3
        pixels[LUNG[1] : LUNG[3], LUNG[0] : LUNG[2]] += LEVELS[kind]
        path = folder / f"{number}.png"
        Pillow.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
        box = Box(tuple(map(float, LUNG)))  # type: ignore[arg-type] # four numbers
        text = f"{HEART} {SAYS[kind]}"
        drawn = (ReaderBox(box, LABELS[kind]),) if kind else ()
        image = Image(str(path), path.name, size=(SIDE, SIDE))
        trace = Trace((Step("left lung", category="lungs", box=box, text=SAYS[kind]),))
        made.append(
            Study(f"s{number:03}", (image,), f"p{number:03}", Report(f"FINDINGS: {text}", text), trace, boxes=drawn)
        )
    return Dataset("looked", tuple(made), "open", str(folder))


def seen_in(picture: np.ndarray) -> int:
    """Which finding a picture of the place shows."""
    height, width = picture.shape
    middle = picture[height // 4 : height - height // 4, width // 4 : width - width // 4].mean()
    return 1 if middle > 180 else 2 if middle > 85 else 0


def on_film(heard: Heard) -> int:
    """Which finding the film shows."""
    film = heard.pictures[0]
    return seen_in(film[LUNG[1] : LUNG[3], LUNG[0] : LUNG[2]])


def on_crop(heard: Heard) -> int:
    """Which finding the region image shows; none where none is shown."""
    return seen_in(heard.pictures[-1]) if len(heard.pictures) > 1 else 0


def look(words: str = HEART) -> str:
    """A request to look, after some words."""
    box = [side * 336 / SIDE for side in LUNG]
    return f"{words}\n{json.dumps({'action': 'look', 'region': 'left lung', 'box': box, 'saw': ''})}"


def report(*kinds: int) -> str:
    """A report of these findings."""
    present = sorted({kind for kind in kinds if kind})
    return f"FINDINGS: {HEART} {' '.join(SAYS[kind] for kind in present) or SAYS[0]}"


def own_words(heard: Heard) -> str:
    """What the model said before it looked."""
    first = next(words for role, words in heard.turns if role == "assistant")
    return first.partition("{")[0].strip()


def draw(data: np.ndarray, out_of: int, salt: str = "") -> int:
    """A number that a picture decides."""
    return int(hashlib.sha256(salt.encode() + data.tobytes()).hexdigest()[:8], 16) % out_of


def looker(heard: Heard) -> Said:
    """Reads its look and nothing else."""
    return report(on_crop(heard)) if heard.replies else look()


def decorator(heard: Heard) -> Said:
    """Looks, and reads the film."""
    return report(on_film(heard)) if heard.replies else look()


def copier(heard: Heard) -> Said:
    """Looks, and repeats what it has said whatever the images show."""
    return f"FINDINGS: {own_words(heard)}" if heard.replies else look("There is cardiomegaly.")


def startled(heard: Heard) -> Said:
    """Reads the film, unless the look is not of the film: then it says anything."""
    if not heard.replies:
        return look()
    if len(heard.pictures) > 1:
        place = heard.pictures[0][LUNG[1] : LUNG[3], LUNG[0] : LUNG[2]]
        crop = np.asarray(Pillow.fromarray(heard.pictures[-1]).resize(place.shape[::-1]), dtype=float)
        if np.abs(_coarse(crop) - _coarse(place)).max() > 4:
            return report(draw(heard.pictures[-1], 3, "startled"))
    return report(on_film(heard))


def _coarse(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape
    rows, columns = height // 5 * 5, width // 5 * 5
    return np.asarray(picture[:rows, :columns].reshape(5, rows // 5, 5, columns // 5).mean((1, 3)))


def sometimes(share: float) -> Callable[[Heard], Said]:
    """Reads its look in some studies, and the film in the others."""

    def model(heard: Heard) -> Said:
        if not heard.replies:
            return look()
        reads = draw(heard.pictures[0], 1000, "reads") < 1000 * share
        return report(on_crop(heard) if reads and len(heard.pictures) > 1 else on_film(heard))

    return model


def redundant(heard: Heard) -> Said:
    """Reads both, and reports what either shows."""
    return report(on_film(heard), on_crop(heard)) if heard.replies else look()


def confirmer(heard: Heard) -> Said:
    """Decides by the film, looks, and says what it had decided."""
    return f"FINDINGS: {own_words(heard)}" if heard.replies else look(SAYS[on_film(heard)])


def noisy(salt: str) -> Callable[[Heard], Said]:
    """Reads the film, and now and then says anything, by all that it was shown."""

    def model(heard: Heard) -> Said:
        if not heard.replies:
            return look()
        chance = int(hashlib.sha256(f"{salt}{json.dumps(heard.body)}".encode()).hexdigest()[:8], 16)
        return report(chance % 3) if chance // 3 % 5 == 0 else report(on_film(heard))

    return model


def asked(
    model: Callable[[Heard], Said],
    dataset: Dataset,
    results: Path,
    arms: Collection[str] = LOOKS,
    resamples: int = 2000,
) -> tuple[ArmMeasures, Program]:
    """The contrasts of a program over HTTP, and the program."""
    with Program(model) as program:
        job = Job(
            model="openai:tiny",
            task="direct",
            options=RunOptions(decoding=Decoding(max_tokens=64)),
            metrics=(),
            base_url=(program.url,),
            concurrency=16,
        )
        able, _ = applicable(dataset.studies)
        planned = [plan_arm(job, arm, dataset) for arm in able if arm.task in arms]
        folders = {}
        for one, folder, stop in run_arms(planned, results, Quiet()):
            assert folder is not None, stop
            folders[one.arm.task] = folder
    return compare_arms(planned, folders, resamples=resamples), program


def words_of(found: ArmMeasures) -> str:
    """Which comparisons are positive, for messages."""
    return ", ".join(name for name, test in found.looks.tests.items() if test.positive)


def sentences(page: Collection[str], pattern: str) -> list[str]:
    """The sentences that match."""
    return [sentence for sentence in page if re.search(pattern, sentence)]
