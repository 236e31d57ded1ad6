"""The parts of the roster that people have given names, each person their own."""

from __future__ import annotations

from sqlalchemy import JSON, Column, String, Table, delete, select

from content.identifiers import UserId, ViewId
from content.views import View, ViewForgotten, ViewSaved, filter_from
from storage.tables import metadata
from storage.unit import Reading, Writing

views = Table(
    "roster_views",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("name", String(40), nullable=False),
    Column("query", JSON, nullable=False),
)


async def views_of(unit: Reading, user: UserId) -> tuple[View, ...]:
    """Return a person's views by name."""
    rows = await unit.rows(select(views).where(views.c.user_id == user).order_by(views.c.name, views.c.id))
    return tuple(
        View(id=ViewId(row.id), user=row.user_id, name=row.name, wanted=filter_from(row.query)) for row in rows
    )


async def write_saved(unit: Writing, fact: ViewSaved) -> None:
    """Keep a view, or what it means now."""
    view = fact.view
    await unit.put(
        views,
        {"id": view.id, "user_id": view.user, "name": view.name, "query": view.wanted.query},
        key=["id"],
    )


async def write_forgotten(unit: Writing, fact: ViewForgotten) -> None:
    """Let go of a view."""
    await unit.execute(delete(views).where(views.c.id == fact.view))
