"""Logins: begun at a provider, proven by it, and tied to a learner or staff member by proof of both sides."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, Malformed, Refusal, TryLater, Unknown, unknown
from creditbank.core.identity import Application, LearnerStatus, Subject, resolved
from creditbank.core.permission import Actor, scopes_of
from creditbank.formats.claims import Declared, claim_of
from creditbank.formats.link_code import read_link_code
from creditbank.gateways.oidc import LoginRefused, Providers, Secrets, unproven
from creditbank.gateways.provider_file import Provider
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out
from creditbank.storage import learners, login_proofs, logins, staff
from creditbank.storage.database import Raced, Unavailable
from creditbank.storage.identifier_index import claim_keys, matches

ATTEMPT_KEPT = timedelta(minutes=10)
TICKET_KEPT = timedelta(minutes=10)

_SECRET_BYTES = 32
_NAME_LENGTH_MAX = 120
_VALUE_LENGTH_MAX = 64
_NOBODY = Actor("login", frozenset())


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that was begun: where the browser goes, and the secret by which it is known when it comes back."""

    address: str
    state: str
    browser_secret: str


@dataclass(frozen=True, slots=True)
class Entered:
    """Who came in: a learner, or a staff member with their scopes; or nobody yet, with a ticket to be linked."""

    learner_id: UUID | None = None
    staff_id: UUID | None = None
    scopes: frozenset[str] = frozenset()
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """What a provider sent a browser back with."""

    state: str
    code: str
    issuer: str | None
    browser_secret: str


@dataclass(frozen=True, slots=True)
class _Found:
    """Whom a login belongs to, and in which words the audit log says so."""

    entered: Entered
    subject: str


def begin(bank: Bank, providers: Providers, name: str, redirect_uri: str) -> Begun:
    """Begin a login at a provider. Refused: Unknown provider, ProviderSilent, TryLater.

    It leaves no line in the audit log, as anybody can ask for it any number of times; it is forgotten in ten minutes.
    """
    provider = providers.by_name.get(name)
    if provider is None:
        raise unknown("登录方式", "login provider")
    state, browser_secret = (secrets.token_urlsafe(_SECRET_BYTES) for _ in range(2))
    kept = Secrets(redirect_uri, secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES))
    address = providers.address(provider, state, kept)
    now, state_hash = bank.clock(), _hash(state)
    sealed = bank.keyring.seal_bank(
        json.dumps([kept.redirect_uri, kept.verifier, kept.nonce]), f"login_attempt:{state_hash.hex()}"
    )
    attempt = login_proofs.Attempt(state_hash, _hash(browser_secret), name, sealed, now + ATTEMPT_KEPT)
    try:
        with bank.database.transaction() as connection:
            login_proofs.add_attempt(connection, attempt, now)
    except (Raced, Unavailable) as lost:
        raise _busy() from lost
    return Begun(address, state, browser_secret)


def returned(bank: Bank, providers: Providers, answer: LoginAnswer, request_id: str) -> Entered:
    """Return who came back from a provider. Refused: LoginRefused, ProviderSilent, TryLater.

    The attempt is used up before the code is exchanged, so that neither state nor code counts twice.
    """
    provider, kept = _taken(bank, providers, answer)
    providers.check_origin(provider, answer.issuer)
    claims = providers.claims(provider, answer.code, kept, bank.clock())
    who = Subject(provider.name, provider.issuer, str(claims["sub"]))
    found: list[_Found] = []

    def action(work: Work) -> Answer:
        found.append(_entered(work, provider, who, claims))
        return Answer({}, is_new=False, subject=found[-1].subject)

    carried_out(bank, Errand(_NOBODY, "login.return", request_id), action)
    return found[-1].entered


def link(bank: Bank, ticket: str, proof: tuple[str | None, str | None], request_id: str) -> Entered:
    """Tie the login of a ticket to the holder of a link code or invitation (`proof`, one of the two).

    A wrong code is counted even though it is refused. Refused: Unknown ticket or code; Conflict.
    """
    ended: list[_Found | Refusal] = []

    def action(work: Work) -> Answer:
        ended.append(_linked(work, ticket, *proof))
        last = ended[-1]
        return Answer({}, is_new=True, subject="refused" if isinstance(last, Refusal) else last.subject)

    carried_out(bank, Errand(_NOBODY, "login.link", request_id), action)
    last = ended[-1]
    if isinstance(last, Refusal):
        raise last
    return last.entered


def _taken(bank: Bank, providers: Providers, answer: LoginAnswer) -> tuple[Provider, Secrets]:
    """Use up the attempt that this browser began. Refused: LoginRefused, TryLater."""
    try:
        with bank.database.transaction() as connection:
            found = login_proofs.take_attempt(
                connection, _hash(answer.state), _hash(answer.browser_secret), bank.clock()
            )
    except (Raced, Unavailable) as lost:
        raise _busy() from lost
    provider = None if found is None else providers.by_name.get(found.provider)
    if found is None or provider is None:
        zh = "此次登录已过期、已使用，或不是在此浏览器中开始的；请重新登录。"
        en = "This login is over, was used, or was begun in another browser; log in again."
        raise LoginRefused((Fault("", "login_expired", zh, en),))
    opened = bank.keyring.opened_bank(found.sealed_secrets, f"login_attempt:{found.state_hash.hex()}")
    return provider, Secrets(*json.loads(opened))


def _entered(work: Work, provider: Provider, who: Subject, claims: Mapping[str, object]) -> _Found:
    """Return whose login it is; a login of nobody is linked by a verified identifier, or gets a ticket."""
    holder_id = logins.holder_of(work.connection, work.keyring, provider.holder, who)
    if holder_id is not None:
        return _holder(work, provider.holder, holder_id)
    learner_id = _identified(work, provider, claims)
    if learner_id is not None:
        return _link_learner(work, learner_id, who, f"provider:{provider.name}")
    ticket = secrets.token_urlsafe(_SECRET_BYTES)
    kept = login_proofs.Ticket(_hash(ticket), provider.holder, who, 0, work.now + TICKET_KEPT)
    login_proofs.add_ticket(work.connection, work.keyring, kept, work.now)
    return _Found(Entered(ticket=ticket), f"{provider.name} ticket")


def _identified(work: Work, provider: Provider, claims: Mapping[str, object]) -> UUID | None:
    """Return the one learner who holds the identifier that a provider asserts, under the name that it asserts.

    None where it asserts none, where nobody or more than one holds it, and where it is in conflict.
    """
    if provider.identifier is None:
        return None
    value, name = claims.get(provider.identifier.claim), claims.get("name")
    if not isinstance(value, str) or not isinstance(name, str):
        return None
    if not 0 < len(value) <= _VALUE_LENGTH_MAX or not 0 < len(name.strip()) <= _NAME_LENGTH_MAX:
        return None
    try:
        claim = claim_of(Declared(provider.identifier.type, value), "", work.today)
    except Malformed:
        return None
    keys = claim_keys(work.keyring, Application(name, None, (claim,)))
    found = resolved(chain.from_iterable(keys), matches(work.connection, keys))
    if len(found.learner_ids) != 1 or found.rivals:
        return None
    (learner_id,) = found.learner_ids
    known = learners.known(work.connection, [learner_id], None)[learner_id]
    return learner_id if known.status is LearnerStatus.ACTIVE else None


def _linked(work: Work, ticket_text: str, link_code: str | None, invitation: str | None) -> _Found | Refusal:
    """Tie a ticket's login to whom the code stands for; a refusal is returned, so that the try stays counted."""
    ticket = login_proofs.locked_ticket(work.connection, work.keyring, _hash(ticket_text), work.now)
    if ticket is None:
        zh = "此登录凭条已使用或已过期；请重新登录以取得新的凭条。"
        en = "This ticket was used or is out of date; log in again to get a new one."
        return Unknown((Fault("/ticket", "unknown_login_ticket", zh, en),))
    if logins.holder_of(work.connection, work.keyring, ticket.holder, ticket.who) is not None:
        login_proofs.end_ticket(work.connection, ticket)
        zh, en = "此登录方式已关联；请直接登录。", "This login is linked already; just log in."
        return Conflict((Fault("/ticket", "linked_already", zh, en),))
    if ticket.holder == "learners":
        found = _by_link_code(work, ticket, link_code)
    else:
        found = _by_invitation(work, ticket, invitation)
    if found is None:
        login_proofs.tried_wrongly(work.connection, ticket)
        return _wrong_code("/link_code" if invitation is None else "/invitation")
    login_proofs.end_ticket(work.connection, ticket)
    return found


def _by_link_code(work: Work, ticket: login_proofs.Ticket, text: str | None) -> _Found | None:
    """Link a learner's login by a code that counts still."""
    code = None if text is None else read_link_code(text)
    if code is None:
        return None
    indexes = tuple(index.value for index in work.keyring.blind_indexes("link_code", code))
    kept = login_proofs.take_link_code(work.connection, indexes, work.now)
    return None if kept is None else _link_learner(work, kept.learner_id, ticket.who, kept.created_by)


def _by_invitation(work: Work, ticket: login_proofs.Ticket, text: str | None) -> _Found | None:
    """Link a staff member's login by an invitation that counts still."""
    staff_id = None if text is None else staff.take_invitation(work.connection, _hash(text), work.now)
    if staff_id is None:
        return None
    staff.lock(work.connection, staff_id)
    if staff.roles_now(work.connection, staff_id) is None:
        return None
    logins.link_staff(work.connection, work.keyring, _link(work, staff_id, ticket.who, "invitation"))
    return _holder(work, "staff", staff_id)


def _link_learner(work: Work, learner_id: UUID, who: Subject, linked_by: str) -> _Found:
    known = learners.known(work.connection, [learner_id], None)[learner_id]
    kept = _link(work, learner_id, who, linked_by)
    logins.link_learner(work.connection, work.keyring, known.wrapped_key, kept)
    return _holder(work, "learners", learner_id)


def _link(work: Work, holder_id: UUID, who: Subject, linked_by: str) -> logins.Link:
    return logins.Link(work.new_id(), holder_id, who, linked_by, work.now)


def _holder(work: Work, holder: str, holder_id: UUID) -> _Found:
    """Return who comes in. Refused: LoginRefused to staff who are no longer active."""
    if holder == "learners":
        return _Found(Entered(learner_id=holder_id), f"learner {holder_id}")
    roles = staff.roles_now(work.connection, holder_id)
    if roles is None:
        raise unproven()
    return _Found(Entered(staff_id=holder_id, scopes=scopes_of(roles)), f"staff {holder_id}")


def _wrong_code(pointer: str) -> Unknown:
    """Return the one answer to a code that is mistyped, used, out of date, or of another kind than the login."""
    zh = "关联码或邀请码不正确、已使用或已过期；请核对，或请机构重新签发。"
    en = "The code is wrong, was used or is out of date; check it, or ask the institution for a new one."
    return Unknown((Fault(pointer, "unknown_link_code", zh, en),))


def _hash(text: str) -> bytes:
    """Return what is kept of a secret of 256 random bits."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _busy() -> TryLater:
    zh, en = "系统繁忙；请稍后重试。", "The bank is busy; try again in a moment."
    return TryLater((Fault("", "try_later", zh, en),))
