"""Decisions: shown with their reasons, and taken again to see whether they still come out the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from creditbank.core.conversion.planning import planned
from creditbank.core.conversion.planning import result_document as plan_document
from creditbank.core.conversion.situation import situation_from
from creditbank.core.conversion.wording import sentences as conversion_sentences
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import unknown
from creditbank.core.permission import require
from creditbank.core.qualification.progress import progress
from creditbank.core.qualification.progress import result_document as award_document
from creditbank.core.qualification.record import record_from
from creditbank.core.qualification.wording import sentences as qualification_sentences
from creditbank.core.recognition import differences, recognised
from creditbank.core.rules import facts_from, sentences
from creditbank.gateways.optimiser import best_values
from creditbank.services.applications import may_see
from creditbank.services.bank import Work
from creditbank.services.entitlement import hides, note_standing, standing_of
from creditbank.storage import award_decisions, conversions, decisions

READING = ("outcomes:read", "outcomes:write", "conversions:write", "conversions:review", "audit:read")
"""Any of these lets an institution see the decisions that it has to do with."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Whether a decision comes out the same when it is taken again, and if not, in what it differs."""

    decision_id: UUID
    is_same: bool
    differences: tuple[dict[str, Any], ...]


def decision(work: Work, decision_id: UUID) -> decisions.StoredDecision:
    """Return a decision. Refused: Unknown, alike for one on an outcome that is not the actor's."""
    if work.actor.learner_id is None:
        require(work.actor, *READING)
    found = decisions.by_id(work.connection, decision_id) or award_decisions.by_id(work.connection, decision_id)
    if found is None or not _may_see(work, found):
        raise unknown("决定", "decision")
    _note(work, found)
    return found


def told(found: decisions.StoredDecision) -> list[dict[str, str]]:
    """Return why it was decided so, in sentences of both languages."""
    explanation = json.loads(found.explanation)
    if found.kind == "duplicate":
        if "merge" in explanation:
            zh = "账户合并后，该成果与另一账户上已有的学习成果相同，不重复计分；原有学分已冲回。"
            en = "Accounts were merged and another of them has the same learning on record; its credits are reversed."
            return [{"zh": zh, "en": en}]
        zh = "同一学习成果已有记录（证书编号相同，或课程名称与完成日期相同），不重复计分。"
        en = "The same learning is on record already (same certificate number, or same title and day); it counts once."
        return [{"zh": zh, "en": en}]
    if found.kind == "revocation":
        reason = explanation["revoked_for"]
        return [{"zh": f"颁发机构撤销了此成果：{reason}", "en": f"The issuer revoked this outcome: {reason}"}]
    if found.kind in ("case", "award_case"):
        return [_told_verdict(explanation)]
    told_by = {"conversion": conversion_sentences, "award": qualification_sentences}
    return told_by.get(found.kind, sentences)(explanation)


def _told_verdict(explanation: Mapping[str, str]) -> dict[str, str]:
    """Return what was decided on a case about a conversion or an award."""
    reason = explanation["reason"]
    if "award_verdict" in explanation:
        revoked = explanation["award_verdict"] == "revoke"
        zh, en = ("撤销资历", "revoked the award") if revoked else ("维持资历", "let the award stand")
        return {"zh": f"复核机构{zh}：{reason}", "en": f"The reviewing institution {en}: {reason}"}
    undone = explanation["case_verdict"] == "undo"
    zh, en = ("撤回转换", "took the conversion back") if undone else ("维持转换", "let the conversion stand")
    return {"zh": f"接受机构{zh}：{reason}", "en": f"The accepting institution {en}: {reason}"}


def replay(work: Work, decision_id: UUID) -> Replay:
    """Take a decision again from its stored inputs, by the very versions that it was taken by."""
    found = decision(work, decision_id)
    if found.kind == "conversion":
        return _converted_again(work, found)
    if found.kind == "award":
        return _awarded_again(work, found)
    if found.kind != "recognition":
        return Replay(found.id, is_same=True, differences=())
    inputs = json.loads(found.inputs)
    rulebook = work.rulebook()
    by_version = {(ruleset.code, ruleset.version): ruleset for ruleset in rulebook.rulesets}
    candidates = tuple(by_version[(code, version)] for code, version in inputs["rulesets"])
    now = recognised(candidates, rulebook.schemes, facts_from(inputs["facts"]))
    found_differences = differences(json.loads(found.result), now)
    return Replay(found.id, is_same=not found_differences, differences=tuple(found_differences))


def _converted_again(work: Work, found: decisions.StoredDecision) -> Replay:
    """Choose again from the stored situation, by the very version under which it was applied for."""
    rulebook = work.rulebook()
    named = (found.ruleset, found.version)
    ruleset = next(one for one in rulebook.conversions if (one.code, one.version) == named)
    situation = situation_from(json.loads(found.inputs)["situation"])
    now = plan_document(planned(ruleset, rulebook.schemes[ruleset.scheme], situation, best_values))
    return _compared(found, now)


def _awarded_again(work: Work, found: decisions.StoredDecision) -> Replay:
    """Judge the stored record again, by the very version under which it was awarded."""
    assert found.ruleset is not None, "an award is of a definition"
    assert found.version is not None, "an award is of a version of it"
    inputs, ruleset = json.loads(found.inputs), work.rulebook().qualification_version(found.ruleset, found.version)
    record = record_from(inputs["record"])
    return _compared(found, award_document(progress(ruleset, record).of(inputs["level"]), record.on))


def _compared(found: decisions.StoredDecision, now: Mapping[str, Any]) -> Replay:
    """Tell field by field whether what comes out now is what was decided."""
    stored = json.loads(found.result)
    differing = tuple(
        {"field": name, "stored": stored.get(name), "now": now.get(name)}
        for name in sorted(stored.keys() | now.keys())
        if stored.get(name) != now.get(name)
    )
    return Replay(found.id, is_same=not differing, differences=differing)


def _may_see(work: Work, found: decisions.StoredDecision) -> bool:
    """Tell whether the decision is the actor's, on their outcome or conversion, or the actor audits."""
    actor = work.actor
    if actor.is_partner or hides(work, found.learner_id):
        return False
    if actor.learner_id is None and (actor.audits or found.institution_id == actor.institution_id):
        return True
    if standing_of(work, found.learner_id) is not None:
        return True
    asked = None if found.conversion_id is None else conversions.by_id(work.connection, found.conversion_id)
    return asked is not None and may_see(work, asked)


def _note(work: Work, found: decisions.StoredDecision) -> None:
    """Note in the learner's diary that somebody else sees a decision."""
    actor = work.actor
    if actor.learner_id is not None:
        note_standing(work, found.learner_id, Sight.DECISION)
    else:
        is_part = found.institution_id == actor.institution_id or not actor.audits
        work.note_sight(found.learner_id, Sight.DECISION, Basis.PART if is_part else Basis.AUDIT)
