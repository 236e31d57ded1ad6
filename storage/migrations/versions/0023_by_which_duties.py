"""By which duties, and where held, somebody did what a row of record says; forgotten with who it was."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

STAYS = ("number", "at", "action", "outcome", "thing", "place", "note", "digest", "link")
GOES = ("actor", "subject", "before", "after", "authority")


def upgrade() -> None:
    """Change the tables."""
    op.add_column("audit", sa.Column("authority", sa.String(300)))
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
        "DROP TRIGGER audit_not_changed",
        f"CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit WHEN NOT ({_only_forgets('IS')}) {refuse}",
    ]


def _postgresql() -> list[str]:
    return [
        f"""
        CREATE OR REPLACE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'UPDATE' THEN IF {_only_forgets("IS NOT DISTINCT FROM")} THEN RETURN NEW; END IF; END IF;
            RAISE EXCEPTION 'the record is only added to';
        END $$"""
    ]
