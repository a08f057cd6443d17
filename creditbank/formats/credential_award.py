"""What a credential of a qualification (资历证书) says: an achievement of Open Badges, and our own terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from creditbank.formats.credential_document import Body, Party, midnight

Words = Mapping[str, str]
"""A text in both languages: {"zh", "en"}."""


@dataclass(frozen=True, slots=True)
class AskedPart:
    """A part of a level that was there: what it is called, and what it asks for."""

    title: Words
    asked: Words


@dataclass(frozen=True, slots=True)
class Awarded:
    """An award as it was given; `institution` is None where the rules awarded it by themselves."""

    code: str
    version: int
    title: Words
    level: str
    level_title: Words
    source: str
    awarded_on: date
    institution: Party | None
    parts: Sequence[AskedPart]


def award_body(awarded: Awarded, address: str) -> Body:
    """Return what a credential of an award says; `address` is the credential's own.

    Open Badges has one text for a name, so that both languages stand in it; our own terms have them apart.
    """
    name = f"{awarded.title['zh']} · {awarded.level_title['zh']} {awarded.title['en']} · {awarded.level_title['en']}"
    achievement: dict[str, Any] = {
        "id": f"{address}#achievement",
        "type": ["Achievement"],
        "achievementType": "Certification",
        "name": name,
        "description": f"依据 Under: {awarded.source}",
        "criteria": {"narrative": _criteria(awarded)},
    }
    award: dict[str, Any] = {
        "type": ["QualificationAward"],
        "qualificationCode": awarded.code,
        "qualificationVersion": awarded.version,
        "qualificationTitle": dict(awarded.title),
        "levelCode": awarded.level,
        "levelTitle": dict(awarded.level_title),
        "awardedOn": awarded.awarded_on.isoformat(),
        "isAutomatic": awarded.institution is None,
        "qualificationPart": [_part(one) for one in awarded.parts],
    }
    subject: dict[str, Any] = {
        "type": ["AchievementSubject"],
        "achievement": achievement,
        "activityEndDate": midnight(awarded.awarded_on),
        "qualificationAward": award,
    }
    if awarded.institution is not None:
        profile = awarded.institution.profile
        achievement["creator"] = subject["source"] = award["awardingInstitution"] = profile
    return Body(("OpenBadgeCredential",), name, subject)


def _criteria(awarded: Awarded) -> str:
    """Return by what it was awarded; which of several ways was taken stands in the parts, which a link may hide."""
    zh = f"按资历定义 {awarded.code} 第 {awarded.version} 版“{awarded.level_title['zh']}”的要求授予。"
    return f"{zh} Awarded under version {awarded.version} of {awarded.code}, level “{awarded.level_title['en']}”."


def _part(one: AskedPart) -> dict[str, Any]:
    return {"type": ["QualificationPart"], "partTitle": dict(one.title), "partAsked": dict(one.asked)}
