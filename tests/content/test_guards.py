"""What holds about guards comes from above until a place sets it, and lists add up."""

from __future__ import annotations

import pytest

from content.decision import Decision, Refusal
from content.guard_lists import HOSTS, PHRASES
from content.guards import (
    BY_NAME,
    KNOBS,
    LONGEST_ENTRY,
    MOST_ENTRIES,
    SOUNDS,
    Guard,
    GuardEntriesAdded,
    Level,
    Lists,
    Place,
    Sort,
    add,
    choose,
    drop,
    rules_of,
    shipped,
)
from content.identifiers import OrganisationId, RoomId
from content.settings import YES

TOP, BRANCH, ROOM = OrganisationId("top"), OrganisationId("branch"), RoomId("!room:test")
AT_TOP, AT_BRANCH = Place(organisation=TOP), Place(organisation=BRANCH)
IN_ROOM = Place(organisation=BRANCH, room=ROOM)
PARENTS = {TOP: None, BRANCH: TOP, OrganisationId(ROOM): BRANCH}


def lists(chosen: dict[str, dict[str, str]], entries: dict[str, dict[Sort, tuple[str, ...]]] | None = None) -> Lists:
    return Lists(
        chosen={OrganisationId(key): value for key, value in chosen.items()},
        entries={OrganisationId(key): value for key, value in (entries or {}).items()},
        parents=PARENTS,
    )


def test_where_nobody_has_set_anything_every_guard_flags_and_no_room_is_slow() -> None:
    rules = shipped()
    assert {guard for guard, level in rules.levels.items() if level is not Level.FLAG} == {Guard.SLOW}
    assert rules.levels[Guard.SLOW] is Level.OFF
    assert rules.words == PHRASES
    assert rules.hosts == HOSTS
    assert not rules.sounds


def test_a_room_takes_what_its_node_has_set_and_the_node_what_stands_above() -> None:
    known = lists(
        {TOP: {"links": "hide", SOUNDS: YES}, BRANCH: {"flood": "act", "flood.most": "6"}, ROOM: {"links": "off"}}
    )
    rules = rules_of(IN_ROOM, known)
    assert (rules.levels[Guard.LINKS], rules.levels[Guard.FLOOD]) == (Level.OFF, Level.ACT)
    assert rules.most[Guard.FLOOD] == 6
    assert rules.sounds
    assert rules_of(AT_BRANCH, known).levels[Guard.LINKS] is Level.HIDE
    held = known.held(IN_ROOM, BY_NAME["flood"])
    assert (held.value, held.source) == ("act", BRANCH)
    assert known.inherited(IN_ROOM, BY_NAME["links"]).source == TOP
    assert known.held(AT_TOP, BY_NAME["flood"]).source is None


def test_lists_add_up_and_name_who_has_put_each_entry_there() -> None:
    known = lists(
        {}, {TOP: {Sort.HOSTS: ("a.cn", "b.cn")}, ROOM: {Sort.HOSTS: ("b.cn", "c.cn"), Sort.WORDS: ("加我",)}}
    )
    assert known.listed(IN_ROOM, Sort.HOSTS) == (("b.cn", ROOM), ("c.cn", ROOM), ("a.cn", TOP))
    assert known.listed(AT_BRANCH, Sort.HOSTS) == (("a.cn", TOP), ("b.cn", TOP))
    rules = rules_of(IN_ROOM, known, ours=["console.test"])
    assert {"a.cn", "c.cn", "console.test", "gov.cn"} <= rules.hosts
    assert rules.words[0] == "加我"


def test_an_organisation_can_leave_out_what_is_shipped() -> None:
    rules = rules_of(AT_TOP, lists({TOP: {"words.shipped": "no", "links.shipped": "no", "media.kinds": "no"}}))
    assert (rules.words, rules.hosts, rules.kinds) == ((), frozenset(), frozenset())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("links", "ban"),
        ("flood.most", "1"),
        ("flood.most", "9999"),
        ("flood.most", "六"),
        ("media.kinds", "exe"),
        ("x", "y"),
    ],
)
def test_what_is_not_possible_is_not_set(name: str, value: str) -> None:
    assert isinstance(choose(AT_TOP, name, value), Refusal)


def test_everything_offered_is_possible_and_so_is_every_default() -> None:
    for several in KNOBS.values():
        for knob in several:
            assert all(map(knob.possible, (*knob.offered, knob.default))), knob.name


def pasted(sort: Sort, text: str, held: tuple[str, ...] = ()) -> tuple[str, ...] | str:
    done = add(IN_ROOM, sort, text, held=held)
    if isinstance(done, Refusal):
        return done.words.key
    (fact,) = done.facts
    assert isinstance(fact, GuardEntriesAdded)
    assert (fact.organisation, fact.room) == (BRANCH, ROOM)
    return fact.entries


def test_a_list_is_pasted_as_a_whole_or_not_at_all() -> None:
    assert pasted(Sort.WORDS, "兼职日结\n\n  加我微信 \n兼职日结\n") == ("兼职日结", "加我微信")
    assert pasted(Sort.WORDS, "兼职日结\n新的", ("兼职日结",)) == ("新的",)
    assert pasted(Sort.WORDS, "兼职日结", ("兼职日结",)) == "guards.nothing_new"
    assert pasted(Sort.WORDS, "好词\n的") == "guards.entry_too_short"
    assert pasted(Sort.WORDS, "长" * (LONGEST_ENTRY + 1)) == "guards.entry_too_long"
    assert pasted(Sort.HOSTS, "https://Example.cn/x\nb.cn") == ("example.cn", "b.cn")
    assert pasted(Sort.HOSTS, "b.cn\n不是网站") == "guards.no_host"
    assert pasted(Sort.PATTERNS, "加.{0,3}微") == ("加.{0,3}微",)
    assert pasted(Sort.PATTERNS, "(") == "guards.pattern_bad"
    full = tuple(f"{number}.cn" for number in range(MOST_ENTRIES[Sort.HOSTS]))
    assert pasted(Sort.HOSTS, "one-more.cn", full) == "guards.list_full"


def test_only_what_stands_on_a_list_is_taken_off_it() -> None:
    assert isinstance(drop(IN_ROOM, Sort.HOSTS, "b.cn", held=("b.cn",)), Decision)
    assert drop(IN_ROOM, Sort.HOSTS, "b.cn", held=()) is None
