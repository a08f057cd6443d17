"""What made-up learning happens in: rules, institutions with clients, and programmes, entered as operators do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from creditbank.core.credit import decimal_text
from creditbank.core.institution import Level, Role
from creditbank.core.permission import Actor
from creditbank.core.programme import Course, Programme, programme_document
from creditbank.packs import load_pack
from creditbank.services import programmes, rulesets
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out, looked_up
from creditbank.services.clients import administrator, create_client
from creditbank.services.institutions import Registration, register
from creditbank.storage import outcomes

PACKS = ("cn-exchange-hours", "cn-chongqing-community", "cn-open-university")
"""Shipped rules by which the made-up learning is recognised."""

SCHEME = "cn-16h-half"
AUTHORITY, ACCEPTOR, OPEN_UNIVERSITY = "bench-authority", "bench-00", "cqou"
ISSUERS = (*(f"bench-{number:02d}" for number in range(1, 12)), OPEN_UNIVERSITY)
"""Codes of eight characters are as long as those of real schools; one school counts in another scheme."""

SUBJECTS = (
    *("高等数学", "大学英语", "管理学原理", "行政法学", "公文写作与处理", "计算机应用基础"),
    *("市场营销学", "经济学基础", "思想政治理论", "社会调查方法", "应用统计", "人力资源管理"),
)
"""What every school teaches."""

COURSE_HUNDREDTHS = 300
RULES = "bench-same-title"
REVIEW_DAYS = 30


@dataclass(frozen=True, slots=True)
class School:
    """An institution with the client that acts for it."""

    code: str
    institution_id: UUID
    client_id: str


@dataclass(frozen=True, slots=True)
class World:
    """The schools that issue outcomes and the one that accepts them; a programme for each issuer's courses."""

    issuers: tuple[School, ...]
    acceptor: School


class NotEmpty(Exception):  # noqa: N818 - what is the case
    """The database holds outcomes already: it is loaded once, and never beside those of real people."""


def opened(bank: Bank) -> World:
    """Publish the rules, register the institutions and their programmes. Raises NotEmpty."""
    if looked_up(bank, administrator(), lambda work: outcomes.count(work.connection)):
        message = "this database holds outcomes already; load into one of its own"
        raise NotEmpty(message)
    _school(bank, AUTHORITY, "学分银行（测量用）", (), Role.AUTHORITY)
    author, publisher = (_client(bank, AUTHORITY, scope) for scope in ("rules:write", "rules:publish"))
    for name in PACKS:
        load_pack(bank, name, author, publisher)
    issuers = tuple(
        _school(bank, code, f"学校 {code}", ("outcomes:write", "balance:read"), Role.ISSUER) for code in ISSUERS
    )
    acceptor = _school(bank, ACCEPTOR, "接受学校", ("conversions:review",), Role.ACCEPTOR)
    drafted = _done(bank, author, partial(_draft, conversion_rules()))
    _done(bank, publisher, partial(_publish, drafted["code"]))
    registrar = _client(bank, ACCEPTOR, "rules:write")
    for issuer in issuers:
        _done(bank, registrar, partial(_add_programme, programme_for(issuer.code)))
    return World(issuers, acceptor)


def programme_for(issuer: str) -> Programme:
    """Return the accepting school's programme with one course for each subject; one for each issuer's students."""
    courses = tuple(Course(f"c{n:02d}", title, COURSE_HUNDREDTHS, "专业课") for n, title in enumerate(SUBJECTS, 1))
    return Programme(ACCEPTOR, f"for-{issuer}", "行政管理", SCHEME, 7600, courses)


def conversion_rules() -> dict[str, Any]:
    """Return rules by which a course replaces the one of the same title, once the accepting school agrees."""
    given = {"applied_on": "2026-01-01", "programme": programme_document(programme_for("none")), "outcomes": []}
    return {
        "code": RULES,
        "version": 1,
        "kind": "conversion",
        "title": {"zh": "同名课程转换（测量用）", "en": "Courses of the same title, to measure by"},
        "authority": "学分银行（测量用）",
        "source": {"document": "测量用转换办法"},
        "valid_from": "2000-01-01",
        "version_date": "applied",
        "scheme": SCHEME,
        "applies_to": {"target_institution": [ACCEPTOR]},
        "choose": "first",
        "rules": [{"id": "same", "when": {"same_title": True}}],
        "review": [{"id": "acceptor", "by": {"role": "target"}, "days": REVIEW_DAYS}],
        "tests": [{"id": "nothing", "given": given, "expect": {"credits": decimal_text(0)}}],
    }


def _school(bank: Bank, code: str, name: str, scopes: tuple[str, ...], role: Role) -> School:
    """Register an institution and a client of it."""
    found: list[UUID] = []

    def action(work: Work) -> Answer:
        standing, is_new = register(
            work, Registration(code, name, Level.CITY, frozenset({role}), valid_from=date(2000, 1, 1))
        )
        found.append(standing.institution.id)
        return Answer({}, is_new, subject=code)

    carried_out(bank, Errand(administrator(), "institution.register"), action)
    client_id = _client(bank, code, *scopes).client_id if scopes else ""
    return School(code, found[-1], client_id)


def _client(bank: Bank, institution: str, *scopes: str) -> Actor:
    """Return the actor behind a new client of an institution."""
    made: list[str] = []

    def action(work: Work) -> Answer:
        made.append(create_client(work, f"client of {institution}", institution, scopes).client.id)
        return Answer({}, is_new=True, subject=made[-1])

    carried_out(bank, Errand(administrator(), "client.create"), action)
    member = bank.membership(made[-1])
    assert member is not None, "the client was just made"
    return Actor(made[-1], frozenset(scopes), member.institution_id, member.code, institution_roles=member.roles)


def _done(bank: Bank, actor: Actor, action: Callable[[Work], Answer]) -> dict[str, Any]:
    return carried_out(bank, Errand(actor, "bench.prepare"), action).body


def _draft(document: dict[str, Any], work: Work) -> Answer:
    kept, is_new = rulesets.draft(work, document)
    return Answer({"code": kept.code}, is_new, subject=kept.code)


def _publish(code: str, work: Work) -> Answer:
    kept, is_new = rulesets.publish(work, code, 1)
    return Answer({"code": kept.code}, is_new, subject=kept.code)


def _add_programme(wanted: Programme, work: Work) -> Answer:
    _, is_new = programmes.publish(work, wanted)
    return Answer({}, is_new, subject=wanted.code)
