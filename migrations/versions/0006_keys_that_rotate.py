"""Nothing stored depends on a key for ever: index rows name theirs, certificate numbers can be sealed anew.

Three keyed hashes go that could not be made anew. Answers that were kept under an idempotency key before have no digest
of their request inside; for the days that they are kept yet, they are given to whoever repeats the key. Down again, the
keyed hashes are placeholders that match nothing: a repeat is then answered as other content, never posted twice.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NO_UPDATE = "outcome_revision_no_update"
KEYED = ("identifier_index", "outcome_claim")


def upgrade() -> None:
    for table in KEYED:
        op.add_column(table, sa.Column("key_id", sa.String(length=16), nullable=False, server_default="unnamed"))
    op.create_table(
        "certificate",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sealed_number", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["learner_id", "outcome_id", "revision"],
            ["outcome_revision.learner_id", "outcome_revision.outcome_id", "outcome_revision.revision"],
            name="fk_certificate_learner_id_outcome_id_revision",
        ),
        sa.PrimaryKeyConstraint("learner_id", "outcome_id", "revision", name="pk_certificate"),
    )
    op.create_index("ix_certificate_outcome_id", "certificate", ["outcome_id"], unique=False)
    op.execute(
        "INSERT INTO certificate (learner_id, outcome_id, revision, sealed_number)"
        " SELECT learner_id, outcome_id, revision, sealed_certificate_no FROM outcome_revision"
        " WHERE sealed_certificate_no IS NOT NULL"
    )
    # Both engines drop a column in place, which leaves the triggers of the table where they are.
    op.execute("ALTER TABLE outcome_revision DROP COLUMN content_mac")
    op.execute("ALTER TABLE outcome_revision DROP COLUMN sealed_certificate_no")
    op.execute("ALTER TABLE kept_answer DROP COLUMN request_digest")


def downgrade() -> None:
    op.add_column("kept_answer", _placeholder("request_digest"))
    op.add_column("outcome_revision", _placeholder("content_mac"))
    op.add_column("outcome_revision", sa.Column("sealed_certificate_no", sa.LargeBinary(), nullable=True))
    _lift_guard()
    op.execute(
        "UPDATE outcome_revision SET sealed_certificate_no = (SELECT sealed_number FROM certificate"
        " WHERE certificate.learner_id = outcome_revision.learner_id"
        " AND certificate.outcome_id = outcome_revision.outcome_id"
        " AND certificate.revision = outcome_revision.revision)"
    )
    _set_guard()
    op.drop_table("certificate")
    for table in KEYED:
        op.execute(f"ALTER TABLE {table} DROP COLUMN key_id")


def _placeholder(name: str) -> sa.Column[bytes]:
    """Return a column for keyed hashes that nobody can make anew."""
    empty = "''" if op.get_bind().dialect.name == "postgresql" else "x''"
    return sa.Column(name, sa.LargeBinary(), nullable=False, server_default=sa.text(empty))


def _lift_guard() -> None:
    """Let certificate numbers back into revisions, which are otherwise written once."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute(f"DROP TRIGGER {NO_UPDATE}" + (" ON outcome_revision" if is_postgresql else ""))


def _set_guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {NO_UPDATE} BEFORE UPDATE ON outcome_revision"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER {NO_UPDATE} BEFORE UPDATE ON outcome_revision"
            " BEGIN SELECT RAISE(ABORT, 'outcome_revision is append-only'); END"
        )
