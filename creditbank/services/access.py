"""Access: the tokens that clients and learners are given, and who stands behind one that comes back."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from creditbank.core.errors import Fault
from creditbank.core.permission import LEARNER_SCOPES, Actor
from creditbank.formats.signing import InvalidToken, TokenClaims, signed_access_token
from creditbank.services.bank import Bank

TOKEN_SECONDS = 600
"""How long a token counts: short, as it is not asked again whether its client still may."""

LEARNER_CLIENT = "learner"
"""The client id in tokens that learners carry themselves; no client is registered under it."""


def client_token(bank: Bank, issuer: str, client_id: str, scopes: Iterable[str]) -> str:
    """Return an access token of a client, which is its own subject."""
    return _token(bank, issuer, client_id, client_id, scopes)


def learner_token(bank: Bank, issuer: str, learner_id: UUID) -> str:
    """Return an access token of a learner, good for reading what is theirs."""
    return _token(bank, issuer, LEARNER_CLIENT, str(learner_id), LEARNER_SCOPES)


def actor_of(bank: Bank, claims: TokenClaims) -> Actor:
    """Return who stands behind a verified token. Refused: InvalidToken where there is nobody."""
    scopes = frozenset(claims.scopes)
    if claims.client_id == LEARNER_CLIENT:
        return Actor(LEARNER_CLIENT, scopes & LEARNER_SCOPES, learner_id=_learner_id(bank, claims.subject))
    membership = bank.membership(claims.client_id)
    if membership is None or claims.subject != claims.client_id:
        raise _nobodys()
    return Actor(claims.client_id, scopes, *membership)


def _learner_id(bank: Bank, subject: str) -> UUID:
    """Return the learner whose token it is. Refused: InvalidToken, also where they were erased since; TryLater."""
    try:
        learner_id = UUID(subject)
    except ValueError:
        raise _nobodys() from None
    if bank.is_erased(learner_id):
        raise _nobodys()
    return learner_id


def _nobodys() -> InvalidToken:
    """Return the answer to a token behind which there is nobody."""
    zh, en = "令牌的持有者不存在；请重新申请令牌。", "There is nobody behind the token; get a new one."
    return InvalidToken((Fault("", "invalid_token", zh, en),))


def _token(bank: Bank, issuer: str, client_id: str, subject: str, scopes: Iterable[str]) -> str:
    """Return a signed token for the bank that issues it."""
    now = bank.clock().replace(microsecond=0)
    claims = TokenClaims(
        issuer=issuer,
        audience=issuer,
        subject=subject,
        client_id=client_id,
        scopes=tuple(sorted(scopes)),
        issued_at=now,
        expires_at=now + timedelta(seconds=TOKEN_SECONDS),
        token_id=str(bank.new_id()),
    )
    return signed_access_token(bank.keyring.signing_key, claims)
