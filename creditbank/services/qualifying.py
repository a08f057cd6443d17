"""Qualifying: what a learner's record is judged on, and awards that are looked at again when their sources change."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from creditbank.core.credit import parsed_hundredths
from creditbank.core.event import EventType
from creditbank.core.merging import Person
from creditbank.core.outcome import Status
from creditbank.core.qualification.progress import progress
from creditbank.core.qualification.record import OUTCOMES_MAX, Credited, LearningRecord
from creditbank.core.qualification.wording import missing
from creditbank.core.rules import QualificationSet, facts_from
from creditbank.core.rules.conditions import age_on
from creditbank.formats.strict_json import text_of
from creditbank.services import credential_following
from creditbank.services.bank import Work
from creditbank.services.telling import tell_award
from creditbank.storage import award_cases, awards, decisions, institutions, learners, outcomes, people
from creditbank.storage.awards import Award

CORRECTED = "来源成果已更正 (an outcome that it rests on was corrected)"
"""Why a case is opened after a correction, which gives no reason."""

PARTED = (
    "账户已拆分，所依据的成果属于另一人 (the accounts were parted, an outcome that it rests on is another person's)"
)
"""Why a case is opened after accounts were parted."""


MEANWHILE = "复核期间又有来源成果变更 (while it was in review, another outcome that it rests on was changed)"
"""Why a case is opened after an award was upheld."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """All that a person has learnt as it stands, and the birth date where it is on record."""

    outcomes: tuple[Credited, ...]
    birth_date: date | None

    def record(self, ruleset: QualificationSet, on: date, held: Iterable[str]) -> LearningRecord:
        """Return it as a definition asks about it on a day; the age only where it does."""
        age = age_on(on, self.birth_date) if ruleset.asks_age else None
        return LearningRecord(on, self.outcomes, age, frozenset(held))


def learnt_by(work: Work, person: Person) -> Learnt:
    """Return what stands on a person's accounts: outcomes that are neither duplicates nor revoked."""
    rows = outcomes.page(work.connection, person.members, None, None, OUTCOMES_MAX)
    standing = [(head, revision) for head, revision in rows if head.status in (Status.RECOGNISED, Status.RECORDED)]
    codes = institutions.codes(work.connection, [head.institution_id for head, _ in standing])
    results = decisions.results(work.connection, [head.decision_id for head, _ in standing if head.decision_id])
    known = learners.birth_dates(work.connection, work.keyring, person.members)
    return Learnt(
        tuple(
            _credited(revision, codes[head.institution_id], _result(results, head))
            for head, revision in sorted(standing, key=lambda row: (row[0].recorded_at, row[0].id))
        ),
        next((known[member] for member in person.members if member in known), None),
    )


def levels_held(standing: Sequence[Award], code: str, on: date) -> set[str]:
    """Return the levels of a qualification that somebody holds on a day."""
    return {one.level for one in standing if one.code == code and one.counts_on(on)}


def look_again(work: Work, learner_id: UUID, outcome_id: UUID, reason: str) -> None:
    """Open a case for every award in force of a person that their record doesn't reach any more.

    `outcome_id` is the outcome that was revoked or corrected. An award holds as long as its level is reached as of its
    own day or today: neither time nor age open a case. Nothing is revoked before the case is decided.
    """
    held = people.locked(work.connection, learner_id)
    assert held is not None, "an outcome stands on an account"
    for one, lacking in _unreached(work, held.person):
        _open_case(work, one, outcome_id, (reason, lacking))


def look_again_parted(work: Work, person: Person) -> None:
    """Open a case for every award of a person, parted from another one, that rests on what is the other's now."""
    for one, lacking in _unreached(work, person):
        accounts = outcomes.accounts(work.connection, awards.sources(work.connection, one))
        elsewhere = [outcome_id for outcome_id, account in accounts.items() if account not in person.members]
        if elsewhere:
            _open_case(work, one, min(elsewhere), (PARTED, lacking))


def look_again_upheld(work: Work, award: Award, opened_at: datetime) -> None:
    """Open another case on an award that was upheld, if more of what it rests on changed since its case was opened.

    Whoever decided that was told of the first change alone.
    """
    held = people.locked(work.connection, award.learner_id)
    assert held is not None, "an award stands on an account"
    for one, lacking in _unreached(work, held.person):
        if one.id == award.id:
            sources = awards.sources(work.connection, one)
            changed = decisions.decided_behind(work.connection, sources, opened_at)
            if changed:
                _open_case(work, one, min(changed), (MEANWHILE, lacking))


def _unreached(work: Work, person: Person) -> list[tuple[Award, list[dict[str, Any]]]]:
    """Return a person's awards in force that their record doesn't reach any more, with what is missing."""
    standing = awards.standing(work.connection, person.members)
    waiting = [one for one in standing if one.state == "in_force" and one.counts_on(work.today)]
    if not waiting:
        return []
    learnt = learnt_by(work, person)
    judged = [(one, _lacking(work, learnt, one, standing)) for one in waiting]
    return [(one, lacking) for one, lacking in judged if lacking]


def moved(work: Work, award: Award, state: str, kind: str, reason: str | None) -> Award:
    """Set where an award stands and write down what was done with it; what was issued about it follows."""
    changed = replace(award, state=state, revision=award.revision + 1)
    awards.change(work.connection, changed, event(work, changed, kind, reason))
    tell_award(work, changed, EventType.QUALIFICATION_CHANGED)
    credential_following.follow(work, (award.learner_id,))
    return changed


def event(work: Work, award: Award, kind: str, reason: str | None) -> awards.AwardEvent:
    """Return what the actor did with an award as it stands now."""
    actor = work.actor
    return awards.AwardEvent(
        learner_id=award.learner_id,
        award_id=award.id,
        number=award.revision,
        kind=kind,
        reason=reason,
        actor=actor.client_id,
        institution_id=actor.institution_id,
        happened_at=work.now,
    )


def _lacking(work: Work, learnt: Learnt, award: Award, standing: Sequence[Award]) -> list[dict[str, Any]]:
    """Return what is missing to an award today; nothing if its level is reached today, or was on its day."""
    ruleset = work.rulebook().qualification_version(award.code, award.version)
    held = levels_held(standing, award.code, work.today) - {award.level}
    days = (award.awarded_on, work.today)
    found = [progress(ruleset, learnt.record(ruleset, day, held)).of(award.level) for day in days]
    return [] if any(one.is_met for one in found) else missing(found[-1].tree)


def _open_case(work: Work, award: Award, outcome_id: UUID, why: tuple[str, list[dict[str, Any]]]) -> None:
    reason, lacking = why
    moved(work, award, "in_review", "review_opened", reason)
    case = award_cases.AwardCase(
        learner_id=award.learner_id,
        id=work.new_id(),
        award_id=award.id,
        outcome_id=outcome_id,
        institution_id=award.reviewer_id,
        state="open",
        reason=reason,
        missing=text_of(lacking),
        opened_at=work.now,
    )
    award_cases.add(work.connection, case)


def _result(results: Mapping[UUID, str], head: outcomes.Head) -> Mapping[str, Any]:
    found = None if head.decision_id is None else results.get(head.decision_id)
    return (None if found is None else json.loads(found)) or {}


def _credited(revision: outcomes.Revision, issuer: str, result: Mapping[str, Any]) -> Credited:
    """Return an outcome as its issuer told it, with what was recognised."""
    issued = {"issuer": issuer, "applied_on": revision.applied_on.isoformat()}
    until = result.get("valid_until")
    return Credited(
        outcome=str(revision.outcome_id),
        facts=facts_from(json.loads(revision.content) | issued),
        scheme=result.get("scheme"),
        credit_hundredths=parsed_hundredths(result.get("credits", "0")) or 0,
        level=result.get("level"),
        category=result.get("category"),
        valid_until=None if until is None else date.fromisoformat(until),
    )
