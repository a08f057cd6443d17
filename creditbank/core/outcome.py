"""A learning outcome as its issuer recorded it, and the facts of it that rules may ask about."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from creditbank.core.credit import decimal_text
from creditbank.core.errors import Conflict, Fault


class Kind(StrEnum):
    """What sort of learning an outcome is."""

    COURSE = "course"
    CERTIFICATE = "certificate"
    DEGREE = "degree"
    TRAINING = "training"
    COMMUNITY_CLASS = "community_class"
    EXAMINATION = "examination"
    OTHER = "other"
    """无定式成果: an outcome without fixed form, such as a craft handed down or a work shown."""


@dataclass(frozen=True, slots=True)
class Score:
    """A result on its scale, both as the issuer wrote them: 85 on "100", "pass" on "pass_fail"."""

    value: str
    scale: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules may ask about one outcome. No name, number or birth date of the learner is among it.

    `issuer` is the institution's code; `applied_on` the day (Asia/Shanghai) on which the record reached the bank.
    `age` is the learner's in whole years, told only where a rule asks for it.
    """

    kind: Kind
    title: str
    issuer: str
    completed_on: date
    applied_on: date
    started_on: date | None = None
    code: str | None = None
    category: str | None = None
    level: str | None = None
    hours_hundredths: int | None = None
    credit_hundredths: int | None = None
    scheme: str | None = None
    score: Score | None = None
    programme: str | None = None
    age: int | None = None


class Status(StrEnum):
    """What became of an outcome."""

    RECOGNISED = "recognised"
    RECORDED = "recorded"
    """Kept, but no rule gives credit for it."""
    DUPLICATE = "duplicate"
    """The same learning is on record already; it is kept but not credited again."""
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class LearnerReference:
    """How a record names its learner: by the bank's id, or by an identifier together with the name."""

    id: UUID | None
    identifier_type: str = ""
    identifier_value: str = ""
    name: str = ""
    identifier_issuer: str | None = None
    """The country of a passport."""
    identifier_valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An outcome as an institution hands it in. Amounts are hundredths; `external_id` is the institution's own."""

    external_id: str
    learner: LearnerReference
    kind: Kind
    title: str
    completed_on: date
    started_on: date | None = None
    code: str | None = None
    category: str | None = None
    level: str | None = None
    hours_hundredths: int | None = None
    credit_hundredths: int | None = None
    scheme: str | None = None
    score: Score | None = None
    programme: str | None = None
    certificate_no: str | None = None

    def facts(self, issuer: str, applied_on: date) -> Facts:
        """Return what rules may ask about it."""
        return Facts(
            kind=self.kind,
            title=self.title,
            issuer=issuer,
            completed_on=self.completed_on,
            applied_on=applied_on,
            started_on=self.started_on,
            code=self.code,
            category=self.category,
            level=self.level,
            hours_hundredths=self.hours_hundredths,
            credit_hundredths=self.credit_hundredths,
            scheme=self.scheme,
            score=self.score,
            programme=self.programme,
        )

    def content(self) -> dict[str, object]:
        """Return what was recorded as a JSON document, without the learner and the certificate number.

        Amounts are decimal strings, dates ISO; what was left out or null is left out.
        """
        score = self.score and {"value": self.score.value, "scale": self.score.scale}
        fields = {
            "kind": self.kind.value,
            "title": self.title,
            "completed_on": self.completed_on.isoformat(),
            "started_on": self.started_on and self.started_on.isoformat(),
            "code": self.code,
            "category": self.category,
            "level": self.level,
            "hours": None if self.hours_hundredths is None else decimal_text(self.hours_hundredths),
            "credits": None if self.credit_hundredths is None else decimal_text(self.credit_hundredths),
            "scheme": self.scheme,
            "score": score,
            "programme": self.programme,
        }
        return {name: value for name, value in fields.items() if value is not None}


def record_faults(record: Record, today: date, schemes: Container[str]) -> tuple[Fault, ...]:
    """Return what is wrong with a record by itself, all at once."""
    faults = []
    if record.completed_on > today:
        zh = f"完成日期 {record.completed_on} 晚于今天；请在学习完成后再提交。"
        en = f"The completion date {record.completed_on} lies in the future; post the record when it is completed."
        faults.append(Fault("/completed_on", "future_date", zh, en))
    if record.started_on is not None and record.started_on > record.completed_on:
        zh = "开始日期晚于完成日期；请核对两者。"
        faults.append(
            Fault("/started_on", "starts_after_end", zh, "It starts after it was completed; check both days.")
        )
    if record.scheme is not None and record.scheme not in schemes:
        zh = "没有这个代码的学分体系；GET /v1/schemes 列出可用的体系。"
        en = "There is no credit scheme of this code; GET /v1/schemes lists those there are."
        faults.append(Fault("/scheme", "unknown_scheme", zh, en))
    return tuple(faults)


def differing_fields(stored: Mapping[str, object], given: Mapping[str, object]) -> list[str]:
    """Return the names of the fields in which two contents differ, sorted."""
    return sorted(name for name in stored.keys() | given.keys() if stored.get(name) != given.get(name))


_MENDED_BY_PUT = ("如需更正请使用 PUT。", "to correct it, use PUT.")
_MENDED_ANEW = (
    "如需更换学习者，请撤销该成果后以新的 external_id 提交。",
    "to give it to another, revoke it and post it under a new external_id.",
)


def content_differs(names: Iterable[str], revision: int) -> Conflict:
    """Return the answer to an external id that comes again with other content."""
    faults = []
    for name in names:
        mend_zh, mend_en = _MENDED_ANEW if name == "learner" else _MENDED_BY_PUT
        zh = f"此 external_id 已有记录（第 {revision} 版），字段 {name} 与之不同；{mend_zh}"
        en = f"This external_id is on record (revision {revision}) with another {name}; {mend_en}"
        faults.append(Fault(f"/{name}", "differs", zh, en))
    return Conflict(tuple(faults))
