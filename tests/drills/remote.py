"""A bank whose server is another process: builders speak to it over the wire, and every answer is remembered."""

import http.client
import json
import re
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import quote, urlencode

from tests.builders import House
from tests.drills.serving import Server


@dataclass(frozen=True)
class Reply:
    """An answer of the server, to be read as those of the test client are."""

    method: str
    path: str
    status_code: int
    headers: Message
    content: bytes
    sent: dict[str, Any]
    """The request: its document or bytes, and its headers."""

    def get_data(self, *, as_text: bool = False) -> Any:
        """Return the body."""
        return self.content.decode() if as_text else self.content

    def get_json(self) -> Any:
        """Return the body's document."""
        return json.loads(self.content)


@dataclass
class Remote:
    """A client over the wire, with the calls of the test client that builders use."""

    server: Server
    replies: list[Reply] = field(default_factory=list)
    kept: list[http.client.HTTPConnection] = field(default_factory=list)

    def open(self, path: str, method: str = "GET", **request: Any) -> Reply:
        """Send a request and remember its answer; `json` or `data`, `headers` and `query_string` as in tests."""
        headers = {name: value.encode() for name, value in (request.get("headers") or {}).items()}
        body = request.get("data")
        if request.get("json") is not None:
            body, headers["Content-Type"] = (
                json.dumps(request["json"], ensure_ascii=False).encode(),
                b"application/json",
            )
        if "content_type" in request:
            headers["Content-Type"] = request["content_type"].encode()
        query = "?" + urlencode(request["query_string"]) if request.get("query_string") else ""
        answer = self._sent(method, quote(path, safe="/?=&%:") + query, body, headers)
        reply = Reply(method, path, answer.status, answer.headers, answer.read(), request)
        self.replies.append(reply)
        return reply

    def close(self) -> None:
        """Let go of the connection that is kept."""
        for connection in self.kept:
            connection.close()

    def get(self, path: str, **request: Any) -> Reply:
        """Read."""
        return self.open(path, "GET", **request)

    def post(self, path: str, **request: Any) -> Reply:
        """Post."""
        return self.open(path, "POST", **request)

    def put(self, path: str, **request: Any) -> Reply:
        """Put."""
        return self.open(path, "PUT", **request)

    def delete(self, path: str, **request: Any) -> Reply:
        """Delete."""
        return self.open(path, "DELETE", **request)

    def _sent(self, method: str, url: str, body: bytes | None, headers: dict[str, bytes]) -> http.client.HTTPResponse:
        """Send on the connection that is kept, or on a new one where the server closed it."""
        for connection in (*self.kept, None):
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)  # noqa: PLW2901
                self.kept[:] = [connection]
            try:
                connection.request(method, url, body, headers)
                return connection.getresponse()
            except (http.client.HTTPException, ConnectionError):
                connection.close()
        raise AssertionError(f"the server doesn't answer {method}")


@dataclass
class RemoteHouse(House):
    """A bank whose requests go over the wire."""

    remote: Remote | None = None

    @property
    def http(self) -> Any:
        """The client, which remembers."""
        return self.remote


def operations(document: dict[str, Any]) -> dict[tuple[str, str], re.Pattern[str]]:
    """Return every operation of an API document by method and path, with a pattern of its addresses."""
    return {
        (method.upper(), path): re.compile(re.sub(r"\{[^}]+\}", "[^/?]+", path) + r"(\?.*)?")
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }


def operation_of(reply: Reply, known: dict[tuple[str, str], re.Pattern[str]]) -> tuple[str, str] | None:
    """Return the operation that gave an answer; a fixed address counts before one with a place to fill in."""
    fitting = [one for one, form in known.items() if one[0] == reply.method and form.fullmatch(reply.path)]
    return min(fitting, key=lambda one: (one[1].count("{"), -len(one[1])), default=None)
