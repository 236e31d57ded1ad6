"""Sign-ups (接龙): who comes, said in any of the ways in which people say it, shown in one live message.

What stands is the union of all that was said: nobody is taken out because a later chain leaves them out, only by
themself, by who named them, or by an organiser. So two who paste at once lose nobody. Who corrects a name that they
wrote takes the old one out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from content.chains import Line, folded, is_a_daily_tick, is_about_money, written
from content.corrected_names import Placed, corrected, handed_on
from content.decision import Decision, Effect, Refusal, Tell, Words, refused, words
from content.identifiers import (
    EventId,
    MemberId,
    SignUpEntryId,
    SignUpId,
    UserId,
)
from content.live_messages import PutUp, Renew, Sort
from content.sign_up_sheets import (
    GONE,
    Claim,
    EntriesWithdrawn,
    Entry,
    EntryRuled,
    MessageTakenBack,
    Sheet,
    SheetFact,
    SignedUp,
    SignUp,
    SignUpClosed,
    SignUpOpened,
    State,
    apply,
    name_of,
)

LONGEST_TITLE = 60
LONGEST_WHY = 100
MOST_ENTRIES = 500
MOST_PLACES = 2000
MOST_SHOWN = 150
"""So many lines a live message has; the page shows all."""
SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(days=90)
USUAL = timedelta(days=7)
"""How long a sign-up is open where nobody says so."""
KEPT = timedelta(days=365)
"""How long it is remembered who had signed up; how many they were stays."""


def begin(sign_up: SignUp, *, author: UserId, now: datetime, free_at: datetime | None = None) -> Decision | Refusal:
    """Begin a sign-up, unless it cannot be meant; ``free_at`` is when its room may hear something again."""
    trouble = trouble_of(sign_up, now)
    if trouble is not None:
        return trouble
    held = free_at if free_at is not None and free_at > now else None
    if held is not None and sign_up.closes_at < held + SHORTEST:
        return refused("sign_up.ends_in_quiet", field="date", until=held)
    put_up = PutUp(
        sort=Sort.SIGN_UP,
        id=sign_up.id,
        room=sign_up.room,
        organisation=sign_up.organisation,
        not_before=held,
        expires_at=sign_up.closes_at,
    )
    return Decision(facts=(SignUpOpened(sign_up=sign_up, author=author, at=now),), effects=(put_up,))


def trouble_of(sign_up: SignUp, now: datetime) -> Refusal | None:
    """Return why a sign-up cannot be meant: no title, money, a daily tick, a time or a number without sense."""
    return next(troubles_of(sign_up, now), None)


def troubles_of(sign_up: SignUp, now: datetime) -> Iterator[Refusal]:
    """Yield all for which a sign-up cannot be meant."""
    if not sign_up.title or len(sign_up.title) > LONGEST_TITLE:
        yield refused("sign_up.bad_title", field="title", most=LONGEST_TITLE)
    if is_about_money(sign_up.title):
        yield refused("sign_up.money", field="title")
    if is_a_daily_tick(sign_up.title):
        yield refused("sign_up.daily", field="title")
    if sign_up.closes_at < now + SHORTEST:
        yield refused("sign_up.too_soon", field="date", closes=sign_up.closes_at)
    if sign_up.closes_at > now + LONGEST:
        yield refused("sign_up.too_far", field="date", days=LONGEST.days)
    if sign_up.places is not None and not 1 <= sign_up.places <= MOST_PLACES:
        yield refused("sign_up.bad_places", field="places", most=MOST_PLACES)


class Speaker(Struct, frozen=True, kw_only=True):
    """Who says something about a sign-up, by which message, and in private or for the room to see."""

    user: UserId
    member: MemberId
    name: str
    event: EventId
    private: bool = False


def named(lines: Iterable[Line]) -> frozenset[str]:
    """Return the names in lines, as names are compared."""
    return frozenset(folded(line.name) for line in lines if line.name)


def people_in(
    lines: Iterable[Line], name: str, known: Mapping[str, Sequence[MemberId]], *, plainly: bool
) -> tuple[Line, ...]:
    """Return which lines of a chain are people; ``name`` is who sent it, ``known`` those of the roster.

    What has a colon behind it is one only where somebody is called so. Of a chain that is not ``plainly`` one for a
    sign-up somebody has to be known, else it is a list of other things.
    """
    called = {folded(name), *known}
    found = tuple(line for line in lines if not line.labelled or folded(line.name) in called)
    return found if plainly or any(folded(line.name) in called for line in found) else ()


def sign_up(
    sheet: Sheet,
    lines: Sequence[Line],
    speaker: Speaker,
    *,
    known: Mapping[str, Sequence[MemberId]],
    now: datetime,
    edited: bool = False,
) -> Decision | Refusal | None:
    """Take what somebody said, at once or by an edit: whom it names come, and whom it leaves out are not touched.

    ``known`` are those of the roster by their names as they are compared. A name that two people have, or nobody, is
    that of who stands there so, else it is kept as it was typed. An ``edited`` chain brings nobody back who has gone
    since.
    """
    over = _over(sheet, now)
    if over is not None:
        return over if speaker.private or _alone(lines) else None
    if Claim(event=speaker.event, sender=speaker.user, entry=GONE) in sheet.claims:
        return None
    entries, changed, claims = dict(sheet.entries), dict[SignUpEntryId, Entry](), set[Claim]()
    instead = _corrected(sheet, lines, speaker, known, edited=edited)
    struck = False
    for line in lines:
        member, name = _who(line, speaker, known)
        id = _called(sheet.sign_up.id, entries, member, name)  # noqa: A001
        before, own = entries.get(id), member == speaker.member
        if line.out:
            if before is not None and not before.withdrawn and (own or before.by == speaker.user):
                entries[id] = changed[id] = _off(before, speaker.user)
                claims = {one for one in claims if one.entry != id}
            continue
        if before is None and len(entries) >= MOST_ENTRIES:
            return refused("sign_up.full", title=sheet.sign_up.title, most=MOST_ENTRIES)
        if edited and before is not None and before.withdrawn and not _alone(lines):
            continue
        after = _after(before, line, speaker, own=own, number=_next(entries), now=now)
        if after is None:
            fresh = Entry(id=id, name=name, member=member, at=now, number=_next(entries), by=speaker.user)
            after = _with(_in_place_of(instead.get(id), fresh), line)
        struck |= after.withdrawn and after.by_hand and own
        if after.withdrawn:
            continue
        if own or not _by_own_word(before, sheet):
            claims = {one for one in claims if one.entry != id}
            claims.add(Claim(event=speaker.event, sender=speaker.user, entry=id, line=line.number))
        if after != before:
            entries[id] = changed[id] = after
    for id, old in instead.items():  # noqa: A001
        if not entries[id].withdrawn:
            changed[old.id] = _off(old, speaker.user)
            claims |= handed_on(sheet, old, entries[id], event=speaker.event, user=speaker.user, member=speaker.member)
    return _heard(sheet, lines, speaker, changed, claims - sheet.claims, struck=struck, now=now)


def _corrected(
    sheet: Sheet, lines: Iterable[Line], speaker: Speaker, known: Mapping[str, Sequence[MemberId]], *, edited: bool
) -> dict[SignUpEntryId, Entry]:
    placed = []
    for line in lines:
        member, name = _who(line, speaker, known)
        id = _called(sheet.sign_up.id, sheet.entries, member, name)  # noqa: A001
        placed.append(Placed(entry=id, name=name, number=line.number, out=line.out))
    return corrected(sheet, placed, event=speaker.event, user=speaker.user, member=speaker.member, edited=edited)


def _in_place_of(old: Entry | None, fresh: Entry) -> Entry:
    """Let a name that is corrected keep its place and what was said beside it."""
    if old is None:
        return fresh
    return replace(fresh, number=old.number, at=old.at, note=old.note, brings=old.brings)


def _by_own_word(entry: Entry | None, sheet: Sheet) -> bool:
    """Tell of somebody that they stand by their own word, so that a copy made by another holds them no longer."""
    if entry is None or entry.withdrawn or entry.member is None or entry.by is None:
        return False
    return sheet.users.get(entry.member) == entry.by


def _alone(lines: Sequence[Line]) -> bool:
    """Tell whether what was said is about who said it alone, so that they expect something of it."""
    return len(lines) == 1 and not lines[0].name


def _over(sheet: Sheet, now: datetime) -> Refusal | None:
    one = sheet.sign_up
    return refused("sign_up.over", title=one.title) if one.state is State.CLOSED or now >= one.closes_at else None


def _who(line: Line, speaker: Speaker, known: Mapping[str, Sequence[MemberId]]) -> tuple[MemberId | None, str]:
    if not line.name or folded(line.name) == folded(speaker.name):
        return speaker.member, speaker.name
    found = known.get(folded(line.name), ())
    return (found[0] if len(found) == 1 else None), line.name


def _called(
    sign_up: SignUpId, entries: Mapping[SignUpEntryId, Entry], member: MemberId | None, name: str
) -> SignUpEntryId:
    """Return which entry a name means: that of a member, else who stands there so, else one as it was typed."""
    if member is not None:
        return name_of(sign_up, member, name)
    alike = [one for one in entries.values() if folded(one.name) == folded(name)]
    found = min(alike, key=lambda one: (one.withdrawn, one.number, one.id), default=None)
    return found.id if found is not None else name_of(sign_up, None, name)


def _next(entries: Mapping[SignUpEntryId, Entry]) -> int:
    return max((one.number for one in entries.values()), default=0) + 1


def _off(entry: Entry, by: UserId) -> Entry:
    return replace(entry, withdrawn=True, withdrawn_by=by, returned=False)


def _after(
    before: Entry | None, line: Line, speaker: Speaker, *, own: bool, number: int, now: datetime
) -> Entry | None:
    """Return how somebody stands once they are named again, ``None`` where they never were."""
    if before is None:
        return None
    mine = own or before.by == speaker.user
    if not before.withdrawn:
        # Who was named by another and says so too is there by their own word.
        return _with(replace(before, by=speaker.user) if own else before, line) if mine else before
    if before.by_hand or not (own or before.withdrawn_by == speaker.user):
        return before
    back = replace(before, withdrawn=False, withdrawn_by=None, returned=True, number=number, at=now, by=speaker.user)
    return _with(replace(back, note="", brings=0), line)


def _with(entry: Entry, line: Line) -> Entry:
    """Add what a line says of a person; what it does not say stays."""
    note = line.unclear and f"「{line.unclear}」"
    return replace(
        entry,
        note=line.note or note or entry.note,
        brings=entry.brings if line.brings is None else line.brings,
    )


def _heard(
    sheet: Sheet,
    lines: Sequence[Line],
    speaker: Speaker,
    changed: Mapping[SignUpEntryId, Entry],
    claims: Collection[Claim],
    *,
    struck: bool,
    now: datetime,
) -> Decision | Refusal | None:
    """Make a decision of what was understood; who spoke for themself alone hears what is not plain to see."""
    one = sheet.sign_up
    if struck and not changed and not claims and (speaker.private or _alone(lines)):
        return refused("sign_up.struck", title=one.title)
    off = tuple(entry for entry in changed.values() if entry.withdrawn)
    on = tuple(entry for entry in changed.values() if not entry.withdrawn)
    facts: list[SheetFact] = []
    if on or claims:
        said = SignedUp(sign_up=one.id, member=speaker.member, entries=on, claims=tuple(sorted(claims)), at=now)
        facts.append(said)
    if off:
        facts.append(EntriesWithdrawn(sign_up=one.id, member=speaker.member, entries=off, at=now))
    after = sheet
    for fact in facts:
        after = apply(after, fact)
    told = _answer(after, lines, speaker, changed)
    if not facts and told is None:
        return None
    effects: list[Effect] = [renewed(one)] if changed else []
    effects += [told] if told is not None else []
    return Decision(facts=tuple(facts), effects=(*effects, *_moved_up(sheet, after)))


def _answer(
    sheet: Sheet, lines: Sequence[Line], speaker: Speaker, changed: Mapping[SignUpEntryId, Entry]
) -> Tell | None:
    """Return what who spoke is told in private: what is unclear, that they wait, and in private what was put down."""
    one, own = sheet.sign_up, sheet.entries.get(name_of(sheet.sign_up.id, speaker.member, ""))
    unclear = next((line.unclear for line in lines if line.unclear), "")
    if unclear and changed:
        many = int(unclear.removeprefix("+"))
        said = words("sign_up.unclear", title=one.title, said=unclear, more=many, together=many - 1)
        return Tell(user=speaker.user, words=said)
    if own is None or own.withdrawn or (own.id not in changed and not speaker.private):
        return None
    waiting = [entry.id for entry in sheet.waiting]
    if own.id in waiting:
        said = words("sign_up.waits", title=one.title, number=waiting.index(own.id) + 1)
        return Tell(user=speaker.user, words=said)
    if not speaker.private:
        return None
    return Tell(user=speaker.user, words=words("sign_up.done", title=one.title, people=own.people))


def _moved_up(before: Sheet, after: Sheet) -> tuple[Effect, ...]:
    """Tell those who waited and have a place now."""
    waited = {one.id for one in before.waiting}
    said = words("sign_up.moved_up", title=after.sign_up.title)
    users = (after.users.get(one.member) for one in after.seated if one.id in waited and one.member)
    return tuple(Tell(user=user, words=said, unasked=True) for user in users if user is not None)


def renewed(one: SignUp) -> Renew:
    """Return what shows a sign-up anew: its own live message, or that of its activity."""
    if one.activity is not None:
        return Renew(sort=Sort.ACTIVITY, id=one.activity)
    return Renew(sort=Sort.SIGN_UP, id=one.id)


def withdraw(
    sheet: Sheet,
    speaker: Speaker,
    *,
    names: Sequence[Line] = (),
    known: Mapping[str, Sequence[MemberId]],
    now: datetime,
) -> Decision | Refusal:
    """Take out who says so, or those whom they themself have named."""
    over = _over(sheet, now)
    if over is not None:
        return over
    wanted = [_who(line, speaker, known) for line in names] or [(speaker.member, speaker.name)]
    entries = []
    for member, name in wanted:
        entry = sheet.entries.get(_called(sheet.sign_up.id, sheet.entries, member, name))
        own = member == speaker.member
        if entry is None or entry.withdrawn:
            key = "sign_up.not_in" if own else "sign_up.they_are_not_in"
            return refused(key, title=sheet.sign_up.title, name=name)
        if not own and entry.by != speaker.user:
            return refused("sign_up.not_yours", name=name)
        entries.append(_off(entry, speaker.user))
    fact = EntriesWithdrawn(sign_up=sheet.sign_up.id, member=speaker.member, entries=tuple(entries), at=now)
    after = apply(sheet, fact)
    told: tuple[Effect, ...] = ()
    if speaker.private:
        told = (Tell(user=speaker.user, words=words("sign_up.withdrawn", title=sheet.sign_up.title)),)
    return Decision(facts=(fact,), effects=(renewed(sheet.sign_up), *told, *_moved_up(sheet, after)))


def take_back(
    sheet: Sheet, event: EventId, sender: UserId, member: MemberId | None, *, now: datetime
) -> Decision | None:
    """Take what a message said, which its own sender removed: whom another still names stay."""
    theirs = {one for one in sheet.claims if one.event == event and one.sender == sender and one.entry != GONE}
    if not theirs or _over(sheet, now) is not None:
        return None
    elsewhere = {one.entry for one in sheet.claims if one.event != event}
    lost = [
        sheet.entries[id]
        for id in sorted({one.entry for one in theirs} - elsewhere)  # noqa: A001
        if id in sheet.entries and not sheet.entries[id].withdrawn and not sheet.entries[id].by_hand
    ]
    fact = MessageTakenBack(
        sign_up=sheet.sign_up.id,
        member=member,
        event=event,
        sender=sender,
        gone=tuple(one.id for one in lost if not one.returned),
        withdrawn=tuple(_off(one, sender) for one in lost if one.returned),
        at=now,
    )
    after = apply(sheet, fact)
    effects: tuple[Effect, ...] = (renewed(sheet.sign_up), *_moved_up(sheet, after)) if lost else ()
    return Decision(facts=(fact,), effects=effects)


def rule(
    sheet: Sheet,
    line: Line,
    *,
    known: Mapping[str, Sequence[MemberId]],
    off: bool,
    why: str,
    by: UserId,
    now: datetime,
    undone: bool = False,
    meant: SignUpEntryId | None = None,
) -> Decision | Refusal:
    """Put somebody on, change what stands of them, or take them off by hand; what an organiser says stands.

    Of several who are called so the one that is ``meant`` has to be said; who was taken off may be meant as well.
    Who was taken off and is put back because that is ``undone`` has their old place in the order, else the last.
    It may be done once the sign-up is over too: then who came although they had not signed up is put down.
    """
    why = " ".join(why.split())
    if not line.name:
        return refused("sign_up.no_name", field="name")
    if not why:
        return refused("sign_up.no_reason", field="why")
    if len(why) > LONGEST_WHY:
        return refused("sign_up.long_reason", field="why", most=LONGEST_WHY)
    candidates = called_so(sheet, line.name, known, off=off)
    if meant is not None and meant in sheet.entries and folded(sheet.entries[meant].name) == folded(line.name):
        candidates[meant] = sheet.entries[meant].member
    if len(candidates) > 1 and meant not in candidates:
        return refused("sign_up.which_person", field="who", name=line.name, n=len(candidates))
    if meant and meant not in candidates:
        return refused("sign_up.somebody_else", field="name", name=line.name)
    id = meant if meant in candidates else next(iter(candidates))  # noqa: A001
    assert id is not None
    member, before = candidates[id], sheet.entries.get(id)
    if off and (before is None or before.withdrawn):
        return refused("sign_up.they_are_not_in", field="name", title=sheet.sign_up.title, name=line.name)
    if before is None and len(sheet.entries) >= MOST_ENTRIES:
        return refused("sign_up.full", field="name", title=sheet.sign_up.title, most=MOST_ENTRIES)
    fresh = Entry(id=id, name=line.name, member=member, at=now, number=_next(sheet.entries), by=by)
    stands = before or fresh
    if stands.withdrawn and not off:
        stands = replace(stands, withdrawn=False, withdrawn_by=None)
        stands = stands if undone else replace(stands, number=_next(sheet.entries), at=now)
    after = _off(stands, by) if off else replace(stands, note=line.note, brings=line.brings or 0)
    if before is not None and replace(after, by_hand=before.by_hand, why=before.why) == before:
        return refused("sign_up.nothing_changed", field="name", name=line.name)
    ruled = replace(after, by_hand=True, why=why)
    fact = EntryRuled(sign_up=sheet.sign_up.id, member=member, entries=(ruled,), at=now)
    moved = _moved_up(sheet, apply(sheet, fact))
    return Decision(facts=(fact,), effects=(renewed(sheet.sign_up), *moved))


def called_so(
    sheet: Sheet, name: str, known: Mapping[str, Sequence[MemberId]], *, off: bool
) -> dict[SignUpEntryId, MemberId | None]:
    """Return whom a name may mean that an organiser types: of the roster or as it stands there; at least one.

    Who is to be taken ``off`` is one who is on it, where anybody is.
    """
    ids: dict[SignUpEntryId, MemberId | None] = {
        name_of(sheet.sign_up.id, one, name): one for one in known.get(folded(name), ())
    }
    here = {one.id: one.member for one in sheet.standing if folded(one.name) == folded(name)}
    gone = {one.id: one.member for one in sheet.entries.values() if folded(one.name) == folded(name)}
    standing = {id: one for id, one in ids.items() if id in here} | here  # noqa: A001
    found = (off and standing) or (ids | here)
    return found or dict([next(iter(gone.items()), (name_of(sheet.sign_up.id, None, name), None))])


def close(sheet: Sheet, *, now: datetime, by_hand: bool = False) -> Decision | None:
    """End a sign-up whose time is over, or that an organiser ends."""
    one = sheet.sign_up
    if one.state is State.CLOSED or not (by_hand or now >= one.closes_at):
        return None
    return Decision(facts=(SignUpClosed(sign_up=one.id, people=sheet.people, at=now),), effects=(renewed(one),))


def message_of(sheet: Sheet, names: Mapping[UserId, str]) -> tuple[Words, ...]:
    """Return what the live message of a sign-up says, line by line; copied as it is, it is a chain like any other."""
    one = sheet.sign_up
    return (words("sign_up.head", title=one.title), *asks_of(one), *list_of(sheet, names))


def asks_of(one: SignUp) -> tuple[Words, ...]:
    """Return until when one may sign up, for how many there is a place, and how it is said."""
    if one.state is State.CLOSED:
        return ()
    limit = (words("sign_up.until_places", closes=one.closes_at, places=one.places),) if one.places else ()
    return (*(limit or (words("sign_up.until", closes=one.closes_at),)), words("sign_up.how"))


def list_of(sheet: Sheet, names: Mapping[UserId, str]) -> tuple[Words, ...]:
    """Return who comes and who waits, each on a line of their own, and how many that is together."""
    seated, waiting = sheet.seated, sheet.waiting
    shown = [(number, one) for number, one in enumerate(sheet.standing, start=1)][:MOST_SHOWN]
    lines: list[Words] = []
    for number, one in shown:
        if waiting and one.id == waiting[0].id:
            lines.append(words("sign_up.waiting"))
        lines.append(_line(number, one, sheet, names))
    if len(sheet.standing) > MOST_SHOWN:
        lines.append(words("sign_up.and_more", n=len(sheet.standing) - MOST_SHOWN))
    key = "sign_up.closed" if sheet.sign_up.state is State.CLOSED else "sign_up.total"
    total = words(key, people=sum(one.people for one in seated), waiting=len(waiting))
    if not sheet.standing:
        total = words("sign_up.closed_empty" if sheet.sign_up.state is State.CLOSED else "sign_up.nobody")
    return (*lines, total)


def _line(number: int, one: Entry, sheet: Sheet, names: Mapping[UserId, str]) -> Words:
    said = written(number, one.name, one.brings, one.note)
    own = one.member is not None and sheet.users.get(one.member) == one.by
    by = names.get(one.by) if one.by is not None and not own and not one.by_hand else None
    return words("sign_up.line", said=said) if by is None else words("sign_up.line_by", said=said, by=by)
