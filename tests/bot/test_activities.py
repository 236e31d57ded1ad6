"""An activity from its card to its album: photos in answer to it are fetched, written anew, gone when taken back."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image
from sqlalchemy import select

from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from content import activities as rules
from content.activities import Activity, Photo, State
from content.decision import Decision, Refusal
from content.identifiers import ActivityId, SignUpId
from content.notices import Form
from content.photos import LONGEST_SIDE, MOST_PIXELS, SMALL_SIDE, write_anew
from content.year import Span, Standing
from storage import activities as stored
from storage import evidence, sign_ups
from storage.store import Step
from tests.bot.commands.test_sign_ups import Gathering
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    EAST_ROOM,
    LI,
    NOON,
    SECRETARY,
    WEST,
    WEST_ROOM,
    ZHANG,
    ZHAO,
    SmallBranch,
    account,
    edit,
    event,
    fresh_cause,
    powers,
    private_room,
    redaction,
)

ONE = Activity(
    id=ActivityId("one"),
    organisation=EAST,
    category=rules.Kind.THEME_DAY,
    title="清理站台扶手",
    place="一号站台",
    begins_at=NOON + timedelta(hours=2),
    minutes=90,
    timezone="Asia/Shanghai",
    room=EAST_ROOM,
)


def picture(width: int = 2000, height: int = 1000, *, exif: bool = True) -> bytes:
    out, how = io.BytesIO(), {}
    if exif:
        said = Image.Exif()
        said[0x0112] = 6  # turned
        said[0x010F] = "camera of somebody"
        how = {"exif": said}
    Image.new("RGB", (width, height), (10, 20, 30)).save(out, "JPEG", **how)
    return out.getvalue()


class Albums(Gathering):
    """The same, with an activity whose card stands in the room and a repository of media."""

    def __init__(self, branch: SmallBranch) -> None:
        super().__init__(branch)
        self.media: dict[str, bytes | Fault] = {}
        self.homeserver.download = self._download  # type: ignore[attr-defined]

    async def _download(self, content: Any, *, most: int) -> bytes:
        data = self.media[content["url"]]
        if isinstance(data, Fault):
            raise data
        assert len(data) <= most
        return data

    async def plan(self, one: Activity = ONE, *, signs: bool = False) -> None:
        """Announce an activity."""
        closes_at = NOON + timedelta(hours=1)
        sign_up = rules.sign_up_for(one, id=SignUpId("list"), closes_at=closes_at, places=None) if signs else None

        async def decide(unit: Any) -> Decision | Refusal:
            return rules.plan(one, sign_up, known=(), author=SECRETARY, now=unit.now)

        (done,) = await self.branch.store.settle([Step(cause=fresh_cause(), decide=decide, actor=SECRETARY)])
        assert done.refusal is None
        await self.deliver()

    async def give(self, member: Any, data: bytes | Fault, **more: Any) -> Event:
        """Let a member send a picture in answer to the card; what they send is fetched if it is wanted."""
        url = f"mxc://test/{len(self.media)}"
        self.media[url] = data
        content = {
            "msgtype": "m.image",
            "body": "IMG.jpg",
            "url": url,
            "info": {"size": 1000},
            "m.relates_to": {"m.in_reply_to": {"event_id": self.card()}},
            **more,
        }
        sent = event(account(member), "m.room.message", content)
        self.homeserver.readable[sent.event_id] = sent
        await self.branch.hear(sent)
        await self.deliver()
        return sent

    async def photos(self) -> tuple[Photo, ...]:
        """Return what is in the album."""
        return await self.branch.store.read(lambda unit: stored.photos(unit, ONE.id))

    async def told_to(self, member: Any) -> list[str]:
        return [key for user, key in await self.branch.told() if user == account(member)]


@pytest.fixture
def albums(branch: SmallBranch) -> Albums:
    return Albums(branch)


async def test_the_card_says_what_becomes_of_photos_and_how_to_take_them_back(albums: Albums) -> None:
    await albums.plan()
    said = albums.room()[0].content["body"]
    assert said.startswith("【主题党日】清理站台扶手\n时间：")
    assert "会收进支部相册。给不给都行；想拿走，删掉那条消息或发「撤回」" in said


async def test_a_photo_in_answer_to_the_card_is_kept_without_place_or_camera(albums: Albums) -> None:
    await albums.plan()
    await albums.give(ZHANG, picture(), filename="IMG.jpg", body="扶手擦好了")
    (photo,) = await albums.photos()
    assert (photo.member, photo.caption, photo.kept) == (ZHANG, "扶手擦好了", True)
    data = await albums.branch.store.read(lambda unit: stored.bytes_of(unit, photo, small=False))
    assert data is not None
    with Image.open(io.BytesIO(data)) as shown:
        assert dict(shown.getexif()) == {}
        assert shown.size == (LONGEST_SIDE // 2, LONGEST_SIDE), "turned upright before its direction is forgotten"
    assert b"camera of somebody" not in data
    assert "相册现有 1 张照片" in await albums.shown()


@pytest.mark.parametrize("way", ["redaction", "by a moderator", "undo", "undo in the room"])
async def test_what_somebody_takes_back_is_gone_with_its_bytes(albums: Albums, way: str) -> None:
    await albums.plan()
    sent = await albums.give(ZHANG, picture())
    await powers(albums.branch, secretary=50)
    if way.startswith("undo"):
        await albums.say(LI, "撤回", room_id=EAST_ROOM)
        assert len(await albums.photos()) == 1, "said by who gave nothing there"
        await albums.say(ZHANG, "撤回", room_id=private_room(ZHANG) if way == "undo" else EAST_ROOM)
        assert await albums.told_to(ZHANG) == ["activity.taken_back"]
    else:
        await albums.branch.hear(redaction(account(ZHANG) if way == "redaction" else SECRETARY, sent.event_id))
    assert await albums.photos() == ()
    rows = await albums.branch.store.read(lambda unit: unit.rows(select(stored.activity_photos)))
    assert rows == []


async def test_what_others_ask_to_have_removed_or_from_another_room_stays(albums: Albums) -> None:
    await albums.plan()
    sent = await albums.give(ZHANG, picture())
    said = await albums.say(ZHANG, "活动 补充：擦了四十米扶手", reply=albums.card())
    await powers(albums.branch, secretary=50)
    await powers(albums.branch, WEST_ROOM, li=100)
    for who, room in ((LI, EAST_ROOM), (LI, WEST_ROOM), (ZHANG, WEST_ROOM), (LI, private_room(LI))):
        for one in (sent, said):
            await albums.branch.hear(redaction(account(who), one.event_id, room_id=room))
    assert len(await albums.photos()) == 1
    assert len(await albums.branch.store.read(lambda unit: stored.notes(unit, ONE.id))) == 1


async def test_what_is_taken_back_before_it_is_fetched_is_not_fetched(albums: Albums) -> None:
    await albums.plan()
    url = "mxc://test/late"
    albums.media[url] = picture()
    content = {
        "msgtype": "m.image",
        "body": "x.jpg",
        "url": url,
        "m.relates_to": {"m.in_reply_to": {"event_id": albums.card()}},
    }
    sent = event(account(ZHANG), "m.room.message", content)
    albums.homeserver.readable[sent.event_id] = sent
    await albums.branch.hear(sent, redaction(account(ZHANG), sent.event_id))
    await albums.deliver()
    assert await albums.photos() == ()


async def test_what_is_no_photo_is_let_go_and_its_giver_hears_it(albums: Albums) -> None:
    await albums.plan()
    await albums.give(ZHANG, b"no picture at all")
    await albums.give(LI, Fault(Kind.TOO_LARGE, permanent=True))
    assert await albums.photos() == ()
    texts = [text for room in albums.homeserver.rooms for text in albums.homeserver.texts(room) if "打不开" in text]
    assert len(texts) == 2


async def test_other_pictures_and_people_from_elsewhere_are_not_for_the_album(albums: Albums) -> None:
    await albums.plan()
    content = {"msgtype": "m.image", "body": "x.jpg", "url": "mxc://test/0"}
    await albums.branch.hear(event(account(ZHANG), "m.room.message", content))
    await albums.give(ZHAO, picture())
    assert await albums.photos() == ()


async def test_words_are_given_in_answer_to_the_card_and_taken_back(albums: Albums) -> None:
    await albums.plan()
    said = await albums.say(ZHANG, "活动 补充：擦了四十米扶手", reply=albums.card())
    found = await albums.branch.store.read(lambda unit: stored.notes(unit, ONE.id))
    assert [(one.member, one.text) for one in found] == [(ZHANG, "擦了四十米扶手")]
    assert await albums.refused(LI, "活动", room_id=private_room(LI)) == "activity.how_to_note"
    await albums.branch.hear(redaction(account(ZHANG), said.event_id))
    assert await albums.branch.store.read(lambda unit: stored.notes(unit, ONE.id)) == ()


@pytest.mark.parametrize(
    "text",
    [
        "活动 补充：擦了四十米扶手",
        "活动补充：擦了四十米扶手",
        "活動 補充 擦了四十米扶手",
        "活动 补充一下：擦了四十米扶手",
    ],
)
async def test_words_that_answer_no_card_go_to_the_one_activity_that_is_open_in_the_room(
    albums: Albums, text: str
) -> None:
    await albums.plan()
    others = (
        replace(ONE, id=ActivityId("off"), state=State.CANCELLED),
        replace(ONE, id=ActivityId("long ago"), begins_at=NOON - timedelta(days=40)),
        replace(ONE, id=ActivityId("of a group"), organisation=EAST_GROUP),
        replace(ONE, id=ActivityId("elsewhere"), room=WEST_ROOM),
        replace(ONE, id=ActivityId("without album"), gathers=False),
    )
    facts = [rules.ActivityPlanned(activity=one, author=SECRETARY, at=NOON) for one in others]
    await albums.branch.store.settle(notes=facts)
    said = await albums.say(ZHANG, text)
    found = await albums.branch.store.read(lambda unit: stored.notes(unit, ONE.id))
    assert [(one.member, one.text) for one in found] == [(ZHANG, "擦了四十米扶手")]
    assert await albums.told_to(ZHANG) == ["activity.noted"]
    await albums.branch.hear(redaction(account(ZHANG), said.event_id))
    assert await albums.branch.store.read(lambda unit: stored.notes(unit, ONE.id)) == ()


async def test_words_say_what_their_message_is_changed_to_while_the_album_is_open(albums: Albums) -> None:
    await albums.plan()
    said = await albums.say(ZHANG, "活动 补充：擦了四十米扶手", reply=albums.card())

    async def changed(text: str, member: Any = ZHANG) -> tuple[list[str], str]:
        before = len(await albums.told_to(member))
        await albums.branch.hear(edit(account(member), said.event_id, text))
        (found,) = await albums.branch.store.read(lambda unit: stored.notes(unit, ONE.id))
        return (await albums.told_to(member))[before:], found.text

    assert await changed("活动 补充：擦了五十米扶手") == (["activity.note_changed"], "擦了五十米扶手")
    assert await changed("擦得很累") == (["activity.note_stands"], "擦了五十米扶手")
    assert await changed("活动 补充：别人写的", LI) == ([], "擦了五十米扶手")
    over = replace(ONE, state=State.CANCELLED)
    await albums.branch.store.settle(notes=[rules.ActivityChanged(activity=over, at=NOON)])
    assert await changed("活动 补充：擦了六十米扶手") == (["activity.note_stands"], "擦了五十米扶手")
    await albums.branch.hear(redaction(account(ZHANG), said.event_id))
    assert await albums.branch.store.read(lambda unit: stored.notes(unit, ONE.id)) == ()


@pytest.mark.parametrize("number", [0, 2])
async def test_where_none_is_open_or_several_it_is_said_in_private_how(albums: Albums, number: int) -> None:
    for one in range(number):
        await albums.plan(replace(ONE, id=ActivityId(f"number {one}")))
    before = len(albums.room()) if number else 0
    assert await albums.refused(ZHANG, "活动 补充：擦了四十米扶手") == "activity.how_to_note"
    for one in range(number):
        assert (
            await albums.branch.store.read(lambda unit, one=one: stored.notes(unit, ActivityId(f"number {one}"))) == ()
        )
    await albums.deliver()
    assert not number or len(albums.room()) == before


@pytest.mark.parametrize(
    "text",
    [
        *("活动", "活动 补充说明在群文件里", "活动补充说明在群文件里", "活动 几点开始"),
        *("活动补充 一下，明天记得带手套", "活动 补充 一下 明天记得带手套", "活动 补充一下，明天记得带手套"),
        "活動補充 一下，明天記得帶手套",
    ],
)
async def test_talk_about_an_activity_is_none_of_it(albums: Albums, text: str) -> None:
    await albums.plan()
    before = await albums.branch.everything()
    await albums.say(ZHANG, text)
    assert await albums.branch.everything() == before


async def test_people_sign_up_in_the_card_of_an_activity(albums: Albums) -> None:
    await albums.plan(signs=True)
    await albums.say(ZHANG, "带1", reply=albums.card())
    assert "\n1. 张明 +1\n共 2 人" in await albums.shown()
    one = await albums.branch.store.read(lambda unit: sign_ups.of_activity(unit, ONE.id))
    assert one is not None
    assert one.title == ONE.title


def span(year: int) -> Span:
    return Span(roots=(EAST,), above=(), since=date(year, 1, 1), until=date(year, 12, 31))


async def test_the_theme_days_of_a_branch_are_evidence_of_its_year(branch: SmallBranch) -> None:
    def put(id: str, **more: Any) -> list[Any]:

        one = replace(ONE, id=ActivityId(id), room=None, **{"state": State.HELD, **more})
        return [rules.ActivityPlanned(activity=one, author=SECRETARY, at=NOON)]

    for facts in (
        put("a"),
        put("of a group", organisation=EAST_GROUP, begins_at=NOON + timedelta(days=40)),
        put("planned", state=State.PLANNED),
        put("service", category=rules.Kind.SERVICE),
        put("west", organisation=WEST),
        put("new year", begins_at=NOON.replace(month=12, day=31, hour=20)),
    ):
        await branch.store.settle(notes=facts)
    years = {
        year: await branch.store.read(lambda unit, year=year: evidence.found(unit, span(year))) for year in (2026, 2027)
    }
    assert [(one.on, one.standing, one.forms) for one in years[2026]] == [
        (date(2026, 7, 1), Standing.HELD, (Form.PARTY_DAY,)),
        (date(2026, 7, 1), Standing.PLANNED, (Form.PARTY_DAY,)),
        (date(2026, 8, 10), Standing.HELD, (Form.PARTY_DAY,)),
    ]
    assert [one.on for one in years[2027]] == [date(2027, 1, 1)]


def test_a_picture_that_is_none_or_a_bomb_is_not_read() -> None:
    assert write_anew(b"") is None
    assert write_anew(b"GIF89a") is None
    side = int(MOST_PIXELS**0.5) + 1
    out = io.BytesIO()
    Image.new("1", (side, side)).save(out, "PNG")
    assert write_anew(out.getvalue()) is None
    small = write_anew(picture(exif=False))
    assert small is not None
    with Image.open(io.BytesIO(small.small)) as shown:
        assert max(shown.size) == SMALL_SIDE
