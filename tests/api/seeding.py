"""One of everything in a bank, and requests on it that are taken: as far as a made-up request alone seldom comes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from schemathesis.core import NotSet
from schemathesis.generation.case import Case

from creditbank.core.identity import Subject
from creditbank.core.permission import SCOPES
from creditbank.packs import shipped_regions
from creditbank.services.sealing import Log, seal
from creditbank.storage import logins
from tests import tables
from tests.builders import (
    CONSENT_TEXTS,
    House,
    add_client,
    consent_body,
    learner_body,
    outcome_body,
    programme_body,
    registrable,
)
from tests.formats.elmo import course, credit, document
from tests.storage.sealing import link_learner

FACTS = {"kind": "course", "title": "计算机应用基础", "issuer": "cqdx", "completed_on": "2026-06-30", "hours": "48"}


RIGHTS = ("-requests", "/withdraw", "/restriction", "/export", "/access-log")
"""How paths below a learner end on which that learner exercises a right."""

A_CORRECTION = {"about": {"field": "name"}, "says": "名字有误", "wants": "改名"}


def transcript(number: int) -> str:
    """Return a transcript of one course, as ELMO."""
    name = f'<identifier type="local">C{number}</identifier><title>课程 {number}</title>'
    return document(course("<date>2025-06-30</date><status>passed</status>" + credit("2"), title=name)).decode()


@dataclass(frozen=True)
class Seeds:
    """What is in the bank already; put into a made-up request it lets it come as far as a success."""

    house: House
    paths: dict[str, str]
    tokens: dict[str, str]
    form: dict[str, str]
    external_id: str
    newcomer: dict[str, str] = field(default_factory=dict)
    """Token and account number of the last learner who exercised a right."""

    def plant(self, case: Case, serial: int) -> None:
        """Put into a request what it needs to be taken; whatever else was made up stays."""
        paths = self.paths | self._fresh(case.path)
        case.path_parameters = {name: paths[name] for name in case.path_parameters or {}}
        if case.query:
            case.query = {name: value for name, value in case.query.items() if name == "limit"}
        if case.path == "/v1/log/proof":
            case.query = {"position": "0"}
        if case.headers and "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = f"key-{next(self.house.numbers)}"  # few are made up, for many calls
        if case.operation.method.upper() == "PUT":
            case.headers = {"If-Match": '"1"'}
        if not isinstance(case.body, NotSet):
            kept = {"/oauth/token": case.media_type, "/v1/learners/{learner_id}/elmo": "application/xml"}
            kept |= dict.fromkeys(("/v1/imports", "/v1/imports/preview"), tables.CSV)
            case.media_type = kept.get(case.path, "application/json")
            case.body = self._body(case.path, case.body, serial)

    def _body(self, path: str, made: Any, serial: int) -> Any:
        made_object = made if isinstance(made, dict) else {}
        made_list = made if isinstance(made, list) else [{}]
        bodies: dict[str, Callable[[], Any]] = {
            "/oauth/token": lambda: self.form,
            "/v1/learners": lambda: learner_body(serial % 1000),
            "/v1/outcomes": lambda: self._outcome(made_object, serial),
            "/v1/outcomes/batch": lambda: [self._outcome(item, serial) for item in made_list if isinstance(item, dict)],
            "/v1/learners/{learner_id}/elmo": lambda: transcript(serial),
            "/v1/imports": lambda: self._sheet(serial),
            "/v1/imports/preview": lambda: self._sheet(serial),
            "/v1/outcomes/{outcome_id}": lambda: self._outcome({}, 1) | {"external_id": self.external_id},
            "/v1/outcomes/{outcome_id}/revoke": lambda: {"reason": "录入有误"},
            "/v1/rulesets": lambda: ruleset(2 + serial % 5),
            "/v1/rulesets/{code}/versions/{version}/withdraw": lambda: {"reason": "规则有误"},
            "/v1/rulesets/{code}/evaluate": lambda: {"facts": FACTS},
            "/v1/programmes": lambda: programme_body(code=f"made-{serial}"),
            "/v1/programmes/{institution}/{code}": lambda: programme_body(code="made-up"),
            "/v1/learners/{learner_id}/plan": lambda: {"rank_by": "completion"},
            "/v1/conversions": lambda: {"learner_id": self.applicant(), "target": target("acceptor")},
            "/v1/conversions/{conversion_id}/decisions": lambda: {"decision": "approve"},
            "/v1/conversions/{conversion_id}/resubmit": lambda: {"reason": "已补充"},
            "/v1/conversions/{conversion_id}/withdraw": dict,
            "/v1/conversions/{conversion_id}/decline": lambda: {"parts": [1]},
            "/v1/conversions/{conversion_id}/appeal": lambda: {"reason": "请复核"},
            "/v1/qualifications/{code}/awards": lambda: {"learner_id": self.applicant(), "level": "one"},
            "/v1/award-cases/{case_id}/decisions": lambda: {"decision": "uphold", "reason": "已另行核实"},
            "/v1/cases/{case_id}/decisions": lambda: {"decision": "uphold", "reason": "已另行考核"},
            "/v1/institutions": lambda: institution(serial),
            "/v1/credentials": lambda: {"kind": "outcome", "subject_id": self._recorded()},
            "/v1/credentials/{credential_id}/revoke": lambda: {"reason": "查证"},
            "/v1/credentials/{credential_id}/suspend": lambda: {"reason": "查证"},
            "/v1/credentials/{credential_id}/reinstate": lambda: {"reason": "查证"},
            "/v1/credentials/{credential_id}/shares": lambda: {"details": ["credits"]},
            "/v1/learners/{learner_id}/credentials/presentations": lambda: {"outcomes": [self._recorded()]},
            "/v1/credentials/verify": lambda: {"credential": "a.b.c"},
            "/v1/learners/{learner_id}/credentials/imports": lambda: {"credential": "a.b.c"},
            "/v1/consent-texts": lambda: CONSENT_TEXTS[serial % 2] | {"code": f"made-{serial}"},
            "/v1/learners/{learner_id}/consents": lambda: consent_body("acceptor"),
            "/v1/learners/lookup": lambda: {"identifier": learner_body(1)["identifiers"][0], "name": "学习者"},
            "/v1/learners/{learner_id}/guardians": self._naming,
            "/v1/institutions/{institution_id}/end": lambda: {"ended_on": "2099-12-31", "reason": f"合并 {serial}"},
            "/v1/institutions/{institution_id}/region": lambda: {"region": "500103", "from_day": "2026-07-01"},
            "/v1/institutions/{institution_id}/delegations": lambda: {"to": "below", "reason": "代审"},
            "/v1/regions": lambda: {"regions": [{"id": f"made-{serial}", "name": "虚构市", "level": "city"}]},
            "/v1/schemes": lambda: scheme(serial),
            "/v1/learners/{learner_id}/identifiers": lambda: {"type": "student_no", "value": f"no-{serial}"},
            "/v1/learners/{learner_id}/correction-requests": lambda: A_CORRECTION,
            "/v1/correction-requests/{request_id}/answer": lambda: {"verdict": "declined", "reason": "核对无误"},
            "/v1/learners/{learner_id}/corrections": lambda: {"name": f"学习者 {serial}", "reason": "改名"},
            "/v1/learners/{learner_id}/erasure-requests": lambda: {"confirm_account_no": self.newcomer["account_no"]},
            "/v1/erasure-requests/{request_id}/decisions": lambda: {"verdict": "decline", "reason": "尚有学分"},
            "/v1/identity/cases": lambda: a_merge(self.house),
            "/v1/identity/cases/{case_id}/decisions": lambda: {"verdict": "same"},
            "/v1/webhooks": lambda: {"url": f"https://hooks.example/{serial}"},
            "/v1/webhooks/{webhook_id}": lambda: {"url": f"https://hooks.example/{serial}"},
            "/v1/webhooks/{webhook_id}/replay": lambda: {"since": "2026-07-01T00:00:00Z"},
            "/v1/staff": staff_member,
            "/v1/staff/{staff_id}/roles": lambda: {"roles": ["registrar", "reviewer"]},
            "/v1/proxy-sessions": lambda: applicant(1),
            "/v1/logins/link": lambda: {"ticket": "x", "link_code": "0000-0000-0000"},
        }
        return bodies[path]()

    def _sheet(self, serial: int) -> bytes:
        """Return a file of one row, before which others are worked off."""
        while tables.work(self.house):
            pass
        return tables.table([tables.row(serial)]).encode()

    def _naming(self) -> dict[str, Any]:
        guardian = self.house.open_learner()["id"]
        return {"guardian": {"id": guardian}, "relation": "parent", "evidence": "户口簿"}

    def _recorded(self) -> str:
        outcome_id: str = self.house.post_outcome(self.paths["learner_id"])["id"]
        return outcome_id

    def applicant(self) -> str:
        """Return somebody new with a course that can be converted."""
        learner_id: str = self.house.open_learner()["id"]
        self.house.post_outcome(learner_id, title="管理学")
        return learner_id

    def a_login(self) -> str:
        """Return a new login of the learner."""
        keyring, who = self.house.bank.keyring, Subject("city", "https://city.test", str(uuid4()))
        link = logins.Link(uuid4(), UUID(self.paths["learner_id"]), who, "test", self.house.clock.now)
        with self.house.bank.database.transaction() as connection:
            link_learner(connection, keyring, link)
        return str(link.login_id)

    def a_newcomer(self) -> dict[str, Any]:
        """Return somebody new and remember their token."""
        learner = self.house.open_learner()
        token = self.house.learner_auth(learner["id"])["Authorization"].removeprefix("Bearer ")
        self.newcomer.update(token=token, account_no=learner["account_no"])
        return learner

    def a_request(self, kind: str) -> str:
        """Return a newcomer's request of a kind, "erasure" or "correction"."""
        learner = self.a_newcomer()
        body = A_CORRECTION if kind == "correction" else {"confirm_account_no": learner["account_no"]}
        url, auth = f"/v1/learners/me/{kind}-requests", {"Authorization": f"Bearer {self.newcomer['token']}"}
        answer = self.house.http.post(url, json=body, headers=auth)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        request_id: str = answer.get_json()["id"]
        return request_id

    def token(self, path: str) -> str:
        """Return the token with which a request can succeed."""
        owned = ("/logins", "{learner_id}/consents", "{credential_id}/shares", "/credentials/presentations")
        if any(part in path for part in owned):
            return self.tokens["learner"]
        if is_a_right(path):
            return self.newcomer["token"]
        return self.tokens["counter" if path == "/v1/proxy-sessions" else "all scopes"]

    def application(self, institution: str) -> str:
        """Return a new application, by `cqdx` on behalf of somebody new, into the programme of an institution."""
        body = {"learner_id": self.applicant(), "target": target(institution)}
        answer = self.house.http.post("/v1/conversions", json=body, headers=self.house.auth("cqdx", *SCOPES))
        assert answer.status_code == 201, answer.get_data(as_text=True)
        conversion_id: str = answer.get_json()["id"]
        return conversion_id

    def _fresh(self, path: str) -> dict[str, str]:  # noqa: C901, PLR0911 - a kind of path each
        """Return what a request on a conversion or case takes: a new one, in the state in which it can be taken."""
        if "{import_id}" in path:
            sent = tables.send(self.house, self._sheet(1))
            return {"import_id": sent.get_json()["id"]}
        if path.startswith("/v1/staff/{staff_id}"):
            return {"staff_id": self.house.staff("cqdx", "registrar")["id"]}
        if "/logins" in path:
            return {"learner_id": "me", "login_id": self.a_login()}
        if path.startswith("/v1/webhooks"):
            return self._fresh_webhook()
        if "{request_id}" in path or is_a_right(path):
            return self._fresh_right(path)
        if "{credential_id}" in path:
            return a_credential(self.house, self.paths["learner_id"])
        if path.startswith("/v1/identity/cases/"):
            return {"case_id": an_identity_case(self.house)}
        if path.endswith("/identifiers/{identifier_id}/end"):
            return an_identifier(self.house)
        if "/qualifications/" in path:
            return {"code": "made-up-qualification"}
        if "/guardians" in path:
            return {"learner_id": self.paths["child"] if "{guardianship_id}" in path else a_child(self.house)}
        return self._fresh_conversion(path)

    def _fresh_webhook(self) -> dict[str, str]:
        """Return a new webhook with something sent to it, the only one: an institution has no more than some."""
        auth, http = {"Authorization": f"Bearer {self.tokens['all scopes']}"}, self.house.http
        for one in http.get("/v1/webhooks", headers=auth).get_json()["items"]:
            http.delete(f"/v1/webhooks/{one['id']}", headers=auth)
        hook = http.post("/v1/webhooks", json={"url": "https://hooks.example/"}, headers=auth).get_json()["id"]
        ping = http.post(f"/v1/webhooks/{hook}/test", headers=auth).get_json()["id"]
        return {"webhook_id": hook, "delivery_id": ping}

    def _fresh_right(self, path: str) -> dict[str, str]:
        """Return whose right a request exercises, and on which request of theirs; somebody new's each time."""
        if "{request_id}" not in path:
            self.a_newcomer()
            return {"learner_id": "me"}
        return {"learner_id": "me", "request_id": self.a_request("erasure" if "erasure" in path else "correction")}

    def _fresh_conversion(self, path: str) -> dict[str, str]:
        if path.startswith("/v1/award-cases/{case_id}"):
            return {"case_id": an_award_case(self.house, self.applicant())}
        if "{case_id}" in path and path != "/v1/cases/{case_id}":
            return {"case_id": a_case(self.house, self.applicant())}
        if path == "/v1/conversions/{conversion_id}/decisions":
            return {"conversion_id": self.house.convert(self.applicant(), target("cqdx"))["id"]}
        if not path.startswith("/v1/conversions/{conversion_id}/"):
            return {}
        conversion_id = self.application("acceptor")
        before = {"resubmit": "return", "appeal": "reject"}.get(path.rpartition("/")[2])
        if before:
            self.house.decide(conversion_id, "acceptor", before, reason="材料不全")
        return {"conversion_id": conversion_id}

    def _outcome(self, made: dict[str, Any], serial: int) -> dict[str, Any]:
        """Return an outcome of a learner that there is, of a kind and a score that are made up."""
        body = outcome_body(self.paths["learner_id"], serial, hours=str(serial % 100))
        return body | {name: made[name] for name in ("kind", "score") if name in made}


def is_a_right(path: str) -> bool:
    return path.startswith("/v1/learners/{learner_id}/") and path.endswith(RIGHTS)


def ruleset(version: int) -> dict[str, Any]:
    """Return a small rule set of a scheme that the shipped packs bring."""
    return {
        "code": "made-up",
        "version": version,
        "kind": "recognition",
        "title": {"zh": "虚构规则", "en": "Made-up rules"},
        "authority": "虚构",
        "source": {"document": "虚构办法"},
        "valid_from": "2020-01-01",
        "version_date": "completed",
        "scheme": "cn-16h-half",
        "rules": [
            {"id": "one", "title": {"zh": "一", "en": "one"}, "when": {"kind": "other"}, "award": {"fixed": "1"}}
        ],
        "tests": [{"id": "course", "given": FACTS, "expect": {"credits": "0.00"}}],
    }


def conversion_rules() -> dict[str, Any]:
    """Return rules by which a course is converted into one of the same title, reviewed by the accepting institution."""
    given = {"applied_on": "2026-01-01", "outcomes": [], "programme": programme_body() | {"institution": "acceptor"}}
    return ruleset(1) | {
        "code": "made-up-conversion",
        "kind": "conversion",
        "version_date": "applied",
        "rules": [{"id": "same", "when": {"same_title": True}}],
        "review": [{"id": "school", "by": {"role": "target"}, "days": 10}],
        "appeal": {"by": {"role": "authority"}, "within_days": 30, "days": 20},
        "tests": [{"id": "nothing", "given": given, "expect": {"credits": "0.00"}}],
    }


def qualification_rules(reviewer: str, sought: str = "管理学") -> dict[str, Any]:
    """Return a definition that is awarded to whoever has an outcome of a title."""
    title = {"zh": "一", "en": "one"}
    parts = [{"id": "one-course", "title": title, "outcomes": {"where": {"title": sought}}}]
    given = {"on": "2026-01-01", "outcomes": []}
    whole = {name: value for name, value in ruleset(1).items() if name != "rules"}
    return whole | {
        "code": "made-up-qualification",
        "kind": "qualification",
        "version_date": "applied",
        "award": {"automatic": True, "reviewed_by": reviewer},
        "levels": [{"id": "one", "title": title, "parts": parts}],
        "tests": [{"id": "nothing", "given": given, "expect": {"levels": [], "missing": {"one": ["one-course"]}}}],
    }


def target(institution: str) -> dict[str, Any]:
    return {"institution": institution, "programme": "made-up", "courses": ["c1"]}


def a_child(house: House) -> str:
    """Return somebody of six."""
    number = {"type": "student_no", "value": f"kid{next(house.numbers)}"}
    child: str = house.open_learner(birth_date="2020-01-01", identifiers=[number])["id"]
    return child


def a_guardian(house: House, child: str) -> str:
    """Return under which id it is on record that somebody speaks for a child."""
    body = {"guardian": {"id": house.open_learner()["id"]}, "relation": "parent", "evidence": "户口簿"}
    answer = house.http.post(f"/v1/learners/{child}/guardians", json=body, headers=house.auth())
    assert answer.status_code == 201, answer.get_data(as_text=True)
    recorded: str = answer.get_json()["id"]
    return recorded


def a_case(house: House, learner_id: str) -> str:
    """Return a case of `cqdx`: an outcome is revoked after it was converted into its programme."""
    conversion = house.convert(learner_id, target("cqdx"))
    house.decide(conversion["id"], "cqdx")
    [part] = conversion["parts"]
    url = f"/v1/outcomes/{part['outcome_id']}/revoke"
    assert house.http.post(url, json={"reason": "录入有误"}, headers=house.auth()).status_code == 200
    cases = house.http.get("/v1/cases", headers=house.auth("cqdx", "conversions:review")).get_json()["items"]
    case_id: str = next(case["id"] for case in cases if case["conversion_id"] == conversion["id"])
    return case_id


def an_award_case(house: House, learner_id: str) -> str:
    """Return a case of `cqdx`: the one outcome that an award rests on is revoked."""
    asked = {"learner_id": learner_id, "level": "one"}
    url = "/v1/qualifications/made-up-qualification/awards"
    given = house.http.post(url, json=asked, headers=house.learner_auth(learner_id))
    assert given.status_code == 201, given.get_data(as_text=True)
    listed = house.http.get(f"/v1/learners/{learner_id}/outcomes", headers=house.auth()).get_json()["items"]
    url = f"/v1/outcomes/{listed[0]['id']}/revoke"
    assert house.http.post(url, json={"reason": "录入有误"}, headers=house.auth()).status_code == 200
    cases = house.http.get("/v1/award-cases", headers=house.auth("cqdx", "conversions:review")).get_json()["items"]
    case_id: str = next(case["id"] for case in cases if case["award_id"] == given.get_json()["id"])
    return case_id


def a_merge(house: House) -> dict[str, Any]:
    """Return a question whether two accounts are one person's."""
    ids = {"learner_id": house.open_learner()["id"], "into_id": house.open_learner()["id"]}
    return {"kind": "merge", "reason": "同一人", "evidence": "现场核验", **ids}


def an_identity_case(house: House) -> str:
    """Return an identity case that somebody else opened."""
    auth = house.auth("authority", "identity:review")
    answer = house.http.post("/v1/identity/cases", json=a_merge(house), headers=auth)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    case_id: str = answer.get_json()["id"]
    return case_id


def an_identifier(house: House) -> dict[str, str]:
    """Return an identifier beside which its learner has another one."""
    learner = house.open_learner()
    url = f"/v1/learners/{learner['id']}/identifiers"
    number = {"type": "student_no", "value": f"an-{next(house.numbers)}"}
    added = house.http.post(url, json=number, headers=house.auth()).get_json()
    return {"learner_id": learner["id"], "identifier_id": added["identifiers"][-1]["id"]}


def a_delegation(house: House, giver: dict[str, Any]) -> str:
    """Return a delegation by an institution to one that stands below it."""
    admin = house.auth("authority", *SCOPES)
    below = institution(0) | {"code": "below", "parent": giver["code"]}
    assert house.http.post("/v1/institutions", json=below, headers=admin).status_code == 201
    url = f"/v1/institutions/{giver['id']}/delegations"
    given = house.http.post(url, json={"to": "below", "reason": "代审"}, headers=admin)
    assert given.status_code == 201, given.get_data(as_text=True)
    delegation_id: str = given.get_json()["id"]
    return delegation_id


def an_entry(house: House, learner_id: str) -> str:
    """Return a line of a learner's passbook, which is sealed."""
    seal(Log(house.bank, "bank.example/log"))
    url, auth = f"/v1/learners/{learner_id}/statement", house.learner_auth(learner_id)
    entry_id: str = house.http.get(url, headers=auth).get_json()["items"][0]["id"]
    return entry_id


def institution(serial: int) -> dict[str, Any]:
    return {"code": f"made-{serial}", "name": "社区学校", "level": "village", "roles": ["issuer"]}


def staff_member() -> dict[str, Any]:
    return {"institution": "cqdx", "name": "张敏", "roles": ["registrar"]}


def applicant(number: int) -> dict[str, Any]:
    body = learner_body(number)
    return {"learner": {"identifier": body["identifiers"][0], "name": body["name"]}, "reason": "没有手机"}


def a_credential(house: House, learner_id: str) -> dict[str, str]:
    """Return a new credential of a learner, of an outcome of `cqdx`, with a link to it."""
    outcome = house.post_outcome(learner_id)
    own = house.learner_auth(learner_id)
    wish = {"kind": "outcome", "subject_id": outcome["id"]}
    made = house.http.post("/v1/credentials", json=wish, headers=own)
    assert made.status_code == 201, made.get_data(as_text=True)
    credential_id: str = made.get_json()["id"]
    url = f"/v1/credentials/{credential_id}/shares"
    link = house.http.post(url, json={"details": ["credits"]}, headers=own).get_json()
    return {"credential_id": credential_id, "share_id": link["id"], "share_code": link["code"]}


def scheme(serial: int) -> dict[str, Any]:
    return {"code": f"made-{serial}", "title_zh": "虚构", "title_en": "made up", "hours_per_credit": "16"}


def seeds_of(house: House) -> Seeds:
    """Put one of everything into the bank."""
    learner = house.open_learner()
    outcome = house.post_outcome(learner["id"])
    drafted = house.http.post("/v1/rulesets", json=ruleset(1), headers=house.auth("authority", "rules:write"))
    assert drafted.status_code == 201, drafted.get_data(as_text=True)
    house.publish_rules(conversion_rules())
    house.publish_rules(qualification_rules("cqdx"))
    for accepting in ("cqdx", "acceptor"):
        house.publish_programme(accepting, code="made-up")
    admin = house.auth("authority", *SCOPES)
    loaded = house.http.post("/v1/regions", json=shipped_regions(), headers=admin)
    assert loaded.status_code == 201, loaded.get_data(as_text=True)
    registry = house.http.get("/v1/institutions", headers=house.auth()).get_json()["items"]
    client = add_client(house.bank, "cqdx", registrable(SCOPES))
    form = {"grant_type": "client_credentials", "client_id": client.client.id, "client_secret": client.secret}
    converted, another = (house.open_learner()["id"] for _ in range(2))
    for one in (converted, another):
        house.post_outcome(one, title="管理学")
    house.publish_texts()
    child = a_child(house)
    delegation = a_delegation(house, registry[0])
    paths = {
        "child": child,
        "guardianship_id": a_guardian(house, child),
        "consent_id": house.consent(learner["id"], "acceptor")["id"],
        "region": "500103",
        "delegation_id": delegation,
        "provider": "none",
        "conversion_id": house.convert(converted, target("cqdx"))["id"],
        "case_id": a_case(house, another),
        "institution": "cqdx",
        "learner_id": learner["id"],
        "outcome_id": outcome["id"],
        "decision_id": outcome["decision_id"],
        "entry_id": an_entry(house, learner["id"]),
        "institution_id": registry[0]["id"],
        "identifier_id": learner["identifiers"][0]["id"],
        "code": "made-up",
        "version": "1",
        "list_number": "1",
        "mapping_code": "creditbank",
        "import_id": tables.imported(house, tables.table([tables.row(1)]).encode())["id"],
        **a_credential(house, learner["id"]),
    }
    tokens = {
        "all scopes": house.token("cqdx", *SCOPES),
        "one scope": house.token("cqdx", "webhooks:write"),
        "counter": house.staff_auth(house.staff("cqdx", "proxy_operator"))["Authorization"].removeprefix("Bearer "),
        "learner": house.learner_auth(learner["id"])["Authorization"].removeprefix("Bearer "),
        "none of ours": "a.b.c",
    }
    return Seeds(house, paths, tokens, form, outcome["external_id"])
