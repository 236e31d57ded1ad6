"""A person who is erased is found in no table and in no byte of the file, and every count stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from content.decision import Decision, Refusal, Say, Secret, Tell, words
from content.edits import Places, Sort, departed, edit
from content.erasure import erase
from content.identifiers import LockId, MemberId, SelectionId, UserId
from content.lessons import Kind, Lesson, LessonRevised, LessonWritten
from content.levels import Entry
from content.locks import Before, Lock, LockNoted, Part, RoomLocked, RoomUnlocked, State
from content.members import NOBODY, Member, MemberEnrolled, leave_roster
from content.model_members import MemberNominated, Selection, SelectionCalled, SelectionEnded, story_of
from storage import disclosures, erased_people, kept_entries, lessons, locks, members, organisations
from storage.edits import edit_entries
from storage.engines import sqlite_file
from storage.erased_people import EMPTIED, GOES
from storage.erased_words import forget_in_words
from storage.store import Step
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    NOON,
    ROLL,
    ROOF,
    SECRETARY,
    WANG,
    ZHANG,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
)

SECOND = UserId("@second:test")
CANARY = "石榴红隼"
NAME, PHONE = f"{CANARY}甲", "13977665544"


def test_of_every_table_that_may_hold_a_person_it_is_said_what_goes() -> None:
    """R20."""
    assert {table.name for table in (*GOES, *EMPTIED)} == {held.table.name for held in disclosures.PERSONAL}


async def decided(branch: SmallBranch, decide: Any) -> None:
    (outcome,) = await branch.store.settle([Step(cause=fresh_cause(), decide=decide, actor=SECRETARY)])
    assert isinstance(outcome.answer, Decision), outcome


async def rename(branch: SmallBranch, name: str) -> None:
    """Have the member called something else, with a number and a note."""

    async def change(unit: Any) -> Decision | Refusal:
        before = await members.member(unit, ZHANG)
        assert before is not None
        after = replace(before, name=name, phone=PHONE, note=f"{CANARY}备注", born="1980-02-29")
        places, cause = Places(await organisations.tree(unit)), fresh_cause()
        return edit([(before, after)], sort=Sort.EDITED, places=places, cause=cause, by=SECRETARY, now=unit.now)

    await decided(branch, change)


async def gone(unit: Any) -> Decision | Refusal:
    """Let the member leave."""
    member = await members.member(unit, ZHANG)
    assert member is not None
    places, cause = Places(await organisations.tree(unit)), fresh_cause()
    left = leave_roster(member, by=SECRETARY, duties=(), may_end=(), out_of=(), now=unit.now)
    reason = f"{CANARY}原因"
    return departed(left, member, sort=Sort.LEFT, places=places, cause=cause, by=SECRETARY, now=unit.now, reason=reason)


async def a_life(branch: SmallBranch) -> None:
    """Let a member with a name found nowhere else do what members do, and leave."""
    id = ZHANG

    await rename(branch, NAME)
    roll = await branch.open(ROLL)
    await branch.hear(message(SECRETARY, "投票 哪天; 周五; 周六"))
    await branch.send_all()
    private = private_room(id)
    await branch.hear(
        message(account(id), f"请假 {CANARY}请假"),
        message(account(id), "投票 1"),
        message(account(id), "静音", room_id=private),
        message(account(id), f"更正 {CANARY}更正", room_id=private),
        message(account(id), CANARY, room_id=private),
        message(account(id), "天气", room_id=EAST_ROOM),
    )
    await branch.answer(roll, LI)
    await branch.answer(roll, WANG)
    await branch.send_all()
    await decided(branch, gone)


async def given_a_voice(branch: SmallBranch, *users: UserId) -> None:
    """Let a room for announcements have let some people write, and let that be over."""
    voices = tuple(Entry(name=one, of_kind=False, of_user=True, listed=False, set=25) for one in users)
    lock = Lock(
        id=LockId("posting"),
        room=EAST_ROOM,
        organisation=EAST,
        part=Part.POSTING,
        by=None,
        at=NOON,
        state=State.HELD,
        lasts=None,
        who="duties",
    )
    before = Before(entries=voices, earlier=voices)
    noted = LockNoted(id=lock.id, before=before, at=NOON)
    over = RoomUnlocked(lock=replace(lock, state=State.OVER), by=None, at=NOON)
    await branch.store.settle(notes=[RoomLocked(lock=lock), noted, over])


async def erase_now(branch: SmallBranch) -> None:
    async def decide(unit: Any) -> Decision | Refusal:
        member = await members.member(unit, ZHANG)
        assert member is not None
        held = await erased_people.held(unit, ZHANG, [ROOF])
        assert held.accounts == {account(ZHANG)}
        return erase(member, held, by=SECRETARY, approved_by=SECOND, typed=NAME, now=unit.now)

    await decided(branch, decide)


async def test_nothing_of_an_erased_person_is_left_and_every_count_is(branch: SmallBranch, address: str) -> None:
    """R20: the canary is in no row, nor in a byte of the database or its log."""
    await a_life(branch)
    await given_a_voice(branch, account(ZHANG), account(LI))
    before = await branch.everything()
    words = (CANARY, PHONE, account(ZHANG))
    assert all(word in before for word in words)
    counted, tallied = await branch.counted(), await branch.tallied()
    await erase_now(branch)
    after = await branch.everything()
    assert [word for word in words if word in after] == []
    assert (await branch.counted(), await branch.tallied()) == (counted, tallied)
    assert "李强" in after
    told = await branch.store.read(lambda unit: locks.told(unit, LockId("posting")))
    assert told is not None
    assert told.before is not None
    assert [entry.name for entry in told.before.every] == [account(LI)] * 2
    assert await branch.store.read(lambda unit: disclosures.last_asked(unit, account(ZHANG))) is None
    file = sqlite_file(address)
    if file is not None:
        assert await branch.store.forget_deleted()
        for part in sorted(Path(file).parent.glob(f"{Path(file).name}*")):
            data = part.read_bytes()
            for word in words:
                escaped = word.encode("unicode_escape")
                assert word.encode() not in data, (part.name, word)
                assert escaped == word.encode() or escaped not in data, (part.name, word)


async def test_what_waits_to_be_said_to_others_names_an_erased_person_no_more(branch: SmallBranch) -> None:
    """R20: a result or an announcement that has not gone out, or could not; of a longer name nothing is taken.

    A name that they had before is a name of theirs.
    """
    found = await branch.store.read(lambda unit: members.member(unit, ZHANG))
    assert found is not None
    former = found.name
    await a_life(branch)
    other = Member(id=MemberId("longer"), organisation=EAST, name=f"{NAME}乙")
    await branch.store.settle(notes=[MemberEnrolled(member=other)])
    told = words(
        "ballot.room_result",
        lines=(
            words("count.votes", name=NAME, yes=3, no=1, abstained=0),
            words("count.votes", name=former, yes=2, no=1, abstained=1),
            words("selection.room_announced", title="树榜样", names=f"{NAME}乙、{NAME}、李强"),
        ),
    )
    link = words("ballot.invited", title=NAME, closes=NOON, until=NOON, link=Secret("https://x"))
    effects = (Say(room=EAST_ROOM, organisation=EAST, words=told), Tell(user=account(LI), words=link))

    async def say(_: Any) -> Decision:
        return Decision(effects=effects)

    await decided(branch, say)
    assert NAME in await branch.everything()
    await erase_now(branch)
    rows = [row.words for row in await branch.rows() if row.words and "lines" in row.words["parameters"]]
    lines = [one["parameters"] for one in rows[-1]["parameters"]["lines"]["lines"]]
    assert former not in (NAME, "")
    assert (lines[0]["name"], lines[1]["name"]) == (NOBODY, NOBODY)
    assert lines[2]["names"] == f"{NAME}乙、{NOBODY}、李强"
    sent = [
        one.words.parameters for one in await branch.send_all() if one.words is not None and one.user == account(LI)
    ]
    assert [(one["title"], str(one["link"])) for one in sent if "link" in one] == [(NOBODY, "https://x")]


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"{account(ZHANG)}说好", f"{NOBODY}说好"),
        (f"ask {account(ZHANG)}.", f"ask {NOBODY}."),
        (f"{account(ZHANG)}.cn", f"{account(ZHANG)}.cn"),
        (f"{account(ZHANG)}ing.org", f"{account(ZHANG)}ing.org"),
        (f"{account(ZHANG)}:8448", f"{account(ZHANG)}:8448"),
    ],
)
async def test_an_account_that_only_begins_alike_stays_and_so_does_the_key_of_a_line(
    branch: SmallBranch, said: str, left: str
) -> None:
    told = words("count.head", lines=(words("count.votes", name="count", text=said),))

    async def tell(unit: Any) -> Decision:
        return Decision(effects=(Say(room=EAST_ROOM, organisation=EAST, words=told),))

    async def rename(unit: Any) -> None:
        await unit.execute(update(members.members).where(members.members.c.id == ZHANG).values(name="count"))
        await forget_in_words(unit, [ZHANG], [account(ZHANG)])

    await decided(branch, tell)
    await branch.store._write(rename, news=False)
    (line,) = [
        row.words["parameters"]["lines"]["lines"][0]
        for row in await branch.rows()
        if row.words and "lines" in row.words["parameters"]
    ]
    assert line == {"key": "count.votes", "parameters": {"name": NOBODY, "text": left}}


async def test_the_story_of_an_erased_person_is_emptied_in_every_revision(branch: SmallBranch) -> None:
    """R20: a draft that was made of a selection tells their name and deeds, and goes with them."""
    await a_life(branch)
    chosen = SelectionId("s")
    one = Selection(
        id=chosen, organisation=EAST, title="树榜样", places=1, nominate_until=NOON, timezone="Asia/Shanghai"
    )
    named = MemberNominated(
        selection=chosen, organisation=EAST, nominee=ZHANG, by=LI, group=None, reason=f"{CANARY}理由"
    )
    story = Lesson(id=story_of(chosen, ZHANG), owner=EAST, kind=Kind.LESSON, title=f"榜样{NAME}", body=f"{NAME}做的事")
    told = [
        SelectionCalled(selection=one, author=SECRETARY),
        named,
        SelectionEnded(selection=chosen, organisation=EAST),
    ]
    revised = LessonRevised(lesson=replace(story, revision=2, body=f"{NAME}又做的事"), author=SECRETARY)
    await branch.store.settle(notes=[*told, LessonWritten(lesson=story, author=SECRETARY), revised])
    await erase_now(branch)
    assert CANARY not in await branch.everything()
    kept = await branch.store.read(lambda unit: lessons.lesson(unit, story.id))
    assert kept is not None
    assert (kept.title, kept.body) == (NOBODY, NOBODY)


async def test_a_mistyped_former_name_is_not_taken_out_of_other_words(branch: SmallBranch) -> None:
    """R20: 王 corrected to 王芳, and a word out of another column, stand for nobody."""
    for name in ("王", "安全", NAME):
        await rename(branch, name)
    await decided(branch, gone)
    told = words("count.head", lines=(words("count.votes", name="王丽娟", text="《安全生产》，安全"),))

    async def say(_: Any) -> Decision:
        return Decision(effects=(Say(room=EAST_ROOM, organisation=EAST, words=told),))

    await decided(branch, say)
    await erase_now(branch)
    rows = [row.words for row in await branch.rows() if row.words and "lines" in row.words["parameters"]]
    (line,) = rows[-1]["parameters"]["lines"]["lines"]
    assert line["parameters"] == {"name": "王丽娟", "text": f"《安全生产》，{NOBODY}"}


async def test_who_is_erased_need_not_be_opened_first(branch: SmallBranch) -> None:
    """R20: where the key of a former entry is lost, or another, its name is known and nothing else is looked at."""
    await rename(branch, NAME)
    await decided(branch, gone)
    name = await branch.store.read(lambda unit: kept_entries.names(unit, edit_entries, [ZHANG]))

    async def lose_key(unit: Any) -> None:
        await unit.execute(update(edit_entries).values(after={"name": NAME, "sealed": "not to be opened"}))

    await branch.store._write(lose_key, news=False)
    assert name >= {NAME}
    await erase_now(branch)
    assert NAME not in await branch.everything()
