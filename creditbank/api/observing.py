"""Watching requests: an id for each, one log line for each, and figures; never a body, a query or a name."""

import re
import time
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

from creditbank.gateways import metrics

_UUID = "[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
_REQUEST_ID = re.compile(rf"{_UUID}|(?!.*[0-9]{{5}})[A-Za-z0-9_.-]{{1,64}}", re.ASCII)
"""A caller's own request id: a UUID, a trace id (W3C Trace Context), or a word with at most four digits in a row. It is
logged and kept, so that anything else, in which a person's number could stand, is replaced."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that are logged and counted by name; callers can make up others."""

log = structlog.get_logger()


def watch_requests(app: Flask) -> None:
    """Give every request an id, and tell of every answer."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    """Take the caller's request id if it is one, else make one."""
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    """Log and count the answer under its route, in which no id stands."""
    route = request.url_rule.rule if request.url_rule else "none"
    seconds = time.perf_counter() - g.get("began", time.perf_counter())
    status = response.status_code
    method = method_name()
    metrics.requests_total.labels(route, method, status).inc()
    metrics.request_seconds.labels(route, f"{status // 100}xx").observe(seconds)
    refusal = g.get("refusal_code", "")
    if refusal:
        metrics.refusals_total.labels(refusal).inc()
    actor = g.get("actor")
    log.info(
        "request",
        request_id=g.get("request_id", ""),
        method=method,
        route=route,
        status=status,
        milliseconds=round(seconds * 1000, 1),
        client=actor.client_id if actor else "",
        refusal=refusal,
    )
    response.headers["X-Request-Id"] = g.get("request_id", "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def method_name() -> str:
    """Return the request's method if it is one that there is."""
    return request.method if request.method in _METHODS else "other"
