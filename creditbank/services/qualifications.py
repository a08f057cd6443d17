"""Qualifications: what a learner has of one, what is missing, and awards by who may, or by the rules themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Conflict, Fault, NotAllowed, RuleSaysNo, unknown
from creditbank.core.institution import ended_fault
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.core.qualification.progress import Progress, Reached, progress
from creditbank.core.qualification.wording import lacking
from creditbank.core.rules import QualificationSet
from creditbank.services.awarding import give, standing_of
from creditbank.services.bank import Work
from creditbank.services.entitlement import acting_for, looked_at, no_such_learner, seen
from creditbank.services.qualifying import learnt_by, levels_held
from creditbank.storage import awards, institutions, people
from creditbank.storage.awards import Award


@dataclass(frozen=True, slots=True)
class Given:
    """An award as it stands, with the title of its level and the code of who awarded it, None where the rules did."""

    award: Award
    title: Mapping[str, str]
    institution: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a learner has of a qualification, and their awards of it by level.

    `shows_outcomes` tells that the reader may see which outcomes count: whoever reads without the learner's consent
    sees sums only.
    """

    learner_id: UUID
    progress: Progress
    given: Mapping[str, Given]
    shows_outcomes: bool


def standing(work: Work, learner_id: UUID, code: str) -> Standing:
    """Return what a learner has of a qualification today, by the version in force.

    Refused: ScopeMissing; Unknown where there is no such definition in force, and for a learner who does not exist or
    is not known to the actor, to partners who did not consent.
    """
    require(work.actor, "outcomes:read", "credentials:issue", "audit:read")
    ruleset = _in_force(work, code)
    found = looked_at(work, learner_id, Sight.QUALIFICATION)
    held = awards.standing(work.connection, found.person.members)
    record = learnt_by(work, found.person).record(ruleset, work.today, levels_held(held, code, work.today))
    theirs = {one.level: one for one in held if one.code == code and one.counts_on(work.today)}
    return Standing(
        learner_id=found.person.id,
        progress=progress(ruleset, record),
        given={level: _given(work, ruleset, one) for level, one in theirs.items()},
        shows_outcomes=found.basis != Basis.KNOWN,
    )


def award(work: Work, code: str, learner_id: UUID, level_id: str) -> tuple[Given, bool]:
    """Award a level to who has all that it asks for, and tell whether that was done now.

    One that stands is answered as it stands; one whose last day is over is superseded by the new one.
    Refused: ScopeMissing, Unknown; NotAllowed to who may not award it; Conflict where the learner's identity is in
    doubt or their data are restricted; RuleSaysNo with all that is missing.
    """
    if work.actor.learner_id is None:
        require(work.actor, "credentials:issue")
    ruleset = _in_force(work, code)
    if ruleset.level(level_id) is None:
        raise unknown("等级", "level", "/level")
    person = _locked(work, _entitled_to(work, ruleset, learner_id))
    before = next((one for one in standing_of(work, ruleset, person) if one.level == level_id), None)
    if before is not None and before.counts_on(work.today):
        return _given(work, ruleset, before), False
    made = give(work, ruleset, person, level_id)
    if not isinstance(made, Award):
        raise RuleSaysNo(tuple(_missing_faults(made)))
    return _given(work, ruleset, made), True


def _in_force(work: Work, code: str) -> QualificationSet:
    """Return the definition in force today. Refused: Unknown."""
    found = work.rulebook().qualification(code, work.today)
    if found is None:
        raise unknown("资历", "qualification")
    return found


def _entitled_to(work: Work, ruleset: QualificationSet, learner_id: UUID) -> UUID:
    """Return the learner to whom the actor may award. Refused: Unknown, NotAllowed.

    What is automatic is awarded to whoever asks for it: the learner, who speaks for them, an institution that knows
    them. Anything else is awarded by an institution that the definition names.
    """
    actor, awarders = work.actor, ruleset.awarders
    if actor.learner_id is not None:
        person = acting_for(work, learner_id, Sight.QUALIFICATION)
        if not awarders.is_automatic:
            zh = "此资历由机构授予；请向定义中 award.by 所列机构申请。"
            en = "This qualification is awarded by institutions; turn to one that the definition names in award.by."
            raise NotAllowed((Fault("", "awarded_by_others", zh, en),))
        return person.id
    if not awarders.is_automatic and actor.institution_code not in awarders.institutions:
        zh = "贵机构不在此资历的授予机构之列（见定义中的 award.by）。"
        en = "Your institution is none of those that award this qualification (award.by of its definition)."
        raise NotAllowed((Fault("", "not_an_awarder", zh, en),))
    ending = None if actor.institution_id is None else work.ending(actor.institution_id)
    ended = ended_fault(ending, work.today, "")
    if ended is not None:
        raise Conflict((ended,))
    return seen(work, learner_id, Sight.QUALIFICATION).id


def _locked(work: Work, learner_id: UUID) -> Person:
    """Lock the learner and let those pass whose identity is in no doubt. Refused: Unknown, Conflict."""
    held = people.locked(work.connection, learner_id)
    if held is None or held.is_erased:
        raise no_such_learner("/learner_id")
    if held.is_restricted:
        zh = "该学习者已要求限制处理其数据，解除限制之前不能授予资历。"
        en = "The learner asked that their data be kept and not used; nothing is awarded until they lift that."
        raise Conflict((Fault("/learner_id", "restricted", zh, en),))
    if held.is_in_conflict:
        zh = "该学习者的身份标识存在冲突，核实之前不能授予资历。"
        en = "The learner's identifiers are in conflict; nothing is awarded until that is decided."
        raise Conflict((Fault("/learner_id", "identity_conflict", zh, en),))
    return held.person


def _missing_faults(found: Reached) -> list[Fault]:
    """Return a fault for each missing part, by its title; how much is missing, the learner's progress tells."""
    titles = _titles(found.tree)
    return [
        Fault(
            "/level",
            "part_missing",
            f"尚缺“{titles[part]['zh']}”；进度见学习者的资历查询。",
            f"“{titles[part]['en']}” is missing; the learner's progress tells how much.",
        )
        for part in lacking(found.tree)
    ]


def _titles(node: Mapping[str, object]) -> dict[str, Mapping[str, str]]:
    """Return the titles of the parts of a tree by id."""
    inner = node.get("of")
    if isinstance(inner, list):
        return {part: title for one in inner for part, title in _titles(one).items()}
    part, title = node["part"], node["title"]
    assert isinstance(title, dict), "a part has a title"
    return {str(part): title}


def _given(work: Work, ruleset: QualificationSet, found: Award) -> Given:
    """Return an award with the names that it is shown with, those of its own version."""
    own = ruleset if ruleset.version == found.version else None
    level = (own or work.rulebook().qualification_version(found.code, found.version)).level(found.level)
    assert level is not None, "an award is of a level of its version"
    codes = institutions.codes(work.connection, [found.institution_id] if found.institution_id else [])
    title = {"zh": level.title.zh, "en": level.title.en}
    return Given(found, title, codes[found.institution_id] if found.institution_id else None)
