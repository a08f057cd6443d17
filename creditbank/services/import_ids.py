"""Ids of records that come without one: made of what they say, under a salt, so that repeats are known."""

import hmac
import secrets
from uuid import UUID

from sqlalchemy import Connection

from creditbank.formats.row_binding import Derive
from creditbank.services.bank import Bank
from creditbank.services.import_files import read, written
from creditbank.storage import import_parts

PREFIX = "file:"
DIGITS = 40
"""Hexadecimal digits of an id: 160 bits, so that no two records of an institution ever share one."""

SALT_BYTES = 32


def deriving(bank: Bank, institution_id: UUID) -> Derive:
    """Return what makes an id of a text.

    An id stands in plain, and what it is made of has people's numbers in it: without the salt, which is sealed, nobody
    can try numbers until one fits. The salt stays as it is while keys are changed. Refused: TryLater.
    """
    place = f"import_salt:{institution_id}"
    sealed = read(bank, lambda connection: import_parts.salt(connection, institution_id))
    if sealed is None:
        made = bank.keyring.seal_bank(secrets.token_hex(SALT_BYTES), place)
        sealed = written(bank, lambda connection: _kept(connection, institution_id, made))
    salt = bytes.fromhex(bank.keyring.opened_bank(sealed, place))

    def derive(text: str) -> str:
        return PREFIX + hmac.digest(salt, text.encode(), "sha256").hex()[:DIGITS]

    return derive


def _kept(connection: Connection, institution_id: UUID, made: bytes) -> bytes:
    """Keep a salt unless somebody else has kept one meanwhile; return the one that is kept."""
    there = import_parts.salt(connection, institution_id)
    if there is None:
        import_parts.add_salt(connection, institution_id, made)
    return made if there is None else there
