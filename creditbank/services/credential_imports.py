"""Credentials of others as outcomes: what a trusted issuer signed and holds is recorded by the acting institution."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from creditbank.core.credential import Standing
from creditbank.core.credit import Scheme
from creditbank.core.errors import Fault, Malformed, Refusal
from creditbank.core.outcome import LearnerReference, Record
from creditbank.core.permission import require
from creditbank.formats.credential_issuers import Issuer
from creditbank.formats.credential_reading import Achieved, achieved
from creditbank.formats.credential_record import BUNDLED_MAX, bundled
from creditbank.formats.did_web import did_of
from creditbank.services.bank import Work
from creditbank.services.credential_checks import Belief, Given, Unsaid, Verdict, check
from creditbank.services.outcomes import post_records
from creditbank.services.receipts import Taken

EXTERNAL_ID_MAX = 128


def take(
    work: Work, learner_id: UUID, given: tuple[Given, Sequence[Given]], base_url: str, belief: Belief
) -> list[Taken]:
    """Record a credential, or each in a record (CLR), as an outcome of the acting institution, and answer for each.

    Believed is what a trusted issuer signed and whose status is known to be good; credits count only by our own terms,
    or by `creditsEarned` if the file of issuers says in which scheme. Recorded again it is answered as it stands.
    Refused: ScopeMissing.
    """
    require(work.actor, "outcomes:write")
    places: list[str] = []
    records: list[Record] = []
    refused: dict[int, Refusal] = {}
    for place, verdict in _judged(work, given, base_url, belief):
        found = _record(verdict, learner_id, work.rulebook().schemes, did_of(base_url))
        if isinstance(found, Refusal):
            refused[len(places)] = found
        else:
            records.append(found)
        places.append(place)
    answers = iter(post_records(work, records))
    return [Taken(place, refused.get(number) or next(answers)) for number, place in enumerate(places)]


def _judged(
    work: Work, given: tuple[Given, Sequence[Given]], base_url: str, belief: Belief
) -> Iterator[tuple[str, Verdict]]:
    """Give each credential with its place and what is to be thought of it; of a record that is believed those in it."""
    outer = check(work, given, base_url, belief)
    inner = None if outer.document is None else bundled(outer.document)
    if inner is None or not outer.is_accepted:
        yield "", outer
        return
    for place, one in enumerate(inner[:BUNDLED_MAX]):
        yield f"/credentialSubject/verifiableCredential/{place}", check(work, (one, given[1]), base_url, belief)


def _record(verdict: Verdict, learner_id: UUID, schemes: Mapping[str, Scheme], own: str) -> Record | Refusal:
    """Return a credential as the record of an outcome, or why it can't be one."""
    faults = list(verdict.faults)
    if not faults and verdict.status not in (Standing.VALID, Unsaid.NONE):
        faults.append(_not_good(verdict.status.value))
    if faults or verdict.document is None or verdict.issuer is None:
        return Malformed(tuple(faults))
    if verdict.issuer.id == own:
        zh, en = "该凭证由本行签发，所述成果已在本行。", "The bank issued it itself; what it tells is on record here."
        return Malformed((Fault("/issuer", "own_credential", zh, en),))
    found = achieved(verdict.document)
    if found is None:
        zh = "凭证未说明有名称和日期的学习成果，不能记为学习成果。"
        en = "It tells of no achievement with a name and a day, which could be recorded as an outcome."
        return Malformed((Fault("/credentialSubject/achievement", "no_achievement", zh, en),))
    amount, scheme = _credits(found, verdict.issuer, schemes)
    if found.unit is not None and scheme is None:
        return Malformed((_no_amount() if found.credit_hundredths is None else _other_unit(),))
    return Record(
        external_id=_external_id(found.id),
        learner=LearnerReference(learner_id),
        kind=found.kind,
        title=found.title,
        completed_on=found.completed_on,
        level=found.level,
        credit_hundredths=amount,
        scheme=scheme,
    )


def _credits(found: Achieved, issuer: Issuer, schemes: Mapping[str, Scheme]) -> tuple[int | None, str | None]:
    """Return credits and the code of their scheme here; neither where the unit isn't known."""
    unit = found.unit
    if found.credit_hundredths is None:
        return None, None
    if unit is None:
        is_mapped = issuer.credit_scheme in schemes
        return (found.credit_hundredths, issuer.credit_scheme) if is_mapped else (None, None)
    scheme = next((one for code, one in schemes.items() if code.casefold() == unit.scheme.casefold()), None)
    if scheme is None:
        return None, None
    same_hours = unit.hours_hundredths in (None, scheme.hours_per_credit_hundredths)
    same_minutes = unit.minutes_per_hour in (None, scheme.minutes_per_hour)
    return (found.credit_hundredths, scheme.code) if same_hours and same_minutes else (None, None)


def _external_id(credential_id: str) -> str:
    """Return the id under which a credential is known again."""
    named = f"vc:{credential_id}"
    if len(named) > EXTERNAL_ID_MAX or not named.isprintable():
        return f"vc:{hashlib.sha256(credential_id.encode()).hexdigest()}"
    return named


def _not_good(status: str) -> Fault:
    zh = f"凭证状态为 {status}，不能记为学习成果；状态未知时请随附签发者的状态列表（status_lists）。"
    en = f"It stands as {status} and can't be recorded; where that is unknown send its issuer's status_lists along."
    return Fault("/credentialStatus", "status_not_good", zh, en)


def _no_amount() -> Fault:
    zh, en = (
        "学分应为非负十进制数，最多两位小数。",
        "The credits have to be a decimal number, not negative, with two places.",
    )
    return Fault("/credentialSubject/creditRecognition/creditAmount", "wrong_amount", zh, en)


def _other_unit() -> Fault:
    zh = "学分体系不在本行，或其学时含义与本行同名体系不同；请先由双方约定。"
    en = "Its scheme is none of this bank's, or makes a credit of other hours than the one of the same name here."
    return Fault("/credentialSubject/creditRecognition/creditScheme", "scheme_differs", zh, en)
