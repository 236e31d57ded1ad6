"""Finds the edits of a card by the card and what they are, however much else waits to be sent."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_index("ix_outbox_card_kind_number", "outbox", ["card_id", "kind", "number"])
    op.drop_index("ix_outbox_card_id", "outbox")
