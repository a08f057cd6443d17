"""Qualifications: awards with their sources and what was done with them, cases on them, and decisions on both."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

APPEND_ONLY = ("qualification_decision", "qualification_source", "qualification_event")

STANDING = sa.text("state IN ('in_force', 'in_review')")


def upgrade() -> None:
    op.create_table(
        "qualification_award",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=64), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("reviewer_id", sa.Uuid(), nullable=False),
        sa.Column("awarded_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('in_force', 'in_review', 'revoked', 'superseded')", name=op.f("ck_qualification_award_state")
        ),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_qualification_award_revision")),
        sa.CheckConstraint(
            "valid_until IS NULL OR valid_until >= awarded_on", name=op.f("ck_qualification_award_valid")
        ),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_qualification_award_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_qualification_award"),
    )
    op.create_index("ix_qualification_award_id", "qualification_award", ["id"], unique=False)
    op.create_index(
        "uq_qualification_award_standing",
        "qualification_award",
        ["learner_id", "code", "level"],
        unique=True,
        postgresql_where=STANDING,
        sqlite_where=STANDING,
    )
    op.create_table(
        "qualification_source",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("award_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        _of_award("qualification_source"),
        sa.PrimaryKeyConstraint("learner_id", "award_id", "outcome_id", name="pk_qualification_source"),
    )
    op.create_table(
        "qualification_event",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("award_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('awarded', 'review_opened', 'upheld', 'revoked', 'superseded')",
            name=op.f("ck_qualification_event_kind"),
        ),
        _of_award("qualification_event"),
        sa.PrimaryKeyConstraint("learner_id", "award_id", "number", name="pk_qualification_event"),
    )
    _create_cases()
    _create_decisions()
    for table in APPEND_ONLY:
        _guard(table)


def downgrade() -> None:
    op.drop_index("ix_qualification_decision_id", "qualification_decision")
    op.drop_table("qualification_decision")
    op.drop_index("ix_qualification_case_institution_id", "qualification_case")
    op.drop_index("ix_qualification_case_id", "qualification_case")
    op.drop_table("qualification_case")
    op.drop_table("qualification_event")
    op.drop_table("qualification_source")
    op.drop_index("uq_qualification_award_standing", "qualification_award")
    op.drop_index("ix_qualification_award_id", "qualification_award")
    op.drop_table("qualification_award")


def _of_award(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["learner_id", "award_id"],
        ["qualification_award.learner_id", "qualification_award.id"],
        name=f"fk_{table}_learner_id_award_id",
    )


def _create_cases() -> None:
    op.create_table(
        "qualification_case",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("award_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("verdict_reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'decided')", name=op.f("ck_qualification_case_state")),
        sa.CheckConstraint("verdict IN ('uphold', 'revoke')", name=op.f("ck_qualification_case_verdict")),
        sa.CheckConstraint(
            "(state = 'decided') = (verdict IS NOT NULL)", name=op.f("ck_qualification_case_decided_whole")
        ),
        _of_award("qualification_case"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_qualification_case"),
    )
    op.create_index("ix_qualification_case_id", "qualification_case", ["id"], unique=False)
    op.create_index("ix_qualification_case_institution_id", "qualification_case", ["institution_id"], unique=False)


def _create_decisions() -> None:
    op.create_table(
        "qualification_decision",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("award_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("ruleset", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.CheckConstraint("kind IN ('award', 'award_case')", name=op.f("ck_qualification_decision_kind")),
        sa.CheckConstraint(
            "(kind = 'award') = (outcome_id IS NULL)", name=op.f("ck_qualification_decision_on_outcome")
        ),
        _of_award("qualification_decision"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_qualification_decision"),
    )
    op.create_index("ix_qualification_decision_id", "qualification_decision", ["id"], unique=False)


def _guard(table: str) -> None:
    """Let rows of a table be written once."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
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
