"""What is written once stays: triggers refuse changes of the ledger, decisions, records, logs and published rules."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("entry", "decision", "outcome_revision", "audit", "scheme")

POSTGRESQL_FUNCTIONS = (
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE FUNCTION refuse_change_of_published() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.status = 'published' THEN
            RAISE EXCEPTION 'a published rule set never changes' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN COALESCE(NEW, OLD);
    END $$
    """,
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def downgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in (*APPEND_ONLY, "ruleset"):
        for event in ("update", "delete", "truncate") if is_postgresql else ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{event}" + (f" ON {table}" if is_postgresql else ""))
    if is_postgresql:
        op.execute("DROP FUNCTION refuse_change()")
        op.execute("DROP FUNCTION refuse_change_of_published()")


def _guard_postgresql() -> None:
    for function in POSTGRESQL_FUNCTIONS:
        op.execute(function)
    for table in (*APPEND_ONLY, "ruleset"):
        guard = "refuse_change_of_published" if table == "ruleset" else "refuse_change"
        for event in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()} ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION {guard}()"
            )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _guard_sqlite() -> None:
    for table in (*APPEND_ONLY, "ruleset"):
        condition = " WHEN OLD.status = 'published'" if table == "ruleset" else ""
        for event in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()} ON {table}{condition}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
