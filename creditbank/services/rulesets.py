"""Rule sets: drafted by one, published by another, withdrawn if need be, evaluated in every version for ever."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from creditbank.core.conversion.planning import planned
from creditbank.core.conversion.planning import result_document as plan_document
from creditbank.core.conversion.situation import Situation, situation_from
from creditbank.core.conversion.wording import sentences as conversion_sentences
from creditbank.core.credit import Scheme
from creditbank.core.errors import Conflict, Fault, Malformed, NotAllowed, RulesetFaulty, unknown
from creditbank.core.outcome import Facts
from creditbank.core.permission import require
from creditbank.core.qualification.progress import explanation, progress
from creditbank.core.qualification.record import LearningRecord, record_from
from creditbank.core.qualification.wording import lacking
from creditbank.core.qualification.wording import sentences as qualification_sentences
from creditbank.core.recognition import recognised, result_document
from creditbank.core.rules import (
    AnySet,
    ConversionSet,
    QualificationSet,
    RuleSet,
    facts_from,
    parsed_ruleset,
    sentences,
)
from creditbank.formats.canonical import canonical_bytes, digest
from creditbank.gateways.optimiser import best_values
from creditbank.services.bank import Work
from creditbank.services.checking import Check, all_failures, checked
from creditbank.storage import institutions, rulesets, schemes
from creditbank.storage.rulesets import StoredRuleset

__all__ = [
    "Check",
    "Evaluation",
    "StoredRuleset",
    "check",
    "draft",
    "evaluate",
    "publish",
    "ruleset",
    "rulesets_page",
    "versions",
    "withdraw",
]

DRAFT_SCOPES = ("rules:write", "rules:publish", "audit:read")
"""Any of these lets a client see drafts; published rules are public to every client."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a version makes of given facts, with its explanation as JSON values and in sentences."""

    ruleset: str
    version: int
    result: dict[str, Any]
    explanation: dict[str, Any]
    sentences: list[dict[str, str]]


def draft(work: Work, document: object) -> tuple[rulesets.StoredRuleset, bool]:
    """Keep a draft and tell whether its version is new; a draft of the same version is replaced.

    Refused: RulesetFaulty with all faults, Conflict where the version is published.
    """
    require(work.actor, "rules:write")
    ruleset = parsed_ruleset(document)
    _check_names(work, ruleset)
    found = rulesets.by_version(work.connection, ruleset.code, ruleset.version)
    fingerprint = digest(document).hex()
    if found is not None and found.status == "published":
        if found.digest == fingerprint:
            return found, False
        raise _is_published(found)
    value = rulesets.StoredRuleset(
        code=ruleset.code,
        version=ruleset.version,
        status="draft",
        scheme=ruleset.scheme,
        document=canonical_bytes(document).decode(),
        digest=fingerprint,
        drafted_by=work.actor.client_id,
        drafted_at=work.now,
    )
    rulesets.put_draft(work.connection, value)
    return value, found is None


def _check_names(work: Work, ruleset: AnySet) -> None:
    """Let a set pass that names schemes and a reviewer that there are. Refused: RulesetFaulty."""
    if schemes.by_code(work.connection, ruleset.scheme) is None:
        zh = "没有这个学分体系；请先用 POST /v1/schemes 登记。"
        en = "There is no such credit scheme; register it with POST /v1/schemes first."
        raise RulesetFaulty((Fault("/scheme", "unknown_scheme", zh, en),))
    asked = ruleset.schemes if isinstance(ruleset, QualificationSet) else frozenset[str]()
    if asked - schemes.every(work.connection).keys():
        zh = "某一等级要求的学分属于未登记的学分体系；请先用 POST /v1/schemes 登记。"
        en = "A level asks for credits of a scheme that is not registered; register it with POST /v1/schemes first."
        raise RulesetFaulty((Fault("/levels", "unknown_scheme", zh, en),))
    reviewer = ruleset.awarders.reviewed_by if isinstance(ruleset, QualificationSet) else None
    if reviewer is not None and institutions.by_code(work.connection, reviewer) is None:
        zh, en = "没有这个代码的机构；请先登记复核机构。", "There is no institution of this code; register it first."
        raise RulesetFaulty((Fault("/award/reviewed_by", "unknown_institution", zh, en),))


def publish(work: Work, code: str, version: int) -> tuple[rulesets.StoredRuleset, bool]:
    """Publish a draft whose own tests pass, and tell whether that was done now.

    Refused: Unknown, NotAllowed to who drafted it, RulesetFaulty with the tests that fail.
    """
    require(work.actor, "rules:publish")
    found = rulesets.by_version(work.connection, code, version)
    if found is None:
        raise unknown("规则集", "ruleset")
    if found.status == "published":
        return found, False
    if found.drafted_by == work.actor.client_id:
        zh = "规则集须由起草者以外的另一方发布。"
        raise NotAllowed(
            (Fault("", "second_person_needed", zh, "A rule set is published by another than who drafted it."),)
        )
    scheme = schemes.by_code(work.connection, found.scheme)
    assert scheme is not None, "a draft counts in a registered scheme"
    parsed = parsed_ruleset(json.loads(found.document))
    faults = all_failures(work, parsed, scheme)
    if faults:
        raise RulesetFaulty(tuple(faults))
    if not rulesets.publish(work.connection, found, work.actor.client_id, work.now):
        zh, en = (
            "草稿在发布时被更改；请重新检查后再发布。",
            "The draft was changed meanwhile; look at it again and publish that.",
        )
        raise Conflict((Fault("", "draft_changed", zh, en),))
    published = rulesets.by_version(work.connection, code, version)
    assert published is not None, "it was published just now"
    return published, True


def withdraw(work: Work, code: str, version: int, reason: str) -> tuple[rulesets.StoredRuleset, bool]:
    """Let new decisions leave a published version out, and tell whether that was done now.

    Decisions that were taken by it stand and come out the same. Refused: Unknown; Conflict for a draft, and for a
    version that was withdrawn for another reason.
    """
    require(work.actor, "rules:publish")
    found = rulesets.by_version(work.connection, code, version)
    if found is None:
        raise unknown("规则集", "ruleset")
    if found.status == "draft":
        zh = f"{code} 第 {version} 版只是草稿，未曾生效，无须撤回；可用新的草稿取代它。"
        en = f"{code} version {version} is a draft and never counted; there is nothing to withdraw, draft it anew."
        raise Conflict((Fault("", "is_draft", zh, en),))
    if found.is_withdrawn:
        if found.withdrawn_reason == reason:
            return found, False
        zh, en = "此版本已因其他理由撤回，理由不再更改。", "This version was withdrawn for another reason, which stays."
        raise Conflict((Fault("/reason", "differs", zh, en),))
    withdrawn = replace(found, withdrawn_by=work.actor.client_id, withdrawn_at=work.now, withdrawn_reason=reason)
    rulesets.withdraw(work.connection, withdrawn)
    return withdrawn, True


def check(work: Work, code: str, version: int) -> Check:
    """Run a stored version's own tests; nothing is written. Refused: Unknown."""
    require(work.actor, "rules:write", "rules:publish")
    found = rulesets.by_version(work.connection, code, version)
    if found is None:
        raise unknown("规则集", "ruleset")
    try:
        parsed = parsed_ruleset(json.loads(found.document))
    except RulesetFaulty as faulty:  # the language has become stricter since it was drafted
        return Check(passed=False, tests=(), faults=faulty.faults)
    scheme = schemes.by_code(work.connection, found.scheme)
    assert scheme is not None, "a draft counts in a registered scheme"
    return checked(work, parsed, scheme)


def ruleset(work: Work, code: str, version: int) -> rulesets.StoredRuleset:
    """Return one version. Refused: Unknown, also for drafts to those who have nothing to do with them."""
    found = rulesets.by_version(work.connection, code, version)
    if found is None or (found.status == "draft" and not _sees_drafts(work)):
        raise unknown("规则集", "ruleset")
    return found


def versions(work: Work, code: str) -> list[rulesets.StoredRuleset]:
    """Return the versions of a rule set, newest first. Refused: Unknown where there is none."""
    found = rulesets.versions(work.connection, code, drafts=_sees_drafts(work))
    if not found:
        raise unknown("规则集", "ruleset")
    return found


def rulesets_page(work: Work, after: tuple[str, int], rows_max: int) -> list[rulesets.StoredRuleset]:
    """Return versions in the order of code and version."""
    return rulesets.page(work.connection, after, rows_max, drafts=_sees_drafts(work))


def evaluate(work: Work, code: str, version: int | None, facts: object) -> Evaluation:
    """Return what a version makes of facts; nothing is written.

    Of a situation, where it is about conversion, of a learner's record, where it is about qualification.

    Without a version it is the newest one valid on the facts' day that the actor may see, or else simply the newest;
    a withdrawn one only where there is no other.
    Refused: Unknown, Malformed facts.
    """
    found = [ruleset(work, code, version)] if version is not None else _standing(versions(work, code))
    candidates = [parsed_ruleset(json.loads(stored.document)) for stored in found]
    scheme = schemes.by_code(work.connection, candidates[0].scheme)
    assert scheme is not None, "a rule set counts in a registered scheme"
    recognising = [one for one in candidates if isinstance(one, RuleSet)]
    try:
        if recognising:
            return _evaluated(recognising, scheme, facts_from(facts))
        qualifying = [one for one in candidates if isinstance(one, QualificationSet)]
        if qualifying:
            return _reached(qualifying, record_from(facts))
        converting = [one for one in candidates if isinstance(one, ConversionSet)]
        return _converted(converting, scheme, situation_from(facts))
    except Malformed as malformed:
        raise Malformed(tuple(fault.under("/facts") for fault in malformed.faults)) from malformed


def _evaluated(candidates: Sequence[RuleSet], scheme: Scheme, facts: Facts) -> Evaluation:
    """Return what the newest version valid on the facts' day recognises."""
    parsed = next((one for one in candidates if one.validity.contains(facts)), candidates[0])
    recognition = recognised((parsed,), {scheme.code: scheme}, facts)
    told = recognition.explanation
    return Evaluation(parsed.code, parsed.version, result_document(recognition), told, sentences(told))


def _converted(candidates: Sequence[ConversionSet], scheme: Scheme, situation: Situation) -> Evaluation:
    """Return what the newest version valid on the day of application converts."""
    day = situation.applied_on
    parsed = next((one for one in candidates if one.validity.contains_day(day)), candidates[0])
    plan = planned(parsed, scheme, situation, best_values)
    told = plan.explanation
    return Evaluation(parsed.code, parsed.version, plan_document(plan), told, conversion_sentences(told))


def _reached(candidates: Sequence[QualificationSet], record: LearningRecord) -> Evaluation:
    """Return what of the newest version valid on the record's day is reached."""
    parsed = next((one for one in candidates if one.validity.contains_day(record.on)), candidates[0])
    found = progress(parsed, record)
    told = explanation(found, found.levels)
    result = {
        "levels": [one.level.id for one in found.levels if one.is_met],
        "missing": {one.level.id: lacking(one.tree) for one in found.levels if not one.is_met},
    }
    return Evaluation(parsed.code, parsed.version, result, told, qualification_sentences(told))


def _standing(found: list[rulesets.StoredRuleset]) -> list[rulesets.StoredRuleset]:
    """Return the versions that are not withdrawn, or all of them where none is left."""
    return [one for one in found if not one.is_withdrawn] or found


def _sees_drafts(work: Work) -> bool:
    """Tell whether the actor has to do with drafts."""
    return not work.actor.scopes.isdisjoint(DRAFT_SCOPES)


def _is_published(found: rulesets.StoredRuleset) -> Conflict:
    """Return the answer to a change of a published version."""
    zh = f"{found.code} 第 {found.version} 版已发布，不可更改；请起草新的版本。"
    en = f"{found.code} version {found.version} is published and never changes; draft a new version."
    return Conflict((Fault("/version", "published", zh, en),))
