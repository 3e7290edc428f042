"""TRL trains a tiny random model with a reward of ours: does the reward rise?

    scripts/env-rewards && .envs/rewards/bin/python benchmarks/rewards/train.py [--metric NAME] [--seeds 0 1 2]

The model has two layers and random weights; its tokenizer knows 16 whole sentences, and a word for each of four kinds
of studies. A prompt is such a word, and the reference is the report of that kind. 60 steps of GRPO on a CPU. Exit
status 1 where, for some seed, the mean reward of the last ten steps is not above that of the first ten.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time

import torch
from datasets import Dataset
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, PrinterCallback
from trl import GRPOConfig, GRPOTrainer

import mmrad_eval

SENTENCES = (
    "The heart is normal in size.",
    "The lungs are clear.",
    "No pleural effusion is seen.",
    "There is no pneumothorax.",
    "There is a small left pleural effusion.",
    "There is a large right pneumothorax.",
    "The heart is moderately enlarged.",
    "There is consolidation in the right lower lobe.",
    "There is mild pulmonary edema.",
    "There is a nodule in the left upper lobe.",
    "Old rib fracture on the right.",
    "The aorta is tortuous.",
    "The endotracheal tube ends 4 cm above the carina.",
    "Possible left lower lobe pneumonia.",
    "There is bibasilar atelectasis.",
    "Mild degenerative change of the spine.",
)
KINDS = {"A": (0, 1, 2, 3), "B": (4, 6, 8), "C": (5, 12, 14), "D": (7, 2, 15)}
"""Word of a prompt -> the sentences of its reference."""
STEPS, COMPLETIONS, TOKENS = 60, 8, 5


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a sentence."""
    words = ("<pad>", "<eos>", *KINDS, *SENTENCES)
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<pad>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"(?<=\.) "), "removed")
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="<eos>")


def train(metric: str, seed: int) -> list[float]:
    """The mean reward of each step."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    words = tokenizer()
    config = GPT2Config(
        vocab_size=len(words),
        n_positions=16,
        n_embd=64,
        n_layer=2,
        n_head=2,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        bos_token_id=words.eos_token_id,
    )
    reports = {kind: " ".join(SENTENCES[i] for i in said) for kind, said in KINDS.items()}
    rows = [{"prompt": kind, "reference": reports[kind]} for _ in range(STEPS) for kind in KINDS]
    with tempfile.TemporaryDirectory() as folder:
        settings = GRPOConfig(
            folder,
            max_steps=STEPS,
            per_device_train_batch_size=4 * COMPLETIONS,
            num_generations=COMPLETIONS,
            max_completion_length=TOKENS,
            learning_rate=5e-3,
            lr_scheduler_type="constant",
            beta=0.0,
            seed=seed,
            use_cpu=True,
            bf16=False,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = GRPOTrainer(
            model=GPT2LMHeadModel(config),
            reward_funcs=[mmrad_eval.reward(metric)],
            args=settings,
            train_dataset=Dataset.from_list(rows),
            processing_class=words,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]


def main() -> int:
    """Train with each seed; print one line of JSON each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--metric", default="findings@rules")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    said = parser.parse_args()
    rose = True
    for seed in said.seeds:
        start = time.monotonic()
        rewards = train(said.metric, seed)
        first, last = statistics.fmean(rewards[:10]), statistics.fmean(rewards[-10:])
        rose &= last > first
        line = {"metric": said.metric, "seed": seed, "steps": len(rewards), "first ten": first, "last ten": last}
        print(json.dumps({**line, "seconds": round(time.monotonic() - start, 1)}), flush=True)
    return 0 if rose else 1


if __name__ == "__main__":
    sys.exit(main())
