"""One person: accounts joined by appended links, cases on identity, and a diary of who read what."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

APPEND_ONLY = ("learner_link", "identity_event", "access_log")

PART = (
    ("learner_id", sa.Uuid(), False),
    ("conversion_id", sa.Uuid(), False),
    ("number", sa.Integer(), False),
    ("outcome_id", sa.Uuid(), False),
    ("lot_id", sa.Uuid(), True),
    ("course_code", sa.String(length=64), True),
    ("course_title", sa.String(length=200), True),
    ("course_category", sa.String(length=64), True),
    ("course_hundredths", sa.BigInteger(), True),
    ("rule", sa.String(length=200), False),
    ("granted_hundredths", sa.BigInteger(), False),
    ("spent_hundredths", sa.BigInteger(), False),
    ("lapsed_hundredths", sa.BigInteger(), False),
    ("partners", sa.Text(), False),
    ("state", sa.String(length=16), False),
)
"""The columns of conversion_part before: name, type and whether it may be empty."""


def upgrade() -> None:
    op.add_column("learner", sa.Column("root_id", sa.Uuid(), nullable=True))
    op.add_column("learner", sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("learner", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_learner_root_id", "learner", ["root_id"])
    op.add_column("identifier", sa.Column("valid_until", sa.Date(), nullable=True))
    op.add_column("identifier", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "learner_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("into_id", sa.Uuid(), nullable=False),
        sa.Column("undoes", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.CheckConstraint("learner_id <> into_id", name=op.f("ck_learner_link_of_two")),
        sa.PrimaryKeyConstraint("id", name="pk_learner_link"),
        sa.UniqueConstraint("undoes", name="uq_learner_link_undoes"),
    )
    op.create_index("ix_learner_link_learner_id", "learner_link", ["learner_id"])
    op.create_index("ix_learner_link_into_id", "learner_link", ["into_id"])
    op.create_table(
        "identity_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("score_hundredths", sa.Integer(), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_evidence", sa.LargeBinary(), nullable=True),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'decided') = (verdict IS NOT NULL)", name=op.f("ck_identity_case_decided_whole")),
        sa.CheckConstraint("(kind = 'unmerge') = (link_id IS NOT NULL)", name=op.f("ck_identity_case_link")),
        sa.CheckConstraint("kind IN ('conflict', 'likeness', 'merge', 'unmerge')", name=op.f("ck_identity_case_kind")),
        sa.CheckConstraint("learner_id <> other_id", name=op.f("ck_identity_case_of_two")),
        sa.CheckConstraint("state IN ('open', 'decided')", name=op.f("ck_identity_case_state")),
        sa.CheckConstraint("verdict IN ('same', 'different')", name=op.f("ck_identity_case_verdict")),
        sa.PrimaryKeyConstraint("id", name="pk_identity_case"),
    )
    op.create_index("ix_identity_case_learner_id", "identity_case", ["learner_id"])
    op.create_index("ix_identity_case_other_id", "identity_case", ["other_id"])
    op.create_index("ix_identity_case_state_opened_at_id", "identity_case", ["state", "opened_at", "id"])
    op.create_table(
        "identity_event",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("verdict IN ('same', 'different')", name=op.f("ck_identity_event_verdict")),
        sa.ForeignKeyConstraint(["case_id"], ["identity_case.id"], name="fk_identity_event_case_id"),
        sa.PrimaryKeyConstraint("case_id", "number", name="pk_identity_event"),
    )
    op.create_table(
        "access_log",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("sight", sa.String(length=16), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_access_log"),
    )
    _let_parts_name_their_account()
    _guard()


def downgrade() -> None:
    _tie_parts_to_their_conversions_account()
    op.drop_table("access_log")
    op.drop_table("identity_event")
    op.drop_table("identity_case")
    op.drop_table("learner_link")
    op.drop_column("identifier", "ended_at")
    op.drop_column("identifier", "valid_until")
    op.drop_index("ix_learner_root_id", "learner")
    op.drop_column("learner", "erased_at")
    op.drop_column("learner", "restricted_at")
    op.drop_column("learner", "root_id")


def _let_parts_name_their_account() -> None:
    """Add the account whose outcome a part uses: it may be another one of the same person than the conversion's."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuilt((*PART[:3], ("account_id", sa.Uuid(), False), *PART[3:]), "learner_id", ties_lots=False)
        return
    op.drop_constraint("fk_conversion_part_learner_id_lot_id", "conversion_part", type_="foreignkey")
    op.add_column("conversion_part", sa.Column("account_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE conversion_part SET account_id = learner_id")
    op.alter_column("conversion_part", "account_id", nullable=False)


def _tie_parts_to_their_conversions_account() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuilt(PART, None, ties_lots=True)
        return
    op.drop_column("conversion_part", "account_id")
    op.create_foreign_key(
        "fk_conversion_part_learner_id_lot_id",
        "conversion_part",
        "lot",
        ["learner_id", "lot_id"],
        ["learner_id", "id"],
    )


def _rebuilt(
    columns: tuple[tuple[str, sa.types.TypeEngine, bool], ...], account: str | None, *, ties_lots: bool
) -> None:
    """Make SQLite's table anew, which can't drop a constraint; `account` is where the account's id comes from."""
    constraints = [
        sa.CheckConstraint("granted_hundredths > 0", name=op.f("ck_conversion_part_granted")),
        sa.CheckConstraint("lapsed_hundredths BETWEEN 0 AND spent_hundredths", name=op.f("ck_conversion_part_lapsed")),
        sa.CheckConstraint(
            "(spent_hundredths = 0) OR (lot_id IS NOT NULL)", name=op.f("ck_conversion_part_spends_a_lot")
        ),
        sa.CheckConstraint(
            "state IN ('held', 'converted', 'released', 'declined', 'undone')", name=op.f("ck_conversion_part_state")
        ),
        sa.ForeignKeyConstraint(
            ["learner_id", "conversion_id"],
            ["conversion.learner_id", "conversion.id"],
            name="fk_conversion_part_learner_id_conversion_id",
        ),
        sa.PrimaryKeyConstraint("learner_id", "conversion_id", "number", name="pk_conversion_part"),
    ]
    if ties_lots:
        constraints.append(
            sa.ForeignKeyConstraint(
                ["learner_id", "lot_id"], ["lot.learner_id", "lot.id"], name="fk_conversion_part_learner_id_lot_id"
            )
        )
    op.drop_index("ix_conversion_part_outcome_id", "conversion_part")
    made = [sa.Column(name, kind, nullable=nullable) for name, kind, nullable in columns]
    op.create_table("conversion_part_anew", *made, *constraints)
    names = ", ".join(name for name, _, _ in columns)
    values = ", ".join(account if name == "account_id" and account else name for name, _, _ in columns)
    op.execute(f"INSERT INTO conversion_part_anew ({names}) SELECT {values} FROM conversion_part")  # noqa: S608
    op.drop_table("conversion_part")
    op.rename_table("conversion_part_anew", "conversion_part")
    op.create_index("ix_conversion_part_outcome_id", "conversion_part", ["outcome_id"])


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
