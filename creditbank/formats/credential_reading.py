"""What a credential of an achievement says that can be recorded as an outcome; the document was checked before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from creditbank.core.calendar import bank_day
from creditbank.core.credit import parsed_hundredths
from creditbank.core.outcome import Kind
from creditbank.formats.credential_context import PATH
from creditbank.formats.credential_issuers import instant_of

TITLE_LENGTH_MAX = 200
LEVEL_LENGTH_MAX = 40

_LAST = datetime(9999, 12, 31, tzinfo=UTC)
"""Behind the last hours of this day the bank's calendar has no day."""

_KINDS = {
    "Course": Kind.COURSE,
    "CourseWork": Kind.TRAINING,
    "Certificate": Kind.CERTIFICATE,
    "Certification": Kind.CERTIFICATE,
    "CertificateOfCompletion": Kind.CERTIFICATE,
    "License": Kind.CERTIFICATE,
    "Degree": Kind.DEGREE,
    "AssociateDegree": Kind.DEGREE,
    "BachelorDegree": Kind.DEGREE,
    "MasterDegree": Kind.DEGREE,
    "DoctoralDegree": Kind.DEGREE,
    "CommunityService": Kind.COMMUNITY_CLASS,
    "Assessment": Kind.EXAMINATION,
}
"""Which kind of outcome each of Open Badges' types of achievements is; any other is one without fixed form."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of credits as our terms tell it: the scheme's code and what makes a credit, None where it isn't told."""

    scheme: str
    hours_hundredths: int | None
    minutes_per_hour: int | None


@dataclass(frozen=True, slots=True)
class Achieved:
    """What a credential tells of an achievement. `unit` is None where credits are told without one, or none are."""

    id: str
    kind: Kind
    title: str
    completed_on: date
    credit_hundredths: int | None
    unit: Unit | None
    level: str | None


def achieved(document: Mapping[str, Any]) -> Achieved | None:
    """Return what a sound credential tells; None where it is about no achievement that has a name and a day.

    Of an SD-JWT nobody saw to it that it has the members of a credential.

    Completed it was on the last day of the activity, else when it was awarded, else when the credential begins to hold.
    """
    subject, credential_id = document.get("credentialSubject"), document.get("id")
    if not isinstance(subject, dict) or not isinstance(credential_id, str):
        return None
    achievement = subject.get("achievement")
    if not isinstance(achievement, dict):
        return None
    title = achievement.get("name")
    day = next(_days(document, subject), None)
    if not isinstance(title, str) or not 0 < len(title.strip()) <= TITLE_LENGTH_MAX or not title.isprintable():
        return None
    if day is None:
        return None
    hundredths, unit, level = _credits(document, subject)
    kind = _KINDS.get(str(achievement.get("achievementType")), Kind.OTHER)
    return Achieved(credential_id, kind, title.strip(), day, hundredths, unit, level)


def _days(document: Mapping[str, Any], subject: Mapping[str, Any]) -> Iterator[date]:
    told = (subject.get("activityEndDate"), document.get("awardedDate"))
    for one in (*told, document.get("validFrom"), document.get("issuanceDate")):
        instant = instant_of(one)
        if instant is not None:
            yield bank_day(min(instant, _LAST))


def _credits(document: Mapping[str, Any], subject: Mapping[str, Any]) -> tuple[int | None, Unit | None, str | None]:
    """Return credits, their unit and level: by our terms, if their context is named, else as Open Badges has them."""
    said = subject.get("creditRecognition")
    contexts = document.get("@context")
    listed = contexts if isinstance(contexts, list) else [contexts]
    if isinstance(said, dict) and any(isinstance(one, str) and one.endswith(PATH) for one in listed):
        scheme, level = said.get("creditScheme"), said.get("creditLevel")
        if isinstance(scheme, dict) and isinstance(scheme.get("schemeCode"), str):
            minutes = scheme.get("minutesPerHour")
            unit = Unit(
                scheme["schemeCode"],
                _hundredths(scheme.get("hoursPerCredit")),
                minutes if isinstance(minutes, int) else None,
            )
            return _hundredths(said.get("creditAmount")), unit, level if _is_label(level) else None
    return _hundredths(subject.get("creditsEarned")), None, None


def _is_label(level: object) -> bool:
    is_short = isinstance(level, str) and len(level.strip()) > 0 and len(level) <= LEVEL_LENGTH_MAX
    return is_short and str(level).isprintable()


def _hundredths(value: object) -> int | None:
    """Return an amount, as a text or a number, in hundredths; None where it is none with two places at most."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    text = value if isinstance(value, str) else format(Decimal(value).normalize(), "f")
    return parsed_hundredths(text)
