"""Loops that change a number or a word each time, forms with choices and blanks, replies of control tokens alone."""

from __future__ import annotations

from collections.abc import Iterator

from tests.raw_text.suite import MADE_UP, Case, Wanted

LOOPS = "threads on repetition of vLLM, SGLang and llama.cpp, reworded"
FORMS = "templates that models hand back in public threads, reworded"
EVENT = "degenerate"
CHANGING = (
    "mild",
    "small",
    "faint",
    "tiny",
    "slight",
    "subtle",
    "minor",
    "trace",
    "low",
    "slim",
    "thin",
    "weak",
    "pale",
)
NEARLY = (
    "The lungs are clear on image {n}.",
    "No pneumothorax in zone {n}.",
    "There is no effusion in slice {n}.",
    "{n}. The heart is normal.",
    "Rib {n} is intact.",
    "The nodule measures {n} mm.",
    "Step {n}: the lungs are clear.",
    "The left lung is clear, {w}.",
    "There is {w} effusion at the left base.",
    "A {w} opacity is seen in the right lung.",
)
PLACES = (
    (
        "FINDINGS:\nLungs: [clear/opacities]\nHeart: [normal/enlarged]\nPleura: [no "
        "effusion/effusion]\nIMPRESSION: [normal/abnormal]"
    ),
    "FINDINGS: [Describe the lungs, pleura, heart, mediastinum and bones here]\nIMPRESSION: [Give your diagnosis]",
    "Lungs: ____\nHeart: ____\nBones: ____",
    "**Lungs:** [ ]\n**Heart:** [ ]",
    "FINDINGS: <your findings here>\nIMPRESSION: <your impression here>",
    "Findings: {{lungs}}, {{heart}}\nImpression: {{impression}}",
    "Findings: $FINDINGS\nImpression: $IMPRESSION",
    "FINDINGS: (insert findings)\nIMPRESSION: (insert impression)",
    "Findings: [FINDINGS]\nImpression: [IMPRESSION]",
    "Findings: XXXX\nImpression: XXXX",
    "Findings: TBD.\nImpression: TBD.",
    "Lungs: [Describe]\nHeart: [Describe]\nMediastinum: [Describe]\nBones: [Describe]",
    "FINDINGS:\n- [Finding 1]\n- [Finding 2]\n- [Finding 3]\n\nIMPRESSION:\n- [Impression 1]",
    "Findings: ...\nImpression: [to be completed by the radiologist]",
    "Patient Name: [Name]\nDate: [Date]\nFindings: [Findings]\nImpression: [Impression]",
    "Lungs: [Normal, Consolidation, or Effusion]\nHeart: [Normal or Enlarged]",
    "<findings>findings text</findings><impression>impression text</impression>",
    '{"findings": "string", "impression": "string"}',
    '{"findings": "<findings>", "impression": "<impression>"}',
    '{"findings": "...", "impression": "..."}',
)
TOKENS = (
    "<|im_end|>" * 20,
    "<|endoftext|><|endoftext|><|endoftext|>",
    "</s></s></s></s>",
    "<pad>" * 50,
    "<unk>" * 40,
    "<|assistant|>\n<|end|>",
    "[PAD] [PAD] [PAD] [PAD]",
    "<eos>\n<eos>\n<eos>",
    "<|begin_of_text|><|eot_id|>",
    "<unused3><unused4><unused5>",
    "\u2581" * 40,
    "<image><image><image>",
    "<s><s><s><s></s>",
)
REPORTS = (
    (
        "The right lung is clear. The left lung is clear. The right hilum is normal. The left hilum is "
        "normal. The right apex is clear. The left apex is clear."
    ),
    "Rib 1 is intact. Rib 2 is intact. Rib 3 shows a fracture.",
    (
        "1. Clear lungs.\n2. Normal heart.\n3. No effusion.\n4. No pneumothorax.\n5. No fracture.\n6. Normal "
        "mediastinum.\n7. No mass.\n8. No nodule.\n9. No edema.\n10. No free air.\n11. No devices."
    ),
    (
        "No effusion. No pneumothorax. No edema. No mass. No nodule. No fracture. No free air. No "
        "consolidation. No cardiomegaly. No atelectasis. No scar. No device."
    ),
    (
        "Lungs: clear.\nHeart: normal.\nPleura: no effusion.\nBones: intact.\nMediastinum: normal.\nHila: "
        "normal.\nTrachea: midline.\nDiaphragm: normal.\nSoft tissues: normal.\nDevices: none.\nApices: "
        "clear."
    ),
    "The XXXX is normal. XXXX XXXX are clear.",
    "Heart: [normal]. Lungs: [clear].",
    "Nodules of 3 mm, 4 mm, 5 mm, 6 mm, 7 mm and 8 mm are seen in the right lung.",
    (
        "Right upper zone: clear. Right middle zone: clear. Right lower zone: clear. Left upper zone: clear. "
        "Left middle zone: clear. Left lower zone: clear."
    ),
)


def cases() -> Iterator[Case]:
    """Texts that no model means."""
    for form in NEARLY:
        for n in (14, 30, 60):
            for gap in (" ", "\n", "\n\n"):
                said = (form.replace("{n}", str(i + 1)).replace("{w}", CHANGING[i % len(CHANGING)]) for i in range(n))
                yield Case(form, LOOPS, gap.join(said), Wanted(event=EVENT))
    for form in PLACES:
        for raw in (form, f"<think>I look.</think>\n{form}", f"Here is the report:\n\n{form}", f"{form}</s>"):
            yield Case(form, FORMS, raw, Wanted("unparsed", event=EVENT))
    for form in TOKENS:
        for raw in (form, f"{form}\n", f" {form}"):
            yield Case(form, MADE_UP, raw, Wanted(findings="", event=EVENT))


def reports() -> Iterator[Case]:
    """Reports that go through the same words in order, or name blanks; each stays whole."""
    for report in REPORTS:
        for raw in (report, f"{report}\n", f"PA view. {report}"):
            yield Case(report, MADE_UP, raw, Wanted("ok", raw, no_event=EVENT))
