"""What operators ask: is it alive, is it ready, how is it doing; and for everybody the API document and the schema."""

import hmac

import marshmallow
from flask import Flask, Response, current_app, request
from flask_swagger_ui import get_swaggerui_blueprint

from creditbank.api.caller import bank
from creditbank.api.documentation import served_document
from creditbank.api.limits import tried
from creditbank.api.problems import problem
from creditbank.api.resource import Documented, Resource, answered
from creditbank.core.errors import Fault
from creditbank.formats.ruleset_schema import ruleset_schema
from creditbank.formats.signing import InvalidToken
from creditbank.formats.strict_json import text_of
from creditbank.services import health

resource = Resource("Operation", __name__, description="Health and figures")

KEPT = {"Cache-Control": "public, max-age=3600"}
"""How long the schema of rule sets may be kept: an hour, since it changes only with the program."""

NOT_READY = Fault("", "not_ready", "数据库未就绪。", "The database does not answer, or its schema is not up to date.")


class HealthOut(marshmallow.Schema):
    """Whether the bank is there."""

    status = marshmallow.fields.String(required=True)


@resource.route("/healthz")
@resource.doc(security=[])
@resource.response(200, HealthOut)
def healthz() -> Response:
    """Tell that the process lives."""
    return answered({"status": "ok"})


@resource.route("/readyz")
@resource.doc(security=[])
@resource.response(200, HealthOut)
@resource.alt_response(503, "SERVICE_UNAVAILABLE")
def readyz() -> Response:
    """Tell whether requests can be served: the database answers, its schema is this version's or a newer one's."""
    if not health.is_able(bank()):
        return problem(503, "not_ready", "Not ready", (NOT_READY,))
    return answered({"status": "ready"})


@resource.route("/metrics")
@resource.doc(security=[{}, {"token": []}])
@resource.response(200, {"type": "string"}, content_type="text/plain")
def metrics() -> Response:
    """Show the figures of the server's processes and of what waits, in Prometheus' text form.

    Where CREDITBANK_METRICS_TOKEN is set it has to be shown as the bearer token.
    """
    _check_operator(current_app.config["METRICS_TOKEN"])
    text, content_type = health.figures(bank())
    return Response(text, content_type=content_type)


def _check_operator(wanted: str) -> None:
    """Let only the operator's monitoring see the figures. Refused: InvalidToken, TooMany."""
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if wanted and not hmac.compare_digest(shown.encode(), wanted.encode()):
        tried()
        zh, en = "请出示监控令牌。", "Show the token of the monitoring."
        raise InvalidToken((Fault("", "invalid_token", zh, en),))


def register_documentation(app: Flask, api: Documented) -> None:
    """Serve the API document at /openapi.json and as pages at /docs, which need no network; and the rules' schema."""
    document, schema = served_document(api), text_of(ruleset_schema())
    app.add_url_rule("/openapi.json", "openapi", lambda: answered(document))
    app.add_url_rule(
        "/ruleset.schema.json",
        "ruleset_schema",
        lambda: Response(schema, content_type="application/schema+json", headers=KEPT),
    )
    pages = get_swaggerui_blueprint("/docs", "/openapi.json", config={"app_name": "creditbank", "validatorUrl": None})
    app.register_blueprint(pages)
    app.add_url_rule("/docs", "docs", lambda: app.redirect("/docs/"))
