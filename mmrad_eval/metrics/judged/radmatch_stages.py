"""RadMatch's stages as the wheel radmatch 0.2.2 runs them, over one pair of reports, with a judge that is awaited.

Extraction of findings, their matching and the comparison of matched ones are the package's own functions, and what they
ask goes to our judge. All texts carry one constant name, so that no id of a study is in a request, and equal texts are
asked about once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics.judged.records import radmatch_record
from mmrad_eval.metrics.judged.replay import FunctionFailedError, Question, ReplayedClient, replayed
from mmrad_eval.metrics.judged.wheel_code import WheelCode
from mmrad_eval.metrics.judged.wheels import Wheel, WheelPath

STEM = "report"
"""What each report is called: finding ids, which the judge sees, begin with it."""
TRIES = 5
"""How often the package asks where the reply is empty."""
EXAMPLES = 3
"""Of each stage, in each set of the wheel."""
PROMPTS = ("finding_extraction", "matching", "attribute_errors", "indication_extraction")
COUNTS = (
    *("errors", "stake", "triage hits", "triage findings", "triage hits of the candidate"),
    *("triage findings of the candidate", "actionable hits", "actionable findings", "actionable hits of the candidate"),
    *("actionable findings of the candidate", "COR", "PAR", "INC", "MIS", "SPU"),
)
"""What one pair of reports comes to; all of them are sums over a data set."""
_HITS = (
    *("triage_hit_count", "triage_gt_total", "triage_pred_hit_count", "triage_pred_total"),
    *("actionable_hit_count", "actionable_gt_total", "actionable_pred_hit_count", "actionable_pred_total"),
)

Ask = Callable[[Question], Awaitable[str]]
Findings = list[dict[str, Any]]


class FailedReportError(Exception):
    """A report that the package would leave out."""


@dataclass(frozen=True)
class ComparedPair:
    """A pair that was matched and compared."""

    counts: tuple[float, ...]
    """``COUNTS``."""
    fallback: bool
    """Whether the matching never had its form, and only its valid rows were kept."""
    record: dict[str, Any]
    """Matches with their errors, and findings without a match, for a reader."""


class Stages:
    """The package's functions."""

    def __init__(self, wheel: Wheel, examples: str | None = None) -> None:
        """``examples``: the wheel's set of examples that each question begins with; None: none."""
        client = SimpleNamespace(Client=object, call_llm=_call, LLM_TIMEOUT_ERRORS=())
        code = WheelCode(
            wheel,
            "radmatch",
            {"radmatch.llm_utils.llm_clients": client, "tqdm": SimpleNamespace(tqdm=list)},
        )
        self._prompts = code.module("radmatch.llm_utils.prompts")
        self._wheel = wheel
        self._prompts.load_prompt = self._prompt
        self._prompts._ASSETS_DIR = WheelPath(wheel, "radmatch/assets")  # noqa: SLF001 (where it looks for examples)
        self._examples = examples
        self._shown = self._messages_of(examples) if examples else {}
        self._extraction = code.module("radmatch.finding_extraction.inference")
        self._indication = code.module("radmatch.indication_extraction.inference")
        self._matching = code.module("radmatch.matching.inference")
        self._pipeline = code.module("radmatch.scoring.pipeline")
        self._attributes = code.module("radmatch.scoring.inference")
        self._metrics = code.module("radmatch.scoring.metrics")
        self.max_tokens: int = code.module("radmatch.constants").MAX_TOKENS
        self.version = wheel.pin.version

    def _messages_of(self, examples: str) -> dict[str, tuple[Any, ...]]:
        """The examples of each stage, as messages; DataError where the wheel has not all of them."""
        own = self._prompts
        made = {
            "extraction": own.extraction_fewshot_messages(examples),
            "matching": own.matching_fewshot_messages(examples),
            "attributes": own.attribute_errors_fewshot_messages(examples),
        }
        if any(len(messages) != 2 * EXAMPLES for messages in made.values()):
            raise DataError(
                f"{self._wheel.pin.file} lacks examples of {examples}; fetch it again: judges fetch radmatch"
            )
        return made

    @property
    def examples(self) -> str:
        """Name and digest of the examples that are in force, for a signature."""
        if not self._shown:
            return "none"
        return f"{self._examples}:{hashlib.sha256(json.dumps(self._shown).encode()).hexdigest()[:8]}"

    def _prompt(self, name: str) -> str:
        return self._wheel.text(f"radmatch/assets/prompts/{name}")

    def digests(self) -> dict[str, str]:
        """SHA-256 of each prompt, its first 8 digits."""
        return {name: hashlib.sha256(self._prompt(f"prompt_{name}.md").encode()).hexdigest()[:8] for name in PROMPTS}

    async def indication(self, text: str, ask: Ask) -> str:
        """Stage 0: the indication that a report states; empty where it has none, or none could be read."""
        prompt = self._prompt("prompt_indication_extraction.md")
        _, found = await _run(lambda client: self._indication._extract_one(_Named(text), client, prompt), ask)  # noqa: SLF001 (the stage)
        return found or ""

    async def findings(self, text: str, indication: str, ask: Ask) -> Findings:
        """Stage 1: the findings of a report; FailedReportError where the package fails it."""
        shown = self._shown.get("extraction", ())

        def extract(client: ReplayedClient) -> Any:
            return self._extraction._extract_one_report(_Named(text), client, shown, indication)  # noqa: SLF001 (the stage)

        found = await _run(extract, ask)
        if found.findings is None:
            raise FailedReportError(found.failure.reason)
        made: Findings = [self._pipeline.validate_and_normalize_finding(one) for one in found.findings]
        return made

    async def matched(self, candidate: Findings, reference: Findings, indication: str, ask: Ask) -> dict[str, Any]:
        """Stage 2: rows of matches, and what is unmatched on each side; FailedReportError where no reply came.

        What was wrong with a reply is told in the order of the words, since the package goes through sets.
        """

        def match(client: ReplayedClient) -> Any:
            context = self._matching.MatchingContext(client=client, fewshot=self._examples)
            return self._matching.match_findings(candidate, reference, STEM, context, indication)

        async def in_order(question: Question) -> str:
            *before, last = question.messages
            return await ask(replace(question, messages=[*before, {**last, "content": _sorted(last["content"])}]))

        found: dict[str, Any] = await _run(match, in_order)
        return found

    async def compared(
        self, matching: dict[str, Any], candidate: Findings, reference: Findings, indication: str, ask: Ask
    ) -> ComparedPair:
        """Stage 3: what the pair counts; FailedReportError where the attributes of a match could not be read."""

        def score(client: ReplayedClient) -> Any:
            context = self._pipeline.ScoringContext(client=client, fewshot=self._examples)
            return self._pipeline.score_pair(matching, candidate, reference, STEM, context, indication)

        scored = await _run(score, ask)
        sides = _by_id(candidate), _by_id(reference)
        return self._counted(scored["muc_records"], scored["unmatched_pred"], scored["unmatched_gt"], matching, sides)

    def worst(self, matching: dict[str, Any], candidate: Findings, reference: Findings) -> ComparedPair:
        """What the pair counts where nothing is known of its matches: each of them is incorrect."""
        by_side = _by_id(candidate), _by_id(reference)
        error = {"dimension": "severity", "severity": "major", "reasoning": "counted so, since nothing was read"}
        records = [
            self._metrics.build_muc_record(row, by_side[0][row["pred_id"]], by_side[1][row["gt_id"]], [], [error])
            for row in matching["matches"]
        ]
        spurious = [by_side[0][name] for name in matching["unmatched_pred"]]
        missed = [by_side[1][name] for name in matching["unmatched_gt"]]
        return self._counted(records, spurious, missed, matching, by_side)

    def _counted(
        self,
        records: Sequence[Any],
        spurious: Sequence[Any],
        missed: Sequence[Any],
        matching: dict[str, Any],
        sides: tuple[_Known, _Known],
    ) -> ComparedPair:
        own = self._metrics
        hits = own.compute_safety_summary(records, missed, spurious)
        categories = own.effective_muc_counts(records, n_spu=len(spurious), n_mis=len(missed))
        counts = (
            own.compute_actionable_errors(records, spurious, missed),
            own.compute_actionable_opportunities(records, spurious, missed),
            *(hits[name] for name in _HITS),
            *(categories[name] for name in ("COR", "PAR", "INC", "MIS", "SPU")),
        )
        counted = [{**one, "muc_category": own.reclassify_to_effective_category(one)} for one in records]
        shown = radmatch_record(counted, spurious, missed, *sides)
        return ComparedPair(tuple(float(count) for count in counts), bool(matching["validation_fallback"]), shown)


_Known = dict[str, dict[str, Any]]
"""Findings by id."""


def _by_id(findings: Findings) -> _Known:
    return {one["finding_id"]: one for one in findings}


async def _run(function: Callable[[ReplayedClient], Any], ask: Ask) -> Any:
    try:
        return await replayed(function, ask)
    except FunctionFailedError as error:
        raise FailedReportError(str(error)) from error


def _sorted(text: str) -> str:
    """A text whose lines of a list are in order, where it has a list."""
    lines = text.split("\n")
    at = [i for i, line in enumerate(lines) if line.startswith("- ")]
    for i, line in zip(at, sorted(lines[i] for i in at), strict=True):
        lines[i] = line
    return "\n".join(lines)


class _Named:
    """A report as the package reads it from a file."""

    stem, name = STEM, f"{STEM}.txt"

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, encoding: str = "") -> str:
        """The text."""
        return self._text


def _call(
    client: ReplayedClient,
    messages: Sequence[Any],
    response_format: Any = None,
    max_tokens: int | None = None,
    timeout: float | None = None,  # noqa: ARG001 (the harness waits by rules of its own)
) -> str:
    """A reply that says something, as the package asks for one."""
    for _ in range(TRIES):
        text = client.complete(messages, response_format, max_tokens)
        if text:
            return text
    raise RuntimeError("the judge returned an empty reply")
