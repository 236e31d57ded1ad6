"""Who looked at my record."""

from __future__ import annotations

from flask import Blueprint, render_template

from console.access import here, requires
from console.desk import ask
from console.leaving_tables import leaves
from content.organisations import Right
from storage import looks, members
from storage.looks import Look
from storage.unit import Reading

pages = Blueprint("looks", __name__)


@pages.get("/looked")
@requires(Right.READ)
@leaves("looks", names=True)
def show() -> str:
    """Show who looked at the record of whoever asks, within the last year."""
    user = here().user

    async def mine(unit: Reading) -> tuple[Look, ...] | None:
        member = await members.by_user(unit, user)
        return await looks.looks_at(unit, member.id, member.organisation) if member is not None else None

    return render_template("looks/show.html", looks=ask(mine))
