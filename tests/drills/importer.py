"""A process that imports and does nothing else, to be killed: python -m tests.drills.importer URL FOLDER."""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import uuid_utils.compat
from sqlalchemy import func, select

from creditbank.api.outcomes import read_record
from creditbank.core.importing import WORKED_ON
from creditbank.gateways.keyring_source import KeyringFile
from creditbank.opening import calm_collector
from creditbank.services import import_posting, import_rows
from creditbank.services.bank import Bank
from creditbank.services.import_posting import Desk, work_on_one
from creditbank.storage.imports import import_file
from tests.pooling import database_at

BRIEFLY = timedelta(seconds=0.4)
"""A lease so short that nobody waits long for what a killed worker held; what it writes late fails all the same."""

LONGER = timedelta(seconds=4)
"""A lease of large files: longer than a workbook takes to be opened, which gives no sign of life."""

TURN_SECONDS = 2.0
PAUSE_SECONDS = 0.05


def main() -> None:
    """Import until nothing is left, then print how much memory that took at most, in MiB."""
    work_off(sys.argv[1], Path(sys.argv[2]), import_rows.RECORDS_MAX, LONGER)
    sys.stdout.write(f"{memory_mebibytes()}\n")


def memory_mebibytes() -> int:
    """Return the most memory that this process has had, without what its parent had when it was started."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) // 1024


def work_off(url: str, folder: Path, records: int, lease: timedelta = BRIEFLY) -> None:
    """Import until nothing is left, so many records at once."""
    import_rows.RECORDS_MAX = records
    import_rows.LEASE = import_posting.LEASE = lease
    import_posting.BEAT_SECONDS = lease.total_seconds() / 8
    bank = Bank(
        database_at(url), KeyringFile(folder / "keyring.json"), lambda: datetime.now(UTC), uuid_utils.compat.uuid7
    )
    desk = Desk(bank, str(uuid4()), read_record)
    calm_collector()
    while left(bank):
        if not work_on_one(desk, TURN_SECONDS):
            time.sleep(PAUSE_SECONDS)


def left(bank: Bank) -> int:
    """Return how many imports are not at their end."""
    query = select(func.count()).select_from(import_file).where(import_file.c.state.in_(WORKED_ON))
    return bank.database.read(lambda connection: int(connection.execute(query).scalar_one()))


if __name__ == "__main__":
    main()
