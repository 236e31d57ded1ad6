"""Activities at the console: one that was held in our branch, with a photo and a note, and one at the neighbour's."""

from __future__ import annotations

import io
from datetime import timedelta

from msgspec.structs import replace
from PIL import Image

from content import activities as rules
from content.activities import Activity, Note, NoteGiven, Photo, PhotoGiven, PhotoKept, State
from content.identifiers import ActivityId, EventId, RoomId, derive
from content.photos import write_anew
from tests.console.console_house import House
from tests.console.console_seeding import SECRETARY, put

HELD_ACTIVITY, FAR_ACTIVITY = (ActivityId(derive("seed activity", where)) for where in ("one", "far"))
PHOTO = derive("seed photo")


def picture(width: int = 640, height: int = 480) -> bytes:
    """Return the bytes of a photo."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (120, 30, 30)).save(out, "JPEG")
    return out.getvalue()


def activity(house: House, where: str = "one") -> Activity:
    """Return an activity of yesterday."""
    return Activity(
        id=ActivityId(derive("seed activity", where)),
        organisation=house.seeded.organisations[where],
        category=rules.Kind.THEME_DAY,
        title="清理站台扶手",
        place="一号站台",
        begins_at=house.store.now() - timedelta(days=1),
        minutes=90,
        timezone="Asia/Shanghai",
    )


def hold_activity(house: House, where: str = "one", *, photos: bool = True) -> ActivityId:
    """Put an activity down that was held; in ours a member has given a photo and a note."""
    one = activity(house, where)
    facts: list[rules.Fact] = [
        rules.ActivityPlanned(activity=one, author=SECRETARY, at=house.store.now()),
        rules.ActivityChanged(activity=replace(one, state=State.HELD, people=12), at=house.store.now()),
    ]
    if photos:
        member, at = house.seeded.members["白云"], house.store.now()
        shown = write_anew(picture())
        assert shown is not None
        photo = Photo(
            id=PHOTO,
            activity=one.id,
            member=member,
            event=EventId("$photo"),
            room=RoomId("!one"),
            at=at,
            caption="扶手",
        )
        note = Note(id="note", activity=one.id, member=member, event=EventId("$note"), at=at, text="擦了四十米")
        facts += [
            PhotoGiven(photo=photo, activity=one.id, member=member),
            PhotoKept(
                photo=PHOTO,
                activity=one.id,
                data=shown.data,
                small=shown.small,
                width=shown.width,
                height=shown.height,
            ),
            NoteGiven(note=note, activity=one.id, member=member),
        ]
    for number, fact in enumerate(facts):
        house.run(put(house.store, f"activity {where} {number}", fact))
    return one.id
