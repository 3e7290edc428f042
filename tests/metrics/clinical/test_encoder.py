"""The encoder: texts share matrices and cores, and each stays as it is alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.clinical


@pytest.fixture
def three_cores(hub_home: Any) -> Iterator[None]:
    """As where torch has three threads."""
    import torch

    assert hub_home.is_dir()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(1)


def encoder(weights: Any, *, first: bool = False) -> tuple[Any, Any]:
    """The encoder of the checkpoints' BERT with the weights of CheXbert, and its pieces."""
    import torch

    from mmrad_eval.metrics.clinical.encoder.bert import Encoder
    from mmrad_eval.metrics.clinical.encoder.checkpoints import read_config, shape_of
    from mmrad_eval.metrics.clinical.encoder.kernels import choose
    from mmrad_eval.metrics.clinical.encoder.pieces import read_pieces

    state = torch.load(weights.checkpoint, weights_only=True)["model_state_dict"]
    bert = {name.removeprefix("module.bert."): value for name, value in state.items() if "bert." in name}
    shape = shape_of(read_config(weights.encoder), "config")
    device = torch.device("cpu")
    return Encoder(bert, shape, choose(device), device, where="here", first=first), read_pieces(weights.encoder)


def cut(pieces: Any, texts: list[str]) -> list[list[int]]:
    return [pieces.frame(pieces.ids(text)[:510]) for text in texts]


@pytest.mark.parametrize("first", [False, True])
def test_vectors_are_the_same_to_the_bit_in_every_batch(weights: Any, texts: list[str], first: bool) -> None:
    import torch

    run, pieces = encoder(weights, first=first)
    asked = cut(pieces, ["", "Clear.", *texts[:20], "Clear."])
    alone = [next(run.encode([ids]))[1] for ids in asked]
    for budget in (1, 50, 333, 4000):
        together = dict(run.encode(asked, budget))
        assert all(torch.equal(together[n], alone[n]) for n in range(len(asked)))


@pytest.mark.usefixtures("three_cores")
@pytest.mark.parametrize("first", [False, True])
def test_vectors_are_the_same_to_the_bit_on_any_number_of_cores(weights: Any, texts: list[str], first: bool) -> None:
    import torch

    run, pieces = encoder(weights, first=first)
    asked = cut(pieces, texts[:30])
    on_three = dict(run.encode(asked))
    torch.set_num_threads(1)
    on_one = dict(run.encode(asked))
    assert all(torch.equal(on_three[n], on_one[n]) for n in range(len(asked)))


def test_the_first_vector_is_that_of_the_whole_text(weights: Any, texts: list[str]) -> None:
    whole, pieces = encoder(weights)
    first, _ = encoder(weights, first=True)
    asked = cut(pieces, texts[:20])
    every, ones = dict(whole.encode(asked)), dict(first.encode(asked))
    for n in range(len(asked)):
        assert ones[n].shape == (1, whole.shape.hidden)
        assert float((ones[n][0] - every[n][0]).abs().max()) < 1e-5


@pytest.mark.parametrize("first", [False, True])
def test_padding_changes_no_more_than_the_last_digits(weights: Any, texts: list[str], first: bool) -> None:
    run, pieces = encoder(weights, first=first)
    asked = cut(pieces, [*texts[:20], " ".join(texts[:20])])
    plain, padded = dict(run.encode(asked)), dict(run.encode(asked, 4000, 16))
    for n in range(len(asked)):
        assert padded[n].shape == plain[n].shape
        assert float((padded[n] - plain[n]).abs().max()) < 1e-4


@pytest.mark.usefixtures("hub_home")
def test_a_batch_is_full_or_a_single_text() -> None:
    from mmrad_eval.metrics.clinical.encoder.bert import plan

    assert plan([3, 9, 4, 3, 20], 10) == [[4], [1], [2, 0, 3]]
    assert plan([], 10) == []


@pytest.mark.usefixtures("three_cores")
def test_work_on_several_cores_comes_back_in_order_and_leaves_torch_as_it_was() -> None:
    import torch

    from mmrad_eval.metrics.clinical.encoder.workers import side_by_side

    threads = list(side_by_side(lambda n: (n, torch.get_num_threads(), torch.is_inference_mode_enabled()), range(9)))
    assert threads == [(n, 1, True) for n in range(9)]
    assert torch.get_num_threads() == 3
    assert not torch.is_inference_mode_enabled()


@pytest.mark.usefixtures("three_cores")
def test_an_error_on_another_core_is_raised_here_and_the_rest_is_left() -> None:
    import torch

    from mmrad_eval.metrics.clinical.encoder.workers import side_by_side

    done: list[int] = []

    def work(number: int) -> int:
        if number == 4:
            raise ValueError("number four")
        time.sleep(0.05)
        done.append(number)
        return number

    with pytest.raises(ValueError, match="number four"):
        list(side_by_side(work, range(1000)))  # 17 seconds of work
    assert len(done) < 900
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_cores")
def test_a_long_job_ends_between_two_steps_once_no_one_waits_for_it() -> None:
    from mmrad_eval.metrics.clinical.encoder.workers import side_by_side, still_wanted

    steps: list[int] = []

    def work(job: int) -> int:
        for step in range(1000 if job else 2):  # but for the first job 50 seconds of work
            still_wanted()
            steps.append(step)
            time.sleep(0.05)
        return job

    results = side_by_side(work, range(3))
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined] # a generator, as after Ctrl-C
    assert len(steps) < 500
