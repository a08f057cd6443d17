"""The seal: which entries wait for it, leaves and nodes of the tree, signed checkpoints and the keys that sign them.

Entries from before are queued when the log begins. A process of the version before goes on writing entries without
queueing them: after the last of them has stopped, `creditbank worker --find-missed` queues what it wrote.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

APPEND_ONLY = ("log_leaf", "log_node", "checkpoint", "log_key")


def upgrade() -> None:
    op.create_table(
        "unsealed_entry",
        *_entry_key(),
        sa.PrimaryKeyConstraint("learner_id", "scheme", "seq", name="pk_unsealed_entry"),
    )
    op.create_table(
        "log_leaf",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        *_entry_key(),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_log_leaf_position")),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_log_leaf_hash")),
        sa.UniqueConstraint("learner_id", "scheme", "seq", name="uq_log_leaf_learner_id_scheme_seq"),
        sa.PrimaryKeyConstraint("position", name="pk_log_leaf"),
    )
    op.create_index("ix_log_leaf_hash", "log_leaf", ["hash"], postgresql_using="hash")
    op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("level > 0 AND level % 8 = 0", name=op.f("ck_log_node_level")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_log_node_number")),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_log_node_hash")),
        sa.PrimaryKeyConstraint("level", "number", name="pk_log_node"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_checkpoint_size")),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_checkpoint_root")),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoint"),
    )
    op.create_table(
        "log_key",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("vkey", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_key"),
    )
    _guard()


def downgrade() -> None:
    for table in (*reversed(APPEND_ONLY), "unsealed_entry"):
        op.drop_table(table)


def _entry_key() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
    )


def _guard() -> None:
    """Let leaves, nodes, checkpoints and keys be written once; triggers go with their tables."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in APPEND_ONLY:
        for event in ("update", "delete"):
            head = f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()} ON {table}"
            if is_postgresql:
                op.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
            else:
                op.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
        if is_postgresql:
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
