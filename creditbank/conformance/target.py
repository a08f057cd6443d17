"""The server under trial: reached over HTTP alone, by clients that it gave out, with made-up people."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
from stdnum.iso7064 import mod_11_2

ISSUER_SCOPES = frozenset({"learners:write", "outcomes:write", "outcomes:read", "balance:read", "statement:read"})
"""What the clients of two institutions need that post and read."""

SECONDS_MAX = 30
"""How long an answer may take."""

NOBODY = "00000000-0000-7000-8000-000000000000"
"""An id that stands for nothing."""


class NotTriable(Exception):  # noqa: N818 - what is missing, not an error of the server
    """A trial can't be made here, with what is missing for it."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client that the server knows."""

    name: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: frozenset[str]


@dataclass
class Target:
    """A server with the clients by which it is tried; `http` is rooted at its address."""

    http: httpx.Client
    base_url: str
    clients: Sequence[Client]
    _tokens: dict[str, str] = field(default_factory=dict)

    def issuers(self) -> tuple[Client, Client]:
        """Return clients of two institutions that post outcomes. Raises NotTriable."""
        found = [one for one in self.clients if one.scopes >= ISSUER_SCOPES]
        if len(found) < 2:  # noqa: PLR2004 - one institution and another one
            raise NotTriable(f"two clients of different institutions with the scopes {' '.join(sorted(ISSUER_SCOPES))}")
        return found[0], found[1]

    def with_scope(self, scope: str, *, without: str) -> Client:
        """Return a client that has a scope and lacks another one. Raises NotTriable."""
        for one in self.clients:
            if scope in one.scopes and without not in one.scopes:
                return one
        raise NotTriable(f"a client with the scope {scope} and without {without}")

    def token(self, client: Client) -> str:
        """Return an access token with all of a client's scopes."""
        if client.client_id not in self._tokens:
            answer = self.http.post(
                "/oauth/token", data={"grant_type": "client_credentials"}, auth=(client.client_id, client.client_secret)
            )
            self._tokens[client.client_id] = answer.raise_for_status().json()["access_token"]
        return self._tokens[client.client_id]

    def ask(self, client: Client, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Return the answer to a client's request."""
        headers = {"Authorization": f"Bearer {self.token(client)}"} | dict(more.pop("headers", {}))
        return self.http.request(method, path, headers=headers, **more)

    def learner(self, client: Client, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any change of a request
        """Open the account of somebody new and return it."""
        answer = self.ask(client, "POST", "/v1/learners", json=person() | changes)
        return dict(answer.raise_for_status().json())

    def outcome(self, client: Client, learner_id: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Post an outcome and return the answer."""
        answer = self.ask(client, "POST", "/v1/outcomes", json=record(learner_id) | changes)
        return dict(answer.raise_for_status().json())

    def balances(self, client: Client, learner_id: str, **query: str) -> dict[str, Mapping[str, str]]:
        """Return a learner's balances by scheme."""
        answer = self.ask(client, "GET", f"/v1/learners/{learner_id}/balance", params=query)
        return {one["scheme"]: one for one in answer.raise_for_status().json()["balances"]}

    def statement(self, client: Client, learner_id: str) -> list[dict[str, Any]]:
        """Return all lines of a learner's passbook, newest first, read two at a time."""
        lines: list[dict[str, Any]] = []
        query = {"limit": "2"}
        while True:
            answer = self.ask(client, "GET", f"/v1/learners/{learner_id}/statement", params=query)
            page = answer.raise_for_status().json()
            lines += page["items"]
            if page["next_cursor"] is None:
                return lines
            query["cursor"] = page["next_cursor"]


def opened(base_url: str, clients_file: Path) -> Target:
    """Return the server at an address with the clients of a file such as `make run` leaves behind.

    Raises OSError, ValueError and KeyError where the file can't be read as one.
    """
    listed = json.loads(clients_file.read_text())["clients"]
    clients = [Client(one["name"], one["client_id"], one["client_secret"], frozenset(one["scopes"])) for one in listed]
    return Target(httpx.Client(base_url=base_url, timeout=SECONDS_MAX), base_url, clients)


def person() -> dict[str, Any]:
    """Return somebody who doesn't exist, with a resident ID that nobody has: its district was never given out."""
    born = date(1940, 1, 1) + timedelta(days=secrets.randbelow(25_000))
    body = f"{509_900 + secrets.randbelow(100):06d}{born:%Y%m%d}{secrets.randbelow(999) + 1:03d}"
    value = body + mod_11_2.calc_check_digit(body)
    name = "测试" + "".join(chr(0x4E00 + secrets.randbelow(2000)) for _ in range(2))
    return {"name": name, "birth_date": born.isoformat(), "identifiers": [{"type": "resident_id", "value": value}]}


def record(learner_id: str) -> dict[str, Any]:
    """Return an outcome that nobody has posted: a course of 16 hours."""
    number = secrets.token_hex(8)
    return {
        "external_id": f"conformance-{number}",
        "learner": {"id": learner_id},
        "kind": "course",
        "title": f"一致性测试课程 {number}",
        "hours": "16",
        "completed_on": "2024-01-15",
    }
