"""Who writes and who audits, and how they are asked: through the journal, gate, pace and budget of any model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from mmrad_eval.construction import judgements
from mmrad_eval.construction.judgements import ReplyForm, UnreadableError
from mmrad_eval.construction.prompting import BuildPrompt, PromptName
from mmrad_eval.core.errors import Failed, UsageError
from mmrad_eval.core.values import Card, Decoding, Reply, Request
from mmrad_eval.datasets import raw_text
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.model_registry import providers

if TYPE_CHECKING:
    from mmrad_eval.harness.requester import Requester

Role = Literal["writer", "auditor"]
ROLES: tuple[Role, ...] = ("writer", "auditor")
_DECLINED = frozenset({"refusal", "too long"})

V = TypeVar("V")


class RefusedError(Exception):
    """The model declined to answer: its doing, and the record's rejection."""


@dataclass(frozen=True)
class RoleModel:
    """One model in its role: who is asked, with which decoding, through which requester."""

    requester: Requester
    decoding: Decoding
    structured: bool = True
    """Whether a JSON schema is requested where the provider has a field for it."""

    @property
    def card(self) -> Card:
        """Who it is."""
        return self.requester.client.card

    def request(self, prompt: BuildPrompt, slots: Mapping[str, object], form: ReplyForm, sample: int = 0) -> Request:
        """The question."""
        card = self.card
        return Request(
            card.provider,
            card.id,
            prompt.messages(slots),
            self.decoding,
            card.revision,
            sample,
            self._schema(form),
        )

    def _schema(self, form: ReplyForm) -> dict[str, msgspec.Raw]:
        provider = providers.find(self.card.provider) if self.structured else None
        asked = provider.schema(form.name, form.schema) if provider is not None else {}
        return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in asked.items()}


@dataclass(frozen=True)
class Desk:
    """Puts the questions of a build."""

    models: Mapping[Role, RoleModel]
    prompts: Mapping[PromptName, BuildPrompt]

    def has(self, role: Role) -> bool:
        """Whether anybody has the role."""
        return role in self.models

    async def ask(
        self,
        role: Role,
        name: PromptName,
        slots: Mapping[str, object],
        form: ReplyForm,
        *,
        check: Callable[[V], None],
        asked: list[str],
    ) -> V:
        """The reply, once it can be read; each key goes to ``asked``.

        A reply that can't be read is asked for once more. RefusedError where the model declines, UnreadableError where
        the second reply can't be read either; Failed and Stopped pass.
        """
        model = self.models[role]
        last = UnreadableError("")
        for sample in (0, 1):
            found = await model.requester.ask(model.request(self.prompts[name], slots, form, sample))
            if found.reply.finish == "rejected":
                raise Failed(found.reply.why or "the endpoint rejected the request")
            asked.append(found.key)
            self._differ(model)
            if found.reply.finish in _DECLINED:
                raise RefusedError(found.reply.why or found.reply.finish)
            try:
                value: V = judgements.read(found.reply, form.kind)  # type: ignore[assignment]  # the form's own kind
                check(value)
            except UnreadableError as error:
                last = error
                if declines(found.reply):
                    raise RefusedError(" ".join(found.reply.text.split())[:120]) from error
            else:
                return value
        raise last

    def _differ(self, model: RoleModel) -> None:
        """Stop the build where one and the same model serves both roles, whatever it is called."""
        if len(self.models) < len(ROLES):
            return
        writer, auditor = (served(self.models[role]) for role in ROLES)
        if both := writer & auditor:
            raise self._stopped(model, UsageError(same_model(min(both))))

    @staticmethod
    def _stopped(model: RoleModel, error: UsageError) -> Exception:
        model.requester.signal.set(Stop.on(error))
        return error


def same_model(name: str) -> str:
    """What is said where writer and auditor are one model."""
    return (
        f"--writer and --auditor are served by one and the same model, {name}; a model can't audit itself: name another"
    )


def served(model: RoleModel) -> set[str]:
    """What truly answers in a role, as far as the replies tell: what is served under the id, else the id."""
    roots = {one.root for one in model.requester.counts.served if one.root}
    return roots or {model.card.id}


def family(card: Card) -> str:
    """The family of a model, by the first letters of its name: ``qwen`` of ``Qwen/Qwen2.5-72B-Instruct``."""
    name = card.id.rpartition("/")[2].lower()
    letters = ""
    for character in name:
        if not character.isalpha():
            break
        letters += character
    return letters


def declines(reply: Reply) -> bool:
    """Whether the words of a reply refuse."""
    return raw_text.read(reply.text, "findings").status == "refused"


def labels(models: Iterable[RoleModel]) -> tuple[str, ...]:
    """What tables call them."""
    return tuple(model.card.label for model in models)
