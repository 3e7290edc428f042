"""Answers in which a report and a refusal are mixed: empty forms, templates after a refusal, remarks after a report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

from tests.raw_text.suite import FINDINGS, IMPRESSIONS, MADE_UP, Case, Wanted

THREADS = "NV-Reason-CXR#2, MMMU#66 and replies of chat models to prompts with headings, reworded"
PLACEHOLDERS = (
    "Not provided.",
    "Not available",
    "N/A",
    "-",
    "___",
    "[pending]",
    "None available.",
    "To be determined by a radiologist.",
    "No findings available.",
    "Not applicable",
)
FORMS = (
    ("FINDINGS: {f}\nIMPRESSION: {i}\n\n{r}", THREADS),
    ("{r}\n\nFINDINGS: {f}\nIMPRESSION: {i}", MADE_UP),
    ("**Findings:** {f}\n\n**Impression:** {i}\n\nNote: {r}", THREADS),
    ("### Findings\n{f}\n\n### Impression\n{i}\n\n{r}", MADE_UP),
    ("FINDINGS: {f} {r}", THREADS),
    ("FINDINGS:\n{f}\n\nIMPRESSION:\n{r}", THREADS),
    ("<findings>{f}</findings>\n<impression>{r}</impression>", MADE_UP),
)
DECLINING = (
    "I am an AI and cannot interpret medical images.",
    "As a language model I do not read X-rays.",
    "I'm not able to provide a diagnosis; please ask a radiologist.",
    "Sorry, I can't help with medical images.",
)
MISSING = (
    "No image was provided.",
    "Please upload the chest X-ray.",
    "I can't see any image in your message.",
    "The image did not load.",
)
ANNOUNCED = (
    "Here is a generic template:",
    "For illustration, a sample report:",
    "A typical normal report reads:",
    "An example of the format:",
    "But a standard report would be:",
    "This is what such a report usually looks like:",
)
TEMPLATES = (
    "FINDINGS: The lungs are clear. The heart is normal in size.\nIMPRESSION: No acute disease.",
    "**Findings:** No pleural effusion or pneumothorax.\n**Impression:** Normal chest.",
    "FINDINGS:\nLungs: [describe]\nHeart: [describe]\n\nIMPRESSION:\n[summary]",
)
ENDINGS = (
    "Please consult a radiologist.",
    "Please consult a qualified radiologist for a final reading.",
    "Note: I am an AI and this is not a diagnosis.",
    "Disclaimer: this report was written by an AI model and must be reviewed by a physician.",
    "I recommend that you discuss these results with your doctor.",
    "This does not replace the opinion of a radiologist.",
    "A radiologist should confirm this reading.",
)


def empty() -> Iterator[Case]:
    """Headings over nothing, and words that decline or miss the picture."""
    for number, ((form, source), placeholder) in enumerate(product(FORMS, PLACEHOLDERS)):
        for said, event in ((DECLINING, ""), (MISSING, "no image seen")):
            other = PLACEHOLDERS[(number + 3) % len(PLACEHOLDERS)]
            raw = form.format(f=placeholder, i=other, r=said[number % len(said)])
            yield Case(form, source, raw, Wanted("refused", "", "", event=event or None))


def templates() -> Iterator[Case]:
    """A refusal, and a report of nobody."""
    for number, (said, announced, template) in enumerate(product((*DECLINING, *MISSING), ANNOUNCED, TEMPLATES)):
        source = THREADS if number % 2 else MADE_UP
        event = "no image seen" if said in MISSING else None
        yield Case(announced, source, f"{said} {announced}\n\n{template}", Wanted("refused", "", "", event=event))


def reports() -> Iterator[Case]:
    """Reports with a remark at their end, and reports of which one section says that it is none."""
    for number, (findings, ending) in enumerate(product(FINDINGS, ENDINGS)):
        impression = IMPRESSIONS[number % len(IMPRESSIONS)]
        yield Case(ending, THREADS, f"{findings}\n\n{ending}", Wanted("ok", findings))
        yield Case(ending, THREADS, f"{findings} {ending}", Wanted("ok", findings))
        raw = f"FINDINGS: {findings}\nIMPRESSION: {impression}\n\n{ending}"
        yield Case(ending, THREADS, raw, Wanted("ok", findings, impression))
        raw = f"## Findings\n{findings}\n\n## Impression\n{impression} {ending}"
        yield Case(ending, MADE_UP, raw, Wanted("ok", findings, impression))
    for findings, placeholder in product(FINDINGS, PLACEHOLDERS):
        impression = IMPRESSIONS[len(placeholder) % len(IMPRESSIONS)]
        raw = f"FINDINGS: {findings}\nIMPRESSION: {placeholder}"
        yield Case(placeholder, MADE_UP, raw, Wanted("ok", findings, ""))
        raw = f"FINDINGS: {placeholder}\nIMPRESSION: {impression}"
        yield Case(placeholder, MADE_UP, raw, Wanted("ok", "", impression))
        raw = json.dumps({"findings": findings, "impression": placeholder})
        yield Case(placeholder, MADE_UP, raw, Wanted("ok", findings, ""))
