"""Credentials: what was issued, links that show parts of it, entries of status lists, and the public keys that sign."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_credential()
    op.create_table(
        "credential_share",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("details", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(code_hash) = 32", name=op.f("ck_credential_share_code_hash")),
        sa.ForeignKeyConstraint(
            ["learner_id", "credential_id"],
            ["credential.learner_id", "credential.id"],
            name="fk_credential_share_learner_id_credential_id",
        ),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_credential_share"),
    )
    op.create_index("ix_credential_share_code_hash", "credential_share", ["code_hash"])
    op.create_table(
        "status_entry",
        sa.Column("pair", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_revoked", sa.Boolean(), nullable=False),
        sa.Column("is_suspended", sa.Boolean(), nullable=False),
        sa.CheckConstraint("pair > 0", name=op.f("ck_status_entry_pair")),
        sa.CheckConstraint("position BETWEEN 0 AND 131071", name=op.f("ck_status_entry_position")),
        sa.PrimaryKeyConstraint("pair", "position", name="pk_status_entry"),
    )
    op.create_table(
        "credential_key",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("jwk", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "NOT is_withdrawn OR until IS NOT NULL", name=op.f("ck_credential_key_withdrawn_at_an_instant")
        ),
        sa.PrimaryKeyConstraint("kid", name="pk_credential_key"),
    )


def downgrade() -> None:
    for table in ("credential_key", "status_entry", "credential_share", "credential"):
        op.drop_table(table)


def _make_credential() -> None:
    op.create_table(
        "credential",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("source_revision", sa.Integer(), nullable=True),
        sa.Column("source_decision_id", sa.Uuid(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("issued_by", sa.String(length=64), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("status_pair", sa.Integer(), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("standing_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_document", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("kind IN ('outcome', 'balance', 'conversion')", name=op.f("ck_credential_kind")),
        sa.CheckConstraint(
            "standing IN ('valid', 'suspended', 'revoked', 'superseded')", name=op.f("ck_credential_standing")
        ),
        sa.CheckConstraint("(kind = 'balance') = (source_id IS NULL)", name=op.f("ck_credential_about_something")),
        sa.CheckConstraint(
            "status_pair > 0 AND status_index BETWEEN 0 AND 131071", name=op.f("ck_credential_status_place")
        ),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_credential_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_credential"),
    )
    op.create_index("ix_credential_id", "credential", ["id"])
