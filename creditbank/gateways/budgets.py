"""How much of something a caller has used in a while: counted in one process, or for all of them in Redis.

Where Redis is out of reach each process counts by itself and gives its share, so that all together give no more than
the whole; some seconds later Redis is tried again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import structlog
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from creditbank.gateways import metrics

IN_MEMORY = "memory://"
"""The store of one process."""

SCHEMES = ("redis", "rediss", "redis+unix")
"""What the address of a store begins with that several processes share."""

ANSWER_SECONDS = 0.25
"""How long the store may take to connect or answer before it counts as down; it takes a thousandth of that."""

DOWN_SECONDS = 5.0
"""How long a store that was down is left alone: one request in that time waits for it in vain."""

log = structlog.get_logger()


class StoreUnusable(Exception):  # noqa: N818 - reads as what it is
    """The address of the store is none; the sentence says what is taken."""


@dataclass(frozen=True, slots=True)
class Budget:
    """So many units in so many seconds, counted from the first unit that is used."""

    name: str
    units: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What came of using some units: whether there were enough, how many are left, and when there are all again."""

    is_within: bool
    budget: Budget
    units_left: int
    retry_seconds: int = 0


class Budgets:
    """What callers have used. `processes` count together; each by itself gives its share of a budget."""

    def __init__(
        self, store: str = IN_MEMORY, processes: int = 1, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare to count; nothing is connected yet. Raises StoreUnusable."""
        self._processes = processes
        self._monotonic = monotonic
        self._alone: Storage = MemoryStorage()
        self._shared = None if store == IN_MEMORY else _redis(store)
        self._lock = Lock()
        self._asked_again_at = 0.0
        self._is_down = False

    def spend(self, budget: Budget, who: str, cost: int = 1) -> Spent:
        """Use units of a caller's budget, or look whether one is left by a cost of 0. Never raises.

        A cost above the whole budget uses the whole.
        """
        shared = self._shared
        if shared is not None and self._is_to_be_asked():
            try:
                spent = _spent(shared, budget, who, cost)
            except (StorageError, RedisError, OSError) as error:
                self._went_down(error)
            else:
                self._came_back()
                return spent
        share = max(1, budget.units // self._processes)
        return _spent(self._alone, Budget(budget.name, share, budget.seconds), who, cost)

    def answers(self) -> bool:
        """Tell whether the shared store answers; where each process counts by itself there is none to be asked."""
        return self._shared is None or self._shared.check()

    def _is_to_be_asked(self) -> bool:
        """Tell whether this request asks the shared store: always, but only one now and then where it was down."""
        if not self._is_down:
            return True
        with self._lock:
            now = self._monotonic()
            if now < self._asked_again_at:
                return False
            self._asked_again_at = now + DOWN_SECONDS
            return True

    def _went_down(self, error: Exception) -> None:
        """Leave the store alone for a while, and say so once."""
        with self._lock:
            was_down, self._is_down = self._is_down, True
            self._asked_again_at = self._monotonic() + DOWN_SECONDS
        metrics.limits_store_failures_total.inc()
        if not was_down:
            log.error("limits_store_down", reason=type(error).__name__, share=f"1/{self._processes}")

    def _came_back(self) -> None:
        """Count together again."""
        if self._is_down:
            self._is_down = False
            log.info("limits_store_up")


def _redis(address: str) -> Storage:
    """Return the store at an address. Raises StoreUnusable."""
    scheme, _, place = address.partition("://")
    message = "CREDITBANK_LIMITS_STORE is no address of a store: set it to memory:// or redis://HOST:PORT/0"
    if scheme not in SCHEMES or not place:
        raise StoreUnusable(message)
    options: dict[str, Any] = {
        "socket_timeout": ANSWER_SECONDS,
        "socket_connect_timeout": ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 1),  # a connection that broke since is made anew at once
    }
    try:
        return RedisStorage(address, wrap_exceptions=True, **options)
    except (ConfigurationError, ValueError, RedisError):
        raise StoreUnusable(message) from None


def _spent(store: Storage, budget: Budget, who: str, cost: int) -> Spent:
    """Use units in a store."""
    key = f"{budget.name}/{who}"
    used = store.incr(key, budget.seconds, amount=min(cost, budget.units))
    if used + (cost == 0) <= budget.units:
        return Spent(is_within=True, budget=budget, units_left=budget.units - used)
    left = store.get_expiry(key) - time.time()
    return Spent(is_within=False, budget=budget, units_left=0, retry_seconds=max(1, int(left) + 1))
