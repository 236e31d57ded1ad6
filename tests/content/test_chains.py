"""Sign-ups as people write them: every form of a chain and of a single line, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from content.chains import (
    Line,
    folded,
    is_a_daily_tick,
    is_about_money,
    names_in,
    read_chain,
    read_single,
    written,
)

SINGLES = [
    *[
        (text, Line())
        for text in ("+1", "＋1", "＋１", "+ 1", "+1。", "接龙", "接龍", "报名", "報名", "参加", "參加！")
    ],
    *[(text, Line()) for text in ("我也去", "我要参加", "算我一个", "算我一個", "sign up", "Count me in")],
    *[(text, Line(brings=1, unclear="+2")) for text in ("+2", "+2人", "＋２人", "+两人")],
    ("带1", Line(brings=1)),
    ("帶1個", Line(brings=1)),
    ("带2人", Line(brings=2)),
    ("带家属1", Line(brings=1, note="家属")),
    ("帶家屬", Line(brings=1, note="家属")),
    ("我带三个朋友", Line(brings=3, note="朋友")),
    ("+1 带家属1", Line(brings=1, note="家属")),
    ("bring 2", Line(brings=2)),
    ("张明 带家属1", Line(name="张明", brings=1, note="家属")),
    ("张明带1", Line(name="张明", brings=1)),
    ("Li Qiang bring 1", Line(name="Li Qiang", brings=1)),
    *[(text, Line(out=True)) for text in ("取消", "退", "不去了", "-1", "－1", "−1", "去不了", "取消报名", "cancel")],
    *[
        (text, None)
        for text in ("我去", "来", "到时候再说", "带上伞", "我来了", "参加过了吗", "怎么报名", "报名吗？", "1")
    ],
    *[(text, None) for text in ("王丽 带队", "开会+1小时", "", "+1\n张明", "报名人数太多了，明天再说")],
]

LINES = [
    ("1. 张明", Line(name="张明")),
    ("1.张明 ☑", Line(name="张明")),
    ("1、张明✅", Line(name="张明")),
    ("１．张明", Line(name="张明")),
    ("1️⃣ 张明", Line(name="张明")),
    ("①张明", Line(name="张明")),
    ("1 张明", Line(name="张明")),
    ("1) 张明", Line(name="张明")),
    ("1张明", Line(name="张明")),
    ("1. 张　明", Line(name="张明")),
    *[
        (text, Line(name="周强"))
        for text in (
            "1周强",
            "1 周强",
            "①周强",
            "⑩ 周强",
            "1️⃣ 周强",
            "1️⃣2️⃣周强",
            "🔟周强",
            "⑴周强",
            "(1) 周强",
            "（1）周强",
        )
    ],
    *[(text, Line(name="周强")) for text in ("⑴周强", "(1) 周强", "（1）周强")],
    *[(text, Line(name="周强")) for text in ("一、周强", "1-周强", "1 - 周强", "1/周强", "1·周强", "⒈周强")],
    *[(text, Line(name=text[1:])) for text in ("①时光", "②年广久", "③月华", "1时光", "1年广久")],
    ("1周强带家属1", Line(name="周强", note="家属", brings=1)),
    ("2. 李强 带家属1", Line(name="李强", note="家属", brings=1)),
    ("2. 李强带家属1", Line(name="李强", note="家属", brings=1)),
    ("2. 李强+1", Line(name="李强", brings=1)),
    ("2. 李强 +2人", Line(name="李强", brings=2)),
    ("2. 李强（有事晚到）", Line(name="李强", note="有事晚到")),
    ("2. 李强，不吃辣", Line(name="李强", note="不吃辣")),
    ("2. 李强 不去了", Line(name="李强", out=True)),
    ("3. Li Qiang +1 late", Line(name="Li Qiang", brings=1, note="late")),
    ("3. José García 素", Line(name="José García", note="素")),
    ("3. Müller +1", Line(name="Müller", brings=1)),
    ("3. O’Neil", Line(name="O’Neil")),
    ("3. Zhang Ming bringing 2", Line(name="Zhang Ming", brings=2)),
    ("3. 王丽（李强代报）", Line(name="王丽")),
    ("3. 王丽 +1 晚到（李强代报）", Line(name="王丽", brings=1, note="晚到")),
    *[
        (text, None)
        for text in ("例 姓名 备注", "1. 例 姓名", "3.", "7月24日 周五", "15:00 集合", "20人以内", "主题党日")
    ],
    *[
        (text, None)
        for text in ("1周内", "1周年庆", "3年级", "1周", "2时许", "3天后", "7/24 周五", "7-24", "9:30-11:30", "12-1 点")
    ],
]


@pytest.mark.parametrize(("text", "meant"), SINGLES)
def test_a_single_line(text: str, meant: Line | None) -> None:
    assert read_single(text) == meant


@pytest.mark.parametrize(("text", "meant"), LINES)
def test_a_line_of_a_chain(text: str, meant: Line | None) -> None:
    chain = read_chain(f"#接龙\n主题党日报名\n{text}")
    lines = chain.lines if chain else ()
    assert tuple(replace(line, number=0) for line in lines) == ((meant,) if meant else ())


def test_a_chain_as_it_usually_is() -> None:
    chain = read_chain("#接龙\n主题党日报名\n例 姓名 备注\n1. 张明 ☑\n2. 李强 带家属1\n2. 王丽\n3. 王丽 ☑")
    assert chain is not None
    assert chain.subject == "主题党日报名"
    assert [line.name for line in chain.lines] == ["张明", "李强", "王丽", "王丽"], "numbers mean nothing"


CALLED = frozenset(folded(name) for name in ("张明", "李强", "王丽", "Li Qiang", "Wang Li"))


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("3. 张明、李强", [("张明", "", None), ("李强", "", None)]),
        ("3.张明 李强", [("张明", "", None), ("李强", "", None)]),
        ("③张 明/李强，王丽 ☑", [("张明", "", None), ("李强", "", None), ("王丽", "", None)]),
        ("3. 张明和李强", [("张明", "", None), ("李强", "", None)]),
        ("3. 张明 李强 带家属1", [("张明", "", None), ("李强", "家属", 1)]),
        ("3. Li Qiang, Wang Li +1", [("Li Qiang", "", None), ("Wang Li", "", 1)]),
        ("3. 张明 晚到", [("张明", "晚到", None)]),
        ("3. 张明 小宝", [("张明", "小宝", None)]),
        ("3. 小宝、李强", [("小宝", "李强", None)]),
        ("3. 张明（李强）", [("张明", "李强", None)]),
        ("3. 张明（李强代报）", [("张明", "", None)]),
        ("3. 张明：李强", [("张明", "李强", None)]),
    ],
)
def test_two_names_of_the_roster_in_one_line_are_two_people(
    text: str, people: list[tuple[str, str, int | None]]
) -> None:
    chain = read_chain(f"#接龙\n登山\n{text}", called=CALLED)
    assert chain is not None
    assert [(line.name, line.note, line.brings) for line in chain.lines] == people
    assert {line.number for line in chain.lines} == {3}


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("3. 张明 李强 不去了", [("张明", True), ("李强", True)]),
        ("3. 张明和李强取消", [("张明", True), ("李强", True)]),
        ("3. 张明 李强 晚到", [("张明", False), ("李强", False)]),
    ],
)
def test_who_stand_in_one_line_that_says_not_coming_do_not_come(text: str, people: list[tuple[str, bool]]) -> None:
    chain = read_chain(f"#接龙\n登山\n{text}", called=CALLED)
    assert chain is not None
    assert [(line.name, line.out) for line in chain.lines] == people


@pytest.mark.parametrize(
    ("text", "number"),
    [("12. 张明", 12), ("⑫张明", 12), ("十二、张明", 12), ("十、张明", 10), ("二十、张明", 20), ("(7)张明", 7)],
)
def test_the_number_before_a_line(text: str, number: int) -> None:
    chain = read_chain(f"#接龙\n登山\n{text}")
    assert chain is not None
    assert chain.lines[0].number == number


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("#接龙 周五打球\n1张明", "周五打球"),
        ("#接龍\n打球\n1.张明", "打球"),
        ("打球接龙\n1.张明", "打球"),
        ("党费接龙\n1. 张明 75", "党费"),
        ("#接龙\n1.张明", ""),
        ("#接龙\n1.张明\n大家快点", ""),
    ],
)
def test_what_a_chain_is_about(text: str, subject: str) -> None:
    chain = read_chain(text)
    assert chain is not None
    assert chain.subject == subject


@pytest.mark.parametrize(
    "text",
    ["", "接龙", "今天开会\n1. 讲安全\n2. 讲纪律", "接龙怎么用\n先复制再加", "中奖接龙中\n1. 张明", "#安全\n1. 戴帽"],
)
def test_what_is_no_chain(text: str) -> None:
    assert read_chain(text) is None


def test_in_an_answer_to_the_card_a_chain_needs_no_head() -> None:
    chain = read_chain("1. 张明\n2. 李强", headed=False)
    assert chain is not None
    assert [line.name for line in chain.lines] == ["张明", "李强"]


def test_names_behind_the_word() -> None:
    assert names_in("张明、李强 带1") == (Line(name="张明"), Line(name="李强", brings=1))
    assert names_in("张明 李强 带1", CALLED) == (Line(name="张明"), Line(name="李强", brings=1))
    assert names_in("张明 李强 带1") == (Line(name="张明", note="李强", brings=1),)


def test_money_and_daily_ticks_are_known() -> None:
    """DUE-20, AF-5."""
    assert [is_about_money(text) for text in ("收款", "七月党费", "周六登山")] == [True, True, False]
    assert [is_a_daily_tick(text) for text in ("打卡", "每日健康", "周六登山")] == [True, True, False]


def test_names_are_compared_without_spaces_case_and_title() -> None:
    assert len({folded(name) for name in ("张明", "张　明", "张 明", "张明同志")}) == 1
    assert folded("Li Qiang") == folded("liqiang")


@given(
    st.text(alphabet="张李王赵明强丽敏", min_size=2, max_size=4),
    st.integers(0, 20),
    st.sampled_from(["", "晚到", "家属", "「+2」"]),
    st.sampled_from(["", "（王丽代报）", " (signed up by Wang Li)"]),
)
def test_what_a_card_shows_says_the_same_when_it_is_copied(name: str, brings: int, note: str, by: str) -> None:
    chain = read_chain("#接龙 登山\n" + written(1, name, brings, note, by))
    assert chain is not None
    (line,) = chain.lines
    assert (line.name, line.brings or 0, line.note) == (name, brings, note)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_chain(text)
    read_chain(text, headed=False)
    read_single(text)
    names_in(text)
