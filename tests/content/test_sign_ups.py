"""Who is on a sign-up: the union of all that was said, whatever the order; off it by a word and never by omission."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from content import sign_ups as rules
from content.chains import Line, read_chain
from content.corrected_names import is_alike, is_near
from content.decision import Decision, Refusal, Tell
from content.identifiers import EventId, MemberId, OrganisationId, RoomId, SignUpEntryId, SignUpId, UserId
from content.sign_up_sheets import Sheet, SignUp, State, apply
from content.sign_ups import LONGEST, SHORTEST, Speaker
from tests.small_branch import NOON

NAMES = ("张明", "李强", "王丽", "赵敏")
KNOWN = {name: (MemberId(name),) for name in NAMES}
USERS = {MemberId(name): UserId(f"@{name}:test") for name in NAMES}
ONE = SignUp(
    id=SignUpId("one"),
    organisation=OrganisationId("east"),
    room=RoomId("!east"),
    title="主题党日报名",
    closes_at=NOON + timedelta(days=1),
)
EMPTY = Sheet(sign_up=ONE, users=USERS)


def speaker(name: str, event: str = "$one", *, private: bool = False) -> Speaker:
    return Speaker(user=USERS[MemberId(name)], member=MemberId(name), name=name, event=EventId(event), private=private)


def after(sheet: Sheet, answer: Decision | Refusal | None) -> Sheet:
    for fact in answer.facts if isinstance(answer, Decision) else ():
        sheet = apply(sheet, fact)  # type: ignore[arg-type]
    return sheet


def said(
    sheet: Sheet, name: str, *lines: Line, event: str = "$one", private: bool = False
) -> Decision | Refusal | None:
    return rules.sign_up(sheet, lines or (Line(),), speaker(name, event, private=private), known=KNOWN, now=NOON)


def say(sheet: Sheet, name: str, *lines: Line, event: str = "$one") -> Sheet:
    return after(sheet, said(sheet, name, *lines, event=event))


def paste(sheet: Sheet, name: str, *names: str, event: str) -> Sheet:
    return say(sheet, name, *(Line(name=one) for one in names), event=event)


def leave(sheet: Sheet, name: str, *names: str, private: bool = False) -> Decision | Refusal:
    lines = tuple(Line(name=one) for one in names)
    return rules.withdraw(sheet, speaker(name, private=private), names=lines, known=KNOWN, now=NOON)


def names(sheet: Sheet) -> list[str]:
    return [one.name for one in sheet.standing]


def told(answer: Decision | Refusal | None) -> list[tuple[str, str]]:
    assert isinstance(answer, Decision)
    return [(effect.user, effect.words.key) for effect in answer.effects if isinstance(effect, Tell)]


def key(answer: Decision | Refusal | None) -> str:
    assert isinstance(answer, Refusal)
    return answer.words.key


def test_two_who_paste_at_once_lose_nobody() -> None:
    sheet = paste(EMPTY, "张明", "张明", event="$a")
    sheet = paste(sheet, "李强", "张明", "李强", event="$b")
    sheet = paste(sheet, "王丽", "张明", "王丽", event="$c")
    assert names(sheet) == ["张明", "李强", "王丽"]


def test_who_is_left_out_of_a_later_chain_stays() -> None:
    sheet = paste(EMPTY, "张明", "张明", "李强", event="$a")
    assert names(paste(sheet, "王丽", "王丽", event="$b")) == ["张明", "李强", "王丽"]


def test_the_same_name_twice_is_one_entry_and_one_number_twice_is_two() -> None:
    chain = read_chain("#接龙\n1. 张明\n2. 李强\n2. 王丽\n3. 王丽 ☑")
    assert chain is not None
    assert names(say(EMPTY, "张明", *chain.lines)) == ["张明", "李强", "王丽"]


def test_a_guest_is_kept_as_typed_and_a_name_of_two_is_nobodys_account() -> None:
    known = {"王丽": (MemberId("a"), MemberId("b"))}
    answer = rules.sign_up(EMPTY, (Line(name="王丽"), Line(name="小宝")), speaker("张明"), known=known, now=NOON)
    sheet = after(EMPTY, answer)
    assert [(one.name, one.member, one.by) for one in sheet.standing] == [
        ("王丽", None, USERS[MemberId("张明")]),
        ("小宝", None, USERS[MemberId("张明")]),
    ]


def test_a_copy_of_the_card_names_nobody_twice_though_two_are_called_so() -> None:
    sheet = say(EMPTY, "王丽", event="$a")
    known = {**KNOWN, "王丽": (MemberId("王丽"), MemberId("another"))}
    lines = (Line(name="王丽"), Line(name="李强"))
    sheet = after(sheet, rules.sign_up(sheet, lines, speaker("李强", "$b"), known=known, now=NOON))
    assert [(one.name, one.member) for one in sheet.standing] == [("王丽", "王丽"), ("李强", "李强")]
    boss = UserId("@boss:test")
    off = rules.rule(sheet, Line(name="王丽"), known=known, off=True, why="电话", by=boss, now=NOON)
    assert names(after(sheet, off)) == ["李强"]


def test_taking_off_that_is_undone_gives_the_old_place_back() -> None:
    full = Sheet(sign_up=replace(ONE, places=2), users=USERS)
    for name in ("张明", "李强", "王丽"):
        full = say(full, name, event=f"${name}")

    def rule(sheet: Sheet, *, off: bool, undone: bool = False) -> Sheet:
        boss, line = UserId("@boss:test"), Line(name="张明")
        return after(sheet, rules.rule(sheet, line, known=KNOWN, off=off, why="错了", by=boss, now=NOON, undone=undone))

    gone = rule(full, off=True)
    assert names(rule(gone, off=False, undone=True)) == ["张明", "李强", "王丽"]
    assert names(rule(gone, off=False)) == ["李强", "王丽", "张明"]


def test_an_edit_of_a_chain_brings_nobody_back_who_has_gone_since() -> None:
    sheet = paste(EMPTY, "张明", "张明", "小宝", event="$a")
    sheet = after(sheet, leave(sheet, "张明"))
    lines = (Line(name="张明"), Line(name="小宝", note="素"))
    sheet = after(sheet, rules.sign_up(sheet, lines, speaker("张明", "$a"), known=KNOWN, now=NOON, edited=True))
    assert [(one.name, one.note) for one in sheet.standing] == [("小宝", "素")]


def test_who_takes_themself_off_is_off_and_nobody_else() -> None:
    sheet = paste(EMPTY, "张明", "张明", "李强", event="$a")
    sheet = after(sheet, leave(sheet, "张明"))
    assert names(sheet) == ["李强"]
    assert names(paste(sheet, "王丽", "张明", "李强", "王丽", event="$b")) == ["李强", "王丽"], "an old chain, copied"
    assert names(say(sheet, "张明", event="$c")) == ["李强", "张明"], "back by their own word, at the end"


def test_who_was_named_by_another_is_taken_off_by_that_one_until_they_say_it_themselves() -> None:
    sheet = paste(EMPTY, "张明", "张明", "李强", event="$a")
    assert names(after(sheet, leave(sheet, "张明", "李强"))) == ["张明"]
    assert key(leave(sheet, "王丽", "李强")) == "sign_up.not_yours"
    sheet = say(sheet, "李强", event="$b")
    assert key(leave(sheet, "张明", "李强")) == "sign_up.not_yours"


def test_who_is_not_on_it_cannot_go_off_it() -> None:
    assert key(leave(EMPTY, "李强")) == "sign_up.not_in"
    assert key(leave(EMPTY, "李强", "张明")) == "sign_up.they_are_not_in"


def test_a_line_that_says_not_coming_takes_off_oneself_and_nobody_else() -> None:
    sheet = paste(EMPTY, "张明", "张明", event="$a")
    sheet = paste(sheet, "李强", "李强", event="$b")
    sheet = say(sheet, "李强", Line(name="张明", out=True), Line(name="李强", out=True), event="$c")
    assert names(sheet) == ["张明"]


def test_what_is_not_said_again_stays_and_what_is_said_anew_counts() -> None:
    sheet = say(EMPTY, "张明", Line(brings=1, note="家属"))
    sheet = paste(sheet, "张明", "张明", event="$b")
    assert [(one.brings, one.note) for one in sheet.standing] == [(1, "家属")]
    sheet = say(sheet, "李强", Line(name="张明", brings=5), event="$c")
    assert sheet.standing[0].brings == 1, "what others say of them changes nothing"
    assert say(sheet, "张明", Line(brings=2), event="$d").standing[0].brings == 2


def test_plus_two_is_entered_and_asked_about_once() -> None:
    answer = said(EMPTY, "张明", Line(brings=1, unclear="+2"))
    assert told(answer) == [(USERS[MemberId("张明")], "sign_up.unclear")]
    sheet = after(EMPTY, answer)
    assert [(one.brings, one.note) for one in sheet.standing] == [(1, "「+2」")]
    again = said(sheet, "张明", Line(brings=1, unclear="+2"), event="$b")
    assert told(again) == []


def test_what_everybody_sees_in_the_room_is_said_to_nobody() -> None:
    assert told(said(EMPTY, "张明")) == []
    assert told(said(EMPTY, "张明", private=True)) == [(USERS[MemberId("张明")], "sign_up.done")]
    again = said(say(EMPTY, "张明"), "张明", event="$one")
    assert again is None


def test_places_are_given_in_order_and_who_waited_hears_of_one() -> None:
    full = Sheet(sign_up=replace(ONE, places=2), users=USERS)
    sheet = say(say(full, "张明", Line(brings=1)), "李强", event="$b")
    answer = said(sheet, "王丽", event="$c")
    assert told(answer) == [(USERS[MemberId("王丽")], "sign_up.waits")]
    sheet = after(sheet, answer)
    assert ([one.name for one in sheet.seated], [one.name for one in sheet.waiting]) == (["张明"], ["李强", "王丽"])
    left = leave(sheet, "张明")
    assert told(left) == [(USERS[MemberId(name)], "sign_up.moved_up") for name in ("李强", "王丽")]
    assert after(sheet, left).people == 2


def test_what_an_organiser_puts_down_stands_over_what_is_said() -> None:
    def rule(sheet: Sheet, line: Line, *, off: bool = False, why: str = "电话") -> Decision | Refusal:
        return rules.rule(sheet, line, known=KNOWN, off=off, why=why, by=UserId("@boss:test"), now=NOON)

    sheet = after(say(EMPTY, "张明"), rule(say(EMPTY, "张明"), Line(name="张明"), off=True))
    assert names(sheet) == []
    assert key(said(sheet, "张明", event="$b")) == "sign_up.struck"
    sheet = after(sheet, rule(sheet, Line(name="张明", brings=2)))
    assert [(one.name, one.brings, one.why) for one in sheet.standing] == [("张明", 2, "电话")]
    assert key(rule(sheet, Line(name="张明", brings=2))) == "sign_up.nothing_changed"
    assert key(rule(sheet, Line(name="李强"), off=True)) == "sign_up.they_are_not_in"
    assert key(rule(sheet, Line(name="李强"), why=" ")) == "sign_up.no_reason"
    assert key(rule(sheet, Line())) == "sign_up.no_name"


def test_a_message_that_its_sender_removes_takes_off_whom_no_other_names() -> None:
    sheet = paste(EMPTY, "张明", "张明", "李强", event="$a")
    sheet = paste(sheet, "王丽", "李强", "王丽", event="$b")

    def take_back(event: str, name: str) -> Sheet:
        who = MemberId(name)
        return after(sheet, rules.take_back(sheet, EventId(event), USERS[who], who, now=NOON))

    assert names(take_back("$a", "张明")) == ["李强", "王丽"]
    assert names(take_back("$a", "李强")) == names(sheet), "what another removes takes nobody's place"
    gone = take_back("$a", "张明")
    assert names(paste(gone, "张明", "张明", event="$a")) == ["李强", "王丽"], "an edit of it comes to nothing"


def test_once_it_is_over_nothing_moves_and_who_spoke_for_themself_hears_it() -> None:
    sheet = say(EMPTY, "张明")
    closed = rules.close(sheet, now=ONE.closes_at)
    over = after(sheet, closed)
    assert (over.sign_up.state, over.sign_up.people) == (State.CLOSED, 1)
    assert rules.close(sheet, now=NOON) is None
    assert rules.close(over, now=ONE.closes_at) is None
    assert key(said(over, "李强", event="$b")) == "sign_up.over"
    assert said(over, "李强", Line(name="李强"), Line(name="王丽"), event="$b") is None
    assert key(leave(over, "张明")) == "sign_up.over"
    assert rules.take_back(over, EventId("$one"), USERS[MemberId("张明")], None, now=NOON) is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"title": ""}, "sign_up.bad_title"),
        ({"title": "题" * 61}, "sign_up.bad_title"),
        ({"title": "七月党费接龙"}, "sign_up.money"),
        ({"title": "每日打卡"}, "sign_up.daily"),
        ({"closes_at": NOON + SHORTEST - timedelta(seconds=1)}, "sign_up.too_soon"),
        ({"closes_at": NOON + LONGEST + timedelta(seconds=1)}, "sign_up.too_far"),
        ({"places": 0}, "sign_up.bad_places"),
        ({"places": 2001}, "sign_up.bad_places"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed: dict[str, object], why: str) -> None:
    """DUE-20, AF-5."""
    answer = rules.begin(replace(ONE, **changed), author=UserId("@boss:test"), now=NOON)
    assert key(answer) == why


def chain(*people: str) -> tuple[Line, ...]:
    """Return lines that are numbered as they stand."""
    return tuple(Line(name=name, number=number) for number, name in enumerate(people, start=1))


def edit(sheet: Sheet, name: str, *lines: Line, event: str = "$one") -> Sheet:
    return after(sheet, rules.sign_up(sheet, lines, speaker(name, event), known=KNOWN, now=NOON, edited=True))


def test_a_name_that_an_edit_corrects_takes_the_place_of_the_old_one() -> None:
    sheet = say(EMPTY, "张明", *chain("张明", "李墙"), event="$a")
    sheet = say(sheet, "王丽", event="$b")
    sheet = edit(sheet, "张明", *chain("张明", "李强"), event="$a")
    assert names(sheet) == ["张明", "李强", "王丽"]
    again = say(sheet, "王丽", *chain("张明", "李墙", "王丽"), event="$c")
    assert names(again) == ["张明", "李强", "王丽"], "an older chain that another copies brings the old one not back"


def test_who_corrects_their_own_name_is_there_once_with_what_they_said() -> None:
    sheet = say(EMPTY, "张明", Line(name="张名", number=1, brings=2, note="晚到"), event="$a")
    sheet = edit(sheet, "张明", Line(name="张明", number=1), event="$a")
    assert [(one.name, one.member, one.brings, one.note) for one in sheet.standing] == [("张明", "张明", 2, "晚到")]


def test_a_chain_pasted_again_corrects_what_its_sender_mistyped_in_the_same_line() -> None:
    sheet = say(EMPTY, "张明", *chain("张明", "李墙"), event="$a")
    assert names(say(sheet, "张明", *chain("张明", "李强"), event="$b")) == ["张明", "李强"]
    assert names(say(sheet, "张明", *chain("张明", "王丽"), event="$b")) == ["张明", "李墙", "王丽"], "somebody else"
    assert names(say(sheet, "王丽", *chain("张明", "李强"), event="$b")) == ["张明", "李墙", "李强"], "another's word"
    assert names(say(sheet, "张明", *chain("李强"), event="$b")) == ["张明", "李墙", "李强"], "another line"


def test_an_edit_that_leaves_out_a_line_or_moves_the_others_takes_nobody_off() -> None:
    sheet = say(EMPTY, "张明", *chain("张明", "小宝", "客人"), event="$a")
    assert set(names(edit(sheet, "张明", *chain("张明", "客人"), event="$a"))) == {"张明", "小宝", "客人"}
    assert set(names(edit(sheet, "张明", *chain("张明"), event="$a"))) == {"张明", "小宝", "客人"}
    other = edit(sheet, "张明", *chain("张明", "李强", "客人"), event="$a")
    assert set(names(other)) == {"张明", "小宝", "客人", "李强"}, "somebody else is no other spelling"
    more = edit(sheet, "张明", *chain("赵敏", "张明", "小宝", "客人"), event="$a")
    assert set(names(more)) == {"赵敏", "张明", "小宝", "客人"}


def test_a_correction_takes_off_neither_oneself_nor_who_is_there_by_their_own_word() -> None:
    sheet = say(EMPTY, "张明", *chain("张明", "李强"), event="$a")
    assert names(edit(sheet, "张明", *chain("张名", "李强"), event="$a")) == ["张明", "李强", "张名"]
    sheet = say(sheet, "李强", event="$b")
    assert names(edit(sheet, "张明", *chain("张明", "李墙"), event="$a")) == ["张明", "李强", "李墙"]


def test_whom_another_put_on_the_list_is_no_other_spelling_and_takes_nobody_off() -> None:
    sheet = say(EMPTY, "张明", *chain("张明", "王小明"), event="$a")
    sheet = say(sheet, "李强", *chain("张明", "王小红", "李强"), event="$b")
    sheet = say(sheet, "张明", *chain("张明", "王小红", "李强", "赵敏"), event="$c")
    assert names(sheet) == ["张明", "王小明", "王小红", "李强", "赵敏"], "two had pasted at once"
    sheet = say(say(EMPTY, "张明", *chain("张明", "李墙"), event="$a"), "李强", event="$b")
    assert names(edit(sheet, "张明", *chain("张明", "李强"), event="$a")) == ["张明", "李墙", "李强"]


def test_a_corrected_name_is_held_by_every_message_that_named_it_before() -> None:
    def take_back(sheet: Sheet, name: str, event: str) -> Sheet:
        who = MemberId(name)
        return after(sheet, rules.take_back(sheet, EventId(event), USERS[who], who, now=NOON))

    sheet = say(EMPTY, "张明", *chain("张明", "王小朋"), event="$a")
    sheet = say(sheet, "李强", *chain("张明", "王小朋", "李强"), event="$b")
    sheet = say(sheet, "张明", *chain("张明", "王小明"), event="$c")
    assert names(sheet) == ["张明", "王小明", "李强"]
    sheet = take_back(sheet, "张明", "$c")
    assert names(sheet) == ["张明", "王小明", "李强"], "the doubled paste is tidied up"
    assert names(take_back(take_back(sheet, "张明", "$a"), "李强", "$b")) == []
    assert names(take_back(sheet, "张明", "$a")) == ["王小明", "李强"], "another has copied it"
    own = say(EMPTY, "张明", *chain("张名"), event="$a")
    own = say(own, "李强", *chain("张名", "李强"), event="$b")
    own = say(own, "张明", *chain("张明"), event="$c")
    assert names(own) == ["张明", "李强"]
    assert names(take_back(own, "张明", "$c")) == ["张明", "李强"]
    assert names(take_back(take_back(own, "张明", "$c"), "张明", "$a")) == ["李强"], "by their own word"


@pytest.mark.parametrize(
    ("old", "new", "alike"),
    [
        ("李墙", "李强", True),
        ("欧阳明", "欧阳名", True),
        ("王大力", "王大利", True),
        ("王大力", "王力", True),
        ("张三", "张四", False),
        ("小宝", "客人", False),
        ("王大力", "王小二", False),
        ("Li Qang", "Li Qiang", True),
    ],
)
def test_which_names_may_be_one_mistyped(old: str, new: str, alike: bool) -> None:
    assert is_alike(old, new) is alike
    assert is_alike(new, old) is alike


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("say", "say", "say", "edit", "edit", "remove")),
        st.integers(0, 5),
        st.lists(st.sampled_from((*NAMES, "小宝", "客人", "李墙")), min_size=1, max_size=4, unique=True),
    ),
    max_size=14,
)


@given(STEPS)
def test_any_interleaving_of_chains_edits_and_removals_ends_in_the_union(
    steps: Sequence[tuple[str, int, list[str]]],
) -> None:
    """Each message is one person's; it names all that it ever named, until they remove it or correct a name in it.

    Who stands by their own word is not held by what others copy. A step takes off at most whom its own sender put
    down and replaced in the same line, and only where the other name is new there.
    """
    sheet = EMPTY
    live: dict[int, set[str]] = {}
    removed: set[int] = set()
    for what, message, people in steps:
        sender, event = NAMES[message % len(NAMES)], f"$message{message}"
        if what == "remove":
            if message in live:
                user = USERS[MemberId(sender)]
                sheet = after(sheet, rules.take_back(sheet, EventId(event), user, MemberId(sender), now=NOON))
                if live.pop(message):  # One that held nobody leaves nothing behind.
                    removed.add(message)
            continue
        own = {one.name for one in sheet.standing if one.member and one.by == USERS[one.member]}
        before = {one.name: one for one in sheet.standing}
        step = edit if what == "edit" and message in live else say
        sheet = step(sheet, sender, *chain(*people), event=event)
        off = set(before) - set(names(sheet))
        for name in off:
            assert before[name].by == USERS[MemberId(sender)]
            assert name not in {sender, *people}
        near = is_near if step is edit else is_alike
        assert all(any(near(name, one) and one not in before for one in people) for name in off)
        for name in off:
            (fresh,) = (one for one in people if near(name, one) and one not in before)
            for other, each in live.items():
                # The messages that named the one name now the other.
                if name in each and (fresh != sender or NAMES[other % len(NAMES)] == sender):
                    each.add(fresh)
                each.discard(name)
        back = {name for name in people if name in names(sheet)}
        people = [one for one in people if one == sender or one not in own]
        if message not in removed:
            live[message] = live.get(message, set()) | (set(people) & back)
    assert set(names(sheet)) == set().union(*live.values())
    assert sorted(one.number for one in sheet.standing) == [one.number for one in sheet.standing]


@given(st.permutations(range(4)), st.lists(st.sets(st.sampled_from(NAMES), min_size=1), min_size=4, max_size=4))
def test_in_whatever_order_chains_come_the_same_people_are_on_it(order: list[int], pasted: list[set[str]]) -> None:
    sheet = EMPTY
    for place in order:
        sheet = paste(sheet, NAMES[place], *sorted(pasted[place]), event=f"${place}")
    assert set(names(sheet)) == set().union(*pasted)


def test_of_two_who_are_called_so_the_desk_asks_which() -> None:
    known = {"王丽": (MemberId("a"), MemberId("b"))}
    boss = UserId("@boss:test")

    def rule(sheet: Sheet, *, off: bool = False, meant: str = "") -> Decision | Refusal:
        line = Line(name="王丽")
        found = SignUpEntryId(meant)
        return rules.rule(sheet, line, known=known, off=off, why="电话", by=boss, now=NOON, meant=found)

    first, second = rules.called_so(EMPTY, "王丽", known, off=False)
    assert key(rule(EMPTY)) == "sign_up.which_person"
    assert key(rule(EMPTY, meant="nobody")) == "sign_up.which_person"
    sheet = after(EMPTY, rule(EMPTY, meant=second))
    assert [one.member for one in sheet.standing] == ["b"]
    assert names(after(sheet, rule(sheet, off=True))) == [], "who alone is on it is meant when somebody is taken off"
    both = after(sheet, rule(sheet, meant=first))
    assert key(rule(both, off=True)) == "sign_up.which_person"
    assert [one.member for one in after(both, rule(both, off=True, meant=first)).standing] == ["b"]


@pytest.mark.parametrize("roster", [("a", "b"), ("a",)])
def test_taking_a_typed_name_off_is_undone_for_the_same_one_though_others_are_called_so(
    roster: tuple[str, ...],
) -> None:
    def rule(sheet: Sheet, *, off: bool, meant: SignUpEntryId) -> Decision | Refusal:
        known = {"王丽": tuple(MemberId(one) for one in roster)}
        line, boss = Line(name="王丽"), UserId("@boss:test")
        return rules.rule(sheet, line, known=known, off=off, why="电话", by=boss, now=NOON, undone=not off, meant=meant)

    sheet = paste(EMPTY, "张明", "小宝", event="$a")
    typed = rules.sign_up(sheet, (Line(name="王丽"),), speaker("张明"), known={}, now=NOON)
    sheet = after(sheet, typed)
    her = sheet.standing[1]
    gone = after(sheet, rule(sheet, off=True, meant=her.id))
    assert names(gone) == ["小宝"]
    back = after(gone, rule(gone, off=False, meant=her.id))
    assert [(one.id, one.member) for one in back.standing] == [(sheet.standing[0].id, None), (her.id, None)]
    why = "sign_up.which_person" if len(roster) > 1 else "sign_up.somebody_else"
    assert key(rule(gone, off=False, meant=sheet.standing[0].id)) == why, "of another name"
    assert key(rule(gone, off=False, meant=SignUpEntryId("nobody"))) == why
