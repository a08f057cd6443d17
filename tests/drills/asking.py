"""Asking: a request is sent until there is an answer; what may have happened in between is remembered."""

import http.client
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.drills.journal import Journal

ANSWER_SECONDS = 20
"""How long a client waits: longer than any pause that a drill makes, far shorter than a drill."""

PAUSE_SECONDS = 0.1

PATIENCE_SECONDS = 120
"""How long a request is repeated before the client gives up, which its drill then fails for."""

_DOUBTS = (http.client.SERVICE_UNAVAILABLE, http.client.INTERNAL_SERVER_ERROR)


class NoAnswerError(Exception):
    """A request was not answered, however often it was sent."""


@dataclass(frozen=True)
class Reply:
    """An answer, and whether an earlier try of the same request may have taken effect."""

    status: int
    document: Any
    is_doubted: bool


@dataclass(frozen=True)
class Asked:
    """A request: by whom, what, and under which idempotency key."""

    who: str
    method: str
    path: str
    body: Any = None
    key: str | None = None
    match: int | None = None


@dataclass
class Caller:
    """One client's connection, with the tokens of those for whom it asks."""

    port: Callable[[], int]
    new_token: Callable[[str], str]
    journal: Journal
    tokens: dict[str, str] = field(default_factory=dict)
    kept: http.client.HTTPConnection | None = None
    patience_seconds: float = PATIENCE_SECONDS
    rest_seconds: float = 0
    """How long the client waits before each request."""

    def ask(self, asked: Asked, *, tries_max: int = 0) -> Reply:
        """Send a request until it is answered, or as often as `tries_max` says. Raises NoAnswerError.

        A broken connection, a missing answer and a status that asks to try later leave it open whether it took effect.
        """
        time.sleep(self.rest_seconds)
        deadline, tries, is_doubted = time.monotonic() + self.patience_seconds, 0, False
        while time.monotonic() < deadline and (not tries_max or tries < tries_max):
            tries += 1
            try:
                status, document = self._sent(asked)
            except (OSError, http.client.HTTPException, ValueError):
                self.journal.count(self.journal.tries, "without an answer")
                self.close()
                is_doubted = True
            else:
                if status == http.client.UNAUTHORIZED:  # its token is older than the bank's clock has it
                    self.tokens.pop(asked.who, None)
                elif status in _DOUBTS or _is_in_flight(status, document):
                    self.journal.count(self.journal.tries, f"answered {status}")
                    if status == http.client.INTERNAL_SERVER_ERROR:
                        self.journal.find("unforeseen", f"{asked.method} {asked.path}: {document}")
                    is_doubted = True
                else:
                    self.journal.count(self.journal.tries, "answered")
                    return Reply(status, document, is_doubted)
            time.sleep(PAUSE_SECONDS)
        raise NoAnswerError(f"{asked.method} {asked.path}")

    def close(self) -> None:
        """Let go of the connection."""
        if self.kept is not None:
            self.kept.close()
            self.kept = None

    def _sent(self, asked: Asked) -> tuple[int, Any]:
        """Send a request once and return status and document of the answer, read to its end."""
        headers = {"Authorization": f"Bearer {self._token(asked.who)}"}
        headers |= {"Idempotency-Key": asked.key} if asked.key else {}
        headers |= {"If-Match": f'"{asked.match}"'} if asked.match else {}
        body = None
        if asked.body is not None:
            body = json.dumps(asked.body, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
        if self.kept is None:
            self.kept = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=ANSWER_SECONDS)
        self.kept.request(asked.method, asked.path, body, headers)
        answer = self.kept.getresponse()
        return answer.status, json.loads(answer.read())

    def _token(self, who: str) -> str:
        if who not in self.tokens:
            self.tokens[who] = self.new_token(who)
        return self.tokens[who]


def _is_in_flight(status: int, document: Any) -> bool:
    """Tell the answer to a repeat that came while the first is being worked on."""
    codes: list[str] = []
    if status == http.client.CONFLICT:
        with suppress(KeyError, TypeError):
            codes = [error["code"] for error in document["errors"]]
    return codes == ["in_flight"]
