"""Choosing model members: call, nominate, review, decide with the votes as a reference, post, hear objections, file."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, time, timedelta

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console import selection_papers
from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.desk import ask, desk, now, settle
from console.exporting import note_export
from console.fresh import fresh
from console.leaving_tables import leaves, up_to
from console.tables import Table, download, hand_out
from console.word import CONTENT_TYPE
from console.wording import t, today
from content import lessons
from content import model_members as rules
from content.ballots import Ballot, look_alike
from content.decision import Decision, Refusal, discreetly, refused
from content.franchise import why_not
from content.identifiers import MemberId, OrganisationId, SelectionId, UserId, derive
from content.members import Member
from content.model_members import Nominee, Objection, Selection, Stage
from content.organisations import Organisation, Right
from content.schedules import instant
from content.settings import POSTING_DAY, YES
from content.strokes import by_strokes
from storage import ballots, members, organisations, settings, workdays
from storage import lessons as stored_lessons
from storage import model_members as stored
from storage.store import Answer as Decided
from storage.store import Decide
from storage.unit import Reading

pages = Blueprint("model_members", __name__)

MOST_SHOWN = 100
_ID = re.compile("[a-z2-7]{24}")
_NUMBER = re.compile("[0-9]{1,3}")


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the form of a call, whether or not it can be meant."""

    id: str
    organisation: str = ""
    title: str = ""
    places: str = "1"
    date: str = ""
    time: str = "18:00"


class Seen(Struct, frozen=True, kw_only=True):
    """What the page of a selection shows; objections only to who hears them, ``mine`` is one's own nomination."""

    nominees: tuple[Nominee, ...]
    nominations: Mapping[MemberId, tuple[tuple[MemberId, OrganisationId | None, str], ...]]
    names: Mapping[MemberId, str]
    posts: Mapping[MemberId, str]
    ballot: Ballot | None
    votes: Mapping[MemberId, int]
    objections: tuple[Objection, ...]
    waiting: int
    hears: bool
    hearers: tuple[Member, ...]
    member: Member | None
    mine: Nominee | None
    group: OrganisationId | None
    untold: tuple[Nominee, ...]


@pages.get("/model-members")
@requires(Right.READ)
@leaves("selections")
def show() -> str:
    """Show the selections, the latest call first."""
    roots = here().roots
    found = ask(lambda unit: stored.of_roots(unit, roots, limit=up_to(MOST_SHOWN)))
    return render_template("model_members/show.html", found=found, most=MOST_SHOWN)


@pages.route("/model-members/new", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def start() -> Answer:
    """Call for nominations."""
    nodes = here().within(Right.IMPORT_ROSTER)
    if request.method == "GET":
        new = derive(secrets.token_urlsafe(24), "selection")
        day = (today() + timedelta(days=7)).isoformat()
        return _form(Fields(id=new, organisation=nodes[0].id if nodes else "", date=day), nodes)
    fields = Fields(**{name: request.form.get(name, "").strip() for name in Fields.__struct_fields__})
    if not _ID.fullmatch(fields.id):
        abort(400)
    user = here().user

    async def decide(unit: Reading) -> Decided:
        one = _called(fields, nodes)
        if isinstance(one, Refusal):
            return one
        if await stored.selection(unit, one.id) is not None:
            return refused("selection.not_now", title=one.title)
        return rules.call(one, author=user, rooms=await stored.branch_rooms(unit, one.organisation), now=unit.now)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, nodes, outcome.refusal)
    return see(link("model_members.show_one", id=fields.id), "repeated" if outcome.repeated else "selection_called")


@pages.get("/model-members/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show where a selection stands; who was nominated is for the committee, what is objected for who hears it."""
    return _page(_visible(id))


@pages.post("/model-members/<id>/nominate")
@requires(Right.READ)
def nominate(id: str) -> Answer:  # noqa: A002
    """Nominate somebody, as a member who is at the console or for the group that one leads."""
    user, name, reason = here().user, request.form.get("name", "").strip(), request.form.get("reason", "")
    for_group = request.form.get("for_group") == "yes"

    async def decide(one: Selection, unit: Reading) -> Decided:
        me = await members.by_user(unit, user)
        if me is None or not await organisations.stands_below(unit, me.organisation, [one.organisation]):
            return refused("help.not_on_roster")
        group = await stored.group_led(unit, user, one.organisation) if for_group else None
        if for_group and group is None:
            return refused("selection.no_group")
        people = await members.roster(unit, [one.organisation])
        found = [each for each in people if (each.user == name if name[:1] == "@" else look_alike(each.name, name))]
        if len(found) != 1:
            which = "selection.nobody_of_the_name" if not found else "selection.several_of_the_name"
            return refused(which, field="name")
        (nominee,) = found
        return rules.nominate(
            one,
            await stored.nominee(unit, one.id, nominee.id),
            nominee.id,
            nominee.user,
            barred=bool(why_not(nominee, on=one.day(unit.now))),
            by=me.id,
            sender=user,
            group=group,
            made=await stored.made_by(unit, one.id, me.id),
            reason=reason,
            now=unit.now,
        )

    async def decide_discreetly(one: Selection, unit: Reading) -> Decided:
        return discreetly(await decide(one, unit))

    return _taken(id, decide_discreetly, "selection_nominated")


@pages.post("/model-members/<id>/answer")
@requires(Right.READ)
def answer(id: str) -> Answer:  # noqa: A002
    """Answer one's own nomination."""
    user, agreed = here().user, request.form.get("agreed") == "yes"

    async def decide(one: Selection, unit: Reading) -> Decided:
        me = await members.by_user(unit, user)
        nominee = await stored.nominee(unit, one.id, me.id) if me is not None else None
        return rules.answer(one, nominee, agreed, to=None)

    return _taken(id, decide, "selection_answered")


@pages.post("/model-members/<id>/consent")
@requires(Right.IMPORT_ROSTER)
def consent(id: str) -> Answer:  # noqa: A002
    """Note what somebody has answered who does not do so in chat."""
    who, agreed = MemberId(request.form.get("member", "")), request.form.get("agreed") == "yes"

    async def decide(one: Selection, unit: Reading) -> Decided:
        return rules.answer(one, await stored.nominee(unit, one.id, who), agreed, to=None)

    return _taken(id, decide, "selection_answered")


@pages.post("/model-members/<id>/review")
@requires(Right.IMPORT_ROSTER)
def review(id: str) -> Answer:  # noqa: A002
    """Say of everyone who agreed that they go forward, or why not."""
    deeds, rejected = _each("deeds"), _each("reject")

    async def decide(one: Selection, unit: Reading) -> Decided:
        found = await stored.nominees(unit, one.id)
        people = await members.by_ids(unit, [each.member for each in found])
        accounts = {each.id: each.user for each in people if each.user is not None}
        return rules.review(one, found, deeds=deeds, rejected=rejected, accounts=accounts, now=unit.now)

    return _taken(id, decide, "selection_reviewed")


@pages.post("/model-members/<id>/decide")
@requires(Right.IMPORT_ROSTER)
@fresh
def decide(id: str) -> Answer:  # noqa: A002
    """Enter what the committee has decided."""
    user, chosen = here().user, [MemberId(one) for one in request.form.getlist("chosen")]
    opinions, departure = _each("opinion"), request.form.get("departure", "")

    async def verb(one: Selection, unit: Reading) -> Decided:
        ballot, votes = await _voted(unit, one)
        return rules.decide(
            one,
            await stored.nominees(unit, one.id),
            ballot,
            votes,
            chosen=chosen,
            opinions=opinions,
            departure=departure,
            by=user,
            today=one.day(unit.now),
        )

    return _taken(id, verb, "selection_decided")


@pages.post("/model-members/<id>/post")
@requires(Right.IMPORT_ROSTER)
@fresh
def post(id: str) -> Answer:  # noqa: A002
    """Post the notice, or its correction."""
    user, days = here().user, _number("days")
    contact, phone = request.form.get("contact", ""), request.form.get("phone", "").strip()

    async def verb(one: Selection, unit: Reading) -> Decided:
        hearers = await _hearers(unit, one)
        found = await stored.nominees(unit, one.id)
        people = await members.by_ids(unit, [*(each.member for each in found), *(each.id for each in hearers)])
        return rules.post(
            one,
            found,
            names={each.id: each.name for each in people},
            hearers=[each.id for each in hearers],
            contact=MemberId(contact),
            phone=phone,
            days=days,
            calendar=await workdays.calendar(unit),
            rooms=await stored.branch_rooms(unit, one.organisation),
            by=user,
            today=one.day(unit.now),
            today_counts=await settings.value_of(unit, one.organisation, POSTING_DAY) == YES,
        )

    return _taken(id, verb, "selection_posted")


@pages.post("/model-members/<id>/objections/<objection>")
@requires(Right.READ_MEMBERS)
@fresh
def settle_objection(id: str, objection: str) -> Answer:  # noqa: A002
    """Give an objection its outcome, as who hears them."""
    user, upheld = here().user, request.form.get("upheld") == "yes"
    against, said = MemberId(request.form.get("against", "")), request.form.get("answer", "")

    async def verb(one: Selection, unit: Reading) -> Decided:
        if user not in await stored.hearers(unit, one):
            return None
        found = next((each for each in await stored.objections(unit, one.id) if each.id == objection), None)
        if found is None:
            return None
        objector = await members.member(unit, found.member)
        return rules.settle_objection(
            one,
            found,
            await stored.nominees(unit, one.id),
            upheld=upheld,
            against=against or None,
            answer=said,
            by=user,
            objector=objector.user if objector is not None else None,
            today=one.day(unit.now),
        )

    return _taken(id, verb, "objection_settled")


@pages.post("/model-members/<id>/end")
@requires(Right.IMPORT_ROSTER)
@fresh
def end(id: str) -> Answer:  # noqa: A002
    """Let a selection come to nothing."""

    async def verb(one: Selection, _: Reading) -> Decided:
        return rules.end(one)

    return _taken(id, verb, "selection_ended")


@pages.post("/model-members/<id>/stories")
@requires(Right.WRITE_LESSONS)
def write_stories(id: str) -> Answer:  # noqa: A002
    """Draft a story of everyone who was announced, to be read and agreed to by them before anyone else reads it."""
    one, user = _visible(id), here().user
    seen = ask(lambda unit: _seen(unit, one, user))
    stories = {each.member: _story(one, each, seen.names.get(each.member, "")) for each in seen.untold}

    async def verb(selection: Selection, unit: Reading) -> Decided:
        if selection.stage is not Stage.ANNOUNCED:
            return refused("selection.not_now", title=selection.title)
        untold = await _untold(unit, selection, await stored.nominees(unit, selection.id))
        drafts = [stories[each.member] for each in untold if each.member in stories]
        if not drafts:
            return refused("selection.stories_drafted")
        written = [lessons.write_lesson(each, author=user) for each in drafts]
        return next((each for each in written if isinstance(each, Refusal)), None) or Decision(
            facts=tuple(fact for each in written if isinstance(each, Decision) for fact in each.facts)
        )

    outcome = settle(_on(id, verb), actor=user)
    if outcome.refusal is not None:
        return _page(_visible(id), outcome.refusal), 422
    return onward(outcome, to=link("lessons.show"), done="stories_drafted")


@pages.get("/model-members/<id>/table.<any(xlsx,csv,docx,text):format>")
@requires(Right.IMPORT_ROSTER)
@fresh
def export(id: str, format: str) -> Response:  # noqa: A002
    """Give out the sheet of a selection: who was nominated by whom, the votes, and what was decided."""
    one = _visible(id)
    header, rows = selection_papers.sheet(_known(one), desk().speech)
    table = Table(title=one.title, header=header, rows=rows)
    return hand_out(
        table, format, "selection", t("selection.reference"), back=link("model_members.show_one", id=one.id)
    )


@pages.get("/model-members/<id>/<sheet>.docx")
@requires(Right.IMPORT_ROSTER)
@fresh
def give_out(id: str, sheet: str) -> Response:  # noqa: A002
    """Give out a paper to print and to file: the forms, the summary, the notice."""
    one = _visible(id)
    write = selection_papers.SHEETS.get(sheet)
    written = write(_known(one), desk().speech) if write is not None else None
    if written is None:
        abort(404)
    note_export(f"selection:{sheet}", 1)
    return download(written, CONTENT_TYPE, f"zhibu-{sheet}-{one.id}.docx")


def _page(one: Selection, refusal: Refusal | None = None) -> str:
    user = here().user
    seen = ask(lambda unit: _seen(unit, one, user))
    refusals = [refusal] if refusal else []
    return render_template(
        "model_members/show_one.html",
        one=one,
        seen=seen,
        by=lambda found: sorted(found, key=lambda each: by_strokes(seen.names.get(each.member, ""))),
        chosen=rules.chosen_of(seen.nominees),
        nominating=one.stage is Stage.CALLED and now() < one.nominate_until,
        departs=bool(one.departure),
        sheets=[name for name, ready in selection_papers.READY.items() if one.stage in ready],
        fewest=rules.FEWEST_DAYS,
        typed=request.form,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )


async def _seen(unit: Reading, one: Selection, user: UserId) -> Seen:
    found = await stored.nominees(unit, one.id)
    nominations: dict[MemberId, list[tuple[MemberId, OrganisationId | None, str]]] = {}
    for nominee, by, group, reason in await stored.nominations(unit, one.id):
        nominations.setdefault(nominee, []).append((by, group, reason))
    hears = user in await stored.hearers(unit, one)
    objections = await stored.objections(unit, one.id) if hears else ()
    hearers = await _hearers(unit, one)
    known = {each.member for each in found} | {by for said in nominations.values() for by, _, _ in said}
    known |= {each.member for each in objections} | ({one.contact} if one.contact else set())
    people = await members.by_ids(unit, sorted(known))
    ballot, votes = await _voted(unit, one)
    me = await members.by_user(unit, user)
    return Seen(
        nominees=found,
        nominations={nominee: tuple(said) for nominee, said in nominations.items()},
        names={each.id: each.name for each in people},
        posts={each.id: each.post for each in people},
        ballot=ballot,
        votes=votes,
        objections=objections,
        waiting=await stored.waiting(unit, one.id),
        hears=hears,
        hearers=hearers,
        member=me,
        mine=await stored.nominee(unit, one.id, me.id) if me is not None else None,
        group=await stored.group_led(unit, user, one.organisation),
        untold=await _untold(unit, one, found),
    )


def _known(one: Selection) -> selection_papers.Known:
    user, node = here().user, here().node(one.organisation)
    seen = ask(lambda unit: _seen(unit, one, user))
    groups = {each.id: each.name for each in here().nodes}
    return selection_papers.Known(
        selection=one,
        organisation=node.name if node else "",
        nominees=tuple(sorted(seen.nominees, key=lambda each: by_strokes(seen.names.get(each.member, "")))),
        nominations=seen.nominations,
        names=seen.names,
        posts=seen.posts,
        groups=groups,
    )


async def _voted(unit: Reading, one: Selection) -> tuple[Ballot | None, Mapping[MemberId, int]]:
    """Return the vote of recommendation, and its votes once they are certified."""
    ballot = await ballots.ballot(unit, one.ballot) if one.ballot else None
    if ballot is None or ballot.decided_on is None:
        return ballot, {}
    result = await ballots.result(unit, ballot.id)
    return ballot, rules.votes_of(ballot, (result or {}).get("tally") or {})


async def _hearers(unit: Reading, one: Selection) -> tuple[Member, ...]:
    accounts = await stored.hearers(unit, one)
    found = [await members.by_user(unit, each) for each in sorted(accounts)]
    return tuple(each for each in found if each is not None)


async def _untold(unit: Reading, one: Selection, found: tuple[Nominee, ...]) -> tuple[Nominee, ...]:
    """Return those chosen of whom no story is drafted yet."""
    chosen = rules.chosen_of(found)
    stories = {each.member: rules.story_of(one.id, each.member) for each in chosen}
    drafted = {member for member, story in stories.items() if await stored_lessons.lesson(unit, story) is not None}
    return tuple(each for each in chosen if each.member not in drafted)


def _story(one: Selection, nominee: Nominee, name: str) -> lessons.Lesson:
    return lessons.Lesson(
        id=rules.story_of(one.id, nominee.member),
        owner=one.organisation,
        kind=lessons.Kind.LESSON,
        title=t("selections.story_title", name=name),
        body=t("selections.story", name=name, title=one.title, deeds=nominee.deeds or selection_papers.MISSING),
    )


def _taken(id: str, verb: Callable[[Selection, Reading], Awaitable[Decided]], done: str) -> Answer:  # noqa: A002
    outcome = settle(_on(id, verb), actor=here().user)
    if outcome.refusal is not None:
        return _page(_visible(id), outcome.refusal), 422
    return onward(outcome, to=link("model_members.show_one", id=id), done=done)


def _on(id: str, verb: Callable[[Selection, Reading], Awaitable[Decided]]) -> Decide:  # noqa: A002
    """Return how something is decided for a selection that this person may see."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        one = await stored.visible(unit, roots, SelectionId(id))
        return None if one is None else await verb(one, unit)

    return decide


def _visible(id: str) -> Selection:  # noqa: A002
    roots = here().roots
    found = ask(lambda unit: stored.visible(unit, roots, SelectionId(id)))
    if found is None:
        abort(404)
    return found


def _called(fields: Fields, nodes: tuple[Organisation, ...]) -> Selection | Refusal:
    """Turn the fields into a call; what it says is judged by its own rule."""
    node = next((one for one in nodes if one.id == fields.organisation), None)
    if node is None:
        return refused("selection.no_place", field="organisation")
    try:
        day, at = date.fromisoformat(fields.date), time.fromisoformat(fields.time).replace(tzinfo=None)
        until = instant(day, at, node.timezone)
    except (ValueError, OverflowError):
        return refused("poll.bad_date", field="date")
    return Selection(
        id=SelectionId(fields.id),
        organisation=node.id,
        title=" ".join(fields.title.split()),
        places=int(fields.places) if _NUMBER.fullmatch(fields.places) else 0,
        nominate_until=until,
        timezone=node.timezone,
    )


def _form(fields: Fields, nodes: tuple[Organisation, ...], refusal: Refusal | None = None) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "model_members/start.html", fields=fields, nodes=nodes, refusals=refusals, by_field=first_by_field(refusals)
    )
    return page, 422 if refusals else 200


def _each(name: str) -> dict[MemberId, str]:
    """Return what was typed about each of several people; nothing of who was left out."""
    typed = {key.removeprefix(f"{name}-"): value for key, value in request.form.items() if key.startswith(f"{name}-")}
    return {MemberId(key): " ".join(value.split()) for key, value in typed.items() if value.strip()}


def _number(name: str) -> int:
    """Return a whole number of the form; what is none is -1, which no figure may be."""
    value = request.form.get(name, "").strip()
    return int(value) if _NUMBER.fullmatch(value) else -1
