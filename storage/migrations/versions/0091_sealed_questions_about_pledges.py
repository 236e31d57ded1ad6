"""What is asked about pledges, and by whom, is kept so that it can be sealed; the next start seals it."""

import json

import sqlalchemy as sa
from alembic import op

from storage.tables import Instant

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

_SEALED = {"text": "text", "answer": "answer", "hidden_why": "hidden_why", "member": "member_id", "event": "event_id"}
_STAYS = (
    *("id", "pledge_id", "number", "named", "asked_at", "stand"),
    *("answered_at", "settled_at", "owner_told", "asker_told"),
)


def upgrade() -> None:
    """Change the tables."""
    instant = Instant(timezone=True)
    times = [sa.column(name, instant) for name in _STAYS if name.endswith(("_at", "_told"))]
    plain: list[sa.ColumnElement[object]] = [
        sa.column(name) for name in (*_STAYS, *_SEALED.values()) if not name.endswith(("_at", "_told"))
    ]
    rows = op.get_bind().execute(sa.select(*plain, *times).select_from(sa.table("pledge_questions"))).mappings().all()
    op.drop_table("pledge_questions")
    table = op.create_table(
        "pledge_questions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("pledge_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("asker", sa.String(length=32), nullable=True),
        sa.Column("event", sa.String(length=255), nullable=True),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("is_sealed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("asked_at", instant, nullable=False),
        sa.Column("stand", sa.String(length=10), nullable=False),
        sa.Column("answered_at", instant, nullable=True),
        sa.Column("settled_at", instant, nullable=True),
        sa.Column("owner_told", instant, nullable=True),
        sa.Column("asker_told", instant, nullable=True),
        sa.ForeignKeyConstraint(["pledge_id"], ["pledges.id"], name=op.f("fk_pledge_questions_pledge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_questions")),
    )
    for column in ("pledge_id", "asker", "event"):
        op.create_index(op.f(f"ix_pledge_questions_{column}"), "pledge_questions", [column], unique=False)
    for row in rows:
        held = {name: row[column] for name, column in _SEALED.items() if row[column]}
        values = {name: row[name] for name in _STAYS}
        values |= {"asker": row["member_id"], "event": row["event_id"], "named": bool(row["named"])}
        values["text"] = json.dumps(held, ensure_ascii=False).encode() if held else None
        op.execute(table.insert().values(**values, is_sealed=False))
