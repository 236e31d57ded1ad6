"""A hand-over of dues closes what was entered by then, not a day; and whose dues are fixed is found by the branch."""

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None

FIXED = (
    *("number", "id", "organisation_id", "entries", "since", "through", "on_day", "due_people", "paid_people", "due"),
    *("received", "handed", "reverses", "at"),
)
"""What is never changed of a hand-over."""


def upgrade() -> None:
    """Change the tables; of a hand-over from before, what had been entered by then is what it closed."""
    column = sa.Column("entries", sa.Integer(), nullable=False, server_default="0")
    op.add_column("dues_handovers", column)
    op.get_bind().exec_driver_sql(
        "UPDATE dues_handovers SET entries = (SELECT count(*) FROM dues_entries"
        " WHERE dues_entries.organisation_id = dues_handovers.organisation_id"
        " AND dues_entries.at <= dues_handovers.at)"
    )
    op.create_index(op.f("ix_dues_assessments_organisation_id"), "dues_assessments", ["organisation_id"], unique=False)
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.get_bind().exec_driver_sql(statement)


def _kept(same: str) -> str:
    """Return the condition that a row stays as it is, but for its words, and who entered it, who may be emptied."""
    stays = " AND ".join(f"NEW.{name} {same} OLD.{name}" for name in FIXED)
    return f"{stays} AND (NEW.by_user = OLD.by_user OR NEW.by_user = '')"


def _sqlite() -> list[str]:
    refuse = "BEGIN SELECT RAISE(ABORT, 'the ledger of dues is only added to'); END"
    changed = f"BEFORE UPDATE ON dues_handovers WHEN NOT ({_kept('IS')})"
    return ["DROP TRIGGER dues_handovers_stay", f"CREATE TRIGGER dues_handovers_stay {changed} {refuse}"]


def _postgresql() -> list[str]:
    return [
        f"""
        CREATE OR REPLACE FUNCTION dues_handovers_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'UPDATE' THEN IF {_kept("IS NOT DISTINCT FROM")} THEN RETURN NEW; END IF; END IF;
            RAISE EXCEPTION 'the ledger of dues is only added to';
        END $$"""
    ]
