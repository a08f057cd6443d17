"""Couriers: threads of a worker, each of which serves one webhook at a time: none waits for another's receiver."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import structlog

from creditbank.core.webhook import Webhook
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.services import delivering
from creditbank.services.bank import Bank

log = structlog.get_logger()

COURIERS = 16
"""Threads of one worker: so many webhooks are served at once."""

SLOW_COURIERS = 8
"""How many of them serve webhooks that are slow or fail: the others are never kept waiting by those."""


class Couriers:
    """The couriers of one worker. Several workers share the webhooks: each claims those at which nobody is."""

    def __init__(self, bank: Bank, sender: WebhookSender) -> None:
        """Prepare them; none starts before there is something to carry."""
        self.bank = bank
        self.sender = sender
        self._pool = ThreadPoolExecutor(COURIERS, thread_name_prefix="courier")
        self._lock = Lock()
        self._busy = {False: 0, True: 0}

    def send_out(self) -> int:
        """Let couriers who are free serve webhooks for which something is due; return how many were sent out.

        It waits for none of them. Raised: Unavailable, Raced.
        """
        sent = 0
        for is_slow in (False, True):
            for claimed in delivering.claim(self.bank, self._free(is_slow=is_slow), is_slow=is_slow):
                with self._lock:
                    self._busy[is_slow] += 1
                self._pool.submit(self._serve, claimed, is_slow=is_slow)
                sent += 1
        return sent

    def stop(self) -> None:
        """Wait until all who are under way are back, a turn and one delivery at most."""
        self._pool.shutdown()

    def _free(self, *, is_slow: bool) -> int:
        with self._lock:
            free = COURIERS - sum(self._busy.values())
            return min(free, SLOW_COURIERS - self._busy[True]) if is_slow else free

    def _serve(self, claimed: Webhook, *, is_slow: bool) -> None:
        """Serve one webhook; whatever goes wrong is logged, and others may have it when its lease is over."""
        try:
            delivering.deliver(self.bank, self.sender, claimed)
        except Exception:
            log.exception("courier_failed", webhook=str(claimed.id))
        finally:
            with self._lock:
                self._busy[is_slow] -= 1
