"""Ordinary talk passes, what is known to be bad is caught, and looking twice comes to the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from content.guarding import Found, Lookout, Post, Watch, rehearse
from content.guards import Guard, Kind, Level, Rules, shipped
from content.identifiers import EventId, RoomId, UserId
from tests.small_branch import NOON

TALK = Path(__file__).parent.parent / "fixtures" / "office_talk.txt"
ROOM = RoomId("!room:test")
SECOND = timedelta(seconds=1)


def lines() -> list[str]:
    return [line for line in TALK.read_text("utf-8").splitlines() if line and not line.startswith("# ")]


def post(number: int, text: str = "", user: str = "@a:test", at: timedelta | None = None, **more: Any) -> Post:
    when = NOON + (at if at is not None else number * SECOND)
    return Post(room=ROOM, event=EventId(f"${number}"), user=UserId(user), at=when, text=text, **more)


def at_level(level: Level, **more: Any) -> Rules:
    return replace(shipped(), levels=dict.fromkeys(Guard, level), **more)


def struck(found: tuple[Found, ...]) -> set[Guard]:
    return {one.guard for one in found}


def alone(text: str = "", **more: Any) -> set[Guard]:
    return struck(rehearse([post(1, text, **more)], shipped())[0])


def test_ordinary_talk_of_an_office_is_never_acted_on_and_hardly_ever_flagged() -> None:
    """336 messages of meetings, study, sign-ups, notices, shifts, festivals and jokes; with the sounds too."""
    talk = lines()
    assert len(talk) >= 300
    for sounds in (False, True):
        posts = [post(number, text, user=f"@{number % 30}:test") for number, text in enumerate(talk)]
        found = rehearse(posts, replace(shipped(), sounds=sounds))
        flagged = [(text, struck(one)) for text, one in zip(talk, found, strict=True) if one]
        assert flagged == []
        assert not any(one.level is Level.ACT for each in found for one in each)


@pytest.mark.parametrize(
    ("text", "guard"),
    [
        ("兼职刷单，日结500，加微信领红包", Guard.WORDS),
        ("兼 职 刷 單 了解一下", Guard.WORDS),
        ("代.开.发.票，量大从优", Guard.WORDS),
        ("澳門賭場上線了", Guard.WORDS),
        ("Visit our Online Casino today", Guard.WORDS),
        ("帮我砍一刀 https://evil.example.xyz/share", Guard.LINKS),
        ("领取补贴 http://gov.cn.subsidy.top/", Guard.LINKS),
        ("https://www.gov.cn@phish.top/login", Guard.LINKS),
        ("https://хuexi.cn/ 答题领奖", Guard.LINKS),
        ("登录 abc 点 vip 即可", Guard.LINKS),
        ("机密★10年 关于某某工作的通知", Guard.SECRETS),
        ("密级：秘密", Guard.SECRETS),
        ("内部资料，严禁外传", Guard.SECRETS),
        ("份号：000012", Guard.SECRETS),
    ],
)
def test_what_is_known_to_be_bad_is_caught(text: str, guard: Guard) -> None:
    assert guard in alone(text)


def test_files_are_known_by_their_kind_and_programs_by_their_name() -> None:
    assert alone(kind=Kind.FILE, filename="总结.docx") == set()
    assert alone(kind=Kind.FILE, filename="工资表.pdf.EXE") == {Guard.MEDIA}
    assert alone("机密★ 通知", kind=Kind.FILE, filename="a.pdf") == {Guard.SECRETS}
    assert alone(kind=Kind.FILE, filename="绝密★启封前.pdf") == {Guard.SECRETS}
    assert alone(kind=Kind.IMAGE) == set()
    rules = replace(shipped(), kinds=frozenset({Kind.IMAGE}))
    assert struck(rehearse([post(1, kind=Kind.IMAGE)], rules)[0]) == {Guard.MEDIA}


def test_a_link_behind_other_words_is_seen() -> None:
    assert alone("国务院文件", links=("https://evil.example.com/",)) == {Guard.LINKS}


def test_calling_many_or_all_is_seen() -> None:
    assert alone("开会了", mentions=10) == {Guard.MENTIONS}
    assert alone("开会了", calls_all=True) == {Guard.MENTIONS}
    assert alone("开会了", mentions=9) == set()


def test_a_flood_is_one_persons_and_within_its_window() -> None:
    fast = rehearse([post(number, f"第{number}条") for number in range(12)], shipped())
    assert [struck(one) for one in fast] == [set()] * 10 + [{Guard.FLOOD}] * 2
    assert [one[0].again for one in fast[10:]] == [False, True]
    slow = [post(number, f"第{number}条", at=number * 2 * SECOND) for number in range(20)]
    many = [post(number, f"第{number}条", user=f"@{number}:test", at=SECOND) for number in range(50)]
    assert not any(rehearse(slow, shipped()))
    assert not any(rehearse(many, shipped()))


def test_the_same_again_and_again_is_seen_whatever_it_is_dressed_in() -> None:
    said = [
        "欢迎大家来我家买土鸡蛋",
        "欢迎大家来我家买土鸡蛋！！",
        "歡迎大家來我家買土雞蛋",
        "欢 迎 大 家 来 我 家 买 土 鸡 蛋",
    ]
    found = rehearse([post(number, text, at=number * 60 * SECOND) for number, text in enumerate(said)], shipped())
    assert [struck(one) for one in found] == [set(), set(), set(), {Guard.REPEATS}]
    short = [post(number, "收到", at=number * 20 * SECOND) for number in range(10)]
    assert not any(rehearse(short, shipped()))


def test_the_first_post_of_who_has_just_come_brings_no_links() -> None:
    came = post(0, joined=True, user="@new:test")
    hello = post(1, "大家好", user="@new:test")
    picture = post(2, kind=Kind.IMAGE, user="@new:test")
    assert struck(rehearse([came, picture], shipped())[1]) == {Guard.NEWCOMERS}
    assert not any(rehearse([came, hello, picture], shipped()))
    later = post(3, kind=Kind.IMAGE, user="@new:test", at=timedelta(days=8))
    assert not any(rehearse([came, later], shipped()))


def test_a_wave_of_joins_names_who_came() -> None:
    wave = [post(number, joined=True, user=f"@{number}:test") for number in range(16)]
    found = rehearse(wave, shipped())
    assert not any(found[:14])
    assert struck(found[14]) == {Guard.JOINS}
    assert len(found[15][0].people) == 16
    slow = [post(number, joined=True, user=f"@{number}:test", at=number * 10 * SECOND) for number in range(40)]
    assert not any(rehearse(slow, shipped()))


def test_an_edit_is_looked_at_and_counts_for_no_flood() -> None:
    edits = [post(number, "改个错字", edit=True) for number in range(20)]
    assert not any(rehearse(edits, shipped()))
    assert alone("兼职刷单日结", edit=True) == {Guard.WORDS}


def test_what_is_off_is_not_looked_for_and_the_strongest_comes_first() -> None:
    bad = post(1, "兼职刷单 https://evil.xyz/ 机密★")
    assert rehearse([bad], at_level(Level.OFF)) == ((),)
    levels: Mapping[Guard, Level] = {
        **dict.fromkeys(Guard, Level.FLAG),
        Guard.LINKS: Level.ACT,
        Guard.SECRETS: Level.HIDE,
    }
    (found,) = rehearse([bad], replace(shipped(), levels=levels))
    assert [one.level for one in found] == [Level.ACT, Level.HIDE, Level.FLAG]


def test_a_pattern_strikes_by_its_own_line() -> None:
    rules = replace(shipped(), patterns=("加.{0,3}[微薇v]",))
    (found,) = rehearse([post(1, "加一下Ｖ")], rules)
    assert [(one.guard, one.entry) for one in found] == [(Guard.PATTERNS, "加.{0,3}[微薇v]")]


SOME_POSTS = some.lists(
    some.tuples(
        some.sampled_from(["@a:test", "@b:test"]),
        some.sampled_from(["收到", "同一句话说了很多很多遍", "兼职刷单", "https://evil.xyz/", ""]),
        some.integers(0, 30),
        some.booleans(),
    ),
    max_size=40,
)


@given(SOME_POSTS, some.data())
def test_a_rehearsal_finds_what_the_watch_finds_also_where_a_batch_comes_twice(drawn: Any, data: Any) -> None:
    """Dry run equals real run: the same look, with what was seen before repeated at any place."""
    at, posts = timedelta(0), []
    for number, (user, text, gap, joined) in enumerate(drawn):
        at += gap * SECOND
        posts.append(post(number, text, user=user, at=at, joined=joined))
    watch, lookout = Watch(), Lookout(shipped())
    seen = []
    for place, one in enumerate(posts):
        again = data.draw(some.integers(0, place))
        for before in posts[again:place]:
            watch.see(before, lookout)
        seen.append(watch.see(one, lookout))
    assert tuple(seen) == rehearse(posts, shipped())


@given(some.text(max_size=300))
def test_no_text_breaks_the_look(text: str) -> None:
    rehearse([post(1, text, filename=text, links=(text,))], replace(shipped(), sounds=True, patterns=("x+",)))
