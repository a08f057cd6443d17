"""The outbox, and events in the order in which they were numbered."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    if op.get_bind().dialect.name == "postgresql":  # a batch's events are a few megabytes; pressing them takes longer
        op.execute("ALTER TABLE outbox ALTER COLUMN events SET STORAGE EXTERNAL")
    op.create_table(
        "event",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("numbered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_event_number")),
        sa.PrimaryKeyConstraint("number", name="pk_event"),
        sa.UniqueConstraint("id", name="uq_event_id"),
    )
    op.create_index("ix_event_numbered_at", "event", ["numbered_at"])
    op.create_table(
        "event_reader",
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("basis", sa.String(length=16), nullable=False),
        sa.CheckConstraint("basis IN ('issued', 'part', 'known', 'consent')", name=op.f("ck_event_reader_basis")),
        sa.PrimaryKeyConstraint("institution_id", "number", name="pk_event_reader"),
    )
    op.create_index("ix_event_reader_number", "event_reader", ["number"])


def downgrade() -> None:
    for table in ("event_reader", "event", "outbox"):
        op.drop_table(table)
