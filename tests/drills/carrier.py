"""A worker of events that a drill starts and kills: `python -m tests.drills.carrier DATABASE_URL FOLDER`."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from creditbank import couriers, worker
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.opening import configure_logging
from creditbank.services import delivering
from tests.builders import new_bank

LEASE = timedelta(seconds=1)
"""Shorter than the real one: what a killed worker had claimed is free again while the drill waits."""


def main() -> None:
    """Number and carry until killed."""
    url, folder = sys.argv[1:]
    configure_logging("none")
    delivering.LEASE = LEASE
    bank = new_bank(url, Path(folder), lambda: datetime.now(UTC), is_there=True)
    crew = couriers.Couriers(bank, WebhookSender(allows_private=True))
    worker.work(worker.event_jobs_of(bank, crew), Event())


if __name__ == "__main__":
    main()
