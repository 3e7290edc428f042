"""A run: every study of the plan answered, each answer on disk as it comes."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from mmrad_eval.core.contracts import Answerer, Client
from mmrad_eval.core.errors import Failed, GateError, Interrupted, MmradError, PluginError, Stopped, one_line
from mmrad_eval.core.guarding import uncancelled
from mmrad_eval.core.replies import identities
from mmrad_eval.core.values import (
    UNSCORED_STATUSES,
    Answer,
    Message,
    Reply,
    Report,
    Request,
    Status,
    Study,
    Trace,
    Usage,
)
from mmrad_eval.core.whole_files import sweep
from mmrad_eval.datasets.lazy import outlines
from mmrad_eval.datasets.raw_text import server_error
from mmrad_eval.harness.answers_writer import AnswerStream
from mmrad_eval.harness.counts import RequestCounts
from mmrad_eval.harness.plan import Plan, nobody
from mmrad_eval.harness.requester import Requester, with_image_paths
from mmrad_eval.harness.returned_values import typed, valid_answer, valid_extra, valid_form, valid_messages
from mmrad_eval.harness.stopping import Stop, StopSignal
from mmrad_eval.harness.workers import Intake, run_workers
from mmrad_eval.model_registry import providers
from mmrad_eval.model_registry.command_line import scrub_command
from mmrad_eval.model_registry.connect import at_provider
from mmrad_eval.results.run.folder import RunFolder, run_path
from mmrad_eval.results.run.record import Run, StudyCounts

_SETTLES = 5
"""How often a run reads again what other processes stored while it was about to publish; the last of them settles."""

Share = Counter[tuple[Status, str]]
"""(status, why it has no answer) -> studies that were asked about and are not published."""
Watch = Callable[[Answer, int], None]
"""Called with each answer and the number of answers so far."""


def open_run(
    plan: Plan,
    results: Path,
    *,
    data: str,
    data_options: Mapping[str, Any],
    command: str,
    attestation: Mapping[str, str] | None,
    refusals: Sequence[str] = (),
) -> RunFolder:
    """Make the run's folder and write what is known before the first question."""
    run = Run(
        id=plan.identity.id(),
        identity=plan.identity,
        card=plan.card,
        given=plan.task.given,
        data_use=plan.data_use,
        data=data,
        data_options=dict(data_options),
        images=_images(plan.studies),
        attestation=dict(attestation) if attestation else None,
        prompt_file=plan.prompt_file,
        refusals=tuple(refusals),
        counts=StudyCounts(len(plan.studies), {"pending": len(plan.studies)}, dict(plan.left_out)),
        patients=plan.patients,
        started=_now(),
        versions=dict(_versions()),
        git=_commit(),
        command=scrub_command(command),
        notes=tuple(plan.dataset.notes),
    )
    folder = RunFolder(run_path(results, run))
    if (folder.path / "run.json").exists():
        before = folder.run  # what is shown stays true until the answers of this process are published
        run = msgspec.structs.replace(
            run,
            started=before.started,
            counts=before.counts,
            served=before.served,
            finished=before.finished,
            old_rules=before.old_rules,
            look=before.look,
            order=before.order,
            server_caches=before.server_caches,
            cache_checks=before.cache_checks,
        )
    folder.write_run(run)
    sweep(folder.path)
    return folder


def finished_run(plan: Plan, results: Path) -> RunFolder | None:
    """The plan's run where it is complete on disk; None where something is still to be asked."""
    place = run_path(results, Run(plan.identity.id(), plan.identity, plan.card, plan.task.given, "open", ""))
    if not (place / "run.json").exists():
        return None
    folder = RunFolder(place)
    return folder if folder.run.complete else None


def _images(studies: Sequence[Study]) -> str:
    """The folder that the data's image names start from, as its first image tells; empty where there is none."""
    image = next((image for study in studies[:8] for image in study.images), None)
    if image is None or not image.path.endswith(f"/{image.name}"):
        return ""
    return image.path[: len(image.path) - len(image.name)]


async def ask_all(
    plan: Plan,
    folder: RunFolder,
    requester: Requester,
    over_budget: Callable[[int], Stop | None] = lambda _: None,
    *,
    watch: Watch,
) -> Run:
    """Run the model on every study, at the pace of its requester, and write the answers.

    ``over_budget`` is called before each study with the number of those in progress.
    """

    def put(answer: Answer) -> None:
        stream.put(answer)
        watch(answer, len(stream))

    with AnswerStream(folder) as stream:
        await hold_each(plan, requester, over_budget, put)
        for left in reversed(range(_SETTLES)):
            others_wrote = await _settled(plan, stream, requester)
            notes = requester.images.notes()
            run = _close(
                *(plan, folder, stream, requester.counts, requester.gone),
                notes=notes,
                outdated=others_wrote if left else _never,
            )
            if run is not None:
                return run
    raise AssertionError("the last answers are always published")


async def ask_share(
    plan: Plan, requester: Requester, over_budget: Callable[[int], Stop | None] = lambda _: None, *, watch: Watch
) -> Share:
    """Ask about every study of a plan that holds a share of a run's studies; what is stored is published by the run."""
    share: Share = Counter()

    def count(answer: Answer) -> None:
        share[answer.status, answer.why if answer.status in UNSCORED_STATUSES else ""] += 1
        watch(answer, share.total())

    await hold_each(plan, requester, over_budget, count)
    share["pending", ""] += len(plan.studies) - share.total()
    return +share


async def hold_each(
    plan: Plan,
    requester: Requester,
    over_budget: Callable[[int], Stop | None] = lambda _: None,
    put: Callable[[Answer], None] = lambda _: None,
) -> None:
    """Hold the conversation about each study, at the pace of the requester, until the run stops."""
    intake = Intake(iter(plan.studies), requester.signal, over_budget)

    async def ask(study: Study) -> None:
        put(await conversation(plan, study, requester))

    await run_workers(intake.items, ask, requester.pace)


async def asks_nothing(plan: Plan, folder: RunFolder, requester: Requester) -> bool:
    """Whether every study can be answered from stored replies; ends at the first that can't."""
    if folder.run.complete:
        return not any(map(requester.gone, folder.answers()))
    silent = requester.silent()
    for study in plan.studies:
        if (await conversation(plan, study, silent)).status in UNSCORED_STATUSES:
            return False
    return True


def answer_all(plan: Plan, folder: RunFolder, stop_signal: StopSignal, *, watch: Watch) -> Run:
    """Let an answerer answer every study, until the signal stops it, and write the answers."""
    model = cast("Answerer", plan.model)
    context = plan.context(nobody)
    with AnswerStream(folder) as stream:
        for study in Intake(iter(plan.studies), stop_signal).items():
            try:
                plan.last_check.study(study)
                shown = typed(plan.task.shown(study, context), Trace, f"shown of task {plan.task.name}", study)
                said = model.answer(study, shown, context.donor)
                whole = valid_form(said, f"model {plan.card.label}", study) if isinstance(said, Answer) else None
                report = typed(None if isinstance(said, Answer) else said, Report, f"model {plan.card.label}", study)
                trace = model.trace(study) if report is not None else None
            except (GateError, PluginError) as error:
                stop_signal.set(Stop.on(error))
                answer = Answer(study.id, "pending", str(error))
            except (Exception, SystemExit) as error:  # noqa: BLE001 (one study's trouble must not cost the others)
                answer = _failure(study, error)
            else:
                text = whole.report.text if whole is not None else report.text if report is not None else ""
                if wrote := server_error(text):
                    answer = Answer(study.id, "failed", f"the report is {wrote} instead of the model's words")
                elif whole is not None:
                    answer = msgspec.structs.replace(whole, study=study.id, shown=shown)
                elif report is None:
                    answer = Answer(study.id, "pending", f"{plan.card.label} has no report for this study")
                else:
                    status: Status = "ok" if report.text.strip() else "empty"
                    answer = Answer(study.id, status, report=report, trace=trace, shown=shown)
            stream.put(answer)
            watch(answer, len(stream))
        run = _close(plan, folder, stream, RequestCounts())
        assert run is not None, "what an answerer said is never outdated"
        return run


async def conversation(plan: Plan, study: Study, requester: Requester) -> Answer:
    """Hold one conversation; whatever happens is an answer with a status."""
    client = cast("Client", plan.model)
    identity, who = plan.identity, f"task {plan.task.name}"
    keys: list[str] = []
    usage = Usage()
    interrupted: list[Interrupted] = []

    async def ask(messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
        nonlocal usage
        request = Request(
            client.card.provider,
            client.card.id,
            valid_messages(messages, who, study),
            identity.decoding,
            client.card.revision,
            identity.sample,
            valid_extra(extra, who, study),
        )
        try:
            asked = await requester.ask(request)
        except Interrupted as error:
            interrupted.append(error)
            raise
        if asked.reply.finish != "rejected":
            keys.append(asked.key)
        usage += asked.reply.usage
        return with_image_paths(asked.reply, requester.journal.folder)

    try:
        plan.last_check.study(study)
        answer = await uncancelled(plan.task.converse(study, plan.context(ask)), who)
        _stop_if(interrupted)
        answer = valid_answer(answer, who, study)
    except (GateError, PluginError) as error:
        requester.signal.set(Stop.on(error))
        return Answer(study.id, "pending", str(error), keys=tuple(keys), usage=usage)
    except Failed as error:
        return Answer(study.id, "failed", str(error), keys=tuple(keys), usage=usage)
    except Stopped as error:
        return Answer(study.id, "pending", str(error), keys=tuple(keys), usage=usage)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (one study's trouble must not cost the others)
        return _failure(study, error)
    return msgspec.structs.replace(answer, study=study.id, keys=tuple(keys), usage=usage)


def _stop_if(interrupted: Sequence[Interrupted]) -> None:
    """Raise again what a task caught: without the reply that it asked for, it makes no answer."""
    if interrupted:
        raise interrupted[0]


async def _settled(plan: Plan, stream: AnswerStream, requester: Requester) -> Callable[[], bool]:
    """Read all answers again where other processes stored replies meanwhile, so that all of them show the same.

    Of several replies to one request the first counts, whoever asked for it. Nothing is sent for this. Returns what
    tells whether others have stored more since.
    """
    rereading = requester.rereading()
    if rereading is None:
        return requester.journal.changed_by_others
    for study in plan.studies:
        answer = await conversation(plan, study, rereading)
        if answer.status not in UNSCORED_STATUSES:
            stream.put(answer)
    rereading.journal.close()
    return rereading.journal.changed_by_others


def _nothing_is_gone(_: Answer) -> bool:
    return False


def _never() -> bool:
    return False


def _close(
    plan: Plan,
    folder: RunFolder,
    stream: AnswerStream,
    requests: RequestCounts,
    replies_gone: Callable[[Answer], bool] = _nothing_is_gone,
    *,
    notes: Sequence[str] = (),
    outdated: Callable[[], bool] = _never,
) -> Run | None:
    """Put the answers in order and write what is known after the last one; None where they are ``outdated``."""
    kept = stream.finish([study.id for study in outlines(plan.studies)], replies_gone, outdated)
    if kept is None:
        return None
    statuses = dict(sorted(stream.statuses.items()))
    run = folder.run
    served = tuple(sorted(map(msgspec.to_builtins, identities(requests.served)), key=msgspec.json.encode))
    if kept:
        served += tuple(one for one in run.served if one not in served)
    counts = StudyCounts(len(plan.studies), statuses, dict(plan.left_out), dict(sorted(stream.events.items())))
    run = msgspec.structs.replace(
        run,
        counts=counts,
        served=served,
        finished=_now() if counts.unanswered == 0 else "",
        kept=kept,
        old_rules=run.old_rules and kept > 0,
        order=run.order if kept else _order(plan, requests),
        notes=(*plan.dataset.notes, *notes),
    )
    folder.write_run(run)
    return run


def _order(plan: Plan, requests: RequestCounts) -> Literal["", "unknown"]:
    """What is known of the order of words and images where the run depends on it, anywhere but at a provider's own."""
    provider = providers.find(plan.card.provider)
    if not requests.woven or provider is None or all(at_provider(url, provider) for url in plan.model.endpoints or ()):
        return ""
    return "unknown" if any(one.order is None for one in requests.served) else ""


def _failure(study: Study, error: Exception | SystemExit) -> Answer:
    return Answer(study.id, "failed", str(error) if isinstance(error, MmradError) else one_line(error))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def _versions() -> dict[str, str]:
    names = ("mmrad-eval", "numpy", "pillow", "aiohttp", "msgspec")
    return {"python": platform.python_version(), "platform": sys.platform, **{name: version(name) for name in names}}


@cache
def _commit() -> str | None:
    """The commit of the repository that the command was started in, ``+`` where it has changes; None outside of one."""
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=5)  # noqa: S607 (the user's own git)
        dirty = subprocess.run(
            # without a lock: a run that is killed here must not leave the user's repository locked
            ["git", "--no-optional-locks", "status", "--porcelain", "-uno"],  # noqa: S607 (the user's own git)
            capture_output=True,
            text=True,
            check=True,
            timeout=5,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.stdout.strip() + ("+" if dirty.stdout.strip() else "")
