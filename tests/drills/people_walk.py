"""The canaries' way through the bank: accounts, records, identity, rights, and whoever acts for them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from creditbank.services.sealing import Log, seal
from tests import tables
from tests.builders import House, consent_body, outcome_body
from tests.drills.canaries import CANARIES, SPOKEN, Canary

DAY = "2024-06-30"
"""When everything was learnt."""

WRITER = ("learners:write", "outcomes:write", "outcomes:read", "balance:read", "statement:read")


@dataclass
class Walk:
    """What has come to be on the way, by the canaries' numbers."""

    house: House
    ids: dict[int, str] = field(default_factory=dict)
    account_nos: dict[int, str] = field(default_factory=dict)
    outcomes: dict[int, str] = field(default_factory=dict)
    keys: int = 0

    def does(self, method: str, path: str, auth: dict[str, str], body: Any = None, **headers: str) -> Any:
        """Ask for something that is granted and return its document."""
        sent = auth | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.house.http.open(path, method=method, json=body, headers=sent)
        assert answer.status_code in (200, 201, 202, 302), f"{method} {path}: {answer.get_data(as_text=True)}"
        is_document = answer.headers.get("Content-Type", "").startswith("application/json")
        return answer.get_json() if is_document else answer

    def own(self, number: int) -> dict[str, str]:
        """The token of a canary's own."""
        return self.house.learner_auth(self.ids[number])

    def url(self, number: int, rest: str = "") -> str:
        return f"/v1/learners/{self.ids[number]}{rest}"

    def key(self) -> str:
        """An idempotency key in which somebody's number stands."""
        self.keys += 1
        one = CANARIES[self.keys % len(CANARIES)]
        return f"{one.resident_id}-hdrKQXv7-{self.keys}"


def walk_people(walk: Walk) -> None:
    """Push everybody through everything that concerns a person."""
    open_accounts(walk)
    record(walk)
    transcribe(walk)
    send_files(walk)
    claim(walk)
    confuse(walk)
    look(walk)
    consent(walk)
    guard(walk)
    correct(walk)
    counter(walk)
    prove(walk)
    erase(walk)


def open_accounts(walk: Walk) -> None:
    """Open an account for everybody, a second time for some."""
    for one in CANARIES:
        made = walk.does("POST", "/v1/learners", walk.house.auth(), one.body(), Idempotency_Key=walk.key())
        walk.ids[one.number], walk.account_nos[one.number] = made["id"], made["account_no"]
    for one in CANARIES[:5]:
        walk.does("POST", "/v1/learners", walk.house.auth("cqou"), one.body())


def named(one: Canary) -> dict[str, Any]:
    """How a record names a person who has no id for the institution."""
    return {"identifier": one.identifiers[0], "name": one.name}


def row(one: Canary, place: str, **changes: Any) -> dict[str, Any]:
    """A record of a canary's, with a certificate."""
    body = outcome_body("", 0, external_id=f"{place}-{one.number}", title=f"课程 {place}", completed_on=DAY)
    return body | {"learner": named(one), "certificate_no": one.certificate_no} | changes


def record(walk: Walk) -> None:
    """Record outcomes singly and in batches, correct one and revoke one."""
    auth = walk.house.auth()
    for one in CANARIES[:30]:
        made = walk.does("POST", "/v1/outcomes", auth, row(one, "single"), Idempotency_Key=walk.key())
        walk.outcomes[one.number] = made["id"]
    walk.does("POST", "/v1/outcomes/batch", auth, [row(one, "batch") for one in CANARIES])
    lines = "\n".join(json.dumps(row(one, "lines"), ensure_ascii=False) for one in CANARIES[:50])
    answer = walk.house.http.post(
        "/v1/outcomes/batch", data=lines.encode(), content_type="application/x-ndjson", headers=auth
    )
    assert answer.get_json()["summary"]["accepted"] == 50
    url = f"/v1/outcomes/{walk.outcomes[0]}"
    walk.does("PUT", url, auth, row(CANARIES[0], "single", hours="32"), If_Match='"1"', Idempotency_Key=walk.key())
    walk.does("POST", f"/v1/outcomes/{walk.outcomes[1]}/revoke", auth, {"reason": f"{SPOKEN} 有误"})


def transcribe(walk: Walk) -> None:
    """Take a transcript along, and hand it in for somebody else, with the name of the first one in it."""
    written = walk.does("GET", walk.url(9, "/elmo"), walk.own(9)).get_data()
    assert CANARIES[9].name in written.decode()
    sent = walk.house.auth() | {"Content-Type": "application/xml", "Idempotency-Key": walk.key()}
    answer = walk.house.http.open(walk.url(10, "/elmo"), method="POST", data=written, headers=sent)
    assert answer.status_code == 200, answer.get_data(as_text=True)


def send_files(walk: Walk) -> None:
    """Look at a file, import it, see what came of its rows, get some back; stop another one."""
    house, auth = walk.house, walk.house.auth()
    rows = [
        [f"file-{one.number}", one.name, one.resident_id, "课程 file", "x" if one.number % 5 == 0 else "48", DAY]
        for one in CANARIES[:40]
    ]
    content = tables.table(rows).encode("gb18030")
    seen = house.http.post("/v1/imports/preview", data=content, content_type=tables.CSV, headers=auth)
    assert seen.status_code == 200, seen.get_data(as_text=True)
    found = tables.imported(house, content)
    assert (found["state"], found["accepted"] > 0, found["rejected"] > 0) == ("done", True, True)
    for path in ("", f"/{found['id']}/rows", f"/{found['id']}/rejects", "/templates", "/templates/creditbank"):
        walk.does("GET", f"/v1/imports{path}", auth)
    waiting = tables.send(house, tables.table(rows, ("序号", *tables.HEADER[1:])).encode())
    walk.does("POST", f"/v1/imports/{waiting.get_json()['id']}/cancel", auth, Idempotency_Key=walk.key())


def claim(walk: Walk) -> None:
    """Add identifiers to accounts and end one."""
    for one in CANARIES[30:50]:
        added = ({"type": "passport", "value": one.passport, "issuer": "KOR"}, {"type": "phone", "value": one.phone})
        for number in added:
            body = number | {"name": one.name}
            walk.does("POST", walk.url(one.number, "/identifiers"), walk.house.auth(), body, Idempotency_Key=walk.key())
    shown = walk.does("GET", walk.url(30), walk.house.auth())
    identifier = next(number for number in shown["identifiers"] if number["type"] == "phone")
    walk.does("POST", walk.url(30, f"/identifiers/{identifier['id']}/end"), walk.house.auth())


def confuse(walk: Walk) -> None:
    """Let numbers come under other names, merge accounts and part them again, each decided by two."""
    house = walk.house
    for one, other in zip(CANARIES[50:54], CANARIES[60:64], strict=True):
        body = one.body(name=other.name, identifiers=one.identifiers[:1])
        body.pop("birth_date", None)
        walk.does("POST", "/v1/learners", house.auth(), body)
    asks, first, second = (house.auth("authority", "identity:review", *more) for more in ((), ("admin",), WRITER[:1]))
    for case in walk.does("GET", "/v1/identity/cases?kind=conflict", first)["items"]:
        walk.does("GET", f"/v1/identity/cases/{case['id']}", first)
        for auth in (first, second):
            said = {"verdict": "same", "reason": CANARIES[70].text}
            walk.does("POST", f"/v1/identity/cases/{case['id']}/decisions", auth, said, Idempotency_Key=walk.key())
    ends = {"learner_id": walk.ids[71], "into_id": walk.ids[72]}
    for wanted in ({"kind": "merge", **ends}, {"kind": "unmerge", "learner_id": walk.ids[71]}):
        body = {**wanted, "reason": CANARIES[71].text, "evidence": CANARIES[72].text}
        case = walk.does("POST", "/v1/identity/cases", asks, body, Idempotency_Key=walk.key())
        for auth in (first, second):
            said = {"verdict": "same" if wanted["kind"] == "merge" else "different", "reason": CANARIES[73].text}
            walk.does("POST", f"/v1/identity/cases/{case['id']}/decisions", auth, said)


def look(walk: Walk) -> None:
    """Let a partner ask for people, and read everything that there is of some."""
    house = walk.house
    partner = house.auth("partner", "learners:lookup")
    for one in CANARIES[80:100]:
        walk.does("POST", "/v1/learners/lookup", partner, named(one))
    for number in (2, 3):
        for rest in ("", "/balance", "/statement", "/outcomes"):
            walk.does("GET", walk.url(number, rest), house.auth())
        for rest in ("/access-log", "/export", "/logins", "/consents", "/guardians"):
            walk.does("GET", walk.url(number, rest), walk.own(number))
    seal(Log(house.bank, "bank.drill/log"))
    line = walk.does("GET", walk.url(2, "/statement"), house.auth())["items"][0]["id"]
    walk.does("GET", walk.url(2, f"/statement/{line}/proof"), walk.own(2))
    for path in ("checkpoint", "proof?position=0"):
        walk.does("GET", f"/v1/log/{path}", {})
    outcome = walk.does("GET", f"/v1/outcomes/{walk.outcomes[2]}", house.auth())
    walk.does("GET", f"/v1/decisions/{outcome['decision_id']}", house.auth())
    walk.does("POST", f"/v1/decisions/{outcome['decision_id']}/replay", house.auth())


def prove(walk: Walk) -> None:
    """Have credentials issued, with a name and without, fetched, shown by links, checked, suspended and revoked."""
    issuer, own = walk.house.auth("cqdx", "credentials:issue"), walk.own(7)
    body = {"kind": "outcome", "subject_id": walk.outcomes[7], "with_name": True}
    url = f"/v1/credentials/{walk.does('POST', '/v1/credentials', own, body, Idempotency_Key=walk.key())['id']}"
    walk.does("POST", "/v1/credentials", own, {"kind": "balance"})
    walk.does("POST", "/v1/credentials", issuer, {"kind": "outcome", "subject_id": walk.outcomes[8]})
    document = walk.does("GET", url, own)
    assert walk.does("GET", f"{url}.pdf", own).get_data().startswith(b"%PDF")
    walk.does("GET", walk.url(7, "/credentials"), own)
    assert walk.does("GET", walk.url(7, "/credentials/record"), own)["partial"] is False
    assert walk.does("POST", "/v1/credentials/verify", {}, {"credential": document})["accepted"]
    shown = walk.does(
        "POST",
        walk.url(7, "/credentials/presentations"),
        own,
        {"outcomes": [walk.outcomes[7]], "with_name": True, "with_birth_date": True},
        Idempotency_Key=walk.key(),
    )
    assert walk.does("POST", "/v1/credentials/verify", {}, {"credential": shown["presentation"]})["accepted"]
    taken = walk.does("POST", walk.url(7, "/credentials/imports"), walk.house.auth(), {"credential": document})
    assert [one["code"] for one in taken["results"][0]["errors"]] == ["own_credential"]
    for path in ("/.well-known/did.json", "/credentials/contexts/v1", "/v1/status-lists/1"):
        walk.does("GET", path, {})
    link = walk.does("POST", f"{url}/shares", own, {"details": ["credits"]}, Idempotency_Key=walk.key())
    walk.does("GET", f"/verify/{link['code']}", {})
    walk.does("GET", f"{url}/shares", own)
    walk.does("DELETE", f"{url}/shares/{link['id']}", own)
    for how in ("suspend", "reinstate", "revoke"):
        walk.does("POST", f"{url}/{how}", issuer, {"reason": f"{SPOKEN} 查证"}, Idempotency_Key=walk.key())


def consent(walk: Walk) -> None:
    """Let a partner read, and end that."""
    walk.house.publish_texts()
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    text = {"code": "identity-data", "version": 1}
    body = consent_body("partner", "identity:read", purpose=f"{SPOKEN} 用途", valid_until=until, text=text)
    given = walk.does("POST", walk.url(100, "/consents"), walk.own(100), body, Idempotency_Key=walk.key())
    partner = walk.house.auth("partner", "identity:read")
    for consented in walk.does("GET", "/v1/consents", partner)["items"]:
        seen = walk.house.http.get(f"/v1/learners/{consented['learner_id']}", headers=partner)
        assert seen.status_code == 200, seen.get_data(as_text=True)
    walk.does("GET", "/v1/consent-texts", partner)
    walk.does("GET", walk.url(100, f"/consents/{given['id']}"), walk.own(100))
    walk.does("DELETE", walk.url(100, f"/consents/{given['id']}"), walk.own(100))


def guard(walk: Walk) -> None:
    """Record who speaks for a child, and end that."""
    one = CANARIES[101]
    born = (datetime.now(UTC) - timedelta(days=3000)).date().isoformat()
    numbers = [{"type": "student_no", "value": f"{one.student_no}-kid"}]
    child = walk.does("POST", "/v1/learners", walk.house.auth(), one.body(birth_date=born, identifiers=numbers))["id"]
    body = {"guardian": {"id": walk.ids[101]}, "relation": "parent", "evidence": one.text}
    url = f"/v1/learners/{child}/guardians"
    given = walk.does("POST", url, walk.house.auth(), body, Idempotency_Key=walk.key())
    walk.does("GET", f"/v1/learners/{child}", walk.own(101))
    walk.does("DELETE", f"{url}/{given['id']}", walk.house.auth())


def correct(walk: Walk) -> None:
    """Ask for corrections, answer them, and make them; restrict and lift that."""
    house = walk.house
    for one, verdict in ((CANARIES[110], "corrected"), (CANARIES[111], "declined")):
        body = {"about": {"field": "name"}, "says": one.text, "wants": CANARIES[112].text}
        url = walk.url(one.number, "/correction-requests")
        asked = walk.does("POST", url, walk.own(one.number), body, Idempotency_Key=walk.key())
        walk.does("GET", url, walk.own(one.number))
        walk.does("GET", "/v1/correction-requests", house.auth())
        if verdict == "corrected":
            changed = {"name": CANARIES[113].name, "reason": CANARIES[114].text, "correction_request": asked["id"]}
            walk.does("POST", walk.url(one.number, "/corrections"), house.auth(), changed, Idempotency_Key=walk.key())
        else:
            answer = {"verdict": verdict, "reason": CANARIES[115].text}
            walk.does("POST", f"/v1/correction-requests/{asked['id']}/answer", house.auth(), answer)
    walk.does("POST", walk.url(116, "/restriction"), walk.own(116), Idempotency_Key=walk.key())
    walk.does("DELETE", walk.url(116, "/restriction"), walk.own(116))


def counter(walk: Walk) -> None:
    """Register staff under rare names, and let one act for somebody."""
    house = walk.house
    body = {"code": "village", "name": "村学习点", "level": "village", "roles": ["issuer"]}
    walk.does("POST", "/v1/institutions", house.auth("authority", "admin"), body)
    security = house.auth("authority", "staff:write")
    wanted = {"institution": "village", "name": CANARIES[120].name, "roles": ["proxy_operator"]}
    member = walk.does("POST", "/v1/staff", security, wanted, Idempotency_Key=walk.key())
    walk.does("GET", "/v1/staff", security)
    walk.does("GET", f"/v1/staff/{member['id']}", security)
    walk.does("POST", f"/v1/staff/{member['id']}/invitations", security)
    body = {"learner": named(CANARIES[121]), "reason": CANARIES[121].text}
    session = walk.does("POST", "/v1/proxy-sessions", house.staff_auth(member), body)
    proxy = {"Authorization": f"Bearer {session['access_token']}"}
    for rest in ("", "/balance", "/outcomes", "/statement", "/logins"):
        walk.does("GET", f"/v1/learners/me{rest}", proxy)
    other = walk.does("POST", "/v1/staff", security, wanted | {"name": CANARIES[122].name})
    walk.does("PUT", f"/v1/staff/{other['id']}/roles", security, {"roles": ["registrar"]})
    walk.does("POST", f"/v1/staff/{other['id']}/deactivate", security)


def erase(walk: Walk) -> None:
    """Ask for erasures: one is withdrawn, one declined, and one carried out."""
    reviewer = walk.house.auth("authority", "identity:review")
    for number, verdict in ((132, "approve"), (131, "decline"), (130, None)):
        body = {"confirm_account_no": walk.account_nos[number], "reason": CANARIES[number].text}
        url, own = walk.url(number, "/erasure-requests"), walk.own(number)
        asked = walk.does("POST", url, own, body, Idempotency_Key=walk.key())
        walk.does("GET", url, own)
        walk.does("GET", "/v1/erasure-requests", reviewer)
        if verdict is None:
            walk.does("POST", f"{url}/{asked['id']}/withdraw", own)
        else:
            said = {"verdict": verdict, "reason": CANARIES[133].text}
            walk.does("POST", f"/v1/erasure-requests/{asked['id']}/decisions", reviewer, said)
