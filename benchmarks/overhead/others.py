"""lm_eval, lmms_eval and inspect_ai on the same server and the same prompts, where they are installed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from measure import Trial

COMMANDS = {"lm_eval": "lm_eval", "lmms_eval": "lmms-eval", "inspect_ai": "inspect"}

INSPECT_TASK = """
import json
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, GenerateConfig
from inspect_ai.scorer import includes

def sample(row):
    if "image" not in row:
        return Sample(input=row["text"], target="FINDINGS")
    content = [ContentText(text=row["text"]), ContentImage(image=row["image"])]
    return Sample(input=[ChatMessageUser(content=content)], target="FINDINGS")

@task
def reports():
    rows = [json.loads(line) for line in open("prompts.jsonl")]
    return Task(dataset=MemoryDataset([sample(row) for row in rows]), scorer=includes(),
                config=GenerateConfig(max_tokens=1024))
"""

LM_TASK = """
task: reports
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
test_split: test
output_type: generate_until
doc_to_text: "{{text}}"
doc_to_target: "FINDINGS"
generation_kwargs: {until: [], max_gen_toks: 1024}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""

LMMS_TASK = """
task: reports
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.visual
doc_to_text: !function utils.text
doc_to_target: !function utils.target
process_results: !function utils.results
generation_kwargs: {max_new_tokens: 1024}
metric_list: [{metric: hit, aggregation: mean, higher_is_better: true}]
"""

LMMS_CODE = """
from PIL import Image
def visual(doc): return [Image.open(doc["image"]).convert("RGB")] if doc.get("image") else []
def text(doc, lmms_eval_specific_kwargs=None): return doc["text"]
def target(doc): return "FINDINGS"
def results(doc, answers): return {"hit": float("FINDINGS" in answers[0])}
"""


def found(folder: Path | None) -> dict[str, Path]:
    """Name -> its command, for those that are installed."""
    paths = {}
    for name, command in COMMANDS.items():
        path = shutil.which(command, path=str(folder) if folder else None)
        if path:
            paths[name] = Path(path).absolute()
    return paths


def command(trial: Trial, n: int) -> tuple[list[str], dict[str, str]]:
    """The command that asks ``n`` prompts, and what it needs in its environment."""
    lines = trial.data.prompts.read_text().splitlines()[:n]
    prompts = trial.work / "prompts.jsonl"
    prompts.write_text("".join(f"{line}\n" for line in lines))
    url, program, at_once = trial.url, str(trial.program), trial.at_once
    keys = dict.fromkeys(("OPENAI_API_BASE", "OPENAI_BASE_URL"), url) | {"OPENAI_API_KEY": "none"}
    if trial.name == "inspect_ai":
        (trial.work / "task.py").write_text(INSPECT_TASK)
        model = ["--model", "openai/rehearsal", "--model-base-url", url, "-M", "responses_api=false"]
        options = ["--display", "none", "--max-connections", str(at_once), "--max-samples", str(at_once)]
        return [program, "eval", "task.py", *model, *options], keys
    keys["HF_DATASETS_CACHE"] = str(trial.work / "hf")
    tasks = trial.work / "tasks"
    tasks.mkdir()
    logs = ["--tasks", "reports", "--include_path", str(tasks), "--log_samples", "--output_path", "out"]
    if trial.name == "lm_eval":
        (tasks / "reports.yaml").write_text(LM_TASK % json.dumps(str(prompts)))
        where = f"base_url={url}/chat/completions,num_concurrent={at_once},tokenizer_backend=None,max_retries=3"
        model = ["--model", "local-chat-completions", "--model_args", f"model=rehearsal,{where}"]
        return [program, "run", *model, "--apply_chat_template", *logs], keys
    (tasks / "reports.yaml").write_text(LMMS_TASK % json.dumps(str(prompts)))
    (tasks / "utils.py").write_text(LMMS_CODE)
    arguments = f"model_version=rehearsal,base_url={url},api_key=none,num_cpus={at_once}"
    return [program, "eval", "--model", "async_openai", "--model_args", arguments, "--batch_size", "1", *logs], keys
