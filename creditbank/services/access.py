"""Access: the tokens that clients, learners and staff are given, and who stands behind one that comes back."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from creditbank.core.errors import Fault
from creditbank.core.permission import LEARNER_SCOPES, PARTNER_SCOPES, STAFF, Actor, scopes_of
from creditbank.formats.signing import InvalidToken, TokenClaims, signed_access_token
from creditbank.services.bank import Bank, looked_up
from creditbank.services.shelf import Membership
from creditbank.storage import staff

TOKEN_SECONDS = 600
"""How long a token counts: short, as it is not asked again whether its client or learner still may.

Of staff it is asked at every request, so that a role that was revoked ends at once.
"""

LEARNER_CLIENT = "learner"
"""The client id in tokens that learners carry themselves; no client is registered under it."""


@dataclass(frozen=True, slots=True)
class _Bearer:
    """Who carries a token: through which client, for whom, and who acts if it isn't they."""

    client_id: str
    subject: str
    acting: str | None = None


def client_token(bank: Bank, issuer: str, client_id: str, scopes: Iterable[str]) -> str:
    """Return an access token of a client, which is its own subject."""
    return _token(bank, issuer, _Bearer(client_id, client_id), scopes)


def learner_token(bank: Bank, issuer: str, learner_id: UUID) -> str:
    """Return an access token of a learner, good for reading what is theirs."""
    return _token(bank, issuer, _Bearer(LEARNER_CLIENT, str(learner_id)), LEARNER_SCOPES)


def staff_token(bank: Bank, issuer: str, staff_id: UUID, scopes: Iterable[str]) -> str:
    """Return an access token of a staff member."""
    return _token(bank, issuer, _Bearer(f"{STAFF}{staff_id}", str(staff_id)), scopes)


def proxy_token(bank: Bank, issuer: str, staff_id: UUID, learner_id: UUID) -> str:
    """Return an access token with which a staff member acts for a learner (`act`, RFC 8693)."""
    bearer = _Bearer(f"{STAFF}{staff_id}", str(learner_id), acting=str(staff_id))
    return _token(bank, issuer, bearer, LEARNER_SCOPES)


def actor_of(bank: Bank, claims: TokenClaims) -> Actor:
    """Return who stands behind a verified token. Refused: InvalidToken where there is nobody."""
    scopes = frozenset(claims.scopes)
    if claims.client_id.startswith(STAFF):
        return _staff_actor(bank, claims)
    if claims.acting is not None:
        raise _nobodys()
    if claims.client_id == LEARNER_CLIENT:
        return Actor(LEARNER_CLIENT, scopes & LEARNER_SCOPES, learner_id=_learner_id(bank, claims.subject))
    membership = bank.membership(claims.client_id)
    if membership is None or claims.subject != claims.client_id:
        raise _nobodys()
    return _institutions_actor(claims.client_id, scopes, membership)


def _institutions_actor(client_id: str, scopes: frozenset[str], membership: Membership) -> Actor:
    """Return a program or staff member of an institution; of a mere partner's scopes only those of partners count."""
    place = (membership.institution_id, membership.code)
    actor = Actor(client_id, scopes, *place, institution_roles=membership.roles)
    return replace(actor, scopes=scopes & PARTNER_SCOPES) if actor.is_partner else actor


def _staff_actor(bank: Bank, claims: TokenClaims) -> Actor:
    """Return the staff member, or the learner for whom they act; what they may do is looked up now.

    Refused: InvalidToken where they are not active, or act without the role for it.
    """
    staff_id = _id(claims.client_id.removeprefix(STAFF))
    nobody = Actor(claims.client_id, frozenset())
    roles = looked_up(bank, nobody, lambda work: staff.roles_now(work.connection, staff_id))
    membership = bank.membership(claims.client_id)
    if roles is None or membership is None:
        raise _nobodys()
    scopes = frozenset(claims.scopes)
    allowed = scopes_of(roles)
    if claims.acting is None and claims.subject == str(staff_id):
        return _institutions_actor(claims.client_id, scopes & allowed, membership)
    if claims.acting != str(staff_id) or "learners:act" not in allowed:
        raise _nobodys()
    return Actor(claims.client_id, scopes & LEARNER_SCOPES, learner_id=_learner_id(bank, claims.subject), is_proxy=True)


def _learner_id(bank: Bank, subject: str) -> UUID:
    """Return the learner whose token it is. Refused: InvalidToken, also where they were erased since; TryLater."""
    learner_id = _id(subject)
    if bank.is_erased(learner_id):
        raise _nobodys()
    return learner_id


def _id(subject: str) -> UUID:
    """Return the id of the learner or staff member whose token it is. Refused: InvalidToken."""
    try:
        return UUID(subject)
    except ValueError:
        raise _nobodys() from None


def _nobodys() -> InvalidToken:
    """Return the answer to a token behind which there is nobody."""
    zh, en = "令牌的持有者不存在；请重新申请令牌。", "There is nobody behind the token; get a new one."
    return InvalidToken((Fault("", "invalid_token", zh, en),))


def _token(bank: Bank, issuer: str, bearer: _Bearer, scopes: Iterable[str]) -> str:
    """Return a signed token for the bank that issues it."""
    now = bank.clock().replace(microsecond=0)
    claims = TokenClaims(
        issuer=issuer,
        audience=issuer,
        subject=bearer.subject,
        client_id=bearer.client_id,
        scopes=tuple(sorted(scopes)),
        issued_at=now,
        expires_at=now + timedelta(seconds=TOKEN_SECONDS),
        token_id=str(bank.new_id()),
        acting=bearer.acting,
    )
    return signed_access_token(bank.keyring.signing_key, claims)
