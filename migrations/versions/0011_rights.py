"""A learner's rights: requests for correction and erasure, what names were before, and whose a kept answer is."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("kept_answer", sa.Column("subject", sa.String(length=200), nullable=True))
    op.create_table(
        "correction_request",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=True),
        sa.Column("field", sa.String(length=16), nullable=True),
        sa.Column("sealed_says", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_wants", sa.LargeBinary(), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(outcome_id IS NULL) <> (field IS NULL)", name=op.f("ck_correction_request_about_one")),
        sa.CheckConstraint("field IN ('name', 'birth_date', 'identifier')", name=op.f("ck_correction_request_field")),
        sa.CheckConstraint("verdict IN ('corrected', 'declined')", name=op.f("ck_correction_request_verdict")),
        sa.CheckConstraint(
            "(verdict IS NULL) = (answered_at IS NULL)", name=op.f("ck_correction_request_answered_whole")
        ),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_correction_request_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_correction_request"),
    )
    op.create_index("ix_correction_request_id", "correction_request", ["id"])
    op.create_index("ix_correction_request_institution_id", "correction_request", ["institution_id", "opened_at", "id"])
    op.create_table(
        "identity_history",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(length=16), nullable=False),
        sa.Column("sealed_before", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("field IN ('name', 'birth_date')", name=op.f("ck_identity_history_field")),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_identity_history_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_identity_history"),
    )
    op.create_table(
        "erasure_request",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("requested_by", sa.String(length=64), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_verdict_reason", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'withdrawn', 'declined', 'erased')", name=op.f("ck_erasure_request_state")
        ),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name=op.f("ck_erasure_request_decided_whole")),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_erasure_request_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_erasure_request"),
    )
    op.create_index("ix_erasure_request_id", "erasure_request", ["id"])
    op.create_index("ix_erasure_request_state_requested_at_id", "erasure_request", ["state", "requested_at", "id"])


def downgrade() -> None:
    op.drop_table("erasure_request")
    op.drop_table("identity_history")
    op.drop_table("correction_request")
    op.drop_column("kept_answer", "subject")
