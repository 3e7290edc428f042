"""What answers take for what they get right, and whether pictures show what is said: known answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Box, Example, Image, ReaderBox, Report, Step, Study, Trace, Usage
from mmrad_eval.metrics import suite

FINDINGS = "The heart is enlarged. There is a left pleural effusion."
WHOLE, HEART, AWAY = (0.0, 0.0, 336.0, 336.0), (100.0, 150.0, 220.0, 260.0), (0.0, 0.0, 80.0, 80.0)
Edges = tuple[float, float, float, float]


def study(number: int = 0, findings: str = FINDINGS, boxes: Sequence[Edges] = (), film: str = "none.png") -> Study:
    drawn = tuple(ReaderBox(Box(one), "Cardiomegaly") for one in boxes)
    image = Image(film, size=(336, 336))
    return Study(f"s{number}", (image,), f"p{number}", Report(findings=findings), boxes=drawn)


OTHER = study(9, "There is a left pleural effusion.")


def look(edges: Edges, text: str = "", path: str = "film.png", **more: object) -> Step:
    image = Image(path, role="region", box=Box(edges), render="crop", size=(336, 336))
    return Step(box=Box(edges), text=text, image=msgspec.structs.replace(image, **more))


def answered(of: Study, report: str, steps: Sequence[Step] | None = None, tokens: int | None = 100) -> Example:
    trace = None if steps is None else Trace(tuple(steps))
    return Example(of, Answer(of.id, "ok", report=Report(text=report), trace=trace, usage=Usage(completion=tokens)))


def values(name: str, *examples: Example, also: Sequence[Study] = (OTHER,)) -> dict[str, float]:
    (metric,) = suite([name])
    context = metric.fit(Corpus([*(e.study for e in examples), *also]))
    rows = metric.measure(examples, context)
    assert metric.signature(context).endswith("|v1")
    return {c.name: float(v) for c, v in zip(metric.columns, metric.reduce(rows.sum(0)), strict=True)}


def test_tokens_looks_and_pixels_a_supported_abnormal_statement() -> None:
    made = answered(study(), FINDINGS + " No pneumothorax.", [look(HEART), look(AWAY)], tokens=400)
    found = values("efficiency@rules", made)
    assert found["Supported a study"] == 2.0  # the denial is right, and not abnormal
    assert found["Supported per 1k tokens"] == 5.0
    assert found["Supported per 1k tokens chance"] == 2.5  # the other patient has the effusion alone
    assert found["Supported per look"] == 1.0
    assert (found["Looks a study"], found["Repeated looks"]) == (2.0, 0.0)
    crop = (336 * 308, 336 * 336)  # small crops are enlarged to 336, as they are sent
    assert found["Supported per megapixel"] == pytest.approx(2e6 / sum(crop))


def test_a_look_at_a_place_that_was_looked_at_is_repeated() -> None:
    near = (101.0, 151.0, 220.0, 260.0)
    found = values("efficiency@rules", answered(study(), "", [look(HEART), look(AWAY), look(near), look(HEART)]))
    assert found["Repeated looks"] == 0.5
    assert found["Supported per look"] == 0.0


def test_studies_without_counted_tokens_or_sizes_are_left_out_of_both_sides_of_a_ratio() -> None:
    known, unknown = (
        answered(study(), FINDINGS, None, 100),
        answered(study(1), FINDINGS, [look(HEART, size=None)], None),
    )
    found = values("efficiency@rules", known, unknown)
    assert found["Supported per 1k tokens"] == 20.0
    assert found["Tokens known"] == 0.5
    assert found["Supported per look"] == 2.0
    assert np.isnan(found["Supported per megapixel"])


def test_studies_whose_reference_states_nothing_abnormal_do_not_count() -> None:
    normal = answered(study(1, "The lungs are clear."), "The lungs are clear.", [look(HEART)], 10_000)
    assert values("efficiency@rules", answered(study(), FINDINGS), normal)["Supported per 1k tokens"] == 20.0
    assert np.isnan(values("efficiency@rules", normal)["Supported a study"])


SAID = "The heart is enlarged."


def shown(*steps: Step, of: Study | None = None, also: Sequence[Study] = ()) -> dict[str, float]:
    return values("grounding@shown", answered(of or study(boxes=[HEART]), "", steps), also=also)


def test_a_picture_of_the_reader_s_place_shows_the_finding_and_another_does_not() -> None:
    assert shown(look(HEART, SAID))["Shown"] == 1.0
    assert shown(look(AWAY, SAID))["Shown"] == 0.0
    assert shown(look(HEART, SAID), look(AWAY, SAID))["Shown"] == 0.5


def test_what_readers_did_not_box_is_denied_or_has_no_picture_is_not_held() -> None:
    nothing = [look(HEART, "There is a left pleural effusion."), look(HEART, "The heart is not enlarged.")]
    nothing += [Step(box=Box(HEART), text=SAID), look(HEART, "")]
    found = shown(*nothing)
    assert np.isnan(found["Shown"])
    assert found["Pictures held a study"] == 0.0


def test_chance_is_what_the_same_place_would_show_of_others() -> None:
    others = [study(n, boxes=[HEART if n % 2 else (250.0, 20.0, 330.0, 90.0)]) for n in range(1, 5)]
    exact, whole = shown(look(HEART, SAID), also=others), shown(look(WHOLE, SAID), also=others)
    assert (exact["Shown"], exact["Shown chance"], exact["Shown - chance"]) == (1.0, 0.5, 0.5)
    assert (whole["Shown"], whole["Shown chance"], whole["Shown - chance"]) == (1.0, 1.0, 0.0)
    assert np.isnan(shown(look(HEART, SAID))["Shown chance"])


def test_a_drawn_picture_shows_what_it_shows_and_not_what_it_states(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    grey = Pillow.fromarray(rng.integers(0, 255, (42, 42), dtype=np.uint8))
    soft = grey.resize((336, 336), Pillow.Resampling.BICUBIC)
    soft.save(tmp_path / "film.png")
    soft.crop((100, 150, 220, 260)).save(tmp_path / "heart.png")
    Pillow.fromarray(rng.integers(0, 255, (110, 120), dtype=np.uint8)).save(tmp_path / "invented.png")
    one = study(boxes=[HEART], film=str(tmp_path / "film.png"))

    def drawn(name: str, stated: Edges) -> dict[str, float]:
        path = str(tmp_path / name)
        return shown(look(stated, SAID, path, render="file", source="model"), of=one)

    assert drawn("heart.png", AWAY)["Shown"] == 1.0
    invented = drawn("invented.png", HEART)
    assert (invented["Shown"], invented["Pictures that show a place"]) == (0.0, 0.0)
