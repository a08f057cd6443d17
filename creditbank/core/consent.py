"""Consent: what a learner lets an institution read, for what and how long; when it counts, and who gives it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from creditbank.core.entitlement import Sight
from creditbank.core.errors import Fault
from creditbank.core.rules.conditions import age_on, years_later

SENSITIVE = frozenset({"identity:read"})
"""Sensitive personal information (PIPL, article 28 and 29): a learner consents to it apart from anything else."""

TERM_YEARS_MAX = 3
"""The longest term of a consent; whoever still reads then asks again."""

CONSENTS_MAX = 200
"""Consents of one person in force: many times what anybody needs, so that no program fills the table."""

CHILD_YEARS = 14
"""Under this age a guardian consents (PIPL, article 31)."""

ADULT_YEARS = 18
"""From this age on somebody can be a guardian (Civil Code, article 17)."""


class ConsentScope(StrEnum):
    """What a consent can let an institution read."""

    BALANCE = "balance:read"
    STATEMENT = "statement:read"
    OUTCOMES = "outcomes:read"
    IDENTITY = "identity:read"


SCOPES_OF = {
    Sight.BALANCE: ConsentScope.BALANCE,
    Sight.STATEMENT: ConsentScope.STATEMENT,
    Sight.OUTCOMES: ConsentScope.OUTCOMES,
    Sight.QUALIFICATION: ConsentScope.OUTCOMES,
    Sight.IDENTITY: ConsentScope.IDENTITY,
}
"""Which scope lets whom see what; nothing else can be consented to."""


class Standing(StrEnum):
    """As whom somebody gives or withdraws a consent."""

    SELF = "self"
    PROXY = "proxy"
    """A member of staff at a counter, for the learner who stands before them."""
    GUARDIAN = "guardian"


class ConsentState(StrEnum):
    """Whether a consent counts."""

    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class ConsentText:
    """What learners agree to, in both languages; a version never changes. `scopes` are the most that it covers."""

    code: str
    version: int
    title_zh: str
    title_en: str
    text_zh: str
    text_en: str
    purpose: str
    scopes: frozenset[str]
    is_sensitive: bool
    published_by: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Act:
    """By whom, as whom and when a consent was given or withdrawn; `by` is a client, staff, or a guardian."""

    at: datetime
    by: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Consent:
    """A learner's word that an institution may read something of theirs, until a day that is its last."""

    learner_id: UUID
    id: UUID
    institution_id: UUID
    text_code: str
    text_version: int
    purpose: str
    scopes: frozenset[str]
    is_sensitive: bool
    valid_until: date
    given: Act
    withdrawn: Act | None = None

    def state(self, on: date) -> ConsentState:
        """Return whether the consent counts on a day."""
        if self.withdrawn is not None:
            return ConsentState.WITHDRAWN
        return ConsentState.IN_FORCE if on <= self.valid_until else ConsentState.OVER

    def covers(self, scope: str, on: date) -> bool:
        """Tell whether the consent lets its institution read this on a day."""
        return scope in self.scopes and self.state(on) is ConsentState.IN_FORCE


def covering(consents: Iterable[Consent], scope: str | None, on: date) -> Consent | None:
    """Return a consent that counts on a day and covers the scope, or any scope at all where none is named."""
    found = (one for one in consents if one.state(on) is ConsentState.IN_FORCE)
    return next((one for one in found if scope is None or one.covers(scope, on)), None)


def is_child(birth_date: date | None, on: date) -> bool:
    """Tell whether somebody is so young that a guardian speaks for them; without a birth date on record they aren't."""
    age = age_on(on, birth_date)
    return age is not None and age < CHILD_YEARS


def is_minor(birth_date: date | None, on: date) -> bool:
    """Tell whether somebody is known to be too young to be a guardian."""
    age = age_on(on, birth_date)
    return age is not None and age < ADULT_YEARS


def term_faults(valid_until: date, on: date) -> tuple[Fault, ...]:
    """Return what is wrong with a consent's last day."""
    if valid_until < on:
        zh, en = (
            "授权的最后一日已过；请给出今天或以后的日期。",
            "The consent's last day is over; name today or a later day.",
        )
        return (Fault("/valid_until", "in_the_past", zh, en),)
    latest = years_later(on, TERM_YEARS_MAX)
    if valid_until > latest:
        zh = f"授权最长 {TERM_YEARS_MAX} 年，即至 {latest.isoformat()}；届时可重新授权。"
        en = f"A consent lasts {TERM_YEARS_MAX} years at most, until {latest.isoformat()}; it can be given again then."
        return (Fault("/valid_until", "term_too_long", zh, en),)
    return ()


def scope_faults(scopes: Collection[str]) -> tuple[Fault, ...]:
    """Return what is wrong with what a consent, or the text of one, covers."""
    if SENSITIVE & set(scopes) and not set(scopes) <= SENSITIVE:
        zh = "敏感个人信息（identity:read）须单独同意；请将其与其他权限分为两次授权。"
        en = "Sensitive data (identity:read) takes a consent of its own; give it apart from the other scopes."
        return (Fault("/scopes", "sensitive_apart", zh, en),)
    return ()


def text_faults(text: ConsentText, scopes: Collection[str]) -> tuple[Fault, ...]:
    """Return why a text doesn't speak of these scopes."""
    missing = sorted(set(scopes) - text.scopes)
    if not missing:
        return ()
    names = ", ".join(missing)
    zh = f"授权书 {text.code} 第 {text.version} 版未涵盖 {names}；请选用涵盖所需权限的授权书。"
    en = f"Version {text.version} of the text {text.code} doesn't speak of {names}; name a text that does."
    return (Fault("/text", "text_does_not_cover", zh, en),)
