"""What people say beside commands: that they have read it, are here, are done, want nothing more, or only call."""

from __future__ import annotations

import re

from bot.commands.plain import SIMPLIFIED, keyword, normalise
from bot.commands.vocabulary import REASONS

CARD_WORDS = ("1", "在")
"""In a reply to a card these mean: I am here."""

NOTE_WORDS = {
    **dict.fromkeys(("迟到", "晚到", "晚点到", "late"), "late"),
    **dict.fromkeys(("线上", "线上参加", "在线参加", "在线", "在線", "online"), "online"),
}
"""In a reply to a card these mean: I am here, and how."""

_LATE = re.compile(
    "我?(?:会|會|要|可能)?(?:晚到|迟到|晚点到)(?:[0-9一二三四五六七八九十]{1,3}(?:分钟|刻钟)|半小时|一会[儿兒]?|几分钟)?"
)

ACKNOWLEDGED = frozenset(
    (
        *("收到", "收到谢谢", "好的", "好的谢谢", "好", "嗯", "嗯嗯", "明白", "知道了", "了解", "谢谢", "辛苦了"),
        *("哦", "哦哦", "喔", "噢", "好吧", "好嘞", "行吧"),
        *("ok", "okay", "thanks", "thankyou", "gotit", "👌", "👍"),
    )
)
"""Said to the bot, these ask for nothing and are never answered."""

_THANKED = re.compile(
    "(?:收到|好的?|嗯+|明白|知道|了解)?[了啦]?(?:谢谢|謝謝|多谢|多謝|感谢|感謝|辛苦)(?:[您你]|大家)*[了啦哈呀啊]*"
    "|(?:收到|好的|明白|知道|了解)[了啦哈呀]+"
)

SKIPPED = frozenset("不说 不写 不填 不用 不用了 没有 没 跳过 算了 无 skip no none".split())  # noqa: SIM905
"""Said when something was asked back, these leave the answer out."""

_ASSENT = frozenset("好的 好 嗯 嗯嗯 ok okay".split())  # noqa: SIM905
_FINISHED = frozenset(
    "完成 完成了 已完成 已经完成 全部完成 办完了 办好了 已办好 做完了 做好了 done alldone finished completed".split()  # noqa: SIM905
)
DROPPED = frozenset(
    (
        *(
            "没事了",
            "没事儿了",
            "没事",
            "沒事了",
            "沒事",
            "不说了",
            "不說了",
            "不办了",
            "不求助了",
            "不提了",
            "不需要了",
        ),
        *("算了", "算了吧", "取消", "撤回", "cancel", "never mind", "nevermind", "forget it"),
    )
)
"""Said of what help was asked for, these say that it is needed no longer."""

_MISTAKEN = re.compile(
    r"(?:我|刚才|剛才|刚刚|剛剛)*[说說发發打点點][错錯]了?(?P<apart>[,，、。.!;\s]*)(?P<rest>.*)", re.DOTALL
)
"""Said first, this takes back what was said before: 说错了没事了."""

CALLED_OUT = frozenset(
    ("在吗", "在嗎", "在么", "在不在", "有人吗", "有人嗎", "你好", "您好", "hi", "hello", "are you there")
)
"""Said before one says what one wants, or to hear whether anybody has read it."""

_SESSION = re.compile(
    r"(?:(?:我?(?:参加|能来|来|去)|i (?:will )?come to )\s*)?"
    r"(?:第([一二三四1-4])场|([a-d1-4])场?|([1-4])\ufe0f?\u20e3?|session ([1-4]))",
    re.IGNORECASE,
)
_SESSIONS = {"1": 1, "a": 1, "一": 1, "2": 2, "b": 2, "二": 2, "3": 3, "c": 3, "三": 3, "4": 4, "d": 4, "四": 4}
VENUE_CODE = re.compile("[0-9]{6}")


def card_word(text: str) -> bool:
    """Tell whether a reply to a card says no more than: I am here."""
    return normalise(text) in CARD_WORDS


def is_venue_code(text: str) -> bool:
    """Tell whether a message is nothing but a code as it is shown where a meeting is held."""
    return VENUE_CODE.fullmatch(normalise(text)) is not None


def note_word(text: str) -> str | None:
    """Return what a reply to a card adds to being here, if it says no more than that."""
    plain = keyword(normalise(text))
    if _LATE.fullmatch(plain) is not None:
        return NOTE_WORDS["late"]
    return NOTE_WORDS.get(plain)


def session_in(text: str) -> int | None:
    """Return which session is named, and nothing else: ``1``, ``B``, ``第二场``, ``参加 2``, or a numbered key."""
    found = _SESSION.fullmatch(normalise(text).translate(SIMPLIFIED))
    if found is None:
        return None
    return _SESSIONS[next(one for one in found.groups() if one).casefold()]


def is_acknowledgement(text: str) -> bool:
    """Tell whether a message only says that another was seen."""
    plain = keyword(re.sub(r"[,.!、~\s]", "", normalise(text)))
    return plain in ACKNOWLEDGED or _THANKED.fullmatch(plain) is not None


def is_assent(text: str) -> bool:
    """Tell of an acknowledgement that it may as well say yes to what was asked."""
    return keyword(re.sub(r"[,.!、~\s]", "", normalise(text))) in _ASSENT


def says_finished(text: str) -> bool:
    """Tell whether a message says of a work no more than that it is done."""
    return keyword(re.sub(r"[,.!、~\s]", "", normalise(text))) in _FINISHED


def is_skipped(text: str) -> bool:
    """Tell whether a message declines to say what was asked back."""
    return keyword(normalise(text)) in SKIPPED


def is_dropped(text: str) -> bool:
    """Tell whether a message says no more than that help is needed no longer."""
    plain = normalise(text)
    found = _MISTAKEN.fullmatch(plain)
    return keyword(plain) in DROPPED or (found is not None and keyword(found["rest"]) in ("", *DROPPED))


def is_mistaken(text: str) -> bool:
    """Tell whether a message begins by saying that the one before it was a mistake."""
    found = _MISTAKEN.fullmatch(normalise(text))
    return found is not None and (bool(found["apart"]) or not found["rest"])


def is_called_out(text: str) -> bool:
    """Tell whether a message only calls, as people do before they say what they want."""
    return keyword(normalise(text).rstrip("?")) in CALLED_OUT


_POLITELY = re.compile(r"(?:可以|行|好|成|方便|ok)\s*[吗嗎么不]\s*\??$", re.IGNORECASE)
_ASKING = re.compile(r"请问|我想问|想问|怎么|怎样|如何|什么时候|几点|在哪|哪里", re.IGNORECASE)


def asks_back(text: str) -> bool:
    """Tell whether a message asks something, rather than answers; 值夜班，可以吗 only asks leave politely."""
    plain = normalise(text).translate(SIMPLIFIED)
    if _POLITELY.search(plain):
        return False
    return plain.endswith(("?", "吗", "嗎")) or _ASKING.match(plain) is not None


def is_bare_reason(text: str) -> bool:
    """Tell whether a message is nothing but a reason for leave."""
    return keyword(normalise(text)) in REASONS


_CHOICE = re.compile(r"(?:我|i)?\s*[要想就]?\s*(?:投|选|赞成|支持|同意|vote|choose)\s*\S.{0,40}", re.IGNORECASE)


def is_choice(text: str) -> bool:
    """Tell whether a message names whom somebody would choose, as 投张明 does."""
    return _CHOICE.fullmatch(normalise(text).translate(SIMPLIFIED)) is not None


_OFF = frozenset({"关", "关闭", "关掉", "结束", "停", "停止", "取消", "off", "end", "stop"})


def is_off(text: str) -> bool:
    """Tell whether somebody wants something to end, and says no more than that."""
    return keyword(normalise(text)) in _OFF
