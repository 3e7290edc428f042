"""Findings and impressions under headings in every spelling, with what models write around them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

from tests.raw_text.suite import FINDINGS, IMPRESSIONS, MADE_UP, Case, Wanted

GPT = "reports of GPT-4o and GPT-5 in public threads"
CLAUDE = "reports of Claude in public threads"
GEMINI = "reports of Gemini and MedGemma in public notebooks"
QWEN = "reports of Qwen2.5-VL and InternVL in public notebooks"
MIMIC = "headings of radiology reports, openmed#1838"
STYLES = (
    ("{n}: {x}\n", MIMIC),
    ("{n}:\n{x}\n\n", MIMIC),
    ("{N}:\n{x}\n\n", MIMIC),
    ("{N}: {x} ", MIMIC),
    ("{n} :\n{x}\n", MIMIC),
    ("{N}\n{x}\n\n", MIMIC),
    ("**{n}:**\n{x}\n\n", GPT),
    ("**{n}:** {x}\n\n", GPT),
    ("**{n}**: {x}\n\n", GPT),
    ("**{n}**\n\n{x}\n\n", GPT),
    ("### {n}\n{x}\n\n", GPT),
    ("### **{n}**\n{x}\n\n", GPT),
    ("#### {n}:\n{x}\n\n", GPT),
    ("## {n}\n\n{x}\n\n---\n\n", GPT),
    ("### **{i}. {n}**\n{x}\n\n", GPT),
    ("### {i}. {n}\n{x}\n", GPT),
    ("**{i}. {n}**\n{x}\n", GEMINI),
    ("**{i}. {n}:**\n\n{x}\n\n", GEMINI),
    ("{i}. **{n}:** {x}\n", QWEN),
    ("{i}. **{n}**: {x}\n", QWEN),
    ("{i}. {n}:\n{x}\n", QWEN),
    ("*   **{n}:** {x}\n", GEMINI),
    ("- **{n}**: {x}\n", QWEN),
    ("# {n}\n\n{x}\n\n", CLAUDE),
    ("<b>{n}:</b> {x}<br>\n", "HTML reports of Open-i and of public demos"),
    ("<{t}>{x}</{t}>\n", "prompts of Claude that ask for tags"),
    ("<{t}>\n{x}\n</{t}>\n\n", "prompts of Claude that ask for tags"),
    ("{n}\uff1a{x}\n", "reports of Chinese models"),
    ("【{n}】\n{x}\n", "reports of Chinese models"),
    ("###### {n}\n{x}\n", MADE_UP),
    ("__{n}__\n{x}\n", MADE_UP),
    ("***{n}:*** {x}\n", MADE_UP),
    ("*{n}:* {x}\n", MADE_UP),
    ("{r}. {N}\n{x}\n", MADE_UP),
    ("{r}. {n}: {x}\n", MADE_UP),
    ("{l}. {n}: {x}\n", MADE_UP),
    ("{l}) {n}\n{x}\n", MADE_UP),
    ("({i}) {n}: {x}\n", MADE_UP),
    ("{i}) **{n}** - {x}\n", MADE_UP),
    ("Section {i}: {n}\n{x}\n", MADE_UP),
    ("Part {i} - {n}\n{x}\n", MADE_UP),
    ("[{n}]\n{x}\n", MADE_UP),
    ("[{N}]: {x}\n", MADE_UP),
    ("{n}\u00a0: {x}\n", MADE_UP),
    ("{n}\u202f:\u00a0{x}\n", MADE_UP),
    ("{n}\u2236 {x}\n", MADE_UP),
    ("{n} \u2013 {x}\n", MADE_UP),
    ("{n} \u2014 {x}\n", MADE_UP),
    ("{n}\n========\n{x}\n\n", MADE_UP),
    ("{n}\n--------\n{x}\n\n", MADE_UP),
    ("=== {n} ===\n{x}\n", MADE_UP),
    ("--- {N} ---\n{x}\n", MADE_UP),
    ("*** {N} ***\n{x}\n", MADE_UP),
    ("## {n} ##\n{x}\n", MADE_UP),
    ("<h2>{n}</h2>\n<p>{x}</p>\n", MADE_UP),
    ("<strong>{n}</strong><br/>{x}<br/>", MADE_UP),
    ('<section name="{t}">{x}</section>\n', MADE_UP),
    ("> **{n}:** {x}\n", MADE_UP),
    ("`{n}`: {x}\n", MADE_UP),
    ("🫁 **{n}**\n{x}\n", MADE_UP),
    ("\\textbf{{n}:} {x}\n\n", MADE_UP),
    ("\\section*{{n}}\n{x}\n\n", MADE_UP),
    ("• {n}: {x}\n", MADE_UP),
    ("{n} (preliminary):\n{x}\n", MADE_UP),
    ("{n}->{x}\n", MADE_UP),
    ("\t{n}:\t{x}\n", MADE_UP),
)
NAMES = (
    ("Findings", "Impression", MIMIC),
    ("Findings", "Impression/Conclusion", GPT),
    ("Findings", "Assessment", CLAUDE),
    ("Radiographic Findings", "Impression and Recommendations", GPT),
    ("Findings", "Diagnostic Impression", GEMINI),
    ("Findings", "Opinion", MIMIC),
    ("Imaging Findings", "Conclusion", MIMIC),
    ("Observations", "Overall Impression", QWEN),
    ("Radiological Findings", "Conclusion/Impression", MADE_UP),
    ("Key Findings", "Summary", GPT),
    ("Detailed Findings", "Overall Assessment", MADE_UP),
    ("Chest X-ray Findings", "Clinical Impression", MADE_UP),
    ("Findings/Observations", "Impression & Plan", MADE_UP),
    ("Report Findings", "Summary and Impression", MADE_UP),
    ("Image findings", "Radiologic diagnosis", MADE_UP),
    ("Description", "Interpretation", MIMIC),
)
BEFORE = (
    ("", MIMIC),
    ("Here is the report:\n\n", GPT),
    ("Certainly! Here's a radiology report based on the chest X-ray you provided:\n\n---\n\n", GPT),
    ("Based on the provided images, here is the report.\n\n", CLAUDE),
    ("**Chest X-ray Report**\n\n", GEMINI),
    ("# Radiology Report\n\n**Examination:** Chest radiograph\n\n**Technique:** Two views.\n\n", CLAUDE),
    ("RADIOLOGY REPORT\n\nPatient: [Name]\nDate: [Date]\n\nINDICATION: Cough.\n\nCOMPARISON: None.\n\n", GPT),
    ("Sure, I can help with that.\n\n", QWEN),
    ("Okay, I've reviewed the film. My report follows below:\n", MADE_UP),
    ("Below is a structured report for this examination:\n", MADE_UP),
)
AFTER = (
    ("", MIMIC),
    ("\n\nDisclaimer: This report was made by an AI and needs review by a radiologist.", GPT),
    ("\n\n---\n*Note: This interpretation is for educational purposes only.*", GPT),
    ("\n\n**Disclaimer:** I am not a doctor; please consult a qualified professional.", GEMINI),
    ("\n\nPlease note that this is not a substitute for professional medical advice.", CLAUDE),
    ("\n\nLet me know if you would like more details!", GPT),
    ("<|im_end|>", "tokenizer of Qwen"),
    ("</s>", "tokenizers of Llama 2, Mistral and BART"),
    ("<|eot_id|>", "tokenizer of Llama 3"),
    ("<end_of_turn>", "tokenizer of Gemma"),
    ("\n\nI hope this helps. Feel free to ask further questions.", MADE_UP),
    ("\n\nRECOMMENDATION: Clinical correlation.", MIMIC),
    ("\n\n[Electronically signed by: Dr. [Name]]", MADE_UP),
    ("\n\nImportant: this AI-generated draft must be verified by a radiologist before clinical use.", MADE_UP),
)
SHAPES = (
    ("{j}", "JSON modes of public endpoints"),
    ("```json\n{j}\n```", GPT),
    ("Here is the report in JSON:\n\n```json\n{j}\n```\n\nLet me know if you need more.", GPT),
    ("Here is the report:\n{j}", QWEN),
    ('{"report": {j}}', QWEN),
    ("[{j}]", QWEN),
    ('{"radiology_report": {"patient": "x", "sections": {j}}}', MADE_UP),
    ('{"output": [{j}]}', MADE_UP),
    ("The JSON is {j} as asked.", MADE_UP),
    ("<answer>{j}</answer>", MADE_UP),
    ("JSON: `{j}`", MADE_UP),
)
PROSE = (
    "The findings are consistent with edema. The heart is enlarged.",
    "An impression of the aortic knob on the trachea is normal. The lungs are clear.",
    "These findings are unchanged: effusion and edema.",
    "No acute findings. The heart is normal.",
    "The overall impression is of a normal chest.",
    "Findings of the prior CT are again seen. No effusion.",
    "There are no focal findings to suggest pneumonia.",
    "Assessment of the apices is limited. The lungs are clear.",
    "In summary the chest is normal. The lungs are clear.",
    "Conclusion of the prior study is unchanged. Small effusion.",
    "Note is made of a calcified granuloma. The lungs are clear.",
    "Note: the patient is rotated. The lungs are clear.",
    "The lungs are clear. Please note that the apices are not included.",
    "Important finding: none. The lungs are clear and the heart is normal.",
    "The following lines are seen: a right port and a left picc line.",
    "1. The lungs are clear.\n2. The heart is normal.",
    "- Clear lungs\n- Normal heart\n- No effusion",
    "Lungs: clear.\nHeart: normal.\nBones: no fracture.",
    "**Lungs:** Clear.\n**Heart:** Normal size.\n**Pleura:** No effusion.",
    "The nodule measures 5 mm: stable. Heart size: normal.",
)


def written(style: str, name: str, text: str, number: int) -> str:
    """One section in a style."""
    tag = name.lower().replace(" ", "_").replace("/", "_").replace("&", "and")
    marks = {
        "{n}": name,
        "{N}": name.upper(),
        "{t}": tag,
        "{i}": str(number),
        "{r}": "I" * number,
        "{l}": "ABCD"[number - 1],
        "{x}": text,
    }
    for mark, value in marks.items():
        style = style.replace(mark, value)
    return style


def _pair(style: str, names: tuple[str, str], number: int) -> tuple[str, Wanted]:
    findings, impression = FINDINGS[number % 4], IMPRESSIONS[number % 4]
    raw = written(style, names[0], findings, 1) + written(style, names[1], impression, 2)
    return raw.strip("\n"), Wanted("ok", findings, impression, "")


def cases() -> Iterator[Case]:
    """Headings in every style, names of headings, and what stands before and after."""
    for number, (style, source) in enumerate(STYLES):
        for name in (NAMES[0], NAMES[1 + number % (len(NAMES) - 1)]):
            raw, wanted = _pair(style, (name[0], name[1]), number)
            yield Case(f"{style!r} {name[1]}", source and name[2], raw, wanted)
    for number, (first, second, source) in enumerate(NAMES):
        for style, seen in (STYLES[1], STYLES[7], STYLES[10]):
            raw, wanted = _pair(style, (first, second), number)
            yield Case(f"{first}, {second} in {style!r}", source and seen, raw, wanted)
    styles = (STYLES[1], STYLES[6], STYLES[10])
    for number, ((before, source), (style, seen)) in enumerate(product(BEFORE, styles)):
        raw, wanted = _pair(style, ("Findings", "Impression"), number)
        yield Case(f"{before!r} before {style!r}", source and seen, before + raw, wanted)
    for number, ((after, source), (style, seen)) in enumerate(product(AFTER, styles)):
        raw, wanted = _pair(style, ("Findings", "Impression"), number)
        yield Case(f"{after!r} after {style!r}", source and seen, raw + after, wanted)
    yield from _without_headings()
    yield from _json()


def _without_headings() -> Iterator[Case]:
    """A report without headings between what models write around it."""
    for number, (before, source) in enumerate(BEFORE[1:5] + BEFORE[7:]):
        findings = FINDINGS[number % 4]
        yield Case(f"{before!r} before prose", source, before + findings, Wanted("ok", findings, ""))
    for number, (after, source) in enumerate((*AFTER[1:11], *AFTER[12:])):
        findings = FINDINGS[number % 4]
        yield Case(f"{after!r} after prose", source, findings + after, Wanted("ok", findings, ""))


def _json() -> Iterator[Case]:
    for number, (shape, source) in enumerate(SHAPES):
        findings, impression = FINDINGS[number % 4], IMPRESSIONS[number % 4]
        values = {"findings": findings, "impression": impression}
        for body, seen in (
            (json.dumps(values), source),
            (json.dumps({"FINDINGS": findings, "IMPRESSION": impression}, indent=2), source),
            (json.dumps({"Findings": [findings], "Impression": [impression]}), MADE_UP),
            (repr(values), MADE_UP),
            (json.dumps([{"section": name, "text": text} for name, text in values.items()]), MADE_UP),
            (json.dumps({"Radiographic Findings": findings, "Conclusion": impression}), MADE_UP),
        ):
            yield Case(f"{shape} {body[:20]}", seen, shape.replace("{j}", body), Wanted("ok", findings, impression))
    for number, (findings, impression) in enumerate(zip(FINDINGS, IMPRESSIONS, strict=True)):
        rows = f"| Findings | {findings} |\n| Impression | {impression} |"
        yield Case("table", GPT, f"| Section | Details |\n|---|---|\n{rows}", Wanted("ok", findings, impression))
        bold = f"| **Findings** | {findings} |\n| **Impression** | {impression} |"
        yield Case("table", GPT, f"|   |   |\n|:--|:--|\n{bold}", Wanted("ok", findings, impression))
        yield Case("yaml", MADE_UP, f"findings: |\n  {findings}\nimpression: |\n  {impression}", Wanted("ok", findings))
        across = f"| Findings | Impression |\n|---|---|\n| {findings} | {impression} |"
        yield Case(f"table across {number}", MADE_UP, across, Wanted("ok", findings, impression))


def without_sections() -> Iterator[Case]:
    """Reports whose words look like headings, preambles or notes, and are none."""
    for prose, wrap in product(PROSE, ("{r}", "{r}\n", "Chest.\n{r}", "PA view. {r}")):
        raw = wrap.replace("{r}", prose)
        yield Case(wrap, MADE_UP, raw, Wanted("ok", raw, "", ""))
