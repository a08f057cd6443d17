"""Staff: who registers them, which roles may be in one hand, and that a role counts from the moment it is granted."""

from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import select

from creditbank.core.permission import ADMINISTRATORS, SCOPES, SEPARATE_SCOPES, StaffRole
from creditbank.services.access import client_token, proxy_token, staff_token
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.clients import administrator, create_client, rotate_secret
from creditbank.storage import catalogue
from tests.builders import BASE_URL, House, basic, learner_body, registrable

NOBODY = "00000000-0000-0000-0000-000000000001"


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["errors"][0]["code"]


def security(house: House, institution: str = "authority") -> dict[str, str]:
    house.token(institution)
    return house.auth(institution, "staff:write")


def audit_lines(house: House) -> list[tuple[str, str, str]]:
    """Return actor, action and subject of what was audited, oldest first."""
    audit = catalogue.tables["audit"]
    with house.bank.database.reading() as connection:
        query = select(audit.c.actor, audit.c.action, audit.c.subject).order_by(audit.c.happened_at, audit.c.id)
        return [(row.actor, row.action, row.subject) for row in connection.execute(query)]


# --- registering


def test_a_staff_member_is_registered_shown_and_listed(house: House) -> None:
    made = house.staff("cqdx", "registrar", "proxy_operator")
    assert made["roles"] == ["proxy_operator", "registrar"]
    shown = house.http.get(f"/v1/staff/{made['id']}", headers=security(house)).get_json()
    assert shown == {name: value for name, value in made.items() if name != "invitation"}
    others = [house.staff("cqou", "reviewer") for _ in range(2)]
    first = house.http.get("/v1/staff?limit=2", headers=security(house)).get_json()
    rest = house.http.get(f"/v1/staff?limit=2&cursor={first['next_cursor']}", headers=security(house)).get_json()
    assert [one["id"] for one in first["items"] + rest["items"]] == [one["id"] for one in [made, *others]]
    assert rest["next_cursor"] is None


def test_names_of_staff_are_sealed_and_invitations_hashed(house: House) -> None:
    made = house.staff("cqdx", "registrar")
    with house.bank.database.reading() as connection:
        stored = repr([connection.execute(select(catalogue.tables[name])).all() for name in catalogue.tables])
    assert made["invitation"] not in stored
    assert made["name"].encode() not in stored.encode()
    assert repr(made["name"].encode())[2:-1] not in stored


def test_registering_takes_the_scope_and_an_institution_and_known_roles(house: House) -> None:
    body = {"institution": "cqdx", "name": "张", "roles": ["registrar"]}
    everything_else = house.auth("cqdx", *sorted(SCOPES.keys() - {"staff:write"}))
    url = f"/v1/staff/{NOBODY}"
    for method, path, sent in (
        ("POST", "/v1/staff", body),
        ("GET", "/v1/staff", None),
        ("GET", url, None),
        ("PUT", f"{url}/roles", {"roles": []}),
        ("POST", f"{url}/invitations", None),
        ("POST", f"{url}/deactivate", None),
    ):
        assert code_of(house.http.open(path, method=method, json=sent, headers=everything_else)) == (
            403,
            "scope_missing",
        )
    auth = security(house)
    assert code_of(house.http.post("/v1/staff", json=body | {"institution": "no"}, headers=auth)) == (
        404,
        "unknown_institution",
    )
    assert code_of(house.http.post("/v1/staff", json=body | {"roles": ["king"]}, headers=auth)) == (422, "wrong_choice")
    for method, path, sent in (
        ("GET", url, None),
        ("PUT", f"{url}/roles", {"roles": []}),
        ("POST", f"{url}/invitations", None),
        ("POST", f"{url}/deactivate", None),
    ):
        answer = house.http.open(path, method=method, json=sent, headers=auth)
        assert code_of(answer) == (404, "unknown_staff_member")


def test_no_column_of_staff_can_be_named_in_a_request(house: House) -> None:
    """Mass assignment."""
    body = {"institution": "cqdx", "name": "张", "roles": ["registrar"]}
    house.token("cqdx")
    member = house.staff("cqdx", "registrar")
    tables = ("staff", "staff_role", "staff_invitation", "client")
    columns = {column.name for table in tables for column in catalogue.tables[table].columns}
    for name in sorted((columns | {"invitation", "client_id", "scope"}) - body.keys()):
        answer = house.http.post("/v1/staff", json=body | {name: "x"}, headers=security(house))
        assert (name, *code_of(answer)) == (name, 422, "unknown_field")
    for name in sorted(columns - {"roles"}):
        url = f"/v1/staff/{member['id']}/roles"
        answer = house.http.put(url, json={"roles": [], name: "x"}, headers=security(house))
        assert (name, *code_of(answer)) == (name, 422, "unknown_field")


# --- 三员分立


@pytest.mark.parametrize("roles", sorted(combinations(sorted(ADMINISTRATORS), 2)))
def test_nobody_administers_in_two_ways(house: House, roles: tuple[StaffRole, ...]) -> None:
    house.token("cqdx")
    body = {"institution": "cqdx", "name": "张", "roles": list(roles)}
    assert code_of(house.http.post("/v1/staff", json=body, headers=security(house))) == (422, "roles_clash")
    member = house.staff("cqdx", roles[0])
    url = f"/v1/staff/{member['id']}/roles"
    assert code_of(house.http.put(url, json={"roles": list(roles)}, headers=security(house))) == (422, "roles_clash")
    taken = house.http.put(url, json={"roles": [roles[1]]}, headers=security(house))
    assert (taken.status_code, taken.get_json()["roles"]) == (200, [roles[1]]), "one after the other is fine"


@pytest.mark.parametrize("role", sorted(ADMINISTRATORS))
def test_who_administers_does_not_audit(house: House, role: StaffRole) -> None:
    house.token("cqdx")
    body = {"institution": "cqdx", "name": "张", "roles": [role, "auditor"]}
    assert code_of(house.http.post("/v1/staff", json=body, headers=security(house))) == (422, "roles_clash")


@pytest.mark.parametrize("scopes", sorted(combinations(sorted(SEPARATE_SCOPES), 2)))
def test_no_client_holds_two_scopes_of_administration(house: House, scopes: tuple[str, ...]) -> None:
    house.token("cqdx")

    def action(work: Work) -> Answer:
        create_client(work, "too much", "cqdx", scopes)
        return Answer({}, is_new=True, subject="")

    with pytest.raises(Exception, match="separate"):
        carried_out(house.bank, Errand(administrator(), "test"), action)


# --- roles


def test_a_role_counts_from_the_moment_it_is_granted_until_it_is_revoked(house: House) -> None:
    member = house.staff("cqdx")
    url = f"/v1/staff/{member['id']}/roles"
    generous = staff_token(house.bank, BASE_URL, member["id"], SCOPES)
    auth = {"Authorization": f"Bearer {generous}"}
    opened = lambda: house.http.post("/v1/learners", json=learner_body(900), headers=auth).status_code  # noqa: E731
    assert opened() == 403
    house.http.put(url, json={"roles": ["registrar"]}, headers=security(house))
    assert opened() == 201
    house.http.put(url, json={"roles": ["reviewer"]}, headers=security(house))
    assert opened() == 403
    house.http.post(f"/v1/staff/{member['id']}/deactivate", headers=security(house))
    assert opened() == 401
    assert code_of(house.http.put(url, json={"roles": ["registrar"]}, headers=security(house))) == (409, "deactivated")
    answer = house.http.post(f"/v1/staff/{member['id']}/invitations", headers=security(house))
    assert code_of(answer) == (409, "deactivated")
    roles = catalogue.tables["staff_role"]
    with house.bank.database.reading() as connection:
        kept = connection.execute(select(roles.c.role, roles.c.is_granted).order_by(roles.c.number)).all()
    assert kept == [("registrar", True), ("registrar", False), ("reviewer", True)]


def test_a_token_carries_no_more_than_it_was_issued_with(house: House) -> None:
    member = house.staff("cqdx", "registrar", "reviewer")
    narrow = {"Authorization": f"Bearer {staff_token(house.bank, BASE_URL, member['id'], ['conversions:review'])}"}
    assert house.http.post("/v1/learners", json=learner_body(900), headers=narrow).status_code == 403


def test_nobody_raises_their_own_roles(house: House) -> None:
    """Whoever grants roles grants none to themselves, takes none from themselves, and can't let themselves in anew."""
    member = house.staff("authority", "security_administrator")
    auth = house.staff_auth(member)
    url = f"/v1/staff/{member['id']}"
    for roles in (["security_administrator", "registrar"], ["registrar"], []):
        assert code_of(house.http.put(f"{url}/roles", json={"roles": roles}, headers=auth)) == (403, "own_account")
    for path in (f"{url}/invitations", f"{url}/deactivate"):
        assert code_of(house.http.post(path, headers=auth)) == (403, "own_account")
    other = house.staff("authority", "registrar")
    granted = house.http.put(f"/v1/staff/{other['id']}/roles", json={"roles": ["reviewer"]}, headers=auth)
    assert granted.status_code == 200
    for role in sorted(set(StaffRole) - {StaffRole.SECURITY_ADMINISTRATOR}):
        colleague = house.staff("authority", role)
        own = f"/v1/staff/{colleague['id']}/roles"
        answer = house.http.put(own, json={"roles": list(StaffRole)[:1]}, headers=house.staff_auth(colleague))
        assert code_of(answer) == (403, "scope_missing")


def test_who_granted_and_revoked_stands_in_the_audit_log(house: House) -> None:
    member = house.staff("authority", "security_administrator")
    other = house.staff("authority", "registrar")
    house.http.put(f"/v1/staff/{other['id']}/roles", json={"roles": ["auditor"]}, headers=house.staff_auth(member))
    actor, action, subject = audit_lines(house)[-1]
    assert (actor, action) == (f"staff:{member['id']}", "staff.roles")
    assert subject == f"{other['id']} +auditor -registrar"


# --- tenants


def test_an_institution_administers_its_own_staff_and_local_roles_only(house: House) -> None:
    """A security administrator of a university is none of the bank."""
    own = security(house, "cqdx")
    stranger, authority_s = house.staff("cqou", "registrar"), house.staff("authority", "registrar")
    body = {"institution": "cqdx", "name": "张", "roles": ["registrar", "reviewer", "proxy_operator"]}
    member = house.http.post("/v1/staff", json=body, headers=own).get_json()
    assert [one["id"] for one in house.http.get("/v1/staff", headers=own).get_json()["items"]] == [member["id"]]
    for other in (stranger, authority_s):
        url = f"/v1/staff/{other['id']}"
        assert code_of(house.http.get(url, headers=own)) == (404, "unknown_staff_member")
        answer = house.http.put(f"{url}/roles", json={"roles": []}, headers=own)
        assert code_of(answer) == (404, "unknown_staff_member")
        for path in (f"{url}/deactivate", f"{url}/invitations"):
            assert code_of(house.http.post(path, headers=own)) == (404, "unknown_staff_member")
    for code in ("cqou", "authority"):
        answer = house.http.post("/v1/staff", json=body | {"institution": code}, headers=own)
        assert code_of(answer) == (404, "unknown_institution")
    reaching = house.staff("cqdx", "auditor")
    for role in sorted(set(StaffRole) - {StaffRole.REGISTRAR, StaffRole.REVIEWER, StaffRole.PROXY_OPERATOR}):
        answer = house.http.post("/v1/staff", json=body | {"roles": [role]}, headers=own)
        assert code_of(answer) == (403, "beyond_reach")
        answer = house.http.put(f"/v1/staff/{member['id']}/roles", json={"roles": [role]}, headers=own)
        assert code_of(answer) == (403, "beyond_reach")
    for method, path, sent in (
        ("PUT", "roles", {"roles": []}),
        ("POST", "invitations", None),
        ("POST", "deactivate", None),
    ):
        answer = house.http.open(f"/v1/staff/{reaching['id']}/{path}", method=method, json=sent, headers=own)
        assert code_of(answer) == (403, "beyond_reach")


# --- tokens


def test_a_staff_member_gets_no_token_as_a_client(house: House) -> None:
    member = house.staff("cqdx", "registrar")
    client_id = f"staff:{member['id']}"
    form = {"grant_type": "client_credentials"}
    assert house.http.post("/oauth/token", data=form, headers=basic(client_id, "")).status_code == 401

    def action(work: Work) -> Answer:
        rotate_secret(work, client_id)
        return Answer({}, is_new=True, subject="")

    with pytest.raises(Exception, match="no such client"):
        carried_out(house.bank, Errand(administrator(), "test"), action)


def test_a_token_that_speaks_of_staff_counts_only_as_it_is_issued(house: House) -> None:
    member, other = house.staff("cqdx", "registrar"), house.staff("cqdx", "registrar")
    learner_id = house.open_learner()["id"]
    made_up = (
        client_token(house.bank, BASE_URL, f"staff:{member['id']}", SCOPES),
        client_token(house.bank, BASE_URL, "staff:", SCOPES),
        client_token(house.bank, BASE_URL, "staff:x", SCOPES),
        staff_token(house.bank, BASE_URL, NOBODY, SCOPES),  # type: ignore[arg-type]
        proxy_token(house.bank, BASE_URL, member["id"], learner_id),
    )
    for token in made_up:
        answer = house.http.get("/v1/schemes", headers={"Authorization": f"Bearer {token}"})
        assert code_of(answer) == (401, "invalid_token")
    assert house.http.get("/v1/schemes", headers=house.staff_auth(other)).status_code == 200


def test_a_staff_member_sees_and_does_what_their_institution_may(house: House) -> None:
    member = house.staff("cqdx", "registrar")
    auth = house.staff_auth(member)
    known, unknown = house.open_learner("cqdx"), house.open_learner("cqou")
    assert house.http.get(f"/v1/learners/{known['id']}", headers=auth).status_code == 200
    assert house.http.get(f"/v1/learners/{unknown['id']}", headers=auth).status_code == 404
    assert house.http.post(f"/v1/learners/{known['id']}/link-codes", headers=auth).status_code == 201
    assert house.http.post(f"/v1/learners/{unknown['id']}/link-codes", headers=auth).status_code == 404


def test_a_rule_author_on_the_staff_drafts_and_does_not_publish_their_own(house: House) -> None:
    author, publisher = house.staff("authority", "rule_author", "publisher"), house.staff("authority", "publisher")
    pack = house.http.get("/v1/rulesets/cn-chongqing-community/versions/1", headers=house.auth()).get_json()
    document = pack["document"] | {"version": 2}
    drafted = house.http.post("/v1/rulesets", json=document, headers=house.staff_auth(author))
    assert drafted.status_code == 201, drafted.get_data(as_text=True)
    url = "/v1/rulesets/cn-chongqing-community/versions/2/publish"
    assert house.http.post(url, headers=house.staff_auth(author)).status_code == 403
    published = house.http.post(url, headers=house.staff_auth(publisher))
    assert (published.status_code, published.get_json()["published_by"]) == (200, f"staff:{publisher['id']}")


def test_a_repeat_under_one_key_registers_once(house: House) -> None:
    house.token("cqdx")
    body = {"institution": "cqdx", "name": "张", "roles": ["registrar"]}
    auth = security(house) | {"Idempotency-Key": "once"}
    first, again = (house.http.post("/v1/staff", json=body, headers=auth) for _ in range(2))
    assert first.get_json() == again.get_json()


def test_learners_do_not_share_keys(house: House) -> None:
    """All learners have one client id; what one asked under a key is not answered to another."""
    house.publish_programme("acceptor")
    body = {"target": {"institution": "acceptor", "programme": "administration"}}
    learners = [house.open_learner()["id"] for _ in range(2)]
    answers = [
        house.http.post(
            "/v1/conversions", json=body, headers=house.learner_auth(learner_id) | {"Idempotency-Key": "same"}
        )
        for learner_id in learners
    ]
    told = [answer.get_data(as_text=True) for answer in answers]
    assert all(learners[0] not in text for text in told[1:])
    assert "idempotency_key_reused" not in "".join(told)


def test_the_builder_registers_what_a_client_may_hold() -> None:
    assert registrable(["admin", "balance:read", "audit:log", "staff:write"]) == ("admin", "balance:read")
