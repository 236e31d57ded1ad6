"""Ballots that nobody changes once they are fixed, each teller's own acts, and causes of votes without an order."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

FIXED = (
    *("id", "organisation_id", "parent_id", "title", "election", "write_in", "server_seal", "needed", "public_key"),
    *("closes_at", "timezone", "expected", "roll_sha256", "manifest_sha256"),
)
NOBODY = "—"


def upgrade() -> None:
    """Change the tables."""
    op.add_column("ballots", sa.Column("issued", sa.Integer(), nullable=True))
    op.add_column("ballots", sa.Column("manifest_sha256", sa.String(length=64), nullable=True))
    for name in ("agreed", "confirmed"):
        op.add_column("ballot_tellers", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("ballot_roll", sa.Column("issued", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE ballot_roll SET issued = may_vote")
    op.add_column("ballot_links", sa.Column("code_hash", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("ballot_links", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.drop_table("ballot_seconds")
    op.create_table(
        "ballot_receipts",
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("receipt", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballots.id"], name=op.f("fk_ballot_receipts_ballot_id")),
        sa.PrimaryKeyConstraint("ballot_id", "receipt", name=op.f("pk_ballot_receipts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quiet_causes",
        sa.Column("cause", sa.String(length=80), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("cause", name=op.f("pk_quiet_causes")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_quiet_causes_day"), "quiet_causes", ["day"], unique=False)
    op.execute("DELETE FROM causes WHERE cause LIKE 'cast:%'")
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.get_bind().exec_driver_sql(statement)


def _kept(same: str, names: tuple[str, ...], *, text: tuple[str, ...] = ()) -> str:
    """Return the condition that columns stay as they are; a column of JSON is compared as text."""
    sides = [(f"CAST({{0}}.{name} AS TEXT)" if name in text else f"{{0}}.{name}") for name in names]
    return " AND ".join(f"{one.format('NEW')} {same} {one.format('OLD')}" for one in sides)


def _conditions(same: str) -> dict[str, str]:
    """Return of each table which change is none of what was fixed; whoever is erased is emptied all the same."""
    drafted = "(SELECT state FROM ballots WHERE id = OLD.ballot_id) = 'draft'"
    person = f"(NEW.name = '{NOBODY}' AND NEW.introduction = '')"
    named = _kept(same, ("name", "introduction"))
    reasons = [f"(NEW.{name} {same} OLD.{name} OR NEW.{name} = '')" for name in ("reason", "approval")]
    moved = ["NEW.issued >= OLD.issued", "NEW.voted >= OLD.voted", f"(NEW.slot {same} OLD.slot OR NEW.slot IS NULL)"]
    roll = [_kept(same, ("ballot_id", "member_id", "may_vote")), *reasons, *moved]
    tellers = _kept(same, ("ballot_id", "number", "member_id", "role", "share_key"))
    standing = _kept(same, ("ballot_id", "place", "paper_id", "member_id"))
    return {
        "ballots": f"OLD.state = 'draft' OR (NEW.state <> 'draft' AND {_kept(same, FIXED, text=('election',))})",
        "ballot_candidates": f"{drafted} OR ({standing} AND ({named} OR {person}))",
        "ballot_tellers": f"{drafted} OR ({tellers})",
        "ballot_roll": " AND ".join(roll),
    }


DELETED = {
    "ballots": "OLD.state <> 'draft'",
    "ballot_candidates": "(SELECT state FROM ballots WHERE id = OLD.ballot_id) <> 'draft'",
    "ballot_tellers": "(SELECT state FROM ballots WHERE id = OLD.ballot_id) <> 'draft'",
    "ballot_roll": "(SELECT state FROM ballots WHERE id = OLD.ballot_id) <> 'draft'",
}

ADDED = """(SELECT state FROM ballots WHERE id = NEW.ballot_id) <> 'draft' AND (
    (SELECT count(*) FROM ballot_roll WHERE ballot_id = NEW.ballot_id AND may_vote)
    >= (SELECT expected FROM ballots WHERE id = NEW.ballot_id))"""
"""A full roll takes nobody more; one that is copied from another database is filled row by row."""


def _sqlite() -> list[str]:
    refuse = "BEGIN SELECT RAISE(ABORT, 'a fixed ballot is not changed'); END"
    statements = [
        f"CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table} WHEN NOT ({condition}) {refuse}"
        for table, condition in _conditions("IS").items()
    ]
    statements += [
        f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} WHEN {condition} {refuse}"
        for table, condition in DELETED.items()
    ]
    return [*statements, f"CREATE TRIGGER ballot_roll_full BEFORE INSERT ON ballot_roll WHEN {ADDED} {refuse}"]


def _postgresql() -> list[str]:
    full = f"IF {ADDED} THEN RAISE EXCEPTION 'a fixed ballot is not changed'; END IF;"
    added = {"ballot_roll": f"IF TG_OP = 'INSERT' THEN {full} RETURN NEW; END IF;"}
    statements = []
    for table, condition in _conditions("IS NOT DISTINCT FROM").items():
        statements.append(f"""
            CREATE FUNCTION {table}_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                {added.get(table, "")}
                IF TG_OP = 'DELETE' THEN IF NOT ({DELETED[table]}) THEN RETURN OLD; END IF; END IF;
                IF TG_OP = 'UPDATE' THEN IF {condition} THEN RETURN NEW; END IF; END IF;
                RAISE EXCEPTION 'a fixed ballot is not changed';
            END $$""")
        when = "INSERT OR UPDATE OR DELETE" if table in added else "UPDATE OR DELETE"
        run = f"EXECUTE FUNCTION {table}_stay()"
        statements.append(f"CREATE TRIGGER {table}_stay BEFORE {when} ON {table} FOR EACH ROW {run}")
    return statements
