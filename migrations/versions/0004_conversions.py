"""Conversions: applications with parts, claims and what was done with them, and cases after a revocation."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = ("conversion_event",)


def upgrade() -> None:
    op.create_table(
        "conversion",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=64), nullable=False),
        sa.Column("ruleset", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("is_appeal", sa.Boolean(), nullable=False),
        sa.Column("submitted_by", sa.String(length=64), nullable=False),
        sa.Column("submitter_id", sa.Uuid(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_conversion_revision")),
        sa.CheckConstraint(
            "state IN ('in_review', 'returned', 'approved', 'rejected', 'withdrawn', 'lapsed', 'voided')",
            name=op.f("ck_conversion_state"),
        ),
        sa.CheckConstraint("step >= 0", name=op.f("ck_conversion_step")),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_conversion_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_conversion"),
    )
    op.create_index("ix_conversion_id", "conversion", ["id"], unique=False)
    op.create_table(
        "conversion_part",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("conversion_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("course_code", sa.String(length=64), nullable=True),
        sa.Column("course_title", sa.String(length=200), nullable=True),
        sa.Column("course_category", sa.String(length=64), nullable=True),
        sa.Column("course_hundredths", sa.BigInteger(), nullable=True),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("granted_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("spent_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("lapsed_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("partners", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.CheckConstraint("granted_hundredths > 0", name=op.f("ck_conversion_part_granted")),
        sa.CheckConstraint(
            "lapsed_hundredths BETWEEN 0 AND spent_hundredths",
            name=op.f("ck_conversion_part_lapsed"),
        ),
        sa.CheckConstraint(
            "(spent_hundredths = 0) OR (lot_id IS NOT NULL)",
            name=op.f("ck_conversion_part_spends_a_lot"),
        ),
        sa.CheckConstraint(
            "state IN ('held', 'converted', 'released', 'declined', 'undone')",
            name=op.f("ck_conversion_part_state"),
        ),
        sa.ForeignKeyConstraint(
            ["learner_id", "conversion_id"],
            ["conversion.learner_id", "conversion.id"],
            name="fk_conversion_part_learner_id_conversion_id",
        ),
        sa.ForeignKeyConstraint(
            ["learner_id", "lot_id"], ["lot.learner_id", "lot.id"], name="fk_conversion_part_learner_id_lot_id"
        ),
        sa.PrimaryKeyConstraint("learner_id", "conversion_id", "number", name="pk_conversion_part"),
    )
    op.create_index("ix_conversion_part_outcome_id", "conversion_part", ["outcome_id"], unique=False)
    op.create_table(
        "conversion_claim",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("claim", sa.String(length=200), nullable=False),
        sa.Column("conversion_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["learner_id", "conversion_id"],
            ["conversion.learner_id", "conversion.id"],
            name="fk_conversion_claim_learner_id_conversion_id",
        ),
        sa.PrimaryKeyConstraint("learner_id", "claim", name="pk_conversion_claim"),
    )
    op.create_table(
        "conversion_event",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("conversion_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["learner_id", "conversion_id"],
            ["conversion.learner_id", "conversion.id"],
            name="fk_conversion_event_learner_id_conversion_id",
        ),
        sa.PrimaryKeyConstraint("learner_id", "conversion_id", "number", name="pk_conversion_event"),
    )
    op.create_table(
        "conversion_reader",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("conversion_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["learner_id", "conversion_id"],
            ["conversion.learner_id", "conversion.id"],
            name="fk_conversion_reader_learner_id_conversion_id",
        ),
        sa.PrimaryKeyConstraint("learner_id", "conversion_id", "institution_id", name="pk_conversion_reader"),
    )
    op.create_index(
        "ix_conversion_reader_institution_id", "conversion_reader", ["institution_id", "opened_at", "conversion_id"]
    )
    op.create_table(
        "conversion_case",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversion_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("dependents", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("verdict_reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'decided') = (verdict IS NOT NULL)",
            name=op.f("ck_conversion_case_decided_whole"),
        ),
        sa.CheckConstraint("state IN ('open', 'decided')", name=op.f("ck_conversion_case_state")),
        sa.CheckConstraint("verdict IN ('uphold', 'undo')", name=op.f("ck_conversion_case_verdict")),
        sa.ForeignKeyConstraint(
            ["learner_id", "conversion_id"],
            ["conversion.learner_id", "conversion.id"],
            name="fk_conversion_case_learner_id_conversion_id",
        ),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_conversion_case"),
    )
    op.create_index("ix_conversion_case_institution_id", "conversion_case", ["institution_id"], unique=False)
    op.create_index("ix_conversion_case_id", "conversion_case", ["id"], unique=False)

    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in APPEND_ONLY:
        for event in ("update", "delete"):
            guard = (
                f" ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
                if is_postgresql
                else f" ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
            op.execute(f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()}{guard}")
        if is_postgresql:
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )


def downgrade() -> None:
    op.drop_index("ix_conversion_case_institution_id", "conversion_case")
    op.drop_index("ix_conversion_case_id", "conversion_case")
    op.drop_table("conversion_case")
    op.drop_index("ix_conversion_reader_institution_id", "conversion_reader")
    op.drop_table("conversion_reader")
    op.drop_table("conversion_event")
    op.drop_table("conversion_claim")
    op.drop_index("ix_conversion_part_outcome_id", "conversion_part")
    op.drop_table("conversion_part")
    op.drop_index("ix_conversion_id", "conversion")
    op.drop_table("conversion")
