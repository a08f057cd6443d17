"""Cases: what an accepting institution decides of a conversion whose outcome was revoked after it was approved."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, unknown
from creditbank.core.ledger import EntryKind, Transfer
from creditbank.core.merging import standing
from creditbank.core.outcome import Status
from creditbank.core.permission import require
from creditbank.formats.strict_json import text_of
from creditbank.services import converting, credential_following
from creditbank.services.bank import Work
from creditbank.services.entitlement import hides
from creditbank.services.revealing import reverse_what_counts_twice
from creditbank.services.settling import post
from creditbank.storage import cases, conversions, decisions, institutions, ledger, outcomes, people
from creditbank.storage.cases import Case

__all__ = ["Case", "case", "cases_page", "decide"]


def case(work: Work, case_id: UUID) -> Case:
    """Return one case. Refused: Unknown, alike for one that is another institution's."""
    require(work.actor, "conversions:review", "audit:read")
    found = cases.by_id(work.connection, case_id)
    is_theirs = found is not None and (work.actor.audits or found.institution_id == work.actor.institution_id)
    if found is None or not is_theirs or hides(work, found.learner_id):
        raise unknown("案件", "case")
    _note(work, found)
    return found


def cases_page(work: Work, after: tuple[datetime, UUID] | None, rows_max: int) -> list[Case]:
    """Return cases, newest first: the actor's own institution's, or all to an auditor."""
    require(work.actor, "conversions:review", "audit:read")
    own = None if work.actor.audits else work.actor.institution_id
    found = cases.page(work.connection, own, after, rows_max)
    for one in found:
        _note(work, one)
    return found


def _note(work: Work, found: Case) -> None:
    """Note in the learner's diary that somebody sees the case."""
    work.note_sight(found.learner_id, Sight.CASE, Basis.AUDIT if work.actor.audits else Basis.PART)


def decide(work: Work, case_id: UUID, verdict: str, reason: str) -> Case:
    """Let the conversion stand ("uphold"), or take back what rests on the outcome ("undo").

    Decided alike already it is answered as it stands. Refused: Unknown; Conflict where it was decided otherwise.
    """
    require(work.actor, "conversions:review")
    found = cases.by_id(work.connection, case_id)
    if found is None or found.institution_id != work.actor.institution_id or hides(work, found.learner_id):
        raise unknown("案件", "case")
    people.locked(work.connection, found.learner_id)
    found = cases.locked(work.connection, case_id)
    assert found is not None, "a case is never taken away"
    if found.state == "decided":
        if found.verdict == verdict:
            return found
        zh, en = f"此案件已裁定为 {found.verdict}。", f"The case was decided already: {found.verdict}."
        raise Conflict((Fault("", "case_decided", zh, en),))
    decision = _decision(work, found, verdict, reason)
    decisions.add(work.connection, [decision])
    if verdict == "undo":
        _undo(work, found, decision.id, reason)
    decided = replace(
        found,
        state="decided",
        verdict=verdict,
        verdict_reason=reason,
        decided_by=work.actor.client_id,
        decided_at=work.now,
        decision_id=decision.id,
    )
    cases.change(work.connection, decided)
    person = people.person(work.connection, found.learner_id)
    assert person is not None, "a case is about somebody"
    credential_following.follow(work, person.members)
    return decided


def _undo(work: Work, found: Case, decision_id: UUID, reason: str) -> None:
    """Take back the parts that rest on the outcome; what other outcomes spent on them is the learner's again."""
    conversion = conversions.by_id(work.connection, found.conversion_id)
    assert conversion is not None, "a case is about a conversion"
    parts = conversions.parts_of(work.connection, [found.learner_id], [conversion.id])
    converted = [part for part in parts if part.state == "converted"]
    resting = converting.together(converted, [part for part in converted if str(found.outcome_id) in part.uses])
    standing = [part for part in converted if part not in resting]
    code = institutions.codes(work.connection, [conversion.institution_id])[conversion.institution_id]
    converting.restore(work, resting, code, decision_id)
    conversions.change_parts(work.connection, [replace(part, state="undone") for part in resting])
    free = converting.claims_for(conversion, code, resting) - converting.claims_for(conversion, code, standing)
    conversions.release_claims(work.connection, conversion, free)
    _reverse(work, resting, decision_id)
    converting.noted(work, conversion, conversion.progress, ("undone", None, reason))
    _let_count_once(work, found, resting)


def _let_count_once(work: Work, found: Case, resting: Sequence[conversions.Part]) -> None:
    """Look again whether what is free now counts on another account of the same person as well."""
    person = people.person(work.connection, found.learner_id)
    assert person is not None, "a case is about somebody"
    if person.is_joint:
        link = standing(people.links_around(work.connection, person.id))[-1]
        reverse_what_counts_twice(work, person, link, {part.outcome_id for part in resting})


def _reverse(work: Work, resting: Sequence[conversions.Part], decision_id: UUID) -> None:
    """Reverse what revoked outcomes have on the account again: the case's own, and others that counted with it."""
    heads = [
        outcomes.by_id(work.connection, outcome_id) for outcome_id in sorted({part.outcome_id for part in resting})
    ]
    revoked = {head.id: head for head in heads if head is not None and head.status is Status.REVOKED}
    lot_ids = [part.lot_id for part in resting if part.lot_id is not None and part.outcome_id in revoked]
    issuers = institutions.codes(work.connection, [head.institution_id for head in revoked.values()])
    postings = [
        ledger.Posting(
            work.new_id(),
            lot,
            Transfer(
                lot_id=lot.id,
                counter_account=f"issuance:{issuers[revoked[lot.outcome_id].institution_id]}",
                amount_hundredths=lot.used_hundredths - lot.amount_hundredths,
                kind=EntryKind.REVERSE,
                decision_id=decision_id,
                effective_on=revoked[lot.outcome_id].completed_on,
            ),
        )
        for lot in ledger.lots_by_id(work.connection, {part.account_id for part in resting}, lot_ids).values()
        if lot.used_hundredths < lot.amount_hundredths
    ]
    post(work, postings)


def _decision(work: Work, found: Case, verdict: str, reason: str) -> decisions.StoredDecision:
    """Return the decision on a case as it is kept."""
    return decisions.StoredDecision(
        learner_id=found.learner_id,
        id=work.new_id(),
        kind="case",
        outcome_id=found.outcome_id,
        revision=0,
        institution_id=found.institution_id,
        ruleset=None,
        version=None,
        inputs=text_of({"case": str(found.id), "revoked_for": found.reason}),
        result=text_of({"verdict": verdict}),
        explanation=text_of({"case_verdict": verdict, "reason": reason}),
        decided_at=work.now,
        actor=work.actor.client_id,
        conversion_id=found.conversion_id,
    )
