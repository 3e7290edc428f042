"""Rewards: the leaderboard's value of a study, however a trainer calls for it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import mmrad_eval
from mmrad_eval.core.errors import UnknownNameError, UsageError
from mmrad_eval.model_registry import model_cards
from mmrad_eval.results.scoring.rewards import Reward

REFERENCES = [
    "Large left pneumothorax. Small right effusion.",
    "The lungs are clear. No effusion.",
    "Possible pneumonia.",
]
COMPLETIONS = ["Left pneumothorax.", "Right lower lobe consolidation.", "Findings: Possible pneumonia. No effusion."]
NAMES = ("findings@rules", "bleu@rexrank")


@pytest.mark.parametrize("name", ["findings@rules", "bleu@rexrank", "rouge@raw", "rules@uncertain=positive"])
def test_a_reward_is_the_leaderboards_value_of_the_study(name: str) -> None:
    reward = mmrad_eval.reward(name)
    column = {"findings@rules": "Findings all @ rules"}.get(name)
    own = mmrad_eval.score(COMPLETIONS, REFERENCES, name, resamples=0, data_use="open").per_study()
    values = own[column or own.columns[0]].tolist()
    assert reward(completions=COMPLETIONS, reference=REFERENCES) == pytest.approx(values, nan_ok=True, abs=0)


def test_trainers_call_it_each_in_their_way() -> None:
    reward = mmrad_eval.reward("findings@rules")
    plain = reward(completions=COMPLETIONS, reference=REFERENCES)
    talks = [[{"role": "assistant", "content": text}] for text in COMPLETIONS]
    parts = [[{"role": "assistant", "content": [{"type": "text", "text": text}]}] for text in COMPLETIONS]
    prompts = [[{"role": "user", "content": "Report."}]] * 3
    trl = reward(prompts=prompts, completions=talks, completion_ids=[[1]] * 3, trainer_state=None, reference=REFERENCES)
    swift = reward(COMPLETIONS, solution=REFERENCES, messages=prompts)
    one = [
        reward("data", text, reference, {"index": i})
        for i, (text, reference) in enumerate(zip(COMPLETIONS, REFERENCES, strict=True))
    ]
    named = [
        reward(data_source="data", solution_str=text, ground_truth=reference, extra_info=None)
        for text, reference in zip(COMPLETIONS, REFERENCES, strict=True)
    ]
    batch = reward(
        data_sources=["data"] * 3, solution_strs=COMPLETIONS, ground_truths=REFERENCES, extra_infos=[None] * 3
    )
    assert plain == trl == swift == one == named == batch
    assert reward(completions=parts, reference=REFERENCES) == plain
    assert reward(["d"] * 3, COMPLETIONS, REFERENCES, [{}] * 3) == plain


def test_completions_go_through_the_reader_of_replies() -> None:
    reward = mmrad_eval.reward("findings@rules")
    thought = "<think>Is there a mass? Maybe an effusion.</think>FINDINGS: Left pneumothorax."
    assert reward(completions=[thought], reference=REFERENCES[:1]) == reward(
        completions=["Left pneumothorax."], reference=REFERENCES[:1]
    )
    nothing = ["", "I'm sorry, but I can't help with that.", "asdf asdf asdf asdf asdf asdf asdf asdf asdf"]
    assert reward(completions=nothing, reference=[REFERENCES[0]] * 3) == [0.0, 0.0, 0.0]
    error = "Error code: 429 - {'error': {'message': 'Rate limit reached', 'type': 'requests'}}"
    assert reward(completions=[error], reference=REFERENCES[:1]) == [0.0]


def test_weights_shaping_and_context_count() -> None:
    first, second = (mmrad_eval.reward(name)(completions=COMPLETIONS, reference=REFERENCES) for name in NAMES)
    both = mmrad_eval.reward(*NAMES, weights={"findings@rules": 1, "bleu@rexrank": 0.5})
    assert both(completions=COMPLETIONS, reference=REFERENCES) == pytest.approx(
        [a + 0.5 * b for a, b in zip(first, second, strict=True)]
    )
    assert mmrad_eval.reward(*NAMES)(completions=COMPLETIONS, reference=REFERENCES) == pytest.approx(
        [(a + b) / 2 for a, b in zip(first, second, strict=True)]
    )
    harmful = {"completions": ["Right pneumothorax."], "reference": REFERENCES[:1]}
    assert mmrad_eval.reward("findings@rules")(**harmful)[0] < 0
    assert mmrad_eval.reward("findings@rules", shaping="positive")(**harmful) == [0.0]
    assert mmrad_eval.reward("findings@rules", shaping=lambda value: value - 1)(**harmful)[0] < -1
    newer = {"completions": ["New left pneumothorax."], "reference": ["New left pneumothorax."]}
    reward = mmrad_eval.reward("findings@rules")
    assert reward(**newer)[0] < reward(**newer, prior_shown=[True])[0] == 1.0
    assert "findings|" in both.signature
    assert "0.5*BLEU" in both.signature
    assert both.__name__ == "findings@rules+bleu@rexrank"


def test_a_metric_of_which_less_is_better_is_turned() -> None:
    reward = mmrad_eval.reward("findings@rules", columns={"findings@rules": "Findings false finding"})
    assert reward(completions=["Left pneumothorax. Scoliosis."], reference=REFERENCES[:1]) == [-1.0]


def test_metrics_that_learn_from_references_learn_from_the_corpus_that_was_given() -> None:
    reward = mmrad_eval.reward("cider@raw", corpus=REFERENCES)
    one_by_one = [
        reward(completions=[text], reference=[reference])
        for text, reference in zip(COMPLETIONS, REFERENCES, strict=True)
    ]
    own = mmrad_eval.score(COMPLETIONS, REFERENCES, "cider@raw", resamples=0, data_use="open").per_study()
    assert [value for [value] in one_by_one] == pytest.approx(own.iloc[:, 0].tolist(), abs=0)


def _in_worker(reward: Reward) -> tuple[int, list[float]]:
    return os.getpid(), list(reward.values(COMPLETIONS, REFERENCES))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_have_the_same_values(method: str) -> None:
    reward = mmrad_eval.reward(*NAMES)
    here = reward.values(COMPLETIONS, REFERENCES)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        pid, there = pool.submit(_in_worker, reward).result()
    assert pid != os.getpid()
    assert there == here
    assert pickle.loads(pickle.dumps(reward)).values(COMPLETIONS, REFERENCES) == here


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (mmrad_eval.reward, "name at least one metric"),
        (lambda: mmrad_eval.reward("findings"), "findings names several metrics"),
        (lambda: mmrad_eval.reward("findings@rules", weights=[1, 2]), "one finite number for each"),
        (lambda: mmrad_eval.reward("findings@rules")(completions=["a"], labels=["b"]), "the dataset has labels"),
        (lambda: mmrad_eval.reward("findings@rules", reference="x")(completions=["a"], answer=["b"]), "has answer"),
        (lambda: mmrad_eval.reward("findings@rules")(completions=["a", "b"], reference=["b"]), "2 completions and 1"),
        (lambda: mmrad_eval.reward("findings@rules")(completions=["a"], reference=[None]), "not a string"),
        (
            lambda: mmrad_eval.reward("findings@rules", columns={"findings@rules": "F"})(["a"], answer=["b"]),
            "no column",
        ),
        (mmrad_eval.reward("findings@rules"), "completions="),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(call: object, why: str) -> None:
    with pytest.raises(UsageError, match=why) as raised:
        call()  # type: ignore[operator]  # a function of the list above
    assert "\n" not in str(raised.value)
    with pytest.raises(UnknownNameError):
        mmrad_eval.reward("finding@rule")


def test_the_card_says_what_a_model_was_optimized_for(tmp_path: Path) -> None:
    card = tmp_path / "mine.toml"
    card.write_text('provider = "vllm"\nid = "me/mine"  # ours\n\n[sources]\nid = "here"\n')
    mmrad_eval.reward("findings@rules").mark(card)
    mmrad_eval.reward("bleu@raw").mark(card)
    assert model_cards.read(card).optimized_for == ("bleu@raw", "findings@rules")
    assert "# ours" in card.read_text()
    assert model_cards.read(card).sources == {"id": "here"}
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]
