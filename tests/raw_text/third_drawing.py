"""A third drawing of thoughts, sections, dress, degenerate output and boxes, as forms with fillers.

It was read before anything was changed for it: .870 of the thoughts, .898 of the sections, .766 of the reports in
dress, .915 of the degenerate texts and .800 of the reports with boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.raw_text.suite import FINDINGS, IMPRESSIONS, MADE_UP, THOUGHTS, Case, Wanted

PARSERS = "reasoning parsers of vLLM and SGLang, chat clients (Open WebUI, LM Studio), agents (ReAct)"
GUIDES = "prompts of chest X-ray and general reasoning models (Keye-VL, R1-Onevision, ChestX-Reasoner), reworded"
THINKING = (
    ("<antThinking>{t}</antThinking>\n{r}", PARSERS),
    ("<ant_thinking>{t}</ant_thinking>{r}", PARSERS),
    ('<details type="reasoning" done="true">\n<summary>Thought for 3 seconds</summary>\n{t}\n</details>\n{r}', PARSERS),
    ("Thought: {t}\nFinal Answer: {r}", PARSERS),
    ("Thought: {t}\n\nFinal Answer:\n{r}", PARSERS),
    ("<think>{t}\n</think>\n\n\n{r}", PARSERS),
    ("\n\n<think>\n\n{t}\n\n</think>\n\n{r}", PARSERS),
    ("<|im_start|>assistant\n<think>\n{t}\n</think>\n\n{r}<|im_end|>", PARSERS),
    (
        "<|start|>assistant<|channel|>analysis<|message|>{t}<|end|>\n<|start|>assistant<|channel|>final<|message|>{r}",
        PARSERS,
    ),
    ("<analysis>An X-ray needs thought.</analysis><think>{t}</think><answer>{r}</answer>", GUIDES),
    ("<think>{t}</think>\n<answer>\n```\n{r}\n```\n</answer>", GUIDES),
    ("### Reasoning\n{t}\n\n### Final Answer\n{r}", GUIDES),
    ("<clinical_reasoning>{t}</clinical_reasoning>\n<report>{r}</report>", GUIDES),
    ("<visual_reasoning>{t}</visual_reasoning>{r}", GUIDES),
    ("<reasoning_process>{t}</reasoning_process><final>{r}</final>", GUIDES),
    ("<thinking_steps>\n{t}\n</thinking_steps>\n\n{r}", GUIDES),
    ("<deep_think>{t}</deep_think>{r}", GUIDES),
    ("<step_by_step_thinking>{t}</step_by_step_thinking>\n<result>{r}</result>", GUIDES),
    ("[Thought]\n{t}\n[/Thought]\n{r}", MADE_UP),
    ("<CoT>{t}</CoT>{r}", MADE_UP),
    ("<hidden_reasoning>{t}</hidden_reasoning>{r}", MADE_UP),
    ("<private_thoughts>{t}</private_thoughts>{r}", MADE_UP),
    ("<thoughts_1>{t}</thoughts_1>{r}", MADE_UP),
    ("<|begin_of_thinking|>{t}<|end_of_thinking|>{r}", MADE_UP),
    ("<|thoughts|>{t}<|end_thoughts|>{r}", MADE_UP),
    ("<think\n>{t}</think\n>{r}", MADE_UP),
    ("<think/>{t}</think>{r}", MADE_UP),
    ("\u27e8think\u27e9{t}\u27e8/think\u27e9{r}", MADE_UP),
    ("\u3010think\u3011{t}\u3010/think\u3011{r}", MADE_UP),
    ("--- thinking ---\n{t}\n--- end of thinking ---\n{r}", MADE_UP),
    ("=== REASONING ===\n{t}\n=== REPORT ===\n{r}", MADE_UP),
    ("*Thinking:* {t}\n\n*Report:* {r}", MADE_UP),
    ("__Reasoning__\n{t}\n\n__Final Report__\n{r}", MADE_UP),
    ("<THINKING>{t}</THINKING>\n\n<REPORT>{r}</REPORT>", MADE_UP),
    ("{r}\n<reasoning>{t}</reasoning>", MADE_UP),
)
OBJECTS = ("reasoning", "thought", "thinking", "chain_of_thought", "rationale", "analysis")
HEADS = (
    ("FINDINGS: {f}\nIMPRESSION: {i}", "open reports"),
    ("FINDINGS {f}\n\nIMPRESSION {i}", "open reports"),
    ("Findings - {f}\nImpression - {i}", "open reports"),
    ("FINDINGS:\n\n{f}\n\nCONCLUSION:\n\n{i}", "open reports"),
    ("FINDINGS: {f}\n\nIMPRESSION AND PLAN: {i}", "open reports"),
    ("CHEST X-RAY FINDINGS: {f}\nIMPRESSION: {i}", "open reports"),
    ("INDICATION: Cough.\nCOMPARISON: None.\nTECHNIQUE: PA.\nFINDINGS: {f}\nIMPRESSION: {i}", "open reports"),
    ("EXAM: Chest.\n\nFINDINGS:\n{f}\n\nIMPRESSION:\n{i}\n\nEND OF IMPRESSION", "open reports"),
    ("**FINDINGS**: {f}\n\n**IMPRESSION**: {i}", "replies of chat models"),
    ("**Findings:**\n\n{f}\n\n**Impression:**\n\n{i}", "replies of chat models"),
    ("## Radiology Report\n\n### Findings\n{f}\n\n### Impression\n{i}", "replies of chat models"),
    ("# Chest X-ray Report\n\n**1. Findings**\n{f}\n\n**2. Impression**\n{i}", "replies of chat models"),
    ("**Radiographic Findings:** {f}\n\n**Overall Impression:** {i}", "replies of chat models"),
    ("**Key Findings**\n{f}\n\n**Diagnostic Impression**\n{i}", "replies of chat models"),
    ("Findings: {f}\nSummary: {i}", "replies of chat models"),
    ("Description: {f}\nDiagnosis: {i}", "replies of chat models"),
    ("Observations: {f}\nConclusion: {i}", "replies of chat models"),
    ("Detailed Findings:\n{f}\n\nFinal Impression:\n{i}", "replies of chat models"),
    ("*Findings*: {f}\n*Impression*: {i}", "replies of chat models"),
    ("- **Findings**: {f}\n- **Impression**: {i}", "replies of chat models"),
    ("<b>Findings</b><br>{f}<br><b>Impression</b><br>{i}", "replies of chat models"),
    ('```json\n{"findings": "{f}", "impression": "{i}"}\n```', "replies of chat models"),
    ('{"radiology_report": {"findings": "{f}", "impression": "{i}"}}', "replies of chat models"),
    ('{"Findings": ["{f}"], "Impression": ["{i}"]}', "replies of chat models"),
    ("| Section | Content |\n|---|---|\n| Findings | {f} |\n| Impression | {i} |", "replies of chat models"),
    (
        (
            "\uff26\uff29\uff2e\uff24\uff29\uff2e\uff27\uff33\uff1a {f}\n"
            "\uff29\uff2d\uff30\uff32\uff25\uff33\uff33\uff29\uff2f\uff2e\uff1a {i}"
        ),
        MADE_UP,
    ),
    ("F\u0456ndings: {f}\nImpression: {i}", MADE_UP),
    ("FINDINGS\u00a0: {f}\nIMPRESSION\u00a0: {i}", MADE_UP),
    ("FINDINGS\u2236 {f}\nIMPRESSION\u2236 {i}", MADE_UP),
    ("\u300cFindings\u300d{f}\n\u300cImpression\u300d{i}", MADE_UP),
    ("\u3010Findings\u3011{f}\n\u3010Impression\u3011{i}", MADE_UP),
    ("\u2022 Findings: {f}\n\u2022 Impression: {i}", MADE_UP),
    ("\u2460 Findings: {f}\n\u2461 Impression: {i}", MADE_UP),
    ("A) Findings: {f}\nB) Impression: {i}", MADE_UP),
    ("(1) FINDINGS: {f} (2) IMPRESSION: {i}", MADE_UP),
    ("[FINDINGS] {f} [IMPRESSION] {i}", MADE_UP),
    ("{{FINDINGS}} {f}\n{{IMPRESSION}} {i}", MADE_UP),
    ("~~~\nFindings: {f}\nImpression: {i}\n~~~", MADE_UP),
    ("Findings => {f}\nImpression => {i}", MADE_UP),
    ("Findings | {f} | Impression | {i}", MADE_UP),
    ("findings={f}\nimpression={i}", MADE_UP),
    ("@findings: {f}\n@impression: {i}", MADE_UP),
    ("Part 1 - Findings\n{f}\nPart 2 - Impression\n{i}", MADE_UP),
    ("Finding(s): {f}\nImpression(s): {i}", MADE_UP),
    ("FINDINGS/{f}\nIMPRESSION/{i}", MADE_UP),
    ("Findings\n--------\n{f}\n\nImpression\n----------\n{i}", MADE_UP),
    ("\\textbf{Findings}: {f} \\\\ \\textbf{Impression}: {i}", MADE_UP),
    ('<section title="Findings">{f}</section><section title="Impression">{i}</section>', MADE_UP),
    ("<FINDINGS>\n{f}\n</FINDINGS>\n<IMPRESSION>\n{i}\n</IMPRESSION>", MADE_UP),
)
OPENINGS = (
    "Here is the radiology report for the provided chest X-ray:",
    "Sure! Here's a report based on the image.",
    "Certainly, I've analyzed the chest X-ray. Below is my report:",
    "Below is a structured radiology report:",
    "Based on the provided image, here are the findings:",
    "Radiology Report",
    "**Chest X-Ray Report**",
    "Report of the chest radiograph:",
    "After reviewing the image, I have written the following report.",
    "I'd be happy to help. Here is the report:",
    "The following report describes the image:",
    "As requested, the report:",
    "Okay, here's the report you asked for:",
    "My report follows.",
    "**Patient Name:** [Name]\n**Date:** [Date]",
    "Generated report:",
)
CLOSINGS = (
    "Disclaimer: I am an AI and not a medical professional.",
    "Note: This is an AI-generated report and should be verified by a radiologist.",
    "Please let me know if you need anything else!",
    "I hope this helps. Feel free to ask more questions.",
    "This report is for informational purposes only and is not a substitute for professional medical advice.",
    "*This interpretation was produced by an AI model and requires review by a physician.*",
    "---\nSigned: Dr. [Name], Radiologist",
    "Electronically signed by: AI Radiologist",
    "If you have any further questions, please ask.",
    "Would you like me to elaborate on any finding?",
    "**Important:** Always consult a qualified healthcare provider.",
    "Clinical correlation by your physician is needed, as I am only an AI.",
    "<|im_end|>",
    "</s>",
    "<end_of_turn>",
    "[End of report]",
)
DEGENERATE = (
    "!" * 60,
    "0" * 300,
    "\ufffd" * 40,
    "? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ?",
    "the the the the the the the the the the the the the the the the",
    "lungs lungs lungs lungs lungs lungs lungs lungs lungs lungs lungs lungs",
    "<|endoftext|>" * 12,
    "\n".join(["-"] * 40),
    "....." * 30,
    "\u200b" * 50,
    "[Insert findings here]",
    "FINDINGS: [Describe findings]\nIMPRESSION: [Describe impression]",
    "Findings: <describe>\nImpression: <describe>",
    "FINDINGS: {findings}\nIMPRESSION: {impression}",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    "Write a radiology report for this chest X-ray.",
    "You are an expert radiologist. Describe the findings in the image.",
    "Generate the findings section of the radiology report.",
    "User: Write the report.\nAssistant:",
    "))))))))))))))))))))))))))))))))))))))))",
    "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "\u00e9\u00a9\u00ae" * 30,
    "_" * 80,
    "***" * 30,
    "FINDINGS: XXXX XXXX\nIMPRESSION: XXXX",
)
BOXES = (
    ("<|object_ref_start|>lungs<|object_ref_end|><|box_start|>(10,20),(500,600)<|box_end|>", "Qwen2-VL"),
    ("<ref>lungs</ref><box>[[10, 20, 500, 600]]</box>", "InternVL"),
    ("<box>(10,20),(500,600)</box>", "Qwen-VL"),
    ("<p>lungs</p> {<10><20><50><60>}", "MiniGPT-v2"),
    ("<bbox>10, 20, 500, 600</bbox>", "grounding prompts"),
    ("<loc0010><loc0020><loc0500><loc0600>", "PaliGemma"),
    ("<loc_10><loc_20><loc_500><loc_600>", "Florence-2"),
    ("<|det|>lungs [[10, 20, 500, 600]]<|/det|>", "DeepSeek-VL2"),
    ("<|begin_of_box|>[[10,20,500,600]]<|end_of_box|>", "GLM-4.1V"),
    ("[0.10, 0.20, 0.50, 0.60]", "CogVLM and Shikra"),
    ("(10,20),(500,600)", "Qwen-VL without marks"),
    ('```json\n[{"bbox_2d": [10, 20, 500, 600], "label": "lungs"}]\n```', "Qwen2.5-VL"),
    ('{"bbox_2d": [10, 20, 500, 600], "label": "lungs"}', "Qwen2.5-VL"),
    ('[{"box_2d": [20, 10, 600, 500], "label": "lungs"}]', "Gemini"),
    ("<grounding><phrase>lungs</phrase><object><patch_index_0044><patch_index_0863></object></grounding>", "Kosmos-2"),
    ("<x10><y20><x50><y60>", "MAIRA-2"),
    ('<point x="10" y="20">lungs</point>', "Molmo"),
    ("<region>[10, 20, 500, 600]</region>", MADE_UP),
    ("<coord>10,20,500,600</coord>", MADE_UP),
    ("[bbox: 10, 20, 500, 600]", MADE_UP),
    ("(box: 10 20 500 600)", MADE_UP),
    ("bbox=[10, 20, 500, 600]", MADE_UP),
    ("box: [10, 20, 500, 600]", MADE_UP),
    ("[x1=10, y1=20, x2=500, y2=600]", MADE_UP),
    ('{"x1": 10, "y1": 20, "x2": 500, "y2": 600}', MADE_UP),
)


def thoughts() -> Iterator[Case]:
    """Thoughts apart from reports."""
    for number, ((form, source), thought) in enumerate(product(THINKING, THOUGHTS)):
        findings, impression = FINDINGS[number % 4], IMPRESSIONS[number % 4]
        for report, said in ((f"FINDINGS: {findings}\nIMPRESSION: {impression}", impression), (findings, "")):
            raw = form.replace("{t}", thought).replace("{r}", report)
            yield Case(form, source, raw, Wanted("ok", findings, said, thought.split(".")[0]))
    for number, (name, thought) in enumerate(product(OBJECTS, THOUGHTS)):
        findings = FINDINGS[number % 4]
        said = thought.replace("\n", "\\n")
        for raw in (
            f'{{"{name}": "{said}", "report": "{findings}"}}',
            f'{{"{name}": "{said}", "findings": "{findings}"}}',
        ):
            yield Case(name, GUIDES, raw, Wanted("ok", findings, ""))


def sections() -> Iterator[Case]:
    """Findings and impressions under headings."""
    for (form, source), (findings, impression) in product(HEADS, zip(FINDINGS, IMPRESSIONS, strict=True)):
        yield Case(
            form, source, form.replace("{f}", findings).replace("{i}", impression), Wanted("ok", findings, impression)
        )


def dressed() -> Iterator[Case]:
    """Reports between what announces and what closes them."""
    for number, (opening, closing) in enumerate(product(OPENINGS, CLOSINGS)):
        findings, impression = FINDINGS[number % 4], IMPRESSIONS[number % 4]
        if number % 2:
            raw, said = f"{opening}\n\nFINDINGS: {findings}\nIMPRESSION: {impression}\n\n{closing}", impression
        else:
            raw, said = f"{opening}\n{findings}\n{closing}", ""
        yield Case(f"{opening} ... {closing}", "replies of chat models, reworded", raw, Wanted("ok", findings, said))


def degenerate() -> Iterator[Case]:
    """Texts of which none is a report."""
    for text, wrap in product(
        DEGENERATE,
        (
            "{t}",
            "{t}\n",
            "\n\n{t}",
            "{t}</s>",
            "<think>I look.</think>{t}",
            "```\n{t}\n```",
            "{t}<|im_end|>",
            "  {t}  ",
        ),
    ):
        yield Case(text, MADE_UP, wrap.replace("{t}", text), Wanted(None, "", "", event="degenerate"))


def boxes() -> Iterator[Case]:
    """Reports with boxes, whose marks are no words."""
    for (mark, source), findings in product(BOXES, FINDINGS):
        first, _, rest = findings.removesuffix(".").partition(". ")
        said = " lungs" if "lungs" in mark and '"' not in mark.replace('x="10" y="20"', "") else ""
        yield Case(mark, source, f"{findings} {mark}", Wanted("ok", f"{findings}{said}"))
        if rest and not said and "```" not in mark and "{" not in mark:
            yield Case(mark, source, f"{first} {mark}. {rest}.", Wanted("ok", f"{first}. {rest}."))
