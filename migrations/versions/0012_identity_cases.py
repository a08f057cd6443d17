"""Identity cases: one open case a pair, who keeps a number, and the index of likeness that proposes pairs."""

from uuid import UUID, uuid4

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OPENED_BY = "migration"
"""Who opened the cases on conflicts that stood before there were cases."""


def upgrade() -> None:
    _add_open_key()
    op.add_column("identity_event", sa.Column("account_id", sa.Uuid(), nullable=True))
    op.create_table(
        "identity_reason",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id", "number"],
            ["identity_event.case_id", "identity_event.number"],
            name="fk_identity_reason_case_id_number",
        ),
        sa.PrimaryKeyConstraint("case_id", "number", name="pk_identity_reason"),
    )
    op.create_table(
        "likeness_index",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("block", sa.String(length=16), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_likeness_index_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "key", name="pk_likeness_index"),
    )
    op.create_index("ix_likeness_index_key", "likeness_index", ["key"])
    new = sa.text("is_new")
    op.create_index("ix_likeness_index_new", "likeness_index", ["key"], postgresql_where=new, sqlite_where=new)
    _open_standing_conflicts()


def downgrade() -> None:
    op.drop_table("likeness_index")
    op.drop_table("identity_reason")
    op.drop_column("identity_event", "account_id")
    op.drop_index("uq_identity_case_open_key", "identity_case")
    op.drop_column("identity_case", "open_key")


def _add_open_key() -> None:
    """Add the column with its CHECK, on SQLite in one go: a table that others refer to can't be made anew there."""
    check = "CONSTRAINT ck_identity_case_open_key CHECK ((state = 'open') = (open_key IS NOT NULL))"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"ALTER TABLE identity_case ADD COLUMN open_key VARCHAR(96) {check}")
    else:
        op.execute(f"ALTER TABLE identity_case ADD COLUMN open_key VARCHAR(96), ADD {check}")
    op.create_index("uq_identity_case_open_key", "identity_case", ["open_key"], unique=True)


def _cases() -> sa.Table:
    return sa.Table(
        "identity_case",
        sa.MetaData(),
        *(sa.Column(name, sa.Uuid()) for name in ("id", "learner_id", "other_id")),
        *(sa.Column(name, sa.String()) for name in ("kind", "state", "opened_by", "open_key")),
        sa.Column("opened_at", sa.DateTime(timezone=True)),
    )


def _key(kind: str, some: UUID, other: UUID) -> str:
    low, high = sorted((some, other))
    return f"{kind}:{low}:{high}"


def _open_standing_conflicts() -> None:
    """Open a case for everybody whose number stands under another name, too: against the oldest account with it."""
    connection, cases = op.get_bind(), _cases()
    columns = (sa.Column(name, sa.LargeBinary()) for name in ("value_index", "name_index"))
    texts = (sa.Column(name, sa.String()) for name in ("type", "issuer"))
    index = sa.Table("identifier_index", sa.MetaData(), *columns, *texts, sa.Column("learner_id", sa.Uuid()))
    learner = sa.Table("learner", sa.MetaData(), sa.Column("id", sa.Uuid()), sa.Column("status", sa.String()))
    standing = sa.select(index).join(learner, learner.c.id == index.c.learner_id).where(learner.c.status == "conflict")
    holders: dict[tuple[str, str, bytes], set[UUID]] = {}
    for row in connection.execute(standing):
        holders.setdefault((row.type, row.issuer, bytes(row.value_index)), set()).add(row.learner_id)
    pairs = {(min(ids), other) for ids in holders.values() for other in ids - {min(ids)}}
    for one, other in sorted(pairs):
        case = {"id": uuid4(), "kind": "conflict", "state": "open", "learner_id": one, "other_id": other}
        case |= {"opened_by": OPENED_BY, "open_key": _key("conflict", one, other)}
        connection.execute(cases.insert().values(**case, opened_at=sa.func.current_timestamp()))
