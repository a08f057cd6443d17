"""A span for every request, with its route and what came of it; never its address, in which codes and ids stand."""

from flask import Flask, Response, g, request

from creditbank.api.observing import method_name
from creditbank.gateways.tracing import Tracer


def trace_requests(app: Flask, tracer: Tracer | None) -> None:
    """Begin a span with every request and end it with its answer, if there is a tracer."""
    if tracer is None:
        return

    def begin() -> None:
        g.span = tracer.begun(dict(request.headers))

    app.before_request(begin)
    app.after_request(_tell)
    app.teardown_request(_end)


def _tell(response: Response) -> Response:
    """Say what the request was and what came of it."""
    route = request.url_rule.rule if request.url_rule else "none"
    span, method = g.span, method_name()
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", response.status_code)
    span.set_attribute("creditbank.request_id", g.get("request_id", ""))
    span.set_attribute("creditbank.refusal", g.get("refusal_code", ""))
    return response


def _end(_error: BaseException | None) -> None:
    """Say that the request is over."""
    if "span" in g:
        g.span.end()
