"""The tables of the first slice: registries, learners, rules, outcomes, decisions, the ledger and the logs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_happened_at", "audit", ["happened_at"], unique=False)

    op.create_table(
        "decision",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=True),
        sa.Column("conversion_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("ruleset", sa.String(length=64), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('recognition', 'duplicate', 'revocation', 'conversion', 'case')", name=op.f("ck_decision_kind")
        ),
        sa.CheckConstraint(
            "(kind IN ('conversion', 'case')) = (conversion_id IS NOT NULL)", name=op.f("ck_decision_on_conversion")
        ),
        sa.CheckConstraint("(kind = 'conversion') = (outcome_id IS NULL)", name=op.f("ck_decision_on_outcome")),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_decision"),
    )
    op.create_index("ix_decision_id", "decision", ["id"], unique=False)

    op.create_table(
        "identifier_index",
        sa.Column("value_index", sa.LargeBinary(), nullable=False),
        sa.Column("name_index", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(length=32), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("value_index", "name_index", "type", "issuer", name="pk_identifier_index"),
    )
    op.create_index("ix_identifier_index_learner_id", "identifier_index", ["learner_id"], unique=False)

    op.create_table(
        "institution",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("roles", sa.String(length=100), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("social_credit_code", sa.String(length=18), nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("level IN ('city', 'district', 'town', 'village')", name=op.f("ck_institution_level")),
        sa.ForeignKeyConstraint(["parent_id"], ["institution.id"], name="fk_institution_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_institution"),
        sa.UniqueConstraint("code", name="uq_institution_code"),
        sa.UniqueConstraint("social_credit_code", name="uq_institution_social_credit_code"),
    )
    op.create_table(
        "kept_answer",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "key", name="pk_kept_answer"),
    )
    op.create_index("ix_kept_answer_created_at", "kept_answer", ["created_at"], unique=False)

    op.create_table(
        "learner",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_no", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_birth_date", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('active', 'conflict')", name=op.f("ck_learner_status")),
        sa.PrimaryKeyConstraint("id", name="pk_learner"),
    )
    op.create_table(
        "outcome_claim",
        sa.Column("claim", sa.LargeBinary(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("claim", name="pk_outcome_claim"),
    )
    op.create_index("ix_outcome_claim_outcome_id", "outcome_claim", ["outcome_id"], unique=False)

    op.create_table(
        "outcome_key",
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "external_id", name="pk_outcome_key"),
    )
    op.create_table(
        "scheme",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("title_zh", sa.String(length=200), nullable=False),
        sa.Column("title_en", sa.String(length=200), nullable=False),
        sa.Column("hours_per_credit_hundredths", sa.Integer(), nullable=False),
        sa.Column("minutes_per_hour", sa.Integer(), nullable=False),
        sa.Column("step_hundredths", sa.Integer(), nullable=False),
        sa.Column("rounding", sa.String(length=16), nullable=False),
        sa.CheckConstraint("rounding IN ('down', 'up', 'half_up', 'half_even')", name=op.f("ck_scheme_rounding")),
        sa.CheckConstraint("hours_per_credit_hundredths > 0", name=op.f("ck_scheme_hours_per_credit")),
        sa.CheckConstraint("minutes_per_hour BETWEEN 1 AND 240", name=op.f("ck_scheme_minutes_per_hour")),
        sa.CheckConstraint("step_hundredths BETWEEN 1 AND 10000", name=op.f("ck_scheme_step")),
        sa.PrimaryKeyConstraint("code", name="pk_scheme"),
    )
    op.create_table(
        "account",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("recognised_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("held_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("converted_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("available_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chain_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "available_hundredths = recognised_hundredths - held_hundredths - converted_hundredths",
            name=op.f("ck_account_sums"),
        ),
        sa.CheckConstraint("available_hundredths >= 0", name=op.f("ck_account_available")),
        sa.CheckConstraint("converted_hundredths >= 0", name=op.f("ck_account_converted")),
        sa.CheckConstraint("held_hundredths >= 0", name=op.f("ck_account_held")),
        sa.CheckConstraint("recognised_hundredths BETWEEN 0 AND 9999999999", name=op.f("ck_account_recognised")),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_account_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "scheme", name="pk_account"),
    )
    op.create_table(
        "affiliation",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_affiliation_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "institution_id", name="pk_affiliation"),
    )
    op.create_table(
        "client",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("scopes", sa.String(length=500), nullable=False),
        sa.Column("public_keys", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(name="is_active"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name="fk_client_institution_id"),
        sa.PrimaryKeyConstraint("id", name="pk_client"),
    )
    op.create_table(
        "identifier",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(length=32), nullable=False),
        sa.Column("sealed_value", sa.LargeBinary(), nullable=False),
        sa.Column("assurance", sa.String(length=16), nullable=False),
        sa.Column("claimed_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_identifier_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_identifier"),
    )
    op.create_table(
        "outcome",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("duplicate_of", sa.Uuid(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("completed_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status <> 'duplicate' OR duplicate_of IS NOT NULL", name=op.f("ck_outcome_duplicate_of_something")
        ),
        sa.CheckConstraint(
            "status IN ('recognised', 'recorded', 'duplicate', 'revoked')", name=op.f("ck_outcome_status")
        ),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_outcome_revision")),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_outcome_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_outcome"),
    )
    op.create_index("ix_outcome_duplicate_of", "outcome", ["duplicate_of"], unique=False)
    op.create_index("ix_outcome_id", "outcome", ["id"], unique=False)

    op.create_table(
        "client_assertion",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("jti", sa.String(length=128), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name="fk_client_assertion_client_id"),
        sa.PrimaryKeyConstraint("client_id", "jti", name="pk_client_assertion"),
    )
    op.create_index("ix_client_assertion_expires_at", "client_assertion", ["expires_at"], unique=False)

    op.create_table(
        "client_secret",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.String(length=1), nullable=False),
        sa.Column("secret_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("slot IN ('a', 'b')", name=op.f("ck_client_secret_two_live_secrets")),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name="fk_client_secret_client_id"),
        sa.PrimaryKeyConstraint("client_id", "slot", name="pk_client_secret"),
    )
    op.create_table(
        "lot",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("amount_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("used_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.CheckConstraint("amount_hundredths > 0", name=op.f("ck_lot_amount")),
        sa.CheckConstraint("used_hundredths BETWEEN 0 AND amount_hundredths", name=op.f("ck_lot_not_overspent")),
        sa.ForeignKeyConstraint(
            ["learner_id", "outcome_id"], ["outcome.learner_id", "outcome.id"], name="fk_lot_learner_id_outcome_id"
        ),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_lot"),
    )
    op.create_table(
        "outcome_revision",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_mac", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_certificate_no", sa.LargeBinary(), nullable=True),
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["learner_id", "outcome_id"],
            ["outcome.learner_id", "outcome.id"],
            name="fk_outcome_revision_learner_id_outcome_id",
        ),
        sa.PrimaryKeyConstraint("learner_id", "outcome_id", "revision", name="pk_outcome_revision"),
    )
    op.create_table(
        "ruleset",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("drafted_by", sa.String(length=64), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(length=64), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("publication_no", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(status = 'draft') = (published_by IS NULL) AND (status = 'draft') = (publication_no IS NULL)",
            name=op.f("ck_ruleset_published_whole"),
        ),
        sa.CheckConstraint("status IN ('draft', 'published')", name=op.f("ck_ruleset_status")),
        sa.CheckConstraint("drafted_by <> published_by", name=op.f("ck_ruleset_published_by_somebody_else")),
        sa.ForeignKeyConstraint(["drafted_by"], ["client.id"], name="fk_ruleset_drafted_by"),
        sa.ForeignKeyConstraint(["published_by"], ["client.id"], name="fk_ruleset_published_by"),
        sa.ForeignKeyConstraint(["scheme"], ["scheme.code"], name="fk_ruleset_scheme"),
        sa.PrimaryKeyConstraint("code", "version", name="pk_ruleset"),
        sa.UniqueConstraint("publication_no", name="uq_ruleset_publication_no"),
    )
    op.create_table(
        "entry",
        # wide columns before narrow ones: PostgreSQL pads the other way round, which took 8 bytes of each entry
        sa.Column("amount_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("balance_after_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("counter_account", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(kind IN ('recognise', 'release', 'restore')) = (amount_hundredths > 0)", name=op.f("ck_entry_sign")
        ),
        sa.CheckConstraint(
            "kind IN ('recognise', 'reverse', 'hold', 'release', 'convert', 'restore')", name=op.f("ck_entry_kind")
        ),
        sa.CheckConstraint("amount_hundredths <> 0", name=op.f("ck_entry_moves_something")),
        sa.CheckConstraint("balance_after_hundredths >= 0", name=op.f("ck_entry_balance_after")),
        sa.ForeignKeyConstraint(
            ["learner_id", "lot_id"], ["lot.learner_id", "lot.id"], name="fk_entry_learner_id_lot_id"
        ),
        sa.PrimaryKeyConstraint("learner_id", "scheme", "seq", name="pk_entry"),
    )


def downgrade() -> None:
    op.drop_table("entry")
    op.drop_table("ruleset")
    op.drop_table("outcome_revision")
    op.drop_table("lot")
    op.drop_table("client_secret")
    op.drop_index("ix_client_assertion_expires_at", "client_assertion")

    op.drop_table("client_assertion")
    op.drop_index("ix_outcome_id", "outcome")
    op.drop_index("ix_outcome_duplicate_of", "outcome")

    op.drop_table("outcome")
    op.drop_table("identifier")
    op.drop_table("client")
    op.drop_table("affiliation")
    op.drop_table("account")
    op.drop_table("scheme")
    op.drop_table("outcome_key")
    op.drop_index("ix_outcome_claim_outcome_id", "outcome_claim")

    op.drop_table("outcome_claim")
    op.drop_table("learner")
    op.drop_index("ix_kept_answer_created_at", "kept_answer")

    op.drop_table("kept_answer")
    op.drop_table("institution")
    op.drop_index("ix_identifier_index_learner_id", "identifier_index")

    op.drop_table("identifier_index")
    op.drop_index("ix_decision_id", "decision")

    op.drop_table("decision")
    op.drop_index("ix_audit_happened_at", "audit")

    op.drop_table("audit")
