# ruff: noqa: INP001 (a script that another interpreter runs)
"""Answers requests with a model of transformers, in the environment of the interpreter that runs it.

    PYTHON hf_worker.py --model ID [options] REQUESTS REPLIES

It is started by ``--model hf:ID`` and imports nothing of ours, since the environment of a model need not hold
mmrad-eval. Requests that wait are gathered into batches, padded on the left; where a batch fails, each of its requests
is tried alone. It needs transformers 4.46 or newer.
"""

from __future__ import annotations

import argparse
import json
import queue
import resource
import sys
import threading
import time
import traceback
from typing import Any

sys.path.pop(0)  # the folder of this file, whose names could stand before those of packages

import torch  # type: ignore[import-not-found, unused-ignore]  # lives in the model's environment
import transformers  # type: ignore[import-not-found, unused-ignore]  # as above
from PIL import Image

UNSTATED = 4096  # tokens of an answer where neither the request nor the model states a limit
GATHER = 0.05  # seconds that a batch which is not full waits for more


def main() -> None:
    """Load the model once, then answer until the requests end."""
    given = arguments()
    model = Model(given)
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=read, args=(given.requests, waiting), daemon=True).start()
    held: list[Any] = []
    counts = {"requests": 0, "batches": 0}
    start = time.perf_counter()
    with open(given.replies, "w", buffering=1, encoding="utf-8") as out:  # noqa: PTH123 (a pipe)
        while gather(waiting, held, given.batch_size):
            batch = next_batch(held, given.batch_size)
            out.writelines(json.dumps(reply) + "\n" for reply in model.replies(batch))
            counts["requests"] += len(batch)
            counts["batches"] += 1
    say_what_it_took(counts, time.perf_counter() - start)


def arguments() -> argparse.Namespace:
    """The words of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--revision")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--device-map")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--trust-remote-code", action="store_true")
    parser.add_argument("requests")
    parser.add_argument("replies")
    return parser.parse_args()


def read(path: str, waiting: Any) -> None:
    """Pass on requests as they come, and None at their end."""
    with open(path, encoding="utf-8") as lines:  # noqa: PTH123 (a pipe)
        for line in lines:
            waiting.put(json.loads(line))
    waiting.put(None)


def gather(waiting: Any, held: list[Any], size: int) -> bool:
    """Wait until there is something to do, and a moment longer until there is enough; False at the end."""
    if not held:
        first = waiting.get()
        if first is None:
            return False
        held.append(first)
    deadline = time.monotonic() + (GATHER if size > 1 else 0)
    while len(held) < size:
        try:
            more = waiting.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if more is None:
            waiting.put(None)  # for the next call
            break
        held.append(more)
    return True


def next_batch(held: list[Any], size: int) -> list[Any]:
    """The oldest request, and those that can be written with it: the same decoding, pictures or none; no sampling."""
    first = held[0]
    batch = [first] if sampled(first) else [one for one in held if manner(one) == manner(first)][:size]
    for one in batch:
        held.remove(one)
    return batch


def manner(asked: dict[str, Any]) -> tuple[Any, ...]:
    """What requests of a batch share."""
    return (asked["max_tokens"], tuple(asked.get("stop", ())), bool(pictures(asked)), sampled(asked))


def sampled(asked: dict[str, Any]) -> bool:
    """Whether chance decides; such requests are written one by one, so that a seed means something."""
    return bool(asked.get("temperature"))


def pictures(asked: dict[str, Any]) -> list[str]:
    """The paths of the images, in order."""
    return [part["image"] for message in asked["messages"] for part in message["parts"] if "image" in part]


class Model:
    """One model with its processor."""

    def __init__(self, given: argparse.Namespace) -> None:
        where = {"revision": given.revision, "trust_remote_code": given.trust_remote_code}
        self.processor = transformers.AutoProcessor.from_pretrained(given.model, **where)
        self.tokenizer = getattr(self.processor, "tokenizer", self.processor)
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model = loaded(given, where)
        self.served = served(given, self.model)
        config = self.model.config
        text = config.get_text_config() if hasattr(config, "get_text_config") else config
        self.context: Any = getattr(text, "max_position_embeddings", None)
        self.image_token = getattr(config, "image_token_id", None) or getattr(config, "image_token_index", None)
        self.ends = ends_of(self.model, self.tokenizer)

    def replies(self, batch: list[Any]) -> list[dict[str, Any]]:
        """A reply to each request; where the batch fails, each is tried alone."""
        try:
            with torch.inference_mode():
                return self.written(batch)
        except Exception as error:  # noqa: BLE001 (a fault of one batch is told, and costs no other)
            traceback.print_exc()
            failed = f"{type(error).__name__}: {error}"
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) == 1:
            return [{"id": batch[0]["id"], "failed": failed}]
        return [reply for one in batch for reply in self.replies([one])]

    def written(self, batch: list[Any]) -> list[dict[str, Any]]:
        """What the model writes."""
        inputs = self.inputs(batch)
        first, length = batch[0], inputs["input_ids"].shape[1]
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        most = self.most(first, max(lengths))
        if self.context and max(lengths) + most > self.context:
            return self.too_long(batch, lengths)
        how: dict[str, Any] = {"max_new_tokens": most, "pad_token_id": self.tokenizer.pad_token_id}
        if sampled(first):
            how |= {"do_sample": True, "temperature": first["temperature"], "top_k": 0}
            how["top_p"] = first.get("top_p", 1.0)
            if "seed" in first:
                torch.manual_seed(first["seed"] + 1_000_003 * first.get("sample", 0))
        else:
            how |= {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if first.get("stop"):
            how |= {"stop_strings": first["stop"], "tokenizer": self.tokenizer}
        made = self.model.generate(**inputs, **how)[:, length:].tolist()
        return [self.reply(*one, most) for one in zip(batch, made, lengths, inputs["input_ids"].tolist(), strict=True)]

    def most(self, asked: dict[str, Any], prompt: int) -> int:
        """Tokens that an answer may have: as the request says, else what the context leaves."""
        if asked["max_tokens"] is not None:
            return int(asked["max_tokens"])
        return max(1, int(self.context) - prompt) if self.context else UNSTATED

    def inputs(self, batch: list[Any]) -> Any:
        """What the model reads, padded on the left."""
        texts = [self.prompt(asked) for asked in batch]
        films = [[opened(path) for path in pictures(asked)] for asked in batch]
        more = {"images": films} if films[0] else {}
        made = self.processor(text=texts, padding=len(batch) > 1, return_tensors="pt", **more)
        made = made.to(self.model.device)
        kind = self.model.dtype
        for name, value in made.items():
            if torch.is_tensor(value) and value.is_floating_point():
                made[name] = value.to(kind)
        if not self.takes("token_type_ids"):
            made.pop("token_type_ids", None)
        return made

    def takes(self, name: str) -> bool:
        """Whether the model reads an input of this name."""
        import inspect

        return name in inspect.signature(self.model.forward).parameters

    def prompt(self, asked: dict[str, Any]) -> str:
        """The conversation in the words of the chat template; of a model without one, its words with image marks."""
        if template(self.processor) or template(self.tokenizer):
            turns = [
                {
                    "role": message["role"],
                    "content": [
                        {"type": "text", "text": part["text"]} if "text" in part else {"type": "image"}
                        for part in message["parts"]
                    ],
                }
                for message in asked["messages"]
            ]
            if not pictures(asked) and not template(self.processor):  # a text model's template takes strings
                turns = [turn | {"content": "".join(part["text"] for part in turn["content"])} for turn in turns]
            by = self.processor if template(self.processor) else self.tokenizer
            said: str = by.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            return said
        mark = getattr(self.processor, "image_token", None) or getattr(self.tokenizer, "image_token", None)
        if pictures(asked) and not isinstance(mark, str):
            raise ValueError(
                "the model has neither a chat template nor a marker for images; connect it with command: and a program"
            )
        parts = [part for message in asked["messages"] for part in message["parts"]]
        return "".join(part["text"] if "text" in part else str(mark) for part in parts)

    def reply(self, asked: dict[str, Any], made: list[int], prompt: int, read: list[int], most: int) -> dict[str, Any]:
        """One reply of a batch: its words, how it ended, what it took."""
        end = next((at for at, token in enumerate(made) if token in self.ends), None)
        written = made if end is None else made[:end]
        text = self.tokenizer.decode(written, skip_special_tokens=True)
        stops = [text.find(stop) for stop in asked.get("stop", ()) if stop in text]
        finish = "stop" if end is not None or stops else "length"
        if stops:
            text = text[: min(stops)]
        if finish == "length" and len(written) < most:  # ended by padding, after a stop that words no longer show
            finish = "stop"
        usage = {"prompt": int(prompt), "completion": len(written) + (end is not None)}
        if self.image_token is not None:
            usage["image"] = read.count(self.image_token)
        return {
            "id": asked["id"],
            "parts": [{"text": text}] if text else [],
            "finish": finish,
            "usage": usage,
            "served": self.served,
        }

    def too_long(self, batch: list[Any], lengths: list[int]) -> list[dict[str, Any]]:
        """Of a batch that does not fit the context, those that do are written alone."""
        replies = []
        for asked, length in zip(batch, lengths, strict=True):
            if length + (asked["max_tokens"] or 1) <= self.context:
                replies += self.replies([asked])
                continue
            why = f"a prompt of {length} tokens and {asked['max_tokens'] or 1} for the answer exceed {self.context}"
            replies.append({"id": asked["id"], "parts": [], "finish": "too long", "why": why, "served": self.served})
        return replies


def loaded(given: argparse.Namespace, where: dict[str, Any]) -> Any:
    """The model, by whatever class its configuration names."""
    newer = tuple(map(int, transformers.__version__.split(".")[:2])) >= (4, 56)
    how = where | {"dtype" if newer else "torch_dtype": given.dtype if given.dtype == "auto" else kind(given.dtype)}
    if given.device_map:
        how["device_map"] = given.device_map
    config = transformers.AutoConfig.from_pretrained(given.model, **where)
    names = ["AutoModelForImageTextToText", "AutoModelForVision2Seq", "AutoModelForCausalLM"]
    remote = getattr(config, "auto_map", None) or {}
    named = [name for name in names if name in remote] or names  # remote code says which one is its own
    refused = []
    for name in named:
        if hasattr(transformers, name):
            try:
                model = getattr(transformers, name).from_pretrained(given.model, **how)
                break
            except ValueError as error:  # a configuration that this class does not know
                refused.append(str(error).split("\n", maxsplit=1)[0][:300])
    else:
        sys.exit(f"transformers {transformers.__version__} has no class for {given.model}: " + "; ".join(refused))
    if not given.device_map:
        model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    return model.eval()


def kind(name: str) -> Any:
    """A number format by its name."""
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        sys.exit(f"--dtype {name}: torch knows no such number format; bfloat16, float16 and float32 are usual")
    return found


def served(given: argparse.Namespace, model: Any) -> dict[str, str]:
    """Who answers: the model, the libraries, the number format and the device, the commit of its files."""
    dtype, device = str(model.dtype).removeprefix("torch."), model.device.type
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}, {dtype}, {device}"
    told = {"id": given.model, "version": versions}
    commit = getattr(model.config, "_commit_hash", None)
    return told | ({"fingerprint": commit} if commit else {})


def ends_of(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end an answer."""
    stated = getattr(model.generation_config, "eos_token_id", None)
    stated = stated if isinstance(stated, list) else [stated]
    return {token for token in (*stated, tokenizer.eos_token_id) if token is not None}


def template(by: Any) -> bool:
    """Whether a processor or tokenizer has a chat template."""
    return bool(getattr(by, "chat_template", None))


def opened(path: str) -> Any:
    """The picture, in color, as processors expect it."""
    with Image.open(path) as film:
        return film.convert("RGB")


def say_what_it_took(counts: dict[str, int], seconds: float) -> None:
    """Requests, batches and memory, for the log."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "linux" else 1024)
    said = f"{counts['requests']} requests in {counts['batches']} batches, {seconds:.1f} s"
    said += f", peak memory {peak / 1024:.0f} MB"
    if torch.cuda.is_available():
        said += f", {torch.cuda.max_memory_allocated() >> 20} MB of the GPU"
    sys.stderr.write(said + "\n")


if __name__ == "__main__":
    main()
