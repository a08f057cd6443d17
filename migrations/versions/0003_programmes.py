"""Programmes of accepting institutions and their courses: what learning is converted into."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "programme",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("total_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("category_credits", sa.Text(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("total_hundredths > 0", name=op.f("ck_programme_total")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_programme_revision")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name="fk_programme_institution_id"),
        sa.ForeignKeyConstraint(["scheme"], ["scheme.code"], name="fk_programme_scheme"),
        sa.PrimaryKeyConstraint("id", name="pk_programme"),
        sa.UniqueConstraint("institution_id", "code", name="uq_programme_institution_id_code"),
    )
    op.create_table(
        "course",
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("credit_hundredths", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=True),
        sa.CheckConstraint("credit_hundredths > 0", name=op.f("ck_course_credit")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name="fk_course_programme_id"),
        sa.PrimaryKeyConstraint("programme_id", "code", name="pk_course"),
    )


def downgrade() -> None:
    op.drop_table("course")
    op.drop_table("programme")
