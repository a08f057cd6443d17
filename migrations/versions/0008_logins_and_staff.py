"""Logins, staff and counters; and lines of the audit log may go once they are 180 days old, by the schema's owner."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ROLES = (
    "'registrar', 'reviewer', 'rule_author', 'publisher', 'auditor', 'system_administrator', "
    "'security_administrator', 'audit_administrator', 'proxy_operator'"
)

REFUSE_YOUNG = """
    CREATE FUNCTION refuse_loss_of_young() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.happened_at > now() - INTERVAL '180 days' THEN
            RAISE EXCEPTION '% is kept for 180 days', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END $$
"""


def upgrade() -> None:
    _create_logins()
    _create_staff()
    _create_counters()
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_no_delete ON audit")
        op.execute("DROP FUNCTION refuse_loss_of_young()")
        op.execute(
            "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    else:
        op.execute("DROP TRIGGER audit_no_delete")
        op.execute(
            "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
            " BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        )
    for table in (
        *("proxy_tries", "proxy_session", "login_index", "staff_login", "learner_login", "link_code"),
        *("login_ticket", "login_attempt", "staff_invitation", "staff_role", "staff"),
    ):
        op.drop_table(table)


def _create_staff() -> None:
    op.create_table(
        "staff_role",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("is_granted", sa.Boolean(name="is_granted"), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"role IN ({ROLES})", name=op.f("ck_staff_role_role")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_staff_role_staff_id"),
        sa.PrimaryKeyConstraint("staff_id", "number", name="pk_staff_role"),
    )
    op.create_table(
        "staff_invitation",
        sa.Column("invitation_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_staff_invitation_staff_id"),
        sa.PrimaryKeyConstraint("invitation_hash", name="pk_staff_invitation"),
    )
    op.create_index("ix_staff_invitation_staff_id", "staff_invitation", ["staff_id"], unique=False)


def _create_logins() -> None:
    op.create_table(
        "login_attempt",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("sealed_secrets", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_login_attempt"),
    )
    op.create_index("ix_login_attempt_expires_at", "login_attempt", ["expires_at"], unique=False)
    op.create_table(
        "login_ticket",
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.String(length=16), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("sealed_subject", sa.LargeBinary(), nullable=False),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("holder IN ('learners', 'staff')", name=op.f("ck_login_ticket_holder")),
        sa.CheckConstraint("wrong_tries BETWEEN 0 AND 9", name=op.f("ck_login_ticket_wrong_tries")),
        sa.PrimaryKeyConstraint("ticket_hash", name="pk_login_ticket"),
    )
    op.create_index("ix_login_ticket_expires_at", "login_ticket", ["expires_at"], unique=False)
    op.create_table(
        "link_code",
        sa.Column("code_index", sa.LargeBinary(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code_index", name="pk_link_code"),
    )
    op.create_index("ix_link_code_learner_id", "link_code", ["learner_id"], unique=False)
    op.create_index("ix_link_code_expires_at", "link_code", ["expires_at"], unique=False)
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("is_active", sa.Boolean(name="is_active"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name="fk_staff_institution_id"),
        sa.PrimaryKeyConstraint("id", name="pk_staff"),
    )
    _create_holders()


def _create_holders() -> None:
    op.create_table(
        "learner_login",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("sealed_subject", sa.LargeBinary(), nullable=False),
        sa.Column("linked_by", sa.String(length=64), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_learner_login_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_learner_login"),
    )
    op.create_table(
        "staff_login",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("sealed_subject", sa.LargeBinary(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_staff_login_staff_id"),
        sa.PrimaryKeyConstraint("staff_id", "id", name="pk_staff_login"),
    )
    op.create_table(
        "login_index",
        sa.Column("subject_index", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.String(length=16), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.CheckConstraint("holder IN ('learners', 'staff')", name=op.f("ck_login_index_holder")),
        sa.PrimaryKeyConstraint("subject_index", "holder", name="pk_login_index"),
    )
    op.create_index("ix_login_index_holder_id", "login_index", ["holder_id"], unique=False)
    op.create_index("ix_login_index_key_id", "login_index", ["key_id"], unique=False)


def _create_counters() -> None:
    op.create_table(
        "proxy_session",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"], name="fk_proxy_session_learner_id"),
        sa.PrimaryKeyConstraint("learner_id", "id", name="pk_proxy_session"),
    )
    op.create_table(
        "proxy_tries",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.CheckConstraint("failed >= 0", name=op.f("ck_proxy_tries_failed")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_proxy_tries_staff_id"),
        sa.PrimaryKeyConstraint("staff_id", "day", name="pk_proxy_tries"),
    )


def _guard_postgresql() -> None:
    for event in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER staff_role_no_{event} BEFORE {event.upper()} ON staff_role"
            f" FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER staff_role_no_truncate BEFORE TRUNCATE ON staff_role"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(REFUSE_YOUNG)
    op.execute("DROP TRIGGER audit_no_delete ON audit")
    op.execute(
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_loss_of_young()"
    )


def _guard_sqlite() -> None:
    for event in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER staff_role_no_{event} BEFORE {event.upper()} ON staff_role"
            f" BEGIN SELECT RAISE(ABORT, 'staff_role is append-only'); END"
        )
    op.execute("DROP TRIGGER audit_no_delete")
    op.execute(
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
        " WHEN julianday(OLD.happened_at) > julianday('now') - 180"
        " BEGIN SELECT RAISE(ABORT, 'audit is kept for 180 days'); END"
    )
