"""Settings: everything that the environment can say, with the embedded defaults."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from environs import Env, EnvValidationError
from marshmallow.validate import OneOf, Range, Regexp

PREFIX = "CREDITBANK_"
"""How the name of every variable begins that the bank reads."""

VAR = Path("var")
"""Where the embedded default keeps its database and keys, below the working directory."""

NO_FILES = "none"
"""What stands for no folder."""

NOWHERE = "/dev/null"
"""What an empty CREDITBANK_KEYRING stands for: no file."""

NONE = "none"
"""What stands for no replica, and no pooler."""

POOLERS = (NONE, "transaction")
"""What may stand between the bank and PostgreSQL."""

PRODUCTION = "production"
"""The mode in which nothing starts with a setting that is dangerous where people rely on the bank."""

MODES = ("development", PRODUCTION)
"""What the bank is run for."""

POOL_SIZE_MAX = 1000
"""Connections of one process beyond which a server of PostgreSQL has long had none left."""

PROCESSES_MAX = 10_000
"""More server processes than any bank has."""

PROXIES_MAX = 10
"""More reverse proxies than stand behind each other anywhere."""

TRACES = (NONE, "otlp")
"""How traces may be sent."""

LOG_FORMATS = ("json", "console", NONE)
"""How log lines may look."""


class SettingsUnreadable(Exception):  # noqa: N818 - reads as what it is
    """Variables whose values are none of those that the bank takes; `rest` has the defaults in their place."""

    def __init__(self, names: tuple[str, ...], rest: "Settings") -> None:
        super().__init__(f"{', '.join(names)}: not a value that is taken here; creditbank config check explains it")
        self.names = names
        self.rest = rest


@dataclass(frozen=True, slots=True)
class Settings:
    """How this bank runs; each setting is read from the variable CREDITBANK_ and its name in capitals."""

    database_url: str = f"sqlite:///{VAR / 'creditbank.sqlite3'}"
    """SQLAlchemy address of the database: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME."""

    keyring: Path = VAR / "keyring.json"
    """File with the bank's secret keys, readable by its owner alone."""

    keyring_json: str = field(default="", repr=False)
    """The content of a keyring instead of its file, for secret stores that fill the environment."""

    cipher_suite: str = "aes-256-gcm"
    """What new keys are made for: aes-256-gcm with SHA-256, or sm4-gcm with SM3."""

    base_url: str = "http://127.0.0.1:8000"
    """Address under which the bank is reached; it names the issuer and audience of access tokens."""

    log_format: str = "json"
    """How log lines look: json for machines, console for people, none for no log at all."""

    erasures: Path = VAR / "erasures.jsonl"
    """File that remembers, outside the database, which accounts were erased; kept apart from its backups."""

    pool_size: int = 16
    """Database connections that one process keeps: as many as it has threads."""

    replica_url: str = "none"
    """Address of a streaming replica for reads that may lag; none for no replica."""

    replica_lag_seconds: float = 10.0
    """How far behind the primary the replica may be; when it is further, all reads go to the primary."""

    pooler: str = "none"
    """Pooler between the bank and PostgreSQL: transaction for one that lends connections for a transaction, or none."""

    lookups_a_day: int = 1000
    """How often a client may ask in a day whether somebody is a learner."""
    oidc_providers: str = "none"
    """JSON file with the OpenID providers by which learners and staff log in; none for no login."""

    trusted_issuers: str = "none"
    """JSON file with the issuers, beside the bank itself, whose credentials are believed; none for nobody."""

    contexts: Path = VAR / "contexts"
    """Folder with the JSON-LD contexts that were installed, without which there are no proofs of eddsa-rdfc-2022."""

    audit_days: int = 180
    """Days that a line of the audit log is kept at least; 180 or more, as the database refuses less."""

    log_folder: Path = VAR / "log"
    """Folder to which signed checkpoints of the log are written for a web server to hand out; none for no files."""

    log_origin: str = ""
    """Name of the log in its checkpoints, kept from the first on; address of the bank and /v1/log if left out."""

    webhooks_private: bool = False
    """Whether webhooks may be on this very machine, without TLS and on any port: for development and tests alone."""

    seal_seconds: int = 10
    """Seconds after which the worker looks again for entries to seal."""

    requests_a_minute: int = 12_000
    """What a client, a learner or a staff member may ask in a minute; dear requests count more than once."""

    address_requests_a_minute: int = 3_000
    """What may be asked in a minute from one address without a token."""

    tries_a_minute: int = 120
    """Wrong secrets, tokens and codes in a minute from one address."""

    exports_a_day: int = 100
    """Exports of everything about a learner that one caller may have in a day."""

    limits_store: str = field(default="memory://", repr=False)
    """Where it is counted what callers asked: redis://HOST:PORT/0 for several processes, memory:// for each alone."""

    metrics_token: str = field(default="", repr=False)
    """What has to be shown as a bearer token to read /metrics; if empty, anybody may who reaches the address."""

    otel: str = NONE
    """Traces for OpenTelemetry: otlp, which needs the extra packages, or none."""

    processes: int = 1
    """Server processes on all machines; each gives its share of a limit where it counts by itself."""

    proxies: int = 0
    """Reverse proxies in front of the server, whose X-Forwarded-For tells the address of who asks."""

    mode: str = MODES[0]
    """What the bank is run for: production, which refuses to start with a dangerous setting, or development."""
    import_mebibytes: int = 1024
    """Largest file that is imported, in MiB; a workbook is taken up to 64."""


def settings_from_environment() -> Settings:
    """Return the settings that the environment asks for, the defaults where it says nothing.

    Raises SettingsUnreadable, which names every variable whose value is none.
    """
    env = Env(prefix=PREFIX, eager=False)
    settings = _read(env)
    try:
        env.seal()
    except EnvValidationError as faulty:
        names = tuple(sorted(faulty.error_messages))
        fields_named = [name.removeprefix(PREFIX).lower() for name in names]
        default = Settings()
        rest = replace(settings, **{name: getattr(default, name) for name in fields_named})
        raise SettingsUnreadable(names, rest) from None
    return settings


def _read(env: Env) -> Settings:
    default = Settings()
    return Settings(
        database_url=env.str("DATABASE_URL", default.database_url),
        keyring=Path(env.str("KEYRING", str(default.keyring)) or NOWHERE),
        keyring_json=env.str("KEYRING_JSON", default.keyring_json),
        cipher_suite=env.str("CIPHER_SUITE", default.cipher_suite),
        base_url=env.str("BASE_URL", default.base_url).rstrip("/"),
        log_format=env.str("LOG_FORMAT", default.log_format, validate=OneOf(LOG_FORMATS)),
        erasures=Path(env.str("ERASURES", str(default.erasures))),
        pool_size=env.int("POOL_SIZE", default.pool_size, validate=Range(min=1, max=POOL_SIZE_MAX)),
        replica_url=env.str("REPLICA_URL", default.replica_url),
        replica_lag_seconds=env.float("REPLICA_LAG_SECONDS", default.replica_lag_seconds, validate=Range(min=0)),
        pooler=env.str("POOLER", default.pooler, validate=OneOf(POOLERS)),
        lookups_a_day=env.int("LOOKUPS_A_DAY", default.lookups_a_day, validate=Range(min=0)),
        oidc_providers=env.str("OIDC_PROVIDERS", default.oidc_providers),
        trusted_issuers=env.str("TRUSTED_ISSUERS", default.trusted_issuers),
        contexts=Path(env.str("CONTEXTS", str(default.contexts))),
        audit_days=env.int("AUDIT_DAYS", default.audit_days, validate=Range(min=default.audit_days)),
        log_folder=Path(env.str("LOG_FOLDER", str(default.log_folder))),
        log_origin=env.str("LOG_ORIGIN", default.log_origin, validate=Regexp(r"[^\s+]*\Z")),
        webhooks_private=env.bool("WEBHOOKS_PRIVATE", default.webhooks_private),
        seal_seconds=env.int("SEAL_SECONDS", default.seal_seconds, validate=Range(min=1)),
        requests_a_minute=env.int("REQUESTS_A_MINUTE", default.requests_a_minute, validate=Range(min=1)),
        address_requests_a_minute=env.int(
            "ADDRESS_REQUESTS_A_MINUTE", default.address_requests_a_minute, validate=Range(min=1)
        ),
        tries_a_minute=env.int("TRIES_A_MINUTE", default.tries_a_minute, validate=Range(min=1)),
        exports_a_day=env.int("EXPORTS_A_DAY", default.exports_a_day, validate=Range(min=1)),
        limits_store=env.str("LIMITS_STORE", default.limits_store),
        metrics_token=env.str("METRICS_TOKEN", default.metrics_token),
        otel=env.str("OTEL", default.otel, validate=OneOf(TRACES)),
        processes=env.int("PROCESSES", default.processes, validate=Range(min=1, max=PROCESSES_MAX)),
        proxies=env.int("PROXIES", default.proxies, validate=Range(min=0, max=PROXIES_MAX)),
        mode=env.str("MODE", default.mode, validate=OneOf(MODES)),
        import_mebibytes=env.int("IMPORT_MEBIBYTES", default.import_mebibytes, validate=Range(min=1)),
    )
