"""守护: what each place and each of its rooms is looked at for, the lists, and a box to try the rules on samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, desk, now, settle
from console.leaving_tables import leaves, up_to
from console.undoing import way_back
from console.wording import say, t
from content import guards as rules
from content import rehearsals as rehearsals_rules
from content.decision import Decision, Fact, Refusal, refused
from content.guarding import Found, Post, rehearse
from content.guards import KINDS, KNOBS, LIST_OF, MOST_ENTRIES, Guard, Kind, Level, Lists, Place, Sort
from content.identifiers import EventId, OrganisationId, RehearsalId, RoomId, UserId, derive
from content.organisations import Organisation, Right
from content.power import may, may_send
from content.rooms import Room
from content.settings import NO, Setting
from content.slow_mode import gap_of
from content.strikes import KEPT, MEASURE
from storage import guards, rehearsals, rooms, sanctions, settings, sync
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("guards", __name__)

PLACES_SHOWN = 20
MOST_SAMPLES = 200
LONGEST_SAMPLES = 20_000
LATELY = timedelta(days=30)

EACH, ONE = "each", "one"
"""Who is taken to have said the samples: somebody else each, or one person in quick succession."""


class Line(Struct, frozen=True, kw_only=True):
    """A place as the overview lists it: a node, or a room of the node above it."""

    key: str
    name: str
    is_room: bool
    own: int
    struck: int


class Value(Struct, frozen=True, kw_only=True):
    """One thing that can be set: what holds and where it is from, what is set here, and what a form offers."""

    knob: Setting
    shown: str
    own: str | None
    source: str | None
    inherited: str
    offered: tuple[tuple[str, str], ...]


class Entry(Struct, frozen=True, kw_only=True):
    """An entry of a list; ``source`` is the place above that put it there, ``None`` where it was this one."""

    entry: str
    source: str | None


class Tried(Struct, frozen=True, kw_only=True):
    """One sample, and what guards would have found in it."""

    text: str
    found: tuple[Found, ...]


class Seen(Struct, frozen=True, kw_only=True):
    """Everything that a place's page shows; ``unable`` is what the bot may not do in the room."""

    place: Place
    name: str
    node: Organisation
    lists: Lists
    above: Mapping[OrganisationId, str]
    unable: tuple[str, ...]


@pages.get("/guards")
@requires(Right.MODERATE)
@leaves("guards")
def show() -> str:
    """List the places and their rooms, with what each has set itself and how often guards struck there lately."""
    nodes, after = here().within(Right.MODERATE), request.args.get("after", "")[:32]
    start = next((place for place, node in enumerate(nodes, start=1) if node.id == after), 0)
    page = nodes[start : start + up_to(PLACES_SHOWN)]

    async def look(unit: Reading) -> tuple[Line, ...]:
        lists, ids = await guards.lists(unit), [node.id for node in page]
        housed: dict[OrganisationId, list[Room]] = {}
        for room, _ in await rooms.rooms_of(unit, ids) if ids else ():
            housed.setdefault(room.organisation, []).append(room)
        struck: Counter[str] = Counter()
        for count in await guards.counts(unit, ids, unit.now - LATELY) if ids else ():
            struck[count.room] += count.number
        lines: list[Line] = []
        for node in page:
            inside = [room for room in housed.get(node.id, ()) if room.purpose != "space"]
            number = sum(struck[room.id] for room in inside)
            lines.append(_line(node.id, node.name, lists, number, is_room=False))
            lines += [_line(room.id, room.name, lists, struck[room.id], is_room=True) for room in inside]
        return tuple(lines)

    return render_template(
        "guards/show.html",
        lines=ask(look),
        days=LATELY.days,
        more=page[-1].id if start + len(page) < len(nodes) else None,
        first_page=not start,
    )


def _line(key: str, name: str, lists: Lists, struck: int, *, is_room: bool) -> Line:
    at = OrganisationId(key)
    own = len(lists.chosen.get(at, {})) + sum(map(len, lists.entries.get(at, {}).values()))
    return Line(key=key, name=name, is_room=is_room, own=own, struck=struck)


@pages.get("/guards/<path:place>")
@requires(Right.MODERATE)
def show_one(place: str) -> str:
    """Show what holds at a place, where each thing is set, the lists, and the box to try it in."""
    return _page(_seen(place))


@pages.post("/guards/<path:place>/try")
@requires(Right.MODERATE)
def try_out(place: str) -> str:
    """Show what the rules would find in samples; nothing of them is kept."""
    seen = _seen(place)
    pasted = request.form.get("samples", "")[:LONGEST_SAMPLES]
    by = ONE if request.form.get("by") == ONE else EACH
    lines = [line for line in pasted.splitlines() if line.strip()][:MOST_SAMPLES]
    found = rehearse(_samples(seen.place, lines, by), _rules(seen))
    tried = tuple(Tried(text=text, found=one) for text, one in zip(lines, found, strict=True))
    return _page(seen, pasted=pasted, by=by, tried=tried)


def _samples(place: Place, lines: list[str], by: str) -> tuple[Post, ...]:
    """Return samples as if they had been said just now, a second apart."""
    began = now() - timedelta(seconds=len(lines))
    return tuple(
        Post(
            room=RoomId(place.key),
            event=EventId(str(number)),
            user=UserId("one" if by == ONE else str(number)),
            at=began + timedelta(seconds=number),
            text=line,
        )
        for number, line in enumerate(lines)
    )


def _rules(seen: Seen) -> rules.Rules:
    me = ask(sync.account)
    ours = [desk().settings.host, *([me.partition(":")[2]] if me else [])]
    return rules.rules_of(seen.place, seen.lists, ours=[one for one in ours if one])


def _seen(key: str) -> Seen:
    """Return a place with what is set there and above; 404 for one where who asks does not moderate."""
    at, nodes = here(), {node.id: node for node in here().within(Right.MODERATE)}

    async def look(unit: Reading) -> Seen | None:
        found = await _find(unit, key, nodes)
        if found is None:
            return None
        place, name = found
        return Seen(
            place=place,
            name=name,
            node=nodes[place.organisation],
            lists=await guards.lists(unit),
            above=await settings.above(unit, place.organisation),
            unable=await _unable(unit, place),
        )

    seen = ask(look)
    if seen is None or at.node(seen.node.id) is None:
        abort(404)
    return seen


async def _find(unit: Reading, key: str, nodes: Mapping[OrganisationId, Organisation]) -> tuple[Place, str] | None:
    node = nodes.get(OrganisationId(key))
    if node is not None:
        return Place(organisation=node.id), node.name
    room = await rooms.room(unit, RoomId(key))
    if room is None or room.organisation not in nodes:
        return None
    return Place(organisation=room.organisation, room=room.id), room.name


async def _unable(unit: Reading, place: Place) -> tuple[str, ...]:
    """Return what guards may not do in a room, by what is known of its levels: said before, and not after."""
    me = await sync.account(unit)
    if place.room is None or me is None:
        return ()
    found = await sanctions.sites(unit, place.organisation, me, only=[place.room])
    powers = found[0].powers if found else None
    if powers is None:
        return ("unknown",)
    able = {
        "hide": may(powers, me, "redact"),
        "mute": may_send(powers, me, "m.room.power_levels", state=True),
        "door": may_send(powers, me, "m.room.join_rules", state=True),
    }
    return tuple(name for name, is_able in able.items() if not is_able)


def _page(seen: Seen, *, pasted: str = "", by: str = EACH, tried: tuple[Tried, ...] = ()) -> str:
    return render_template(
        "guards/show_one.html",
        seen=seen,
        key=seen.place.key,
        guards=[(guard, [_value(seen, knob) for knob in knobs]) for guard, knobs in KNOBS.items()],
        lists={guard: (sort, _entries(seen, sort)) for guard, sort in LIST_OF.items()},
        measures={**{guard: step for guard, (step, _, _) in MEASURE.items()}, Guard.JOINS: "door"},
        most_entries=MOST_ENTRIES,
        longest_entry=rules.LONGEST_ENTRY,
        longest_samples=LONGEST_SAMPLES,
        most_samples=MOST_SAMPLES,
        kept=KEPT.days,
        pasted=pasted,
        by=by,
        tried=tried,
        struck=sum(1 for one in tried if one.found),
    )


def _value(seen: Seen, knob: Setting) -> Value:
    own = seen.lists.chosen.get(seen.place.key, {}).get(knob.name)
    held, inherited = seen.lists.held(seen.place, knob), seen.lists.inherited(seen.place, knob)
    options = dict.fromkeys((*knob.offered, *([own] if own else [])))
    return Value(
        knob=knob,
        shown=_shown(knob, held.value),
        own=own,
        source=None if held.source in (None, seen.place.key) else seen.above.get(held.source),
        inherited=_shown(knob, inherited.value),
        offered=tuple((value, _shown(knob, value)) for value in options),
    )


def _shown(knob: Setting, value: str) -> str:
    if knob.name in frozenset(Guard):
        takes_back = knob.name == Guard.SLOW and value == Level.HIDE
        return t("guards.takes_back") if takes_back else t(f"guards.level_{Level(value)}")
    if knob.unit == "seconds":
        return say(gap_of(timedelta(seconds=int(value))))
    if knob.name == KINDS:
        return (
            t("guards.kind_none")
            if value == NO
            else t("rooms.and").join(t(f"guards.kind_{Kind(one)}") for one in value.split(","))
        )
    if knob.unit == "answer":
        return t(f"guards.answer_{value}")
    return value


def _entries(seen: Seen, sort: Sort) -> tuple[Entry, ...]:
    return tuple(
        Entry(entry=one, source=None if at == seen.place.key else seen.above.get(at, ""))
        for one, at in seen.lists.listed(seen.place, sort)
    )


@pages.post("/guards/<path:place>/rehearse")
@requires(Right.MODERATE)
def rehearse_week(place: str) -> Answer:
    """Have the bot look at the last week of a room as the guards do."""
    seen, made = _seen(place), cause()
    room = seen.place.room
    if room is None:
        abort(404)

    async def decide(unit: Reading) -> Decided:
        return rehearsals_rules.ask(seen.place.organisation, room, cause=made, now=unit.now)

    to = link("guards.show_rehearsal", id=derive(made, "rehearsal"))
    return onward(settle(decide, actor=here().user), to=to, done="rehearsal_asked")


@pages.get("/guards/rehearsals/<id>")
@requires(Right.MODERATE)
def show_rehearsal(id: str) -> str:  # noqa: A002
    """Show what the guards of a room would have done in the last week, or that it is being read."""
    found = ask(lambda unit: rehearsals.rehearsal(unit, RehearsalId(id)))
    if found is None:
        abort(404)
    seen = _seen(found.room)
    return render_template(
        "guards/rehearsal.html",
        seen=seen,
        found=found,
        most=rehearsals_rules.MOST_SHOWN,
        days=rehearsals_rules.SPAN.days,
    )


@pages.post("/guards/<path:place>/set")
@requires(Right.MODERATE)
def set_guard(place: str) -> Answer:
    """Set what the form says about one guard; what is left as above is taken from there."""
    seen, name = _seen(place), request.form.get("guard", "")
    if name not in frozenset(Guard):
        abort(400)
    wanted = {knob.name: request.form.get(f"value-{knob.name}", "")[:100] or None for knob in KNOBS[Guard(name)]}
    before = {knob: seen.lists.chosen.get(seen.place.key, {}).get(knob) for knob in wanted}

    async def decide(unit: Reading) -> Decided:
        held = (await guards.lists(unit)).chosen.get(seen.place.key, {})
        changed = {knob: value for knob, value in wanted.items() if held.get(knob) != value}
        if not changed:
            return refused("guards.nothing_changed")
        facts: list[Fact] = []
        for knob, value in changed.items():
            done = rules.choose(seen.place, knob, value)
            if isinstance(done, Refusal):
                return done
            facts += done.facts
        return Decision(facts=tuple(facts))

    fields = {"guard": name, **{f"value-{knob}": value or "" for knob, value in before.items()}}
    return onward(
        settle(decide, actor=here().user),
        to=_back(seen.place),
        done="guard_set",
        back=lambda: way_back("guards.set_guard", place=seen.place.key, fields=fields),
    )


@pages.post("/guards/<path:place>/add")
@requires(Right.MODERATE)
def add(place: str) -> Answer:
    """Put the lines that were typed or pasted on a list."""
    seen, sort, pasted = _seen(place), _sort(), request.form.get("entries", "")[:LONGEST_SAMPLES]

    async def decide(unit: Reading) -> Decided:
        return rules.add(seen.place, sort, pasted, held=await _own(unit, seen.place, sort))

    return onward(settle(decide, actor=here().user), to=_back(seen.place), done="guard_listed")


@pages.post("/guards/<path:place>/drop")
@requires(Right.MODERATE)
def drop(place: str) -> Answer:
    """Take an entry off a list."""
    seen, sort, entry = _seen(place), _sort(), request.form.get("entry", "")[:200]

    async def decide(unit: Reading) -> Decided:
        return rules.drop(seen.place, sort, entry, held=await _own(unit, seen.place, sort))

    return onward(
        settle(decide, actor=here().user),
        to=_back(seen.place),
        done="guard_unlisted",
        back=lambda: way_back("guards.add", place=seen.place.key, fields={"sort": sort, "entries": entry}),
    )


def _sort() -> Sort:
    if request.form.get("sort") not in frozenset(Sort):
        abort(400)
    return Sort(request.form["sort"])


async def _own(unit: Reading, place: Place, sort: Sort) -> tuple[str, ...]:
    return (await guards.lists(unit)).entries.get(place.key, {}).get(sort, ())


def _back(place: Place) -> str:
    return link("guards.show_one", place=place.key)
