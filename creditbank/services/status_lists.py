"""Status lists as signed credentials, for whoever checks a credential without the bank."""

from typing import Any

from creditbank.core.errors import unknown
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.did_web import did_of
from creditbank.formats.status_list import REVOCATION, SUSPENSION, list_address, status_list
from creditbank.formats.token_status_list import token_list
from creditbank.services import issuing_keys
from creditbank.services.bank import Work
from creditbank.storage import credential_status

NUMBER_MAX = 1_000_000
"""More lists than everybody's credentials would fill."""


def proven_list(work: Work, number: int, base_url: str) -> dict[str, Any]:
    """Return a list with a Data Integrity proof. Refused: Unknown, TryLater."""
    return issuing_keys.proven(work, base_url, _unsigned(work, number, base_url))


def list_jwt(work: Work, number: int, base_url: str, algorithm: Algorithm) -> str:
    """Return a list as a JWT. Refused: Unknown, TryLater."""
    return issuing_keys.as_jwt(work, base_url, _unsigned(work, number, base_url), algorithm)


def token_list_jwt(work: Work, number: int, base_url: str, algorithm: Algorithm) -> str:
    """Return what a list and its pair tell together as a Token Status List. Refused: Unknown, TryLater."""
    pair = _pair(work, number)
    revoked, suspended = (
        credential_status.revoked(work.connection, pair),
        credential_status.suspended(work.connection, pair),
    )
    claims = token_list(list_address(base_url, number), revoked, suspended, work.now)
    return issuing_keys.as_token_list(work, base_url, claims, algorithm)


def _pair(work: Work, number: int) -> int:
    pair = (number + 1) // 2
    if not 1 <= pair <= credential_status.newest_pair(work.connection):
        raise unknown("状态列表", "status list")
    return pair


def _unsigned(work: Work, number: int, base_url: str) -> dict[str, Any]:
    """Return a list as it stands: odd numbers tell who is revoked, even ones who is suspended."""
    pair, is_suspension = _pair(work, number), number % 2 == 0
    indexes = (credential_status.suspended if is_suspension else credential_status.revoked)(work.connection, pair)
    purpose = SUSPENSION if is_suspension else REVOCATION
    return status_list(list_address(base_url, number), did_of(base_url), purpose, indexes, work.now)
