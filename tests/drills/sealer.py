"""A process that seals in small parts and does nothing else, to be killed: python -m tests.drills.sealer URL FOLDER."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import uuid_utils.compat

from creditbank.gateways.keyring_source import KeyringFile
from creditbank.services import sealing
from creditbank.services.bank import Bank
from tests.pooling import database_at

ENTRIES_AT_ONCE = 5
"""So few that a kill seldom comes too late."""

ORIGIN = "bank.drill/log"


def main() -> None:
    """Seal all that waits."""
    url, folder = sys.argv[1], Path(sys.argv[2])
    keys = KeyringFile(folder / "keyring.json")
    bank = Bank(database_at(url), keys, lambda: datetime.now(UTC), uuid_utils.compat.uuid7)
    sealing.ENTRIES_MAX.update(dict.fromkeys(sealing.ENTRIES_MAX, ENTRIES_AT_ONCE))
    sealing.seal(sealing.Log(bank, ORIGIN, folder / "log"))


if __name__ == "__main__":
    main()
