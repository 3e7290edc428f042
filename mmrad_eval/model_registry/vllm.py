"""vLLM as it really behaves: who is served, what fits, which fields count, which words are live.

What it does silently is looked for before anything is sent: a prompt that would be clipped at the context is ``too
long``, a body field that it would ignore is refused, a special token in the words of a report is taken apart so that it
is not taken for an image.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError, UsageError
from mmrad_eval.core.values import TOKENS, Card, Decoding, Reply, Request, Served
from mmrad_eval.model_registry.bodies import count_of, read_error, read_json, text_of
from mmrad_eval.model_registry.bodies import field as inner
from mmrad_eval.model_registry.connect import connect
from mmrad_eval.model_registry.image_order import depends_on_order, find_order
from mmrad_eval.model_registry.live_tokens import taken_apart
from mmrad_eval.model_registry.openai_chat import ChatClient, messages_value
from mmrad_eval.model_registry.providers import Connection
from mmrad_eval.model_registry.raw_prompts import end_of, is_raw, prompt_of, without_end
from mmrad_eval.model_registry.rejections import counted, message_of
from mmrad_eval.model_registry.secrets import Secret, scrub
from mmrad_eval.model_registry.server_counters import PAGE, ServerCounters, read_counters
from mmrad_eval.model_registry.token_gauge import TokenGauge
from mmrad_eval.model_registry.wire import encoded

if TYPE_CHECKING:
    from mmrad_eval.model_registry.serving import ServeOptions, Server

DEFAULT_URL = "http://127.0.0.1:8000/v1"
_PROBE = (("system", "S"), ("user", "U"), ("assistant", "A"), ("user", "V"))
_QUESTION = [{"role": "user", "content": "U"}]
_SWITCHES = ("enable_thinking", "thinking")
"""Words for the switch in chat templates: of Qwen 3, GLM and others; of DeepSeek V3.1 and Granite."""
_OFF = frozenset(("none", 0))
_PAGE, _DESCRIPTION = 15.0, 60.0  # seconds; what vLLM describes itself by is first made when it is asked for
_COUNTERS = 5.0  # seconds for the page of counters, without which a run is as good


def vllm(card: Card, how: Connection) -> VllmClient:
    """``vllm:ID``: servers at ``--base-url``, the card's, or those of MMRAD_VLLM_URL (several separated by commas)."""
    placed = how.base_url or card.base_url or os.environ.get("MMRAD_VLLM_URL", "").strip()
    if card.served_by_vllm is False and (how.serve is not None or not placed):
        why = card.sources.get("served_by_vllm", "")
        raise ModelError(
            f"vLLM does not serve {card.label} as it is{f' ({why})' if why else ''}; score its reports "
            "from a file (file:PATH), or name a server that serves it with --base-url"
        )
    if how.serve is not None:
        return _served(card, how, how.serve)
    urls, secret = connect(card, how, default=DEFAULT_URL)
    return VllmClient(card, urls, secret, timeout=how.timeout)


def _served(card: Card, how: Connection, options: ServeOptions) -> VllmClient:
    """A client of a server that is started when the first request is about to leave."""
    from mmrad_eval.model_registry.serving import Server

    if how.base_url:
        raise UsageError(
            "--serve starts a server, and --base-url names one that is already running: give one of the two"
        )
    server = options.fleet.server(card, options) if options.fleet else Server(card, options)
    client = VllmClient(card, (server.url,), server.secret, timeout=how.timeout)
    client.server = server
    return client


@dataclass(frozen=True)
class _Known:
    """What one server said of itself."""

    served: Served
    fields: frozenset[str]
    """Body fields that this version reads; empty where it does not say."""
    losses: int
    """How often its connection had been lost by then: a server that comes back may be another."""


class VllmClient(ChatClient):
    """One model behind one or several vLLM servers."""

    looks_first = True
    server: Server | None
    reasoning = frozenset({"effort", TOKENS})

    def __init__(
        self, card: Card, urls: tuple[str, ...], secret: Secret | None = None, *, timeout: float | None = None
    ) -> None:
        super().__init__(card, urls, secret, timeout=timeout)
        self.server = None
        """A server of our own, started when the first request is about to leave, ended with the client."""
        self._known: dict[str, _Known] = {}
        self._gauge = TokenGauge()
        self._checked: set[frozenset[str]] = set()
        self._heard: set[int | str] = set()
        """Reasoning that the chat templates of all servers take notice of."""
        self._ends: dict[tuple[str, int, str], bool] = {}
        """Whether a server adds a token to prompts that end in it already."""
        self._counted: dict[str, ServerCounters | None] = {}
        """What each server had counted before this client sent it a request; None: it does not tell."""

    @property
    def identities(self) -> tuple[Served, ...]:
        """Who answers, one for each server that was found."""
        return tuple(known.served for known in self._known.values())

    def identity_at(self, base: str) -> Served | None:
        """Who answers at one address; None where nobody was found there."""
        known = self._known.get(base)
        return known.served if known else None

    def reads(self, name: str) -> bool:
        """Whether every server that was found takes notice of a field of the body."""
        return all(name in known.fields for known in self._known.values())

    def adapt(self, request: Request) -> Request:
        """The request with live tokens in its words taken apart: ``<|image_pad|>`` becomes ``< |image_pad| >``."""
        return taken_apart(super().adapt(request))

    async def prepare(self) -> None:
        """Start our own server if there is one, and find out who answers; ModelError where it is not this model."""
        if self.server is not None:
            await asyncio.to_thread(self.server.start)
        lost: TransportError | None = None
        for base in self.transport.urls:
            try:
                await self._identify(base)
            except TransportError as error:
                lost = error
        if not self._known and lost is not None:
            lost.server = ""  # what is true of the last is true of all
            raise lost

    async def generate(self, sent: PreparedRequest) -> Reply:
        """Ask once, having made sure that it fits; a server of our own that has died is started again first."""
        if not sent.request.messages:
            raise ModelError("the conversation is empty")
        try:
            return await self._asked(sent)
        except TransportError as error:
            if self.server is None or error.kind != "unreachable":
                raise
        await asyncio.to_thread(self.server.start)  # waits for a start in progress; does nothing where it runs
        return await self._asked(sent)

    async def _asked(self, sent: PreparedRequest) -> Reply:
        if not self._known:
            await self.prepare()
        self._check_fields(sent.request)
        await self._check_reasoning(sent.request.decoding)
        self._check_order(sent.request)
        sent = await self._ended_once(sent)
        misfit = await self._misfit(sent)
        if misfit is not None:
            return counted(misfit, self.policy)
        reply, base = await self.exchange(sent)
        known = await self._identify(base)
        if reply.usage.prompt is not None:
            self._gauge.saw(reply.usage.prompt, sent.request, sent.images)
        told = msgspec.structs.asdict(known.served) | {"fingerprint": reply.served.fingerprint}
        reply = msgspec.structs.replace(reply, served=Served(**told))
        return counted(self._clipped(reply, sent, known.served.context), self.policy)

    async def close(self) -> None:
        """Close the connections, and end a server of our own."""
        await super().close()
        if self.server is not None and not self.server.kept:
            await asyncio.to_thread(self.server.stop)

    async def _identify(self, base: str) -> _Known:
        losses = self.transport.losses(base)
        known = self._known.get(base)
        if known is None or known.losses != losses:
            known = self._known[base] = await self._ask_who(base, losses)
        return known

    async def _ask_who(self, base: str, losses: int) -> _Known:
        models = await self._page(base, "/models")
        entries = inner(models, "data")
        entries = entries if isinstance(entries, list) else []
        entry = next((entry for entry in entries if inner(entry, "id") == self.card.id), None)
        if entry is None:
            ids = ", ".join(sorted(text_of(inner(entry, "id")) for entry in entries)) or "nothing"
            raise ModelError(f"{base} serves {ids}, not {self.card.id}; name what it serves, as in vllm:ID")
        base_entry = next((one for one in entries if inner(one, "id") == inner(entry, "parent")), None)
        root, parent = text_of(inner(entry, "root")), text_of(inner(entry, "parent"))
        order = await find_order(lambda messages: self._tokens(base, messages))
        served = Served(
            id=self.card.id,
            version=text_of(inner(await self._page(base, "//version", optional=True), "version")) or None,
            root=f"{root} on {parent}" if parent else root or None,
            context=count_of(inner(entry, "max_model_len")) or count_of(inner(base_entry, "max_model_len")),
            template=await self._template(base),
            order=order.order,
            woven=order.woven,
        )
        if base not in self._counted:
            self._counted[base] = await self._counters(base)
        return _Known(served, await self._fields(base), losses)

    async def counted(self) -> ServerCounters | None:
        """What the servers counted since this client found them; None where one of them does not tell."""
        found = ServerCounters(0, 0, 0, 0, 0)
        for base, before in self._counted.items():
            now = await self._counters(base) if before else None
            since = now.after(before) if now and before else None
            if since is None:
                return None
            found += since
        return found if self._counted else None

    async def _counters(self, base: str) -> ServerCounters | None:
        try:
            response = await self.transport.get(PAGE, base=base, seconds=_COUNTERS)
        except TransportError:  # gone, or it broke off: numbers beside a run never stop it
            return None
        return read_counters(response.body) if response.status == 200 else None

    async def _fields(self, base: str) -> frozenset[str]:
        described = await self._page(base, "//openapi.json", optional=True, seconds=_DESCRIPTION)
        properties = inner(described, "components", "schemas", "ChatCompletionRequest", "properties")
        return frozenset(properties) if isinstance(properties, dict) else frozenset()

    async def _template(self, base: str) -> str | None:
        """Digest of the tokens of a fixed conversation; without the system turn where a template takes none."""
        for turns in (_PROBE, _PROBE[1:]):
            tokens = await self._tokens(base, [{"role": role, "content": text} for role, text in turns])
            if tokens is not None:
                return hashlib.sha256(repr(tokens).encode()).hexdigest()[:12]
        return None

    async def _page(self, base: str, path: str, *, optional: bool = False, seconds: float = _PAGE) -> Any:
        response = await self.transport.get(path, base=base, seconds=seconds)
        if response.status != 200:
            if optional:
                return None
            told = scrub(message_of(read_error(response.body)[0]), self.transport.secret)
            why = f"HTTP {response.status} from {base}: {told or 'no message'}"
            if response.status in (401, 403):
                raise ModelError(f"{why}; the server refused the key: see --api-key-env and --api-key-file")
            if response.status < 500 and response.status not in (408, 429):
                raise ModelError(f"{why}; this is not a vLLM server's address, which ends in /v1")
            raise TransportError(why, retry=True)
        return read_json(response.body, self.transport.secret)[0]

    async def _tokens(self, base: str, messages: Any, extra: Mapping[str, object] | None = None) -> list[int] | None:
        """Token ids of a conversation, or of a prompt in its place; None where the server can't say."""
        body: dict[str, Any] = {"model": self.card.id, "messages": messages, "add_generation_prompt": True}
        if messages is None and extra:
            body = {"model": self.card.id, "prompt": extra["prompt"]}
        for name in ("add_special_tokens", "chat_template_kwargs", "chat_template", "mm_processor_kwargs", "tools"):
            if extra and name in extra:
                body[name] = extra[name]
        response = await self.transport.post("//tokenize", encoded(body), seconds=120, base=base)
        if response.status != 200:
            return None
        tokens = inner(read_json(response.body, self.transport.secret)[0], "tokens")
        return tokens if isinstance(tokens, list) and tokens else None

    def thinking(self, decoding: Decoding) -> dict[str, Any]:
        """The chat template's switch, and vLLM's own field for an effort or for tokens."""
        how = decoding.reasoning
        if how is None:
            return {}
        fields: dict[str, Any] = {"chat_template_kwargs": dict.fromkeys(_SWITCHES, how not in _OFF)}
        if how not in _OFF:
            fields["thinking_token_budget" if isinstance(how, int) else "reasoning_effort"] = how
        return fields

    async def _check_reasoning(self, decoding: Decoding) -> None:
        """ModelError where a chat template takes no notice of what the run says of reasoning.

        A number of tokens is vLLM's to keep; it refuses the field where it was started without a reasoning parser.
        """
        how = decoding.reasoning
        if how is None or how in self._heard:
            return
        for base in () if isinstance(how, int) and how else self._known:
            tried = (_template_words(one) for one in (how, "low" if how == "high" else "high"))
            first, second = [await self._tokens(base, _QUESTION, {"chat_template_kwargs": words}) for words in tried]
            if first is not None and first == second:
                what = "no switch for thinking" if how in _OFF else "no efforts, at most a switch (none)"
                raise ModelError(
                    f"--reasoning {how}: the chat template of {self.card.id} at {base} has {what}; leave it out, or "
                    "write a number of tokens"
                )
        self._heard.add(how)

    def _check_fields(self, request: Request) -> None:
        if is_raw(request):  # its fields are those of another form, which no report of this one tells
            return
        names = frozenset((*request.extra, *self.thinking(request.decoding)))
        if self.card.draws:  # vLLM-Omni reads it and does not list it
            names -= {"modalities"}
        if not names or names in self._checked:
            return
        for base, known in self._known.items():
            ignored = sorted(names - known.fields) if known.fields else []
            if ignored:
                version = known.served.version or "there"
                raise ModelError(f"vLLM {version} at {base} would silently ignore the field {', '.join(ignored)}")
        self._checked.add(names)

    def _check_order(self, request: Request) -> None:
        """ModelError where a server would put images before the words that they stand between."""
        lost = [base for base, known in self._known.items() if known.served.order == "lost"]
        if lost and depends_on_order(request.messages):
            raise ModelError(
                f"{lost[0]} puts all images of a message before its words, so region images would not stand beside "
                "their steps; start vLLM with --interleave-mm-strings, or, where the chat template itself puts images "
                "first, with another --chat-template; or add --images-first, which sends all images first and marks "
                "the run"
            )

    async def _ended_once(self, sent: PreparedRequest) -> PreparedRequest:
        """The request less the token that ends its raw prompt, where the servers' tokenizer adds that one itself.

        A checkpoint says in its tokenizer's files whether each text is given one (``add_eos_token``).
        """
        end = end_of(sent.request) if is_raw(sent.request) else ""
        if not end:
            return sent
        added = {await self._adds(base, known.losses, end) for base, known in tuple(self._known.items())}
        if len(added) > 1:
            raise ModelError(
                f"some servers of {self.card.id} add {end} to a prompt and some do not; name servers of one kind"
            )
        return replace(sent, request=without_end(sent.request)) if True in added else sent

    async def _adds(self, base: str, losses: int, end: str) -> bool:
        key = base, losses, end
        if key not in self._ends:
            plain, whole = [
                await self._tokens(base, None, {"prompt": f"A{end}", "add_special_tokens": special}) or []
                for special in (False, True)
            ]
            self._ends[key] = bool(plain) and whole[-2:] == plain[-1:] * 2 != plain[-2:]
        return self._ends[key]

    async def _misfit(self, sent: PreparedRequest) -> Reply | None:
        """A reply that says that prompt and answer can't share the context; None where they fit, or nobody knows it."""
        contexts = [known.served.context for known in self._known.values() if known.served.context]
        if not contexts:
            return None
        context, wanted = min(contexts), sent.request.decoding.max_tokens or 1  # without a limit, what is left
        if wanted >= context:
            raise ModelError(
                f"--max-tokens {wanted} leaves no room for a prompt: the context of {self.card.id} has {context} tokens"
            )
        most = self._gauge.most(sent.request, sent.images)
        if most is not None and most + wanted <= context:
            return None
        raw = is_raw(sent.request)
        messages = None if raw else messages_value(sent)
        base = min(self._known, key=lambda one: self._known[one].served.context or context)
        thinking = sent.request.decoding.reasoning
        words = {} if thinking is None else {"chat_template_kwargs": _template_words(thinking)}
        asked = {"prompt": prompt_of(sent.request)} if raw else {**words, **sent.request.extra}
        tokens = await self._tokens(base, messages, asked)
        if tokens is None:
            return None
        self._gauge.saw(len(tokens), sent.request, sent.images)
        if len(tokens) + wanted <= context:
            return None
        why = f"a prompt of {len(tokens)} tokens and {wanted} for the answer exceed the context of {context}"
        known = self._known[base]
        return Reply(finish="too long", why=why, served=known.served)

    def _clipped(self, reply: Reply, sent: PreparedRequest, context: int | None) -> Reply:
        """A reply that ended where the context ends and not where the run said is ``too long``, and keeps its words."""
        used, wrote = reply.usage.prompt, reply.usage.completion
        if reply.finish != "length" or context is None or used is None or wrote is None:
            return reply
        limit = sent.request.decoding.max_tokens
        if (limit is not None and wrote >= limit) or used + wrote < context:
            return reply
        why = f"the answer was cut after {wrote} tokens, where the context of {context} ended"
        return msgspec.structs.replace(reply, finish="too long", why=why)


def _template_words(how: int | str) -> dict[str, Any]:
    """What the chat template is told; vLLM itself passes on the effort that a request names."""
    switch: dict[str, Any] = dict.fromkeys(_SWITCHES, how not in _OFF)
    return switch if isinstance(how, int) or how in _OFF else switch | {"reasoning_effort": how}
