"""What tells apart the runs of one model and task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mmrad_eval.results.run.naming import variants
from mmrad_eval.results.run.record import Run

if TYPE_CHECKING:
    from tests.results.conftest import Kit


def prompted(kit: Kit, text: str, file: str | None) -> Run:
    run = kit.run([], prompt=text * 64).run
    return msgspec.structs.replace(run, prompt_file=file)


def test_prompts_are_called_by_their_files(kit: Kit) -> None:
    runs = [prompted(kit, "a", ""), prompted(kit, "b", "brief.txt"), prompted(kit, "c", None)]
    assert variants(runs) == ["prompt built-in", "prompt brief.txt", "prompt cccccccc"]


def test_two_texts_under_one_name_show_their_digests_too(kit: Kit) -> None:
    runs = [prompted(kit, "a", "brief.txt"), prompted(kit, "b", "brief.txt"), prompted(kit, "c", "long.txt")]
    assert variants(runs) == ["prompt brief.txt aaaaaaaa", "prompt brief.txt bbbbbbbb", "prompt long.txt"]


def coded(kit: Kit, model: str) -> Run:
    run = kit.run([]).run
    identity = msgspec.structs.replace(
        run.identity,
        model=dict(run.identity.model) | {"revision": f"source:{model}"},
        extra={"source": {"model": model}},
    )
    return msgspec.structs.replace(run, identity=identity)


def test_models_of_edited_code_are_called_by_the_digest_of_it(kit: Kit) -> None:
    assert variants([coded(kit, "a" * 12), coded(kit, "b" * 12)]) == ["model code aaaaaaaa", "model code bbbbbbbb"]
