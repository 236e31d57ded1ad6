"""Answers, corrections, inquiries and silence as they are kept, on both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from alembic import command
from sqlalchemy import Connection, select, text

from content.checkins import State
from content.corrections import answer_correction
from content.identifiers import CorrectionId
from storage import checkins, corrections, inquiries, misreadings, mutes, retention
from storage.checkins import answers
from storage.engines import WRITE, open_engine
from storage.migrate import alembic_config
from storage.store import Step
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    LI,
    ROLL,
    ROOF,
    SECRETARY,
    WEST,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
    reaction,
    redaction,
)

WHO, DIRECT = account(ZHANG), private_room(ZHANG)


async def test_answers_are_kept_in_order_and_crossed_out(branch: SmallBranch) -> None:
    id = await branch.open(ROLL)
    await branch.send_all()
    hands = reaction(WHO, await branch.card_event(id), "🙏")
    await branch.hear(message(WHO, "签到"), hands, redaction(WHO, hands.event_id))
    lines = await branch.store.read(lambda unit: checkins.history(unit, id, ZHANG))
    assert [(line.given.state, line.taken_back_at is None) for line in lines] == [
        (State.DONE, True),
        (State.EXCUSED, False),
    ]
    assert [one.state for one in await branch.store.read(lambda unit: checkins.given(unit, id, ZHANG))] == [State.DONE]
    assert await branch.state(id, ZHANG) is State.DONE
    assert await branch.counted() == await branch.tallied()


async def test_a_correction_is_seen_from_above_and_not_from_beside(branch: SmallBranch) -> None:
    await branch.hear(message(account(LI), "更正 岗位变了", room_id=private_room(LI)))
    places = (ROOF, EAST, EAST_GROUP, WEST)
    counts = [
        await branch.store.read(lambda unit, at=at: corrections.number_waiting(unit, [at]))  # type: ignore[misc]
        for at in places
    ]
    assert counts == [1, 1, 1, 0]
    (line,) = await branch.store.read(lambda unit: corrections.lines(unit, [ROOF], waiting=True))
    assert (line.name, line.correction.text, line.title) == ("李强", "岗位变了", None)
    hidden = CorrectionId(line.correction.id)
    assert await branch.store.read(lambda unit: corrections.visible(unit, [WEST], hidden)) is None


async def test_a_correction_answered_twice_in_one_breath_is_answered_once(branch: SmallBranch) -> None:
    await branch.hear(message(WHO, "更正 岗位变了", room_id=DIRECT))

    async def decide(unit: Any) -> Any:
        found = await corrections.lines(unit, [ROOF], waiting=True)
        one = found[0].correction if found else None
        return answer_correction(one, "好", settled=True, by=SECRETARY, now=unit.now) if one else None

    steps = [Step(cause=fresh_cause(), decide=decide, actor=SECRETARY) for _ in range(2)]
    first, second = await branch.store.settle(steps)
    assert first.answer is not None
    assert second.answer is None
    assert len(await branch.store.read(lambda unit: corrections.lines(unit, [ROOF], waiting=False))) == 1


async def test_silence_and_inquiries_end_by_themselves_and_are_swept_out(branch: SmallBranch, clock: HandClock) -> None:
    await branch.open(ROLL)
    await branch.hear(message(WHO, "静音 1天", room_id=DIRECT), message(WHO, "请假"))
    await branch.hear(message(account(LI), "天气", room_id=private_room(LI)))
    assert await branch.store.read(lambda unit: mutes.muted_until(unit, WHO)) == clock.now + timedelta(days=1)
    assert await branch.store.read(lambda unit: inquiries.waiting(unit, WHO)) is not None
    clock.forward(days=1)
    assert await branch.store.read(lambda unit: mutes.muted_until(unit, WHO)) is None
    assert await branch.store.read(lambda unit: inquiries.waiting(unit, WHO)) is None
    clock.forward(days=30)
    await branch.store.settle(notes=[retention.Swept(at=clock.now)])
    size = await branch.size()
    assert [size[table.name] for table in (mutes.mutes, inquiries.inquiries, misreadings.misreadings)] == [0, 0, 0]


async def test_what_stood_before_the_upgrade_can_still_be_taken_back(empty_address: str) -> None:
    engine = open_engine(empty_address)

    def upgrade(connection: Connection, revision: str) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    rows = """
        INSERT INTO organisations (id, parent_id, kind, name, timezone, language, place)
        VALUES ('o', NULL, 'branch', 'o', 'UTC', 'en', 0);
        INSERT INTO members
        (id, organisation_id, name, category, gender, joined, full_since, phone, post, position, status, note)
        VALUES ('m', 'o', 'm', '', '', '', '', '', '', '', '', '');
        INSERT INTO lessons (id, owner_id, kind, title, pack, revision, author, written_at)
        VALUES ('l', 'o', 'lesson', 'l', '', 1, 'a', '2026-07-01 00:00:00');
        INSERT INTO schedules (id, owner_id, audience_id, lessons, recurrence, start, at, timezone, weekdays, count,
        window_minutes, late_minutes, author, made_at)
        VALUES ('s', 'o', 'o', '[]', 'once', '2026-07-01', '00:00:00', 'UTC', '[]', 1, 60, 0,
        'a', '2026-07-01 00:00:00');
        INSERT INTO occurrences (id, schedule_id, audience_id, lesson_id, local_date, slot, due_at, window_minutes,
        late_minutes, state) VALUES ('x', 's', 'o', 'l', '2026-07-01', 0, '2026-07-01 00:00:00', 60, 0, 'open');
        INSERT INTO expectations (occurrence_id, member_id, branch_id, state, decided_at, decided_by, reason)
        VALUES ('x', 'm', 'o', 'excused', '2026-07-01 00:10:00', 'tap:$1', NULL)
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(**WRITE)
        async with connection.begin():
            await connection.run_sync(upgrade, "0002")
            for statement in rows.split(";"):
                # The colons of a time are not parameters.
                await connection.execute(text(statement.replace(":", r"\:")))
            await connection.run_sync(upgrade, "head")
        (row,) = (await connection.execute(select(answers))).all()
    await engine.dispose()
    assert (row.occurrence_id, row.member_id, row.cause, row.state) == ("x", "m", "tap:$1", "excused")
    assert row.taken_back_at is None
