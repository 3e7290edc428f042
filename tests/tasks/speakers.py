"""Programs that speak one dialect each: they find a bright mark in what they are shown and box it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.tasks.programs import Heard, Said

SIDE = (560, 420)
"""Width and height of the film, both multiples of 28."""
MARK = (336, 84, 420, 168)
"""Left, top, right, bottom of the bright mark on the film."""

Numbers = tuple[float, float, float, float]


def bright(picture: np.ndarray) -> Numbers:
    """Left, top, right, bottom of what is bright, in fractions of a picture."""
    rows, columns = np.nonzero(picture > 150)
    height, width = picture.shape
    return columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height


def grown(box: Numbers, by: float) -> Numbers:
    """The box with a margin on each side, in fractions, within the picture."""
    left, top, right, bottom = box
    return max(0.0, left - by), max(0.0, top - by), min(1.0, right + by), min(1.0, bottom + by)


@dataclass
class Speaker:
    """One dialect, as its model writes it."""

    name: str
    call: Callable[[Numbers, int], str]
    """A call for a box in fractions of an image: of the film (0), or of the n-th region image."""
    malformed: str
    cut: str
    """A call that breaks off."""
    answer: str
    nests: bool = False
    frame: str = ""
    card: str = ""
    """The fields of its card that tell how it writes."""

    def speaks(self, heard: Heard) -> Said:
        """A malformed call, one around the mark, a second one (nested where the dialect can), a cut one, an answer."""
        turn, film = heard.replies, heard.pictures[0]
        if turn == 0:
            return self.malformed
        if turn == 1:
            return self.call(grown(bright(film), 0.1), 0)
        if turn == 2:
            return self.call(bright(heard.pictures[-1]), 1) if self.nests else self.call(bright(film), 0)
        if turn == 3:
            return self.cut
        seen = heard.pictures[-1]
        share = float((seen > 150).mean())
        return self.answer.replace("{said}", f"FINDINGS: A bright mark fills {share:.0%} of the last region image.")


def _listed(box: Numbers, scale: tuple[float, float], *, y_first: bool = False, digits: int = 0) -> list[float]:
    left, top, right, bottom = (n * s for n, s in zip(box, (*scale, *scale), strict=True))
    numbers = [top, left, bottom, right] if y_first else [left, top, right, bottom]
    return [round(n, digits) if digits else round(n) for n in numbers]


def _tool(arguments: dict[str, object]) -> str:
    call = {"name": "image_zoom_in_tool", "arguments": arguments}
    return f"<think>I look closer.</think><tool_call>\n{json.dumps(call)}\n</tool_call>"


SPEAKERS: dict[str, Speaker] = {
    speaker.name: speaker
    for speaker in (
        Speaker(
            "deepeyes",
            lambda box, _: _tool({"bbox_2d": _listed(box, SIDE), "label": "bright mark"}),
            '<think>Hm.</think><tool_call>{"name": "rotate", "arguments": {}}</tool_call>',
            '<think>Once more.</think><tool_call>{"name": "image_zoom_in_tool", "argum',
            "<think>I saw it.</think><answer>{said}</answer>",
            card='box_frame = "multiples_28:3136-12845056"\ndialect = "bbox_2d"\n',
        ),
        Speaker(
            "mini-o3",
            lambda box, image: (
                "<think>I look closer.</think><grounding>"
                + json.dumps(
                    {
                        "bbox_2d": _listed(box, (1, 1), digits=4),
                        "source": f"observation_{image}" if image else "original_image",
                    }
                )
                + "</grounding>"
            ),
            '<think>Hm.</think><grounding>{"bbox_2d": [0.1, 0.2], "source": "original_image"}</grounding>',
            '<think>Once more.</think><grounding>{"bbox_2d": [0.1, 0.2, 0.',
            "<think>I saw it.</think><answer>{said}</answer>",
            nests=True,
            card='box_frame = "norm_1"\ndialect = "mini-o3"\n',
        ),
        Speaker(
            "qwen3-vl",
            lambda box, image: _tool({"bbox_2d": _listed(box, (1000, 1000)), "label": "bright mark", "img_idx": image}),
            '<tool_call>\n{"name": "image_zoom_in_tool", "arguments": {"label": "x", "img_idx": 0}}\n</tool_call>',
            '<tool_call>\n{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [1, 2,',
            "{said}",
            nests=True,
            card='box_frame = "norm_1000"\ndialect = "bbox_2d"\n',
        ),
        Speaker(
            "box_2d",
            lambda box, _: (
                "```json\n"
                + json.dumps([{"box_2d": _listed(box, (1000, 1000), y_first=True), "label": "bright mark"}])
                + "\n```"
            ),
            '```json\n[{"box_2d": [100, 200], "label": "mark"}]\n```',
            '```json\n[{"box_2d": [900, 900, 100, 100], "label": "mark"}]\n```',
            "{said}",
            card='box_frame = "norm_1000_yx"\ndialect = "box_2d"\n',
        ),
        Speaker(
            "deepmedix-r1",
            lambda box, _: f"<think>Something bright at {_listed(box, (512, 512))}.</think>",
            "<think>Something bright at [500, 500, 100, 100].</think>",
            "<think>Nothing at [600, 600, 700, 700].</think>",
            "<think>I saw it.</think>\\boxed{{said}}",
            card='box_frame = "resized:512x512"\ndialect = "list"\n',
        ),
        Speaker(
            "ours",
            lambda box, _: json.dumps(
                {"action": "look", "region": "bright mark", "box": _listed(box, (1000, 1000)), "saw": ""}
            ),
            '{"action": "look", "region": "mark", "box": [1, 2]}',
            '{"action": "peek"}',
            "{said}",
            card='box_frame = "norm_1000"\ndialect = "list"\n',
        ),
    )
}
