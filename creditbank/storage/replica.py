"""A replica for reads that may lag: whether it is fit to be read now, as far as a caller's own writes go."""

import re
import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from sqlalchemy import Connection, text

from creditbank.storage.database import Database, Raced, Unavailable

LOOK_SECONDS = 0.5
"""Between two looks at how far the primary has written and the replica has followed."""

SAMPLES_MAX = 1000
"""Looks that are remembered: enough for a lag of some minutes."""

_PLACE = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", re.ASCII)
_FOLLOWED = text("SELECT CASE WHEN pg_is_in_recovery() THEN CAST(pg_last_wal_replay_lsn() AS text) END")


def position(connection: Connection) -> str:
    """Return how far the primary has written by now; what was committed before stands behind it."""
    return str(connection.execute(text("SELECT CAST(pg_current_wal_lsn() AS text)")).scalar_one())


def place_of(position: str) -> int | None:
    """Return a position as a number of bytes, None for what is none."""
    if not _PLACE.fullmatch(position):
        return None
    high, low = position.split("/")
    return (int(high, 16) << 32) + int(low, 16)


class Replica:
    """A streaming replica of the primary, with what is known of how far behind it is."""

    def __init__(
        self, database: Database, primary: Database, lag_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take both databases and the longest lag at which the replica is read; `clock` counts seconds."""
        self.database = database
        self.lag_seconds = lag_seconds
        self._primary = primary
        self._clock = clock
        self._lock = Lock()
        self._written: deque[tuple[float, int]] = deque(maxlen=SAMPLES_MAX)
        self._followed: int | None = None
        self._looked_at: float | None = None

    def is_fit(self, since: int | None) -> bool:
        """Tell whether it may be read: it has all that the primary had some seconds ago, and all up to `since`.

        A replica that doesn't answer is not fit, nor is one that was promoted: it goes its own way. Raised: Unavailable
        where the primary doesn't answer, which alone knows how far behind the replica is.
        """
        with self._lock:
            now = self._clock()
            if self._looked_at is None or now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                self._look(now)
            if self._followed is None or self._followed < self._bound(now):
                return False
            if since is not None and self._followed < since:
                self._follow()
            return self._followed is not None and (since is None or self._followed >= since)

    def give_up(self) -> None:
        """Note that it failed to answer; it is looked at again in a while."""
        with self._lock:
            self._followed = None
            self._looked_at = self._clock()

    def close(self) -> None:
        """Close its pooled connections."""
        self.database.close()

    def _look(self, now: float) -> None:
        written = place_of(self._primary.read(position))
        assert written is not None, "PostgreSQL says positions as we read them"
        self._written.append((now, written))
        self._follow()

    def _follow(self) -> None:
        """Ask how far the replica has followed; None where it doesn't answer or is no replica."""
        try:
            with self.database.reading() as connection:
                said = connection.execute(_FOLLOWED).scalar_one()
        except (Unavailable, Raced):
            said = None
        self._followed = None if said is None else place_of(said)

    def _bound(self, now: float) -> int:
        """Return how far it has to be: where the primary was when the lag began or, not knowing that, later."""
        oldest = now - self.lag_seconds - 2 * LOOK_SECONDS
        while len(self._written) > 1 and self._written[0][0] < oldest:
            self._written.popleft()
        return self._written[0][1]
