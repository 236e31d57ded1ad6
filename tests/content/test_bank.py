"""The question bank by its rules: answers in every form people type, what cannot be asked, and files in both ways."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from msgspec.structs import replace

from content.answering import fills, is_right, read_choice
from content.bank import Difficulty, Item, ItemRevised, Kind, add_items, objection, revise_item, stem_key
from content.bank_pictures import compared, hashes, named_apart
from content.bank_sheets import Given, Sheet, read_sheet, without_taken
from content.decision import Decision, Refusal, Words, refused
from content.frontmatter import FILE_NAME
from content.gift import picture_names, read_gift, write_gift
from content.grid import Grid
from content.identifiers import ItemId, OrganisationId
from content.media import MediumKept
from tests.small_branch import NOON

HERE = OrganisationId("here")
GIVEN = Given(organisation=HERE, dated=date(2026, 7, 1), source="党章")
FOUR = ("甲", "乙", "丙", "丁")
HEAD = ("题型", "题干", "选项A", "选项B", "选项C", "答案", "解析", "出处", "标签", "难度")


def item(**more: object) -> Item:
    usual = Item(
        id=ItemId("i"),
        organisation=HERE,
        kind=Kind.SINGLE,
        stem="党的宗旨",
        options=FOUR,
        answer=("1",),
        tags=("党章",),
    )
    return replace(usual, **more)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        *(
            (text, "1")
            for text in ("A", "ａ", "a", "Ａ。", "（A）", "选A", "我选A", "答案是A", "答案:A", "A选项", "1", "１", "①")
        ),
        *((text, "1") for text in ("1️⃣", "一", "第一个", "1号", "甲", "「甲」", "A吧", "A!")),
        *(
            (text, "13")
            for text in ("AC", "ac", "A,C", "a c", "A、C", "Ａ Ｃ", "CA", "A和C", "1 3", "1、3", "13", "①③", "一、三")
        ),
        *((text, "1234") for text in ("ABCD", "全选", "1 2 3 4")),
        *((text, "5") for text in ("E", "5", "ｅ")),
        *((text, None) for text in ("你好", "不知道", "", "？", "。。。", "甲乙丙丁都有可能", "党章", "because of it")),
    ],
)
def test_an_answer_is_read_in_every_form_in_which_members_type_one(text: str, numbers: str | None) -> None:
    """I028 and the table of the chat: letters, digits, signs and wordings, alone or together."""
    assert read_choice(Kind.MULTIPLE, FOUR, text) == (tuple(numbers) if numbers else None)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        *(
            (text, "1")
            for text in (
                "对",
                "√",
                "✓",
                "✅",
                "正确",
                "正确。",
                "是",
                "T",
                "true",
                "y",
                "V",
                "1",
                "A",
                "对的！",
                "○"[:0] or "⭕",
            )
        ),
        *(
            (text, "2")
            for text in ("错", "×", "x", "Ｘ", "❌", "错误", "不对", "否", "F", "false", "n", "0", "2", "B", "错的")
        ),
        *((text, None) for text in ("不错", "对错", "嗯", "3", "也许", "AB")),
    ],
)
def test_a_statement_is_judged_in_every_form(text: str, verdict: str | None) -> None:
    assert read_choice(Kind.TRUE_FALSE, (), text) == ((verdict,) if verdict else None)


def test_a_number_that_is_the_wording_of_another_option_means_nothing_sure() -> None:
    assert read_choice(Kind.SINGLE, ("1", "3", "2"), "3") is None
    assert read_choice(Kind.SINGLE, ("1", "3", "2"), "C") == ("3",)
    assert read_choice(Kind.SINGLE, ("1921", "1949"), "1949") == ("2",)


def test_of_several_right_options_all_are_wanted() -> None:
    several = item(kind=Kind.MULTIPLE, answer=("1", "3"))
    assert [is_right(several, tuple(said)) for said in ("13", "31", "1", "123")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        *(
            (text, True)
            for text in (
                "为人民服务",
                "《为人民服务》",
                " 为人民 服务。",
                "答：为人民服务",
                "1921年",
                "１９２１",
                "3.5%",
            )
        ),
        *((text, False) for text in ("为人民", "1922", "35%", "", "答", "。")),
    ],
)
def test_a_blank_is_filled_whatever_signs_stand_around(text: str, right: bool) -> None:
    assert fills(item(kind=Kind.FILL_IN, options=(), answer=("为人民服务", "1921年", "1921", "3.5%")), text) is right


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"stem": ""}, "item.bad_stem"),
        ({"stem": "长" * 601}, "item.bad_stem"),
        ({"options": ("甲",)}, "item.number_of_options"),
        ({"options": tuple(f"{n}" for n in range(9))}, "item.number_of_options"),
        ({"options": ("甲", "甲")}, "item.option_twice"),
        ({"options": ("Ａ", "a")}, "item.option_twice"),
        ({"options": ("甲", "")}, "item.bad_option"),
        ({"answer": ()}, "item.no_answer"),
        ({"answer": ("5",)}, "item.answer_beyond"),
        ({"answer": ("0",)}, "item.answer_beyond"),
        ({"answer": ("1", "3")}, "item.one_answer_only"),
        ({"kind": Kind.TRUE_FALSE, "answer": ("3",)}, "item.answer_beyond"),
        ({"kind": Kind.FILL_IN, "answer": ()}, "item.no_answer"),
        ({"kind": Kind.FILL_IN, "answer": ("长" * 101,)}, "item.bad_accepted"),
        ({"source": "长" * 201}, "item.long_source"),
        ({"explanation": "长" * 1001}, "item.long_explanation"),
        ({"tags": ("长" * 101,)}, "item.bad_tags"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_reason(change: dict[str, object], why: str) -> None:
    found = objection(item(**change))
    assert found is not None
    assert found.words.key == why


def test_the_same_question_is_not_taken_twice_whatever_signs_it_has() -> None:
    one, other = item(stem="党的宗旨是（ ）。"), item(id=ItemId("j"), stem="党的宗旨是（　）")
    assert isinstance(add_items(HERE, [one, other], (), now=NOON), Refusal)
    assert isinstance(add_items(HERE, [one], {stem_key(other.stem)}, now=NOON), Refusal)
    assert isinstance(add_items(HERE, [one], (), now=NOON), Decision)


def test_figures_begin_anew_only_where_something_else_is_asked() -> None:
    def afresh(**change: object) -> bool:
        answer = revise_item(item(), item(**change), ())
        assert isinstance(answer, Decision)
        return bool(answer.facts[0].afresh)  # type: ignore[attr-defined]

    assert [afresh(answer=("2",)), afresh(stem="别的"), afresh(explanation="多写一句"), afresh(tags=())] == [
        True,
        True,
        False,
        False,
    ]
    assert isinstance(revise_item(item(revision=2), item(), ()), Refusal), "somebody was quicker"


def why(sheet: Sheet) -> dict[int, str]:
    found = {}
    for one in sheet.problems:
        reason, number = one.words.parameters["why"], one.words.parameters["row"]
        assert isinstance(number, int)
        assert isinstance(reason, tuple)
        assert isinstance(reason[0], Words)
        found[number] = reason[0].key
    return found


def test_each_trap_of_a_sheet_is_an_error_of_its_row_and_the_rest_is_taken() -> None:
    """The traps of question banks: a pair for one answer, a letter too far, verdicts of any kind, the same stem."""
    rows = (
        ("党支部题库",),
        HEAD,
        ("单选", "第一题", "甲", "乙", None, "A", "因为", None, "党章、宪法", "易"),
        ("单选题", "第二题", "甲", "乙", None, "AC", None, None, None, None),
        ("多选", "第三题", "甲", "乙", "丙", "A,C", None, "宪法", None, 3),
        ("单选", "第四题", "甲", "乙", None, "D", None, None, None, None),
        *(("判断", f"判断 {mark}", None, None, None, mark) for mark in ("对", "错", "√", "×", "正确", "错误", True)),
        ("填空", "填空 ____", None, None, None, "一九二一|1921", None, None, None, "难"),
        ("单选", "第一题。", "甲", "乙", None, "B"),
        ("问答", "谈谈体会", None, None, None, "略"),
        ("单选", "第五题", "甲", None, "丙", "A"),
        ("判断", "第六题", None, None, None, "也许"),
        (None, None, None, None, None, None),
        ("单选", "第七题", "甲", "乙", None, "A", None, None, None, "极难"),
    )
    sheet = read_sheet(Grid(rows=rows), GIVEN)
    assert [row.number for row in sheet.rows] == [3, 5, *range(7, 15)]
    assert why(sheet) == {
        4: "item.answer_beyond",
        6: "item.answer_beyond",
        15: "bank_file.same_as",
        16: "bank_file.no_kind",
        17: "bank_file.gap",
        18: "bank_file.no_answer",
        20: "bank_file.no_difficulty",
    }
    first, second = sheet.rows[0].item, sheet.rows[1].item
    assert (first.tags, first.difficulty, first.source, first.dated) == (
        ("党章", "宪法"),
        Difficulty.EASY,
        "党章",
        GIVEN.dated,
    )
    assert (second.answer, second.source, second.difficulty) == (("1", "3"), "宪法", Difficulty.HARD)
    verdicts = "".join(row.item.answer[0] for row in sheet.rows if row.item.kind is Kind.TRUE_FALSE)
    assert verdicts == "1212121"
    assert sheet.rows[-1].item.answer == ("一九二一", "1921")
    known = without_taken(sheet, {stem_key("第三题")})
    assert why(known)[5] == "item.duplicate"
    assert len(known.rows) == len(sheet.rows) - 1


def test_a_pair_for_one_answer_is_named() -> None:
    sheet = read_sheet(Grid(rows=(HEAD, ("单选", "题", "甲", "乙", "丙", "AC"))), GIVEN)
    assert why(sheet) == {2: "item.one_answer_only"}


def test_a_file_without_the_head_or_without_questions_says_so() -> None:
    assert [one.words.key for one in read_sheet(Grid(rows=(("姓名",),)), GIVEN).problems] == ["bank_file.no_head"]
    assert [one.words.key for one in read_sheet(Grid(rows=(HEAD,)), GIVEN).problems] == ["bank_file.empty"]
    assert [one.words.key for one in read_gift("// 只有注释\n", GIVEN).problems] == ["bank_file.empty"]


GIFT = r"""// 第一份
$CATEGORY: $course$/党章

::Q1:: 党的宗旨 {=为人民服务#对 ~发展#不对 ~a\=b}

// [tag:理论] [source:宪法\]] [difficulty:hard]
[html]每年评议一次 {T#错了#对了}

多选 {~%50%甲
~%50%乙

~%-100%丙####解析在此}

党成立于 {=1921年 =1921} 年。

数字 {#3:2}

配对 {=a -> b =c -> d}

论述 {}

没有括号

每年评议一次 {F}

坏 {甲}
"""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{" * 1_000_000, "bank_file.row"),
        ("{" + "a\n\n" * 100_000, "bank_file.row"),
        ("// " + "[tag:" * 199_000, "bank_file.empty"),
        ("// " + "[tag:\\" * 160_000, "bank_file.empty"),
    ],
    ids=["brackets", "empty lines", "notes", "escapes"],
)
def test_a_gift_text_that_leaves_a_million_things_open_is_read_once_through(text: str, problem: str) -> None:
    """A hang here would stop the bot beside the console: a search holds the interpreter until it ends."""
    assert [one.words.key for one in read_gift(text, GIVEN).problems] == [problem]


def test_gift_is_read_as_others_write_it_and_what_is_not_asked_here_is_named_by_its_line() -> None:
    sheet = read_gift(GIFT, GIVEN)
    read = [(row.number, row.item.kind, row.item.stem, row.item.options, row.item.answer) for row in sheet.rows]
    assert read == [
        (4, Kind.SINGLE, "党的宗旨", ("为人民服务", "发展", "a=b"), ("1",)),
        (7, Kind.TRUE_FALSE, "每年评议一次", (), ("1",)),
        (9, Kind.MULTIPLE, "多选", ("甲", "乙", "丙"), ("1", "2")),
        (14, Kind.FILL_IN, "党成立于 ____ 年。", (), ("1921年", "1921")),
    ]
    second = sheet.rows[1].item
    assert (second.tags, second.source, second.difficulty) == (("理论", "党章"), "宪法]", Difficulty.HARD)
    assert [row.item.explanation for row in sheet.rows] == ["对", "错了", "解析在此", ""]
    assert why(sheet) == {
        16: "bank_file.numeric",
        18: "bank_file.matching",
        20: "bank_file.essay",
        22: "bank_file.no_brackets",
        24: "bank_file.same_as",
        26: "bank_file.no_answers",
    }


TEXT = (
    some.text("甲乙丙 ab19~=#{}:\\/[]%\n", min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda text: bool(text) and not text.startswith(("%", "[", "->")) and "->" not in text)
)


@given(
    kind=some.sampled_from(Kind),
    stem=TEXT,
    options=some.lists(TEXT, min_size=2, max_size=8, unique_by=str.casefold),
    right=some.sets(some.integers(1, 2), min_size=1),
    explanation=TEXT | some.just(""),
    tags=some.lists(some.sampled_from(["党章", "a]b", "x\\y"]), unique=True),
)
@example(kind=Kind.SINGLE, stem="a\\", options=["b\\", "c\\"], right={1}, explanation="d\\", tags=[])
def test_what_is_written_as_gift_is_read_as_the_same(
    kind: Kind, stem: str, options: list[str], right: set[int], explanation: str, tags: list[str]
) -> None:
    several = tuple(str(number) for number in sorted(right))
    answer = {Kind.MULTIPLE: several, Kind.FILL_IN: tuple(options[:3])}.get(kind, several[:1])
    choices = tuple(options) if kind in (Kind.SINGLE, Kind.MULTIPLE) else ()
    one = Item(
        id=ItemId(""),
        organisation=HERE,
        kind=kind,
        stem=stem,
        options=choices,
        answer=answer,
        explanation=explanation,
        source="党章",
        dated=date(2026, 7, 1),
        tags=tuple(tags),
        difficulty=Difficulty.EASY,
    )
    sheet = read_gift(write_gift([one]), GIVEN)
    assert [row.item for row in sheet.rows] == [one], sheet.problems


VALVE = MediumKept(hash="ab" * 32, name="阀门.png", mimetype="image/png", data=b"png", width=4, height=3)
BROKEN = refused("picture.not_readable", field="media", name="坏.png")
PICTURED = replace(GIVEN, pictures={"阀门.png": VALVE, "坏.png": BROKEN})


def test_a_picture_is_found_by_its_name_and_each_mistake_with_it_is_an_error_of_its_row() -> None:
    """A file that did not come along, one that cannot be shown, and one that nobody has put into words."""
    rows = (
        (*HEAD, "图片", "图片说明"),
        *(("判断", f"题 {n}", *[None] * 3, "对", *[None] * 4, *cells) for n, cells in enumerate(PICTURE_CELLS)),
    )
    sheet = read_sheet(Grid(rows=rows), PICTURED)
    shown = [row.item.picture and (row.item.picture.hash, row.item.picture.alternative) for row in sheet.rows]
    assert shown == [(VALVE.hash, "半开的阀门"), (VALVE.hash, "从旁边看"), None]
    assert why(sheet) == {
        5: "bank_file.no_picture",
        6: "picture.not_readable",
        7: "item.no_alternative",
        8: "bank_file.alternative_alone",
        9: "item.no_alternative",
    }


PICTURE_CELLS = (
    ("阀门.PNG", "半开的阀门"),
    ("图片\\阀门.png", "从旁边看"),
    (None, None),
    ("泵.png", "一台泵"),
    ("坏.png", "看不清"),
    ("阀门.png", None),
    (None, "半开的阀门"),
    ("阀门.png", "长" * 201),
)


def test_in_gift_a_picture_stands_in_the_notes_above_its_question() -> None:
    text = "// [picture:阀门.png] [alternative:半开的 [阀\\]]\n开着吗 {T}\n\n// [picture:泵.png]\n转吗 {F}\n"
    sheet = read_gift(text, PICTURED)
    assert [row.item.picture for row in sheet.rows] == [VALVE.described("半开的 [阀]")]
    assert (why(sheet), picture_names(text)) == ({5: "bank_file.no_picture"}, ("阀门.png", "泵.png"))
    again = read_gift(write_gift(row.item for row in sheet.rows), PICTURED)
    assert [row.item for row in again.rows] == [row.item for row in sheet.rows]


def test_pictures_of_one_name_leave_under_names_of_their_own() -> None:
    mine, other = VALVE.described("一"), replace(VALVE, hash="cd" * 32, name="阀门.PNG").described("二")
    items = [item(picture=one) for one in (mine, other, mine)] + [item()]
    apart = named_apart(items, ["别的.md"])
    assert [one.picture and one.picture.name for one in apart] == ["阀门.png", "2-阀门.PNG", "阀门.png", None]
    assert named_apart([item(picture=mine)], ["阀门.png"])[0].picture == replace(mine, name="2-阀门.png")


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("Screenshot 10:20:30.png", "Screenshot 10 20 30.png"),
        ("..", "picture"),
        (".阀门.png", "阀门.png"),
        ("长" * 300 + ".png", "长" * 80),
        ("x" * 79 + ". y.png", "x" * 79),
        ("阀\u200b门.png", "阀门.png"),
    ],
)
def test_a_picture_is_kept_under_a_name_that_any_disk_and_any_pack_takes(named: str, kept: str) -> None:
    """Its own export names it so that it is found again, also where its name was kept before as it came."""
    text = f"// [picture:{named}] [alternative:阀门]\n开着吗 {{T}}\n"
    (row,) = read_gift(text, replace(GIVEN, pictures={compared(named): VALVE})).rows
    assert row.item.picture is not None
    assert row.item.picture.name == kept
    old = replace(row.item, picture=VALVE.described("阀门", named))
    for items in (named_apart([row.item]), named_apart([old]), named_apart([old], [kept])):
        (name,) = hashes(items)
        assert FILE_NAME.fullmatch(name)
        again = read_gift(write_gift(items), replace(GIVEN, pictures={compared(name): VALVE}))
        assert [one.item.picture and one.item.picture.name for one in again.rows] == [name]


def test_with_another_picture_something_else_is_asked_and_only_what_is_shown_is_kept() -> None:
    before, other = item(picture=VALVE.described("一")), replace(VALVE, hash="cd" * 32)
    for change, afresh in ((other.described("一"), True), (None, True), (VALVE.described("说得更细"), False)):
        answer = revise_item(before, item(picture=change), (), pictures=[other])
        assert isinstance(answer, Decision)
        *kept, fact = answer.facts
        assert isinstance(fact, ItemRevised)
        assert (fact.afresh, fact.item.asked_as, fact.item.revision) == (afresh, 2 if afresh else 1, 2)
        assert kept == ([other] if change is not None and change.hash == other.hash else [])
