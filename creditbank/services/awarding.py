"""Awarding: a level is written as awarded to who has all that it asks for, with what it rests on."""

from dataclasses import replace
from uuid import UUID

from creditbank.core.event import EventType
from creditbank.core.merging import Person
from creditbank.core.qualification.progress import Progress, Reached, explanation, progress, result_document
from creditbank.core.qualification.record import record_document
from creditbank.core.rules import QualificationSet
from creditbank.formats.strict_json import text_of
from creditbank.services.bank import Work
from creditbank.services.qualifying import event, learnt_by, levels_held, moved
from creditbank.services.telling import tell_award
from creditbank.storage import award_decisions, awards, institutions
from creditbank.storage.awards import Award
from creditbank.storage.decisions import StoredDecision


def standing_of(work: Work, ruleset: QualificationSet, person: Person) -> list[Award]:
    """Return a person's awards of a definition that stand, whatever their last day."""
    return [one for one in awards.standing(work.connection, person.members) if one.code == ruleset.code]


def progress_of(work: Work, ruleset: QualificationSet, person: Person) -> Progress:
    """Return what a person reaches of a definition today."""
    held = levels_held(standing_of(work, ruleset, person), ruleset.code, work.today)
    return progress(ruleset, learnt_by(work, person).record(ruleset, work.today, held))


def give(work: Work, ruleset: QualificationSet, person: Person, level_id: str) -> Award | Reached:
    """Award a level to a person who is locked and has none that counts; return what is there of it if that isn't all.

    One whose last day is over is superseded.
    """
    found = progress_of(work, ruleset, person)
    reached = found.of(level_id)
    if not reached.is_met:
        return reached
    before = next((one for one in standing_of(work, ruleset, person) if one.level == level_id), None)
    if before is not None:
        moved(work, before, "superseded", "superseded", None)
    used = tuple(one for one in found.record.outcomes if one.outcome in reached.sources)
    return _written(work, person, progress(ruleset, replace(found.record, outcomes=used)), level_id)


def _written(work: Work, person: Person, found: Progress, level_id: str) -> Award:
    """Write the award with its sources, its event and the decision, which keeps what it rests on and nothing else."""
    ruleset, reached, actor = found.ruleset, found.of(level_id), work.actor
    assert reached.is_met, "what a level rests on is enough for it"
    awarder = None if ruleset.awarders.is_automatic else actor.institution_id
    reviewer = ruleset.awarders.reviewed_by or actor.institution_code
    reviewing = institutions.by_code(work.connection, reviewer)
    assert reviewing is not None, "a definition is drafted only with reviewers that there are"
    made = Award(
        learner_id=person.id,
        id=work.new_id(),
        code=ruleset.code,
        version=ruleset.version,
        level=level_id,
        decision_id=work.new_id(),
        institution_id=awarder,
        reviewer_id=reviewing.id,
        awarded_on=work.today,
        valid_until=reached.valid_until(work.today),
        state="in_force",
        revision=1,
        recorded_at=work.now,
    )
    awards.add(work.connection, made, [UUID(one) for one in reached.sources])
    awards.note(work.connection, event(work, made, "awarded", None))
    award_decisions.add(work.connection, made.id, _decision(work, made, found))
    tell_award(work, made, EventType.QUALIFICATION_AWARDED)
    return made


def _decision(work: Work, made: Award, found: Progress) -> StoredDecision:
    """Return the decision as it is kept, with everything that is needed to take it again."""
    reached = found.of(made.level)
    inputs = {"award": str(made.id), "level": made.level, "record": record_document(found.record)}
    return StoredDecision(
        learner_id=made.learner_id,
        id=made.decision_id,
        kind="award",
        outcome_id=None,
        revision=0,
        institution_id=made.institution_id or made.reviewer_id,
        ruleset=made.code,
        version=made.version,
        inputs=text_of(inputs),
        result=text_of(result_document(reached, made.awarded_on)),
        explanation=text_of(explanation(found, [reached])),
        decided_at=work.now,
        actor=work.actor.client_id,
    )
