"""What an activity may be, what may be given to its album, and what a year of them comes to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from content import activities as rules
from content import activity_changes, photos
from content.activities import Activity, Category, Kind, Photo, State
from content.decision import Decision, Refusal, Tell
from content.identifiers import (
    ActivityId,
    Cause,
    EventId,
    MemberId,
    OrganisationId,
    RoomId,
    SignUpEntryId,
    SignUpId,
    UserId,
)
from content.live_messages import PutUp
from content.sign_up_sheets import Entry, Sheet, SignUpClosed
from tests.small_branch import NOON

BOSS, ROOM = UserId("@boss:test"), RoomId("!east")
ONE = Activity(
    id=ActivityId("one"),
    organisation=OrganisationId("east"),
    category=Kind.THEME_DAY,
    title="清理站台扶手",
    place="一号站台",
    begins_at=NOON + timedelta(days=3),
    minutes=90,
    timezone="Asia/Shanghai",
    room=ROOM,
)
OVER = replace(ONE, begins_at=NOON - timedelta(days=1))


def key(answer: Decision | Refusal | None) -> str:
    assert isinstance(answer, Refusal)
    return answer.words.key


def plan(one: Activity, **more: Any) -> Decision | Refusal:
    sign_up = more.pop("sign_up", None)
    return rules.plan(one, sign_up, known=more.pop("known", ()), author=BOSS, now=NOON, **more)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"title": ""}, "activity.bad_title"),
        ({"category": "nothing"}, "activity.bad_category"),
        ({"about": "字" * 501}, "activity.long"),
        ({"minutes": 0}, "activity.bad_length"),
        ({"begins_at": NOON + timedelta(days=400)}, "activity.too_far"),
        ({"begins_at": NOON - timedelta(days=1)}, "activity.begun"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed: dict[str, Any], why: str) -> None:
    assert key(plan(replace(ONE, **changed))) == why


def test_one_that_was_held_already_is_put_down_without_a_card() -> None:
    answer = plan(replace(OVER, room=None))
    assert isinstance(answer, Decision)
    assert answer.effects == ()


def test_an_own_sort_counts_like_the_others() -> None:
    assert isinstance(plan(replace(ONE, category="own"), known=["own"]), Decision)


def test_it_is_announced_once_with_its_sign_up_in_one_message() -> None:
    sign_up = rules.sign_up_for(ONE, id=SignUpId("s"), closes_at=NOON + timedelta(days=2), places=None)
    answer = plan(ONE, sign_up=sign_up)
    assert isinstance(answer, Decision)
    assert [type(effect) for effect in answer.effects] == [PutUp]
    assert len(answer.facts) == 2
    late = rules.sign_up_for(ONE, id=SignUpId("s"), closes_at=NOON + timedelta(days=4), places=None)
    assert key(plan(ONE, sign_up=late)) == "activity.closes_after"


def test_what_came_of_it_is_put_down_once_it_has_begun_and_nothing_must_be_said() -> None:
    """AF-4: an activity without photos, numbers or words was held all the same."""

    def put_down(one: Activity, **more: Any) -> Decision | Refusal:
        usual: dict[str, Any] = {"people": None, "account": "", "outcome": "", "partners": ""}
        return rules.put_down(one, now=NOON, **{"seen": rules.mark_of(one)} | usual | more)

    assert key(put_down(ONE)) == "activity.to_come"
    assert key(put_down(replace(OVER, state=State.CANCELLED))) == "activity.is_cancelled"
    assert key(put_down(OVER, people=10_000)) == "activity.bad_people"
    assert key(put_down(OVER, outcome="字" * 501)) == "activity.long"
    answer = put_down(OVER)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    held = fact.activity  # type: ignore[attr-defined]
    assert (held.state, held.people) == (State.HELD, None)
    assert key(put_down(held)) == "activity.same"
    assert key(put_down(held, outcome="不再滑", seen="")) == "activity.changed_since", "another had put it down by then"


def test_who_had_signed_up_is_told_that_it_is_called_off_and_nobody_signs_up_any_more() -> None:
    sign_up = rules.sign_up_for(ONE, id=SignUpId("list"), closes_at=ONE.begins_at, places=None)
    assert sign_up is not None
    zhang = Entry(id=SignUpEntryId("one"), name="张明", member=MemberId("zhang"), at=NOON, number=1)
    users = {MemberId("zhang"): UserId("@zhang:test")}
    answer = activity_changes.cancel(ONE, Sheet(sign_up=sign_up, entries={zhang.id: zhang}, users=users), now=NOON)
    assert isinstance(answer, Decision)
    assert [effect.user for effect in answer.effects if isinstance(effect, Tell)] == ["@zhang:test"]
    assert SignUpClosed(sign_up=SignUpId("list"), people=1, at=NOON) in answer.facts
    assert key(activity_changes.cancel(replace(ONE, state=State.HELD), None, now=NOON)) == "activity.not_planned"


def signed_up() -> Sheet:
    sign_up = rules.sign_up_for(ONE, id=SignUpId("list"), closes_at=ONE.begins_at, places=1)
    assert sign_up is not None
    names = ("zhang", "li", "gone")
    entries = {
        SignUpEntryId(name): Entry(
            id=SignUpEntryId(name), name=name, member=MemberId(name), at=NOON, number=number, withdrawn=name == "gone"
        )
        for number, name in enumerate(names)
    }
    users = {MemberId(name): UserId(f"@{name}:test") for name in names}
    return Sheet(sign_up=sign_up, entries=entries, users=users)


def changed(before: Activity, after: Activity, seen: str | None = None) -> Decision | Refusal:
    mark = activity_changes.mark_of(before) if seen is None else seen
    return activity_changes.change(before, after, signed_up(), known=(), seen=mark, now=NOON)


def test_an_activity_that_is_changed_is_shown_anew_and_who_comes_or_waits_is_told() -> None:
    later = replace(ONE, begins_at=ONE.begins_at + timedelta(hours=1), place="二号站台")
    answer = changed(ONE, later)
    assert isinstance(answer, Decision)
    assert answer.facts == (rules.ActivityChanged(activity=later, at=NOON),)
    told = [(effect.user, effect.words.key) for effect in answer.effects if isinstance(effect, Tell)]
    assert told == [("@zhang:test", "activity.changed_told"), ("@li:test", "activity.changed_told")]
    assert len(answer.effects) == 3, "and its message follows"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({}, {}, "activity.nothing_changed"),
        ({}, {"begins_at": NOON - timedelta(hours=1)}, "activity.begun"),
        ({}, {"begins_at": ONE.begins_at - timedelta(minutes=1)}, "activity.closes_later"),
        ({}, {"minutes": 0}, "activity.bad_length"),
        ({"state": State.CANCELLED}, {"place": "别处"}, "activity.not_planned"),
        ({"begins_at": NOON}, {"place": "别处"}, "activity.not_planned"),
    ],
)
def test_a_change_that_cannot_be_meant_is_refused(before: dict[str, Any], after: dict[str, Any], why: str) -> None:
    one = replace(ONE, **before)
    assert key(changed(one, replace(one, **after))) == why


def test_who_changes_one_puts_nothing_back_that_another_has_changed_since() -> None:
    moved = replace(ONE, begins_at=ONE.begins_at + timedelta(hours=1), about="另有安排")
    answer = changed(moved, replace(ONE, place="二号站台"), seen=activity_changes.mark_of(ONE))
    assert key(answer) == "activity.changed_meanwhile"
    assert isinstance(answer, Refusal)
    assert (answer.words.parameters["at"], answer.words.parameters["minutes"]) == (moved.begins_at, moved.minutes)
    assert "另有安排" in str(answer.words.parameters["about"])


WRITTEN = photos.Written(data=b"data", small=b"small", width=4, height=3)


def put(one: Activity, number: int = 1, held: int = 0, *, agreed: bool = True) -> Decision | Refusal:
    photo = rules.Photo(
        id="held", activity=one.id, member=None, event=EventId("$held"), room=RoomId("!east"), at=NOON, kept=True
    )
    return rules.put_photos(
        one,
        [photo] * held,
        [WRITTEN] * number,
        member=MemberId("zhang"),
        caption="擦扶手",
        agreed=agreed,
        cause=Cause("form:photos"),
        now=NOON,
    )


def test_photos_are_put_into_an_album_by_hand_only_where_it_is_said_that_all_agree() -> None:
    answer = put(OVER, 2)
    assert isinstance(answer, Decision)
    given = [fact.photo for fact in answer.facts if isinstance(fact, rules.PhotoGiven)]
    assert [(one.member, one.caption) for one in given] == [("zhang", "擦扶手")] * 2
    assert len({one.id for one in given}) == len({one.event for one in given}) == 2
    assert [fact.data for fact in answer.facts if isinstance(fact, rules.PhotoKept)] == [b"data"] * 2
    assert key(put(OVER, agreed=False)) == "activity.not_agreed"
    assert key(put(OVER, 0)) == "activity.no_files"
    assert key(put(OVER, rules.MOST_AT_ONCE + 1)) == "activity.too_many_files"
    assert key(put(OVER, 2, rules.MOST_PHOTOS - 1)) == "activity.full_album"
    assert key(put(replace(OVER, gathers=False))) == "activity.has_no_album"
    assert key(put(replace(OVER, state=State.CANCELLED))) == "activity.has_no_album"


def give(one: Activity, *, number: int = 0, size: int = 1000, member: str = "zhang") -> Decision | Refusal:
    held = [
        Photo(id=str(n), activity=one.id, member=MemberId("zhang"), event=EventId(str(n)), room=ROOM, at=NOON)
        for n in range(number)
    ]
    return rules.give_photo(
        one, held, member=MemberId(member), event=EventId("$new"), room=ROOM, caption="", size=size, now=NOON
    )


def test_an_album_takes_what_is_given_within_limits() -> None:
    assert isinstance(give(OVER), Decision)
    assert isinstance(give(ONE), Decision), "before it too"
    assert key(give(OVER, number=rules.MOST_OF_ONE)) == "activity.enough_photos"
    assert isinstance(give(OVER, number=rules.MOST_OF_ONE, member="li"), Decision)
    assert key(give(OVER, number=rules.MOST_PHOTOS, member="li")) == "activity.enough_photos"
    assert key(give(OVER, size=photos.LARGEST + 1)) == "activity.photo_too_large"
    assert key(give(replace(OVER, gathers=False))) == "activity.gathers_no_more"
    assert key(give(replace(OVER, state=State.CANCELLED))) == "activity.gathers_no_more"
    assert key(give(replace(OVER, begins_at=NOON - timedelta(days=32)))) == "activity.gathers_no_more"


def test_a_note_is_given_in_words() -> None:
    def note(text: str) -> Decision | Refusal:
        return rules.give_note(OVER, text, member=MemberId("zhang"), event=EventId("$n"), now=NOON)

    assert key(note("  ")) == "activity.how_to_note"
    assert key(note("字" * 501)) == "activity.long"
    assert isinstance(note("擦了四十米"), Decision)


def test_a_sort_of_its_own_has_a_name_that_is_not_taken() -> None:
    own = [Category(id=str(n), organisation=ONE.organisation, name=str(n)) for n in range(rules.MOST_CATEGORIES)]

    def add(name: str, own: list[Category]) -> Decision | Refusal:
        return rules.add_category(name, own, ["主题党日"], at=ONE.organisation, id="new", now=NOON)

    assert isinstance(add("义诊", []), Decision)
    assert key(add("主题党日", [])) == "activity.known_name"
    assert key(add("", [])) == "activity.bad_name"
    assert key(add("义诊", own)) == "activity.enough_names"


def test_a_year_comes_to_its_sorts_by_what_was_held() -> None:
    def held(id: str, category: str, people: int | None) -> Activity:
        return replace(OVER, id=ActivityId(id), category=category, people=people, state=State.HELD)

    year = [held("a", Kind.SERVICE, 5), held("b", Kind.SERVICE, None), held("c", Kind.THEME_DAY, 9), OVER]
    sums = rules.summed(year, {ActivityId("a"): 3})
    assert [(one.category, one.times, one.people, one.photos) for one in sums] == [
        (Kind.THEME_DAY, 1, 9, 0),
        (Kind.SERVICE, 2, 5, 3),
    ]
