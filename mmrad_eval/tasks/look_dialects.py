"""How models ask for looks: each dialect a record of data, from the form of a call to what comes back.

A card names the dialect of its model (``look_dialect = "deepeyes"``), and ``mcot-loop`` speaks it; ``ours`` is the JSON
of this project's own prompt. Only syntax stands here. The words in which a model was told of its tool while it was
trained are its makers': they come from the chat template of the server, or from a file or checkout that the user names.
A user adds a dialect by a TOML file with these fields (``dialect_files``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mmrad_eval.core.errors import UsageError

OURS = "ours"
MOST_LOOKS = 32
"""Looks that a conversation may grant at most."""
ENDS = {
    "answer": "Put the report between <answer> and </answer>.",
    "boxed": "Put the report in \\boxed{}.",
    "plain": "Answer with the report and without a call.",
}
"""How a report is told from a call, in our words."""


@dataclass(frozen=True)
class LookDialect:
    """One way to ask for looks."""

    name: str
    call: str
    """Pattern of a call; its group ``call`` is JSON, or four numbers where ``field`` is empty."""
    example: str
    """A call as it is to be written; ``{box}`` stands for four numbers."""
    spoken_by: str
    source: str
    field: str = "bbox_2d"
    """The field of the box; empty: the call is its numbers."""
    tool: str = ""
    """The name that a call must give; empty: it gives none."""
    frame: str = ""
    """Of the numbers, on the image that they lie on; empty: as the card says."""
    source_field: str = ""
    """The field that names the image that the box lies on; empty: always the film."""
    film: str = ""
    """How that field names the film."""
    earlier: str = ""
    """How it names the n-th region image, counted from 1; ``{n}`` stands for the number."""
    which: Literal["first", "last"] = "first"
    """Which call of several in one reply counts."""
    seen: str = "Region image {number}: {picture}"
    """The user turn that shows a region; ``{number}`` counts from 1, ``{action}`` from 0."""
    error: str = "{why}"
    """The user turn that says why a region can't be shown."""
    form: str = ""
    """A line that ends every user turn."""
    ends: Literal["answer", "boxed", "plain"] = "plain"
    stop: tuple[str, ...] = ()
    """Strings after which the model waits; they stay in its reply."""
    pixels: str = ""
    """The size of a region image that is shown, a ``multiples_F:A-B`` of ``geometry``; empty: as any region image."""
    smallest: int = 0
    """Pixels that each side of a box must have, in the picture as the model sees it."""
    ratio: float = 0.0
    """The most that one side of a box may be of the other; 0: any."""
    looks: int = 4
    """Looks of one conversation, unless ``--set looks`` says otherwise."""
    opening: str = ""
    """The system message that tells a model of all this, of a user's own dialect; empty: told in our words."""
    opening_at: str = ""
    """Where that message stands in a checkout of its makers' code: ``FILE.py:NAME`` of a text."""
    digest: str = ""
    """SHA-256 of a dialect from a file; empty: one that is built in."""

    @property
    def options(self) -> dict[str, str]:
        """What a run's identity holds of it."""
        return {"dialect": self.name, **({"dialect_digest": self.digest} if self.digest else {})}


_TAGGED = r"<{tag}>(?P<call>.*?)(?:</{tag}>|\Z)"
_TOOL_CALL = _TAGGED.replace("{tag}", "tool_call")

DIALECTS: dict[str, LookDialect] = {
    dialect.name: dialect
    for dialect in (
        LookDialect(
            OURS,
            call="",
            example='{"action": "look", "region": "name", "box": {box}, "saw": "what the last region shows"}',
            spoken_by="any model that follows instructions",
            source="this project's prompt, prompts/mcot-loop.txt",
            field="box",
        ),
        LookDialect(
            "deepeyes",
            call=_TOOL_CALL,
            example='<tool_call>{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": {box}, "label": "name"}}'
            "</tool_call>",
            spoken_by="DeepEyes",
            source="Visual-Agent/DeepEyes, evaluation script and toolbox, May 2025: first call of a reply, sides over "
            "30 pixels, ratio up to 100, crops at multiples of 28, 11 replies",
            tool="image_zoom_in_tool",
            seen="<tool_response>{picture}\n{form}\n</tool_response>",
            form="<think> </think> <tool_call> </tool_call> or <answer> </answer>",
            ends="answer",
            pixels="multiples_28:3136-12845056",
            smallest=30,
            ratio=100.0,
            looks=10,
            opening_at="eval/eval_vstar.py:instruction_prompt_system",
        ),
        LookDialect(
            "mini-o3",
            call=_TAGGED.replace("{tag}", "grounding"),
            example='<grounding>{"bbox_2d": {box}, "source": "original_image"}</grounding>',
            spoken_by="Mini-o3",
            source="Mini-o3/Mini-o3, constants and rollout, September 2025: fractions of the source, actions counted "
            "from 0 and observations from 1, pictures of 40,000 to 2,000,000 pixels",
            frame="norm_1",
            source_field="source",
            film="original_image",
            earlier="observation_{n}",
            seen="Action {action}, observation {number}: {picture}",
            ends="answer",
            stop=("</grounding>",),
            pixels="multiples_28:40000-2000000",
            looks=6,
            opening_at="verl/trainer/constants.py:TOOL_CROP_SYSTEM_PROMPT",
        ),
        LookDialect(
            "qwen3-vl",
            call=_TOOL_CALL,
            example='<tool_call>{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": {box}, "label": "name", '
            '"img_idx": 0}}</tool_call>',
            spoken_by="Qwen3-VL with its zoom tool",
            source="QwenLM/Qwen3-VL, cookbooks/think_with_images.ipynb, and Qwen-Agent's tool, January 2026: "
            "thousandths of image img_idx (0 the film, then crops), sides multiples of 32, 262,144 pixels or more",
            tool="image_zoom_in_tool",
            frame="norm_1000",
            source_field="img_idx",
            film="0",
            earlier="{n}",
            seen="<tool_response>\n{picture}\n</tool_response>",
            pixels="multiples_32:262144-16777216",
            smallest=32,
        ),
        LookDialect(
            "box_2d",
            call=r"\A\s*(?:```(?:json)?\s*)?(?P<call>(?:\[\s*)?\{[^{}]*\"box_2d\"[^{}]*\}[^`]*)(?:```\s*)?\Z",
            example='```json\n[{"box_2d": {box}, "label": "name of the region"}]\n```',
            spoken_by="Gemini, MedGemma 1.5",
            source="ai.google.dev/gemini-api/docs/image-understanding, 2025: box_2d is ymin, xmin, ymax, xmax",
            field="box_2d",
        ),
        LookDialect(
            "deepmedix-r1",
            call=r"(?P<call>\[\s*-?\d[\d.]*\s*(?:,\s*-?\d[\d.]*\s*){3}\])(?!.*\\boxed\{)",
            example="{box}",
            spoken_by="DeepMedix-R1",
            source="DeepReasoning/DeepMedix-R1, src/reward.py, read 2026: boxes as plain lists in thoughts, the report "
            "in \\boxed{}",
            field="",
            which="last",
            ends="boxed",
        ),
    )
}


def known_look_dialect(name: str) -> LookDialect:
    """The dialect of that name; UsageError for one that is not in the table."""
    if name not in DIALECTS:
        raise UsageError(f"no look dialect is called {name!r}; known: {', '.join(DIALECTS)}, or a file NAME.toml")
    return DIALECTS[name]
