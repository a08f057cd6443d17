"""How much callers may ask: by client where the token says who it is, by address where nobody does.

A request costs one unit, a dear one several, a batch one for each hundred rows. What is wrong (secrets, tokens, codes
of links) is counted by address on its own, so that nobody finds one by trying. Exports have a budget of the day beside
it, as lookups have theirs in `services/lookups`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, Response, current_app, g, request

from creditbank.config import Settings
from creditbank.core.errors import Fault, TooMany
from creditbank.gateways import metrics
from creditbank.gateways.budgets import Budget, Budgets, Spent

MINUTE, DAY = 60, 86_400

ROWS_A_UNIT = 100
"""Rows of a batch that cost one unit: they are booked in the time of some requests."""

COSTS: Mapping[str, int] = {
    "Access.token": 5,  # a secret takes 20 ms to be checked
    "Conversions.apply": 20,
    "Conversions.resubmit": 20,
    "CredentialImports.post_import": 10,
    "ImportResults.import_rejects": 10,
    "ImportTemplates.import_template": 10,
    "Imports.preview_import": 20,
    "Imports.send_import": 20,
    "Papers.paper": 20,
    "Planner.plan": 50,
    "Reports.show_handling": 20,
    "Reports.show_reasons": 20,
    "Rights.export": 20,
    "Rule sets.check_ruleset": 20,
    "Rule sets.draft": 10,
    "Rule sets.impact": 50,
    "Rule sets.publish_ruleset": 20,
    "Statistics.show_statistics": 20,
    "Transcripts.elmo": 10,
    "Transcripts.post_elmo": 10,
    "Webhooks.change_webhook": 20,  # a name may take seconds to be found
    "Webhooks.register_webhook": 20,
    "Webhooks.replay_webhook": 20,
    "Webhooks.test_webhook": 10,
    "Verification.verify_credential": 5,
}
"""Units that a request costs which takes much longer than a read; all others cost one."""

EXPORTS = frozenset({"Rights.export"})
"""What counts against the budget of exports as well."""

FREE = frozenset({"Operation.healthz", "Operation.readyz"})
"""What is never refused: a probe that is would have a bank restarted which only has much to do."""

_GUESSED = {
    "Access.token": frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}),
    "Login.link_login": frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}),
    "Verification.opened": frozenset({HTTPStatus.NOT_FOUND}),
}
"""Answers without a token by which a guess is seen to be wrong."""

GUESSED = frozenset(_GUESSED)


@dataclass(frozen=True, slots=True)
class Limits:
    """The budgets of everybody, and who asks for them without a token."""

    budgets: Budgets
    requests: Budget
    address_requests: Budget
    tries: Budget
    exports: Budget
    open_endpoints: frozenset[str]


def limit_requests(app: Flask, settings: Settings, open_endpoints: frozenset[str]) -> None:
    """Count what is asked of the app, and refuse what is too much. Raises StoreUnusable."""
    app.extensions["creditbank.limits"] = limits_of(settings, open_endpoints)
    app.before_request(_admit_nobody)
    app.after_request(_finish)


def limits_of(settings: Settings, open_endpoints: frozenset[str]) -> Limits:
    """Return the budgets that the settings give. Raises StoreUnusable."""
    return Limits(
        Budgets(settings.limits_store, settings.processes),
        Budget("requests", settings.requests_a_minute, MINUTE),
        Budget("address", settings.address_requests_a_minute, MINUTE),
        Budget("tries", settings.tries_a_minute, MINUTE),
        Budget("exports", settings.exports_a_day, DAY),
        open_endpoints,
    )


def admit(name: str) -> None:
    """Count the request of a caller who has shown who it is. Refused: TooMany."""
    limits, endpoint = _limits(), request.endpoint or ""
    _spend(limits.requests, name, COSTS.get(endpoint, 1))
    if endpoint in EXPORTS:
        _spend(limits.exports, name)


def admit_rows(name: str, rows: int) -> None:
    """Count the rows of a batch beside the request itself. Refused: TooMany."""
    if rows >= ROWS_A_UNIT:
        _spend(_limits().requests, name, rows // ROWS_A_UNIT)


def admit_without_token() -> None:
    """Count a request that shows no token where one is needed, by its address. Refused: TooMany."""
    _spend(_limits().address_requests, _address())


def tried() -> None:
    """Count a token that is none. Refused: TooMany, which is no wrong try any more."""
    _spend(_limits().tries, _address())


def _admit_nobody() -> None:
    """Count a request that needs no token by its address. Refused: TooMany."""
    limits, endpoint = _limits(), request.endpoint
    if endpoint in FREE or (endpoint is not None and endpoint not in limits.open_endpoints):
        return
    address = _address()
    if endpoint in GUESSED:
        _spend(limits.tries, address, 0)
    _spend(limits.address_requests, address, COSTS.get(endpoint or "", 1))


def _finish(response: Response) -> Response:
    """Count a wrong guess, and tell how much is left."""
    if response.status_code in _GUESSED.get(request.endpoint or "", ()):
        _limits().budgets.spend(_limits().tries, _address())
    spent: Spent | None = g.get("spent")
    if spent is not None:
        response.headers["RateLimit-Policy"] = f'"{spent.budget.name}";q={spent.budget.units};w={spent.budget.seconds}'
        after = "" if spent.is_within else f";t={spent.retry_seconds}"
        response.headers["RateLimit"] = f'"{spent.budget.name}";r={spent.units_left}{after}'
    return response


def _spend(budget: Budget, who: str, cost: int = 1) -> None:
    """Use units of a caller's budget. Refused: TooMany."""
    spent = _limits().budgets.spend(budget, who, cost)
    if cost:
        g.spent = spent
    if spent.is_within:
        return
    g.spent = spent
    metrics.budget_refusals_total.labels(budget.name).inc()
    seconds = spent.retry_seconds
    zh = f"请求过多，额度已用完；请在 {seconds} 秒后重试，批量提交可少用额度。"
    en = f"These are too many requests; try again in {seconds} seconds. Batches use less of the budget."
    raise TooMany((Fault("", "too_many_requests", zh, en),), seconds)


def _limits() -> Limits:
    found: Limits = current_app.extensions["creditbank.limits"]
    return found


def _address() -> str:
    """Return whose address it is; of IPv6 the network of 64 bits, of which a caller has all."""
    given = request.remote_addr or ""
    try:
        number = ip_address(given)
    except ValueError:
        return "unknown"
    if isinstance(number, IPv6Address):
        return str(number.ipv4_mapped or ip_network((number, 64), strict=False))
    return str(number)
