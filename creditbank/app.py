"""The one place where the parts are joined: settings, keys and database become a bank, and a bank a web application."""

import gc
from datetime import UTC, datetime
from typing import Any, NoReturn

import structlog
import uuid_utils.compat
from flask import Flask

from creditbank import __version__
from creditbank.api import (
    batches,
    cases,
    conversions,
    correction_requests,
    decisions,
    erasures,
    learners,
    operations,
    outcomes,
    plans,
    programmes,
    registries,
    rights,
    rulesets,
    statements,
    tokens,
)
from creditbank.api.observing import watch_requests
from creditbank.api.problems import register_problems
from creditbank.api.resource import documented_api
from creditbank.config import Settings, settings_from_environment
from creditbank.gateways.keyring import create_keyring, open_keyring
from creditbank.services.bank import Bank
from creditbank.storage.database import Database

BODY_BYTES_MAX = batches.BODY_BYTES_MAX
"""No request is read beyond the largest that any resource takes."""

RESOURCES = (
    tokens.tokens,
    learners.resource,
    outcomes.resource,
    batches.resource,
    statements.resource,
    decisions.resource,
    rulesets.resource,
    registries.resource,
    programmes.resource,
    conversions.resource,
    cases.resource,
    plans.resource,
    rights.resource,
    correction_requests.resource,
    erasures.resource,
    operations.resource,
)


def create_bank(settings: Settings) -> Bank:
    """Return the bank that the settings describe; a keyring is made where there is none yet."""
    if not settings.keyring.exists():
        settings.keyring.parent.mkdir(parents=True, exist_ok=True)
        create_keyring(settings.keyring)
    return Bank(
        database=Database(settings.database_url, pool_size=settings.pool_size),
        keyring=open_keyring(settings.keyring),
        clock=lambda: datetime.now(UTC),
        new_id=uuid_utils.compat.uuid7,
        erasures=settings.erasures,
    )


def _calm_collector() -> None:
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
    app = Flask("creditbank", static_folder=None)
    app.config.update(
        ISSUER=settings.base_url,
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        API_TITLE="creditbank",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS=_spec_options(),
    )
    app.extensions["creditbank"] = bank or create_bank(settings)
    watch_requests(app)
    register_problems(app)
    tokens.register_token_endpoint(app)
    api = documented_api(app)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    operations.register_documentation(app, api)
    _calm_collector()
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
