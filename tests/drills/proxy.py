"""A proxy of the drill's own between two programs: it cuts connections between request and reply, delays and drips."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 64 * 1024

DRIP_BYTES = 7
"""So small that no header, no number and no message of PostgreSQL's comes whole."""

DRIPS_MAX = 60
"""Drops of one reply; the rest follows at once."""

DRIP_SECONDS = 0.003

CLOSE_SECONDS = 10


@dataclass(eq=False)
class _Pair:
    """One connection through the proxy: both its writing ends, and whether its next reply is to be swallowed."""

    ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    is_doomed: bool = False

    def cut(self) -> None:
        """Cut it without a word to either side."""
        for end in self.ends:
            end.transport.abort()


@dataclass
class Proxy:
    """Listens on a port of its own and passes everything on to wherever the target is at the time."""

    target: Callable[[], int]
    triggers: tuple[bytes, ...]
    """What a request with an effect contains: the reply to such a one is what is cut."""
    port: int = 0
    cuts_done: int = 0
    delay_seconds: float = 0.0
    is_dripping: bool = False
    _cuts_wanted: int = 0
    _pairs: set[_Pair] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen; connections are carried by a thread of their own."""
        is_listening = threading.Event()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            server = self._loop.run_until_complete(asyncio.start_server(self._carry, "127.0.0.1", 0))
            self.port = server.sockets[0].getsockname()[1]
            is_listening.set()
            self._loop.run_forever()
            server.close()
            for pair in list(self._pairs):
                pair.cut()
            self._loop.run_until_complete(asyncio.wait_for(self._emptied(), CLOSE_SECONDS))
            self._loop.close()

        self._thread = threading.Thread(target=run, name="proxy")
        self._thread.start()
        is_listening.wait()

    def close(self) -> None:
        """Cut everything and stop listening."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join()

    def cut_replies(self, count: int) -> None:
        """Let the next requests with an effect pass, and cut each connection when its reply comes."""
        self._cuts_wanted = count

    def cut_all(self) -> None:
        """Cut every connection where it stands."""

        def cut() -> None:
            for pair in list(self._pairs):
                pair.cut()

        self._loop.call_soon_threadsafe(cut)

    async def _emptied(self) -> None:
        """Wait until every connection has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        task = asyncio.current_task()
        assert task is not None, "the loop carries it"
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target())
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair((writer, far_writer))
        self._pairs.add(pair)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await asyncio.gather(self._there(reader, far_writer, pair), self._back(far_reader, writer, pair))
        finally:
            self._pairs.discard(pair)
            pair.cut()

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair) -> None:
        """Pass requests on."""
        while chunk := await reader.read(CHUNK_BYTES):
            if self._cuts_wanted and any(trigger in chunk for trigger in self.triggers):
                self._cuts_wanted -= 1
                pair.is_doomed = True
            await self._slow()
            writer.write(chunk)
            await writer.drain()
        pair.cut()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair) -> None:
        """Pass replies back, unless the connection is to be cut now that the reply is there."""
        while chunk := await reader.read(CHUNK_BYTES):
            if pair.is_doomed:
                self.cuts_done += 1
                break
            await self._slow()
            if self.is_dripping:
                chunk = await _dripped(chunk, writer)
            writer.write(chunk)
            await writer.drain()
        pair.cut()

    async def _slow(self) -> None:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)


async def _dripped(chunk: bytes, writer: asyncio.StreamWriter) -> bytes:
    """Send the beginning of a chunk drop by drop and return the rest."""
    for _ in range(DRIPS_MAX):
        if len(chunk) <= DRIP_BYTES:
            break
        writer.write(chunk[:DRIP_BYTES])
        await writer.drain()
        await asyncio.sleep(DRIP_SECONDS)
        chunk = chunk[DRIP_BYTES:]
    return chunk
