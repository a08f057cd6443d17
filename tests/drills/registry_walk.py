"""The rest of the way: rules, institutions, conversions, logins and the console, so that every operation is walked."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.api.seeding import qualification_rules
from tests.api.test_conversions import RULES
from tests.builders import basic, outcome_body, programme_body
from tests.drills.canaries import CANARIES, SPOKEN
from tests.drills.people_walk import DAY, Walk
from tests.providers import CLIENT_ID, CLIENT_SECRET, RealProvider

TARGET = {"institution": "acceptor", "programme": "administration"}
REVIEW = "conversions:review"
SAID = {"reason": f"{SPOKEN} 理由"}


def walk_registry(walk: Walk) -> None:
    """Walk what concerns institutions and rules."""
    house = walk.house
    house.publish_rules(RULES)
    house.publish_programme("acceptor")
    house.publish_rules(qualification_rules("acceptor"))
    admin, author = house.auth("authority", "admin"), house.auth("authority", "rules:write")
    region = {"id": "drill", "code": "990000", "name": "演练市", "level": "city", "valid_from": "2020-01-01"}
    walk.does("POST", "/v1/regions", admin, {"regions": [region]})
    school = {"code": "college", "name": "学院", "level": "district", "roles": ["acceptor"], "parent": "acceptor"}
    college = walk.does("POST", "/v1/institutions", admin, school)["id"]
    listed = {one["code"]: one["id"] for one in walk.does("GET", "/v1/institutions?limit=200", admin)["items"]}
    today = datetime.now(UTC).date().isoformat()
    walk.does("POST", f"/v1/institutions/{college}/region", admin, {"region": "drill", "from_day": today})
    url = f"/v1/institutions/{listed['acceptor']}/delegations"
    given = walk.does("POST", url, house.auth("acceptor", REVIEW), {"to": "college", **SAID})
    walk.does("GET", url, house.auth("acceptor", REVIEW))
    walk.does("DELETE", f"{url}/{given['id']}", house.auth("acceptor", REVIEW))
    walk.does("POST", f"/v1/institutions/{college}/end", admin, {"ended_on": today, **SAID})
    scheme = {"code": "drill", "title_zh": "演练", "title_en": "Drill", "hours_per_credit": "16"}
    walk.does("POST", "/v1/schemes", author, scheme)
    walk.does("PUT", "/v1/programmes/acceptor/administration", house.auth("acceptor", "rules:write"),
              programme_body(title="行政"), If_Match='"1"')  # fmt: skip
    walk_rules(walk)
    walk_webhooks(walk)
    for path in ("/v1/regions", "/v1/regions/drill", f"/v1/institutions/{college}", "/v1/schemes", "/v1/programmes",
                 "/v1/programmes/acceptor/administration", "/v1/rulesets", "/healthz", "/readyz", "/metrics",
                 "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"):  # fmt: skip
        walk.does("GET", path, author)
    for report in ("", "/handling", "/reasons"):
        walk.does("GET", f"/v1/statistics{report}?region=drill", house.auth("authority", "admin"))


def walk_rules(walk: Walk) -> None:
    """Walk what is done with a set of rules."""
    house = walk.house
    code = "cn-exchange-hours"
    author, publisher = house.auth("authority", "rules:write"), house.auth("authority", "rules:publish")
    url = f"/v1/rulesets/{code}/versions/1"
    walk.does("GET", f"/v1/rulesets/{code}", author)
    document = walk.does("GET", url, author)["document"]
    facts = {"kind": "course", "title": CANARIES[160].text, "issuer": "cqdx", "completed_on": DAY, "hours": "48"}
    walk.does("POST", f"/v1/rulesets/{code}/evaluate", author, {"version": 1, "facts": facts})
    walk.does("POST", "/v1/rulesets", author, document | {"version": 2})
    for verb in ("check", "impact"):
        walk.does("POST", f"/v1/rulesets/{code}/versions/2/{verb}", publisher)
    walk.does("POST", f"/v1/rulesets/{code}/versions/2/publish", publisher)
    walk.does("POST", f"/v1/rulesets/{code}/versions/2/withdraw", publisher, SAID)


def walk_webhooks(walk: Walk) -> None:
    """Walk what concerns events; nobody carries them, as no worker runs."""
    auth, here = walk.house.auth("cqdx", "webhooks:write"), {"url": "http://127.0.0.1:9/hook", "description": SPOKEN}
    kept, gone = (walk.does("POST", "/v1/webhooks", auth, here)["id"] for _ in range(2))
    url = f"/v1/webhooks/{kept}"
    walk.does("DELETE", f"/v1/webhooks/{gone}", auth)
    for path in ("/v1/events", "/v1/webhooks", url):
        walk.does("GET", path, auth)
    walk.does("PUT", url, auth, {**here, "types": ["outcome.revoked"]}, If_Match='"1"')
    walk.does("POST", f"{url}/secret", auth, Idempotency_Key=walk.key())
    ping = walk.does("POST", f"{url}/test", auth)["id"]
    walk.does("GET", f"{url}/deliveries", auth)
    walk.does("POST", f"{url}/deliveries/{ping}/resend", auth)
    walk.does("POST", f"{url}/replay", auth, {"since": "2024-01-01T00:00:00Z"})


def walk_conversions(walk: Walk) -> None:
    """Apply, return, decline, withdraw and appeal, and decide on a case."""
    house = walk.house
    ends: dict[int, dict[str, Any]] = {}
    for number in range(140, 146):
        for title in ("管理学", "公文写作"):
            body = outcome_body(walk.ids[number], 0, external_id=f"{title}{number}", title=title, completed_on=DAY)
            made = walk.does("POST", "/v1/outcomes", house.auth(), body)
            walk.outcomes.setdefault(number, made["id"])
        target = {**TARGET, "courses": ["c1", "c3"]}
        ends[number] = walk.does("POST", "/v1/conversions", walk.own(number), {"target": target, "outcomes": "best"})
    acceptor, bank = house.auth("acceptor", REVIEW), house.auth("authority", REVIEW)
    urls = {number: f"/v1/conversions/{made['id']}" for number, made in ends.items()}
    walk.does("POST", f"{urls[140]}/decisions", acceptor, {"decision": "return", **SAID})
    walk.does("POST", f"{urls[140]}/resubmit", walk.own(140), SAID)
    walk.does("POST", f"{urls[141]}/withdraw", walk.own(141), SAID)
    walk.does("POST", f"{urls[143]}/decisions", acceptor, {"decision": "reject", **SAID})
    walk.does("POST", f"{urls[143]}/appeal", walk.own(143), SAID)
    walk.does("POST", f"{urls[142]}/decline", walk.own(142), {"parts": [ends[142]["parts"][0]["number"]]})
    for auth in (acceptor, bank):
        walk.does("POST", f"{urls[144]}/decisions", auth, {"decision": "approve", **SAID})
    awards = "/v1/qualifications/made-up-qualification/awards"
    given = walk.does("POST", awards, walk.own(144), {"level": "one"}, Idempotency_Key=walk.key())
    walk.does("POST", "/v1/credentials", walk.own(144), {"kind": "qualification", "subject_id": given["id"]})
    walk.does("GET", walk.url(144, "/qualifications/made-up-qualification"), house.auth())
    walk.does("POST", f"/v1/outcomes/{walk.outcomes[144]}/revoke", house.auth(), SAID)
    for case in walk.does("GET", "/v1/award-cases", acceptor)["items"]:
        walk.does("GET", f"/v1/award-cases/{case['id']}", acceptor)
        walk.does("POST", f"/v1/award-cases/{case['id']}/decisions", acceptor, {"decision": "revoke", **SAID})
    for case in walk.does("GET", "/v1/cases", acceptor)["items"]:
        walk.does("GET", f"/v1/cases/{case['id']}", acceptor)
        walk.does("POST", f"/v1/cases/{case['id']}/decisions", acceptor, {"decision": "undo", **SAID})
    walk.does("GET", "/v1/conversions", acceptor)
    walk.does("GET", urls[140], walk.own(140))
    walk.does("POST", walk.url(145, "/plan"), walk.own(145), {"targets": [TARGET]})


def provider_file(folder: Path, issuer: str) -> Path:
    """Write the file that names the providers of learners and of staff."""
    file = folder / "providers.json"
    common = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    holders = (("city", "learners"), ("office", "staff"))
    file.write_text(json.dumps([{"name": name, "for": holder, **common} for name, holder in holders]), "utf-8")
    file.chmod(0o600)
    return file


def walk_logins(walk: Walk, provider: RealProvider) -> None:
    """Let somebody log in, link the login and end it."""
    one = CANARIES[150]
    begun = walk.does("GET", "/login/city", {})
    cookie = begun.headers["Set-Cookie"].partition(";")[0]
    back = urlsplit(provider.enter(begun.headers["Location"], one.subject))
    ticket = walk.does("GET", f"{back.path}?{back.query}", {"Cookie": cookie})["ticket"]
    code = walk.does("POST", walk.url(150, "/link-codes"), walk.house.auth())["code"]
    walk.does("POST", "/v1/logins/link", {}, {"ticket": ticket, "link_code": code})
    (login,) = walk.does("GET", walk.url(150, "/logins"), walk.own(150))["items"]
    walk.does("DELETE", walk.url(150, f"/logins/{login['id']}"), walk.own(150))


def walk_console(walk: Walk, environment: dict[str, str]) -> str:
    """Do what an operator does and return all that was printed."""
    one = CANARIES[170]
    commands = [
        ["client", "create", "cqdx", f"{SPOKEN} 程序", "--scope", "balance:read"],
        ["staff", "add", "cqdx", one.name, "--role", "registrar"],
        ["learner", "token", walk.account_nos[171]],
        *([name] for name in ("likeness", "sweep", "verify")),
        *(["keys", "rotate", kind] for kind in ("master", "index", "signing")),
        ["keys", "rotate", "person", "--learner", walk.account_nos[172]],
        *(["keys", *rest] for rest in (("renew",), ("show",), ("retire", "index"))),
        ["erasures", "reapply"],
    ]
    refused = [["learner", "token", one.resident_id], ["staff", "add", one.netid, one.name, "--role", "registrar"]]
    ended = subprocess.run(
        [sys.executable, "-c", CONSOLE], input=json.dumps(commands + refused), env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    printed = json.loads(ended.stdout)
    codes = [code for code, _ in printed]
    assert codes == [0] * len(commands) + [1] * len(refused), printed
    made = json.loads(printed[0][1])
    answer = walk.house.http.post(
        "/oauth/token",
        data=b"grant_type=client_credentials",
        content_type="application/x-www-form-urlencoded",
        headers=basic(made["client_id"], made["client_secret"]),
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    walk.does("GET", "/v1/audit", walk.house.auth("authority", "audit:log"))
    return "\n".join(text for _, text in printed) + ended.stderr


CONSOLE = """
import json, sys
from click.testing import CliRunner
from creditbank.cli import main
ended = [CliRunner().invoke(main, command) for command in json.load(sys.stdin)]
print(json.dumps([(one.exit_code, one.output) for one in ended], ensure_ascii=False))
"""
"""Runs the commands that come as JSON in one process, which starts once for all of them."""
