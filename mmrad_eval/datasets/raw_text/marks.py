"""Takes away what is no word of a report: control tokens, marks of boxes, HTML, spaces that only look like spaces."""

from __future__ import annotations

import re

from mmrad_eval.datasets.raw_text.markup import without_entities, without_html
from mmrad_eval.datasets.raw_text.removed import Removed
from mmrad_eval.traces.box_marks import PLACE, has_places

_SPACES = str.maketrans(
    dict.fromkeys(
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    )
    | dict.fromkeys("\u2028\u2029\x85\u2424\u240a", "\n")
    | dict.fromkeys("\u200b\u2060\ufeff")
    | {wide: chr(ord("!") + wide - 0xFF01) for wide in range(0xFF01, 0xFF5F) if chr(wide).isalnum()}
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ALIKE = str.maketrans(
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf",
    "ABEKMHOPCTYXIJSaeopcyxijsdABEZHIKMNOPTYXo",
)
"""Letters of Cyrillic and Greek that look like Latin ones."""
_MIXED = re.compile(r"\b(?=\w*[A-Za-z])(?=\w*[\u0370-\u0501])\w+\b")
"""A word of two scripts."""
_ROLE = r"(?:assistant|system|model|user)?"
_CONTROL = re.compile(
    rf"""<\|start_header_id\|>[^<]{{0,20}}<\|end_header_id\|>
    |<\|im_start\|>{_ROLE}|<start_of_turn>{_ROLE}
    |<[|\uff5c](?!/?(?:box|quad|point|object_ref|ref|det|begin_of_box|end_of_box))[^|<>\uff5c\n]{{1,40}}[|\uff5c]>
    |</?(?:s|unk|bos|eos|pad|sep|cls|mask|end|start|eot|eod|eom|eoa|boa|image|img|video|im_start|im_end
      |im_patch)(?:_token)?(?:_?\d+)?>
    |<(?:end|start|begin)_of_\w{{1,20}}>
    |<unused\d+>|<extra_id_\d+>|<0x[0-9A-Fa-f]{{2}}>|<image_?\w{{0,12}}>
    |\[(?:CLS|SEP|PAD|MASK|EOS|BOS|/?INST)\]
    |\A\s*startseq\b|\bendseq\s*\Z|\u2581(?=\s|\Z)""",
    re.VERBOSE,
)
_TURN = re.compile(
    r"<\|im_start\|>\s*user\b|<start_of_turn>\s*user\b|<\|start_header_id\|>\s*user\b|<\|user\|>|(?<=\S)\s*\[INST\]"
)
"""Where a model goes on and writes the user's next turn."""
_ASKED = re.compile(
    r"""\A\s*(?:
     <\|im_start\|>\s*(?:system|user)\b.*?<\|im_start\|>\s*assistant\b
    |(?:<bos>)?\s*<start_of_turn>\s*user\b.*?<start_of_turn>\s*model\b
    |(?:<\|begin_of_text\|>)?\s*<\|start_header_id\|>\s*(?:system|user)\b.*?
        <\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>
    |<\|(?:system|user)\|>.*?<\|assistant\|>
    |(?:<s>)?\s*\[INST\].*?\[/INST\]
    |(?:USER|Human|User|\#\#\#\s*(?:Human|Instruction|User))\s*:.*?
        (?:\bASSISTANT|\b[Aa]ssistant|\#\#\#\s*(?:Assistant|Response))\s*:)""",
    re.DOTALL | re.VERBOSE,
)
"""The prompt, where a file repeats it before the answer."""
_ASKS = ("<", "[", "USER", "Human", "User", "###")
"""What such a text begins with."""
_KEY = re.compile(
    r"""^[ \t#*]*(?:ground[ -]truth(?:[ \t]+(?:report|text|answer|findings))?
    |(?:reference|gold(?:[ \t]+standard)?)[ \t]+(?:report|text|answer))[ \t*]*:""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
"""A line from which on a file repeats the reference behind the answer."""
_KEY_WORDS = ("ground", "reference", "gold")
"""One of these is in each such line."""
_PAIR = re.compile(
    r"""\A\s*(?:predict\w*|generated|candidate|hypothesis|hyp|model|output)\b[^:\n]{0,20}:(?P<said>.*?)
    ^[ \t]*(?:reference|ground[ -]truth|target|label|gt|ref|gold|original)\b[^:\n]{0,20}:.*\Z""",
    re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE,
)
"""An answer and its reference, each under its name."""
_BOXES = re.compile(
    rf"""{PLACE.pattern}
    |<\|?/?(?:obj|object|ref|phrase|grounding|box|bbox|quad|det|pred|zoom|delim|delimiter_of_multi_objects|detected|region
      |(?:box|quad|object_ref)_(?:start|end)|(?:begin|end)_of_box)/?\|?>
    |<(?:[xy]\d{{1,4}})>|<points?\s[^<>]{{0,200}}>|</points?>""",
    re.VERBOSE | re.IGNORECASE,
)
"""The place of a mark (``traces.box_marks``), and what is left of broken ones."""
_ESCAPES = (("\\r\\n", "\n"), ("\\\\n", "\n"), ("\\n", "\n"), ("\\u000a", "\n"), ("\\u000A", "\n"), ("\\t", " "))
"""Line ends and tabs as programs spell them."""
_OPENS = ("{", "[")
"""What JSON begins with: it has escapes of its own."""


def settled(text: str) -> str:
    """A text without halves of characters (each becomes U+FFFD) and with plain spaces and line ends."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text
    text = _SURROGATE.sub("\ufffd", text).translate(_SPACES)
    return _MIXED.sub(lambda word: word[0].translate(_ALIKE), text)


def unescaped(text: str) -> str:
    r"""A text whose line ends were written as ``\n``, two characters, or as ``<br>``, with HTML's names of marks."""
    escaped = "\\n" in text or "\\u000" in text
    if escaped and "\n" not in text.strip() and text.lstrip()[:1] not in _OPENS:
        for written, meant in _ESCAPES:
            text = text.replace(written, meant)
    return without_html(without_entities(text))


def answer_alone(text: str, removed: list[Removed]) -> str:
    """The answer of a text that repeats the prompt before it, or the reference behind it."""
    if text.lstrip()[:7].startswith(_ASKS) and (asked := _ASKED.match(text)):
        removed.append(Removed("prompt", text[: asked.end()]))
        text = text[asked.end() :]
    if ":" not in text:
        return text
    if pair := _PAIR.match(text):
        removed.append(Removed("reference", text[pair.end("said") :]))
        return pair["said"]
    key = _KEY.search(text) if any(map(text.lower().__contains__, _KEY_WORDS)) else None
    if key and text[: key.start()].strip():
        removed.append(Removed("reference", text[key.start() :]))
        return text[: key.start()]
    return text


def without_marks(text: str, removed: list[Removed]) -> str:
    """A text without control tokens and a further turn of the user."""
    if not any(map(text.__contains__, "<[\u2581")) and "seq" not in text:
        return text
    if turn := _TURN.search(text):
        removed.append(Removed("another turn", text[turn.start() :]))
        text = text[: turn.start()]
    return _dropped(text, _CONTROL, "control token", removed)


def without_boxes(text: str, removed: list[Removed]) -> str:
    """A report without the marks of boxes."""
    return _dropped(text, _BOXES, "box mark", removed) if "<" in text or has_places(text) else text


def _dropped(text: str, marks: re.Pattern[str], kind: str, removed: list[Removed]) -> str:
    """A text without marks; where some stood between two words, one space."""
    said: list[str] = []
    reached = 0
    for m in marks.finditer(text):
        before = text[reached : m.start()]
        removed.append(Removed(kind, m[0]))
        if said and not before.strip(" \t"):
            before = ""  # between two marks
        said.append(before)
        reached = m.end()
    if not said:
        return text
    pieces = [piece for piece in (*said, text[reached:]) if piece]
    joined = pieces[0] if pieces else ""
    for piece in pieces[1:]:
        left, right = joined.rstrip(" \t"), piece.lstrip(" \t")
        apart = left and right and not left.endswith("\n") and right[0] not in "\n.,;:)"
        joined = f"{left}{' ' if apart else ''}{right}"
    return joined
