"""How hard the database is pressed: connections in use, and who waits for whom."""

from typing import Any

from sqlalchemy import Connection, Engine, event, text

from creditbank.gateways import metrics


def watch_pool(engine: Engine) -> None:
    """Keep count of the connections that are in use, for the operator's figures."""

    @event.listens_for(engine, "checkout")
    def _lent(*_what: Any) -> None:  # noqa: ANN401 - the driver's own
        metrics.pool_connections_in_use.inc()

    @event.listens_for(engine, "checkin")
    def _given_back(*_what: Any) -> None:  # noqa: ANN401 - the driver's own
        metrics.pool_connections_in_use.dec()


def lock_waiters(connection: Connection) -> int:
    """Return how many connections of this database wait for a lock now; on SQLite nobody can tell, and it is none."""
    if connection.dialect.name != "postgresql":
        return 0
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return int(connection.execute(query).scalar_one())
