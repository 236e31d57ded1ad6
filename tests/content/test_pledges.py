"""Pledges: neutral words about the day (AF-14), two reminders on working days (CALM-2), and who may say what."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from content import pledge_questions as asked
from content import pledges as rules
from content.decision import Decision, Refusal, Say, Tell
from content.identifiers import Cause, EventId, MemberId, OrganisationId, PledgeId, PledgeQuestionId, RoomId, UserId
from content.pledge_questions import Question, Stand
from content.pledges import Party, Pledge, Sort, State
from content.speech import Reader
from content.workday_lists import Day
from content.workdays import calendar
from zhibu.catalogue import load_speech

NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)
TODAY, DUE = date(2026, 6, 1), date(2026, 6, 30)
OWNER, ASKER, STRANGER = (MemberId(name) for name in ("owner", "asker", "stranger"))
USER, HER = UserId("@owner:x"), UserId("@asker:x")
PEOPLE = (OWNER, ASKER)
KNOWN = calendar((), ())
CAUSE = Cause("form:1")


def pledge(**more: Any) -> Pledge:
    """Return pledge 3 of a branch."""
    usual = {
        "id": PledgeId("p"),
        "organisation": OrganisationId("east"),
        "number": 3,
        "party": Party.BRANCH,
        "matter": "给站台加装扶手",
        "measure": "四个站台都装上",
        "due": DUE,
        "due_set": TODAY,
        "updated": TODAY,
        "owner": OWNER,
    }
    return Pledge(**{**usual, **more})


def question(**more: Any) -> Question:
    """Return question 3-1, asked without a name."""
    usual = {
        "id": PledgeQuestionId("q"),
        "pledge": PledgeId("p"),
        "number": 1,
        "text": "什么时候装好",
        "asked_at": NOW,
        "member": ASKER,
        "event": EventId("$q"),
    }
    return Question(**{**usual, **more})


def say(said: Any, language: str = "zh_CN") -> str:
    return load_speech().say(said, Reader(language=language))


def key_of(answer: Decision | Refusal | None) -> str:
    assert isinstance(answer, Refusal)
    return answer.words.key


def at(month: int, day: int, hour: int = 8, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZoneInfo("Asia/Shanghai"))


def test_what_is_past_its_day_is_said_in_neutral_words() -> None:
    """AF-14."""
    one = pledge(due=DUE, updated=DUE, percent=60)
    assert say(rules.standing(one, date(2026, 7, 21))) == "原定 6-30，未更新 21 天"
    assert say(rules.standing(one, date(2026, 7, 1)), "en") == "due 6-30, not updated for 1 day"
    assert say(rules.standing(one, DUE)) == "原定 6-30，现进度 60%", "the day itself is still in time"
    assert not rules.is_overdue(one, DUE)
    assert say(rules.standing(replace(one, state=State.DONE), date(2026, 7, 21))) == "原定 6-30，已完成"
    assert say(rules.standing(one, date(2027, 1, 1))).startswith("原定 2026-06-30")


def test_the_owner_is_reminded_14_and_3_days_before_on_working_days() -> None:
    """CALM-2: due 2026-06-30, so Tuesday 06-16 and, because 06-27 is a Saturday, Monday 06-29 at 08:00."""
    assert rules.reminder_days(DUE, KNOWN) == (date(2026, 6, 16), date(2026, 6, 29))
    one = pledge()
    assert rules.remind(one, USER, at(6, 16, 7, 59), KNOWN) is None
    first = rules.remind(one, USER, at(6, 16), KNOWN)
    assert first is not None
    (tell,) = first.effects
    assert isinstance(tell, Tell)
    assert (tell.user, tell.unasked, tell.words.key, tell.matter) == (USER, True, "pledge.reminder", one.id)
    (fact,) = first.facts
    assert isinstance(fact, rules.PledgeReminded)
    one = fact.pledge
    assert rules.remind(one, USER, at(6, 27), KNOWN) is None
    second = rules.remind(one, USER, at(6, 29), KNOWN)
    assert second is not None
    (fact,) = second.facts
    assert isinstance(fact, rules.PledgeReminded)
    assert rules.remind(fact.pledge, USER, at(6, 30), KNOWN) is None, "each once, two in all"


def test_a_reminder_is_not_sent_when_closed_past_its_day_or_long_over() -> None:
    assert rules.remind(pledge(state=State.DONE), USER, at(6, 29), KNOWN) is None
    assert rules.remind(pledge(), USER, at(7, 1), KNOWN) is None
    assert rules.remind(pledge(percent=100), USER, at(6, 29), KNOWN) is None, "nothing is left to be done"
    assert rules.remind(pledge(percent=99), USER, at(6, 29), KNOWN) is not None
    both = rules.remind(pledge(), USER, at(6, 29), KNOWN)
    assert both is not None
    assert len(both.effects) == 1, "of two that were missed the last one alone"
    late = rules.remind(pledge(due_set=date(2026, 6, 20)), USER, at(6, 20), KNOWN)
    assert late is not None
    assert late.effects == (), "what would have been before the day was set is not caught up on"


def test_a_reminder_never_comes_after_the_day_it_reminds_of() -> None:
    known = calendar(by_hand=[Day(date=date(2026, 2, day), works=False, name="春节") for day in range(14, 24)])
    assert rules.reminder_days(date(2026, 2, 18), known)[1] <= date(2026, 2, 18)


def test_the_list_has_what_is_past_its_day_first() -> None:
    found = [
        pledge(id=PledgeId(name), number=number, due=due, state=state)
        for number, (name, due, state) in enumerate(
            (
                ("later", date(2026, 8, 1), State.OPEN),
                ("closed", date(2026, 5, 1), State.DONE),
                ("soon", date(2026, 6, 5), State.OPEN),
                ("past", date(2026, 5, 20), State.OPEN),
            )
        )
    ]
    assert [one.id for one in rules.in_order(found, TODAY)] == ["past", "soon", "later", "closed"]


def make(one: Pledge) -> Decision | Refusal:
    return rules.make(one, people=PEOPLE, by=USER, today=TODAY, now=NOW)


def test_a_pledge_is_put_down_for_people_of_its_branch() -> None:
    assert isinstance(make(pledge()), Decision)
    assert isinstance(make(pledge(owner=None)), Decision)
    assert key_of(make(pledge(owner=STRANGER))) == "pledge.unknown_person"
    assert key_of(make(pledge(person=STRANGER, party=Party.PERSON))) == "pledge.unknown_person"
    assert key_of(make(pledge(matter=""))) == "pledge.no_matter"
    assert key_of(make(pledge(due=date(2026, 5, 31)))) == "pledge.due_past"
    assert key_of(make(pledge(measure="长" * 301))) == "pledge.long_measure"


def change(
    before: Pledge, after: Pledge, reason: str = "材料到得晚", seen: str = "", **more: Any
) -> Decision | Refusal:
    usual = {"people": PEOPLE, "by": USER, "cause": CAUSE, "today": TODAY, "now": NOW}
    return rules.change(before, after, reason, seen=seen or rules.mark_of(before), **{**usual, **more})


@pytest.mark.parametrize(
    ("next_owner", "name", "by", "told"),
    [
        (ASKER, "王丽", "@secretary:x", [(HER, "pledge.owner_now"), (USER, "pledge.owner_no_more")]),
        (None, "", "@secretary:x", [(USER, "pledge.owner_no_more_nobody")]),
        (ASKER, "王丽", HER, [(USER, "pledge.owner_no_more")]),
        (ASKER, "王丽", USER, [(HER, "pledge.owner_now")]),
        (OWNER, "张明", "@secretary:x", []),
    ],
)
def test_whoever_owns_a_pledge_from_now_on_and_who_did_are_told(
    next_owner: MemberId | None, name: str, by: str, told: list[tuple[UserId, str]]
) -> None:
    before = pledge()
    after = replace(before, owner=next_owner, measure="六个站台")
    hands = rules.Hands(former=USER, owner=HER if next_owner else None, name=name)
    done = change(before, after, hands=hands, by=UserId(by))
    assert isinstance(done, Decision)
    heard = [each for each in done.effects if isinstance(each, Tell)]
    assert [(each.user, each.words.key) for each in heard] == told
    assert all(each.unasked for each in heard)


def test_who_is_named_when_a_pledge_is_put_down_is_told() -> None:
    for by, told in ((UserId("@secretary:x"), ["pledge.owner_now"]), (USER, [])):
        done = rules.make(pledge(), people=PEOPLE, owner=USER, by=by, today=TODAY, now=NOW)
        assert isinstance(done, Decision)
        assert [each.words.key for each in done.effects if isinstance(each, Tell)] == told


def test_a_change_has_a_reason_and_another_day_is_reminded_of_anew() -> None:
    before = pledge(reminded=2)
    done = change(before, replace(before, due=date(2026, 9, 30)))
    assert isinstance(done, Decision)
    (fact,) = done.facts
    assert isinstance(fact, rules.PledgeChanged)
    assert fact.entry is not None
    assert (fact.pledge.reminded, fact.entry.sort, fact.entry.note) == (0, Sort.CHANGED, "材料到得晚")
    assert key_of(change(before, replace(before, matter="别的"), "")) == "pledge.no_reason"
    assert key_of(change(before, before)) == "pledge.nothing_changed"
    assert key_of(change(before, replace(before, matter="别的"), seen="other")) == "pledge.changed_meanwhile"
    over = pledge(state=State.DONE)
    assert key_of(change(over, replace(over, matter="别的"))) == "pledge.is_closed"
    gone = pledge(owner=STRANGER)
    assert isinstance(change(gone, replace(gone, matter="别的")), Decision), "who has left stays until another is named"


def test_another_day_is_not_in_the_past_and_one_that_is_past_may_stay() -> None:
    before = pledge(due=date(2026, 5, 20))
    assert key_of(change(before, replace(before, due=date(2026, 5, 31)))) == "pledge.due_past"
    assert isinstance(change(before, replace(before, due=TODAY)), Decision)
    assert isinstance(change(before, replace(before, matter="别的")), Decision)


def progress(one: Pledge, percent: int | None, note: str = "") -> Decision | Refusal:
    return rules.progress(one, percent, note, by=USER, tell=USER, cause=CAUSE, today=DUE, now=NOW)


def test_progress_is_a_whole_number_to_a_hundred_and_closes_nothing() -> None:
    done = progress(pledge(), 100, "  扶手已到货 ")
    assert isinstance(done, Decision)
    (fact,) = done.facts
    assert isinstance(fact, rules.PledgeProgressed)
    assert (fact.pledge.percent, fact.pledge.updated, fact.pledge.state) == (100, DUE, State.OPEN)
    assert (fact.entry.percent, fact.entry.note) == (100, "扶手已到货")
    assert key_of(progress(pledge(), 101)) == "pledge.bad_percent"
    assert key_of(progress(pledge(), None)) == "pledge.no_progress"
    assert key_of(progress(pledge(), 5, "长" * 201)) == "pledge.long_note"
    assert key_of(progress(pledge(state=State.ENDED), 5)) == "pledge.is_closed"
    kept = progress(pledge(percent=40), None, "在等材料")
    assert isinstance(kept, Decision)
    (fact,) = kept.facts
    assert isinstance(fact, rules.PledgeProgressed)
    assert fact.entry.percent == 40


def test_the_room_is_told_once_a_day_and_calls_nobody() -> None:
    one = pledge(percent=60)
    rooms = [RoomId("!r")]
    done = rules.tell_room(one, "扶手已到货", "张明", rooms, today=TODAY)
    assert isinstance(done, Decision)
    (said,) = done.effects
    assert isinstance(said, Say)
    assert not said.urgent, "it waits for quiet hours to end"
    text = "【承诺进度】3 号：给站台加装扶手，责任人张明，原定 6-30，现进度 60%（扶手已到货）。"
    assert say(said.words) == f"{text}想问请私信我「问承诺 3 内容」，不署名。"
    assert "in private" in say(said.words, "en")
    (fact,) = done.facts
    assert isinstance(fact, rules.PledgeTold)
    assert key_of(rules.tell_room(fact.pledge, "", None, rooms, today=TODAY)) == "pledge.told_today"
    assert key_of(rules.tell_room(one, "", None, [], today=TODAY)) == "pledge.no_room"
    assert "责任人待定" in say(rules.room_words(one, "", None))


def test_what_is_closed_is_closed_once_and_can_be_taken_up_again() -> None:
    def close(one: Pledge, state: State, note: str = "装好了") -> Decision | Refusal:
        return rules.close(one, state, note, by=USER, cause=CAUSE, today=TODAY, now=NOW)

    assert isinstance(close(pledge(), State.DONE), Decision)
    assert key_of(close(pledge(), State.DONE, " ")) == "pledge.no_reason"
    assert key_of(close(pledge(state=State.DONE), State.ENDED)) == "pledge.closed_already"
    assert isinstance(close(pledge(state=State.DONE), State.OPEN), Decision)
    closed = pledge(state=State.DONE)
    assert isinstance(rules.review(closed, "群众满意", seen=rules.mark_of(closed)), Decision)


def ask(one: Pledge, text: str, *held: Question, owner: UserId | None = USER, **more: Any) -> Decision | Refusal:
    usual = {"owner_free": True, "signed": None, "member": ASKER}
    return asked.ask(
        one,
        text,
        id=PledgeQuestionId("q"),
        user=HER,
        event=EventId("$q"),
        held=held,
        owner=owner,
        now=NOW,
        **{**usual, **more},
    )


def test_a_question_reaches_the_owner_without_the_name_of_who_asks() -> None:
    done = ask(pledge(), "什么时候装好")
    assert isinstance(done, Decision)
    kept, put = done.effects
    assert isinstance(kept, Tell)
    assert isinstance(put, Tell)
    assert (kept.user, put.user, put.matter) == (HER, USER, "q")
    assert "什么时候装好" in say(put.words)
    assert "王丽" not in say(put.words)
    signed = ask(pledge(), "什么时候装好", signed="王丽")
    assert isinstance(signed, Decision)
    assert "王丽" in say(signed.effects[1].words)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("more", "warned"), [({}, True), ({"signed": "王丽"}, False), ({"in_room": False}, False)])
def test_who_asks_in_a_room_is_told_that_they_are_seen_there_and_how_they_are_not(
    more: dict[str, Any], warned: bool
) -> None:
    done = ask(pledge(), "什么时候装好", **{"in_room": True, **more})
    assert isinstance(done, Decision)
    kept = done.effects[0]
    assert isinstance(kept, Tell)
    assert "3-1" in say(kept.words)
    for language, seen, how in (("zh_CN", "看得到是您问的", "私信我「问承诺 3 内容」"), ("en", "sees that", "here")):
        said = say(kept.words, language)
        assert (seen in said, how in said) == (warned, warned)


def test_a_question_waits_for_an_owner_who_is_not_to_be_told_now() -> None:
    for more in ({"owner_free": False}, {"owner": None}):
        done = ask(pledge(), "什么时候装好", **more)  # type: ignore[arg-type]
        assert isinstance(done, Decision)
        (fact,) = done.facts
        assert isinstance(fact, asked.PledgeQuestioned)
        assert fact.question.owner_told is None
        assert len(done.effects) == 1, "who asked is told that it is kept, and nobody else anything"


def test_bad_questions_are_told_why_and_a_refusal_names_nobody() -> None:
    held = [question(id=PledgeQuestionId(f"q{number}"), number=number, text=str(number)) for number in (1, 2, 3)]
    answers = {
        "pledge_question.closed": ask(pledge(state=State.DONE), "问"),
        "pledge_question.how": ask(pledge(), "  "),
        "pledge_question.too_long": ask(pledge(), "长" * 301),
        "pledge_question.asked_already": ask(pledge(), "1", held[0]),
        "pledge_question.too_many": ask(pledge(), "又一个", *held),
    }
    for key, answer in answers.items():
        assert key_of(answer) == key
        assert isinstance(answer, Refusal)
        assert answer.discreet


def test_an_answer_goes_to_who_asked_and_stands_on_the_pledge() -> None:
    done = asked.answer(pledge(), question(), " 下周 三 装", asker=HER, asker_free=True, now=NOW)
    assert isinstance(done, Decision)
    (tell,) = done.effects
    assert isinstance(tell, Tell)
    assert (tell.user, tell.unasked) == (HER, True)
    (fact,) = done.facts
    assert isinstance(fact, asked.PledgeQuestionAnswered)
    assert (fact.question.stand, fact.question.answer) == (Stand.ANSWERED, "下周 三 装")
    line = say(asked.line_of(pledge(), fact.question, None))
    assert line == "问 3-1：什么时候装好 答：下周 三 装"
    waits = asked.answer(pledge(), question(), "下周", asker=HER, asker_free=False, now=NOW)
    assert isinstance(waits, Decision)
    assert waits.effects == ()
    for stand, key in ((Stand.WITHDRAWN, "pledge.question_withdrawn"), (Stand.HIDDEN, "pledge.question_hidden")):
        assert key_of(asked.answer(pledge(), question(stand=stand), "晚了", asker=HER, asker_free=True, now=NOW)) == key
    assert key_of(asked.answer(pledge(), question(), " ", asker=None, asker_free=False, now=NOW)) == "pledge.no_answer"
    assert key_of(asked.answer(pledge(), fact.question, "下周 三 装", asker=None, asker_free=False, now=NOW)) == (
        "pledge.answered_so"
    )


def test_an_improper_question_is_hidden_with_a_reason_and_put_back() -> None:
    def moderate(one: Question, *, hidden: bool, reason: str = "", state: State = State.OPEN) -> Decision | Refusal:
        return asked.moderate(pledge(state=state), one, hidden=hidden, reason=reason, owner=USER, asker=HER, now=NOW)

    assert key_of(moderate(question(), hidden=True)) == "pledge.no_reason"
    done = moderate(question(answer="好", stand=Stand.ANSWERED), hidden=True, reason="点名骂人")
    assert isinstance(done, Decision)
    (fact,) = done.facts
    assert isinstance(fact, asked.PledgeQuestionModerated)
    assert asked.shown([fact.question]) == ()
    assert fact.question.settled_at == NOW
    for one, state, stand in (
        (fact.question, State.OPEN, Stand.ANSWERED),
        (replace(fact.question, answer=""), State.OPEN, Stand.OPEN),
        (replace(fact.question, answer=""), State.DONE, Stand.CLOSED),
    ):
        back = moderate(one, hidden=False, state=state)
        assert isinstance(back, Decision)
        (after,) = back.facts
        assert isinstance(after, asked.PledgeQuestionModerated)
        assert (after.question.stand, after.question.hidden_why) == (stand, "")


@pytest.mark.parametrize(
    ("one", "hidden", "told"),
    [
        (question(owner_told=NOW), True, [(USER, "pledge.note_hidden")]),
        (question(), True, []),
        (question(stand=Stand.ANSWERED, answer="好", owner_told=NOW), True, [(USER, "pledge.note_hidden")]),
        (question(stand=Stand.HIDDEN, owner_told=NOW, asker_told=NOW), False, [(HER, "pledge_question.put_back")]),
        (question(stand=Stand.HIDDEN, owner_told=NOW), False, []),
        (question(stand=Stand.HIDDEN, answer="好", owner_told=NOW), False, [(USER, "pledge.note_put_back")]),
    ],
)
def test_whoever_knew_of_a_question_is_told_when_it_is_hidden_or_put_back_and_not_why(
    one: Question, hidden: bool, told: list[tuple[UserId, str]]
) -> None:
    done = asked.moderate(pledge(), one, hidden=hidden, reason="点名骂人", owner=USER, asker=HER, now=NOW)
    assert isinstance(done, Decision)
    (fact,) = done.facts
    assert isinstance(fact, asked.PledgeQuestionModerated)
    assert fact.question.asker_told is None, "the asker is told what became of it once they may be told"
    assert (fact.question.owner_told is None) == (one.owner_told is None or fact.question.stand is Stand.OPEN)
    assert [(each.user, each.words.key) for each in done.effects if isinstance(each, Tell)] == told
    heard = [each.words for each in done.effects if isinstance(each, Tell)]
    for each in (*heard, asked.tell_asker(pledge(), fact.question, HER).words):
        assert "骂人" not in say(each)


def test_who_asked_takes_a_question_back_once() -> None:
    assert isinstance(asked.withdraw(question(), user=HER), Decision)
    silent = asked.withdraw(question(), user=None)
    assert isinstance(silent, Decision)
    assert silent.effects == ()
    assert isinstance(asked.withdraw(question(stand=Stand.CLOSED), user=None), Decision)
    for one, told in (
        (question(owner_told=NOW), ["pledge.note_withdrawn"]),
        (question(owner_told=NOW, stand=Stand.CLOSED), []),
        (question(), []),
    ):
        done = asked.withdraw(one, user=None, pledge=pledge(), owner=USER)
        assert isinstance(done, Decision)
        heard = [each.words for each in done.effects if isinstance(each, Tell)]
        assert [each.key for each in heard] == told, "who was never told of it is not told of its end"
        assert all(one.text not in say(each) for each in heard)
    for stand in (Stand.ANSWERED, Stand.HIDDEN):
        assert key_of(asked.withdraw(question(stand=stand), user=None)) == "pledge_question.settled", stand
    assert key_of(asked.withdraw(question(stand=Stand.WITHDRAWN), user=HER)) == "pledge_question.gone_already"


@pytest.mark.parametrize("days", range(0, 30, 7))
def test_days_without_a_word_are_counted_from_the_last_one(days: int) -> None:
    assert rules.days_silent(pledge(updated=TODAY), TODAY + timedelta(days=days)) == days
