"""Thoughts in every delimiter that a model, a chat template or a prompt uses, whole, unclosed, doubled and nested.

The sources name where a form is seen; all words are invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.raw_text.suite import FINDINGS, IMPRESSIONS, MADE_UP, THOUGHTS, Case, Wanted

PAIRS = (
    ("<think>\n", "\n</think>\n\n", "chat template of Qwen3; DeepSeek-R1; Skywork-R1V; InternVL3"),
    ("<thinking>", "</thinking>", "prompting guide of Claude"),
    ("<thought>\n", "\n</thought>\n\n", "chat template of EXAONE Deep"),
    ("<Thought>\n", "\n</Thought>\n", "model card of Marco-o1"),
    ("<reasoning>", "</reasoning>", "chat template of Reka Flash 3; GRPO recipes"),
    ("<unused94>thought\n", "<unused95>", "model card of MedGemma 1.5"),
    ("[THINK]", "[/THINK]", "tokenizer of Magistral"),
    ("<|channel>thought\n", "<channel|>", "chat template of Gemma 4"),
    ("◁think▷", "◁/think▷", "chat template of Kimi-VL-Thinking"),
    ("<seed:think>", "</seed:think>", "vllm/reasoning/seedoss_reasoning_parser.py"),
    ("<mm:think>", "</mm:think>", "chat template of MiniMax"),
    ("<|START_THINKING|>", "<|END_THINKING|>", "chat template of Command A Reasoning"),
    ("<|begin_of_thought|>\n\n", "\n\n<|end_of_thought|>\n\n", "model card of Sky-T1"),
    ("<|inner_prefix|>", "<|inner_suffix|>", "chat template of Apertus"),
    ("<longcat_think>\n", "\n</longcat_think>\n", "chat template of LongCat-Flash-Thinking"),
    ("<scratchpad>", "</scratchpad>", "prompting guide of Claude"),
    ("<analysis>", "</analysis>", "prompting guide of Claude"),
    ("<inner_monologue>", "</inner_monologue>", "prompting guide of Claude"),
    ("<chain_of_thought>", "</chain_of_thought>", "public helpers that strip reasoning"),
    ("<cot>", "</cot>", "public helpers that strip reasoning"),
    ("<internal_thought>", "</internal_thought>", "public helpers that strip reasoning"),
    ("<reason>", "</reason>", "public helpers that strip reasoning"),
    ("<REASONING>\n", "\n</REASONING>\n", "LLaVA-CoT"),
    ("<think >", "</think >", MADE_UP),
    ("< think >", "< /think >", MADE_UP),
    ("<THINK>", "</THINK>", MADE_UP),
    ('<think mode="deep">', "</think>", MADE_UP),
    ("&lt;think&gt;", "&lt;/think&gt;", MADE_UP),
    ("[thinking]", "[/thinking]", MADE_UP),
    ("[REASONING]\n", "\n[/REASONING]\n", MADE_UP),
    ("<|think|>", "<|/think|>", MADE_UP),
    ("<|thinking_start|>", "<|thinking_end|>", MADE_UP),
    ("<begin_think>", "<end_think>", MADE_UP),
    ("<thinking_process>\n", "\n</thinking_process>\n", MADE_UP),
    ("<internal_reasoning>", "</internal_reasoning>", MADE_UP),
    ("<rad:think>", "</rad:think>", MADE_UP),
    ("<radiologist_thoughts>", "</radiologist_thoughts>", MADE_UP),
    ("<rationale>", "</rationale>", MADE_UP),
    ("<deliberation>", "</deliberation>", MADE_UP),
    ("<think:long>", "</think:long>", MADE_UP),
    ("<\uff5cthink\uff5c>", "<\uff5c/think\uff5c>", MADE_UP),
)
FINAL = "<|start|>assistant<|channel|>final <|constrain|>text<|message|>{r}<|return|>"
WHOLE = (
    (
        "<|channel|>analysis<|message|>{t}<|end|><|start|>assistant<|channel|>final<|message|>{r}<|return|>",
        "openai/harmony, as gpt-oss writes it",
    ),
    (
        "<|start|>assistant<|channel|>analysis<|message|>{t}<|end|><|start|>assistant<|channel|>final<|message|>{r}",
        "openai/harmony",
    ),
    (
        "<|channel|>analysis<|message|>{t}<|end|><|start|>assistant<|channel|>commentary<|message|>I write.<|end|>{f}",
        "openai/harmony",
    ),
    ("analysis{t}assistantfinal{r}", "gpt-oss, decoded without its special tokens"),
    ("<think>{t}</think><answer><|begin_of_box|>{r}<|end_of_box|></answer>", "GLM-4.1V-Thinking"),
    ("<think>\n{t}\n</think>\n<answer>\n{r}\n</answer>", "Hunyuan-A13B; MedVLM-R1; Med-R1"),
    (
        "<SUMMARY>I look.</SUMMARY>\n\n<CAPTION>A film.</CAPTION>\n\n<REASONING>{t}</REASONING>\n\n{c}",
        "LLaVA-CoT",
    ),
    ("<SUMMARY>{t}</SUMMARY><CAPTION>A film.</CAPTION><CONCLUSION>{r}</CONCLUSION>", "LLaVA-CoT, a stage left out"),
    ("Here is my thought process:\n{t}\nHere is my response:\n{r}", "chat template of Granite 3.2"),
    ("<think>{t}</think><response>{r}</response>", "chat template of Granite 3.3"),
    ("<think>\n{t}\n</think>\n\n<response>\n{r}\n</response>\n", "ERNIE 4.5 Thinking"),
    ("<Thought>\n{t}\n</Thought>\n<Output>\n{r}\n</Output>", "model card of Marco-o1"),
    ("<|START_THINKING|>{t}<|END_THINKING|><|START_RESPONSE|>{r}<|END_RESPONSE|>", "Command A Reasoning"),
    (
        "<|begin_of_thought|>\n\n{t}\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n{r}\n\n<|end_of_solution|>",
        "model card of Sky-T1",
    ),
    ("## Thinking\n\n{t}\n\n## Final Response\n\n{r}", "HuatuoGPT-o1"),
    ("###Thinking\n{t}\n###Response\n{r}", "GLM-Zero"),
    ("<thinking>{t}<reflection>Or not.</reflection></thinking><output>{r}</output>", "Reflection-Llama"),
    ("<|im_start|>think\n{t}<|im_start|>answer\n{r}", "simplescaling/s1"),
    ("<think>{t}</think>\n\n<report>{r}</report>", "prompts of chest X-ray reasoning models"),
    (
        "<seed:think>{t}<seed:cot_budget_reflect>129 tokens.</seed:cot_budget_reflect>More.</seed:think>{r}",
        "chat template of Seed-OSS",
    ),
    ("<think>{t}</think><think>And again.</think>{r}", MADE_UP),
    ("<think>{t}<think>Deeper.</think>Back.</think>{r}", MADE_UP),
    ("<unused94>thought\n{t}<unused95><unused94>thought\nMore.<unused95>{r}", MADE_UP),
    ("[THINK]{t}[THINK]Deeper.[/THINK]Back.[/THINK]{r}", MADE_UP),
    ("Let me begin.</think>{t}</think>{r}", MADE_UP),
    ("<think>{t}</thinking>{r}", MADE_UP),
    ("<thinking>{t}</think>\n\n{r}", MADE_UP),
    ("<think>{t}<answer>{r}</answer>", MADE_UP),
    ("<think>\n{t}\n\n<report>\n{r}\n</report>", MADE_UP),
    ("{r}\n<think>{t}</think>", MADE_UP),
    ("{r}\n\n[THINK]{t}[/THINK]", MADE_UP),
    ("```thinking\n{t}\n```\n\n{r}", MADE_UP),
    ("<think>\n```\n{t}\n```\n</think>\n{r}", MADE_UP),
    ("**Thinking:**\n{t}\n\n**Final report:**\n{r}", MADE_UP),
    ("# Reasoning\n\n{t}\n\n# Report\n\n{r}", MADE_UP),
    ("Thought process:\n{t}\n\nFinal answer:\n{r}", MADE_UP),
    ("<analysis>{t}</analysis>\n<final>{r}</final>", MADE_UP),
    ("<thinking>{t}</thinking>\n<final_answer>{r}</final_answer>", MADE_UP),
    ("<inner_thoughts>{t}</inner_thoughts>\n<radiology_report>{r}</radiology_report>", MADE_UP),
    ("◁think▷{t}◁/think▷\n```\n{r}\n```", MADE_UP),
)
NO_THOUGHT = (
    "I think the heart is enlarged. The lungs are clear.",
    "Small nodule <5 mm in the left apex. Effusion > 2 cm.",
    "On reflection the left base is clear. The heart is normal.",
    "The reasoning for follow-up is a nodule. No effusion.",
    "Analysis of the lungs shows no nodule. The heart is normal.",
    "The channel of the port ends in the right atrium. No pneumothorax.",
    "Final: no acute disease. The lungs are clear.",
    "[1] The lungs are clear. [2] The heart is normal.",
    "Lungs are clear [see prior]. The heart is normal in size.",
    "The lungs are clear. Correlation with clinical thinking is advised.",
    "Rationale for the CT: a nodule of 8 mm in the right apex.",
    "Clear lungs.\nNo thoughts of pneumonia.",
    "The answer to the clinical question is no: the lungs are clear.",
    "Summary of the chest: normal heart and clear lungs.",
    "There is a <1 cm nodule and a >3 cm mass. No effusion.",
    "The caption on the film reads PORTABLE. The lungs are clear.",
)
WRAPS = ("{r}", "{r}\n", "  {r}", "The chest is rotated. {r}")


def _reports() -> Iterator[tuple[str, str, str]]:
    """(as written, findings, impression)."""
    for findings, impression in zip(FINDINGS, IMPRESSIONS, strict=True):
        yield f"FINDINGS: {findings}\nIMPRESSION: {impression}", findings, impression
        yield findings, findings, ""


def _filled(form: str, thought: str, report: str) -> str:
    parts = {"{f}": FINAL, "{c}": "<CONCLUSION>{r}</CONCLUSION>", "{t}": thought, "{r}": report}
    for mark, text in parts.items():
        form = form.replace(mark, text)
    return form


def cases() -> Iterator[Case]:
    """Thoughts apart from reports."""
    reports = list(_reports())
    forms = [(f"{a}{{t}}{z}{{r}}", source) for a, z, source in PAIRS] + list(WHOLE)
    for number, ((form, source), thought) in enumerate(product(forms, THOUGHTS)):
        raw, findings, impression = reports[number % len(reports)]
        wanted = Wanted("ok", findings, impression, thought.split(".")[0])
        yield Case(form, source, _filled(form, thought, raw), wanted)


def unclosed() -> Iterator[Case]:
    """A thought without end, which is no report, and an end without beginning."""
    for number, (opens, closes, source) in enumerate(PAIRS):
        thought = THOUGHTS[number % len(THOUGHTS)]
        yield Case(f"{opens}...", source, opens + thought, Wanted("unparsed", "", "", thought.split(".")[0]))
        raw, findings, impression = list(_reports())[number % 8]
        yield Case(f"...{closes}", source, thought + closes + raw, Wanted("ok", findings, impression))


def without_thought() -> Iterator[Case]:
    """Reports whose words look like delimiters."""
    for report, wrap in product(NO_THOUGHT, WRAPS):
        raw = wrap.replace("{r}", report)
        yield Case(wrap, MADE_UP, raw, Wanted("ok", raw, None, ""))
