"""Open polls by the letter: every counting rule with its name, and any interleaving against the last valid vote."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.matrix.polls import read_selections, read_start
from content import polls
from content.decision import Decision, Refusal, Tell
from content.identifiers import EventId, OrganisationId, PollId, RoomId, UserId
from content.polls import (
    KEPT,
    Announce,
    Answer,
    Box,
    EndPoll,
    Poll,
    PollEditedLate,
    PollEnded,
    PollEndHeard,
    PollRecounted,
    PollReworded,
    PollWithdrawn,
    Response,
    SendPoll,
    Sheet,
    ShowChart,
    State,
    Voted,
    VotingStopped,
)
from tests.small_branch import NOON

ZHANG, LI, WANG, STRANGER = (UserId(f"@{name}:test") for name in ("zhang", "li", "wang", "stranger"))
BOT = UserId("@zhibu:test")
ROSTER = frozenset({ZHANG, LI, WANG})
DAYS = tuple(Answer(id=id, text=text) for id, text in (("a", "24日"), ("b", "25日"), ("c", "31日")))
END = NOON + timedelta(hours=1)


def poll(**more: Any) -> Poll:
    """Make a poll that stands in its room."""
    usual: dict[str, Any] = {
        "id": PollId("poll"),
        "organisation": OrganisationId("east"),
        "room": RoomId("!east:test"),
        "sheet": Sheet(question="主题党日时间", answers=DAYS),
        "event": EventId("$poll"),
    }
    return Poll(**{**usual, **more})


def said(sender: UserId, *chosen: str, minute: float = 1, event: str | None = None, **more: Any) -> Response:
    """Make a response that was sent some minutes after noon."""
    at = NOON + timedelta(minutes=minute)
    return Response(event=EventId(event or f"${sender}{minute}"), sender=sender, sent_at=at, chosen=chosen, **more)


def spoiled(sender: UserId, *, minute: float) -> Response:
    """Make a spoiled response."""
    return replace(said(sender, minute=minute), chosen=None)


def votes(*responses: Response, **about: Any) -> dict[str, int]:
    """Return the votes that count, answers without any left out."""
    counted = polls.count(poll(**about), Box(responses=responses, members=ROSTER, asked=3))
    return {id: number for id, number in counted.everyone.votes.items() if number}


def start(**asked: Any) -> dict[str, Any]:
    """Make the content of an unstable start event."""
    usual = {
        "kind": "org.matrix.msc3381.poll.disclosed",
        "question": {"org.matrix.msc1767.text": "几点"},
        "answers": [{"id": "a", "org.matrix.msc1767.text": "早"}, {"id": "b", "org.matrix.msc1767.text": "晚"}],
    }
    return {"org.matrix.msc3381.poll.start": {**usual, **asked}}


def sheet(**asked: Any) -> Sheet:
    """Read a start event that is a poll."""
    read = read_start(start(**asked))
    assert read is not None
    return read[0]


def many(number: int) -> list[dict[str, str]]:
    """Make answers."""
    return [{"id": f"id{place}", "org.matrix.msc1767.text": f"第{place}项"} for place in range(1, number + 1)]


def test_both_families_of_start_events_say_the_same() -> None:
    stable = {
        "m.poll": {
            "kind": "m.disclosed",
            "max_selections": 2,
            "question": {"m.text": [{"body": "几点"}]},
            "answers": [{"m.id": "a", "m.text": [{"body": "早"}]}, {"m.id": "b", "m.text": [{"body": "晚"}]}],
        }
    }
    assert read_start(stable) == (sheet(max_selections=2), False)


def test_both_families_of_responses_say_the_same() -> None:
    assert read_selections({"org.matrix.msc3381.poll.response": {"answers": ["a"]}}) == ["a"]
    assert read_selections({"m.selections": ["a"]}) == ["a"]
    assert read_selections({}) is None


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"org.matrix.msc3381.poll.start": None},
        {"org.matrix.msc3381.poll.start": []},
        start(question=None),
        start(question={"org.matrix.msc1767.text": 7}),
        start(answers=[]),
        start(answers="many"),
        start(answers=[{"id": 3, "org.matrix.msc1767.text": "早"}, None, {"id": "a"}]),
    ],
)
def test_what_is_no_poll_is_not_taken_for_one(content: dict[str, Any]) -> None:
    assert read_start(content) is None


def test_c1_answers_beyond_the_twentieth_do_not_exist() -> None:
    read = sheet(answers=many(25), max_selections=20)
    assert len(read.answers) == 20
    assert polls.read_choice(read, ["id20"]) == ("id20",)
    assert polls.read_choice(read, ["id1", "id21"]) is None


@pytest.mark.parametrize("kind", [None, "m.open", 7, [], "org.matrix.msc3381.poll.undisclosed", "m.undisclosed"])
def test_c1_an_unknown_kind_is_undisclosed(kind: object) -> None:
    assert not sheet(kind=kind).disclosed


@pytest.mark.parametrize("limit", [0, -1, "2", 2.0, True, None, [2]])
def test_c1_a_limit_that_makes_no_sense_means_one_and_is_flagged(limit: object) -> None:
    read = read_start(start(max_selections=limit))
    assert read is not None
    assert (read[0].most, read[1]) == (1, True)


def test_c1_a_missing_limit_means_one_and_a_sensible_one_is_kept() -> None:
    assert read_start(start()) == (sheet(), False)
    assert (sheet().most, sheet(max_selections=3).most) == (1, 3)


@pytest.mark.parametrize(
    ("selections", "chosen"),
    [
        (["a"], ("a",)),
        ([], ()),
        (["a", "b", "c"], ("a", "b")),
        (["b", "b", "a"], ("b",)),
        (["a", "x"], None),
        (["a", "b", "x"], None),
        (["a", 1], None),
        ("a", None),
        (None, None),
        ({"a": 1}, None),
        ([["a"]], None),
    ],
)
def test_c3_a_list_is_judged_whole_then_cut_then_freed_of_repeats(
    selections: object, chosen: tuple[str, ...] | None
) -> None:
    assert polls.read_choice(Sheet(question="?", answers=DAYS, most=2), selections) == chosen


COUNTS: list[tuple[str, tuple[Response, ...], dict[str, int]]] = [
    ("one vote each", (said(ZHANG, "a"), said(LI, "a"), said(WANG, "b")), {"a": 2, "b": 1}),
    ("c2 the sender is the voter", (said(ZHANG, "a"), said(STRANGER, "a")), {"a": 2}),
    ("c4 the latest counts", (said(ZHANG, "b", minute=2), said(ZHANG, "a", minute=1)), {"b": 1}),
    ("c4 an invalid last vote is no vote", (said(ZHANG, "a"), spoiled(ZHANG, minute=2)), {}),
    ("c4 a valid one after it is", (spoiled(ZHANG, minute=2), said(ZHANG, "a", minute=3)), {"a": 1}),
    ("c5 the greater id wins", (said(ZHANG, "a", event="$b"), said(ZHANG, "b", event="$a")), {"a": 1}),
    ("c5 by code point", (said(ZHANG, "a", event="$Z"), said(ZHANG, "b", event="$a")), {"b": 1}),
    ("c6 an empty list takes back", (said(ZHANG, "a"), said(ZHANG, minute=2)), {}),
    (
        "c7 the one before stands again",
        (said(ZHANG, "a"), said(ZHANG, "b", minute=2, removed_by=ZHANG)),
        {"a": 1},
    ),
    ("c7 the only one leaves nothing", (said(ZHANG, "a", removed_by=ZHANG),), {}),
    ("c8 exactly at the end counts", (said(ZHANG, "a", minute=60),), {"a": 1}),
    ("c8 after the end does not", (said(ZHANG, "a", minute=60.01),), {}),
    ("c8 nor does it hide the one before", (said(ZHANG, "a"), said(ZHANG, "b", minute=61)), {"a": 1}),
    ("c8 before the start counts", (said(ZHANG, "a", minute=-600),), {"a": 1}),
    ("several choices of one", (said(ZHANG, "a", "c"),), {"a": 1, "c": 1}),
]


@pytest.mark.parametrize(("responses", "expected"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS])
def test_the_count(responses: tuple[Response, ...], expected: dict[str, int]) -> None:
    assert votes(*responses, ended_at=END) == expected
    assert votes(*reversed(responses), ended_at=END) == expected


@given(st.data())
def test_any_interleaving_equals_the_last_valid_vote_of_each_member(data: st.DataObject) -> None:
    choices = st.sampled_from([("a",), ("b",), ("c",), (), None])
    senders = st.sampled_from([ZHANG, LI, WANG, STRANGER])
    removers = st.sampled_from([None, None, "self", "other"])
    acts = data.draw(st.lists(st.tuples(senders, choices, st.integers(0, 70), removers), max_size=24))
    responses = []
    for number, (sender, chosen, minute, remover) in enumerate(acts):
        by = {None: None, "self": sender, "other": BOT}[remover]
        response = said(sender, *(chosen or ()), minute=minute, event=f"${number:03}", removed_by=by)
        responses.append(response if chosen is not None else replace(response, chosen=None))
    shuffled = data.draw(st.permutations(responses))
    counted = polls.count(poll(ended_at=END), Box(responses=tuple(shuffled), members=ROSTER, asked=3))
    for side, people in ((counted.everyone, {*ROSTER, STRANGER}), (counted.members, ROSTER)):
        expected = dict.fromkeys("abc", 0)
        voters = 0
        for person in people:
            own = [one for one in responses if one.sender == person and not one.removed_by and one.sent_at <= END]
            if own:
                chosen = max(own, key=lambda one: (one.sent_at, one.event)).chosen or ()
                voters += bool(chosen)
                for id in chosen:
                    expected[id] += 1
        assert (dict(side.votes), side.voters) == (expected, voters)
    assert counted.struck == sum(1 for one in responses if one.removed_by == BOT and one.sent_at <= END)


def test_c7_votes_removed_by_someone_else_are_named_as_a_number() -> None:
    box = Box(responses=(said(ZHANG, "a", removed_by=LI), said(LI, "a", removed_by=LI)), members=ROSTER, asked=3)
    assert polls.count(poll(), box).struck == 1


def keys(lines: Any) -> list[str]:
    """Return the keys of words."""
    return [line.key for line in lines]


def test_c14_everyone_is_counted_first_and_the_roster_beside_it_with_its_base() -> None:
    box = Box(responses=(said(ZHANG, "a"), said(STRANGER, "b")), members=ROSTER, asked=5)
    counted = polls.count(poll(), box)
    assert (counted.everyone.voters, counted.members.voters, counted.asked) == (2, 1, 5)
    lines = polls.result_lines(poll(), counted)
    assert keys(lines) == [*["poll.line"] * 3, "poll.of_all", "poll.members_only", *["poll.line"] * 3, "poll.base"]
    assert [line.parameters["n"] for line in lines if line.key == "poll.line"] == [1, 1, 0, 1, 0, 0]
    assert lines[-1].parameters == {"voters": 1, "abstained": 0, "asked": 5}


def test_where_only_the_roster_voted_one_line_says_it() -> None:
    counted = polls.count(poll(), Box(responses=(said(ZHANG, "a"),), members=ROSTER, asked=3))
    assert keys(polls.result_lines(poll(), counted)) == [*["poll.line"] * 3, "poll.base"]


def test_c12_a_count_without_all_that_the_homeserver_holds_says_so() -> None:
    counting = poll(state=State.COUNTING, ended_at=END, stopped_at=END)
    for whole in (True, False):
        answer = decided(polls.publish(counting, Box(asked=3), whole=whole, now=END))
        (said,) = (effect.words for effect in answer.effects if isinstance(effect, Announce))
        assert ("poll.unchecked" in str(said.parameters)) is not whole


def test_a_result_says_what_one_must_know_besides() -> None:
    box = Box(
        responses=(said(ZHANG, "a", by_text=True), said(LI, by_text=True, abstains=True), said(WANG, removed_by=LI)),
        members=ROSTER,
        asked=3,
        unreadable=2,
    )
    about = poll(edited_late=True, odd_limit=True)
    lines = polls.result_lines(about, polls.count(about, box))
    assert keys(lines)[3:] == [
        "poll.base_abstained",
        "poll.by_text",
        "poll.struck",
        "poll.unreadable",
        "poll.edited_late",
        "poll.odd_limit",
    ]


def test_nobody_is_named_in_a_result() -> None:
    counted = polls.count(poll(), Box(responses=(said(ZHANG, "a"), said(STRANGER, "b")), members=ROSTER, asked=3))
    assert "zhang" not in str(polls.result_lines(poll(), counted))
    assert "stranger" not in str(polls.result_lines(poll(), counted))


def decided(answer: object) -> Decision:
    """Return a decision."""
    assert isinstance(answer, Decision)
    return answer


def refusal(answer: object) -> str:
    """Return why something was refused."""
    assert isinstance(answer, Refusal)
    return answer.words.key


def test_an_end_is_counted_and_the_count_published_once() -> None:
    box = Box(responses=(said(ZHANG, "a"),), members=ROSTER, asked=3)
    assert polls.publish(poll(state=State.CLOSING), box, whole=True, now=END) is None, "its end is not heard yet"
    heard = decided(polls.end(poll(), box, ended_at=END, now=END))
    assert (heard.facts, heard.effects) == ((PollEndHeard(poll=PollId("poll"), ended_at=END, at=END),), ())
    counting = poll(state=State.COUNTING, ended_at=END, stopped_at=END)
    answer = decided(polls.publish(counting, box, whole=True, now=END))
    (fact,), (effect, drawn) = answer.facts, answer.effects
    assert isinstance(fact, PollEnded)
    assert isinstance(drawn, ShowChart)
    assert isinstance(effect, Announce)
    assert effect.words.key == "poll.result"
    assert polls.publish(poll(state=State.CLOSED, ended_at=END), box, whole=True, now=END) is None
    closed = poll(state=State.CLOSED, ended_at=END, closed_at=END, result=fact.result)
    assert polls.end(closed, box, ended_at=END, now=END) is None
    assert polls.end(closed, box, ended_at=END + timedelta(minutes=1), now=END) is None


def closed_with(*responses: Response) -> tuple[Poll, Box]:
    """Return a poll that was closed on these responses, and its box."""
    box = Box(responses=responses, members=ROSTER, asked=3)
    result = polls.count(poll(ended_at=END), box)
    return poll(state=State.CLOSED, ended_at=END, closed_at=END, result=result), box


def test_c9_an_earlier_valid_end_that_is_heard_later_corrects_the_figure() -> None:
    closed, box = closed_with(said(ZHANG, "a"), said(LI, "a", minute=30))
    answer = decided(polls.end(closed, box, ended_at=NOON + timedelta(minutes=10), now=END))
    (fact,) = answer.facts
    assert isinstance(fact, PollRecounted)
    assert (fact.result.everyone.votes["a"], fact.ended_at) == (1, NOON + timedelta(minutes=10))
    assert keys(effect.words for effect in answer.effects if isinstance(effect, Announce)) == ["poll.corrected"]


def test_c15_an_earlier_response_that_comes_late_corrects_the_figure_openly() -> None:
    closed, box = closed_with(said(ZHANG, "a"))
    answer = decided(polls.hear_response(closed, said(LI, "b", minute=59), box, now=END + timedelta(hours=1)))
    voted, recounted = answer.facts
    assert isinstance(voted, Voted)
    assert isinstance(recounted, PollRecounted)
    assert recounted.result.everyone.votes == {"a": 1, "b": 1, "c": 0}
    assert keys(effect.words for effect in answer.effects if isinstance(effect, Announce)) == ["poll.corrected"]


def test_what_changes_no_figure_after_the_end_is_not_announced() -> None:
    closed, box = closed_with(said(ZHANG, "a", minute=5))
    answer = decided(polls.hear_response(closed, said(ZHANG, "b", minute=4), box, now=END))
    assert answer.effects == ()


def test_a_roster_that_changed_since_does_not_move_the_published_base() -> None:
    closed, box = closed_with(said(ZHANG, "a"))
    answer = decided(polls.hear_response(closed, said(LI, "b"), replace(box, asked=9), now=END))
    assert [fact.result.asked for fact in answer.facts if isinstance(fact, PollRecounted)] == [3]


def test_a_member_who_answers_after_the_end_is_told_and_a_stranger_is_not() -> None:
    closed, box = closed_with()
    late = said(ZHANG, "a", minute=61)
    assert refusal(polls.hear_response(closed, late, box, now=END)) == "poll.too_late"
    assert polls.hear_response(closed, replace(late, sender=STRANGER), box, now=END) is None


def test_a_poll_whose_votes_are_forgotten_is_not_counted_again() -> None:
    closed, box = closed_with(said(ZHANG, "a"))
    answer = polls.hear_response(closed, said(LI, "b"), Box(members=box.members), now=END + KEPT + timedelta(days=1))
    assert refusal(answer) == "poll.too_late"


def test_a_removal_after_the_end_corrects_the_figure_and_a_second_one_changes_nothing() -> None:
    closed, box = closed_with(said(ZHANG, "a", event="$vote"))
    answer = decided(polls.hear_removal(closed, EventId("$vote"), box, by=ZHANG))
    assert [fact.result.everyone.voters for fact in answer.facts if isinstance(fact, PollRecounted)] == [0]
    gone = Box(responses=(said(ZHANG, "a", event="$vote", removed_by=ZHANG),))
    assert polls.hear_removal(poll(), EventId("$vote"), gone, by=LI) is None


def test_what_was_said_in_words_is_not_taken_back_by_removing_the_message() -> None:
    box = Box(responses=(said(ZHANG, "a", event="$vote", by_text=True),))
    assert polls.hear_removal(poll(), EventId("$vote"), box, by=ZHANG) is None


def test_c11_an_edit_counts_before_the_first_response_and_afterwards_is_only_named() -> None:
    other = Sheet(question="改过", answers=DAYS[:2])
    assert [type(fact) for fact in decided(polls.reword(poll(), other, odd_limit=False, any_votes=False)).facts] == [
        PollReworded
    ]
    assert [type(fact) for fact in decided(polls.reword(poll(), other, odd_limit=False, any_votes=True)).facts] == [
        PollEditedLate
    ]
    assert polls.reword(poll(state=State.CLOSED), other, odd_limit=False, any_votes=True) is None


def draft(**more: Any) -> Poll:
    """Make a poll that nobody has seen."""
    return poll(**{"event": None, **more})


def asked(question: str = "几点", texts: tuple[str, ...] = ("早", "晚"), most: int = 1) -> Poll:
    """Make a draft of these words."""
    return draft(sheet=Sheet(question=question, answers=polls.number_answers(PollId("poll"), texts), most=most))


def test_a_poll_is_sent_to_its_room_and_no_later_than_its_end() -> None:
    answer = decided(polls.open_poll(draft(closes_at=END), author=ZHANG, now=NOON))
    (effect,) = answer.effects
    assert effect == SendPoll(poll=PollId("poll"), room=RoomId("!east:test"), expires_at=END)


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        (asked(question=""), "poll.bad_question"),
        (asked(question="题" * 201), "poll.bad_question"),
        (asked(question="匿名投票"), "poll.not_secret"),
        (asked(texts=("无记名", "公开")), "poll.not_secret"),
        (asked(texts=("早",)), "poll.bad_number_of_answers"),
        (asked(texts=tuple(map(str, range(21)))), "poll.bad_number_of_answers"),
        (asked(texts=tuple(map(str, range(500)))), "poll.bad_number_of_answers"),
        (asked(texts=("早", " ")), "poll.bad_answer"),
        (asked(texts=("早", "晚" * 101)), "poll.bad_answer"),
        (asked(texts=("Yes", "yes ")), "poll.repeated_answer"),
        (asked(most=0), "poll.bad_limit"),
        (asked(most=3), "poll.bad_limit"),
        (draft(closes_at=NOON), "poll.too_soon"),
        (draft(closes_at=NOON + timedelta(seconds=59)), "poll.too_soon"),
        (draft(closes_at=NOON + timedelta(days=400)), "poll.too_far"),
    ],
)
def test_what_cannot_be_meant_is_refused(bad: Poll, key: str) -> None:
    """I090: one option, the same twice, five hundred, no title."""
    assert refusal(polls.open_poll(bad, author=ZHANG, now=NOON)) == key


def test_the_ids_of_answers_say_nothing_and_differ() -> None:
    ids = {answer.id for answer in polls.number_answers(PollId("one"), ("早", "晚"))}
    ids |= {answer.id for answer in polls.number_answers(PollId("two"), ("早", "晚"))}
    assert len(ids) == 4
    assert all(len(id) == 24 for id in ids)


def options(number: int, most: int) -> Sheet:
    """Make a sheet with this many answers."""
    answers = tuple(Answer(id=f"id{place}", text=str(place)) for place in range(1, number + 1))
    return Sheet(question="?", answers=answers, most=most)


@pytest.mark.parametrize(
    ("numbers", "on", "outcome"),
    [
        (("1",), options(5, 1), ("id1",)),
        (("3号",), options(5, 1), ("id3",)),
        (("1", "3"), options(5, 2), ("id1", "id3")),
        (("13",), options(5, 2), "poll.did_you_mean"),
        (("13",), options(14, 2), "poll.which_number"),
        (("13号",), options(14, 2), ("id13",)),
        (("13",), options(5, 1), "poll.no_such_number"),
        (("13",), options(14, 1), ("id13",)),
        (("11",), options(5, 2), "poll.no_such_number"),
        (("1", "1"), options(5, 2), "poll.repeated_number"),
        (("0",), options(5, 2), "poll.no_such_number"),
        (("9",), options(5, 2), "poll.no_such_number"),
        (("1", "2", "3"), options(5, 2), "poll.too_many"),
    ],
)
def test_numbers_in_chat_mean_answers_or_are_refused(numbers: tuple[str, ...], on: Sheet, outcome: object) -> None:
    chosen = polls.choose(on, numbers)
    assert (chosen.words.key if isinstance(chosen, Refusal) else chosen) == outcome


def in_words(about: Poll, numbers: tuple[str, ...] | None, *, now: datetime = NOON) -> Decision | Refusal:
    """Vote in chat."""
    return polls.vote_in_words(about, numbers, sender=ZHANG, event=EventId("$said"), now=now)


def test_a_vote_in_words_is_confirmed_in_private_and_abstaining_takes_part() -> None:
    voted, abstained = decided(in_words(poll(), ("2",))), decided(in_words(poll(), None))
    assert [effect.words.key for effect in voted.effects if isinstance(effect, Tell)] == ["poll.voted"]
    (fact,) = abstained.facts
    assert isinstance(fact, Voted)
    counted = polls.count(poll(), Box(responses=(fact.response,), members=ROSTER, asked=3))
    assert (counted.members.voters, counted.members.abstained) == (0, 1)


def test_a_vote_in_words_ends_with_the_deadline_by_our_own_time() -> None:
    about = poll(closes_at=END)
    assert isinstance(in_words(about, ("1",), now=END - timedelta(seconds=1)), Decision)
    assert refusal(in_words(about, ("1",), now=END)) == "poll.too_late"
    assert refusal(in_words(poll(state=State.CLOSING), ("1",))) == "poll.too_late"


def test_a_deadline_fires_when_it_is_reached_and_not_before() -> None:
    about = poll(closes_at=END)
    assert polls.stop_voting(about, now=END - timedelta(seconds=1)) is None
    answer = decided(polls.stop_voting(about, now=END))
    assert [type(fact) for fact in answer.facts] == [VotingStopped]
    assert [type(effect) for effect in answer.effects] == [EndPoll]
    assert polls.stop_voting(poll(state=State.CLOSING, closes_at=END), now=END) is None
    assert polls.stop_voting(poll(), now=END) is None


def test_an_organiser_ends_our_own_poll_by_hand_but_not_one_begun_in_a_client() -> None:
    assert isinstance(polls.stop_voting(poll(), now=NOON, by_hand=True), Decision)
    assert refusal(polls.stop_voting(poll(starter=ZHANG), now=NOON, by_hand=True)) == "poll.end_it_there"
    assert refusal(polls.stop_voting(poll(state=State.CLOSED), now=NOON, by_hand=True)) == "poll.ended_already"


def test_a_poll_removed_from_its_room_is_withdrawn_and_a_published_one_stays() -> None:
    assert [type(fact) for fact in decided(polls.withdraw(poll(), now=NOON)).facts] == [PollWithdrawn]
    assert polls.withdraw(poll(state=State.CLOSED), now=NOON) is None
    gone = poll(state=State.WITHDRAWN)
    assert polls.hear_response(gone, said(ZHANG, "a"), Box(members=ROSTER), now=NOON) is None
    assert polls.end(gone, Box(), ended_at=END, now=END) is None


def test_the_deadline_stands_in_the_question_that_clients_show() -> None:
    assert polls.shown_question(poll(closes_at=END)).key == "poll.question_until"
    assert polls.shown_question(poll()).key == "poll.question"
