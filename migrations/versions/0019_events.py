"""The outbox, events in the order in which they were numbered, webhooks and what is sent to them."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
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
    _webhooks()


def downgrade() -> None:
    for table in ("webhook_delivery", "webhook", "event_reader", "event", "outbox"):
        op.drop_table(table)


def _webhooks() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("types", sa.String(length=500), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("disabled_for", sa.String(length=16), nullable=True),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_secret_before", sa.LargeBinary(), nullable=True),
        sa.Column("before_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_slow", sa.Boolean(name="is_slow"), nullable=False),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replay_after", sa.BigInteger(), nullable=True),
        sa.Column("replay_until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('enabled', 'disabled')", name=op.f("ck_webhook_state")),
        sa.CheckConstraint("(state = 'disabled') = (disabled_for IS NOT NULL)", name=op.f("ck_webhook_says_why")),
        sa.CheckConstraint(
            "(sealed_secret_before IS NULL) = (before_until IS NULL)", name=op.f("ck_webhook_secret_before")
        ),
        sa.CheckConstraint("(replay_after IS NULL) = (replay_until IS NULL)", name=op.f("ck_webhook_replay")),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_webhook_failures")),
        sa.PrimaryKeyConstraint("id", name="pk_webhook"),
    )
    op.create_index("ix_webhook_institution_id", "webhook", ["institution_id"])
    op.create_table(
        "webhook_delivery",
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=True),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("fault", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'dead', 'withheld')", name=op.f("ck_webhook_delivery_state")
        ),
        sa.CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name=op.f("ck_webhook_delivery_ended")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_webhook_delivery_attempts")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_webhook_delivery_number")),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], name="fk_webhook_delivery_webhook_id"),
        sa.PrimaryKeyConstraint("webhook_id", "id", name="pk_webhook_delivery"),
    )
    op.create_index(
        "ix_webhook_delivery_webhook_id_state_number", "webhook_delivery", ["webhook_id", "state", "number"]
    )
    op.create_index(
        "ix_webhook_delivery_webhook_id_learner_id_number", "webhook_delivery", ["webhook_id", "learner_id", "number"]
    )
    op.create_index("ix_webhook_delivery_ended_at", "webhook_delivery", ["ended_at"])
