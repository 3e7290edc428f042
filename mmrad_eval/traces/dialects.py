"""How models write boxes among their words: the forms of a mark, and which of them a model's dialect has.

A card names its dialect (``dialect = "box_2d"``) and the frame of its numbers (``box_frame``). Marks of every form are
found in every reply, so that none stays as words of a report; only those of the card's own dialect become boxes. The
other ones are counted: numbers whose order or scale nobody stated are no place in a picture.

The tables are data: another form is an entry of ``FORMS``, another dialect one of ``DIALECTS``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Order = Literal["", "x first", "y first"]
"""Of the corners. Empty: as the card's frame says."""

_NUMBERS = r"(?:[\s\d.,;:()\[\]{}_+-]|null|none)*"
_TOKENS = r"(?:\s*<[xy]_?\d{1,4}>\s*,?)*\s*"
_LABELS = (
    r"(?:(?:<ref>|<\|ref\|>|<\|object_ref_start\|>|<phrase>|<p>)\s*(?P<label>[^<>]{1,200}?)\s*"
    r"(?:</ref>|<\|/ref\|>|<\|object_ref_end\|>|</phrase>|</p>)\s*)?"
)
_NUMBER = r"-?\d{1,6}(?:\.\d{1,6})?"
_WITHIN = r"\s*(?P<inside>[A-Za-z][\w ,/'-]{0,80}?)?\s*"
"""What the mark is about, where it stands inside of it."""
_LEAD = (
    r"(?:\b(?:located |seen )?(?:at|within|in)[ \t]+)?"
    r"(?:,?[ \t]*\b(?:with )?(?:its |the |a )?(?:(?:bounding[ -]?)?box(?:es)?|bbox(?:_2d)?|box_2d|coordinates|location)"
    r"(?: of (?:this|the) (?:area|region|finding))?[ \t]*(?:is|are|:|=)?[ \t]*)?"
)
"""Words that only say that a box follows."""


@dataclass(frozen=True)
class BoxForm:
    """One way to write a box."""

    name: str
    pattern: str
    """Of the whole mark; ``numbers`` are its numbers, ``label`` is what it names. Empty: the value of a JSON field."""
    triggers: tuple[str, ...]
    """Some of these stands in every text that has the mark."""
    example: str
    order: Order = ""
    plain: bool = False
    """Whether it has no mark of its own but brackets, so that in free reasoning it may be anything."""

    @property
    def is_field(self) -> bool:
        """Whether it is the value of a JSON field of its own name."""
        return not self.pattern and " " not in self.name


FORMS: tuple[BoxForm, ...] = (
    BoxForm(
        "grounding",
        rf"<grounding>(?P<whole>[^<>]*?\"bbox_2d\"\s*:\s*(?P<numbers>{_NUMBERS})[^<>]*?)(?:</grounding>|\Z)",
        ("<grounding>",),
        '<grounding>{"bbox_2d": [0.1, 0.2, 0.5, 0.6], "source": "original_image"}</grounding>',
        order="x first",
    ),
    BoxForm("box_2d", "", ('"box_2d"', "'box_2d'"), '{"box_2d": [200, 100, 600, 500], "label": "heart"}', "y first"),
    BoxForm(
        "bbox_2d", "", ('"bbox_2d"', "'bbox_2d'"), '{"bbox_2d": [100, 200, 500, 600], "label": "heart"}', "x first"
    ),
    BoxForm("other field", "", ("box", "coordinates"), '{"bounding_box": [100, 200, 500, 600], "label": "heart"}'),
    BoxForm(
        "box tokens",
        rf"{_LABELS}(?:<box>(?P<numbers>(?=\s*<[xy]){_TOKENS})(?:</box>|\Z)"
        rf"|(?P<bare>(?:<[xy]_?\d{{1,4}}>\s*,?\s*){{1,8}}))",
        ("<x", "<y"),
        "<box><x10><y20><x50><y60></box>",
        order="x first",
    ),
    BoxForm(
        "box",
        rf"{_LABELS}<box>(?P<numbers>{_NUMBERS})(?:</box>|\Z)",
        ("<box>",),
        "<ref>heart</ref><box>[[1, 2, 3, 4]]</box>",
    ),
    BoxForm(
        "box_start",
        rf"{_LABELS}<\|box_start\|>(?P<numbers>{_NUMBERS})(?:<\|box_end\|>|\Z)",
        ("<|box_start|>",),
        "<|object_ref_start|>heart<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>",
    ),
    BoxForm(
        "det",
        rf"{_LABELS}<\|det\|>{_WITHIN}(?P<numbers>{_NUMBERS})(?:<\|/det\|>|\Z)",
        ("<|det|>",),
        "<|ref|>heart<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>",
    ),
    BoxForm(
        "bar box",
        rf"{_LABELS}<\|box\|>(?P<numbers>{_NUMBERS})(?:<\|/box\|>|\Z)",
        ("<|box|>",),
        "<|ref|>heart<|/ref|><|box|>(1,2),(3,4)<|/box|>",
    ),
    BoxForm(
        "begin_of_box",
        rf"<\|begin_of_box\|>(?P<numbers>(?=\s*[\[(]){_NUMBERS})(?:<\|end_of_box\|>|\Z)",
        ("<|begin_of_box|>",),
        "<|begin_of_box|>[[1, 2, 3, 4]]<|end_of_box|>",
    ),
    BoxForm(
        "other tag",
        rf"{_LABELS}(?:<(?P<tag>box_2d|bbox_2d|bbox|bounding_box|boundingbox|quad|coords|coordinates|loc|location|det|points?|region_box)>"
        rf"(?P<numbers>{_NUMBERS})(?:</(?P=tag)>|\Z)"
        rf"|<\|(?P<bar>quad|point|bbox)_start\|>(?P<barred>{_NUMBERS})(?:<\|(?P=bar)_end\|>|\Z)"
        rf"|<(?P<any>[A-Za-z_]\w{{1,20}})>(?P<within>\s*{_NUMBER}(?:[\s,;]+{_NUMBER}){{3}}\s*)</(?P=any)>"
        rf"|<(?P<bare>\s*{_NUMBER}(?:\s*,\s*{_NUMBER}){{3}}\s*)>)",
        ("<",),
        "<bbox>100 200 500 600</bbox>",
    ),
    BoxForm(
        "location tokens",
        rf"{_LABELS}(?P<numbers>(?:<(?:loc_?|bin_?|patch_index_?)?\d{{1,4}}>\s*){{1,8}})",
        ("<loc", "<bin", "<patch_index", "<0", "<1", "<2", "<3", "<4", "<5", "<6", "<7", "<8", "<9"),
        "<loc0100><loc0200><loc0500><loc0600>",
    ),
    BoxForm(
        "named list",
        rf"[\[(]\s*(?:(?:bounding[ -]?)?box(?:es)?|b?box(?:_2d)?|bbox(?:_2d)?|coord(?:inate)?s)\s*[:=]?\s*"
        rf"(?P<numbers>{_NUMBER}(?:[\s,;]+{_NUMBER}){{3}})\s*[\])]",
        ("box", "Box", "BOX", "oord"),
        "heart [bbox: 100, 200, 500, 600]",
    ),
    BoxForm(
        "pairs",
        rf"{_LEAD}(?P<numbers>\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)\s*,?\s*\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\))",
        ("(",),
        "heart(1,2),(3,4)",
        plain=True,
    ),
    BoxForm(
        "named corners",
        rf"{_LEAD}[(\[{{]*(?P<numbers>(?:\s*[\"']?[xy]_?(?:[12]|min|max)[\"']?\s*[=:]\s*{_NUMBER}\s*[,;]?\s*){{4}})[)\]}}]*",
        ("x1", "x_1", "xmin", "x_min", "y1", "ymin", "y_min"),
        "heart (xmin=1, ymin=2, xmax=3, ymax=4)",
    ),
    BoxForm(
        "list",
        rf"{_LEAD}(?P<numbers>\[(?:\s*\[\s*{_NUMBER}(?:\s*,\s*{_NUMBER}){{2,7}}\s*\]\s*,?)+\s*\]"
        rf"|\[\s*{_NUMBER}(?:\s*,\s*{_NUMBER}){{2,7}}\s*\]|\[\s*{_NUMBER}(?:\s+{_NUMBER}){{3}}\s*\]|\(\s*{_NUMBER}(?:\s*,\s*{_NUMBER}){{3}}\s*\))",
        ("[", "("),
        "heart [100, 200, 500, 600]",
        plain=True,
    ),
)
"""In the order in which they are looked for: what holds another form inside comes first."""


@dataclass(frozen=True)
class Dialect:
    """How a family of models writes boxes."""

    boxes: tuple[str, ...]
    """Names of ``FORMS``."""
    spoken_by: str
    source: str


DIALECTS: dict[str, Dialect] = {
    "": Dialect((), "a model of which nothing is known", "no form is taken for granted"),
    "list": Dialect(("list",), "models trained on boxes in words", "the form of this project's prompts"),
    "box_2d": Dialect(
        ("box_2d",),
        "Gemini, MedGemma 1.5",
        "ai.google.dev/gemini-api/docs/image-understanding, 2025: box_2d is ymin, xmin, ymax, xmax",
    ),
    "bbox_2d": Dialect(
        ("bbox_2d",),
        "Qwen2.5-VL, Qwen3-VL and their heirs",
        "QwenLM/Qwen3-VL, cookbooks/think_with_images.ipynb, read 2026-11-30",
    ),
    "qwen2-vl": Dialect(
        ("box_start", "pairs"),
        "Qwen2-VL and its heirs; the pairs alone where a server leaves special tokens out",
        "public training code writes and reads it, read 2026-11-30: <|box_start|>(x1,y1),(x2,y2)<|box_end|>, 0 to 1000",
    ),
    "internvl": Dialect(
        ("box", "list"),
        "InternVL; the list alone where a server leaves special tokens out",
        "OpenGVLab/InternVL, eval/refcoco/evaluate_grounding.py, and adapters to it, read 2026-11-30",
    ),
    "maira": Dialect(
        ("box tokens",),
        "MAIRA-2",
        "microsoft/maira-2, processing_maira2.py, seen in a public copy, 2026-11-30",
    ),
    "deepseek-vl2": Dialect(
        ("det",),
        "DeepSeek-VL2",
        "deepseek-ai/DeepSeek-VL2, README, read 2026-11-30: <|ref|>…<|/ref|><|det|>[[x1, y1, x2, y2]]<|/det|>",
    ),
    "chexagent": Dialect(("bar box",), "CheXagent-2", "unverified: the tags around the corners"),
    "mini-o3": Dialect(
        ("grounding",),
        "Mini-o3",
        "dddraxxx/Mini-o3, verl/tools/minio3_crop_tool.py, read 2026-11-30; the tag itself is unverified",
    ),
}


def pattern_of(form: BoxForm) -> re.Pattern[str]:
    """The form as a compiled pattern."""
    return re.compile(form.pattern, re.IGNORECASE)
