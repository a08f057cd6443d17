"""Cases on awards: what a reviewer decides when an award's record doesn't reach its level any more."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, Unknown, unknown
from creditbank.core.permission import require
from creditbank.formats.strict_json import text_of
from creditbank.services.bank import Work
from creditbank.services.entitlement import hides
from creditbank.services.qualifying import look_again, look_again_upheld, moved
from creditbank.storage import award_cases, award_decisions, awards, people
from creditbank.storage.award_cases import AwardCase
from creditbank.storage.awards import Award
from creditbank.storage.decisions import StoredDecision

__all__ = ["AwardCase", "case", "cases_page", "decide"]

Shown = tuple[AwardCase, Award]
"""A case with the award that it is about."""


def case(work: Work, case_id: UUID) -> Shown:
    """Return one case. Refused: Unknown, alike for one that is another institution's."""
    require(work.actor, "conversions:review", "audit:read")
    found = award_cases.by_id(work.connection, case_id)
    is_theirs = found is not None and (work.actor.audits or found.institution_id == work.actor.institution_id)
    if found is None or not is_theirs or hides(work, found.learner_id):
        raise _no_such_case()
    return _shown(work, found)


def cases_page(work: Work, after: tuple[datetime, UUID] | None, rows_max: int) -> list[Shown]:
    """Return cases, newest first: those that the actor's institution decides, or all to an auditor."""
    require(work.actor, "conversions:review", "audit:read")
    own = None if work.actor.audits else work.actor.institution_id
    return [_shown(work, one) for one in award_cases.page(work.connection, own, after, rows_max)]


def decide(work: Work, case_id: UUID, verdict: str, reason: str) -> Shown:
    """Let the award stand ("uphold"), or revoke it ("revoke"); awards that required it are then looked at again.

    One that was upheld has another case if more of what it rests on was changed meanwhile.

    Decided alike already it is answered as it stands. Refused: Unknown; Conflict where it was decided otherwise.
    """
    require(work.actor, "conversions:review")
    found = award_cases.by_id(work.connection, case_id)
    if found is None or found.institution_id != work.actor.institution_id or hides(work, found.learner_id):
        raise _no_such_case()
    people.locked(work.connection, found.learner_id)
    found = award_cases.locked(work.connection, case_id)
    assert found is not None, "a case is never taken away"
    if found.state == "decided":
        if found.verdict == verdict:
            return _shown(work, found)
        zh, en = f"此案件已裁定为 {found.verdict}。", f"The case was decided already: {found.verdict}."
        raise Conflict((Fault("", "case_decided", zh, en),))
    award = _award(work, found)
    decision = _decision(work, found, award, (verdict, reason))
    award_decisions.add(work.connection, award.id, decision)
    is_upheld = verdict == "uphold"
    award = moved(work, award, "in_force" if is_upheld else "revoked", "upheld" if is_upheld else "revoked", reason)
    decided = replace(
        found,
        state="decided",
        verdict=verdict,
        verdict_reason=reason,
        decided_by=work.actor.client_id,
        decided_at=work.now,
        decision_id=decision.id,
    )
    award_cases.change(work.connection, decided)
    if is_upheld:
        look_again_upheld(work, award, found.opened_at)
    else:
        look_again(work, found.learner_id, found.outcome_id, reason)
    return _shown(work, decided)


def _shown(work: Work, found: AwardCase) -> Shown:
    """Return a case with its award, and note in the learner's diary that somebody sees it."""
    work.note_sight(found.learner_id, Sight.QUALIFICATION, Basis.AUDIT if work.actor.audits else Basis.PART)
    return found, _award(work, found)


def _award(work: Work, found: AwardCase) -> Award:
    award = awards.by_id(work.connection, found.learner_id, found.award_id)
    assert award is not None, "a case is about an award"
    return award


def _no_such_case() -> Unknown:
    return unknown("案件", "case")


def _decision(work: Work, found: AwardCase, award: Award, said: tuple[str, str]) -> StoredDecision:
    """Return the decision on a case as it is kept."""
    verdict, reason = said
    return StoredDecision(
        learner_id=found.learner_id,
        id=work.new_id(),
        kind="award_case",
        outcome_id=found.outcome_id,
        revision=0,
        institution_id=found.institution_id,
        ruleset=award.code,
        version=award.version,
        inputs=text_of({"award": str(award.id), "case": str(found.id), "opened_for": found.reason}),
        result=text_of({"verdict": verdict}),
        explanation=text_of({"award_verdict": verdict, "reason": reason}),
        decided_at=work.now,
        actor=work.actor.client_id,
    )
