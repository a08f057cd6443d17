"""Settings: everything that the environment can say, with the embedded defaults."""

from dataclasses import dataclass
from pathlib import Path

from environs import Env

VAR = Path("var")
"""Where the embedded default keeps its database and keys, below the working directory."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How this bank runs; each setting is read from the variable CREDITBANK_ and its name in capitals."""

    database_url: str = f"sqlite:///{VAR / 'creditbank.sqlite3'}"
    """SQLAlchemy address of the database: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME."""

    keyring: Path = VAR / "keyring.json"
    """File with the bank's secret keys, readable by its owner alone."""

    base_url: str = "http://127.0.0.1:8000"
    """Address under which the bank is reached; it names the issuer and audience of access tokens."""

    log_format: str = "json"
    """How log lines look: json for machines, console for people, none for no log at all."""

    erasures: Path = VAR / "erasures.jsonl"
    """File that remembers, outside the database, which accounts were erased; kept apart from its backups."""

    pool_size: int = 16
    """Database connections that one process keeps: as many as it has threads."""


def settings_from_environment() -> Settings:
    """Return the settings that the environment asks for, the defaults where it says nothing."""
    env = Env(prefix="CREDITBANK_")
    default = Settings()
    return Settings(
        database_url=env.str("DATABASE_URL", default.database_url),
        keyring=Path(env.str("KEYRING", str(default.keyring))),
        base_url=env.str("BASE_URL", default.base_url).rstrip("/"),
        log_format=env.str("LOG_FORMAT", default.log_format),
        erasures=Path(env.str("ERASURES", str(default.erasures))),
        pool_size=env.int("POOL_SIZE", default.pool_size),
    )
