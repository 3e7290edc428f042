"""Parts a MIMIC-CXR report into sections by the public rules (``sections.toml`` has them as data, with their source).

A heading stands in capitals after a line end and one space, and closes with a colon. The last section of a name
counts. Where a report has neither findings nor impression, its last paragraph is all there is. 54 studies were looked
at by hand by the makers of the rules.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mmrad_eval.core.values import ClinicalContext, Report
from mmrad_eval.datasets.sections import join

HEADING = re.compile(r"\n ([A-Z ()/,-]+):\s")
PARAGRAPH = "\n \n"
LAST = "last_paragraph"


@dataclass(frozen=True)
class Rules:
    """What ``sections.toml`` says."""

    headings: dict[str, str]
    containing: tuple[str, ...]
    describing: tuple[str, ...]
    described_in: dict[str, str]
    described_at: dict[str, tuple[int, int]]

    def name(self, heading: str) -> str:
        """The section that a heading opens."""
        word = heading.lower().strip()
        if word in self.headings:
            return self.headings[word]
        for main in self.containing:
            if main in word:
                return main
        return "findings" if any(part in word for part in self.describing) else word


@cache
def rules() -> Rules:
    """The rules, read once."""
    data = tomllib.loads((files(__package__) / "sections.toml").read_text(encoding="utf-8"))
    return Rules(
        {heading: section for section, headings in data["headings"].items() for heading in headings},
        tuple(data["containing"]),
        tuple(data["describing"]),
        data["described_in"],
        {study: (start, end) for study, (start, end) in data["described_at"].items()},
    )


def part(text: str) -> list[tuple[str, str]]:
    """(section, body) in the order of the report; findings and impressions without words are left out."""
    found: list[tuple[str, str]] = []
    match = HEADING.search(text)
    if match is None:
        found.append(("full report", text))
    else:
        found.append(("preamble", text[: match.start(1)]))
    while match is not None:
        # the next heading is looked for after the line end that follows this one
        after = text.find("\n", match.end())
        following = HEADING.search(text, after if after >= 0 else match.end())
        body = text[match.end() : following.start() if following else len(text)]
        found.append((rules().name(match[1]), body))
        match = following
    found = [(name, body) for name, body in found if name not in {"findings", "impression"} or body.strip()]
    if not {"findings", "impression"} & {name for name, _ in found} and PARAGRAPH in found[-1][1]:
        name, body = found.pop()
        before, _, rest = body.partition(PARAGRAPH)
        found += [(name, before), (LAST, rest)]
    return found


def read(study: str, text: str) -> tuple[Report, ClinicalContext]:
    """The report of a study, and what stands in it that the radiologist was told.

    ``Report.text`` is findings and impression; where there is neither, the last paragraph, or what was marked by hand:
    never the indication.
    """
    sections = {name: body.strip() for name, body in part(text)}
    context = ClinicalContext(
        indication=sections.get("indication") or None,
        comparison=sections.get("comparison") or None,
        technique=sections.get("technique") or sections.get("examination") or None,
        history=sections.get("history") or None,
    )
    by_hand = _by_hand(study, text, sections)
    if by_hand is not None:
        return Report(by_hand), context
    findings, impression = sections.get("findings"), sections.get("impression")
    whole = join(findings, impression) or sections.get(LAST) or ""
    return Report(whole, findings, impression), context


def _by_hand(study: str, text: str, sections: dict[str, str]) -> str | None:
    if study in rules().described_at:
        start, end = rules().described_at[study]
        return text[start:end].strip()
    if study in rules().described_in:
        return sections.get(rules().described_in[study], "")
    return None
