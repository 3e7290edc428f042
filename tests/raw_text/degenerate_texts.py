"""What broken models and servers write, and reports that are short, repetitive or full of marks and still reports."""

from __future__ import annotations

from collections.abc import Iterator

from tests.raw_text.suite import MADE_UP, Case, Wanted

BROKEN = "MiMo-VL#28, vllm threads on broken weights and kernels, reworded"
LOOPS = "threads on repetition of vLLM, SGLang and llama.cpp, reworded"
BLANKS = "forms with blanks in public reports of GPT-4o and MedGemma"
EVENT = "degenerate"
MARKS = ("!", "?", ".", ",", "-", "#", "*", "\ufffd", "0", "G", "\u2581", "~", "=", "|", "/")
WORDS = ("the", "lung", "heart", "<unk>", "and the", "no", "effusion", "\u7684", "pad", "ST", "1", "in the left")
SENTENCES = (
    "The lungs are clear.",
    "There is no pleural effusion or pneumothorax.",
    "The heart size is normal.",
    "Mild cardiomegaly.",
    "No evidence of.",
)
FORMS = (
    "[Insert findings here]",
    "[Your findings]",
    "FINDINGS: [Insert findings here]\nIMPRESSION: [Insert impression here]",
    "**Findings:** [Describe the lungs, heart and bones]\n**Impression:** [Summarize]",
    "Findings: {findings}\nImpression: {impression}",
    "FINDINGS: <findings>\nIMPRESSION: <impression>",
    "Findings: ...\nImpression: ...",
    "FINDINGS: (to be filled in)",
    "[Findings]",
    "<report>[report text]</report>",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor.",
    "FINDINGS: TODO",
    "[placeholder]",
    "FINDINGS: N/A\nIMPRESSION: N/A",
    "{{findings}}",
)
PROMPTS = (
    "Write the findings section of the report. Start with the heading FINDINGS:",
    "You are an experienced thoracic radiologist. You write reports of chest X-ray examinations.",
    "Describe the findings in this chest X-ray.",
    "Please generate a radiology report for the given image.",
    "Given the chest X-ray, write a report with findings and impression.",
    "user\nWrite the report for this study.\nassistant",
    "Provide a detailed description of the findings in the radiology image.",
    "<image>\nDescribe this image.",
    "USER: Write the findings. ASSISTANT:",
    "Instruction: generate the impression of the study.",
)
REPORTS = (
    "Normal.",
    "Normal chest.",
    "No change.",
    "Clear.",
    "NAD",
    "Unchanged.",
    "Stable exam.",
    "No acute disease.",
    "No effusion. No pneumothorax. No consolidation. No edema. No fracture. No mass.",
    "Lungs: clear. Heart: normal. Pleura: clear. Bones: normal.",
    "XXXX year old with XXXX. The lungs are clear. XXXX XXXX.",
    "The XXXX are clear. ___ ___ ___ unchanged since ___.",
    "COMPARISON TO ___ . NO CHANGE .",
    "ett 4 cm above carina . ng tube in stomach .",
    "No pneumothorax. No pneumothorax on the left. No pneumothorax on the right.",
    "The lungs are clear. The lungs are clear. The heart is normal.",
    "1. No acute process.\n2. No acute process in the bones.\n3. Stable.",
    "The heart is normal!!! The lungs are clear.",
    "Heart, lungs, pleura, bones, soft tissues: all normal.",
    "No no effusion. Clear lungs.",
    "Left: clear. Right: clear. Left apex: clear. Right apex: clear.",
    "The findings are described above. The lungs are clear.",
    "Write-up: clear lungs. You are advised to compare with the prior.",
    "The right lung is clear. The left lung is clear. The right hilum is normal. The left hilum is normal.",
    "[Dr. Smith was called.] Large right pneumothorax.",
    "Lines: [1] right port, [2] left picc. Clear lungs.",
    "Describe: a 5 mm nodule in the right apex is seen.",
)


def cases() -> Iterator[Case]:
    """Texts that no model means."""
    yield from _loops(Wanted(event=EVENT))
    yield from _forms(Wanted(event=EVENT))


def _loops(wanted: Wanted) -> Iterator[Case]:
    for mark in MARKS:
        for n in (40, 300, 2000):
            yield Case(f"{mark!r} {n}", BROKEN, mark * n, wanted)
    for word in WORDS:
        for n in (30, 400):
            yield Case(f"{word} {n}", LOOPS, f"{word} " * n, wanted)
        yield Case(f"{word}, then on", LOOPS, f"The heart is normal. The lungs {f'{word} ' * 150}", wanted)
    for sentence in SENTENCES:
        for n in (12, 80):
            yield Case(f"{sentence} {n}", LOOPS, f"{sentence} " * n, wanted)
            lines = f"{sentence}\n" * n
            yield Case(f"{sentence} {n}, lines", LOOPS, f"FINDINGS: The aorta is tortuous.\n{lines}", wanted)
        yield Case(f"{sentence} glued", MADE_UP, sentence * 40, wanted)


def _forms(wanted: Wanted) -> Iterator[Case]:
    for form in FORMS:
        yield Case(form, BLANKS, form, wanted)
        yield Case(f"{form} thought", MADE_UP, f"<think>I look.</think>\n{form}", wanted)
    for prompt in PROMPTS:
        yield Case(prompt, BROKEN, prompt, wanted)
        yield Case(f"{prompt} again", LOOPS, f"{prompt}\n" * 6, wanted)
    for pair in ("!?", "ab", "the the ", "\ufffd\ufffd ", "0 1 ", "lung heart ", "no. no, "):
        yield Case(pair, MADE_UP, pair * 120, wanted)
    for n in (30, 60, 200):
        yield Case(f"numbers {n}", MADE_UP, " ".join(str(i) for i in range(n)), wanted)
        yield Case(f"escapes {n}", MADE_UP, "\\n" * n, wanted)
        yield Case(f"tags {n}", MADE_UP, "<unused12>" * n, wanted)


def reports() -> Iterator[Case]:
    """Short and repetitive reports."""
    for report in REPORTS:
        for raw in (report, f"FINDINGS: {report}", f"{report}\n", f"Chest, one view. {report}"):
            yield Case(report, MADE_UP, raw, Wanted("ok", raw.removeprefix("FINDINGS: "), "", "", no_event=EVENT))
    for rule in ("----------", "==========", "***", "~~~~~"):
        raw = f"{rule}\nThe lungs are clear.\n{rule}"
        yield Case("rules", MADE_UP, raw, Wanted("ok", "The lungs are clear.", "", "", no_event=EVENT))
