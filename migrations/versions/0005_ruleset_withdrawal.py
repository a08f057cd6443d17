"""Withdrawals of published rule sets: rows beside the versions, which never change, written once as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "ruleset_withdrawal"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["code", "version"], ["ruleset.code", "ruleset.version"], name="fk_ruleset_withdrawal_code"
        ),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["client.id"], name="fk_ruleset_withdrawal_withdrawn_by"),
        sa.PrimaryKeyConstraint("code", "version", name="pk_ruleset_withdrawal"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def downgrade() -> None:
    op.drop_table(TABLE)


def _guard_postgresql() -> None:
    for event in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_{event} BEFORE {event.upper()} ON {TABLE}"
            f" FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _guard_sqlite() -> None:
    for event in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_{event} BEFORE {event.upper()} ON {TABLE}"
            f" BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
        )
