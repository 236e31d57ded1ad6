"""What people were asked back in private, and for how long their answer is waited for."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Boolean, Column, String, Table, bindparam, select, update

from content.help_cases import ABOUT as HELP
from content.help_cases import HelpInquiryForgotten
from content.identifiers import UserId
from content.inquiries import InquiryEnded, InquiryMade
from content.surveys import QuestionAsked
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

REMEMBERED = timedelta(days=30)
"""How long it is known that something was asked, so that it is not asked twice."""

inquiries = Table(
    "inquiries",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("about", String(32), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("ended", Boolean, nullable=False),
)


_WAITING = Prepared(
    select(inquiries.c.about)
    .where(
        inquiries.c.user_id == bindparam("user"),
        inquiries.c.ended.is_(False),
        inquiries.c.until > bindparam("now", type_=Instant),
    )
    .order_by(inquiries.c.at.desc(), inquiries.c.about)
    .limit(1)
)


async def waiting(unit: Reading, user: UserId) -> str | None:
    """Return what a person was asked about last and has not answered yet, while an answer is waited for."""
    about: str | None = await unit.value(_WAITING, {"user": user, "now": unit.now})
    return about


_MADE = Prepared(
    select(inquiries.c.at).where(inquiries.c.user_id == bindparam("user"), inquiries.c.about == bindparam("subject"))
)


async def was_made(unit: Reading, user: UserId, about: str) -> bool:
    """Tell whether a person was asked about this before."""
    return await unit.value(_MADE, {"user": user, "subject": about}) is not None


async def write_made(unit: Writing, fact: InquiryMade | QuestionAsked) -> None:
    """Wait for an answer."""
    await unit.put(
        inquiries,
        {"user_id": fact.user, "about": fact.about, "at": fact.at, "until": fact.until, "ended": False},
        key=["user_id", "about"],
    )


async def write_ended(unit: Writing, fact: InquiryEnded) -> None:
    """Wait no longer."""
    place = (inquiries.c.user_id == fact.user) & (inquiries.c.about == fact.about)
    if fact.about == HELP:
        # Who then asks without a name would stand beside it, by the minute.
        await unit.execute(inquiries.delete().where(place))
        return
    await unit.execute(update(inquiries).where(place).values(ended=True))


async def write_forgotten(unit: Writing, fact: HelpInquiryForgotten) -> None:
    """Wait no longer, and keep nothing of having waited."""
    await unit.execute(inquiries.delete().where(inquiries.c.user_id == fact.user, inquiries.c.about == HELP))


async def forget_about(unit: Writing, about: str) -> None:
    """Forget who was asked about something that is over."""
    await unit.execute(inquiries.delete().where(inquiries.c.about == about))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget what was asked long ago."""
    await unit.execute(inquiries.delete().where(inquiries.c.at < now - REMEMBERED))
