"""What a secret ballot does by itself, and what it answers in chat: reminders, a turnout at noon, never a choice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.clock import Clock
from bot.hearing import Hearing
from bot.matrix.events import Batch, RoomBatch
from content.ballots import State
from content.identifiers import MemberId
from storage import ballots
from storage.ballot_links import by_token
from storage.restores import Restored
from storage.store import Step
from tests.fake_homeserver import FakeHomeserver
from tests.sealed_ballots import ID, digest, draft, issue, open_voting, paper, roll, stand, vote
from tests.small_branch import EAST_ROOM, NOON, ZHANG, HandClock, SmallBranch, account, message, private_room

VOTERS = [one.member for one in roll()]
CLOSES = NOON + timedelta(days=3)


@pytest.fixture
def ticking(branch: SmallBranch) -> Clock:
    """Give the clock of a bot whose console has an address."""
    return Clock(
        branch.store,
        caught_up=lambda: False,
        hearing_state=lambda: "",
        console="https://console.example.org",
        fresh=branch.settings.fresh,
    )


async def begin(branch: SmallBranch, *voted: MemberId) -> None:
    await draft(branch.store, also=(ZHANG,), closes_at=CLOSES)
    await open_voting(branch.store)
    for member in voted:
        await vote(branch.store, member, paper("a+"))


async def reminded(branch: SmallBranch) -> list[str]:
    rows = await branch.rows()
    return [row.user_id for row in rows if row.words and row.words["key"] == "ballot.invited"]


async def test_a_ballot_that_was_open_when_the_database_was_put_back_comes_to_nothing_once(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    """Invariant 16: whose vote of after the backup is gone cannot be told, so nothing is counted of the others."""
    await begin(branch, *VOTERS[:5])
    clock.forward(hours=1)
    await branch.store.settle(notes=[Restored(taken_at=NOON, at=clock.now)])
    clock.forward(minutes=1)
    for _ in range(2):
        await ticking.tick()
    one = await stand(branch.store)
    assert (one.state, one.set_hash) == (State.VOID, None)
    assert await branch.store.read(lambda unit: ballots.boxes(unit, ID)) == ()
    told = [row.words["key"] for row in await branch.rows() if row.words and row.room_id == EAST_ROOM]
    assert told == ["ballot.room_given_up"]


async def test_a_ballot_that_is_opened_after_the_database_was_put_back_goes_on(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    """So does one that was closed before the backup: its set of envelopes is fixed, and is all there."""
    await branch.store.settle(notes=[Restored(taken_at=NOON, at=clock.now)])
    clock.forward(minutes=1)
    await begin(branch, *VOTERS[:5])
    await ticking.tick()
    assert (await stand(branch.store)).state is State.OPEN
    clock.now = CLOSES
    await ticking.tick()
    await branch.store.settle(notes=[Restored(taken_at=clock.now, at=clock.now)])
    await ticking.tick()
    assert (await stand(branch.store)).state is State.CLOSED


async def test_only_who_has_not_voted_is_reminded_twice_before_the_close_in_the_words_of_the_first(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    """Invariants 13 and 18: fixed times, one text, each once however often the clock ticks."""
    await begin(branch, *VOTERS[:4])
    clock.now = CLOSES - timedelta(hours=24, seconds=1)
    await ticking.tick()
    assert await reminded(branch) == []
    clock.now = CLOSES - timedelta(hours=24)
    for _ in range(2):
        await ticking.tick()
    waiting = sorted([account(ZHANG), *(f"@{one}:test" for one in VOTERS[4:])])
    assert sorted(await reminded(branch)) == waiting
    await vote(branch.store, VOTERS[4], paper("a+"))
    clock.now = CLOSES - timedelta(hours=3)
    await ticking.tick()
    assert sorted(await reminded(branch)) == sorted([*waiting, account(ZHANG), f"@{VOTERS[5]}:test"])
    codes = [row for row in await branch.rows() if row.words and row.words["key"] == "ballot.code"]
    assert len(codes) == len(await reminded(branch))
    assert not any(row.unasked or row.quiet for row in codes)


async def test_who_was_just_sent_a_link_keeps_it_and_a_reminder_goes_to_the_others(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    """A reminder's link puts the one before out of use, and who asked for it may be voting by it at that moment."""
    await begin(branch)
    clock.now = CLOSES - timedelta(hours=24, minutes=50)
    await branch.hear(message(account(ZHANG), "投票", room_id=private_room(ZHANG)))
    clock.now = CLOSES - timedelta(hours=24)
    await ticking.tick()
    assert sorted(await reminded(branch)) == sorted([account(ZHANG), *(f"@{one}:test" for one in VOTERS)])
    clock.now = CLOSES - timedelta(hours=3)
    await ticking.tick()
    assert (await reminded(branch)).count(account(ZHANG)) == 2, "what is an hour old is no longer fresh"


async def test_whose_link_was_never_committed_is_not_taken_for_one_who_has_it(
    branch: SmallBranch, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(branch)
    hearing = Hearing(branch.store, FakeHomeserver(branch.clock), branch.settings)  # type: ignore[arg-type]
    said = message(account(ZHANG), "投票", room_id=private_room(ZHANG))
    part = RoomBatch(room_id=private_room(ZHANG), membership="join", timeline=(said,))
    batch = Batch(since="s1", next_batch="s2", rooms=(part,))

    async def decided_and_undone(steps: Sequence[Step], **_: object) -> None:
        for step in steps:
            assert await branch.store.read(step.decide) is not None
        raise OSError("disk full")

    monkeypatch.setattr(branch.store, "settle", decided_and_undone)
    with pytest.raises(OSError, match="disk full"):
        await hearing.commit(batch)
    monkeypatch.undo()
    assert not branch.settings.fresh.has(ID, ZHANG, NOON)
    await hearing.commit(batch)
    assert branch.settings.fresh.has(ID, ZHANG, NOON)


@pytest.mark.parametrize(("before_the_close", "at_once"), [(24.5, False), (23.5, False), (26, True)])
async def test_a_ballot_that_is_opened_late_begins_with_no_reminder(
    branch: SmallBranch, clock: HandClock, ticking: Clock, before_the_close: float, at_once: bool
) -> None:
    """Whoever was sent their link within the hour needs no other, whether it was opened then or sent again."""
    clock.now = CLOSES - timedelta(hours=before_the_close)
    await begin(branch)
    clock.now = max(clock.now, CLOSES - timedelta(hours=24))
    await ticking.tick()
    assert bool(await reminded(branch)) is at_once
    clock.now = CLOSES - timedelta(hours=4)
    told = [issue(one, f"again-{one}", clock.now) for one in VOTERS]
    await branch.store.settle(notes=told)
    before = len(await reminded(branch))
    clock.now = CLOSES - timedelta(hours=3, seconds=-1)
    await ticking.tick()
    assert len(await reminded(branch)) == before + 7, "an hour is over"


async def test_a_room_hears_at_noon_how_many_have_voted_and_not_of_fewer_than_five(
    branch: SmallBranch, clock: HandClock, ticking: Clock
) -> None:
    """L6, L9: once a day, a sum and nothing else."""
    await begin(branch, *VOTERS[:4])
    clock.now = NOON.replace(hour=4) + timedelta(days=1, minutes=1)
    await ticking.tick()

    async def said() -> list[dict[str, object]]:
        return [row.words["parameters"] for row in await branch.rows() if row.kind == "say"]

    assert await said() == []
    await vote(branch.store, VOTERS[4], paper("a+"))
    await ticking.tick()
    assert await said() == [], "what was due at noon was said, or was not"
    clock.now += timedelta(days=1)
    for _ in range(2):
        await ticking.tick()
    assert [(one["n"], one["expected"]) for one in await said()] == [(5, 7)]


@pytest.mark.parametrize("words", ["投票", "投票 1", "投 1"])
async def test_a_choice_in_private_is_answered_by_the_link_and_neither_kept_nor_repeated(
    branch: SmallBranch, words: str
) -> None:
    """L7."""
    await begin(branch)
    await branch.hear(message(account(ZHANG), words, room_id=private_room(ZHANG)))
    told = [row.words for row in await branch.rows() if row.user_id == account(ZHANG) and row.words]
    keys = [one["key"] for one in told]
    assert keys == [*(["ballot.not_in_chat"] if words != "投票" else []), "ballot.invited", "ballot.code"]
    assert await branch.store.read(lambda unit: ballots.turnout(unit, ID)) == 0
    sent = [row.words for row in await branch.send_all() if row.words is not None]
    (link,) = [str(one.parameters["link"]) for one in sent if "link" in one.parameters]
    found = await branch.store.read(lambda unit: by_token(unit, digest(link.rsplit("/", 1)[1])))
    assert found is not None
    assert (found.member, found.tries, found.used) == (ZHANG, 0, False)


@pytest.mark.parametrize("words", ["投张明", "我选张明", "投给 张明 一票", "推荐 张明 好", "vote for Zhang"])
async def test_a_name_in_private_is_answered_by_the_link_and_never_repeated(branch: SmallBranch, words: str) -> None:
    """L7: whoever names somebody has chosen in chat, which is stored nowhere."""
    assert await keys_for(branch, words) != ["ballot.not_in_chat", "ballot.invited", "ballot.code"], "none is open"
    await begin(branch)
    assert await keys_for(branch, words) == ["ballot.not_in_chat", "ballot.invited", "ballot.code"]
    stored = await branch.everything()
    assert words not in stored
    told = [row.words for row in await branch.rows() if row.user_id == account(ZHANG)]
    assert "张明" not in str(told)


async def keys_for(branch: SmallBranch, words: str) -> list[str]:
    before = {row.id for row in await branch.rows()}
    await branch.hear(message(account(ZHANG), words, room_id=private_room(ZHANG)))
    rows = [row for row in await branch.rows() if row.id not in before and row.user_id == account(ZHANG)]
    return [row.words["key"] for row in rows]


async def test_a_choice_in_a_room_brings_no_link_there(branch: SmallBranch) -> None:
    """L7: what leads to one's ballot is never said before others."""
    await begin(branch)
    await branch.hear(message(account(ZHANG), "投票 1", room_id=EAST_ROOM))
    assert [row for row in await branch.rows() if row.words and "ballot" in row.words["key"]] == []
    assert (await stand(branch.store)).turnout is None


async def test_who_asks_for_their_link_leaves_no_record_and_no_time_finer_than_a_day(branch: SmallBranch) -> None:
    """L5: who asks is about to vote."""
    await begin(branch)
    recorded = (await branch.size())["audit"]
    branch.clock.now = branch.clock.now.replace(hour=7, minute=53, second=41)
    asked = message(account(ZHANG), "投票", room_id=private_room(ZHANG), sent_at=branch.clock.now)
    await branch.hear(asked)
    assert len(await branch.send_all()) == 2
    assert (await branch.size())["audit"] == recorded
    assert "7, 53, 41" not in await branch.everything()
    await branch.hear(asked)
    assert await branch.send_all() == [], "it is known all the same that it was done"
