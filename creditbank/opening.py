"""Settings become a bank: keys and database, its log, and how the process that works with it behaves."""

import gc
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import structlog
import uuid_utils.compat

from creditbank.config import NO_FILES, NONE, NOWHERE, PRODUCTION, Settings
from creditbank.gateways.keyring import KeyringUnusable, Keys
from creditbank.gateways.keyring_source import GivenKeyring, KeyringFile, create_keyring
from creditbank.gateways.suites import SUITES, Suite
from creditbank.services.bank import Bank
from creditbank.services.sealing import Log
from creditbank.soundness import concerns_in_database, concerns_of
from creditbank.soundness.values import SettingsDangerous
from creditbank.storage.database import Database
from creditbank.storage.replica import Replica

log_lines = structlog.get_logger()


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
