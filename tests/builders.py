"""Builders of test data: a bank on a database, its clients, and requests that are right unless a test spoils them."""

import base64
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import uuid_utils.compat
from flask import Flask
from flask.testing import FlaskClient
from stdnum.iso7064 import mod_11_2

from creditbank.api.webhooks import SENDER
from creditbank.app import create_app
from creditbank.config import Settings
from creditbank.core.institution import Level, Role
from creditbank.core.permission import SEPARATE_SCOPES, Actor, StaffRole, scopes_of
from creditbank.gateways.keyring_source import KeyringFile, create_keyring
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.opening import configure_logging
from creditbank.packs import load_pack, pack_names
from creditbank.services.access import client_token, learner_token, staff_token
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out
from creditbank.services.clients import Credentials, administrator, create_client, register_client
from creditbank.services.institutions import Registration, register
from creditbank.storage import institutions
from creditbank.storage.database import Database
from creditbank.storage.migrations import migrate
from tests.net import NAME_MARK, WatchedClient
from tests.pooling import pooled

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
"""Where the clock of tests starts: noon in Shanghai."""

BASE_URL = "http://bank.test"

KEYRING_FILE = "keyring.json"
SQLITE_FILE = "bank.sqlite3"

UNBOUNDED: dict[str, Any] = dict.fromkeys(
    ("requests_a_minute", "address_requests_a_minute", "tries_a_minute", "exports_a_day"), 10**9
)
"""Settings of limits that no test meets: all tests of a process ask from one address."""

INSTITUTION_SCOPES = ("learners:write", "outcomes:write", "outcomes:read", "balance:read", "statement:read")


CONSENT_TEXTS = (
    {
        "code": "account-data",
        "version": 1,
        "title_zh": "学分信息查询授权书",
        "title_en": "Consent to reading credits",
        "text_zh": "我同意接收方查询我的学分余额、明细与学习成果。",
        "text_en": "I let the recipient read my balance, passbook and learning outcomes.",
        "purpose": "查询学分",
        "scopes": ["balance:read", "statement:read", "outcomes:read"],
    },
    {
        "code": "identity-data",
        "version": 1,
        "title_zh": "身份信息单独同意书",
        "title_en": "Separate consent to reading who I am",
        "text_zh": "我单独同意接收方查询我的姓名、出生日期与部分遮盖的证件号码。",
        "text_en": "I let the recipient read my name, birth date and masked identifiers.",
        "purpose": "核对身份",
        "scopes": ["identity:read"],
    },
)
"""Texts of consent: the second one on sensitive data."""

SAME_TITLE: dict[str, Any] = {
    "code": "test-same-title",
    "version": 1,
    "kind": "conversion",
    "title": {"zh": "示例", "en": "Example"},
    "authority": "示例",
    "source": {"document": "示例"},
    "valid_from": "2020-01-01",
    "version_date": "applied",
    "scheme": "cn-16h-half",
    "rules": [{"id": "same", "when": {"same_title": True}}],
    "tests": [
        {
            "id": "nothing",
            "given": {
                "applied_on": "2026-01-01",
                "programme": {
                    "institution": "acceptor",
                    "code": "x",
                    "title": "x",
                    "scheme": "cn-16h-half",
                    "total_credits": "76",
                },
                "outcomes": [],
            },
            "expect": {"credits": "0.00"},
        }
    ],
}
"""Rules without review: an application is approved at once."""


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class House:
    """A bank with its app, for one test."""

    bank: Bank
    app: Flask
    clock: Clock
    numbers: Any = field(default_factory=lambda: count(1))
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def http(self) -> FlaskClient:
        return self.app.test_client()

    def client(self, institution: str, *scopes: str) -> str:
        """Return the id of a new client of an institution, which is registered if need be.

        It has no secret: nobody asks for one who makes its tokens, and hashing it takes longer than most requests.
        """
        made: list[str] = []

        def action(work: Work) -> Answer:
            _register_if_new(work, institution)
            made.append(register_client(work, f"client of {institution}", institution, registrable(scopes)).id)
            return Answer({}, is_new=True, subject=institution)

        carried_out(self.bank, Errand(administrator(), "test.client"), action)
        return made[-1]

    def token(self, institution: str, *scopes: str) -> str:
        """Return a token of an institution, with the scopes of an ordinary one if none are named."""
        wanted = scopes or INSTITUTION_SCOPES
        key = (institution, " ".join(wanted))
        if key not in self.tokens:
            client_id = self.client(institution, *wanted)
            self.tokens[key] = client_token(self.bank, BASE_URL, client_id, wanted)
        return self.tokens[key]

    def auth(self, institution: str = "cqdx", *scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(institution, *scopes)}"}

    def learner_auth(self, learner_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {learner_token(self.bank, BASE_URL, UUID(learner_id))}"}

    def staff(self, institution: str, *roles: str) -> dict[str, Any]:
        """Register a staff member of an institution, by its authority's security administration."""
        self.token(institution)  # which registers the institution
        body = {"institution": institution, "name": f"职员{next(self.numbers)}", "roles": list(roles)}
        answer = self.http.post("/v1/staff", json=body, headers=self.auth("authority", "staff:write"))
        assert answer.status_code == 201, answer.get_data(as_text=True)
        document: dict[str, Any] = answer.get_json()
        return document

    def staff_auth(self, member: dict[str, Any]) -> dict[str, str]:
        """Return the token that a staff member has who has just logged in."""
        scopes = scopes_of(StaffRole(role) for role in member["roles"])
        return {"Authorization": f"Bearer {staff_token(self.bank, BASE_URL, UUID(member['id']), scopes)}"}

    def open_learner(self, institution: str = "cqdx", **changes: Any) -> dict[str, Any]:
        """Open the account of somebody new and return it."""
        answer = self.http.post(
            "/v1/learners", json=learner_body(next(self.numbers), **changes), headers=self.auth(institution)
        )
        assert answer.status_code in (200, 201), answer.get_data(as_text=True)
        document: dict[str, Any] = answer.get_json()
        return document

    def post_outcome(self, learner_id: str, institution: str = "cqdx", **changes: Any) -> dict[str, Any]:
        """Record an outcome that is taken, and return the answer."""
        body = outcome_body(learner_id, next(self.numbers), **changes)
        answer = self.http.post("/v1/outcomes", json=body, headers=self.auth(institution))
        assert answer.status_code == 201, answer.get_data(as_text=True)
        document: dict[str, Any] = answer.get_json()
        return document

    def publish_texts(self) -> None:
        """Publish two texts of consent: on what is on the account, and on who somebody is."""
        for body in CONSENT_TEXTS:
            answer = self.http.post("/v1/consent-texts", json=body, headers=self.auth("authority", "admin"))
            assert answer.status_code in (200, 201), answer.get_data(as_text=True)

    def consent(self, learner_id: str, recipient: str, *scopes: str, **changes: Any) -> dict[str, Any]:
        """Let an institution read something of a learner's, as the learner, and return the answer."""
        self.token(recipient)  # registers it
        body = consent_body(recipient, *scopes, **changes)
        url = "/v1/learners/me/consents"
        answer = self.http.post(url, json=body, headers=self.learner_auth(learner_id))
        assert answer.status_code == 201, answer.get_data(as_text=True)
        document: dict[str, Any] = answer.get_json()
        return document

    def publish_programme(self, institution: str, **changes: Any) -> dict[str, Any]:
        """Publish a programme of an institution and return it."""
        body = programme_body(**changes)
        answer = self.http.post("/v1/programmes", json=body, headers=self.auth(institution, "rules:write"))
        assert answer.status_code in (200, 201), answer.get_data(as_text=True)
        document: dict[str, Any] = answer.get_json()
        return document

    def publish_rules(self, document: dict[str, Any]) -> None:
        """Draft and publish a rule set by two clients of the authority."""
        drafted = self.http.post("/v1/rulesets", json=document, headers=self.auth("authority", "rules:write"))
        assert drafted.status_code in (200, 201), drafted.get_data(as_text=True)
        url = f"/v1/rulesets/{document['code']}/versions/{document['version']}/publish"
        published = self.http.post(url, headers=self.auth("authority", "rules:publish"))
        assert published.status_code == 200, published.get_data(as_text=True)

    def convert(self, learner_id: str, target: dict[str, Any], outcomes: object = "best") -> dict[str, Any]:
        """Apply for a conversion that is taken, as the learner, and return the answer."""
        body = {"target": target, "outcomes": outcomes}
        answer = self.http.post("/v1/conversions", json=body, headers=self.learner_auth(learner_id))
        assert answer.status_code == 201, answer.get_data(as_text=True)
        document: dict[str, Any] = answer.get_json()
        return document

    def decide(self, conversion_id: str, institution: str, decision: str = "approve", **more: str) -> dict[str, Any]:
        """Decide the step that is up as an institution, and return the application."""
        answer = self.http.post(
            f"/v1/conversions/{conversion_id}/decisions",
            json={"decision": decision, **more},
            headers=self.auth(institution, "conversions:review"),
        )
        assert answer.status_code == 200, answer.get_data(as_text=True)
        document: dict[str, Any] = answer.get_json()
        return document

    def move_to(self, day: str) -> None:
        """Set the clock to noon in Shanghai of a day."""
        self.clock.now = datetime.fromisoformat(f"{day}T04:00:00+00:00")
        self.tokens.clear()

    def balance(self, learner_id: str, institution: str = "cqdx", **query: str) -> dict[str, dict[str, Any]]:
        """Return a learner's balances by scheme."""
        url = f"/v1/learners/{learner_id}/balance"
        answer = self.http.get(url, query_string=query, headers=self.auth(institution))
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return {one["scheme"]: one for one in answer.get_json()["balances"]}


def registrable(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes without all but one of those that no client holds together.

    A token that a test makes itself may carry them all the same: what it can't do, it can't for want of others.
    """
    wanted = tuple(scopes)
    separate = [scope for scope in wanted if scope in SEPARATE_SCOPES]
    return tuple(scope for scope in wanted if scope not in separate[1:])


def new_bank(url: str, folder: Path, clock: Clock | None = None, *, is_there: bool = False) -> Bank:
    """Return a bank on a database, which is given its schema unless it is there; with keys of its own in the folder."""
    keyring = folder / KEYRING_FILE
    if not keyring.exists():
        create_keyring(keyring)
    keys, journal = KeyringFile(keyring), folder / "erasures.jsonl"
    reached, has_pooler = pooled(url)
    database = _database_at(reached) if is_there and not has_pooler else Database(reached, has_pooler=has_pooler)
    bank = Bank(database, keys, clock or Clock(), uuid_utils.compat.uuid7, journal)
    if not is_there:
        migrate(bank.database)
    return bank


@lru_cache(maxsize=16)
def _database_at(url: str) -> Database:
    """Return the database at an address, with the statements that SQLAlchemy compiled for it; closing only parts it."""
    return Database(url)


def app_of(bank: Bank) -> Flask:
    """Return an app on a bank: a copy, as making its routes and its document anew takes longer than most tests."""
    app = copy(_app_made_once())
    app.config, app.extensions = copy(app.config), app.extensions | {"creditbank": bank}
    configure_logging(Settings().log_format)
    return app


@cache
def _app_made_once() -> Flask:
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/none.sqlite3"
        settings = Settings(database_url=url, keyring=Path(folder) / KEYRING_FILE, base_url=BASE_URL, **UNBOUNDED)
        app = create_app(settings)
    app.test_client_class = WatchedClient
    app.extensions[SENDER] = WebhookSender(resolve=lambda _host, _port: ["1.2.3.4"])  # no test asks for a name
    return app


def copied_house(url: str, folder: Path) -> House:
    """Return a bank with its app on what was copied from another one: keys in the folder, and the database."""
    clock = Clock()
    bank = new_bank(url, folder, clock, is_there=True)
    return House(bank, app_of(bank), clock)


def new_house(url: str, folder: Path, *, packs: bool = True) -> House:
    """Return a bank with its app and, unless told otherwise, the shipped rule packs in print."""
    clock = Clock()
    bank = new_bank(url, folder, clock)
    house = House(bank, app_of(bank), clock)
    if packs:
        publish_packs(bank)
    return house


def publish_packs(bank: Bank) -> None:
    """Publish every shipped rule pack by two clients of the authority."""
    author = add_client(bank, "authority", ("rules:write",)).client.id
    publisher = add_client(bank, "authority", ("rules:publish",)).client.id
    for name in pack_names():
        load_pack(bank, name, Actor(author, frozenset({"rules:write"})), Actor(publisher, frozenset({"rules:publish"})))


def add_client(bank: Bank, institution: str, scopes: Iterable[str], public_keys: str | None = None) -> Credentials:
    """Register a client, and its institution if need be."""
    made: list[Credentials] = []

    def action(work: Work) -> Answer:
        _register_if_new(work, institution)
        made.append(create_client(work, f"client of {institution}", institution, scopes, public_keys))
        return Answer({}, is_new=True, subject=institution)

    carried_out(bank, Errand(administrator(), "test.client"), action)
    return made[-1]


def _register_if_new(work: Work, institution: str) -> None:
    if institutions.by_code(work.connection, institution) is None:
        roles = {Role.ISSUER, Role.ACCEPTOR} | ({Role.AUTHORITY} if institution == "authority" else set())
        roles = {Role.PARTNER} if institution.startswith("partner") else roles
        register(work, Registration(institution, f"机构 {institution}", Level.CITY, frozenset(roles)))


def resident_id(number: int, *, born: str = "1955-12-30", prefix: str = "510201") -> str:
    """Return a sound resident ID; its birth date follows from the number beyond the first thousand."""
    day = (date.fromisoformat(born) + timedelta(days=number // 1000)).strftime("%Y%m%d")
    body = f"{prefix}{day}{number % 1000:03d}"
    return body + mod_11_2.calc_check_digit(body)


def learner_body(number: int, **changes: Any) -> dict[str, Any]:
    """Return a request for the account of person no. `number`."""
    body = {
        "name": f"{NAME_MARK}{number}",
        "identifiers": [{"type": "cn.resident_id", "value": resident_id(number)}],
    }
    return body | changes


def outcome_body(learner_id: str, number: int, **changes: Any) -> dict[str, Any]:
    """Return a course record of 48 hours, for which the shipped rules give 3 credits."""
    body: dict[str, Any] = {
        "external_id": f"record-{number}",
        "learner": {"id": learner_id},
        "kind": "course",
        "title": f"课程 {number} 号",
        "hours": "48",
        "completed_on": "2026-06-30",
    }
    return body | changes


def consent_body(recipient: str, *scopes: str, **changes: Any) -> dict[str, Any]:
    """Return a request for a consent, to the balance if no scopes are named, that lasts till the end of the year."""
    body: dict[str, Any] = {
        "recipient": recipient,
        "purpose": "岗位匹配",
        "scopes": list(scopes or ("balance:read",)),
        "valid_until": "2026-12-31",
    }
    return body | changes


def programme_body(**changes: Any) -> dict[str, Any]:
    """Return a request for a programme of 76 credits with four courses."""
    body: dict[str, Any] = {
        "code": "administration",
        "title": "行政管理",
        "scheme": "cn-16h-half",
        "total_credits": "76.00",
        "courses": [
            {"code": "c1", "title": "管理学", "credits": "3.00", "category": "专业基础课"},
            {"code": "c2", "title": "行政法", "credits": "2.00", "category": "专业核心课"},
            {"code": "c3", "title": "公文写作", "credits": "3.00", "category": "专业核心课"},
            {"code": "c4", "title": "社会实践", "credits": "4.00", "category": "综合实践"},
        ],
    }
    return body | changes


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Return the header that shows a client's secret."""
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}
