"""Transcripts that cross borders: what a learner has as ELMO, and an ELMO document's courses as outcomes."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from creditbank.core.errors import Fault, Malformed, Refusal
from creditbank.core.outcome import Kind, LearnerReference, Record, Score, Status
from creditbank.core.permission import require
from creditbank.core.transcript import Counted, Credit, Learnt, Report, Transcript, counted
from creditbank.core.veil import Veil
from creditbank.services.bank import Work
from creditbank.services.entitlement import veil_of
from creditbank.services.learners import account
from creditbank.services.outcomes import post_records
from creditbank.services.receipts import Receipt, Taken
from creditbank.services.recorded import Revision, outcomes_of
from creditbank.storage import institutions

OUTCOMES_MAX = 10_000
"""The most outcomes of one transcript: more than anybody learns in a life."""

DEGREE = "Degree Programme"
COURSE = "Course"
OUTCOME_ID = "creditbank"
"""The type under which the bank names an outcome, and an institution by its code."""

PASSED = "passed"
EXTERNAL_ID_MAX = 128
CODE_MAX = 64

_SHOWN = (Status.RECOGNISED, Status.RECORDED)
"""Duplicates would count twice, and what is revoked counts no more."""


def transcript_of(work: Work, learner_id: UUID, url: str) -> Transcript:
    """Return what the actor may see of a learner's outcomes as a transcript, one report an issuer.

    Credits are those that were recognised. Only the learner's own has their name, as the family name: how it parts into
    two is not known here. `url` is where the bank is found. Refused: Unknown, ScopeMissing.
    """
    rows = outcomes_of(work, learner_id, None, OUTCOMES_MAX)
    veil = veil_of(work)
    by_issuer: dict[UUID, list[Learnt]] = {}
    for receipt, revision in rows:
        if receipt.head.status in _SHOWN:
            by_issuer.setdefault(receipt.head.institution_id, []).append(_learnt(receipt, revision, veil))
    names = institutions.names(work.connection, by_issuer)
    reports = tuple(
        Report((("zh", names[one][1]),), ((OUTCOME_ID, names[one][0]),), url, work.now, tuple(learnt))
        for one, learnt in sorted(by_issuer.items(), key=lambda item: names[item[0]])
    )
    if not reports:  # the format wants one
        reports = (Report((("zh", "学分银行"), ("en", "Credit bank")), ((OUTCOME_ID, OUTCOME_ID),), url, work.now, ()),)
    name, born_on = "", None
    if work.actor.learner_id is not None:
        shown = account(work, learner_id)
        name, born_on = shown.name, shown.birth_date
    return Transcript("", name, born_on, work.now, reports)


def may_take(work: Work) -> None:
    """Refuse whoever may record no outcomes, before their document is read. Refused: ScopeMissing."""
    require(work.actor, "outcomes:write")


def take_transcript(work: Work, learner_id: UUID, transcript: Transcript) -> list[Taken]:
    """Record the courses of a transcript as outcomes of the acting institution and answer for each credit that counts.

    What counts is told by `creditbank.core.transcript.counted`. Each needs an identifier, the day of its completion and
    its status; what was not passed is refused. Recorded again it is answered as it stands.
    """
    schemes = {code.casefold(): code for code in work.rulebook().schemes}
    places: list[str] = []
    records: list[Record] = []
    refused: dict[int, Refusal] = {}
    found = [(report, one) for report in transcript.reports for one in counted(report.learnt)]
    for number, (report, one) in enumerate(found):
        places.append(one.learnt.place)
        faults = tuple(_faults(one.learnt))
        if faults:
            refused[number] = Malformed(faults)
        else:
            records.append(_record(report, one, learner_id, schemes))
    answers = iter(post_records(work, records))
    return [Taken(place, refused.get(number) or next(answers)) for number, place in enumerate(places)]


def _learnt(receipt: Receipt, revision: Revision, veil: Veil) -> Learnt:
    """Return an outcome as it stands in a transcript."""
    content: Mapping[str, Any] = json.loads(revision.content)
    head, result = receipt.head, receipt.result
    is_recognised = head.status is Status.RECOGNISED and result is not None
    score = content.get("score") or {}
    code = content.get("code")
    return Learnt(
        place="",
        titles=(("zh", content["title"]),),
        type=DEGREE if head.kind == Kind.DEGREE else COURSE,
        identifiers=(("local", code or veil.text(head.external_id)),),
        instances=((OUTCOME_ID, veil.id(head.id)),),
        started_on=date.fromisoformat(content["started_on"]) if content.get("started_on") else None,
        completed_on=head.completed_on,
        status=PASSED,
        result=score.get("value"),
        grading=score.get("scale"),
        credits=(_credit(result),) if is_recognised and result is not None else (),
        levels=(("QF", result["level"]),) if is_recognised and result is not None and result["level"] else (),
    )


def _credit(result: Mapping[str, Any]) -> Credit:
    whole, _, places = result["credits"].partition(".")
    return Credit(result["scheme"], int(whole) * 100 + int(places))


def _faults(learnt: Learnt) -> Iterator[Fault]:
    """Yield what a course lacks to be recorded as an outcome, by its place."""
    place = learnt.place
    instance = f"{place}/specifies/learningOpportunityInstance"
    if not learnt.identifiers and not learnt.instances:
        zh, en = "缺少课程标识；请补上 identifier。", "The course has no identifier; add one."
        yield Fault(f"{place}/identifier", "required", zh, en)
    if learnt.completed_on is None:
        zh, en = "缺少完成日期；请补上 date。", "The day of completion is missing; add date."
        yield Fault(f"{instance}/date", "required", zh, en)
    if learnt.status is None:
        zh, en = "缺少学习状态；请补上 status。", "The status is missing; add status."
        yield Fault(f"{instance}/status", "required", zh, en)
    elif learnt.status != PASSED:
        zh, en = "只有通过的课程才能记为学习成果。", "Only what was passed is recorded as an outcome."
        yield Fault(f"{instance}/status", "not_passed", zh, en)


def _record(report: Report, one: Counted, learner_id: UUID, schemes: Mapping[str, str]) -> Record:
    """Return a credit that counts as the record of an outcome."""
    learnt = one.learnt
    assert learnt.completed_on is not None, "its absence is a fault"
    code = learnt.identifiers[0][1] if learnt.identifiers else None
    return Record(
        external_id=_external_id(report, one, learner_id),
        learner=LearnerReference(learner_id),
        kind=Kind.DEGREE if learnt.type == DEGREE else Kind.COURSE,
        title=learnt.title("zh", "en"),
        completed_on=learnt.completed_on,
        started_on=learnt.started_on,
        code=code if code is not None and len(code) <= CODE_MAX else None,
        level=one.credit.level,
        hours_hundredths=learnt.hours_hundredths,
        credit_hundredths=one.credit.hundredths,
        scheme=schemes.get(one.credit.scheme_key, one.credit.scheme),
        score=Score(learnt.result, learnt.grading) if learnt.result and learnt.grading else None,
    )


def _external_id(report: Report, one: Counted, learner_id: UUID) -> str:
    """Return the id under which a credit is known again: its issuer's of the taking, else of course, day and learner.

    What one issuer calls "1" is something else than what another one calls so.
    """
    learnt, scheme = one.learnt, one.credit.scheme_key
    issuer = ":".join(min(report.issuer_identifiers, default=report.issuer_titles[0]))
    if learnt.instances:
        named = ":".join(learnt.instances[0])
    else:
        named = f"{':'.join(learnt.identifiers[0])}:{learnt.completed_on}:{learner_id}"
    external_id = f"elmo:{scheme}:{issuer}:{named}"
    if len(external_id) > EXTERNAL_ID_MAX or not external_id.isprintable():
        return f"elmo:{hashlib.sha256(external_id.encode()).hexdigest()}"
    return external_id
