"""Outcomes corrected and revoked: what stood is reversed, never rewritten, and what hung on it is settled anew."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, Malformed, Outdated, unknown
from creditbank.core.identity import Application, resolved
from creditbank.core.institution import ended_fault
from creditbank.core.outcome import Record, Status, record_faults
from creditbank.core.permission import require
from creditbank.core.rules import facts_from
from creditbank.formats.claims import claim_of_reference
from creditbank.formats.strict_json import text_of
from creditbank.services import converting, credential_following, qualifying
from creditbank.services.bank import Work
from creditbank.services.outcomes import with_ages
from creditbank.services.receipts import Receipt
from creditbank.services.repeats import Told, differing
from creditbank.services.settling import (
    Draft,
    book,
    certificate_of,
    duplicate_claims,
    post,
    reversal,
    revision_of,
    settle,
)
from creditbank.services.telling import tell_outcomes
from creditbank.storage import (
    certificates,
    decisions,
    identifier_index,
    institutions,
    learners,
    ledger,
    outcome_claims,
    outcomes,
    people,
)


def correct(work: Work, outcome_id: UUID, seen_revision: int, record: Record) -> Receipt:
    """Record a new revision, reverse what the old one brought and book what the new one brings.

    What stands already is answered as it stands, also where the correction that brought it is sent again.
    Refused: Unknown, Malformed, Outdated where another revision stands, Conflict on a revoked outcome.
    """
    require(work.actor, "outcomes:write")
    head = _own(work, outcome_id)
    latest = outcomes.revision(work.connection, head, head.revision)
    assert latest is not None, "a head points to a revision"
    _check(work, head, record)
    is_same = not differing(work.keyring, _told(work, latest), record, head.learner_id)
    if is_same and seen_revision == head.revision - 1:
        return _standing(work, head)
    if seen_revision != head.revision:
        raise _changed_since(head)
    if head.status is Status.REVOKED:
        raise _is_revoked()
    if is_same:
        return _standing(work, head)
    people.locked(work.connection, head.learner_id)
    conversion_id = converting.is_in_use(work, head)
    if conversion_id is not None:
        raise _is_converted(conversion_id)
    corrected = _corrected(work, head, latest, record)
    _follow(work, head)
    return corrected


def revoke(work: Work, outcome_id: UUID, reason: str) -> Receipt:
    """Take back an outcome and its credits; a duplicate that it kept from counting is settled in its place.

    Asked again it is answered as it stands. Refused: Unknown.
    """
    require(work.actor, "outcomes:write")
    head = _own(work, outcome_id)
    if head.status is Status.REVOKED:
        return _standing(work, head)
    revoked = replace(head, status=Status.REVOKED, duplicate_of=None, decision_id=work.new_id())
    decision = _revocation(work, revoked, reason)
    decisions.add(work.connection, [decision])
    outcomes.change(work.connection, [revoked])
    tell_outcomes(work, [revoked])
    outcome_claims.release_claims(work.connection, [head.id])
    converting.unwind(work, head, reason)
    lot = ledger.lots_of(work.connection, [head.id], [head.learner_id]).get(head.id)
    if lot is not None:
        issuer = work.actor.institution_code
        posting = reversal(work, lot, head, issuer, decision.id)
        post(work, [posting])
    _settle(work, _dependents(work, head))
    _follow(work, head)
    qualifying.look_again(work, head.learner_id, head.id, reason)
    return Receipt(revoked, None, is_new=False)


def _follow(work: Work, head: outcomes.Head) -> None:
    """Let credentials be over that tell what isn't so any more, of all accounts of the learner."""
    person = people.person(work.connection, head.learner_id)
    credential_following.follow(work, (head.learner_id,) if person is None else person.members)


def _told(work: Work, latest: outcomes.Revision) -> Told:
    """Return the latest revision with its certificate."""
    known = learners.known(work.connection, [latest.learner_id], None)[latest.learner_id]
    found = certificates.of_outcomes(work.connection, [latest.outcome_id])
    return Told(latest, found.get((latest.outcome_id, latest.revision)), known.wrapped_key)


def _own(work: Work, outcome_id: UUID) -> outcomes.Head:
    """Return an outcome of the actor's institution, locked, of a learner who is not erased until this is done."""
    head = outcomes.locked(work.connection, outcome_id)
    if head is None or head.institution_id != work.actor.institution_id:
        raise unknown("学习成果", "outcome")
    if head.learner_id not in learners.known(work.connection, [head.learner_id], None):
        raise unknown("学习成果", "outcome")
    return head


def _corrected(work: Work, head: outcomes.Head, latest: outcomes.Revision, record: Record) -> Receipt:
    """Write the correction and settle the outcome together with those that were held to be its duplicates."""
    known = learners.known(work.connection, [head.learner_id], None)[head.learner_id]
    kin = _kin(work, [head])
    changed = replace(head, revision=head.revision + 1, kind=record.kind.value, completed_on=record.completed_on)
    facts = record.facts(work.actor.institution_code, latest.applied_on)
    claims = duplicate_claims(work.keyring, head.learner_id, facts, record.certificate_no)
    lot = ledger.lots_of(work.connection, [head.id], [head.learner_id]).get(head.id)
    outcomes.add_revisions(work.connection, [revision_of(work, changed, record, latest.applied_on)])
    certificate = certificate_of(work, changed, record, known.wrapped_key)
    certificates.add(work.connection, [] if certificate is None else [certificate])
    outcome_claims.release_claims(work.connection, [head.id])
    drafts = [Draft(changed, facts, claims, head, lot, kin[head.learner_id]), *_dependents(work, head)]
    settled = _settle(work, drafts, head.id)
    qualifying.look_again(work, head.learner_id, head.id, qualifying.CORRECTED)
    return settled[0]


def _settle(work: Work, drafts: Sequence[Draft], corrected: UUID | None = None) -> list[Receipt]:
    """Settle drafts of outcomes that are on record, of which one may be corrected, and write how they stand now."""
    if not drafts:
        return []
    settlement = settle(work, with_ages(work, drafts))
    book(work, settlement, lambda: outcomes.change(work.connection, settlement.heads), corrected)
    return [
        Receipt(head, result, is_new=False) for head, result in zip(settlement.heads, settlement.results, strict=True)
    ]


def _dependents(work: Work, head: outcomes.Head) -> list[Draft]:
    """Return the outcomes to be settled anew, free of their claims: duplicates of this one, or of the same as this one.

    The latter may have been known as duplicates by what they share with this one only.
    """
    heads = outcomes.duplicates_of(work.connection, head.id)
    if head.duplicate_of is not None:
        heads += [found for found in outcomes.duplicates_of(work.connection, head.duplicate_of) if found.id != head.id]
    if not heads:
        return []
    outcome_claims.release_claims(work.connection, [found.id for found in heads])
    revisions = outcomes.revisions(work.connection, [found.id for found in heads])
    known = learners.known(work.connection, [found.learner_id for found in heads], None)
    told = certificates.of_outcomes(work.connection, [found.id for found in heads])
    codes = institutions.codes(work.connection, [found.institution_id for found in heads])
    kin = _kin(work, heads)
    drafts = []
    for found in heads:
        revision = revisions[found.id][-1]
        issued = {"issuer": codes[found.institution_id], "applied_on": revision.applied_on.isoformat()}
        facts = facts_from(json.loads(revision.content) | issued)
        certificate = told.get((found.id, revision.revision))
        number = None if certificate is None else certificate.number(work.keyring, known[found.learner_id].wrapped_key)
        claims = duplicate_claims(work.keyring, found.learner_id, facts, number)
        drafts.append(Draft(found, facts, claims, kin=kin[found.learner_id]))
    return drafts


def _kin(work: Work, heads: Iterable[outcomes.Head]) -> dict[UUID, tuple[UUID, ...]]:
    """Return the other accounts of the same person by account."""
    found = people.people(work.connection, {head.learner_id for head in heads})
    return {one: tuple(member for member in person.members if member != one) for one, person in found.items()}


def _check(work: Work, head: outcomes.Head, record: Record) -> None:
    """Let a correction pass that is sound and speaks of the same record and learner. Refused: Malformed."""
    faults = list(record_faults(record, work.today, work.rulebook().schemes))
    if record.external_id != head.external_id:
        zh = "更正不能更改 external_id；请撤销此成果后重新提交。"
        en = "A correction can't change the external_id; revoke this outcome and post a new one."
        faults.append(Fault("/external_id", "fixed", zh, en))
    if record.completed_on != head.completed_on:
        ended = ended_fault(work.ending(head.institution_id), record.completed_on, "/completed_on")
        faults += [ended] if ended is not None else []
    if not _is_same_learner(work, head, record):
        zh = "更正不能更换学习者；请撤销此成果后为正确的学习者重新提交。"
        en = "A correction can't change the learner; revoke this outcome and post it for the right one."
        faults.append(Fault("/learner", "fixed", zh, en))
    if faults:
        raise Malformed(tuple(faults))


def _is_same_learner(work: Work, head: outcomes.Head, record: Record) -> bool:
    """Tell whether the record names the learner of the outcome."""
    reference = record.learner
    if reference.id is not None:
        return reference.id == head.learner_id
    code = work.actor.institution_code
    claim = claim_of_reference(reference, code, work.today)
    (keys,) = identifier_index.claim_keys(work.keyring, Application(reference.name, None, (claim,)))
    return head.learner_id in resolved(keys, identifier_index.matches(work.connection, [keys])).learner_ids


def _standing(work: Work, head: outcomes.Head) -> Receipt:
    """Return the outcome as it stands."""
    results = decisions.results(work.connection, [head.decision_id] if head.decision_id else [])
    return Receipt(head, json.loads(results[head.decision_id]) if head.decision_id else None, is_new=False)


def _revocation(work: Work, head: outcomes.Head, reason: str) -> decisions.StoredDecision:
    """Return the decision that an outcome is revoked."""
    assert head.decision_id is not None, "a revoked outcome has this decision"
    return decisions.StoredDecision(
        learner_id=head.learner_id,
        id=head.decision_id,
        kind="revocation",
        outcome_id=head.id,
        revision=head.revision,
        institution_id=head.institution_id,
        ruleset=None,
        version=None,
        inputs=text_of({"reason": reason}),
        result=text_of(None),
        explanation=text_of({"revoked_for": reason}),
        decided_at=work.now,
        actor=work.actor.client_id,
    )


def _changed_since(head: outcomes.Head) -> Outdated:
    """Return the answer to a correction of an older revision."""
    zh = f"此成果现为第 {head.revision} 版；请重新读取后再更正。"
    en = f"Revision {head.revision} stands now; read the outcome again and correct that."
    return Outdated((Fault("", "outdated", zh, en),))


def _is_revoked() -> Conflict:
    """Return the answer to a correction of a revoked outcome."""
    zh = "此成果已撤销，不能更正；请以新的 external_id 重新提交。"
    en = "The outcome is revoked and can't be corrected; post it again under a new external_id."
    return Conflict((Fault("", "revoked", zh, en),))


def _is_converted(conversion_id: UUID) -> Conflict:
    """Return the answer to a correction of an outcome that others rely on."""
    zh = f"此成果已用于转换 {conversion_id}，不能更正；如有错误请撤销，接受机构会据此裁定。"
    en = f"The outcome is part of conversion {conversion_id}; revoke it instead, and the accepting institution decides."
    return Conflict((Fault("", "in_conversion", zh, en),))
