"""Logins at a real provider: whom they let in, how they are linked, and what they don't do whatever is sent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from creditbank.gateways.oidc import Providers
from creditbank.storage import catalogue
from tests.builders import House, learner_body, resident_id
from tests.providers import RealProvider, configured, served_provider

pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")
"""The mock stands on a part of Authlib that is going away."""


@pytest.fixture(scope="module")
def provider() -> Iterator[RealProvider]:
    """Give a real provider, once for all tests."""
    with served_provider() as served:
        yield served


@pytest.fixture
def doors(house: House, provider: RealProvider) -> Iterator["Doors"]:
    """Give a bank at which people log in by the provider, with the clock of today, as the provider has."""
    house.clock.now = datetime.now(UTC)
    providers = house.app.extensions["creditbank.providers"] = Providers(configured(provider.issuer))
    yield Doors(house, provider)
    providers.close()


class Doors:
    """Ways into a bank."""

    def __init__(self, house: House, provider: RealProvider) -> None:
        self.house, self.provider = house, provider

    def begin(self, browser: FlaskClient, at: str = "city") -> str:
        """Return where the browser is sent to."""
        answer = browser.get(f"/login/{at}")
        assert answer.status_code == 302, answer.get_data(as_text=True)
        return answer.headers["Location"]

    def login(self, person: str, at: str = "city", **claims: str) -> Any:
        """Return the answer to somebody who logs in with a browser of their own."""
        browser = self.house.http
        return browser.get(here(self.provider.enter(self.begin(browser, at), person, **claims)))

    def ticket(self, person: str, at: str = "city", **claims: str) -> str:
        """Return the ticket of somebody whose login is nobody's yet."""
        answer = self.login(person, at, **claims)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        document = answer.get_json()
        assert document.keys() == {"link_required", "ticket", "expires_in"}, document
        ticket: str = document["ticket"]
        return ticket

    def link_code(self, learner_id: str, institution: str = "cqdx") -> str:
        answer = self.house.http.post(f"/v1/learners/{learner_id}/link-codes", headers=self.house.auth(institution))
        assert answer.status_code == 201, answer.get_data(as_text=True)
        code: str = answer.get_json()["code"]
        return code

    def link(self, **body: str) -> Any:
        return self.house.http.post("/v1/logins/link", json=body)

    def linked(self, person: str) -> dict[str, Any]:
        """Return a learner whose login it is."""
        learner = self.house.open_learner()
        answer = self.link(ticket=self.ticket(person), link_code=self.link_code(learner["id"]))
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return learner


def here(address: str) -> str:
    """Return an address of the bank's without its host, as the test's browser takes it."""
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == "http://bank.test"
    return f"{parts.path}?{parts.query}"


def bearer(answer: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["errors"][0]["code"]


def rows(house: House, table: str) -> int:
    with house.bank.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(catalogue.tables[table])).scalar_one()


# --- the way in


def test_a_browser_is_sent_with_state_nonce_and_pkce_and_given_a_cookie_of_its_own(doors: Doors) -> None:
    answer = doors.house.http.get("/login/city")
    query = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    assert query["redirect_uri"] == "http://bank.test/login/callback"
    assert (query["response_type"], query["client_id"], query["scope"]) == ("code", "creditbank", "openid")
    assert (query["code_challenge_method"], len(query["code_challenge"])) == ("S256", 43)
    assert min(len(query["state"]), len(query["nonce"])) >= 43
    assert len({query["state"], query["nonce"], query["code_challenge"]}) == 3
    [cookie] = answer.headers.getlist("Set-Cookie")
    assert query["state"] not in cookie
    parts = [part.strip() for part in cookie.split(";")]
    assert {"HttpOnly", "SameSite=Lax", "Path=/login", "Max-Age=600"} <= set(parts)
    assert "Secure" not in parts, "the bank of tests is served without TLS"
    doors.house.app.config["ISSUER"] = "https://bank.test"
    assert "Secure" in [part.strip() for part in doors.house.http.get("/login/city").headers["Set-Cookie"].split(";")]


def test_a_learner_logs_in_after_a_link_code_proved_whose_login_it_is(doors: Doors) -> None:
    house = doors.house
    learner = house.open_learner()
    ticket, code = doors.ticket("wang"), doors.link_code(learner["id"])
    linked = doors.link(ticket=ticket, link_code=code)
    assert linked.status_code == 200, linked.get_data(as_text=True)
    again = doors.login("wang")
    for answer in (linked, again):
        document = answer.get_json()
        assert document.keys() == {"access_token", "token_type", "expires_in", "scope", "learner_id"}
        assert (document["learner_id"], document["expires_in"]) == (learner["id"], 600)
        me = house.http.get("/v1/learners/me", headers=bearer(answer))
        assert me.get_json() == house.http.get(f"/v1/learners/{learner['id']}", headers=house.auth()).get_json()


def test_a_link_code_is_read_as_people_type_it(doors: Doors) -> None:
    learner = doors.house.open_learner()
    code = doors.link_code(learner["id"])
    assert len(code.replace("-", "")) == 12
    assert not set("ILOU") & set(code)
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert doors.link(ticket=doors.ticket("typist"), link_code=typed).status_code == 200


def test_a_provider_that_asserts_a_verified_identifier_links_by_itself(doors: Doors) -> None:
    house = doors.house
    learner = house.open_learner(name="王芳", identifiers=[{"type": "cn.netid", "value": "N1234567890"}])
    answer = doors.login("fang", "netid", name="王 芳", netid="N1234567890")
    assert answer.get_json()["learner_id"] == learner["id"]
    assert doors.login("fang", "netid").get_json()["learner_id"] == learner["id"], "it is linked from then on"


@pytest.mark.parametrize(
    "claims",
    [
        {"name": "王芳丽", "netid": "N1234567890"},
        {"name": "王芳", "netid": "N1234567891"},
        {"netid": "N1234567890"},
        {"name": "王芳"},
        {"name": "王芳", "netid": " "},
        {"name": "王芳", "netid": "x" * 500},
    ],
)
def test_an_asserted_identifier_links_nobody_without_the_name_that_goes_with_it(
    doors: Doors, claims: dict[str, str]
) -> None:
    doors.house.open_learner(name="王芳", identifiers=[{"type": "cn.netid", "value": "N1234567890"}])
    doors.ticket("someone", "netid", **claims)


def test_an_asserted_identifier_in_conflict_links_nobody(doors: Doors) -> None:
    for name in ("王芳", "李雷"):
        doors.house.open_learner(name=name, identifiers=[{"type": "cn.netid", "value": "N1234567890"}])
    doors.ticket("fang", "netid", name="王芳", netid="N1234567890")


def test_the_same_subject_elsewhere_is_somebody_else(doors: Doors) -> None:
    doors.linked("wang")
    with served_provider() as other:
        assert other.issuer != doors.provider.issuer
        providers = Providers(configured(other.issuer))
        doors.house.app.extensions["creditbank.providers"] = providers
        Doors(doors.house, other).ticket("wang")
        providers.close()


# --- linking


def test_knowing_a_number_or_a_phone_links_nothing(doors: Doors) -> None:
    """The attack of the issue: whoever knows of somebody what is on their card gets nowhere with it."""
    house = doors.house
    body = learner_body(7)
    learner = house.http.post("/v1/learners", json=body, headers=house.auth()).get_json()
    ticket = doors.ticket(resident_id(7), phone_number="13800000000")
    known = (resident_id(7), "13800000000", learner["account_no"], learner["id"], body["name"])
    for said in known:
        assert code_of(doors.link(ticket=ticket, link_code=said[:40])) == (404, "unknown_link_code")
    for name, said in (("identifier", known[0]), ("phone", known[1]), ("learner_id", learner["id"])):
        answer = doors.link(ticket=ticket, link_code="0000-0000-0000", **{name: said})
        assert code_of(answer) == (422, "unknown_field")
    assert rows(house, "learner_login") == rows(house, "login_index") == 0


def test_a_ticket_takes_ten_wrong_codes_and_no_right_one_after_that(doors: Doors) -> None:
    learner = doors.house.open_learner()
    ticket, right = doors.ticket("guesser"), doors.link_code(learner["id"])
    for _ in range(10):
        assert code_of(doors.link(ticket=ticket, link_code="0000-0000-0000")) == (404, "unknown_link_code")
    assert code_of(doors.link(ticket=ticket, link_code=right)) == (404, "unknown_login_ticket")
    assert doors.link(ticket=doors.ticket("guesser"), link_code=right).status_code == 200, "the code was not used"


def test_ticket_and_code_count_once(doors: Doors) -> None:
    learner = doors.house.open_learner()
    ticket, code = doors.ticket("wang"), doors.link_code(learner["id"])
    assert doors.link(ticket=ticket, link_code=code).status_code == 200
    assert code_of(doors.link(ticket=ticket, link_code=code)) == (404, "unknown_login_ticket")
    assert code_of(doors.link(ticket=doors.ticket("li"), link_code=code)) == (404, "unknown_link_code")


def test_a_login_belongs_to_one_learner(doors: Doors) -> None:
    house = doors.house
    tickets = [doors.ticket("wang") for _ in range(2)]
    learners = [house.open_learner()["id"] for _ in range(2)]
    codes = [doors.link_code(learner) for learner in learners]
    assert doors.link(ticket=tickets[0], link_code=codes[0]).status_code == 200
    assert code_of(doors.link(ticket=tickets[1], link_code=codes[1])) == (409, "linked_already")
    assert doors.login("wang").get_json()["learner_id"] == learners[0]


def test_tickets_last_ten_minutes_and_codes_seven_days(doors: Doors) -> None:
    house = doors.house
    learner = house.open_learner()
    ticket, code = doors.ticket("wang"), doors.link_code(learner["id"])
    house.clock.move(minutes=10)
    assert code_of(doors.link(ticket=ticket, link_code=code)) == (404, "unknown_login_ticket")
    house.clock.now = datetime.now(UTC)
    ticket = doors.ticket("wang")
    with house.bank.database.transaction() as connection:
        table = catalogue.tables["link_code"]
        connection.execute(table.update().values(expires_at=house.clock.now))
    assert code_of(doors.link(ticket=ticket, link_code=code)) == (404, "unknown_link_code")


def test_a_new_code_ends_the_earlier_one_of_the_institution(doors: Doors) -> None:
    learner = doors.house.open_learner()
    first, second = (doors.link_code(learner["id"]) for _ in range(2))
    ticket = doors.ticket("wang")
    assert code_of(doors.link(ticket=ticket, link_code=first)) == (404, "unknown_link_code")
    assert doors.link(ticket=ticket, link_code=second).status_code == 200


@pytest.mark.parametrize("scopes", [("learners:write",), ("learners:write", "audit:read")])
def test_only_an_institution_that_knows_the_learner_issues_codes(doors: Doors, scopes: tuple[str, ...]) -> None:
    house = doors.house
    learner = house.open_learner("cqdx")
    for whom in (learner["id"], "00000000-0000-0000-0000-000000000001", "me"):
        answer = house.http.post(f"/v1/learners/{whom}/link-codes", headers=house.auth("stranger", *scopes))
        assert code_of(answer) == (404, "unknown_learner")
    own = house.http.post("/v1/learners/me/link-codes", headers=house.learner_auth(learner["id"]))
    assert code_of(own) == (403, "scope_missing")


@pytest.mark.parametrize("body", [{}, {"link_code": "0000-0000-0000", "invitation": "x"}])
def test_one_proof_is_sent_with_a_ticket(doors: Doors, body: dict[str, str]) -> None:
    assert code_of(doors.link(ticket="x", **body)) == (422, "one_proof")


def test_nothing_else_can_be_written_by_linking(doors: Doors) -> None:
    """Mass assignment: no column of what is written can be named in the request."""
    learner = doors.house.open_learner()
    ticket, code = doors.ticket("wang"), doors.link_code(learner["id"])
    written = ("learner_login", "staff_login", "login_index", "login_ticket", "link_code", "staff", "learner")
    names = {column.name for table in written for column in catalogue.tables[table].columns} - {"link_code"}
    for name in sorted(names | {"scope", "scopes", "roles", "sub", "iss", "holder"}):
        assert code_of(doors.link(ticket=ticket, link_code=code, **{name: "x"})) == (422, "unknown_field")
    assert doors.link(ticket=ticket, link_code=code).status_code == 200


# --- coming back


def test_state_and_code_count_once(doors: Doors) -> None:
    doors.linked("wang")
    browser = doors.house.http
    back = here(doors.provider.enter(doors.begin(browser), "wang"))
    cookie = browser._cookies.copy()  # noqa: SLF001 - the browser keeps what the bank deletes
    assert browser.get(back).status_code == 200
    browser._cookies.update(cookie)  # noqa: SLF001
    assert code_of(browser.get(back)) == (403, "login_expired")
    begun = doors.begin(browser)
    state = parse_qs(urlsplit(begun).query)["state"][0]
    code = parse_qs(urlsplit(back).query)["code"][0]
    answer = browser.get("/login/callback", query_string={"state": state, "code": code, **issuer_of(back)})
    assert code_of(answer) == (403, "login_unproven"), "a code that was used"


def issuer_of(back: str) -> dict[str, str]:
    """Return the issuer as the provider names it in what it sends back, if it does."""
    named = parse_qs(urlsplit(back).query).get("iss")
    return {"iss": named[0]} if named else {}


def test_an_answer_counts_in_the_browser_that_asked_only(doors: Doors) -> None:
    """Login CSRF: who is sent an address with another's state and code is not logged in as them."""
    doors.linked("mallory")
    mallory, victim = doors.house.http, doors.house.http
    back = here(doors.provider.enter(doors.begin(mallory), "mallory"))
    assert code_of(victim.get(back)) == (403, "login_expired")
    doors.begin(victim)
    assert code_of(victim.get(back)) == (403, "login_expired"), "a browser with a login of its own under way"
    assert mallory.get(back).status_code == 200, "the attempt is still the browser's that began it"


def test_a_code_does_not_count_with_another_attempts_nonce_and_verifier(doors: Doors) -> None:
    doors.linked("mallory")
    browser = doors.house.http
    stolen = here(doors.provider.enter(doors.begin(doors.house.http), "mallory"))
    code = parse_qs(urlsplit(stolen).query)["code"][0]
    state = parse_qs(urlsplit(doors.begin(browser)).query)["state"][0]
    answer = browser.get("/login/callback", query_string={"state": state, "code": code, **issuer_of(stolen)})
    assert code_of(answer) == (403, "login_unproven")


def test_an_attempt_lasts_ten_minutes(doors: Doors) -> None:
    browser = doors.house.http
    back = here(doors.provider.enter(doors.begin(browser), "wang"))
    doors.house.clock.move(minutes=10)
    assert code_of(browser.get(back)) == (403, "login_expired")


def test_two_logins_side_by_side_in_one_browser_both_count(doors: Doors) -> None:
    doors.linked("wang")
    browser = doors.house.http
    backs = [here(doors.provider.enter(doors.begin(browser), "wang")) for _ in range(2)]
    assert [browser.get(back).status_code for back in backs] == [200, 200]


def test_an_answer_of_another_issuer_is_refused(doors: Doors) -> None:
    browser = doors.house.http
    back = here(doors.provider.enter(doors.begin(browser), "wang"))
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    answer = browser.get("/login/callback", query_string=query | {"iss": "https://elsewhere.test"})
    assert code_of(answer) == (403, "login_unproven")


def test_what_a_provider_says_of_an_error_is_not_passed_on(doors: Doors) -> None:
    browser = doors.house.http
    state = parse_qs(urlsplit(doors.begin(browser)).query)["state"][0]
    said = {"state": state, "error": "<script>", "error_description": "王芳 510201", "error_uri": "https://evil.test"}
    answer = browser.get("/login/callback", query_string=said)
    assert code_of(answer) == (403, "login_denied")
    assert not any(text in answer.get_data(as_text=True) for text in ("script", "王芳", "evil"))


@pytest.mark.parametrize("query", [{}, {"state": "x"}, {"code": "x"}, {"state": "x", "code": "x"}])
def test_an_answer_to_nothing_is_refused(doors: Doors, query: dict[str, str]) -> None:
    assert doors.house.http.get("/login/callback", query_string=query).status_code == 403


def test_there_is_no_login_by_a_provider_that_is_not_named(doors: Doors) -> None:
    assert code_of(doors.house.http.get("/login/elsewhere")) == (404, "unknown_login_provider")


def test_an_id_token_is_no_access_token(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    exchanged = Providers._exchanged  # noqa: SLF001 - to look at what came over the wire

    def watched(self: Providers, *args: Any) -> dict[str, Any]:
        answer = exchanged(self, *args)
        seen.extend(str(answer[name]) for name in ("id_token", "access_token"))
        return answer

    monkeypatch.setattr(Providers, "_exchanged", watched)
    doors.ticket("wang")
    assert len(seen) == 2
    for token in seen:
        answer = doors.house.http.get("/v1/learners/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


def test_what_proves_a_login_is_nowhere_in_the_database(doors: Doors, tmp_path: Any) -> None:
    house = doors.house
    learner = doors.linked("subject-in-the-clear")
    browser = house.http
    query = parse_qs(urlsplit(doors.begin(browser)).query)
    ticket, code = doors.ticket("another-in-the-clear"), doors.link_code(learner["id"])
    secrets = (query["state"][0], query["nonce"][0], ticket, code, code.replace("-", ""), "in-the-clear")
    if house.bank.database.is_sqlite:
        stored = b"".join(path.read_bytes() for path in tmp_path.glob("bank.sqlite3*"))
        assert stored
    else:
        with house.bank.database.reading() as connection:
            stored = b"".join(
                repr(row).encode()
                for table in catalogue.tables.values()
                for row in connection.execute(select(table)).all()
            )
    assert [secret for secret in secrets if secret.encode() in stored] == []


# --- what is linked


def test_a_learner_has_several_logins_and_ends_one(doors: Doors) -> None:
    house = doors.house
    learner = doors.linked("at-home")
    doors.link(ticket=doors.ticket("at-work"), link_code=doors.link_code(learner["id"]))
    auth = bearer(doors.login("at-work"))
    listed = house.http.get("/v1/learners/me/logins", headers=auth).get_json()["items"]
    assert [one.keys() for one in listed] == [{"id", "provider", "issuer", "linked_at"}] * 2
    assert {one["issuer"] for one in listed} == {doors.provider.issuer}
    url = f"/v1/learners/me/logins/{listed[0]['id']}"
    assert house.http.delete(url, headers=auth).get_json()["items"] == listed[1:]
    assert code_of(house.http.delete(url, headers=auth)) == (404, "unknown_login")
    doors.ticket("at-home")
    assert doors.login("at-work").get_json()["learner_id"] == learner["id"]


def test_nobody_sees_or_ends_the_logins_of_others(doors: Doors) -> None:
    house = doors.house
    learner, other = doors.linked("mine"), house.open_learner()
    mine = house.http.get("/v1/learners/me/logins", headers=house.learner_auth(learner["id"])).get_json()["items"][0]
    for auth in (house.learner_auth(other["id"]), house.auth(), house.auth("cqdx", "audit:read")):
        url = f"/v1/learners/{learner['id']}/logins"
        assert code_of(house.http.get(url, headers=auth)) == (404, "unknown_learner")
        assert code_of(house.http.delete(f"{url}/{mine['id']}", headers=auth)) == (404, "unknown_learner")
    answer = house.http.delete(f"/v1/learners/me/logins/{mine['id']}", headers=house.learner_auth(other["id"]))
    assert code_of(answer) == (404, "unknown_login")
    assert doors.login("mine").get_json()["learner_id"] == learner["id"]


# --- staff


def test_a_staff_member_logs_in_after_their_invitation(doors: Doors) -> None:
    house = doors.house
    member = house.staff("cqdx", "registrar", "reviewer")
    answer = doors.link(ticket=doors.ticket("zhang", "office"), invitation=member["invitation"])
    document = answer.get_json()
    assert (answer.status_code, document["staff_id"]) == (200, member["id"])
    assert document["scope"] == "conversions:review credentials:issue identity:review learners:write outcomes:read"
    again = doors.login("zhang", "office")
    assert house.http.post("/v1/learners", json=learner_body(500), headers=bearer(again)).status_code == 201
    house.http.post(f"/v1/staff/{member['id']}/deactivate", headers=house.auth("authority", "staff:write"))
    assert house.http.get("/v1/schemes", headers=bearer(again)).status_code == 401, "at once"
    assert house.http.get("/v1/schemes", headers=bearer(answer)).status_code == 401
    doors.ticket("zhang", "office")


def test_learners_and_staff_are_linked_by_their_own_proof_only(doors: Doors) -> None:
    house = doors.house
    learner, member = house.open_learner(), house.staff("cqdx", "registrar")
    code = doors.link_code(learner["id"])
    at_office, at_city = doors.ticket("zhang", "office"), doors.ticket("zhang")
    assert code_of(doors.link(ticket=at_office, link_code=code)) == (404, "unknown_link_code")
    assert code_of(doors.link(ticket=at_city, invitation=member["invitation"])) == (404, "unknown_link_code")
    assert doors.link(ticket=at_office, invitation=member["invitation"]).get_json()["staff_id"] == member["id"]
    assert doors.link(ticket=at_city, link_code=code).get_json()["learner_id"] == learner["id"], (
        "the same person is both"
    )
    assert "learner_id" in doors.login("zhang").get_json()
    assert "staff_id" in doors.login("zhang", "office").get_json()


def test_an_invitation_counts_once_for_seven_days_and_ends_with_the_next(doors: Doors) -> None:
    house = doors.house
    member = house.staff("cqdx", "registrar")
    auth = house.auth("authority", "staff:write")
    again = house.http.post(f"/v1/staff/{member['id']}/invitations", headers=auth).get_json()
    ticket = doors.ticket("zhang", "office")
    assert code_of(doors.link(ticket=ticket, invitation=member["invitation"])) == (404, "unknown_link_code")
    assert doors.link(ticket=ticket, invitation=again["invitation"]).status_code == 200
    other = doors.ticket("another", "office")
    assert code_of(doors.link(ticket=other, invitation=again["invitation"])) == (404, "unknown_link_code")
    third = house.http.post(f"/v1/staff/{member['id']}/invitations", headers=auth).get_json()
    assert doors.link(ticket=other, invitation=third["invitation"]).status_code == 200
    doors.ticket("zhang", "office")  # the new login ended the old one
    late = house.staff("cqdx", "registrar")
    with house.bank.database.transaction() as connection:
        connection.execute(catalogue.tables["staff_invitation"].update().values(expires_at=house.clock.now))
    answer = doors.link(ticket=doors.ticket("late", "office"), invitation=late["invitation"])
    assert code_of(answer) == (404, "unknown_link_code")


def test_an_identity_at_the_provider_is_one_staff_member(doors: Doors) -> None:
    """Nobody makes a second account with other roles for themselves."""
    members = [doors.house.staff("cqdx", role) for role in ("registrar", "reviewer")]
    tickets = [doors.ticket("zhang", "office") for _ in members]
    assert doors.link(ticket=tickets[0], invitation=members[0]["invitation"]).status_code == 200
    answer = doors.link(ticket=tickets[1], invitation=members[1]["invitation"])
    assert code_of(answer) == (409, "linked_already")
