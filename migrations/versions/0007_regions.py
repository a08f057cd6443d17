"""Regions with their days and successors, where institutions stand in them and until when, and delegated reviews."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APPEND_ONLY = ("region_successor", "institution_region", "institution_end")


def upgrade() -> None:
    op.add_column("institution", sa.Column("valid_from", sa.Date(), nullable=True))
    _create_regions()
    _create_memberships()
    _create_delegations()
    for table in APPEND_ONLY:
        _guard(table)


def downgrade() -> None:
    for table in ("delegation", "institution_end", "institution_region", "region_successor", "region"):
        op.drop_table(table)
    op.drop_column("institution", "valid_from")


def _create_regions() -> None:
    op.create_table(
        "region",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=500), nullable=True),
        sa.CheckConstraint("level IN ('city', 'district', 'town', 'village')", name=op.f("ck_region_level")),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_region_under_another")),
        sa.CheckConstraint("parent_id IS NOT NULL OR level = 'city'", name=op.f("ck_region_in_a_city")),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_region_valid")),
        sa.ForeignKeyConstraint(["parent_id"], ["region.id"], name="fk_region_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_region"),
        sa.UniqueConstraint("code", name="uq_region_code"),
    )
    op.create_index("ix_region_parent_id", "region", ["parent_id"], unique=False)
    op.create_table(
        "region_successor",
        sa.Column("region_id", sa.String(length=64), nullable=False),
        sa.Column("successor_id", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.CheckConstraint("successor_id <> region_id", name=op.f("ck_region_successor_another")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name="fk_region_successor_region_id"),
        sa.ForeignKeyConstraint(["successor_id"], ["region.id"], name="fk_region_successor_successor_id"),
        sa.PrimaryKeyConstraint("region_id", "successor_id", name="pk_region_successor"),
    )


def _create_memberships() -> None:
    op.create_table(
        "institution_region",
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.String(length=64), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_institution_region_number")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name="fk_institution_region_institution_id"),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name="fk_institution_region_region_id"),
        sa.PrimaryKeyConstraint("institution_id", "number", name="pk_institution_region"),
    )
    op.create_table(
        "institution_end",
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("successor_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_institution_end_number")),
        sa.CheckConstraint("successor_id <> institution_id", name=op.f("ck_institution_end_another")),
        sa.CheckConstraint(
            "ended_on IS NOT NULL OR successor_id IS NULL", name=op.f("ck_institution_end_succeeded_when_ended")
        ),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name="fk_institution_end_institution_id"),
        sa.ForeignKeyConstraint(["successor_id"], ["institution.id"], name="fk_institution_end_successor_id"),
        sa.PrimaryKeyConstraint("institution_id", "number", name="pk_institution_end"),
    )


def _create_delegations() -> None:
    op.create_table(
        "delegation",
        sa.Column("from_institution", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("to_institution", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=64), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("to_institution <> from_institution", name=op.f("ck_delegation_to_another")),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_delegation_valid")),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("ck_delegation_withdrawn_whole")
        ),
        sa.ForeignKeyConstraint(["from_institution"], ["institution.id"], name="fk_delegation_from_institution"),
        sa.ForeignKeyConstraint(["to_institution"], ["institution.id"], name="fk_delegation_to_institution"),
        sa.PrimaryKeyConstraint("from_institution", "id", name="pk_delegation"),
    )
    op.create_index("ix_delegation_to_institution", "delegation", ["to_institution"], unique=False)


def _guard(table: str) -> None:
    """Refuse changes of what is written once."""
    if op.get_bind().dialect.name != "postgresql":
        for event in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    for event in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
