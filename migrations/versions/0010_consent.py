"""Consent: published texts, consents and their withdrawal, partners' own names for learners, lookups and guardians."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

APPEND_ONLY = ("consent", "consent_text", "consent_withdrawal", "pairwise", "partner_secret")

AS_WHOM = "IN ('self', 'proxy', 'guardian')"


def upgrade() -> None:
    _make_consents()
    _make_names()
    op.create_table(
        "lookup_use",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_lookup_use_used")),
        sa.PrimaryKeyConstraint("client_id", "on_day", name="pk_lookup_use"),
    )
    op.create_table(
        "guardianship",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("relation", sa.String(length=16), nullable=False),
        sa.Column("sealed_evidence", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_guardianship_ended_whole")),
        sa.CheckConstraint("guardian_id <> learner_id", name=op.f("ck_guardianship_of_two")),
        sa.CheckConstraint(
            "relation IN ('parent', 'grandparent', 'sibling', 'other')", name=op.f("ck_guardianship_relation")
        ),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_guardianship_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_guardianship"),
    )
    op.create_index("ix_guardianship_guardian_id", "guardianship", ["guardian_id"])
    _guard()


def downgrade() -> None:
    for table in ("guardianship", "lookup_use", "pairwise", "partner_secret"):
        op.drop_table(table)
    for table in ("consent_withdrawal", "consent", "consent_text"):
        op.drop_table(table)


def _make_consents() -> None:
    op.create_table(
        "consent_text",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title_zh", sa.String(length=200), nullable=False),
        sa.Column("title_en", sa.String(length=200), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("scopes", sa.String(length=100), nullable=False),
        sa.Column("is_sensitive", sa.Boolean(), nullable=False),
        sa.Column("published_by", sa.String(length=64), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("is_sensitive = (scopes = 'identity:read')", name=op.f("ck_consent_text_sensitive_apart")),
        sa.CheckConstraint("version > 0", name=op.f("ck_consent_text_version")),
        sa.PrimaryKeyConstraint("code", "version", name="pk_consent_text"),
    )
    op.create_table(
        "consent",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("text_code", sa.String(length=64), nullable=False),
        sa.Column("text_version", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("scopes", sa.String(length=100), nullable=False),
        sa.Column("is_sensitive", sa.Boolean(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("given_as", sa.String(length=16), nullable=False),
        sa.CheckConstraint(f"given_as {AS_WHOM}", name=op.f("ck_consent_given_as")),
        sa.CheckConstraint("is_sensitive = (scopes = 'identity:read')", name=op.f("ck_consent_sensitive_apart")),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_consent_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_consent"),
    )
    op.create_index("ix_consent_institution_id_given_at_id", "consent", ["institution_id", "given_at", "id"])
    op.create_table(
        "consent_withdrawal",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_as", sa.String(length=16), nullable=False),
        sa.CheckConstraint(f"withdrawn_as {AS_WHOM}", name=op.f("ck_consent_withdrawal_withdrawn_as")),
        sa.ForeignKeyConstraint(
            ["learner_id", "consent_id"],
            ["consent.learner_id", "consent.id"],
            name="fk_consent_withdrawal_learner_id_consent_id",
        ),
        sa.PrimaryKeyConstraint("learner_id", "consent_id", name="pk_consent_withdrawal"),
    )


def _make_names() -> None:
    op.create_table(
        "partner_secret",
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name="fk_partner_secret_institution_id"),
        sa.PrimaryKeyConstraint("institution_id", name="pk_partner_secret"),
    )
    op.create_table(
        "pairwise",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_pairwise_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "institution_id", name="pk_pairwise"),
    )
    op.create_index("ix_pairwise_institution_id_subject", "pairwise", ["institution_id", "subject"])


def _guard() -> None:
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
