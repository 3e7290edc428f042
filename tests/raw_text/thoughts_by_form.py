"""Thoughts that have marks of another name, are quoted, stand under a heading, or are never closed but end at a cue."""

from __future__ import annotations

from collections.abc import Iterator

from tests.raw_text.suite import FINDINGS, IMPRESSIONS, MADE_UP, THOUGHTS, Case, Wanted

CHATS = "clients that show the thoughts of reasoning models as quotes (Ollama's and Open WebUI's exports, bots)"
PROMPTS = "prompts that ask for a plan or a draft before the answer"
CUT = "outputs of reasoning models whose closing mark is lost, in threads of vLLM and SGLang"
TAGS = (
    ("plan", PROMPTS),
    ("planning", PROMPTS),
    ("draft", PROMPTS),
    ("brainstorm", PROMPTS),
    ("brainstorming", PROMPTS),
    ("outline", MADE_UP),
    ("critique", PROMPTS),
    ("self_critique", MADE_UP),
    ("verification", PROMPTS),
    ("observe_and_think", MADE_UP),
    ("internal_notes", MADE_UP),
    ("working_memory", MADE_UP),
    ("step_by_step", PROMPTS),
    ("steps", MADE_UP),
    ("deep_thinking", MADE_UP),
)
QUOTED = (
    ("> Thinking...\n{q}\n\n{r}", CHATS),
    ("> **Thinking**\n>\n{q}\n\n{r}", CHATS),
    ("> **Thought process:**\n{q}\n\n---\n\n{r}", CHATS),
    ("> *Reasoning*\n{q}\n\n{r}", CHATS),
    ("> \U0001f4ad Thinking\n{q}\n\n{r}", CHATS),
    ("> \U0001f9e0 **Reasoning:**\n{q}\n\n**Report**\n{r}", CHATS),
    ("> [thinking]\n{q}\n\n{r}", MADE_UP),
    ("> Thought for 12 seconds\n{q}\n\n{r}", CHATS),
    ("*Thought for 12 seconds*\n\n{q}\n\n{r}", CHATS),
    ("> [!NOTE] Thinking\n{q}\n\n{r}", MADE_UP),
)
CUES = (
    ("<think>\n{t}\n\nFinal answer:\n{r}", CUT),
    ("<think>\n{t}\n\n**Final Answer:**\n{r}", CUT),
    ("<think>{t}\n\nFinal report:\n{r}", CUT),
    ("<think>{t}\n\n## Final Report\n{r}", CUT),
    ("<think>\n{t}\n\n**Final Report**\n\n{r}", CUT),
    ("<thinking>\n{t}\n\nFinal Response:\n{r}", CUT),
    ("<think>\n{t}\n\nHere is the final report:\n{r}", CUT),
    ("<think>\n{t}\n\nAnswer: {r}", MADE_UP),
    ("<unused94>thought\n{t}\n\nFinal report:\n{r}", MADE_UP),
    ("[THINK]{t}\n\nFinal answer: {r}", MADE_UP),
    ("<think>\n{t}\n\n---\n\n# Final Radiology Report\n\n{r}", MADE_UP),
    ("<reasoning>{t}\n\n### Final output:\n{r}", MADE_UP),
)
HEADED = (
    ("Plan:\n{t}\n\nReport:\n{r}", PROMPTS),
    ("**Thought:** {t}\n\n**Answer:**\n{r}", "ReAct's form"),
    ("Thought: {t}\nFinal Answer:\n{r}", "ReAct's form"),
    ("### Analysis\n{t}\n\n### Final report\n{r}", PROMPTS),
    ("# Thought Process\n{t}\n\n# Final Report\n{r}", PROMPTS),
    ("Reasoning steps:\n{t}\n\nFinal report:\n{r}", MADE_UP),
    ("Let me think step by step.\n{t}\n\nFinal report:\n{r}", PROMPTS),
    ("Chain of thought:\n{t}\n\nFinal answer:\n{r}", PROMPTS),
)


def _reports() -> list[tuple[str, str, str]]:
    """(as written, findings, impression)."""
    found = []
    for findings, impression in zip(FINDINGS, IMPRESSIONS, strict=True):
        found.append((f"FINDINGS: {findings}\nIMPRESSION: {impression}", findings, impression))
        found.append((findings, findings, ""))
    return found


def _quoted(thought: str) -> str:
    return "\n".join(f"> {line}" for line in thought.splitlines())


def cases() -> Iterator[Case]:
    """Each form with each thought, before reports with and without headings."""
    tagged = [(f"<{tag}>{{t}}</{tag}>\n{{r}}", source) for tag, source in TAGS]
    for form, source in (*tagged, *QUOTED, *CUES, *HEADED):
        for number, thought in enumerate(THOUGHTS):
            for report, findings, impression in _reports()[number::3]:
                raw = form.replace("{t}", thought).replace("{q}", _quoted(thought)).replace("{r}", report)
                wanted = Wanted("ok", findings, impression, thought.split(".")[0])
                yield Case(form, source, raw, wanted)


def reports() -> Iterator[Case]:
    """Reports with quotes, plans and drafts in them; each stays whole."""
    for report in (
        "> The lungs are clear.\n> The heart is normal.",
        "> Right effusion, as before.",
        "The plan is to repeat the film. The lungs are clear.",
        "Draft reading: the lungs are clear.",
        "I think that the heart is enlarged.\nThe lungs are clear.",
        "Steps were taken to reduce rotation. No pneumothorax.",
        "Verification of the tube: 3 cm above the carina.",
        "Outline of the left heart border is lost. Effusion on the left.",
        "A critique of the prior film is not possible. The lungs are clear.",
        "The thought of a mass is not supported. The lungs are clear.",
        "Thoughtful comparison shows no change. The heart is normal.",
        "Analysis: limited by rotation. The lungs are clear.",
        "The final answer to the question of pneumonia is no.",
    ):
        for raw in (report, f"{report}\nNo fracture.", f"PA view.\n{report}", f"{report} "):
            yield Case(report, MADE_UP, raw, Wanted("ok", raw, None, ""))
