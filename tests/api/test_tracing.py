"""Traces tell of a request its route and what came of it, and nothing that a caller made up or that opens a link."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask

from creditbank.api.observing import watch_requests
from creditbank.api.problems import register_problems
from creditbank.api.tracing import trace_requests
from creditbank.app import create_app
from creditbank.config import Settings
from creditbank.gateways.tracing import TracingUnusable, has_packages
from tests.builders import BASE_URL, House


@dataclass
class Kept:
    """A tracer that keeps what it is told; each span stands for itself."""

    spans: list[dict[str, Any]] = field(default_factory=list)

    def begun(self, headers: Mapping[str, str]) -> "KeptSpan":
        self.spans.append({"parent": headers.get("Traceparent", ""), "ended": 0})
        return KeptSpan(self.spans[-1])


@dataclass
class KeptSpan:
    """One span of it."""

    said: dict[str, Any]

    def set_attribute(self, key: str, value: str | int) -> None:
        self.said[key] = value

    def update_name(self, name: str) -> None:
        self.said["name"] = name

    def end(self) -> None:
        self.said["ended"] += 1


@pytest.fixture
def engine_name() -> str:
    """Ask on one engine alone: traces know nothing of it."""
    return "sqlite"


def test_a_request_leaves_one_span_without_ids_and_codes() -> None:
    app, kept = Flask("traced"), Kept()
    watch_requests(app)
    trace_requests(app, kept)
    register_problems(app)
    app.add_url_rule("/verify/<code>", "opened", lambda code: f"shown {code}")
    app.add_url_rule("/broken", "broken", lambda: {}["nothing"])
    http = app.test_client()
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    http.get("/verify/abcdef?name=E12345678", headers={"traceparent": parent})
    http.get("/nowhere/E12345678")
    http.get("/broken")
    http.open("/verify/abcdef", method="E12345678")
    assert [one["name"] for one in kept.spans] == ["GET /verify/<code>", "GET none", "GET /broken", "other none"]
    assert [one["http.response.status_code"] for one in kept.spans] == [200, 404, 500, 405]
    assert [one["parent"] for one in kept.spans] == [parent, "", "", ""]
    assert [one["ended"] for one in kept.spans] == [1] * 4
    assert not [word for word in ("abcdef", "E12345678") if word in str(kept.spans)]


@pytest.mark.skipif(has_packages(), reason="OpenTelemetry is installed here")
def test_traces_that_are_asked_for_without_the_packages_are_refused_with_what_to_do(house: House) -> None:
    with pytest.raises(TracingUnusable, match=r"creditbank\[otel\]"):
        create_app(replace(Settings(base_url=BASE_URL), otel="otlp"), house.bank)
