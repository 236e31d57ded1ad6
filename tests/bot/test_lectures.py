"""A lecture has times of its own: people choose a session, sign in when it is given, and learn hours from that."""

from __future__ import annotations

from datetime import timedelta

from content.amendments import correct
from content.checkins import State
from content.hours import Form
from content.identifiers import LessonId, OccurrenceId
from content.lectures import ROLL_STAYS, Lecture, Session
from content.lessons import Kind, LessonRevised, LessonWritten
from content.occurrences import State as OccurrenceState
from content.speech import Reader
from storage import amendments, hours, members, session_choices, shown
from storage.store import Step
from tests.small_branch import (
    EAST,
    LI,
    NOON,
    ROOF,
    SECRETARY,
    WANG,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    lesson,
    message,
    private_room,
    reaction,
    redaction,
)
from zhibu.catalogue import load_speech

LECTURE = LessonId("lecture")
DAY = timedelta(days=1)
FIRST, SECOND = NOON + DAY, NOON + 2 * DAY


def written(*begins: object, **more: object) -> LessonWritten:
    """Return a lecture of ninety minutes with these sessions."""
    sessions = tuple(Session(begins=at, place="二楼会议室") for at in begins or (FIRST, SECOND))
    told = Lecture(speaker="陈老师", sessions=sessions, party=True)
    one = lesson(LECTURE, Kind.LECTURE, title="读懂党章", body="提纲：一、二、三。", minutes=90, lecture=told, **more)
    return LessonWritten(lesson=one, author=SECRETARY)


async def announced(branch: SmallBranch, *begins: object) -> tuple[OccurrenceId, str]:
    """Announce a lecture, and return the event of its card in the room of the east."""
    await branch.store.settle(notes=[written(*begins)])
    id = await branch.open(LECTURE)
    await branch.send_all()
    return id, await branch.card_event(id)


async def chosen(branch: SmallBranch, id: OccurrenceId) -> dict[int, int]:
    """Return how many come to each session."""
    return await branch.store.read(lambda unit: session_choices.numbers(unit, id, [ROOF]))


async def live(branch: SmallBranch, id: OccurrenceId) -> str:
    """Return what the card of the east says now."""
    card = await branch.card(id)
    seen = await branch.store.read(lambda unit: shown.card(unit, card))
    assert seen is not None
    said = load_speech()
    return "\n".join(one.body for one in seen.messages(lambda words: said.say(words, Reader())).values())


async def test_a_member_chooses_a_session_by_a_tap_or_in_words_and_changes_until_it_begins(
    branch: SmallBranch, clock: HandClock
) -> None:
    id, card = await announced(branch)
    await branch.hear(reaction(account(ZHANG), card, "1️⃣"), message(account(LI), "第二场", reply=card))
    await branch.hear(message(account(WANG), "场次 2", room_id=private_room(WANG)))
    assert await chosen(branch, id) == {1: 1, 2: 2}
    await branch.hear(reaction(account(ZHANG), card, "2️⃣"), message(account(LI), "1", reply=card))
    assert await chosen(branch, id) == {1: 1, 2: 2}
    assert "第 2 场" in await live(branch, id)
    clock.now = FIRST + timedelta(minutes=1)
    (heard,) = await branch.hear(message(account(LI), "B", reply=card))
    assert heard is not None
    assert heard.refusal is not None
    assert heard.refusal.words.key == "lecture.has_begun"
    assert await chosen(branch, id) == {1: 1, 2: 2}
    assert await branch.state(id, LI) is State.OPEN


async def test_a_tap_that_is_taken_off_takes_the_choice_back(branch: SmallBranch) -> None:
    id, card = await announced(branch)
    tap = reaction(account(ZHANG), card, "2️⃣")
    await branch.hear(tap, redaction(account(LI), tap.event_id))
    assert await chosen(branch, id) == {2: 1}
    await branch.hear(redaction(account(ZHANG), tap.event_id))
    assert await chosen(branch, id) == {}


async def test_a_lecture_given_once_asks_for_no_choice(branch: SmallBranch, clock: HandClock) -> None:
    id, card = await announced(branch, FIRST)
    assert "1️⃣" not in await live(branch, id)
    await branch.hear(reaction(account(ZHANG), card, "1️⃣"))
    assert await chosen(branch, id) == {}
    clock.now = FIRST
    await branch.hear(message(account(ZHANG), "1", reply=card))
    assert await branch.state(id, ZHANG) is State.DONE


async def test_nobody_can_have_been_there_before_it_begins(branch: SmallBranch, clock: HandClock) -> None:
    id, card = await announced(branch)
    (early,) = await branch.hear(reaction(account(ZHANG), card, "✅"))
    assert early is not None
    assert early.refusal is not None
    assert early.refusal.words.key == "lecture.not_begun"
    assert await branch.state(id, ZHANG) is State.OPEN
    await branch.hear(message(account(LI), "请假 值班", reply=card))
    assert await branch.state(id, LI) is State.EXCUSED
    clock.now = SECOND + timedelta(minutes=90)
    await branch.hear(reaction(account(ZHANG), card, "✅"))
    assert await branch.state(id, ZHANG) is State.DONE


async def test_it_stays_open_until_its_last_session_is_over_and_is_made_up_after_that(
    branch: SmallBranch, clock: HandClock
) -> None:
    id, _ = await announced(branch)
    clock.now = SECOND
    await branch.let_close(id)
    assert (await branch.occurrence(id)).state is OccurrenceState.OPEN
    clock.now = SECOND + timedelta(minutes=90) + ROLL_STAYS
    await branch.let_close(id)
    assert (await branch.occurrence(id)).state is OccurrenceState.CLOSED
    await branch.hear(message(account(ZHANG), "补学 1", room_id=private_room(ZHANG)))
    assert await branch.state(id, ZHANG) is State.MADE_UP


async def test_what_is_over_is_not_announced(branch: SmallBranch, clock: HandClock) -> None:
    await branch.store.settle(notes=[written(FIRST)])
    id = await branch.plan(LECTURE, late=5 * DAY)
    clock.now = FIRST + timedelta(hours=4)
    await branch.let_open(id)
    assert (await branch.occurrence(id)).state is OccurrenceState.MISSED


async def test_a_lecture_that_is_put_off_keeps_its_choices_and_its_roll(branch: SmallBranch, clock: HandClock) -> None:
    """The correction that every sent card can have moves its times as well."""
    id, card = await announced(branch)
    await branch.hear(reaction(account(ZHANG), card, "2️⃣"))
    later = written(FIRST + 7 * DAY, SECOND + 7 * DAY, revision=2).lesson
    await branch.store.settle(notes=[LessonRevised(lesson=later, author=SECRETARY)])

    async def decide(unit: object) -> object:
        sent = await amendments.sent(unit, id)  # type: ignore[arg-type]
        assert sent is not None
        return correct([sent], later, reason="主讲人出差", now=clock.now)

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])  # type: ignore[arg-type]
    occurrence = await branch.occurrence(id)
    assert occurrence.begins_at == FIRST + 7 * DAY
    assert occurrence.closes_at == SECOND + 7 * DAY + timedelta(minutes=90) + ROLL_STAYS
    assert await chosen(branch, id) == {2: 1}


async def test_signing_in_counts_as_learning_together(branch: SmallBranch, clock: HandClock) -> None:
    """STU-6: what people learn together counts; for a lecture nobody has to say so first."""
    _, card = await announced(branch)
    clock.now = FIRST + timedelta(minutes=5)
    await branch.hear(reaction(account(ZHANG), card, "✅"))

    async def learned(unit: object) -> object:
        people = await members.roster(unit, [EAST])  # type: ignore[arg-type]
        return await hours.learners(unit, people, year=2026, today=clock.now.date())  # type: ignore[arg-type]

    found = await branch.store.read(learned)  # type: ignore[arg-type]
    of_zhang = next(one for one in found if one.member.id == ZHANG)  # type: ignore[attr-defined]
    assert [(one.form, one.title, one.on) for one in of_zhang.credits] == [(Form.TOGETHER, "读懂党章", FIRST.date())]
    assert of_zhang.total.together == 150


async def test_the_room_of_each_branch_sees_the_numbers_of_its_own(branch: SmallBranch) -> None:
    id, _ = await announced(branch)
    await branch.hear(message(account(ZHAO), "场次 1", room_id=private_room(ZHAO)))
    assert "已有 0 人选" in await live(branch, id)
    assert "已有 1 人选" not in await live(branch, id)
