"""Complaints: what is taken, what is let go, who is told what, and who answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from content.complaints import (
    CLAIMED,
    LONGEST_WORDS,
    MOST_A_DAY,
    REMEMBERED,
    AuthorFound,
    Complaint,
    ComplaintClaimed,
    ComplaintDecided,
    ComplaintMade,
    Origin,
    State,
    TakeOut,
    TakeUp,
    Voice,
    VoiceDropped,
    claim,
    complain,
    decide,
    found_author,
    may_decide,
    release,
    reopen,
    voice_id,
    without_trace,
)
from content.decision import Decision, Refusal, Tell, are_discreet
from content.identifiers import CaseId, ComplaintId, EventId, OrganisationId, RoomId, UserId

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
ME, LI, WANG, ZHANG = (UserId(f"@{name}:test") for name in ("zhibu", "li", "wang", "zhang"))
EVENT = EventId("$said:test")
VOICE = Voice(
    id=voice_id(EVENT, LI),
    organisation=OrganisationId("east"),
    room=RoomId("!east:test"),
    event=EVENT,
    about=None,
    origin=Origin.ROOM,
    reason="insult",
    at=NOW,
    reporter=LI,
    words="太难听",
)
OPEN = Complaint(
    id=ComplaintId("one"),
    organisation=VOICE.organisation,
    about=ZHANG,
    state=State.OPEN,
    opened_at=NOW,
    touched_at=NOW,
)


def done(answer: Decision | Refusal) -> Decision:
    assert isinstance(answer, Decision), answer
    return answer


def told(answer: Decision | Refusal) -> list[tuple[str, str]]:
    """Return who is told what."""
    return [(one.user, one.words.key) for one in done(answer).effects if isinstance(one, Tell)]


def test_a_complaint_is_taken_and_only_who_made_it_is_told() -> None:
    taken = done(complain(VOICE, known=False, today=MOST_A_DAY - 1))
    assert [type(fact) for fact in taken.facts] == [ComplaintMade]
    assert [type(effect) for effect in taken.effects] == [TakeUp, Tell]
    assert told(taken) == [(LI, "complaint.taken")]


def test_the_same_once_more_is_no_second_complaint() -> None:
    again = done(complain(VOICE, known=True, today=0))
    assert again.facts == ()
    assert told(again) == [(LI, "complaint.already")]


def test_what_was_left_in_the_room_goes_whatever_the_answer_is() -> None:
    trace = TakeOut(room=VOICE.room, trace=EventId("$flag:test"))
    for answer in (complain(VOICE, known=known, today=today) for known, today in ((False, 0), (True, 0), (False, 99))):
        gone = done(without_trace(answer, LI, trace))
        assert trace in gone.effects
        assert [who for who, _ in told(gone)] == [LI]
        assert without_trace(answer, LI, None) is answer


@pytest.mark.parametrize(
    ("voice", "today", "key"),
    [
        (VOICE, MOST_A_DAY, "complaint.enough"),
        (replace(VOICE, words="长" * (LONGEST_WORDS + 1)), 0, "complaint.too_long"),
    ],
)
def test_too_many_and_too_long_are_refused_and_the_record_names_nobody(voice: Voice, today: int, key: str) -> None:
    refusal = complain(voice, known=False, today=today)
    assert isinstance(refusal, Refusal)
    assert (refusal.words.key, refusal.discreet) == (key, True)


@pytest.mark.parametrize(("author", "key"), [(None, "lost"), (ME, "about_bot"), (LI, "about_oneself")])
def test_what_is_gone_or_the_bots_or_ones_own_is_let_go(author: UserId | None, key: str) -> None:
    let_go = found_author(VOICE, author, me=ME, whom=[WANG], is_new=True, console="https://c")
    assert [type(fact) for fact in let_go.facts] == [VoiceDropped]
    assert told(let_go) == [(LI, f"complaint.{key}")]


def test_those_who_moderate_are_told_but_for_the_two_whom_it_concerns() -> None:
    found = found_author(VOICE, ZHANG, me=ME, whom=[LI, WANG, ZHANG], is_new=True, console="https://c")
    assert [type(fact) for fact in found.facts] == [AuthorFound]
    assert told(found) == [(WANG, "complaint.waits")]
    assert told(found_author(VOICE, ZHANG, me=ME, whom=[WANG], is_new=False, console="")) == []


def test_one_claims_gives_back_and_takes_over() -> None:
    claimed = done(claim(OPEN, by=WANG, now=NOW)).facts[0]
    assert isinstance(claimed, ComplaintClaimed)
    held = replace(OPEN, claimed_by=WANG, claimed_at=NOW)
    refusal = may_decide(held, State.UNFOUNDED, "", by=LI, now=NOW)
    assert refusal is not None
    assert refusal.words.key == "complaint.claimed"
    assert may_decide(held, State.UNFOUNDED, "", by=LI, now=NOW + CLAIMED) is None
    assert may_decide(held, State.UNFOUNDED, "", by=WANG, now=NOW) is None
    assert isinstance(release(held, by=LI, now=NOW), Refusal)
    assert isinstance(done(claim(held, by=LI, now=NOW)).facts[0], ComplaintClaimed)
    assert done(release(held, by=WANG, now=NOW)).facts[0].by is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("outcome", [State.UNFOUNDED, State.NOTED, State.CASE])
def test_an_answer_is_told_to_everybody_who_complained_and_listed_nowhere(outcome: State) -> None:
    answered = done(decide(OPEN, outcome, " 谈过 ", reporters=[WANG, LI], by=ME, now=NOW, case=CaseId("case")))
    (fact,) = answered.facts
    assert isinstance(fact, ComplaintDecided)
    assert (fact.outcome, fact.note) == (outcome, "谈过")
    assert told(answered) == [(LI, f"complaint.answer_{outcome}"), (WANG, f"complaint.answer_{outcome}")]
    assert all(are_discreet(one.words) for one in answered.effects if isinstance(one, Tell))


def test_nobody_answers_about_themself_nor_twice_nor_notes_nothing() -> None:
    assert isinstance(decide(OPEN, State.UNFOUNDED, "", reporters=[], by=ZHANG, now=NOW), Refusal)
    assert isinstance(decide(OPEN, State.NOTED, " ", reporters=[], by=WANG, now=NOW), Refusal)
    over = replace(OPEN, state=State.NOTED, decided_at=NOW, decided_by=WANG)
    assert isinstance(decide(over, State.UNFOUNDED, "", reporters=[], by=LI, now=NOW), Refusal)
    assert isinstance(claim(over, by=LI, now=NOW), Refusal)


def test_an_answer_is_taken_back_while_it_is_known_who_complained() -> None:
    over = replace(OPEN, state=State.UNFOUNDED, decided_at=NOW, decided_by=WANG)
    assert isinstance(reopen(over, by=LI, now=NOW + timedelta(days=1)), Decision)
    assert isinstance(reopen(over, by=ZHANG, now=NOW), Refusal)
    assert isinstance(reopen(over, by=LI, now=NOW + REMEMBERED), Refusal)
    assert isinstance(reopen(OPEN, by=LI, now=NOW), Refusal)
