"""The one place where the parts are joined: settings, keys and database become a bank, and a bank a web application."""

import gc
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import structlog
import uuid_utils.compat
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
from creditbank.config import NO_FILES, NONE, NOWHERE, PRODUCTION, Settings, settings_from_environment
from creditbank.formats.credential_context import context_address, context_document
from creditbank.formats.linked_data import Contexts
from creditbank.gateways import metrics
from creditbank.gateways.context_folder import open_contexts
from creditbank.gateways.issuer_file import open_issuers
from creditbank.gateways.keyring import KeyringUnusable, Keys
from creditbank.gateways.keyring_source import GivenKeyring, KeyringFile, create_keyring
from creditbank.gateways.oidc import open_providers
from creditbank.gateways.suites import SUITES, Suite
from creditbank.gateways.tracing import open_tracer
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.services.bank import Bank
from creditbank.services.sealing import Log
from creditbank.soundness import concerns_in_database, concerns_of
from creditbank.soundness.values import SettingsDangerous
from creditbank.storage.database import Database
from creditbank.storage.replica import Replica

BODY_BYTES_MAX = batches.BODY_BYTES_MAX
"""No request is read beyond the largest that any resource takes."""

log_lines = structlog.get_logger()

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


def check_for_production(settings: Settings) -> None:
    """Let a bank that people rely on not start with dangerous settings; log what is worth knowing of the others.

    Raises SettingsDangerous with all reasons. In development nothing is asked.
    """
    if settings.mode != PRODUCTION:
        return
    found = concerns_of(settings, os.environ)
    hindering = [one for one in found if one.hinders(in_production=True)]
    if not hindering:
        opened = create_bank(settings)
        hindering = concerns_in_database(opened)
        opened.database.close()
    if hindering:
        raise SettingsDangerous(hindering)
    for one in found:
        log_lines.warning("setting", variable=one.variable, notice=one.en)


def create_bank(settings: Settings) -> Bank:
    """Return the bank that the settings describe. Raises KeyringUnusable."""
    has_pooler = settings.pooler != NONE
    primary = Database(settings.database_url, pool_size=settings.pool_size, has_pooler=has_pooler)
    replica = None
    if settings.replica_url != NONE:
        copy = Database(settings.replica_url, pool_size=settings.pool_size, has_pooler=has_pooler)
        replica = Replica(copy, primary, settings.replica_lag_seconds)
    return Bank(
        database=primary,
        replica=replica,
        keys=keys_of(settings),
        clock=lambda: datetime.now(UTC),
        new_id=uuid_utils.compat.uuid7,
        erasures=settings.erasures,
    )


def log_of(settings: Settings, bank: Bank) -> Log:
    """Return the log that the settings describe."""
    origin = settings.log_origin or settings.base_url.partition("://")[2] + "/v1/log"
    return Log(bank, origin, None if settings.log_folder == Path(NO_FILES) else settings.log_folder)


def keys_of(settings: Settings) -> Keys:
    """Return where the settings say that the keys are; outside production a file is made. Raises KeyringUnusable."""
    suite = suite_named(settings.cipher_suite)
    is_file_named = settings.keyring not in (Settings().keyring, Path(NOWHERE))
    if settings.keyring_json and is_file_named:
        message = "CREDITBANK_KEYRING and CREDITBANK_KEYRING_JSON are both set: keep the one with the keys to be used"
        raise KeyringUnusable(message)
    if settings.keyring_json:
        return GivenKeyring(settings.keyring_json, "CREDITBANK_KEYRING_JSON")
    if settings.keyring == Path(NOWHERE):
        message = "there is no keyring: set CREDITBANK_KEYRING to its file, or CREDITBANK_KEYRING_JSON to its content"
        raise KeyringUnusable(message)
    if not settings.keyring.exists() and settings.mode != PRODUCTION:
        settings.keyring.parent.mkdir(parents=True, exist_ok=True)
        create_keyring(settings.keyring, suite)
    return KeyringFile(settings.keyring, suite)


def suite_named(name: str) -> Suite:
    """Return the cipher suite of this name. Raises KeyringUnusable."""
    if name not in SUITES:
        message = f"there is no cipher suite {name}: set CREDITBANK_CIPHER_SUITE to one of {', '.join(SUITES)}"
        raise KeyringUnusable(message)
    return SUITES[name]


def calm_collector() -> None:
    """Let Python's cycle collector look less often, and never again at what was loaded at the start.

    A batch makes some hundred thousand objects, none of them in cycles; with the defaults a tenth of its time went
    into looking for those.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


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


def configure_logging(log_format: str) -> None:
    """Write log lines to standard output, as JSON or for people."""
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if log_format == "none":
        structlog.configure(processors=[_dropped])
        return
    if log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        cache_logger_on_first_use=True,
    )


def _dropped(_logger: object, _method: str, _event: object) -> NoReturn:
    """Write no log line, where the console belongs to something else."""
    raise structlog.DropEvent


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
