"""One way over HTTP for all wire formats: bytes out, status and bytes back, every failure a TransportError.

Redirects are not followed and proxy variables are not read: what is sent goes where the run says and nowhere else.
"""

from __future__ import annotations

import hashlib
import io
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import TransportError, UsageError
from mmrad_eval.model_registry.command_line import scrub_word
from mmrad_eval.model_registry.prefixes import shared_prefix
from mmrad_eval.model_registry.reply_bodies import PACKINGS, BodyReader
from mmrad_eval.model_registry.secrets import Secret, scrub

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver
    from yarl import URL

Headers = Mapping[str, str]

_CONNECT = 15.0  # seconds until a server that does not take the connection counts as gone
_DOWN, _LONGEST_DOWN = 1.0, 60.0  # seconds for which a failed server is passed over while others are there; doubles
_LARGE = 1 << 20  # bytes of a body from which on aiohttp wants to write it in pieces
_BASE_TIMEOUT = 120.0  # seconds for the queue and the prompt
_SLOWEST = 4.0  # tokens a second of the slowest server worth waiting for


_ADDRESS: ContextVar[str] = ContextVar("address", default="")


@contextmanager
def to_address(base: str) -> Iterator[None]:
    """While held, what this task posts goes to one server; empty: to whichever is least loaded."""
    before = _ADDRESS.set(base)
    try:
        yield
    finally:
        _ADDRESS.reset(before)


@dataclass(frozen=True)
class HttpResponse:
    """What came back, whatever its status."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    base: str
    """The server that answered."""


@dataclass
class _Server:
    base: str
    in_flight: int = 0
    faults: int = 0
    losses: int = 0
    down_until: float = 0.0

    def failed(self) -> None:
        self.down_until = time.monotonic() + min(_LONGEST_DOWN, _DOWN * 2.0**self.faults)
        self.faults = min(self.faults + 1, 16)

    def lost(self) -> None:
        self.losses += 1
        self.failed()


def base_urls(given: Sequence[str], default: str, suffix: str = "/v1") -> tuple[str, ...]:
    """The addresses as they are used: http(s), no slash at the end, ``suffix`` where a bare host is given."""
    from yarl import URL  # the parser of the HTTP client itself, so that both read the same host

    urls = []
    for text in given or (default,):
        try:
            url = URL(text)
        except ValueError:
            url = URL()
        if url.user or url.password:
            raise UsageError(
                "--base-url contains a user name or password; give the key with --api-key-env or --api-key-file"
            )
        if url.scheme not in ("http", "https") or not url.host or "\\" in text:
            raise UsageError(f"--base-url {scrub_word(text)}: not an address such as http://127.0.0.1:8000/v1")
        if url.query_string or url.fragment:
            raise UsageError(f"--base-url {scrub_word(text)}: an address must not contain `?` or `#`")
        urls.append(str(url).rstrip("/") + (suffix if url.path in ("", "/") else ""))
    return tuple(urls)


class Transport:
    """Connections to the servers of one model; the least loaded one takes each request."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        headers: Mapping[str, str] | None = None,
        secret: Secret | None = None,
        timeout: float | None = None,
    ) -> None:
        """``headers`` go with every request; ``secret`` is what must not show in any message."""
        self.urls = tuple(urls)
        self.secret = secret
        self.timeout = timeout
        self.watch: Callable[[HttpResponse], None] = lambda _: None
        """Sees every response: providers tell their limits in headers."""
        self.ready: Callable[[str], bool] = lambda _: True
        """Whether a server takes requests now; one that does not gets none while another does."""
        self._headers = dict(headers or {})
        self._servers = [_Server(base) for base in dict.fromkeys(self.urls)]
        self._by_base = {server.base: server for server in self._servers}
        self._session: aiohttp.ClientSession | None = None
        self._bodies = BodyReader()
        self._hosts: dict[str, tuple[str, ...]] | None = None
        self._urls: dict[tuple[str, str], URL] = {}
        self._limits: dict[float, aiohttp.ClientTimeout] = {}

    def time_allowed(self, max_tokens: int) -> float:
        """Seconds for one try that may write ``max_tokens``."""
        return self.timeout if self.timeout is not None else _BASE_TIMEOUT + max_tokens / _SLOWEST

    def losses(self, base: str) -> int:
        """How often a connection to this server could not be made, or broke: what comes back may be another."""
        return self._by_base[base].losses

    async def post(
        self, path: str, body: bytes, *, seconds: float, base: str | None = None, headers: Headers | None = None
    ) -> HttpResponse:
        """Send ``body`` as JSON; TransportError where no whole response comes within ``seconds``.

        To ``base``, else to the address that the task holds (``to_address``), else to the server of the prefix that it
        shares (``prefixes``), else to the least loaded one.
        """
        server = self._by_base.get(base or _ADDRESS.get()) or self._least_loaded()
        server.in_flight += 1
        try:
            return await self._request("POST", server, path, seconds, body, headers)
        finally:
            server.in_flight -= 1

    async def get(
        self, path: str, *, base: str | None = None, seconds: float = _CONNECT, headers: Headers | None = None
    ) -> HttpResponse:
        """Ask one server for a page; ``//version`` is at its root, ``/models`` under ``/v1``."""
        return await self._request("GET", self._by_base[base or self.urls[0]], path, seconds, headers=headers)

    def confine(self, hosts: Mapping[str, tuple[str, ...]]) -> None:
        """From now on connect only to these hosts, each at these addresses only; names are not looked up again."""
        if self._session is not None:
            raise RuntimeError("confined after the first connection")
        self._hosts = dict(hosts)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _least_loaded(self) -> _Server:
        if len(self._servers) == 1:
            return self._servers[0]
        now, name = time.monotonic(), shared_prefix().name
        if name:
            there = [server for server in self._servers if self.ready(server.base) and server.down_until <= now]
            if there:  # the highest digest: a server that is lost moves its own names only
                return max(there, key=lambda server: hashlib.sha256(f"{name}|{server.base}".encode()).digest())
        return min(
            self._servers,
            key=lambda server: (not self.ready(server.base), server.down_until > now, server.in_flight),
        )

    async def _request(  # noqa: PLR0917 (the private half of `post` and `get`)
        self,
        method: str,
        server: _Server,
        path: str,
        seconds: float,
        body: bytes | None = None,
        headers: Headers | None = None,
    ) -> HttpResponse:
        import aiohttp

        session = self._session or self._open()
        url = self._urls.get((server.base, path)) or self._url(server.base, path)
        data = io.BytesIO(body) if body is not None and len(body) > _LARGE else body
        limits = self._limits.get(seconds)
        if limits is None:
            limits = self._limits[seconds] = aiohttp.ClientTimeout(seconds, sock_connect=_CONNECT)
        try:
            async with session.request(
                method, url, data=data, headers=headers or None, allow_redirects=False, timeout=limits
            ) as response:
                answer = await self._bodies.read(response, server.base)
                if response.status >= 500:
                    server.failed()
                else:
                    server.faults = 0
                whole = HttpResponse(response.status, answer, response.headers, server.base)
                self.watch(whole)
                return whole
        except aiohttp.ConnectionTimeoutError:
            server.lost()
            why = f"no connection to {server.base} within {_CONNECT:g} s"
            raise TransportError(why, retry=True, kind="unreachable", server=server.base) from None
        except TimeoutError:
            server.failed()
            why = f"no reply from {server.base} within {seconds:g} s"
            raise TransportError(why, retry=True, kind="timeout", server=server.base) from None
        except aiohttp.ClientConnectorError as error:
            server.lost()
            words = self._words(error.os_error, refused="refused, so no server is there")
            why = f"no connection to {server.base}: {words}"
            raise TransportError(why, retry=True, kind="unreachable", server=server.base) from None
        except (aiohttp.ClientError, OSError) as error:
            server.lost()
            why = f"the connection to {server.base} broke: {self._words(error)}"
            raise TransportError(why, retry=True, server=server.base) from None

    def _words(self, error: BaseException, refused: str = "refused") -> str:
        if isinstance(error, ConnectionRefusedError):
            return refused
        return scrub(str(error) or type(error).__name__, self.secret)

    def _url(self, base: str, path: str) -> URL:
        from yarl import URL

        whole = base.removesuffix("/v1") + path[1:] if path.startswith("//") else base + path
        url = self._urls[base, path] = URL(whole)
        return url

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        resolver = None if self._hosts is None else _pinned(self._hosts)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=None, resolver=resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Content-Type": "application/json",
                "Accept-Encoding": PACKINGS,
                "User-Agent": "mmrad-eval",
                **self._headers,
            },
            auto_decompress=False,
            trust_env=False,
        )
        return self._session


def _pinned(hosts: Mapping[str, tuple[str, ...]]) -> AbstractResolver:
    """A resolver that knows these hosts only, at these addresses."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Pinned(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            """The addresses that were looked at when the run was planned."""
            if host not in hosts:
                raise OSError(f"{host} is not an address that this run was permitted to reach")
            wanted = [address for address in hosts[host] if family in (socket.AF_UNSPEC, _family(address))]
            return [
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=_family(address),
                    proto=0,
                    flags=socket.AI_NUMERICHOST,
                )
                for address in wanted
            ]

        async def close(self) -> None:
            """Nothing is open."""

    return Pinned()


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
