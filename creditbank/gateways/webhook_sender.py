"""The way to webhooks: requests to addresses that others gave, on connections to addresses that were looked at.

A name is resolved here, every address behind it is looked at, and it is one of those that is connected to: what a name
leads to later doesn't count. Nothing is followed, no proxy is asked, and neither time nor bytes are without bound.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import httpcore

from creditbank.core.public_address import Target, may_connect, target_of
from creditbank.core.webhook import DeliveryFault, Result

SECONDS_MAX = 10.0
"""How long one delivery may take as a whole, from asking for the name to the last byte of the answer."""

RESOLVE_SECONDS_MAX = 5.0
"""How much of that may pass before the name is known."""

ANSWER_BYTES_MAX = 64 * 1024
"""How much of an answer is read; what comes behind is left unread, and the connection is closed."""

Resolve = Callable[[str, int], list[str]]
"""What gives the network addresses behind a name; it raises OSError where there are none."""

_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_TOO_BUSY = frozenset({429, 503})
"""Answers by which a receiver may say when it wants to be asked again."""


class AddressRefused(Exception):  # noqa: N818 - what happened, not an error
    """There is an address behind the name to which the bank doesn't connect."""


class NameUnknown(Exception):  # noqa: N818 - as above
    """There is no address behind the name, or nobody told in time."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to one URL."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses behind a name, as this machine is told. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@cache
def trusted() -> ssl.SSLContext:
    """Return which certificates count: those of this machine. Reading them takes longer than most deliveries."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """What sends to webhooks. With `allows_private` also to this very machine, for trying things out."""

    allows_private: bool = False
    resolve: Resolve = resolved
    trust: Callable[[], ssl.SSLContext] = trusted

    def addresses(self, target: Target, seconds: float = RESOLVE_SECONDS_MAX) -> list[str]:
        """Return the addresses behind a target, all of which may be connected to.

        Raises AddressRefused where any of them may not, NameUnknown.
        """
        found = [str(target.address)] if target.address else self._asked(target, seconds)
        if not found:
            raise NameUnknown(target.host)
        if not all(self._may_connect(one) for one in found):
            raise AddressRefused(target.host)
        return found

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Give what sends several messages one after the other, over one connection where that is kept open."""
        session = Session(self, _Clocked())
        try:
            yield session
        finally:
            session.close()

    def _may_connect(self, address: str) -> bool:
        try:
            return may_connect(address, allows_private=self.allows_private)
        except ValueError:
            return False

    def _asked(self, target: Target, seconds: float) -> list[str]:
        """Ask in a thread of its own: nobody can be made to stop asking."""
        answers: SimpleQueue[list[str]] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self.resolve(target.host, target.port))
            except (OSError, UnicodeError):
                answers.put([])

        Thread(target=ask, daemon=True, name="resolving").start()
        try:
            return answers.get(timeout=max(0.0, seconds))
        except Empty:
            raise NameUnknown(target.host) from None


@dataclass(slots=True)
class _Clocked:
    """Until when what is done now has to be done; it is reckoned anew for each message."""

    deadline: float = 0.0

    def begin(self) -> float:
        begun = time.monotonic()
        self.deadline = begun + SECONDS_MAX
        return begun

    def left(self) -> float:
        """Return the seconds that are left. Raises ReadTimeout where none are."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds


@dataclass(slots=True)
class Session:
    """Messages sent one after the other."""

    sender: WebhookSender
    clock: _Clocked
    _pool: httpcore.ConnectionPool | None = field(default=None)

    def send(self, message: Message) -> Result:
        """Send a message once and return what came of it; nothing is raised for what others do."""
        begun = self.clock.begin()
        answer: httpcore.Response | None = None
        try:
            answer = self._answered(message)
            fault = _fault_of(answer.status)
        except AddressRefused:
            fault = DeliveryFault.ADDRESS_REFUSED
        except NameUnknown:
            fault = DeliveryFault.NAME_UNKNOWN
        except httpcore.TimeoutException:
            fault = DeliveryFault.TIMEOUT
        except (httpcore.NetworkError, OSError):
            fault = DeliveryFault.UNREACHABLE
        except (httpcore.ProtocolError, ValueError):
            fault = DeliveryFault.NOT_HTTP
        seconds = time.monotonic() - begun
        if answer is None:
            self.close()
            return Result(fault, None, seconds)
        return Result(fault, answer.status, seconds, _retry_after(answer))

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _answered(self, message: Message) -> httpcore.Response:
        """Send a message, and once more where its connection was kept open: the receiver may have closed it since."""
        is_kept = self._pool is not None
        try:
            return self._sent(message)
        except (httpcore.NetworkError, httpcore.RemoteProtocolError):
            self.close()
            if not is_kept:
                raise
        return self._sent(message)

    def _sent(self, message: Message) -> httpcore.Response:
        target = target_of(message.url, allows_private=self.sender.allows_private)
        if isinstance(target, str):
            raise AddressRefused(target)
        url = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        headers = {"Host": target.host_header, **message.headers, "Content-Length": str(len(message.body))}
        seconds = dict.fromkeys(("connect", "read", "write", "pool"), SECONDS_MAX)
        extensions = {"timeout": seconds}
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        opened = self._opened(target)
        with opened.stream("POST", url, headers=told, content=message.body, extensions=extensions) as answer:
            _read_some(answer.iter_stream())
            return answer

    def _opened(self, target: Target) -> httpcore.ConnectionPool:
        """Return the pool of one connection, which is made as the sender says."""
        if self._pool is None:
            self._pool = httpcore.ConnectionPool(
                ssl_context=self.sender.trust() if target.scheme == "https" else None,
                max_connections=1,
                keepalive_expiry=SECONDS_MAX,
                network_backend=_Looking(self.sender, self.clock),
            )
        return self._pool


@dataclass(slots=True)
class _Looking(httpcore.NetworkBackend):
    """Connects to an address that was looked at, whatever the name leads to a moment later."""

    sender: WebhookSender
    clock: _Clocked
    plain: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - what is left counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; those behind it have their part of the time, too."""
        named = Target("https", host.strip("[]"), port, "/")
        found = self.sender.addresses(named, min(RESOLVE_SECONDS_MAX, self.clock.left()))
        for place, address in enumerate(found):
            others = len(found) - place - 1
            seconds = self.clock.left() / (others + 1)
            try:
                opened = self.plain.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not others:
                    raise
            else:
                return _Bounded(opened, self.clock)
        raise httpcore.ConnectError


@dataclass(slots=True)
class _Bounded(httpcore.NetworkStream):
    """A connection on which nothing takes longer than is left, however small the parts in which it comes."""

    inner: httpcore.NetworkStream
    clock: _Clocked

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - what is left counts
        return self.inner.read(max_bytes, self.clock.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - as above
        self.inner.write(buffer, self.clock.left())

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.NetworkStream:
        return _Bounded(self.inner.start_tls(ssl_context, server_hostname, self.clock.left()), self.clock)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore has it
        return self.inner.get_extra_info(info)


def _read_some(chunks: Iterable[bytes]) -> None:
    """Read an answer as far as it is read at all."""
    read = 0
    for chunk in chunks:
        read += len(chunk)
        if read > ANSWER_BYTES_MAX:
            return


def _retry_after(answer: httpcore.Response) -> str:
    """Return when a receiver that is too busy wants to be asked again, as it says it; nothing where it doesn't."""
    said = (value for name, value in answer.headers if name.lower() == b"retry-after")
    return next(said, b"").decode("latin-1") if answer.status in _TOO_BUSY else ""


def _fault_of(status: int) -> DeliveryFault | None:
    if status in _OK:
        return None
    return DeliveryFault.REDIRECT if status in _REDIRECTS else DeliveryFault.STATUS
