"""run.json: everything that decides the numbers of a run, and how it came about."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from mmrad_eval.core.canonical import digest
from mmrad_eval.core.values import Card, DataUse, Decoding, Target, Value, keyed

SCHEMA, VERSION_1 = "mmrad.run/2", "mmrad.run/1"
OBJECT = "python:"
"""Before the name of data that was given as an object, which can't be loaded again."""


class Selection(Value, frozen=True, omit_defaults=False):
    """Which studies were asked, and how much of each was shown."""

    KEYED: ClassVar[tuple[str, ...]] = ("split", "ids", "limit", "views", "context", "priors", "target")
    """Always part of a run's id; a field that is added later is part of it where it differs from its default."""

    split: str | None = None
    ids: str | None = None
    """SHA-256 of the sorted ids, where a list of ids was given."""
    limit: int | None = None
    views: str = "all"
    context: str = "none"
    priors: str = "none"
    target: Target = "findings"


class RunIdentity(Value, frozen=True, omit_defaults=False):
    """The part whose digest is the run id. The same question resumes; a different one never overwrites."""

    KEYED: ClassVar[tuple[str, ...]] = (
        *("model", "task", "task_version", "prompt", "dataset", "dataset_digest"),
        *("selection", "decoding", "sample", "extra"),
    )
    """Always part of a run's id; as in a selection."""

    model: dict[str, Any]
    """The card's behavioural fields."""
    task: str
    task_version: int
    prompt: str
    """SHA-256 of the prompt text."""
    dataset: str
    dataset_digest: str
    """SHA-256 over the records and image names of the whole dataset."""
    selection: Selection
    decoding: Decoding
    sample: int = 0
    extra: dict[str, Any] = {}
    """Task options, and further fields of the request body."""

    def id(self) -> str:
        """The run id: 12 hexadecimal digits."""
        return digest(keyed(self))[:12]


class StudyCounts(Value, frozen=True, omit_defaults=False):
    """Studies of the selection by status."""

    n: int = 0
    statuses: dict[str, int] = {}
    left_out: dict[str, int] = {}
    """Reason -> studies of the split that were not selected, such as no reference for the target."""
    events: dict[str, int] = {}
    """Event -> studies in whose answers it was counted, such as ``degenerate`` or ``removed closing remark``."""

    @property
    def unanswered(self) -> int:
        """Studies without an answer: failed and pending."""
        return self.statuses.get("failed", 0) + self.statuses.get("pending", 0)


class LookCheck(Value, frozen=True):
    """What was found, before the first study, of the images that reach the model."""

    verdict: Literal["confirmed", "not confirmed", "images lost", "out of order", "blind", "no verdict"]
    """``not confirmed``: it answered the question about three pictures wrongly, and nothing else speaks against it;
    ``no verdict``: the check could not be finished."""
    why: str = ""
    prompt_tokens: tuple[int | None, ...] = ()
    """As the server counted them with no image, one and two; None where it did not."""
    films_differ: bool | None = None
    """Whether two different films got different replies."""
    digits: str = ""
    """The digits that were read in its answer; 847 were shown."""


class ServerCache(Value, frozen=True):
    """What vLLM servers counted of their caches while one command asked: of all clients that they had meanwhile."""

    queries: int
    """Tokens of prompts that were looked up in the cache of prefixes."""
    hits: int
    """Those of them that were there, so that the model did not read them again."""
    sent: int
    """Requests that the command sent meanwhile, those of look checks included."""
    requests: int | None = None
    """Requests that ended on the servers meanwhile; more than ``sent``: another client asked as well."""
    image_queries: int | None = None
    """Images that were looked up in the cache of images."""
    image_hits: int | None = None
    tasks: tuple[str, ...] = ()
    """The tasks that were asked study by study; empty: that of the run alone."""
    finished: str = ""
    """UTC, ISO 8601."""


class CacheCheck(Value, frozen=True):
    """Some studies of a run, asked again: whether a server's cache of prefixes changes answers (``--check-cache``)."""

    studies: int
    """Studies that were asked twice more."""
    with_cache: int
    """Those of them whose answer was the same with the cache."""
    without_cache: int
    """Those whose answer was the same without it."""
    different: tuple[str, ...] = ()
    """Study ids whose answer was another without it."""
    finished: str = ""
    """UTC, ISO 8601."""


class Run(Value, frozen=True):
    """One run.json."""

    id: str
    identity: RunIdentity
    card: Card
    given: bool
    """Whether the task showed evidence; given and generated runs never share a table."""
    data_use: DataUse
    data: str
    """What ``--data`` said, so that the studies can be loaded again."""
    data_options: dict[str, Any] = {}
    images: str = ""
    """Folder, with a slash at its end, that ``images:`` stands for in the paths of answers.jsonl; of this machine."""
    attestation: dict[str, str] | None = None
    prompt_file: str | None = None
    """Name of the prompt file in the place of the task's own; empty: there was none; None: an earlier version's run."""
    refusals: tuple[str, ...] = ()
    """Texts of rejections that counted as refusals by the user's word (``--refusal-pattern``)."""
    counts: StudyCounts = StudyCounts()
    patients: int | None = None
    """Distinct patients; None where the data has no patient id, and clusters are studies."""
    served: tuple[dict[str, Any], ...] = ()
    """Distinct identities that answered; more than one makes the run mixed."""
    started: str = ""
    finished: str = ""
    """UTC, ISO 8601; empty while the run is incomplete."""
    look: LookCheck | None = None
    """None where the run shows no image, or the check was left out or never needed."""
    order: Literal["", "unknown"] = ""
    """Whether the server of this run, which shows images between words, tells that it keeps their order; empty: it
    does, or nothing depends on it, or the provider's own service defines it."""
    server_caches: tuple[ServerCache, ...] = ()
    """One for each command that sent something; of tasks that were asked study by study, with the first of them."""
    cache_checks: tuple[CacheCheck, ...] = ()
    """One for each command with ``--check-cache``."""
    kept: int = 0
    """Answers of an earlier process that stayed at the last one's end, because their replies were gone."""
    old_rules: bool = False
    """Whether its rejections were read by the rules of version 0.1.0, which took failures of servers for refusals."""
    versions: dict[str, str] = {}
    git: str | None = None
    command: str = ""
    notes: tuple[str, ...] = ()
    schema: str = SCHEMA

    @property
    def complete(self) -> bool:
        """Whether every study of the selection has an answer."""
        return self.counts.n > 0 and self.counts.unanswered == 0

    @property
    def mixed(self) -> bool:
        """Whether more than one identity answered."""
        return len(self.served) > 1


def read_run(data: bytes) -> Run:
    """Decode one run.json; msgspec.ValidationError names the field that does not fit.

    Version 1 called the identity ``deciding``, and pending studies ``open``; cards were once spelled ``optimised_for``.
    """
    value = msgspec.json.decode(data)
    card = value.get("card") if isinstance(value, dict) else None
    if isinstance(card, dict) and "optimised_for" in card:
        card["optimized_for"] = card.pop("optimised_for")
    schema = value.get("schema", VERSION_1) if isinstance(value, dict) else None
    if schema not in {None, SCHEMA, VERSION_1}:
        raise msgspec.ValidationError(f"its schema is {schema!r:.40}, and this version reads {VERSION_1} and {SCHEMA}")
    if isinstance(value, dict) and value.get("schema", VERSION_1) == VERSION_1 and "deciding" in value:
        value["identity"] = value.pop("deciding")
        value["schema"], value["old_rules"] = SCHEMA, True
        counts = value.get("counts")
        if isinstance(counts, dict):
            counts["statuses"] = current_statuses(counts.get("statuses"))
    run = msgspec.convert(value, type=Run)
    if not run.old_rules and run.id != run.identity.id():
        raise msgspec.ValidationError(f"its id {run.id!r:.40} is not that of the identity in it; the file was changed")
    return run


def current_statuses(statuses: Any) -> Any:
    """Studies by status, in the words of today: version 1 called pending studies ``open``."""
    if not isinstance(statuses, dict):
        return statuses
    return {"pending" if status == "open" else status: count for status, count in statuses.items()}
