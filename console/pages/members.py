"""The roster: who stands in it, the part of it that one looks at, and one-time codes for accounts."""

from __future__ import annotations

import hashlib
import secrets
from bisect import bisect
from collections.abc import Sequence

from flask import Blueprint, Response, abort, render_template, request
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, now, settle
from console.exporting import may_wait, progress
from console.fresh import fresh
from console.pages.edits import instant_of
from console.people import knows_discipline, names_of, open_nodes, visible
from console.tables import Table, hand_out, show_text
from console.tree import places
from console.undoing import Undo, way_back
from console.wording import fully, local, say, t, today
from console.written_sheets import Written
from content.approvals import Act
from content.decision import Decision, Fact
from content.edits import Sort
from content.franchise import why_not
from content.identifiers import MemberId, OrganisationId, derive
from content.members import CODE_LASTS, Member, issue_code
from content.organisations import Right
from content.roster import cells
from content.roster.layouts import LAYOUTS, Line
from content.strokes import by_strokes, unplaced
from content.views import UNSAID, Account, Away, Filter, Order, ViewSaved, filter_from, forget_view, save_view
from storage import approvals, edits, members, organisations, terms, timelines, upkeep
from storage import views as kept
from storage.store import Answer as Decided
from storage.store import Outcome
from storage.unit import Reading

pages = Blueprint("members", __name__)

PAGE_SIZE = 50
MOST_DEPARTED = 100
"""Of those who have left, so many are listed, the latest first; older ones are found by search."""

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits and letters that cannot be taken for each other."""

CODE_LENGTH = 10
FACTS = (
    "gender ethnicity born education degree working_since category joined full_since "  # noqa: SIM905
    "position post shift phone status floating destination out_of_touch lost_since note".split()
)
DISCIPLINE = ("status", "note")
"""What may tell of discipline, and so why somebody may not vote; not for everybody who sees the roster."""


@pages.get("/members")
@requires(Right.READ_MEMBERS)
def show() -> str:
    """Show the roster by name, a page at a time, as far as a filter lets through."""
    wanted = filter_from(request.args)
    after = (request.args.get("after", "")[:120], request.args.get("after_id", "")[:32])
    at, first = here(), not after[1]
    if wanted.place and at.node(wanted.place) is None:
        wanted = replace(wanted, place=None)

    async def look(unit: Reading) -> dict[str, object]:
        found = await _part(unit, at.roots, wanted, None if first else (after[0], MemberId(after[1])))
        everyone = await members.summary(unit, at.roots)
        return {
            "members": found[:PAGE_SIZE],
            "more": found[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None,
            "everyone": everyone,
            "matching": await members.count(unit, at.roots, wanted=wanted) if wanted.narrows else None,
            "views": await kept.views_of(unit, at.user),
            "to_erase": await _to_erase(unit) if at.may(Right.IMPORT_ROSTER) else (),
            "departed": await _departed(unit, at.roots, wanted) if first else (),
        }

    return render_template(
        "members/show.html",
        **ask(look),
        wanted=wanted,
        chips=_chips(wanted),
        accounts=[*Account],
        aways=[*Away],
        layouts=[*LAYOUTS],
        strokes=Order.STROKES,
        unsaid=UNSAID,
        first_page=first,
        places=places(at.nodes),
        nodes=open_nodes(at.within(Right.READ_MEMBERS)),
        may_import=at.may(Right.IMPORT_ROSTER),
    )


def _chips(wanted: Filter) -> list[tuple[str, str]]:
    """Return each condition as a reader sees it, with the address of the list without it."""
    place = here().node(wanted.place) if wanted.place else None
    said = {
        "q": f"“{wanted.text}”",
        "place": place.name if place else "",
        "category": t("views.unsaid") if wanted.category == UNSAID else wanted.category,
        "account": t(f"views.account_{wanted.account}") if wanted.account else "",
        "away": t(f"views.away_{wanted.away}") if wanted.away else "",
        "order": t("views.order_strokes"),
    }
    query = wanted.query
    return [
        (said[name], link("members.show", **{other: value for other, value in query.items() if other != name}))
        for name in query
    ]


async def _part(
    unit: Reading, roots: tuple[OrganisationId, ...], wanted: Filter, after: tuple[str, MemberId] | None
) -> tuple[Member, ...]:
    """Return the members of one page in the order that is wanted, and the first of the next."""
    if wanted.order is not Order.STROKES:
        return await members.roster(unit, roots, wanted=wanted, after=after, limit=PAGE_SIZE + 1)
    known = sorted((by_strokes(name), id) for name, id in await members.names(unit, roots, wanted=wanted))  # noqa: A001
    start = bisect(known, (by_strokes(after[0]), after[1])) if after else 0
    wanted_ids = [id for _, id in known[start : start + PAGE_SIZE + 1]]  # noqa: A001
    found = {one.id: one for one in await members.by_ids(unit, wanted_ids)}
    return tuple(found[id] for id in wanted_ids)  # noqa: A001


async def _departed(unit: Reading, roots: tuple[OrganisationId, ...], wanted: Filter) -> tuple[Member, ...]:
    """Return who has left, as far as what is searched for is found in it; of the kinds of members they are none."""
    if replace(wanted, text="").narrows:
        return ()
    return await members.departed(unit, roots, text=wanted.text, limit=MOST_DEPARTED)


async def _to_erase(unit: Reading) -> tuple[Member, ...]:
    """Return whose erasure waits for a second person."""
    waiting = await approvals.waiting(unit, here().roots_for(Right.IMPORT_ROSTER), acts=[Act.ERASE_PERSON])
    return await members.by_ids(unit, [MemberId(one.subject) for one in waiting]) if waiting else ()


@pages.get("/members/export/<any(filed,system,simple,roll):layout>.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ_MEMBERS)
@fresh
@may_wait("roster-{layout}")
def export(layout: str, format: str) -> Response:  # noqa: A002
    """Hand out the part of the roster that is shown, whole, in a layout that offices file."""
    wanted = filter_from(request.args)
    name, back = f"roster-{layout}", link("members.show", **wanted.query)
    return hand_out(lambda: _sheet(layout), format, name, back=back, rows=_number(wanted))


def _sheet(layout: str) -> Table:
    found = _formally()
    sheet = LAYOUTS[layout].of(found)
    standing, day = places(here().nodes), today()
    rows: list[tuple[Written, ...]] = []
    for number, one in enumerate(found, 1):
        branch, group = standing.get(one.organisation, ("", ""))
        reasons = why_not(one, on=day) if layout == "roll" else ()
        why = "；".join(say(reason.words) for reason in reasons) if knows_discipline(one.organisation) else ""
        line = Line(
            number=number, member=_handed_out(one), branch=branch, group=group, barred=bool(reasons), why_not=why
        )
        rows.append(tuple(sheet.row(line)))
        progress(number, len(found))
    header = tuple(sheet.columns)
    return Table(title=t(f"members.sheet_{layout}"), header=header, rows=tuple(rows), footer=_footer(found))


@pages.get("/members/text")
@requires(Right.READ_MEMBERS)
@fresh
def text() -> Response:
    """Show the part of the roster that is shown as plain text, to copy elsewhere: who stands where, by name."""
    wanted, found = filter_from(request.args), _formally()
    standing = places(here().nodes)
    below: dict[str, list[str]] = {}
    for one in found:
        below.setdefault("·".join(filter(None, standing.get(one.organisation, ("", "")))), []).append(one.name)
    lines = [
        t("members.text_line", place=place, n=len(names), names="、".join(names)) for place, names in below.items()
    ]
    said = "\n".join([*lines, _footer(found)])
    return show_text(t("nav.members"), said, "roster-text", len(found), back=link("members.show", **wanted.query))


def _number(wanted: Filter) -> int:
    roots = here().roots
    return ask(lambda unit: members.count(unit, roots, wanted=wanted))[0]


def _formally() -> list[Member]:
    """Return the part of the roster that is shown, place by place as an outline reads, each by 姓氏笔画."""
    at, wanted = here(), filter_from(request.args)
    order = {node.id: number for number, node in enumerate(at.nodes)}
    found = ask(lambda unit: members.roster(unit, at.roots, wanted=wanted))
    return sorted(found, key=lambda one: (order[one.organisation], by_strokes(one.name), one.id))


def _footer(found: Sequence[Member]) -> str:
    """Return the line below a list, with the names that a person has to put in their place."""
    said = t("members.sheet_footer", at=fully(now()), n=len(found))
    last = unplaced([one.name for one in found])
    return f"{said}　{t('members.unplaced', names='、'.join(last))}" if last else said


def _handed_out(member: Member) -> Member:
    """Return a member as a sheet may have them: what is not for everybody who sees the roster only for whom it is."""
    return replace(member, **{name: _shown(member, name) for name in ("phone", *DISCIPLINE)})


@pages.post("/members/views")
@requires(Right.READ_MEMBERS)
def save() -> Answer:
    """Give the part of the roster that is shown a name."""
    wanted, name, user = filter_from(request.form), request.form.get("name", ""), here().user
    by_form = cause()

    async def decide(unit: Reading) -> Decided:
        return save_view(name, wanted, user=user, present=await kept.views_of(unit, user), cause=by_form)

    outcome, to = settle(decide, actor=user), link("members.show", **wanted.query)
    saved = [fact.view.id for fact in _facts(outcome) if isinstance(fact, ViewSaved)]
    is_new = saved == [derive(by_form, "view")]
    back = (lambda: way_back("members.forget", view=saved[0])) if is_new else None
    return onward(outcome, to=to, done="view_saved", back=back)


def _facts(outcome: Outcome) -> tuple[Fact, ...]:
    return outcome.answer.facts if isinstance(outcome.answer, Decision) else ()


@pages.post("/members/views/<view>/forget")
@requires(Right.READ_MEMBERS)
def forget(view: str) -> Answer:
    """Let go of one of one's own views."""
    user = here().user

    async def decide(unit: Reading) -> Decided:
        own = await kept.views_of(unit, user)
        found = next((one for one in own if one.id == view), None)
        return forget_view(found) if found is not None else None

    known = next((one for one in ask(lambda unit: kept.views_of(unit, user)) if one.id == view), None)

    def again() -> Undo:
        return way_back("members.save", fields={"name": known.name, **known.wanted.query} if known else {})

    return onward(settle(decide, actor=user), to=link("members.show"), done="view_forgotten", back=again)


@pages.get("/members/<id>")
@requires(Right.READ_MEMBERS)
def show_one(id: str) -> str:  # noqa: A002
    """Show one person: what is known of them and from where, what they hold, what happened, and whether they vote."""
    at = here()
    before = instant_of(request.args.get("before", ""))

    async def look(unit: Reading) -> dict[str, object] | None:
        member = await visible(unit, id, at.roots)
        if member is None:
            return None
        ids = await members.doubles_of(unit, [member.id])
        found, more = await timelines.moments(unit, ids, member.user, at.roots, before=before)
        traces = await edits.traces(unit, [member.id], roots=at.roots)
        return {
            "member": member,
            "found": found,
            "more": more,
            "sources": _sources(traces),
            "names": await names_of(unit, [*(one.by for one in found), *(one.by for one in traces)]),
            "duties": await organisations.duties_of(unit, member.user) if member.user else (),
            "seats": await terms.seats_of(unit, member.id),
            "rooms": await upkeep.rooms_with(unit, member.user) if member.user else (),
            "doubles": await members.by_ids(unit, ids - {member.id}),
            "kept": await members.member(unit, member.merged_into) if member.merged_into else None,
        }

    seen = ask(look)
    if seen is None:
        abort(404)
    member = seen["member"]
    assert isinstance(member, Member)
    return render_template(
        "members/show_one.html",
        **seen,
        id=id,
        facts=[(name, _shown(member, name)) for name in FACTS],
        place=places(at.nodes).get(member.organisation, ("", "")),
        node_names={node.id: node.name for node in at.nodes},
        reasons=why_not(member, on=today(), left_on=local(member.left).date() if member.left else None),
        knows_why=knows_discipline(member.organisation) or member.user == at.user,
        kept_back=[] if knows_discipline(member.organisation) else DISCIPLINE,
        first_page=before is None,
        may_import=at.may(Right.IMPORT_ROSTER),
        own_rooms={node.id for node in at.within(Right.MANAGE_ROOMS)},
        imported=Sort.IMPORTED,
    )


def _sources(traces: tuple[edits.Trace, ...]) -> dict[str, edits.Trace]:
    """Return for each field the latest change that wrote it and stands."""
    found: dict[str, edits.Trace] = {}
    for trace in traces:
        if not trace.undone:
            for name in trace.fields:
                found.setdefault(name, trace)
    return found


def _shown(member: Member, name: str) -> str:
    value = getattr(member, name)
    if name == "phone" and value and Right.IMPORT_ROSTER not in here().rights_at(member.organisation):
        return f"···{value[-4:]}"
    if name in DISCIPLINE and not knows_discipline(member.organisation):
        return ""
    return value if isinstance(value, str) else cells.said(value)


@pages.post("/members/<id>/code")
@requires(Right.IMPORT_ROSTER)
def make_code(id: str) -> Answer:  # noqa: A002
    """Make a one-time code for a member; it is shown now and never again."""
    roots = here().roots
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    known: list[Member] = []

    async def decide(unit: Reading) -> Decided:
        member = await visible(unit, id, roots)
        if member is None:
            return None
        known.append(member)
        return issue_code(member, code_hash=hashlib.sha256(code.encode()).hexdigest(), now=unit.now)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None or outcome.repeated:
        return onward(outcome, to=link("members.show"), done="code_made")
    return render_template("members/code.html", code=grouped(code), member=known[0], until=now() + CODE_LASTS)


def grouped(code: str) -> str:
    """Return a code in two groups, as it is easier to read out; the hyphen is no part of it."""
    return f"{code[: CODE_LENGTH // 2]}-{code[CODE_LENGTH // 2 :]}"
