"""A learning outcome as its issuer recorded it, and the facts of it that rules may ask about."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


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
