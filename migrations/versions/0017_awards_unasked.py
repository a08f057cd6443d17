"""How far decisions have been looked at for awards that nobody asks for."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "qualification_look",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("code", "version", name="pk_qualification_look"),
    )


def downgrade() -> None:
    op.drop_table("qualification_look")
