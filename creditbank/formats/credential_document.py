"""Credentials as documents: Verifiable Credentials 2.0, those of achievements as Open Badges 3.0; one part a kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from creditbank.core.calendar import SHANGHAI, day_end, second_text
from creditbank.core.credential import Detail, StatusPlace
from creditbank.core.credit import Scheme, decimal_text
from creditbank.core.lots import Balance
from creditbank.formats.credential_context import context_address
from creditbank.formats.credential_shape import OB_CONTEXT, VC_CONTEXT
from creditbank.formats.status_list import status_entries

ISSUER_NAME = "学分银行 creditbank"

_ACHIEVEMENT_TYPES = {
    "course": "Course",
    "certificate": "Certificate",
    "degree": "Degree",
    "training": "CourseWork",
    "community_class": "CommunityService",
    "examination": "Assessment",
    "other": "Achievement",
}
"""What Open Badges calls each kind of outcome."""

_TELLS = {
    Detail.HOLDER: ("identifier", "identityHash", "identityType", "hashed"),
    Detail.ACHIEVEMENT: (
        *("achievement", "achievementType", "description", "criteria", "narrative", "creator", "source", "name"),
        *("activityStartDate", "activityEndDate", "acceptingInstitution", "acceptedOn", "programmeCode"),
        *("courseCode", "courseTitle", "sourceTitle", "creditsAsOf"),
        *("qualificationCode", "qualificationVersion", "qualificationTitle", "levelCode", "levelTitle"),
        *("awardedOn", "awardingInstitution", "isAutomatic"),
    ),
    Detail.CREDITS: (
        *("creditRecognition", "creditScheme", "creditAmount", "creditLevel", "creditCategory", "creditBalance"),
        *("schemeCode", "hoursPerCredit", "minutesPerHour", "ruleSetCode", "ruleSetVersion", "recognisedCredits"),
        *("heldCredits", "convertedCredits", "expiredCredits", "availableCredits", "grantedCredits"),
        *("qualificationPart", "partTitle", "partAsked"),
    ),
}
"""Which detail each member tells; what stands in no list is shown by the proof alone."""

_ALWAYS = ("type", "id", "creditConversion", "convertedPart", "qualificationAward", "zh", "en")
_DETAIL_OF = {name: detail for detail, names in _TELLS.items() for name in names}


@dataclass(frozen=True, slots=True)
class Body:
    """What a kind of credential says: its own types, its name, and the members of its subject."""

    types: tuple[str, ...]
    name: str
    subject: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every credential says. `holder_name` is told only if the holder asks; `subject_id` is this one's alone."""

    base_url: str
    did: str
    id: UUID
    subject_id: UUID
    issued_at: datetime
    valid_until: date | None
    place: StatusPlace
    holder_name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Party:
    """An institution as it is named."""

    base_url: str
    code: str
    name: str

    @property
    def profile(self) -> dict[str, Any]:
        """The institution as Open Badges writes it."""
        return {"id": f"{self.base_url}/v1/institutions/{self.code}", "type": ["Profile"], "name": self.name}


@dataclass(frozen=True, slots=True)
class Recognised:
    """What an outcome was recognised as."""

    scheme: Scheme
    credits: str
    level: str | None
    category: str | None
    ruleset: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class Learnt:
    """An outcome as its issuer recorded it."""

    kind: str
    title: str
    started_on: date | None
    completed_on: date
    issuer: Party


@dataclass(frozen=True, slots=True)
class ConvertedPart:
    """One outcome toward one course, or toward the programme where no course is named."""

    source_title: str
    course_code: str | None
    course_title: str | None
    granted_hundredths: int


def address_of(base_url: str, credential_id: UUID) -> str:
    """Return under which address, and id, a credential stands."""
    return f"{base_url}/v1/credentials/{credential_id}"


def document_of(envelope: Envelope, body: Body) -> dict[str, Any]:
    """Return the unsigned credential."""
    subject: dict[str, Any] = {"id": f"urn:uuid:{envelope.subject_id}", **body.subject}
    if envelope.holder_name is not None:
        named = {"identityHash": envelope.holder_name, "identityType": "name", "hashed": False}
        subject["identifier"] = [{"type": "IdentityObject", **named}]
    document: dict[str, Any] = {
        "@context": [VC_CONTEXT, OB_CONTEXT, context_address(envelope.base_url)],
        "id": address_of(envelope.base_url, envelope.id),
        "type": ["VerifiableCredential", *body.types],
        "issuer": {"id": envelope.did, "type": ["Profile"], "name": ISSUER_NAME},
        "validFrom": second_text(envelope.issued_at),
        "name": body.name,
        "credentialSubject": subject,
        "credentialStatus": status_entries(envelope.base_url, envelope.place),
    }
    if envelope.valid_until is not None:
        document["validUntil"] = second_text(day_end(envelope.valid_until) - timedelta(seconds=1))
    return document


def name_in(subject: Mapping[str, Any]) -> str | None:
    """Return the holder's name that a credential of ours tells; None where it tells none."""
    named = (one for one in subject.get("identifier", ()) if one.get("identityType") == "name")
    return next((one["identityHash"] for one in named), None)


def outcome_body(learnt: Learnt, recognised: Recognised | None, address: str) -> Body:
    """Return what a credential of a learning outcome says; `address` is the credential's own."""
    achievement = {
        "id": f"{address}#achievement",
        "type": ["Achievement"],
        "achievementType": _ACHIEVEMENT_TYPES[learnt.kind],
        "name": learnt.title,
        "description": learnt.title,
        "criteria": {"narrative": f"由{learnt.issuer.name}评定。Assessed by {learnt.issuer.name}."},
        "creator": learnt.issuer.profile,
    }
    subject: dict[str, Any] = {
        "type": ["AchievementSubject"],
        "achievement": achievement,
        "activityEndDate": midnight(learnt.completed_on),
        "source": learnt.issuer.profile,
    }
    if learnt.started_on is not None:
        subject["activityStartDate"] = midnight(learnt.started_on)
    if recognised is not None:
        subject["creditRecognition"] = _recognition(recognised)
    return Body(("OpenBadgeCredential",), learnt.title, subject)


def balance_body(balances: Sequence[tuple[Scheme, Balance]], as_of: date) -> Body:
    """Return what a statement of balances says."""
    told = [
        {
            "type": ["CreditBalance"],
            "creditScheme": _scheme(scheme),
            "recognisedCredits": decimal_text(balance.recognised_hundredths),
            "heldCredits": decimal_text(balance.held_hundredths),
            "convertedCredits": decimal_text(balance.converted_hundredths),
            "expiredCredits": decimal_text(balance.expired_hundredths),
            "availableCredits": decimal_text(balance.available_hundredths),
        }
        for scheme, balance in balances
    ]
    subject = {"type": ["CreditHolder"], "creditsAsOf": as_of.isoformat(), "creditBalance": told}
    return Body(("BalanceStatementCredential",), "学分余额证明 Statement of credits", subject)


def conversion_body(
    acceptor: Party, programme: str, scheme: Scheme, accepted_on: date, parts: Sequence[ConvertedPart]
) -> Body:
    """Return what a conversion letter (学习成果转换认定书) says."""
    conversion = {
        "type": ["CreditConversion"],
        "acceptingInstitution": acceptor.profile,
        "programmeCode": programme,
        "creditScheme": _scheme(scheme),
        "acceptedOn": accepted_on.isoformat(),
        "convertedPart": [_part(one) for one in parts],
        "grantedCredits": decimal_text(sum(one.granted_hundredths for one in parts)),
    }
    subject = {"type": ["CreditHolder"], "creditConversion": conversion}
    return Body(("ConversionCredential",), "学习成果转换认定书 Conversion of learning outcomes", subject)


def shown_of(document: Mapping[str, Any], details: frozenset[Detail]) -> Any:  # noqa: ANN401 - part of a document
    """Return as much of a credential's subject as some details tell; members that are in no list are hidden."""
    return _shown(document["credentialSubject"], details, is_top=True)


def _shown(value: Any, details: frozenset[Detail], *, is_top: bool = False) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_shown(one, details) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _shown(inner, details)
        for name, inner in value.items()
        if (name in _ALWAYS and not (is_top and name == "id")) or _DETAIL_OF.get(name) in details
    }


def _recognition(recognised: Recognised) -> dict[str, Any]:
    said: dict[str, Any] = {
        "type": ["CreditRecognition"],
        "creditScheme": _scheme(recognised.scheme),
        "creditAmount": recognised.credits,
        "creditLevel": recognised.level,
        "creditCategory": recognised.category,
        "ruleSetCode": recognised.ruleset,
        "ruleSetVersion": recognised.version,
    }
    return {name: value for name, value in said.items() if value is not None}


def _scheme(scheme: Scheme) -> dict[str, Any]:
    return {
        "type": ["CreditScheme"],
        "schemeCode": scheme.code,
        "hoursPerCredit": decimal_text(scheme.hours_per_credit_hundredths),
        "minutesPerHour": scheme.minutes_per_hour,
    }


def _part(part: ConvertedPart) -> dict[str, Any]:
    said = {
        "type": ["ConvertedPart"],
        "sourceTitle": part.source_title,
        "courseCode": part.course_code,
        "courseTitle": part.course_title,
        "grantedCredits": decimal_text(part.granted_hundredths),
    }
    return {name: value for name, value in said.items() if value is not None}


def midnight(day: date) -> str:
    """Return the beginning of a day in Asia/Shanghai, as Open Badges writes days."""
    return datetime.combine(day, time(), SHANGHAI).isoformat()
