"""Imports: files that are taken row by row in the background, in sealed pieces, with an answer for every row."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_file()
    op.create_table(
        "import_lane",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("number >= 0", name=op.f("ck_import_lane_number")),
        sa.CheckConstraint("position >= 0 AND line > 0", name=op.f("ck_import_lane_place")),
        sa.CheckConstraint("(leased_by IS NULL) = (leased_until IS NULL)", name=op.f("ck_import_lane_leased_whole")),
        sa.ForeignKeyConstraint(["file_id"], ["import_file.id"], name="fk_import_lane_file_id"),
        sa.PrimaryKeyConstraint("file_id", "number", name="pk_import_lane"),
    )
    op.create_table(
        "import_piece",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("is_converted", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bytes_count", sa.Integer(), nullable=False),
        sa.Column("sealed_piece", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number >= 0", name=op.f("ck_import_piece_number")),
        sa.CheckConstraint("bytes_count > 0", name=op.f("ck_import_piece_bytes_count")),
        sa.ForeignKeyConstraint(["file_id"], ["import_file.id"], name="fk_import_piece_file_id"),
        sa.PrimaryKeyConstraint("file_id", "is_converted", "number", name="pk_import_piece"),
    )
    op.create_table(
        "import_answer",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("first_row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_row", sa.Integer(), nullable=False),
        sa.Column("sealed_answers", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_rejects", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("first_row > 0 AND first_row <= last_row", name=op.f("ck_import_answer_rows")),
        sa.ForeignKeyConstraint(["file_id"], ["import_file.id"], name="fk_import_answer_file_id"),
        sa.PrimaryKeyConstraint("file_id", "first_row", name="pk_import_answer"),
    )
    op.create_table(
        "import_salt",
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("institution_id", name="pk_import_salt"),
    )


def _make_file() -> None:
    op.create_table(
        "import_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("mapping", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("encoding", sa.String(length=16), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_plan", sa.LargeBinary(), nullable=True),
        sa.Column("faults", sa.Text(), nullable=True),
        sa.Column("bytes_total", sa.BigInteger(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=True),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("replayed", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("lanes", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('receiving', 'waiting', 'posting', 'done', 'refused', 'cancelled')",
            name=op.f("ck_import_file_state"),
        ),
        sa.CheckConstraint("format IN ('csv', 'xlsx', 'ndjson')", name=op.f("ck_import_file_format")),
        sa.CheckConstraint("mode IN ('rows', 'all')", name=op.f("ck_import_file_mode")),
        sa.CheckConstraint("accepted >= 0 AND replayed >= 0 AND rejected >= 0", name=op.f("ck_import_file_counts")),
        sa.CheckConstraint(
            "rows_done >= 0 AND (rows_total IS NULL OR rows_done <= rows_total)", name=op.f("ck_import_file_rows_done")
        ),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (state IN ('done', 'refused', 'cancelled'))",
            name=op.f("ck_import_file_ended_whole"),
        ),
        sa.CheckConstraint("lanes > 0", name=op.f("ck_import_file_lanes")),
        sa.PrimaryKeyConstraint("id", name="pk_import_file"),
    )
    op.create_index("ix_import_file_institution_id", "import_file", ["institution_id"])
    op.create_index("ix_import_file_state", "import_file", ["state"])
    op.create_index("ix_import_file_ended_at", "import_file", ["ended_at"])


def downgrade() -> None:
    for table in ("import_salt", "import_answer", "import_piece", "import_lane", "import_file"):
        op.drop_table(table)
