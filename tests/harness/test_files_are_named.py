"""What is wrong with a picture names its file: one that a server can't read, one of which a window shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

import mmrad_eval
from mmrad_eval.core.errors import Failed
from mmrad_eval.core.values import Image, Report, Request, Study
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry.mock_server import MockServer


def film(path: Path) -> Image:
    Pillow.new("L", (24, 24), 90).save(path)
    return Image(path=str(path), name=path.name)


async def test_a_picture_that_a_server_can_not_read_is_named(
    server: MockServer, requester_of: Callable[..., Requester], question: Callable[..., Request], tmp_path: Path
) -> None:
    server.faults = {"broken": "image"}
    films = [film(tmp_path / f"{number}.png") for number in range(6)]
    with pytest.raises(Failed) as failed:
        await requester_of(server.url).ask(question("broken", *films))
    named = ", ".join(image.path for image in films[:4])
    assert str(failed.value).endswith(f"an image of this study: check its files): {named} and 2 more")


async def test_a_rejection_for_another_reason_names_no_picture(
    server: MockServer, requester_of: Callable[..., Requester], question: Callable[..., Request], tmp_path: Path
) -> None:
    server.faults = {"broken": "detail"}
    with pytest.raises(Failed) as failed:
        await requester_of(server.url).ask(question("broken", film(tmp_path / "a.png")))
    assert "a.png" not in str(failed.value)


@mmrad_eval.model
def reporter(sent: object) -> str:  # noqa: ARG001 (what a model is given)
    return "FINDINGS: The lungs are clear."


def test_a_window_that_misses_its_picture_is_noted_in_the_run_and_stays_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pydicom", reason="the extra dicom is not installed")
    from tests.traces.test_dicom import dicom, save

    save(dicom(WindowCenter=30000, WindowWidth=100), tmp_path / "dark.dcm")
    save(dicom(WindowCenter=2000, WindowWidth=100), tmp_path / "good.dcm")
    studies = tuple(
        Study(
            name,
            (Image(path=str(tmp_path / f"{name}.dcm"), name=f"{name}.dcm"),),
            reference=Report("Clear.", findings="Clear."),
        )
        for name in ("dark", "good")
    )
    for _ in range(2):  # asked, and read again from what is stored
        run = mmrad_eval.evaluate(
            reporter, "direct", mmrad_eval.Dataset("films", studies, "open"), "bleu@raw", out=tmp_path / "results"
        )
        (note,) = run.outcome.folder.run.notes
        assert note.startswith(f"{tmp_path / 'dark.dcm'}: the stated window misses the picture")
    assert "misses the picture" not in capsys.readouterr().out
