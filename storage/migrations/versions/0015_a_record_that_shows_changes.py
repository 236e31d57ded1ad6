"""What each row of record is about, its place in the chain, and triggers that let nobody change it."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STAYS = ("number", "at", "action", "outcome", "thing", "place", "note", "digest", "link")
GOES = ("actor", "subject", "before", "after")


def upgrade() -> None:
    """Change the tables."""
    for column in (
        sa.Column("subject", sa.String(255)),
        sa.Column("thing", sa.String(300)),
        sa.Column("place", sa.String(32)),
        sa.Column("before", sa.String(60)),
        sa.Column("after", sa.String(60)),
        sa.Column("note", sa.Text()),
        sa.Column("digest", sa.LargeBinary(32)),
        sa.Column("link", sa.LargeBinary(32)),
    ):
        op.add_column("audit", column)
    op.create_table(
        "audit_anchors",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("link", sa.String(64), nullable=False),
        sa.Column("at", storage.tables.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_audit_anchors")),
    )
    for name in ("actor", "subject", "thing"):
        op.create_index(f"ix_audit_{name}", "audit", [name])
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.get_bind().exec_driver_sql(statement)


def _only_forgets(same: str) -> str:
    """Return the condition that a change takes away who and why, and nothing else."""
    kept = [f'NEW."{name}" {same} OLD."{name}"' for name in STAYS]
    gone = [f'NEW."{name}" IS NULL' for name in GOES]
    return " AND ".join(["NEW.cause = ''", *gone, *kept])


def _sqlite() -> list[str]:
    refuse = "BEGIN SELECT RAISE(ABORT, 'the record is only added to'); END"
    return [
        f"CREATE TRIGGER audit_not_deleted BEFORE DELETE ON audit {refuse}",
        f"CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit WHEN NOT ({_only_forgets('IS')}) {refuse}",
    ]


def _postgresql() -> list[str]:
    forgets = _only_forgets("IS NOT DISTINCT FROM")
    function = f"""
        CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'UPDATE' THEN IF {forgets} THEN RETURN NEW; END IF; END IF;
            RAISE EXCEPTION 'the record is only added to';
        END $$"""
    refuse = "EXECUTE FUNCTION audit_is_only_added_to()"
    return [
        function,
        f"CREATE TRIGGER audit_not_changed BEFORE UPDATE OR DELETE ON audit FOR EACH ROW {refuse}",
        f"CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT {refuse}",
    ]
