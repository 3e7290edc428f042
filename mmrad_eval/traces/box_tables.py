"""Takes tables and lists of boxes out of a text: a row is one mark, and what it says of itself its label."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

_BLOCK = re.compile(r"(?:^[ \t]*[^\n|]*\|[^\n]*(?:\n|\Z)){2,}", re.MULTILINE)
"""Lines with bars, one after the other."""
_RULE = re.compile(r"[\s:|+-]*")
_BOX_NAME = re.compile(
    r"\b(?:b?box(?:es)?|bbox(?:_2d)?|box_2d|bounding[ -]?box(?:es)?|coordinates|coords)\b", re.IGNORECASE
)
_CORNER = re.compile(r"(?:[xy][ _]?(?:0|1|2|min|max)|[xy]|w|h|width|height|left|top|right|bottom)", re.IGNORECASE)
_NUMBERS = re.compile(r"[\[(<{]*\s*-?\d+(?:\.\d+)?(?:[\s,;)(\[\]]+-?\d+(?:\.\d+)?){3}\s*[\])>}]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_CORNERS = 4
TITLE = (
    r"^[ \t#*_>-]*(?:the |my |detected |predicted )?(?:(?:bounding[ -]?)?box(?:es)?|detections?|groundings?|locations?"
    r"|coordinates|annotations?|regions?(?: of interest)?)(?: with (?:boxes|coordinates))?[ \t*_]*:?[ \t*_]*\n"
)
"""A line that announces boxes."""
_LAST_TITLE = re.compile(rf"{TITLE}\s*\Z", re.IGNORECASE | re.MULTILINE)


def without_box_tables(text: str, place: Callable[[str, str, str], str]) -> str:
    """A text without its tables of boxes. ``place(numbers, label, row)`` gives what stands for a row.

    Where words stand beside the tables the rows stand nowhere; a text of a table alone becomes a line for each row.
    """
    if text.count("|") < _CORNERS:
        return text
    for block in reversed(list(_BLOCK.finditer(text))):
        rows = list(_rows(block[0].splitlines()))
        if not rows:
            continue
        before, after = _LAST_TITLE.sub("", text[: block.start()]), text[block.end() :]
        alone = not any(map(str.isalpha, before + after))
        said = [f"{label}{place(numbers, '' if alone else label, row)}." for numbers, label, row in rows]
        text = f"{before}{chr(10).join(said) if alone else ''}{after}"
    return text


def _rows(lines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """(numbers, label, line) of each row of a table of boxes; none for another table."""
    cells = [[cell.strip(" *_`") for cell in line.strip().strip("|").split("|")] for line in lines]
    table = [(row, line) for row, line in zip(cells, lines, strict=True) if not all(map(_RULE.fullmatch, row))]
    head = table[0][0] if table else []
    boxed = [at for at, name in enumerate(head) if _BOX_NAME.search(name) and not _NUMBERS.search(name)]
    corners = [at for at, name in enumerate(head) if _CORNER.fullmatch(name)]
    if not boxed and len(corners) != _CORNERS:
        return
    apart = {*boxed, *corners}
    for row, line in table[1:]:
        written = [row[at] for at in boxed or corners if at < len(row)]
        numbers = " ".join(written)
        if len(_NUMBER.findall(numbers)) >= _CORNERS and (corners or all(map(_NUMBERS.search, written))):
            yield numbers, " ".join(cell for at, cell in enumerate(row) if at not in apart and cell), line.strip()
