"""Consents: given, shown with their receipts, and withdrawn, by learners and by those who speak for them."""

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from creditbank.core.calendar import instant_text
from creditbank.core.consent import (
    CONSENTS_MAX,
    Act,
    Consent,
    ConsentScope,
    ConsentState,
    ConsentText,
    Standing,
    is_child,
    scope_faults,
    term_faults,
    text_faults,
)
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, Malformed, NotAllowed, unknown
from creditbank.core.institution import Institution
from creditbank.core.permission import require
from creditbank.formats.canonical import canonical_bytes
from creditbank.formats.signing import signed_receipt
from creditbank.services.bank import Work
from creditbank.services.entitlement import no_such_learner, note_standing, seen, standing_of
from creditbank.storage import consents, guardians, institutions, partners, people

__all__ = ["Place", "Shown", "Wish", "consent", "consents_page", "give", "given_to_me", "receipt", "withdraw"]

Place = consents.Place


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody consents to: which institution, for what, which scopes, until which last day, on which text."""

    recipient: str
    purpose: str
    scopes: frozenset[ConsentScope]
    valid_until: date
    text: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A consent with all that is told of it; `subject` is the learner as the recipient knows them."""

    consent: Consent
    text: ConsentText
    recipient: Institution
    subject: UUID
    state: ConsentState


def give(work: Work, learner_id: UUID, wish: Wish) -> Shown:
    """Let an institution read something of the learner's.

    Refused: ScopeMissing; Unknown learner, institution or text; NotAllowed to a child; Malformed with all faults;
    Conflict where the text was replaced, the data are restricted, or there are too many consents already.
    """
    require(work.actor, "consents:write")
    standing = standing_of(work, learner_id)
    held = None if standing is None else people.locked(work.connection, learner_id)
    if standing is None or held is None or held.is_erased:
        raise no_such_learner()
    members = held.person.members
    if standing is not Standing.GUARDIAN:
        _check_age(work, members)
    _check_wish(work, wish)
    recipient = institutions.by_code(work.connection, wish.recipient)
    if recipient is None:
        raise unknown("机构", "institution", "/recipient")
    text = _text(work, wish)
    if held.is_restricted:
        raise _restricted()
    in_force = [one for one in consents.standing(work.connection, members) if work.today <= one.valid_until]
    if len(in_force) >= CONSENTS_MAX:
        raise _too_many()
    given = Consent(
        learner_id=learner_id if standing is Standing.GUARDIAN else _own(work),
        id=work.new_id(),
        institution_id=recipient.id,
        text_code=text.code,
        text_version=text.version,
        purpose=wish.purpose,
        scopes=frozenset(wish.scopes),
        is_sensitive=text.is_sensitive,
        valid_until=wish.valid_until,
        given=_act(work, standing),
    )
    consents.add(work.connection, given)
    partners.name_for(work.connection, recipient.id, given.learner_id, work.now)
    note_standing(work, learner_id, Sight.CONSENTS)
    return _shown(work, given)


def withdraw(work: Work, learner_id: UUID, consent_id: UUID) -> Shown:
    """Withdraw a consent: the next request of its institution finds none. One that is withdrawn stays as it is.

    Refused: ScopeMissing; Unknown learner or consent, alike for another's.
    """
    require(work.actor, "consents:write")
    standing = standing_of(work, learner_id)
    person = None if standing is None else people.person(work.connection, learner_id)
    if standing is None or person is None:
        raise no_such_learner()
    found = consents.by_id(work.connection, person.members, consent_id)
    if found is None:
        raise _no_such_consent()
    note_standing(work, learner_id, Sight.CONSENTS)
    if found.withdrawn is None:
        found = replace(found, withdrawn=_act(work, standing))
        assert found.withdrawn is not None, "set just now"
        consents.withdraw(work.connection, found, found.withdrawn)
    return _shown(work, found)


def consent(work: Work, learner_id: UUID, consent_id: UUID) -> Shown:
    """Return one consent of a learner. Refused: Unknown, alike for another's."""
    person = seen(work, learner_id, Sight.CONSENTS)
    found = consents.by_id(work.connection, person.members, consent_id)
    if found is None:
        raise _no_such_consent()
    return _shown(work, found)


def consents_page(work: Work, learner_id: UUID, after: Place | None, rows_max: int) -> list[Shown]:
    """Return all consents of a learner, also those withdrawn or over, newest first. Refused: Unknown."""
    person = seen(work, learner_id, Sight.CONSENTS)
    return [_shown(work, found) for found in consents.page(work.connection, person.members, after, rows_max)]


def given_to_me(work: Work, after: Place | None, rows_max: int) -> list[tuple[Consent, ConsentState, UUID]]:
    """Return consents given to the actor's institution, newest first, each with the learner as the actor knows them.

    Refused: ScopeMissing.
    """
    require(work.actor, *ConsentScope, "learners:lookup")
    institution_id = work.actor.institution_id
    if institution_id is None:
        return []
    found = consents.page_to(work.connection, institution_id, after, rows_max)
    names = {one.learner_id: one.learner_id for one in found}
    if work.actor.is_partner:
        names = partners.subjects(work.connection, institution_id, list(names))
    for one in found:
        work.note_sight(one.learner_id, Sight.CONSENTS, f"{Basis.CONSENT}:{one.id}")
    return [(one, one.state(work.today), names[one.learner_id]) for one in found]


def receipt(work: Work, shown: Shown, issuer: str) -> str:
    """Return the signed receipt of a consent, which the learner can show to anybody; it doesn't tell their id here."""
    given, withdrawn, text = shown.consent.given, shown.consent.withdrawn, shown.text
    told: dict[str, Any] = {name: getattr(text, name) for name in ("title_zh", "title_en", "text_zh", "text_en")}
    payload: dict[str, object] = {
        "iss": issuer,
        "sub": str(shown.subject),
        "aud": shown.recipient.code,
        "jti": str(shown.consent.id),
        "iat": int(work.now.timestamp()),
        "recipient_name": shown.recipient.name,
        "purpose": shown.consent.purpose,
        "scope": " ".join(sorted(shown.consent.scopes)),
        "sensitive": shown.consent.is_sensitive,
        "given_at": instant_text(given.at),
        "given_as": given.standing.value,
        "valid_until": shown.consent.valid_until.isoformat(),
        "withdrawn_at": withdrawn and instant_text(withdrawn.at),
        "text": {"code": text.code, "version": text.version, "sha256": _digest(told)},
    }
    return signed_receipt(work.keyring.signing_key, payload)


def _digest(told: dict[str, Any]) -> str:
    """Return the hash by which a text can be recognised years later."""
    return hashlib.sha256(canonical_bytes(told)).hexdigest()


def _own(work: Work) -> UUID:
    assert work.actor.learner_id is not None, "who isn't a guardian speaks as the learner"
    return work.actor.learner_id


def _act(work: Work, standing: Standing) -> Act:
    """Return what is written of who does it; of learners themselves not their id, which no receipt is to tell."""
    return Act(work.now, work.actor.client_id if standing is Standing.SELF else work.actor.name, standing)


def _check_age(work: Work, members: tuple[UUID, ...]) -> None:
    """Let nobody consent who is too young to, whoever stands beside them. Refused: NotAllowed."""
    if is_child(guardians.born(work.connection, work.keyring, members), work.today):
        zh = "未满十四周岁的学习者须由监护人授权；请由监护人以自己的账户登录办理。"
        en = "For a learner under 14 a guardian consents; let the guardian do it, logged in with their own account."
        raise NotAllowed((Fault("", "guardian_needed", zh, en),))


def _check_wish(work: Work, wish: Wish) -> None:
    """Refuse a term or scopes that can't be consented to, with all reasons."""
    faults = (*term_faults(wish.valid_until, work.today), *scope_faults(wish.scopes))
    if faults:
        raise Malformed(faults)


def _text(work: Work, wish: Wish) -> ConsentText:
    """Return the text that is agreed to: the one that is named, else the newest that speaks of these scopes alone.

    Refused: Unknown, Conflict where a newer version is out, Malformed where it doesn't speak of the scopes.
    """
    if wish.text is None:
        return _fitting(work, wish)
    code, version = wish.text
    found, newest = (consents.text_of(work.connection, code, version), consents.newest(work.connection, code))
    if found is None or newest is None:
        raise unknown("授权书", "consent text", "/text")
    if newest.version != version:
        zh = f"该授权书已有第 {newest.version} 版；请向学习者出示新版后再授权。"
        en = f"Version {newest.version} of this text is out; show it to the learner and consent to that."
        raise Conflict((Fault("/text/version", "superseded", zh, en),))
    faults = text_faults(found, wish.scopes)
    if faults:
        raise Malformed(faults)
    return found


def _fitting(work: Work, wish: Wish) -> ConsentText:
    """Return the newest version of the text that speaks of the scopes and of least besides."""
    newest: dict[str, ConsentText] = {}
    for text in consents.texts(work.connection):
        newest.setdefault(text.code, text)
    fitting = [text for text in newest.values() if not text_faults(text, wish.scopes)]
    if not fitting:
        zh = "没有涵盖这些权限的授权书；请管理机构先发布授权书（POST /v1/consent-texts）。"
        en = "No text speaks of these scopes; the authority has to publish one first (POST /v1/consent-texts)."
        raise Malformed((Fault("/scopes", "text_missing", zh, en),))
    return min(fitting, key=lambda text: (text.purpose != wish.purpose, len(text.scopes), text.code))


def _shown(work: Work, found: Consent) -> Shown:
    text = consents.text_of(work.connection, found.text_code, found.text_version)
    recipient = institutions.by_id(work.connection, found.institution_id)
    names = partners.subjects(work.connection, found.institution_id, [found.learner_id])
    assert text is not None, "a text is never taken away"
    assert recipient is not None, "nor is an institution"
    return Shown(found, text, recipient, names[found.learner_id], found.state(work.today))


def _no_such_consent() -> Exception:
    return unknown("授权", "consent")


def _restricted() -> Conflict:
    zh = "该学习者已要求限制处理其数据，解除限制之前不能授权他人读取。"
    en = "The learner asked that their data be kept and not used; nobody is let read them until that is lifted."
    return Conflict((Fault("", "restricted", zh, en),))


def _too_many() -> Conflict:
    zh = f"有效授权已达 {CONSENTS_MAX} 项；请先撤回不再需要的授权。"
    en = f"There are {CONSENTS_MAX} consents in force; withdraw those that are no longer needed first."
    return Conflict((Fault("", "too_many_consents", zh, en),))
