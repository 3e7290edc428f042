"""A fourth drawing of thoughts, sections, degenerate output and boxes, in forms that no other drawing has.

It was read before anything was changed for it: .841 of the thoughts, .737 of the sections, .783 of the degenerate texts
and 1 of the reports with boxes. One form that was drawn, "F: ...", is still not read, since F may stand for a sex.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.raw_text.suite import FINDINGS, IMPRESSIONS, MADE_UP, THOUGHTS, Case, Wanted

PARSERS = "chat templates and parsers of released models, and what servers leave of them"
CHATS = "replies of chat models"
THINKING = (
    ("<|begin_of_thought|>{t}<|end_of_thought|>\n\n<|begin_of_solution|>{r}<|end_of_solution|>", PARSERS),
    ("<|START_THINKING|>{t}<|END_THINKING|><|START_RESPONSE|>{r}<|END_RESPONSE|>", PARSERS),
    ("Thinking...\n{t}\n...done thinking.\n\n{r}", PARSERS),
    ("Here is my thought process:\n{t}\n\nHere is my response:\n{r}", PARSERS),
    ("analysis{t}assistantfinal{r}", PARSERS),
    ("<seed:think>{t}</seed:think>{r}", PARSERS),
    ("Okay, so I look at this film. {t}\n</think>\n\n{r}", PARSERS),
    ("&lt;think&gt;{t}&lt;/think&gt;\n{r}", PARSERS),
    ("<thinking>{t}<reflection>no</reflection></thinking><output>{r}</output>", CHATS),
    ("<think>{t}</think>\n<think>again</think>\n{r}", CHATS),
    ("<think>a <think>{t}</think> b</think>{r}", CHATS),
    ("<think time=3>{t}</think>{r}", CHATS),
    ("```thinking\n{t}\n```\n\n{r}", CHATS),
    ("**Thought process:**\n{t}\n\n**Final report:**\n{r}", CHATS),
    ("[BEGIN THINKING]\n{t}\n[END THINKING]\n{r}", MADE_UP),
    ("(start of reasoning) {t} (end of reasoning)\n{r}", MADE_UP),
    ("<<BEGIN THOUGHT>>\n{t}\n<<END THOUGHT>>\n{r}", MADE_UP),
    ("[Start of my reasoning]\n{t}\n[End of my reasoning]\n\n{r}", MADE_UP),
    ("<inner_monologue>{t}</inner_monologue>{r}", MADE_UP),
    ("< think >{t}< /think >{r}", MADE_UP),
    ("<|thinking|>{t}<|/thinking|>{r}", MADE_UP),
)
HEADS = (
    ("EXAM: Chest X-ray\nTECHNIQUE: PA.\nFINDINGS\n{f}\nIMPRESSION\n{i}", "open reports"),
    ("1) TECHNIQUE: AP.\n2) FINDINGS: {f}\n3) CONCLUSION: {i}", "open reports"),
    ("FINDINGS/INTERPRETATION: {f}\nOPINION: {i}", "open reports"),
    ("Indication: fever.\n\nComparison: None.\n\nFindings: {f}\n\nAssessment: {i}", "open reports"),
    ("Radiographic findings: {f} Diagnostic impression: {i}", "open reports"),
    ("The findings are as follows: {f}\n\nThe impression is: {i}", CHATS),
    ("The radiographic findings are:\n{f}\n\nMy overall impression is:\n{i}", CHATS),
    ("Findings as follows:\n{f}\nConclusions are below:\n{i}", CHATS),
    ("**Radiology Report**\n\n---\n\n**Findings:**\n\n{f}\n\n**Impression:**\n\n{i}\n\n---", CHATS),
    ("<h2>Findings</h2><p>{f}</p><h2>Impression</h2><p>{i}</p>", CHATS),
    ("### \U0001fa7b Findings\n{f}\n### \U0001f9e0 Impression\n{i}", CHATS),
    ("Sure! Here's a draft report:\n\nFINDINGS:\n{f}\n\nIMPRESSION:\n{i}\n\nLet me know if you'd like changes!", CHATS),
    ('{"report": [{"section": "Findings", "text": "{f}"}, {"section": "Impression", "text": "{i}"}]}', CHATS),
    ("{'findings': '{f}', 'impression': '{i}'}", CHATS),
    ("FINDINGS:{f}IMPRESSION:{i}", MADE_UP),
    ("(FINDINGS) {f}\n(IMPRESSION) {i}", MADE_UP),
    ("== Findings ==\n{f}\n== Impression ==\n{i}", MADE_UP),
    ("A) Findings\n{f}\nB) Impression\n{i}", MADE_UP),
)
DEGENERATE = (
    "\u00ff" * 16,
    "x" * 12,
    "lung " * 12,
    "[Patient name] [date] [findings]",
    "No pneumothorax. " * 60,
    "{{ findings }}",
    "FINDINGS: <your findings here>",
    "FINDINGS: ...\nIMPRESSION: ...",
    "abc def " * 12,
)
EMPTY = ("<image>" * 5, "<pad>" * 6)
"""Of control tokens alone nothing is left."""
LOOPS = ("The heart is normal. The lungs are clear. " * 30, "Small left effusion, no pneumothorax. " * 25)
"""Loops that say something: counted, and scored as it is."""
BOXES = (
    ("<box>(123, 456), (789, 900)</box>", "Qwen-VL"),
    ("<loc_12><loc_34><loc_500><loc_600>", "Florence-2"),
    ("<|box_start|>(12,34),(500,600)<|box_end|>", "Qwen2-VL"),
    ("[[123, 456, 789, 900]]", "InternVL"),
    ("<|det|>[[1,2,300,400]]<|/det|>", "DeepSeek-VL2"),
    ("{<12><34><56><78>}", "MiniGPT-v2"),
    ("(bbox: [12, 34, 56, 78])", MADE_UP),
    ("[x1=12, y1=34, x2=56, y2=78]", MADE_UP),
    ('{"bbox_2d": [12, 34, 56, 78]}', "Qwen2.5-VL"),
    ("<bbox>0.1, 0.2, 0.3, 0.4</bbox>", "grounding prompts"),
    ("[0.12, 0.33, 0.55, 0.78]", "Shikra"),
    ('<grounding>{"bbox_2d": [1,2,3,4]}</grounding>', "Mini-o3"),
)


def thoughts() -> Iterator[Case]:
    """Thoughts apart from reports."""
    for number, ((form, source), thought) in enumerate(product(THINKING, THOUGHTS)):
        findings, impression = FINDINGS[number % 4], IMPRESSIONS[number % 4]
        for report, said in ((f"FINDINGS: {findings}\nIMPRESSION: {impression}", impression), (findings, "")):
            raw = form.replace("{t}", thought).replace("{r}", report)
            yield Case(form, source, raw, Wanted("ok", findings, said, thought.split(".")[0]))


def sections() -> Iterator[Case]:
    """Findings and impressions under headings."""
    for (form, source), (findings, impression) in product(HEADS, zip(FINDINGS, IMPRESSIONS, strict=True)):
        raw = form.replace("{f}", findings).replace("{i}", impression)
        yield Case(form, source, raw, Wanted("ok", findings, impression))


def degenerate() -> Iterator[Case]:
    """Texts of which none is a report."""
    for text, wrap in product(
        DEGENERATE, ("{t}", "\n\n{t}\n", "{t}</s>", "<think>I look.</think>{t}", "```\n{t}\n```")
    ):
        yield Case(text, MADE_UP, wrap.replace("{t}", text), Wanted(None, "", "", event="degenerate"))


def boxes() -> Iterator[Case]:
    """Reports in which a box stands beside what is seen."""
    for (box, source), findings in product(BOXES, FINDINGS):
        first, _, rest = findings.partition(". ")
        yield Case(box, source, f"FINDINGS: {first} {box}. {rest}", Wanted("ok", findings, ""))
