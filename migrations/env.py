"""Alembic's environment: runs on the connection that it is given, or on the database of the settings."""

from alembic import context
from sqlalchemy import Connection

from creditbank.config import settings_from_environment
from creditbank.storage import catalogue
from creditbank.storage.database import Database

LOCK_SECONDS = 5
"""How long a migration waits for a table before it gives up, to be tried again at a quieter time."""


def run(connection: Connection) -> None:
    """Run the migrations in one transaction."""
    context.configure(connection=connection, target_metadata=catalogue, render_as_batch=True)
    is_postgresql = connection.dialect.name == "postgresql"
    with context.begin_transaction():
        if is_postgresql:  # whoever waits for a table's lock keeps all who come later waiting, too
            connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        context.run_migrations()
        if is_postgresql:
            connection.exec_driver_sql("RESET lock_timeout")


given = context.config.attributes.get("connection")
if given is not None and not isinstance(given, Connection):
    with given.connect() as opened:
        run(opened)
        opened.commit()
elif given is not None:
    run(given)
else:
    with Database(settings_from_environment().database_url).transaction() as opened:
        run(opened)
