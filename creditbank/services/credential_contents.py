"""What a credential says, taken from its source: one function a kind, and who may have it said."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from creditbank.core.calendar import bank_day
from creditbank.core.credential import CredentialKind
from creditbank.core.credit import Scheme
from creditbank.core.errors import Conflict, Fault, unknown
from creditbank.core.lots import summed
from creditbank.core.outcome import Status
from creditbank.core.permission import require
from creditbank.core.qualification.asked import asked_of
from creditbank.core.review import State
from creditbank.formats.credential_award import AskedPart, Awarded, award_body
from creditbank.formats.credential_document import (
    Body,
    ConvertedPart,
    Learnt,
    Party,
    Recognised,
    balance_body,
    conversion_body,
    outcome_body,
)
from creditbank.services.bank import Work
from creditbank.services.entitlement import hides, is_own, standing_of
from creditbank.storage import award_decisions, awards, conversions, decisions, institutions, outcomes, passbook, people
from creditbank.storage.awards import Award
from creditbank.storage.credentials import Source

SCOPE = "credentials:issue"

BALANCE_DAYS = 90
"""How long a statement of balances holds: what somebody had a term ago tells little."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be issued: about whom and what, on whose word, until when, and what it says under its own address."""

    learner_id: UUID
    source: Source
    institution_id: UUID | None
    valid_until: date | None
    body: Callable[[str], Body]


def told(work: Work, kind: CredentialKind, source_id: UUID | None, base_url: str) -> Told:
    """Return what a credential of a kind says, its source locked. Refused: ScopeMissing, Unknown, Conflict."""
    if work.actor.learner_id is None:
        require(work.actor, SCOPE)
    return _KINDS[kind](work, source_id, base_url)


def _outcome(work: Work, source_id: UUID | None, base_url: str) -> Told:
    """Return what is told of an outcome, to the learner or to the institution that issued it."""
    head = None if source_id is None else outcomes.locked(work.connection, source_id)
    if head is None or not _may(work, head.learner_id, head.institution_id):
        raise unknown("学习成果", "outcome", "/subject_id")
    if head.status not in (Status.RECOGNISED, Status.RECORDED):
        raise _not_standing(head.status.value)
    revision = outcomes.revision(work.connection, head, head.revision)
    assert revision is not None, "a head points to a revision"
    content = json.loads(revision.content)
    recognised, until = _recognised(work, head)
    started_on = content.get("started_on")
    learnt = Learnt(
        kind=head.kind,
        title=content["title"],
        started_on=started_on and date.fromisoformat(started_on),
        completed_on=head.completed_on,
        issuer=_party(work, head.institution_id, base_url),
    )
    source = Source(head.id, head.revision, head.decision_id)
    return Told(
        head.learner_id, source, head.institution_id, until, lambda address: outcome_body(learnt, recognised, address)
    )


def _balance(work: Work, source_id: UUID | None, base_url: str) -> Told:
    """Return what is told of balances: today's, to the learner alone."""
    del base_url
    own = work.actor.learner_id
    if own is None:
        raise unknown("学习者", "learner", "/subject_id")
    held = people.locked(work.connection, source_id or own)
    if held is None or held.is_erased or not is_own(work, source_id or own, held.person):
        raise unknown("学习者", "learner", "/subject_id")
    found = summed(passbook.balances_today(work.connection, held.person.members, work.today))
    balances = [(_scheme(work, balance.scheme), balance) for balance in found]
    until = work.today + timedelta(days=BALANCE_DAYS)
    return Told(held.person.id, Source(), None, until, lambda _: balance_body(balances, work.today))


def _conversion(work: Work, source_id: UUID | None, base_url: str) -> Told:
    """Return what is told of an approved conversion, to the learner or to the accepting institution."""
    found = None if source_id is None else conversions.by_id(work.connection, source_id)
    if found is not None:
        people.locked(work.connection, found.learner_id)
        found = conversions.by_id(work.connection, found.id)
    if found is None or not _may(work, found.learner_id, found.institution_id):
        raise unknown("转换申请", "conversion", "/subject_id")
    parts = conversions.parts_of(work.connection, [found.learner_id], [found.id])
    converted = [part for part in parts if part.state == "converted"]
    if found.progress.state is not State.APPROVED or not converted:
        raise _not_standing(found.progress.state.value)
    titles = _titles(work, {part.outcome_id for part in converted})
    told_parts = [
        ConvertedPart(titles[part.outcome_id], part.course_code, part.course_title, part.granted_hundredths)
        for part in converted
    ]
    acceptor, scheme = _party(work, found.institution_id, base_url), _scheme(work, found.scheme)
    decision = decisions.by_id(work.connection, found.decision_id)
    assert decision is not None, "a conversion rests on a decision"
    decided_on = bank_day(decision.decided_at)
    return Told(
        found.learner_id,
        Source(found.id, found.revision, found.decision_id),
        found.institution_id,
        None,
        lambda _: conversion_body(acceptor, found.programme, scheme, decided_on, told_parts),
    )


def _qualification(work: Work, source_id: UUID | None, base_url: str) -> Told:
    """Return what is told of an award in force, to the learner or to the institution that awarded it."""
    found = None if source_id is None else awards.wherever(work.connection, source_id)
    if found is not None:
        people.locked(work.connection, found.learner_id)
        found = awards.by_id(work.connection, found.learner_id, found.id)
    if found is None or not _may(work, found.learner_id, found.institution_id):
        raise unknown("资历授予", "award", "/subject_id")
    if found.state != "in_force" or not found.counts_on(work.today):
        raise _not_standing("expired" if found.state == "in_force" else found.state)
    awarded = _awarded(work, found, base_url)
    source = Source(found.id, found.revision, found.decision_id)
    return Told(
        found.learner_id,
        source,
        found.institution_id,
        found.valid_until,
        lambda address: award_body(awarded, address),
    )


_KINDS: Mapping[CredentialKind, Callable[[Work, UUID | None, str], Told]] = {
    CredentialKind.OUTCOME: _outcome,
    CredentialKind.BALANCE: _balance,
    CredentialKind.CONVERSION: _conversion,
    CredentialKind.QUALIFICATION: _qualification,
}


def _may(work: Work, learner_id: UUID, institution_id: UUID | None) -> bool:
    """Tell whether the actor may have it said: the learner, or the institution whose word it is, if it is one's."""
    if work.actor.learner_id is not None:
        return not hides(work, learner_id) and standing_of(work, learner_id) is not None
    is_own_word = institution_id is not None and work.actor.institution_id == institution_id
    return is_own_word and not work.actor.is_partner and not hides(work, learner_id)


def _awarded(work: Work, award: Award, base_url: str) -> Awarded:
    """Return an award as it was given, by its own version and the decision that explains it."""
    ruleset = work.rulebook().qualification_version(award.code, award.version)
    level, decision = ruleset.level(award.level), award_decisions.by_id(work.connection, award.decision_id)
    assert level is not None, "an award is of a level of its version"
    assert decision is not None, "an award rests on a decision"
    (explained,) = json.loads(decision.explanation)["levels"]
    return Awarded(
        code=award.code,
        version=award.version,
        title={"zh": ruleset.title.zh, "en": ruleset.title.en},
        level=award.level,
        level_title={"zh": level.title.zh, "en": level.title.en},
        source=" ".join(filter(None, (ruleset.source.document, ruleset.source.article))),
        awarded_on=award.awarded_on,
        institution=None if award.institution_id is None else _party(work, award.institution_id, base_url),
        parts=[AskedPart(one.title, {"zh": one.zh, "en": one.en}) for one in asked_of(explained["parts"])],
    )


def _recognised(work: Work, head: outcomes.Head) -> tuple[Recognised | None, date | None]:
    """Return what an outcome was recognised as, and the last day of its credits."""
    if head.status is not Status.RECOGNISED or head.decision_id is None:
        return None, None
    result = json.loads(decisions.results(work.connection, [head.decision_id])[head.decision_id])
    until = result["valid_until"]
    return (
        Recognised(
            scheme=_scheme(work, result["scheme"]),
            credits=result["credits"],
            level=result["level"],
            category=result["category"],
            ruleset=result["ruleset"],
            version=result["version"],
        ),
        until and date.fromisoformat(until),
    )


def _titles(work: Work, outcome_ids: set[UUID]) -> dict[UUID, str]:
    found = outcomes.revisions(work.connection, outcome_ids)
    return {one: json.loads(revisions[-1].content)["title"] for one, revisions in found.items()}


def _party(work: Work, institution_id: UUID, base_url: str) -> Party:
    return Party(base_url, *institutions.names(work.connection, [institution_id])[institution_id])


def _scheme(work: Work, code: str) -> Scheme:
    return work.rulebook().schemes[code]


def _not_standing(state: str) -> Conflict:
    zh = f"其状态为 {state}，不能据以签发凭证；请先处理原记录。"
    en = f"It stands as {state}, which no credential can be issued of; see to the record first."
    return Conflict((Fault("/subject_id", "not_standing", zh, en),))
