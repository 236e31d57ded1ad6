"""The activities of the sample branch: one that was held, with its album, and one to which people sign up."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, time
from typing import Any

from content import activities as rules
from content import sign_ups
from content.activities import Activity, Kind
from content.chains import read_single
from content.decision import Refusal
from content.identifiers import ActivityId, Cause, EventId, OrganisationId, RoomId, SignUpId, UserId
from content.members import Member
from content.photos import write_anew
from content.sign_ups import Speaker
from storage import activities
from storage import sign_ups as stored
from storage.unit import Reading
from zhibu.demo import sample

Deciding = Callable[[Reading], Awaitable[Any]]


def steps(
    people: Mapping[str, Member],
    *,
    branch: OrganisationId,
    room: RoomId,
    organiser: UserId,
    timezone: str,
    identify: Callable[..., str],
    at: Callable[[int, time], datetime],
) -> dict[str, Deciding]:
    """Return how the sample's activities come to be, each step by its name and after those before it."""

    def activity(said: tuple[str, str, str], kind: Kind, begins: datetime, place: RoomId | None) -> Activity:
        title, where, about = said
        return Activity(
            id=ActivityId(identify("activity", title)),
            organisation=branch,
            category=kind,
            title=title,
            place=where,
            begins_at=begins,
            minutes=120,
            timezone=timezone,
            about=about,
            room=place,
        )

    past = activity(sample.HELD, Kind.SERVICE, at(-9, time(14)), None)
    coming = activity(sample.COMING, Kind.SAFETY, at(9, time(14)), room)
    list_id = SignUpId(identify("sign-up", coming.title))

    async def hold(unit: Reading) -> Any:
        return rules.plan(past, None, known=(), author=organiser, now=past.begins_at)

    async def illustrate(unit: Reading) -> Any:
        written = write_anew(_drawn())
        assert written is not None
        return rules.put_photos(
            past,
            (),
            [written],
            member=people[sample.TELLS[0]].id,
            caption=sample.CAPTION,
            agreed=True,
            cause=Cause(identify("photo")),
            now=at(-9, time(17)),
        )

    async def note(unit: Reading) -> Any:
        name, text = sample.TELLS
        event = EventId(f"$sample-{identify('note')}")
        return rules.give_note(past, text, member=people[name].id, event=event, now=at(-9, time(19)))

    async def put_down(unit: Reading) -> Any:
        one = await activities.activity(unit, past.id)
        assert one is not None
        return rules.put_down(
            one,
            people=sample.CAME,
            account=sample.ACCOUNT,
            outcome=sample.OUTCOME,
            partners=sample.PARTNERS,
            seen=rules.mark_of(one),
            now=at(-8, time(9)),
        )

    async def announce(unit: Reading) -> Any:
        sheet = rules.sign_up_for(coming, id=list_id, closes_at=at(7, time(18)), places=sample.PLACES)
        return rules.plan(coming, sheet, known=(), author=organiser, now=unit.now)

    def sign_up(name: str, text: str) -> Deciding:
        async def decide(unit: Reading) -> Any:
            one, member, line = await stored.sign_up(unit, list_id), people[name], read_single(text)
            assert one is not None
            assert member.user is not None
            assert line is not None
            event = EventId(f"$sample-{identify('signed up', name)}")
            speaker = Speaker(user=member.user, member=member.id, name=name, event=event)
            answer = sign_ups.sign_up(await stored.sheet(unit, one), [line], speaker, known={}, now=unit.now)
            assert not isinstance(answer, Refusal)
            return answer

        return decide

    return {
        "activity": hold,
        "activity_photo": illustrate,
        "activity_note": note,
        "activity_held": put_down,
        "activity_next": announce,
        **{f"sign_up_{place}": sign_up(*said) for place, said in enumerate(sample.SIGNED_UP)},
    }


def _drawn() -> bytes:
    """Return a picture for the album: a platform in the morning, drawn, for it shows nobody."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (960, 640), "#f3d9b5")
    draw = ImageDraw.Draw(image)
    draw.ellipse((610, 90, 770, 250), fill="#fff3dc")
    draw.polygon([(0, 330), (240, 210), (470, 330), (690, 230), (960, 340), (960, 420), (0, 420)], fill="#b9a88f")
    draw.rectangle((0, 410, 960, 640), fill="#6c6a66")
    draw.rectangle((0, 470, 960, 486), fill="#e6b93f")
    for left in range(-200, 960, 120):
        draw.polygon([(left, 640), (left + 60, 640), (left + 330, 486), (left + 300, 486)], fill="#5c5a57")
    draw.rectangle((90, 150, 110, 470), fill="#4b4a48")
    draw.rectangle((40, 150, 420, 176), fill="#8f1f1f")
    for left in (470, 560, 650):
        draw.rectangle((left, 392, left + 18, 470), fill="#7a5a3c")
        draw.polygon([(left - 18, 470), (left + 36, 470), (left + 46, 500), (left - 28, 500)], fill="#caa06a")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
