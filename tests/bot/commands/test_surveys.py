"""问卷 in private: one question at a time, 跳过 and 退出 at any, and at the end nothing that one person said."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.clock import Clock
from bot.commands.grammar import read
from bot.commands.vocabulary import Verb
from content import surveys as rules
from content.ballot_links import hash_secret
from content.decision import Decision, Refusal
from content.forms import read_questions
from content.identifiers import Cause, MemberId, SurveyId, UserId
from content.members import Member, MemberEnrolled
from content.surveys import Standing, State, Survey
from storage import audit
from storage import surveys as stored
from storage.ballot_links import survey_by_token, survey_links
from storage.holdings import collect
from storage.inquiries import inquiries
from storage.outbox import outbox
from storage.store import Step
from storage.unit import Reading
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    NOON,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    message,
    private_room,
    redaction,
)

ID = SurveyId("survey")
QUESTIONS = read_questions("部门\n- 甲\n- 乙\n\n# 常用\n- 一\n- 二\n- 三\n\n建议")
CLOSES = NOON + timedelta(days=3)
OTHERS = [MemberId(f"other{n}") for n in range(6)]


@pytest.fixture
async def asked(branch: SmallBranch) -> SmallBranch:
    """Ask seven people."""
    await ask_seven(branch)
    return branch


async def ask_seven(branch: SmallBranch) -> None:
    one = Survey(
        id=ID, organisation=EAST, title="问卷", questions=QUESTIONS, closes_at=CLOSES, timezone="Asia/Shanghai"
    )
    enrolled = [
        MemberEnrolled(member=Member(id=id, organisation=EAST, name=id, user=UserId(f"@{id}:test"))) for id in OTHERS
    ]
    await branch.store.settle(notes=enrolled)

    async def drafted(unit: Reading) -> object:
        return rules.draft(one, author=UserId("@zhao:t"), now=unit.now)

    async def opened(unit: Reading) -> object:
        found = await stored.survey(unit, ID)
        assert found is not None
        people: dict[MemberId, UserId | None] = {ZHANG: account(ZHANG)}
        return rules.open_survey(found, people | {id: UserId(f"@{id}:test") for id in OTHERS}, now=unit.now)

    for name, decide in (("draft", drafted), ("open", opened)):
        (outcome,) = await branch.store.settle([Step(cause=Cause(f"form:{name}"), decide=decide)])  # type: ignore[arg-type]
        assert outcome.refusal is None


async def say(branch: SmallBranch, *texts: str) -> list[str]:
    """Say things in private, and return the keys of all that was answered."""
    before = len(await told(branch))
    for text in texts:
        await branch.hear(message(account(ZHANG), text, room_id=private_room(ZHANG)))
    return [key for key, _ in (await told(branch))[before:]]


async def told(branch: SmallBranch) -> list[tuple[str, dict[str, object]]]:
    rows = await branch.rows(outbox.c.user_id == account(ZHANG))
    return [(row.words["key"], row.words["parameters"]) for row in rows if row.words]


async def kept(branch: SmallBranch) -> dict[str, list[str]]:
    query = select(stored.survey_answers).where(stored.survey_answers.c.member_id == ZHANG)
    return {row.question: row.said for row in await branch.store.read(lambda unit: unit.rows(query))}


async def standing(branch: SmallBranch) -> Standing | None:
    return await branch.store.read(lambda unit: stored.standing(unit, ID, ZHANG))


async def fill(branch: SmallBranch, *people: MemberId, **answers: tuple[str, ...]) -> None:
    facts = [
        rules.Replied(survey=ID, member=one, question=q, said=said) for one in people for q, said in answers.items()
    ]
    await branch.store.settle(notes=facts)


async def end(branch: SmallBranch, clock: HandClock, way: str) -> None:
    """Let a survey come to its end, or to nothing."""
    if way == "closed":
        clock.now = CLOSES
        await clock_of(branch).tick()
        return

    async def cancelled(unit: Reading) -> Decision | Refusal:
        found = await stored.survey(unit, ID)
        assert found is not None
        return rules.cancel(found)

    await branch.store.settle([Step(cause=Cause("form:cancel"), decide=cancelled)])


def clock_of(branch: SmallBranch) -> Clock:
    return Clock(branch.store, caught_up=lambda: True, hearing_state=lambda: "listening")


async def test_questions_come_one_at_a_time_and_the_last_is_thanked_for(asked: SmallBranch) -> None:
    assert (await told(asked))[0][0] == "survey.asked"
    keys = await say(asked, "问卷", "2", "1、3", "多组织活动")
    assert keys == ["survey.ask_single", "survey.ask_multiple", "survey.ask_open", "survey.thanks"]
    assert await kept(asked) == {"q1": ["2"], "q2": ["1", "3"], "q3": ["多组织活动"]}
    assert await standing(asked) is Standing.FINISHED
    assert await say(asked, "问卷") == ["survey.answered"]
    assert await say(asked, "2") != ["survey.ask_single"], "nothing is asked any more"


@pytest.mark.parametrize("text", ["0", "3", "999", "A", "甲和乙", "1 2", "没有"])
async def test_what_is_none_of_the_options_is_refused_and_asked_again(asked: SmallBranch, text: str) -> None:
    """I028, I002: nothing is recorded, and the question is still open; full-width digits are digits."""
    await say(asked, "问卷")
    assert await say(asked, text) == ["survey.choose_one"]
    assert await kept(asked) == {}
    assert await say(asked, "-1") == ["answer.nothing_to_cancel"], "which is 取消, and records nothing either"
    assert await say(asked, "１号") == ["survey.ask_multiple"]


async def test_skipping_and_quitting_are_always_possible(asked: SmallBranch) -> None:
    """跳过 and 退出: who quits is asked no more, and what they said is forgotten."""
    assert await say(asked, "问卷", "跳过", "skip", "「跳过」") == [
        "survey.ask_single",
        "survey.ask_multiple",
        "survey.ask_open",
        "survey.thanks",
    ]
    assert await kept(asked) == {"q1": [], "q2": [], "q3": []}


async def test_who_quits_leaves_nothing_behind_and_is_not_reminded(asked: SmallBranch, clock: HandClock) -> None:
    await say(asked, "问卷", "1", "退出")
    assert (await told(asked))[-1][0] == "survey.left"
    assert await kept(asked) == {}
    assert await standing(asked) is Standing.LEFT
    clock.now = CLOSES - timedelta(hours=24)
    await clock_of(asked).tick()
    assert "survey.reminded" not in [key for key, _ in await told(asked)]
    assert await say(asked, "问卷", "2") == ["survey.ask_single", "survey.ask_multiple"], "a change of mind is welcome"


async def test_an_answer_that_is_too_long_or_too_late_is_refused(asked: SmallBranch, clock: HandClock) -> None:
    """I008: over the limit nothing is kept."""
    assert (await say(asked, "问卷", "1", "1", "长" * 301))[-1] == "survey.answer_too_long"
    assert (await say(asked, "长" * 300)) == ["survey.thanks"]
    assert len((await kept(asked))["q3"][0]) == 300


async def test_an_edit_a_redaction_and_a_replay_of_an_answer_change_nothing(asked: SmallBranch) -> None:
    """I025, I026, I027: what was answered stands until one quits, and is taken once."""
    await say(asked, "问卷")
    answer = message(account(ZHANG), "1", room_id=private_room(ZHANG))
    await asked.hear(answer)
    edit = {"m.relates_to": {"rel_type": "m.replace", "event_id": answer.event_id}}
    edited = {**message(account(ZHANG), "* 2").content, **edit, "m.new_content": {"msgtype": "m.text", "body": "2"}}
    await asked.hear(event(account(ZHANG), "m.room.message", edited, room_id=private_room(ZHANG)))
    await asked.hear(redaction(account(ZHANG), answer.event_id, room_id=private_room(ZHANG)))
    await asked.hear(answer)
    assert await kept(asked) == {"q1": ["1"]}


async def test_another_persons_words_are_nobodys_answer(asked: SmallBranch) -> None:
    """I024: by the whole account, never by its first part."""
    await say(asked, "问卷")
    await asked.hear(message(UserId(f"{account(ZHANG)}.other"), "1", room_id=private_room(ZHANG)))
    assert await kept(asked) == {}


async def test_who_would_rather_answer_on_a_page_is_sent_a_link_and_its_code_and_nobody_can_see_who_asked(
    asked: SmallBranch,
) -> None:
    """跳过 and 退出 are on the page too; who has answered everything may open it again until the end."""
    recorded = len(await asked.store.read(audit.lines))
    assert await say(asked, "问卷 网页") == ["survey.page", "survey.code"]
    sent = [
        row.words for row in await asked.send_all() if row.words is not None and row.words.key.startswith("survey.p")
    ]
    (link,) = [str(one.parameters["link"]) for one in sent]
    assert link.startswith("https://console.test/survey/enter/")
    found = await asked.store.read(lambda unit: survey_by_token(unit, hash_secret(link.rsplit("/", 1)[1])))
    assert found is not None
    assert (found.member, found.survey, found.used) == (ZHANG, ID, False)
    assert len(await asked.store.read(audit.lines)) == recorded
    await say(asked, "问卷", "2", "1", "跳过")
    assert await say(asked, "问卷网页") == ["survey.page", "survey.code"]
    await asked.hear(message(account(ZHANG), "问卷 网页", room_id=EAST_ROOM))
    assert not [row for row in await asked.rows() if row.room_id == EAST_ROOM], "never before others"


async def test_a_survey_that_is_opened_late_begins_with_no_reminder(branch: SmallBranch, clock: HandClock) -> None:
    clock.now = CLOSES - timedelta(hours=23, minutes=30)
    await ask_seven(branch)
    await clock_of(branch).tick()
    assert "survey.reminded" not in [key for key, _ in await told(branch)]


async def test_after_the_end_nothing_is_taken(asked: SmallBranch, clock: HandClock) -> None:
    clock.now = CLOSES - timedelta(minutes=1)
    await say(asked, "问卷")
    clock.now = CLOSES
    assert await say(asked, "1") == ["survey.closed"]
    assert await kept(asked) == {}


async def test_in_a_room_nothing_is_asked_and_no_answer_is_heard(asked: SmallBranch) -> None:
    """L7: what leads to one's answers is never said before others."""
    await asked.hear(message(account(ZHANG), "问卷", room_id=EAST_ROOM))
    await asked.hear(message(account(ZHANG), "1", room_id=EAST_ROOM))
    assert [key for key, _ in await told(asked)] == ["survey.asked"]


async def test_who_is_not_asked_has_nothing_to_answer(branch: SmallBranch) -> None:
    await branch.hear(message(account(ZHANG), "问卷", room_id=private_room(ZHANG)))
    assert [key for key, _ in await told(branch)] == ["survey.nothing_open"]


async def test_only_who_has_not_come_to_the_end_is_reminded_once_in_the_same_words(
    asked: SmallBranch, clock: HandClock
) -> None:
    await say(asked, "问卷", "1", "1", "跳过")
    clock.now = CLOSES - timedelta(hours=24)
    for _ in range(2):
        await clock_of(asked).tick()
    rows = [row for row in await asked.rows() if row.words and row.words["key"] == "survey.reminded"]
    assert sorted(row.user_id for row in rows) == sorted(f"@{one}:test" for one in OTHERS)
    assert len({json.dumps(row.words) for row in rows}) == 1


async def test_at_the_end_sums_are_kept_and_nothing_that_anyone_said(asked: SmallBranch, clock: HandClock) -> None:
    """BAL-5: counted once however often the clock ticks; under five, only how many."""
    await fill(asked, *OTHERS[:5], q1=("1",), q2=("1", "2"), q3=("独一无二",))
    await say(asked, "问卷", "1", "1")
    clock.now = CLOSES - timedelta(seconds=1)
    await clock_of(asked).tick()
    assert (await asked.store.read(lambda unit: stored.survey(unit, ID))).state is State.OPEN  # type: ignore[union-attr]
    clock.now = CLOSES
    for _ in range(2):
        await clock_of(asked).tick()
    one = await asked.store.read(lambda unit: stored.survey(unit, ID))
    assert one is not None
    assert (one.state, one.asked, one.answered) == (State.CLOSED, 7, 6)
    assert one.result is not None
    assert one.result["q1"]["cells"] == [None, None]
    assert one.result["q3"]["texts"] == ["独一无二"] * 5
    assert await asked.store.read(lambda unit: unit.rows(select(stored.survey_answers))) == []


async def test_of_fewer_than_five_only_their_number_is_kept(asked: SmallBranch, clock: HandClock) -> None:
    """BAL-4: four withheld, five shown."""
    await fill(asked, *OTHERS[:4], q1=("1",))
    clock.now = CLOSES
    await clock_of(asked).tick()
    one = await asked.store.read(lambda unit: stored.survey(unit, ID))
    assert one is not None
    assert (one.answered, one.result) == (4, None)


async def test_a_close_that_is_cut_off_is_done_again_and_nothing_is_lost_or_doubled(
    asked: SmallBranch, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F04: before or after, never between."""
    await fill(asked, *OTHERS, q1=("1",), q2=("1",))
    clock.now = CLOSES

    async def cut(*_: object, **__: object) -> None:
        raise RuntimeError("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(stored, "_change", cut)
        await clock_of(asked).tick()
        one = await asked.store.read(lambda unit: stored.survey(unit, ID))
        assert one is not None
        assert one.state is State.OPEN
        assert len(await asked.store.read(lambda unit: stored.papers(unit, ID))) == 6
    for _ in range(2):
        await clock_of(asked).tick()
    one = await asked.store.read(lambda unit: stored.survey(unit, ID))
    assert one is not None
    assert (one.state, one.answered) == (State.CLOSED, 6)


async def test_ones_own_data_says_that_one_was_asked_and_what_one_has_said_until_the_end(
    asked: SmallBranch, clock: HandClock
) -> None:
    """Invariant 20 for a survey with names: after the end nothing is held, not even that one was asked."""
    await fill(asked, *OTHERS, q1=("1",))
    await say(asked, "问卷", "2", "1", "说给组织", "问卷 网页")

    async def held() -> dict[str, list[dict[str, object]]]:
        found = await asked.store.read(lambda unit: collect(unit, account(ZHANG)))
        return {one.name: [dict(row) for row in one.rows] for one in found if one.name.startswith("survey")}

    before = await held()
    assert [row["said"] for row in before["survey_answers"]] == [["2"], ["1"], ["说给组织"]]
    assert [row["title"] for row in (*before["survey_people"], *before["survey_links"])] == ["问卷", "问卷"]
    clock.now = CLOSES
    await clock_of(asked).tick()
    assert await held() == {"survey_answers": [], "survey_people": [], "survey_links": []}


async def test_the_record_does_not_say_who_began_answered_finished_or_left_a_survey(asked: SmallBranch) -> None:
    """What is refused while one answers would tell it too, and leaves no row."""
    before = len(await asked.store.read(audit.lines))
    await say(asked, "问卷", "1", "退出", "问卷", "没有", "2", "跳过", "长" * 301, "好", "问卷")
    found = (await asked.store.read(audit.lines))[before:]
    first = [one.action.split(", ")[0] for one in found]
    assert first == ["question_asked", "replied", "survey_left", "question_asked", "replied", "replied", "replied"]
    assert {(one.actor, one.subject) for one in found} == {(None, None)}
    assert all(one.cause.startswith("discreet:") for one in found)


@pytest.mark.parametrize("way", ["closed", "cancelled"])
async def test_of_a_survey_that_is_over_nobody_stays_known_as_asked_and_the_response_rate_stands(
    asked: SmallBranch, clock: HandClock, way: str
) -> None:
    await fill(asked, *OTHERS, q1=("1",))
    await say(asked, "问卷", "2", "问卷 网页")
    await end(asked, clock, way)
    for table in (stored.survey_people, stored.survey_answers, survey_links, inquiries):
        assert await asked.store.read(lambda unit, table=table: unit.rows(select(table))) == []  # type: ignore[misc]
    one = await asked.store.read(lambda unit: stored.survey(unit, ID))
    assert one is not None
    assert (one.asked, one.answered) == (7, 7 if way == "closed" else None)


@pytest.mark.parametrize("way", ["closed", "cancelled"])
async def test_a_survey_that_is_over_takes_no_more_private_words(
    asked: SmallBranch, clock: HandClock, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the question still waits, as where a survey was over before that was forgotten with it."""

    async def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(stored, "_forget_people", nothing)
    clock.now = CLOSES - timedelta(hours=1)
    await say(asked, "问卷")
    await end(asked, clock, way)
    for text in ("1", "退出", "帮助"):
        assert not {"survey.closed", "survey.left"} & set(await say(asked, text)), text
    assert (await told(asked))[-1][0].startswith("help")


def test_every_word_for_it_is_understood() -> None:
    for word in ("问卷", "問卷", "调查", "survey"):
        said = read(word)
        assert said is not None
        assert said.verb is Verb.SURVEY
