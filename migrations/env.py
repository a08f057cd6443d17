"""Alembic's environment: runs on the connection that it is given, or on the database of the settings."""

from alembic import context
from sqlalchemy import Connection

from creditbank.config import settings_from_environment
from creditbank.storage import catalogue
from creditbank.storage.database import Database


def run(connection: Connection) -> None:
    """Run the migrations in one transaction."""
    context.configure(connection=connection, target_metadata=catalogue, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


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
