"""Credentials of awards of qualifications, beside those of outcomes, balances and conversions."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BEFORE = "kind IN ('outcome', 'balance', 'conversion')"
AFTER = "kind IN ('outcome', 'balance', 'conversion', 'qualification')"


def upgrade() -> None:
    _check(BEFORE, AFTER)


def downgrade() -> None:
    theirs = "SELECT 1 FROM credential WHERE kind = 'qualification'"
    same = "credential.learner_id = credential_share.learner_id AND credential.id = credential_share.credential_id"
    op.execute(f"DELETE FROM credential_share WHERE EXISTS ({theirs} AND {same})")  # noqa: S608 - fixed text
    op.execute("DELETE FROM credential WHERE kind = 'qualification'")
    _check(AFTER, BEFORE)


def _check(before: str, after: str) -> None:
    """Let the table hold other kinds; on PostgreSQL it is locked for one look through its rows."""
    if op.get_bind().dialect.name == "sqlite":
        _rewrite(before, after)
        return
    op.execute("ALTER TABLE credential DROP CONSTRAINT ck_credential_kind")
    op.execute(f"ALTER TABLE credential ADD CONSTRAINT ck_credential_kind CHECK ({after}) NOT VALID")
    op.execute("ALTER TABLE credential VALIDATE CONSTRAINT ck_credential_kind")


def _rewrite(before: str, after: str) -> None:
    """Change the constraint in the table's own text, which is how SQLite wants it where no row has to change.

    A copy in place of the table would take the rows away to which those of other tables refer.
    Source: https://www.sqlite.org/lang_altertable.html, "Making other kinds of table schema changes".
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = 'credential' AND instr(sql, ?) > 0",
        (before, after, before),
    )
    assert changed.rowcount == 1, "the table has the constraint that is changed"
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
