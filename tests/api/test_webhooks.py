"""Webhooks over HTTP: what is taken, what is refused, and that nobody learns of another institution's."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from creditbank.api.webhooks import LOOKERS, SENDER
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.services.webhooks import WEBHOOKS_MAX
from tests.builders import House

HOOK = {"url": "https://hooks.example/a"}
MISSING = "0198c0de-0000-7000-8000-00000000dead"


def ask(house: House, method: str, path: str = "", institution: str = "cqdx", **more: Any) -> Any:
    headers = house.auth(institution, "webhooks:write") | more.pop("headers", {})
    return house.http.open(f"/v1/webhooks{path}", method=method, headers=headers, **more)


def registered(house: House, **said: Any) -> dict[str, Any]:
    answer = ask(house, "POST", json=HOOK | said)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(one["pointer"], one["code"]) for one in answer.get_json()["errors"]]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example/", "not_https"),
        ("https://hooks.example:22/", "wrong_port"),
        ("https://127.0.0.1/", "not_public"),
        ("https://[::ffff:127.0.0.1]/", "not_public"),
        ("https://169.254.169.254/latest/meta-data", "not_public"),
        ("https://localhost/", "not_public"),
        ("https://2130706433/", "not_a_url"),
        ("https://0177.0.0.1/", "not_a_url"),
        ("https://0x7f.1/", "not_a_url"),
        ("https://user:secret@hooks.example/", "not_a_url"),
        ("javascript:alert(1)", "not_a_url"),
    ],
)
def test_an_address_that_is_no_webhooks_is_refused_and_not_repeated(house: House, url: str, code: str) -> None:
    answer = ask(house, "POST", json={"url": url})
    assert (answer.status_code, codes(answer)) == (422, [("/url", code)])
    assert "secret" not in answer.get_data(as_text=True)


def test_who_registers_names_that_take_long_leaves_threads_to_others(house: House) -> None:
    lookers, taken = house.app.extensions[LOOKERS], 0
    while lookers.acquire(blocking=False):
        taken += 1
    try:
        assert ask(house, "POST", json=HOOK).status_code == 503
        assert ask(house, "GET").status_code == 200
    finally:
        for _ in range(taken):
            lookers.release()
    assert registered(house)["state"] == "enabled"


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "64:ff9b::a9fe:a9fe"])
def test_a_name_that_leads_inside_is_refused_when_it_is_registered(house: House, address: str) -> None:
    house.app.extensions[SENDER] = WebhookSender(resolve=lambda _host, _port: [address])
    assert codes(ask(house, "POST", json=HOOK)) == [("/url", "not_public")]


def test_a_name_that_leads_nowhere_is_refused_unless_it_is_turned_off(house: House) -> None:
    made = registered(house)
    house.app.extensions[SENDER] = WebhookSender(resolve=lambda _host, _port: [])
    assert codes(ask(house, "POST", json=HOOK)) == [("/url", "name_unknown")]
    off = ask(house, "PUT", f"/{made['id']}", json=HOOK | {"is_enabled": False}, headers={"If-Match": '"1"'})
    assert (off.status_code, off.get_json()["state"]) == (200, "disabled")


def test_nobody_without_the_scope_has_a_name_asked_for(house: House) -> None:
    asked: list[str] = []
    house.app.extensions[SENDER] = WebhookSender(resolve=lambda host, _port: asked.append(host) or ["1.2.3.4"])
    answer = house.http.post("/v1/webhooks", json=HOOK, headers=house.auth())
    assert (answer.status_code, asked) == (403, [])


def test_a_secret_is_shown_once(house: House) -> None:
    made = registered(house, types=["outcome.revoked"], description="教务系统")
    assert made["secret"].startswith("whsec_")
    shown = ask(house, "GET", f"/{made['id']}")
    assert shown.get_json() == {name: value for name, value in made.items() if name != "secret"}
    assert shown.headers["ETag"] == '"1"'
    assert ask(house, "GET").get_json()["items"] == [shown.get_json()]


def test_a_change_needs_the_revision_that_stands(house: House) -> None:
    made = registered(house)
    changed = ask(house, "PUT", f"/{made['id']}", json=HOOK | {"types": []}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert ask(house, "PUT", f"/{made['id']}", json=HOOK, headers={"If-Match": '"1"'}).status_code == 412
    assert ask(house, "PUT", f"/{made['id']}", json=HOOK).status_code == 428


def test_what_is_sent_again_under_its_key_has_one_effect_and_one_secret(house: House) -> None:
    headers = {"Idempotency-Key": "once"}
    first, second = (ask(house, "POST", json=HOOK, headers=headers) for _ in range(2))
    assert first.get_json() == second.get_json()
    assert len(ask(house, "GET").get_json()["items"]) == 1


def test_an_institution_has_so_many_webhooks_and_no_more(house: House) -> None:
    made = [registered(house) for _ in range(WEBHOOKS_MAX)]
    assert codes(ask(house, "POST", json=HOOK)) == [("", "too_many_webhooks")]
    assert ask(house, "DELETE", f"/{made[0]['id']}").status_code == 200
    registered(house)


def test_what_is_another_institutions_is_answered_as_what_is_missing(house: House) -> None:
    made = registered(house)
    ping = ask(house, "POST", f"/{made['id']}/test").get_json()["id"]
    for method, rest, body in (
        ("GET", "", None),
        ("PUT", "", HOOK),
        ("DELETE", "", None),
        ("POST", "/secret", None),
        ("POST", "/test", None),
        ("GET", "/deliveries", None),
        ("POST", f"/deliveries/{ping}/resend", None),
        ("POST", "/replay", {"since": "2026-01-01T00:00:00Z"}),
    ):
        told = []
        for hook in (made["id"], MISSING):
            answer = ask(house, method, f"/{hook}{rest}", "other", json=body, headers={"If-Match": '"1"'})
            told.append((answer.status_code, {**answer.get_json(), "request_id": ""}))
        assert told[0] == told[1], (method, rest)
        assert told[0][0] == 404, (method, rest)
    assert ask(house, "GET", institution="other").get_json()["items"] == []
    assert ask(house, "POST", f"/{made['id']}/deliveries/{MISSING}/resend").status_code == 404


def test_what_is_off_sends_nothing_new(house: House) -> None:
    made = registered(house, is_enabled=False)
    assert made["disabled_for"] == "asked"
    assert codes(ask(house, "POST", f"/{made['id']}/test")) == [("", "webhook_disabled")]
    since = {"since": "2026-01-01T00:00:00Z"}
    assert ask(house, "POST", f"/{made['id']}/replay", json=since).status_code == 409


def test_lists_are_paged(house: House) -> None:
    ids = [registered(house)["id"] for _ in range(3)]
    pings = [ask(house, "POST", f"/{ids[0]}/test").get_json()["id"] for _ in range(3)]
    for path, wanted in (("", ids), (f"/{ids[0]}/deliveries", pings)):
        found, cursor = [], None
        while True:
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = ask(house, "GET", path, query_string=query).get_json()
            found += [one["id"] for one in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(found) == sorted(wanted)


def test_the_check_in_the_documentation_holds() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)  # noqa: S102 - it is ours
    secret, body = "whsec_" + "QUJD" * 10, b'{"a": 1}'
    now = time.time()
    signed = Verifier(secret).sign("1", datetime.fromtimestamp(int(now), UTC), body.decode())
    headers = {"webhook-id": "1", "webhook-timestamp": str(int(now)), "webhook-signature": f"v1,AAAA {signed}"}
    assert names["is_genuine"](secret, headers, body)
    assert not names["is_genuine"](secret, headers, body + b" ")
    assert not names["is_genuine"](secret, headers | {"webhook-timestamp": str(int(now) - 400)}, body)
