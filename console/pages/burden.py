"""The burden meter: what was asked of members in each room in a month, beside what their organisation wants at most."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.desk import ask, now
from console.tables import Table, hand_out
from console.wording import fully, month, reader, t, today
from content.burden import Caps, Document, Meter, is_near, saved
from content.identifiers import OrganisationId
from content.organisations import Kind, Organisation, Right
from storage import burden
from storage.unit import Reading

pages = Blueprint("burden", __name__)

ROOMS_SHOWN = 40
MONTHS_OFFERED = 6
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


class Line(Struct, frozen=True, kw_only=True):
    """One branch in a month: its room's meter, the one of the month before, and its caps."""

    node: Organisation
    meter: Meter
    before: Meter
    caps: Caps

    @property
    def near(self) -> bool:
        """Tell whether the room comes near to its cap."""
        return is_near(self.meter, self.caps)


@pages.get("/participation/burden")
@requires(Right.READ)
def show() -> str:
    """Show the meter of each branch."""
    first = _month_wanted()
    lines, more, taken = _lines(first)
    return render_template(
        "burden/show.html",
        lines=lines,
        more=more,
        taken=taken,
        table=_table(lines),
        month=first,
        offered=_offered([line.node for line in lines]),
        near="burden.near" if first == today().replace(day=1) else "burden.near_in",
        widest=_widest(lines),
    )


def _offered(branches: list[Organisation]) -> list[date]:
    """Return the months to choose from, the last first: as far ahead as anything is planned, at least the next one."""
    present = today().replace(day=1)
    planned = ask(lambda unit: burden.planned_until(unit, branches)) or present
    offered = [max((present + timedelta(days=32)).replace(day=1), planned.replace(day=1))]
    while (offered[0].year - present.year) * 12 + offered[0].month - present.month + MONTHS_OFFERED > len(offered):
        offered.append((offered[-1] - timedelta(days=1)).replace(day=1))
    return offered


def _widest(lines: list[Line]) -> int:
    """Return how many posts the chart is wide: the most of any room, sent and planned, and of any cap near to that."""
    most = max((line.meter.posts + line.meter.planned for line in lines), default=0)
    return max([most, 1, *(line.caps.month for line in lines)])


@pages.get("/participation/burden.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ)
def export(format: str) -> Response:  # noqa: A002
    """Hand the meter out as the screen shows it."""
    first = _month_wanted()
    table = _table(_lines(first)[0])
    footer = t("participation.footer", at=fully(now()), period=month(first))
    return hand_out(table, format, "burden", footer, back=link("burden.show", month=f"{first:%Y-%m}"))


def _month_wanted() -> date:
    written = request.args.get("month", "")
    if written and not _MONTH.fullmatch(written):
        abort(400)
    return date.fromisoformat(f"{written}-01") if written else today().replace(day=1)


def _lines(first: date) -> tuple[list[Line], bool, int]:
    """Return the meters of a month, whether there are more branches, and how many tables were taken from records."""
    branches = [node for node in here().within(Right.READ) if node.kind is Kind.BRANCH and node.closed is None]
    shown = branches[:ROOMS_SHOWN]
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    earlier = (first - timedelta(days=1)).replace(day=1)
    zone = ZoneInfo(reader().timezone)
    roots = here().roots
    ends = [datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1))]

    async def read(
        unit: Reading,
    ) -> tuple[
        dict[OrganisationId, Meter], dict[OrganisationId, Meter], dict[OrganisationId, Caps], tuple[Document, ...]
    ]:
        return (
            await burden.meters(unit, shown, since=first, until=last),
            await burden.meters(unit, shown, since=earlier, until=first - timedelta(days=1)),
            await burden.caps(unit, [node.id for node in shown]),
            await burden.documents(unit, roots, since=ends[0], until=ends[1], timezone=str(zone)),
        )

    meters, before, caps, taken = ask(read)
    lines = [Line(node=node, meter=meters[node.id], before=before[node.id], caps=caps[node.id]) for node in shown]
    return lines, len(branches) > len(shown), saved(taken)


def _table(lines: list[Line]) -> Table:
    columns = ("branch", "posts", "cap", "planned", "mentions", "asks", "minutes", "minutes_cap", "at_night", "before")
    return Table(
        title=t("burden.title"),
        header=tuple(t(f"burden.column_{name}") for name in columns),
        rows=tuple(
            (
                line.node.name,
                line.meter.posts,
                line.caps.month,
                line.meter.planned,
                line.meter.mentions,
                line.meter.asks,
                line.meter.minutes,
                line.caps.minutes,
                line.meter.at_night,
                line.before.posts,
            )
            for line in lines
        ),
    )
