"""提问 and 匿名提问: what is kept of who asks about a lecture, and how many questions one person has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import select

from content.decision import Decision, Refusal
from content.identifiers import OccurrenceId, derive
from content.lecture_questions import (
    LONGEST_QUESTION,
    MOST_NAMED,
    MOST_UNNAMED,
    Question,
    State,
    settle_question,
)
from storage import lecture_questions, outbox
from storage.audit import audit, causes
from storage.lecture_questions import lecture_questions as table
from storage.retention import QUESTIONS, Swept
from tests.bot.test_lectures import FIRST, SECOND, announced
from tests.small_branch import (
    LI,
    NOON,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    message,
    private_room,
)


async def kept(branch: SmallBranch, id: OccurrenceId) -> Sequence[Question]:
    """Return the questions to a lecture."""
    return await branch.store.read(lambda unit: lecture_questions.of_lecture(unit, id))


async def say(branch: SmallBranch, words: str, member: object = ZHANG) -> str | None:
    """Let a member say something in private; return why it was refused."""
    (heard,) = await branch.hear(message(account(member), words, room_id=private_room(member)))  # type: ignore[arg-type]
    return heard.refusal.words.key if heard is not None and heard.refusal is not None else None


async def test_a_question_is_kept_under_its_askers_name(branch: SmallBranch) -> None:
    id, card = await announced(branch)
    assert await say(branch, "提问 党费可以季度交吗") is None
    await branch.hear(message(account(LI), "提问：能不能讲讲老矿的事", reply=card))
    found = {one.member: one.text for one in await kept(branch, id)}
    assert found == {ZHANG: "党费可以季度交吗", LI: "能不能讲讲老矿的事"}
    assert await say(branch, "提问党费可以季度交吗") == "lecture.asked_already"


async def test_nothing_is_kept_of_who_asks_without_a_name(branch: SmallBranch) -> None:
    """What is left once the receipt is sent: the question with its day, and that a message was heard that day."""
    id, _ = await announced(branch)
    before = await branch.store.read(lambda unit: unit.rows(select(audit)))
    assert await say(branch, "匿名提问 食堂能早点开吗") is None
    (told,) = await branch.rows(outbox.outbox.c.kind == outbox.Kind.TELL)
    assert told.words["key"] == "lecture.unnamed_asked"
    await branch.send_all()
    (one,) = await kept(branch, id)
    assert (one.member, one.text, one.asked_on) == (None, "食堂能早点开吗", date(2026, 7, 1))
    assert await branch.rows(outbox.outbox.c.kind == outbox.Kind.TELL) == []
    assert await branch.store.read(lambda unit: unit.rows(select(audit))) == before
    at = {row.at for row in await branch.store.read(lambda unit: unit.rows(select(causes))) if "event" in row.cause}
    assert at == {NOON.replace(hour=0)}


async def test_questions_without_a_name_do_not_lie_in_the_order_in_which_they_came(branch: SmallBranch) -> None:
    id, _ = await announced(branch)
    for number in range(MOST_UNNAMED):
        await say(branch, f"匿名提问 第{number}个问题是什么呢")
    names = [one.id for one in await kept(branch, id)]
    assert names == sorted(names)
    of_causes = {
        derive(row.cause, "question") for row in await branch.store.read(lambda unit: unit.rows(select(causes)))
    }
    assert not of_causes & set(names)


async def test_one_person_has_few_questions_without_a_name_and_more_with_it(branch: SmallBranch) -> None:
    """A flood is stopped, without a row that says who asked."""
    id, _ = await announced(branch)
    assert await say(branch, "匿名提问 " + "长" * (LONGEST_QUESTION + 1)) == "lecture.long_question"
    for number in range(MOST_UNNAMED):
        assert await say(branch, f"匿名提问 问题{number}") is None
    assert await say(branch, "匿名提问 还有一个") == "lecture.unnamed_enough"
    assert await say(branch, "匿名提问 换个人问", LI) is None
    for number in range(MOST_NAMED):
        assert await say(branch, f"提问 问题{number}") is None
    assert await say(branch, "提问 还有一个") == "lecture.asked_enough"
    assert len(await kept(branch, id)) == MOST_UNNAMED + 1 + MOST_NAMED


async def test_what_the_room_has_seen_is_not_taken_as_without_a_name(branch: SmallBranch) -> None:
    id, card = await announced(branch)
    (heard,) = await branch.hear(message(account(ZHANG), "匿名提问 为什么", reply=card))
    assert heard is not None
    assert heard.refusal is not None
    assert heard.refusal.words.key == "lecture.unnamed_in_private"
    assert await kept(branch, id) == ()


async def test_who_says_that_a_question_is_to_have_no_name_is_not_put_down_by_name(branch: SmallBranch) -> None:
    id, _ = await announced(branch)
    for words in ("提问 匿名 食堂几点开", "question anonymous when does it open", "我想问 不记名：食堂几点开"):
        assert await say(branch, words) == "lecture.unnamed_how"
    assert await kept(branch, id) == ()
    assert await branch.store.read(lambda unit: unit.rows(select(audit).where(audit.c.actor == account(ZHANG)))) == []
    assert await say(branch, "匿名提问食堂几点") is None
    assert [(one.member, one.text) for one in await kept(branch, id)] == [(None, "食堂几点")]


async def test_one_can_ask_after_the_lecture_too_and_hears_how(branch: SmallBranch, clock: HandClock) -> None:
    id, _ = await announced(branch)
    clock.now = SECOND + timedelta(days=2)
    await branch.let_close(id)
    await say(branch, "提问")
    assert (account(ZHANG), "lecture.ask_how") in await branch.told()
    assert await say(branch, "提问 讲义能发一份吗") is None
    clock.now = FIRST + timedelta(days=60)
    assert await say(branch, "提问 讲义还能发一份吗") == "lecture.none_to_ask"
    await branch.store.settle(notes=[Swept(at=clock.now + QUESTIONS)])
    assert await branch.store.read(lambda unit: unit.rows(select(table))) == []


async def test_a_question_under_a_name_is_withdrawn_and_no_word_of_it_is_kept(branch: SmallBranch) -> None:
    """Finding C7: what was put down by mistake can be taken back while nobody has answered it."""
    id, _ = await announced(branch)
    assert await say(branch, "撤回提问") == "lecture.nothing_to_withdraw"
    for words, member in (("提问 党费可以季度交吗", ZHANG), ("提问 讲义能发一份吗", ZHANG), ("提问 老矿的事", LI)):
        assert await say(branch, words, member) is None
    assert await say(branch, "匿名提问 食堂能早点开吗") is None
    assert await say(branch, "撤回提问") is None
    assert (account(ZHANG), "lecture.withdraw_which") in await branch.told()
    assert await say(branch, "撤回提问 3") == "checkin.no_such_number"
    own = [one for one in await kept(branch, id) if one.member == ZHANG]
    assert await say(branch, "撤回提问2") is None
    found = {one.id: (one.text, one.state) for one in await kept(branch, id)}
    assert found[own[1].id] == ("", State.WITHDRAWN)
    assert found[own[0].id] == (own[0].text, State.OPEN)
    assert await say(branch, "withdraw question", LI) is None
    assert [one.text for one in await kept(branch, id) if one.member == LI] == [""]
    assert [one.state for one in await kept(branch, id) if one.member is None] == [State.OPEN]


async def test_the_number_of_a_question_stays_its_own_when_another_is_answered(branch: SmallBranch) -> None:
    id, _ = await announced(branch)
    for words in ("党费可以季度交吗", "讲义能发一份吗", "食堂能早点开吗"):
        assert await say(branch, f"提问 {words}") is None
    first, second, third = await kept(branch, id)
    answered = settle_question(first, State.ANSWERED, "可以", by=account(LI), title="")
    assert isinstance(answered, Decision)
    await branch.store.settle(notes=answered.facts)
    assert await say(branch, "撤回提问1") == "lecture.answered_already"
    assert await say(branch, "撤回提问2") is None
    assert await say(branch, "撤回提问2") == "lecture.question_is_withdrawn"
    found = {one.id: one.state for one in await kept(branch, id)}
    assert (found[second.id], found[third.id]) == (State.WITHDRAWN, State.OPEN)


async def test_undo_takes_back_a_question_where_nothing_else_was_said_and_none_that_is_answered(
    branch: SmallBranch,
) -> None:
    id, _ = await announced(branch)
    await say(branch, "提问 党费可以季度交吗")
    assert await say(branch, "撤回") is None
    assert [one.state for one in await kept(branch, id)] == [State.WITHDRAWN]
    await say(branch, "提问 讲义能发一份吗")
    (one,) = (each for each in await kept(branch, id) if each.state is State.OPEN)
    answered = settle_question(one, State.ANSWERED, "可以", by=account(LI), title="")
    assert isinstance(answered, Decision)
    await branch.store.settle(notes=answered.facts)
    assert await say(branch, "撤回提问") == "lecture.nothing_to_withdraw"
    assert isinstance(settle_question(one, State.WITHDRAWN, "", by=account(LI), title=""), Refusal)
