"""A bank with one of everything for several people, and everybody who may ask for it, for the authorization matrix."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from creditbank.core.identity import Subject
from creditbank.core.permission import PARTNER_SCOPES, SCOPES, SEPARATE_SCOPES, StaffRole
from creditbank.packs import shipped_regions
from creditbank.services.access import client_token, proxy_token
from creditbank.services.numbering import number
from creditbank.services.sealing import Log, seal
from creditbank.storage import logins
from tests import tables
from tests.api.seeding import FACTS, conversion_rules, qualification_rules, ruleset, scheme
from tests.builders import (
    BASE_URL,
    CONSENT_TEXTS,
    House,
    add_client,
    consent_body,
    learner_body,
    outcome_body,
    programme_body,
    resident_id,
)
from tests.storage.sealing import link_learner

ISSUER, ELSEWHERE, ACCEPTOR, AUTHORITY = "cqdx", "elsewhere", "acceptor", "authority"

PLAIN_SCOPES = tuple(sorted(SCOPES.keys() - SEPARATE_SCOPES - {"audit:read"}))
"""All that an institution's client can hold, but for what reads every account and for the three administrations."""

READING = ("balance:read", "statement:read", "outcomes:read")

IDENTITY_READING = ("identity:read",)

ROLE_COLUMNS = {
    StaffRole.REGISTRAR: "reg",
    StaffRole.REVIEWER: "rev",
    StaffRole.RULE_AUTHOR: "aut",
    StaffRole.PUBLISHER: "pub",
    StaffRole.AUDITOR: "aud",
    StaffRole.SYSTEM_ADMINISTRATOR: "sys",
    StaffRole.SECURITY_ADMINISTRATOR: "sec",
    StaffRole.AUDIT_ADMINISTRATOR: "log",
    StaffRole.PROXY_OPERATOR: "ctr",
}
"""The column of each role in the tables of the matrix."""

REACHING_EVERYWHERE = {StaffRole.AUDITOR, StaffRole.AUDIT_ADMINISTRATOR, StaffRole.SYSTEM_ADMINISTRATOR}
"""Roles to whom no institution's things are foreign, wherever they stand."""

Ids = dict[str, str]

MISSING = "0198c0de-0000-7000-8000-00000000dead"
"""An id like those of the bank, of nothing."""

NOT_THERE = {"institution": "nowhere", "name": "李无此人", "number": "999", "account_no": "9000000000000000"}
"""What is named otherwise than by an id, and isn't there."""


class Used(dict[str, str]):
    """Ids that note which of them a request was made of."""

    def __init__(self, ids: Ids) -> None:
        """Begin with none used."""
        super().__init__(ids)
        self.keys_used: list[str] = []

    def __getitem__(self, key: str) -> str:
        """Return an id and note that it was used."""
        if key not in self.keys_used:
            self.keys_used.append(key)
        return super().__getitem__(key)


@dataclass(frozen=True)
class Caller:
    """Who asks: with which headers, of whose things, and which things are theirs instead, if they have some.

    `is_foreign` says that nothing of what they ask for is any business of theirs.
    """

    headers: dict[str, str]
    of: Ids
    own: Ids = field(default_factory=dict)
    is_foreign: bool = False


@dataclass(frozen=True)
class World:
    """The bank with everybody in it."""

    house: House
    callers: dict[str, Caller]
    secrets: tuple[str, ...]
    """Ids and names of the people whom the foreign callers ask for."""


def made(house: House, method: str, url: str, auth: dict[str, str], body: Any = None) -> dict[str, Any]:
    """Return the answer to a request that is taken."""
    answer = house.http.open(url, method=method, json=body, headers=auth)
    assert answer.status_code in (200, 201, 202), (method, url, answer.get_data(as_text=True))
    document: dict[str, Any] = answer.get_json()
    return document


def a_login(house: House, learner_id: str) -> str:
    """Return a new login of a learner."""
    keyring, who = house.bank.keyring, Subject("city", "https://city.test", str(uuid4()))
    link = logins.Link(uuid4(), UUID(learner_id), who, "test", house.clock.now)
    with house.bank.database.transaction() as connection:
        link_learner(connection, keyring, link)
    return str(link.login_id)


def target(*courses: str) -> dict[str, Any]:
    return {"institution": ACCEPTOR, "programme": "made-up", "courses": list(courses)}


def an_adult(house: House, institution: str) -> Ids:
    """Return the ids of a grown-up with one of everything, known to an institution."""
    number = next(house.numbers)
    body = learner_body(number, name=f"王{number}号")
    account = made(house, "POST", "/v1/learners", house.auth(institution), body)
    person = _beginnings(house, institution, account) | {"number": str(number)}
    own = house.learner_auth(account["id"])
    given = made(house, "POST", "/v1/learners/me/consents", own, consent_body("partner", *READING))
    named = consent_body("partner", *IDENTITY_READING)
    made(house, "POST", "/v1/learners/me/consents", own, named)
    made(house, "POST", "/v1/learners/me/consents", own, consent_body("partner-balance", "balance:read"))
    withdrawn = made(house, "POST", "/v1/learners/me/consents", own, consent_body("partner-withdrawn", *READING))
    made(house, "DELETE", f"/v1/learners/me/consents/{withdrawn['id']}", own)
    return _with_cases(house, institution, person | {"consent_id": given["id"], "subject": given["subject"]})


def a_child(house: House, institution: str) -> tuple[Ids, str]:
    """Return the ids of a child with one of everything, known to an institution, and its guardian."""
    number = {"type": "student_no", "value": f"kid{next(house.numbers)}"}
    body = learner_body(0, name=f"学童{number['value']}", birth_date="2020-01-01", identifiers=[number])
    account = made(house, "POST", "/v1/learners", house.auth(institution), body)
    guardian = house.open_learner(institution)["id"]
    url = f"/v1/learners/{account['id']}"
    naming = {"guardian": {"id": guardian}, "relation": "parent", "evidence": "户口簿"}
    spoken = made(house, "POST", f"{url}/guardians", house.auth(institution), naming)
    person = _beginnings(house, institution, account) | {"number": "0", "guardianship_id": spoken["id"]}
    given = made(house, "POST", f"{url}/consents", house.learner_auth(guardian), consent_body("partner", *READING))
    ids = _with_cases(house, institution, person | {"consent_id": given["id"], "subject": given["subject"]})
    return ids, guardian


def _beginnings(house: House, institution: str, account: dict[str, Any]) -> Ids:
    """Return what there is of somebody before anything is converted."""
    own, learner_id = house.learner_auth(account["id"]), account["id"]
    confirmed = {"confirm_account_no": account["account_no"], "reason": "不再学习"}
    erasure = made(house, "POST", "/v1/learners/me/erasure-requests", own, confirmed)
    outcome = house.post_outcome(learner_id, institution, external_id=f"kept-{learner_id}")
    about = {"about": {"outcome_id": outcome["id"]}, "says": "课时不对", "wants": "64 课时"}
    correction = made(house, "POST", "/v1/learners/me/correction-requests", own, about)
    number = {"type": "student_no", "value": f"s{next(house.numbers)}"}
    added = made(house, "POST", f"/v1/learners/{learner_id}/identifiers", house.auth(institution), number)
    identifier = next(one["id"] for one in added["identifiers"] if one["type"].endswith("student_no"))
    lines = made(house, "GET", "/v1/learners/me/statement", own)["items"]
    issued = made(house, "POST", "/v1/credentials", own, {"kind": "outcome", "subject_id": outcome["id"]})
    url = f"/v1/credentials/{issued['id']}/shares"
    share_id = made(house, "POST", url, own, {"details": ["credits"]})["id"]
    return {
        "learner_id": learner_id,
        "entry_id": lines[0]["id"],
        "name": account["name"],
        "account_no": account["account_no"],
        "institution": institution,
        "outcome_id": outcome["id"],
        "decision_id": outcome["decision_id"],
        "credential_id": issued["id"],
        "share_id": share_id,
        "correction_id": correction["id"],
        "erasure_id": erasure["id"],
        "identifier_id": identifier,
        "login_id": a_login(house, learner_id),
    }


def _with_cases(house: House, institution: str, person: Ids) -> Ids:
    """Add what is decided about somebody: an application in review, a case on a conversion, a case on identity."""
    auth, learner_id = house.auth(institution, *PLAIN_SCOPES), person["learner_id"]
    house.post_outcome(learner_id, institution, title="管理学")
    revoked = house.post_outcome(learner_id, institution, title="行政法")
    wish = {"learner_id": learner_id, "outcomes": [revoked["id"]], "target": target("c2")}
    converted = made(house, "POST", "/v1/conversions", auth, wish)
    house.decide(converted["id"], ACCEPTOR)
    made(house, "POST", f"/v1/outcomes/{revoked['id']}/revoke", auth, {"reason": "录入有误"})
    listed = made(house, "GET", "/v1/cases", house.auth(ACCEPTOR, "conversions:review"))["items"]
    case_id = next(one["id"] for one in listed if one["conversion_id"] == converted["id"])
    award_case_id = _with_award(house, institution, learner_id)
    wish = {"learner_id": learner_id, "outcomes": "best", "target": target("c1")}
    twin = house.open_learner(institution)["id"]
    asked = {"kind": "merge", "learner_id": learner_id, "into_id": twin, "reason": "同一人", "evidence": "身份证"}
    return person | {
        "conversion_id": made(house, "POST", "/v1/conversions", auth, wish)["id"],
        "case_id": case_id,
        "award_case_id": award_case_id,
        "twin_id": twin,
        "identity_case_id": made(house, "POST", "/v1/identity/cases", auth, asked)["id"],
    }


def _with_award(house: House, institution: str, learner_id: str) -> str:
    """Return a case on an award of a learner's, whose source was revoked since."""
    source = house.post_outcome(learner_id, institution, title="剪纸")
    asked = {"learner_id": learner_id, "level": "one"}
    auth = house.auth(institution, *PLAIN_SCOPES)
    given = made(house, "POST", "/v1/qualifications/made-up-qualification/awards", auth, asked)
    made(house, "POST", f"/v1/outcomes/{source['id']}/revoke", auth, {"reason": "录入有误"})
    listed = made(house, "GET", "/v1/award-cases", house.auth(ACCEPTOR, "conversions:review"))["items"]
    case_id: str = next(one["id"] for one in listed if one["award_id"] == given["id"])
    return case_id


def world_in(house: House) -> World:
    """Put one of everything into a bank, and let everybody come who may ask for it."""
    _registries(house)
    places = _places(house)
    adult, other, restricted = (an_adult(house, where) for where in (ISSUER, ELSEWHERE, ISSUER))
    child, guardian = a_child(house, ISSUER)
    gone = an_adult(house, ISSUER)
    erased = _erased(house, gone)
    seal(Log(house.bank, "bank.example/log"))
    number(house.bank)
    for person in (adult, child, restricted, gone, other):
        person.update(places[person["institution"]])
        person.setdefault("guardianship_id", MISSING)
    made(house, "POST", "/v1/learners/me/restriction", house.learner_auth(restricted["learner_id"]))
    callers = {
        "anon": Caller({}, adult, is_foreign=True),
        "self": Caller(house.learner_auth(adult["learner_id"]), adult),
        "else": Caller(house.learner_auth(other["learner_id"]), adult, other, is_foreign=True),
        "gdn": Caller(house.learner_auth(guardian), child),
        "ctr": Caller(_counter(house, adult), adult),
        "ctr2": Caller(_counter(house, other), adult, other, is_foreign=True),
        "gone": Caller(erased, adult, is_foreign=True),
        "off": Caller(_deactivated(house), adult, is_foreign=True),
        "elsk": Caller(house.learner_auth(other["learner_id"]), child, other, is_foreign=True),
        "kid": Caller(house.learner_auth(child["learner_id"]), child),
        "iss": Caller(_client(house, ISSUER), adult),
        "issk": Caller(_client(house, ISSUER), child),
        "isse": Caller(_client(house, ISSUER), gone),
        "issr": Caller(_client(house, ISSUER), restricted),
        "far": Caller(_client(house, ELSEWHERE), adult, other, is_foreign=True),
        "fark": Caller(_client(house, ELSEWHERE), child, other, is_foreign=True),
        "acc": Caller(_client(house, ACCEPTOR), adult),
        "pno": Caller(_client(house, "partner-none", PARTNER_SCOPES), adult, is_foreign=True),
        "pwd": Caller(_client(house, "partner-withdrawn", PARTNER_SCOPES), adult, is_foreign=True),
        "pbal": Caller(_client(house, "partner-balance", PARTNER_SCOPES), adult),
        "pyes": Caller(_client(house, "partner", PARTNER_SCOPES), adult),
    }
    for place, of, own in ((AUTHORITY, adult, {}), (ISSUER, adult, {}), (ELSEWHERE, adult, other)):
        for role in StaffRole:
            auth = house.staff_auth(house.staff(place, role))
            is_foreign = bool(own) and role not in REACHING_EVERYWHERE
            callers[f"{place}:{ROLE_COLUMNS[role]}"] = Caller(
                auth, of, own if is_foreign else {}, is_foreign=is_foreign
            )
    public = {"institution", "institution_id", "number", "version", "code"}
    secrets = {value for key, value in adult.items() if key not in public and value != MISSING}
    return World(house, callers, tuple(sorted(secrets)))


def _registries(house: House) -> None:
    """Put rules, programmes, regions and texts into print."""
    house.publish_rules(conversion_rules())
    house.token(ACCEPTOR)
    house.publish_rules(qualification_rules(ACCEPTOR, "剪纸"))
    made(house, "POST", "/v1/rulesets", house.auth(AUTHORITY, "rules:write"), ruleset(1))
    made(house, "POST", "/v1/rulesets", house.auth(AUTHORITY, "rules:write"), ruleset(2))
    made(house, "POST", "/v1/rulesets/made-up/versions/1/publish", house.auth(AUTHORITY, "rules:publish"))
    for accepting in (ISSUER, ACCEPTOR, ELSEWHERE):
        house.publish_programme(accepting, code="made-up")
    made(house, "POST", "/v1/regions", house.auth(AUTHORITY, "admin"), shipped_regions())
    house.publish_texts()
    for partner in ("partner", "partner-none", "partner-withdrawn", "partner-balance"):
        house.token(partner)


def _places(house: House) -> dict[str, Ids]:
    """Return what belongs to the institutions: the id, a delegation, a member of staff."""
    admin = house.auth(AUTHORITY, "admin")
    listed = {one["code"]: one["id"] for one in made(house, "GET", "/v1/institutions", admin)["items"]}
    found = {}
    for code in (ISSUER, ELSEWHERE):
        below = {"code": f"below-{code}", "name": "社区学校", "level": "village", "roles": ["issuer"], "parent": code}
        made(house, "POST", "/v1/institutions", admin, below)
        url = f"/v1/institutions/{listed[code]}/delegations"
        given = made(house, "POST", url, admin, {"to": f"below-{code}", "reason": "代审"})
        member = house.staff(code, StaffRole.REGISTRAR)
        found[code] = {"institution_id": listed[code], "delegation_id": given["id"], "staff_id": member["id"]}
        found[code]["import_id"] = tables.imported(house, b'{"external_id": "x"}', tables.NDJSON, code)["id"]
        hooks = house.auth(code, "webhooks:write")
        hook = made(house, "POST", "/v1/webhooks", hooks, {"url": "https://hooks.example/"})
        ping = made(house, "POST", f"/v1/webhooks/{hook['id']}/test", hooks)
        found[code] |= {"webhook_id": hook["id"], "delivery_id": ping["id"]}
    return found


def _client(house: House, institution: str, scopes: Any = PLAIN_SCOPES) -> dict[str, str]:
    """Return the token of a new client with all that it can hold."""
    client_id = add_client(house.bank, institution, scopes).client.id
    return {"Authorization": f"Bearer {client_token(house.bank, BASE_URL, client_id, scopes)}"}


def _counter(house: House, person: Ids) -> dict[str, str]:
    """Return the token of a counter that acts for somebody."""
    member = house.staff(person["institution"], StaffRole.PROXY_OPERATOR)
    token = proxy_token(house.bank, BASE_URL, UUID(member["id"]), UUID(person["learner_id"]))
    return {"Authorization": f"Bearer {token}"}


def _erased(house: House, person: Ids) -> dict[str, str]:
    """Erase somebody and return the token that they got before; nothing may be undecided any more."""
    auth, reviewer = house.learner_auth(person["learner_id"]), house.auth(AUTHORITY, "identity:review")
    house.decide(person["conversion_id"], ACCEPTOR, "reject", reason="材料不全")
    url = f"/v1/identity/cases/{person['identity_case_id']}/decisions"
    made(house, "POST", url, _client(house, ISSUER), {"verdict": "different", "reason": "两人"})
    verdict = {"verdict": "approve", "reason": "本人申请"}
    made(house, "POST", f"/v1/erasure-requests/{person['erasure_id']}/decisions", reviewer, verdict)
    return auth


def _deactivated(house: House) -> dict[str, str]:
    """Return the token of a member of staff who was deactivated since they got it."""
    member = house.staff(ISSUER, StaffRole.REGISTRAR)
    auth = house.staff_auth(member)
    made(house, "POST", f"/v1/staff/{member['id']}/deactivate", house.auth(AUTHORITY, "staff:write"))
    return auth


def sound_number(ids: Ids) -> dict[str, str]:
    """Return the document of a person."""
    return {"type": "cn.resident_id", "value": resident_id(int(ids["number"]))}


BODIES: dict[str, Callable[[Ids], Any]] = {
    "POST /v1/logins/link": lambda _: {"ticket": "x", "link_code": "0000-0000-0000"},
    "POST /v1/learners": lambda _: learner_body(900),
    "POST /v1/learners/{learner_id}/identifiers": lambda _: {"type": "student_no", "value": "s-new"},
    "POST /v1/identity/cases": lambda ids: {
        "kind": "merge",
        "learner_id": ids["learner_id"],
        "into_id": ids["twin_id"],
        "reason": "同一人",
        "evidence": "身份证",
    },
    "POST /v1/identity/cases/{case_id}/decisions": lambda _: {"verdict": "different", "reason": "两人"},
    "POST /v1/learners/lookup": lambda ids: {"identifier": sound_number(ids), "name": ids["name"]},
    "POST /v1/consent-texts": lambda _: CONSENT_TEXTS[0] | {"code": "made-up"},
    "POST /v1/learners/{learner_id}/consents": lambda _: consent_body("acceptor"),
    "POST /v1/learners/{learner_id}/guardians": lambda ids: {
        "guardian": {"id": ids["twin_id"]},
        "relation": "parent",
        "evidence": "户口簿",
    },
    "POST /v1/webhooks": lambda _: {"url": "https://hooks.example/new"},
    "PUT /v1/webhooks/{webhook_id}": lambda _: {"url": "https://hooks.example/changed"},
    "POST /v1/webhooks/{webhook_id}/replay": lambda _: {"since": "2026-07-01T00:00:00Z"},
    "POST /v1/outcomes": lambda ids: outcome_body(ids["learner_id"], 900),
    "POST /v1/outcomes/batch": lambda ids: [outcome_body(ids["learner_id"], 901)],
    "PUT /v1/outcomes/{outcome_id}": lambda ids: outcome_body(
        ids["learner_id"], 902, external_id=f"kept-{ids['learner_id']}"
    ),
    "POST /v1/outcomes/{outcome_id}/revoke": lambda _: {"reason": "录入有误"},
    "POST /v1/credentials": lambda ids: {"kind": "outcome", "subject_id": ids["outcome_id"]},
    "POST /v1/credentials/{credential_id}/revoke": lambda _: {"reason": "查证"},
    "POST /v1/credentials/{credential_id}/suspend": lambda _: {"reason": "查证"},
    "POST /v1/credentials/{credential_id}/reinstate": lambda _: {"reason": "查证"},
    "POST /v1/credentials/{credential_id}/shares": lambda _: {"details": ["credits"]},
    "POST /v1/learners/{learner_id}/credentials/presentations": lambda ids: {"outcomes": [ids["outcome_id"]]},
    "POST /v1/credentials/verify": lambda _: {"credential": "x"},
    "POST /v1/learners/{learner_id}/credentials/imports": lambda _: {"credential": "x"},
    "POST /v1/rulesets": lambda _: ruleset(3),
    "POST /v1/rulesets/{code}/versions/{version}/withdraw": lambda _: {"reason": "规则有误"},
    "POST /v1/rulesets/{code}/evaluate": lambda _: {"facts": FACTS},
    "POST /v1/institutions": lambda _: {
        "code": "made-up",
        "name": "社区学校",
        "level": "village",
        "roles": ["issuer"],
    },
    "POST /v1/institutions/{institution_id}/end": lambda _: {"ended_on": "2099-12-31", "reason": "合并"},
    "POST /v1/institutions/{institution_id}/region": lambda _: {"region": "500103", "from_day": "2026-07-01"},
    "POST /v1/institutions/{institution_id}/delegations": lambda _: {"to": "below-cqdx", "reason": "代审"},
    "POST /v1/regions": lambda _: {"regions": [{"id": "made-up", "name": "虚构市", "level": "city"}]},
    "POST /v1/schemes": lambda _: scheme(1),
    "POST /v1/programmes": lambda _: programme_body(code="made-up-too"),
    "PUT /v1/programmes/{institution}/{code}": lambda _: programme_body(code="made-up"),
    "POST /v1/conversions": lambda ids: {
        "learner_id": ids["learner_id"],
        "target": target("c1"),
        "outcomes": [ids["outcome_id"]],
    },
    "POST /v1/conversions/{conversion_id}/decisions": lambda _: {"decision": "approve"},
    "POST /v1/conversions/{conversion_id}/resubmit": lambda _: {"reason": "已补充"},
    "POST /v1/conversions/{conversion_id}/withdraw": lambda _: {"reason": "不转了"},
    "POST /v1/conversions/{conversion_id}/decline": lambda _: {"parts": [1]},
    "POST /v1/conversions/{conversion_id}/appeal": lambda _: {"reason": "请复核"},
    "POST /v1/qualifications/{code}/awards": lambda ids: {"learner_id": ids["learner_id"], "level": "one"},
    "POST /v1/award-cases/{case_id}/decisions": lambda _: {"decision": "uphold", "reason": "已另行核实"},
    "POST /v1/cases/{case_id}/decisions": lambda _: {"decision": "uphold", "reason": "已另行考核"},
    "POST /v1/learners/{learner_id}/plan": lambda _: {"rank_by": "completion"},
    "POST /v1/staff": lambda ids: {"institution": ids["institution"], "name": "张敏", "roles": ["registrar"]},
    "PUT /v1/staff/{staff_id}/roles": lambda _: {"roles": ["registrar", "reviewer"]},
    "POST /v1/proxy-sessions": lambda ids: {
        "learner": {"identifier": sound_number(ids), "name": ids["name"]},
        "reason": "没有手机",
    },
    "POST /v1/learners/{learner_id}/correction-requests": lambda ids: {
        "about": {"outcome_id": ids["outcome_id"]},
        "says": "课时不对",
        "wants": "64 课时",
    },
    "POST /v1/correction-requests/{request_id}/answer": lambda _: {"verdict": "declined", "reason": "证件上如此"},
    "POST /v1/learners/{learner_id}/corrections": lambda ids: {
        "name": "新名",
        "reason": "录入有误",
        "correction_request": ids["correction_id"],
    },
    "POST /v1/learners/{learner_id}/erasure-requests": lambda ids: {
        "confirm_account_no": ids["account_no"],
        "reason": "不再学习",
    },
    "POST /v1/erasure-requests/{request_id}/decisions": lambda _: {"verdict": "decline", "reason": "仍有课程"},
}
"""A sound body for every operation that takes one, made of the ids that it is about."""

QUERIES: dict[str, Callable[[Ids], dict[str, str]]] = {
    "GET /v1/conversions of a learner": lambda ids: {"learner_id": ids["learner_id"]},
    "GET /v1/statistics": lambda _: {"region": "500000", "as_of": "2026-07-01"},
    "GET /v1/statistics/handling": lambda _: {"region": "500000", "until": "2026-07-01"},
    "GET /v1/statistics/reasons": lambda _: {"region": "500000", "until": "2026-07-01"},
    "GET /v1/events": lambda _: {"limit": "200"},
    "GET /v1/log/proof": lambda _: {"position": "0"},
    "GET /login/callback": lambda _: {"state": "x", "code": "x"},
}

KEYS = {
    ("identity", "case_id"): "identity_case_id",
    ("correction", "request_id"): "correction_id",
    ("erasure", "request_id"): "erasure_id",
    ("award-cases", "case_id"): "award_case_id",
    ("qualifications", "code"): "qualification_code",
}
"""Parameters that mean another thing in some paths."""

CONSTANTS = {
    "code": "made-up",
    "version": "2",
    "region": "500103",
    "provider": "none",
    "list_number": "1",
    "share_code": "a" * 32,
    "mapping_code": "creditbank",
    "qualification_code": "made-up-qualification",
}
