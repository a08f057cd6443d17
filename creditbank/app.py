"""The one place where the parts are joined: a bank becomes a web application."""

import threading
from typing import Any

from flask import Flask

from creditbank import __version__
from creditbank.api import (
    audit,
    award_cases,
    batches,
    cases,
    consents,
    conversions,
    correction_requests,
    credential_checks,
    credential_imports,
    credential_presentations,
    credentials,
    decisions,
    delegations,
    erasures,
    events,
    guardians,
    identity,
    import_results,
    import_templates,
    imports,
    institutions,
    learners,
    log,
    logins,
    lookups,
    operations,
    outcomes,
    papers,
    plans,
    programmes,
    proxies,
    qualifications,
    regions,
    registries,
    reports,
    rights,
    rulesets,
    staff,
    statements,
    statistics,
    tokens,
    transcripts,
    webhooks,
)
from creditbank.api.caller import open_endpoints
from creditbank.api.forwarding import stand_behind
from creditbank.api.limits import limit_requests
from creditbank.api.observing import watch_requests
from creditbank.api.positions import tell_positions
from creditbank.api.problems import register_problems
from creditbank.api.resource import documented_api
from creditbank.api.tracing import trace_requests
from creditbank.config import NONE, Settings, settings_from_environment
from creditbank.formats.credential_context import context_address, context_document
from creditbank.formats.linked_data import Contexts
from creditbank.gateways import metrics
from creditbank.gateways.context_folder import open_contexts
from creditbank.gateways.issuer_file import open_issuers
from creditbank.gateways.oidc import open_providers
from creditbank.gateways.tracing import open_tracer
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.opening import calm_collector, check_for_production, configure_logging, create_bank
from creditbank.services.bank import Bank

BODY_BYTES_MAX = batches.BODY_BYTES_MAX
"""No request is read beyond the largest that any resource takes."""

RESOURCES = (
    tokens.tokens,
    logins.entrance,
    logins.resource,
    learners.resource,
    identity.resource,
    lookups.resource,
    consents.resource,
    guardians.resource,
    outcomes.resource,
    batches.resource,
    imports.resource,
    import_templates.resource,
    import_results.resource,
    transcripts.resource,
    statements.resource,
    events.resource,
    log.resource,
    log.statement_resource,
    decisions.resource,
    rulesets.resource,
    institutions.resource,
    delegations.resource,
    regions.resource,
    registries.resource,
    statistics.resource,
    reports.resource,
    programmes.resource,
    conversions.resource,
    cases.resource,
    credentials.resource,
    papers.resource,
    credential_checks.resource,
    credential_imports.resource,
    credential_presentations.resource,
    qualifications.resource,
    award_cases.resource,
    plans.resource,
    staff.resource,
    proxies.resource,
    audit.resource,
    rights.resource,
    correction_requests.resource,
    erasures.resource,
    webhooks.resource,
    operations.resource,
)


def create_app(settings: Settings | None = None, bank: Bank | None = None) -> Flask:
    """Return the web application; without arguments it is that of the environment."""
    settings = settings or settings_from_environment()
    configure_logging(settings.log_format)
    check_for_production(settings)
    app = Flask("creditbank", static_folder=None)
    app.config.update(
        ISSUER=settings.base_url,
        LOOKUPS_A_DAY=settings.lookups_a_day,
        METRICS_TOKEN=settings.metrics_token,
        IMPORT_BYTES_MAX=settings.import_mebibytes * 1024 * 1024,
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        API_TITLE="creditbank",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS=_spec_options(),
    )
    app.extensions["creditbank"] = bank or create_bank(settings)
    app.extensions[events.WAITERS] = threading.BoundedSemaphore(max(1, settings.pool_size // 2))
    app.extensions[webhooks.LOOKERS] = threading.BoundedSemaphore(max(1, settings.pool_size // 4))
    app.extensions[webhooks.SENDER] = WebhookSender(settings.webhooks_private)
    app.extensions["creditbank.providers"] = open_providers(settings.oidc_providers)
    app.extensions["creditbank.trusted_issuers"] = open_issuers(settings.trusted_issuers, NONE)
    own = {context_address(settings.base_url): context_document(settings.base_url)}
    app.extensions["creditbank.contexts"] = Contexts({**open_contexts(settings.contexts), **own})
    metrics.pool_connections_max.set(settings.pool_size * (1 if settings.replica_url == NONE else 2))
    watch_requests(app)
    trace_requests(app, open_tracer(settings.otel, NONE, __version__))
    tell_positions(app)
    register_problems(app)
    tokens.register_token_endpoint(app)
    api = documented_api(app)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    operations.register_documentation(app, api)
    limit_requests(app, settings, open_endpoints(app))
    stand_behind(app, settings.proxies)
    calm_collector()
    return app


def _spec_options() -> dict[str, Any]:
    """Return what the API document says of the whole."""
    return {
        "info": {
            "description": "The open backend of a lifelong-learning credit bank (终身学习学分银行).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}],
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "client": {"type": "http", "scheme": "basic", "description": "Client id and secret"},
            }
        },
    }
